/* SPDX-License-Identifier: Apache-2.0
 *
 * Binary cross-entropy of logits x against one target t for all, with softplus(x) = log(1 + e^x)
 * and sigma its derivative:
 *
 *   bce      e = sum (softplus(x) - t x) / n
 *   bce_bwd  d = h / n (sigma(x) - t)           h: the gradient of e
 */
#include "graph/ops/ops.h"

static odd_status bce_shape(struct odd_context *ctx, struct oddi_node *n)
{
    odd_status status = oddi_op_same_and_scalar(ctx, n);
    n->shape = oddi_shape_make(0, 1, 1, 1, 1);
    return status;
}

static void bce_grad(struct oddi_graph *g, struct oddi_node *n, struct oddi_node *de,
                     struct oddi_node *dsrc[ODDI_MAX_SRC])
{
    struct oddi_node *x = n->src[0], *t = n->src[1];
    struct oddi_node *const src[] = {x, t, de};
    if (oddi_wants(g, x))
        dsrc[0] = oddi_op_3(g, "bce_bwd", NULL, src);
    if (oddi_wants(g, t))
        dsrc[1] =
            oddi_mul(g, de, oddi_op_sum_scaled(g, x, -1.0 / (double)oddi_shape_count(&x->shape)));
}

static odd_status bce_bwd_shape(struct odd_context *ctx, struct oddi_node *n)
{
    if (n->src[1]->shape.rank != 0 || n->src[2]->shape.rank != 0)
        return oddi_op_bad(ctx, n, "target and gradient must be scalars");
    return oddi_op_like_first(ctx, n);
}

/* With u = tanh(x/2): sigma = (1 + u)/2 and sigma' = (1 - u^2)/4. */
static void bce_bwd_grad(struct oddi_graph *g, struct oddi_node *n, struct oddi_node *dz,
                         struct oddi_node *dsrc[ODDI_MAX_SRC])
{
    struct oddi_node *t = n->src[1], *h = n->src[2];
    const double one = 1.0 / (double)oddi_shape_count(&n->shape);
    struct oddi_node *u = oddi_tanh(g, oddi_scale(g, n->src[0], 0.5));
    struct oddi_node *total = oddi_op_sum_scaled(g, dz, one); /* sum dz / n */
    if (oddi_wants(g, n->src[0])) {
        struct oddi_node *curve = oddi_op_2(g, "tanh_bwd", NULL, u, dz);
        dsrc[0] = oddi_scale(g, oddi_mul_scalar(g, curve, h), 0.25 * one);
    }
    if (oddi_wants(g, t))
        dsrc[1] = oddi_scale(g, oddi_mul(g, total, h), -1.0);
    if (oddi_wants(g, h)) {
        struct oddi_node *half = oddi_op_sum_scaled(g, oddi_mul(g, dz, u), 0.5 * one);
        struct oddi_node *sigma = oddi_add(g, half, oddi_scale(g, total, 0.5));
        dsrc[2] = oddi_sub(g, sigma, oddi_mul(g, t, total));
    }
}

const struct oddi_op oddi_op_bce = {
    .name = "bce", .src_min = 2, .src_max = 2, .shape = bce_shape, .grad = bce_grad};
const struct oddi_op oddi_op_bce_bwd = {
    .name = "bce_bwd", .src_min = 3, .src_max = 3, .shape = bce_bwd_shape, .grad = bce_bwd_grad};

struct oddi_node *oddi_bce(struct oddi_graph *g, struct oddi_node *x, struct oddi_node *target)
{
    return oddi_op_2(g, "bce", NULL, x, target);
}
