/* SPDX-License-Identifier: Apache-2.0
 *
 * The table of experts, and how one is put into a graph.
 */
#include "nn/nets/nets_int.h"

#include <string.h>

static const int nets_vgg11[] = {64, 0, 128, 0, 256, 256, 0, 512, 512, 0, 512, 512, 0, -1};
static const int nets_vgg13[] = {64, 64, 0, 128, 128, 0, 256, 256, 0, 512, 512, 0, 512, 512, 0, -1};
static const int nets_vgg16[] = {64,  64,  0,   128, 128, 0,   256, 256, 256, 0,
                                 512, 512, 512, 0,   512, 512, 512, 0,   -1};
static const int nets_vgg19[] = {64,  64,  0,   128, 128, 0,   256, 256, 256, 256, 0,
                                 512, 512, 512, 512, 0,   512, 512, 512, 512, 0,   -1};
static const int nets_fires10[] = {0, 16, 16, 32, 0, 32, 48, 48, 64, 0, 64, -1};
static const int nets_fires11[] = {0, 16, 16, 0, 32, 32, 0, 48, 48, 64, 64, -1};

#define NETS_TORCH "BSD-3-Clause", "torchvision"
#define NETS_TF "Apache-2.0", "TensorFlow TPU models, by way of timm"
#define NETS_IMAGENET {0.485, 0.456, 0.406}, {0.229, 0.224, 0.225}, 224, 256, ODDI_NET_BILINEAR
#define NETS_HALF                                                                                  \
    {0.5, 0.5, 0.5},                                                                               \
    {                                                                                              \
        0.5, 0.5, 0.5                                                                              \
    }
#define NETS_RESNET_TAPS                                                                           \
    5,                                                                                             \
    {                                                                                              \
        "relu", "layer1", "layer2", "layer3", "layer4"                                             \
    }
#define NETS_LITE_TAPS                                                                             \
    5,                                                                                             \
    {                                                                                              \
        "blocks.0", "blocks.1", "blocks.2", "blocks.4", "blocks.6"                                 \
    }
#define NETS_POOLS(a, b, c, d, e)                                                                  \
    5,                                                                                             \
    {                                                                                              \
        "features." #a, "features." #b, "features." #c, "features." #d, "features." #e             \
    }

#define NETS_VGG_ROW(name, plan, norm, pools)                                                      \
    {                                                                                              \
        name, "vgg", NETS_IMAGENET, NETS_TORCH, pools, &oddi_net_vgg, &(const struct net_vgg)      \
        {                                                                                          \
            plan, norm                                                                             \
        }                                                                                          \
    }
#define NETS_RESNET_ROW(name, ...)                                                                 \
    {                                                                                              \
        name, "resnet", NETS_IMAGENET, NETS_TORCH, NETS_RESNET_TAPS, &oddi_net_resnet,             \
            &(const struct net_resnet)                                                             \
        {                                                                                          \
            __VA_ARGS__                                                                            \
        }                                                                                          \
    }
#define NETS_LITE_ROW(name, size, resize, filter, width, depth)                                    \
    {                                                                                              \
        name, "efficientnet", NETS_HALF, size, resize, filter, NETS_TF, NETS_LITE_TAPS,            \
            &oddi_net_efficientnet, &(const struct net_efficientnet)                               \
        {                                                                                          \
            width, depth                                                                           \
        }                                                                                          \
    }

