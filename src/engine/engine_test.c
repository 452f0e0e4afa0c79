/* SPDX-License-Identifier: Apache-2.0
 *
 * From pictures to answers through oddity.h: train, load, score, evaluate, for every variant, with
 * the same bits for any number of threads and on every run.
 */
#include "engine/support_test.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

struct engine_one { /* a picture of an evaluation, scored again by itself */
    double score, normalized;
    bool ng;
};

static struct engine_one one_score(struct testing *t, struct odd_scorer *s, const char *path)
{
    struct odd_result *r = NULL;
    assert_int_equal(odd_scorer_score_file(s, path, false, &r), ODD_OK);
    const struct engine_one one = {odd_result_score(r), odd_result_normalized(r),
                                   odd_result_decision(r) == ODD_DECISION_NG};
    assert_true(one.ng == (one.score > odd_result_threshold(r)));
    odd_result_free(r);
    (void)t;
    return one;
}

/* Every picture of the evaluation, by itself: score, normalized score, decision. */
static void check_pictures(struct testing *t, const struct odd_model *m, const json_t *report)
{
    const json_t *list = engine_at(report, "pictures"), *p;
    struct odd_scorer *s = NULL;
    size_t i;
    int misses = 0, alarms = 0;
    assert_int_equal(odd_scorer_new(t->ctx, m, &s), ODD_OK);
    assert_int_equal(json_array_size(list), 8);
    json_array_foreach((json_t *)list, i, p)
    {
        const struct engine_one one = one_score(t, s, engine_text(p, "path"));
        const bool anomalous = strcmp(engine_text(p, "label"), "anomalous") == 0;
        assert_true(one.score == engine_number(p, "score"));
        assert_true(one.normalized == engine_number(p, "normalized"));
        assert_string_equal(engine_text(p, "decision"), one.ng ? "ng" : "ok");
        assert_true(one.ng == (one.normalized > 0.5));
        misses += anomalous && !one.ng;
        alarms += !anomalous && one.ng;
    }
    assert_int_equal(misses, (int)engine_number(report, "at_threshold.n_missed"));
    assert_int_equal(alarms, (int)engine_number(report, "at_threshold.n_false_alarms"));
    odd_scorer_free(s);
}

static void check_report(struct testing *t, char *text, const char *hash)
{
    json_t *r = engine_json(t, text);
    assert_string_equal(engine_text(r, "weights_hash"), hash);
    assert_int_equal((int)engine_number(r, "steps"), 30);
    assert_int_equal((int)engine_number(r, "n_train"), 16);
    assert_int_equal((int)engine_number(r, "n_calibrate"), 2);
    assert_int_equal(json_array_size(engine_at(r, "left_out")), 0);
    assert_true(json_is_false(engine_at(r, "resumed")));
    assert_true(strlen(engine_text(r, "certifies")) > 20);
    assert_true(engine_number(r, "seconds") > 0);
    json_decref(r);
}

static void test_train_score_eval(void **unused)
{
    struct testing t;
    char *report = NULL, *verified = NULL;
    json_t *eval = NULL;
    (void)unused;
    testing_init(&t, "engine");
    engine_synth(&t, "set", 20);
    assert_int_equal(engine_train(&t, "set", "m", "steps=30 lr=0.003 variant=ae", &report), ODD_OK);
    assert_false(engine_exists(&t, "m.state"));
    struct odd_model *m = engine_load(&t, "m");
    json_t *info = engine_info(&t, "m");
    check_report(&t, report, engine_text(info, "weights_hash"));
    assert_string_equal(engine_text(info, "method"), "daad");
    assert_string_equal(engine_text(info, "preset"), "small");
    assert_int_equal((int)engine_number(info, "input.channels"), 3);
    assert_int_equal((int)engine_number(info, "data.n_train"), 16);
    assert_int_equal((int)engine_number(info, "training.steps"), 30);
    assert_true(engine_number(info, "scale.hi") > engine_number(info, "scale.lo"));

    assert_int_equal(odd_model_verify(t.ctx, m, &verified), ODD_OK);
    json_t *v = engine_json(&t, verified);
    assert_true(json_is_true(engine_at(v, "ok")) && json_is_true(engine_at(v, "exact")));
    assert_int_equal((int)engine_number(v, "pictures"), 3);
    assert_int_equal(json_array_size(engine_at(v, "differs")), 0);

    assert_int_equal(engine_eval(&t, m, "set", "pictures=true resamples=100", &eval), ODD_OK);
    assert_string_equal(engine_text(eval, "model_hash"), engine_text(info, "weights_hash"));
    assert_int_equal((int)engine_number(eval, "n_normal"), 4);
    assert_int_equal((int)engine_number(eval, "n_anomalous"), 4);
    assert_int_equal((int)engine_number(eval, "n_seen"), 0);
    assert_int_equal((int)engine_number(eval, "by_type.spot.n"), 2);
    assert_true(engine_number(eval, "pixel.auroc") > 0.5);
    assert_true(engine_number(eval, "image.auroc") >= 0 && engine_number(eval, "image.auroc") <= 1);
    check_pictures(&t, m, eval);
    json_decref(eval);
    json_decref(v);
    json_decref(info);
    odd_model_free(m);
    testing_release(&t);
}

