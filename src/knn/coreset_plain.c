/* SPDX-License-Identifier: Apache-2.0
 * The oracle of coreset.h: every row against every choice. */
#include <math.h>

#include "base/alloc.h"
#include "knn/coreset_int.h"
#include "knn/knn_int.h"

odd_status oddi_coreset_refuse(struct odd_context *ctx, const struct oddi_coreset_args *a)
{
    if (a->count < 1 || a->count > INT32_MAX || a->dim < 1 || a->dim > ODDI_KNN_DIM_MAX ||
        a->want < 1 || a->want > a->count || a->first < 0 || a->first >= a->count)
        return oddi_fail(
            ctx, ODD_EINVAL,
            "a subset of %lld of %lld rows of %lld numbers (at most %d), from row %lld",
            (long long)a->want, (long long)a->count, (long long)a->dim, ODDI_KNN_DIM_MAX,
            (long long)a->first);
    return oddi_knn_finite(ctx, "row", 0, a->rows, a->count, a->dim);
}

/* Chosen rows are at distance -1. */
struct plain_work {
    const struct oddi_coreset_args *a;
    float *least;
    int32_t *nearest; /* NULL: not wanted */
};

/* Takes row `chosen` in as number t; returns the farthest row of those not chosen, -1 for none. */
static int64_t plain_step(const struct plain_work *w, int64_t chosen, int32_t t)
{
    const struct oddi_coreset_args *a = w->a;
    int64_t next = -1;
    w->least[chosen] = -1.0f;
    if (w->nearest)
        w->nearest[chosen] = t;
    for (int64_t i = 0; i < a->count; i++) {
        if (w->least[i] < 0)
            continue;
        const float d = oddi_knn_distance2(a->rows + i * a->dim, a->rows + chosen * a->dim, a->dim);
        if (d < w->least[i]) {
            w->least[i] = d;
            if (w->nearest)
                w->nearest[i] = t;
        }
        if (next < 0 || w->least[i] > w->least[next])
            next = i;
    }
    return next;
}

odd_status oddi_coreset_plain(struct odd_context *ctx, const struct oddi_coreset_args *a,
                              int64_t *chosen, double *radius2)
{
    odd_status status = ODD_OK;
    struct plain_work w = {.a = a, .nearest = a->nearest};
    int64_t next = a->first;
    TRY(oddi_coreset_refuse(ctx, a));
    w.least = oddi_alloc_array(ctx, (size_t)a->count, sizeof(*w.least));
    if (!w.least)
        return ODD_ENOMEM;
    for (int64_t i = 0; i < a->count; i++) {
        w.least[i] = HUGE_VALF;
        if (w.nearest)
            w.nearest[i] = 0; /* of a distance that overflows */
    }
    for (int64_t t = 0; t < a->want; t++) {
        chosen[t] = next;
        next = plain_step(&w, next, (int32_t)t);
        if (a->progress)
            TRY(a->progress(a->user, t + 1, a->want));
    }
    if (radius2)
        *radius2 = next < 0 ? 0.0 : (double)w.least[next];
    for (int64_t i = 0; a->nearest2 && i < a->count; i++)
        a->nearest2[i] = w.least[i] < 0 ? 0.0f : w.least[i];
out:
    oddi_free(ctx, w.least);
    return status;
}
