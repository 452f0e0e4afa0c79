/* SPDX-License-Identifier: Apache-2.0
 *
 * What held-out normal pictures give: the threshold, what their number can promise, the spread of
 * scores, the normalized score, and the fixed scale of overlays. Anomalous pictures are never
 * needed. Everywhere: no value is ODD_ENODATA, one that is not finite ODD_ENUMERIC with its index.
 */
#ifndef ODDI_SCORE_CALIBRATE_H
#define ODDI_SCORE_CALIBRATE_H
#include "base/ctx.h"

/* The largest of the scores; anomalous means score > threshold. */
odd_status oddi_calibrate_threshold(struct odd_context *ctx, const double *score, size_t count,
                                    double *threshold);

/* The false-alarm rate at that threshold, for pictures like the n that gave it. It is a random
 * number, as the n pictures are: distributed as Beta(1, n), or below where scores tie. */
struct oddi_certificate {
    uint64_t n;
    double expected;    /* at most, in the mean over all draws of n pictures: 1 / (n + 1) */
    double bound;       /* at most, with 95 % confidence: 1 - 0.05^(1/n); 1 for n = 0 */
};
void oddi_certify(uint64_t n, struct oddi_certificate *certificate);
/* The same as one sentence, freed with oddi_free. `groups`: n counts groups of pictures that
 * belong together, and the promise is about a group's largest score. */
odd_status oddi_certify_text(struct odd_context *ctx, uint64_t n, bool groups, char **text);

/* Where scores lie and how far they spread, for adding unlike scores: mean and standard deviation
 * (of n - 1) from 20 scores up, below that median and 1.4826 MAD, which one outlier can't move.
 * scale > 0 always: where that is 0, the standard deviation, else |location|, else 1. */
odd_status oddi_location_scale(struct odd_context *ctx, const double *score, size_t count,
                               double *location, double *scale);
/* The middle value; of an even count, the mean of the two. */
odd_status oddi_median(struct odd_context *ctx, const double *score, size_t count, double *median);

/* The normalized score: rising in the raw score s, 0.5 at the threshold t, 0.25 at the median of
 * the calibration scores, 0.75 as far on the other side, within [0, 1] for every finite s. With
 * u = (s - t) / scale it is 0.5 / (1 - u) below and 1 - 0.5 / (1 + u) above. Two raw scores keep
 * their order strictly while they differ by more than 3e-16 (1 + |u|)^2 scale, and by more than
 * their own rounding; beyond, they may become equal, never swap. For people to read: rank, store
 * and compare raw scores. */
struct oddi_normalizer {
    double threshold, scale;
};
/* scale = threshold - median; where that isn't above 0, the scale of oddi_location_scale. */
odd_status oddi_normalizer_init(struct odd_context *ctx, const double *score, size_t count,
                                double threshold, struct oddi_normalizer *normalizer);
double oddi_normalize(const struct oddi_normalizer *normalizer, double score); /* NaN for NaN */

/* The scale lo .. hi of overlays, from the maxima of the calibration pictures' maps. Its middle is
 * the largest of them, which no held-out normal pixel exceeds; lo is `typical`, the usual value of
 * a normal map (NaN: unknown). Where that isn't below the middle: 0 if the middle is above 0, else
 * four scales below the middle. */
odd_status oddi_overlay_scale(struct odd_context *ctx, const double *maximum, size_t count,
                              double typical, double *lo, double *hi);
#endif
