/* SPDX-License-Identifier: Apache-2.0
 * The table of operations, the shape rule of each with what it refuses, and how a graph keeps its
 * first error. */
#include "graph/support_test.h"

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#define S(r, ...)                                                                                  \
    {                                                                                              \
        r,                                                                                         \
        {                                                                                          \
            __VA_ARGS__                                                                            \
        }                                                                                          \
    }
/* One call of an op: its sources' shapes and the result's, or rank -1 where it must be refused. */
struct graph_test_case {
    const char *op;
    struct oddi_attr attr;
    int count;
    struct oddi_shape src[ODDI_MAX_SRC], want;
};
#define REFUSED                                                                                    \
    {                                                                                              \
        .rank = -1                                                                                 \
    }
static const struct graph_test_case graph_test_cases[] = {
    {"conv2d", {.i = {1, 1}}, 2, {S(4, 2, 3, 8, 9), S(4, 5, 3, 3, 3)}, S(4, 2, 5, 8, 9)},
    {"conv2d",
     {.i = {2, 1}},
     3,
     {S(4, 2, 3, 9, 8), S(4, 5, 3, 4, 4), S(1, 5, 1, 1, 1)},
     S(4, 2, 5, 4, 4)},
    {"conv2d", {.i = {1, 0}}, 3, {S(4, 2, 3, 8, 8), S(4, 5, 3, 3, 3), S(1, 3, 1, 1, 1)}, REFUSED},
    {"conv2d", {.i = {1, 0}}, 2, {S(4, 2, 3, 8, 8), S(4, 5, 4, 3, 3)}, REFUSED},
    {"conv2d", {.i = {1, 0}}, 2, {S(4, 2, 3, 2, 8), S(4, 5, 3, 3, 3)}, REFUSED},
    {"conv2d", {.i = {0, 0}}, 2, {S(4, 2, 3, 8, 8), S(4, 5, 3, 3, 3)}, REFUSED},
    {"conv2d", {.i = {1, -1}}, 2, {S(4, 2, 3, 8, 8), S(4, 5, 3, 3, 3)}, REFUSED},
    {"conv2d", {.i = {INT64_MAX, 0}}, 2, {S(4, 2, 3, 8, 8), S(4, 5, 3, 3, 3)}, REFUSED},
    {"conv2d", {.i = {1, INT64_MAX}}, 2, {S(4, 2, 3, 8, 8), S(4, 5, 3, 3, 3)}, REFUSED},
    {"conv2d", {.i = {1, 0}}, 2, {S(2, 2, 3, 1, 1), S(4, 5, 3, 3, 3)}, REFUSED},
    {"conv2d_bwd_data",
     {.i = {2, 1, 0, 8, 9}},
     2,
     {S(4, 2, 5, 4, 4), S(4, 5, 3, 4, 4)},
     S(4, 2, 3, 8, 9)},
    {"conv2d_bwd_data", {.i = {2, 1, 0, 10, 8}}, 2, {S(4, 2, 5, 4, 4), S(4, 5, 3, 4, 4)}, REFUSED},
    {"conv2d_bwd_data", {.i = {2, 1, 0, 0, 0}}, 2, {S(4, 2, 5, 4, 4), S(4, 5, 3, 4, 4)}, REFUSED},
    {"conv2d_bwd_data", {.i = {2, 1, 0, 8, 8}}, 2, {S(4, 2, 3, 4, 4), S(4, 5, 3, 4, 4)}, REFUSED},
    {"conv2d_bwd_weights",
     {.i = {2, 1, 0, 4, 4}},
     2,
     {S(4, 2, 3, 8, 8), S(4, 2, 5, 4, 4)},
     S(4, 5, 3, 4, 4)},
    {"conv2d_bwd_weights",
     {.i = {2, 1, 0, 4, 4}},
     2,
     {S(4, 3, 3, 8, 8), S(4, 2, 5, 4, 4)},
     REFUSED},
    {"conv2d_bwd_weights",
     {.i = {2, 1, 0, -4, 4}},
     2,
     {S(4, 2, 3, 8, 8), S(4, 2, 5, 4, 4)},
     REFUSED},
    {"bias", {{0}, {0}}, 2, {S(4, 2, 3, 8, 8), S(1, 3, 1, 1, 1)}, S(4, 2, 3, 8, 8)},
    {"bias", {{0}, {0}}, 2, {S(2, 2, 3, 1, 1), S(1, 3, 1, 1, 1)}, S(2, 2, 3, 1, 1)},
    {"bias", {{0}, {0}}, 2, {S(4, 2, 3, 8, 8), S(1, 2, 1, 1, 1)}, REFUSED},
    {"sum_nhw", {{0}, {0}}, 1, {S(4, 2, 3, 8, 8)}, S(1, 3, 1, 1, 1)},
    {"sum_nhw", {{0}, {0}}, 1, {S(1, 2, 1, 1, 1)}, REFUSED},
    {"expand_c", {.i = {2, 3, 4, 5, 4}}, 1, {S(1, 3, 1, 1, 1)}, S(4, 2, 3, 4, 5)},
    {"expand_c", {.i = {2, 4, 4, 5, 4}}, 1, {S(1, 3, 1, 1, 1)}, REFUSED},
    {"expand_c", {.i = {2, 3, 4, 5, 9}}, 1, {S(1, 3, 1, 1, 1)}, REFUSED},
    {"bn_stats", {{0}, {0}}, 1, {S(4, 2, 3, 8, 8)}, S(2, 2, 3, 1, 1)},
    {"batchnorm",
     {.f = {1e-5}},
     4,
     {S(4, 2, 3, 8, 8), S(2, 2, 3, 1, 1), S(1, 3, 1, 1, 1), S(1, 3, 1, 1, 1)},
     S(4, 2, 3, 8, 8)},
    {"batchnorm",
     {.f = {-1}},
     4,
     {S(4, 2, 3, 8, 8), S(2, 2, 3, 1, 1), S(1, 3, 1, 1, 1), S(1, 3, 1, 1, 1)},
     REFUSED},
    {"batchnorm",
     {.f = {1e-5}},
     4,
     {S(4, 2, 3, 8, 8), S(2, 2, 4, 1, 1), S(1, 3, 1, 1, 1), S(1, 3, 1, 1, 1)},
     REFUSED},
    {"bn_red",
     {.f = {1e-5}},
     3,
     {S(4, 2, 3, 8, 8), S(2, 2, 3, 1, 1), S(4, 2, 3, 8, 8)},
     S(2, 2, 3, 1, 1)},
    {"bn_dx",
     {.f = {1e-5}},
     5,
     {S(4, 2, 3, 8, 8), S(2, 2, 3, 1, 1), S(1, 3, 1, 1, 1), S(4, 2, 3, 8, 8), S(2, 2, 3, 1, 1)},
     S(4, 2, 3, 8, 8)},
    /* not of a parameter */
    {"bn_running", {.i = {4}, .f = {0.1}}, 2, {S(2, 2, 3, 1, 1), S(2, 2, 3, 1, 1)}, REFUSED},
    {"act", {.f = {0, 0, 0, 0.2}}, 1, {S(4, 2, 3, 8, 8)}, S(4, 2, 3, 8, 8)},
    {"act", {.f = {0, 0, 0, -0.2}}, 1, {S(4, 2, 3, 8, 8)}, REFUSED},
    {"act_bwd", {{0}, {0}}, 2, {S(4, 2, 3, 8, 8), S(4, 2, 3, 8, 9)}, REFUSED},
    {"tanh", {{0}, {0}}, 1, {S(1, 7, 1, 1, 1)}, S(1, 7, 1, 1, 1)},
    {"add", {{0}, {0}}, 2, {S(2, 2, 3, 1, 1), S(2, 2, 3, 1, 1)}, S(2, 2, 3, 1, 1)},
    {"add", {{0}, {0}}, 2, {S(2, 2, 3, 1, 1), S(2, 3, 2, 1, 1)}, REFUSED},
    {"mul_scalar", {{0}, {0}}, 2, {S(2, 2, 3, 1, 1), S(0, 1, 1, 1, 1)}, S(2, 2, 3, 1, 1)},
    {"mul_scalar", {{0}, {0}}, 2, {S(2, 2, 3, 1, 1), S(1, 1, 1, 1, 1)}, REFUSED},
    {"sum", {.f = {1}}, 1, {S(4, 2, 3, 8, 8)}, S(0, 1, 1, 1, 1)},
    {"fill", {.i = {3, 2, 1, 1, 2}, .f = {1}}, 1, {S(0, 1, 1, 1, 1)}, S(2, 3, 2, 1, 1)},
    {"fill", {.i = {INT64_MAX, INT64_MAX, 1, 1, 2}}, 1, {S(0, 1, 1, 1, 1)}, REFUSED},
    {"mse", {{0}, {0}}, 2, {S(1, 7, 1, 1, 1), S(1, 7, 1, 1, 1)}, S(0, 1, 1, 1, 1)},
    {"mse", {{0}, {0}}, 2, {S(1, 7, 1, 1, 1), S(1, 8, 1, 1, 1)}, REFUSED},
    {"mse_bwd",
     {{0}, {0}},
     3,
     {S(1, 7, 1, 1, 1), S(1, 7, 1, 1, 1), S(0, 1, 1, 1, 1)},
     S(1, 7, 1, 1, 1)},
    {"bce", {{0}, {0}}, 2, {S(2, 7, 1, 1, 1), S(0, 1, 1, 1, 1)}, S(0, 1, 1, 1, 1)},
    {"bce", {{0}, {0}}, 2, {S(2, 7, 1, 1, 1), S(2, 7, 1, 1, 1)}, REFUSED},
    {"bce_bwd", {{0}, {0}}, 3, {S(2, 7, 1, 1, 1), S(0, 1, 1, 1, 1), S(1, 1, 1, 1, 1)}, REFUSED},
    {"concat", {{0}, {0}}, 2, {S(4, 2, 3, 8, 8), S(4, 2, 4, 8, 8)}, S(4, 2, 7, 8, 8)},
    {"concat", {{0}, {0}}, 2, {S(4, 2, 3, 8, 8), S(4, 2, 3, 8, 9)}, REFUSED},
    {"slice_c", {.i = {1, 2}}, 1, {S(4, 2, 3, 8, 8)}, S(4, 2, 2, 8, 8)},
    {"slice_c", {.i = {2, 2}}, 1, {S(4, 2, 3, 8, 8)}, REFUSED},
    {"slice_c", {.i = {INT64_MAX, 2}}, 1, {S(4, 2, 3, 8, 8)}, REFUSED},
    {"slice_c", {.i = {-1, 2}}, 1, {S(4, 2, 3, 8, 8)}, REFUSED},
    {"pad_c", {.i = {1, 5}}, 1, {S(4, 2, 3, 8, 8)}, S(4, 2, 5, 8, 8)},
    {"pad_c", {.i = {3, 5}}, 1, {S(4, 2, 3, 8, 8)}, REFUSED},
    {"reshape", {.i = {6, 4, 1, 1, 2}}, 1, {S(4, 2, 3, 2, 2)}, S(2, 6, 4, 1, 1)},
    {"reshape", {.i = {6, 5, 1, 1, 2}}, 1, {S(4, 2, 3, 2, 2)}, REFUSED},
    {"row", {.i = {1}}, 1, {S(2, 2, 3, 1, 1)}, S(1, 3, 1, 1, 1)},
    {"row", {.i = {2}}, 1, {S(2, 2, 3, 1, 1)}, REFUSED},
    {"put_row", {.i = {1, 4}}, 1, {S(1, 3, 1, 1, 1)}, S(2, 4, 3, 1, 1)},
    {"put_row", {.i = {4, 4}}, 1, {S(1, 3, 1, 1, 1)}, REFUSED},
    {"matmul", {.i = {0, 0}}, 2, {S(2, 2, 3, 1, 1), S(2, 3, 4, 1, 1)}, S(2, 2, 4, 1, 1)},
    {"matmul", {.i = {1, 1}}, 2, {S(2, 3, 2, 1, 1), S(2, 4, 3, 1, 1)}, S(2, 2, 4, 1, 1)},
    {"matmul", {.i = {1, 0}}, 2, {S(2, 2, 3, 1, 1), S(2, 3, 4, 1, 1)}, REFUSED},
    {"blocks", {.i = {2, 4, 3}}, 1, {S(4, 2, 6, 8, 8)}, S(2, 32, 24, 1, 1)},
    {"blocks", {.i = {3, 4, 3}}, 1, {S(4, 2, 6, 8, 8)}, REFUSED},
    {"blocks", {.i = {0, 4, 3}}, 1, {S(4, 2, 6, 8, 8)}, REFUSED},
    {"unblocks", {.i = {2, 4, 3, 2, 6, 8, 8}}, 1, {S(2, 32, 24, 1, 1)}, S(4, 2, 6, 8, 8)},
    {"unblocks", {.i = {2, 4, 3, 2, 6, 8, 4}}, 1, {S(2, 32, 24, 1, 1)}, REFUSED},
    {"row_normalize", {.f = {1e-12}}, 1, {S(2, 4, 5, 1, 1)}, S(2, 4, 5, 1, 1)},
    {"row_normalize", {.f = {1e-12}}, 1, {S(1, 4, 1, 1, 1)}, REFUSED},
    {"softmax", {.f = {0.1}}, 1, {S(2, 4, 5, 1, 1)}, S(2, 4, 5, 1, 1)},
    {"softmax", {.f = {0}}, 1, {S(2, 4, 5, 1, 1)}, REFUSED},
    {"shrink_bwd",
     {.f = {0.1}},
     3,
     {S(2, 4, 5, 1, 1), S(2, 4, 5, 1, 1), S(2, 5, 4, 1, 1)},
     REFUSED},
    {"fold_bn_w",
     {.i = {1}},
     3,
     {S(4, 5, 3, 2, 2), S(2, 2, 3, 1, 1), S(1, 3, 1, 1, 1)},
     S(4, 5, 3, 2, 2)},
    {"fold_bn_w", {.i = {0}}, 3, {S(4, 5, 3, 2, 2), S(2, 2, 3, 1, 1), S(1, 3, 1, 1, 1)}, REFUSED},
    {"fold_bn_b",
     {{0}, {0}},
     3,
     {S(2, 2, 3, 1, 1), S(1, 3, 1, 1, 1), S(1, 3, 1, 1, 1)},
     S(1, 3, 1, 1, 1)},
    {"stop", {{0}, {0}}, 1, {S(0, 1, 1, 1, 1)}, S(0, 1, 1, 1, 1)},
};

