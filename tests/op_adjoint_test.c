/* SPDX-License-Identifier: Apache-2.0
 *
 * Identities between operations, on every kernel set, with random values:
 *     <conv2d(x, w), y> = <x, conv2d_bwd_data(y, w)> = <w, conv2d_bwd_weights(x, y)>
 *     <A x, y> = <x, A' y> for slice_c and pad_c, blocks and unblocks, row and put_row, sum_nhw
 *     and expand_c, sum and fill;   unblocks(blocks(x)) = x.
 */
#include "base/compat.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "base/rng.h"
#include "graph/plan.h"

#define MOST_NODES 4
static const char *const modes[] = {"best", "simd", "ref"};

/* A graph whose inputs get random values and whose outputs are compared. */
struct adjoint {
    struct odd_context *ctx;
    struct oddi_graph g;
    struct oddi_node *in[MOST_NODES], *out[MOST_NODES];
    double *x[MOST_NODES], *y[MOST_NODES]; /* their values */
    int in_count, out_count;
};

static void adjoint_init(struct adjoint *a, struct odd_context *ctx)
{
    memset(a, 0, sizeof(*a));
    a->ctx = ctx;
    oddi_graph_init(&a->g, ctx);
}
static struct oddi_node *adjoint_in(struct adjoint *a, struct oddi_shape shape)
{
    static const char *const names[MOST_NODES] = {"a", "b", "c", "d"};
    a->in[a->in_count] = oddi_input(&a->g, names[a->in_count], shape);
    return a->in[a->in_count++];
}
static void adjoint_out(struct adjoint *a, struct oddi_node *node)
{
    a->out[a->out_count++] = node;
    oddi_output(&a->g, node, NULL);
}

static double *adjoint_values(struct adjoint *a, const struct oddi_node *node)
{
    double *values =
        oddi_alloc_array(a->ctx, (size_t)oddi_shape_count(&node->shape), sizeof(double));
    assert_non_null(values);
    return values;
}
/* Copies between the plan's type and double. */
static void adjoint_move(void *plan, double *values, int64_t n, enum oddi_type type, bool in)
{
    float *narrow = plan;
    double *wide = plan;
    for (int64_t i = 0; i < n; i++) {
        if (type == ODDI_F32 && in)
            narrow[i] = (float)values[i];
        else if (type == ODDI_F32)
            values[i] = (double)narrow[i];
        else if (in)
            wide[i] = values[i];
        else
            values[i] = wide[i];
    }
}

static void adjoint_run(struct adjoint *a, const char *mode, enum oddi_type type)
{
    const struct oddi_plan_options options = {.type = type, .mode = mode, .threads = 2};
    struct oddi_plan *plan = NULL;
    struct oddi_rng rng;
    assert_int_equal(oddi_plan_new(a->ctx, &a->g, &options, &plan), ODD_OK);
    for (int i = 0; i < a->in_count; i++) {
        const int64_t n = oddi_shape_count(&a->in[i]->shape);
        a->x[i] = adjoint_values(a, a->in[i]);
        oddi_rng_init(&rng, 2, ODDI_RNG_TEST, (uint64_t)i, 0);
        for (int64_t k = 0; k < n; k++)
            a->x[i][k] = (double)oddi_rng_range(&rng, -1.0f, 1.0f);
        adjoint_move(oddi_plan_input(plan, a->in[i]), a->x[i], n, type, true);
    }
    assert_int_equal(oddi_plan_run(plan), ODD_OK);
    for (int i = 0; i < a->out_count; i++) {
        const int64_t n = oddi_shape_count(&a->out[i]->shape);
        void *raw = oddi_alloc_array(a->ctx, (size_t)n, oddi_type_size(type));
        a->y[i] = adjoint_values(a, a->out[i]);
        assert_int_equal(oddi_plan_get(plan, a->out[i], raw), ODD_OK);
        adjoint_move(raw, a->y[i], n, type, false);
        oddi_free(a->ctx, raw);
    }
    oddi_plan_free(plan);
}
static void adjoint_forget(struct adjoint *a)
{
    for (int i = 0; i < MOST_NODES; i++) {
        oddi_free(a->ctx, a->x[i]);
        oddi_free(a->ctx, a->y[i]);
        a->x[i] = a->y[i] = NULL;
    }
}

