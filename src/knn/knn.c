/* SPDX-License-Identifier: Apache-2.0
 *
 * Nearest rows: the filter of filter.h lets few rows through, the definition of the distance
 * decides among those. Queries go by blocks of KNN_BLOCK, which stay near while the panels of
 * packed rows pass by; a query's threshold rises with every better row. Which rows are looked at
 * depends on the blocks, the answer does not: it is the k least pairs (distance, row).
 */
#include "knn/knn.h"

#include "base/alloc.h"
#include "base/parallel.h"
#include "knn/filter.h"

#define KNN_STREAM_BYTES (4 << 20) /* of a block of rows */

struct oddi_knn {
    struct odd_context *ctx;
    const struct knn_kernels *kernels;
    const float *rows;
    int64_t count, dim;
    float *panels;
};

/* Some of the rows, all packed, beside all queries. */
struct knn_find {
    const struct knn_kernels *kernels;
    struct knn_bound bound;
    const float *rows;
    int64_t first, count, dim; /* number of its first row, how many */
    const float *panels;
    const struct oddi_knn_query *q;
    int64_t per; /* queries of a block */
    float *distance2;
    int64_t *index;
};

/* ---- the best k of a query ------------------------------------------------------------------ */

static void knn_none(const struct oddi_knn_query *q, float *distance2, int64_t *index)
{
    for (int64_t i = 0; i < q->n * q->k; i++) {
        distance2[i] = HUGE_VALF;
        index[i] = INT64_MAX;
    }
}
/* False: not among the best. */
static bool knn_take(const struct knn_find *f, int64_t query, float distance2, int64_t index)
{
    const int k = f->q->k;
    float *d = f->distance2 + query * k;
    int64_t *r = f->index + query * k;
    int at = k - 1;
    if (distance2 > d[at] || (distance2 == d[at] && index > r[at]))
        return false;
    for (; at > 0 && (distance2 < d[at - 1] || (distance2 == d[at - 1] && index < r[at - 1]));
         at--) {
        d[at] = d[at - 1];
        r[at] = r[at - 1];
    }
    d[at] = distance2;
    r[at] = index;
    return true;
}
static void knn_every(const struct knn_find *f, int64_t query)
{
    const float *x = f->q->rows + query * f->dim;
    for (int64_t i = 0; i < f->count; i++)
        knn_take(f, query, f->kernels->distance2(x, f->rows + i * f->dim, f->dim), f->first + i);
}

/* ---- a block of queries --------------------------------------------------------------------- */

struct knn_block {
    int64_t from;
    int count;
    double norm2[KNN_BLOCK];
    float threshold[KNN_BLOCK];
};

static void knn_aim(const struct knn_find *f, struct knn_block *b, int i)
{
    const float limit = f->distance2[(b->from + i + 1) * f->q->k - 1];
    b->threshold[i] = knn_threshold(&f->bound, b->norm2[i], limit);
}
/* The rows of a panel that the filter lets through for query i. */
static void knn_look(const struct knn_find *f, struct knn_block *b, int i, int64_t row,
                     uint32_t hit, const float *sum)
{
    const float *x = f->q->rows + (b->from + i) * f->dim;
    for (; hit; hit &= hit - 1) {
        const int lane = __builtin_ctz(hit);
        if (row + lane >= f->count)
            return;
        if (sum[lane] < b->threshold[i]) /* it has risen meanwhile */
            continue;
        const float d = f->kernels->distance2(x, f->rows + (row + lane) * f->dim, f->dim);
        if (knn_take(f, b->from + i, d, f->first + row + lane))
            knn_aim(f, b, i);
    }
}
static void knn_panel(const struct knn_find *f, struct knn_block *b, int64_t panel)
{
    const struct knn_kernels *kernels = f->kernels;
    float sum[KNN_TILE * KNN_LANES];
    uint32_t hit[KNN_TILE];
    struct knn_tile t = {.panel = f->panels + panel * knn_panel_size(kernels, f->dim),
                         .dim = f->dim,
                         .sum = sum,
                         .hit = hit};
    for (int i = 0, n; i < b->count; i += n) {
        n = knn_tile_next(kernels, b->count - i);
        t.x = f->q->rows + (b->from + i) * f->dim;
        t.threshold = b->threshold + i;
        if (!kernels->filter(&t, n))
            continue;
        for (int p = 0; p < n; p++)
            if (hit[p])
                knn_look(f, b, i + p, panel * kernels->lanes, hit[p], sum + p * kernels->lanes);
    }
}
static void knn_block(void *arg, int64_t block)
{
    const struct knn_find *f = arg;
    struct knn_block b = {.from = block * f->per};
    b.count = (int)knn_min(f->per, f->q->n - b.from);
    for (int i = 0; i < b.count; i++) {
        b.norm2[i] = knn_norm2(f->q->rows + (b.from + i) * f->dim, f->dim);
        if (b.norm2[i] > KNN_WILD) {
            knn_every(f, b.from + i);
            b.threshold[i] = NAN; /* is never reached */
        } else {
            knn_aim(f, &b, i);
        }
    }
    for (int64_t p = 0; p < knn_ceil(f->count, f->kernels->lanes); p++)
        knn_panel(f, &b, p);
}

