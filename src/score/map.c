/* SPDX-License-Identifier: Apache-2.0
 *
 * The smoothing is separable. A row of the result takes first its column sums, over the rows
 * around it, into a row of doubles, then the horizontal sums of that row: nothing is rounded to
 * float in between. Weights are symmetric, so values at equal distance are added first.
 */
#include "score/map.h"

#include <math.h>

#include "base/alloc.h"
#include "base/parallel.h"
#include "score/sort.h"

enum { MAP_MAX_RADIUS = 4096 };

/* Mirrors an index into 0 .. n - 1: ... 1 0 | 0 1 ... n-1 | n-1 n-2 ... */
static int64_t map_mirror(int64_t i, int64_t n)
{
    i %= 2 * n;
    if (i < 0)
        i += 2 * n;
    return i < n ? i : 2 * n - 1 - i;
}

/* weight[k] for distance k = 0 .. radius; weight[0] + 2 (the others) = 1. */
static void map_weights(double sigma, int radius, double *weight)
{
    double sum = 0;

    for (int k = radius; k >= 0; k--) {
        weight[k] = exp(-0.5 * ((double)k / sigma) * ((double)k / sigma));
        sum += k ? 2 * weight[k] : weight[k];
    }
    for (int k = 0; k <= radius; k++)
        weight[k] /= sum;
}

struct map_job {
    const float *src;
    float *dst;
    int64_t w, h, bands; /* bands of rows, one at a time per thread */
    int radius;
    const double *weight; /* (radius + 1) */
    double *line;         /* (bands, radius + w + radius + w): column sums, sums of both */
};

/* Column sums around row y, then the mirrored ends. */
static void map_columns(const struct map_job *job, int64_t y, double *row)
{
    const int64_t w = job->w;
    const float *middle = job->src + y * w;

    for (int64_t x = 0; x < w; x++)
        row[x] = job->weight[0] * (double)middle[x];
    for (int k = 1; k <= job->radius; k++) {
        const float *above = job->src + map_mirror(y - k, job->h) * w;
        const float *below = job->src + map_mirror(y + k, job->h) * w;
        for (int64_t x = 0; x < w; x++)
            row[x] += job->weight[k] * ((double)above[x] + (double)below[x]);
    }
    for (int k = 1; k <= job->radius; k++) {
        row[-k] = row[map_mirror(-k, w)];
        row[w - 1 + k] = row[map_mirror(w - 1 + k, w)];
    }
}

static void map_band(void *arg, int64_t band)
{
    const struct map_job *job = arg;
    const int64_t w = job->w, first = band * job->h / job->bands;
    const int64_t end = (band + 1) * job->h / job->bands;
    double *row = job->line + band * 2 * (w + (int64_t)job->radius) + job->radius;
    double *sum = row + w + job->radius;

    for (int64_t y = first; y < end; y++) {
        map_columns(job, y, row);
        for (int64_t x = 0; x < w; x++)
            sum[x] = job->weight[0] * row[x];
        for (int k = 1; k <= job->radius; k++)
            for (int64_t x = 0; x < w; x++)
                sum[x] += job->weight[k] * (row[x - k] + row[x + k]);
        for (int64_t x = 0; x < w; x++)
            job->dst[y * w + x] = (float)sum[x];
    }
}

odd_status oddi_map_smooth(struct odd_context *ctx, const float *src, int64_t w, int64_t h,
                              const struct oddi_smoothing *smoothing, float *dst)
{
    const double sigma = smoothing->sigma;
    const int radius = smoothing->radius;
    odd_status status = ODD_ENOMEM;
    double *weight = NULL, *line = NULL;

    if (w < 1 || h < 1 || w > INT32_MAX / h || !(sigma >= 0) || !isfinite(sigma) || radius < 0 ||
        radius > MAP_MAX_RADIUS)
        return oddi_fail(ctx, ODD_EINVAL,
                         "smoothing a map of %lld x %lld with sigma %g and radius %d", (long long)w,
                         (long long)h, sigma, radius);
    if (sigma == 0 || radius == 0) {
        memcpy(dst, src, (size_t)(w * h) * sizeof(*dst));
        return ODD_OK;
    }
    struct map_job job = {.src = src, .dst = dst, .w = w, .h = h, .radius = radius};
    job.bands = ctx->threads < h ? ctx->threads : h;
    weight = oddi_alloc_array(ctx, (size_t)radius + 1, sizeof(*weight));
    line =
        oddi_alloc_array(ctx, (size_t)job.bands * 2, ((size_t)w + (size_t)radius) * sizeof(*line));
    if (!weight || !line)
        goto out;
    map_weights(sigma, radius, weight);
    job.weight = weight;
    job.line = line;
    oddi_parallel(ctx->threads, job.bands, map_band, &job);
    status = ODD_OK;
out:
    oddi_free(ctx, line);
    oddi_free(ctx, weight);
    return status;
}

