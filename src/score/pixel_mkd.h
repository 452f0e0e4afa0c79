/* SPDX-License-Identifier: Apache-2.0
 *
 * The pixel AUROC of MKD's authors: not the standard one of pixel.h, and never to be mixed with it.
 * It is computed of defective pictures alone, at 128 x 128, with soft masks (their bilinear
 * reduction, in [0, 1]), on maps opened by a plus of 3 x 3, at 1,000 thresholds:
 *
 *   t_k = k / 1000,  B_k = open(map) >= t_k                      k = 0 .. 999, maps in [0, 1]
 *   TPR_k = sum(B_k mask) / sum(mask),  FPR_k = sum(B_k (1 - mask)) / sum(1 - mask)
 *
 * and the trapezoid over these points: (0, 0) is not one of them, so what lies above 0.999 is lost.
 * Opening a map is opening each of its thresholds.
 *
 * The authors' maps lie in [0, 1]. Where any value of a set lies outside, all are first brought
 * there by the least and the largest value of the set; the thresholds are then met to within 2^-11
 * of a value. Memory does not grow with the pictures. Sums run in the order of adding.
 */
#ifndef ODDI_SCORE_PIXEL_MKD_H
#define ODDI_SCORE_PIXEL_MKD_H
#include "base/ctx.h"

#define ODDI_PIXEL_MKD_SIDE 128

struct oddi_pixel_mkd;
odd_status oddi_pixel_mkd_new(struct odd_context *ctx, struct oddi_pixel_mkd **p);
void oddi_pixel_mkd_free(struct oddi_pixel_mkd *p);
/* A defective picture's map and mask of ODDI_PIXEL_MKD_SIDE squared values, mask in [0, 1]. The map
 * must be finite; it is opened in place. */
void oddi_pixel_mkd_add(struct oddi_pixel_mkd *p, float *map, const float *mask);
/* NaN where no pixel is anomalous, or none normal. */
double oddi_pixel_mkd_auroc(const struct oddi_pixel_mkd *p);
#endif
