/* SPDX-License-Identifier: Apache-2.0
 * Optimisers against plain loops in double, schedules, clipping, averages, the recipe's table; the
 * training state's blocks; what a build keeps; layers. */
#include "nn/support_test.h"

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "base/rng.h"
#include "nn/layers.h"

#define TEST_STEPS 25
#define TEST_A 37    /* elements of two parameters of one group */
#define TEST_B 20000 /* more than one piece of the parallel update */

static const double test_pi = 3.14159265358979323846;

/* ---- updates ---- */

struct nn_test_state { /* group "net" with parameters a and b */
    struct oddi_graph g;
    struct oddi_state s;
    struct oddi_group *group;
};
static void nn_test_start(struct odd_context *ctx, struct nn_test_state *t, bool averages)
{
    const struct oddi_init init = {ODDI_INIT_NORMAL, 0.0f, 1.0f};
    oddi_graph_init(&t->g, ctx);
    oddi_param(&t->g, "net", "a", oddi_shape_make(1, TEST_A, 1, 1, 1), init);
    oddi_param(&t->g, "net", "b", oddi_shape_make(1, TEST_B, 1, 1, 1), init);
    oddi_state_init(&t->s, ctx);
    nn_test_ok(ctx, oddi_state_declare(&t->s, &t->g));
    nn_test_ok(ctx, oddi_state_start(&t->s, 5, averages));
    t->group = oddi_state_group(&t->s, "net");
    assert_non_null(t->group);
}
static void nn_test_end(struct nn_test_state *t)
{
    oddi_state_release(&t->s);
    oddi_graph_release(&t->g);
}

/* Place of element i of both parameters, one after the other, in the group's block. */
static size_t nn_test_place(const struct nn_test_state *t, size_t i)
{
    return i < TEST_A ? i : t->s.param[1].offset + i - TEST_A;
}

/* Gradients of a step, of norm about 1.4 times the root of the count; padding stays zero. */
static void nn_test_gradient(struct nn_test_state *t, int step)
{
    struct oddi_rng rng;
    oddi_rng_init(&rng, 9, ODDI_RNG_TEST, (uint64_t)step, 0);
    for (size_t i = 0; i < TEST_A + TEST_B; i++)
        t->group->grad[nn_test_place(t, i)] = oddi_rng_normal(&rng) * (i % 5 == 0 ? 3.0f : 0.01f);
}

struct nn_test_element {
    double w, m, v, average;
};
/* The formulas of optim.h for one element; `t` counts from 1. */
static void nn_test_element(const struct oddi_recipe *r, int t, double rate, double g,
                            struct nn_test_element *e)
{
    if (r->optim == ODDI_SGD) {
        e->m = r->momentum * e->m + g + r->decay * e->w;
        e->w -= rate * e->m;
    } else {
        e->m = r->beta1 * e->m + (1 - r->beta1) * g;
        e->v = r->beta2 * e->v + (1 - r->beta2) * g * g;
        const double m = e->m / (1 - pow(r->beta1, t)), v = e->v / (1 - pow(r->beta2, t));
        if (r->optim == ODDI_ADAMW)
            e->w -= rate * r->decay * e->w;
        e->w -= rate * m / (sqrt(v) + r->eps);
    }
    e->average = r->average * e->average + (1 - r->average) * e->w;
}

static double nn_test_clip(const struct oddi_recipe *r, const struct nn_test_state *t)
{
    double norm = 0;
    for (size_t i = 0; i < t->group->count; i++)
        norm += (double)t->group->grad[i] * (double)t->group->grad[i];
    return r->clip > 0 && sqrt(norm) > r->clip ? r->clip / sqrt(norm) : 1.0;
}

static void nn_test_padding(const struct nn_test_state *t)
{
    const struct oddi_group *g = t->group;
    for (size_t i = TEST_A; i < t->s.param[1].offset; i++)
        assert_true(g->weights[i] == 0 && g->m[i] == 0 && g->v[i] == 0 && g->grad[i] == 0);
    for (size_t i = t->s.param[1].offset + TEST_B; i < g->count; i++)
        assert_true(g->weights[i] == 0 && g->m[i] == 0 && g->v[i] == 0 && g->grad[i] == 0);
}

static void nn_test_near(double got, double expect, double scale, const char *what)
{
    if (!(fabs(got - expect) <= 2e-5 * scale))
        fail_msg("%s: %.9g is not %.9g", what, got, expect);
}

