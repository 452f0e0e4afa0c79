/* SPDX-License-Identifier: Apache-2.0
 *
 * Vector updates of the optimisers, in one pass over memory each, and the squared norm. Fixed
 * pieces, so the bits do not depend on the thread count.
 *
 *   Adam (Kingma and Ba 2015), with decoupled decay (Loshchilov and Hutter 2019):
 *     g' = grad_scale g + l2 w; m = b1 m + (1-b1) g'; v = b2 v + (1-b2) g'^2
 *     w = w - rate * decay * w - rate * (m / c1) / (sqrt(v / c2) + eps)
 */
#include "backend/host/simd/simd.h"

#include <math.h>

#define PIECE 16384 /* floats per job */
#define NORM_PARTS 256

struct update {
    int64_t count;
    float *w, *m, *v;
    const float *g;
    float rate, momentum, decay, grad_scale;
    const struct oddi_adam_step *step;
};

static void update_adam_job(void *arg, int64_t piece)
{
    const struct update *u = arg;
    const struct oddi_adam_step s = *u->step;
    const int64_t from = piece * PIECE, count = simd_min(PIECE, u->count - from);
    float *restrict w = u->w + from;
    float *restrict m = u->m + from;
    float *restrict v = u->v + from;
    const float *restrict g = u->g + from;
    const float shrink = 1.0f - s.rate * s.decay, step = s.rate / s.correct1;
    const float root = 1.0f / sqrtf(s.correct2);
    for (int64_t k = 0; k < count; k++) {
        const float d = g[k] * s.grad_scale + s.l2 * w[k];
        const float mk = s.beta1 * m[k] + (1.0f - s.beta1) * d;
        const float vk = s.beta2 * v[k] + (1.0f - s.beta2) * (d * d);
        m[k] = mk;
        v[k] = vk;
        w[k] = w[k] * shrink - step * mk / (sqrtf(vk) * root + s.eps);
    }
}
static void update_adam(int threads, const struct oddi_moments *x, const struct oddi_adam_step *s)
{
    struct update u = {.count = x->n, .w = x->w, .m = x->m, .v = x->v, .g = x->g, .step = s};
    oddi_parallel(threads, simd_ceil(x->n, PIECE), update_adam_job, &u);
}

/* m = momentum m + g' with g' = grad_scale g + decay w; w = w - rate m. Without m: plain descent. */
static void update_sgd_job(void *arg, int64_t piece)
{
    const struct update *u = arg;
    const int64_t from = piece * PIECE, count = simd_min(PIECE, u->count - from);
    float *restrict w = u->w + from;
    const float *restrict g = u->g + from;
    if (u->m == NULL) {
        for (int64_t k = 0; k < count; k++)
            w[k] -= u->rate * (g[k] * u->grad_scale + u->decay * w[k]);
        return;
    }
    float *restrict m = u->m + from;
    for (int64_t k = 0; k < count; k++) {
        m[k] = u->momentum * m[k] + (g[k] * u->grad_scale + u->decay * w[k]);
        w[k] -= u->rate * m[k];
    }
}
static void update_sgd(int threads, const struct oddi_moments *x, const struct oddi_sgd_step *s)
{
    struct update u = {.count = x->n, .w = x->w, .m = x->m, .g = x->g, .rate = s->rate};
    u.momentum = s->momentum;
    u.decay = s->decay;
    u.grad_scale = s->grad_scale;
    oddi_parallel(threads, simd_ceil(x->n, PIECE), update_sgd_job, &u);
}

/* avg = keep avg + (1 - keep) w */
static void update_average_job(void *arg, int64_t piece)
{
    const struct update *u = arg;
    const int64_t from = piece * PIECE, count = simd_min(PIECE, u->count - from);
    float *restrict w = u->w + from;
    const float *restrict g = u->g + from;
    for (int64_t k = 0; k < count; k++)
        w[k] = u->rate * w[k] + (1.0f - u->rate) * g[k];
}
static void update_average(int threads, int64_t n, float *avg, const float *w, float keep)
{
    struct update u = {.count = n, .w = avg, .g = w, .rate = keep};
    oddi_parallel(threads, simd_ceil(n, PIECE), update_average_job, &u);
}

struct update_norm {
    const float *g;
    int64_t count;
    double part[NORM_PARTS];
};
static void update_norm_job(void *arg, int64_t i)
{
    struct update_norm *u = arg;
    const int64_t each = simd_ceil(simd_ceil(u->count, NORM_PARTS), SIMD_LANES) * SIMD_LANES;
    const int64_t from = simd_min(i * each, u->count), to = simd_min(from + each, u->count);
    double s[SIMD_LANES] = {0};
    int64_t k = from;
    for (; k + SIMD_LANES <= to; k += SIMD_LANES)
        for (int l = 0; l < SIMD_LANES; l++)
            s[l] += (double)u->g[k + l] * (double)u->g[k + l];
    for (int l = 0; k + l < to; l++)
        s[l] += (double)u->g[k + l] * (double)u->g[k + l];
    double total = 0.0;
    for (int l = 0; l < SIMD_LANES; l++)
        total += s[l];
    u->part[i] = total;
}
static double update_norm2(int threads, int64_t n, const float *g)
{
    struct update_norm u = {.g = g, .count = n};
    double total = 0.0;
    oddi_parallel(threads, NORM_PARTS, update_norm_job, &u);
    for (int i = 0; i < NORM_PARTS; i++)
        total += u.part[i];
    return total;
}

const struct oddi_simd_vectors SIMD_NAME(vectors) = {
    .adam = update_adam,
    .sgd = update_sgd,
    .average = update_average,
    .norm2 = update_norm2,
    .probe = SIMD_NAME(probe),
    .probe_flop = &SIMD_NAME(probe_flop)};
