/* SPDX-License-Identifier: Apache-2.0
 *
 * Mean and axes of the normal patches. Every picture gives the same number of patches, at places
 * drawn from (seed, picture, tile).
 */
#include <string.h>

#include "base/rng.h"
#include "method/pca/pca.h"
#include "method/pool.h"
#include "score/eigen.h"
#include "score/gaussian.h"

struct learn {
    struct oddi_fitting *f;
    struct oddi_pool pool;
    int64_t side;
};

/* The patch whose first pixel is (x, y). */
static void learn_patch(const struct oddi_measure *m, int64_t side, const int64_t at[2], float *to)
{
    for (int64_t b = 0; b < m->in.channels; b++)
        for (int64_t v = 0; v < side; v++, to += side)
            memcpy(to, m->picture + (b * m->in.height + at[1] + v) * m->in.width + at[0],
                   (size_t)side * sizeof(float));
}

static odd_status learn_take(void *user, int64_t i, const struct oddi_measure *m)
{
    const struct learn *l = user;
    const int64_t wide = m->width - l->side + 1, high = m->height - l->side + 1;
    struct oddi_rng rng;
    if (wide < 1 || high < 1)
        return ODD_OK; /* smaller than a patch: has none to give */
    const int64_t want = oddi_pool_share(&l->pool, m);
    float *to = oddi_pool_place(&l->pool, i, want);
    oddi_rng_init(&rng, l->f->seed, ODDI_RNG_SEEDING, (uint64_t)m->tile, (uint64_t)i);
    for (int64_t k = 0; to && k < want; k++) {
        const int64_t x = m->x + (int64_t)oddi_rng_below(&rng, (uint64_t)wide),
                      y = m->y + (int64_t)oddi_rng_below(&rng, (uint64_t)high);
        learn_patch(m, l->side, (const int64_t[2]){x, y}, to + k * l->pool.dim);
    }
    return ODD_OK;
}

static odd_status learn_pool(struct learn *l)
{
    struct oddi_fitting *f = l->f;
    const int64_t dim = oddi_pca_dim(f->values, &f->in), n = f->pictures;
    const int64_t fit =
        (oddi_values_int(f->values, "pool-mib") << 20) / (dim * (int64_t)sizeof(float)) / n;
    int64_t room = (oddi_values_int(f->values, "patches") + n - 1) / n;
    odd_status status = ODD_OK;
    room = room < fit ? room : fit;
    if (room < 1)
        return oddi_fail(f->ctx, ODD_ECONFIG,
                         "pool-mib=%lld is less than one patch of each of %lld pictures",
                         (long long)oddi_values_int(f->values, "pool-mib"), (long long)n);
    TRY(oddi_pool_init(&l->pool, f, &(struct oddi_pool_size){dim, room, 0, false}));
    const struct oddi_fit_pass pass = {"patches", learn_take, l};
    TRY(f->each(f->engine, &pass));
    oddi_pool_close(&l->pool);
    if (l->pool.count == 0)
        status = oddi_fail(f->ctx, ODD_ENODATA, "no normal picture is as large as a patch");
out:
    return status;
}

/* K. */
static int64_t learn_count(const struct oddi_values *v, const double *value, int64_t dim)
{
    const int64_t given = oddi_values_int(v, "axes");
    double all = 0, sum = 0;
    int64_t count = 0;
    if (given > 0)
        return given < dim ? given : dim;
    for (int64_t i = 0; i < dim; i++)
        all += value[i];
    while (count < dim && (count < 1 || sum < oddi_values_float(v, "variance") * all))
        sum += value[count++];
    return count;
}

static odd_status learn_keep(struct oddi_fitting *f, const double *mean, const double *axes,
                             const int64_t size[2])
{
    const int64_t count = size[0], dim = size[1];
    const struct oddi_shape one = oddi_shape_make(1, dim, 1, 1, 1),
                            two = oddi_shape_make(2, count, dim, 1, 1);
    odd_status status = ODD_OK;
    float *room = oddi_alloc_array(f->ctx, (size_t)(count + 1), (size_t)dim * sizeof(float));
    if (!room)
        return ODD_ENOMEM;
    for (int64_t i = 0; i < dim; i++)
        room[i] = (float)mean[i];
    for (int64_t i = 0; i < count * dim; i++)
        room[dim + i] = (float)axes[i];
    TRY(oddi_model_file_add_copy(f->keep, PCA_MEAN, ODDI_F32, &one, room));
    TRY(oddi_model_file_add_copy(f->keep, PCA_BASIS, ODDI_F32, &two, room + dim));
out:
    oddi_free(f->ctx, room);
    return status;
}

odd_status oddi_pca_fit(struct oddi_fitting *f)
{
    odd_status status = ODD_OK;
    struct learn l = {.f = f, .side = oddi_values_int(f->values, "patch")};
    const int64_t dim = oddi_pca_dim(f->values, &f->in);
    struct oddi_scatter all = {.mean = NULL};
    double *value = NULL, *axes = NULL;
    TRY(learn_pool(&l));
    TRY(oddi_scatter_init(f->ctx, dim, &all));
    value = oddi_alloc_array(f->ctx, (size_t)dim, sizeof(double));
    axes = oddi_alloc_array(f->ctx, (size_t)(dim * dim), sizeof(double));
    if (!value || !axes) {
        status = ODD_ENOMEM;
        goto out;
    }
    TRY(oddi_scatter_many(f->ctx, &all, l.pool.rows, l.pool.count, f->threads));
    oddi_scatter_mirror(&all);
    TRY(oddi_eigen_symmetric(f->ctx, all.scatter, dim, value, axes));
    const int64_t size[2] = {learn_count(f->values, value, dim), dim};
    TRY(learn_keep(f, all.mean, axes, size));
out:
    oddi_free(f->ctx, axes);
    oddi_free(f->ctx, value);
    oddi_scatter_release(f->ctx, &all);
    oddi_pool_release(&l.pool);
    return status;
}
