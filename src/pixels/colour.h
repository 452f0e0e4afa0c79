/* SPDX-License-Identifier: Apache-2.0
 *
 * Heat maps in colours whose lightness grows evenly with the value, so that a map printed in grey
 * or seen by a colour-blind person keeps its order.
 */
#ifndef ODDI_PIXELS_COLOUR_H
#define ODDI_PIXELS_COLOUR_H
#include "pixels/pixels.h"

#define ODDI_COLOURS 256

/* sRGB bytes from dark violet-blue (0) over magenta and orange to bright yellow (255). */
void oddi_colour_table(uint8_t table[ODDI_COLOURS][3]);

struct oddi_heat {
    const float *map; /* row-major */
    int64_t width, height;
    float lo, hi; /* values of the two ends of the scale; put a threshold at (lo + hi) / 2 */
};
/* A u8 RGB picture of the size of `picture`: its grey version under the colours of the map, which
 * is resized if need be. Cold places show more of the picture than hot ones. Map values that are
 * not finite are drawn as `lo`. ODD_EINVAL unless lo < hi. */
odd_status oddi_overlay(struct odd_context *ctx, const struct oddi_picture *picture,
                        const struct oddi_heat *heat, struct oddi_picture **out);
#endif
