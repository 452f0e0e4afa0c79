/* SPDX-License-Identifier: Apache-2.0
 *
 * Methods that fit: the memory bank trained, loaded and asked through the engine, with an expert of
 * random weights. The same bits for any threads; hostile models refused by name.
 */
#include "engine/support_test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "engine/model.h"
#include "engine/scorer.h"
#include "image/image.h"
#include "knn/knn.h"
#include "nn/features.h"
#include "../tests/support/fault_alloc.h"

#define BANK_TINY "method=bank size=64 hold-out=12 coreset-count=60 taps=4,8 "

static odd_status bank_train(struct testing *t, const char *model, const char *settings,
                             char **report)
{
    char all[1024];
    struct odd_dataset *ds = NULL;
    snprintf(all, sizeof(all), "%s%s expert=%s", BANK_TINY, settings, testing_path(t, "expert"));
    struct odd_options *o = engine_options(t, all);
    odd_status status = odd_dataset_open(t->ctx, testing_path(t, "set"), o, &ds);
    if (status == ODD_OK)
        status = odd_train(t->ctx, ds, o, testing_path(t, model), report);
    odd_dataset_free(ds);
    odd_options_free(o);
    return status;
}

static void bank_train_well(struct testing *t, const char *model, const char *settings)
{
    if (bank_train(t, model, settings, NULL) != ODD_OK)
        fail_msg("fitting with '%s': %s", settings, odd_last_message(t->ctx));
}

static void bank_begin(struct testing *t, const char *name)
{
    testing_init(t, name);
    engine_synth(t, "set", 24);
    engine_expert(t, "squeezenet1_1", "expert", &(struct engine_fake){.prefix = ""});
}

static void test_bits(void **unused)
{
    static const char *const settings[] = {"", "score=reweighted patch-mean=false coreset=0.02",
                                           "pool-mib=1 seed=3"};
    struct testing t;
    (void)unused;
    bank_begin(&t, "bank_bits");
    for (size_t k = 0; k < ODDI_COUNT(settings); k++) {
        assert_int_equal(odd_context_set_threads(t.ctx, 1), ODD_OK);
        bank_train_well(&t, "one", settings[k]);
        assert_int_equal(odd_context_set_threads(t.ctx, 3), ODD_OK);
        bank_train_well(&t, "three", settings[k]);
        engine_assert_same_file(&t, "one", "three");
    }
    remove(testing_path(&t, "expert"));
    struct odd_model *m = engine_load(&t, "one");
    assert_int_equal(odd_model_verify(t.ctx, m, NULL), ODD_OK);
    odd_model_free(m);
    testing_release(&t);
}

/* Every cell's distance is that to the nearest of the model's rows, by the plain definition, and
 * the map's components follow from it. */
static void test_score_is_the_distance(void **unused)
{
    struct testing t;
    struct odd_scorer *s = NULL;
    struct oddi_picture *picture = NULL;
    struct oddi_scored scored;
    (void)unused;
    bank_begin(&t, "bank_distance");
    bank_train_well(&t, "model", "score=max");
    struct odd_model *m = engine_load(&t, "model");
    engine_tiff(&t, "look", (struct engine_look){90, 70, 3, 8}, 5);
    assert_int_equal(oddi_scorer_make(t.ctx, m, 2, &s), ODD_OK);
    assert_int_equal(oddi_image_load(t.ctx, testing_path(&t, "look"), ODDI_IMAGE_BUDGET, &picture),
                     ODD_OK);
    assert_int_equal(oddi_scorer_run(s, picture, &scored), ODD_OK);
    const struct oddi_stored *bank = oddi_model_file_find(&m->file, "fit.rows");
    assert_non_null(bank);
    const struct oddi_feature_grid grid = oddi_features_grid(&s->build);
    const int64_t cells = grid.height * grid.width;
    float *rows = malloc((size_t)(cells * grid.dim) * sizeof(float)),
          *scratch = malloc(oddi_features_scratch(&s->build) * sizeof(float));
    oddi_features_rows(&s->build, s->plan, true, scratch, rows);
    float worst = 0;
    for (int64_t i = 0; i < cells; i++) {
        float least = HUGE_VALF;
        for (int64_t k = 0; k < bank->shape.dim[0]; k++) {
            const float d = oddi_knn_distance2(
                rows + i * grid.dim, (const float *)bank->data + k * grid.dim, grid.dim);
            least = d < least ? d : least;
        }
        worst = least > worst ? least : worst;
    }
    assert_true(worst > 0);
    assert_true(scored.component[0] == (double)sqrtf(worst));
    assert_true(scored.score == scored.component[0]);
    assert_true(scored.component[2] == scored.maximum);
    assert_true(scored.component[1] > 0 && scored.component[1] <= scored.component[0]);
    free(rows);
    free(scratch);
    oddi_picture_free(t.ctx, picture);
    odd_scorer_free(s);
    odd_model_free(m);
    testing_release(&t);
}

