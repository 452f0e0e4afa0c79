/* SPDX-License-Identifier: Apache-2.0
 *
 * Snapshots of a training on its way: finished models that change no bit of the last one, also
 * where the training is stopped between them or while one is being made.
 */
#include "engine/support_test.h"

#include <stdio.h>
#include <string.h>

/* 20 training pictures of which 4 are held out make 4 steps an epoch. */
#define EVERY "steps=12 hold-out=4 schedule=constant "

static void snapshot_begin(struct testing *t, const char *name)
{
    testing_init(t, name);
    assert_int_equal(odd_context_set_threads(t->ctx, 1), ODD_OK);
    engine_synth(t, "set", 20);
}

static void snapshot_assert_files(struct testing *t, const char *part, int count)
{
    const int found = engine_count_files(t, "", part);
    if (found != count)
        fail_msg("%d files with '%s', expected %d", found, part, count);
}

static void test_same_model(void **unused)
{
    struct testing t;
    struct engine_watch w;
    (void)unused;
    snapshot_begin(&t, "snap_same");
    engine_train_well(&t, "set", "plain.safetensors", EVERY);
    engine_watch(&t, &w, "\"event\":\"snapshot\"", 0);
    engine_train_well(&t, "set", "a.safetensors", EVERY "snapshot-every=1epoch");
    engine_unwatch(&t);
    assert_int_equal(w.seen, 2);
    assert_non_null(strstr(w.last, "a.epoch-0002.safetensors"));
    engine_assert_same_file(&t, "plain.safetensors", "a.safetensors");
    snapshot_assert_files(&t, "a.epoch-", 2);
    engine_train_well(&t, "set", "b", EVERY "snapshot-every=5steps");
    engine_assert_same_file(&t, "plain.safetensors", "b");
    snapshot_assert_files(&t, "b.step-", 2);
    assert_true(engine_exists(&t, "b.step-0000005") && engine_exists(&t, "b.step-0000010"));
    engine_train_well(&t, "set", "c", EVERY "snapshot-every=12steps");
    snapshot_assert_files(&t, "c.", 0);
    snapshot_assert_files(&t, ".tmp", 0);
    snapshot_assert_files(&t, "unchecked", 0);
    testing_release(&t);
}

/* A snapshot is what a training of as many steps gives, and a model like any other. */
static void test_is_a_model(void **unused)
{
    struct testing t;
    json_t *report = NULL;
    (void)unused;
    snapshot_begin(&t, "snap_model");
    engine_train_well(&t, "set", "a.safetensors", EVERY "snapshot-every=2epochs");
    engine_train_well(&t, "set", "short.safetensors", EVERY "steps=8");
    json_t *snapshot = engine_info(&t, "a.epoch-0002.safetensors"),
           *whole = engine_info(&t, "short.safetensors"), *end = engine_info(&t, "a.safetensors");
    assert_string_equal(engine_text(snapshot, "weights_hash"), engine_text(whole, "weights_hash"));
    assert_true(
        engine_number(json_array_get(engine_at(snapshot, "calibrations"), 0), "threshold") ==
        engine_number(json_array_get(engine_at(whole, "calibrations"), 0), "threshold"));
    assert_true(engine_number(snapshot, "training.step") == 8);
    assert_true(engine_number(snapshot, "training.steps") == 12);
    assert_null(json_object_get(engine_at(end, "training"), "step"));
    struct odd_model *m = engine_load(&t, "a.epoch-0002.safetensors");
    assert_int_equal(odd_model_verify(t.ctx, m, NULL), ODD_OK);
    assert_int_equal(engine_eval(&t, m, "set", "", &report), ODD_OK);
    odd_model_free(m);
    json_decref(report);
    json_decref(snapshot);
    json_decref(whole);
    json_decref(end);
    testing_release(&t);
}

/* Stopped before, in and after a snapshot. */
static void test_resumed(void **unused)
{
    static const struct {
        const char *event;
        int at;
    } stops[] = {{"\"event\":\"start\"", 1},
                 {"\"phase\":\"tune\"", 1},
                 {"\"phase\":\"calibrate\"", 2},
                 {"\"event\":\"snapshot\"", 1},
                 {"\"event\":\"snapshot\"", 2}};
    struct testing t;
    struct engine_watch w;
    (void)unused;
    snapshot_begin(&t, "snap_resumed");
    engine_train_well(&t, "set", "a.safetensors", EVERY "snapshot-every=1epoch");
    for (size_t i = 0; i < ODDI_COUNT(stops); i++) {
        remove(testing_path(&t, "b.epoch-0001.safetensors"));
        remove(testing_path(&t, "b.epoch-0002.safetensors"));
        engine_watch(&t, &w, stops[i].event, stops[i].at);
        assert_int_equal(
            engine_train(&t, "set", "b.safetensors", EVERY "snapshot-every=1epoch", NULL),
            ODD_ECANCELLED);
        assert_true(w.seen >= stops[i].at);
        engine_assert_message(&t, "--resume");
        engine_unwatch(&t);
        engine_train_well(&t, "set", "b.safetensors", EVERY "snapshot-every=1epoch resume=true");
        engine_assert_same_file(&t, "a.safetensors", "b.safetensors");
        engine_assert_same_file(&t, "a.epoch-0001.safetensors", "b.epoch-0001.safetensors");
        engine_assert_same_file(&t, "a.epoch-0002.safetensors", "b.epoch-0002.safetensors");
    }
    testing_release(&t);
}