static odd_status map_check(struct odd_context *ctx, const float *map, size_t count)
{
    if (count == 0)
        return oddi_fail(ctx, ODD_EINVAL, "a score map without a pixel");
    for (size_t i = 0; i < count; i++)
        if (!isfinite(map[i]))
            return oddi_fail(ctx, ODD_ENUMERIC, "value %zu of a score map is not a finite number",
                             i);
    return ODD_OK;
}

odd_status oddi_map_mean(struct odd_context *ctx, const float *map, size_t count, double *mean)
{
    const odd_status status = map_check(ctx, map, count);
    double sum = 0;

    if (status != ODD_OK)
        return status;
    for (size_t i = 0; i < count; i++)
        sum += (double)map[i];
    *mean = sum / (double)count;
    return ODD_OK;
}

odd_status oddi_map_max(struct odd_context *ctx, const float *map, size_t count, double *max)
{
    const odd_status status = map_check(ctx, map, count);
    float most = -INFINITY;

    if (status != ODD_OK)
        return status;
    for (size_t i = 0; i < count; i++)
        most = map[i] > most ? map[i] : most;
    *max = (double)most;
    return ODD_OK;
}

/* The key of the value of rank `rank` from the top (0 is the largest), by digits of 11, 11 and 10
 * bits from the highest. */
static uint32_t map_select(const float *map, size_t count, size_t rank)
{
    static const int shift[] = {21, 10, 0}, width[] = {11, 11, 10};
    uint32_t key = 0, mask = 0;

    for (int d = 0; d < 3; d++) {
        const uint32_t bins = UINT32_C(1) << width[d];
        size_t bin[1 << 11] = {0};
        uint32_t at = bins - 1;

        for (size_t i = 0; i < count; i++) {
            const uint32_t k = oddi_float_key(map[i]);
            if ((k & mask) == key)
                bin[k >> shift[d] & (bins - 1)]++;
        }
        for (; rank >= bin[at]; at--)
            rank -= bin[at];
        key |= at << shift[d];
        mask |= (bins - 1) << shift[d];
    }
    return key;
}

odd_status oddi_map_top_mean(struct odd_context *ctx, const float *map, size_t count,
                             double fraction, double *mean)
{
    double sum = 0;
    size_t above = 0;

    if (!(fraction > 0 && fraction <= 1))
        return oddi_fail(ctx, ODD_EINVAL, "the top %g of a score map, expected (0, 1]", fraction);
    const odd_status status = map_check(ctx, map, count);
    if (status != ODD_OK)
        return status;
    /* 0.01 of 700 is a little more than 7 in doubles, and must not become 8 */
    const double want = ceil(fraction * (double)count * (1 - 1e-12));
    const size_t k = want < 1 ? 1 : want > (double)count ? count : (size_t)want;
    const uint32_t key = map_select(map, count, k - 1);
    for (size_t i = 0; i < count; i++)
        if (oddi_float_key(map[i]) > key) {
            sum += (double)map[i];
            above++;
        }
    /* ties at the border: as many as are missing, whichever they are */
    sum += (double)(k - above) * (double)oddi_key_float(key);
    *mean = sum / (double)k;
    return ODD_OK;
}

odd_status oddi_map_quantile(struct odd_context *ctx, const float *map, size_t count, double q,
                             double *value)
{
    const odd_status status = map_check(ctx, map, count);

    if (status != ODD_OK)
        return status;
    if (!(q >= 0 && q <= 1))
        return oddi_fail(ctx, ODD_EINVAL, "the %g quantile of a score map, expected [0, 1]", q);
    const double at = q * (double)(count - 1);
    const size_t low = (size_t)at, high = low + 1 < count ? low + 1 : low;
    const double a = (double)oddi_key_float(map_select(map, count, count - 1 - low));
    const double b = (double)oddi_key_float(map_select(map, count, count - 1 - high));
    *value = a + (at - (double)low) * (b - a);
    return ODD_OK;
}
