/* SPDX-License-Identifier: Apache-2.0
 * Plans: lives and memory of random graphs, no allocation while running, phases and versions,
 * running statistics, bound results, faults. */
#include "graph/support_test.h"

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "../tests/support/fault_alloc.h"
#include "base/rng.h"
#include "graph/plan_int.h"

/* ---- memory ---- */

/* One random op on nodes made before. */
static struct oddi_node *plan_test_grow(struct oddi_graph *g, struct oddi_rng *rng,
                                        struct oddi_node *const *made, int count)
{
    struct oddi_node *a = made[oddi_rng_below(rng, (uint64_t)count)];
    struct oddi_node *b = made[oddi_rng_below(rng, (uint64_t)count)];
    const int64_t c = a->shape.dim[1];
    char name[24];
    switch (oddi_rng_below(rng, 5)) {
    case 0:
        snprintf(name, sizeof(name), "w%d", g->count);
        return oddi_conv2d(g, a, test_param(g, name, test_s4(16, c, 3, 3), 0.1f), NULL, 1, 1);
    case 1:
        return oddi_shape_equal(&a->shape, &b->shape) ? oddi_add(g, a, b) : oddi_tanh(g, b);
    case 2:
        return c == 16 && b->shape.dim[1] == 16 ? oddi_concat(g, a, b)
                                                : oddi_slice_c(g, a, c / 4, c / 2);
    case 3:
        return oddi_act(g, a, 0.2);
    default:
        return oddi_scale(g, a, 0.5);
    }
}

/* All pictures are (2, 16 or 32, 6, 6). */
static void plan_test_random_graph(struct oddi_graph *g, uint64_t seed)
{
    struct oddi_node *made[40];
    struct oddi_rng rng;
    int count = 0;
    oddi_rng_init(&rng, seed, ODDI_RNG_TEST, 1, 0);
    made[count++] = oddi_input(g, "x", test_s4(2, 16, 6, 6));
    while (count < 40) {
        struct oddi_node *n = plan_test_grow(g, &rng, made, count);
        if (!n)
            break;
        if (n->shape.dim[1] >= 16)
            made[count++] = n;
        if (oddi_rng_below(&rng, 8) == 0)
            oddi_output(g, n, NULL);
    }
    oddi_output(g, made[count - 1], NULL);
}

static void plan_test_no_overlap(const struct oddi_plan *p)
{
    size_t sum = 64;
    for (size_t i = 0; i < p->value_count; i++) {
        const struct plan_value *a = &p->value[i];
        sum += a->size;
        assert_true(a->first <= a->last && a->offset % 64 == 0);
        assert_true(a->offset + a->size <= p->activations.size);
        for (size_t k = 0; k < i; k++) {
            const struct plan_value *b = &p->value[k];
            const bool together = a->first <= b->last && b->first <= a->last;
            assert_true(!together || a->offset + a->size <= b->offset ||
                        b->offset + b->size <= a->offset);
        }
    }
    assert_true(p->activations.size <= sum);
}

static void plan_test_values(const struct oddi_plan *p)
{
    for (size_t i = 0; i < p->step_count; i++)
        for (int k = 0; k < p->step[i].task.src_count; k++) {
            const struct plan_value *v = &p->value[p->step[i].src[k]];
            assert_true(v->first <= (int)i && (int)i <= v->last);
        }
}

