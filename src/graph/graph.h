/* SPDX-License-Identifier: Apache-2.0
 *
 * The static graph: nodes made by ordinary calls, checked as they are made. The first error is
 * kept and later calls on a failed graph are no-ops, so building code has no error plumbing.
 * Gradients are nodes too (grad.c). Node order is execution order: a source always has a smaller
 * id.
 *
 * build (this file)  ->  oddi_graph_grad (grad.c)  ->  oddi_graph_fuse (fuse.c)  ->  oddi_plan
 * (plan.h)  ->  run. Phases (plan.h) are parts of a run that the caller starts one after another;
 * a node may read nodes of its own and of earlier phases.
 */
#ifndef ODDI_GRAPH_GRAPH_H
#define ODDI_GRAPH_GRAPH_H
#include "backend/backend.h"
#include "base/alloc.h"

struct oddi_op;
enum oddi_node_flag {
    ODDI_NODE_INPUT = 1u << 0,   /* filled by the caller before a run */
    ODDI_NODE_PARAM = 1u << 1,   /* lives in the training state or the model */
    ODDI_NODE_OUTPUT = 1u << 2,  /* kept until the end of the run, readable */
    ODDI_NODE_FROZEN = 1u << 3,  /* parameter without gradient */
    ODDI_NODE_INPLACE = 1u << 4, /* writes over its src[0], a parameter (running statistics) */
    ODDI_NODE_WRITTEN = 1u << 5, /* parameter that a node of this graph writes over */
    ODDI_NODE_KEPT = 1u << 6     /* gradient that the caller has: fusion must leave it */
};
/* How a parameter starts; all draws from oddi_rng(seed, INIT, hash(name), element / 4096). */
enum oddi_init_kind { ODDI_INIT_CONST, ODDI_INIT_NORMAL, ODDI_INIT_UNIFORM, ODDI_INIT_STATS };
struct oddi_init {
    enum oddi_init_kind kind; /* STATS: rows mean 0 and variance 1 of a (2, C) tensor */
    float a, b;               /* value | mean, sd | lo, hi */
};
struct oddi_node {
    int id, phase;
    unsigned flags;
    const struct oddi_op *op; /* NULL for inputs and parameters */
    const char *name;
    struct oddi_shape shape;
    struct oddi_attr attr;
    int src_count;
    struct oddi_node *src[ODDI_MAX_SRC];
    const char *group; /* parameters: which block of the training state */
    struct oddi_init init;
};
struct oddi_graph {
    struct odd_context *ctx;
    struct oddi_arena arena;
    struct oddi_node **node;
    int count;
    size_t capacity;
    int phase;         /* given to new nodes */
    bool training;     /* normalisation uses batch statistics */
    const char *scope; /* prefix of new nodes' names */
    odd_status status;
    const bool *wants; /* during oddi_graph_grad: which nodes need a gradient */
};

/* An op: one file in graph/ops, one row in ops.def. */
struct oddi_op {
    const char *name;
    int src_min, src_max;
    /* Checks the sources and attributes and sets node->shape; messages name the node. */
    odd_status (*shape)(struct odd_context *ctx, struct oddi_node *node);
    /* Emits nodes for the gradients of the sources, given that of the output; leaves NULL where
     * oddi_wants says no or where it is zero. A NULL function: not differentiable. */
    void (*grad)(struct oddi_graph *g, struct oddi_node *node, struct oddi_node *dy,
                 struct oddi_node *dsrc[ODDI_MAX_SRC]);
    bool in_place; /* dst takes the storage of src[0], which is a parameter */
};
const struct oddi_op *oddi_op_find(const char *name);
const struct oddi_op *oddi_op_at(int index); /* NULL after the last */

void oddi_graph_init(struct oddi_graph *g, struct odd_context *ctx);
void oddi_graph_release(struct oddi_graph *g);
odd_status oddi_graph_status(const struct oddi_graph *g);

struct oddi_node *oddi_input(struct oddi_graph *g, const char *name, struct oddi_shape shape);
/* The same name gives the same node again (shapes must agree). */
struct oddi_node *oddi_param(struct oddi_graph *g, const char *group, const char *name,
                             struct oddi_shape shape, struct oddi_init init);
struct oddi_node *oddi_apply(struct oddi_graph *g, const char *op, const struct oddi_attr *attr,
                             int src_count, struct oddi_node *const *src);
void oddi_output(struct oddi_graph *g, struct oddi_node *node, const char *name);
struct oddi_node *oddi_find_node(const struct oddi_graph *g, const char *name);
bool oddi_wants(const struct oddi_graph *g, const struct oddi_node *node);
/* Appends nodes that compute d loss / d target[i] (loss is a scalar); grad[i] is NULL where the
 * loss does not depend on the target, else a node of its own that may be bound to a place.
 * Gradients stop at "stop" nodes. */
odd_status oddi_graph_grad(struct oddi_graph *g, struct oddi_node *loss, int count,
                           struct oddi_node *const *target, struct oddi_node **grad);
/* Merges nodes that one kernel can compute (fuse.c) and drops those that nothing needs. Call it
 * once, after all gradients are made and outputs marked; only inputs, parameters, outputs and
 * gradients may be used by the caller afterwards. */
odd_status oddi_graph_fuse(struct oddi_graph *g);
/* Cuts the graph down to these nodes and what they need; they become its outputs. Inputs that nothing
 * needs go too. Call it before oddi_graph_fuse; other nodes may not be used afterwards. */
odd_status oddi_graph_keep_only(struct oddi_graph *g, struct oddi_node *const *keep, int count);

