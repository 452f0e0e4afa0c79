/* SPDX-License-Identifier: Apache-2.0
 * Deriving a calibration from its scores (calibration.h). */
#include "engine/calibration.h"

#include <stdlib.h>

static int calibration_order(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

void oddi_sort_doubles(double *values, size_t count)
{
    qsort(values, count, sizeof(*values), calibration_order);
}

odd_status oddi_calibrate(struct odd_context *ctx, const struct oddi_stored_calibration *stored,
                          double typical, struct oddi_calibration *c)
{
    odd_status status = ODD_OK;
    struct oddi_calibration made = {.n = (uint64_t)stored->score_count};
    const size_t n = (size_t)stored->score_count, maxima = (size_t)stored->maximum_count;
    TRY(oddi_calibrate_threshold(ctx, stored->scores, n, &made.threshold));
    TRY(oddi_normalizer_init(ctx, stored->scores, n, made.threshold, &made.normalizer));
    TRY(oddi_calibrate_threshold(ctx, stored->maxima, maxima, &made.map_threshold));
    TRY(oddi_overlay_scale(ctx, stored->maxima, maxima, typical, &made.heat_lo, &made.heat_hi));
    *c = made;
out:
    return status;
}

double oddi_calibration_normalize(const struct oddi_calibration *c, double score)
{
    return oddi_normalize(&c->normalizer, score);
}
