/* SPDX-License-Identifier: Apache-2.0
 *
 * Normalisation per channel over N, H, W (n values each). stats is (2, C): mean and variance.
 *
 *   bn_stats    mean = sum x / n,  var = sum (x - mean)^2 / n
 *   batchnorm   xhat = (x - mean) / sqrt(var + eps),  y = gamma xhat + beta
 *   bn_red      (sum dy xhat, sum dy) = (dgamma, dbeta)
 *   bn_dx       dx = gamma / sqrt(var + eps) * (dy - red1/n - xhat red0/n)   batch statistics (i0 =
 * 1) dx = gamma / sqrt(var + eps) * dy                            given ones (i0 = 0) bn_running
 * running = (1-m) running + m (mean, var n/(n-1))              in place
 *
 * When stats is bn_stats(x) of the same x the gradient goes through the statistics, all of it in
 * bn_dx; any other stats are constants to batchnorm. attr f0: eps or m.
 */
#include "graph/ops/ops.h"

#include <string.h>

static odd_status bn_stats_shape(struct odd_context *ctx, struct oddi_node *n)
{
    if (!oddi_op_has_channels(n, 0))
        return oddi_op_bad(ctx, n, "(N, C) or (N, C, H, W) is wanted");
    n->shape = oddi_shape_make(2, 2, n->src[0]->shape.dim[1], 1, 1);
    return ODD_OK;
}

static double bn_count(const struct oddi_node *x)
{
    return (double)(oddi_shape_count(&x->shape) / x->shape.dim[1]);
}

/* dx = dmean / n + 2 dvar (x - mean) / n; the term through the mean inside of var is zero. */
static void bn_stats_grad(struct oddi_graph *g, struct oddi_node *n, struct oddi_node *ds,
                          struct oddi_node *dsrc[ODDI_MAX_SRC])
{
    struct oddi_node *x = n->src[0];
    const double count = bn_count(x);
    struct oddi_node *dmean = oddi_scale(g, oddi_row(g, ds, 0), 1.0 / count);
    struct oddi_node *dvar = oddi_scale(g, oddi_row(g, ds, 1), 2.0 / count);
    struct oddi_node *centred = oddi_sub(g, x, oddi_expand_c(g, oddi_row(g, n, 0), x->shape));
    dsrc[0] = oddi_add(g, oddi_expand_c(g, dmean, x->shape),
                       oddi_mul(g, centred, oddi_expand_c(g, dvar, x->shape)));
}

static bool bn_stats_fit(const struct oddi_node *n)
{
    return oddi_op_has_channels(n, 0) && oddi_op_matrix(n, 1, 2, n->src[0]->shape.dim[1]);
}

static odd_status batchnorm_shape(struct odd_context *ctx, struct oddi_node *n)
{
    const int64_t c = n->src[0]->shape.dim[1];
    if (!bn_stats_fit(n) || !oddi_op_vector(n, 2, c) || !oddi_op_vector(n, 3, c))
        return oddi_op_bad(ctx, n, "x, statistics (2, C), gamma (C) and beta (C) are wanted");
    if (!(n->attr.f[0] >= 0))
        return oddi_op_bad(ctx, n, "eps must not be negative");
    return oddi_op_like_first(ctx, n);
}

static bool bn_of_batch(const struct oddi_node *n)
{
    const struct oddi_node *stats = n->src[1];
    return stats->op && strcmp(stats->op->name, "bn_stats") == 0 && stats->src[0] == n->src[0];
}

static void batchnorm_grad(struct oddi_graph *g, struct oddi_node *n, struct oddi_node *dy,
                           struct oddi_node *dsrc[ODDI_MAX_SRC])
{
    if (oddi_op_fused(g, n))
        return;
    struct oddi_attr attr = {.i = {bn_of_batch(n)}, .f = {n->attr.f[0]}};
    struct oddi_node *const from[] = {n->src[0], n->src[1], dy};
    struct oddi_node *red = NULL;
    if (attr.i[0] || oddi_wants(g, n->src[2]) || oddi_wants(g, n->src[3]))
        red = oddi_op_3(g, "bn_red", &attr, from);
    if (oddi_wants(g, n->src[2]))
        dsrc[2] = oddi_row(g, red, 0);
    if (oddi_wants(g, n->src[3]))
        dsrc[3] = oddi_row(g, red, 1);
    if (!oddi_wants(g, n->src[0]))
        return;
    /* With given statistics bn_dx does not read red; anything of its shape can stand there. */
    struct oddi_node *const src[] = {n->src[0], n->src[1], n->src[2], dy,
                                     attr.i[0] ? red : n->src[1]};
    dsrc[0] = oddi_apply(g, "bn_dx", &attr, 5, src);
}

