/* SPDX-License-Identifier: Apache-2.0
 * How lambda is settled: a number stays, the preset's constant holds for an expert of size 1 alone,
 * auto makes both terms equal on the untrained networks; the same number for any threads. */
#include "method/mkd/support_test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LAMBDA_TEST_SET MKD_TEST_TINY

static odd_status get(void *user, int64_t i, float *picture)
{
    const struct mkd_test *t = user;
    memcpy(picture, t->pictures + i * MKD_TEST_PLANE, MKD_TEST_PLANE * sizeof(float));
    return ODD_OK;
}

static odd_status settle(struct mkd_test *t, int64_t pictures, struct oddi_settle *s)
{
    *s = (struct oddi_settle){.ctx = t->ctx,
                              .trainer = &t->trainer,
                              .values = &t->values,
                              .pictures = pictures,
                              .get = get,
                              .user = t};
    return oddi_method_mkd.settle(s);
}

/* Multiplies all convolutions of the expert: its maps grow by a power of this. */
static void scale_expert(struct mkd_test *t, float factor)
{
    struct oddi_state *s = &t->trainer.state;
    for (size_t i = 0; i < s->params; i++) {
        const struct oddi_state_param *p = &s->param[i];
        float *w = oddi_state_weights(s, p);
        if (strcmp(s->group[p->group].name, ODDI_EXPERT_GROUP) == 0 && p->shape.rank == 4)
            for (int64_t k = 0; k < oddi_shape_count(&p->shape); k++)
                w[k] *= factor;
        s->group[p->group].version++;
    }
}

static double note_number(const struct oddi_settle *s, const char *key)
{
    const json_t *value = json_object_get(s->note, key);
    assert_true(json_is_number(value));
    return json_number_value(value);
}

static double note_size(const struct oddi_settle *s, const char *key)
{
    const json_t *sizes = json_object_get(s->note, key);
    assert_int_equal(json_array_size(sizes), 1);
    return json_number_value(json_array_get(sizes, 0));
}

static void test_number_stays(void **unused)
{
    struct mkd_test t;
    struct oddi_settle s;
    (void)unused;
    mkd_test_start(&t, LAMBDA_TEST_SET "lambda=0.2", 1, NULL);
    mkd_test_ok(t.ctx, settle(&t, 4, &s));
    assert_string_equal(s.setting, "");
    assert_null(s.note);
    assert_true(oddi_mkd_lambda(&t.values) == 0.2);
    mkd_test_end(&t);
}

/* L_dir = lambda L_val in the first step, whose pictures are those looked at. */
static void test_auto_makes_terms_equal(void **unused)
{
    char setting[2][96];
    (void)unused;
    for (int k = 0; k < 2; k++) {
        struct mkd_test t;
        struct oddi_settle s;
        mkd_test_start(&t, LAMBDA_TEST_SET "lambda=auto", k ? 3 : 1, NULL);
        mkd_test_ok(t.ctx, settle(&t, 4, &s));
        assert_true(strncmp(s.setting, "lambda=", 7) == 0);
        snprintf(setting[k], sizeof(setting[k]), "%s", s.setting);
        const double lambda = strtod(s.setting + 7, NULL);
        mkd_test_train(&t, 1, NULL);
        const double direction = 3 - oddi_trainer_result(&t.trainer, "cosine"),
                     value = oddi_trainer_result(&t.trainer, "value");
        assert_true(lambda > 0 && fabs(direction - lambda * value) < 1e-4 * direction);
        assert_true(fabs(note_number(&s, "lambda_auto") - lambda) < 1e-5 * lambda);
        assert_string_equal(json_string_value(json_object_get(s.note, "asked")), "auto");
        json_decref(s.note);
        mkd_test_end(&t);
    }
    assert_string_equal(setting[0], setting[1]);
}

/* Five pictures are one batch of four: looking at them leaves the training as it was. */
static void test_looking_changes_nothing(void **unused)
{
    struct mkd_test a, b;
    struct oddi_settle s;
    (void)unused;
    mkd_test_start(&a, LAMBDA_TEST_SET, 1, NULL);
    mkd_test_start(&b, LAMBDA_TEST_SET "lambda=auto", 1, NULL);
    mkd_test_ok(b.ctx, settle(&b, 5, &s));
    for (int i = 0; i < a.trainer.state.groups; i++)
        assert_memory_equal(a.trainer.state.group[i].weights, b.trainer.state.group[i].weights,
                            a.trainer.state.group[i].count * sizeof(float));
    json_decref(s.note);
    mkd_test_end(&a);
    mkd_test_end(&b);
}

/* One map, from far below size 1 to far above. */
static void test_preset_holds_for_size_one(void **unused)
{
    int held = 0, left = 0;
    (void)unused;
    for (float factor = 1; factor < 4; factor *= 1.1f) {
        struct mkd_test t;
        struct oddi_settle s;
        mkd_test_start(&t, LAMBDA_TEST_SET "points=1 lambda=preset lambda-preset=0.01", 1, NULL);
        scale_expert(&t, factor);
        mkd_test_ok(t.ctx, settle(&t, 4, &s));
        const double fed = note_size(&s, "expert_rms"),
                     own = note_size(&s, "expert_rms_as_trained");
        const bool within = (fed >= 0.3 && fed <= 3) || (own >= 0.3 && own <= 3);
        assert_true((strcmp(s.setting, "lambda=0.01") == 0) == within);
        assert_non_null(strstr(s.message, within ? "within" : "outside of"));
        held += within;
        left += !within;
        json_decref(s.note);
        mkd_test_end(&t);
    }
    assert_true(held > 0 && left > 0);
}

/* An expert that sees nothing has no lambda, but does not stop who says a number. */
static void test_dead_expert(void **unused)
{
    struct mkd_test t;
    struct oddi_settle s;
    (void)unused;
    mkd_test_start(&t, LAMBDA_TEST_SET "lambda=preset", 1, NULL);
    scale_expert(&t, 0);
    assert_int_equal(settle(&t, 4, &s), ODD_ENUMERIC);
    assert_non_null(strstr(odd_last_message(t.ctx), "--set lambda="));
    assert_null(s.note);
    mkd_test_set(&t, "lambda=1");
    mkd_test_ok(t.ctx, settle(&t, 4, &s));
    mkd_test_end(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_number_stays), cmocka_unit_test(test_auto_makes_terms_equal),
        cmocka_unit_test(test_looking_changes_nothing),
        cmocka_unit_test(test_preset_holds_for_size_one), cmocka_unit_test(test_dead_expert)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
