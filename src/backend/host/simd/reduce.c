/* SPDX-License-Identifier: Apache-2.0
 *
 * Sums over everything but the channel: sum_nhw, bn_stats, bn_red. Each run (one image, one block
 * of channels, see channels.h) gives partial results in 16 fixed lanes; they are then added by
 * image index in double. Neither the threads nor the order of execution enter, so bits are fixed.
 *
 * Inside a run, pieces of 1024 floats are summed in float (64 terms per lane) and the pieces in
 * double. bn_stats needs one pass over memory: a piece has its own mean a and sum of squares q about
 * it (both from the first-level cache), and pieces are joined by the formula of Chan, Golub and
 * LeVeque (1979): with d = a2 - a1, q = q1 + q2 + d^2 n1 n2 / (n1 + n2), a = a1 + d n2 / (n1 + n2).
 */
#include "backend/host/simd/channels.h"

#include <math.h>

#define PIECE 1024

struct reduce_part { /* of one run; lane l belongs to channel first + l % block */
    double a[SIMD_LANES], b[SIMD_LANES];
};
struct reduce_work {
    struct channel_view view;
    const float *x, *d, *mean;
    struct reduce_part *part;
};

/* Terms that lane l of a piece or run of `length` floats has. */
static inline int64_t reduce_terms(int64_t length, int64_t l)
{
    return length / SIMD_LANES + (l < length % SIMD_LANES);
}

static void reduce_sum_piece(const float *restrict x, int64_t length, float s[SIMD_LANES])
{
    int64_t k = 0;
    for (int l = 0; l < SIMD_LANES; l++)
        s[l] = 0.0f;
    for (; k + SIMD_LANES <= length; k += SIMD_LANES)
        for (int l = 0; l < SIMD_LANES; l++)
            s[l] += x[k + l];
    for (int l = 0; k + l < length; l++)
        s[l] += x[k + l];
}
static void reduce_square_piece(const float *restrict x, int64_t length, const float m[SIMD_LANES],
                                float q[SIMD_LANES])
{
    int64_t k = 0;
    for (int l = 0; l < SIMD_LANES; l++)
        q[l] = 0.0f;
    for (; k + SIMD_LANES <= length; k += SIMD_LANES)
        for (int l = 0; l < SIMD_LANES; l++) {
            const float e = x[k + l] - m[l];
            q[l] += e * e;
        }
    for (int l = 0; k + l < length; l++)
        q[l] += (x[k + l] - m[l]) * (x[k + l] - m[l]);
}
/* s[l] += sum d, p[l] += sum d * (x - m) */
static void reduce_pair_piece(const float *restrict x, const float *restrict d, int64_t length,
                              const float m[SIMD_LANES], float sp[2][SIMD_LANES])
{
    float s[SIMD_LANES] = {0}, p[SIMD_LANES] = {0};
    int64_t k = 0;
    for (; k + SIMD_LANES <= length; k += SIMD_LANES)
        for (int l = 0; l < SIMD_LANES; l++) {
            s[l] += d[k + l];
            p[l] += d[k + l] * (x[k + l] - m[l]);
        }
    for (int l = 0; k + l < length; l++) {
        s[l] += d[k + l];
        p[l] += d[k + l] * (x[k + l] - m[l]);
    }
    for (int l = 0; l < SIMD_LANES; l++) {
        sp[0][l] = s[l];
        sp[1][l] = p[l];
    }
}

static void reduce_sum_run(const struct reduce_work *w, const struct channel_run *r,
                           struct reduce_part *part)
{
    for (int64_t k = 0; k < r->length; k += PIECE) {
        float s[SIMD_LANES];
        reduce_sum_piece(w->x + r->offset + k, simd_min(PIECE, r->length - k), s);
        for (int l = 0; l < SIMD_LANES; l++)
            part->a[l] += (double)s[l];
    }
}
static void reduce_stats_run(const struct reduce_work *w, const struct channel_run *r,
                             struct reduce_part *part)
{
    for (int64_t k = 0; k < r->length; k += PIECE) {
        const int64_t length = simd_min(PIECE, r->length - k);
        const float *x = w->x + r->offset + k;
        float m[SIMD_LANES], q[SIMD_LANES];
        reduce_sum_piece(x, length, m);
        for (int l = 0; l < SIMD_LANES; l++)
            m[l] /= (float)simd_max(1, reduce_terms(length, l));
        reduce_square_piece(x, length, m, q);
        for (int l = 0; l < SIMD_LANES; l++) {
            const double n1 = (double)(k / SIMD_LANES), n2 = (double)reduce_terms(length, l);
            const double share = n1 + n2 > 0.0 ? n2 / (n1 + n2) : 0.0;
            const double gap = (double)m[l] - part->a[l];
            part->b[l] += (double)q[l] + gap * gap * n1 * share;
            part->a[l] += gap * share;
        }
    }
}
static void reduce_pair_run(const struct reduce_work *w, const struct channel_run *r,
                            struct reduce_part *part)
{
    float m[SIMD_LANES];
    channels_pattern(r, w->mean, m);
    for (int64_t k = 0; k < r->length; k += PIECE) {
        float sp[2][SIMD_LANES];
        reduce_pair_piece(w->x + r->offset + k, w->d + r->offset + k,
                          simd_min(PIECE, r->length - k), m, sp);
        for (int l = 0; l < SIMD_LANES; l++) {
            part->a[l] += (double)sp[0][l];
            part->b[l] += (double)sp[1][l];
        }
    }
}

