/* SPDX-License-Identifier: Apache-2.0
 *
 * Made-up defects for automatic choices: a normal picture with something pasted that does not
 * belong there. They say which of several settings notices strangeness better, no more: no figure
 * that is reported comes from them. Kinds and shapes differ from those of synth/, so that choices
 * tuned here are not tuned to the synthetic data sets:
 *
 *   foreign  a soft-edged blob of another normal picture, mirrored
 *   smear    a blob in which each pixel becomes the mean of a line of pixels across
 *   tone     a blob whose values are pulled towards the picture's darkest or brightest
 */
#ifndef ODDI_DATA_PASTE_H
#define ODDI_DATA_PASTE_H
#include "base/rng.h"

#define ODDI_PASTE_KINDS 3

/* Changes `picture` (channels, height, width) in place; `other` is another normal picture of the
 * same size; scratch has room for as many floats. The blob spans 1/16 to 1/5 of the shorter side.
 */
struct oddi_paste {
    int kind, channels;
    int64_t height, width;
    const float *other;
    float *picture, *scratch;
};
void oddi_paste_run(const struct oddi_paste *paste, struct oddi_rng *rng);
#endif
