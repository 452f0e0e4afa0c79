/* SPDX-License-Identifier: Apache-2.0
 *
 * Hard shrinkage of rows of weights: those above lambda (attr f0), and always the (first) largest,
 * are kept and divided by their sum S; the rest becomes 0. With the set of kept ones held fixed,
 * shrink_bwd(w, v, dv) = mask (dv - <v, dv>) / S.
 */
#include "graph/ops/ops.h"

static void shrink_grad(struct oddi_graph *g, struct oddi_node *n, struct oddi_node *dv,
                        struct oddi_node *dsrc[ODDI_MAX_SRC])
{
    struct oddi_node *const src[] = {n->src[0], n, dv};
    dsrc[0] = oddi_op_3(g, "shrink_bwd", &n->attr, src);
}

const struct oddi_op oddi_op_shrink = {
    .name = "shrink", .src_min = 1, .src_max = 1, .shape = oddi_op_rows, .grad = shrink_grad};
const struct oddi_op oddi_op_shrink_bwd = {
    .name = "shrink_bwd", .src_min = 3, .src_max = 3, .shape = oddi_op_rows};

struct oddi_node *oddi_shrink(struct oddi_graph *g, struct oddi_node *w, double lambda)
{
    const struct oddi_attr attr = {.f = {lambda}};
    return oddi_op_1(g, "shrink", &attr, w);
}
