/* SPDX-License-Identifier: Apache-2.0
 *
 *   mse      e = sum (a - b)^2 / n
 *   mse_bwd  d = 2 g / n (a - b)       the gradient in a; that in b is mse_bwd(b, a, g)
 */
#include "graph/ops/ops.h"

static odd_status mse_shape(struct odd_context *ctx, struct oddi_node *n)
{
    odd_status status = oddi_op_all_same(ctx, n);
    n->shape = oddi_shape_make(0, 1, 1, 1, 1);
    return status;
}

static void mse_grad(struct oddi_graph *g, struct oddi_node *n, struct oddi_node *de,
                     struct oddi_node *dsrc[ODDI_MAX_SRC])
{
    for (int i = 0; i < 2; i++) {
        struct oddi_node *const src[] = {n->src[i], n->src[1 - i], de};
        if (oddi_wants(g, n->src[i]))
            dsrc[i] = oddi_op_3(g, "mse_bwd", NULL, src);
    }
}

static void mse_bwd_grad(struct oddi_graph *g, struct oddi_node *n, struct oddi_node *dz,
                         struct oddi_node *dsrc[ODDI_MAX_SRC])
{
    const double factor = 2.0 / (double)oddi_shape_count(&n->shape);
    if (oddi_wants(g, n->src[0]))
        dsrc[0] = oddi_scale(g, oddi_mul_scalar(g, dz, n->src[2]), factor);
    if (oddi_wants(g, n->src[1]))
        dsrc[1] = oddi_scale(g, oddi_mul_scalar(g, dz, n->src[2]), -factor);
    if (oddi_wants(g, n->src[2]))
        dsrc[2] = oddi_op_sum_scaled(g, oddi_mul(g, dz, oddi_sub(g, n->src[0], n->src[1])), factor);
}

const struct oddi_op oddi_op_mse = {
    .name = "mse", .src_min = 2, .src_max = 2, .shape = mse_shape, .grad = mse_grad};
const struct oddi_op oddi_op_mse_bwd = {.name = "mse_bwd",
                                        .src_min = 3,
                                        .src_max = 3,
                                        .shape = oddi_op_same_and_scalar,
                                        .grad = mse_bwd_grad};

struct oddi_node *oddi_mse(struct oddi_graph *g, struct oddi_node *a, struct oddi_node *b)
{
    return oddi_op_2(g, "mse", NULL, a, b);
}