static void nn_test_optimizer(struct odd_context *ctx, const struct oddi_recipe *r)
{
    static struct nn_test_element plain[TEST_A + TEST_B];
    struct nn_test_state t;
    nn_test_start(ctx, &t, r->average > 0);
    memset(plain, 0, sizeof(plain));
    for (size_t i = 0; i < TEST_A + TEST_B; i++)
        plain[i].w = plain[i].average = (double)t.group->weights[nn_test_place(&t, i)];
    for (int step = 0; step < TEST_STEPS; step++) {
        const double rate = oddi_recipe_rate(r, step);
        nn_test_gradient(&t, step);
        const double scale = nn_test_clip(r, &t);
        const uint64_t version = t.group->version;
        for (size_t i = 0; i < TEST_A + TEST_B; i++)
            nn_test_element(r, step + 1, rate, scale * (double)t.group->grad[nn_test_place(&t, i)],
                            &plain[i]);
        nn_test_ok(ctx, oddi_optim_update(r, &t.s, t.group, rate));
        assert_true(t.group->version > version && t.group->updates == step + 1);
    }
    for (size_t i = 0; i < TEST_A + TEST_B; i++) {
        const size_t at = nn_test_place(&t, i);
        nn_test_near(t.group->weights[at], plain[i].w, 1 + fabs(plain[i].w), "weight");
        if (r->average > 0)
            nn_test_near(t.group->average[at], plain[i].average, 1 + fabs(plain[i].average),
                         "average");
    }
    nn_test_padding(&t);
    nn_test_end(&t);
}

static void test_optimizers(void **state)
{
    const struct oddi_recipe base = {.schedule = ODDI_LINEAR,
                                     .rate = 0.01,
                                     .beta1 = 0.5,
                                     .beta2 = 0.999,
                                     .eps = 1e-8,
                                     .decay_from = 0.5,
                                     .steps = TEST_STEPS};
    struct oddi_recipe r = base;
    nn_test_optimizer(*state, &r);
    r.beta1 = 0.9;
    r.eps = 1e-3;
    r.average = 0.95;
    nn_test_optimizer(*state, &r);
    r.clip = 50.0; /* the gradients are about three times as long */
    nn_test_optimizer(*state, &r);
    r.optim = ODDI_ADAMW;
    r.decay = 0.1;
    nn_test_optimizer(*state, &r);
    r.optim = ODDI_SGD;
    r.momentum = 0.9;
    nn_test_optimizer(*state, &r);
    r = base;
    r.optim = ODDI_SGD;
    nn_test_optimizer(*state, &r);
}

/* Adam does not know weight decay (it is adamw's and sgd's). */
static void test_adam_has_no_decay(void **state)
{
    struct oddi_recipe r = {.rate = 0.01, .beta1 = 0.5, .beta2 = 0.999, .eps = 1e-8, .decay = 0.5};
    struct nn_test_state t, u;
    nn_test_start(*state, &t, false);
    nn_test_start(*state, &u, false);
    nn_test_gradient(&t, 0);
    nn_test_gradient(&u, 0);
    nn_test_ok(*state, oddi_optim_update(&r, &t.s, t.group, 0.01));
    r.decay = 0.0;
    nn_test_ok(*state, oddi_optim_update(&r, &u.s, u.group, 0.01));
    assert_memory_equal(t.group->weights, u.group->weights, t.group->count * sizeof(float));
    nn_test_end(&t);
    nn_test_end(&u);
}

/* After a restart a group behaves as one that never had an update. */
static void test_restart(void **state)
{
    const struct oddi_recipe r = {
        .rate = 0.01, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8, .average = 0.5};
    struct nn_test_state t, u;
    nn_test_start(*state, &t, true);
    nn_test_start(*state, &u, true);
    for (int step = 0; step < 3; step++) {
        nn_test_gradient(&t, step);
        nn_test_ok(*state, oddi_optim_update(&r, &t.s, t.group, 0.01));
    }
    oddi_state_restart(t.group);
    assert_int_equal(t.group->updates, 0);
    memcpy(u.group->weights, t.group->weights, t.group->count * sizeof(float));
    nn_test_gradient(&t, 7);
    nn_test_gradient(&u, 7);
    nn_test_ok(*state, oddi_optim_update(&r, &t.s, t.group, 0.01));
    nn_test_ok(*state, oddi_optim_update(&r, &u.s, u.group, 0.01));
    assert_memory_equal(t.group->weights, u.group->weights, t.group->count * sizeof(float));
    nn_test_end(&t);
    nn_test_end(&u);
}