/* Memory is shared, and yet what comes out has the bits of a plan that shares nothing. */
static void test_lives(void **state)
{
    static const char *const modes[] = {"ref", "simd", "best"};
    size_t shared = 0, whole = 0;
    for (uint64_t seed = 0; seed < 24; seed++) {
        struct oddi_graph g, h;
        oddi_graph_init(&g, *state);
        oddi_graph_init(&h, *state);
        plan_test_random_graph(&g, seed);
        plan_test_random_graph(&h, seed);
        for (int i = 0; i < h.count; i++)
            if (h.node[i]->op)
                oddi_output(&h, h.node[i], NULL);
        struct oddi_plan *p = test_plan(&g, ODDI_F32, modes[seed % 3]);
        struct oddi_plan *q = test_plan(&h, ODDI_F32, modes[seed % 3]);
        plan_test_no_overlap(p);
        plan_test_values(p);
        test_set_random(p, ODDI_F32, g.node[0], seed);
        test_set_random(q, ODDI_F32, h.node[0], seed);
        for (int run = 0; run < 2; run++) {
            assert_int_equal(oddi_plan_run(p), ODD_OK);
            assert_int_equal(oddi_plan_run(q), ODD_OK);
            for (int i = 0; i < g.count; i++)
                if (g.node[i]->flags & ODDI_NODE_OUTPUT)
                    test_same(p, g.node[i], q, h.node[i], 0.0);
        }
        shared += p->activations.size;
        whole += q->activations.size;
        oddi_plan_free(p);
        oddi_plan_free(q);
        oddi_graph_release(&g);
        oddi_graph_release(&h);
    }
    assert_true(shared < whole);
}

/* A small net with a loss and its gradients. */
struct plan_test_net {
    struct oddi_graph g;
    struct oddi_node *x, *loss, *grad[3];
};
static odd_status plan_test_net_build(struct plan_test_net *t, struct odd_context *ctx)
{
    struct oddi_graph *g = &t->g;
    oddi_graph_init(g, ctx);
    t->x = oddi_input(g, "x", test_s4(2, 3, 8, 8));
    struct oddi_node *w = test_param(g, "w", test_s4(16, 3, 3, 3), 0.2f);
    struct oddi_node *b = test_param(g, "b", test_s1(16), 0.1f);
    struct oddi_node *v = test_param(g, "v", test_s4(16, 3, 4, 4), 0.1f);
    struct oddi_node *y = oddi_act(g, oddi_bias(g, oddi_conv2d(g, t->x, w, NULL, 2, 1), b), 0.2);
    const int64_t hw[2] = {8, 8};
    t->loss = oddi_mse(g, oddi_tanh(g, oddi_conv2d_bwd_data(g, y, v, 2, 1, hw)), t->x);
    struct oddi_node *const target[] = {w, b, v};
    oddi_graph_grad(g, t->loss, 3, target, t->grad);
    oddi_output(g, t->loss, "loss");
    for (int i = 0; i < 3; i++)
        oddi_output(g, t->grad[i], NULL);
    return oddi_graph_fuse(g);
}

