/* SPDX-License-Identifier: Apache-2.0
 *
 * Data as it comes: pictures that cannot be read are left out, named and counted, or stop the
 * training when it is strict. And the parts of a data set stay apart: training reads no test
 * picture, nothing but the thresholds depends on the calibrate part, no weight on the tune part.
 */
#include "engine/support_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/model.h"

/* A list with every part stated: 12 to train on, 4 to tune, 4 to calibrate, 8 to test. */
static void parts(struct testing *t, const char *name)
{
    char *list = calloc(1, 8192);
    assert_non_null(list);
    testing_init(t, name);
    assert_int_equal(odd_context_set_threads(t->ctx, 1), ODD_OK);
    engine_synth(t, "set", 20);
    strcpy(list, "path,label,split\n");
    for (int i = 0; i < 20; i++)
        sprintf(list + strlen(list), "set/train/good/%03d.png,ok,%s\n", i,
                i < 12   ? "train"
                : i < 16 ? "tune"
                         : "calibrate");
    for (int i = 0; i < 4; i++)
        sprintf(list + strlen(list),
                "set/test/good/%03d.png,ok,test\nset/test/%s/%03d.png,ng,test\n", i,
                i < 2 ? "spot" : "scratch", i % 2);
    testing_text(t, "list.csv", list);
    free(list);
}

static const char *train_name(int i)
{
    static char name[64];
    snprintf(name, sizeof(name), "set/train/good/%03d.png", i);
    return name;
}

static void damage(struct testing *t, const char *name, int how)
{
    size_t size = 0;
    unsigned char *data = engine_read(t, name, &size);
    if (how == 0)
        testing_write(t, name, data, size / 2);
    else if (how == 1)
        testing_write(t, name, data, 0);
    else
        testing_text(t, name, "this is no picture");
    odd_text_free(t->ctx, (char *)data);
}

/* ---- left out ------------------------------------------------------------------------------ */

static bool lists(const json_t *left_out, const char *name)
{
    const json_t *one;
    size_t i;
    json_array_foreach((json_t *)left_out, i,
                       one) if (strstr(engine_text(one, "path"), name) &&
                                strlen(engine_text(one, "reason")) > 5) return true;
    return false;
}

static void test_bad_pictures_are_left_out(void **unused)
{
    static const int bad[] = {1, 5, 7, 13,
                              17}; /* three to train on, one to tune, one to calibrate */
    struct testing t;
    struct engine_watch w;
    char *text = NULL;
    (void)unused;
    parts(&t, "left");
    for (size_t i = 0; i < ODDI_COUNT(bad); i++)
        damage(&t, train_name(bad[i]), (int)i % 3);
    engine_watch(&t, &w, "\"event\":\"left-out\"", 0);
    assert_int_equal(engine_train(&t, "list.csv", "m", "", &text), ODD_OK);
    engine_unwatch(&t);
    json_t *report = engine_json(&t, text), *info = engine_info(&t, "m");
    const json_t *left_out = engine_at(report, "left_out");
    assert_int_equal(json_array_size(left_out), 5);
    assert_int_equal(w.seen, 5);
    for (size_t i = 0; i < ODDI_COUNT(bad); i++)
        assert_true(lists(left_out, train_name(bad[i])));
    assert_int_equal((int)engine_number(report, "n_train"), 9);
    assert_int_equal((int)engine_number(report, "n_calibrate"), 3);
    assert_int_equal((int)engine_number(info, "data.n_tune"), 3);
    assert_int_equal((int)engine_number(info, "n_left_out"), 5);
    json_decref(report);
    json_decref(info);
    testing_release(&t);
}