/* Full tiles, about as many blocks for each thread. */
static void knn_run(struct knn_find *f)
{
    const int64_t n = f->q->n, threads = f->q->threads > 1 ? f->q->threads : 1;
    const int64_t blocks = knn_ceil(knn_ceil(n, KNN_BLOCK), threads) * threads;
    const int64_t tiles = knn_ceil(knn_ceil(n, blocks), f->kernels->tile);
    f->per = tiles * f->kernels->tile;
    oddi_parallel(f->q->threads, knn_ceil(n, f->per), knn_block, f);
}

/* ---- packing -------------------------------------------------------------------------------- */

static void knn_pack(void *arg, int64_t panel)
{
    const struct knn_find *f = arg;
    const int lanes = f->kernels->lanes;
    float *to = (float *)f->panels + panel * knn_panel_size(f->kernels, f->dim);
    for (int lane = 0; lane < lanes; lane++) {
        const int64_t i = panel * lanes + lane;
        oddi_knn_pack_row(f->kernels, i < f->count ? f->rows + i * f->dim : NULL, f->dim, to, lane);
    }
}
static odd_status knn_refuse_rows(struct odd_context *ctx, int64_t count, int64_t dim)
{
    if (count >= 1 && dim >= 1 && dim <= ODDI_KNN_DIM_MAX && count <= INT64_MAX / 1024 / dim)
        return ODD_OK;
    return oddi_fail(ctx, ODD_EINVAL, "a bank of %lld rows of %lld numbers (at most %d)",
                     (long long)count, (long long)dim, ODDI_KNN_DIM_MAX);
}
static odd_status knn_refuse(struct odd_context *ctx, const struct oddi_knn_query *q, int64_t count,
                             int64_t dim)
{
    if (q->n < 0 || q->k < 1 || q->k > ODDI_KNN_MAX || q->k > count)
        return oddi_fail(ctx, ODD_EINVAL,
                         "%d neighbours (at most %d) of %lld queries among %lld rows", q->k,
                         ODDI_KNN_MAX, (long long)q->n, (long long)count);
    return oddi_knn_finite(ctx, "query", 0, q->rows, q->n, dim);
}
static float *knn_panels(struct odd_context *ctx, const struct knn_kernels *kernels, int64_t count,
                         int64_t dim)
{
    return oddi_alloc_aligned(
        ctx,
        (size_t)(knn_ceil(count, kernels->lanes) * knn_panel_size(kernels, dim)) * sizeof(float));
}

odd_status oddi_knn_new_on(struct odd_context *ctx, const struct knn_kernels *kernels,
                           const float *rows, int64_t count, int64_t dim, struct oddi_knn **knn)
{
    odd_status status = ODD_OK;
    struct oddi_knn *k = NULL;
    TRY(knn_refuse_rows(ctx, count, dim));
    TRY(oddi_knn_finite(ctx, "row", 0, rows, count, dim));
    k = oddi_calloc(ctx, 1, sizeof(*k));
    if (!k)
        return ODD_ENOMEM;
    *k = (struct oddi_knn){ctx, kernels, rows, count, dim, knn_panels(ctx, kernels, count, dim)};
    if (!k->panels) {
        status = ODD_ENOMEM;
        goto out;
    }
    struct knn_find f = {
        .kernels = kernels, .rows = rows, .count = count, .dim = dim, .panels = k->panels};
    oddi_parallel(ctx->threads, knn_ceil(count, kernels->lanes), knn_pack, &f);
    *knn = k;
    k = NULL;
out:
    oddi_knn_free(k);
    return status;
}
odd_status oddi_knn_new(struct odd_context *ctx, const float *rows, int64_t count, int64_t dim,
                        struct oddi_knn **knn)
{
    return oddi_knn_new_on(ctx, oddi_knn_kernels(), rows, count, dim, knn);
}

