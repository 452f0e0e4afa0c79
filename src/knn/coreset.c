/* SPDX-License-Identifier: Apache-2.0
 *
 * Greedy k-centre without most of its distances (coreset.h).
 *
 * Let M_t(p) be the least distance of row p to the first t choices. The next choice is the row not
 * chosen yet with the largest key (M_t(p), then the lower p). M_t(p) falls with t, so what is known
 * of p from fewer choices bounds it from above, and a row needs no more distances as long as
 * another row's true key is above its bound: this is lazy evaluation as for submodular functions
 * (Minoux 1978), and exact, since all values compared are defined distances (knn.h) and nothing is
 * estimated. It goes in rounds:
 *
 *  1. Select: the largest bounds, some blocks of rows; the least of their keys is the round's
 * `cut`. All other rows are below it, whatever their true keys.
 *  2. Settle: the selected rows meet the choices they do not know yet, oldest first, in blocks as
 * in a search: the filter of filter.h passes what may be nearer than what is known, the definition
 *     decides. A row whose key falls below the cut leaves with what it knows so far.
 *  3. Choose: the rows that stay know all choices. The one with the largest key is next; all others
 *     meet it, and leave below the cut. When none is left, the next round begins.
 *
 * Every pair of row and choice is met at most once (but for the panel at which a row resumes, where
 * meeting again changes nothing), so no data make this dearer than one search of all rows among all
 * choices, which runs at the speed of a matrix product. A row is done with as soon as one choice
 * covers it within the final radius: rows in dense places meet a fraction.
 *
 * What a block of rows meets depends on no other block, and the key's order is total, so threads
 * cannot change the choice.
 */
#include "knn/coreset.h"

#include <string.h>

#include "base/alloc.h"
#include "base/parallel.h"
#include "knn/coreset_int.h"
#include "knn/filter.h"

#define CORESET_BLOCKS 48
#define CORESET_LEAST 4 /* blocks, also of rows so long that they exceed CORESET_BYTES */
#define CORESET_BYTES (64 << 20)
#define CORESET_SHOW 64    /* choices between reports */
#define CORESET_AGAIN 8    /* panels between looks at who may leave */
#define CORESET_ALONE 2048 /* rows below which threads are not worth waking */
#define CORESET_FIRST 1024 /* rows that meet the first choice at a time */

/* Rows that meet choices together, with what is known of each. */
struct coreset_block {
    float *rows; /* KNN_BLOCK x dim */
    int count;
    int32_t row[KNN_BLOCK], done[KNN_BLOCK], nearest[KNN_BLOCK]; /* done: choices met */
    float least[KNN_BLOCK], threshold[KNN_BLOCK];
    double norm2[KNN_BLOCK];
    uint64_t best; /* the largest key */
};
struct coreset_work {
    const struct oddi_coreset_args *a;
    struct odd_context *ctx;
    const struct knn_kernels *kernels;
    struct knn_bound bound;
    int64_t *chosen, have, shown;
    float *least;     /* per row: the bound; of a chosen row -1 */
    int32_t *done;    /* per row: choices met */
    int32_t *nearest; /* per row: the place of the nearest choice met; NULL: not wanted */
    float *panels;    /* the chosen rows */
    int64_t active;   /* how many rows are selected at most */
    uint64_t *key;    /* 2 active: the selected */
    int32_t *start;   /* per panel, for sorting */
    int32_t *order;   /* active: the selected rows by panel */
    int64_t selected;
    uint64_t cut;
    float *space; /* active x dim */
    struct coreset_block block[CORESET_BLOCKS];
};

/* Larger: farther, or as far and lower. Distances are not negative, so their bits order them. */
static uint64_t coreset_key(float least, int64_t row)
{
    uint32_t bits;
    memcpy(&bits, &least, sizeof(bits));
    return (uint64_t)bits << 32 | (UINT32_MAX - (uint32_t)row);
}
static int64_t coreset_row(uint64_t key)
{
    return (int64_t)(UINT32_MAX - (uint32_t)key);
}
static float coreset_distance(uint64_t key)
{
    const uint32_t bits = (uint32_t)(key >> 32);
    float least;
    memcpy(&least, &bits, sizeof(least));
    return least;
}

/* ---- 1: select ------------------------------------------------------------------------------ */

