/* SPDX-License-Identifier: Apache-2.0
 *
 * A picture seen as runs of memory that belong to one block of channels, whatever its layout.
 * Element l of a run belongs to channel first + l % block, and 16 is a multiple of every block, so
 * a per-channel value becomes a pattern of 16 floats that repeats along the run:
 *
 *   PLAIN  (N,C,H,W)    N*C runs of H*W floats, block 1
 *   C8/C16 (N,C/b,H,W,b)  N*C/b runs of H*W*b floats, block b
 *   rows   (N,C)        per row C/16 runs of 16 floats (the last may be short), block 16
 */
#ifndef ODDI_BACKEND_HOST_SIMD_CHANNELS_H
#define ODDI_BACKEND_HOST_SIMD_CHANNELS_H
#include "backend/host/simd/simd.h"

struct channel_view {
    int64_t images, channels, blocks, block;
    int64_t length; /* of a run */
    int64_t group;  /* runs per job, so that short runs do not drown in calls */
    bool rows;
};
struct channel_run {
    int64_t offset, length; /* floats */
    int64_t first, count;   /* channels */
};

static inline struct channel_view channels_view(const struct oddi_arg *x)
{
    struct channel_view v = {.images = x->shape.dim[0], .channels = x->shape.dim[1]};
    v.rows = x->shape.rank == 2;
    v.block = v.rows ? SIMD_LANES : oddi_layout_block(x->layout);
    v.blocks = simd_ceil(v.channels, v.block);
    v.length = v.rows ? SIMD_LANES : x->shape.dim[2] * x->shape.dim[3] * v.block;
    v.group = simd_max(1, 4096 / v.length);
    return v;
}
static inline struct channel_run channels_run(const struct channel_view *v, int64_t index)
{
    const int64_t n = index / v->blocks, b = index % v->blocks;
    struct channel_run r = {.first = b * v->block};
    r.count = simd_min(v->block, v->channels - r.first);
    r.length = v->rows ? r.count : v->length;
    r.offset = v->rows ? n * v->channels + r.first : index * v->length;
    return r;
}
/* Repeats the run's part of a per-channel vector to 16 floats. */
static inline void channels_pattern(const struct channel_run *r, const float *value,
                                    float pattern[SIMD_LANES])
{
    for (int64_t l = 0; l < SIMD_LANES; l++)
        pattern[l] = value[r->first + l % r->count];
}
/* All four-dimensional or rows, float32. */
static inline bool channels_accepts(const struct oddi_task *task)
{
    const int rank = task->src[0].shape.rank;
    return simd_f32(task) && (rank == 4 || rank == 2);
}
#endif