/* A bank that keeps every row of its normals is at distance 0 from them. */
static void test_normals_are_in_the_bank(void **unused)
{
    struct testing t;
    struct odd_scorer *s = NULL;
    (void)unused;
    bank_begin(&t, "bank_whole");
    bank_train_well(&t, "model", "coreset=1 score=max hold-out=4");
    struct odd_model *m = engine_load(&t, "model");
    assert_int_equal(odd_scorer_new(t.ctx, m, &s), ODD_OK);
    int zero = 0;
    for (int i = 0; i < 24; i++) {
        char name[64];
        snprintf(name, sizeof(name), "set/train/good/%03d.png", i);
        zero += engine_score(&t, s, name, false) == 0.0;
    }
    assert_int_equal(zero, 20);
    odd_scorer_free(s);
    odd_model_free(m);
    testing_release(&t);
}

static void test_finds_defects(void **unused)
{
    struct testing t;
    json_t *report = NULL;
    char *text = NULL;
    (void)unused;
    bank_begin(&t, "bank_finds");
    assert_int_equal(bank_train(&t, "model", "coreset=0.5", &text), ODD_OK);
    report = engine_json(&t, text);
    assert_null(json_object_get(report, "steps"));
    assert_true(engine_number(report, "n_train") == 12);
    json_decref(report);
    struct odd_model *m = engine_load(&t, "model");
    assert_int_equal(engine_eval(&t, m, "set", "", &report), ODD_OK);
    assert_true(engine_number(report, "image.auroc") > 0.75);
    assert_true(engine_number(report, "pixel.auroc") > 0.8);
    odd_model_free(m);
    json_decref(report);
    testing_release(&t);
}

static void test_refuses(void **unused)
{
    static const struct {
        const char *settings, *message;
    } bad[] = {{"taps=3", "taps=3"},       {"taps=8,4", "rising"},   {"taps=64", "rising"},
               {"taps=", "no stride"},     {"preset=full", "preset"}, {"lr=0.1", "lr"},
               {"pool-mib=0", "pool-mib"}, {"size=16", "32 x 32"}};
    struct testing t;
    struct engine_watch w;
    (void)unused;
    bank_begin(&t, "bank_refuses");
    for (size_t i = 0; i < ODDI_COUNT(bad); i++) {
        assert_int_equal(bank_train(&t, "model", bad[i].settings, NULL), ODD_ECONFIG);
        engine_assert_message(&t, bad[i].message);
    }
    engine_watch(&t, &w, "\"phase\":\"features\"", 1);
    assert_int_equal(bank_train(&t, "model", "", NULL), ODD_ECANCELLED);
    engine_unwatch(&t);
    assert_false(engine_exists(&t, "model"));
    assert_false(engine_exists(&t, "model.state"));
    testing_release(&t);
}

/* A model whose rows are of another length, or not there, or not finite. */
static void test_hostile_model(void **unused)
{
    struct testing t;
    (void)unused;
    bank_begin(&t, "bank_hostile");
    bank_train_well(&t, "model", "");
    for (int kind = 0; kind < 3; kind++) {
        struct oddi_model_file from, to;
        struct odd_model *m = NULL;
        oddi_model_file_init(&from, t.ctx);
        oddi_model_file_init(&to, t.ctx);
        assert_int_equal(oddi_model_file_load(&from, testing_path(&t, "model")), ODD_OK);
        float *rows = NULL;
        for (size_t i = 0; i < oddi_model_file_count(&from); i++) {
            struct oddi_stored x = *oddi_model_file_at(&from, i);
            const bool bank = strcmp(x.name, "fit.rows") == 0;
            if (bank && kind == 0)
                continue;
            if (bank && kind == 1)
                x.shape = oddi_shape_make(2, x.shape.dim[0] * 2, x.shape.dim[1] / 2, 1, 1);
            if (bank && kind == 2) {
                rows = malloc(x.size);
                memcpy(rows, x.data, x.size);
                rows[7] = NAN;
                x.data = rows;
            }
            if (oddi_starts_with(x.name, "calibration."))
                continue;
            assert_int_equal(oddi_model_file_add(&to, x.name, x.type, &x.shape, x.data), ODD_OK);
        }
        struct oddi_stored_calibration c;
        assert_int_equal(oddi_model_file_calibration(&from, 0, &c), ODD_OK);
        assert_int_equal(oddi_model_file_add_calibration(&to, &c), ODD_OK);
        assert_int_equal(oddi_model_file_set(&to, from.method, from.json), ODD_OK);
        assert_int_equal(oddi_model_file_save(&to, testing_path(&t, "bad")), ODD_OK);
        const odd_status status = odd_model_load(t.ctx, testing_path(&t, "bad"), &m);
        assert_int_equal(status, kind == 2 ? ODD_ENUMERIC : ODD_EFORMAT);
        assert_null(m);
        oddi_model_file_release(&to);
        oddi_model_file_release(&from);
        free(rows);
    }
    testing_release(&t);
}

