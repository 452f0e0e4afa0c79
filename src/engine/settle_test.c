/* SPDX-License-Identifier: Apache-2.0
 *
 * A value that a method settles before the first step (MKD's lambda): the model has the number and
 * how it came about, a training that goes on has the same bits, a number that was given is not
 * looked at again. With the published VGG-16 (rescaled, see its README) the preset's constant
 * holds; ODDITY_WEIGHTS names the folder with it.
 */
#include "engine/support_test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SETTLE_TINY                                                                                \
    "method=mkd preset=mnist size=32 batch=4 steps=9 checkpoint=0 thin=4 hold-out=5 "
#define SETTLE_RANDOM "expert-weights=random network=vgg11 expert-width=0.125 "

static odd_status train(struct testing *t, const char *data, const char *model,
                        const char *settings)
{
    char all[1024];
    struct odd_dataset *ds = NULL;
    snprintf(all, sizeof(all), "%s%s", SETTLE_TINY, settings);
    struct odd_options *o = engine_options(t, all);
    odd_status status = odd_dataset_open(t->ctx, testing_path(t, data), o, &ds);
    if (status == ODD_OK)
        status = odd_train(t->ctx, ds, o, testing_path(t, model), NULL);
    odd_dataset_free(ds);
    odd_options_free(o);
    return status;
}

static void train_well(struct testing *t, const char *data, const char *model, const char *settings)
{
    if (train(t, data, model, settings) != ODD_OK)
        fail_msg("training with '%s': %s", settings, odd_last_message(t->ctx));
}

static void begin(struct testing *t, const char *name)
{
    testing_init(t, name);
    assert_int_equal(odd_context_set_threads(t->ctx, 1), ODD_OK);
    engine_synth(t, "set", 20);
}

/* A narrow random expert has small maps: the preset's 0.01 does not hold. */
static void test_kept_in_the_model(void **unused)
{
    struct testing t;
    struct engine_watch w;
    (void)unused;
    begin(&t, "settle_model");
    engine_watch(&t, &w, "\"event\":\"choice\"", 0);
    train_well(&t, "set", "model", SETTLE_RANDOM);
    engine_unwatch(&t);
    assert_int_equal(w.seen, 1);
    assert_non_null(strstr(w.last, "lambda="));
    json_t *info = engine_info(&t, "model");
    const json_t *note = json_array_get(engine_at(info, "choice"), 0);
    const double lambda = strtod(engine_text(info, "config.lambda"), NULL);
    assert_true(lambda > 0 && lambda != 0.01);
    assert_true(fabs(engine_number(note, "lambda_auto") - lambda) < 1e-5 * lambda);
    assert_true(engine_number(note, "lambda_preset") == 0.01);
    assert_string_equal(engine_text(note, "asked"), "preset");
    assert_null(json_object_get(info, "expert")); /* no third party's weights */
    json_decref(info);
    struct odd_model *m = engine_load(&t, "model");
    assert_int_equal(odd_model_verify(t.ctx, m, NULL), ODD_OK);
    odd_model_free(m);
    train_well(&t, "set", "given", SETTLE_RANDOM "lambda=0.25");
    info = engine_info(&t, "given");
    assert_string_equal(engine_text(info, "config.lambda"), "0.25");
    assert_null(json_object_get(info, "choice"));
    json_decref(info);
    testing_release(&t);
}

/* Stopped at once, in the middle and at the end, gone on with other numbers of threads. */
static void test_goes_on(void **unused)
{
    static const char *const events[] = {"\"event\":\"choice\"", "\"event\":\"start\"",
                                         "\"phase\":\"tune\""};
    static const char *const asked[] = {"", "lambda=auto ", "localise=smooth smooth-copies=2 "};
    struct testing t;
    struct engine_watch w;
    (void)unused;
    begin(&t, "settle_resume");
    for (size_t k = 0; k < ODDI_COUNT(asked); k++) {
        char settings[256], resume[300];
        snprintf(settings, sizeof(settings), "%s%s", SETTLE_RANDOM, asked[k]);
        snprintf(resume, sizeof(resume), "%s resume=true", settings);
        train_well(&t, "set", "whole", settings);
        for (size_t i = 0; i < ODDI_COUNT(events); i++) {
            assert_int_equal(odd_context_set_threads(t.ctx, 3), ODD_OK);
            engine_watch(&t, &w, events[i], 1);
            assert_int_equal(train(&t, "set", "stopped", settings), ODD_ECANCELLED);
            engine_unwatch(&t);
            assert_int_equal(odd_context_set_threads(t.ctx, 1), ODD_OK);
            engine_watch(&t, &w, "\"event\":\"start\"", 1); /* stopped once more: saved anew */
            assert_int_equal(train(&t, "set", "stopped", resume), ODD_ECANCELLED);
            engine_unwatch(&t);
            train_well(&t, "set", "stopped", resume);
            engine_assert_same_file(&t, "whole", "stopped");
            remove(testing_path(&t, "stopped"));
        }
    }
    testing_release(&t);
}

