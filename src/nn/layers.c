/* SPDX-License-Identifier: Apache-2.0
 *
 * Convolution blocks. A transposed convolution is the adjoint of a convolution in its input, so it
 * is the node conv2d_bwd_data, with weights (in, out, kh, kw) as PyTorch keeps them.
 */
#include "nn/layers.h"

#define LAYER_EPS 1e-5
#define LAYER_MOMENTUM 0.1

/* "a.b", as long as the graph; a failed allocation fails the graph. */
static const char *layer_join(const struct oddi_layer *l, const char *a, const char *b)
{
    const char *joined = oddi_arena_printf(&l->b->graph.arena, "%s.%s", a, b);
    if (!joined && l->b->graph.status == ODD_OK)
        l->b->graph.status = ODD_ENOMEM;
    return joined ? joined : "";
}

static struct oddi_node *layer_param(const struct oddi_layer *l, const char *name, const char *part,
                                     struct oddi_shape shape, struct oddi_init init)
{
    return oddi_param(&l->b->graph, l->group, layer_join(l, name, part), shape, init);
}

static struct oddi_shape layer_vector(int64_t n)
{
    return oddi_shape_make(1, n, 1, 1, 1);
}

struct oddi_node *oddi_layer_norm(const struct oddi_layer *l, struct oddi_node *x, const char *name)
{
    struct oddi_graph *g = &l->b->graph;
    if (!x)
        return NULL;
    const int64_t c = x->shape.dim[1], n = oddi_shape_count(&x->shape) / c;
    const struct oddi_init gain = {l->plain_gain ? ODDI_INIT_CONST : ODDI_INIT_NORMAL, 1.0f, 0.02f};
    struct oddi_node *gamma = layer_param(l, name, "weight", layer_vector(c), gain);
    struct oddi_node *beta = layer_param(l, name, "bias", layer_vector(c),
                                         (struct oddi_init){ODDI_INIT_CONST, 0.0f, 0.0f});
    struct oddi_node *running =
        oddi_param(g, layer_join(l, l->group, "stats"), layer_join(l, name, "stats"),
                   oddi_shape_make(2, 2, c, 1, 1), (struct oddi_init){ODDI_INIT_STATS, 0.0f, 1.0f});
    if (l->norm == ODDI_NORM_EVAL)
        return oddi_batchnorm(g, x, running, gamma, beta, LAYER_EPS);
    struct oddi_node *stats = oddi_bn_stats(g, x);
    if (l->norm == ODDI_NORM_TRAIN)
        oddi_bn_running(g, running, stats, LAYER_MOMENTUM, n);
    return oddi_batchnorm(g, x, stats, gamma, beta, LAYER_EPS);
}

static struct oddi_node *layer_multiply(const struct oddi_layer *l, struct oddi_node *x,
                                        const char *name, const struct oddi_conv *c)
{
    struct oddi_graph *g = &l->b->graph;
    const int64_t in = x->shape.dim[1], k = c->kernel;
    const struct oddi_init init = {ODDI_INIT_NORMAL, 0.0f, 0.02f};
    if (!c->transposed) {
        struct oddi_node *w =
            layer_param(l, name, "weight", oddi_shape_make(4, c->out, in, k, k), init);
        return oddi_conv2d(g, x, w, NULL, c->stride, c->pad);
    }
    struct oddi_node *w =
        layer_param(l, name, "weight", oddi_shape_make(4, in, c->out, k, k), init);
    const int64_t hw[2] = {(x->shape.dim[2] - 1) * c->stride - 2 * c->pad + k,
                           (x->shape.dim[3] - 1) * c->stride - 2 * c->pad + k};
    return oddi_conv2d_bwd_data(g, x, w, c->stride, c->pad, hw);
}

struct oddi_node *oddi_layer_conv(const struct oddi_layer *l, struct oddi_node *x, const char *name,
                                  const struct oddi_conv *conv)
{
    struct oddi_graph *g = &l->b->graph;
    if (!x)
        return NULL;
    const char *part = layer_join(l, name, "conv");
    struct oddi_node *y = layer_multiply(l, x, part, conv);
    if (conv->normalize) {
        y = oddi_layer_norm(l, y, layer_join(l, name, "norm"));
    } else {
        struct oddi_node *bias = layer_param(l, part, "bias", layer_vector(conv->out),
                                             (struct oddi_init){ODDI_INIT_CONST, 0.0f, 0.0f});
        y = oddi_bias(g, y, bias);
    }
    return conv->slope == 1.0 ? y : oddi_act(g, y, conv->slope);
}