/* Those left out change nothing for the others. */
static void test_left_out_is_not_there(void **unused)
{
    struct testing t;
    (void)unused;
    parts(&t, "absent");
    engine_copy(&t, train_name(3), "kept.png");
    damage(&t, train_name(3), 0);
    engine_train_well(&t, "list.csv", "cut", "");
    damage(&t, train_name(3), 2);
    engine_train_well(&t, "list.csv", "text", "");
    engine_assert_same_file(&t, "cut", "text");
    engine_copy(&t, "kept.png", train_name(3));
    engine_train_well(&t, "list.csv", "whole", "");
    json_t *cut = engine_info(&t, "cut"), *whole = engine_info(&t, "whole");
    assert_string_not_equal(engine_text(cut, "weights_hash"), engine_text(whole, "weights_hash"));
    json_decref(cut);
    json_decref(whole);
    testing_release(&t);
}

static void stops(struct testing *t, const char *settings, const char *name)
{
    assert_int_equal(engine_train(t, "list.csv", "m", settings, NULL), ODD_EFORMAT);
    engine_assert_message(t, name);
    assert_false(engine_exists(t, "m"));
}

static void test_strict_stops(void **unused)
{
    static const int one_of_each[] = {5, 13, 18};
    struct testing t;
    (void)unused;
    parts(&t, "strict");
    for (size_t i = 0; i < ODDI_COUNT(one_of_each); i++) {
        const char *name = train_name(one_of_each[i]);
        engine_copy(&t, name, "kept.png");
        damage(&t, name, 0);
        stops(&t, "strict=true", name);
        engine_copy(&t, "kept.png", name);
    }
    engine_train_well(&t, "list.csv", "m", "strict=true");
    testing_release(&t);
}

/* Strictness may also be asked of the training alone, over a data set opened without it. */
static void test_strict_training(void **unused)
{
    struct testing t;
    struct odd_dataset *ds = NULL;
    (void)unused;
    parts(&t, "strictly");
    damage(&t, train_name(5), 0);
    assert_int_equal(engine_open(&t, "list.csv", "", &ds), ODD_OK);
    struct odd_options *o = engine_options(&t, ENGINE_TINY "strict=true");
    assert_int_equal(odd_train(t.ctx, ds, o, testing_path(&t, "m"), NULL), ODD_EFORMAT);
    engine_assert_message(&t, train_name(5));
    odd_options_free(o);
    odd_dataset_free(ds);
    testing_release(&t);
}

static void test_nothing_left(void **unused)
{
    struct testing t;
    (void)unused;
    parts(&t, "nothing");
    for (int i = 16; i < 20; i++)
        damage(&t, train_name(i), 1);
    assert_int_equal(engine_train(&t, "list.csv", "m", "", NULL), ODD_ENODATA);
    engine_assert_message(&t, "held-out");
    for (int i = 0; i < 12; i++)
        damage(&t, train_name(i), i % 3);
    assert_int_equal(engine_train(&t, "list.csv", "m", "", NULL), ODD_EFORMAT);
    assert_false(engine_exists(&t, "m"));
    testing_release(&t);
}

/* ---- parts --------------------------------------------------------------------------------- */

/* With the test pictures broken, and with none of them there, training is as it was. */
static void test_training_reads_no_test_picture(void **unused)
{
    static const char *const folders[] = {"good", "spot", "scratch"};
    struct testing t;
    (void)unused;
    parts(&t, "test");
    engine_train_well(&t, "list.csv", "whole", "division=auto");
    for (int i = 0; i < 8; i++) {
        char name[64];
        snprintf(name, sizeof(name), "set/test/%s/%03d.png", folders[i < 4 ? 0 : 1 + i % 2],
                 i < 4 ? i : i / 2 - 2);
        damage(&t, name, i % 3);
    }
    engine_train_well(&t, "list.csv", "broken", "division=auto strict=true");
    engine_assert_same_file(&t, "whole", "broken");
    for (int i = 0; i < 4; i++) {
        char name[64];
        snprintf(name, sizeof(name), "set/test/good/%03d.png", i);
        remove(testing_path(&t, name));
    }
    engine_train_well(&t, "list.csv", "gone", "division=auto strict=true");
    engine_assert_same_file(&t, "whole", "gone");
    testing_release(&t);
}