/* The `want`th largest of n different keys: digit by digit from above. */
static uint64_t select_nth(const uint64_t *key, int64_t n, int64_t want)
{
    uint64_t prefix = 0, mask = 0;
    for (int shift = 56; shift >= 0; shift -= 8) {
        int64_t count[256] = {0};
        int digit = 255;
        for (int64_t i = 0; i < n; i++)
            if ((key[i] & mask) == prefix)
                count[key[i] >> shift & 255]++;
        for (; want > count[digit]; digit--)
            want -= count[digit];
        prefix |= (uint64_t)digit << shift;
        mask |= (uint64_t)255 << shift;
    }
    return prefix;
}
/* Keeps the `want` largest; returns the least of them. */
static uint64_t select_keep(uint64_t *key, int64_t *n, int64_t want)
{
    const uint64_t least = select_nth(key, *n, want);
    int64_t kept = 0;
    for (int64_t i = 0; i < *n; i++)
        if (key[i] >= least)
            key[kept++] = key[i];
    *n = kept;
    return least;
}
static void coreset_select(struct coreset_work *w)
{
    uint64_t cut = 0;
    float floor = 0;
    int64_t n = 0;
    for (int64_t i = 0; i < w->a->count; i++) {
        if (w->least[i] < floor)
            continue;
        const uint64_t key = coreset_key(w->least[i], i);
        if (key < cut)
            continue;
        w->key[n++] = key;
        if (n < 2 * w->active)
            continue;
        cut = select_keep(w->key, &n, w->active);
        floor = coreset_distance(cut);
    }
    w->cut = n > w->active ? select_keep(w->key, &n, w->active) : cut;
    w->selected = n;
}
/* Those who know least first, so that a block's rows begin at about the same panel. */
static void coreset_sort(struct coreset_work *w)
{
    const int lanes = w->kernels->lanes;
    const int64_t panels = w->have / lanes + 1;
    memset(w->start, 0, (size_t)(panels + 1) * sizeof(*w->start));
    for (int64_t i = 0; i < w->selected; i++) {
        const int64_t row = coreset_row(w->key[i]);
        if (w->least[row] == 0)
            w->done[row] = (int32_t)w->have; /* nothing is nearer */
        w->start[w->done[row] / lanes + 1]++;
    }
    for (int64_t p = 1; p <= panels; p++)
        w->start[p] += w->start[p - 1];
    for (int64_t i = 0; i < w->selected; i++) {
        const int64_t row = coreset_row(w->key[i]);
        w->order[w->start[w->done[row] / lanes]++] = (int32_t)row;
    }
}

/* ---- 2: settle ------------------------------------------------------------------------------ */

