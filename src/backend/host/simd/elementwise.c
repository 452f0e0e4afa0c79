/* SPDX-License-Identifier: Apache-2.0
 *
 * Operations on each element alone. The order of elements in memory does not matter, so they take
 * any layout. Work is cut into pieces of fixed length; an element's value depends on nothing else,
 * so the bits are the same for every thread count. The compiler makes the vectors: contraction to
 * fused operations is off, therefore vector body and scalar tail agree.
 */
#include "backend/host/simd/simd.h"
#include "backend/host/simd/vexp.h"

#include <string.h>

#define PIECE 16384 /* floats per job */

struct elementwise {
    float *y;
    const float *a, *b;
    int64_t count;
    float s; /* factor, slope, value or lower bound */
    float t; /* upper bound */
};

static odd_status elementwise_run(const struct oddi_task *task, void (*job)(void *, int64_t), float s)
{
    struct elementwise e = {.y = simd_dst(task),
                            .a = simd_src(task, 0),
                            .b = simd_src(task, task->src_count > 1 ? 1 : 0),
                            .count = oddi_shape_count(&task->dst.shape),
                            .s = s,
                            .t = (float)task->attr.f[1]};
    oddi_parallel(task->threads, simd_ceil(e.count, PIECE), job, &e);
    return ODD_OK;
}

/* One operation: `expression` of a, b, s, t; `value` is where s comes from, t is f1. */
#define ELEMENTWISE(stem, expression, value)                                                       \
    static void elementwise_##stem##_job(void *arg, int64_t piece)                                 \
    {                                                                                              \
        const struct elementwise *e = arg;                                                         \
        const int64_t from = piece * PIECE, count = simd_min(PIECE, e->count - from);              \
        float *restrict y = e->y + from;                                                           \
        const float *restrict pa = e->a + from;                                                    \
        const float *restrict pb = e->b + from;                                                    \
        const float s = e->s, t = e->t;                                                            \
        (void)s, (void)t;                                                                          \
        for (int64_t k = 0; k < count; k++) {                                                      \
            const float a = pa[k], b = pb[k];                                                      \
            (void)b;                                                                               \
            y[k] = (expression);                                                                   \
        }                                                                                          \
    }                                                                                              \
    static odd_status elementwise_##stem(struct oddi_task *task)                                   \
    {                                                                                              \
        return elementwise_run(task, elementwise_##stem##_job, (value));                           \
    }                                                                                              \
    const struct oddi_kernel SIMD_NAME(kernel_##stem) = {.op = #stem,                              \
                                                         .name = "simd:" #stem,                    \
                                                         .accepts = simd_f32,                      \
                                                         .layouts = simd_layouts_same,             \
                                                         .run = elementwise_##stem};

/* The product is computed on both sides so that the choice becomes a blend; NaN stays NaN. */
static inline float elementwise_leaky(float x, float t)
{
    return x > 0.0f ? x : t;
}
/* t is dy of a guided ReLU, where nothing negative comes through, else 0. */
static inline float elementwise_guide(float dy, float t)
{
    return t < 0.0f ? 0.0f : dy;
}
static inline float elementwise_gate(float y, float dy, float t)
{
    return y > 0.0f ? dy : t;
}

ELEMENTWISE(act, elementwise_leaky(a, s * a), (float)task->attr.f[3])
ELEMENTWISE(act_bwd, elementwise_gate(a, elementwise_guide(b, t *b), s *b), (float)task->attr.f[3])
ELEMENTWISE(tanh, vexp_tanh(a), 0.0f)
ELEMENTWISE(tanh_bwd, b * (1.0f - a * a), 0.0f)
ELEMENTWISE(add, a + b, 0.0f)
ELEMENTWISE(sub, a - b, 0.0f)
ELEMENTWISE(mul, a *b, 0.0f)
ELEMENTWISE(scale, s *a, (float)task->attr.f[0])
ELEMENTWISE(clip, a < s ? s : (a > t ? t : a), (float)task->attr.f[0])
ELEMENTWISE(clip_bwd, a > s && a < t ? b : 0.0f, (float)task->attr.f[0])

/* src[1] is a scalar here, so it must not be walked along. */
static void elementwise_mul_scalar_job(void *arg, int64_t piece)
{
    elementwise_scale_job(arg, piece);
}
static odd_status elementwise_mul_scalar(struct oddi_task *task)
{
    struct elementwise e = {.y = simd_dst(task),
                            .a = simd_src(task, 0),
                            .b = simd_src(task, 0),
                            .count = oddi_shape_count(&task->dst.shape),
                            .s = simd_src(task, 1)[0]};
    oddi_parallel(task->threads, simd_ceil(e.count, PIECE), elementwise_mul_scalar_job, &e);
    return ODD_OK;
}
const struct oddi_kernel SIMD_NAME(kernel_mul_scalar) = {.op = "mul_scalar",
                                                         .name = "simd:mul_scalar",
                                                         .accepts = simd_f32,
                                                         .layouts = simd_layouts_same,
                                                         .run = elementwise_mul_scalar};

static void elementwise_fill_job(void *arg, int64_t piece)
{
    const struct elementwise *e = arg;
    const int64_t from = piece * PIECE, count = simd_min(PIECE, e->count - from);
    float *restrict y = e->y + from;
    for (int64_t k = 0; k < count; k++)
        y[k] = e->s;
}
static odd_status elementwise_fill(struct oddi_task *task)
{
    struct elementwise e = {.y = simd_dst(task), .count = oddi_shape_count(&task->dst.shape)};
    e.s = (float)task->attr.f[0] * simd_src(task, 0)[0];
    oddi_parallel(task->threads, simd_ceil(e.count, PIECE), elementwise_fill_job, &e);
    return ODD_OK;
}
const struct oddi_kernel SIMD_NAME(kernel_fill) = {.op = "fill",
                                                   .name = "simd:fill",
                                                   .accepts = simd_f32,
                                                   .layouts = simd_layouts_made,
                                                   .run = elementwise_fill};

static void elementwise_stop_job(void *arg, int64_t piece)
{
    const struct elementwise *e = arg;
    const int64_t from = piece * PIECE, count = simd_min(PIECE, e->count - from);
    memcpy(e->y + from, e->a + from, (size_t)count * sizeof(float));
}
static odd_status elementwise_stop(struct oddi_task *task)
{
    return elementwise_run(task, elementwise_stop_job, 0.0f);
}
const struct oddi_kernel SIMD_NAME(kernel_stop) = {.op = "stop",
                                                   .name = "simd:stop",
                                                   .accepts = simd_f32,
                                                   .layouts = simd_layouts_same,
                                                   .run = elementwise_stop};