/* <a, b> and |a| |b| of one input and one output. */
static double adjoint_dot(const struct adjoint *a, int in, int out, double *size)
{
    const int64_t n = oddi_shape_count(&a->in[in]->shape);
    double dot = 0.0, x = 0.0, y = 0.0;
    assert_int_equal(n, oddi_shape_count(&a->out[out]->shape));
    for (int64_t i = 0; i < n; i++) {
        dot += a->x[in][i] * a->y[out][i];
        x += a->x[in][i] * a->x[in][i];
        y += a->y[out][i] * a->y[out][i];
    }
    *size = sqrt(x * y);
    return dot;
}

/* pair[i] = {input, output}: all their products are equal; on every mode in float, ref in double.
 */
static void adjoint_compare(struct adjoint *a, const int (*pair)[2], int count)
{
    double size, other;
    assert_int_equal(oddi_graph_status(&a->g), ODD_OK);
    for (size_t m = 0; m <= ODDI_COUNT(modes); m++) {
        const bool last = m == ODDI_COUNT(modes);
        adjoint_run(a, last ? "ref" : modes[m], last ? ODDI_F64 : ODDI_F32);
        const double first = adjoint_dot(a, pair[0][0], pair[0][1], &size);
        for (int i = 1; i < count; i++) {
            const double gap = fabs(adjoint_dot(a, pair[i][0], pair[i][1], &other) - first);
            if (!(gap <= (last ? 1e-13 : 2e-6) * size))
                fail_msg("mode %s%s, %s: %.9g and %.9g", last ? "ref" : modes[m],
                         last ? " in double" : "", a->out[pair[i][1]]->name, first, first + gap);
        }
        adjoint_forget(a);
    }
    oddi_graph_release(&a->g);
}

static const int adjoint_pair[2][2] = {{1, 0}, {0, 1}}; /* <A x, y> and <x, A' y> */

static void test_convolution_is_trilinear(void **state)
{
    /* n, ic, h, w, oc, kh, kw, stride, pad */
    static const int cases[][9] = {
        {1, 1, 8, 8, 3, 3, 3, 1, 1},     {3, 3, 9, 7, 17, 3, 3, 2, 1},
        {2, 32, 9, 8, 32, 4, 4, 2, 1},   {1, 17, 7, 5, 32, 3, 1, 1, 0},
        {3, 8, 11, 9, 24, 5, 5, 3, 2},   {2, 16, 6, 7, 48, 1, 1, 1, 0},
        {1, 32, 16, 16, 16, 3, 3, 1, 1}, {2, 16, 5, 5, 1, 3, 3, 1, 2},
    };
    static const int pair[][2] = {{2, 0}, {0, 1}, {1, 2}};
    for (size_t i = 0; i < ODDI_COUNT(cases); i++) {
        const int *c = cases[i];
        const int stride = c[7], pad = c[8];
        const int64_t oh = (c[2] + 2 * pad - c[5]) / stride + 1, hw[2] = {c[2], c[3]};
        const int64_t ow = (c[3] + 2 * pad - c[6]) / stride + 1, k[2] = {c[5], c[6]};
        struct adjoint a;
        adjoint_init(&a, *state);
        struct oddi_node *x = adjoint_in(&a, oddi_shape_make(4, c[0], c[1], c[2], c[3]));
        struct oddi_node *w = adjoint_in(&a, oddi_shape_make(4, c[4], c[1], c[5], c[6]));
        struct oddi_node *y = adjoint_in(&a, oddi_shape_make(4, c[0], c[4], oh, ow));
        adjoint_out(&a, oddi_conv2d(&a.g, x, w, NULL, stride, pad));
        adjoint_out(&a, oddi_conv2d_bwd_data(&a.g, y, w, stride, pad, hw));
        adjoint_out(&a, oddi_conv2d_bwd_weights(&a.g, x, y, stride, pad, k));
        adjoint_compare(&a, pair, 3);
    }
}