/* The whole file, so also scores, thresholds and self-test answers. */
static void test_threads_and_runs(void **unused)
{
    static const int threads[] = {1, 1, 2, 3, 8};
    struct testing t;
    (void)unused;
    testing_init(&t, "threads");
    engine_synth(&t, "set", 20);
    for (size_t i = 0; i < ODDI_COUNT(threads); i++) {
        assert_int_equal(odd_context_set_threads(t.ctx, threads[i]), ODD_OK);
        engine_train_well(&t, "set", i == 0 ? "first" : "again",
                          "variant=daad+ augment=flip,rotate");
        if (i > 0)
            engine_assert_same_file(&t, "first", "again");
    }
    engine_train_well(&t, "set", "again", "variant=daad+ augment=flip,rotate cache-mib=0");
    engine_assert_same_file(&t, "first", "again");
    engine_train_well(&t, "set", "seed", "variant=daad+ augment=flip,rotate seed=1");
    json_t *a = engine_info(&t, "first"), *b = engine_info(&t, "seed");
    assert_string_not_equal(engine_text(a, "weights_hash"), engine_text(b, "weights_hash"));
    assert_string_not_equal(engine_text(a, "file_digest"), engine_text(b, "file_digest"));
    json_decref(a);
    json_decref(b);
    testing_release(&t);
}

/* Each trains, loads again, answers as it did (odd_train verifies that), for 1 and 3 threads. */
static void test_variants(void **unused)
{
    static const char *const settings[] = {"variant=ae",
                                           "variant=uae",
                                           "variant=daad",
                                           "variant=daad+",
                                           "variant=daad+ average=0.9",
                                           "variant=daad average=0.9",
                                           "variant=daad warm-up=0",
                                           "variant=daad memories=bottleneck division=2x2x1",
                                           "variant=daad block=2x2x0 addressing=paper",
                                           "variant=daad+ score=a",
                                           "variant=ae score=top1 sigma=0",
                                           "variant=ae gain-normalize=true",
                                           "optimizer=sgd lr=0.0001 clip=1",
                                           "optimizer=adamw schedule=cosine",
                                           "variant=ae size=48x32",
                                           "batch=64"};
    struct testing t;
    (void)unused;
    testing_init(&t, "variants");
    engine_synth(&t, "set", 20);
    for (size_t i = 0; i < ODDI_COUNT(settings); i++) {
        assert_int_equal(odd_context_set_threads(t.ctx, 1), ODD_OK);
        engine_train_well(&t, "set", "one", settings[i]);
        assert_int_equal(odd_context_set_threads(t.ctx, 3), ODD_OK);
        engine_train_well(&t, "set", "three", settings[i]);
        engine_assert_same_file(&t, "one", "three");
    }
    testing_release(&t);
}

