/* SPDX-License-Identifier: Apache-2.0
 * The gradient of every op against central differences, element by element, in double on the
 * reference kernels: first order, and second order where the op has one.
 *
 * With random constants r_i:   E1 = <r_0, op(x ..)>,   E2 = sum_i <r_i, dE1/dx_i> + E1.
 */
#include "graph/support_test.h"

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#define S(r, ...)                                                                                  \
    {                                                                                              \
        r,                                                                                         \
        {                                                                                          \
            __VA_ARGS__                                                                            \
        }                                                                                          \
    }
#define GRAD_TEST_MOST 512 /* elements of one source */
enum grad_test_kind { GRAD_PLAIN, GRAD_POSITIVE, GRAD_WEIGHTS, GRAD_BATCH };
struct grad_test_case {
    const char *op;
    struct oddi_attr attr;
    int count;
    struct oddi_shape src[ODDI_MAX_SRC];
    int order; /* highest with a gradient */
    enum grad_test_kind
        kind; /* POSITIVE and WEIGHTS: all sources so; BATCH: stats are bn_stats(x) */
};
static const struct grad_test_case grad_test_cases[] = {
    {"conv2d",
     {.i = {1, 1}},
     3,
     {S(4, 2, 3, 5, 4), S(4, 2, 3, 3, 3), S(1, 2, 1, 1, 1)},
     2,
     GRAD_PLAIN},
    {"conv2d", {.i = {2, 1}}, 2, {S(4, 2, 1, 6, 5), S(4, 2, 1, 4, 4)}, 2, GRAD_PLAIN},
    {"conv2d_bwd_data",
     {.i = {2, 1, 0, 6, 7}},
     3,
     {S(4, 2, 3, 3, 3), S(4, 3, 2, 4, 4), S(1, 2, 1, 1, 1)},
     2,
     GRAD_PLAIN},
    {"conv2d_bwd_weights",
     {.i = {2, 1, 0, 3, 4}},
     2,
     {S(4, 2, 2, 6, 5), S(4, 2, 3, 3, 2)},
     2,
     GRAD_PLAIN},
    {"bias", {{0}, {0}}, 2, {S(4, 2, 3, 2, 2), S(1, 3, 1, 1, 1)}, 2, GRAD_PLAIN},
    {"bias", {{0}, {0}}, 2, {S(2, 2, 3, 1, 1), S(1, 3, 1, 1, 1)}, 2, GRAD_PLAIN},
    {"sum_nhw", {{0}, {0}}, 1, {S(4, 2, 3, 2, 2)}, 2, GRAD_PLAIN},
    {"expand_c", {.i = {2, 3, 2, 2, 4}}, 1, {S(1, 3, 1, 1, 1)}, 2, GRAD_PLAIN},
    {"bn_stats", {{0}, {0}}, 1, {S(4, 2, 3, 2, 3)}, 2, GRAD_PLAIN},
    {"batchnorm",
     {.f = {1e-2}},
     4,
     {S(4, 3, 2, 2, 3), S(2, 2, 2, 1, 1), S(1, 2, 1, 1, 1), S(1, 2, 1, 1, 1)},
     1,
     GRAD_BATCH},
    {"batchnorm",
     {.f = {1e-2}},
     4,
     {S(2, 5, 2, 1, 1), S(2, 2, 2, 1, 1), S(1, 2, 1, 1, 1), S(1, 2, 1, 1, 1)},
     1,
     GRAD_BATCH},
    {"batchnorm",
     {.f = {1e-2}},
     4,
     {S(4, 3, 2, 2, 3), S(2, 2, 2, 1, 1), S(1, 2, 1, 1, 1), S(1, 2, 1, 1, 1)},
     1,
     GRAD_POSITIVE},
    {"act", {.f = {0, 0, 0, 0.2}}, 1, {S(4, 2, 3, 2, 2)}, 2, GRAD_PLAIN},
    {"act", {{0}, {0}}, 1, {S(1, 9, 1, 1, 1)}, 2, GRAD_PLAIN},
    {"act_bwd", {.f = {0, 0, 0, 0.2}}, 2, {S(1, 9, 1, 1, 1), S(1, 9, 1, 1, 1)}, 2, GRAD_PLAIN},
    {"tanh", {{0}, {0}}, 1, {S(4, 2, 3, 2, 2)}, 2, GRAD_PLAIN},
    {"tanh_bwd", {{0}, {0}}, 2, {S(1, 9, 1, 1, 1), S(1, 9, 1, 1, 1)}, 2, GRAD_PLAIN},
    {"add", {{0}, {0}}, 2, {S(2, 2, 3, 1, 1), S(2, 2, 3, 1, 1)}, 2, GRAD_PLAIN},
    {"sub", {{0}, {0}}, 2, {S(2, 2, 3, 1, 1), S(2, 2, 3, 1, 1)}, 2, GRAD_PLAIN},
    {"mul", {{0}, {0}}, 2, {S(2, 2, 3, 1, 1), S(2, 2, 3, 1, 1)}, 2, GRAD_PLAIN},
    {"scale", {.f = {-1.7}}, 1, {S(4, 2, 3, 2, 2)}, 2, GRAD_PLAIN},
    {"mul_scalar", {{0}, {0}}, 2, {S(2, 2, 3, 1, 1), S(0, 1, 1, 1, 1)}, 2, GRAD_PLAIN},
    {"sum", {.f = {0.3}}, 1, {S(4, 2, 3, 2, 2)}, 2, GRAD_PLAIN},
    {"fill", {.i = {3, 2, 1, 1, 2}, .f = {0.3}}, 1, {S(0, 1, 1, 1, 1)}, 2, GRAD_PLAIN},
    {"mse", {{0}, {0}}, 2, {S(4, 2, 3, 2, 2), S(4, 2, 3, 2, 2)}, 2, GRAD_PLAIN},
    {"mse_bwd",
     {{0}, {0}},
     3,
     {S(1, 7, 1, 1, 1), S(1, 7, 1, 1, 1), S(0, 1, 1, 1, 1)},
     2,
     GRAD_PLAIN},
    {"bce", {{0}, {0}}, 2, {S(2, 3, 4, 1, 1), S(0, 1, 1, 1, 1)}, 2, GRAD_PLAIN},
    {"bce_bwd",
     {{0}, {0}},
     3,
     {S(2, 3, 4, 1, 1), S(0, 1, 1, 1, 1), S(0, 1, 1, 1, 1)},
     2,
     GRAD_PLAIN},
    {"concat", {{0}, {0}}, 2, {S(4, 2, 3, 2, 2), S(4, 2, 1, 2, 2)}, 2, GRAD_PLAIN},
    {"slice_c", {.i = {1, 2}}, 1, {S(4, 2, 4, 2, 2)}, 2, GRAD_PLAIN},
    {"pad_c", {.i = {1, 5}}, 1, {S(4, 2, 3, 2, 2)}, 2, GRAD_PLAIN},
    {"reshape", {.i = {6, 4, 1, 1, 2}}, 1, {S(4, 2, 3, 2, 2)}, 2, GRAD_PLAIN},
    {"row", {.i = {1}}, 1, {S(2, 3, 4, 1, 1)}, 2, GRAD_PLAIN},
    {"put_row", {.i = {1, 3}}, 1, {S(1, 4, 1, 1, 1)}, 2, GRAD_PLAIN},
    {"matmul", {.i = {0, 0}}, 2, {S(2, 2, 3, 1, 1), S(2, 3, 4, 1, 1)}, 2, GRAD_PLAIN},
    {"matmul", {.i = {1, 0}}, 2, {S(2, 3, 2, 1, 1), S(2, 3, 4, 1, 1)}, 2, GRAD_PLAIN},
    {"matmul", {.i = {0, 1}}, 2, {S(2, 2, 3, 1, 1), S(2, 4, 3, 1, 1)}, 2, GRAD_PLAIN},
    {"matmul", {.i = {1, 1}}, 2, {S(2, 3, 2, 1, 1), S(2, 4, 3, 1, 1)}, 2, GRAD_PLAIN},
    {"blocks", {.i = {2, 1, 3}}, 1, {S(4, 2, 3, 4, 2)}, 2, GRAD_PLAIN},
    {"unblocks", {.i = {2, 1, 3, 2, 3, 4, 2}}, 1, {S(2, 8, 6, 1, 1)}, 2, GRAD_PLAIN},
    {"row_normalize", {.f = {1e-12}}, 1, {S(2, 3, 4, 1, 1)}, 1, GRAD_PLAIN},
    {"softmax", {.f = {0.7}}, 1, {S(2, 3, 4, 1, 1)}, 1, GRAD_PLAIN},
    {"maxpool", {.i = {2, 1, 0, 3, 1}}, 1, {S(4, 2, 3, 6, 5)}, 1, GRAD_PLAIN},
    {"avgpool", {{0}, {0}}, 1, {S(4, 2, 3, 4, 3)}, 2, GRAD_PLAIN},
    {"avgpool_bwd", {.i = {2, 3, 4, 3, 4}}, 1, {S(2, 2, 3, 1, 1)}, 2, GRAD_PLAIN},
    {"clip", {.f = {-0.5, 0.6}}, 1, {S(4, 2, 3, 2, 2)}, 2, GRAD_PLAIN},
    {"clip_bwd", {.f = {-0.5, 0.6}}, 2, {S(1, 9, 1, 1, 1), S(1, 9, 1, 1, 1)}, 2, GRAD_PLAIN},
    {"pad_hw", {.i = {1, 2, 0, 5, 6}}, 1, {S(4, 2, 3, 3, 2)}, 2, GRAD_PLAIN},
    {"crop_hw", {.i = {1, 2, 0, 3, 2}}, 1, {S(4, 2, 3, 5, 6)}, 2, GRAD_PLAIN},
    {"dwconv",
     {.i = {2, 1}},
     3,
     {S(4, 2, 3, 6, 5), S(4, 3, 1, 3, 3), S(1, 3, 1, 1, 1)},
     2,
     GRAD_PLAIN},
    {"dwconv_bwd_data",
     {.i = {2, 1, 0, 6, 5}},
     2,
     {S(4, 2, 3, 3, 3), S(4, 3, 1, 3, 3)},
     2,
     GRAD_PLAIN},
    {"dwconv_bwd_weights",
     {.i = {2, 1, 0, 3, 3}},
     2,
     {S(4, 2, 3, 6, 5), S(4, 2, 3, 3, 3)},
     2,
     GRAD_PLAIN},
    {"shrink", {.f = {0.2}}, 1, {S(2, 3, 5, 1, 1)}, 1, GRAD_WEIGHTS},
};

