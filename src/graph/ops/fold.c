/* SPDX-License-Identifier: Apache-2.0
 *
 * Batch normalisation with given statistics, seen as part of the convolution before it. With
 * s[c] = gamma[c] / sqrt(var[c] + eps),
 *
 *   fold_bn_w  w, stats, gamma            wf = w * s along axis i0 of w: 0 conv2d, 1
 * conv2d_bwd_data fold_bn_b  stats, gamma, beta, [b]    bf = beta + (b - mean) * s, b = 0 if left
 * out
 *
 * Made by the fusion pass only, of parameters alone, so a plan computes them once per version.
 * attr f0: eps.
 */
#include "graph/ops/ops.h"

static odd_status fold_w_shape(struct odd_context *ctx, struct oddi_node *n)
{
    const struct oddi_shape *w = &n->src[0]->shape;
    const int64_t axis = n->attr.i[0];
    if (w->rank != 4 || axis < 0 || axis > 1 || !oddi_op_matrix(n, 1, 2, w->dim[axis]) ||
        !oddi_op_vector(n, 2, w->dim[axis]))
        return oddi_op_bad(ctx, n, "4-D weights, statistics (2, C) and gamma (C) are wanted");
    return oddi_op_like_first(ctx, n);
}

static odd_status fold_b_shape(struct odd_context *ctx, struct oddi_node *n)
{
    const int64_t c = n->src[0]->shape.dim[1];
    bool fit = oddi_op_matrix(n, 0, 2, c);
    for (int i = 1; i < n->src_count; i++)
        fit = fit && oddi_op_vector(n, i, c);
    if (!fit)
        return oddi_op_bad(ctx, n, "statistics (2, C) and vectors (C) are wanted");
    n->shape = n->src[1]->shape;
    return ODD_OK;
}

const struct oddi_op oddi_op_fold_bn_w = {
    .name = "fold_bn_w", .src_min = 3, .src_max = 3, .shape = fold_w_shape};
const struct oddi_op oddi_op_fold_bn_b = {
    .name = "fold_bn_b", .src_min = 3, .src_max = 4, .shape = fold_b_shape};
