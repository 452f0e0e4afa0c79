/* SPDX-License-Identifier: Apache-2.0
 *
 * Along the channels of (N, C, H, W) pictures:
 *
 *   concat   channels of a, then those of b
 *   slice_c  channels i0 .. i0 + i1 - 1
 *   pad_c    x at channel i0 of i1 channels, zeros elsewhere; adjoint to slice_c
 */
#include "graph/ops/ops.h"

static odd_status concat_shape(struct odd_context *ctx, struct oddi_node *n)
{
    const struct oddi_shape *a = &n->src[0]->shape, *b = &n->src[1]->shape;
    if (a->rank != 4 || b->rank != 4 || a->dim[0] != b->dim[0] || a->dim[2] != b->dim[2] ||
        a->dim[3] != b->dim[3])
        return oddi_op_bad(ctx, n, "pictures that differ in channels only are wanted");
    n->shape = oddi_shape_make(4, a->dim[0], a->dim[1] + b->dim[1], a->dim[2], a->dim[3]);
    return ODD_OK;
}

static void concat_grad(struct oddi_graph *g, struct oddi_node *n, struct oddi_node *dy,
                        struct oddi_node *dsrc[ODDI_MAX_SRC])
{
    const int64_t first = n->src[0]->shape.dim[1];
    if (oddi_wants(g, n->src[0]))
        dsrc[0] = oddi_slice_c(g, dy, 0, first);
    if (oddi_wants(g, n->src[1]))
        dsrc[1] = oddi_slice_c(g, dy, first, n->src[1]->shape.dim[1]);
}

static odd_status concat_slice_shape(struct odd_context *ctx, struct oddi_node *n)
{
    const int64_t start = n->attr.i[0], count = n->attr.i[1], *d = n->src[0]->shape.dim;
    if (n->src[0]->shape.rank != 4 || start < 0 || count < 1 || start > d[1] ||
        count > d[1] - start)
        return oddi_op_bad(ctx, n, "channels of a picture are wanted");
    n->shape = oddi_shape_make(4, d[0], count, d[2], d[3]);
    return ODD_OK;
}

static struct oddi_node *concat_pad(struct oddi_graph *g, struct oddi_node *x, int64_t start,
                                    int64_t total)
{
    const struct oddi_attr attr = {.i = {start, total}};
    return oddi_op_1(g, "pad_c", &attr, x);
}

static void concat_slice_grad(struct oddi_graph *g, struct oddi_node *n, struct oddi_node *dy,
                              struct oddi_node *dsrc[ODDI_MAX_SRC])
{
    dsrc[0] = concat_pad(g, dy, n->attr.i[0], n->src[0]->shape.dim[1]);
}

static odd_status concat_pad_shape(struct odd_context *ctx, struct oddi_node *n)
{
    const int64_t start = n->attr.i[0], total = n->attr.i[1], *d = n->src[0]->shape.dim;
    if (n->src[0]->shape.rank != 4 || start < 0 || total < d[1] || start > total - d[1])
        return oddi_op_bad(ctx, n, "a picture that fits into the channels is wanted");
    n->shape = oddi_shape_make(4, d[0], total, d[2], d[3]);
    return ODD_OK;
}

static void concat_pad_grad(struct oddi_graph *g, struct oddi_node *n, struct oddi_node *dy,
                            struct oddi_node *dsrc[ODDI_MAX_SRC])
{
    dsrc[0] = oddi_slice_c(g, dy, n->attr.i[0], n->src[0]->shape.dim[1]);
}

const struct oddi_op oddi_op_concat = {
    .name = "concat", .src_min = 2, .src_max = 2, .shape = concat_shape, .grad = concat_grad};
const struct oddi_op oddi_op_slice_c = {.name = "slice_c",
                                        .src_min = 1,
                                        .src_max = 1,
                                        .shape = concat_slice_shape,
                                        .grad = concat_slice_grad};
const struct oddi_op oddi_op_pad_c = {.name = "pad_c",
                                      .src_min = 1,
                                      .src_max = 1,
                                      .shape = concat_pad_shape,
                                      .grad = concat_pad_grad};

struct oddi_node *oddi_concat(struct oddi_graph *g, struct oddi_node *a, struct oddi_node *b)
{
    return oddi_op_2(g, "concat", NULL, a, b);
}

struct oddi_node *oddi_slice_c(struct oddi_graph *g, struct oddi_node *x, int64_t start,
                               int64_t count)
{
    const struct oddi_attr attr = {.i = {start, count}};
    return oddi_op_1(g, "slice_c", &attr, x);
}
