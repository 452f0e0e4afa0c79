/* SPDX-License-Identifier: Apache-2.0
 *
 * Evaluations: hand-made scores and maps against numbers counted here, pictures that the model has
 * seen, pictures and masks that cannot be used, and answers that are undefined: null, never a
 * number that means nothing.
 */
#include "engine/support_test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "image/image.h"

/* Every number of an answer is finite, or null. */
static int nulls(const json_t *json)
{
    const char *key;
    json_t *value;
    size_t i;
    int n = json_is_null(json);
    if (json_is_real(json))
        assert_true(isfinite(json_real_value(json)));
    json_object_foreach((json_t *)json, key, value) n += nulls(value);
    json_array_foreach((json_t *)json, i, value) n += nulls(value);
    return n;
}

static bool named(const json_t *list, const char *name, const char *reason)
{
    const json_t *one;
    size_t i;
    json_array_foreach((json_t *)list, i, one)
    {
        const bool text = json_is_string(one);
        if (strstr(text ? json_string_value(one) : engine_text(one, "path"), name))
            return text || strstr(engine_text(one, "reason"), reason);
    }
    return false;
}

/* ---- another tool's scores ----------------------------------------------------------------- */

static odd_status scores(struct testing *t, const char *maps, const char *settings, json_t **report)
{
    struct odd_dataset *ds = NULL;
    struct odd_options *o = engine_options(t, settings);
    char *text = NULL;
    char folder[512];
    if (maps)
        snprintf(folder, sizeof(folder), "%s", testing_path(t, maps));
    assert_int_equal(odd_dataset_open(t->ctx, testing_path(t, "set"), o, &ds), ODD_OK);
    const odd_status status =
        odd_eval_scores(t->ctx, testing_path(t, "scores.csv"), maps ? folder : NULL, ds, o, &text);
    if (status == ODD_OK)
        *report = engine_json(t, text);
    odd_dataset_free(ds);
    odd_options_free(o);
    return status;
}

/* Normal 000 to 003, spot 000 and 001, scratch 000 and 001. */
#define SCORES_HEAD "path,score\n"
#define SCORES_NORMAL                                                                              \
    "test/good/000.png,0.1\ntest/good/001.png,0.4\ntest/good/002.png,0.35\ntest/good/"             \
    "003.png,0.8\n"
#define SCORES_BAD                                                                                 \
    "test/spot/000.png,0.9\ntest/spot/001.png,0.4\ntest/scratch/000.png,2e1\ntest/scratch/"        \
    "001.png,0.2\n"

static void test_scores_against_counted_ones(void **unused)
{
    struct testing t;
    json_t *r = NULL;
    (void)unused;
    testing_init(&t, "scores");
    engine_synth(&t, "set", 20);
    testing_text(&t, "scores.csv", SCORES_HEAD SCORES_NORMAL SCORES_BAD);
    assert_int_equal(scores(&t, NULL, "resamples=200", &r), ODD_OK);
    /* 0.9 and 20 are above all 4; 0.4 above 2 and equal to 1; 0.2 above 1: 4 + 4 + 2.5 + 1 of 16.
     */
    assert_true(engine_number(r, "image.auroc") == 11.5 / 16);
    assert_true(engine_number(r, "by_type.spot.auroc") == 6.5 / 8);
    assert_true(engine_number(r, "by_type.scratch.auroc") == 5.0 / 8);
    assert_int_equal((int)engine_number(r, "n_normal"), 4);
    assert_int_equal((int)engine_number(r, "n_anomalous"), 4);
    assert_true(json_is_null(engine_at(r, "at_threshold.threshold")));
    assert_true(json_is_null(engine_at(r, "pixel")));
    assert_true(nulls(r) > 0);
    json_decref(r);
    testing_release(&t);
}

