/* SPDX-License-Identifier: Apache-2.0
 *
 * VGG (Simonyan and Zisserman 2015): 3 x 3 convolutions with ReLU, a pool per halving. Layers are
 * counted as torchvision's `features` counts them: a convolution (and its batch normalisation), a
 * ReLU, a pool are one each. Taps come after the pools.
 */
#include "nn/nets/nets_int.h"

#define VGG_SIDE 7 /* of the map that the classifier was trained on */

static void vgg_body(struct net_make *m, const void *table)
{
    const struct net_vgg *t = table;
    int at = 0;
    for (const int *c = t->plan; *c >= 0 && !oddi_net_done(m); c++) {
        if (*c == 0) {
            m->x = oddi_maxpool(&m->b->graph, m->x, 2, 2, 0, false);
            oddi_net_tap(m);
            at++;
            continue;
        }
        const struct net_conv conv = {oddi_net_width(m, *c), 3, 1, 1, true, false, NET_PAD_TORCH};
        oddi_net_conv(m, oddi_net_text(m, "features.%d", at), &conv);
        if (t->norm)
            oddi_net_norm(m, oddi_net_text(m, "features.%d", at + 1), NET_TORCH_EPS, NET_RELU);
        else
            oddi_net_act(m, NET_RELU);
        at += t->norm ? 3 : 2;
    }
}

static void vgg_head(struct net_make *m, const void *table)
{
    (void)table;
    struct oddi_graph *g = &m->b->graph;
    const int64_t *d = m->x->shape.dim;
    if (d[2] != VGG_SIDE || d[3] != VGG_SIDE) {
        g->status = oddi_fail(g->ctx, ODD_ESHAPE,
                              "a VGG's classifier sees pictures of 224 x 224, not a last map of "
                              "%lld x %lld",
                              (long long)d[2], (long long)d[3]);
        return;
    }
    m->x = oddi_reshape(g, m->x, oddi_shape_make(2, d[0], d[1] * d[2] * d[3], 1, 1));
    oddi_net_linear(m, "classifier.0", oddi_net_width(m, 4096));
    oddi_net_act(m, NET_RELU);
    oddi_net_linear(m, "classifier.3", oddi_net_width(m, 4096));
    oddi_net_act(m, NET_RELU);
    oddi_net_linear(m, "classifier.6", oddi_net_width(m, NET_CLASSES));
}

const struct oddi_net_family oddi_net_vgg = {vgg_body, vgg_head};
