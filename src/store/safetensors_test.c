/* SPDX-License-Identifier: Apache-2.0
 *
 * The container format: what is written is what an independent parser of the published layout
 * expects, reads back equal, and everything malformed is refused with a message.
 */
#include "store/store_test.h"
#include "store/safetensors.h"

#include <math.h>
#include <stdint.h>

#include "base/json.h"

static const float test_floats[6] = {1.5f, -2.25f, 0, 3e30f, -0.0f, 1e-30f};
static const double test_doubles[2] = {0.1, -1e300};
static const unsigned char test_bytes[3] = {7, 8, 255};

static void test_add_all(struct oddi_st_writer *w, odd_status *status)
{
    const struct oddi_st_tensor all[] = {
        {.name = "b.bytes", .dtype = ODDI_ST_U8, .rank = 1, .dim = {3}, .data = test_bytes,
         .size = 3},
        {.name = "z \"quoted\"\n\xc3\xa9", .dtype = ODDI_ST_F32, .rank = 2, .dim = {2, 3},
         .data = (const unsigned char *)test_floats, .size = 24},
        {.name = "a.scalar", .dtype = ODDI_ST_F32, .data = (const unsigned char *)test_floats,
         .size = 4},
        {.name = "wide", .dtype = ODDI_ST_F64, .rank = 1, .dim = {2},
         .data = (const unsigned char *)test_doubles, .size = 16},
        {.name = "none", .dtype = ODDI_ST_F32, .rank = 2, .dim = {0, 4}, .size = 0},
    };
    *status = oddi_st_writer_meta(w, "format", "pt \"x\"");
    for (size_t i = 0; i < ODDI_COUNT(all) && *status == ODD_OK; i++)
        *status = oddi_st_writer_add(w, &all[i]);
}

static odd_status test_write(struct odd_context *ctx, const char *path,
                             struct oddi_hash128 *digest)
{
    struct oddi_st_writer w;
    odd_status status;
    oddi_st_writer_init(&w, ctx);
    test_add_all(&w, &status);
    if (status == ODD_OK)
        status = oddi_st_writer_save(&w, path, digest);
    oddi_st_writer_release(&w);
    return status;
}

static void round_trip(void **state)
{
    struct store_test_heap heap;
    struct odd_context *ctx = store_test_context(&heap);
    struct oddi_safetensors *st = NULL;
    char path[64];
    (void)state;
    assert_int_equal(test_write(ctx, store_test_path(path, "rt"), NULL), ODD_OK);
    assert_int_equal(oddi_safetensors_open(ctx, path, &st), ODD_OK);
    assert_int_equal(oddi_safetensors_count(st), 5);
    assert_string_equal(oddi_safetensors_at(st, 0)->name, "a.scalar");
    const struct oddi_st_tensor *t = oddi_safetensors_find(st, "z \"quoted\"\n\xc3\xa9");
    assert_non_null(t);
    assert_int_equal(t->dtype, ODDI_ST_F32);
    assert_int_equal(t->rank, 2);
    assert_int_equal(t->dim[1], 3);
    assert_memory_equal(t->data, test_floats, 24);
    assert_memory_equal(oddi_safetensors_find(st, "wide")->data, test_doubles, 16);
    assert_int_equal(oddi_safetensors_find(st, "none")->size, 0);
    assert_null(oddi_safetensors_find(st, "nothing"));
    assert_string_equal(oddi_safetensors_meta(st, "format"), "pt \"x\"");
    assert_null(oddi_safetensors_meta(st, "other"));
    struct oddi_hash128 digest;
    assert_int_equal(oddi_safetensors_check_digest(st, &digest), ODD_EFORMAT);
    oddi_safetensors_free(st);
    oddi_os_unlink(path);
    odd_context_free(ctx);
    assert_int_equal(heap.live, 0);
}

