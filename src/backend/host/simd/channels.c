/* SPDX-License-Identifier: Apache-2.0
 *
 * Operations on each element that need a value of its channel: bias, batch normalisation and its
 * gradient, expand_c. Any layout (see channels.h).
 *
 *   batchnorm  y = (x - mean) * gamma / sqrt(var + eps) + beta, then the activation
 *   bn_dx      dx = gamma * invstd * (dy - red1/n - xhat * red0/n), xhat = (x - mean) * invstd
 */
#include "backend/host/simd/channels.h"

#include <math.h>

/* One job type for all: y = (x - m) * s + t or y = d * s + (x - m) * q + t, by run. */
struct channels_work {
    struct channel_view view;
    float *y;
    const float *x, *d;
    const float *mean, *scale, *slope_x, *shift; /* per channel */
    bool act;
    float slope;
};

static inline float channels_act(float v, float t)
{
    return v > 0.0f ? v : t;
}

static void channels_affine_run(const struct channels_work *w, const struct channel_run *r)
{
    float m[SIMD_LANES], s[SIMD_LANES], t[SIMD_LANES];
    float *restrict y = w->y + r->offset;
    const float *restrict x = w->x + r->offset;
    const float slope = w->act ? w->slope : 1.0f;
    int64_t k = 0;
    channels_pattern(r, w->mean, m);
    channels_pattern(r, w->scale, s);
    channels_pattern(r, w->shift, t);
    for (; k + SIMD_LANES <= r->length; k += SIMD_LANES)
        for (int l = 0; l < SIMD_LANES; l++) {
            const float v = (x[k + l] - m[l]) * s[l] + t[l];
            y[k + l] = channels_act(v, slope * v);
        }
    for (int l = 0; k + l < r->length; l++) {
        const float v = (x[k + l] - m[l]) * s[l] + t[l];
        y[k + l] = channels_act(v, slope * v);
    }
}
static void channels_bias_run(const struct channels_work *w, const struct channel_run *r)
{
    float t[SIMD_LANES];
    float *restrict y = w->y + r->offset;
    const float *restrict x = w->x + r->offset;
    const float slope = w->act ? w->slope : 1.0f;
    int64_t k = 0;
    channels_pattern(r, w->shift, t);
    for (; k + SIMD_LANES <= r->length; k += SIMD_LANES)
        for (int l = 0; l < SIMD_LANES; l++) {
            const float v = x[k + l] + t[l];
            y[k + l] = channels_act(v, slope * v);
        }
    for (int l = 0; k + l < r->length; l++) {
        const float v = x[k + l] + t[l];
        y[k + l] = channels_act(v, slope * v);
    }
}
static void channels_dx_run(const struct channels_work *w, const struct channel_run *r)
{
    float m[SIMD_LANES], s[SIMD_LANES], q[SIMD_LANES], t[SIMD_LANES];
    float *restrict y = w->y + r->offset;
    const float *restrict x = w->x + r->offset;
    const float *restrict d = w->d + r->offset;
    int64_t k = 0;
    channels_pattern(r, w->mean, m);
    channels_pattern(r, w->scale, s);
    channels_pattern(r, w->slope_x, q);
    channels_pattern(r, w->shift, t);
    for (; k + SIMD_LANES <= r->length; k += SIMD_LANES)
        for (int l = 0; l < SIMD_LANES; l++)
            y[k + l] = (d[k + l] * s[l] + (x[k + l] - m[l]) * q[l]) + t[l];
    for (int l = 0; k + l < r->length; l++)
        y[k + l] = (d[k + l] * s[l] + (x[k + l] - m[l]) * q[l]) + t[l];
}
static void channels_expand_run(const struct channels_work *w, const struct channel_run *r)
{
    float t[SIMD_LANES];
    float *restrict y = w->y + r->offset;
    channels_pattern(r, w->shift, t);
    for (int64_t k = 0; k < r->length; k++)
        y[k] = t[k % SIMD_LANES];
}

#define CHANNELS_JOB(stem)                                                                         \
    static void channels_##stem##_job(void *arg, int64_t i)                                        \
    {                                                                                              \
        const struct channels_work *w = arg;                                                       \
        const int64_t from = i * w->view.group;                                                    \
        const int64_t to = simd_min(from + w->view.group, w->view.images * w->view.blocks);        \
        for (int64_t k = from; k < to; k++) {                                                      \
            const struct channel_run r = channels_run(&w->view, k);                                \
            channels_##stem##_run(w, &r);                                                          \
        }                                                                                          \
    }
CHANNELS_JOB(affine)
CHANNELS_JOB(bias)
CHANNELS_JOB(dx)
CHANNELS_JOB(expand)

