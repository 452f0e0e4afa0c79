/* SPDX-License-Identifier: Apache-2.0
 *
 * What moves channels and blocks, what works on rows, and the losses, against plain loops in double.
 */
#include "base/compat.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "backend/host/simd/support_test.h"

/* ---- moving --------------------------------------------------------------------------------- */

/* dst element i is source `from` element `at`, or 0 where from < 0. */
static void move_check(struct rig *r, void (*place)(const struct rig *, int64_t, int *, int64_t *))
{
    const int64_t count = oddi_shape_count(&r->task.dst.shape);
    rig_plain(r);
    double *expected = oddi_calloc(rig_ctx, (size_t)count, sizeof(double));
    assert_non_null(expected);
    for (int64_t i = 0; i < count; i++) {
        int from = -1;
        int64_t at = 0;
        place(r, i, &from, &at);
        expected[i] = from < 0 ? 0.0 : (double)r->plain[from][at];
    }
    rig_check(r, expected, 0.0);
    oddi_free(rig_ctx, expected);
    rig_release(r);
}
/* Of element i: channel, and the plain place of channel c of the same cell among `channels`. */
static int64_t move_channel(const struct oddi_shape *s, int64_t i)
{
    return i / (s->dim[2] * s->dim[3]) % s->dim[1];
}
static int64_t move_at(const struct oddi_shape *s, int64_t i, int64_t c, int64_t channels)
{
    const int64_t cells = s->dim[2] * s->dim[3];
    return (i / cells / s->dim[1] * channels + c) * cells + i % cells;
}
static void place_same(const struct rig *r, int64_t i, int *from, int64_t *at)
{
    (void)r;
    *from = 0;
    *at = i;
}
static void place_concat(const struct rig *r, int64_t i, int *from, int64_t *at)
{
    const struct oddi_shape *s = &r->task.dst.shape;
    const int64_t c = move_channel(s, i), first = r->task.src[0].shape.dim[1];
    *from = c >= first;
    *at = move_at(s, i, c >= first ? c - first : c, r->task.src[*from].shape.dim[1]);
}
static void place_slice(const struct rig *r, int64_t i, int *from, int64_t *at)
{
    const struct oddi_shape *s = &r->task.dst.shape;
    *from = 0;
    *at = move_at(s, i, move_channel(s, i) + r->task.attr.i[0], r->task.src[0].shape.dim[1]);
}
static void place_pad(const struct rig *r, int64_t i, int *from, int64_t *at)
{
    const struct oddi_shape *s = &r->task.dst.shape;
    const int64_t c = move_channel(s, i) - r->task.attr.i[0], count = r->task.src[0].shape.dim[1];
    *from = c >= 0 && c < count ? 0 : -1;
    *at = move_at(s, i, c, count);
}
static void test_move(void **state)
{
    (void)state;
    static const int64_t channels[][3] = {{3, 5, 1},  {16, 32, 8},  {24, 40, 8}, {8, 8, 0},
                                          {17, 15, 4}, {48, 16, 16}, {40, 3, 9}};
    for (size_t i = 0; i < ODDI_COUNT(channels); i++) {
        const int64_t a = channels[i][0], b = channels[i][1], start = channels[i][2];
        struct rig r = {.task = {.op = "reorder", .src_count = 1}};
        r.task.src[0].shape = r.task.dst.shape = oddi_shape_make(4, 2, a, 9, 11);
        move_check(&r, place_same);
        r = (struct rig){.task = {.op = "concat", .src_count = 2}};
        r.task.src[0].shape = oddi_shape_make(4, 3, a, 5, 3);
        r.task.src[1].shape = oddi_shape_make(4, 3, b, 5, 3);
        r.task.dst.shape = oddi_shape_make(4, 3, a + b, 5, 3);
        move_check(&r, place_concat);
        r = (struct rig){.task = {.op = "slice_c", .src_count = 1, .attr = {.i = {start, b}}}};
        r.task.src[0].shape = oddi_shape_make(4, 2, a + b + start, 7, 3);
        r.task.dst.shape = oddi_shape_make(4, 2, b, 7, 3);
        move_check(&r, place_slice);
        r = (struct rig){.task = {.op = "pad_c", .src_count = 1, .attr = {.i = {start, a + b + start}}}};
        r.task.src[0].shape = oddi_shape_make(4, 2, a, 3, 7);
        r.task.dst.shape = oddi_shape_make(4, 2, a + b + start, 3, 7);
        move_check(&r, place_pad);
    }
}

/* ---- rows, blocks, losses ------------------------------------------------------------------- */

