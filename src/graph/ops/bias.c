/* SPDX-License-Identifier: Apache-2.0
 *
 * One value per channel, and its adjoint.
 *
 *   bias      y[n,c,..] = x[n,c,..] + b[c]      (attr i2, f3: activation, only made by fusion)
 *   sum_nhw   s[c]      = sum over all but c
 *   expand_c  y[n,c,..] = b[c]                  (attr i0..i3 shape, i4 rank)
 */
#include "graph/ops/ops.h"

static odd_status bias_shape(struct odd_context *ctx, struct oddi_node *n)
{
    if (!oddi_op_has_channels(n, 0) || !oddi_op_vector(n, 1, n->src[0]->shape.dim[1]))
        return oddi_op_bad(ctx, n, "something with channels and one value per channel are wanted");
    return oddi_op_like_first(ctx, n);
}

static void bias_grad(struct oddi_graph *g, struct oddi_node *n, struct oddi_node *dy,
                      struct oddi_node *dsrc[ODDI_MAX_SRC])
{
    if (oddi_op_fused(g, n))
        return;
    dsrc[0] = dy;
    if (oddi_wants(g, n->src[1]))
        dsrc[1] = oddi_sum_nhw(g, dy);
}

static odd_status bias_sum_shape(struct odd_context *ctx, struct oddi_node *n)
{
    if (!oddi_op_has_channels(n, 0))
        return oddi_op_bad(ctx, n, "(N, C) or (N, C, H, W) is wanted");
    n->shape = oddi_shape_make(1, n->src[0]->shape.dim[1], 1, 1, 1);
    return ODD_OK;
}

static void bias_sum_grad(struct oddi_graph *g, struct oddi_node *n, struct oddi_node *ds,
                          struct oddi_node *dsrc[ODDI_MAX_SRC])
{
    dsrc[0] = oddi_expand_c(g, ds, n->src[0]->shape);
}

static odd_status bias_expand_shape(struct odd_context *ctx, struct oddi_node *n)
{
    odd_status status = oddi_op_shape_attr(ctx, n);
    if (status != ODD_OK)
        return status;
    if ((n->shape.rank != 2 && n->shape.rank != 4) || !oddi_op_vector(n, 0, n->shape.dim[1]))
        return oddi_op_bad(ctx, n, "one value per channel of the result is wanted");
    return ODD_OK;
}

static void bias_expand_grad(struct oddi_graph *g, struct oddi_node *n, struct oddi_node *dy,
                             struct oddi_node *dsrc[ODDI_MAX_SRC])
{
    (void)n;
    dsrc[0] = oddi_sum_nhw(g, dy);
}

const struct oddi_op oddi_op_bias = {
    .name = "bias", .src_min = 2, .src_max = 2, .shape = bias_shape, .grad = bias_grad};
const struct oddi_op oddi_op_sum_nhw = {
    .name = "sum_nhw", .src_min = 1, .src_max = 1, .shape = bias_sum_shape, .grad = bias_sum_grad};
const struct oddi_op oddi_op_expand_c = {.name = "expand_c",
                                         .src_min = 1,
                                         .src_max = 1,
                                         .shape = bias_expand_shape,
                                         .grad = bias_expand_grad};

struct oddi_node *oddi_bias(struct oddi_graph *g, struct oddi_node *x, struct oddi_node *b)
{
    return oddi_op_2(g, "bias", NULL, x, b);
}

struct oddi_node *oddi_sum_nhw(struct oddi_graph *g, struct oddi_node *x)
{
    return oddi_op_1(g, "sum_nhw", NULL, x);
}

struct oddi_node *oddi_expand_c(struct oddi_graph *g, struct oddi_node *b, struct oddi_shape shape)
{
    const struct oddi_attr attr = oddi_op_attr_of(shape);
    return oddi_op_1(g, "expand_c", &attr, b);
}
