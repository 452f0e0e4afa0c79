/* SPDX-License-Identifier: Apache-2.0
 *
 * MobileNetV2 (Sandler et al. 2018) and EfficientNet-lite (Tan and Le 2019, without squeeze and
 * excitation, ReLU6 for swish): blocks of a 1 x 1 convolution to `expand` times the channels, a
 * depthwise convolution and a linear 1 x 1 convolution, plus x where the shape stays. Without
 * expansion the first convolution is left out. Both are one table of stages; they differ in names,
 * padding and the eps of normalisation. Taps: the last stage of each size.
 */
#include "nn/nets/nets_int.h"

#include <math.h>

struct mobile_stage {
    int expand, channels, count, stride, kernel;
    bool tap;
};
static const struct mobile_stage mobile_v2[] = {{1, 16, 1, 1, 3, true}, {6, 24, 2, 2, 3, true},
                                                {6, 32, 3, 2, 3, true}, {6, 64, 4, 2, 3, false},
                                                {6, 96, 3, 1, 3, true}, {6, 160, 3, 2, 3, false},
                                                {6, 320, 1, 1, 3, true}};
static const struct mobile_stage mobile_lite[] = {{1, 16, 1, 1, 3, true},  {6, 24, 2, 2, 3, true},
                                                  {6, 40, 2, 2, 5, true},  {6, 80, 3, 2, 3, false},
                                                  {6, 112, 3, 1, 5, true}, {6, 192, 4, 2, 5, false},
                                                  {6, 320, 1, 1, 3, true}};

/* Names of a block's three convolutions and normalisations; the first is not read where there is
 * no expansion. */
struct mobile_names {
    const char *conv[3], *norm[3];
};
struct mobile_style {
    double eps;
    enum net_pad padding;
};
static const struct mobile_style mobile_torch = {NET_TORCH_EPS, NET_PAD_TORCH};
static const struct mobile_style mobile_tf = {NET_TF_EPS, NET_PAD_SAME};

static void mobile_unit(struct net_make *m, const struct mobile_style *style, const char *names[2],
                        const struct net_conv *conv, enum net_act act)
{
    struct net_conv padded = *conv;
    padded.padding = style->padding;
    padded.pad = conv->kernel / 2;
    oddi_net_conv(m, oddi_net_text(m, "%s", names[0]), &padded);
    oddi_net_norm(m, oddi_net_text(m, "%s", names[1]), style->eps, act);
}

/* `shape` has the block's stride and kernel, and the channels that it ends with. */
static void mobile_block(struct net_make *m, const struct mobile_style *style,
                         const struct mobile_names *n, int expand, const struct net_conv *shape)
{
    struct oddi_node *x = m->x;
    if (!x)
        return;
    const int64_t in = x->shape.dim[1];
    const struct net_conv wide = {.out = in * expand, .kernel = 1, .stride = 1};
    const struct net_conv depth = {
        .kernel = shape->kernel, .stride = shape->stride, .depthwise = true};
    const struct net_conv narrow = {.out = shape->out, .kernel = 1, .stride = 1};
    if (expand != 1)
        mobile_unit(m, style, (const char *[]){n->conv[0], n->norm[0]}, &wide, NET_RELU6);
    mobile_unit(m, style, (const char *[]){n->conv[1], n->norm[1]}, &depth, NET_RELU6);
    mobile_unit(m, style, (const char *[]){n->conv[2], n->norm[2]}, &narrow, NET_LINEAR);
    if (shape->stride == 1 && in == shape->out)
        m->x = oddi_add(&m->b->graph, m->x, x);
}

/* ---- MobileNetV2, torchvision's names ---- */

static struct mobile_names mobile_v2_names(const struct net_make *m, int at, int expand)
{
    struct mobile_names n = {{"", "", ""}, {"", "", ""}};
    const int depth = expand == 1 ? 0 : 1;
    n.conv[0] = oddi_net_text(m, "features.%d.conv.0.0", at);
    n.norm[0] = oddi_net_text(m, "features.%d.conv.0.1", at);
    n.conv[1] = oddi_net_text(m, "features.%d.conv.%d.0", at, depth);
    n.norm[1] = oddi_net_text(m, "features.%d.conv.%d.1", at, depth);
    n.conv[2] = oddi_net_text(m, "features.%d.conv.%d", at, depth + 1);
    n.norm[2] = oddi_net_text(m, "features.%d.conv.%d", at, depth + 2);
    return n;
}

