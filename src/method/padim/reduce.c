/* SPDX-License-Identifier: Apache-2.0
 *
 * Which numbers of a cell's row the Gaussians are over.
 *
 * The subset of the channels is drawn once for all cells. The axes (reduce=svd) are the leading
 * right singular vectors of the centred rows of some thousand cells, as many of each picture, drawn
 * from (seed, picture): eigenvectors of their covariance, so that only that is ever held.
 */
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "method/padim/padim.h"
#include "method/pool.h"
#include "score/eigen.h"
#include "score/gaussian.h"

#define REDUCE_ROWS 20000 /* that the axes are found from */
enum { REDUCE_STREAM_CHANNEL = 1, REDUCE_STREAM_CELLS };

void oddi_padim_reduce(const struct padim_reduce *r, const float *row, float *to)
{
    float *restrict y = to;
    if (r->channel) {
        for (int64_t i = 0; i < r->d; i++)
            y[i] = row[r->channel[i]];
        return;
    }
    if (!r->basis) {
        memcpy(y, row, (size_t)r->d * sizeof(float));
        return;
    }
    memset(y, 0, (size_t)r->d * sizeof(float));
    for (int64_t c = 0; c < r->dim; c++) {
        const float x = row[c];
        const float *restrict axis = r->basis + c * r->d;
        for (int64_t i = 0; i < r->d; i++)
            y[i] += x * axis[i];
    }
}

/* ---- subset -------------------------------------------------------------------------------- */