struct grad_test {
    struct oddi_graph graph;
    struct oddi_plan *plan;
    struct oddi_node *x[ODDI_MAX_SRC], *target[ODDI_MAX_SRC], *grad[ODDI_MAX_SRC], *loss;
    int targets;
    double value[ODDI_MAX_SRC][GRAD_TEST_MOST];
};

/* <r, y> with r an input of draws; `at` keeps the names apart. */
static struct oddi_node *grad_test_dot(struct oddi_graph *g, struct oddi_node *y, int at)
{
    char name[16];
    snprintf(name, sizeof(name), "r%d", at);
    struct oddi_node *r = y ? oddi_input(g, name, y->shape) : NULL;
    return oddi_sum(g, oddi_mul(g, y, r));
}

static void grad_test_build(struct grad_test *t, const struct grad_test_case *c, int order)
{
    struct oddi_graph *g = &t->graph;
    struct oddi_node *src[ODDI_MAX_SRC];
    for (int i = 0; i < c->count; i++) {
        char name[16];
        snprintf(name, sizeof(name), "x%d", i);
        src[i] = t->x[i] = oddi_input(g, name, c->src[i]);
        if (strcmp(c->op, "batchnorm") != 0 || i != 1)
            t->target[t->targets++] = t->x[i];
    }
    if (c->kind == GRAD_BATCH)
        src[1] = oddi_bn_stats(g, src[0]);
    t->loss = grad_test_dot(g, oddi_apply(g, c->op, &c->attr, c->count, src), 0);
    for (int k = 2; k <= order; k++) {
        oddi_graph_grad(g, t->loss, t->targets, t->target, t->grad);
        for (int i = 0; i < t->targets; i++)
            if (t->grad[i])
                t->loss = oddi_add(g, t->loss, grad_test_dot(g, t->grad[i], i + 1));
    }
    if (oddi_graph_grad(g, t->loss, t->targets, t->target, t->grad) != ODD_OK)
        fail_msg("%s of order %d: %s", c->op, order, odd_last_message(g->ctx));
    oddi_output(g, t->loss, "loss");
    for (int i = 0; i < t->targets; i++)
        oddi_output(g, t->grad[i], NULL);
}