#define REDUCE_JOB(stem)                                                                           \
    static void reduce_##stem##_job(void *arg, int64_t i)                                          \
    {                                                                                              \
        const struct reduce_work *w = arg;                                                         \
        const int64_t from = i * w->view.group;                                                    \
        const int64_t to = simd_min(from + w->view.group, w->view.images * w->view.blocks);        \
        for (int64_t k = from; k < to; k++) {                                                      \
            const struct channel_run r = channels_run(&w->view, k);                                \
            w->part[k] = (struct reduce_part){{0}, {0}};                                           \
            reduce_##stem##_run(w, &r, &w->part[k]);                                               \
        }                                                                                          \
    }
REDUCE_JOB(sum)
REDUCE_JOB(stats)
REDUCE_JOB(pair)

static odd_status reduce_prepare(struct odd_context *ctx, struct oddi_task *task, size_t *scratch,
                                 size_t *keep)
{
    const struct channel_view v = channels_view(&task->src[0]);
    size_t size;
    *keep = 0;
    if (!oddi_mul_size((size_t)(v.images * v.blocks), sizeof(struct reduce_part), &size))
        return oddi_fail(ctx, ODD_ENOMEM, "node '%s': partial sums overflow the address space",
                         task->node);
    *scratch = size;
    return ODD_OK;
}

static void reduce_go(const struct oddi_task *task, struct reduce_work *w,
                      void (*job)(void *, int64_t))
{
    w->view = channels_view(&task->src[0]);
    w->x = simd_src(task, 0);
    w->part = oddi_host(&task->scratch);
    const int64_t runs = w->view.images * w->view.blocks;
    oddi_parallel(task->threads, simd_ceil(runs, w->view.group), job, w);
}

/* Adds the lanes of channel c over the images, in order. */
static void reduce_channel(const struct reduce_work *w, int64_t c, double *a, double *b)
{
    const struct channel_view *v = &w->view;
    *a = *b = 0.0;
    for (int64_t n = 0; n < v->images; n++) {
        const struct reduce_part *p = &w->part[n * v->blocks + c / v->block];
        for (int64_t l = c % v->block; l < SIMD_LANES; l += v->block) {
            *a += p->a[l];
            *b += p->b[l];
        }
    }
}
/* Joins mean and squares of channel c over lanes and images (Chan, Golub and LeVeque). */
static void reduce_channel_stats(const struct reduce_work *w, int64_t c, double *mean,
                                 double *variance)
{
    const struct channel_view *v = &w->view;
    double a = 0.0, q = 0.0, n1 = 0.0;
    for (int64_t n = 0; n < v->images; n++) {
        const int64_t index = n * v->blocks + c / v->block;
        const struct channel_run r = channels_run(v, index);
        const struct reduce_part *p = &w->part[index];
        for (int64_t l = c % v->block; l < SIMD_LANES; l += v->block) {
            const double n2 = (double)reduce_terms(r.length, l);
            if (n2 == 0.0)
                continue;
            const double share = n2 / (n1 + n2), gap = p->a[l] - a;
            q += p->b[l] + gap * gap * n1 * share;
            a += gap * share;
            n1 += n2;
        }
    }
    *mean = a;
    *variance = q / n1;
}

static odd_status reduce_sum_nhw(struct oddi_task *task)
{
    struct reduce_work w = {.d = NULL};
    double a, b;
    reduce_go(task, &w, reduce_sum_job);
    for (int64_t c = 0; c < w.view.channels; c++) {
        reduce_channel(&w, c, &a, &b);
        simd_dst(task)[c] = (float)a;
    }
    return ODD_OK;
}
static odd_status reduce_bn_stats(struct oddi_task *task)
{
    struct reduce_work w = {.d = NULL};
    double mean, variance;
    reduce_go(task, &w, reduce_stats_job);
    for (int64_t c = 0; c < w.view.channels; c++) {
        reduce_channel_stats(&w, c, &mean, &variance);
        simd_dst(task)[c] = (float)mean;
        simd_dst(task)[w.view.channels + c] = (float)variance;
    }
    return ODD_OK;
}
static odd_status reduce_bn_red(struct oddi_task *task)
{
    const float *stats = simd_src(task, 1);
    struct reduce_work w = {.d = simd_src(task, 2), .mean = stats};
    double a, b;
    reduce_go(task, &w, reduce_pair_job);
    const int64_t channels = w.view.channels;
    for (int64_t c = 0; c < channels; c++) {
        reduce_channel(&w, c, &a, &b);
        const double invstd = 1.0 / sqrt((double)stats[channels + c] + task->attr.f[0]);
        simd_dst(task)[c] = (float)(b * invstd);
        simd_dst(task)[channels + c] = (float)a;
    }
    return ODD_OK;
}

#define REDUCE_KERNEL(stem)                                                                        \
    const struct oddi_kernel SIMD_NAME(kernel_##stem) = {.op = #stem,                              \
                                                         .name = "simd:" #stem,                    \
                                                         .accepts = channels_accepts,              \
                                                         .layouts = simd_layouts_same,             \
                                                         .prepare = reduce_prepare,                \
                                                         .run = reduce_##stem};
REDUCE_KERNEL(sum_nhw)
REDUCE_KERNEL(bn_stats)
REDUCE_KERNEL(bn_red)