static void block_aim(const struct coreset_work *w, struct coreset_block *b, int i)
{
    b->threshold[i] =
        b->norm2[i] > KNN_WILD ? NAN : knn_threshold(&w->bound, b->norm2[i], b->least[i]);
}
/* Row i of the block meets choice t. */
static void block_meet(const struct coreset_work *w, struct coreset_block *b, int i, int64_t t)
{
    const int64_t dim = w->a->dim;
    const float d = w->kernels->distance2(b->rows + i * dim, w->a->rows + w->chosen[t] * dim, dim);
    if (d < b->least[i]) {
        b->least[i] = d;
        b->nearest[i] = (int32_t)t;
        block_aim(w, b, i);
    }
}
static void block_store(const struct coreset_work *w, const struct coreset_block *b, int i)
{
    w->least[b->row[i]] = b->least[i];
    w->done[b->row[i]] = b->done[i];
    if (w->nearest)
        w->nearest[b->row[i]] = b->nearest[i];
}
static void block_move(const struct coreset_work *w, struct coreset_block *b, int to, int from)
{
    const int64_t dim = w->a->dim;
    if (to == from)
        return;
    memcpy(b->rows + to * dim, b->rows + from * dim, (size_t)dim * sizeof(float));
    b->row[to] = b->row[from];
    b->done[to] = b->done[from];
    b->nearest[to] = b->nearest[from];
    b->least[to] = b->least[from];
    b->threshold[to] = b->threshold[from];
    b->norm2[to] = b->norm2[from];
}
/* Lets go of the rows below the cut. */
static void block_sift(const struct coreset_work *w, struct coreset_block *b)
{
    int stay = 0;
    b->best = 0;
    for (int i = 0; i < b->count; i++) {
        const uint64_t key = coreset_key(b->least[i], b->row[i]);
        if (key < w->cut) {
            block_store(w, b, i);
            continue;
        }
        b->best = key > b->best ? key : b->best;
        block_move(w, b, stay++, i);
    }
    b->count = stay;
}
/* Takes in `count` rows of the order. */
static void block_fill(const struct coreset_work *w, struct coreset_block *b, const int32_t *order,
                       int count)
{
    const int64_t dim = w->a->dim;
    b->count = count;
    for (int i = 0; i < count; i++) {
        const int32_t row = order[i];
        memcpy(b->rows + i * dim, w->a->rows + row * dim, (size_t)dim * sizeof(float));
        b->row[i] = row;
        b->done[i] = w->done[row];
        b->least[i] = w->least[row];
        b->nearest[i] = w->nearest ? w->nearest[row] : 0;
        b->norm2[i] = knn_norm2(b->rows + i * dim, dim);
        block_aim(w, b, i);
        for (int64_t t = b->done[i]; b->norm2[i] > KNN_WILD && t < w->have; t++)
            block_meet(w, b, i, t);
    }
}
/* Row i meets those of the choices from `first` on that the filter let through. */
static void block_look(const struct coreset_work *w, struct coreset_block *b, int i, int64_t first,
                       uint32_t hit, const float *sum)
{
    for (; hit; hit &= hit - 1) {
        const int lane = __builtin_ctz(hit);
        if (first + lane < w->have &&
            sum[lane] >= b->threshold[i]) /* it may have risen meanwhile */
            block_meet(w, b, i, first + lane);
    }
}
/* The first `count` rows meet the choices of a panel. */
static void block_panel(const struct coreset_work *w, struct coreset_block *b, int count,
                        int64_t panel)
{
    const struct knn_kernels *kernels = w->kernels;
    const int64_t first = panel * kernels->lanes;
    float sum[KNN_TILE * KNN_LANES];
    uint32_t hit[KNN_TILE];
    struct knn_tile t = {.panel = w->panels + panel * knn_panel_size(kernels, w->a->dim),
                         .dim = w->a->dim,
                         .sum = sum,
                         .hit = hit};
    for (int i = 0, n; i < count; i += n) {
        n = knn_tile_next(kernels, count - i);
        t.x = b->rows + i * w->a->dim;
        t.threshold = b->threshold + i;
        if (!kernels->filter(&t, n))
            continue;
        for (int p = 0; p < n; p++)
            block_look(w, b, i + p, first, hit[p], sum + p * kernels->lanes);
    }
}
static void coreset_settle(void *arg, int64_t i)
{
    struct coreset_work *w = arg;
    struct coreset_block *b = &w->block[i];
    const int lanes = w->kernels->lanes;
    const int64_t from = i * KNN_BLOCK;
    block_fill(w, b, w->order + from, (int)knn_min(KNN_BLOCK, w->selected - from));
    int64_t met =
        b->done[0] / lanes * lanes; /* choices; the block's rows begin at a panel's start */
    int ready = 0;
    for (int panels = 1; met < w->have && b->count > 0; panels++) {
        while (ready < b->count && b->done[ready] < met + lanes)
            ready++;
        block_panel(w, b, ready, met / lanes);
        met = knn_min(met + lanes, w->have);
        for (int k = 0; k < ready; k++)
            b->done[k] = (int32_t)met;
        if (panels % CORESET_AGAIN == 0) {
            block_sift(w, b);
            for (ready = 0; ready < b->count && b->done[ready] <= met;)
                ready++;
        }
    }
    for (int k = 0; k < b->count; k++)
        b->done[k] = (int32_t)w->have;
    block_sift(w, b);
}

/* Writes down what the rows that stayed know. */
static void coreset_store(struct coreset_work *w, int64_t blocks)
{
    for (int64_t i = 0; i < blocks; i++)
        for (int k = 0; k < w->block[i].count; k++)
            block_store(w, &w->block[i], k);
}

/* ---- 3: choose ------------------------------------------------------------------------------ */

/* The block's rows meet the newest choice; who falls below the cut leaves, the last taking its
 * place. */