/* What is automatic: bank with an expert, daad without one or with settings that bank has not. */
static void test_automatic_method(void **unused)
{
    struct testing t;
    struct odd_dataset *ds = NULL;
    static const struct {
        const char *settings, *method;
        bool expert;
    } cases[] = {{"size=64 hold-out=12 coreset-count=20 ", "bank", true},
                 {ENGINE_TINY "hold-out=12 ", "daad", true},
                 {ENGINE_TINY "hold-out=12 ", "daad", false},
                 {"method=patchcore size=64 hold-out=12 ", "bank", true}};
    (void)unused;
    bank_begin(&t, "bank_auto");
    for (size_t i = 0; i < ODDI_COUNT(cases); i++) {
        char all[512];
        snprintf(all, sizeof(all), "%s%s%s", cases[i].settings,
                 cases[i].expert ? "expert=" : "seed=0",
                 cases[i].expert ? testing_path(&t, "expert") : "");
        struct odd_options *o = engine_options(&t, all);
        assert_int_equal(odd_dataset_open(t.ctx, testing_path(&t, "set"), o, &ds), ODD_OK);
        if (odd_train(t.ctx, ds, o, testing_path(&t, "model"), NULL) != ODD_OK)
            fail_msg("%s: %s", all, odd_last_message(t.ctx));
        odd_dataset_free(ds);
        odd_options_free(o);
        json_t *info = engine_info(&t, "model");
        assert_string_equal(engine_text(info, "method"), cases[i].method);
        json_decref(info);
    }
    testing_release(&t);
}

static void test_out_of_memory(void **unused)
{
    struct testing t;
    char set[512], model[512], expert[512];
    (void)unused;
    bank_begin(&t, "bank_memory");
    snprintf(set, sizeof(set), "%s", testing_path(&t, "set"));
    snprintf(model, sizeof(model), "%s", testing_path(&t, "model"));
    snprintf(expert, sizeof(expert), "%s", testing_path(&t, "expert"));
    for (long n = 1;; n += 1 + n / 12) {
        struct fault_alloc fault;
        struct odd_dataset *ds = NULL;
        struct odd_options *o = NULL;
        fault_alloc_init(&fault);
        struct odd_context *ctx = fault_context(&fault);
        odd_status status = odd_options_new(ctx, &o);
        assert_int_equal(status, ODD_OK);
        assert_int_equal(odd_options_set(o, "method", "bank"), ODD_OK);
        assert_int_equal(odd_options_set(o, "size", "32"), ODD_OK);
        assert_int_equal(odd_options_set(o, "taps", "4"), ODD_OK);
        assert_int_equal(odd_options_set(o, "hold-out", "12"), ODD_OK);
        assert_int_equal(odd_options_set(o, "coreset-count", "10"), ODD_OK);
        assert_int_equal(odd_options_set(o, "expert", expert), ODD_OK);
        assert_int_equal(odd_dataset_open(ctx, set, o, &ds), ODD_OK);
        fault_alloc_arm(&fault, n);
        status = odd_train(ctx, ds, o, model, NULL);
        const bool failed = fault_alloc_disarm(&fault);
        if (status != (failed ? ODD_ENOMEM : ODD_OK))
            fail_msg("allocation %ld: %s: %s", n, odd_status_text(status), odd_last_message(ctx));
        odd_dataset_free(ds);
        odd_options_free(o);
        odd_context_free(ctx);
        assert_int_equal(fault.live, 0);
        if (!failed)
            break;
        if (engine_exists(&t, "model")) { /* the report comes last: then the model is whole */
            struct odd_model *m = engine_load(&t, "model");
            odd_model_free(m);
            remove(testing_path(&t, "model"));
        }
    }
    testing_release(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bits),           cmocka_unit_test(test_score_is_the_distance),
        cmocka_unit_test(test_normals_are_in_the_bank),
        cmocka_unit_test(test_finds_defects),  cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_hostile_model),  cmocka_unit_test(test_automatic_method),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
