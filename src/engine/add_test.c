/* SPDX-License-Identifier: Apache-2.0
 *
 * More pictures for a model in use, over a bank with an expert of random weights: what is new, what
 * is refused, where pictures go, what follows in the file; the same bits for any threads; the old
 * file stays whole whatever fails.
 */
#include "engine/support_test.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/os.h"
#include "base/str.h"
#include "engine/kept.h"
#include "engine/seen.h"
#include "../tests/support/fault_alloc.h"

#define ADD_MODEL "method=bank size=64 hold-out=12 coreset-count=300 taps=4,8 "

static void add_begin(struct testing *t, const char *name, const char *settings)
{
    char all[1024];
    struct odd_dataset *ds = NULL;
    testing_init(t, name);
    engine_synth(t, "set", 24);
    engine_synth(t, "more", 44); /* the first 24 are the same pictures */
    engine_expert(t, "squeezenet1_1", "expert", &(struct engine_fake){.prefix = ""});
    snprintf(all, sizeof(all), "%s%s expert=%s", ADD_MODEL, settings, testing_path(t, "expert"));
    struct odd_options *o = engine_options(t, all);
    assert_int_equal(odd_dataset_open(t->ctx, testing_path(t, "set"), o, &ds), ODD_OK);
    if (odd_train(t->ctx, ds, o, testing_path(t, "model"), NULL) != ODD_OK)
        fail_msg("training: %s", odd_last_message(t->ctx));
    odd_dataset_free(ds);
    odd_options_free(o);
}

static odd_status add(struct testing *t, const char *model, const char *normals, const char *out,
                      const char *settings, json_t **report)
{
    char from[512], pictures[512], to[512], *text = NULL;
    snprintf(from, sizeof(from), "%s", testing_path(t, model));
    snprintf(pictures, sizeof(pictures), "%s", testing_path(t, normals));
    snprintf(to, sizeof(to), "%s", testing_path(t, out));
    const char *const list[] = {pictures, NULL};
    struct odd_options *o = engine_options(t, settings);
    const odd_status status = odd_add(t->ctx, from, list, o, to, &text);
    odd_options_free(o);
    assert_true((text != NULL) == (status == ODD_OK || status == ODD_EANOMALOUS));
    if (report && text)
        *report = engine_json(t, text);
    else
        odd_text_free(t->ctx, text);
    return status;
}

static json_t *add_well(struct testing *t, const char *model, const char *normals, const char *out,
                        const char *settings)
{
    json_t *report = NULL;
    if (add(t, model, normals, out, settings, &report) != ODD_OK)
        fail_msg("adding with '%s': %s", settings, odd_last_message(t->ctx));
    return report;
}

static size_t length(const json_t *report, const char *key)
{
    return json_array_size(engine_at(report, key));
}

static void test_adds(void **unused)
{
    struct testing t;
    size_t n = 0;
    (void)unused;
    add_begin(&t, "add_adds", "");
    json_t *report = add_well(&t, "model", "more", "new", "force=true");
    assert_int_equal(length(report, "seen"), 24);
    assert_true(engine_number(report, "n_new") == 20);
    assert_true(engine_number(report, "n_bank") == 16);
    assert_true(engine_number(report, "n_added_calibrate") == 4);
    assert_true(engine_number(report, "n_rescored") == 6);
    assert_true(engine_number(report, "n_not_rescored") == 0);
    assert_true(engine_number(report, "n_calibrate") == 10);
    struct odd_model *old = engine_load(&t, "model"), *m = engine_load(&t, "new");
    assert_int_equal(odd_model_verify(t.ctx, m, NULL), ODD_OK);
    assert_int_equal(m->file.calibrations, 2);
    assert_memory_equal(&m->spread, &old->spread, sizeof(m->spread));
    oddi_seen_part(&m->file, "seen.train", &n);
    assert_int_equal(n, 12 + 16);
    char digest[ODDI_HASH_TEXT];
    oddi_hash_format(&old->file.tensors.digest, digest);
    const json_t *history = json_object_get(m->json, "history");
    assert_int_equal(json_array_size(history), 1);
    assert_string_equal(engine_text(json_array_get(history, 0), "predecessor"), digest);
    assert_string_equal(engine_text(report, "predecessor"), digest);
    assert_true(engine_number(m->json, "data.n_train") == 28);
    /* Rows know their pictures, the new ones' too. */
    const struct oddi_stored *picture = oddi_model_file_find(&m->file, "fit.picture"),
                             *cell = oddi_model_file_find(&m->file, "fit.cell");
    int fresh = 0;
    assert_int_equal(picture->shape.dim[0], 300);
    for (int64_t i = 0; i < 300; i++) {
        assert_in_range(((const int64_t *)picture->data)[i], 0, 27);
        assert_in_range(((const int64_t *)cell->data)[i], 0, 15 * 15 - 1);
        fresh += ((const int64_t *)picture->data)[i] >= 12;
    }
    assert_true(fresh > 30 && fresh < 270);
    odd_model_free(old);
    odd_model_free(m);
    json_decref(report);
    testing_release(&t);
}