/* How often does not belong to what a training is: it may change when going on. */
static void test_other_interval(void **unused)
{
    struct testing t;
    struct engine_watch w;
    (void)unused;
    snapshot_begin(&t, "snap_other");
    engine_train_well(&t, "set", "a.safetensors", EVERY);
    engine_watch(&t, &w, "\"event\":\"snapshot\"", 1);
    assert_int_equal(engine_train(&t, "set", "b.safetensors", EVERY "snapshot-every=1epoch", NULL),
                     ODD_ECANCELLED);
    engine_unwatch(&t);
    engine_train_well(&t, "set", "b.safetensors", EVERY "resume=true");
    engine_assert_same_file(&t, "a.safetensors", "b.safetensors");
    testing_release(&t);
}

/* A held-out picture that cannot be read is counted once in the end, and once in each snapshot. */
static void test_left_out(void **unused)
{
    struct testing t;
    (void)unused;
    snapshot_begin(&t, "snap_left_out");
    for (int i = 0; i < 20; i += 3) {
        char name[64];
        snprintf(name, sizeof(name), "set/train/good/%03d.png", i);
        testing_text(&t, name, "no picture");
    }
    engine_train_well(&t, "set", "a.safetensors", EVERY);
    engine_train_well(&t, "set", "b.safetensors", EVERY "snapshot-every=5steps");
    engine_assert_same_file(&t, "a.safetensors", "b.safetensors");
    json_t *end = engine_info(&t, "b.safetensors"),
           *snapshot = engine_info(&t, "b.step-0000005.safetensors");
    assert_true(engine_number(end, "n_left_out") > 0);
    assert_true(engine_number(end, "n_left_out") == engine_number(snapshot, "n_left_out"));
    json_decref(end);
    json_decref(snapshot);
    testing_release(&t);
}

/* What cannot be written is said, and the training goes on. */
static void test_unwritable(void **unused)
{
    struct testing t;
    (void)unused;
    snapshot_begin(&t, "snap_unwritable");
    engine_train_well(&t, "set", "a.safetensors", EVERY);
    testing_text(&t, "b.epoch-0001.safetensors/in", "the way");
    const int before = t.warnings;
    engine_train_well(&t, "set", "b.safetensors", EVERY "snapshot-every=1epoch");
    engine_assert_same_file(&t, "a.safetensors", "b.safetensors");
    assert_int_equal(t.warnings, before + 1);
    assert_non_null(strstr(t.last_warning, "b.epoch-0001"));
    assert_true(engine_exists(&t, "b.epoch-0002.safetensors"));
    snapshot_assert_files(&t, "unchecked", 0);
    testing_release(&t);
}

static void test_refused(void **unused)
{
    static const char *const bad[] = {
        "10",       "epochs",  "0epochs", "-1steps",
        "1.5steps", "5 steps", "5stepss", "99999999999999999999steps"};
    struct testing t;
    (void)unused;
    snapshot_begin(&t, "snap_refused");
    for (size_t i = 0; i < ODDI_COUNT(bad); i++) {
        char settings[96];
        if (strchr(bad[i], ' '))
            continue; /* the test's options are separated by spaces */
        snprintf(settings, sizeof(settings), EVERY "snapshot-every=%s", bad[i]);
        assert_int_equal(engine_train(&t, "set", "a", settings, NULL), ODD_ECONFIG);
        engine_assert_message(&t, "10epochs");
    }
    assert_int_equal(engine_train(&t, "set", "a", "steps=5000 snapshot-every=1step", NULL),
                     ODD_ECONFIG);
    engine_assert_message(&t, "at most 1000");
    assert_false(engine_exists(&t, "a"));
    testing_release(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_model), cmocka_unit_test(test_is_a_model),
        cmocka_unit_test(test_resumed),    cmocka_unit_test(test_other_interval),
        cmocka_unit_test(test_left_out),   cmocka_unit_test(test_unwritable),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
