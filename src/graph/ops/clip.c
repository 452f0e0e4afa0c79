/* SPDX-License-Identifier: Apache-2.0
 *
 * y = min(max(x, lo), hi) with attr f0 lo < f1 hi; ReLU6 is (0, 6). The gradient reads the result,
 * dx = lo < y < hi ? dy : 0.
 */
#include "graph/ops/ops.h"

static odd_status clip_shape(struct odd_context *ctx, struct oddi_node *n)
{
    if (!(n->attr.f[0] < n->attr.f[1]))
        return oddi_op_bad(ctx, n, "the lower bound must lie below the upper one");
    return oddi_op_all_same(ctx, n);
}

static void clip_grad(struct oddi_graph *g, struct oddi_node *n, struct oddi_node *dy,
                      struct oddi_node *dsrc[ODDI_MAX_SRC])
{
    dsrc[0] = oddi_op_2(g, "clip_bwd", &n->attr, n, dy);
}

/* Linear in dy; in y it is piecewise constant, so that gradient is zero. */
static void clip_bwd_grad(struct oddi_graph *g, struct oddi_node *n, struct oddi_node *dz,
                          struct oddi_node *dsrc[ODDI_MAX_SRC])
{
    dsrc[1] = oddi_op_2(g, "clip_bwd", &n->attr, n->src[0], dz);
}

const struct oddi_op oddi_op_clip = {
    .name = "clip", .src_min = 1, .src_max = 1, .shape = clip_shape, .grad = clip_grad};
const struct oddi_op oddi_op_clip_bwd = {
    .name = "clip_bwd", .src_min = 2, .src_max = 2, .shape = clip_shape, .grad = clip_bwd_grad};

struct oddi_node *oddi_clip(struct oddi_graph *g, struct oddi_node *x, double lo, double hi)
{
    const struct oddi_attr attr = {.f = {lo, hi}};
    return oddi_op_1(g, "clip", &attr, x);
}