static void coreset_meet(void *arg, int64_t i)
{
    struct coreset_work *w = arg;
    struct coreset_block *b = &w->block[i];
    const int64_t dim = w->a->dim, newest = w->chosen[w->have - 1];
    float d[KNN_BLOCK];
    w->kernels->distances(w->a->rows + newest * dim, b->rows, b->count, dim, d);
    b->best = 0;
    for (int k = b->count - 1; k >= 0; k--) { /* downwards: the last has been looked at */
        b->done[k] = (int32_t)w->have;
        if (d[k] < b->least[k]) {
            b->least[k] = d[k];
            b->nearest[k] = (int32_t)(w->have - 1);
        }
        const uint64_t key = coreset_key(b->least[k], b->row[k]);
        if (key < w->cut) {
            block_store(w, b, k);
            block_move(w, b, k, --b->count);
        } else {
            b->best = key > b->best ? key : b->best;
        }
    }
}
/* Puts a row behind the choices. */
static void coreset_choose(struct coreset_work *w, int64_t row)
{
    const int lanes = w->kernels->lanes;
    const int64_t t = w->have++, dim = w->a->dim;
    float *panel = w->panels + t / lanes * knn_panel_size(w->kernels, dim);
    for (int lane = 1; lane < lanes && t % lanes == 0; lane++)
        oddi_knn_pack_row(w->kernels, NULL, dim, panel, lane);
    oddi_knn_pack_row(w->kernels, w->a->rows + row * dim, dim, panel, (int)(t % lanes));
    w->chosen[t] = row;
    w->least[row] = -1.0f;
    if (w->nearest)
        w->nearest[row] = (int32_t)t;
}
static void coreset_remove(struct coreset_work *w, struct coreset_block *b, int64_t row)
{
    int i = 0;
    while (b->row[i] != row)
        i++;
    b->count--;
    block_move(w, b, i, b->count);
}
static odd_status coreset_show(struct coreset_work *w)
{
    if (!w->a->progress || w->have < w->shown + CORESET_SHOW)
        return ODD_OK;
    w->shown = w->have;
    return w->a->progress(w->a->user, w->have, w->a->want);
}
/* Chooses while a row is left; with all choices made, *radius2 is the distance of the best. */
static odd_status coreset_rounds(struct coreset_work *w, int64_t blocks, float *radius2)
{
    odd_status status = ODD_OK;
    for (;;) {
        struct coreset_block *best = &w->block[0];
        int64_t rows = 0;
        for (int64_t i = 0; i < blocks; i++) {
            rows += w->block[i].count;
            best = w->block[i].best > best->best ? &w->block[i] : best;
        }
        if (rows == 0)
            return ODD_OK;
        if (w->have == w->a->want) {
            *radius2 = coreset_distance(best->best);
            return ODD_OK;
        }
        const int64_t row = coreset_row(best->best);
        coreset_remove(w, best, row);
        coreset_choose(w, row);
        oddi_parallel(rows > CORESET_ALONE ? w->a->threads : 1, blocks, coreset_meet, w);
        TRY(coreset_show(w));
    }
out:
    return status;
}

/* ---- the whole ------------------------------------------------------------------------------ */

