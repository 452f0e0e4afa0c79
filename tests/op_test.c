/* SPDX-License-Identifier: Apache-2.0
 *
 * The rows of op_cases.def through the graph: every operation has rows, refused shapes are refused
 * with a message, and gradients agree with differences. op_kernel_test.c tests the kernels.
 */
#include "base/compat.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "op_case.h"
#include "support/gradcheck.h"

#define GRADIENT_BOUND 1e-6

static int rows_of(const struct op_case *rows, const char *op)
{
    int n = 0;
    for (const struct op_case *row = rows; row->op; row++)
        n += strcmp(row->op, op) == 0;
    return n;
}

static void test_every_op_has_rows(void **state)
{
    (void)state;
    struct op_setup s;
    for (int i = 0; oddi_op_at(i); i++)
        if (rows_of(op_cases, oddi_op_at(i)->name) < 2)
            fail_msg("operation %s has fewer than two rows in op_cases.def", oddi_op_at(i)->name);
    for (const struct op_case *row = op_cases; row->op; row++)
        if (!op_setup_parse(&s, row, 3))
            fail_msg("op_cases.def:%d is no row", row->line);
    for (const struct op_case *row = op_refused; row->op; row++)
        if (!op_setup_parse(&s, row, 3))
            fail_msg("op_cases.def:%d is no row", row->line);
}

/* 1 where the row was not refused as it must be. */
static int refuse_row(struct odd_context *ctx, const struct op_case *row)
{
    struct oddi_node *src[ODDI_MAX_SRC];
    struct op_setup s;
    struct oddi_graph g;
    op_setup_parse(&s, row, 3);
    oddi_graph_init(&g, ctx);
    const struct oddi_node *node = op_setup_node(&s, &g, src);
    const odd_status status = oddi_graph_status(&g);
    const bool arity = s.src_count < oddi_op_find(row->op)->src_min; /* a mistake of the caller's */
    const bool right =
        !node && (status == ODD_ESHAPE || status == ODD_EINVAL || (arity && status == ODD_EBUG));
    const bool said = strstr(odd_last_message(ctx), row->op) != NULL;
    if (!right || !said)
        print_error("op_cases.def:%d: %s of %s with %s: status %s, message \"%s\"\n", row->line,
                    row->op, row->sources, row->attributes, odd_status_name(status),
                    odd_last_message(ctx));
    oddi_graph_release(&g);
    return !right || !said;
}

static void test_wrong_shapes_are_refused(void **state)
{
    struct odd_context *ctx = *state;
    int wrong = 0, rows = 0;
    for (const struct op_case *row = op_refused; row->op; row++, rows++)
        wrong += refuse_row(ctx, row);
    print_message("%d rows refused\n", rows - wrong);
    assert_int_equal(wrong, 0);
}

/* ---- gradients ----------------------------------------------------------------------------- */

static void gradient_fill(void *user, const struct oddi_node *node, int64_t count, double *values)
{
    const struct op_setup *s = user;
    const int i = node->name[3] - '0';
    if (strncmp(node->name, "src", 3) == 0 && i >= 0 && i < s->src_count)
        memcpy(values, s->value[i], (size_t)count * sizeof(double));
}

/* Loss = <op(src), fixed random weights>; the sources of row->grad are the targets. */
static odd_status gradient_row(struct odd_context *ctx, const struct op_setup *s,
                               struct gradcheck *check)
{
    struct oddi_node *src[ODDI_MAX_SRC], *target[ODDI_MAX_SRC];
    struct oddi_graph g;
    int count = 0;
    oddi_graph_init(&g, ctx);
    struct oddi_node *y = op_setup_node(s, &g, src);
    for (int i = 0; i < s->src_count; i++)
        if (s->row->grad & 1u << i)
            target[count++] = src[i];
    struct oddi_node *weights = y ? oddi_input(&g, "weights", y->shape) : NULL;
    struct oddi_node *loss = oddi_sum(&g, oddi_mul(&g, y, weights));
    odd_status status = oddi_graph_status(&g);
    if (status == ODD_OK)
        status = oddi_gradient_check(&g, loss, count, target, check);
    oddi_graph_release(&g);
    return status;
}

static int gradient_case(struct odd_context *ctx, const struct op_case *row, int64_t batch)
{
    struct op_setup s;
    struct gradcheck check = {.elements = 150, .directions = 4, .fill = gradient_fill, .user = &s};
    odd_status status = op_setup_init(&s, ctx, row, batch);
    if (status == ODD_OK)
        status = gradient_row(ctx, &s, &check);
    const bool good = status == ODD_OK && check.worst <= GRADIENT_BOUND;
    if (!good)
        print_error("op_cases.def:%d: %s of %s with %s, batch %d: %s; worst %.3g at %s[%d]: "
                    "gradient %.9g, difference %.9g\n",
                    row->line, row->op, row->sources, row->attributes, (int)batch,
                    status == ODD_OK ? "gradient" : odd_last_message(ctx), check.worst,
                    check.target ? check.target : "", (int)check.element, check.analytic,
                    check.numeric);
    op_setup_release(&s);
    return !good;
}