static void test_not_finite(void **state)
{
    static const float bad[] = {NAN, INFINITY, -INFINITY};
    const struct oddi_recipe r = {
        .rate = 0.01, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8, .clip = 1.0};
    for (size_t i = 0; i < ODDI_COUNT(bad); i++) {
        struct nn_test_state t;
        nn_test_start(*state, &t, false);
        nn_test_gradient(&t, 0);
        t.group->grad[nn_test_place(&t, TEST_A + 12345)] = bad[i];
        const float first = t.group->weights[0];
        assert_int_equal(oddi_optim_update(&r, &t.s, t.group, 0.01), ODD_ENUMERIC);
        assert_non_null(strstr(odd_last_message(*state), "net"));
        assert_true(t.group->weights[0] == first && t.group->updates == 0);
        nn_test_end(&t);
    }
}

/* ---- schedules ---- */

static void nn_test_rate(const struct oddi_recipe *r, int64_t step, double expect)
{
    const double got = oddi_recipe_rate(r, step);
    if (!(fabs(got - expect) <= 1e-12))
        fail_msg("schedule %d, step %d: %.12g is not %.12g", (int)r->schedule, (int)step, got,
                 expect);
}

static void test_schedules(void **state)
{
    (void)state;
    struct oddi_recipe r = {.schedule = ODDI_CONSTANT,
                            .rate = 2.0,
                            .decay_from = 0.5,
                            .step_factor = 0.5,
                            .steps = 100};
    nn_test_rate(&r, 0, 2.0);
    nn_test_rate(&r, 99, 2.0);
    r.schedule = ODDI_LINEAR;
    nn_test_rate(&r, 0, 2.0);
    nn_test_rate(&r, 50, 2.0);
    nn_test_rate(&r, 75, 1.0);
    nn_test_rate(&r, 99, 2.0 / 50);
    r.schedule = ODDI_COSINE;
    nn_test_rate(&r, 50, 2.0);
    nn_test_rate(&r, 75, 1.0);
    nn_test_rate(&r, 90, 1.0 + cos(0.8 * test_pi));
    r.schedule = ODDI_STEP;
    nn_test_rate(&r, 54, 2.0);
    nn_test_rate(&r, 55, 1.0);
    nn_test_rate(&r, 60, 0.5);
    nn_test_rate(&r, 99, 2.0 / 512);
    r.schedule = ODDI_LINEAR;
    r.decay_from = 0.0;
    nn_test_rate(&r, 25, 1.5);
    r.decay_from = 1.0;
    nn_test_rate(&r, 99, 2.0);
    r.warmup_steps = 10;
    nn_test_rate(&r, 0, 0.2);
    nn_test_rate(&r, 8, 1.8);
    nn_test_rate(&r, 9, 2.0);
    nn_test_rate(&r, 10, 2.0);
    r.warmup_steps = 1000; /* longer than the training */
    r.decay_from = 0.5;
    nn_test_rate(&r, 74, 2.0 * 0.52 * 0.075);
    r.steps = 1;
    r.warmup_steps = 0;
    nn_test_rate(&r, 0, 2.0);
    for (int64_t step = 0; step < 40; step++) { /* never negative, never rising */
        r.steps = 40;
        assert_true(oddi_recipe_rate(&r, step) > 0);
        assert_true(oddi_recipe_rate(&r, step + 1) <= oddi_recipe_rate(&r, step));
    }
}

static void nn_test_values(struct odd_context *ctx, struct oddi_values *v)
{
    const struct oddi_param *tables[] = {oddi_recipe_params, NULL};
    nn_test_ok(ctx, oddi_values_init(v, ctx, tables));
}
static void nn_test_set(struct oddi_values *v, const char *name, const char *text)
{
    nn_test_ok(v->ctx, oddi_values_set(v, name, text, "set"));
}

