/* SPDX-License-Identifier: Apache-2.0
 *
 * Convolutions and matmul against plain loops in double: odd sizes, all strides and paddings, the
 * same bits for any number of threads, and for a picture (a row) alone as among others.
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

/* ---- convolution ---------------------------------------------------------------------------- */

struct conv_case {
    int64_t n, ic, oc, h, w, kh, kw, stride, pad;
    bool bias, act;
};
static struct rig conv_rig(const struct conv_case *c, const char *op)
{
    const int64_t oh = (c->h + 2 * c->pad - c->kh) / c->stride + 1;
    const int64_t ow = (c->w + 2 * c->pad - c->kw) / c->stride + 1;
    const struct oddi_shape x = oddi_shape_make(4, c->n, c->ic, c->h, c->w);
    const struct oddi_shape y = oddi_shape_make(4, c->n, c->oc, oh, ow);
    const struct oddi_shape w = oddi_shape_make(4, c->oc, c->ic, c->kh, c->kw);
    const bool data = strcmp(op, "conv2d_bwd_data") == 0, weights = strcmp(op, "conv2d_bwd_weights") == 0;
    struct rig r = {.task = {.op = op, .src_count = 2}};
    r.task.attr.i[0] = c->stride;
    r.task.attr.i[1] = c->pad;
    r.task.attr.i[3] = data ? c->h : c->kh;
    r.task.attr.i[4] = data ? c->w : c->kw;
    r.task.src[0].shape = data ? y : x;
    r.task.src[1].shape = weights ? y : w;
    r.task.dst.shape = data ? x : weights ? w : y;
    if (c->bias && !weights) {
        r.task.src[r.task.src_count++].shape = oddi_shape_make(1, data ? c->ic : c->oc, 1, 1, 1);
        r.task.attr.i[2] = c->act;
        r.task.attr.f[3] = 0.2;
    }
    rig_plain(&r);
    return r;
}
struct conv_view { /* x, w and y of the three directions; the result in double */
    const float *x, *w, *y;
    double *out;
    bool data, weights;
};
/* One product for every (output cell, tap, channel): which of the three is the sum differs. */
static void conv_cell(const struct conv_case *c, const struct conv_view *v, const int64_t at[4],
                      const int64_t size[2])
{
    const int64_t n = at[0], o = at[1], cell = ((n * c->oc + o) * size[0] + at[2]) * size[1] + at[3];
    for (int64_t k = 0; k < c->ic * c->kh * c->kw; k++) {
        const int64_t i = k / (c->kh * c->kw);
        const int64_t h = at[2] * c->stride + k / c->kw % c->kh - c->pad;
        const int64_t w = at[3] * c->stride + k % c->kw - c->pad;
        if (h < 0 || h >= c->h || w < 0 || w >= c->w)
            continue;
        const int64_t x = ((n * c->ic + i) * c->h + h) * c->w + w, tap = o * c->ic * c->kh * c->kw + k;
        if (v->data)
            v->out[x] += (double)v->y[cell] * (double)v->w[tap];
        else if (v->weights)
            v->out[tap] += (double)v->y[cell] * (double)v->x[x];
        else
            v->out[cell] += (double)v->x[x] * (double)v->w[tap];
    }
}
static double *conv_expected(const struct conv_case *c, const struct rig *r)
{
    const struct oddi_shape *s = &r->task.dst.shape;
    struct conv_view v = {.data = strcmp(r->task.op, "conv2d_bwd_data") == 0,
                          .weights = strcmp(r->task.op, "conv2d_bwd_weights") == 0};
    const int64_t count = oddi_shape_count(s);
    const int64_t *y = v.data ? r->task.src[0].shape.dim : v.weights ? r->task.src[1].shape.dim : s->dim;
    v.out = oddi_calloc(rig_ctx, (size_t)count, sizeof(double));
    assert_non_null(v.out);
    v.x = v.data ? NULL : r->plain[0];
    v.y = v.data ? r->plain[0] : r->plain[1];
    v.w = r->plain[1];
    for (int64_t i = 0; i < y[0] * y[1] * y[2] * y[3]; i++)
        conv_cell(c, &v,
                  (int64_t[4]){i / y[3] / y[2] / y[1], i / y[3] / y[2] % y[1], i / y[3] % y[2], i % y[3]},
                  y + 2);
    for (int64_t i = 0; r->task.src_count > 2 && i < count; i++) {
        v.out[i] += (double)r->plain[2][i / (s->dim[2] * s->dim[3]) % s->dim[1]];
        if (r->task.attr.i[2] == 1 && v.out[i] < 0.0)
            v.out[i] *= 0.2;
    }
    return v.out;
}
static void conv_check(const struct conv_case *c, const char *op)
{
    struct rig r = conv_rig(c, op);
    double *expected = conv_expected(c, &r);
    rig_check(&r, expected, 3e-6);
    oddi_free(rig_ctx, expected);
    rig_release(&r);
}
static const char *const conv_ops[] = {"conv2d", "conv2d_bwd_data", "conv2d_bwd_weights"};