static const struct oddi_net nets_all[] = {
    NETS_VGG_ROW("vgg11", nets_vgg11, false, NETS_POOLS(2, 5, 10, 15, 20)),
    NETS_VGG_ROW("vgg13", nets_vgg13, false, NETS_POOLS(4, 9, 14, 19, 24)),
    NETS_VGG_ROW("vgg16", nets_vgg16, false, NETS_POOLS(4, 9, 16, 23, 30)),
    NETS_VGG_ROW("vgg19", nets_vgg19, false, NETS_POOLS(4, 9, 18, 27, 36)),
    NETS_VGG_ROW("vgg11_bn", nets_vgg11, true, NETS_POOLS(3, 7, 14, 21, 28)),
    NETS_VGG_ROW("vgg13_bn", nets_vgg13, true, NETS_POOLS(6, 13, 20, 27, 34)),
    NETS_VGG_ROW("vgg16_bn", nets_vgg16, true, NETS_POOLS(6, 13, 23, 33, 43)),
    NETS_VGG_ROW("vgg19_bn", nets_vgg19, true, NETS_POOLS(6, 13, 26, 39, 52)),
    {"squeezenet1_0",
     "squeezenet",
     NETS_IMAGENET,
     NETS_TORCH,
     4,
     {"features.1", "features.5", "features.10", "features.12"},
     &oddi_net_squeezenet,
     &(const struct net_squeezenet){7, nets_fires10}},
    {"squeezenet1_1",
     "squeezenet",
     NETS_IMAGENET,
     NETS_TORCH,
     4,
     {"features.1", "features.4", "features.7", "features.12"},
     &oddi_net_squeezenet,
     &(const struct net_squeezenet){3, nets_fires11}},
    NETS_RESNET_ROW("resnet18", {2, 2, 2, 2}, false, 1),
    NETS_RESNET_ROW("resnet34", {3, 4, 6, 3}, false, 1),
    NETS_RESNET_ROW("resnet50", {3, 4, 6, 3}, true, 1),
    NETS_RESNET_ROW("wide_resnet50_2", {3, 4, 6, 3}, true, 2),
    {"mobilenet_v2",
     "mobilenet",
     NETS_IMAGENET,
     NETS_TORCH,
     5,
     {"features.1", "features.3", "features.6", "features.13", "features.17"},
     &oddi_net_mobilenet,
     NULL},
    NETS_LITE_ROW("tf_efficientnet_lite0", 224, 256, ODDI_NET_BICUBIC, 1.0, 1.0),
    NETS_LITE_ROW("tf_efficientnet_lite1", 240, 272, ODDI_NET_BICUBIC, 1.0, 1.1),
    NETS_LITE_ROW("tf_efficientnet_lite2", 260, 292, ODDI_NET_BICUBIC, 1.1, 1.2),
    NETS_LITE_ROW("tf_efficientnet_lite3", 300, 332, ODDI_NET_BILINEAR, 1.2, 1.4),
    NETS_LITE_ROW("tf_efficientnet_lite4", 380, 413, ODDI_NET_BILINEAR, 1.4, 1.8),
};

const struct oddi_net *oddi_net_at(int index)
{
    return index >= 0 && (size_t)index < ODDI_COUNT(nets_all) ? &nets_all[index] : NULL;
}

const struct oddi_net *oddi_net_find(const char *name)
{
    for (size_t i = 0; name && i < ODDI_COUNT(nets_all); i++)
        if (strcmp(nets_all[i].name, name) == 0)
            return &nets_all[i];
    return NULL;
}

struct oddi_node *oddi_net_build(struct oddi_build *b, const struct oddi_net *net,
                                 const struct oddi_net_use *use, struct oddi_node *x,
                                 struct oddi_node *tap[ODDI_NET_TAPS_MAX])
{
    struct oddi_graph *g = &b->graph;
    struct net_make m = {.b = b, .use = use, .x = x, .tap = tap};
    for (int i = 0; i < ODDI_NET_TAPS_MAX; i++)
        tap[i] = NULL;
    if (x && (x->shape.rank != 4 || x->shape.dim[1] != 3)) {
        g->status = oddi_fail(g->ctx, ODD_ESHAPE, "%s sees pictures of three channels", net->name);
        return NULL;
    }
    net->builder->body(&m, net->table);
    if (use->classifier && m.x)
        net->builder->head(&m, net->table);
    return g->status == ODD_OK ? m.x : NULL;
}

void oddi_net_taps(struct oddi_build *b, const struct oddi_net *net, const char *group,
                   const char *prefix, struct oddi_node *x,
                   struct oddi_node *tap[ODDI_NET_TAPS_MAX])
{
    const struct oddi_net_use use = {group, prefix, net->taps - 1, false, 1.0};
    oddi_net_build(b, net, &use, x, tap);
}
