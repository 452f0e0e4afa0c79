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
/* The q-quantile, q in [0, 1], linearly interpolated between the two nearest ranks. */
odd_status oddi_map_quantile(struct odd_context *ctx, const float *map, size_t count, double q,
                             double *value);

/* Adds a small map (cells[0] columns, cells[1] rows) brought to w x h by bilinear interpolation
 * between the centres of its cells; beyond the outermost centres the value stays. */
void oddi_map_add_upsampled(const float *cell, const int64_t cells[2], float *map, int64_t w,
                            int64_t h);
/* Grey opening by a plus of 3 x 3, in place: what is narrower vanishes. Pixels outside neither
 * erode nor dilate. `scratch` has w * h floats. */
void oddi_map_open(float *map, int64_t w, int64_t h, float *scratch);
#endif
