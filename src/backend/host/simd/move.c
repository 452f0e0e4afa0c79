/* SPDX-License-Identifier: Apache-2.0
 *
 * Operations that only move channels: reorder, concat, slice_c, pad_c. Each is a few copies of a
 * range of channels from one layout to another; a job is one unit of channels of one picture.
 * A unit is the longest run of channels that is contiguous on both sides and divides the blocks.
 */
#include "backend/host/simd/simd.h"

#include <string.h>

struct move_side {
    float *data;
    int64_t picture, block, first; /* floats of a picture, block length, first channel */
};
struct move {
    struct move_side from, to;
    int64_t plane, count; /* cells; channels moved */
    int64_t unit, units;  /* channels per job, jobs per picture */
};

/* Longest of 16, 8, 1 that divides all of the block and the first channel. */
static int64_t move_unit(int64_t unit, int64_t block, int64_t first)
{
    for (; unit > 1; unit /= unit == 16 ? 2 : 8)
        if (block % unit == 0 && first % unit == 0)
            break;
    return unit;
}
static float *move_place(const struct move_side *s, int64_t n, int64_t c, int64_t plane)
{
    const int64_t channel = s->first + c;
    return s->data + n * s->picture + channel / s->block * s->block * plane + channel % s->block;
}

/* Runs of `unit` floats: cell i from x[i * a] to y[i * b]. */
static inline void move_runs(float *restrict y, int64_t b, const float *restrict x, int64_t a,
                             int64_t plane, const int unit)
{
    for (int64_t i = 0; i < plane; i++)
        for (int l = 0; l < unit; l++)
            y[i * b + l] = x[i * a + l];
}
/* Unit 1 with blocks on one side: the channels of a block together, some cells at a time, so
 * that each line of the cache is filled while it is at hand. */
static void move_single(const struct move *m, int64_t n, int64_t c, int64_t count)
{
    for (int64_t i = 0; i < m->plane; i += 64) {
        const int64_t cells = simd_min(64, m->plane - i);
        for (int64_t l = 0; l < count; l++)
            move_runs(move_place(&m->to, n, c + l, m->plane) + i * m->to.block, m->to.block,
                      move_place(&m->from, n, c + l, m->plane) + i * m->from.block, m->from.block,
                      cells, 1);
    }
}
static void move_job(void *arg, int64_t index)
{
    const struct move *m = arg;
    const int64_t n = index / m->units, c = index % m->units * m->unit;
    const int64_t count = simd_min(m->unit, m->count - c);
    const int64_t unit = move_unit(16, m->from.block, m->from.first + c);
    const int64_t both = simd_min(unit, move_unit(16, m->to.block, m->to.first + c));
    if (m->from.block == 1 && m->to.block == 1) {
        memcpy(move_place(&m->to, n, c, m->plane), move_place(&m->from, n, c, m->plane),
               (size_t)(count * m->plane) * sizeof(float));
    } else if (both == 1 || count % both != 0) {
        move_single(m, n, c, count);
    } else {
        for (int64_t k = 0; k < count; k += both) {
            float *y = move_place(&m->to, n, c + k, m->plane);
            const float *x = move_place(&m->from, n, c + k, m->plane);
            if (both == 16)
                move_runs(y, 16, x, 16, m->plane, 16);
            else
                move_runs(y, m->to.block, x, m->from.block, m->plane, 8);
        }
    }
}

/* Moves `count` channels, from channel first[0] of x to channel first[1] of y. */
static void move_channels(int threads, const struct oddi_arg *x, const struct oddi_arg *y,
                          const int64_t first[2], int64_t count)
{
    const int64_t *a = x->shape.dim, *b = y->shape.dim;
    struct move m = {.plane = a[2] * a[3], .count = count, .unit = 16};
    m.from = (struct move_side){oddi_host(x), a[1] * m.plane, oddi_layout_block(x->layout), first[0]};
    m.to = (struct move_side){oddi_host(y), b[1] * m.plane, oddi_layout_block(y->layout), first[1]};
    m.units = simd_ceil(count, m.unit);
    oddi_parallel(threads, a[0] * m.units, move_job, &m);
}

struct move_zero { /* channels first .. first+count-1 of y */
    const struct oddi_arg *y;
    int64_t first, count;
};
static void move_zero_job(void *arg, int64_t n)
{
    const struct move_zero *z = arg;
    const int64_t *dim = z->y->shape.dim, plane = dim[2] * dim[3];
    const struct move_side s = {oddi_host(z->y), dim[1] * plane, oddi_layout_block(z->y->layout),
                                z->first};
    for (int64_t c = 0; c < z->count;) {
        const int64_t within = (z->first + c) % s.block;
        const int64_t run = simd_min(s.block - within, z->count - c);
        float *y = move_place(&s, n, c, plane);
        for (int64_t i = 0; i < plane; i++)
            memset(y + i * s.block, 0, (size_t)run * sizeof(float));
        c += run;
    }
}
static void move_zero(const struct oddi_task *task, int64_t first, int64_t count)
{
    struct move_zero z = {.y = &task->dst, .first = first, .count = count};
    if (count > 0)
        oddi_parallel(task->threads, task->dst.shape.dim[0], move_zero_job, &z);
}

static odd_status move_reorder(struct oddi_task *task)
{
    move_channels(task->threads, &task->src[0], &task->dst, (int64_t[2]){0, 0},
                  task->dst.shape.dim[1]);
    return ODD_OK;
}
static odd_status move_concat(struct oddi_task *task)
{
    const int64_t a = task->src[0].shape.dim[1], b = task->src[1].shape.dim[1];
    move_channels(task->threads, &task->src[0], &task->dst, (int64_t[2]){0, 0}, a);
    move_channels(task->threads, &task->src[1], &task->dst, (int64_t[2]){0, a}, b);
    return ODD_OK;
}
static odd_status move_slice_c(struct oddi_task *task)
{
    move_channels(task->threads, &task->src[0], &task->dst, (int64_t[2]){task->attr.i[0], 0},
                  task->dst.shape.dim[1]);
    return ODD_OK;
}
static odd_status move_pad_c(struct oddi_task *task)
{
    const int64_t start = task->attr.i[0], count = task->src[0].shape.dim[1];
    move_channels(task->threads, &task->src[0], &task->dst, (int64_t[2]){0, start}, count);
    move_zero(task, 0, start);
    move_zero(task, start + count, task->dst.shape.dim[1] - start - count);
    return ODD_OK;
}

static bool move_accepts(const struct oddi_task *task)
{
    return simd_f32(task);
}
/* Sources come as they are. Plain stays plain, as the next reader may want it so. */
static void move_layouts(struct oddi_task *task)
{
    bool plain = true;
    for (int i = 0; i < task->src_count; i++)
        plain = plain && task->src[i].layout == ODDI_PLAIN;
    task->dst.layout = plain || task->dst.shape.rank != 4 ? ODDI_PLAIN
                                                          : oddi_host_blocked(task->dst.shape.dim[1]);
}

#define MOVE_KERNEL(stem)                                                                          \
    const struct oddi_kernel SIMD_NAME(kernel_##stem) = {.op = #stem,                              \
                                                         .name = "simd:" #stem,                    \
                                                         .accepts = move_accepts,                  \
                                                         .layouts = move_layouts,                  \
                                                         .run = move_##stem};
MOVE_KERNEL(reorder)
MOVE_KERNEL(concat)
MOVE_KERNEL(slice_c)
MOVE_KERNEL(pad_c)
