/* SPDX-License-Identifier: Apache-2.0
 *
 * Trainings that are stopped and go on give the same file to the bit as those in one go, wherever
 * they are stopped, and a state is taken up by the training it belongs to and no other.
 *
 * A stop asked for while an event is reported is heard at the next step's end, so a stop at every
 * "start" makes a training of single steps.
 */
#include "engine/support_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Trains until it is stopped by the nth event with `text`; the state is there, the model is not. */
static void stop_at(struct testing *t, const char *settings, const char *text, int nth)
{
    struct engine_watch w;
    engine_watch(t, &w, text, nth);
    const odd_status status = engine_train(t, "set", "stopped", settings, NULL);
    engine_unwatch(t);
    if (status != ODD_ECANCELLED || w.seen < nth)
        fail_msg("'%s' was not stopped at '%s': %s", settings, text, odd_status_name(status));
    engine_assert_message(t, "stopped.state");
    engine_assert_message(t, "--resume");
    assert_true(engine_exists(t, "stopped.state"));
    assert_false(engine_exists(t, "stopped"));
}

static void go_on(struct testing *t, const char *settings)
{
    char all[512], *report = NULL;
    snprintf(all, sizeof(all), "%s resume=true", settings);
    if (engine_train(t, "set", "stopped", all, &report) != ODD_OK)
        fail_msg("going on with '%s': %s", settings, odd_last_message(t->ctx));
    json_t *r = engine_json(t, report);
    assert_true(json_is_true(engine_at(r, "resumed")));
    json_decref(r);
    assert_false(engine_exists(t, "stopped.state"));
}

static void same_as_whole(struct testing *t)
{
    engine_assert_same_file(t, "whole", "stopped");
    remove(testing_path(t, "stopped"));
}

static void begin(struct testing *t, const char *name)
{
    testing_init(t, name);
    assert_int_equal(odd_context_set_threads(t->ctx, 1), ODD_OK);
    engine_synth(t, "set", 20);
}

/* Stopped after every single step, each time with another number of threads. */
static void test_every_step(void **unused)
{
    static const char *const settings =
        "variant=daad+ augment=flip,rotate average=0.5 schedule=cosine warm-up=0 ";
    struct testing t;
    struct engine_watch w;
    char resume[160], want[32];
    (void)unused;
    begin(&t, "every");
    engine_train_well(&t, "set", "whole", settings);
    for (int step = 0; step <= 12; step++) {
        assert_int_equal(odd_context_set_threads(t.ctx, step % 2 ? 3 : 1), ODD_OK);
        snprintf(resume, sizeof(resume), "%s%s", settings, step ? "resume=true" : "");
        snprintf(want, sizeof(want), "\"step\":%d,", step);
        engine_watch(&t, &w, "\"event\":\"start\"", step < 12 ? 1 : 0);
        const odd_status status = engine_train(&t, "set", "stopped", resume, NULL);
        engine_unwatch(&t);
        assert_int_equal(status, step < 12 ? ODD_ECANCELLED : ODD_OK);
        assert_non_null(strstr(w.last, want));
    }
    same_as_whole(&t);
    testing_release(&t);
}

/* At the warm-up's start, at the boundary of the stages (while items are seeded), at the last step,
 * while the held-out pictures are scored. */
static void test_other_moments(void **unused)
{
    static const char *const events[] = {"\"text\":\"warm-up\"", "\"text\":\"main\"",
                                         "\"step\":12,", "\"phase\":\"tune\"",
                                         "\"phase\":\"calibrate\""};
    static const char *const settings[] = {"variant=daad+ warm-up=0.5 hold-out=12",
                                           "variant=daad hold-out=12", "variant=uae hold-out=12"};
    struct testing t;
    (void)unused;
    begin(&t, "moments");
    for (size_t k = 0; k < ODDI_COUNT(settings); k++) {
        engine_train_well(&t, "set", "whole", settings[k]);
        for (size_t i = k == 2 ? 1 : 0; i < ODDI_COUNT(events); i++) { /* uae has no warm-up */
            stop_at(&t, settings[k], events[i], 1);
            go_on(&t, settings[k]);
            same_as_whole(&t);
        }
    }
    testing_release(&t);
}

/* Two stops in one training, the second of them in what went on. */
static void test_stopped_twice(void **unused)
{
    struct testing t;
    (void)unused;
    begin(&t, "twice");
    engine_train_well(&t, "set", "whole", "variant=daad+ hold-out=12");
    stop_at(&t, "variant=daad+ hold-out=12", "\"text\":\"main\"", 1);
    stop_at(&t, "variant=daad+ hold-out=12 resume=true", "\"phase\":\"calibrate\"", 1);
    go_on(&t, "variant=daad+ hold-out=12");
    same_as_whole(&t);
    testing_release(&t);
}

