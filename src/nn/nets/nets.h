/* SPDX-License-Identifier: Apache-2.0
 *
 * Expert networks: the ImageNet classifiers whose weights the world publishes, as functions over
 * the graph. They are frozen: a method reads their maps ("taps"), nobody trains them. A tensor is
 * named as torchvision names it (EfficientNet-lite: as timm does), so a published file fits as it
 * is; only where names differ by a prefix does oddi_net_file_name say what the file calls it.
 */
#ifndef ODDI_NN_NETS_NETS_H
#define ODDI_NN_NETS_NETS_H
#include "nn/build.h"

#define ODDI_NET_TAPS_MAX 8
#define ODDI_NET_NAME 160 /* bytes of the longest tensor name, prefixes included, with its end */

enum oddi_net_filter { ODDI_NET_BILINEAR, ODDI_NET_BICUBIC };

/* Taps run from the shallowest to the deepest: the last map of each size, VGG's after the pool. So
 * tap i lies at stride 2, 4, 8, ... = 2 << i. */
struct oddi_net {
    const char *name;   /* torchvision's or timm's: "vgg16", "tf_efficientnet_lite0" */
    const char *family; /* "vgg", "squeezenet", "resnet", "mobilenet", "efficientnet" */
    /* What it was trained with: RGB in [0, 1], less the mean, divided by std; resized to `resize`
     * at the short side, the middle `size` x `size` of it. */
    double mean[3], std[3];
    int size, resize;
    enum oddi_net_filter filter;
    const char *licence, *origin; /* of the weights that its names are those of */
    int taps;
    const char *tap[ODDI_NET_TAPS_MAX]; /* by the module that they come out of */
    const struct oddi_net_family *builder;
    const void *table; /* the family's own */
};
const struct oddi_net *oddi_net_find(const char *name); /* NULL: none; NULL may be asked for */
const struct oddi_net *oddi_net_at(int index);          /* NULL after the last */

/* How a network is put into a graph. */
struct oddi_net_use {
    const char *group, *prefix; /* of all its parameters; names are prefix + tensor's name */
    int deepest;                /* index of the last tap wanted; the rest is not built */
    bool classifier;            /* all of it, to the scores of the classes */
    double width;               /* factor of all channel numbers; 1 is the network itself */
};
/* tap[0 .. net->taps - 1] receive their nodes, NULL beyond the deepest. Returns the last node: the
 * classifier's scores (N, classes), or the deepest tap. NULL, and a failed graph, when the picture
 * is too small or a VGG's classifier would not see a 7 x 7 map. */
struct oddi_node *oddi_net_build(struct oddi_build *b, const struct oddi_net *net,
                                 const struct oddi_net_use *use, struct oddi_node *x,
                                 struct oddi_node *tap[ODDI_NET_TAPS_MAX]);
/* The same of the network itself, all taps, no classifier. */
void oddi_net_taps(struct oddi_build *b, const struct oddi_net *net, const char *group,
                   const char *prefix, struct oddi_node *x,
                   struct oddi_node *tap[ODDI_NET_TAPS_MAX]);

/* The input node of the build, a grey or RGB picture in [-1, 1], as three channels in [0, 1]; with
 * `normalize` less the network's own mean, divided by its deviation. */
struct oddi_node *oddi_net_input(struct oddi_build *b, const struct oddi_net *net, bool normalize);

/* ---- tensors (recognise.c) ---- */

struct oddi_net_tensor {
    const char *name;
    struct oddi_shape shape;
    bool head; /* only the classifier needs it; oddi_net_recognise does not look at it */
};
/* All tensors of a network in the order of use; *list and the names are one allocation, freed by
 * the caller with oddi_free. */
odd_status oddi_net_tensors(struct odd_context *ctx, const struct oddi_net *net,
                            struct oddi_net_tensor **list, size_t *count);

struct oddi_net_match {
    const struct oddi_net *net;
    const char *prefix; /* static: what the file puts before each name, see oddi_net_file_name */
    bool classifier;    /* the file has the classifier with the right shapes too */
    size_t unknown;     /* tensors of the file that the network has no use for */
};
/* Which network do tensors of these names and shapes belong to? `network` NULL or "": any. The
 * network's tensors below the classifier must all be there. ODD_EFORMAT with a message that names
 * the nearest network and the first differences. */
odd_status oddi_net_recognise(struct odd_context *ctx, const struct oddi_net_tensor *tensor,
                              size_t count, const char *network, struct oddi_net_match *match);
/* The file's name of a tensor: prefix + name. A prefix that ends with "-features." stands for files
 * of a network's `features` alone, whose names lack that word. False when it does not fit. */
bool oddi_net_file_name(const char *prefix, const char *name, char out[ODDI_NET_NAME]);
#endif
