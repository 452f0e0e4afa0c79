/* SPDX-License-Identifier: Apache-2.0
 *
 * Patch features: an expert's maps of several strides brought to one grid, a row of numbers per
 * cell. Memory banks and Gaussians per position are built over these rows.
 *
 * As in Roth et al., Towards Total Recall in Industrial Anomaly Detection (arXiv 2106.08265,
 * section 3.1): each map is smoothed by the mean of 3 x 3 cells (beyond the edge: 0), brought to
 * the grid of the finest by bilinear interpolation between the centres of cells, and the maps'
 * channels are concatenated.
 */
#ifndef ODDI_NN_FEATURES_H
#define ODDI_NN_FEATURES_H
#include "graph/plan.h"
#include "nn/nets/nets.h"

/* Which of a network's taps. */
struct oddi_features {
    const struct oddi_net *net;
    int taps;
    int tap[ODDI_NET_TAPS_MAX]; /* indices into net->tap, the finest first */
};
/* Reads a text such as "8,16", the strides of the maps wanted. ODD_ECONFIG with a message for what
 * is no such list or what the network does not have. */
odd_status oddi_features_read(struct odd_context *ctx, const struct oddi_net *net,
                              const char *strides, struct oddi_features *f);

/* Builds the network from the input picture (normalised as it was trained) up to the deepest tap
 * wanted, and keeps the taps as results "tap.1", ... Parameters are of the group "expert". */
void oddi_features_build(struct oddi_build *b, const struct oddi_features *f);

/* The grid and the length of a row of a build that oddi_features_build made. */
struct oddi_feature_grid {
    int64_t height, width, dim;
};
struct oddi_feature_grid oddi_features_grid(const struct oddi_build *b);
/* The rows of the picture that the plan last ran, (height * width, dim), `smooth`: with the mean of
 * 3 x 3. `scratch` has oddi_features_scratch floats. */
void oddi_features_rows(const struct oddi_build *b, const struct oddi_plan *plan, bool smooth,
                        float *scratch, float *rows);
size_t oddi_features_scratch(const struct oddi_build *b);
#endif