static void test_score_lists_are_checked(void **unused)
{
    static const struct {
        const char *text, *message;
        odd_status status;
    } bad[] = {{"path,value\na,1\n", "score", ODD_EFORMAT},
               {SCORES_HEAD "test/good/000.png,nan\n", "nan", ODD_EFORMAT},
               {SCORES_HEAD "test/good/000.png,inf\n", "inf", ODD_EFORMAT},
               {SCORES_HEAD "test/good/000.png,much\n", "line 2", ODD_EFORMAT},
               {SCORES_HEAD "000.png,1\n", "several", ODD_EFORMAT},
               {SCORES_HEAD "elsewhere/9.png,1\n", "no score", ODD_ENODATA},
               {"", "", ODD_EFORMAT}};
    struct testing t;
    json_t *r = NULL;
    (void)unused;
    testing_init(&t, "lists");
    engine_synth(&t, "set", 20);
    for (size_t i = 0; i < ODDI_COUNT(bad); i++) {
        testing_text(&t, "scores.csv", bad[i].text);
        const odd_status status = scores(&t, NULL, "", &r);
        if (status != bad[i].status)
            fail_msg("'%s' gives %s: %s", bad[i].text, odd_status_name(status),
                     odd_last_message(t.ctx));
        engine_assert_message(&t, bad[i].message);
    }
    /* No row, or an empty score: skipped, named. */
    testing_text(&t, "scores.csv",
                 SCORES_HEAD SCORES_NORMAL "spot/000.png,\nspot/001.png,3\nelsewhere/9.png,1\n");
    assert_int_equal(scores(&t, NULL, "resamples=10", &r), ODD_OK);
    assert_int_equal(json_array_size(engine_at(r, "skipped")), 3);
    assert_true(named(engine_at(r, "skipped"), "spot/000.png", "no score"));
    assert_true(engine_number(r, "image.auroc") == 1.0);
    json_decref(r);
    testing_release(&t);
}

/* Maps that are the masks themselves (gain 1), their contrary (-1), or flat (0). */
static void write_maps(struct testing *t, float gain)
{
    static const char *const folders[] = {"good", "spot", "scratch"};
    for (int i = 0; i < 8; i++) {
        float map[32 * 32] = {0};
        char name[96];
        const char *folder = folders[i < 4 ? 0 : 1 + i % 2];
        const int number = i < 4 ? i : (i - 4) / 2;
        snprintf(name, sizeof(name), "set/ground_truth/%s/%03d_mask.png", folder, number);
        if (i >= 4) {
            struct oddi_picture *mask = NULL;
            assert_int_equal(
                oddi_image_load(t->ctx, testing_path(t, name), ODDI_IMAGE_BUDGET, &mask), ODD_OK);
            for (int k = 0; k < 32 * 32; k++)
                map[k] = ((const unsigned char *)mask->data)[k * mask->bands] ? gain : 0;
            oddi_picture_free(t->ctx, mask);
        }
        snprintf(name, sizeof(name), "maps/test/%s/%03d.tiff", folder, number);
        assert_int_equal(oddi_image_save_tiff(t->ctx, testing_path(t, name), map, 32, 32), ODD_OK);
    }
}

static void test_maps_against_masks(void **unused)
{
    static const float gains[] = {1, -1, 0};
    static const double auroc[] = {1, 0, 0.5};
    static const char *const sizes[] = {"resamples=10", "resamples=10 metric-size=32"};
    struct testing t;
    json_t *r = NULL;
    (void)unused;
    testing_init(&t, "masks");
    engine_synth(&t, "set", 20);
    testing_text(&t, "scores.csv", SCORES_HEAD SCORES_NORMAL SCORES_BAD);
    for (int k = 0; k < 6; k++) {
        write_maps(&t, gains[k % 3]);
        assert_int_equal(scores(&t, "maps", sizes[k / 3], &r), ODD_OK);
        assert_true(engine_number(r, "pixel.auroc") == auroc[k % 3]);
        assert_int_equal((int)engine_number(r, "pixel.n_pictures"), 8);
        if (k == 0)
            assert_true(engine_number(r, "pixel.aupro") > 0.999);
        const double own = engine_number(r, "pixel.auroc_mkd"); /* opened; without normals */
        assert_true(k % 3 == 0 ? own > 0.7 : k % 3 == 1 ? own < 0.3 : own == 0.5);
        json_decref(r);
    }
    engine_tiff(&t, "maps/test/good/000.tiff", (struct engine_look){32, 32, 1, 8}, 1); /* no map */
    assert_int_equal(scores(&t, "maps", "", &r), ODD_EFORMAT);
    engine_assert_message(&t, "float TIFF");
    remove(testing_path(&t, "maps/test/good/000.tiff"));
    assert_int_equal(scores(&t, "maps", "", &r), ODD_EIO);
    engine_assert_message(&t, "000.tiff");
    testing_release(&t);
}

/* ---- a model's ----------------------------------------------------------------------------- */

static struct odd_model *begin(struct testing *t, const char *name)
{
    testing_init(t, name);
    assert_int_equal(odd_context_set_threads(t->ctx, 1), ODD_OK);
    engine_synth(t, "set", 20);
    engine_train_well(t, "set", "m", "variant=daad");
    return engine_load(t, "m");
}

