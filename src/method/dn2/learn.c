/* SPDX-License-Identifier: Apache-2.0
 *
 * The rows of the normal pictures (1); of a tiled picture, one of each tile. How strange each
 * normal picture is beside the others is the score (2) that it would have if it were not among
 * them.
 */
#include <math.h>
#include <string.h>

#include "method/dn2/dn2.h"
#include "method/pool.h"

odd_status oddi_dn2_mean(const struct oddi_measure *m, const float *cells, float *mean)
{
    const struct oddi_feature_grid grid = oddi_features_grid(m->build);
    const int64_t count = grid.height * grid.width;
    double *sum = oddi_calloc(m->ctx, (size_t)grid.dim, sizeof(*sum));
    int64_t inside = 0;
    if (!sum)
        return ODD_ENOMEM;
    for (int64_t i = 0; i < count; i++) {
        if (!oddi_cell_inside(m, &grid, i))
            continue;
        inside++;
        for (int64_t j = 0; j < grid.dim; j++)
            sum[j] += (double)cells[i * grid.dim + j];
    }
    for (int64_t j = 0; j < grid.dim && inside > 0; j++)
        mean[j] = (float)(sum[j] / (double)inside);
    oddi_free(m->ctx, sum);
    return inside > 0
               ? ODD_OK
               : oddi_fail(m->ctx, ODD_EINVAL, "the picture covers no cell of the expert's grid");
}

static odd_status learn_take(void *user, int64_t i, const struct oddi_measure *m)
{
    const struct oddi_pool *p = user;
    const struct oddi_feature_grid grid = oddi_features_grid(m->build);
    float *cells = oddi_alloc_array(m->ctx, (size_t)(grid.height * grid.width),
                                    (size_t)grid.dim * sizeof(float));
    if (!cells)
        return ODD_ENOMEM;
    odd_status status = oddi_cells_rows(m, false, cells);
    float *to = status == ODD_OK ? oddi_pool_place(p, i, 1) : NULL;
    if (to)
        status = oddi_dn2_mean(m, cells, to);
    oddi_free(m->ctx, cells);
    return status;
}

/* Of pictures without tiles: of a tile's neighbours many may be of its own picture. */
static odd_status learn_strange(const struct oddi_pool *p)
{
    struct oddi_fitting *f = p->f;
    odd_status status = ODD_OK;
    struct oddi_knn *knn = NULL;
    const int64_t wanted = oddi_values_int(f->values, "neighbours");
    const int k = (int)(wanted < p->count - 1 ? wanted : p->count - 1);
    if (k < 1)
        return ODD_OK;
    float *distance = oddi_alloc_array(f->ctx, (size_t)p->count, (size_t)(k + 1) * sizeof(float));
    int64_t *near = oddi_alloc_array(f->ctx, (size_t)p->count, (size_t)(k + 1) * sizeof(*near));
    if (!distance || !near) {
        status = ODD_ENOMEM;
        goto out;
    }
    TRY(oddi_knn_new(f->ctx, p->rows, p->count, p->dim, &knn));
    const struct oddi_knn_query query = {p->rows, p->count, k + 1, f->threads};
    TRY(oddi_knn_search(f->ctx, knn, &query, distance, near));
    for (int64_t i = 0; i < p->count; i++) {
        double sum = 0;
        int used = 0;
        for (int j = 0; j <= k && used < k; j++) {
            if (near[i * (k + 1) + j] == i)
                continue;
            sum += sqrt((double)distance[i * (k + 1) + j]);
            used++;
        }
        f->strange[i] = sum / k;
    }
out:
    oddi_knn_free(knn);
    oddi_free(f->ctx, near);
    oddi_free(f->ctx, distance);
    return status;
}

odd_status oddi_dn2_fit(struct oddi_fitting *f)
{
    odd_status status = ODD_OK;
    struct oddi_pool p = {.f = NULL};
    const struct oddi_fit_pass pass = {"features", learn_take, &p};
    TRY(oddi_pool_init(
        &p, f, &(struct oddi_pool_size){oddi_features_grid(f->build).dim, f->tiles, 0, false}));
    TRY(f->each(f->engine, &pass));
    oddi_pool_close(&p);
    if (f->tiles == 1)
        TRY(learn_strange(&p));
    const struct oddi_shape shape = oddi_shape_make(2, p.count, p.dim, 1, 1);
    TRY(oddi_model_file_add_copy(f->keep, DN2_ROWS, ODDI_F32, &shape, p.rows));
out:
    oddi_pool_release(&p);
    return status;
}