static odd_status bn_red_shape(struct odd_context *ctx, struct oddi_node *n)
{
    if (!bn_stats_fit(n) || !oddi_shape_equal(&n->src[2]->shape, &n->src[0]->shape))
        return oddi_op_bad(ctx, n, "x, statistics (2, C) and dy like x are wanted");
    n->shape = n->src[1]->shape;
    return ODD_OK;
}

static odd_status bn_dx_shape(struct odd_context *ctx, struct oddi_node *n)
{
    const int64_t c = n->src[0]->shape.dim[1];
    if (!bn_stats_fit(n) || !oddi_op_vector(n, 2, c) || !oddi_op_matrix(n, 4, 2, c) ||
        !oddi_shape_equal(&n->src[3]->shape, &n->src[0]->shape))
        return oddi_op_bad(ctx, n,
                           "x, statistics (2, C), gamma (C), dy like x and red (2, C) are wanted");
    return oddi_op_like_first(ctx, n);
}

static odd_status bn_running_shape(struct odd_context *ctx, struct oddi_node *n)
{
    const struct oddi_shape *s = &n->src[0]->shape;
    if (s->rank != 2 || s->dim[0] != 2 || !oddi_shape_equal(s, &n->src[1]->shape))
        return oddi_op_bad(ctx, n, "two statistics (2, C) are wanted");
    if (!(n->src[0]->flags & ODDI_NODE_PARAM))
        return oddi_op_bad(ctx, n, "running statistics must be a parameter");
    if (!(n->attr.f[0] >= 0 && n->attr.f[0] <= 1) || n->attr.i[0] < 1)
        return oddi_op_bad(ctx, n, "a momentum in [0, 1] and a count >= 1 are wanted");
    return oddi_op_like_first(ctx, n);
}

const struct oddi_op oddi_op_bn_stats = {
    .name = "bn_stats", .src_min = 1, .src_max = 1, .shape = bn_stats_shape, .grad = bn_stats_grad};
const struct oddi_op oddi_op_batchnorm = {.name = "batchnorm",
                                          .src_min = 4,
                                          .src_max = 4,
                                          .shape = batchnorm_shape,
                                          .grad = batchnorm_grad};
const struct oddi_op oddi_op_bn_red = {
    .name = "bn_red", .src_min = 3, .src_max = 3, .shape = bn_red_shape};
const struct oddi_op oddi_op_bn_dx = {
    .name = "bn_dx", .src_min = 5, .src_max = 5, .shape = bn_dx_shape};
const struct oddi_op oddi_op_bn_running = {
    .name = "bn_running", .src_min = 2, .src_max = 2, .shape = bn_running_shape, .in_place = true};

struct oddi_node *oddi_bn_stats(struct oddi_graph *g, struct oddi_node *x)
{
    return oddi_op_1(g, "bn_stats", NULL, x);
}

struct oddi_node *oddi_batchnorm(struct oddi_graph *g, struct oddi_node *x, struct oddi_node *stats,
                                 struct oddi_node *gamma, struct oddi_node *beta, double eps)
{
    const struct oddi_attr attr = {.f = {eps}};
    struct oddi_node *const src[] = {x, stats, gamma, beta};
    return oddi_apply(g, "batchnorm", &attr, 4, src);
}

struct oddi_node *oddi_bn_running(struct oddi_graph *g, struct oddi_node *running,
                                  struct oddi_node *stats, double momentum, int64_t n)
{
    const struct oddi_attr attr = {.i = {n}, .f = {momentum}};
    return oddi_op_2(g, "bn_running", &attr, running, stats);
}