static void test_unusable_pictures_and_masks(void **unused)
{
    struct testing t;
    struct oddi_picture *small = NULL;
    json_t *r = NULL;
    (void)unused;
    struct odd_model *m = begin(&t, "unusable");
    testing_text(&t, "set/test/good/001.png", "no picture");
    testing_text(&t, "set/test/spot/001.png", "");
    testing_text(&t, "set/ground_truth/scratch/001_mask.png", "no mask");
    remove(testing_path(&t, "set/ground_truth/spot/000_mask.png"));
    assert_int_equal(oddi_picture_new(t.ctx, 16, 16, 1, ODD_U8, &small), ODD_OK);
    memset(small->data, 255, 256);
    assert_int_equal(oddi_image_save_png(
                         t.ctx, testing_path(&t, "set/ground_truth/scratch/000_mask.png"), small),
                     ODD_OK);
    oddi_picture_free(t.ctx, small);
    assert_int_equal(engine_eval(&t, m, "set", "resamples=10 pictures=true", &r), ODD_OK);
    const json_t *skipped = engine_at(r, "skipped");
    assert_int_equal(json_array_size(skipped), 4);
    assert_true(named(skipped, "good/001.png", "good/001.png"));
    assert_true(named(skipped, "spot/001.png", "spot/001.png"));
    assert_true(named(skipped, "scratch/000.png", "16 x 16"));
    assert_true(named(skipped, "scratch/001.png", "scratch/001_mask.png"));
    assert_int_equal((int)engine_number(r, "n_normal"), 3);
    assert_int_equal((int)engine_number(r, "n_anomalous"), 1);
    assert_int_equal((int)engine_number(r, "n_without_mask"), 1);
    assert_int_equal(json_array_size(engine_at(r, "pictures")), 4);
    assert_true(json_is_null(engine_at(r, "pixel.auroc"))); /* no anomalous pixel is known */
    json_decref(r);
    assert_int_equal(engine_eval(&t, m, "set", "resamples=10 pixels=false", &r),
                     ODD_OK); /* no mask is read */
    assert_int_equal(json_array_size(engine_at(r, "skipped")), 2);
    assert_true(json_is_null(engine_at(r, "pixel")));
    json_decref(r);
    odd_model_free(m);
    testing_release(&t);
}

static void test_seen_pictures_are_left_out(void **unused)
{
    struct testing t;
    char list[4096] = "path,label,split\n";
    json_t *r = NULL;
    (void)unused;
    testing_init(&t, "seen");
    assert_int_equal(odd_context_set_threads(t.ctx, 1), ODD_OK);
    engine_synth(&t, "set", 20);
    for (int i = 0; i < 14; i++)
        sprintf(list + strlen(list), "set/train/good/%03d.png,ok,train\n", i);
    strcat(list, "set/test/good/000.png,ok,train\nset/test/good/001.png,ok,tune\nset/test/good/"
                 "002.png,ok,calibrate\n");
    strcat(list, "set/train/good/017.png,ok,tune\nset/train/good/018.png,ok,calibrate\n");
    testing_text(&t, "list.csv", list);
    engine_train_well(&t, "list.csv", "m", "variant=ae");
    struct odd_model *m = engine_load(&t, "m");
    assert_int_equal(engine_eval(&t, m, "set", "resamples=10", &r), ODD_OK);
    assert_int_equal((int)engine_number(r, "n_seen"), 3);
    assert_int_equal(json_array_size(engine_at(r, "seen")), 3);
    for (int i = 0; i < 3; i++) {
        char name[32];
        snprintf(name, sizeof(name), "good/%03d.png", i);
        assert_true(named(engine_at(r, "seen"), name, ""));
    }
    assert_int_equal((int)engine_number(r, "n_normal"), 1);
    assert_int_equal((int)engine_number(r, "n_anomalous"), 4);
    json_decref(r);
    engine_copy(&t, "set/train/good/003.png",
                "set/test/good/003.png"); /* known by content, not by name */
    assert_int_equal(engine_eval(&t, m, "set", "resamples=10", &r), ODD_OK);
    assert_int_equal((int)engine_number(r, "n_seen"), 4);
    assert_int_equal((int)engine_number(r, "n_normal"), 0);
    assert_true(json_is_null(engine_at(r, "image.auroc")));
    assert_true(json_is_null(engine_at(r, "at_threshold.false_alarm_rate")));
    assert_true(nulls(r) > 3);
    assert_true(json_array_size(engine_at(r, "warnings")) > 3);
    json_decref(r);
    odd_model_free(m);
    testing_release(&t);
}