static void test_no_allocation_while_running(void **state)
{
    (void)state;
    struct fault_alloc fault;
    struct plan_test_net t;
    fault_alloc_init(&fault);
    struct odd_context *ctx = fault_context(&fault);
    assert_int_equal(plan_test_net_build(&t, ctx), ODD_OK);
    struct oddi_plan *p = test_plan(&t.g, ODDI_F32, "best");
    test_set_random(p, ODDI_F32, t.x, 1);
    fault_alloc_arm(&fault, 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(oddi_plan_run(p), ODD_OK);
    assert_int_equal(fault.requests, 0);
    assert_true(oddi_plan_memory(p) > 0);
    oddi_plan_free(p);
    oddi_graph_release(&t.g);
    odd_context_free(ctx);
    assert_int_equal(fault.live, 0);
}

static void test_nth_allocation(void **state)
{
    (void)state;
    for (long n = 1;; n++) {
        struct fault_alloc fault;
        struct plan_test_net t;
        struct oddi_plan *p = NULL;
        const struct oddi_plan_options options = {.type = ODDI_F32, .threads = 1};
        fault_alloc_init(&fault);
        struct odd_context *ctx = fault_context(&fault);
        fault_alloc_arm(&fault, n);
        odd_status status = plan_test_net_build(&t, ctx);
        if (status == ODD_OK)
            status = oddi_plan_new(ctx, &t.g, &options, &p);
        if (status == ODD_OK)
            status = oddi_plan_run(p);
        const bool failed = fault_alloc_disarm(&fault);
        assert_int_equal(status, failed ? ODD_ENOMEM : ODD_OK);
        assert_true(!failed || p == NULL);
        oddi_plan_free(p);
        oddi_graph_release(&t.g);
        odd_context_free(ctx);
        assert_int_equal(fault.live, 0);
        if (!failed)
            break;
    }
}

/* ---- phases and versions ---- */

/* y = conv(x, G), d = D * y. Phase 0: sum d^2 and its gradient by D; phase 1, through the D of that
 * time: sum (D y)^3 and its gradient by G. */
#define PLAN_TEST_D (2 * 16 * 4 * 4)
struct plan_test_game {
    struct oddi_graph g;
    struct oddi_node *x, *y, *w, *d, *first, *second, *dd, *dw;
    float weights[16 * 3 * 3 * 3 + 16], other[PLAN_TEST_D], grad[PLAN_TEST_D];
    uint64_t version_w, version_d;
};
static void plan_test_game_build(struct plan_test_game *t, struct odd_context *ctx)
{
    struct oddi_graph *g = &t->g;
    oddi_graph_init(g, ctx);
    t->x = oddi_input(g, "x", test_s4(2, 3, 8, 8));
    t->w = test_param(g, "G", test_s4(16, 3, 3, 3), 1.0f);
    t->d = test_param(g, "D", test_s4(2, 16, 4, 4), 1.0f);
    t->y = oddi_conv2d(g, t->x, t->w, NULL, 2, 1);
    struct oddi_node *twice = oddi_scale(g, t->d, 2.0); /* of parameters alone, first needed here */
    struct oddi_node *a = oddi_mul(g, t->y, twice);
    t->first = oddi_sum(g, oddi_mul(g, a, a));
    oddi_graph_grad(g, t->first, 1, &t->d, &t->dd);
    g->phase = 1;
    struct oddi_node *b = oddi_mul(g, t->y, twice);
    t->second = oddi_sum(g, oddi_mul(g, b, oddi_mul(g, b, oddi_mul(g, t->y, t->d))));
    oddi_graph_grad(g, t->second, 1, &t->w, &t->dw);
    oddi_output(g, t->first, NULL);
    oddi_output(g, t->second, NULL);
    oddi_output(g, t->dw, NULL);
    if (oddi_graph_fuse(g) != ODD_OK)
        fail_msg("%s", odd_last_message(ctx));
    test_random(1, 16 * 27, t->weights);
    test_random(2, PLAN_TEST_D, t->other);
}

static struct oddi_plan *plan_test_game_plan(struct plan_test_game *t, const char *mode)
{
    const struct oddi_binding binding[] = {
        {t->w, t->weights, &t->version_w}, {t->d, t->other, &t->version_d}, {t->dd, t->grad, NULL}};
    const struct oddi_plan_options o = {
        .mode = mode, .threads = 2, .binding = binding, .binding_count = 3};
    struct oddi_plan *p = NULL;
    if (oddi_plan_new(t->g.ctx, &t->g, &o, &p) != ODD_OK)
        fail_msg("%s", odd_last_message(t->g.ctx));
    test_set_random(p, ODDI_F32, t->x, 3);
    return p;
}

/* Phase 1 sees the new D everywhere, and y as phase 0 made it. */
static void plan_test_game_mode(struct odd_context *ctx, const char *mode)
{
    static struct plan_test_game t, u;
    float kept[16 * 27], first, second, grad[16 * 27];
    memset(&t, 0, sizeof(t));
    memset(&u, 0, sizeof(u));
    plan_test_game_build(&t, ctx);
    plan_test_game_build(&u, ctx);
    struct oddi_plan *p = plan_test_game_plan(&t, mode);
    memcpy(kept, t.weights, sizeof(kept));
    for (int step = 0; step < 3; step++) {
        assert_int_equal(oddi_plan_run_phase(p, 0), ODD_OK);
        assert_int_equal(oddi_plan_get(p, t.first, &first), ODD_OK);
        for (int i = 0; i < PLAN_TEST_D; i++)
            t.other[i] -= 0.001f * t.grad[i];
        t.version_d++;
        memset(t.weights, 0, sizeof(kept)); /* shows if y is computed again */
        assert_int_equal(oddi_plan_run_phase(p, 1), ODD_OK);
        assert_int_equal(oddi_plan_get(p, t.second, &second), ODD_OK);
        assert_int_equal(oddi_plan_get(p, t.dw, grad), ODD_OK);
        memcpy(t.weights, kept, sizeof(kept));
        /* A new plan with the new D from the beginning. */
        memcpy(u.other, t.other, sizeof(u.other));
        struct oddi_plan *q = plan_test_game_plan(&u, mode);
        assert_int_equal(oddi_plan_run(q), ODD_OK);
        assert_float_equal(*(const float *)oddi_plan_output(q, u.second), second, 0.0f);
        assert_memory_equal(oddi_plan_output(q, u.dw), grad, sizeof(grad));
        assert_true(fabsf(*(const float *)oddi_plan_output(q, u.first) - first) > 1e-3f);
        oddi_plan_free(q);
    }
    oddi_plan_free(p);
    oddi_graph_release(&t.g);
    oddi_graph_release(&u.g);
}

static void test_phases(void **state)
{
    plan_test_game_mode(*state, "ref");
    plan_test_game_mode(*state, "simd");
    plan_test_game_mode(*state, "best");
}

/* A value of parameters alone is computed once per version, and again for each new one. */
static void test_versions(void **state)
{
    struct oddi_graph g;
    oddi_graph_init(&g, *state);
    float data[16] = {1.0f};
    uint64_t version = 0;
    struct oddi_node *w = test_param(&g, "w", test_s1(3), 1),
                     *own = test_param(&g, "own", test_s1(3), 1);
    struct oddi_node *a = oddi_scale(&g, w, 2.0), *b = oddi_scale(&g, own, 2.0),
                     *c = oddi_add(&g, a, b);
    oddi_output(&g, a, NULL);
    oddi_output(&g, c, NULL);
    const struct oddi_binding binding = {w, data, &version};
    const struct oddi_plan_options o = {.threads = 1, .binding = &binding, .binding_count = 1};
    struct oddi_plan *p = NULL;
    assert_int_equal(oddi_plan_new(*state, &g, &o, &p), ODD_OK);
    assert_int_equal(oddi_plan_set(p, w, data), ODD_EBUG);
    for (int step = 0; step < 40; step++) {
        const float expect = 2.0f * data[0];
        const float set[3] = {(float)step, 0, 0};
        assert_int_equal(oddi_plan_set(p, own, set), ODD_OK);
        assert_int_equal(oddi_plan_run(p), ODD_OK);
        assert_float_equal(*(const float *)oddi_plan_output(p, a), expect, 0.0f);
        assert_float_equal(*(const float *)oddi_plan_output(p, c), expect + 2.0f * (float)step,
                           0.0f);
        data[0] += 1.0f; /* not noticed without a new version */
        assert_int_equal(oddi_plan_run(p), ODD_OK);
        assert_float_equal(*(const float *)oddi_plan_output(p, a), expect, 0.0f);
        version++;
    }
    oddi_plan_free(p);
    oddi_graph_release(&g);
}

/* Readers of running statistics see them as they are at their place; twice updated is twice. */
static void test_running(void **state)
{
    struct oddi_graph g;
    oddi_graph_init(&g, *state);
    float running[16] = {0, 0, 1, 1};
    uint64_t version = 1;
    const struct oddi_init init = {ODDI_INIT_STATS, 0, 0};
    struct oddi_node *r = oddi_param(&g, "net.stats", "r", test_s2(2, 2), init);
    struct oddi_node *s = oddi_input(&g, "s", test_s2(2, 2));
    struct oddi_node *before = oddi_scale(&g, r, 1.0);
    oddi_bn_running(&g, r, s, 0.5, 2);
    struct oddi_node *between = oddi_scale(&g, r, 1.0);
    oddi_bn_running(&g, r, s, 0.5, 2);
    struct oddi_node *after = oddi_scale(&g, r, 1.0);
    oddi_output(&g, before, NULL);
    oddi_output(&g, between, NULL);
    oddi_output(&g, after, NULL);
    const struct oddi_binding binding = {r, running, &version};
    const struct oddi_plan_options o = {.threads = 1, .binding = &binding, .binding_count = 1};
    struct oddi_plan *p = NULL;
    assert_int_equal(oddi_graph_fuse(&g), ODD_OK);
    assert_int_equal(oddi_plan_new(*state, &g, &o, &p), ODD_OK);
    const float stats[4] = {4, 8, 1, 2};
    assert_int_equal(oddi_plan_set(p, s, stats), ODD_OK);
    float expect[4] = {0, 0, 1, 1};
    for (int run = 0; run < 3; run++) {
        const struct oddi_node *const seen[] = {before, between, after};
        assert_int_equal(oddi_plan_run(p), ODD_OK);
        for (int k = 0; k < 3; k++) {
            for (int i = 0; i < 4; i++)
                assert_float_equal(((const float *)oddi_plan_output(p, seen[k]))[i], expect[i],
                                   1e-6f);
            for (int i = 0; i < 4 && k < 2; i++)
                expect[i] = 0.5f * expect[i] + 0.5f * stats[i] * (i < 2 ? 1.0f : 2.0f);
        }
        assert_float_equal(running[0], expect[0], 1e-6f);
    }
    oddi_plan_free(p);
    oddi_graph_release(&g);
}

/* ---- bound results, inputs ---- */

/* Written in every run, also where only parameters decide; one gradient in two places. */
static void test_bound(void **state)
{
    struct oddi_graph g;
    oddi_graph_init(&g, *state);
    float place[3][16], data[16] = {1, 2, 3, 4};
    uint64_t version = 0;
    struct oddi_node *a = test_param(&g, "a", test_s1(4), 1),
                     *b = test_param(&g, "b", test_s1(4), 1);
    struct oddi_node *sum = oddi_add(&g, a, b), *loss = oddi_sum(&g, oddi_mul(&g, sum, sum));
    struct oddi_node *target[] = {a, b, loss}, *grad[3];
    assert_int_equal(oddi_graph_grad(&g, loss, 3, target, grad), ODD_OK);
    assert_int_equal(oddi_graph_fuse(&g), ODD_OK);
    const struct oddi_binding binding[] = {{grad[0], place[0], NULL},
                                           {grad[1], place[1], NULL},
                                           {grad[2], place[2], NULL},
                                           {a, data, &version},
                                           {b, data, &version}};
    const struct oddi_plan_options o = {.threads = 1, .binding = binding, .binding_count = 5};
    struct oddi_plan *p = NULL;
    assert_int_equal(oddi_plan_new(*state, &g, &o, &p), ODD_OK);
    for (int run = 0; run < 3; run++) {
        memset(place, 0x7f, sizeof(place));
        assert_int_equal(oddi_plan_run(p), ODD_OK);
        for (int i = 0; i < 4; i++) {
            assert_float_equal(place[0][i], 4.0f * data[i], 0.0f);
            assert_float_equal(place[1][i], 4.0f * data[i], 0.0f);
        }
        assert_float_equal(place[2][0], 1.0f, 0.0f);
    }
    assert_null(oddi_plan_output(p, sum));
    oddi_plan_free(p);
    struct oddi_node stranger = *a;
    const struct oddi_binding wrong = {&stranger, data, NULL};
    const struct oddi_plan_options bad = {.threads = 1, .binding = &wrong, .binding_count = 1};
    assert_int_equal(oddi_plan_new(*state, &g, &bad, &p), ODD_EBUG);
    oddi_graph_release(&g);
}

static void test_leaves(void **state)
{
    struct oddi_graph g;
    oddi_graph_init(&g, *state);
    const float two[2] = {2, 2};
    float got[2] = {0};
    struct oddi_node *x = oddi_input(&g, "x", test_s1(2)),
                     *unused = oddi_input(&g, "unused", test_s1(2));
    struct oddi_node *w = test_param(&g, "w", test_s1(2), 1),
                     *idle = test_param(&g, "idle", test_s1(2), 1);
    struct oddi_node *y = oddi_mul(&g, x, w), *hidden = oddi_scale(&g, y, 1.0);
    oddi_output(&g, oddi_scale(&g, hidden, 3.0), "z");
    struct oddi_plan *p = test_plan(&g, ODDI_F32, "best");
    assert_non_null(oddi_plan_input(p, unused));
    assert_null(oddi_plan_input(p, w));
    assert_null(oddi_plan_input(p, y));
    assert_int_equal(oddi_plan_set(p, idle, two), ODD_OK);
    assert_int_equal(oddi_plan_set(p, y, two), ODD_EBUG);
    assert_int_equal(oddi_plan_set(p, w, two), ODD_OK);
    memcpy(oddi_plan_input(p, x), two, sizeof(two));
    assert_int_equal(oddi_plan_run(p), ODD_OK);
    assert_int_equal(oddi_plan_get(p, oddi_find_node(&g, "z"), got), ODD_OK);
    assert_float_equal(got[1], 12.0f, 0.0f);
    assert_int_equal(oddi_plan_get(p, w, got), ODD_OK);
    assert_int_equal(oddi_plan_get(p, hidden, got), ODD_EBUG);
    oddi_plan_free(p);
    oddi_plan_free(NULL);
    oddi_graph_release(&g);
}

/* ---- looking inside ---- */

static void plan_test_visit(void *user, const struct oddi_plan_step_info *info)
{
    *(int *)user += info->nan_count == 0 && info->min <= info->mean && info->mean <= info->max;
}
static void plan_test_timed(void *user, const struct oddi_plan_step_info *info)
{
    *(int *)user += info->nanoseconds > 0;
}

static void test_trace_and_numerics(void **state)
{
    struct plan_test_net t;
    assert_int_equal(plan_test_net_build(&t, *state), ODD_OK);
    const struct oddi_plan_options o = {.threads = 1, .check_numerics = true};
    struct oddi_plan *p = NULL;
    assert_int_equal(oddi_plan_new(*state, &t.g, &o, &p), ODD_OK);
    test_set_random(p, ODDI_F32, t.x, 1);
    int seen = 0;
    assert_int_equal(oddi_plan_trace(p, plan_test_visit, &seen), ODD_OK);
    assert_int_equal(seen, p->step_count);
    oddi_plan_profile(p, true);
    assert_int_equal(oddi_plan_run(p), ODD_OK);
    seen = 0;
    oddi_plan_profile_visit(p, plan_test_timed, &seen);
    assert_true(seen > 0);
    assert_true(oddi_plan_kernels_hash(p) != 0);
    ((float *)oddi_plan_input(p, t.x))[5] = NAN;
    assert_int_equal(oddi_plan_run(p), ODD_ENUMERIC);
    assert_non_null(strstr(odd_last_message(*state), "not finite"));
    oddi_plan_free(p);
    oddi_graph_release(&t.g);
}

static void test_types_agree(void **state)
{
    struct plan_test_net t;
    assert_int_equal(plan_test_net_build(&t, *state), ODD_OK);
    struct oddi_plan *p = test_plan(&t.g, ODDI_F32, "best"), *q = test_plan(&t.g, ODDI_F64, "best");
    test_set_random(p, ODDI_F32, t.x, 1);
    test_set_random(q, ODDI_F64, t.x, 1);
    assert_int_equal(oddi_plan_run(p), ODD_OK);
    assert_int_equal(oddi_plan_run(q), ODD_OK);
    for (int i = 0; i < 3; i++) {
        const float *a = oddi_plan_output(p, t.grad[i]);
        const double *b = oddi_plan_output(q, t.grad[i]);
        for (int64_t k = 0; k < oddi_shape_count(&t.grad[i]->shape); k++)
            assert_true(fabs((double)a[k] - b[k]) < 1e-5 * (1 + fabs(b[k])));
    }
    oddi_plan_free(p);
    oddi_plan_free(q);
    oddi_graph_release(&t.g);
}

static int plan_test_setup(void **state)
{
    return odd_context_new((struct odd_context **)state) == ODD_OK ? 0 : -1;
}
static int plan_test_teardown(void **state)
{
    odd_context_free(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lives),
        cmocka_unit_test(test_no_allocation_while_running),
        cmocka_unit_test(test_nth_allocation),
        cmocka_unit_test(test_phases),
        cmocka_unit_test(test_versions),
        cmocka_unit_test(test_running),
        cmocka_unit_test(test_bound),
        cmocka_unit_test(test_leaves),
        cmocka_unit_test(test_trace_and_numerics),
        cmocka_unit_test(test_types_agree),
    };
    return cmocka_run_group_tests(tests, plan_test_setup, plan_test_teardown);
}