/* An average is another set of weights than the last ones. */
static void test_average_is_what_scores(void **unused)
{
    struct testing t;
    (void)unused;
    testing_init(&t, "average");
    engine_synth(&t, "set", 20);
    engine_train_well(&t, "set", "last", "variant=ae");
    engine_train_well(&t, "set", "mean", "variant=ae average=0.9");
    json_t *last = engine_info(&t, "last"), *mean = engine_info(&t, "mean");
    assert_string_not_equal(engine_text(last, "weights_hash"), engine_text(mean, "weights_hash"));
    assert_true(engine_number(last, "training.loss") == engine_number(mean, "training.loss"));
    json_decref(last);
    json_decref(mean);
    testing_release(&t);
}

/* A budget is a number of steps, and that number gives the same file. */
static void test_time_budget(void **unused)
{
    struct testing t;
    struct engine_watch w;
    char again[64];
    (void)unused;
    testing_init(&t, "budget");
    assert_int_equal(odd_context_set_threads(t.ctx, 1), ODD_OK);
    engine_synth(&t, "set", 20);
    engine_watch(&t, &w, "\"event\":\"budget\"", 0);
    engine_train_well(&t, "set", "budget", "variant=ae time-budget=0.3s");
    engine_unwatch(&t);
    assert_int_equal(w.seen, 1);
    json_t *info = engine_info(&t, "budget");
    const int steps = (int)engine_number(info, "training.steps");
    assert_int_equal((int)engine_number(info, "config.steps"), steps);
    snprintf(again, sizeof(again), "steps=%d)", steps);
    assert_non_null(strstr(w.last, again));
    snprintf(again, sizeof(again), "variant=ae steps=%d", steps);
    engine_train_well(&t, "set", "steps", again);
    engine_assert_same_file(&t, "budget", "steps");
    json_decref(info);
    testing_release(&t);
}

static void test_bad_settings_are_named(void **unused)
{
    static const struct {
        const char *settings, *message;
        odd_status status;
    } bad[] = {{"method=none", "none", ODD_ECONFIG},
               {"preset=none", "none", ODD_ECONFIG},
               {"width=2", "width", ODD_ECONFIG},
               {"widht=4", "width", ODD_ECONFIG},
               {"size=7", "size", ODD_ECONFIG},
               {"size=33", "33", ODD_ECONFIG},
               {"division=3x3x3", "division", ODD_ECONFIG},
               {"score=ra variant=ae", "score=ra", ODD_ECONFIG},
               {"augment=spin", "spin", ODD_ECONFIG},
               {"time-budget=soon", "time-budget", ODD_ECONFIG},
               {"checkpoint=never", "checkpoint", ODD_ECONFIG},
               {"resume=true", "m.state", ODD_EIO},
               {"hold-out=0", "held-out", ODD_ENODATA}};
    struct testing t;
    struct odd_dataset *ds = NULL;
    (void)unused;
    testing_init(&t, "settings");
    engine_synth(&t, "set", 20);
    testing_text(&t, "m", "what was there");
    for (size_t i = 0; i < ODDI_COUNT(bad); i++) {
        const odd_status status = engine_train(&t, "set", "m", bad[i].settings, NULL);
        if (status != bad[i].status)
            fail_msg("'%s' gives %s: %s", bad[i].settings, odd_status_name(status),
                     odd_last_message(t.ctx));
        engine_assert_message(&t, bad[i].message);
        if (engine_count_files(&t, "", "m") != 1) /* no state, no temporary file */
            fail_msg("'%s' leaves files", bad[i].settings);
    }
    size_t size = 0;
    unsigned char *kept = engine_read(&t, "m", &size);
    assert_memory_equal(kept, "what was there", size);
    odd_text_free(t.ctx, (char *)kept);
    assert_int_equal(engine_train(&t, "set", "set", "", NULL), ODD_EIO); /* a folder */
    engine_assert_message(&t, "no regular file");
    assert_int_equal(engine_open(&t, "set", "", &ds), ODD_OK);
    assert_int_equal(odd_train(t.ctx, ds, NULL, "no-such-folder/m", NULL), ODD_EIO);
    engine_assert_message(&t, "no-such-folder/m");
    odd_dataset_free(ds);
    testing_release(&t);
}