static void test_recipe(void **state)
{
    struct oddi_values v;
    struct oddi_recipe r;
    nn_test_values(*state, &v);
    nn_test_ok(*state, oddi_recipe_read(&r, &v, 1800));
    assert_int_equal(r.optim, ODDI_ADAM);
    assert_int_equal(r.schedule, ODDI_LINEAR);
    assert_true(r.rate == 1e-3 && r.beta1 == 0.5 && r.beta2 == 0.999 && r.eps == 1e-8);
    assert_int_equal(r.steps, 14 * 112); /* the last short batch of an epoch is left out */
    assert_int_equal(r.batch, 16);
    nn_test_set(&v, "last-batch", "keep"); /* 1800 = 112 * 16 + 8 */
    nn_test_ok(*state, oddi_recipe_read(&r, &v, 1800));
    assert_int_equal(r.steps, 14 * 113);
    nn_test_ok(*state, oddi_recipe_read(&r, &v, 1792));
    assert_int_equal(r.steps, 14 * 112);
    nn_test_set(&v, "optimizer", "sgd");
    nn_test_set(&v, "schedule", "cosine");
    nn_test_set(&v, "steps", "77");
    nn_test_set(&v, "momentum", "0.8");
    nn_test_ok(*state, oddi_recipe_read(&r, &v, 5));
    assert_int_equal(r.optim, ODDI_SGD);
    assert_int_equal(r.schedule, ODDI_COSINE);
    assert_int_equal(r.steps, 77);
    assert_int_equal(r.batch, 5); /* no more than there are */
    assert_true(r.momentum == 0.8);
    nn_test_set(&v, "optimizer", "adamw");
    nn_test_set(&v, "schedule", "step");
    nn_test_set(&v, "steps", "0");
    nn_test_set(&v, "epochs", "0.001");
    nn_test_ok(*state, oddi_recipe_read(&r, &v, 100));
    assert_int_equal(r.optim, ODDI_ADAMW);
    assert_int_equal(r.schedule, ODDI_STEP);
    assert_int_equal(r.steps, 1);
    assert_int_equal(oddi_recipe_read(&r, &v, 0), ODD_ENODATA);
    oddi_values_release(&v);
}

/* ---- the state ---- */

static void test_state_blocks(void **state)
{
    struct oddi_trainer t;
    nn_test_ok(*state, nn_test_trainer(*state, "ref", &t));
    const struct oddi_state *s = &t.state;
    assert_int_equal(s->groups, 4);
    for (size_t i = 0; i < s->params; i++) {
        const struct oddi_state_param *p = &s->param[i];
        const struct oddi_group *g = &s->group[p->group];
        const size_t count = (size_t)oddi_shape_count(&p->shape);
        assert_int_equal((uintptr_t)oddi_state_weights(s, p) % 64, 0);
        assert_true(p->offset + count <= g->count);
        assert_ptr_equal(oddi_state_find(s, p->name), p);
        for (size_t k = 0; k < i; k++) {
            const struct oddi_state_param *q = &s->param[k];
            assert_true(q->group != p->group ||
                        q->offset + (size_t)oddi_shape_count(&q->shape) <= p->offset);
        }
    }
    for (int i = 0; i < s->groups; i++) {
        const struct oddi_group *g = &s->group[i];
        const bool stats = strstr(g->name, ".stats") != NULL;
        assert_true(g->trained != stats && (g->grad != NULL) != stats &&
                    (g->average != NULL) != stats);
        assert_int_equal(g->count % 16, 0);
        assert_true(g->version > 0);
    }
    assert_null(oddi_state_find(s, "grad.seed"));
    assert_null(oddi_state_group(&t.state, "const"));
    oddi_trainer_release(&t);
}

/* Initial values are a function of seed and name alone, whatever else there is. */
static void test_state_start(void **state)
{
    const struct oddi_init init = {ODDI_INIT_NORMAL, 1.0f, 0.5f};
    float first[3][TEST_A];
    for (int i = 0; i < 3; i++) {
        struct oddi_graph g;
        struct oddi_state s;
        oddi_graph_init(&g, *state);
        oddi_state_init(&s, *state);
        if (i == 1)
            oddi_param(&g, "net", "before", oddi_shape_make(2, 3, 5, 1, 1), init);
        oddi_param(&g, "net", "w", oddi_shape_make(1, TEST_A, 1, 1, 1), init);
        nn_test_ok(*state, oddi_state_declare(&s, &g));
        nn_test_ok(*state, oddi_state_declare(&s, &g)); /* once more changes nothing */
        assert_int_equal(s.params, i == 1 ? 2 : 1);
        nn_test_ok(*state, oddi_state_start(&s, i == 2 ? 6 : 5, false));
        memcpy(first[i], oddi_state_weights(&s, oddi_state_find(&s, "w")), sizeof(first[i]));
        oddi_state_release(&s);
        oddi_state_release(&s);
        oddi_graph_release(&g);
    }
    assert_memory_equal(first[0], first[1], sizeof(first[0]));
    assert_memory_not_equal(first[0], first[2], sizeof(first[0]));
}

