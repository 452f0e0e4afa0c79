/* SPDX-License-Identifier: Apache-2.0
 *
 * The bank from the normal pictures: the rows of all their cells are pooled in the order of the
 * pictures, and a covering subset of them is kept.
 *
 * The pool has a budget. Where all rows do not fit, each picture gives the same number of its
 * cells, the same share of each of its tiles, drawn from (seed, picture, tile): which rows are in
 * the pool then still does not depend on threads or order.
 */
#include <string.h>

#include "base/rng.h"
#include "knn/coreset.h"
#include "method/bank/bank.h"
#include "method/cells.h"

/* `want` of a tile's cells in rising order of a shuffle, all of them in their own, to place `to`.
 */
static odd_status learn_draw(const struct bank_pool *p, const struct oddi_measure *m, int64_t i,
                             int64_t want, const float *rows, float *to)
{
    const int64_t row = p->grid.dim, first = (to - p->pool.rows) / row;
    uint32_t *order = oddi_alloc_array(m->ctx, (size_t)p->cells, sizeof(*order));
    struct oddi_rng rng;
    if (!order)
        return ODD_ENOMEM;
    oddi_rng_init(&rng, p->f->seed, ODDI_RNG_SEEDING, (uint64_t)m->tile, (uint64_t)i);
    oddi_rng_permutation(&rng, (size_t)p->cells, order);
    for (int64_t k = 0; k < want; k++) {
        const int64_t cell = want == p->cells ? k : (int64_t)order[k];
        memcpy(to + k * row, rows + cell * row, (size_t)row * sizeof(float));
        p->pool.from[first + k][0] = i;
        p->pool.from[first + k][1] = m->tile * p->cells + cell;
    }
    oddi_free(m->ctx, order);
    return ODD_OK;
}

static odd_status learn_take(void *user, int64_t i, const struct oddi_measure *m)
{
    const struct bank_pool *p = user;
    odd_status status = ODD_OK;
    const int64_t share = oddi_pool_share(&p->pool, m), want = share < p->cells ? share : p->cells;
    float *rows = oddi_alloc_array(m->ctx, (size_t)(p->cells * p->grid.dim), sizeof(float));
    if (!rows)
        return ODD_ENOMEM;
    TRY(oddi_bank_rows(m, rows));
    TRY(learn_draw(p, m, p->f->earlier + i, want, rows, oddi_pool_place(&p->pool, i, want)));
out:
    oddi_free(m->ctx, rows);
    return status;
}

/* The rows of the bank so far, where there is one: `open` has checked them. */
static void learn_before(struct bank_pool *p, const struct oddi_model_file *file)
{
    const struct oddi_stored *rows = oddi_model_file_find(file, BANK_ROWS),
                             *picture = oddi_model_file_find(file, BANK_PICTURE),
                             *cell = oddi_model_file_find(file, BANK_CELL);
    memcpy(p->pool.rows, rows->data, rows->size);
    for (int64_t i = 0; i < p->pool.before; i++) {
        p->pool.from[i][0] = ((const int64_t *)picture->data)[i];
        p->pool.from[i][1] = ((const int64_t *)cell->data)[i];
    }
}

/* Rows that each picture may give; ODD_ECONFIG where that is not one. */
static odd_status learn_room(const struct bank_pool *p, int64_t before, int64_t *room)
{
    struct oddi_fitting *f = p->f;
    const int64_t row = p->grid.dim * (int64_t)sizeof(float), all = p->cells * f->tiles;
    const int64_t budget = oddi_values_int(f->values, "pool-mib") << 20;
    const int64_t fit = (budget / row - before) / f->pictures;
    *room = fit < all ? fit : all;
    if (*room < f->tiles)
        return oddi_fail(
            f->ctx, ODD_ECONFIG, "pool-mib=%lld is less than one cell of each of %lld pictures%s%s",
            (long long)(budget >> 20), (long long)f->pictures,
            f->tiles > 1 ? " and their tiles" : "", before > 0 ? " beside the bank so far" : "");
    if (*room < all)
        oddi_log(f->ctx, ODD_LOG_INFO,
                 "the cells of %lld pictures would take %lld MiB: %lld of %lld are drawn of each "
                 "(pool-mib=%lld)",
                 (long long)f->pictures, (long long)((f->pictures * all * row) >> 20),
                 (long long)*room, (long long)all, (long long)(budget >> 20));
    return ODD_OK;
}

static odd_status learn_pool(struct bank_pool *p)
{
    struct oddi_fitting *f = p->f;
    odd_status status = ODD_OK;
    p->grid = oddi_features_grid(f->build);
    p->cells = p->grid.height * p->grid.width;
    struct oddi_pool_size size = {.dim = p->grid.dim, .from = true};
    if (f->before)
        size.before = oddi_model_file_find(f->before, BANK_ROWS)->shape.dim[0];
    TRY(learn_room(p, size.before, &size.room));
    TRY(oddi_pool_init(&p->pool, f, &size));
    if (f->before)
        learn_before(p, f->before);
    const struct oddi_fit_pass pass = {"features", learn_take, p};
    TRY(f->each(f->engine, &pass));
    oddi_pool_close(&p->pool);
out:
    return status;
}

