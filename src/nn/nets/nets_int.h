/* SPDX-License-Identifier: Apache-2.0
 *
 * How a family of networks is written down: steps that each take the map made last (`x`) further.
 * After a failure x is NULL and steps do nothing. A family asks `done` between its blocks.
 */
#ifndef ODDI_NN_NETS_NETS_INT_H
#define ODDI_NN_NETS_NETS_INT_H
#include "nn/nets/nets.h"

#define NET_CLASSES 1000
#define NET_TORCH_EPS 1e-5 /* of batch normalisation, where PyTorch trained */
#define NET_TF_EPS 1e-3    /* where TensorFlow did */

struct net_make {
    struct oddi_build *b;
    const struct oddi_net_use *use;
    struct oddi_node *x;
    struct oddi_node **tap;
    int taps;
};
struct oddi_net_family {
    void (*body)(struct net_make *m, const void *table);
    void (*head)(struct net_make *m, const void *table); /* from the last tap to the scores */
};
enum net_pad { NET_PAD_TORCH, NET_PAD_SAME }; /* `pad` cells all around, or TensorFlow's "same" */
enum net_act { NET_LINEAR, NET_RELU, NET_RELU6 };
struct net_conv {
    int64_t out; /* channels as they are, oddi_net_width already applied; depthwise: not read */
    int kernel, stride, pad;
    bool bias, depthwise;
    enum net_pad padding;
};

/* Channels of the network as this use has them. */
int64_t oddi_net_width(const struct net_make *m, int64_t channels);
/* A name as long as the graph; "" when memory is short, which fails the graph. */
const char *oddi_net_text(const struct net_make *m, const char *format, ...) ODDI_PRINTF(2, 3);
/* <name>.weight, and .bias where wanted. */
void oddi_net_conv(struct net_make *m, const char *name, const struct net_conv *c);
/* <name>.weight, .bias, .running_mean, .running_var in evaluation mode, then the activation. */
void oddi_net_norm(struct net_make *m, const char *name, double eps, enum net_act act);
void oddi_net_act(struct net_make *m, enum net_act act);
/* Rows (N, in) by <name>.weight (out, in), and <name>.bias. */
void oddi_net_linear(struct net_make *m, const char *name, int64_t out);
/* x is the next tap. */
void oddi_net_tap(struct net_make *m);
bool oddi_net_done(const struct net_make *m);

extern const struct oddi_net_family oddi_net_vgg, oddi_net_squeezenet, oddi_net_resnet,
    oddi_net_mobilenet, oddi_net_efficientnet;
/* What the lines of nets.def say of a network besides its names. */
struct net_vgg {
    const int *plan; /* channels of each convolution, 0 a pool, -1 the end */
    bool norm;
};
struct net_squeezenet {
    int kernel;      /* of the first convolution */
    const int *plan; /* squeezed channels of each fire, 0 a pool, -1 the end */
};
struct net_resnet {
    int count[4]; /* blocks of each layer */
    bool bottleneck;
    int widen; /* factor of a bottleneck's inner channels */
};
struct net_efficientnet {
    double width, depth; /* factors of channels and of blocks per stage */
};
#endif