static void test_state_conflicts(void **state)
{
    const struct oddi_init init = {ODDI_INIT_CONST, 0.0f, 0.0f};
    struct oddi_graph g[2];
    struct oddi_state s;
    for (int i = 0; i < 2; i++)
        oddi_graph_init(&g[i], *state);
    oddi_state_init(&s, *state);
    oddi_param(&g[0], "net", "w", oddi_shape_make(1, 3, 1, 1, 1), init);
    oddi_param(&g[1], "net", "w", oddi_shape_make(1, 4, 1, 1, 1), init);
    nn_test_ok(*state, oddi_state_declare(&s, &g[0]));
    assert_int_equal(oddi_state_declare(&s, &g[1]), ODD_EBUG);
    assert_non_null(strstr(odd_last_message(*state), "w has two shapes"));
    nn_test_ok(*state, oddi_state_start(&s, 1, false));
    struct oddi_build b;
    struct oddi_binding *binding = NULL;
    int count = 0;
    const struct oddi_geometry in = {1, 4, 4};
    oddi_build_init(&b, *state, NULL, &in, 1);
    oddi_param(&b.graph, "net", "stranger", oddi_shape_make(1, 3, 1, 1, 1), init);
    assert_int_equal(oddi_state_bind(&s, &b, &binding, &count), ODD_EBUG);
    assert_non_null(strstr(odd_last_message(*state), "stranger"));
    assert_null(binding);
    oddi_build_release(&b);
    oddi_state_release(&s);
    for (int i = 0; i < 2; i++)
        oddi_graph_release(&g[i]);
    oddi_graph_init(&g[0], *state);
    oddi_state_init(&s, *state);
    for (char name[] = "a"; name[0] < 'a' + ODDI_GROUPS_MAX + 1; name[0]++)
        oddi_param(&g[0], oddi_arena_strdup(&g[0].arena, name),
                   oddi_arena_strdup(&g[0].arena, name), oddi_shape_make(1, 3, 1, 1, 1), init);
    assert_int_equal(oddi_state_declare(&s, &g[0]), ODD_EBUG);
    assert_non_null(strstr(odd_last_message(*state), "groups"));
    oddi_state_release(&s);
    oddi_graph_release(&g[0]);
}

/* ---- builds and layers ---- */

static void test_build(void **state)
{
    const struct oddi_geometry in = {3, 8, 8};
    struct oddi_build b;
    oddi_build_init(&b, *state, NULL, &in, 2);
    const struct oddi_init init = {ODDI_INIT_NORMAL, 0.0f, 1.0f};
    struct oddi_node *w = oddi_param(&b.graph, "net", "w", b.image->shape, init);
    struct oddi_node *idle = oddi_param(&b.graph, "net", "idle", b.image->shape, init);
    struct oddi_node *loss = oddi_sum(&b.graph, oddi_mul(&b.graph, w, b.image));
    oddi_build_result(&b, "loss", loss);
    oddi_build_phase(&b, "only", loss, "net");
    assert_ptr_equal(oddi_build_find(&b, "loss"), loss);
    assert_null(oddi_build_find(&b, "other"));
    assert_int_equal(b.gradients, 1); /* the loss does not depend on the other */
    assert_ptr_equal(b.gradient[0].param, w);
    assert_int_equal(idle->flags & ODDI_NODE_OUTPUT, 0);
    assert_int_equal(loss->phase, 0);
    assert_int_equal(oddi_scale(&b.graph, w, 1.0)->phase, 1);
    for (int i = 1; i < ODDI_PHASES_MAX; i++)
        oddi_build_phase(&b, "again", loss, "net");
    assert_int_equal(oddi_graph_status(&b.graph), ODD_OK);
    oddi_build_phase(&b, "too much", loss, "net");
    assert_int_equal(oddi_graph_status(&b.graph), ODD_EBUG);
    oddi_build_result(&b, "late", loss); /* nothing happens on a failed build */
    assert_null(oddi_build_find(&b, "late"));
    oddi_build_release(&b);
    oddi_build_release(&b);
    oddi_build_init(&b, *state, NULL, &in, 2);
    oddi_build_phase(&b, "not a scalar", b.image, "net");
    assert_int_equal(oddi_graph_status(&b.graph), ODD_EBUG);
    oddi_build_release(&b);
    oddi_build_init(&b, *state, NULL, &in, 2);
    for (int i = 0; i <= ODDI_RESULTS_MAX; i++)
        oddi_build_result(&b, "x", b.image);
    assert_int_equal(oddi_graph_status(&b.graph), ODD_EBUG);
    oddi_build_release(&b);
}