static void test_gradients(void **state)
{
    struct odd_context *ctx = *state;
    int wrong = 0, rows = 0;
    for (const struct op_case *row = op_cases; row->op; row++) {
        if (row->grad == 0)
            continue;
        wrong += gradient_case(ctx, row, 1);
        if (op_case_has_batch(row))
            wrong += gradient_case(ctx, row, 3);
        rows++;
    }
    print_message("%d rows with gradients\n", rows);
    assert_int_equal(wrong, 0);
}

/* Batch normalisation with the statistics of its own input: the gradient goes through them. */
static void test_gradient_of_batch_statistics(void **state)
{
    static const int64_t shapes[][4] = {{3, 1, 3, 5}, {2, 3, 4, 3}, {1, 17, 3, 3}};
    struct odd_context *ctx = *state;
    for (size_t i = 0; i < ODDI_COUNT(shapes); i++) {
        const int64_t *d = shapes[i];
        const struct oddi_shape channels = oddi_shape_make(1, d[1], 0, 0, 0);
        struct oddi_graph g;
        oddi_graph_init(&g, ctx);
        struct oddi_node *x = oddi_input(&g, "x", oddi_shape_make(4, d[0], d[1], d[2], d[3]));
        struct oddi_node *gamma = oddi_input(&g, "gamma", channels);
        struct oddi_node *beta = oddi_input(&g, "beta", channels);
        struct oddi_node *weights = oddi_input(&g, "weights", x->shape);
        struct oddi_node *y = oddi_batchnorm(&g, x, oddi_bn_stats(&g, x), gamma, beta, 1e-3);
        struct oddi_node *loss = oddi_sum(&g, oddi_mul(&g, oddi_tanh(&g, y), weights));
        struct oddi_node *const target[] = {x, gamma, beta};
        struct gradcheck check = {.elements = 0};
        assert_int_equal(oddi_gradient_check(&g, loss, 3, target, &check), ODD_OK);
        if (check.worst > GRADIENT_BOUND)
            fail_msg("batch %d: worst %.3g at %s[%d]", (int)i, check.worst, check.target,
                     (int)check.element);
        oddi_graph_release(&g);
    }
}

/* y = a + stop(a): the gradient of the loss is that of the first a alone. */
static void test_gradients_end_at_stop(void **state)
{
    struct odd_context *ctx = *state;
    struct oddi_node *grad[2];
    struct oddi_graph g;
    oddi_graph_init(&g, ctx);
    struct oddi_node *a = oddi_input(&g, "a", oddi_shape_make(2, 3, 5, 0, 0));
    struct oddi_node *b = oddi_input(&g, "b", a->shape);
    struct oddi_node *loss = oddi_sum(&g, oddi_stop(&g, a));
    assert_int_equal(oddi_graph_grad(&g, loss, 1, &a, grad), ODD_OK);
    assert_null(grad[0]);
    struct oddi_node *const both[] = {a, b};
    loss = oddi_sum(&g, oddi_mul(&g, oddi_stop(&g, a), b));
    assert_int_equal(oddi_graph_grad(&g, loss, 2, both, grad), ODD_OK);
    assert_null(grad[0]);
    assert_non_null(grad[1]);
    oddi_graph_release(&g);
}

/* The checker itself: it must see a gradient that is wrong. Here one is cut off by a stop. */
static void test_checker_sees_wrong_gradients(void **state)
{
    struct odd_context *ctx = *state;
    struct gradcheck check = {.seed = 1};
    struct oddi_graph g;
    oddi_graph_init(&g, ctx);
    struct oddi_node *a = oddi_input(&g, "a", oddi_shape_make(2, 3, 5, 0, 0));
    struct oddi_node *loss = oddi_sum(&g, oddi_mul(&g, a, oddi_stop(&g, a)));
    assert_int_equal(oddi_gradient_check(&g, loss, 1, &a, &check), ODD_OK);
    assert_true(check.worst > 0.1);
    assert_string_equal(check.target, "a");
    oddi_graph_release(&g);
}

static int setup(void **state)
{
    struct odd_context *ctx = NULL;
    const odd_status status = odd_context_new(&ctx);
    *state = ctx;
    return status == ODD_OK ? 0 : -1;
}
static int teardown(void **state)
{
    odd_context_free(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_op_has_rows),
        cmocka_unit_test(test_wrong_shapes_are_refused),
        cmocka_unit_test(test_gradients),
        cmocka_unit_test(test_gradient_of_batch_statistics),
        cmocka_unit_test(test_gradients_end_at_stop),
        cmocka_unit_test(test_checker_sees_wrong_gradients),
    };
    return cmocka_run_group_tests_name("ops", tests, setup, teardown);
}