static void grad_test_values(struct grad_test *t, const struct grad_test_case *c)
{
    float draw[GRAD_TEST_MOST];
    for (int i = 0; i < t->graph.count; i++)
        if (t->graph.node[i]->flags & ODDI_NODE_INPUT)
            test_set_random(t->plan, ODDI_F64, t->graph.node[i], 100 + (uint64_t)i);
    for (int i = 0; i < c->count; i++) {
        const int64_t n = oddi_shape_count(&c->src[i]);
        assert_true(n <= GRAD_TEST_MOST);
        test_random(7 + (uint64_t)i, n, draw);
        for (int64_t k = 0; k < n; k++) {
            double v = (double)draw[k];
            v = fabs(v) < 0.05 ? 0.05 : v; /* away from the kink of act */
            t->value[i][k] = c->kind == GRAD_POSITIVE  ? 0.3 + fabs(v)
                             : c->kind == GRAD_WEIGHTS ? 0.03 + 0.1 * (double)((k * 3 + i) % 5)
                                                       : v;
        }
        assert_int_equal(oddi_plan_set(t->plan, t->x[i], t->value[i]), ODD_OK);
    }
}

static double grad_test_loss(struct grad_test *t)
{
    double loss = NAN;
    assert_int_equal(oddi_plan_run(t->plan), ODD_OK);
    assert_int_equal(oddi_plan_get(t->plan, t->loss, &loss), ODD_OK);
    return loss;
}