/* By the published layout: length, JSON, data; in order, tight, aligned. */
static void layout_is_the_published_one(void **state)
{
    static const char *const order[] = {"wide", "a.scalar", "none", "z \"quoted\"\n\xc3\xa9",
                                        "b.bytes", "digest"};
    struct store_test_heap heap;
    struct odd_context *ctx = store_test_context(&heap);
    struct oddi_hash128 digest, again;
    char path[64];
    size_t size, length = 0, at = 0;
    (void)state;
    assert_int_equal(test_write(ctx, store_test_path(path, "lay"), &digest), ODD_OK);
    unsigned char *file = store_test_read(ctx, path, &size);
    for (int i = 7; i >= 0; i--)
        length = length << 8 | file[i];
    assert_int_equal((8 + length) % 64, 0);
    json_t *header = json_loadb((char *)file + 8, length, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(header);
    assert_int_equal(json_object_size(header), 7);
    for (size_t i = 0; i < ODDI_COUNT(order); i++) {
        json_t *entry = json_object_get(header, order[i]);
        json_t *offsets = json_object_get(entry, "data_offsets");
        assert_int_equal(json_object_size(entry), 3);
        assert_int_equal(json_integer_value(json_array_get(offsets, 0)), at);
        at = (size_t)json_integer_value(json_array_get(offsets, 1));
    }
    assert_int_equal(8 + length + at, size);
    assert_int_equal(json_array_size(json_object_get(json_object_get(header, "a.scalar"),
                                                     "shape")), 0);
    json_decref(header);
    oddi_hash_bytes(file, size - 16, &again);
    assert_true(oddi_hash_equal(&digest, &again));
    unsigned char bytes[16];
    oddi_st_digest_bytes(&again, bytes);
    assert_memory_equal(file + size - 16, bytes, 16);
    oddi_free(ctx, file);
    oddi_os_unlink(path);
    odd_context_free(ctx);
}

static void any_truncation_is_refused(void **state)
{
    struct store_test_heap heap;
    struct odd_context *ctx = store_test_context(&heap);
    struct oddi_safetensors *st = NULL;
    struct oddi_hash128 digest;
    char path[64];
    size_t size;
    (void)state;
    assert_int_equal(test_write(ctx, store_test_path(path, "tr"), &digest), ODD_OK);
    unsigned char *file = store_test_read(ctx, path, &size);
    for (size_t n = 0; n < size; n++) {
        unsigned char *part = malloc(n + 1); /* its own block: a sanitizer sees a read beyond */
        assert_non_null(part);
        memcpy(part, file, n);
        assert_int_equal(oddi_safetensors_open_memory(ctx, part, n, "part", &st), ODD_EFORMAT);
        assert_null(st);
        assert_non_null(strstr(odd_last_message(ctx), "part"));
        free(part);
    }
    oddi_free(ctx, file);
    oddi_os_unlink(path);
    odd_context_free(ctx);
    assert_int_equal(heap.live, 0);
}

#define ENTRY(dtype, shape, from, to)                                                             \
    "{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":[" from "," to "]}"

static void malformed_headers_are_refused(void **state)
{
    static const struct {
        const char *header, *says;
        size_t data;
    } rows[] = {
        {"[]", "begin with", 0},
        {" {}", "begin with", 0},
        {"{", "", 0},
        {"{}", "1 bytes", 1},
        {"{\"a\":1}", "'a'", 0},
        {"{\"a\":" ENTRY("F32", "[1]", "0", "4") "}", "lie in", 3},
        {"{\"a\":" ENTRY("F32", "[1]", "0", "4") "}", "fill", 5},
        {"{\"a\":" ENTRY("F32", "[2]", "0", "4") "}", "needs 8", 4},
        {"{\"a\":" ENTRY("F32", "[1]", "4", "0") "}", "lie in", 4},
        {"{\"a\":" ENTRY("F32", "[1]", "-4", "0") "}", "lie in", 4},
        {"{\"a\":" ENTRY("F32", "[1]", "0", "9223372036854775808") "}", "", 4},
        {"{\"a\":" ENTRY("F32", "[1]", "0", "4.0") "}", "whole", 4},
        {"{\"a\":" ENTRY("Q4", "[1]", "0", "4") "}", "'Q4'", 4},
        {"{\"a\":" ENTRY("F32", "[-1]", "0", "4") "}", "whole", 4},
        {"{\"a\":" ENTRY("F32", "[1.0]", "0", "4") "}", "whole", 4},
        {"{\"a\":" ENTRY("F32", "4", "0", "4") "}", "shape", 4},
        {"{\"a\":" ENTRY("F32", "[4611686018427387904]", "0", "0") "}", "overflow", 0},
        {"{\"a\":" ENTRY("F32", "[4294967296,4294967296]", "0", "0") "}", "overflow", 0},
        {"{\"a\":" ENTRY("U8", "[1]", "0", "1") ",\"b\":" ENTRY("U8", "[1]", "2", "3") "}", "gap",
         3},
        {"{\"a\":" ENTRY("U8", "[1]", "1", "2") "}", "gap", 2},
        {"{\"a\":" ENTRY("U8", "[2]", "0", "2") ",\"b\":" ENTRY("U8", "[2]", "1", "3") "}",
         "overlap", 3},
        {"{\"a\":" ENTRY("U8", "[1]", "0", "1") ",\"a\":" ENTRY("U8", "[1]", "1", "2") "}", "", 2},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"offsets\":[0,1]}}", "data_offsets", 1},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1],\"x\":1}}", "described",
         1},
        {"{\"__metadata__\":{\"a\":1}}", "not text", 0},
        {"{\"__metadata__\":[]}", "object", 0},
        {"{\"__metadata__\":{\"a\":\"1\",\"a\":\"2\"}}", "", 0},
        {"{\"a\":" ENTRY("U8", "[1,1,1,1,1,1,1,1,1]", "0", "1") "}", "dimensions", 1},
        {"{\"\xff\":" ENTRY("U8", "[1]", "0", "1") "}", "", 1},
    };
    struct store_test_heap heap;
    struct odd_context *ctx = store_test_context(&heap);
    (void)state;
    for (size_t i = 0; i < ODDI_COUNT(rows); i++) {
        struct oddi_safetensors *st = NULL;
        unsigned char file[600] = {0};
        size_t length = strlen(rows[i].header);
        file[0] = (unsigned char)length;
        file[1] = (unsigned char)(length >> 8);
        memcpy(file + 8, rows[i].header, length);
        odd_status status =
            oddi_safetensors_open_memory(ctx, file, 8 + length + rows[i].data, "row", &st);
        if (status != ODD_EFORMAT && status != ODD_ELIMIT)
            fail_msg("row %zu: %s", i, rows[i].header);
        if (strstr(odd_last_message(ctx), rows[i].says) == NULL)
            fail_msg("row %zu: %s lacks '%s'", i, odd_last_message(ctx), rows[i].says);
        assert_null(st);
    }
    odd_context_free(ctx);
    assert_int_equal(heap.live, 0);
}