static void graph_test_shape(struct odd_context *ctx, const struct graph_test_case *c)
{
    static const char *const names[] = {"a", "b", "c", "d", "e", "f"};
    struct oddi_graph g;
    struct oddi_node *src[ODDI_MAX_SRC];
    oddi_graph_init(&g, ctx);
    for (int i = 0; i < c->count; i++)
        src[i] = oddi_input(&g, names[i], c->src[i]);
    const int before = g.count;
    const struct oddi_node *n = oddi_apply(&g, c->op, &c->attr, c->count, src);
    if (c->want.rank < 0) {
        assert_null(n);
        assert_int_equal(oddi_graph_status(&g), ODD_ESHAPE);
        assert_non_null(strstr(odd_last_message(ctx), c->op));
        assert_int_equal(g.count, before);
    } else {
        if (!n)
            fail_msg("%s", odd_last_message(ctx));
        assert_true(oddi_shape_equal(&n->shape, &c->want));
    }
    oddi_graph_release(&g);
}

static void test_shapes(void **state)
{
    for (size_t i = 0; i < ODDI_COUNT(graph_test_cases); i++)
        graph_test_shape(*state, &graph_test_cases[i]);
}

static void test_table(void **state)
{
    (void)state;
    int count = 0;
    for (const struct oddi_op *op; (op = oddi_op_at(count)) != NULL; count++) {
        assert_ptr_equal(oddi_op_find(op->name), op);
        assert_non_null(op->shape);
        assert_true(op->src_min >= 1 && op->src_min <= op->src_max && op->src_max <= ODDI_MAX_SRC);
    }
    assert_true(count > 40);
    assert_null(oddi_op_find("conv9d"));
    assert_null(oddi_op_at(-1));
}