static double grad_test_slope(struct grad_test *t, int x, int64_t k)
{
    const double step = 1e-5, middle = t->value[x][k];
    double side[2];
    for (int s = 0; s < 2; s++) {
        t->value[x][k] = middle + (s ? step : -step);
        oddi_plan_set(t->plan, t->x[x], t->value[x]);
        side[s] = grad_test_loss(t);
    }
    t->value[x][k] = middle;
    oddi_plan_set(t->plan, t->x[x], t->value[x]);
    return (side[1] - side[0]) / (2 * step);
}

static void grad_test_compare(struct grad_test *t, const struct grad_test_case *c, int order)
{
    static double grad[GRAD_TEST_MOST];
    for (int i = 0; i < t->targets; i++) {
        const int x = (int)(t->target[i]->name[1] - '0');
        const int64_t n = oddi_shape_count(&t->target[i]->shape);
        memset(grad, 0, sizeof(grad));
        grad_test_loss(t);
        if (t->grad[i])
            assert_int_equal(oddi_plan_get(t->plan, t->grad[i], grad), ODD_OK);
        for (int64_t k = 0; k < n; k++) {
            const double want = grad_test_slope(t, x, k);
            if (!(fabs(grad[k] - want) <= 2e-7 * (1 + fabs(want))))
                fail_msg("%s, order %d, source %d[%d]: %.12g, differences give %.12g", c->op, order,
                         x, (int)k, grad[k], want);
        }
    }
}

static void test_differences(void **state)
{
    static struct grad_test t;
    for (size_t i = 0; i < ODDI_COUNT(grad_test_cases); i++)
        for (int order = 1; order <= grad_test_cases[i].order; order++) {
            memset(&t, 0, sizeof(t));
            oddi_graph_init(&t.graph, *state);
            grad_test_build(&t, &grad_test_cases[i], order);
            t.plan = test_plan(&t.graph, ODDI_F64, "ref");
            grad_test_values(&t, &grad_test_cases[i]);
            grad_test_compare(&t, &grad_test_cases[i], order);
            oddi_plan_free(t.plan);
            oddi_graph_release(&t.graph);
        }
}

/* Every op that says it has a gradient has a row above. */
static void test_all_ops(void **state)
{
    (void)state;
    const struct oddi_op *op;
    for (int i = 0; (op = oddi_op_at(i)) != NULL; i++) {
        bool found = !op->grad || strcmp(op->name, "stop") == 0;
        for (size_t k = 0; k < ODDI_COUNT(grad_test_cases); k++)
            found = found || strcmp(grad_test_cases[k].op, op->name) == 0;
        if (!found)
            fail_msg("%s has no row", op->name);
    }
}

