/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of this folder share: the checks that most shape rules consist of, and how an op
 * is applied. docs/internals/ops.md has every formula and the meaning of every attribute.
 *
 * A shape rule returns ODD_OK after setting node->shape; its message names the node. A gradient
 * rule may emit nodes that nothing reads: the planner leaves them out.
 */
#ifndef ODDI_GRAPH_OPS_OPS_H
#define ODDI_GRAPH_OPS_OPS_H
#include "graph/graph.h"

#define OP(name) extern const struct oddi_op oddi_op_##name;
#include "graph/ops.def"
#undef OP

/* ODD_ESHAPE "<node>: <op> of <shapes of the sources>: <what>". */
odd_status oddi_op_bad(struct odd_context *ctx, const struct oddi_node *node, const char *what);
/* The result has the shape of src[0]. */
odd_status oddi_op_like_first(struct odd_context *ctx, struct oddi_node *node);
/* All sources have one shape, and so has the result. */
odd_status oddi_op_all_same(struct odd_context *ctx, struct oddi_node *node);
/* All sources but the last, a scalar, have one shape, and so has the result. */
odd_status oddi_op_same_and_scalar(struct odd_context *ctx, struct oddi_node *node);
/* All sources are one (rows, columns) shape, and so is the result. */
odd_status oddi_op_rows(struct odd_context *ctx, struct oddi_node *node);
/* The result's shape is in the attributes: i0..i3, i4 rank. */
odd_status oddi_op_shape_attr(struct odd_context *ctx, struct oddi_node *node);
struct oddi_attr oddi_op_attr_of(struct oddi_shape shape);
/* src[i] is a vector of `count` elements. */
bool oddi_op_vector(const struct oddi_node *node, int i, int64_t count);
/* src[i] is (rows, columns). */
bool oddi_op_matrix(const struct oddi_node *node, int i, int64_t rows, int64_t columns);
/* A picture (N,C,H,W) or rows (N,C): what has channels. */
bool oddi_op_has_channels(const struct oddi_node *node, int i);

/* oddi_apply for one, two, three sources. NULL sources of a failed graph pass through. */
struct oddi_node *oddi_op_1(struct oddi_graph *g, const char *op, const struct oddi_attr *attr,
                            struct oddi_node *a);
struct oddi_node *oddi_op_2(struct oddi_graph *g, const char *op, const struct oddi_attr *attr,
                            struct oddi_node *a, struct oddi_node *b);
struct oddi_node *oddi_op_3(struct oddi_graph *g, const char *op, const struct oddi_attr *attr,
                            struct oddi_node *const src[3]);

/* Gradient rules of ops with a fused activation (i2) fail: fusion comes after differentiation. */
bool oddi_op_fused(struct oddi_graph *g, const struct oddi_node *node);
/* factor * sum(x), and factor * s everywhere: adjoint to each other. */
struct oddi_node *oddi_op_sum_scaled(struct oddi_graph *g, struct oddi_node *x, double factor);
struct oddi_node *oddi_op_fill_scaled(struct oddi_graph *g, struct oddi_node *s,
                                      struct oddi_shape shape, double factor);
#endif
