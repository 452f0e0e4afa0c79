/* SPDX-License-Identifier: Apache-2.0
 *
 * ResNet (He et al. 2016) and the wide ones (Zagoruyko and Komodakis 2016): blocks f(x) + x, then
 * ReLU. f is two 3 x 3 convolutions, or 1 x 1, 3 x 3 and 1 x 1 to four times the channels; where
 * the shape changes, x goes through a 1 x 1 convolution. The stride is on the first 3 x 3. Taps:
 * the stem's ReLU and the end of each layer.
 */
#include "nn/nets/nets_int.h"

struct resnet_block {
    const char *name;
    int64_t planes, inner, out;
    int stride;
};

static void resnet_unit(struct net_make *m, const struct resnet_block *k, int index,
                        const struct net_conv *conv, enum net_act act)
{
    oddi_net_conv(m, oddi_net_text(m, "%s.conv%d", k->name, index), conv);
    oddi_net_norm(m, oddi_net_text(m, "%s.bn%d", k->name, index), NET_TORCH_EPS, act);
}

static void resnet_block(struct net_make *m, const struct net_resnet *t,
                         const struct resnet_block *k)
{
    struct oddi_node *x = m->x;
    const struct net_conv three = {k->inner, 3, k->stride, 1, false, false, NET_PAD_TORCH};
    const struct net_conv three_out = {k->out, 3, 1, 1, false, false, NET_PAD_TORCH};
    const struct net_conv one_in = {k->inner, 1, 1, 0, false, false, NET_PAD_TORCH};
    const struct net_conv one_out = {k->out, 1, 1, 0, false, false, NET_PAD_TORCH};
    const struct net_conv down = {k->out, 1, k->stride, 0, false, false, NET_PAD_TORCH};
    if (!x)
        return;
    if (t->bottleneck)
        resnet_unit(m, k, 1, &one_in, NET_RELU);
    resnet_unit(m, k, t->bottleneck ? 2 : 1, &three, NET_RELU);
    resnet_unit(m, k, t->bottleneck ? 3 : 2, t->bottleneck ? &one_out : &three_out, NET_LINEAR);
    struct oddi_node *f = m->x;
    m->x = x;
    if (k->stride != 1 || x->shape.dim[1] != k->out) {
        oddi_net_conv(m, oddi_net_text(m, "%s.downsample.0", k->name), &down);
        oddi_net_norm(m, oddi_net_text(m, "%s.downsample.1", k->name), NET_TORCH_EPS, NET_LINEAR);
    }
    m->x = oddi_add(&m->b->graph, f, m->x);
    oddi_net_act(m, NET_RELU);
}

static void resnet_body(struct net_make *m, const void *table)
{
    const struct net_resnet *t = table;
    const struct net_conv stem = {oddi_net_width(m, 64), 7, 2, 3, false, false, NET_PAD_TORCH};
    oddi_net_conv(m, "conv1", &stem);
    oddi_net_norm(m, "bn1", NET_TORCH_EPS, NET_RELU);
    oddi_net_tap(m);
    for (int layer = 0; layer < 4 && !oddi_net_done(m); layer++) {
        const int64_t planes = oddi_net_width(m, (int64_t)64 << layer);
        if (layer == 0)
            m->x = oddi_maxpool(&m->b->graph, m->x, 3, 2, 1, false);
        for (int i = 0; i < t->count[layer]; i++) {
            struct resnet_block k = {.planes = planes, .inner = planes * t->widen};
            k.name = oddi_net_text(m, "layer%d.%d", layer + 1, i);
            k.out = t->bottleneck ? 4 * planes : planes;
            k.stride = i == 0 && layer > 0 ? 2 : 1;
            resnet_block(m, t, &k);
        }
        oddi_net_tap(m);
    }
}

static void resnet_head(struct net_make *m, const void *table)
{
    (void)table;
    m->x = oddi_avgpool(&m->b->graph, m->x);
    oddi_net_linear(m, "fc", oddi_net_width(m, NET_CLASSES));
}

const struct oddi_net_family oddi_net_resnet = {resnet_body, resnet_head};