/* ---- the operations, one call each; formulas are in graph/ops/<op>.c ---- */
struct oddi_node *oddi_conv2d(struct oddi_graph *g, struct oddi_node *x, struct oddi_node *w,
                              struct oddi_node *bias, int stride, int pad); /* bias may be NULL */
/* Transposed convolution with w (in, out, kh, kw); output is h x w. */
struct oddi_node *oddi_conv2d_bwd_data(struct oddi_graph *g, struct oddi_node *dy,
                                       struct oddi_node *w, int stride, int pad,
                                       const int64_t hw[2]);
struct oddi_node *oddi_conv2d_bwd_weights(struct oddi_graph *g, struct oddi_node *x,
                                          struct oddi_node *dy, int stride, int pad,
                                          const int64_t k[2]);
struct oddi_node *oddi_bias(struct oddi_graph *g, struct oddi_node *x, struct oddi_node *b);
struct oddi_node *oddi_sum_nhw(struct oddi_graph *g, struct oddi_node *x); /* (N,C[,H,W]) -> (C) */
struct oddi_node *oddi_expand_c(struct oddi_graph *g, struct oddi_node *b, struct oddi_shape shape);
struct oddi_node *oddi_bn_stats(struct oddi_graph *g, struct oddi_node *x); /* -> (2,C) mean, var */
struct oddi_node *oddi_batchnorm(struct oddi_graph *g, struct oddi_node *x, struct oddi_node *stats,
                                 struct oddi_node *gamma, struct oddi_node *beta, double eps);
struct oddi_node *oddi_act(struct oddi_graph *g, struct oddi_node *x, double slope);
struct oddi_node *oddi_relu_guided(struct oddi_graph *g, struct oddi_node *x);
struct oddi_node *oddi_tanh(struct oddi_graph *g, struct oddi_node *x);
struct oddi_node *oddi_add(struct oddi_graph *g, struct oddi_node *a, struct oddi_node *b);
struct oddi_node *oddi_sub(struct oddi_graph *g, struct oddi_node *a, struct oddi_node *b);
struct oddi_node *oddi_mul(struct oddi_graph *g, struct oddi_node *a, struct oddi_node *b);
struct oddi_node *oddi_scale(struct oddi_graph *g, struct oddi_node *a, double factor);
struct oddi_node *oddi_mul_scalar(struct oddi_graph *g, struct oddi_node *a, struct oddi_node *s);
struct oddi_node *oddi_sum(struct oddi_graph *g, struct oddi_node *x); /* -> scalar */
struct oddi_node *oddi_fill(struct oddi_graph *g, struct oddi_node *s, struct oddi_shape shape);
struct oddi_node *oddi_mse(struct oddi_graph *g, struct oddi_node *a, struct oddi_node *b);
/* mean over elements of softplus(x) - target * x; target is a scalar node */
struct oddi_node *oddi_bce(struct oddi_graph *g, struct oddi_node *x, struct oddi_node *target);
struct oddi_node *oddi_concat(struct oddi_graph *g, struct oddi_node *a, struct oddi_node *b);
struct oddi_node *oddi_slice_c(struct oddi_graph *g, struct oddi_node *x, int64_t start,
                               int64_t count);
struct oddi_node *oddi_reshape(struct oddi_graph *g, struct oddi_node *x, struct oddi_shape shape);
struct oddi_node *oddi_row(struct oddi_graph *g, struct oddi_node *x,
                           int64_t row); /* (R,C) -> (C) */
struct oddi_node *oddi_matmul(struct oddi_graph *g, struct oddi_node *a, struct oddi_node *b,
                              bool trans_a, bool trans_b);
struct oddi_node *oddi_blocks(struct oddi_graph *g, struct oddi_node *x, const int64_t block[3]);
struct oddi_node *oddi_unblocks(struct oddi_graph *g, struct oddi_node *b, struct oddi_shape shape,
                                const int64_t block[3]);
struct oddi_node *oddi_row_normalize(struct oddi_graph *g, struct oddi_node *x, double eps);
struct oddi_node *oddi_softmax(struct oddi_graph *g, struct oddi_node *x, double temperature);
struct oddi_node *oddi_shrink(struct oddi_graph *g, struct oddi_node *w, double lambda);
/* Windows of kernel x kernel cells, pad <= kernel / 2; ceil: also the last, incomplete ones. */
struct oddi_node *oddi_maxpool(struct oddi_graph *g, struct oddi_node *x, int kernel, int stride,
                               int pad, bool ceil);
struct oddi_node *oddi_avgpool(struct oddi_graph *g, struct oddi_node *x); /* (N,C,H,W) -> (N,C) */
struct oddi_node *oddi_clip(struct oddi_graph *g, struct oddi_node *x, double lo, double hi);
/* Zeros around x, whose first cell comes to first[] of hw[0] x hw[1] cells. */
struct oddi_node *oddi_pad_hw(struct oddi_graph *g, struct oddi_node *x, const int64_t first[2],
                              const int64_t hw[2]);
/* Depthwise: w (C, 1, kh, kw). */
struct oddi_node *oddi_dwconv(struct oddi_graph *g, struct oddi_node *x, struct oddi_node *w,
                              int stride, int pad);
struct oddi_node *oddi_stop(struct oddi_graph *g, struct oddi_node *x);
/* running (2,C) parameter <- (1-momentum) running + momentum * stats, variance unbiased over n */
struct oddi_node *oddi_bn_running(struct oddi_graph *g, struct oddi_node *running,
                                  struct oddi_node *stats, double momentum, int64_t n);
#endif
