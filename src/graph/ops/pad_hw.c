/* SPDX-License-Identifier: Apache-2.0
 *
 * Along the height and width of (N, C, H, W) pictures; adjoint to each other:
 *
 *   pad_hw   x with its first cell at (i0, i1) of a picture of i3 x i4 cells, zeros elsewhere
 *   crop_hw  the i3 x i4 cells of x from (i0, i1) on
 *
 * With pad_hw a convolution has padding that is not the same on all sides.
 */
#include "graph/ops/ops.h"

/* `size` cells from `start` on lie within `total`. */
static bool pad_hw_inside(int64_t start, int64_t size, int64_t total)
{
    return start >= 0 && size >= 1 && size <= total && start <= total - size;
}

static odd_status pad_hw_shape(struct odd_context *ctx, struct oddi_node *n)
{
    const int64_t *d = n->src[0]->shape.dim, *i = n->attr.i;
    if (n->src[0]->shape.rank != 4 || !pad_hw_inside(i[0], d[2], i[3]) ||
        !pad_hw_inside(i[1], d[3], i[4]))
        return oddi_op_bad(ctx, n, "pictures that fit into the size are wanted");
    n->shape = oddi_shape_make(4, d[0], d[1], i[3], i[4]);
    return ODD_OK;
}

static odd_status pad_hw_crop_shape(struct odd_context *ctx, struct oddi_node *n)
{
    const int64_t *d = n->src[0]->shape.dim, *i = n->attr.i;
    if (n->src[0]->shape.rank != 4 || !pad_hw_inside(i[0], i[3], d[2]) ||
        !pad_hw_inside(i[1], i[4], d[3]))
        return oddi_op_bad(ctx, n, "a part of the pictures is wanted");
    n->shape = oddi_shape_make(4, d[0], d[1], i[3], i[4]);
    return ODD_OK;
}

/* The other of the two, back to the size of n's source. */
static struct oddi_node *pad_hw_back(struct oddi_graph *g, const char *op,
                                     const struct oddi_node *n, struct oddi_node *dy)
{
    const int64_t *d = n->src[0]->shape.dim;
    const struct oddi_attr attr = {.i = {n->attr.i[0], n->attr.i[1], 0, d[2], d[3]}};
    return oddi_op_1(g, op, &attr, dy);
}

static void pad_hw_grad(struct oddi_graph *g, struct oddi_node *n, struct oddi_node *dy,
                        struct oddi_node *dsrc[ODDI_MAX_SRC])
{
    dsrc[0] = pad_hw_back(g, "crop_hw", n, dy);
}

static void pad_hw_crop_grad(struct oddi_graph *g, struct oddi_node *n, struct oddi_node *dy,
                             struct oddi_node *dsrc[ODDI_MAX_SRC])
{
    dsrc[0] = pad_hw_back(g, "pad_hw", n, dy);
}

const struct oddi_op oddi_op_pad_hw = {
    .name = "pad_hw", .src_min = 1, .src_max = 1, .shape = pad_hw_shape, .grad = pad_hw_grad};
const struct oddi_op oddi_op_crop_hw = {.name = "crop_hw",
                                        .src_min = 1,
                                        .src_max = 1,
                                        .shape = pad_hw_crop_shape,
                                        .grad = pad_hw_crop_grad};

struct oddi_node *oddi_pad_hw(struct oddi_graph *g, struct oddi_node *x, const int64_t first[2],
                              const int64_t hw[2])
{
    const struct oddi_attr attr = {.i = {first[0], first[1], 0, hw[0], hw[1]}};
    return oddi_op_1(g, "pad_hw", &attr, x);
}