static void test_conv(void **state)
{
    (void)state;
    static const int64_t channels[] = {1, 3, 17, 32, 48};
    int index = 0;
    for (int pair = 0; pair < 25; pair++)
        for (int64_t stride = 1; stride <= 3; stride++)
            for (int64_t pad = 0; pad <= 2; pad++, index++) {
                struct conv_case c = {.n = 1 + index % 3,
                                      .ic = channels[pair / 5],
                                      .oc = channels[pair % 5],
                                      .h = 5 + index % 4,
                                      .w = 5 + index % 7,
                                      .kh = 1 + index % 5,
                                      .kw = 1 + index / 2 % 5,
                                      .stride = stride,
                                      .pad = pad,
                                      .bias = index % 2,
                                      .act = index % 4 == 3};
                conv_check(&c, conv_ops[index % 3]);
                conv_check(&c, conv_ops[(index + 1) % 3]);
            }
}
/* Sizes that make several parts, bands of columns, chunks of channels, shards, splits. */
static void test_conv_cuts(void **state)
{
    (void)state;
    static const struct conv_case cases[] = {
        {2, 3, 16, 41, 39, 4, 4, 2, 1, true, true}, {1, 16, 3, 5, 601, 3, 3, 1, 1, true, false},
        {1, 2, 24, 3, 1030, 1, 3, 1, 1, true, true}, {5, 96, 80, 4, 4, 4, 4, 2, 1, true, true},
        {3, 160, 40, 6, 2, 3, 3, 1, 1, false, false}, {9, 33, 130, 7, 7, 3, 3, 2, 0, true, false},
        {1, 3, 3, 30, 30, 5, 5, 3, 2, true, true},   {2, 64, 6, 9, 33, 3, 3, 1, 1, true, true},
        {2, 16, 8, 3, 3, 3, 3, 5, 2, true, false},   {1, 5, 200, 1, 1, 1, 1, 1, 0, true, true},
    };
    for (size_t i = 0; i < ODDI_COUNT(cases); i++)
        for (size_t o = 0; o < ODDI_COUNT(conv_ops); o++)
            conv_check(&cases[i], conv_ops[o]);
}
/* Each picture's result alone has the bits that it has in a batch. */
static void conv_alone(const struct conv_case *c, const char *op, const struct oddi_kernel_set *set)
{
    struct conv_case one = *c;
    one.n = 1;
    struct rig all = conv_rig(c, op), single = conv_rig(&one, op);
    rig_begin(&all, set, 2, 2);
    rig_run(&all);
    const int64_t in = oddi_shape_count(&single.task.src[0].shape);
    const int64_t out = oddi_shape_count(&single.task.dst.shape);
    for (int64_t n = 0; n < c->n; n++) {
        memcpy(single.plain[0], all.plain[0] + n * in, 4 * (size_t)in);
        rig_begin(&single, set, 2, 2);
        rig_run(&single);
        assert_memory_equal(single.plain[ODDI_MAX_SRC], all.plain[ODDI_MAX_SRC] + n * out,
                            4 * (size_t)out);
        rig_end(&single);
    }
    rig_end(&all);
    rig_release(&all);
    rig_release(&single);
}
static void test_conv_batch(void **state)
{
    (void)state;
    static const struct conv_case cases[] = {
        {7, 48, 32, 9, 7, 4, 4, 2, 1, true, true}, {9, 17, 3, 6, 5, 3, 3, 1, 1, true, true},
        {5, 160, 48, 4, 4, 4, 4, 2, 1, true, true}, {3, 3, 40, 31, 33, 4, 4, 2, 1, true, true}};
    for (size_t s = 0; s < RIG_SETS; s++)
        for (size_t i = 0; i < ODDI_COUNT(cases) && rig_sets[s]->usable(); i++) {
            conv_alone(&cases[i], "conv2d", rig_sets[s]);
            conv_alone(&cases[i], "conv2d_bwd_data", rig_sets[s]);
        }
}
/* Kept weights follow the version; version 0 is always new. */
static void test_conv_version(void **state)
{
    (void)state;
    const struct conv_case c = {1, 3, 16, 6, 6, 3, 3, 1, 1, false, false};
    for (size_t s = 0; s < RIG_SETS; s++) {
        struct rig r = conv_rig(&c, "conv2d");
        float first, *weights;
        if (!rig_sets[s]->usable())
            continue;
        rig_begin(&r, rig_sets[s], 2, 1);
        weights = r.buffer[1].data;
        r.task.src[1].version = 5;
        rig_run(&r);
        first = r.plain[ODDI_MAX_SRC][7];
        for (int64_t k = 0; k < oddi_shape_count(&r.task.src[1].shape); k++)
            weights[k] *= 2.0f;
        rig_run(&r); /* same version: the copy is used */
        assert_true(r.plain[ODDI_MAX_SRC][7] == first);
        r.task.src[1].version = 6;
        rig_run(&r);
        assert_true(r.plain[ODDI_MAX_SRC][7] == 2.0f * first);
        weights[0] = NAN;
        r.task.src[1].version = 0;
        rig_run(&r);
        assert_true(isnan(r.plain[ODDI_MAX_SRC][7]));
        rig_end(&r);
        rig_release(&r);
    }
}