static void channels_go(const struct oddi_task *task, struct channels_work *w,
                        void (*job)(void *, int64_t))
{
    w->y = simd_dst(task);
    w->act = task->attr.i[2] == 1;
    w->slope = (float)task->attr.f[3];
    const int64_t runs = w->view.images * w->view.blocks;
    oddi_parallel(task->threads, simd_ceil(runs, w->view.group), job, w);
}

static odd_status channels_bias(struct oddi_task *task)
{
    struct channels_work w = {.view = channels_view(&task->src[0]),
                              .x = simd_src(task, 0),
                              .shift = simd_src(task, 1)};
    channels_go(task, &w, channels_bias_job);
    return ODD_OK;
}
const struct oddi_kernel SIMD_NAME(kernel_bias) = {.op = "bias",
                                                   .name = "simd:bias",
                                                   .accepts = channels_accepts,
                                                   .layouts = simd_layouts_same,
                                                   .run = channels_bias};

static odd_status channels_expand(struct oddi_task *task)
{
    struct channels_work w = {.view = channels_view(&task->dst), .shift = simd_src(task, 0)};
    channels_go(task, &w, channels_expand_job);
    return ODD_OK;
}
static bool channels_expand_accepts(const struct oddi_task *task)
{
    return simd_f32(task) && (task->dst.shape.rank == 4 || task->dst.shape.rank == 2);
}
const struct oddi_kernel SIMD_NAME(kernel_expand_c) = {.op = "expand_c",
                                                       .name = "simd:expand_c",
                                                       .accepts = channels_expand_accepts,
                                                       .layouts = simd_layouts_made,
                                                       .run = channels_expand};

/* Scratch: 4 vectors of C floats. */
static odd_status channels_prepare(struct odd_context *ctx, struct oddi_task *task, size_t *scratch,
                                   size_t *keep)
{
    (void)ctx;
    *scratch = 4 * sizeof(float) * (size_t)task->src[0].shape.dim[1];
    *keep = 0;
    return ODD_OK;
}

static odd_status channels_batchnorm(struct oddi_task *task)
{
    const float *stats = simd_src(task, 1), *gamma = simd_src(task, 2);
    const int64_t channels = task->src[0].shape.dim[1];
    float *scale = oddi_host(&task->scratch);
    for (int64_t c = 0; c < channels; c++)
        scale[c] = (float)((double)gamma[c] / sqrt((double)stats[channels + c] + task->attr.f[0]));
    struct channels_work w = {.view = channels_view(&task->src[0]),
                              .x = simd_src(task, 0),
                              .mean = stats,
                              .scale = scale,
                              .shift = simd_src(task, 3)};
    channels_go(task, &w, channels_affine_job);
    return ODD_OK;
}
const struct oddi_kernel SIMD_NAME(kernel_batchnorm) = {.op = "batchnorm",
                                                        .name = "simd:batchnorm",
                                                        .accepts = channels_accepts,
                                                        .layouts = simd_layouts_same,
                                                        .prepare = channels_prepare,
                                                        .run = channels_batchnorm};

static odd_status channels_bn_dx(struct oddi_task *task)
{
    const float *stats = simd_src(task, 1), *gamma = simd_src(task, 2), *red = simd_src(task, 4);
    const int64_t channels = task->src[0].shape.dim[1];
    const double count = (double)(oddi_shape_count(&task->src[0].shape) / channels);
    float *scale = oddi_host(&task->scratch), *q = scale + channels, *shift = q + channels;
    const bool batch = task->attr.i[0] != 0;
    for (int64_t c = 0; c < channels; c++) {
        const double invstd = 1.0 / sqrt((double)stats[channels + c] + task->attr.f[0]);
        const double a = (double)gamma[c] * invstd;
        scale[c] = (float)a;
        q[c] = batch ? (float)(-a * invstd * (double)red[c] / count) : 0.0f;
        shift[c] = batch ? (float)(-a * (double)red[channels + c] / count) : 0.0f;
    }
    struct channels_work w = {.view = channels_view(&task->src[0]),
                              .x = simd_src(task, 0),
                              .d = simd_src(task, 3),
                              .mean = stats,
                              .scale = scale,
                              .slope_x = q,
                              .shift = shift};
    channels_go(task, &w, channels_dx_job);
    return ODD_OK;
}
const struct oddi_kernel SIMD_NAME(kernel_bn_dx) = {.op = "bn_dx",
                                                    .name = "simd:bn_dx",
                                                    .accepts = channels_accepts,
                                                    .layouts = simd_layouts_same,
                                                    .prepare = channels_prepare,
                                                    .run = channels_bn_dx};
