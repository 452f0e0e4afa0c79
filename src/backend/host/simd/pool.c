/* SPDX-License-Identifier: Apache-2.0
 *
 * Pooling and frames, any layout: maxpool, avgpool and their gradients, pad_hw, crop_hw.
 *
 * maxpool_bwd looks for each window's first largest cell again: it costs a read of x, which a
 * stored index would cost too. A job is some rows of a plane, or (gradient, frames) a plane, where
 * windows add up in row-major order.
 */
#include "backend/host/simd/planes.h"

#include <string.h>

#define POOL_MOST 1024 /* kernel; larger ones are left to the reference */

struct pool {
    struct planes x, y; /* the picture, and what pooling makes of it */
    float *dx;
    int64_t stride, pad, kernel;
};
struct pool_range {
    int64_t from[2], to[2]; /* rows, columns of a window */
};
static inline void pool_axis(const struct pool *p, int64_t at, int64_t size, int64_t range[2])
{
    range[0] = simd_max(0, at * p->stride - p->pad);
    range[1] = simd_min(size, at * p->stride - p->pad + p->kernel);
}

static inline void pool_max_cell(float *y, const float *x, int64_t width, const int64_t rows[2],
                                 const int64_t columns[2], const int b)
{
    float top[SIMD_LANES];
    for (int l = 0; l < b; l++)
        top[l] = x[(rows[0] * width + columns[0]) * b + l];
    for (int64_t i = rows[0]; i < rows[1]; i++)
        for (int64_t j = columns[0]; j < columns[1]; j++) {
            const float *v = x + (i * width + j) * b;
            for (int l = 0; l < b; l++)
                top[l] = v[l] > top[l] || v[l] != v[l] ? v[l] : top[l];
        }
    for (int l = 0; l < b; l++)
        y[l] = top[l];
}
static inline void pool_max_rows(const struct pool *p, int64_t index, const int b)
{
    int64_t row[2], rows[2], columns[2];
    const int64_t plane = planes_job(&p->y, index, row);
    const float *x = planes_at(&p->x, plane);
    float *y = planes_at(&p->y, plane);
    for (int64_t i = row[0]; i < row[1]; i++) {
        pool_axis(p, i, p->x.h, rows);
        for (int64_t j = 0; j < p->y.w; j++) {
            pool_axis(p, j, p->x.w, columns);
            pool_max_cell(y + (i * p->y.w + j) * b, x, p->x.w, rows, columns, b);
        }
    }
}
static void pool_max_job(void *arg, int64_t index)
{
    const struct pool *p = arg;
    PLANES_EACH(p->y.block, pool_max_rows, p, index);
}
static odd_status pool_maxpool(struct oddi_task *task)
{
    const int64_t *i = task->attr.i;
    struct pool p = {planes_of(&task->src[0]), planes_of(&task->dst), NULL, i[0], i[1], i[3]};
    oddi_parallel(task->threads, planes_jobs(&p.y), pool_max_job, &p);
    return ODD_OK;
}

/* dx += dy where the window's first largest cell is. Cells are counted within the window. */
static inline void pool_back_cell(float *dx, const float *x, const float *dy, int64_t width,
                                  const struct pool_range *r, const int b)
{
    float top[SIMD_LANES];
    int32_t at[SIMD_LANES], cell = 0;
    for (int l = 0; l < b; l++) {
        top[l] = x[(r->from[0] * width + r->from[1]) * b + l];
        at[l] = 0;
    }
    for (int64_t i = r->from[0]; i < r->to[0]; i++)
        for (int64_t j = r->from[1]; j < r->to[1]; j++, cell++) {
            const float *v = x + (i * width + j) * b;
            for (int l = 0; l < b; l++) {
                const bool wins = v[l] > top[l] || (v[l] != v[l] && top[l] == top[l]);
                at[l] = wins ? cell : at[l];
                top[l] = wins ? v[l] : top[l];
            }
        }
    cell = 0;
    for (int64_t i = r->from[0]; i < r->to[0]; i++)
        for (int64_t j = r->from[1]; j < r->to[1]; j++, cell++) {
            float *d = dx + (i * width + j) * b;
            for (int l = 0; l < b; l++)
                d[l] += at[l] == cell ? dy[l] : 0.0f;
        }
}
static inline void pool_back_plane(const struct pool *p, int64_t plane, const int b)
{
    const int64_t size = p->x.h * p->x.w * b;
    const float *x = planes_at(&p->x, plane), *dy = planes_at(&p->y, plane);
    float *dx = p->dx + plane * size;
    struct pool_range r;
    memset(dx, 0, (size_t)size * sizeof(float));
    for (int64_t k = 0; k < p->y.h * p->y.w; k++) {
        int64_t rows[2], columns[2];
        pool_axis(p, k / p->y.w, p->x.h, rows);
        pool_axis(p, k % p->y.w, p->x.w, columns);
        r = (struct pool_range){{rows[0], columns[0]}, {rows[1], columns[1]}};
        pool_back_cell(dx, x, dy + k * b, p->x.w, &r, b);
    }
}
static void pool_back_job(void *arg, int64_t plane)
{
    const struct pool *p = arg;
    PLANES_EACH(p->y.block, pool_back_plane, p, plane);
}
static odd_status pool_maxpool_bwd(struct oddi_task *task)
{
    const int64_t *i = task->attr.i;
    struct pool p = {
        planes_of(&task->src[0]), planes_of(&task->src[1]), simd_dst(task), i[0], i[1], i[3]};
    oddi_parallel(task->threads, p.x.count, pool_back_job, &p);
    return ODD_OK;
}
static bool pool_accepts(const struct oddi_task *task)
{
    return simd_f32(task) && task->attr.i[3] <= POOL_MOST;
}

