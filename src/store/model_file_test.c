/* SPDX-License-Identifier: Apache-2.0
 *
 * Model and resume files: round trips, hashes, every changed byte refused, other formats and
 * versions refused by name, and failures that leave nothing behind.
 */
#include "store/store_test.h"
#include "store/model.h"
#include "store/state.h"

#include <math.h>
#include <stdint.h>

static const float test_weights[24] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
static const double test_scores[3] = {0.1, 0.2, 0.2}, test_maxima[2] = {3, 1};

static odd_status test_fill(struct oddi_model_file *f, bool backwards)
{
    const struct oddi_stored_calibration c = {test_scores, test_maxima, 3, 2};
    struct oddi_shape a = oddi_shape_make(4, 2, 3, 2, 2), b = oddi_shape_make(1, 5, 1, 1, 1);
    odd_status status = ODD_OK;
    TRY(oddi_model_file_set(f, "daad", "{\"threshold\":0.25}"));
    if (backwards)
        TRY(oddi_model_file_add(f, "enc.bias", ODDI_F32, &b, test_weights + 1));
    TRY(oddi_model_file_add(f, "enc.weight", ODDI_F32, &a, test_weights));
    if (!backwards)
        TRY(oddi_model_file_add(f, "enc.bias", ODDI_F32, &b, test_weights + 1));
    TRY(oddi_model_file_add_copy(f, "selftest.0.image", ODDI_U8, &b, "hello"));
    TRY(oddi_model_file_add_calibration(f, &c));
out:
    return status;
}

static odd_status test_write(struct odd_context *ctx, const char *path)
{
    struct oddi_model_file f;
    odd_status status = ODD_OK;
    oddi_model_file_init(&f, ctx);
    TRY(test_fill(&f, false));
    TRY(oddi_model_file_save(&f, path));
out:
    oddi_model_file_release(&f);
    return status;
}

static void round_trip(void **state)
{
    struct store_test_heap heap;
    struct odd_context *ctx = store_test_context(&heap);
    struct oddi_model_file f, g;
    struct oddi_hash128 before, after;
    struct oddi_stored_calibration c;
    char path[64];
    (void)state;
    store_test_path(path, "model");
    oddi_model_file_init(&f, ctx);
    assert_int_equal(oddi_model_file_save(&f, path), ODD_EINVAL);
    assert_int_equal(test_fill(&f, false), ODD_OK);
    assert_int_equal(oddi_model_file_weights_hash(&f, &before), ODD_OK);
    assert_int_equal(oddi_model_file_save(&f, path), ODD_OK);
    oddi_model_file_init(&g, ctx);
    assert_int_equal(oddi_model_file_load(&g, path), ODD_OK);
    assert_string_equal(g.method, "daad");
    assert_string_equal(g.json, "{\"threshold\":0.25}");
    assert_true(oddi_hash_equal(&f.tensors.digest, &g.tensors.digest));
    assert_int_equal(oddi_model_file_weights_hash(&g, &after), ODD_OK);
    assert_true(oddi_hash_equal(&before, &after));
    assert_int_equal(oddi_model_file_count(&g), 5);
    const struct oddi_stored *s = oddi_model_file_find(&g, "enc.weight");
    assert_non_null(s);
    assert_int_equal(s->shape.rank, 4);
    assert_int_equal(s->shape.dim[1], 3);
    assert_memory_equal(s->data, test_weights, sizeof(test_weights));
    assert_null(oddi_model_file_find(&g, "digest"));
    assert_int_equal(g.calibrations, 1);
    assert_int_equal(oddi_model_file_calibration(&g, 0, &c), ODD_OK);
    assert_int_equal(c.score_count, 3);
    assert_memory_equal(c.maxima, test_maxima, sizeof(test_maxima));
    assert_int_equal(oddi_model_file_calibration(&g, 1, &c), ODD_ENODATA);
    /* A loaded file may get a second calibration and go back under its own name. */
    c = (struct oddi_stored_calibration){test_scores, test_maxima, 2, 1};
    assert_int_equal(oddi_model_file_add_calibration(&g, &c), ODD_OK);
    assert_int_equal(oddi_model_file_save(&g, path), ODD_OK);
    oddi_model_file_release(&g);
    oddi_model_file_init(&g, ctx);
    assert_int_equal(oddi_model_file_load(&g, path), ODD_OK);
    assert_int_equal(g.calibrations, 2);
    assert_int_equal(oddi_model_file_weights_hash(&g, &after), ODD_OK);
    assert_true(oddi_hash_equal(&before, &after));
    assert_false(oddi_hash_equal(&f.tensors.digest, &g.tensors.digest));
    oddi_model_file_release(&g);
    oddi_model_file_release(&f);
    oddi_os_unlink(path);
    odd_context_free(ctx);
    assert_int_equal(heap.live, 0);
}

