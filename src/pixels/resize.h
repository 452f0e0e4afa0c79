/* SPDX-License-Identifier: Apache-2.0
 *
 * Resizing. Bilinear is antialiased: the filter grows with the reduction, so that a small network
 * input is a smooth picture of the large original and not a sampling of it. It is the only
 * bilinear in Oddity; training, scoring, maps and deployment all come through here. Bicubic is for
 * published networks that were trained with it.
 */
#ifndef ODDI_PIXELS_RESIZE_H
#define ODDI_PIXELS_RESIZE_H
#include "pixels/pixels.h"

struct oddi_rect {
    int64_t x, y, width, height;
};

/* Antialiased bilinear (Pillow's BILINEAR). The same size gives the same bits. */
odd_status oddi_planes_resize(struct odd_context *ctx, const struct oddi_planes *src,
                              int64_t width, int64_t height, struct oddi_planes *out);
/* The same from rectangle `from` of a picture (NULL: all) into rectangle `into` of planes that
 * are there already, without a float copy of the picture. Rectangles must lie inside. */
odd_status oddi_picture_resize_into(struct odd_context *ctx, const struct oddi_picture *src,
                                    const struct oddi_rect *from, const struct oddi_rect *into,
                                    struct oddi_planes *dst);
/* The same with Keys' cubic, a = -1/2 (Pillow's BICUBIC). u8 and u16 pictures stay in [0, 1]; f32
 * pictures overshoot at edges. */
odd_status oddi_picture_resize_cubic(struct odd_context *ctx, const struct oddi_picture *src,
                                     const struct oddi_rect *from, const struct oddi_rect *into,
                                     struct oddi_planes *dst);
/* The bilinear from planes to planes; equal numbers of bands, the two not the same memory. */
odd_status oddi_planes_resize_into(struct odd_context *ctx, const struct oddi_planes *src,
                                   const struct oddi_rect *from, const struct oddi_rect *into,
                                   struct oddi_planes *dst);
/* Nearest neighbour, for masks and labels: source pixel floor((x + 0.5) * source / target). */
odd_status oddi_picture_resize_nearest(struct odd_context *ctx, const struct oddi_picture *src,
                                       int64_t width, int64_t height, struct oddi_picture **out);
#endif