/* What the graph says of a calibrate picture and what its kept rows say differ by f16 alone, and
 * with the same bank the decision is the same. */
static void test_kept_rows(void **unused)
{
    struct testing t;
    struct oddi_kept k;
    (void)unused;
    for (int tiled = 0; tiled < 2; tiled++) {
        add_begin(&t, "add_kept", tiled ? "tile-scale=3" : "");
        struct odd_model *m = engine_load(&t, "model");
        oddi_kept_init(&k, t.ctx, &m->config.values);
        assert_int_equal(oddi_kept_load(&k, m), ODD_OK);
        assert_int_equal(k.count, 6);
        assert_int_equal(k.places, 6);
        double before[6];
        memcpy(before, k.number[ODDI_KEPT_SCORE], sizeof(before));
        assert_int_equal(oddi_kept_rescore(&k, m), ODD_OK);
        for (int i = 0; i < 6; i++)
            assert_true(fabs(k.number[ODDI_KEPT_SCORE][i] / before[i] - 1.0) < 2e-3);
        oddi_kept_release(&k);
        odd_model_free(m);
        testing_release(&t);
    }
}

static void test_refuses(void **unused)
{
    struct testing t;
    json_t *report = NULL;
    (void)unused;
    add_begin(&t, "add_refuses", "");
    engine_copy(&t, "model", "copy");
    assert_int_equal(oddi_make_folders(t.ctx, testing_path(&t, "odd")), ODD_OK);
    for (int i = 0; i < 6; i++) {
        char name[64];
        snprintf(name, sizeof(name), "odd/%d.tif", i);
        engine_tiff(&t, name, (struct engine_look){40, 30, 3, 8}, i); /* nothing like a weave */
    }
    assert_int_equal(add(&t, "model", "odd", "model", "", &report), ODD_EANOMALOUS);
    engine_assert_message(&t, "anomalous");
    assert_true(length(report, "anomalous") == 6);
    assert_true(json_is_false(engine_at(report, "written")));
    assert_true(engine_number(json_array_get(engine_at(report, "anomalous"), 0), "normalized") >
                0.5);
    json_decref(report);
    engine_assert_same_file(&t, "model", "copy");
    report = add_well(&t, "model", "odd", "model", "force=true");
    assert_true(json_is_true(engine_at(report, "written")));
    assert_true(length(report, "flips") >= 5); /* what is in the bank is normal now */
    json_decref(report);
    assert_int_equal(add(&t, "copy", "odd", "copy", "strength=3", NULL), ODD_ECONFIG);
    assert_int_equal(add(&t, "copy", "nowhere", "copy", "", NULL), ODD_EIO);
    assert_int_equal(add(&t, "nowhere", "odd", "copy", "", NULL), ODD_EIO);
    testing_release(&t);
}

static void test_nothing_new(void **unused)
{
    struct testing t;
    (void)unused;
    add_begin(&t, "add_nothing", "");
    engine_copy(&t, "model", "copy");
    json_t *report = add_well(&t, "model", "set", "model", "");
    assert_true(json_is_false(engine_at(report, "written")));
    assert_true(engine_number(report, "n_new") == 0);
    assert_true(engine_number(report, "threshold") == engine_number(report, "threshold_before"));
    json_decref(report);
    engine_assert_same_file(&t, "model", "copy");
    json_decref(add_well(&t, "model", "set", "other", ""));
    engine_assert_same_file(&t, "model", "other");
    testing_release(&t);
}

/* Threads change nothing; the same portions in the same order give the same file. */
static void test_bits(void **unused)
{
    struct testing t;
    (void)unused;
    add_begin(&t, "add_bits", "keep-pictures=true");
    engine_synth(&t, "first", 33);
    for (int threads = 1; threads <= 3; threads += 2) {
        assert_int_equal(odd_context_set_threads(t.ctx, threads), ODD_OK);
        json_decref(add_well(&t, "model", "first", threads == 1 ? "one" : "three", "force=true"));
        engine_copy(&t, threads == 1 ? "one" : "three", threads == 1 ? "one.2" : "three.2");
        json_decref(add_well(&t, threads == 1 ? "one.2" : "three.2", "more",
                             threads == 1 ? "one.2" : "three.2", "force=true"));
    }
    engine_assert_same_file(&t, "one", "three");
    engine_assert_same_file(&t, "one.2", "three.2");
    struct odd_model *m = engine_load(&t, "one.2");
    assert_int_equal(json_array_size(json_object_get(m->json, "history")), 2);
    assert_int_equal(m->file.calibrations, 3);
    size_t train = 0, calibrate = 0;
    oddi_seen_part(&m->file, "seen.train", &train);
    oddi_seen_part(&m->file, "seen.calibrate", &calibrate);
    assert_int_equal(train + calibrate, 12 + 6 + 20);
    assert_int_equal(calibrate, 6 + 4);
    assert_true(engine_number(m->json, "pictures.count") == (double)train);
    odd_model_free(m);
    testing_release(&t);
}

