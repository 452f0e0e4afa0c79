/* SPDX-License-Identifier: Apache-2.0
 *
 * Equations (1) to (5) of bank.c for one picture.
 */
#include <math.h>
#include <string.h>

#include "method/bank/bank.h"
#include "method/cells.h"
#include "method/maps.h"

/* The training pictures and cells of the rows: `count` whole numbers from 0. */
static const int64_t *open_numbers(const struct oddi_model_file *file, const char *name,
                                   int64_t count)
{
    const struct oddi_stored *t = oddi_model_file_find(file, name);
    if (!t || t->type != ODDI_I64 || t->shape.rank != 1 || t->shape.dim[0] != count)
        return NULL;
    const int64_t *number = t->data;
    for (int64_t i = 0; i < count; i++)
        if (number[i] < 0)
            return NULL;
    return number;
}

odd_status oddi_bank_open(struct odd_context *ctx, const struct oddi_build *b,
                          const struct oddi_model_file *file, void **fitted)
{
    const struct oddi_feature_grid grid = oddi_features_grid(b);
    const struct oddi_stored *rows = oddi_model_file_find(file, BANK_ROWS);
    if (!rows || rows->type != ODDI_F32 || rows->shape.rank != 2 || rows->shape.dim[0] < 1 ||
        rows->shape.dim[1] != grid.dim)
        return oddi_fail(ctx, ODD_EFORMAT, "the model has no proper bank of rows of %lld numbers",
                         (long long)grid.dim);
    struct bank_fitted *k = oddi_calloc(ctx, 1, sizeof(*k));
    odd_status status = ODD_OK;
    if (!k)
        return ODD_ENOMEM;
    k->rows = rows->data;
    k->count = rows->shape.dim[0];
    k->dim = rows->shape.dim[1];
    k->picture = open_numbers(file, BANK_PICTURE, k->count);
    k->cell = open_numbers(file, BANK_CELL, k->count);
    if (!k->picture || !k->cell)
        status = oddi_fail(ctx, ODD_EFORMAT, "the model does not say where its rows are from");
    else
        status = oddi_knn_new(ctx, k->rows, k->count, k->dim, &k->knn);
    if (status == ODD_OK)
        *fitted = k;
    else
        oddi_free(ctx, k);
    return status;
}

void oddi_bank_close(struct odd_context *ctx, void *fitted)
{
    struct bank_fitted *k = fitted;
    if (!k)
        return;
    oddi_knn_free(k->knn);
    oddi_free(ctx, k);
}

odd_status oddi_bank_nearest(const struct oddi_nearest *n)
{
    const struct bank_fitted *b = n->fitted;
    const int k = n->k < b->count ? n->k : (int)b->count;
    const struct oddi_knn_query query = {n->rows, n->count, k, n->threads};
    const odd_status status = oddi_knn_search(n->ctx, b->knn, &query, n->distance, n->picture);
    if (status != ODD_OK)
        return status;
    for (int64_t i = n->count - 1; i >= 0; i--) /* from the end: the answers lie closer together */
        for (int j = n->k - 1; j >= 0; j--) {
            const int64_t to = i * n->k + j, row = j < k ? n->picture[i * k + j] : -1;
            n->distance[to] = row < 0 ? HUGE_VALF : sqrtf(n->distance[i * k + j]);
            n->picture[to] = row < 0 ? -1 : b->picture[row];
            n->cell[to] = row < 0 ? 0 : b->cell[row];
        }
    return ODD_OK;
}

/* ---- a picture ----------------------------------------------------------------------------- */

struct measure_cells {
    struct oddi_feature_grid grid;
    int64_t count;
    const float *rows;
    float *distance;
    int64_t *nearest;
};