static void test_checkpoints_change_nothing(void **unused)
{
    struct testing t;
    struct engine_watch w;
    (void)unused;
    begin(&t, "checkpoint");
    engine_train_well(&t, "set", "whole", "variant=daad+");
    engine_watch(&t, &w, "\"event\":\"saved\"", 0);
    engine_train_well(&t, "set", "stopped",
                      "variant=daad+ checkpoint=0.000001s check-numerics=true");
    engine_unwatch(&t);
    assert_int_equal(w.seen, 12); /* after every step */
    assert_non_null(strstr(w.last, "stopped.state\",\"step\":12"));
    assert_false(engine_exists(&t, "stopped.state"));
    same_as_whole(&t);
    testing_release(&t);
}

/* The same call with resume=true, whatever became of the budget. */
static void test_time_budget_goes_on(void **unused)
{
    struct testing t;
    char settings[64];
    (void)unused;
    begin(&t, "budget");
    stop_at(&t, "variant=daad time-budget=1s", "\"text\":\"main\"", 1);
    go_on(&t, "variant=daad time-budget=1s");
    json_t *info = engine_info(&t, "stopped");
    snprintf(settings, sizeof(settings), "variant=daad steps=%d",
             (int)engine_number(info, "training.steps"));
    engine_train_well(&t, "set", "whole", settings);
    same_as_whole(&t);
    json_decref(info);
    testing_release(&t);
}

/* The image score is chosen on 10 or more tune pictures, among those that the method names; a
 * training that was stopped while it calibrated chooses again, the same. */
static void test_score_choice(void **unused)
{
    static const char *const settings = "variant=uae hold-out=20";
    struct testing t;
    (void)unused;
    testing_init(&t, "score");
    assert_int_equal(odd_context_set_threads(t.ctx, 2), ODD_OK);
    engine_synth(&t, "set", 30);
    engine_train_well(&t, "set", "whole", settings);
    stop_at(&t, settings, "\"phase\":\"calibrate\"", 1);
    go_on(&t, settings);
    json_t *info = engine_info(&t, "stopped");
    const char *score = engine_text(info, "config.score");
    assert_true(strcmp(score, "top1") == 0 || strcmp(score, "r") == 0);
    assert_int_equal(json_array_size(engine_at(info, "choice")), 1);
    json_decref(info);
    same_as_whole(&t);
    engine_train_well(&t, "set", "whole", "variant=uae hold-out=18"); /* 9 are not enough */
    info = engine_info(&t, "whole");
    assert_string_equal(engine_text(info, "config.score"), "auto");
    assert_null(json_object_get(info, "choice"));
    json_decref(info);
    testing_release(&t);
}

/* An automatic choice: the same one each time, kept when the training goes on. */
static void test_choice(void **unused)
{
    struct testing t;
    struct engine_watch w;
    (void)unused;
    begin(&t, "choice");
    engine_train_well(&t, "set", "whole", "division=auto hold-out=6");
    assert_int_equal(odd_context_set_threads(t.ctx, 3), ODD_OK);
    stop_at(&t, "division=auto hold-out=6", "is used", 1);
    go_on(&t, "division=auto hold-out=6");
    json_t *info = engine_info(&t, "stopped");
    assert_true(json_array_size(engine_at(info, "choice")) > 1);
    assert_string_not_equal(engine_text(info, "config.division"), "auto");
    json_decref(info);
    same_as_whole(&t);
    engine_watch(&t, &w, "AUROC", 1); /* in the middle of the trials: nothing to go on with */
    assert_int_equal(engine_train(&t, "set", "stopped", "division=auto hold-out=6", NULL),
                     ODD_ECANCELLED);
    engine_unwatch(&t);
    assert_false(engine_exists(&t, "stopped.state"));
    testing_release(&t);
}

static void refused(struct testing *t, const char *settings, odd_status status, const char *message)
{
    char all[512];
    snprintf(all, sizeof(all), "%s resume=true", settings);
    const odd_status got = engine_train(t, "set", "stopped", all, NULL);
    if (got != status)
        fail_msg("'%s' gives %s: %s", all, odd_status_name(got), odd_last_message(t->ctx));
    engine_assert_message(t, message);
    assert_false(engine_exists(t, "stopped"));
}