/* ---- the mean of a plane; rows (N, C) are plain ---- */

struct pool_mean {
    struct planes x;
    float *rows;
};
static inline void pool_mean_plane(const struct pool_mean *m, int64_t plane, const int b)
{
    const float *x = planes_at(&m->x, plane);
    double sum[SIMD_LANES] = {0};
    for (int64_t k = 0; k < m->x.h * m->x.w; k++)
        for (int l = 0; l < b; l++)
            sum[l] += (double)x[k * b + l];
    for (int l = 0; l < b; l++)
        m->rows[plane * b + l] = (float)(sum[l] / (double)(m->x.h * m->x.w));
}
static void pool_mean_job(void *arg, int64_t plane)
{
    const struct pool_mean *m = arg;
    PLANES_EACH(m->x.block, pool_mean_plane, m, plane);
}
static odd_status pool_avgpool(struct oddi_task *task)
{
    struct pool_mean m = {planes_of(&task->src[0]), simd_dst(task)};
    oddi_parallel(task->threads, m.x.count, pool_mean_job, &m);
    return ODD_OK;
}
static void pool_rows_layouts(struct oddi_task *task)
{
    task->dst.layout = ODDI_PLAIN;
}

static inline void pool_spread_plane(const struct pool_mean *m, int64_t plane, const int b)
{
    const double size = (double)(m->x.h * m->x.w);
    float *dx = planes_at(&m->x, plane), v[SIMD_LANES];
    for (int l = 0; l < b; l++)
        v[l] = (float)((double)m->rows[plane * b + l] / size);
    for (int64_t k = 0; k < m->x.h * m->x.w; k++)
        for (int l = 0; l < b; l++)
            dx[k * b + l] = v[l];
}
static void pool_spread_job(void *arg, int64_t plane)
{
    const struct pool_mean *m = arg;
    PLANES_EACH(m->x.block, pool_spread_plane, m, plane);
}
static odd_status pool_avgpool_bwd(struct oddi_task *task)
{
    struct pool_mean m = {planes_of(&task->dst), oddi_host(&task->src[0])};
    oddi_parallel(task->threads, m.x.count, pool_spread_job, &m);
    return ODD_OK;
}

/* ---- frames ---- */

struct pool_frame {
    struct planes from, to;
    int64_t top, left; /* of the smaller within the larger */
    bool pad;
};
static void pool_pad_plane(const struct pool_frame *f, const float *x, float *y)
{
    const int64_t b = f->to.block, wide = f->to.w * b, narrow = f->from.w * b;
    const int64_t left = f->left * b, after = f->top + f->from.h;
    memset(y, 0, (size_t)(f->top * wide) * sizeof(float));
    for (int64_t i = 0; i < f->from.h; i++) {
        float *row = y + (f->top + i) * wide;
        memset(row, 0, (size_t)left * sizeof(float));
        memcpy(row + left, x + i * narrow, (size_t)narrow * sizeof(float));
        memset(row + left + narrow, 0, (size_t)(wide - left - narrow) * sizeof(float));
    }
    memset(y + after * wide, 0, (size_t)((f->to.h - after) * wide) * sizeof(float));
}
static void pool_crop_plane(const struct pool_frame *f, const float *x, float *y)
{
    const int64_t b = f->to.block, narrow = f->to.w * b;
    for (int64_t i = 0; i < f->to.h; i++)
        memcpy(y + i * narrow, x + ((f->top + i) * f->from.w + f->left) * b,
               (size_t)narrow * sizeof(float));
}
static void pool_frame_job(void *arg, int64_t plane)
{
    const struct pool_frame *f = arg;
    const float *x = planes_at(&f->from, plane);
    float *y = planes_at(&f->to, plane);
    if (f->pad)
        pool_pad_plane(f, x, y);
    else
        pool_crop_plane(f, x, y);
}
static odd_status pool_frame(struct oddi_task *task, bool pad)
{
    struct pool_frame f = {planes_of(&task->src[0]), planes_of(&task->dst), task->attr.i[0],
                           task->attr.i[1], pad};
    oddi_parallel(task->threads, f.to.count, pool_frame_job, &f);
    return ODD_OK;
}
static odd_status pool_pad_hw(struct oddi_task *task)
{
    return pool_frame(task, true);
}
static odd_status pool_crop_hw(struct oddi_task *task)
{
    return pool_frame(task, false);
}

#define POOL_KERNEL(stem, accept, layout)                                                          \
    const struct oddi_kernel SIMD_NAME(kernel_##stem) = {.op = #stem,                              \
                                                         .name = "simd:" #stem,                    \
                                                         .accepts = accept,                        \
                                                         .layouts = layout,                        \
                                                         .run = pool_##stem};
POOL_KERNEL(maxpool, pool_accepts, planes_layouts)
POOL_KERNEL(maxpool_bwd, pool_accepts, planes_layouts)
POOL_KERNEL(avgpool, simd_f32, pool_rows_layouts)
POOL_KERNEL(avgpool_bwd, simd_f32, simd_layouts_made)
POOL_KERNEL(pad_hw, simd_f32, planes_layouts)
POOL_KERNEL(crop_hw, simd_f32, planes_layouts)
