/* SPDX-License-Identifier: Apache-2.0
 * MKD over a SqueezeNet 1.1 of random weights: what is refused, the score against its formula, both
 * kinds of map, a loss that falls to the same weights on any number of threads. */
#include "base/compat.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "method/mkd/mkd.h"

#define SIDE 64
#define PLANE (SIDE * SIDE)

struct mkd_test {
    struct odd_context *ctx;
    struct oddi_values values;
    struct oddi_trainer trainer;
    float *pictures;
};
static const struct oddi_geometry geometry = {1, SIDE, SIDE};

static void set(struct mkd_test *t, const char *name, const char *value)
{
    if (oddi_values_set(&t->values, name, value, "set") != ODD_OK)
        fail_msg("%s", odd_last_message(t->ctx));
}

/* Random weights that keep the size of what passes (He). */
static void fill_expert(struct mkd_test *t)
{
    struct oddi_state *s = &t->trainer.state;
    for (size_t i = 0; i < s->params; i++) {
        const struct oddi_state_param *p = &s->param[i];
        struct oddi_rng rng;
        if (strcmp(s->group[p->group].name, ODDI_EXPERT_GROUP) != 0)
            continue;
        const int64_t n = oddi_shape_count(&p->shape);
        const float fan = p->shape.rank == 4 ? (float)(n / p->shape.dim[0]) : 0;
        float *w = oddi_state_weights(s, p);
        oddi_rng_init(&rng, 11, ODDI_RNG_TEST, i, 0);
        for (int64_t k = 0; k < n; k++)
            w[k] = fan > 0 ? sqrtf(2 / fan) * oddi_rng_normal(&rng) : 0.01f;
        s->group[p->group].version++;
    }
}

static void start(struct mkd_test *t, int threads, const char *localise)
{
    const struct oddi_method *m = &oddi_method_mkd;
    const struct oddi_param *tables[] = {m->params, oddi_recipe_params, oddi_expert_params, NULL};
    struct oddi_recipe recipe;
    memset(t, 0, sizeof(*t));
    assert_int_equal(odd_context_new(&t->ctx), ODD_OK);
    assert_int_equal(odd_context_set_threads(t->ctx, threads), ODD_OK);
    assert_int_equal(oddi_values_init(&t->values, t->ctx, tables), ODD_OK);
    set(t, "network", "squeezenet1_1");
    set(t, "points", "3");
    set(t, "thin", "4");
    set(t, "batch", "4");
    set(t, "steps", "30");
    set(t, "beta1", "0.9");
    set(t, "schedule", "constant");
    set(t, "lambda", "0.1");
    set(t, "localise", localise);
    assert_int_equal(m->check(t->ctx, &t->values, &geometry), ODD_OK);
    const struct oddi_trainer_net net = {.build = m->build,
                                         .values = &t->values,
                                         .in = geometry,
                                         .stages = m->stages(&t->values),
                                         .mode = "best"};
    assert_int_equal(oddi_recipe_read(&recipe, &t->values, 4), ODD_OK);
    if (oddi_trainer_init(&t->trainer, t->ctx, &net, 3, false) != ODD_OK)
        fail_msg("%s", odd_last_message(t->ctx));
    t->trainer.recipe = recipe;
    fill_expert(t);
    t->pictures = malloc(sizeof(float) * 5 * PLANE);
    assert_non_null(t->pictures);
    for (int i = 0; i < 5; i++)
        for (int k = 0; k < PLANE; k++) {
            const float x = (float)(k % SIDE), y = (float)(k / SIDE);
            t->pictures[i * PLANE + k] = 0.5f * sinf(0.5f * x + (float)i) * sinf(0.4f * y);
        }
    for (int y = 20; y < 32; y++) /* the fifth has a defect */
        for (int x = 36; x < 48; x++)
            t->pictures[4 * PLANE + y * SIDE + x] = 1.0f;
}

static void end(struct mkd_test *t)
{
    free(t->pictures);
    oddi_trainer_release(&t->trainer);
    oddi_values_release(&t->values);
    odd_context_free(t->ctx);
}

static double train(struct mkd_test *t, int64_t steps, double *first)
{
    for (int64_t i = 0; i < steps; i++) {
        if (oddi_trainer_step(&t->trainer, 0, i, t->pictures, 4) != ODD_OK)
            fail_msg("%s", odd_last_message(t->ctx));
        if (i == 0)
            *first = oddi_trainer_result(&t->trainer, "loss");
    }
    return oddi_trainer_result(&t->trainer, "loss");
}

static void test_refused(void **unused)
{
    struct mkd_test t;
    const struct oddi_method *m = &oddi_method_mkd;
    (void)unused;
    start(&t, 1, "features");
    assert_int_equal(m->check(t.ctx, &t.values, &(struct oddi_geometry){1, 48, 64}), ODD_ECONFIG);
    assert_int_equal(m->check(t.ctx, &t.values, &(struct oddi_geometry){4, 64, 64}), ODD_ECONFIG);
    set(&t, "first-scored", "4");
    assert_int_equal(m->check(t.ctx, &t.values, &geometry), ODD_ECONFIG);
    set(&t, "first-scored", "2");
    set(&t, "network", "vgg17");
    assert_int_equal(m->check(t.ctx, &t.values, &geometry), ODD_ECONFIG);
    assert_non_null(strstr(odd_last_message(t.ctx), "vgg17"));
    end(&t);
}

