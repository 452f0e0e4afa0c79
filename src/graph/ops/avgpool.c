/* SPDX-License-Identifier: Apache-2.0
 *
 * The mean of each channel over the whole picture, and its adjoint:
 *
 *   avgpool      y[n,c]        = 1/(H W) sum_{i,j} x[n,c,i,j]
 *   avgpool_bwd  dx[n,c,i,j]   = dy[n,c] / (H W);  attr: i3, i4 the size H, W
 */
#include "graph/ops/ops.h"

static odd_status avgpool_shape(struct odd_context *ctx, struct oddi_node *n)
{
    const int64_t *d = n->src[0]->shape.dim;
    if (n->src[0]->shape.rank != 4)
        return oddi_op_bad(ctx, n, "pictures are wanted");
    n->shape = oddi_shape_make(2, d[0], d[1], 1, 1);
    return ODD_OK;
}

static odd_status avgpool_bwd_shape(struct odd_context *ctx, struct oddi_node *n)
{
    const int64_t *d = n->src[0]->shape.dim;
    n->shape = oddi_shape_make(4, d[0], d[1], n->attr.i[3], n->attr.i[4]);
    if (n->src[0]->shape.rank != 2 || !oddi_shape_valid(&n->shape))
        return oddi_op_bad(ctx, n, "rows (N, C) and a size are wanted");
    return ODD_OK;
}

static void avgpool_grad(struct oddi_graph *g, struct oddi_node *n, struct oddi_node *dy,
                         struct oddi_node *dsrc[ODDI_MAX_SRC])
{
    const int64_t *d = n->src[0]->shape.dim;
    const struct oddi_attr attr = {.i = {0, 0, 0, d[2], d[3]}};
    dsrc[0] = oddi_op_1(g, "avgpool_bwd", &attr, dy);
}

static void avgpool_bwd_grad(struct oddi_graph *g, struct oddi_node *n, struct oddi_node *dz,
                             struct oddi_node *dsrc[ODDI_MAX_SRC])
{
    (void)n;
    dsrc[0] = oddi_avgpool(g, dz);
}

const struct oddi_op oddi_op_avgpool = {
    .name = "avgpool", .src_min = 1, .src_max = 1, .shape = avgpool_shape, .grad = avgpool_grad};
const struct oddi_op oddi_op_avgpool_bwd = {.name = "avgpool_bwd",
                                            .src_min = 1,
                                            .src_max = 1,
                                            .shape = avgpool_bwd_shape,
                                            .grad = avgpool_bwd_grad};

struct oddi_node *oddi_avgpool(struct oddi_graph *g, struct oddi_node *x)
{
    return oddi_op_1(g, "avgpool", NULL, x);
}