static bool tensor_may_differ(const char *name, const char *const *parts_of_file)
{
    for (; *parts_of_file; parts_of_file++)
        if (strncmp(name, *parts_of_file, strlen(*parts_of_file)) == 0)
            return true;
    return false;
}

/* Asserts that tensors of "a" and "b" differ only where a name begins as one of `may`, and that
 * the first of those does differ. */
static void compare_tensors(struct testing *t, const char *const *may)
{
    struct oddi_model_file a, b;
    bool differs = false;
    oddi_model_file_init(&a, t->ctx);
    oddi_model_file_init(&b, t->ctx);
    assert_int_equal(oddi_model_file_load(&a, testing_path(t, "a")), ODD_OK);
    assert_int_equal(oddi_model_file_load(&b, testing_path(t, "b")), ODD_OK);
    assert_int_equal(oddi_model_file_count(&a), oddi_model_file_count(&b));
    for (size_t i = 0; i < oddi_model_file_count(&a); i++) {
        const struct oddi_stored *x = oddi_model_file_at(&a, i),
                                 *y = oddi_model_file_find(&b, x->name);
        assert_non_null(y);
        const bool same = x->size == y->size && memcmp(x->data, y->data, x->size) == 0;
        if (!same && !tensor_may_differ(x->name, may))
            fail_msg("'%s' differs", x->name);
        differs = differs || (!same && strncmp(x->name, may[0], strlen(may[0])) == 0);
    }
    assert_true(differs);
    oddi_model_file_release(&a);
    oddi_model_file_release(&b);
}

/* Of the JSON nothing may depend on the calibrate part but the usual value of its maps. */
static void compare_json(struct testing *t, const char *const *may)
{
    json_t *a = engine_info(t, "a"), *b = engine_info(t, "b"), *value;
    const char *key;
    json_object_foreach(a, key, value) if (!json_equal(value, json_object_get(b, key)) &&
                                           !tensor_may_differ(key, may))
        fail_msg("'%s' differs", key);
    json_decref(a);
    json_decref(b);
}

static void test_calibrate_part_gives_thresholds_alone(void **unused)
{
    static const char *const tensors[] = {"calibration.", "seen.calibrate", NULL};
    static const char *const members[] = {"calibrations", "scale", "map_typical", "file_digest",
                                          NULL};
    struct testing t;
    (void)unused;
    parts(&t, "calibrate");
    engine_train_well(&t, "list.csv", "a", "variant=daad+ division=auto");
    for (int i = 16; i < 20; i++)
        engine_tiff(&t, train_name(i), (struct engine_look){40, 40, 3, 8}, i);
    engine_train_well(&t, "list.csv", "b", "variant=daad+ division=auto");
    compare_tensors(&t, tensors);
    compare_json(&t, members);
    testing_release(&t);
}

/* The tune part: normalisation, and through it scores and thresholds; no weight. (An automatic
 * choice may depend on it, so none is made here.) */
static void test_tune_part_changes_no_weight(void **unused)
{
    static const char *const tensors[] = {"seen.tune", "calibration.", "selftest.answers", NULL};
    static const char *const members[] = {"calibrations", "scale", "spread", "file_digest", NULL};
    struct testing t;
    (void)unused;
    parts(&t, "tune");
    engine_train_well(&t, "list.csv", "a", "variant=daad+");
    for (int i = 12; i < 16; i++)
        engine_tiff(&t, train_name(i), (struct engine_look){40, 40, 3, 8}, i);
    engine_train_well(&t, "list.csv", "b", "variant=daad+");
    compare_tensors(&t, tensors);
    compare_json(&t, members);
    testing_release(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bad_pictures_are_left_out),
        cmocka_unit_test(test_left_out_is_not_there),
        cmocka_unit_test(test_strict_stops),
        cmocka_unit_test(test_strict_training),
        cmocka_unit_test(test_nothing_left),
        cmocka_unit_test(test_training_reads_no_test_picture),
        cmocka_unit_test(test_calibrate_part_gives_thresholds_alone),
        cmocka_unit_test(test_tune_part_changes_no_weight),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
