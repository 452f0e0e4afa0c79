/* SPDX-License-Identifier: Apache-2.0
 *
 *   row      (R, C) -> (C)    row i0
 *   put_row  (C) -> (R, C)    row i0 of i1, zeros elsewhere; adjoint to row
 */
#include "graph/ops/ops.h"

static odd_status row_shape(struct odd_context *ctx, struct oddi_node *n)
{
    const struct oddi_shape *s = &n->src[0]->shape;
    if (s->rank != 2 || n->attr.i[0] < 0 || n->attr.i[0] >= s->dim[0])
        return oddi_op_bad(ctx, n, "a row of (R, C) is wanted");
    n->shape = oddi_shape_make(1, s->dim[1], 1, 1, 1);
    return ODD_OK;
}

static void row_grad(struct oddi_graph *g, struct oddi_node *n, struct oddi_node *dy,
                     struct oddi_node *dsrc[ODDI_MAX_SRC])
{
    const struct oddi_attr attr = {.i = {n->attr.i[0], n->src[0]->shape.dim[0]}};
    dsrc[0] = oddi_op_1(g, "put_row", &attr, dy);
}

static odd_status row_put_shape(struct odd_context *ctx, struct oddi_node *n)
{
    const struct oddi_shape *s = &n->src[0]->shape;
    if (s->rank != 1 || n->attr.i[0] < 0 || n->attr.i[0] >= n->attr.i[1])
        return oddi_op_bad(ctx, n, "a vector and one of the rows are wanted");
    n->shape = oddi_shape_make(2, n->attr.i[1], s->dim[0], 1, 1);
    return ODD_OK;
}

static void row_put_grad(struct oddi_graph *g, struct oddi_node *n, struct oddi_node *dy,
                         struct oddi_node *dsrc[ODDI_MAX_SRC])
{
    dsrc[0] = oddi_row(g, dy, n->attr.i[0]);
}

const struct oddi_op oddi_op_row = {
    .name = "row", .src_min = 1, .src_max = 1, .shape = row_shape, .grad = row_grad};
const struct oddi_op oddi_op_put_row = {
    .name = "put_row", .src_min = 1, .src_max = 1, .shape = row_put_shape, .grad = row_put_grad};

struct oddi_node *oddi_row(struct oddi_graph *g, struct oddi_node *x, int64_t row)
{
    const struct oddi_attr attr = {.i = {row}};
    return oddi_op_1(g, "row", &attr, x);
}
