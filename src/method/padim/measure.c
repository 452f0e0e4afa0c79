/* SPDX-License-Identifier: Apache-2.0
 *
 * Equations (3) to (5) of padim.c for one picture.
 */
#include <math.h>

#include "base/parallel.h"
#include "method/maps.h"
#include "method/padim/padim.h"
#include "score/gaussian.h"

/* A tensor of `cells` rows of floats, all finite; `length` 0: of any number of them up to `most`.
 */
static bool padim_is(const struct oddi_stored *t, int64_t cells, int64_t length, int64_t most)
{
    if (!t || t->type != ODDI_F32 || t->shape.rank != 2 || t->shape.dim[0] != cells)
        return false;
    const int64_t have = t->shape.dim[1];
    return (length > 0 ? have == length : have >= 1 && have <= most) &&
           oddi_all_finite(t->data, (size_t)(cells * have));
}

odd_status oddi_padim_open(struct odd_context *ctx, const struct oddi_build *b,
                           const struct oddi_model_file *file, void **fitted)
{
    const struct oddi_feature_grid grid = oddi_features_grid(b);
    const int64_t cells = grid.height * grid.width;
    const struct oddi_stored *mean = oddi_model_file_find(file, PADIM_MEAN),
                             *factor = oddi_model_file_find(file, PADIM_FACTOR);
    struct padim_fitted k = {.reduce = {.dim = grid.dim}};
    if (!padim_is(mean, cells, 0, grid.dim))
        return oddi_fail(ctx, ODD_EFORMAT, "the model has no proper means of %lld cells",
                         (long long)cells);
    const int64_t d = k.reduce.d = mean->shape.dim[1];
    if (!padim_is(factor, cells, (int64_t)oddi_gaussian_size(d), 0))
        return oddi_fail(ctx, ODD_EFORMAT, "the model has no proper factors of %lld cells",
                         (long long)cells);
    k.mean = mean->data;
    k.factor = factor->data;
    const odd_status status = oddi_padim_reduce_open(ctx, file, &k.reduce);
    if (status != ODD_OK)
        return status;
    struct padim_fitted *made = oddi_alloc_array(ctx, 1, sizeof(*made));
    if (!made)
        return ODD_ENOMEM;
    *made = k;
    *fitted = made;
    return ODD_OK;
}

void oddi_padim_close(struct odd_context *ctx, void *fitted)
{
    oddi_free(ctx, fitted);
}

struct measure_work {
    const struct padim_fitted *fitted;
    int64_t cells;
    float *rows, *distance;
    float *scratch; /* 2 d of each task */
    int tasks;
};

/* (3) of every tasks-th cell from t on. */
static void measure_task(void *arg, int64_t t)
{
    const struct measure_work *w = arg;
    const struct padim_fitted *k = w->fitted;
    const int64_t d = k->reduce.d, size = (int64_t)oddi_gaussian_size(d);
    float *x = w->scratch + t * 2 * d;
    for (int64_t c = t; c < w->cells; c += w->tasks) {
        oddi_padim_reduce(&k->reduce, w->rows + c * k->reduce.dim, x);
        w->distance[c] = (float)sqrt(
            oddi_gaussian_distance2(k->mean + c * d, k->factor + c * size, d, x, x + d));
    }
}

odd_status oddi_padim_measure(const struct oddi_measure *m)
{
    odd_status status = ODD_OK;
    const struct oddi_feature_grid grid = oddi_features_grid(m->build);
    const int64_t cells[2] = {grid.width, grid.height};
    const double sigma = oddi_values_float(m->values, "sigma");
    struct oddi_maps_numbers numbers;
    struct measure_work w = {.fitted = m->fitted, .cells = grid.width * grid.height};
    w.tasks = m->threads > 1 ? m->threads : 1;
    w.rows = oddi_alloc_array(m->ctx, (size_t)(w.cells * grid.dim), sizeof(float));
    w.distance = oddi_alloc_array(m->ctx, (size_t)w.cells, sizeof(float));
    w.scratch = oddi_alloc_array(m->ctx, (size_t)w.tasks, 2 * (size_t)grid.dim * sizeof(float));
    if (!w.rows || !w.distance || !w.scratch) {
        status = ODD_ENOMEM;
        goto out;
    }
    TRY(oddi_cells_rows(m, oddi_values_bool(m->values, "patch-mean"), w.rows));
    oddi_parallel(m->threads, w.tasks, measure_task, &w);
    TRY(oddi_cells_max(m, &grid, w.distance, &m->component[PADIM_MAX]));
    TRY(oddi_maps_from_cells(m, w.distance, cells, sigma, 224));
    TRY(oddi_maps_numbers(m, m->map, 1, &numbers));
    m->component[PADIM_SMOOTH] = numbers.max;
out:
    oddi_free(m->ctx, w.scratch);
    oddi_free(m->ctx, w.distance);
    oddi_free(m->ctx, w.rows);
    return status;
}
