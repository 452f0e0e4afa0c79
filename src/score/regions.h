/* SPDX-License-Identifier: Apache-2.0
 *
 * Connected regions of a mask, as horizontal runs: memory grows with the mask's outline, not with
 * the picture.
 */
#ifndef ODDI_SCORE_REGIONS_H
#define ODDI_SCORE_REGIONS_H
#include "base/ctx.h"

struct oddi_region_run {
    uint32_t y, x, end;   /* pixels x .. end - 1 of row y */
    uint32_t region;
};
struct oddi_regions {
    struct oddi_region_run *run;    /* in reading order */
    size_t runs;
    uint32_t *area;                 /* pixels per region */
    size_t count;                   /* regions, numbered by their first pixel in reading order */
};
/* Pixels of the mask (w x h, row-major, w h < 2^31) that are not 0; `connectivity` 4 or 8. */
odd_status oddi_regions_init(struct odd_context *ctx, const uint8_t *mask, int64_t w, int64_t h,
                             int connectivity, struct oddi_regions *regions);
void oddi_regions_release(struct odd_context *ctx, struct oddi_regions *regions);
#endif