/* ---- matrices ------------------------------------------------------------------------------- */

static struct rig matmul_rig(int64_t m, int64_t n, int64_t k, int trans)
{
    struct rig r = {.task = {.op = "matmul", .src_count = 2}};
    const bool a = trans & 1, b = trans & 2;
    r.task.attr.i[0] = a;
    r.task.attr.i[1] = b;
    r.task.src[0].shape = oddi_shape_make(2, a ? k : m, a ? m : k, 1, 1);
    r.task.src[1].shape = oddi_shape_make(2, b ? n : k, b ? k : n, 1, 1);
    r.task.dst.shape = oddi_shape_make(2, m, n, 1, 1);
    rig_plain(&r);
    return r;
}
static void matmul_check(const int64_t size[3], int trans)
{
    const int64_t m = size[0], n = size[1], depth = size[2];
    struct rig r = matmul_rig(m, n, depth, trans);
    double *expected = oddi_calloc(rig_ctx, (size_t)(m * n), sizeof(double));
    assert_non_null(expected);
    for (int64_t i = 0; i < m * n; i++)
        for (int64_t k = 0; k < depth; k++) {
            const int64_t a = trans & 1 ? k * m + i / n : i / n * depth + k;
            const int64_t b = trans & 2 ? i % n * depth + k : k * n + i % n;
            expected[i] += (double)r.plain[0][a] * (double)r.plain[1][b];
        }
    rig_check(&r, expected, 3e-6);
    oddi_free(rig_ctx, expected);
    rig_release(&r);
}
static void test_matmul(void **state)
{
    (void)state;
    static const int64_t sizes[][3] = {{1, 1, 1},    {1, 500, 33},  {7, 3, 48},   {17, 17, 17},
                                       {33, 32, 16}, {3, 1, 1500},  {101, 65, 5}, {13, 48, 1100},
                                       {97, 1, 600}, {200, 19, 513}};
    for (size_t i = 0; i < ODDI_COUNT(sizes); i++)
        for (int trans = 0; trans < 4; trans++)
            matmul_check(sizes[i], trans);
}
/* A row has the same bits whatever the number of rows. */
static void test_matmul_rows(void **state)
{
    (void)state;
    for (size_t s = 0; s < RIG_SETS; s++)
        for (int trans = 0; trans < 4 && rig_sets[s]->usable(); trans += 2) {
            struct rig all = matmul_rig(230, 70, 1200, trans), one = matmul_rig(3, 70, 1200, trans);
            rig_begin(&all, rig_sets[s], 0, 2);
            rig_run(&all);
            memcpy(one.plain[0], all.plain[0] + 150 * 1200, 3 * 1200 * sizeof(float));
            rig_begin(&one, rig_sets[s], 0, 3);
            rig_run(&one);
            assert_memory_equal(one.plain[ODDI_MAX_SRC], all.plain[ODDI_MAX_SRC] + 150 * 70,
                                3 * 70 * sizeof(float));
            rig_end(&all);
            rig_end(&one);
            rig_release(&all);
            rig_release(&one);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conv),
        cmocka_unit_test(test_conv_cuts),
        cmocka_unit_test(test_conv_batch),
        cmocka_unit_test(test_conv_version),
        cmocka_unit_test(test_matmul),
        cmocka_unit_test(test_matmul_rows),
    };
    return cmocka_run_group_tests(tests, rig_set_up, rig_tear_down);
}