static int nn_test_params(const struct oddi_graph *g, const char *group)
{
    int count = 0;
    for (int i = 0; i < g->count; i++)
        count += (g->node[i]->flags & ODDI_NODE_PARAM) && strcmp(g->node[i]->group, group) == 0;
    return count;
}
static int nn_test_ops(const struct oddi_graph *g, const char *op)
{
    int count = 0;
    for (int i = 0; i < g->count; i++)
        count += g->node[i]->op && strcmp(g->node[i]->op->name, op) == 0;
    return count;
}

/* Shapes; twice applied is one set of parameters; who updates running statistics. */
static void test_layers(void **state)
{
    const struct oddi_geometry in = {3, 12, 20};
    struct oddi_conv conv = {
        .out = 7, .kernel = 4, .stride = 2, .pad = 1, .normalize = true, .slope = 0.2};
    struct oddi_build b;
    oddi_build_init(&b, *state, NULL, &in, 2);
    struct oddi_layer l = {&b, "net", ODDI_NORM_TRAIN, false};
    const struct oddi_node *y = oddi_layer_conv(&l, b.image, "one", &conv);
    assert_non_null(y);
    const struct oddi_shape half = oddi_shape_make(4, 2, 7, 6, 10);
    assert_true(oddi_shape_equal(&y->shape, &half));
    assert_int_equal(nn_test_params(&b.graph, "net"), 3); /* weight, gain, offset: no bias */
    assert_int_equal(nn_test_params(&b.graph, "net.stats"), 1);
    assert_int_equal(nn_test_ops(&b.graph, "bn_running"), 1);
    l.norm = ODDI_NORM_TRAIN_KEEP;
    oddi_layer_conv(&l, b.image, "one", &conv);
    l.norm = ODDI_NORM_EVAL;
    oddi_layer_conv(&l, b.image, "one", &conv);
    assert_int_equal(nn_test_params(&b.graph, "net"), 3);
    assert_int_equal(nn_test_ops(&b.graph, "bn_running"), 1);
    assert_int_equal(nn_test_ops(&b.graph, "bn_stats"), 2);
    conv.transposed = true;
    conv.normalize = false;
    conv.slope = 1.0;
    const int acts = nn_test_ops(&b.graph, "act");
    y = oddi_layer_conv(&l, b.image, "two", &conv);
    const struct oddi_shape twice = oddi_shape_make(4, 2, 7, 24, 40);
    assert_true(y && oddi_shape_equal(&y->shape, &twice));
    assert_int_equal(nn_test_params(&b.graph, "net"), 5);
    assert_int_equal(nn_test_ops(&b.graph, "act"), acts);
    assert_null(oddi_layer_conv(&l, NULL, "three", &conv));
    conv.out = 8; /* the same name in another shape */
    assert_null(oddi_layer_conv(&l, b.image, "two", &conv));
    assert_true(oddi_graph_status(&b.graph) != ODD_OK);
    oddi_build_release(&b);
}

static int nn_test_setup(void **state)
{
    return odd_context_new((struct odd_context **)state) == ODD_OK ? 0 : -1;
}
static int nn_test_teardown(void **state)
{
    odd_context_free(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_optimizers),      cmocka_unit_test(test_adam_has_no_decay),
        cmocka_unit_test(test_restart),         cmocka_unit_test(test_not_finite),
        cmocka_unit_test(test_schedules),       cmocka_unit_test(test_recipe),
        cmocka_unit_test(test_state_blocks),    cmocka_unit_test(test_state_start),
        cmocka_unit_test(test_state_conflicts), cmocka_unit_test(test_build),
        cmocka_unit_test(test_layers),
    };
    return cmocka_run_group_tests(tests, nn_test_setup, nn_test_teardown);
}
