/* SPDX-License-Identifier: Apache-2.0
 *
 * Divides pictures (N, C, H, W) into blocks of b_h x b_w x b_c (attr i0, i1, i2) that do not
 * overlap, one per row: with r_h = H/b_h, r_w = W/b_w, r_c = C/b_c, block (a, b, c) is row
 * k = (a r_w + b) r_c + c of its picture's Q = r_h r_w r_c rows, and element (p, q, s) of it is
 * column j = (p b_w + q) b_c + s of L = b_h b_w b_c. unblocks is the way back (attr also i3..i6 =
 * N, C, H, W). Both only move elements, so each is the other's adjoint.
 */
#include "graph/ops/ops.h"

static bool blocks_divide(const int64_t dim[4], const int64_t block[3])
{
    return block[0] >= 1 && block[1] >= 1 && block[2] >= 1 && dim[2] % block[0] == 0 &&
           dim[3] % block[1] == 0 && dim[1] % block[2] == 0;
}

static odd_status blocks_shape(struct odd_context *ctx, struct oddi_node *n)
{
    const int64_t *d = n->src[0]->shape.dim, *block = n->attr.i;
    if (n->src[0]->shape.rank != 4 || !blocks_divide(d, block))
        return oddi_op_bad(ctx, n,
                           "the blocks must divide the picture's height, width and channels");
    const int64_t length = block[0] * block[1] * block[2];
    n->shape = oddi_shape_make(2, oddi_shape_count(&n->src[0]->shape) / length, length, 1, 1);
    return ODD_OK;
}

static void blocks_grad(struct oddi_graph *g, struct oddi_node *n, struct oddi_node *dy,
                        struct oddi_node *dsrc[ODDI_MAX_SRC])
{
    dsrc[0] = oddi_unblocks(g, dy, n->src[0]->shape, n->attr.i);
}

static odd_status blocks_back_shape(struct odd_context *ctx, struct oddi_node *n)
{
    const int64_t *block = n->attr.i, *d = &n->attr.i[3];
    n->shape = oddi_shape_make(4, d[0], d[1], d[2], d[3]);
    if (!oddi_shape_valid(&n->shape) || !blocks_divide(d, block))
        return oddi_op_bad(ctx, n,
                           "the blocks must divide the picture's height, width and channels");
    const int64_t length = block[0] * block[1] * block[2];
    if (!oddi_op_matrix(n, 0, oddi_shape_count(&n->shape) / length, length))
        return oddi_op_bad(ctx, n, "these are not the blocks of that picture");
    return ODD_OK;
}

static void blocks_back_grad(struct oddi_graph *g, struct oddi_node *n, struct oddi_node *dx,
                             struct oddi_node *dsrc[ODDI_MAX_SRC])
{
    dsrc[0] = oddi_blocks(g, dx, n->attr.i);
}

const struct oddi_op oddi_op_blocks = {
    .name = "blocks", .src_min = 1, .src_max = 1, .shape = blocks_shape, .grad = blocks_grad};
const struct oddi_op oddi_op_unblocks = {.name = "unblocks",
                                         .src_min = 1,
                                         .src_max = 1,
                                         .shape = blocks_back_shape,
                                         .grad = blocks_back_grad};

struct oddi_node *oddi_blocks(struct oddi_graph *g, struct oddi_node *x, const int64_t block[3])
{
    const struct oddi_attr attr = {.i = {block[0], block[1], block[2]}};
    return oddi_op_1(g, "blocks", &attr, x);
}

struct oddi_node *oddi_unblocks(struct oddi_graph *g, struct oddi_node *b, struct oddi_shape shape,
                                const int64_t block[3])
{
    const struct oddi_attr attr = {.i = {block[0], block[1], block[2], shape.dim[0], shape.dim[1],
                                         shape.dim[2], shape.dim[3]}};
    return oddi_op_1(g, "unblocks", &attr, b);
}