/* Without kept rows old scores stand. */
static void test_nothing_kept(void **unused)
{
    struct testing t;
    (void)unused;
    add_begin(&t, "add_unkept", "keep-mib=0");
    struct odd_model *m = engine_load(&t, "model");
    assert_null(oddi_model_file_find(&m->file, "keep.rows"));
    odd_model_free(m);
    json_t *report = add_well(&t, "model", "more", "new", "force=true");
    assert_true(engine_number(report, "n_rescored") == 0);
    assert_true(engine_number(report, "n_not_rescored") == 6);
    json_decref(report);
    testing_release(&t);
}

/* Groups stay together, one at a time is dealt out in the same share. */
static void test_split(void **unused)
{
    struct testing t;
    int calibrate = 0;
    (void)unused;
    add_begin(&t, "add_split", "");
    engine_copy(&t, "model", "grouped");
    json_t *report =
        add_well(&t, "grouped", "more/train/good", "grouped", "force=true group=([0-9])[.]png");
    assert_true(engine_number(report, "n_added_calibrate") == 4);
    json_decref(report);
    struct odd_model *m = engine_load(&t, "grouped");
    size_t n = 0;
    const struct oddi_hash128 *hash = oddi_seen_part(&m->file, "seen.calibrate", &n);
    assert_int_equal(n, 6 + 4);
    int lots[10] = {0};
    for (int i = 24; i < 44; i++) {
        char name[64];
        size_t size = 0;
        struct oddi_hash128 own;
        snprintf(name, sizeof(name), "more/train/good/%03d.png", i);
        unsigned char *file = engine_read(&t, name, &size);
        oddi_hash_bytes(file, size, &own);
        odd_text_free(t.ctx, (char *)file);
        for (size_t k = 6; k < n; k++)
            lots[i % 10] += oddi_hash_equal(&own, &hash[k]);
    }
    for (int i = 0; i < 10; i++)
        assert_true(lots[i] == 0 || lots[i] == 2);
    odd_model_free(m);
    for (int i = 24; i < 34; i++) {
        char name[64];
        snprintf(name, sizeof(name), "more/train/good/%03d.png", i);
        report = add_well(&t, "model", name, "model", "force=true");
        assert_true(engine_number(report, "n_new") == 1);
        calibrate += (int)engine_number(report, "n_added_calibrate");
        json_decref(report);
    }
    assert_int_equal(calibrate, 2);
    testing_release(&t);
}

static void test_other_methods(void **unused)
{
    struct testing t;
    (void)unused;
    testing_init(&t, "add_other");
    engine_synth(&t, "set", 24);
    engine_train_well(&t, "set", "model", "hold-out=12 method=daad ");
    assert_int_equal(add(&t, "model", "set", "model", "", NULL), ODD_ENOTSUP);
    engine_assert_message(&t, "oddity train");
    engine_assert_message(&t, "--method daad --preset small");
    engine_assert_message(&t, "--set items=10");
    testing_release(&t);
}

/* Kept rows, places, numbers that are not as they must be. */
static void test_hostile(void **unused)
{
    static const struct {
        const char *name;
        int kind; /* 0: left out, 1: shorter, 2: an impossible number */
    } cases[] = {{"keep.numbers", 0}, {"keep.numbers", 2}, {"keep.places", 0}, {"keep.places", 1},
                 {"keep.places", 2},  {"keep.rows", 0},    {"keep.rows", 1},   {"keep.rows", 2}};
    struct testing t;
    (void)unused;
    add_begin(&t, "add_hostile", "");
    for (size_t k = 0; k < ODDI_COUNT(cases); k++) {
        struct oddi_model_file from, to;
        oddi_model_file_init(&from, t.ctx);
        oddi_model_file_init(&to, t.ctx);
        assert_int_equal(oddi_model_file_load(&from, testing_path(&t, "model")), ODD_OK);
        void *changed = NULL;
        for (size_t i = 0; i < oddi_model_file_count(&from); i++) {
            struct oddi_stored x = *oddi_model_file_at(&from, i);
            if (strcmp(x.name, cases[k].name) == 0) {
                if (cases[k].kind == 0)
                    continue;
                changed = malloc(x.size);
                memcpy(changed, x.data, x.size);
                if (cases[k].kind == 1)
                    x.shape.dim[0]--;
                else
                    memset(changed, 0xff, 16);
                x.data = changed;
            }
            if (!oddi_starts_with(x.name, "calibration."))
                assert_int_equal(oddi_model_file_add(&to, x.name, x.type, &x.shape, x.data),
                                 ODD_OK);
        }
        struct oddi_stored_calibration c;
        assert_int_equal(oddi_model_file_calibration(&from, 0, &c), ODD_OK);
        assert_int_equal(oddi_model_file_add_calibration(&to, &c), ODD_OK);
        assert_int_equal(oddi_model_file_set(&to, from.method, from.json), ODD_OK);
        assert_int_equal(oddi_model_file_save(&to, testing_path(&t, "bad")), ODD_OK);
        if (add(&t, "bad", "more", "out", "force=true", NULL) != ODD_EFORMAT)
            fail_msg("%s, kind %d: %s", cases[k].name, cases[k].kind, odd_last_message(t.ctx));
        assert_false(engine_exists(&t, "out"));
        oddi_model_file_release(&to);
        oddi_model_file_release(&from);
        free(changed);
    }
    testing_release(&t);
}

