/* SPDX-License-Identifier: Apache-2.0
 *
 * C = A' B' with A' = A or its transpose (attr i0), B' likewise (i1). From dA' = dC B'^T and
 * dB' = A'^T dC, with a transpose of the whole where the source itself is transposed.
 */
#include "graph/ops/ops.h"

static odd_status matmul_shape(struct odd_context *ctx, struct oddi_node *n)
{
    const struct oddi_shape *a = &n->src[0]->shape, *b = &n->src[1]->shape;
    const bool ta = n->attr.i[0] != 0, tb = n->attr.i[1] != 0;
    if (a->rank != 2 || b->rank != 2 || a->dim[ta ? 0 : 1] != b->dim[tb ? 1 : 0])
        return oddi_op_bad(ctx, n, "two matrices with equal inner sizes are wanted");
    n->shape = oddi_shape_make(2, a->dim[ta ? 1 : 0], b->dim[tb ? 0 : 1], 1, 1);
    return ODD_OK;
}

static void matmul_grad(struct oddi_graph *g, struct oddi_node *n, struct oddi_node *dy,
                        struct oddi_node *dsrc[ODDI_MAX_SRC])
{
    struct oddi_node *a = n->src[0], *b = n->src[1];
    const bool ta = n->attr.i[0] != 0, tb = n->attr.i[1] != 0;
    if (oddi_wants(g, a))
        dsrc[0] = ta ? oddi_matmul(g, b, dy, tb, true) : oddi_matmul(g, dy, b, false, !tb);
    if (oddi_wants(g, b))
        dsrc[1] = tb ? oddi_matmul(g, dy, a, true, ta) : oddi_matmul(g, a, dy, !ta, false);
}

const struct oddi_op oddi_op_matmul = {
    .name = "matmul", .src_min = 2, .src_max = 2, .shape = matmul_shape, .grad = matmul_grad};

struct oddi_node *oddi_matmul(struct oddi_graph *g, struct oddi_node *a, struct oddi_node *b,
                              bool trans_a, bool trans_b)
{
    const struct oddi_attr attr = {.i = {trans_a, trans_b}};
    return oddi_op_2(g, "matmul", &attr, a, b);
}