static void test_nothing_to_evaluate(void **unused)
{
    struct testing t;
    json_t *r = NULL;
    (void)unused;
    struct odd_model *m = begin(&t, "nothing");
    testing_text(&t, "normals.csv", "path,label,split\nset/test/good/000.png,ok,test\n");
    assert_int_equal(engine_eval(&t, m, "normals.csv", "resamples=10", &r), ODD_OK);
    assert_true(json_is_null(engine_at(r, "image.auroc")) &&
                json_is_null(engine_at(r, "at_threshold.miss_rate")));
    json_decref(r);
    testing_text(&t, "unknown.csv", "path,label,split\nset/test/good/000.png,,test\n");
    assert_int_equal(engine_eval(&t, m, "unknown.csv", "", &r), ODD_ENODATA);
    testing_text(
        &t, "seen.csv",
        "path,label,split\nset/train/good/000.png,ok,test\nset/train/good/001.png,ng,test\n");
    assert_int_equal(engine_eval(&t, m, "seen.csv", "", &r), ODD_ENODATA);
    engine_assert_message(&t, "seen");
    testing_text(&t, "bad.csv", "path,label,split\nnormals.csv,ok,test\nnone.png,ng,test\n");
    assert_int_equal(engine_eval(&t, m, "bad.csv", "", &r), ODD_ENODATA);
    engine_assert_message(&t, "normals.csv");
    odd_model_free(m);
    testing_release(&t);
}

/* The same answer, to the byte, whatever the threads; an end in the middle when it is asked for. */
static void test_threads_and_cancel(void **unused)
{
    struct testing t;
    struct engine_watch w;
    json_t *one = NULL, *three = NULL;
    (void)unused;
    struct odd_model *m = begin(&t, "threads");
    engine_watch(&t, &w, "\"phase\":\"eval\"", 0);
    assert_int_equal(engine_eval(&t, m, "set", "resamples=50 pictures=true metric-size=16", &one),
                     ODD_OK);
    engine_unwatch(&t);
    assert_int_equal(w.seen, 2); /* 8 pictures, 4 at a time */
    assert_true(json_is_integer(engine_at(one, "pixel.size")));
    assert_int_equal(odd_context_set_threads(t.ctx, 3), ODD_OK);
    assert_int_equal(engine_eval(&t, m, "set", "resamples=50 pictures=true metric-size=16", &three),
                     ODD_OK);
    assert_true(json_equal(one, three));
    assert_int_equal(odd_context_set_threads(t.ctx, 1), ODD_OK);
    engine_watch(&t, &w, "\"phase\":\"eval\"", 1);
    json_decref(three);
    assert_int_equal(engine_eval(&t, m, "set", "", &three), ODD_ECANCELLED);
    engine_unwatch(&t);
    json_decref(one);
    odd_model_free(m);
    testing_release(&t);
}

static void test_options(void **unused)
{
    struct testing t;
    char settings[600];
    json_t *r = NULL;
    (void)unused;
    struct odd_model *m = begin(&t, "options");
    assert_int_equal(engine_eval(&t, m, "set", "size=64", &r), ODD_ECONFIG);
    engine_assert_message(&t, "part of the model");
    assert_int_equal(engine_eval(&t, m, "set", "fit=pad", &r), ODD_ECONFIG);
    assert_int_equal(engine_eval(&t, m, "set", "metric-sise=64", &r), ODD_ECONFIG);
    engine_assert_message(&t, "metric-size");
    assert_int_equal(engine_eval(&t, m, "set", "resamples=0", &r), ODD_ECONFIG);
    snprintf(settings, sizeof(settings), "resamples=10 maps-count=1 maps=%s",
             testing_path(&t, "maps"));
    assert_int_equal(engine_eval(&t, m, "set", settings, &r), ODD_OK);
    assert_int_equal(json_array_size(engine_at(r, "maps")), 3); /* of normals, spots, scratches */
    assert_int_equal(engine_count_files(&t, "maps", ".png"), 6);
    assert_true(engine_exists(&t, "maps/spot_1_map.png") && engine_exists(&t, "maps/normal_1.png"));
    json_decref(r);
    snprintf(settings, sizeof(settings), "resamples=10 maps=%s", testing_path(&t, "m"));
    assert_int_equal(engine_eval(&t, m, "set", settings, &r), ODD_EIO); /* a file is there */
    odd_model_free(m);
    testing_release(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scores_against_counted_ones),
        cmocka_unit_test(test_score_lists_are_checked),
        cmocka_unit_test(test_maps_against_masks),
        cmocka_unit_test(test_unusable_pictures_and_masks),
        cmocka_unit_test(test_seen_pictures_are_left_out),
        cmocka_unit_test(test_nothing_to_evaluate),
        cmocka_unit_test(test_threads_and_cancel),
        cmocka_unit_test(test_options),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