static void mobile_v2_body(struct net_make *m, const void *table)
{
    (void)table;
    const struct net_conv stem = {.out = oddi_net_width(m, 32), .kernel = 3, .stride = 2};
    int at = 1;
    mobile_unit(m, &mobile_torch, (const char *[]){"features.0.0", "features.0.1"}, &stem,
                NET_RELU6);
    for (size_t s = 0; s < ODDI_COUNT(mobile_v2) && !oddi_net_done(m); s++) {
        const struct mobile_stage *t = &mobile_v2[s];
        struct net_conv shape = {
            .out = oddi_net_width(m, t->channels), .kernel = t->kernel, .stride = t->stride};
        for (int i = 0; i < t->count; i++, at++, shape.stride = 1) {
            const struct mobile_names n = mobile_v2_names(m, at, t->expand);
            mobile_block(m, &mobile_torch, &n, t->expand, &shape);
        }
        if (t->tap)
            oddi_net_tap(m);
    }
}

static void mobile_v2_head(struct net_make *m, const void *table)
{
    (void)table;
    const struct net_conv last = {.out = oddi_net_width(m, 1280), .kernel = 1, .stride = 1};
    mobile_unit(m, &mobile_torch, (const char *[]){"features.18.0", "features.18.1"}, &last,
                NET_RELU6);
    m->x = oddi_avgpool(&m->b->graph, m->x);
    oddi_net_linear(m, "classifier.1", oddi_net_width(m, NET_CLASSES));
}

/* ---- EfficientNet-lite, timm's names ---- */

/* Channels in multiples of 8, never more than a tenth below what the factor says. */
static int64_t mobile_lite_width(double channels)
{
    const int64_t near = 8 * (int64_t)floor((channels + 4.0) / 8.0), least = near < 8 ? 8 : near;
    return (double)least < 0.9 * channels ? least + 8 : least;
}

static struct mobile_names mobile_lite_names(const struct net_make *m, int stage, int i, int expand)
{
    const char *pw = oddi_net_text(m, "blocks.%d.%d.conv_pw", stage, i);
    struct mobile_names n = {{pw, "", pw}, {"", "", ""}};
    n.conv[1] = oddi_net_text(m, "blocks.%d.%d.conv_dw", stage, i);
    if (expand != 1)
        n.conv[2] = oddi_net_text(m, "blocks.%d.%d.conv_pwl", stage, i);
    for (int k = 0; k < 3; k++)
        n.norm[k] = oddi_net_text(m, "blocks.%d.%d.bn%d", stage, i, expand == 1 ? k : k + 1);
    return n;
}

static void mobile_lite_body(struct net_make *m, const void *table)
{
    const struct net_efficientnet *f = table;
    const int stages = (int)ODDI_COUNT(mobile_lite);
    const struct net_conv stem = {.out = oddi_net_width(m, 32), .kernel = 3, .stride = 2};
    mobile_unit(m, &mobile_tf, (const char *[]){"conv_stem", "bn1"}, &stem, NET_RELU6);
    for (int s = 0; s < stages && !oddi_net_done(m); s++) {
        const struct mobile_stage *t = &mobile_lite[s];
        const bool end = s == 0 || s == stages - 1; /* first and last stage keep their depth */
        const int count = end ? t->count : (int)ceil((double)t->count * f->depth);
        const int64_t channels = mobile_lite_width((double)t->channels * f->width);
        struct net_conv shape = {
            .out = oddi_net_width(m, channels), .kernel = t->kernel, .stride = t->stride};
        for (int i = 0; i < count; i++, shape.stride = 1) {
            const struct mobile_names n = mobile_lite_names(m, s, i, t->expand);
            mobile_block(m, &mobile_tf, &n, t->expand, &shape);
        }
        if (t->tap)
            oddi_net_tap(m);
    }
}

static void mobile_lite_head(struct net_make *m, const void *table)
{
    (void)table;
    const struct net_conv last = {.out = oddi_net_width(m, 1280), .kernel = 1, .stride = 1};
    mobile_unit(m, &mobile_tf, (const char *[]){"conv_head", "bn2"}, &last, NET_RELU6);
    m->x = oddi_avgpool(&m->b->graph, m->x);
    oddi_net_linear(m, "classifier", oddi_net_width(m, NET_CLASSES));
}

const struct oddi_net_family oddi_net_mobilenet = {mobile_v2_body, mobile_v2_head};
const struct oddi_net_family oddi_net_efficientnet = {mobile_lite_body, mobile_lite_head};