/* ---- failures ------------------------------------------------------------------------------ */

struct add_world {
    struct testing t;
    char model[512], picture[512], other[512];
};

static void world_begin(struct add_world *w, const char *name)
{
    add_begin(&w->t, name, "size=32 taps=4 coreset-count=10");
    engine_copy(&w->t, "model", "copy");
    snprintf(w->model, sizeof(w->model), "%s", testing_path(&w->t, "model"));
    snprintf(w->picture, sizeof(w->picture), "%s", testing_path(&w->t, "more/train/good/030.png"));
    snprintf(w->other, sizeof(w->other), "%s", testing_path(&w->t, "more/train/good/031.png"));
}

/* In place: the old file, or the whole new one; no other file is left. */
static void world_check(struct add_world *w, odd_status status)
{
    struct odd_model *m = engine_load(&w->t, "model");
    const bool old = json_array_size(json_object_get(m->json, "history")) == 0;
    odd_model_free(m);
    if (status == ODD_OK)
        assert_false(old);
    if (old)
        engine_assert_same_file(&w->t, "model", "copy");
    assert_int_equal(engine_count_files(&w->t, "", "unchecked"), 0);
    assert_int_equal(engine_count_files(&w->t, "", ".oddity-"), 0);
    engine_copy(&w->t, "copy", "model");
}

static void test_out_of_memory(void **unused)
{
    struct add_world w;
    (void)unused;
    world_begin(&w, "add_memory");
    for (long n = 1;; n += 1 + n / 10) {
        struct fault_alloc fault;
        struct odd_options *o = NULL;
        char *text = NULL;
        const char *const list[] = {w.picture, w.other, NULL};
        fault_alloc_init(&fault);
        struct odd_context *ctx = fault_context(&fault);
        assert_int_equal(odd_options_new(ctx, &o), ODD_OK);
        assert_int_equal(odd_options_set(o, "force", "true"), ODD_OK);
        fault_alloc_arm(&fault, n);
        const odd_status status = odd_add(ctx, w.model, list, o, w.model, &text);
        const bool failed = fault_alloc_disarm(&fault);
        if (status != (failed ? ODD_ENOMEM : ODD_OK))
            fail_msg("allocation %ld: %s: %s", n, odd_status_text(status), odd_last_message(ctx));
        odd_text_free(ctx, text);
        odd_options_free(o);
        odd_context_free(ctx);
        assert_int_equal(fault.live, 0);
        world_check(&w, status);
        if (!failed)
            break;
    }
    testing_release(&w.t);
}

static void test_file_calls_fail(void **unused)
{
    struct add_world w;
    bool reached = true;
    (void)unused;
    world_begin(&w, "add_io");
    for (int n = 1; reached; n++) {
        const char *const list[] = {w.picture, w.other, NULL};
        struct odd_options *o = engine_options(&w.t, "force=true strict=true");
        oddi_os_fail_at(n, EIO);
        const odd_status status = odd_add(w.t.ctx, w.model, list, o, w.model, NULL);
        reached = oddi_os_calls() >= n;
        oddi_os_fail_at(0, 0);
        odd_options_free(o);
        if (status != ODD_OK && status != ODD_EIO && status != ODD_EFORMAT)
            fail_msg("file call %d: %s: %s", n, odd_status_text(status), odd_last_message(w.t.ctx));
        if (!reached)
            assert_int_equal(status, ODD_OK);
        world_check(&w, status);
    }
    testing_release(&w.t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_adds),
        cmocka_unit_test(test_kept_rows),
        cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_nothing_new),
        cmocka_unit_test(test_bits),
        cmocka_unit_test(test_nothing_kept),
        cmocka_unit_test(test_split),
        cmocka_unit_test(test_other_methods),
        cmocka_unit_test(test_hostile),
        cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_file_calls_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