static void coreset_first(void *arg, int64_t task)
{
    struct coreset_work *w = arg;
    const int64_t dim = w->a->dim, from = task * CORESET_FIRST;
    const int64_t n = knn_min(CORESET_FIRST, w->a->count - from);
    w->kernels->distances(w->a->rows + w->a->first * dim, w->a->rows + from * dim, n, dim,
                          w->least + from);
    for (int64_t i = from; i < from + n; i++) {
        w->done[i] = 1;
        if (w->nearest)
            w->nearest[i] = 0;
    }
}
static odd_status coreset_begin(struct coreset_work *w)
{
    const struct oddi_coreset_args *a = w->a;
    const int64_t panels = knn_ceil(a->want, w->kernels->lanes);
    const size_t count = (size_t)a->count, dim = (size_t)a->dim;
    int64_t blocks = CORESET_BYTES / (KNN_BLOCK * a->dim * (int64_t)sizeof(float));
    blocks = knn_min(blocks > CORESET_LEAST ? blocks : CORESET_LEAST, CORESET_BLOCKS);
    blocks = knn_min(blocks, knn_ceil(a->count, KNN_BLOCK));
    w->active = blocks * KNN_BLOCK;
    const size_t active = (size_t)w->active;
    w->least = oddi_alloc_array(w->ctx, count, sizeof(*w->least));
    w->done = oddi_alloc_array(w->ctx, count, sizeof(*w->done));
    w->panels = oddi_alloc_aligned(w->ctx, (size_t)(panels * knn_panel_size(w->kernels, a->dim)) *
                                               sizeof(float));
    w->key = oddi_alloc_array(w->ctx, 2 * active, sizeof(*w->key));
    w->start = oddi_alloc_array(w->ctx, (size_t)panels + 2, sizeof(*w->start));
    w->order = oddi_alloc_array(w->ctx, active, sizeof(*w->order));
    w->space = oddi_alloc_array(w->ctx, active, dim * sizeof(float));
    if (!w->least || !w->done || !w->panels || !w->key || !w->start || !w->order || !w->space)
        return ODD_ENOMEM;
    for (int64_t i = 0; i < blocks; i++)
        w->block[i].rows = w->space + i * KNN_BLOCK * a->dim;
    oddi_parallel(a->threads, knn_ceil(a->count, CORESET_FIRST), coreset_first, w);
    coreset_choose(w, a->first);
    return ODD_OK;
}
static void coreset_release(struct coreset_work *w)
{
    oddi_free(w->ctx, w->least);
    oddi_free(w->ctx, w->done);
    oddi_free_aligned(w->ctx, w->panels);
    oddi_free(w->ctx, w->key);
    oddi_free(w->ctx, w->start);
    oddi_free(w->ctx, w->order);
    oddi_free(w->ctx, w->space);
    oddi_free(w->ctx, w);
}
/* One round. *radius2 stays as it is unless all choices are made; *more: whether a row was left. */
static odd_status coreset_round(struct coreset_work *w, float *radius2, bool *more)
{
    odd_status status = ODD_OK;
    TRY(oddi_check_cancel(w->ctx));
    coreset_select(w);
    *more = w->selected > 0;
    if (!*more)
        return ODD_OK;
    const int64_t blocks = knn_ceil(w->selected, KNN_BLOCK);
    coreset_sort(w);
    oddi_parallel(w->a->threads, blocks, coreset_settle, w);
    TRY(coreset_rounds(w, blocks, radius2));
    coreset_store(w, blocks);
out:
    return status;
}
/* All rows meet all choices. */
static odd_status coreset_finish(struct coreset_work *w)
{
    const struct oddi_coreset_args *a = w->a;
    odd_status status = ODD_OK;
    w->cut = 0; /* nobody leaves */
    for (int64_t i = 0; i < a->count;) {
        TRY(oddi_check_cancel(w->ctx));
        for (w->selected = 0; i < a->count && w->selected < w->active; i++)
            if (w->least[i] >= 0)
                w->key[w->selected++] = coreset_key(w->least[i], i);
        const int64_t blocks = knn_ceil(w->selected, KNN_BLOCK);
        coreset_sort(w);
        oddi_parallel(a->threads, blocks, coreset_settle, w);
        coreset_store(w, blocks);
    }
    for (int64_t i = 0; a->nearest2 && i < a->count; i++)
        a->nearest2[i] = w->least[i] < 0 ? 0.0f : w->least[i];
out:
    return status;
}

odd_status oddi_coreset_on(struct odd_context *ctx, const struct knn_kernels *kernels,
                           const struct oddi_coreset_args *a, int64_t *chosen, double *radius2)
{
    odd_status status = ODD_OK;
    struct coreset_work *w = NULL;
    float farthest = -1.0f;
    bool more = true;
    TRY(oddi_coreset_refuse(ctx, a));
    w = oddi_calloc(ctx, 1, sizeof(*w));
    if (!w)
        return ODD_ENOMEM;
    w->a = a;
    w->ctx = ctx;
    w->kernels = kernels;
    w->bound = knn_bound(a->dim);
    w->chosen = chosen;
    w->nearest = a->nearest;
    TRY(coreset_begin(w));
    while (more && (w->have < a->want || (radius2 && farthest < 0)))
        TRY(coreset_round(w, &farthest, &more));
    if (a->nearest || a->nearest2)
        TRY(coreset_finish(w));
    if (a->progress)
        TRY(a->progress(a->user, a->want, a->want));
    if (radius2)
        *radius2 = farthest > 0 ? (double)farthest : 0.0;
out:
    if (w)
        coreset_release(w);
    return status;
}

odd_status oddi_coreset(struct odd_context *ctx, const struct oddi_coreset_args *a, int64_t *chosen,
                        double *radius2)
{
    return oddi_coreset_on(ctx, oddi_knn_kernels(), a, chosen, radius2);
}
