/* SPDX-License-Identifier: Apache-2.0
 *
 * Pixel-level metrics over a set of score maps and masks: exact, all pixels of all pictures
 * pooled (normal pictures included), in bounded memory. Maps are added one by one; what does not
 * fit the budget goes to a temporary file of 4 bytes per normal and 8 per anomalous pixel.
 *
 * Invariants: results do not depend on the order of the pictures or on the budget, bit for bit.
 * A number without a meaning is NaN: no anomalous pixel at all, or no normal one.
 */
#ifndef ODDI_SCORE_PIXEL_H
#define ODDI_SCORE_PIXEL_H
#include "base/ctx.h"

enum { ODDI_PIXELS_LIMITS = 4 };

struct oddi_pixels_options {
    size_t budget;          /* bytes; at least 128 KiB is taken. Labelling a mask comes on top */
    const char *folder;     /* for the temporary file */
    double threshold;       /* of Dice: map > threshold is anomalous; NaN for none */
    int connectivity;       /* of regions: 8; 4 only to compare with tools that take it */
    int limits;             /* how many of `limit` */
    double limit[ODDI_PIXELS_LIMITS]; /* false-positive rates that AUPRO goes up to, in (0, 1] */
};
/* 256 MiB, "/var/tmp", no threshold, 8, limits 0.3 and 0.05. */
void oddi_pixels_defaults(struct oddi_pixels_options *options);

struct oddi_pixel_metrics {
    uint64_t pictures, n_normal, n_anomalous; /* the last two in pixels */
    uint64_t regions;
    double auroc, ap;
    double f1max, f1max_threshold; /* oracle; score >= threshold */
    double dice, dice_threshold;   /* score > threshold */
    double aupro[ODDI_PIXELS_LIMITS];
    double limit[ODDI_PIXELS_LIMITS];
    int limits;
};

struct oddi_pixels;
/* `options` is copied. */
odd_status oddi_pixels_new(struct odd_context *ctx, const struct oddi_pixels_options *options,
                           struct oddi_pixels **pixels);
/* A map of w x h < 2^31 pixels and its mask (not 0: anomalous; NULL for a normal picture, never
 * for one whose mask is missing). `name` (may be NULL) stands in messages. A value that is not
 * finite is ODD_ENUMERIC and, like any refused picture, leaves the set as it was; after a failure
 * of I/O or memory in this call only `_free` is left. At most 2^32 - 1 pixels in all. */
odd_status oddi_pixels_add(struct oddi_pixels *pixels, const char *name, const float *map,
                           const uint8_t *mask, int64_t w, int64_t h);
/* Once, at the end; then only `_free` is left. */
odd_status oddi_pixels_finish(struct oddi_pixels *pixels, struct oddi_pixel_metrics *metrics);
void oddi_pixels_free(struct oddi_pixels *pixels);
#endif