static void test_loss_falls(void **unused)
{
    struct mkd_test one, three;
    double first = 0;
    (void)unused;
    start(&one, 1, "features");
    start(&three, 3, "features");
    const double last = train(&one, 30, &first);
    assert_true(last < first - 0.5);
    assert_true(train(&three, 30, &first) == last);
    const struct oddi_group *a = oddi_state_group(&one.trainer.state, "cloner"),
                            *b = oddi_state_group(&three.trainer.state, "cloner");
    assert_memory_equal(a->weights, b->weights, a->count * sizeof(float));
    assert_null(oddi_state_group(&one.trainer.state, ODDI_EXPERT_GROUP)->grad); /* not trained */
    end(&one);
    end(&three);
}

struct scored {
    double component[ODDI_COMPONENTS_MAX], want; /* want: equation (4), from the outputs */
    float map[PLANE], scratch[PLANE];
};

/* One term of (4) and the mean square, written differently from measure.c. */
static double plain_term(const float *a, const float *c, int64_t n, double lambda)
{
    long double dot = 0, la = 0, lc = 0, square = 0;
    for (int64_t i = n - 1; i >= 0; i--) {
        dot += (long double)a[i] * (long double)c[i];
        la += (long double)a[i] * (long double)a[i];
        lc += (long double)c[i] * (long double)c[i];
        square += ((long double)a[i] - (long double)c[i]) * ((long double)a[i] - (long double)c[i]);
    }
    return (double)(1 - dot / sqrtl(la * lc) + (long double)lambda * square / (long double)n);
}

static void score(struct mkd_test *t, int picture, struct scored *s)
{
    struct oddi_build b;
    struct oddi_plan *plan = NULL;
    struct oddi_binding *binding = NULL;
    int count = 0;
    oddi_build_init(&b, t->ctx, &t->values, &geometry, 1);
    b.stage = ODDI_STAGE_SCORE;
    oddi_method_mkd.build(&b);
    if (oddi_graph_fuse(&b.graph) != ODD_OK)
        fail_msg("%s", odd_last_message(t->ctx));
    assert_int_equal(oddi_state_bind(&t->trainer.state, &b, &binding, &count), ODD_OK);
    const struct oddi_plan_options options = {
        .mode = "best", .threads = 1, .binding = binding, .binding_count = count};
    if (oddi_plan_new(t->ctx, &b.graph, &options, &plan) != ODD_OK)
        fail_msg("%s", odd_last_message(t->ctx));
    assert_int_equal(oddi_plan_set(plan, b.image, t->pictures + picture * PLANE), ODD_OK);
    assert_int_equal(oddi_plan_run(plan), ODD_OK);
    const struct oddi_measure m = {.ctx = t->ctx,
                                   .values = &t->values,
                                   .in = geometry,
                                   .build = &b,
                                   .plan = plan,
                                   .picture = t->pictures + picture * PLANE,
                                   .width = SIDE,
                                   .height = SIDE,
                                   .map = s->map,
                                   .scratch = s->scratch,
                                   .component = s->component};
    assert_int_equal(oddi_method_mkd.measure(&m), ODD_OK);
    s->want = 0;
    for (int i = 2; i <= 3; i++) {
        char name[2][16];
        snprintf(name[0], 16, "expert.%d", i);
        snprintf(name[1], 16, "cloner.%d", i);
        const struct oddi_node *x = oddi_build_find(&b, name[0]), *c = oddi_build_find(&b, name[1]);
        assert_true(x && c && oddi_shape_equal(&x->shape, &c->shape));
        s->want += plain_term(oddi_plan_output(plan, x), oddi_plan_output(plan, c),
                              oddi_shape_count(&x->shape), 0.1);
    }
    oddi_plan_free(plan);
    oddi_build_release(&b);
    oddi_free(t->ctx, binding);
}

static void test_score(void **unused)
{
    static const char *const localise[] = {"features", "gradient"};
    static struct scored normal, defect;
    const struct oddi_spread spread = {{0}, {1, 1, 1}};
    double first;
    (void)unused;
    for (size_t k = 0; k < ODDI_COUNT(localise); k++) {
        struct mkd_test t;
        start(&t, 1, localise[k]);
        train(&t, 30, &first);
        score(&t, 0, &normal);
        score(&t, 4, &defect);
        assert_true(fabs(defect.component[0] - defect.want) < 1e-5);
        assert_true(defect.component[0] > normal.component[0]);
        assert_true(oddi_method_mkd.combine(&t.values, defect.component, &spread) ==
                    defect.component[0]);
        float top = 0;
        for (int i = 0; i < PLANE; i++) {
            assert_true(isfinite(defect.map[i]) && defect.map[i] >= -1e-6f);
            top = defect.map[i] > top ? defect.map[i] : top;
        }
        assert_true(top > 0);
        end(&t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_refused),
                                       cmocka_unit_test(test_loss_falls),
                                       cmocka_unit_test(test_score)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
