/* SPDX-License-Identifier: Apache-2.0
 *
 * Smoothing a score map, and one number for it. Sums in double, in a fixed order: the same bits
 * whatever the number of threads.
 */
#ifndef ODDI_SCORE_MAP_H
#define ODDI_SCORE_MAP_H
#include "base/ctx.h"

struct oddi_smoothing {
    double sigma;
    int radius;
};
/* A Gaussian of standard deviation `sigma` pixels, cut at `radius` pixels (DAAD's maps: 4 and 8)
 * and scaled to sum 1. Beyond the edges the map is mirrored with its edge pixels doubled
 * (c b a | a b c), as often as a radius beyond the map's size needs: a constant stays constant,
 * and the sum over the map is kept. sigma 0 or radius 0 copies. dst is not src. */
odd_status oddi_map_smooth(struct odd_context *ctx, const float *src, int64_t w, int64_t h,
                              const struct oddi_smoothing *smoothing, float *dst);

/* The following want count >= 1 finite values: else ODD_EINVAL, or ODD_ENUMERIC naming the place
 * of the first that is not finite. */
odd_status oddi_map_mean(struct odd_context *ctx, const float *map, size_t count, double *mean);
odd_status oddi_map_max(struct odd_context *ctx, const float *map, size_t count, double *max);
/* Mean of the k largest values, k = `fraction` of the count, rounded up; fraction in (0, 1]. */
odd_status oddi_map_top_mean(struct odd_context *ctx, const float *map, size_t count,
                             double fraction, double *mean);
#endif