static void order_of_adding_changes_nothing(void **state)
{
    struct store_test_heap heap;
    struct odd_context *ctx = store_test_context(&heap);
    struct oddi_hash128 digest[2], hash[3];
    char path[64];
    (void)state;
    store_test_path(path, "order");
    for (int i = 0; i < 2; i++) {
        struct oddi_model_file f;
        oddi_model_file_init(&f, ctx);
        assert_int_equal(test_fill(&f, i == 1), ODD_OK);
        assert_int_equal(oddi_model_file_save(&f, path), ODD_OK);
        digest[i] = f.tensors.digest;
        assert_int_equal(oddi_model_file_weights_hash(&f, &hash[i]), ODD_OK);
        struct oddi_shape one = oddi_shape_make(0, 1, 1, 1, 1);
        assert_int_equal(oddi_model_file_add(&f, "more", ODDI_F32, &one, test_weights), ODD_OK);
        assert_int_equal(oddi_model_file_weights_hash(&f, &hash[2]), ODD_OK);
        assert_false(oddi_hash_equal(&hash[i], &hash[2]));
        oddi_model_file_release(&f);
    }
    assert_true(oddi_hash_equal(&digest[0], &digest[1]));
    assert_true(oddi_hash_equal(&hash[0], &hash[1]));
    oddi_os_unlink(path);
    odd_context_free(ctx);
}

static void any_changed_bit_is_refused(void **state)
{
    struct store_test_heap heap;
    struct odd_context *ctx = store_test_context(&heap);
    struct oddi_model_file f;
    char path[64];
    size_t size;
    (void)state;
    assert_int_equal(test_write(ctx, store_test_path(path, "flip")), ODD_OK);
    unsigned char *file = store_test_read(ctx, path, &size);
    unsigned char *copy = oddi_alloc_aligned(ctx, size);
    memcpy(copy, file, size);
    oddi_model_file_init(&f, ctx);
    assert_int_equal(oddi_model_file_load_memory(&f, copy, size, "m"), ODD_OK);
    oddi_model_file_release(&f);
    for (size_t i = 0; i < 400; i++) {
        /* 400 places spread over the whole file, every bit in turn */
        size_t at = i * (size - 1) / 399;
        copy[at] ^= (unsigned char)(1u << i % 8);
        oddi_model_file_init(&f, ctx);
        odd_status status = oddi_model_file_load_memory(&f, copy, size, "m.safetensors");
        if (status != ODD_EFORMAT && status != ODD_EVERSION && status != ODD_ELIMIT)
            fail_msg("a flipped bit at byte %zu: %s", at, odd_status_name(status));
        assert_non_null(strstr(odd_last_message(ctx), "m.safetensors"));
        assert_int_equal(oddi_model_file_count(&f), 0);
        oddi_model_file_release(&f);
        copy[at] = file[at];
    }
    oddi_free_aligned(ctx, copy);
    oddi_free(ctx, file);
    oddi_os_unlink(path);
    odd_context_free(ctx);
    assert_int_equal(heap.live, 0);
}

/* Writes a container of any metadata through the plain writer. */
static void test_other(struct odd_context *ctx, const char *path, const char *format,
                       const char *version, const char *json)
{
    struct oddi_st_writer w;
    struct oddi_hash128 digest;
    oddi_st_writer_init(&w, ctx);
    assert_int_equal(oddi_st_writer_meta(&w, "format", format), ODD_OK);
    assert_int_equal(oddi_st_writer_meta(&w, "format_version", version), ODD_OK);
    assert_int_equal(oddi_st_writer_meta(&w, "method", "x"), ODD_OK);
    if (json != NULL)
        assert_int_equal(oddi_st_writer_meta(&w, "oddity", json), ODD_OK);
    assert_int_equal(oddi_st_writer_save(&w, path, &digest), ODD_OK);
    oddi_st_writer_release(&w);
}