static void long_and_deep_headers_are_refused(void **state)
{
    enum { DEEP = 5000 };
    static unsigned char file[8 + 2 * DEEP + 10];
    struct store_test_heap heap;
    struct odd_context *ctx = store_test_context(&heap);
    struct oddi_safetensors *st = NULL;
    (void)state;
    memset(file, 0xff, 8);
    assert_int_equal(oddi_safetensors_open_memory(ctx, file, sizeof(file), "x", &st), ODD_EFORMAT);
    memset(file, 0, 8);
    size_t length = 5 + 2 * DEEP + 1;
    file[0] = (unsigned char)length;
    file[1] = (unsigned char)(length >> 8);
    memcpy(file + 8, "{\"a\":", 5);
    memset(file + 13, '[', DEEP);
    memset(file + 13 + DEEP, ']', DEEP);
    file[13 + 2 * DEEP] = '}';
    assert_int_not_equal(oddi_safetensors_open_memory(ctx, file, 8 + length, "x", &st), ODD_OK);
    assert_null(st);
    odd_context_free(ctx);
    assert_int_equal(heap.live, 0);
}

static void the_writer_refuses_nonsense(void **state)
{
    struct store_test_heap heap;
    struct odd_context *ctx = store_test_context(&heap);
    struct oddi_st_writer w;
    struct oddi_st_tensor t = {.name = "a", .dtype = ODDI_ST_U8, .rank = 1, .dim = {3},
                               .data = test_bytes, .size = 3};
    struct oddi_hash128 digest;
    char path[64];
    (void)state;
    store_test_path(path, "bad");
    oddi_st_writer_init(&w, ctx);
    t.size = 4;
    assert_int_equal(oddi_st_writer_add(&w, &t), ODD_EINVAL);
    t.size = 3;
    t.name = "\xc0\x80";
    assert_int_equal(oddi_st_writer_add(&w, &t), ODD_EINVAL);
    t.name = "__metadata__";
    assert_int_equal(oddi_st_writer_add(&w, &t), ODD_EINVAL);
    assert_int_equal(oddi_st_writer_meta(&w, "k", "\xed\xa0\x80"), ODD_EINVAL);
    assert_int_equal(oddi_st_writer_meta(&w, "k", "v"), ODD_OK);
    assert_int_equal(oddi_st_writer_meta(&w, "k", "w"), ODD_EINVAL);
    t.name = "digest";
    assert_int_equal(oddi_st_writer_add(&w, &t), ODD_OK);
    assert_int_equal(oddi_st_writer_save(&w, path, &digest), ODD_EINVAL);
    assert_int_equal(oddi_st_writer_add(&w, &t), ODD_OK);
    assert_int_equal(oddi_st_writer_save(&w, path, NULL), ODD_EINVAL);
    oddi_st_writer_release(&w);
    oddi_st_writer_release(&w);
    odd_context_free(ctx);
    assert_int_equal(heap.live, 0);
}

