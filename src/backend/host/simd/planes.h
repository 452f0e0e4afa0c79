/* SPDX-License-Identifier: Apache-2.0
 *
 * A picture as planes of one block of channels each, whatever its layout: N * C/b planes of H * W
 * cells of b floats, b = 1, 8 or 16. Operations on planes are written once, inline in b, and are
 * compiled for each of the three by PLANES_EACH.
 */
#ifndef ODDI_BACKEND_HOST_SIMD_PLANES_H
#define ODDI_BACKEND_HOST_SIMD_PLANES_H
#include "backend/host/simd/simd.h"

struct planes {
    float *data;
    int64_t h, w, block;
    int64_t per_picture, count; /* planes */
};
static inline struct planes planes_of(const struct oddi_arg *x)
{
    const int64_t *d = x->shape.dim, block = oddi_layout_block(x->layout);
    return (struct planes){oddi_host(x), d[2], d[3], block, d[1] / block, d[0] * (d[1] / block)};
}
/* Cell (0, 0) of a plane; its first channel is plane % per_picture * block. */
static inline float *planes_at(const struct planes *p, int64_t plane)
{
    return p->data + plane * p->h * p->w * p->block;
}
/* Rows of planes per job, so that narrow rows do not drown in calls. */
static inline int64_t planes_rows(const struct planes *p)
{
    return simd_min(p->h, simd_max(1, 8192 / (p->w * p->block)));
}
static inline int64_t planes_jobs(const struct planes *p)
{
    return p->count * simd_ceil(p->h, planes_rows(p));
}
/* The plane and the rows [0] .. [1]-1 of one of planes_jobs() jobs. */
static inline int64_t planes_job(const struct planes *p, int64_t index, int64_t row[2])
{
    const int64_t rows = planes_rows(p), parts = simd_ceil(p->h, rows);
    row[0] = index % parts * rows;
    row[1] = simd_min(p->h, row[0] + rows);
    return index / parts;
}

/* Calls the inline function call(.., b) with b a constant. */
#define PLANES_EACH(block, call, ...)                                                              \
    do {                                                                                           \
        if ((block) == 16)                                                                         \
            call(__VA_ARGS__, 16);                                                                 \
        else if ((block) == 8)                                                                     \
            call(__VA_ARGS__, 8);                                                                  \
        else                                                                                       \
            call(__VA_ARGS__, 1);                                                                  \
    } while (0)

/* dst and all pictures take the layout of src[0]; they have the same channels. */
static inline void planes_layouts(struct oddi_task *task)
{
    for (int i = 1; i < task->src_count; i++)
        task->src[i].layout = task->src[0].layout;
    task->dst.layout = task->src[0].layout;
}
#endif