/* The first error stays, and building on does nothing. */
static void test_first_error(void **state)
{
    struct oddi_graph g;
    oddi_graph_init(&g, *state);
    struct oddi_node *a = oddi_input(&g, "a", test_s2(2, 3)),
                     *b = oddi_input(&g, "b", test_s2(3, 2));
    struct oddi_node *bad = oddi_add(&g, a, b);
    assert_null(bad);
    assert_string_equal(odd_last_message(*state),
                        "add.2: add of (2, 3), (3, 2): the shapes must be equal");
    assert_null(oddi_mse(&g, bad, a));
    assert_null(oddi_input(&g, "c", test_s1(1)));
    oddi_output(&g, bad, "out");
    assert_int_equal(oddi_graph_status(&g), ODD_ESHAPE);
    assert_int_equal(oddi_graph_fuse(&g), ODD_ESHAPE);
    struct oddi_node *grad = a;
    assert_int_equal(oddi_graph_grad(&g, a, 1, &a, &grad), ODD_ESHAPE);
    assert_null(grad);
    oddi_graph_release(&g);
    oddi_graph_release(&g); /* once more does nothing */
}

static void test_misuse(void **state)
{
    struct oddi_graph g;
    struct oddi_node *null = NULL, *a;
    for (int kind = 0; kind < 6; kind++) {
        oddi_graph_init(&g, *state);
        a = oddi_input(&g, "a", test_s2(2, 3));
        if (kind == 0)
            oddi_apply(&g, "add", NULL, 1, &a); /* too few */
        else if (kind == 1)
            oddi_apply(&g, "conv9d", NULL, 1, &a);
        else if (kind == 2)
            oddi_apply(&g, "tanh", NULL, 1, &null);
        else if (kind == 3)
            oddi_graph_grad(&g, a, 0, NULL, NULL); /* no scalar */
        else if (kind == 4)
            oddi_graph_grad(&g, oddi_sum(&g, a), 1, &null, &a);
        g.phase = 1;
        a = kind == 5 ? oddi_tanh(&g, a) : NULL;
        g.phase = 0;
        if (kind == 5)
            assert_null(oddi_tanh(&g, a)); /* of a later phase */
        assert_int_equal(oddi_graph_status(&g), ODD_EBUG);
        oddi_graph_release(&g);
    }
}

