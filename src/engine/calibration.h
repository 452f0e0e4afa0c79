/* SPDX-License-Identifier: Apache-2.0
 *
 * What a list of held-out scores makes of a model: threshold, normalized score, colour scale. It is
 * derived from the stored lists each time, so the lists are the only truth in the file.
 */
#ifndef ODDI_ENGINE_CALIBRATION_H
#define ODDI_ENGINE_CALIBRATION_H
#include "score/calibrate.h"
#include "store/model.h"

struct oddi_calibration {
    uint64_t n;
    double threshold;
    double map_threshold;    /* no held-out normal pixel is above it */
    double heat_lo, heat_hi; /* the colour scale of overlays, the same for all pictures */
    struct oddi_normalizer normalizer;
};
/* `typical` is the usual value of a normal picture's map. */
odd_status oddi_calibrate(struct odd_context *ctx, const struct oddi_stored_calibration *stored,
                          double typical, struct oddi_calibration *c);
double oddi_calibration_normalize(const struct oddi_calibration *c, double score);
/* Rising, in place. */
void oddi_sort_doubles(double *values, size_t count);
#endif
