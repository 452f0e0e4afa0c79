/* SPDX-License-Identifier: Apache-2.0
 *
 * Each row to length 1: y = x / (|x| + eps); eps (attr f0) guards rows of zeros. Its gradient,
 * row_normalize_bwd(x, y, dy), is dy / (|x| + eps) - <dy, y> y / |x|, without the last term for x =
 * 0.
 */
#include "graph/ops/ops.h"

static void row_normalize_grad(struct oddi_graph *g, struct oddi_node *n, struct oddi_node *dy,
                               struct oddi_node *dsrc[ODDI_MAX_SRC])
{
    struct oddi_node *const src[] = {n->src[0], n, dy};
    dsrc[0] = oddi_op_3(g, "row_normalize_bwd", &n->attr, src);
}

const struct oddi_op oddi_op_row_normalize = {.name = "row_normalize",
                                              .src_min = 1,
                                              .src_max = 1,
                                              .shape = oddi_op_rows,
                                              .grad = row_normalize_grad};
const struct oddi_op oddi_op_row_normalize_bwd = {
    .name = "row_normalize_bwd", .src_min = 3, .src_max = 3, .shape = oddi_op_rows};

struct oddi_node *oddi_row_normalize(struct oddi_graph *g, struct oddi_node *x, double eps)
{
    const struct oddi_attr attr = {.f = {eps}};
    return oddi_op_1(g, "row_normalize", &attr, x);
}
