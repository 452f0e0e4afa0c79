/* SPDX-License-Identifier: Apache-2.0
 *
 * Equations (1) to (3) of dn2.c for one picture.
 */
#include <math.h>
#include <string.h>

#include "method/dn2/dn2.h"
#include "method/maps.h"
#include "score/gaussian.h"

struct dn2_fitted {
    struct oddi_knn *knn;
    const float *rows; /* the model file's */
    int64_t count, dim;
};

odd_status oddi_dn2_open(struct odd_context *ctx, const struct oddi_build *b,
                         const struct oddi_model_file *file, void **fitted)
{
    const int64_t dim = oddi_features_grid(b).dim;
    const struct oddi_stored *rows = oddi_model_file_find(file, DN2_ROWS);
    if (!rows || rows->type != ODDI_F32 || rows->shape.rank != 2 || rows->shape.dim[0] < 1 ||
        rows->shape.dim[1] != dim ||
        !oddi_all_finite(rows->data, (size_t)oddi_shape_count(&rows->shape)))
        return oddi_fail(ctx, ODD_EFORMAT, "the model has no proper rows of %lld numbers",
                         (long long)dim);
    struct dn2_fitted *k = oddi_calloc(ctx, 1, sizeof(*k));
    if (!k)
        return ODD_ENOMEM;
    *k = (struct dn2_fitted){NULL, rows->data, rows->shape.dim[0], dim};
    const odd_status status = oddi_knn_new(ctx, k->rows, k->count, dim, &k->knn);
    if (status == ODD_OK)
        *fitted = k;
    else
        oddi_free(ctx, k);
    return status;
}

void oddi_dn2_close(struct odd_context *ctx, void *fitted)
{
    struct dn2_fitted *k = fitted;
    if (!k)
        return;
    oddi_knn_free(k->knn);
    oddi_free(ctx, k);
}

struct measure_rows {
    struct oddi_feature_grid grid;
    int64_t count;
    float *cells, *mean, *map; /* count * dim, dim, count */
};

/* Adds the neighbour's part of (3) to each cell, and returns |f - g|. */
static double measure_neighbour(const struct measure_rows *r, const float *g, double share)
{
    double square = 0;
    for (int64_t j = 0; j < r->grid.dim; j++)
        square += ((double)r->mean[j] - (double)g[j]) * ((double)r->mean[j] - (double)g[j]);
    const double distance = sqrt(square);
    for (int64_t i = 0; i < r->count && distance > 0; i++) {
        double dot = 0;
        for (int64_t j = 0; j < r->grid.dim; j++)
            dot += ((double)r->cells[i * r->grid.dim + j] - (double)g[j]) *
                   ((double)r->mean[j] - (double)g[j]);
        r->map[i] += (float)(share * dot / distance);
    }
    return distance;
}

static odd_status measure_near(const struct oddi_measure *m, const struct measure_rows *r)
{
    const struct dn2_fitted *k = m->fitted;
    const int64_t wanted = oddi_values_int(m->values, "neighbours");
    const int n = (int)(wanted < k->count ? wanted : k->count);
    float distance[ODDI_KNN_MAX];
    int64_t near[ODDI_KNN_MAX];
    double sum = 0, squared = 0;
    const struct oddi_knn_query query = {r->mean, 1, n, m->threads};
    odd_status status = oddi_knn_search(m->ctx, k->knn, &query, distance, near);
    for (int j = 0; j < n && status == ODD_OK; j++) {
        const double d = measure_neighbour(r, k->rows + near[j] * k->dim, 1.0 / n);
        sum += d / n;
        squared += d * d / n;
    }
    m->component[DN2_DISTANCE] = sum;
    m->component[DN2_SQUARED] = squared;
    if (status == ODD_OK && !(isfinite(sum) && isfinite(squared)))
        status = oddi_fail(m->ctx, ODD_ENUMERIC, "the distances are not finite");
    return status;
}

odd_status oddi_dn2_measure(const struct oddi_measure *m)
{
    odd_status status = ODD_OK;
    struct measure_rows r = {.grid = oddi_features_grid(m->build)};
    const int64_t cells[2] = {r.grid.width, r.grid.height};
    r.count = r.grid.height * r.grid.width;
    r.cells = oddi_alloc_array(m->ctx, (size_t)r.count, (size_t)r.grid.dim * sizeof(float));
    r.mean = oddi_alloc_array(m->ctx, (size_t)r.grid.dim, sizeof(float));
    r.map = oddi_calloc(m->ctx, (size_t)r.count, sizeof(float));
    if (!r.cells || !r.mean || !r.map) {
        status = ODD_ENOMEM;
        goto out;
    }
    TRY(oddi_cells_rows(m, false, r.cells));
    TRY(oddi_dn2_mean(m, r.cells, r.mean));
    TRY(measure_near(m, &r));
    TRY(oddi_maps_from_cells(m, r.map, cells, oddi_values_float(m->values, "sigma"), 224));
out:
    oddi_free(m->ctx, r.map);
    oddi_free(m->ctx, r.mean);
    oddi_free(m->ctx, r.cells);
    return status;
}