static void other_files_are_refused_by_name(void **state)
{
    static const struct {
        const char *format, *version, *json, *says;
        odd_status status;
    } rows[] = {
        {"oddity", "1", "{}", "", ODD_OK},
        {"oddity", "2", "{}", "'2'", ODD_EVERSION},
        {"pt", "1", "{}", "'pt'", ODD_EFORMAT},
        {"oddity-state", "1", "{}", "'oddity-state'", ODD_EFORMAT},
        {"oddity", "1", NULL, "'oddity'", ODD_EFORMAT},
        {"oddity", "1", "[]", "object", ODD_EFORMAT},
        {"oddity", "1", "{", "", ODD_EFORMAT},
    };
    struct store_test_heap heap;
    struct odd_context *ctx = store_test_context(&heap);
    char path[64];
    (void)state;
    store_test_path(path, "other");
    for (size_t i = 0; i < ODDI_COUNT(rows); i++) {
        struct oddi_model_file f;
        test_other(ctx, path, rows[i].format, rows[i].version, rows[i].json);
        oddi_model_file_init(&f, ctx);
        assert_int_equal(oddi_model_file_load(&f, path), rows[i].status);
        if (rows[i].status != ODD_OK) {
            assert_non_null(strstr(odd_last_message(ctx), rows[i].says));
            assert_non_null(strstr(odd_last_message(ctx), path));
        }
        oddi_model_file_release(&f);
    }
    oddi_os_unlink(path);
    odd_context_free(ctx);
    assert_int_equal(heap.live, 0);
}

static void nonsense_is_not_stored(void **state)
{
    static const double falling[2] = {2, 1}, endless[1] = {INFINITY};
    struct store_test_heap heap;
    struct odd_context *ctx = store_test_context(&heap);
    struct oddi_model_file f;
    struct oddi_shape one = oddi_shape_make(1, 1, 1, 1, 1), none = oddi_shape_make(1, 0, 1, 1, 1);
    struct oddi_stored_calibration c = {falling, test_maxima, 2, 2};
    (void)state;
    oddi_model_file_init(&f, ctx);
    assert_int_equal(oddi_model_file_set(&f, "daad", "[1]"), ODD_EINVAL);
    assert_int_not_equal(oddi_model_file_set(&f, "daad", "{"), ODD_OK);
    assert_int_equal(oddi_model_file_add(&f, "digest", ODDI_F32, &one, test_weights), ODD_EINVAL);
    assert_int_equal(oddi_model_file_add(&f, "", ODDI_F32, &one, test_weights), ODD_EINVAL);
    assert_int_equal(oddi_model_file_add(&f, "a", ODDI_F32, &none, test_weights), ODD_ESHAPE);
    assert_int_equal(oddi_model_file_add_calibration(&f, &c), ODD_EINVAL);
    c = (struct oddi_stored_calibration){endless, test_maxima, 1, 2};
    assert_int_equal(oddi_model_file_add_calibration(&f, &c), ODD_EINVAL);
    c = (struct oddi_stored_calibration){test_scores, test_maxima, 0, 2};
    assert_int_equal(oddi_model_file_add_calibration(&f, &c), ODD_EINVAL);
    assert_int_equal(oddi_model_file_count(&f), 0);
    oddi_model_file_release(&f);
    odd_context_free(ctx);
    assert_int_equal(heap.live, 0);
}

static void malformed_calibrations_are_refused(void **state)
{
    static const double falling[2] = {2, 1};
    static const char *const names[][2] = {{"calibration.0.scores", "calibration.0.maxima"},
                                           {"calibration.1.scores", "calibration.1.maxima"},
                                           {"calibration.0.scores", "other"}};
    struct store_test_heap heap;
    struct odd_context *ctx = store_test_context(&heap);
    struct oddi_shape two = oddi_shape_make(1, 2, 1, 1, 1);
    char path[64];
    (void)state;
    store_test_path(path, "cal");
    for (size_t i = 0; i < ODDI_COUNT(names); i++) {
        struct oddi_model_file f;
        oddi_model_file_init(&f, ctx);
        assert_int_equal(oddi_model_file_set(&f, "x", "{}"), ODD_OK);
        for (int k = 0; k < 2; k++)
            assert_int_equal(oddi_model_file_add(&f, names[i][k], ODDI_F64, &two, falling),
                             ODD_OK);
        assert_int_equal(oddi_model_file_save(&f, path), ODD_OK);
        oddi_model_file_release(&f);
        oddi_model_file_init(&f, ctx);
        assert_int_equal(oddi_model_file_load(&f, path), ODD_EFORMAT);
        assert_non_null(strstr(odd_last_message(ctx), "calibration"));
        oddi_model_file_release(&f);
    }
    oddi_os_unlink(path);
    odd_context_free(ctx);
    assert_int_equal(heap.live, 0);
}