static void halves_become_floats(void **state)
{
    static const uint16_t half[7] = {0x3c00, 0xc000, 0x0001, 0x7bff, 0x7c00, 0x8000, 0x3555};
    static const float expected[7] = {1, -2, 0x1p-24f, 65504, INFINITY, -0.0f, 0x1.554p-2f};
    static const uint16_t brain[2] = {0x3f80, 0xc040};
    struct store_test_heap heap;
    struct odd_context *ctx = store_test_context(&heap);
    float values[7];
    struct oddi_st_tensor t = {.name = "h", .dtype = ODDI_ST_F16, .rank = 1, .dim = {7},
                               .data = (const unsigned char *)half, .size = sizeof(half)};
    (void)state;
    assert_int_equal(oddi_st_to_f32(ctx, &t, values), ODD_OK);
    assert_memory_equal(values, expected, sizeof(expected));
    t.dtype = ODDI_ST_BF16;
    t.data = (const unsigned char *)brain;
    t.size = sizeof(brain);
    assert_int_equal(oddi_st_to_f32(ctx, &t, values), ODD_OK);
    assert_true(values[0] == 1 && values[1] == -3);
    t.dtype = ODDI_ST_F64;
    t.data = (const unsigned char *)test_doubles;
    t.size = 8;
    assert_int_equal(oddi_st_to_f32(ctx, &t, values), ODD_OK);
    assert_true(values[0] == 0.1f);
    t.dtype = ODDI_ST_I64;
    assert_int_equal(oddi_st_to_f32(ctx, &t, values), ODD_ENOTSUP);
    odd_context_free(ctx);
}

static void every_allocation_may_fail(void **state)
{
    struct store_test_heap heap;
    struct odd_context *ctx = store_test_context(&heap);
    struct oddi_hash128 digest;
    char path[64];
    bool done = false;
    (void)state;
    store_test_path(path, "oom");
    int live = heap.live;
    for (int n = 1; !done; n++) {
        struct oddi_safetensors *st = NULL;
        heap.fail_at = n;
        odd_status status = test_write(ctx, path, &digest);
        if (status == ODD_OK)
            status = oddi_safetensors_open(ctx, path, &st);
        done = status == ODD_OK && heap.fail_at > 0;
        heap.fail_at = 0;
        if (status != ODD_OK)
            assert_int_equal(status, ODD_ENOMEM);
        oddi_safetensors_free(st);
        assert_int_equal(heap.live, live);
        assert_int_equal(store_test_leftovers(path), 0);
    }
    oddi_os_unlink(path);
    odd_context_free(ctx);
}

static void every_system_call_may_fail(void **state)
{
    struct store_test_heap heap;
    struct odd_context *ctx = store_test_context(&heap);
    struct oddi_hash128 digest;
    char path[64];
    (void)state;
    store_test_path(path, "io");
    assert_int_equal(test_write(ctx, path, &digest), ODD_OK);
    int live = heap.live, calls = 1;
    for (int n = 1; n <= calls; n++) {
        struct oddi_safetensors *st = NULL;
        oddi_os_fail_at(n, 5 /* EIO */);
        odd_status status = test_write(ctx, path, &digest);
        if (status == ODD_OK)
            status = oddi_safetensors_open(ctx, path, &st);
        calls = n == 1 ? 100 : calls;
        if (oddi_os_calls() < n)
            calls = n; /* the failure was never reached: all were tried */
        oddi_os_fail_at(0, 0);
        oddi_safetensors_free(st);
        st = NULL;
        /* Whatever failed, a whole file lies under the name. */
        assert_int_equal(oddi_safetensors_open(ctx, path, &st), ODD_OK);
        assert_int_equal(oddi_safetensors_check_digest(st, &digest), ODD_OK);
        oddi_safetensors_free(st);
        assert_int_equal(heap.live, live);
    }
    assert_in_range(calls, 4, 99);
    oddi_os_unlink(path);
    odd_context_free(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip),
        cmocka_unit_test(layout_is_the_published_one),
        cmocka_unit_test(any_truncation_is_refused),
        cmocka_unit_test(malformed_headers_are_refused),
        cmocka_unit_test(long_and_deep_headers_are_refused),
        cmocka_unit_test(the_writer_refuses_nonsense),
        cmocka_unit_test(halves_become_floats),
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(every_system_call_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