static int reduce_rising(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static odd_status reduce_draw(struct oddi_fitting *f, struct padim_reduce *r, void **drawn)
{
    struct oddi_rng rng;
    uint32_t *order = oddi_alloc_array(f->ctx, (size_t)r->dim, sizeof(*order));
    int64_t *channel = oddi_alloc_array(f->ctx, (size_t)r->d, sizeof(*channel));
    if (!order || !channel) {
        oddi_free(f->ctx, order);
        oddi_free(f->ctx, channel);
        return ODD_ENOMEM;
    }
    oddi_rng_init(&rng, f->seed, ODDI_RNG_SEEDING, REDUCE_STREAM_CHANNEL, 0);
    oddi_rng_permutation(&rng, (size_t)r->dim, order);
    for (int64_t i = 0; i < r->d; i++)
        channel[i] = order[i];
    qsort(channel, (size_t)r->d, sizeof(*channel), reduce_rising);
    oddi_free(f->ctx, order);
    r->channel = *drawn = channel;
    return ODD_OK;
}

/* ---- axes ---------------------------------------------------------------------------------- */

struct reduce_work {
    struct oddi_pool pool;
    int64_t cells;
    bool smooth;
};

static odd_status reduce_take(void *user, int64_t i, const struct oddi_measure *m)
{
    const struct reduce_work *w = user;
    odd_status status = ODD_OK;
    struct oddi_rng rng;
    const size_t row = (size_t)w->pool.dim;
    float *rows = oddi_alloc_array(m->ctx, (size_t)w->cells, row * sizeof(float));
    uint32_t *order = oddi_alloc_array(m->ctx, (size_t)w->cells, sizeof(*order));
    if (!rows || !order) {
        status = ODD_ENOMEM;
        goto out;
    }
    TRY(oddi_cells_rows(m, w->smooth, rows));
    oddi_rng_init(&rng, w->pool.f->seed, ODDI_RNG_SEEDING, REDUCE_STREAM_CELLS, (uint64_t)i);
    oddi_rng_permutation(&rng, (size_t)w->cells, order);
    float *to = oddi_pool_place(&w->pool, i, w->pool.room);
    for (int64_t k = 0; to && k < w->pool.room; k++)
        memcpy(to + (size_t)k * row, rows + order[k] * row, row * sizeof(float));
out:
    oddi_free(m->ctx, order);
    oddi_free(m->ctx, rows);
    return status;
}

/* The d leading axes of the pool, transposed. */
static odd_status reduce_axes(const struct oddi_pool *p, int64_t d, float *basis)
{
    struct odd_context *ctx = p->f->ctx;
    const int64_t dim = p->dim;
    odd_status status = ODD_OK;
    double *value = NULL, *vector = NULL;
    struct oddi_scatter m;
    TRY(oddi_scatter_init(ctx, dim, &m));
    value = oddi_alloc_array(ctx, (size_t)dim, sizeof(double));
    vector = oddi_alloc_array(ctx, (size_t)dim * (size_t)dim, sizeof(double));
    if (!value || !vector) {
        status = ODD_ENOMEM;
        goto out;
    }
    TRY(oddi_scatter_many(ctx, &m, p->rows, p->count, p->f->threads));
    oddi_scatter_mirror(&m);
    TRY(oddi_eigen_symmetric(ctx, m.scatter, dim, value, vector));
    for (int64_t c = 0; c < dim; c++)
        for (int64_t i = 0; i < d; i++)
            basis[c * d + i] = (float)vector[i * dim + c];
out:
    oddi_free(ctx, vector);
    oddi_free(ctx, value);
    oddi_scatter_release(ctx, &m);
    return status;
}

static odd_status reduce_svd(struct oddi_fitting *f, struct padim_reduce *r, void **drawn)
{
    const struct oddi_feature_grid grid = oddi_features_grid(f->build);
    struct reduce_work w = {.cells = grid.height * grid.width};
    const int64_t row = grid.dim * (int64_t)sizeof(float);
    const int64_t fit = (oddi_values_int(f->values, "pool-mib") << 20) / row / f->pictures;
    odd_status status = ODD_OK;
    float *basis = NULL;
    int64_t room = (REDUCE_ROWS + f->pictures - 1) / f->pictures;
    room = room < w.cells ? room : w.cells;
    room = room < fit ? room : fit;
    w.smooth = oddi_values_bool(f->values, "patch-mean");
    if (room < 1)
        return oddi_fail(f->ctx, ODD_ECONFIG,
                         "pool-mib=%lld is less than one cell of each of %lld pictures",
                         (long long)oddi_values_int(f->values, "pool-mib"), (long long)f->pictures);
    TRY(oddi_pool_init(&w.pool, f, &(struct oddi_pool_size){grid.dim, room, 0, false}));
    basis = oddi_alloc_array(f->ctx, (size_t)r->dim * (size_t)r->d, sizeof(float));
    if (!basis) {
        status = ODD_ENOMEM;
        goto out;
    }
    const struct oddi_fit_pass pass = {"axes", reduce_take, &w};
    TRY(f->each(f->engine, &pass));
    oddi_pool_close(&w.pool);
    TRY(reduce_axes(&w.pool, r->d, basis));
    r->basis = *drawn = basis;
    basis = NULL;
out:
    oddi_free(f->ctx, basis);
    oddi_pool_release(&w.pool);
    return status;
}

/* ---- all three ----------------------------------------------------------------------------- */

odd_status oddi_padim_reduce_learn(struct oddi_fitting *f, struct padim_reduce *r, void **drawn)
{
    const int64_t wanted = oddi_values_int(f->values, "features");
    *r = (struct padim_reduce){.dim = oddi_features_grid(f->build).dim};
    r->d = r->dim;
    if (oddi_values_is(f->values, "reduce", "none"))
        return ODD_OK;
    r->d = wanted < r->dim ? wanted : r->dim;
    return oddi_values_is(f->values, "reduce", "svd") ? reduce_svd(f, r, drawn)
                                                      : reduce_draw(f, r, drawn);
}

odd_status oddi_padim_reduce_keep(struct oddi_fitting *f, const struct padim_reduce *r)
{
    const struct oddi_shape one = oddi_shape_make(1, r->d, 1, 1, 1),
                            two = oddi_shape_make(2, r->dim, r->d, 1, 1);
    if (r->channel)
        return oddi_model_file_add_copy(f->keep, PADIM_CHANNEL, ODDI_I64, &one, r->channel);
    if (r->basis)
        return oddi_model_file_add_copy(f->keep, PADIM_BASIS, ODDI_F32, &two, r->basis);
    return ODD_OK;
}

static bool reduce_channels(const struct oddi_stored *t, const struct padim_reduce *r)
{
    if (t->type != ODDI_I64 || t->shape.rank != 1 || t->shape.dim[0] != r->d)
        return false;
    const int64_t *channel = t->data;
    for (int64_t i = 0; i < r->d; i++)
        if (channel[i] < 0 || channel[i] >= r->dim)
            return false;
    return true;
}

static bool reduce_basis(const struct oddi_stored *t, const struct padim_reduce *r)
{
    return t->type == ODDI_F32 && t->shape.rank == 2 && t->shape.dim[0] == r->dim &&
           t->shape.dim[1] == r->d && oddi_all_finite(t->data, (size_t)(r->dim * r->d));
}

odd_status oddi_padim_reduce_open(struct odd_context *ctx, const struct oddi_model_file *file,
                                  struct padim_reduce *r)
{
    const struct oddi_stored *channel = oddi_model_file_find(file, PADIM_CHANNEL),
                             *basis = oddi_model_file_find(file, PADIM_BASIS);
    bool good = channel ? !basis : basis || r->d == r->dim;
    if (channel) {
        r->channel = channel->data;
        good = good && reduce_channels(channel, r);
    } else if (basis) {
        r->basis = basis->data;
        good = good && reduce_basis(basis, r);
    }
    return good ? ODD_OK
                : oddi_fail(ctx, ODD_EFORMAT,
                            "the model does not say properly which %lld of %lld numbers it uses",
                            (long long)r->d, (long long)r->dim);
}