/* What nothing depends on, what stands behind a stop, the loss itself, one gradient for two. */
static void test_structure(void **state)
{
    struct oddi_graph g;
    oddi_graph_init(&g, *state);
    struct oddi_node *a = test_param(&g, "a", test_s1(3), 1),
                     *b = test_param(&g, "b", test_s1(3), 1);
    struct oddi_node *c = test_param(&g, "c", test_s1(3), 1),
                     *d = test_param(&g, "d", test_s1(3), 1);
    struct oddi_node *sum = oddi_add(&g, a, b);
    struct oddi_node *loss = oddi_sum(&g, oddi_mul(&g, sum, oddi_stop(&g, c)));
    struct oddi_node *target[] = {a, b, c, d, loss, sum}, *grad[6];
    assert_int_equal(oddi_graph_grad(&g, loss, 6, target, grad), ODD_OK);
    assert_null(grad[2]);
    assert_null(grad[3]);
    for (int i = 0; i < 6; i++)
        for (int k = 0; k < i; k++)
            assert_true(!grad[i] || (grad[i] != grad[k] && grad[i]->op));
    assert_null(g.wants);
    oddi_graph_release(&g);
}

static void test_not_differentiable(void **state)
{
    struct oddi_graph g;
    oddi_graph_init(&g, *state);
    struct oddi_node *x = oddi_input(&g, "x", test_s2(2, 3)), *grad = NULL;
    struct oddi_node *s = oddi_softmax(&g, x, 1.0);
    struct oddi_node *loss = oddi_sum(&g, oddi_mul(&g, s, s));
    assert_int_equal(oddi_graph_grad(&g, loss, 1, &x, &grad), ODD_OK);
    loss = oddi_sum(&g, oddi_mul(&g, grad, grad));
    assert_int_equal(oddi_graph_grad(&g, loss, 1, &x, &grad), ODD_ENOTSUP);
    assert_non_null(strstr(odd_last_message(*state), "softmax_bwd is not differentiable"));
    oddi_graph_release(&g);
}

/* By its definition, in the guided part of a graph alone; once more it has no derivative. */
static void test_guided(void **state)
{
    static const float x[6] = {1, 1, -1, -1, 2, 3}, w[6] = {0.5f, -0.5f, 0.5f, -0.5f, -2, 4},
                       guided[6] = {0.5f, 0, 0, 0, 0, 4}, plain[6] = {0.5f, -0.5f, 0, 0, -2, 4};
    static const char *const modes[] = {"best", "ref"};
    for (size_t m = 0; m < ODDI_COUNT(modes); m++) {
        struct oddi_graph g;
        struct oddi_plan *p = NULL;
        struct oddi_node *grad[3] = {NULL};
        oddi_graph_init(&g, *state);
        struct oddi_node *in[] = {oddi_input(&g, "x", test_s2(2, 3)),
                                  oddi_input(&g, "z", test_s2(2, 3)),
                                  oddi_input(&g, "w", test_s2(2, 3))};
        struct oddi_node *sum = oddi_add(&g, oddi_relu_guided(&g, in[0]), oddi_act(&g, in[1], 0.0));
        struct oddi_node *loss = oddi_sum(&g, oddi_mul(&g, sum, in[2]));
        assert_int_equal(oddi_graph_grad(&g, loss, 2, in, grad), ODD_OK);
        oddi_output(&g, grad[0], NULL);
        oddi_output(&g, grad[1], NULL);
        const struct oddi_plan_options options = {.mode = modes[m], .threads = 1};
        assert_int_equal(oddi_plan_new(*state, &g, &options, &p), ODD_OK);
        for (int i = 0; i < 3; i++)
            assert_int_equal(oddi_plan_set(p, in[i], i == 2 ? w : x), ODD_OK);
        assert_int_equal(oddi_plan_run(p), ODD_OK);
        for (int i = 0; i < 6; i++) {
            assert_float_equal(((const float *)oddi_plan_output(p, grad[0]))[i], guided[i], 0.0f);
            assert_float_equal(((const float *)oddi_plan_output(p, grad[1]))[i], plain[i], 0.0f);
        }
        oddi_plan_free(p);
        loss = oddi_sum(&g, grad[0]);
        assert_int_equal(oddi_graph_grad(&g, loss, 1, &in[2], grad), ODD_ENOTSUP);
        assert_non_null(strstr(odd_last_message(*state), "guided"));
        oddi_graph_release(&g);
    }
}

static int grad_test_setup(void **state)
{
    return odd_context_new((struct odd_context **)state) == ODD_OK ? 0 : -1;
}
static int grad_test_teardown(void **state)
{
    odd_context_free(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_ops),
        cmocka_unit_test(test_structure),
        cmocka_unit_test(test_not_differentiable),
        cmocka_unit_test(test_differences),
        cmocka_unit_test(test_guided),
    };
    return cmocka_run_group_tests(tests, grad_test_setup, grad_test_teardown);
}