void oddi_knn_free(struct oddi_knn *k)
{
    if (!k)
        return;
    oddi_free_aligned(k->ctx, k->panels);
    oddi_free(k->ctx, k);
}

/* ---- searching ------------------------------------------------------------------------------ */

static struct knn_find knn_find(const struct oddi_knn *k, const struct oddi_knn_query *q,
                                float *distance2, int64_t *index)
{
    return (struct knn_find){.kernels = k->kernels,
                             .bound = knn_bound(k->dim),
                             .rows = k->rows,
                             .count = k->count,
                             .dim = k->dim,
                             .panels = k->panels,
                             .q = q,
                             .distance2 = distance2,
                             .index = index};
}

odd_status oddi_knn_search(struct odd_context *ctx, const struct oddi_knn *knn,
                           const struct oddi_knn_query *q, float *distance2, int64_t *index)
{
    struct knn_find f = knn_find(knn, q, distance2, index);
    const odd_status status = knn_refuse(ctx, q, knn->count, knn->dim);
    if (status != ODD_OK || q->n == 0)
        return status;
    knn_none(q, distance2, index);
    knn_run(&f);
    return ODD_OK;
}

odd_status oddi_knn_brute(struct odd_context *ctx, const struct oddi_knn *knn,
                          const struct oddi_knn_query *q, float *distance2, int64_t *index)
{
    const struct knn_find f = knn_find(knn, q, distance2, index);
    const odd_status status = knn_refuse(ctx, q, knn->count, knn->dim);
    if (status != ODD_OK)
        return status;
    knn_none(q, distance2, index);
    for (int64_t i = 0; i < q->n; i++)
        knn_every(&f, i);
    return ODD_OK;
}

/* Block after block of the rows, which `f` then holds. */
static odd_status knn_stream(struct odd_context *ctx, const struct oddi_knn_stream *s,
                             struct knn_find *f, int64_t block, float *rows)
{
    odd_status status = ODD_OK;
    for (f->first = 0; f->first < s->count; f->first += block) {
        f->count = knn_min(block, s->count - f->first);
        TRY(oddi_check_cancel(ctx));
        TRY(s->read(s->user, f->first, f->count, rows));
        TRY(oddi_knn_finite(ctx, "row", f->first, rows, f->count, s->dim));
        oddi_parallel(f->q->threads, knn_ceil(f->count, f->kernels->lanes), knn_pack, f);
        knn_run(f);
    }
out:
    return status;
}

odd_status oddi_knn_search_stream(struct odd_context *ctx, const struct oddi_knn_stream *s,
                                  const struct oddi_knn_query *q, float *distance2, int64_t *index)
{
    odd_status status = ODD_OK;
    const struct knn_kernels *kernels = oddi_knn_kernels();
    float *rows = NULL, *panels = NULL;
    TRY(knn_refuse_rows(ctx, s->count, s->dim));
    TRY(knn_refuse(ctx, q, s->count, s->dim));
    int64_t block = s->block > 0 ? s->block : KNN_STREAM_BYTES / (int64_t)sizeof(float) / s->dim;
    block = knn_min(block > KNN_LANES ? block : KNN_LANES, s->count);
    rows = oddi_alloc_array(ctx, (size_t)(block * s->dim), sizeof(*rows));
    panels = knn_panels(ctx, kernels, block, s->dim);
    if (!rows || !panels) {
        status = ODD_ENOMEM;
        goto out;
    }
    struct oddi_knn k = {.kernels = kernels, .rows = rows, .dim = s->dim, .panels = panels};
    struct knn_find f = knn_find(&k, q, distance2, index);
    knn_none(q, distance2, index);
    if (q->n > 0)
        TRY(knn_stream(ctx, s, &f, block, rows));
out:
    oddi_free_aligned(ctx, panels);
    oddi_free(ctx, rows);
    return status;
}
