/* SPDX-License-Identifier: Apache-2.0
 *
 * Sums over all elements to one number, and their gradients:
 *
 *   sum  f0 sum x
 *   mse  mean (a - b)^2;                 da = 2 g / n (a - b)
 *   bce  mean softplus(x) - t x;         dx = g / n (sigmoid(x) - t)
 *
 * Any layout, as the order of elements only has to be fixed. Each part of fixed length gives a
 * partial sum (16 lanes; 64 terms per lane in float, then double), added by index.
 */
#include "backend/host/simd/simd.h"
#include "backend/host/simd/vexp.h"

#include <math.h>

#define PIECE 1024 /* floats summed in float */
#define PART 16384 /* floats per job */

struct loss {
    float *y;
    double *part;
    const float *a, *b;
    int64_t count;
    float s, t; /* factor; target */
};

static inline float loss_plain(float a, float b)
{
    (void)b;
    return a;
}
static inline float loss_square(float a, float b)
{
    return (a - b) * (a - b);
}

/* Sum of term(a, b) over elements from .. to-1. */
#define LOSS_PART(stem, term)                                                                      \
    static void loss_##stem##_part(void *arg, int64_t index)                                       \
    {                                                                                              \
        const struct loss *w = arg;                                                                \
        const float *restrict a = w->a;                                                            \
        const float *restrict b = w->b;                                                            \
        const int64_t end = simd_min((index + 1) * PART, w->count);                                \
        double total = 0.0;                                                                        \
        for (int64_t from = index * PART; from < end; from += PIECE) {                             \
            float s[SIMD_LANES] = {0};                                                             \
            const int64_t to = simd_min(from + PIECE, end);                                        \
            int64_t k = from;                                                                      \
            for (; k + SIMD_LANES <= to; k += SIMD_LANES)                                          \
                for (int l = 0; l < SIMD_LANES; l++)                                               \
                    s[l] += term(a[k + l], b[k + l]);                                              \
            for (int l = 0; k + l < to; l++)                                                       \
                s[l] += term(a[k + l], b[k + l]);                                                  \
            for (int l = 0; l < SIMD_LANES; l++)                                                   \
                total += (double)s[l];                                                             \
        }                                                                                          \
        w->part[index] = total;                                                                    \
    }
LOSS_PART(sum, loss_plain)
LOSS_PART(mse, loss_square)

/* Few logits enter a bce (one per patch of a picture): double and the C library. */
static double loss_softplus(double x)
{
    return (x > 0.0 ? x : 0.0) + log1p(exp(-fabs(x)));
}
static double loss_sigmoid(double x)
{
    const double e = exp(-fabs(x));
    return (x > 0.0 ? 1.0 : e) / (1.0 + e);
}
static void loss_bce_part(void *arg, int64_t index)
{
    const struct loss *w = arg;
    const int64_t end = simd_min((index + 1) * PART, w->count);
    double total = 0.0;
    for (int64_t k = index * PART; k < end; k++)
        total += loss_softplus((double)w->a[k]) - (double)w->t * (double)w->a[k];
    w->part[index] = total;
}

static void loss_mse_bwd_part(void *arg, int64_t index)
{
    const struct loss *w = arg;
    const int64_t from = index * PART, count = simd_min(PART, w->count - from);
    float *restrict y = w->y + from;
    const float *restrict a = w->a + from;
    const float *restrict b = w->b + from;
    const float s = w->s;
    for (int64_t k = 0; k < count; k++)
        y[k] = s * (a[k] - b[k]);
}
static void loss_bce_bwd_part(void *arg, int64_t index)
{
    const struct loss *w = arg;
    const int64_t end = simd_min((index + 1) * PART, w->count);
    for (int64_t k = index * PART; k < end; k++)
        w->y[k] = (float)((double)w->s * (loss_sigmoid((double)w->a[k]) - (double)w->t));
}

static struct loss loss_of(const struct oddi_task *task)
{
    struct loss w = {.y = simd_dst(task), .a = simd_src(task, 0)};
    w.b = simd_src(task, task->src_count > 1 ? 1 : 0);
    w.count = oddi_shape_count(&task->src[0].shape);
    return w;
}
static odd_status loss_total(struct oddi_task *task, struct loss *w, void (*part)(void *, int64_t),
                             double factor)
{
    const int64_t parts = simd_ceil(w->count, PART);
    double total = 0.0;
    w->part = oddi_host(&task->scratch);
    oddi_parallel(task->threads, parts, part, w);
    for (int64_t i = 0; i < parts; i++)
        total += w->part[i];
    w->y[0] = (float)(factor * total);
    return ODD_OK;
}
static odd_status loss_sum(struct oddi_task *task)
{
    struct loss w = loss_of(task);
    return loss_total(task, &w, loss_sum_part, task->attr.f[0]);
}
static odd_status loss_mse(struct oddi_task *task)
{
    struct loss w = loss_of(task);
    return loss_total(task, &w, loss_mse_part, 1.0 / (double)w.count);
}
static odd_status loss_bce(struct oddi_task *task)
{
    struct loss w = loss_of(task);
    w.t = w.b[0];
    return loss_total(task, &w, loss_bce_part, 1.0 / (double)w.count);
}
static odd_status loss_mse_bwd(struct oddi_task *task)
{
    struct loss w = loss_of(task);
    w.s = (float)(2.0 * (double)simd_src(task, 2)[0] / (double)w.count);
    oddi_parallel(task->threads, simd_ceil(w.count, PART), loss_mse_bwd_part, &w);
    return ODD_OK;
}
static odd_status loss_bce_bwd(struct oddi_task *task)
{
    struct loss w = loss_of(task);
    w.t = w.b[0];
    w.s = (float)((double)simd_src(task, 2)[0] / (double)w.count);
    oddi_parallel(task->threads, simd_ceil(w.count, PART), loss_bce_bwd_part, &w);
    return ODD_OK;
}

static odd_status loss_prepare(struct odd_context *ctx, struct oddi_task *task, size_t *scratch,
                               size_t *keep)
{
    (void)ctx;
    *scratch = (size_t)simd_ceil(oddi_shape_count(&task->src[0].shape), PART) * sizeof(double);
    *keep = 0;
    return ODD_OK;
}

#define LOSS_KERNEL(stem, ready)                                                                   \
    const struct oddi_kernel SIMD_NAME(kernel_##stem) = {.op = #stem,                              \
                                                         .name = "simd:" #stem,                    \
                                                         .accepts = simd_f32,                      \
                                                         .layouts = simd_layouts_same,             \
                                                         .prepare = ready,                         \
                                                         .run = loss_##stem};
LOSS_KERNEL(sum, loss_prepare)
LOSS_KERNEL(mse, loss_prepare)
LOSS_KERNEL(bce, loss_prepare)
LOSS_KERNEL(mse_bwd, NULL)
LOSS_KERNEL(bce_bwd, NULL)
