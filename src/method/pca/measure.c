/* SPDX-License-Identifier: Apache-2.0
 *
 * Equations (1) and (2) of pca.c for one picture: row by row of the patches' middles, a number of
 * the patch after the other, so that the innermost loops run along the picture's rows.
 */
#include <math.h>
#include <string.h>

#include "base/parallel.h"
#include "method/maps.h"
#include "method/pca/pca.h"
#include "score/gaussian.h"

struct pca_fitted {
    const float *mean, *basis; /* the model file's */
    int64_t count;             /* K */
};

odd_status oddi_pca_open(struct odd_context *ctx, const struct oddi_build *b,
                         const struct oddi_model_file *file, void **fitted)
{
    const int64_t dim = oddi_pca_dim(b->values, &b->in);
    const struct oddi_stored *mean = oddi_model_file_find(file, PCA_MEAN),
                             *basis = oddi_model_file_find(file, PCA_BASIS);
    const bool good = mean && mean->type == ODDI_F32 && mean->shape.rank == 1 &&
                      mean->shape.dim[0] == dim && basis && basis->type == ODDI_F32 &&
                      basis->shape.rank == 2 && basis->shape.dim[0] >= 1 &&
                      basis->shape.dim[0] <= dim && basis->shape.dim[1] == dim;
    if (!good || !oddi_all_finite(mean->data, (size_t)dim) ||
        !oddi_all_finite(basis->data, (size_t)(basis->shape.dim[0] * dim)))
        return oddi_fail(ctx, ODD_EFORMAT, "the model has no proper axes of %lld numbers",
                         (long long)dim);
    struct pca_fitted *k = oddi_alloc_array(ctx, 1, sizeof(*k));
    if (!k)
        return ODD_ENOMEM;
    *k = (struct pca_fitted){mean->data, basis->data, basis->shape.dim[0]};
    *fitted = k;
    return ODD_OK;
}

void oddi_pca_close(struct odd_context *ctx, void *fitted)
{
    oddi_free(ctx, fitted);
}

struct measure_work {
    const struct oddi_measure *m;
    const struct pca_fitted *fitted;
    int64_t side, wide, high; /* of a patch; number of middles */
    float *scratch;           /* (K + 2) * wide of each task */
    int tasks;
};

/* Number d of the patches of one row, less its mean: into `t`, its square into `energy`, and its
 * share of every axis. */
static void measure_number(const struct measure_work *w, const float *from, int64_t d, float *room)
{
    const int64_t wide = w->wide, count = w->fitted->count, side = w->side;
    const int64_t dim = w->m->in.channels * side * side;
    const float mean = w->fitted->mean[d];
    float *restrict t = room, *restrict energy = room + wide;
    for (int64_t x = 0; x < wide; x++) {
        t[x] = from[x] - mean;
        energy[x] += t[x] * t[x];
    }
    for (int64_t k = 0; k < count; k++) {
        const float v = w->fitted->basis[k * dim + d];
        float *restrict to = room + (k + 2) * wide;
        for (int64_t x = 0; x < wide; x++)
            to[x] += v * t[x];
    }
}

/* The patches whose first pixels lie in row y of the picture's part. */
static void measure_row(const struct measure_work *w, int64_t y, float *room)
{
    const struct oddi_measure *m = w->m;
    const int64_t side = w->side, wide = w->wide, bands = m->in.channels;
    memset(room, 0, (size_t)((w->fitted->count + 2) * wide) * sizeof(float));
    for (int64_t d = 0; d < bands * side * side; d++) {
        const int64_t b = d / (side * side), v = d / side % side, u = d % side;
        measure_number(w, m->picture + (b * m->in.height + m->y + y + v) * m->in.width + m->x + u,
                       d, room);
    }
    float *restrict rest = room + wide;
    for (int64_t k = 0; k < w->fitted->count; k++) {
        const float *restrict c = room + (k + 2) * wide;
        for (int64_t x = 0; x < wide; x++)
            rest[x] -= c[x] * c[x];
    }
    float *to = m->scratch + (m->y + y + side / 2) * m->in.width + m->x + side / 2;
    for (int64_t x = 0; x < wide; x++) {
        const double r = (double)rest[x] / (double)(bands * side * side);
        to[x] = (float)sqrt(r < 0 ? 0 : r); /* rounding; a NaN stays one */
    }
}

static void measure_task(void *arg, int64_t t)
{
    const struct measure_work *w = arg;
    for (int64_t y = t; y < w->high; y += w->tasks)
        measure_row(w, y, w->scratch + t * (w->fitted->count + 2) * w->wide);
}

/* What no patch has its middle in takes the value of the nearest that one has. */
static void measure_edges(const struct measure_work *w)
{
    const struct oddi_measure *m = w->m;
    const int64_t x0 = m->x + w->side / 2, y0 = m->y + w->side / 2;
    const int64_t x1 = x0 + w->wide - 1, y1 = y0 + w->high - 1;
    for (int64_t y = 0; y < m->in.height; y++)
        for (int64_t x = 0; x < m->in.width; x++) {
            const int64_t u = x < x0 ? x0 : x > x1 ? x1 : x, v = y < y0 ? y0 : y > y1 ? y1 : y;
            if (u != x || v != y)
                m->scratch[y * m->in.width + x] = m->scratch[v * m->in.width + u];
        }
}

odd_status oddi_pca_measure(const struct oddi_measure *m)
{
    odd_status status = ODD_OK;
    struct oddi_maps_numbers raw, smooth;
    struct measure_work w = {.m = m, .fitted = m->fitted};
    w.side = oddi_values_int(m->values, "patch");
    w.wide = m->width - w.side + 1;
    w.high = m->height - w.side + 1;
    w.tasks = m->threads > 1 ? m->threads : 1;
    if (w.wide < 1 || w.high < 1)
        return oddi_fail(m->ctx, ODD_EINVAL, "the picture is smaller than a patch");
    w.scratch = oddi_alloc_array(m->ctx, (size_t)(w.tasks * (w.fitted->count + 2)),
                                 (size_t)w.wide * sizeof(float));
    if (!w.scratch)
        return ODD_ENOMEM;
    oddi_parallel(m->threads, w.tasks, measure_task, &w);
    measure_edges(&w);
    TRY(oddi_maps_numbers(m, m->scratch, 1, &raw));
    TRY(oddi_maps_smooth(m, oddi_values_float(m->values, "sigma"), 224));
    TRY(oddi_maps_numbers(m, m->map, PCA_TOP_SHARE, &smooth));
    m->component[PCA_MAX] = raw.max;
    m->component[PCA_SMOOTH] = smooth.max;
    m->component[PCA_TOP] = smooth.top;
    m->component[PCA_MEAN_OF_MAP] = smooth.mean;
out:
    oddi_free(m->ctx, w.scratch);
    return status;
}
