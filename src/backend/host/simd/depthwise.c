/* SPDX-License-Identifier: Apache-2.0
 *
 * Depthwise convolution and its adjoints in x and w, in blocks of channels where C allows, else
 * plain. Weights are laid out like one cell per tap first, (C/b, KH*KW, b). A tap's products add
 * up in float over the kernel, for the gradient of the weights in float over a row of the result
 * and in double over rows and pictures. It is bound by loads: each product needs a cell of x, so
 * four neighbours are computed together, which share the tap and hide each other's latency.
 */
#include "backend/host/simd/planes.h"

#include <string.h>

#define DEPTH_TAPS 128 /* of a kernel; larger ones are left to the reference */
#define DEPTH_SIDE 4   /* neighbours computed together */

struct depth {
    struct planes x, y;    /* larger and smaller picture: y = conv(x) */
    const float *w, *bias; /* (C/b, KH*KW, b); (C) or NULL */
    float *dw;             /* plain */
    int64_t kh, kw, stride, pad, pictures;
    bool act;
    float slope;
};

static struct depth depth_of(const struct oddi_task *task, const struct oddi_arg *x,
                             const struct oddi_arg *y, const struct oddi_arg *w)
{
    struct depth d = {.x = planes_of(x), .y = planes_of(y)};
    d.kh = w->shape.dim[2];
    d.kw = w->shape.dim[3];
    d.stride = task->attr.i[0];
    d.pad = task->attr.i[1];
    d.pictures = x->shape.dim[0];
    d.act = task->attr.i[2] == 1;
    d.slope = d.act ? (float)task->attr.f[3] : 1.0f;
    return d;
}

/* Taps as cells, in the scratch. */
static const float *depth_pack(const struct oddi_task *task, const struct depth *d)
{
    const float *w = simd_src(task, 1);
    float *packed = oddi_host(&task->scratch);
    const int64_t taps = d->kh * d->kw, b = d->x.block, channels = d->x.per_picture * b;
    for (int64_t c = 0; c < channels; c++)
        for (int64_t k = 0; k < taps; k++)
            packed[(c / b * taps + k) * b + c % b] = w[c * taps + k];
    return packed;
}

/* Taps a from range[0] to range[1]-1 for which at * stride + a - pad lies in 0 .. size-1. */
static inline void depth_range(const struct depth *d, int64_t at, int64_t size, int64_t k,
                               int64_t range[2])
{
    range[0] = simd_max(0, d->pad - at * d->stride);
    range[1] = simd_min(k, size + d->pad - at * d->stride);
}

