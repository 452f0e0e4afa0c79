/* SPDX-License-Identifier: Apache-2.0
 *
 * The steps that all families are made of (nets_int.h).
 */
#include "nn/nets/nets_int.h"

#include <math.h>

#include "base/str.h"

int64_t oddi_net_width(const struct net_make *m, int64_t channels)
{
    if (m->use->width == 1.0)
        return channels;
    const int64_t narrow = 4 * (int64_t)floor((double)channels * m->use->width / 4.0 + 0.5);
    return narrow < 4 ? 4 : narrow;
}

const char *oddi_net_text(const struct net_make *m, const char *format, ...)
{
    char text[ODDI_NET_NAME];
    va_list args;
    va_start(args, format);
    const int length = oddi_vformat(text, sizeof(text), format, args);
    va_end(args);
    struct oddi_graph *g = &m->b->graph;
    const char *own =
        length < 0 || length >= ODDI_NET_NAME ? NULL : oddi_arena_strdup(&g->arena, text);
    if (!own && g->status == ODD_OK)
        g->status = ODD_ENOMEM;
    return own ? own : "";
}

static struct oddi_node *steps_param(const struct net_make *m, const char *name, const char *part,
                                     struct oddi_shape shape, struct oddi_init init)
{
    struct oddi_node *n =
        oddi_param(&m->b->graph, m->use->group,
                   oddi_net_text(m, "%s%s.%s", m->use->prefix, name, part), shape, init);
    if (n)
        n->flags |= ODDI_NODE_FROZEN;
    return n;
}

static struct oddi_node *steps_vector(const struct net_make *m, const char *name, const char *part,
                                      int64_t count, float value)
{
    return steps_param(m, name, part, oddi_shape_make(1, count, 1, 1, 1),
                       (struct oddi_init){ODDI_INIT_CONST, value, 0.0f});
}

/* Random weights (an expert that nobody trained) keep the variance through a ReLU. */
static struct oddi_init steps_spread(int64_t fan_in)
{
    return (struct oddi_init){ODDI_INIT_NORMAL, 0.0f, (float)sqrt(2.0 / (double)fan_in)};
}

/* "same": ceil(size / stride) results; what is missing to the windows' total is added on both
 * sides, the odd cell at the end. Returns the padding of the convolution itself. */
static int steps_same(struct net_make *m, const struct net_conv *c)
{
    int64_t total[2], first[2], hw[2];
    for (int k = 0; k < 2; k++) {
        const int64_t size = m->x->shape.dim[2 + k], out = (size + c->stride - 1) / c->stride;
        total[k] = (out - 1) * c->stride + c->kernel - size;
        total[k] = total[k] < 0 ? 0 : total[k];
        first[k] = total[k] / 2;
        hw[k] = size + total[k];
    }
    if (total[0] == total[1] && total[0] % 2 == 0)
        return (int)first[0];
    m->x = oddi_pad_hw(&m->b->graph, m->x, first, hw);
    return 0;
}

void oddi_net_conv(struct net_make *m, const char *name, const struct net_conv *c)
{
    struct oddi_graph *g = &m->b->graph;
    if (!m->x)
        return;
    const int pad = c->padding == NET_PAD_SAME ? steps_same(m, c) : c->pad;
    const int64_t in = m->x ? m->x->shape.dim[1] : 1, k = c->kernel;
    const int64_t out = c->depthwise ? in : c->out, deep = c->depthwise ? 1 : in;
    struct oddi_node *w = steps_param(m, name, "weight", oddi_shape_make(4, out, deep, k, k),
                                      steps_spread(deep * k * k));
    m->x = c->depthwise ? oddi_dwconv(g, m->x, w, c->stride, pad)
                        : oddi_conv2d(g, m->x, w, NULL, c->stride, pad);
    if (c->bias)
        m->x = oddi_bias(g, m->x, steps_vector(m, name, "bias", out, 0.0f));
}

/* The published mean and variance (C) as the rows of one (2, C): made of parameters alone, it is
 * computed once. */
static struct oddi_node *steps_stats(struct net_make *m, const char *name, int64_t channels)
{
    struct oddi_graph *g = &m->b->graph;
    struct oddi_node *mean = steps_vector(m, name, "running_mean", channels, 0.0f);
    struct oddi_node *var = steps_vector(m, name, "running_var", channels, 1.0f);
    const struct oddi_attr first = {.i = {0, 2}}, second = {.i = {1, 2}};
    return oddi_add(g, oddi_apply(g, "put_row", &first, 1, &mean),
                    oddi_apply(g, "put_row", &second, 1, &var));
}

void oddi_net_norm(struct net_make *m, const char *name, double eps, enum net_act act)
{
    if (!m->x)
        return;
    const int64_t channels = m->x->shape.dim[1];
    struct oddi_node *gamma = steps_vector(m, name, "weight", channels, 1.0f);
    struct oddi_node *beta = steps_vector(m, name, "bias", channels, 0.0f);
    struct oddi_node *stats = steps_stats(m, name, channels);
    m->x = oddi_batchnorm(&m->b->graph, m->x, stats, gamma, beta, eps);
    oddi_net_act(m, act);
}

void oddi_net_act(struct net_make *m, enum net_act act)
{
    if (act == NET_RELU)
        m->x = oddi_act(&m->b->graph, m->x, 0.0);
    if (act == NET_RELU6)
        m->x = oddi_clip(&m->b->graph, m->x, 0.0, 6.0);
}

void oddi_net_linear(struct net_make *m, const char *name, int64_t out)
{
    struct oddi_graph *g = &m->b->graph;
    if (!m->x)
        return;
    const int64_t in = m->x->shape.dim[1];
    struct oddi_node *w =
        steps_param(m, name, "weight", oddi_shape_make(2, out, in, 1, 1), steps_spread(in));
    struct oddi_node *bias = steps_vector(m, name, "bias", out, 0.0f);
    m->x = oddi_bias(g, oddi_matmul(g, m->x, w, false, true), bias);
}

void oddi_net_tap(struct net_make *m)
{
    if (m->taps < ODDI_NET_TAPS_MAX)
        m->tap[m->taps++] = m->x;
}

bool oddi_net_done(const struct net_make *m)
{
    return !m->x || (!m->use->classifier && m->taps > m->use->deepest);
}
