/* SPDX-License-Identifier: Apache-2.0
 *
 * Layers and blocks as functions over the graph. Parameter names are "<name>.weight" and so on, so
 * building the same layer again in one graph shares its parameters. Initial values are those of
 * DCGAN: convolutions N(0, 0.02), normalisation gains N(1, 0.02), offsets 0.
 */
#ifndef ODDI_NN_LAYERS_H
#define ODDI_NN_LAYERS_H
#include "nn/build.h"

/* How a layer is applied: with batch statistics (updating the running ones or not) or with the
 * running ones. */
enum oddi_norm_mode { ODDI_NORM_EVAL, ODDI_NORM_TRAIN, ODDI_NORM_TRAIN_KEEP };

struct oddi_layer {
    struct oddi_build *b;
    const char *group; /* parameter group; running statistics go to "<group>.stats" */
    enum oddi_norm_mode norm;
    bool plain_gain; /* normalisation gains start at 1, not at N(1, 0.02) */
};
struct oddi_conv {
    int64_t out; /* channels */
    int kernel, stride, pad;
    bool transposed; /* output is (h - 1) stride - 2 pad + kernel */
    bool normalize;  /* batch normalisation instead of a bias */
    double slope;    /* leaky ReLU; 1: no activation */
};
/* Convolution or transposed convolution, then batch normalisation or bias, then activation. */
struct oddi_node *oddi_layer_conv(const struct oddi_layer *l, struct oddi_node *x, const char *name,
                                  const struct oddi_conv *conv);
/* Batch normalisation with eps 1e-5 and momentum 0.1. */
struct oddi_node *oddi_layer_norm(const struct oddi_layer *l, struct oddi_node *x,
                                  const char *name);
#endif
