/* SPDX-License-Identifier: Apache-2.0
 *
 * Copies: reshape (same elements in row-major order; attr i0..i3 shape, i4 rank), stop (a copy
 * through which no gradient goes), reorder (a copy in another layout; made by the planner only).
 */
#include "graph/ops/ops.h"

static odd_status reshape_shape(struct odd_context *ctx, struct oddi_node *n)
{
    odd_status status = oddi_op_shape_attr(ctx, n);
    if (status == ODD_OK && oddi_shape_count(&n->shape) != oddi_shape_count(&n->src[0]->shape))
        status = oddi_op_bad(ctx, n, "the number of elements must stay");
    return status;
}

static void reshape_grad(struct oddi_graph *g, struct oddi_node *n, struct oddi_node *dy,
                         struct oddi_node *dsrc[ODDI_MAX_SRC])
{
    dsrc[0] = oddi_reshape(g, dy, n->src[0]->shape);
}

static void reshape_stop_grad(struct oddi_graph *g, struct oddi_node *n, struct oddi_node *dy,
                              struct oddi_node *dsrc[ODDI_MAX_SRC])
{
    (void)g;
    (void)n;
    (void)dy;
    dsrc[0] = NULL;
}

const struct oddi_op oddi_op_reshape = {
    .name = "reshape", .src_min = 1, .src_max = 1, .shape = reshape_shape, .grad = reshape_grad};
const struct oddi_op oddi_op_stop = {.name = "stop",
                                     .src_min = 1,
                                     .src_max = 1,
                                     .shape = oddi_op_like_first,
                                     .grad = reshape_stop_grad};
const struct oddi_op oddi_op_reorder = {
    .name = "reorder", .src_min = 1, .src_max = 1, .shape = oddi_op_like_first};

struct oddi_node *oddi_reshape(struct oddi_graph *g, struct oddi_node *x, struct oddi_shape shape)
{
    const struct oddi_attr attr = oddi_op_attr_of(shape);
    return oddi_op_1(g, "reshape", &attr, x);
}

struct oddi_node *oddi_stop(struct oddi_graph *g, struct oddi_node *x)
{
    return oddi_op_1(g, "stop", NULL, x);
}