static double dot(const float *a, const float *b, int64_t n)
{
    double sum = 0.0;
    for (int64_t i = 0; i < n; i++)
        sum += (double)a[i] * (double)b[i];
    return sum;
}
/* One row of n: y from up to three rows x[0..2] and the attribute f. */
static void row_softmax(double *y, const float *const x[3], int64_t n, double f)
{
    double sum = 0.0;
    for (int64_t i = 0; i < n; i++)
        sum += exp((double)x[0][i] / f);
    for (int64_t i = 0; i < n; i++)
        y[i] = exp((double)x[0][i] / f) / sum;
}
static void row_softmax_bwd(double *y, const float *const x[3], int64_t n, double f)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = (double)x[0][i] * ((double)x[1][i] - dot(x[0], x[1], n)) / f;
}
static void row_normalize(double *y, const float *const x[3], int64_t n, double f)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = (double)x[0][i] / (sqrt(dot(x[0], x[0], n)) + f);
}
static void row_normalize_bwd(double *y, const float *const x[3], int64_t n, double f)
{
    const double size = sqrt(dot(x[0], x[0], n)), along = dot(x[2], x[1], n) / size;
    for (int64_t i = 0; i < n; i++)
        y[i] = (double)x[2][i] / (size + f) - along * (double)x[1][i];
}
static int64_t row_kept(const float *w, int64_t n, double f, double *sum)
{
    int64_t top = 0;
    *sum = 0.0;
    for (int64_t i = 1; i < n; i++)
        top = w[i] > w[top] ? i : top;
    for (int64_t i = 0; i < n; i++)
        *sum += i == top || (double)w[i] > f ? (double)w[i] : 0.0;
    return top;
}
static void row_shrink(double *y, const float *const x[3], int64_t n, double f)
{
    double sum;
    const int64_t top = row_kept(x[0], n, f, &sum);
    for (int64_t i = 0; i < n; i++)
        y[i] = i == top || (double)x[0][i] > f ? (double)x[0][i] / sum : 0.0;
}
static void row_shrink_bwd(double *y, const float *const x[3], int64_t n, double f)
{
    double sum;
    const int64_t top = row_kept(x[0], n, f, &sum);
    for (int64_t i = 0; i < n; i++)
        y[i] = i == top || (double)x[0][i] > f ? ((double)x[2][i] - dot(x[1], x[2], n)) / sum : 0.0;
}
static void test_rows(void **state)
{
    (void)state;
    static const struct {
        const char *op;
        int sources;
        double f;
        void (*row)(double *, const float *const[3], int64_t, double);
    } ops[] = {{"softmax", 1, 0.5, row_softmax},
               {"softmax_bwd", 2, 0.5, row_softmax_bwd},
               {"row_normalize", 1, 1e-3, row_normalize},
               {"row_normalize_bwd", 3, 1e-3, row_normalize_bwd},
               {"shrink", 1, 0.4, row_shrink},
               {"shrink", 1, 2.0, row_shrink}, /* only the largest stays */
               {"shrink_bwd", 3, 0.4, row_shrink_bwd}};
    static const int64_t sizes[][2] = {{1, 1}, {5, 17}, {3, 1500}, {40, 500}};
    for (size_t i = 0; i < ODDI_COUNT(ops) * ODDI_COUNT(sizes); i++) {
        const int64_t *size = sizes[i % ODDI_COUNT(sizes)], n = size[1];
        const size_t o = i / ODDI_COUNT(sizes);
        struct rig r = {.task = {.op = ops[o].op, .src_count = ops[o].sources}};
        r.task.attr.f[0] = ops[o].f;
        for (int k = 0; k < ops[o].sources; k++)
            r.task.src[k].shape = oddi_shape_make(2, size[0], n, 1, 1);
        r.task.dst.shape = oddi_shape_make(2, size[0], n, 1, 1);
        rig_plain(&r);
        double *expected = oddi_calloc(rig_ctx, (size_t)(size[0] * n), sizeof(double));
        assert_non_null(expected);
        for (int64_t k = 0; k < size[0]; k++) {
            const float *const x[3] = {r.plain[0] + k * n, ops[o].sources > 1 ? r.plain[1] + k * n : NULL,
                                       ops[o].sources > 2 ? r.plain[2] + k * n : NULL};
            ops[o].row(expected + k * n, x, n, ops[o].f);
        }
        rig_check(&r, expected, 1e-5);
        oddi_free(rig_ctx, expected);
        rig_release(&r);
    }
}