static void test_names_and_params(void **state)
{
    struct oddi_graph g;
    oddi_graph_init(&g, *state);
    struct oddi_node *w = test_param(&g, "w", test_s2(2, 3), 1.0f);
    assert_ptr_equal(test_param(&g, "w", test_s2(2, 3), 1.0f), w);
    assert_string_equal(w->group, "net");
    g.scope = "enc/";
    struct oddi_node *y = oddi_tanh(&g, w);
    assert_string_equal(y->name, "enc/tanh.1");
    oddi_output(&g, y, "y");
    assert_ptr_equal(oddi_find_node(&g, "y"), y);
    assert_null(oddi_find_node(&g, "z"));
    assert_null(test_param(&g, "w", test_s2(3, 2), 1.0f));
    assert_int_equal(oddi_graph_status(&g), ODD_EBUG);
    oddi_graph_release(&g);
    oddi_graph_init(&g, *state);
    assert_null(oddi_input(&g, "x", test_s2(0, 3)));
    assert_int_equal(oddi_graph_status(&g), ODD_ESHAPE);
    oddi_graph_release(&g);
}

static int graph_test_setup(void **state)
{
    return odd_context_new((struct odd_context **)state) == ODD_OK ? 0 : -1;
}
static int graph_test_teardown(void **state)
{
    odd_context_free(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_shapes),
        cmocka_unit_test(test_first_error),
        cmocka_unit_test(test_misuse),
        cmocka_unit_test(test_names_and_params),
    };
    return cmocka_run_group_tests(tests, graph_test_setup, graph_test_teardown);
}
