/* SPDX-License-Identifier: Apache-2.0
 *
 * Random projection (project.h): out = rows W, W of dim x to. The matrix is drawn one output after
 * the other, each from a stream of its own, and kept in slabs of KNN_COLUMNS outputs, which the
 * kernel reads in order. Sums run over the inputs in rising order, in float and unfused.
 */
#include "knn/project.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/parallel.h"
#include "base/rng.h"
#include "knn/knn_int.h"

#define PROJECT_ROWS 64 /* of a task */

struct project_work {
    const struct oddi_project_args *a;
    const struct knn_kernels *kernels;
    int64_t slabs;
    float *w; /* slabs x dim x KNN_COLUMNS; zeros beyond `to` */
    float *out;
};

/* One number of the sparse kind, times the square root of `to`. */
static double project_sparse(struct oddi_rng *rng, double s)
{
    const double u = ((double)oddi_rng_u32(rng) + 0.5) * 0x1p-32 * 2.0 * s;
    return u < 1.0 ? sqrt(s) : u < 2.0 ? -sqrt(s) : 0.0;
}
static void project_draw(void *arg, int64_t j)
{
    struct project_work *p = arg;
    const struct oddi_project_args *a = p->a;
    const double scale = 1.0 / sqrt((double)a->to), s = sqrt((double)a->dim);
    float *w = p->w + j / KNN_COLUMNS * a->dim * KNN_COLUMNS + j % KNN_COLUMNS;
    struct oddi_rng rng;
    oddi_rng_init(&rng, a->seed, ODDI_RNG_INIT, oddi_hash_text("projection"), (uint64_t)j);
    for (int64_t k = 0; k < a->dim; k++) {
        const double x = a->kind == ODDI_PROJECT_SPARSE ? project_sparse(&rng, s)
                                                        : (double)oddi_rng_normal(&rng);
        w[k * KNN_COLUMNS] = (float)(scale * x);
    }
}
static void project_rows(void *arg, int64_t task)
{
    const struct project_work *p = arg;
    const struct oddi_project_args *a = p->a;
    const int64_t from = task * PROJECT_ROWS, count = knn_min(PROJECT_ROWS, a->count - from);
    float out[PROJECT_ROWS * KNN_COLUMNS];
    for (int64_t slab = 0; slab < p->slabs; slab++) {
        const int64_t first = slab * KNN_COLUMNS, n = knn_min(KNN_COLUMNS, a->to - first);
        const struct knn_product product = {.rows = a->rows + from * a->dim,
                                            .w = p->w + slab * a->dim * KNN_COLUMNS,
                                            .count = count,
                                            .dim = a->dim,
                                            .out = out};
        p->kernels->product(&product);
        for (int64_t i = 0; i < count; i++)
            memcpy(p->out + (from + i) * a->to + first, out + i * KNN_COLUMNS,
                   (size_t)n * sizeof(float));
    }
}

odd_status oddi_project(struct odd_context *ctx, const struct oddi_project_args *a, float *out)
{
    odd_status status = ODD_OK;
    struct project_work p = {.a = a, .kernels = oddi_knn_kernels(), .out = out};
    if (a->count < 1 || a->dim < 1 || a->dim > ODDI_KNN_DIM_MAX || a->to < 1 ||
        a->to > ODDI_KNN_DIM_MAX)
        return oddi_fail(
            ctx, ODD_EINVAL, "a projection of %lld rows from %lld to %lld numbers (at most %d)",
            (long long)a->count, (long long)a->dim, (long long)a->to, ODDI_KNN_DIM_MAX);
    TRY(oddi_knn_finite(ctx, "row", 0, a->rows, a->count, a->dim));
    p.slabs = knn_ceil(a->to, KNN_COLUMNS);
    p.w = oddi_alloc_aligned(ctx, (size_t)(p.slabs * a->dim * KNN_COLUMNS) * sizeof(float));
    if (!p.w)
        return ODD_ENOMEM;
    oddi_parallel(a->threads, a->to, project_draw, &p);
    oddi_parallel(a->threads, knn_ceil(a->count, PROJECT_ROWS), project_rows, &p);
out:
    oddi_free_aligned(ctx, p.w);
    return status;
}
