/* SPDX-License-Identifier: Apache-2.0
 *
 * Per row, y = softmax(x / T) (attr f0); softmax_bwd(y, dy) = y (dy - <y, dy>) / T.
 */
#include "graph/ops/ops.h"

static odd_status softmax_shape(struct odd_context *ctx, struct oddi_node *n)
{
    if (!(n->attr.f[0] > 0))
        return oddi_op_bad(ctx, n, "the temperature must be positive");
    return oddi_op_rows(ctx, n);
}

static void softmax_grad(struct oddi_graph *g, struct oddi_node *n, struct oddi_node *dy,
                         struct oddi_node *dsrc[ODDI_MAX_SRC])
{
    dsrc[0] = oddi_op_2(g, "softmax_bwd", &n->attr, n, dy);
}

const struct oddi_op oddi_op_softmax = {
    .name = "softmax", .src_min = 1, .src_max = 1, .shape = softmax_shape, .grad = softmax_grad};
const struct oddi_op oddi_op_softmax_bwd = {
    .name = "softmax_bwd", .src_min = 2, .src_max = 2, .shape = softmax_shape};

struct oddi_node *oddi_softmax(struct oddi_graph *g, struct oddi_node *x, double temperature)
{
    const struct oddi_attr attr = {.f = {temperature}};
    return oddi_op_1(g, "softmax", &attr, x);
}