static inline void depth_store(const struct depth *d, float *y, const float *sum, const float *bias,
                               const int b)
{
    for (int l = 0; l < b; l++) {
        const float v = bias ? sum[l] + bias[l] : sum[l], t = d->slope * v;
        y[l] = v > 0.0f ? v : t;
    }
}
/* sum += cell * tap, lane by lane. */
static inline void depth_add(float *sum, const float *cell, const float *tap, const int b)
{
    for (int l = 0; l < b; l++)
        sum[l] = SIMD_FMA(cell[l], tap[l], sum[l]);
}
/* `side` cells of row i from column j on, which all see the taps of `columns`. */
static inline void depth_cells(const struct depth *d, int64_t plane, const int64_t at[2],
                               const int64_t taps[2][2], const int side, const int b)
{
    const int64_t block = plane % d->x.per_picture;
    const float *w = d->w + block * d->kh * d->kw * b;
    const float *x = planes_at(&d->x, plane);
    float sum[DEPTH_SIDE][SIMD_LANES];
    for (int s = 0; s < side; s++)
        for (int l = 0; l < b; l++)
            sum[s][l] = 0.0f;
    for (int64_t a = taps[0][0]; a < taps[0][1]; a++) {
        const float *line = x + ((at[0] * d->stride + a - d->pad) * d->x.w - d->pad) * b;
        for (int64_t v = taps[1][0]; v < taps[1][1]; v++) {
            const float *tap = w + (a * d->kw + v) * b;
            for (int s = 0; s < side; s++)
                depth_add(sum[s], line + ((at[1] + s) * d->stride + v) * b, tap, b);
        }
    }
    float *y = planes_at(&d->y, plane) + (at[0] * d->y.w + at[1]) * b;
    for (int s = 0; s < side; s++)
        depth_store(d, y + s * b, sum[s], d->bias ? d->bias + block * b : NULL, b);
}
static inline void depth_rows(const struct depth *d, int64_t index, const int b)
{
    int64_t row[2], taps[2][2], far[2];
    const int64_t plane = planes_job(&d->y, index, row);
    for (int64_t i = row[0]; i < row[1]; i++) {
        depth_range(d, i, d->x.h, d->kh, taps[0]);
        for (int64_t j = 0; j < d->y.w;) {
            const int64_t at[2] = {i, j}, last = j + DEPTH_SIDE - 1;
            depth_range(d, j, d->x.w, d->kw, taps[1]);
            depth_range(d, last, d->x.w, d->kw, far);
            const bool whole = last < d->y.w && far[0] == taps[1][0] && far[1] == taps[1][1];
            if (whole)
                depth_cells(d, plane, at, (const int64_t(*)[2])taps, DEPTH_SIDE, b);
            else
                depth_cells(d, plane, at, (const int64_t(*)[2])taps, 1, b);
            j += whole ? DEPTH_SIDE : 1;
        }
    }
}
static void depth_job(void *arg, int64_t index)
{
    const struct depth *d = arg;
    PLANES_EACH(d->y.block, depth_rows, d, index);
}
static odd_status depth_dwconv(struct oddi_task *task)
{
    struct depth d = depth_of(task, &task->src[0], &task->dst, &task->src[1]);
    d.w = depth_pack(task, &d);
    d.bias = task->src_count == 3 ? simd_src(task, 2) : NULL;
    oddi_parallel(task->threads, planes_jobs(&d.y), depth_job, &d);
    return ODD_OK;
}

/* ---- adjoint in x: each cell gathers the places that it went to ---- */

static inline void depth_back_cell(const struct depth *d, int64_t plane, int64_t i, int64_t j,
                                   const int b)
{
    const float *w = d->w + plane % d->x.per_picture * d->kh * d->kw * b;
    const float *dy = planes_at(&d->y, plane);
    float sum[SIMD_LANES] = {0};
    for (int64_t a = (i + d->pad) % d->stride; a < d->kh && a <= i + d->pad; a += d->stride) {
        const int64_t h = (i + d->pad - a) / d->stride;
        for (int64_t v = (j + d->pad) % d->stride; v < d->kw && v <= j + d->pad; v += d->stride) {
            const int64_t u = (j + d->pad - v) / d->stride;
            if (h >= d->y.h || u >= d->y.w)
                continue;
            const float *cell = dy + (h * d->y.w + u) * b, *tap = w + (a * d->kw + v) * b;
            for (int l = 0; l < b; l++)
                sum[l] = SIMD_FMA(cell[l], tap[l], sum[l]);
        }
    }
    float *dx = planes_at(&d->x, plane) + (i * d->x.w + j) * b;
    for (int l = 0; l < b; l++)
        dx[l] = sum[l];
}
static inline void depth_back_rows(const struct depth *d, int64_t index, const int b)
{
    int64_t row[2];
    const int64_t plane = planes_job(&d->x, index, row);
    for (int64_t i = row[0]; i < row[1]; i++)
        for (int64_t j = 0; j < d->x.w; j++)
            depth_back_cell(d, plane, i, j, b);
}
static void depth_back_job(void *arg, int64_t index)
{
    const struct depth *d = arg;
    PLANES_EACH(d->x.block, depth_back_rows, d, index);
}
static odd_status depth_dwconv_bwd_data(struct oddi_task *task)
{
    struct depth d = depth_of(task, &task->dst, &task->src[0], &task->src[1]);
    d.w = depth_pack(task, &d);
    oddi_parallel(task->threads, planes_jobs(&d.x), depth_back_job, &d);
    return ODD_OK;
}

