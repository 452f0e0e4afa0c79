/* SPDX-License-Identifier: Apache-2.0
 *
 * Leaky ReLU, y = x > 0 ? x : slope x with slope >= 0 (attr f3; 0 is ReLU). Its gradient reads the
 * result, dx = y > 0 ? dy : slope dy, so that what is before the activation need not be kept.
 *
 * A guided ReLU (attr f1 = 1) has another rule backwards, which is no derivative: dx = y > 0 and
 * dy > 0 ? dy : 0 (Springenberg et al., Striving for Simplicity, 2015). It shows what in a picture
 * speaks for a result; a node has the rule or not, so a part of a graph can have it.
 */
#include "graph/ops/ops.h"

static odd_status act_shape(struct odd_context *ctx, struct oddi_node *n)
{
    if (!(n->attr.f[3] >= 0)) /* a negative slope would hide the sign of x */
        return oddi_op_bad(ctx, n, "the slope must not be negative");
    if (n->attr.f[1] != 0 && (n->attr.f[1] != 1 || n->attr.f[3] != 0))
        return oddi_op_bad(ctx, n, "guided is 0, or 1 and the slope 0");
    return oddi_op_all_same(ctx, n);
}

static void act_grad(struct oddi_graph *g, struct oddi_node *n, struct oddi_node *dy,
                     struct oddi_node *dsrc[ODDI_MAX_SRC])
{
    dsrc[0] = oddi_op_2(g, "act_bwd", &n->attr, n, dy);
}

/* Linear in dy; in y it is piecewise constant, so that gradient is zero. The guided rule has none.
 */
static void act_bwd_grad(struct oddi_graph *g, struct oddi_node *n, struct oddi_node *dz,
                         struct oddi_node *dsrc[ODDI_MAX_SRC])
{
    if (n->attr.f[1] != 0) {
        g->status =
            oddi_fail(g->ctx, ODD_ENOTSUP, "%s: a guided ReLU has no second derivative", n->name);
        return;
    }
    dsrc[1] = oddi_op_2(g, "act_bwd", &n->attr, n->src[0], dz);
}

const struct oddi_op oddi_op_act = {
    .name = "act", .src_min = 1, .src_max = 1, .shape = act_shape, .grad = act_grad};
const struct oddi_op oddi_op_act_bwd = {
    .name = "act_bwd", .src_min = 2, .src_max = 2, .shape = act_shape, .grad = act_bwd_grad};

struct oddi_node *oddi_relu_guided(struct oddi_graph *g, struct oddi_node *x)
{
    const struct oddi_attr attr = {.f = {0, 1, 0, 0}};
    return oddi_op_1(g, "act", &attr, x);
}

struct oddi_node *oddi_act(struct oddi_graph *g, struct oddi_node *x, double slope)
{
    const struct oddi_attr attr = {.f = {0, 0, 0, slope}};
    return oddi_op_1(g, "act", &attr, x);
}
