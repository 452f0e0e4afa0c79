/* SPDX-License-Identifier: Apache-2.0
 *
 * Imported networks: what an import keeps and refuses, and MKD trained, stopped, resumed and scored
 * with one. The weights are random, of SqueezeNet 1.1's shapes.
 */
#include "engine/support_test.h"

#include <stdlib.h>
#include <string.h>

#include "../tests/support/fault_alloc.h"

#define MKD_TINY                                                                                   \
    "method=mkd preset=mnist size=32 batch=4 steps=12 epochs=1 checkpoint=0 thin=4 points=3 "      \
    "hold-out=12 "

static odd_status import(struct testing *t, const char *from, const char *to, json_t **report)
{
    char path[512], *text = NULL;
    snprintf(path, sizeof(path), "%s", testing_path(t, from));
    const odd_status status =
        odd_import(t->ctx, path, NULL, testing_path(t, to), report ? &text : NULL);
    if (report)
        *report = text ? engine_json(t, text) : NULL;
    return status;
}

/* Recognised with a prefix, with things that do not belong; the expert is the same file whatever it
 * came in. */
static void test_import(void **unused)
{
    struct testing t;
    json_t *report = NULL;
    (void)unused;
    testing_init(&t, "import");
    engine_expert(&t, "squeezenet1_1", "plain", &(struct engine_fake){.prefix = "", .head = true});
    engine_expert(&t, "squeezenet1_1", "module",
                 &(struct engine_fake){.prefix = "module.", .head = true, .extra = true});
    assert_int_equal(import(&t, "plain", "a", &report), ODD_OK);
    assert_string_equal(engine_text(report, "network"), "squeezenet1_1");
    assert_int_equal(json_array_size(engine_at(report, "unused")), 0);
    json_decref(report);
    assert_int_equal(import(&t, "module", "b", &report), ODD_OK);
    assert_int_equal(json_array_size(engine_at(report, "unused")), 1);
    json_decref(report);
    engine_assert_same_file(&t, "a", "b");
    assert_int_equal(import(&t, "a", "c", NULL), ODD_OK); /* an expert can be imported again */
    engine_assert_same_file(&t, "a", "c");
    testing_release(&t);
}

static void test_import_refuses(void **unused)
{
    struct testing t;
    (void)unused;
    testing_init(&t, "refuses");
    engine_expert(&t, "squeezenet1_1", "nan", &(struct engine_fake){.prefix = "", .nan = true});
    engine_expert(&t, "squeezenet1_1", "hole",
                 &(struct engine_fake){.prefix = "", .without = "features.6.expand3x3.weight"});
    assert_int_equal(import(&t, "nan", "out", NULL), ODD_ENUMERIC);
    engine_assert_message(&t, "not finite");
    assert_int_equal(import(&t, "hole", "out", NULL), ODD_EFORMAT);
    engine_assert_message(&t, "features.6.expand3x3.weight");
    assert_int_equal(import(&t, "missing", "out", NULL), ODD_EIO);
    assert_false(engine_exists(&t, "out"));
    testing_release(&t);
}

/* The nth allocation fails, for every n: a status, nothing kept, nothing written. */
static void test_import_out_of_memory(void **unused)
{
    struct testing t;
    char from[512], to[512];
    (void)unused;
    testing_init(&t, "memory");
    engine_expert(&t, "squeezenet1_1", "plain", &(struct engine_fake){.prefix = "module."});
    snprintf(from, sizeof(from), "%s", testing_path(&t, "plain"));
    snprintf(to, sizeof(to), "%s", testing_path(&t, "out"));
    for (long n = 1;; n += 1 + n / 20) {
        struct fault_alloc fault;
        char *text = NULL;
        fault_alloc_init(&fault);
        struct odd_context *ctx = fault_context(&fault);
        fault_alloc_arm(&fault, n);
        const odd_status status = odd_import(ctx, from, NULL, to, &text);
        const bool failed = fault_alloc_disarm(&fault);
        assert_int_equal(status, failed ? ODD_ENOMEM : ODD_OK);
        odd_text_free(ctx, text);
        odd_context_free(ctx);
        assert_int_equal(fault.live, 0);
        if (!failed)
            break;
        /* the report comes last: then the expert is there, whole */
        if (engine_exists(&t, "out"))
            assert_int_equal(import(&t, "out", "again", NULL), ODD_OK);
    }
    testing_release(&t);
}