static void test_other_trainings_are_refused(void **unused)
{
    static const char *const other[][2] = {{"variant=daad+", "variant"},
                                           {"seed=1", "seed"},
                                           {"steps=13", "steps"},
                                           {"lr=0.002", "lr"},
                                           {"width=8", "width"},
                                           {"augment=flip", "augment"},
                                           {"items=11", "items"},
                                           {"size=48", "size"},
                                           {"gain-normalize=true", "gain-normalize"},
                                           {"average=0.9", "average"},
                                           {"preset=lite", "preset"}};
    struct testing t;
    (void)unused;
    begin(&t, "refused");
    refused(&t, "", ODD_EIO, "stopped.state");
    stop_at(&t, "variant=daad", "\"text\":\"main\"", 1);
    for (size_t i = 0; i < ODDI_COUNT(other); i++)
        refused(&t, other[i][0], ODD_ECONFIG, other[i][1]);
    engine_copy(&t, "set/train/good/000.png", "kept.png");
    engine_copy(&t, "set/train/good/001.png", "set/train/good/000.png");
    refused(&t, "", ODD_ECONFIG, "other pictures");
    engine_copy(&t, "kept.png", "set/train/good/000.png");
    refused(&t, "sample-train=12", ODD_ECONFIG, "other pictures");
    go_on(&t, "variant=daad"); /* all that has harmed nothing */
    testing_release(&t);
}

/* Every byte counts: the state's digest covers it. */
static void test_damaged_states_are_refused(void **unused)
{
    struct testing t;
    size_t size = 0;
    (void)unused;
    begin(&t, "damaged");
    stop_at(&t, "variant=daad", "\"text\":\"main\"", 1);
    unsigned char *state = engine_read(&t, "stopped.state", &size);
    for (size_t i = 0; i < 12; i++) {
        const size_t at = i * (size - 1) / 11;
        state[at] ^= 0x10;
        testing_write(&t, "stopped.state", state, size);
        state[at] ^= 0x10;
        refused(&t, "", ODD_EFORMAT, "stopped.state");
    }
    testing_write(&t, "stopped.state", state, size / 2);
    refused(&t, "", ODD_EFORMAT, "stopped.state");
    testing_write(&t, "stopped.state", state, 0);
    refused(&t, "", ODD_EFORMAT, "stopped.state");
    engine_train_well(&t, "set", "model", "");
    engine_copy(&t, "model", "stopped.state"); /* a model is no state */
    refused(&t, "", ODD_EFORMAT, "stopped.state");
    testing_write(&t, "stopped.state", state, size);
    odd_text_free(t.ctx, (char *)state);
    go_on(&t, "");
    engine_assert_same_file(&t, "model", "stopped");
    testing_release(&t);
}

/* Beside an old model: it stays as it was until the new one is whole. */
static void test_an_old_model_stays(void **unused)
{
    struct testing t;
    struct engine_watch w;
    (void)unused;
    begin(&t, "old");
    engine_train_well(&t, "set", "model", "variant=ae");
    engine_copy(&t, "model", "old");
    engine_watch(&t, &w, "\"phase\":\"calibrate\"", 1);
    assert_int_equal(engine_train(&t, "set", "model", "variant=uae hold-out=12", NULL),
                     ODD_ECANCELLED);
    engine_unwatch(&t);
    engine_assert_same_file(&t, "model", "old");
    engine_train_well(&t, "set", "model", "variant=uae hold-out=12 resume=true");
    json_t *info = engine_info(&t, "model");
    assert_string_equal(engine_text(info, "config.variant"), "uae");
    json_decref(info);
    testing_release(&t);
}

/* What is announced counts the plan's memory, too: weights, moments and pictures are 0.4 MB here.
 */
static void test_announced_memory(void **unused)
{
    struct testing t;
    struct engine_watch w;
    (void)unused;
    begin(&t, "memory");
    engine_watch(&t, &w, "\"event\":\"start\"", 0);
    engine_train_well(&t, "set", "whole", "variant=daad+");
    engine_unwatch(&t);
    const char *memory = strstr(w.last, "\"memory_bytes\":");
    assert_non_null(memory);
    assert_true(strtod(memory + strlen("\"memory_bytes\":"), NULL) > 6e5);
    testing_release(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_step),
        cmocka_unit_test(test_other_moments),
        cmocka_unit_test(test_stopped_twice),
        cmocka_unit_test(test_checkpoints_change_nothing),
        cmocka_unit_test(test_time_budget_goes_on),
        cmocka_unit_test(test_score_choice),
        cmocka_unit_test(test_choice),
        cmocka_unit_test(test_other_trainings_are_refused),
        cmocka_unit_test(test_damaged_states_are_refused),
        cmocka_unit_test(test_an_old_model_stays),
        cmocka_unit_test(test_announced_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
