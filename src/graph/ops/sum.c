/* SPDX-License-Identifier: Apache-2.0
 *
 *   sum   s = f0 * sum of all elements, in a fixed order
 *   fill  y = f0 * s everywhere (attr i0..i3 shape, i4 rank); adjoint to sum
 */
#include "graph/ops/ops.h"

static odd_status sum_shape(struct odd_context *ctx, struct oddi_node *n)
{
    (void)ctx;
    n->shape = oddi_shape_make(0, 1, 1, 1, 1);
    return ODD_OK;
}

static void sum_grad(struct oddi_graph *g, struct oddi_node *n, struct oddi_node *ds,
                     struct oddi_node *dsrc[ODDI_MAX_SRC])
{
    dsrc[0] = oddi_op_fill_scaled(g, ds, n->src[0]->shape, n->attr.f[0]);
}

static odd_status sum_fill_shape(struct odd_context *ctx, struct oddi_node *n)
{
    if (n->src[0]->shape.rank != 0)
        return oddi_op_bad(ctx, n, "a scalar is wanted");
    return oddi_op_shape_attr(ctx, n);
}

static void sum_fill_grad(struct oddi_graph *g, struct oddi_node *n, struct oddi_node *dy,
                          struct oddi_node *dsrc[ODDI_MAX_SRC])
{
    dsrc[0] = oddi_op_sum_scaled(g, dy, n->attr.f[0]);
}

const struct oddi_op oddi_op_sum = {
    .name = "sum", .src_min = 1, .src_max = 1, .shape = sum_shape, .grad = sum_grad};
const struct oddi_op oddi_op_fill = {
    .name = "fill", .src_min = 1, .src_max = 1, .shape = sum_fill_shape, .grad = sum_fill_grad};

struct oddi_node *oddi_op_sum_scaled(struct oddi_graph *g, struct oddi_node *x, double factor)
{
    const struct oddi_attr attr = {.f = {factor}};
    return oddi_op_1(g, "sum", &attr, x);
}

struct oddi_node *oddi_op_fill_scaled(struct oddi_graph *g, struct oddi_node *s,
                                      struct oddi_shape shape, double factor)
{
    struct oddi_attr attr = oddi_op_attr_of(shape);
    attr.f[0] = factor;
    return oddi_op_1(g, "fill", &attr, s);
}

struct oddi_node *oddi_sum(struct oddi_graph *g, struct oddi_node *x)
{
    return oddi_op_sum_scaled(g, x, 1.0);
}

struct oddi_node *oddi_fill(struct oddi_graph *g, struct oddi_node *s, struct oddi_shape shape)
{
    return oddi_op_fill_scaled(g, s, shape, 1.0);
}
