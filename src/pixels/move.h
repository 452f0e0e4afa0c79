/* SPDX-License-Identifier: Apache-2.0
 *
 * Moving pixels about: crop, pad, mirror, quarter turns and free rotation of float planes. All
 * parameters are explicit; whoever augments draws them from base/rng.h. `out` is written on
 * success only and must not be `src`.
 */
#ifndef ODDI_PIXELS_MOVE_H
#define ODDI_PIXELS_MOVE_H
#include "pixels/resize.h"

/* ODD_ESHAPE when `rect` leaves the picture. */
odd_status oddi_planes_crop(struct odd_context *ctx, const struct oddi_planes *src,
                            const struct oddi_rect *rect, struct oddi_planes *out);

struct oddi_border {
    int64_t left, top, right, bottom; /* 0 or more pixels, copies of the nearest edge pixel */
};
odd_status oddi_planes_pad(struct odd_context *ctx, const struct oddi_planes *src,
                           const struct oddi_border *border, struct oddi_planes *out);
/* Fills everything outside of `inner` with copies of inner's nearest pixel, in place. */
void oddi_planes_fill_border(struct oddi_planes *planes, const struct oddi_rect *inner);

/* In place: left and right exchanged, top and bottom exchanged, or both. */
void oddi_planes_flip(struct oddi_planes *planes, bool left_right, bool top_bottom);
/* Quarter turns counter-clockwise; any integer. */
odd_status oddi_planes_rot90(struct odd_context *ctx, const struct oddi_planes *src, int turns,
                             struct oddi_planes *out);
/* Counter-clockwise about the centre on a canvas of the same size, bilinear; where the turned
 * picture does not reach, its edge goes on. Degrees must be finite (ODD_EINVAL). */
odd_status oddi_planes_rotate(struct odd_context *ctx, const struct oddi_planes *src,
                              double degrees, struct oddi_planes *out);
#endif
