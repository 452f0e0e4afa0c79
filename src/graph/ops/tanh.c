/* SPDX-License-Identifier: Apache-2.0
 *
 * y = tanh(x);  dx = tanh_bwd(y, dy) = dy (1 - y^2).
 */
#include "graph/ops/ops.h"

static void tanh_grad(struct oddi_graph *g, struct oddi_node *n, struct oddi_node *dy,
                      struct oddi_node *dsrc[ODDI_MAX_SRC])
{
    dsrc[0] = oddi_op_2(g, "tanh_bwd", NULL, n, dy);
}

static void tanh_bwd_grad(struct oddi_graph *g, struct oddi_node *n, struct oddi_node *dz,
                          struct oddi_node *dsrc[ODDI_MAX_SRC])
{
    struct oddi_node *y = n->src[0], *dy = n->src[1];
    if (oddi_wants(g, y))
        dsrc[0] = oddi_scale(g, oddi_mul(g, oddi_mul(g, y, dy), dz), -2.0);
    if (oddi_wants(g, dy))
        dsrc[1] = oddi_op_2(g, "tanh_bwd", NULL, y, dz);
}

const struct oddi_op oddi_op_tanh = {
    .name = "tanh", .src_min = 1, .src_max = 1, .shape = oddi_op_like_first, .grad = tanh_grad};
const struct oddi_op oddi_op_tanh_bwd = {.name = "tanh_bwd",
                                         .src_min = 2,
                                         .src_max = 2,
                                         .shape = oddi_op_all_same,
                                         .grad = tanh_bwd_grad};

struct oddi_node *oddi_tanh(struct oddi_graph *g, struct oddi_node *x)
{
    return oddi_op_1(g, "tanh", NULL, x);
}
