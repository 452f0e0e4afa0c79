/* SPDX-License-Identifier: Apache-2.0
 *
 * Which normal pictures are not like the others. For each cell of a picture: the distance to the
 * nearest row of the bank that comes from another picture; the picture is as strange as its
 * strangest cell. (Its own rows must not count: the subset is chosen so that outliers are in it.)
 *
 * Most cells are nearest to a row of another picture, and the choice of the bank has told how far.
 * For the others the SUSPECTS_NEAR nearest rows are asked; where all of them are the picture's own,
 * the farthest of them stands, which is less than the true distance.
 */
#include <math.h>
#include <string.h>

#include "method/bank/bank.h"

#define SUSPECTS_NEAR 8

struct suspects_work {
    struct bank_pool *p;
    struct oddi_knn *knn;
    const int64_t *of; /* the picture of each row of the bank */
    float *query;      /* the cells of one picture that are nearest to its own rows */
    float *distance;
    int64_t *near;
    int k;
};

/* Of n cells of picture i from row `at` of the pool. */
static odd_status suspects_picture(struct suspects_work *w, int64_t i, int64_t at, int64_t n)
{
    struct oddi_fitting *f = w->p->f;
    const int64_t dim = w->p->grid.dim;
    float worst = 0;
    int64_t own = 0;
    for (int64_t c = at; c < at + n; c++) {
        if (w->of[w->p->near[c]] == i)
            memcpy(w->query + own++ * dim, w->p->pool.rows + c * dim, (size_t)dim * sizeof(float));
        else
            worst = w->p->near2[c] > worst ? w->p->near2[c] : worst;
    }
    const odd_status status =
        oddi_knn_search(f->ctx, w->knn, &(struct oddi_knn_query){w->query, own, w->k, f->threads},
                        w->distance, w->near);
    for (int64_t c = 0; status == ODD_OK && c < own; c++) {
        int j = 0;
        while (j + 1 < w->k && w->of[w->near[c * w->k + j]] == i)
            j++;
        const float d = w->distance[c * w->k + j];
        worst = d > worst ? d : worst;
    }
    f->strange[i] = sqrt((double)worst);
    return status;
}

static odd_status suspects_all(struct suspects_work *w)
{
    struct oddi_fitting *f = w->p->f;
    odd_status status = ODD_OK;
    for (int64_t i = 0, at = 0; i < f->pictures; i++) {
        if (w->p->pool.have[i] > 0)
            TRY(suspects_picture(w, i, at, w->p->pool.have[i]));
        at += w->p->pool.have[i];
        TRY(f->progress(f->engine, "suspects", i + 1, f->pictures));
    }
out:
    return status;
}

odd_status oddi_bank_suspects(struct bank_pool *p, const int64_t *chosen, int64_t count)
{
    struct odd_context *ctx = p->f->ctx;
    odd_status status = ODD_OK;
    const size_t row = (size_t)p->grid.dim;
    struct suspects_work w = {.p = p, .k = count < SUSPECTS_NEAR ? (int)count : SUSPECTS_NEAR};
    float *rows = oddi_alloc_array(ctx, (size_t)count, row * sizeof(float));
    int64_t *of = oddi_alloc_array(ctx, (size_t)count, sizeof(*of));
    w.query = oddi_alloc_array(ctx, (size_t)p->pool.room, row * sizeof(float));
    w.distance = oddi_alloc_array(ctx, (size_t)(p->pool.room * w.k), sizeof(float));
    w.near = oddi_alloc_array(ctx, (size_t)(p->pool.room * w.k), sizeof(*w.near));
    if (!rows || !of || !w.query || !w.distance || !w.near) {
        status = ODD_ENOMEM;
        goto out;
    }
    for (int64_t i = 0; i < count; i++) {
        memcpy(rows + (size_t)i * row, p->pool.rows + (size_t)chosen[i] * row, row * sizeof(float));
        of[i] = p->pool.from[chosen[i]][0];
    }
    w.of = of;
    TRY(oddi_knn_new(ctx, rows, count, p->grid.dim, &w.knn));
    TRY(suspects_all(&w));
out:
    oddi_knn_free(w.knn);
    oddi_free(ctx, w.near);
    oddi_free(ctx, w.distance);
    oddi_free(ctx, w.query);
    oddi_free(ctx, of);
    oddi_free(ctx, rows);
    return status;
}

bool oddi_bank_trim(struct bank_pool *p)
{
    struct oddi_fitting *f = p->f;
    const double share = oddi_values_float(f->values, "trim");
    const int64_t drop = (int64_t)floor(share * (double)f->pictures);
    int64_t from = 0, to = 0;
    for (int64_t k = 0; k < drop; k++) { /* the strangest that is still there; ties: the first */
        int64_t worst = -1;
        for (int64_t i = 0; i < f->pictures; i++)
            if (!f->dropped[i] && (worst < 0 || f->strange[i] > f->strange[worst]))
                worst = i;
        f->dropped[worst] = true;
    }
    for (int64_t i = 0; i < f->pictures; i++) {
        const int64_t have = p->pool.have[i];
        if (!f->dropped[i]) {
            oddi_pool_move(&p->pool, to, from, have);
            to += have;
        } else {
            p->pool.have[i] = 0;
        }
        from += have;
    }
    p->pool.count = to;
    return drop > 0;
}