static void test_other_lambda_does_not_go_on(void **unused)
{
    struct testing t;
    struct engine_watch w;
    (void)unused;
    begin(&t, "settle_other");
    engine_watch(&t, &w, "\"event\":\"start\"", 1);
    assert_int_equal(train(&t, "set", "model", SETTLE_RANDOM), ODD_ECANCELLED);
    engine_unwatch(&t);
    assert_int_equal(train(&t, "set", "model", SETTLE_RANDOM "resume=true lambda=auto"),
                     ODD_ECONFIG);
    engine_assert_message(&t, "another 'lambda'");
    assert_int_equal(train(&t, "set", "model", SETTLE_RANDOM "resume=true lambda=0.01"),
                     ODD_ECONFIG);
    train_well(&t, "set", "model", SETTLE_RANDOM "resume=true");
    testing_release(&t);
}

/* A random expert needs a name and no file; a file may give the name. */
static void test_random_expert(void **unused)
{
    struct testing t;
    char settings[640];
    (void)unused;
    begin(&t, "settle_random");
    assert_int_equal(train(&t, "set", "model", "expert-weights=random"), ODD_ECONFIG);
    engine_assert_message(&t, "--set network=");
    engine_expert(&t, "squeezenet1_1", "expert", &(struct engine_fake){.prefix = ""});
    snprintf(settings, sizeof(settings),
             "expert-weights=random expert-width=0.125 points=2 expert=%s",
             testing_path(&t, "expert"));
    train_well(&t, "set", "named", settings);
    train_well(&t, "set", "plain",
               "expert-weights=random expert-width=0.125 points=2 network=squeezenet1_1");
    engine_assert_same_file(&t, "named", "plain");
    testing_release(&t);
}

/* 15 pictures in batches of 4 are four steps where the last three are kept. */
static void test_last_batch(void **unused)
{
    static const char *const how[] = {"last-batch=keep", "last-batch=drop"};
    struct testing t;
    (void)unused;
    begin(&t, "settle_last");
    for (int k = 0; k < 2; k++) {
        char settings[256];
        snprintf(settings, sizeof(settings), "%ssteps=0 epochs=2 lambda=1 %s", SETTLE_RANDOM,
                 how[k]);
        train_well(&t, "set", "model", settings);
        json_t *info = engine_info(&t, "model");
        assert_int_equal((int)engine_number(info, "data.n_train"), 15);
        assert_int_equal((int)engine_number(info, "training.steps"), k == 0 ? 8 : 6);
        json_decref(info);
    }
    testing_release(&t);
}

static void test_published_expert_keeps_the_constant(void **unused)
{
    struct testing t;
    char settings[640];
    const char *folder = getenv("ODDITY_WEIGHTS");
    (void)unused;
    begin(&t, "settle_vgg");
    snprintf(settings, sizeof(settings), "preset=mvtec size=128 batch=4 steps=1 expert=%s/%s",
             folder ? folder : "", "vgg16_features.safetensors");
    FILE *file = folder ? fopen(strstr(settings, "expert=") + 7, "rb") : NULL;
    if (!file) {
        print_message("SKIPPED: ODDITY_WEIGHTS names no folder with vgg16_features.safetensors\n");
        testing_release(&t);
        skip();
    }
    fclose(file);
    struct odd_options *o = engine_options(
        &t, "kind=parts size=128 train=20 test-normal=4 per-defect=2 defects=bent seed=3");
    assert_int_equal(odd_synth(t.ctx, testing_path(&t, "parts"), o), ODD_OK);
    odd_options_free(o);
    train_well(&t, "parts", "model", settings);
    json_t *info = engine_info(&t, "model");
    const json_t *note = json_array_get(engine_at(info, "choice"), 0);
    assert_string_equal(engine_text(info, "config.lambda"), "0.5");
    assert_int_equal(json_array_size(engine_at(note, "expert_rms")), 4);
    print_message("lambda %s; equal terms: %.4g\n", engine_text(info, "config.lambda"),
                  engine_number(note, "lambda_auto"));
    json_decref(info);
    testing_release(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_kept_in_the_model),
                                       cmocka_unit_test(test_goes_on),
                                       cmocka_unit_test(test_other_lambda_does_not_go_on),
                                       cmocka_unit_test(test_random_expert),
                                       cmocka_unit_test(test_last_batch),
                                       cmocka_unit_test(test_published_expert_keeps_the_constant)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