static odd_status measure_cells(const struct oddi_measure *m, struct measure_cells *c)
{
    const struct bank_fitted *k = m->fitted;
    odd_status status = ODD_OK;
    c->grid = oddi_features_grid(m->build);
    c->count = c->grid.height * c->grid.width;
    c->distance = oddi_alloc_array(m->ctx, (size_t)c->count, sizeof(float));
    c->nearest = oddi_alloc_array(m->ctx, (size_t)c->count, sizeof(*c->nearest));
    if (!c->distance || !c->nearest)
        return ODD_ENOMEM;
    const struct oddi_knn_query query = {c->rows, c->count, 1, m->threads};
    TRY(oddi_knn_search(m->ctx, k->knn, &query, c->distance, c->nearest));
    for (int64_t i = 0; i < c->count; i++)
        c->distance[i] = sqrtf(c->distance[i]);
out:
    return status;
}

/* (3): the cell farthest from the bank of those whose centre lies in the picture; -1: none. */
static int64_t measure_worst(const struct oddi_measure *m, const struct measure_cells *c)
{
    int64_t worst = -1;
    for (int64_t i = 0; i < c->count; i++)
        if (oddi_cell_inside(m, &c->grid, i))
            worst = worst < 0 || c->distance[i] > c->distance[worst] ? i : worst;
    return worst;
}

/* (4). */
static odd_status measure_reweighted(const struct oddi_measure *m, const struct measure_cells *c,
                                     int64_t worst, double *score)
{
    const struct bank_fitted *k = m->fitted;
    float distance[BANK_NEIGHBOURS_MAX];
    int64_t near[BANK_NEIGHBOURS_MAX];
    const int64_t wanted = oddi_values_int(m->values, "neighbours");
    const int b = (int)(wanted < k->count ? wanted : k->count);
    const float *row = k->rows + c->nearest[worst] * k->dim, *q = c->rows + worst * k->dim;
    const odd_status status =
        oddi_knn_search(m->ctx, k->knn, &(struct oddi_knn_query){row, 1, b, 1}, distance, near);
    const double own = (double)c->distance[worst];
    double sum = 0;
    for (int i = 0; i < b && status == ODD_OK; i++) /* exp(a) / sum exp(b) = 1 / sum exp(b - a) */
        sum += exp(sqrt((double)oddi_knn_distance2(q, k->rows + near[i] * k->dim, k->dim)) - own);
    *score = b > 1 ? own * (1.0 - 1.0 / sum) : own;
    return status;
}

static double measure_smooth(const struct oddi_measure *m)
{
    float most = -HUGE_VALF;
    for (int64_t y = m->y; y < m->y + m->height; y++)
        for (int64_t x = m->x; x < m->x + m->width; x++) {
            const float v = m->map[y * m->in.width + x];
            most = v > most ? v : most;
        }
    return (double)most;
}

odd_status oddi_bank_rows(const struct oddi_measure *m, float *rows)
{
    return oddi_cells_rows(m, oddi_values_bool(m->values, "patch-mean"), rows);
}

odd_status oddi_bank_rescore(const struct oddi_measure *m, const float *rows)
{
    odd_status status = ODD_OK;
    struct measure_cells c = {.rows = rows};
    TRY(measure_cells(m, &c));
    const int64_t worst = measure_worst(m, &c), cells[2] = {c.grid.width, c.grid.height};
    if (worst < 0) {
        status = oddi_fail(m->ctx, ODD_EINVAL, "the picture covers no cell of the expert's grid");
        goto out;
    }
    m->component[BANK_MAX] = (double)c.distance[worst];
    TRY(measure_reweighted(m, &c, worst, &m->component[BANK_REWEIGHTED]));
    TRY(oddi_maps_from_cells(m, c.distance, cells, oddi_values_float(m->values, "sigma"), 224.0));
    m->component[BANK_SMOOTH] = measure_smooth(m);
out:
    oddi_free(m->ctx, c.distance);
    oddi_free(m->ctx, c.nearest);
    return status;
}

odd_status oddi_bank_measure(const struct oddi_measure *m)
{
    const struct oddi_feature_grid grid = oddi_features_grid(m->build);
    float *rows =
        oddi_alloc_array(m->ctx, (size_t)(grid.height * grid.width * grid.dim), sizeof(float));
    if (!rows)
        return ODD_ENOMEM;
    odd_status status = oddi_bank_rows(m, rows);
    if (status == ODD_OK)
        status = oddi_bank_rescore(m, rows);
    oddi_free(m->ctx, rows);
    return status;
}