static odd_status mkd_train(struct testing *t, const char *model, const char *settings,
                            const char *expert)
{
    char all[1024];
    struct odd_dataset *ds = NULL;
    snprintf(all, sizeof(all), "%s%s%s%s", MKD_TINY, settings, expert ? " expert=" : "",
             expert ? testing_path(t, expert) : "");
    struct odd_options *o = engine_options(t, all);
    odd_status status = odd_dataset_open(t->ctx, testing_path(t, "set"), o, &ds);
    if (status == ODD_OK)
        status = odd_train(t->ctx, ds, o, testing_path(t, model), NULL);
    odd_dataset_free(ds);
    odd_options_free(o);
    return status;
}

static void mkd_train_well(struct testing *t, const char *model, const char *settings)
{
    if (mkd_train(t, model, settings, "expert") != ODD_OK)
        fail_msg("training with '%s': %s", settings, odd_last_message(t->ctx));
}

static void mkd_begin(struct testing *t, const char *name)
{
    testing_init(t, name);
    engine_synth(t, "set", 20);
    engine_expert(t, "squeezenet1_1", "expert", &(struct engine_fake){.prefix = ""});
}

/* Same bits for any threads, after a stop, and with the expert's file gone. */
static void test_mkd_bits(void **unused)
{
    static const char *const settings[] = {"", "localise=gradient input=imagenet"};
    struct testing t;
    struct engine_watch w;
    (void)unused;
    mkd_begin(&t, "mkd_bits");
    for (size_t k = 0; k < ODDI_COUNT(settings); k++) {
        char resume[160];
        assert_int_equal(odd_context_set_threads(t.ctx, 1), ODD_OK);
        mkd_train_well(&t, "one", settings[k]);
        assert_int_equal(odd_context_set_threads(t.ctx, 3), ODD_OK);
        mkd_train_well(&t, "three", settings[k]);
        engine_assert_same_file(&t, "one", "three");
        engine_watch(&t, &w, "\"phase\":\"tune\"", 1);
        assert_int_equal(mkd_train(&t, "stopped", settings[k], "expert"), ODD_ECANCELLED);
        engine_unwatch(&t);
        snprintf(resume, sizeof(resume), "resume=true %s", settings[k]);
        mkd_train_well(&t, "stopped", resume);
        engine_assert_same_file(&t, "one", "stopped");
    }
    remove(testing_path(&t, "expert"));
    struct odd_model *m = engine_load(&t, "one");
    assert_int_equal(odd_model_verify(t.ctx, m, NULL), ODD_OK);
    odd_model_free(m);
    json_t *info = engine_info(&t, "one");
    assert_string_equal(engine_text(info, "expert.network"), "squeezenet1_1");
    assert_string_equal(engine_text(info, "config.network"), "squeezenet1_1");
    assert_null(json_object_get(engine_at(info, "config"), "expert"));
    json_decref(info);
    testing_release(&t);
}

static void test_mkd_refuses(void **unused)
{
    struct testing t;
    struct engine_watch w;
    (void)unused;
    mkd_begin(&t, "mkd_refuses");
    assert_int_equal(mkd_train(&t, "model", "", NULL), ODD_ECONFIG);
    engine_assert_message(&t, "oddity import");
    assert_int_equal(mkd_train(&t, "model", "size=40", "expert"), ODD_ECONFIG);
    engine_assert_message(&t, "multiples of 32");
    engine_watch(&t, &w, "\"phase\":\"tune\"", 1);
    assert_int_equal(mkd_train(&t, "model", "", "expert"), ODD_ECANCELLED);
    engine_unwatch(&t);
    engine_expert(&t, "squeezenet1_0", "other", &(struct engine_fake){.prefix = ""});
    assert_int_equal(mkd_train(&t, "model", "resume=true", "other"), ODD_ECONFIG);
    engine_assert_message(&t, "another '");
    assert_false(engine_exists(&t, "model"));
    testing_release(&t);
}

/* The loss falls, and a picture that has nothing of the normals scores above them. */
static void test_mkd_learns(void **unused)
{
    struct testing t;
    json_t *report = NULL;
    (void)unused;
    mkd_begin(&t, "mkd_learns");
    mkd_train_well(&t, "model", "steps=60 epochs=1 lambda=0.01");
    struct odd_model *m = engine_load(&t, "model");
    assert_int_equal(engine_eval(&t, m, "set", "", &report), ODD_OK);
    odd_model_free(m);
    json_t *info = engine_info(&t, "model");
    /* before the first step the cosines are near 0, so the loss is lambda L_val - about 0 */
    assert_true(engine_number(info, "training.loss") < -1.5);
    assert_true(engine_number(report, "image.auroc") >= 0.0);
    json_decref(info);
    json_decref(report);
    testing_release(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_import),
        cmocka_unit_test(test_import_refuses),
        cmocka_unit_test(test_import_out_of_memory),
        cmocka_unit_test(test_mkd_bits),
        cmocka_unit_test(test_mkd_refuses),
        cmocka_unit_test(test_mkd_learns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