static void states_come_back(void **state)
{
    static const int64_t step = 12345;
    struct store_test_heap heap;
    struct odd_context *ctx = store_test_context(&heap);
    struct oddi_state_file f;
    struct oddi_shape scalar = oddi_shape_make(0, 1, 1, 1, 1);
    struct oddi_shape many = oddi_shape_make(1, 3, 1, 1, 1);
    int64_t found = 0;
    double scores[3];
    char path[64];
    (void)state;
    store_test_path(path, "state");
    oddi_state_file_init(&f, ctx);
    assert_int_equal(oddi_state_file_set(&f, "{\"epoch\":2}"), ODD_OK);
    assert_int_equal(oddi_state_file_add(&f, "step", ODDI_I64, &scalar, &step), ODD_OK);
    assert_int_equal(oddi_state_file_add(&f, "scores", ODDI_F64, &many, test_scores), ODD_OK);
    assert_int_equal(oddi_state_file_save(&f, path), ODD_OK);
    oddi_state_file_release(&f);
    oddi_state_file_init(&f, ctx);
    assert_int_equal(oddi_state_file_load(&f, path), ODD_OK);
    assert_string_equal(f.json, "{\"epoch\":2}");
    assert_int_equal(oddi_state_file_get(&f, "step", ODDI_I64, &scalar, &found), ODD_OK);
    assert_int_equal(found, step);
    assert_int_equal(oddi_state_file_get(&f, "scores", ODDI_F64, &many, scores), ODD_OK);
    assert_memory_equal(scores, test_scores, sizeof(scores));
    assert_int_equal(oddi_state_file_get(&f, "scores", ODDI_F64, &scalar, scores), ODD_EFORMAT);
    assert_int_equal(oddi_state_file_get(&f, "scores", ODDI_F32, &many, scores), ODD_EFORMAT);
    assert_int_equal(oddi_state_file_get(&f, "none", ODDI_F32, &many, scores), ODD_EFORMAT);
    assert_non_null(strstr(odd_last_message(ctx), "none"));
    oddi_state_file_release(&f);
    oddi_os_unlink(path);
    odd_context_free(ctx);
    assert_int_equal(heap.live, 0);
}

static void every_allocation_may_fail(void **state)
{
    struct store_test_heap heap;
    struct odd_context *ctx = store_test_context(&heap);
    struct oddi_hash128 hash;
    char path[64];
    bool done = false;
    (void)state;
    store_test_path(path, "oom");
    int live = heap.live;
    for (int n = 1; !done; n++) {
        struct oddi_model_file f;
        oddi_model_file_init(&f, ctx);
        heap.fail_at = n;
        odd_status status = test_write(ctx, path);
        if (status == ODD_OK)
            status = oddi_model_file_load(&f, path);
        if (status == ODD_OK)
            status = oddi_model_file_weights_hash(&f, &hash);
        done = status == ODD_OK && heap.fail_at > 0;
        heap.fail_at = 0;
        if (status != ODD_OK)
            assert_int_equal(status, ODD_ENOMEM);
        oddi_model_file_release(&f);
        assert_int_equal(heap.live, live);
    }
    oddi_os_unlink(path);
    odd_context_free(ctx);
}

static void every_system_call_may_fail(void **state)
{
    struct store_test_heap heap;
    struct odd_context *ctx = store_test_context(&heap);
    char path[64];
    bool done = false;
    (void)state;
    store_test_path(path, "io");
    assert_int_equal(test_write(ctx, path), ODD_OK);
    for (int n = 1; !done; n++) {
        struct oddi_model_file f;
        oddi_model_file_init(&f, ctx);
        oddi_os_fail_at(n, 28 /* ENOSPC */);
        odd_status status = test_write(ctx, path);
        if (status == ODD_OK)
            status = oddi_model_file_load(&f, path);
        done = oddi_os_calls() < n;
        oddi_os_fail_at(0, 0);
        if (done)
            assert_int_equal(status, ODD_OK);
        oddi_model_file_release(&f);
        oddi_model_file_init(&f, ctx);
        assert_int_equal(oddi_model_file_load(&f, path), ODD_OK);
        oddi_model_file_release(&f);
        assert_true(n < 100);
    }
    oddi_os_unlink(path);
    odd_context_free(ctx);
    assert_int_equal(heap.live, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip),
        cmocka_unit_test(order_of_adding_changes_nothing),
        cmocka_unit_test(any_changed_bit_is_refused),
        cmocka_unit_test(other_files_are_refused_by_name),
        cmocka_unit_test(nonsense_is_not_stored),
        cmocka_unit_test(malformed_calibrations_are_refused),
        cmocka_unit_test(states_come_back),
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(every_system_call_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