/* Place in the picture s of element i of the matrix of blocks (see blocks.c). */
static int64_t block_place(const struct oddi_shape *s, const int64_t b[3], int64_t i)
{
    const int64_t length = b[0] * b[1] * b[2], rw = s->dim[3] / b[1], rc = s->dim[1] / b[2];
    const int64_t per = s->dim[2] / b[0] * rw * rc, n = i / length / per, k = i / length % per;
    const int64_t j = i % length, c = k % rc * b[2] + j % b[2];
    const int64_t h = k / rc / rw * b[0] + j / b[2] / b[1], w = k / rc % rw * b[1] + j / b[2] % b[1];
    return ((n * s->dim[1] + c) * s->dim[2] + h) * s->dim[3] + w;
}
static void place_blocks(const struct rig *r, int64_t i, int *from, int64_t *at)
{
    *from = 0;
    *at = block_place(&r->task.src[0].shape, r->task.attr.i, i);
}
static void place_unblocks(const struct rig *r, int64_t i, int *from, int64_t *at)
{
    *from = 0;
    *at = 0;
    while (block_place(&r->task.dst.shape, r->task.attr.i, *at) != i)
        ++*at;
}
static void test_blocks(void **state)
{
    (void)state;
    static const int64_t cases[][6] = { /* C, H, W, block */
        {3, 4, 6, 2, 3, 3}, {32, 4, 4, 2, 2, 16}, {16, 6, 2, 3, 1, 4}, {48, 2, 2, 1, 2, 24}};
    for (size_t i = 0; i < ODDI_COUNT(cases); i++) {
        const int64_t *c = cases[i], length = c[3] * c[4] * c[5];
        const struct oddi_shape x = oddi_shape_make(4, 2, c[0], c[1], c[2]);
        const struct oddi_shape y = oddi_shape_make(2, oddi_shape_count(&x) / length, length, 1, 1);
        struct rig r = {.task = {.op = "blocks", .src_count = 1, .attr = {.i = {c[3], c[4], c[5]}}}};
        r.task.src[0].shape = x;
        r.task.dst.shape = y;
        move_check(&r, place_blocks);
        r = (struct rig){.task = {.op = "unblocks", .src_count = 1, .attr = {.i = {c[3], c[4], c[5]}}}};
        r.task.src[0].shape = y;
        r.task.dst.shape = x;
        move_check(&r, place_unblocks);
    }
}

static void loss_check(const char *op, const struct oddi_shape *s, double (*term)(const float *const[3]))
{
    const bool bwd = strstr(op, "_bwd") != NULL, bce = strncmp(op, "bce", 3) == 0;
    struct rig r = {.task = {.op = op, .src_count = bwd ? 3 : strcmp(op, "sum") == 0 ? 1 : 2}};
    const int64_t count = oddi_shape_count(s);
    const struct oddi_shape one = oddi_shape_make(0, 1, 1, 1, 1);
    r.task.src[0].shape = *s;
    r.task.src[1].shape = bce ? one : *s;
    r.task.src[2].shape = one;
    r.task.dst.shape = bwd ? *s : one;
    r.task.attr.f[0] = 1.0 / (double)count;
    rig_plain(&r);
    double *expected = oddi_calloc(rig_ctx, (size_t)count, sizeof(double));
    assert_non_null(expected);
    for (int64_t i = 0; i < count; i++) {
        const float *const x[3] = {r.plain[0] + i, r.plain[1] ? r.plain[1] + (bce ? 0 : i) : NULL,
                                   r.plain[2]};
        expected[bwd ? i : 0] += term(x) / (double)count;
    }
    rig_check(&r, expected, 2e-5);
    oddi_free(rig_ctx, expected);
    rig_release(&r);
}
static double term_sum(const float *const x[3])
{
    return (double)*x[0];
}
static double term_mse(const float *const x[3])
{
    return ((double)*x[0] - (double)*x[1]) * ((double)*x[0] - (double)*x[1]);
}
static double term_mse_bwd(const float *const x[3])
{
    return 2.0 * (double)*x[2] * ((double)*x[0] - (double)*x[1]);
}
static double term_bce(const float *const x[3])
{
    return log1p(exp((double)*x[0])) - (double)*x[1] * (double)*x[0];
}
static double term_bce_bwd(const float *const x[3])
{
    return (double)*x[2] * (1.0 / (1.0 + exp(-(double)*x[0])) - (double)*x[1]);
}
static void test_losses(void **state)
{
    (void)state;
    const struct oddi_shape shapes[] = {oddi_shape_make(4, 3, 48, 17, 15), oddi_shape_make(4, 1, 3, 1, 1)};
    for (size_t i = 0; i < ODDI_COUNT(shapes); i++) {
        loss_check("sum", &shapes[i], term_sum);
        loss_check("mse", &shapes[i], term_mse);
        loss_check("mse_bwd", &shapes[i], term_mse_bwd);
        loss_check("bce", &shapes[i], term_bce);
        loss_check("bce_bwd", &shapes[i], term_bce_bwd);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_move),
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_blocks),
        cmocka_unit_test(test_losses),
    };
    return cmocka_run_group_tests(tests, rig_set_up, rig_tear_down);
}
