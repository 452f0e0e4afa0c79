/* SPDX-License-Identifier: Apache-2.0
 *
 * The largest value of each window of k x k cells, windows s apart, with p cells that never win
 * around the picture:
 *
 *   maxpool      y[n,c,i,j]  = max over the cells of window (i,j) that exist
 *   maxpool_bwd  dx[n,c,.,.] = sum of dy over the windows whose first largest cell this is
 *
 * "First" is in row-major order. attr: i0 stride, i1 pad, i3 kernel, i4 ceil: a last window that
 * begins inside but ends outside counts too. p <= k / 2, so every window has a cell.
 */
#include "graph/ops/ops.h"

#define MAXPOOL_MOST 65536 /* bounds kernel and stride, so that sizes cannot overflow */

static int64_t maxpool_out(int64_t in, const int64_t i[8])
{
    const int64_t room = in + 2 * i[1] - i[3];
    if (room < 0 && !i[4])
        return 0;
    int64_t out = (room + (i[4] ? i[0] - 1 : 0)) / i[0] + 1;
    if (i[4] && (out - 1) * i[0] >= in + i[1])
        out--;
    return out;
}

/* Shape of the pooled x, rank -1 where there is none. */
static struct oddi_shape maxpool_pooled(const struct oddi_shape *x, const int64_t i[8])
{
    struct oddi_shape shape = {.rank = -1};
    const bool valid = x->rank == 4 && i[0] >= 1 && i[0] <= MAXPOOL_MOST && i[3] >= 1 &&
                       i[3] <= MAXPOOL_MOST && i[1] >= 0 && i[1] <= i[3] / 2 && (i[4] | 1) == 1;
    if (!valid || x->dim[2] + 2 * i[1] + i[0] <= i[3] || x->dim[3] + 2 * i[1] + i[0] <= i[3])
        return shape;
    const int64_t h = maxpool_out(x->dim[2], i), w = maxpool_out(x->dim[3], i);
    return h < 1 || w < 1 ? shape : oddi_shape_make(4, x->dim[0], x->dim[1], h, w);
}

static odd_status maxpool_shape(struct odd_context *ctx, struct oddi_node *n)
{
    n->shape = maxpool_pooled(&n->src[0]->shape, n->attr.i);
    return n->shape.rank == 4
               ? ODD_OK
               : oddi_op_bad(ctx, n,
                             "pictures not smaller than the window, stride >= 1 and pad "
                             "of at most half the window are wanted");
}

static odd_status maxpool_bwd_shape(struct odd_context *ctx, struct oddi_node *n)
{
    const struct oddi_shape pooled = maxpool_pooled(&n->src[0]->shape, n->attr.i);
    if (pooled.rank != 4 || !oddi_shape_equal(&pooled, &n->src[1]->shape))
        return oddi_op_bad(ctx, n, "pictures and what their pooling makes are wanted");
    n->shape = n->src[0]->shape;
    return ODD_OK;
}

static void maxpool_grad(struct oddi_graph *g, struct oddi_node *n, struct oddi_node *dy,
                         struct oddi_node *dsrc[ODDI_MAX_SRC])
{
    dsrc[0] = oddi_op_2(g, "maxpool_bwd", &n->attr, n->src[0], dy);
}

const struct oddi_op oddi_op_maxpool = {
    .name = "maxpool", .src_min = 1, .src_max = 1, .shape = maxpool_shape, .grad = maxpool_grad};
const struct oddi_op oddi_op_maxpool_bwd = {
    .name = "maxpool_bwd", .src_min = 2, .src_max = 2, .shape = maxpool_bwd_shape};

struct oddi_node *oddi_maxpool(struct oddi_graph *g, struct oddi_node *x, int kernel, int stride,
                               int pad, bool ceil)
{
    const struct oddi_attr attr = {.i = {stride, pad, 0, kernel, ceil}};
    return oddi_op_1(g, "maxpool", &attr, x);
}