/* How many rows the settings ask for. */
static int64_t learn_want(const struct bank_pool *p)
{
    const struct oddi_values *v = p->f->values;
    const double share = oddi_values_float(v, "coreset");
    const int64_t most =
        (oddi_values_int(v, "bank-mib") << 20) / (p->grid.dim * (int64_t)sizeof(float));
    /* A share is one of all cells, also where not all are in the pool. */
    const double all = (double)p->f->pictures * (double)(p->cells * p->f->tiles);
    int64_t want = share > 0 ? p->pool.before + (int64_t)(share * all + 0.5)
                             : oddi_values_int(v, "coreset-count");
    want = want < most ? want : most;
    want = want < p->pool.count ? want : p->pool.count;
    return want > 0 ? want : 1;
}

static odd_status learn_progress(void *user, int64_t done, int64_t total)
{
    struct oddi_fitting *f = user;
    return f->progress(f->engine, "coreset", done, total);
}

/* Keeps the rows chosen and where each is from. */
static odd_status learn_keep(const struct bank_pool *p, const int64_t *chosen, int64_t count)
{
    struct oddi_fitting *f = p->f;
    odd_status status = ODD_OK;
    const size_t row = (size_t)p->grid.dim;
    float *rows = oddi_alloc_array(f->ctx, (size_t)count, row * sizeof(float));
    int64_t *from = oddi_alloc_array(f->ctx, (size_t)count, 2 * sizeof(*from)),
            *cell = from ? from + count : NULL;
    if (!rows || !from) {
        status = ODD_ENOMEM;
        goto out;
    }
    for (int64_t i = 0; i < count; i++) {
        memcpy(rows + (size_t)i * row, p->pool.rows + (size_t)chosen[i] * row, row * sizeof(float));
        from[i] = p->pool.from[chosen[i]][0];
        cell[i] = p->pool.from[chosen[i]][1];
    }
    const struct oddi_shape two = oddi_shape_make(2, count, p->grid.dim, 1, 1),
                            one = oddi_shape_make(1, count, 1, 1, 1);
    TRY(oddi_model_file_add_copy(f->keep, BANK_ROWS, ODDI_F32, &two, rows));
    TRY(oddi_model_file_add_copy(f->keep, BANK_PICTURE, ODDI_I64, &one, from));
    TRY(oddi_model_file_add_copy(f->keep, BANK_CELL, ODDI_I64, &one, cell));
out:
    oddi_free(f->ctx, from);
    oddi_free(f->ctx, rows);
    return status;
}

/* The subset of what is in the pool; `near`: also which of it is nearest to each row. */
static odd_status learn_choose(struct bank_pool *p, bool near, int64_t **chosen, int64_t *count)
{
    struct oddi_fitting *f = p->f;
    *count = learn_want(p);
    *chosen = oddi_alloc_array(f->ctx, (size_t)*count, sizeof(**chosen));
    if (near) {
        p->near = oddi_alloc_array(f->ctx, (size_t)p->pool.count, sizeof(*p->near));
        p->near2 = oddi_alloc_array(f->ctx, (size_t)p->pool.count, sizeof(*p->near2));
    }
    if (!*chosen || (near && (!p->near || !p->near2)))
        return ODD_ENOMEM;
    const struct oddi_coreset_args args = {.rows = p->pool.rows,
                                           .count = p->pool.count,
                                           .dim = p->grid.dim,
                                           .want = *count,
                                           .threads = f->threads,
                                           .nearest = near ? p->near : NULL,
                                           .nearest2 = near ? p->near2 : NULL,
                                           .progress = learn_progress,
                                           .user = f};
    return oddi_coreset(f->ctx, &args, *chosen, NULL);
}

/* `suspects`: the training pictures are compared with each other, and trimmed. */
static odd_status learn(struct oddi_fitting *f, bool suspects)
{
    odd_status status = ODD_OK;
    struct bank_pool p = {.f = f};
    int64_t *chosen = NULL, count = 0;
    TRY(learn_pool(&p));
    TRY(learn_choose(&p, suspects, &chosen, &count));
    if (suspects)
        TRY(oddi_bank_suspects(&p, chosen, count));
    if (suspects && oddi_bank_trim(&p)) {
        oddi_free(f->ctx, chosen);
        chosen = NULL;
        TRY(learn_choose(&p, false, &chosen, &count));
    }
    TRY(learn_keep(&p, chosen, count));
out:
    oddi_free(f->ctx, chosen);
    oddi_free(f->ctx, p.near);
    oddi_free(f->ctx, p.near2);
    oddi_pool_release(&p.pool);
    return status;
}

odd_status oddi_bank_fit(struct oddi_fitting *f)
{
    return learn(f, true);
}

odd_status oddi_bank_extend(struct oddi_fitting *f)
{
    return learn(f, false);
}