/* op from a shape to another, and back from that to the first. */
static void adjoint_of(struct odd_context *ctx, const char *op, const struct oddi_attr *attr,
                       struct oddi_shape from, const char *back, const struct oddi_attr *back_attr)
{
    struct adjoint a;
    adjoint_init(&a, ctx);
    struct oddi_node *x = adjoint_in(&a, from);
    struct oddi_node *there = oddi_apply(&a.g, op, attr, 1, &x);
    assert_non_null(there);
    struct oddi_node *y = adjoint_in(&a, there->shape);
    adjoint_out(&a, there);
    adjoint_out(&a, oddi_apply(&a.g, back, back_attr, 1, &y));
    adjoint_compare(&a, adjoint_pair, 2);
}

static void test_slices_and_pads(void **state)
{
    static const int64_t cases[][3] = {
        {3, 1, 1}, {48, 16, 32}, {32, 5, 17}, {17, 0, 17}, {32, 8, 8}};
    for (size_t i = 0; i < ODDI_COUNT(cases); i++) {
        const struct oddi_attr slice = {.i = {cases[i][1], cases[i][2]}};
        const struct oddi_attr pad = {.i = {cases[i][1], cases[i][0]}};
        const struct oddi_shape from = oddi_shape_make(4, 3, cases[i][0], 3, 5);
        adjoint_of(*state, "slice_c", &slice, from, "pad_c", &pad);
    }
}

static void test_sums_and_their_adjoints(void **state)
{
    static const int64_t channels[] = {1, 3, 17, 32};
    for (size_t i = 0; i < ODDI_COUNT(channels); i++) {
        const int64_t c = channels[i];
        const struct oddi_shape picture = oddi_shape_make(4, 3, c, 5, 3);
        const struct oddi_attr shape = {.i = {3, c, 5, 3, 4}, .f = {0.5}};
        const struct oddi_attr factor = {.f = {0.5}}, row = {.i = {2}}, put = {.i = {2, 5}};
        adjoint_of(*state, "sum_nhw", NULL, picture, "expand_c", &shape);
        adjoint_of(*state, "sum", &factor, picture, "fill", &shape);
        adjoint_of(*state, "row", &row, oddi_shape_make(2, 5, c, 0, 0), "put_row", &put);
    }
}

static void test_blocks_and_their_inverse(void **state)
{
    /* c, h, w, then the block's h, w, c */
    static const int64_t cases[][6] = {
        {3, 6, 4, 3, 2, 1}, {32, 8, 8, 2, 4, 16}, {17, 5, 3, 5, 1, 17}, {24, 3, 6, 1, 3, 4},
        {1, 8, 8, 4, 4, 1}, {32, 4, 4, 4, 4, 32}, {16, 4, 4, 1, 1, 16}};
    for (size_t i = 0; i < ODDI_COUNT(cases); i++) {
        const int64_t *d = cases[i];
        const struct oddi_attr there = {.i = {d[3], d[4], d[5]}};
        const struct oddi_attr back = {.i = {d[3], d[4], d[5], 3, d[0], d[1], d[2]}};
        const struct oddi_shape from = oddi_shape_make(4, 3, d[0], d[1], d[2]);
        adjoint_of(*state, "blocks", &there, from, "unblocks", &back);
        for (size_t m = 0; m < ODDI_COUNT(modes); m++) {
            struct adjoint a;
            adjoint_init(&a, *state);
            struct oddi_node *x = adjoint_in(&a, from);
            adjoint_out(&a, oddi_unblocks(&a.g, oddi_blocks(&a.g, x, &d[3]), from, &d[3]));
            adjoint_run(&a, modes[m], ODDI_F32);
            const size_t size = (size_t)oddi_shape_count(&from) * sizeof(double);
            assert_memory_equal(a.x[0], a.y[0], size);
            adjoint_forget(&a);
            oddi_graph_release(&a.g);
        }
    }
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
        cmocka_unit_test(test_convolution_is_trilinear),
        cmocka_unit_test(test_slices_and_pads),
        cmocka_unit_test(test_sums_and_their_adjoints),
        cmocka_unit_test(test_blocks_and_their_inverse),
    };
    return cmocka_run_group_tests_name("adjoints", tests, setup, teardown);
}