/* ---- adjoint in w: a job is one block of channels ---- */

static inline void depth_tap_row(const struct depth *d, int64_t plane, int64_t i,
                                 const int64_t tap[2], double *sum, const int b)
{
    const int64_t line = i * d->stride + tap[0] - d->pad;
    const float *x = planes_at(&d->x, plane) + line * d->x.w * b;
    const float *dy = planes_at(&d->y, plane) + i * d->y.w * b;
    float row[SIMD_LANES] = {0};
    if (line < 0 || line >= d->x.h)
        return;
    for (int64_t j = 0; j < d->y.w; j++) {
        const int64_t column = j * d->stride + tap[1] - d->pad;
        if (column < 0 || column >= d->x.w)
            continue;
        for (int l = 0; l < b; l++)
            row[l] = SIMD_FMA(x[column * b + l], dy[j * b + l], row[l]);
    }
    for (int l = 0; l < b; l++)
        sum[l] += (double)row[l];
}
static inline void depth_weights_block(const struct depth *d, int64_t block, const int b)
{
    double sum[DEPTH_TAPS][SIMD_LANES];
    const int64_t taps = d->kh * d->kw;
    memset(sum, 0, (size_t)taps * sizeof(sum[0]));
    for (int64_t n = 0; n < d->pictures; n++)
        for (int64_t i = 0; i < d->y.h; i++)
            for (int64_t k = 0; k < taps; k++)
                depth_tap_row(d, n * d->x.per_picture + block, i,
                              (const int64_t[]){k / d->kw, k % d->kw}, sum[k], b);
    for (int64_t k = 0; k < taps; k++)
        for (int l = 0; l < b; l++)
            d->dw[(block * b + l) * taps + k] = (float)sum[k][l];
}
static void depth_weights_job(void *arg, int64_t block)
{
    const struct depth *d = arg;
    PLANES_EACH(d->x.block, depth_weights_block, d, block);
}
static odd_status depth_dwconv_bwd_weights(struct oddi_task *task)
{
    struct depth d = depth_of(task, &task->src[0], &task->src[1], &task->dst);
    d.dw = simd_dst(task);
    oddi_parallel(task->threads, d.x.per_picture, depth_weights_job, &d);
    return ODD_OK;
}

/* ---- the kernels ---- */

static bool depth_accepts(const struct oddi_task *task)
{
    const struct oddi_shape *w =
        strcmp(task->op, "dwconv_bwd_weights") == 0 ? &task->dst.shape : &task->src[1].shape;
    return simd_f32(task) && w->dim[2] * w->dim[3] <= DEPTH_TAPS;
}
static void depth_layouts(struct oddi_task *task)
{
    const bool weights = strcmp(task->op, "dwconv_bwd_weights") == 0;
    task->src[0].layout = oddi_host_blocked(task->src[0].shape.dim[1]);
    for (int i = 1; i < task->src_count; i++)
        task->src[i].layout = weights ? task->src[0].layout : ODDI_PLAIN;
    task->dst.layout = weights ? ODDI_PLAIN : task->src[0].layout;
}
/* Scratch: the taps as cells. */
static odd_status depth_prepare(struct odd_context *ctx, struct oddi_task *task, size_t *scratch,
                                size_t *keep)
{
    (void)ctx;
    *scratch = (size_t)oddi_shape_count(&task->src[1].shape) * sizeof(float);
    *keep = 0;
    return ODD_OK;
}

#define DEPTH_KERNEL(stem)                                                                         \
    const struct oddi_kernel SIMD_NAME(kernel_##stem) = {.op = #stem,                              \
                                                         .name = "simd:" #stem,                    \
                                                         .accepts = depth_accepts,                 \
                                                         .layouts = depth_layouts,                 \
                                                         .prepare = depth_prepare,                 \
                                                         .run = depth_##stem};
DEPTH_KERNEL(dwconv)
DEPTH_KERNEL(dwconv_bwd_data)
DEPTH_KERNEL(dwconv_bwd_weights)
