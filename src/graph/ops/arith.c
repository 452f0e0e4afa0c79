/* SPDX-License-Identifier: Apache-2.0
 *
 * Element by element: add, sub, mul of equal shapes; scale by a constant (attr f0); mul_scalar by
 * a scalar node.
 */
#include "graph/ops/ops.h"

static void arith_add_grad(struct oddi_graph *g, struct oddi_node *n, struct oddi_node *dy,
                           struct oddi_node *dsrc[ODDI_MAX_SRC])
{
    (void)g;
    (void)n;
    dsrc[0] = dsrc[1] = dy;
}

static void arith_sub_grad(struct oddi_graph *g, struct oddi_node *n, struct oddi_node *dy,
                           struct oddi_node *dsrc[ODDI_MAX_SRC])
{
    dsrc[0] = dy;
    if (oddi_wants(g, n->src[1]))
        dsrc[1] = oddi_scale(g, dy, -1.0);
}

static void arith_mul_grad(struct oddi_graph *g, struct oddi_node *n, struct oddi_node *dy,
                           struct oddi_node *dsrc[ODDI_MAX_SRC])
{
    for (int i = 0; i < 2; i++)
        if (oddi_wants(g, n->src[i]))
            dsrc[i] = oddi_mul(g, dy, n->src[1 - i]);
}

static void arith_scale_grad(struct oddi_graph *g, struct oddi_node *n, struct oddi_node *dy,
                             struct oddi_node *dsrc[ODDI_MAX_SRC])
{
    dsrc[0] = oddi_scale(g, dy, n->attr.f[0]);
}

static void arith_mul_scalar_grad(struct oddi_graph *g, struct oddi_node *n, struct oddi_node *dy,
                                  struct oddi_node *dsrc[ODDI_MAX_SRC])
{
    if (oddi_wants(g, n->src[0]))
        dsrc[0] = oddi_mul_scalar(g, dy, n->src[1]);
    if (oddi_wants(g, n->src[1]))
        dsrc[1] = oddi_sum(g, oddi_mul(g, dy, n->src[0]));
}

const struct oddi_op oddi_op_add = {
    .name = "add", .src_min = 2, .src_max = 2, .shape = oddi_op_all_same, .grad = arith_add_grad};
const struct oddi_op oddi_op_sub = {
    .name = "sub", .src_min = 2, .src_max = 2, .shape = oddi_op_all_same, .grad = arith_sub_grad};
const struct oddi_op oddi_op_mul = {
    .name = "mul", .src_min = 2, .src_max = 2, .shape = oddi_op_all_same, .grad = arith_mul_grad};
const struct oddi_op oddi_op_scale = {.name = "scale",
                                      .src_min = 1,
                                      .src_max = 1,
                                      .shape = oddi_op_like_first,
                                      .grad = arith_scale_grad};
const struct oddi_op oddi_op_mul_scalar = {.name = "mul_scalar",
                                           .src_min = 2,
                                           .src_max = 2,
                                           .shape = oddi_op_same_and_scalar,
                                           .grad = arith_mul_scalar_grad};

struct oddi_node *oddi_add(struct oddi_graph *g, struct oddi_node *a, struct oddi_node *b)
{
    return oddi_op_2(g, "add", NULL, a, b);
}

struct oddi_node *oddi_sub(struct oddi_graph *g, struct oddi_node *a, struct oddi_node *b)
{
    return oddi_op_2(g, "sub", NULL, a, b);
}

struct oddi_node *oddi_mul(struct oddi_graph *g, struct oddi_node *a, struct oddi_node *b)
{
    return oddi_op_2(g, "mul", NULL, a, b);
}

struct oddi_node *oddi_scale(struct oddi_graph *g, struct oddi_node *a, double factor)
{
    const struct oddi_attr attr = {.f = {factor}};
    return oddi_op_1(g, "scale", &attr, a);
}

struct oddi_node *oddi_mul_scalar(struct oddi_graph *g, struct oddi_node *a, struct oddi_node *s)
{
    return oddi_op_2(g, "mul_scalar", NULL, a, s);
}