/* A training asks nothing of the context but its end: the same one serves again and again. */
static void test_describe_and_trace(void **unused)
{
    struct testing t;
    char *text = NULL;
    (void)unused;
    testing_init(&t, "trace");
    engine_synth(&t, "set", 20);
    engine_train_well(&t, "set", "m", "variant=daad+");
    struct odd_model *m = engine_load(&t, "m");
    assert_int_equal(odd_trace(t.ctx, m, NULL, &text), ODD_OK);
    json_t *trace = engine_json(&t, text);
    const json_t *steps = engine_at(trace, "steps"), *step;
    size_t i;
    assert_true(json_array_size(steps) > 10);
    json_array_foreach((json_t *)steps, i, step)
    {
        assert_int_equal((int)engine_number(step, "nan"), 0);
        assert_true(engine_number(step, "min") <= engine_number(step, "max"));
        assert_true(engine_number(step, "ms") >= 0);
    }
    json_decref(trace);
    assert_int_equal(odd_methods_describe(t.ctx, NULL, &text), ODD_OK);
    json_t *all = engine_json(&t, text);
    assert_int_equal(odd_methods_describe(t.ctx, "daad", &text), ODD_OK);
    json_t *one = engine_json(&t, text);
    assert_true(json_equal(one, json_array_get(engine_at(all, "methods"), 0)));
    assert_true(json_array_size(engine_at(one, "params")) > 30);
    assert_string_equal(
        engine_text(engine_at(one, "presets") ? json_array_get(engine_at(one, "presets"), 1) : NULL,
                    "values.size"),
        "32");
    assert_int_equal(odd_methods_describe(t.ctx, "none", &text), ODD_ECONFIG);
    engine_assert_message(&t, "none");
    json_decref(all);
    json_decref(one);
    odd_model_free(m);
    testing_release(&t);
}

/* What is missing is said, never dereferenced. */
static void test_null_arguments(void **unused)
{
    struct testing t;
    char *text = NULL;
    struct odd_model *m = NULL;
    struct odd_scorer *s = NULL;
    struct odd_result *r = NULL;
    (void)unused;
    testing_init(&t, "null");
    assert_int_equal(odd_train(t.ctx, NULL, NULL, "m", NULL), ODD_EINVAL);
    assert_int_equal(odd_train(NULL, NULL, NULL, "m", NULL), ODD_EINVAL);
    assert_int_equal(odd_model_load(NULL, "m", &m), ODD_EINVAL);
    assert_int_equal(odd_methods_describe(NULL, "daad", &text), ODD_EINVAL);
    assert_int_equal(odd_model_load(t.ctx, NULL, &m), ODD_EINVAL);
    assert_int_equal(odd_model_load(t.ctx, "m", NULL), ODD_EINVAL);
    assert_int_equal(odd_model_info(NULL, &text), ODD_EINVAL);
    assert_int_equal(odd_model_verify(t.ctx, NULL, &text), ODD_EINVAL);
    assert_int_equal(odd_scorer_new(t.ctx, NULL, &s), ODD_EINVAL);
    assert_int_equal(odd_scorer_score(NULL, NULL, false, &r), ODD_EINVAL);
    assert_int_equal(odd_scorer_score_file(NULL, "x", false, &r), ODD_EINVAL);
    assert_int_equal(odd_eval(t.ctx, NULL, NULL, NULL, &text), ODD_EINVAL);
    assert_int_equal(odd_eval_scores(t.ctx, NULL, NULL, NULL, NULL, &text), ODD_EINVAL);
    assert_int_equal(odd_trace(t.ctx, NULL, NULL, &text), ODD_EINVAL);
    assert_int_equal(odd_methods_describe(t.ctx, "daad", NULL), ODD_EINVAL);
    odd_model_free(NULL);
    odd_scorer_free(NULL);
    odd_result_free(NULL);
    testing_release(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_train_score_eval),   cmocka_unit_test(test_threads_and_runs),
        cmocka_unit_test(test_variants),           cmocka_unit_test(test_average_is_what_scores),
        cmocka_unit_test(test_time_budget),        cmocka_unit_test(test_bad_settings_are_named),
        cmocka_unit_test(test_describe_and_trace), cmocka_unit_test(test_null_arguments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
