/* SPDX-License-Identifier: Apache-2.0
 *
 * Augmentations: a list of operations by name, applied in the order given to the prepared picture.
 * Every draw depends on (seed, epoch, sample index) and the place in the list, so a picture's
 * augmentation is the same whichever thread makes it.
 *
 *   flip     mirrored left to right, with probability 1/2
 *   rot90    turned by 0, 90, 180 or 270 degrees (by 0 or 180 where width and height differ)
 *   rotate   turned about its centre by any angle, bilinear, edges repeated
 *   crop     a random window of 80 to 100 % of the width and height, brought back to size
 *   shift    moved by up to 1/16 of width and height in whole pixels, edges repeated
 */
#ifndef ODDI_DATA_AUGMENT_H
#define ODDI_DATA_AUGMENT_H
#include "base/rng.h"

#define ODDI_AUGMENT_MAX 8

struct oddi_augment {
    int count;
    int op[ODDI_AUGMENT_MAX];
};
/* Text such as "flip,rotate"; "" or NULL or "none" is the empty list. ODD_ECONFIG names an
 * unknown one. */
odd_status oddi_augment_parse(struct odd_context *ctx, const char *text,
                              struct oddi_augment *augment);
/* In place on (channels, height, width); scratch has room for as many floats. */
void oddi_augment_run(const struct oddi_augment *augment, struct oddi_rng *rng, int channels,
                      const int64_t size[2], float *picture, float *scratch);
#endif
