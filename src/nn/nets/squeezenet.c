/* SPDX-License-Identifier: Apache-2.0
 *
 * SqueezeNet (Iandola et al. 2016): "fire" modules, a 1 x 1 convolution to few channels s, then
 * 1 x 1 and 3 x 3 convolutions side by side to 4 s each; pools of 3 x 3 with incomplete last
 * windows. Layers are counted as torchvision's `features` counts them. Taps come before the pools.
 */
#include "nn/nets/nets_int.h"

static void squeezenet_fire(struct net_make *m, int at, int64_t squeezed)
{
    const int64_t expanded = oddi_net_width(m, 4 * squeezed);
    const struct net_conv squeeze = {
        oddi_net_width(m, squeezed), 1, 1, 0, true, false, NET_PAD_TORCH};
    const struct net_conv small = {expanded, 1, 1, 0, true, false, NET_PAD_TORCH};
    const struct net_conv large = {expanded, 3, 1, 1, true, false, NET_PAD_TORCH};
    oddi_net_conv(m, oddi_net_text(m, "features.%d.squeeze", at), &squeeze);
    oddi_net_act(m, NET_RELU);
    struct oddi_node *both = m->x;
    oddi_net_conv(m, oddi_net_text(m, "features.%d.expand1x1", at), &small);
    oddi_net_act(m, NET_RELU);
    struct oddi_node *left = m->x;
    m->x = both;
    oddi_net_conv(m, oddi_net_text(m, "features.%d.expand3x3", at), &large);
    oddi_net_act(m, NET_RELU);
    m->x = oddi_concat(&m->b->graph, left, m->x);
}

static void squeezenet_body(struct net_make *m, const void *table)
{
    const struct net_squeezenet *t = table;
    const struct net_conv first = {
        oddi_net_width(m, t->kernel == 7 ? 96 : 64), t->kernel, 2, 0, true, false, NET_PAD_TORCH};
    oddi_net_conv(m, "features.0", &first);
    oddi_net_act(m, NET_RELU);
    int at = 2;
    for (const int *s = t->plan; *s >= 0; s++, at++) {
        if (*s == 0)
            oddi_net_tap(m);
        if (oddi_net_done(m))
            return;
        if (*s == 0)
            m->x = oddi_maxpool(&m->b->graph, m->x, 3, 2, 0, true);
        else
            squeezenet_fire(m, at, *s);
    }
    oddi_net_tap(m);
}

/* The classifier is a convolution, so pictures of any size have scores. */
static void squeezenet_head(struct net_make *m, const void *table)
{
    (void)table;
    const struct net_conv last = {
        oddi_net_width(m, NET_CLASSES), 1, 1, 0, true, false, NET_PAD_TORCH};
    oddi_net_conv(m, "classifier.1", &last);
    oddi_net_act(m, NET_RELU);
    m->x = oddi_avgpool(&m->b->graph, m->x);
}

const struct oddi_net_family oddi_net_squeezenet = {squeezenet_body, squeezenet_head};
