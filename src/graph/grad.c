/* SPDX-License-Identifier: Apache-2.0
 *
 * Reverse-mode differentiation that emits nodes. With y = op(x_1 .. x_k) and a loss E,
 *     dE/dx_i = sum over the uses of x_i of (dy/dx_i)^T dE/dy,
 * so one sweep from the loss down to the lowest target collects contributions in `grad` and adds
 * them. Only nodes on a path from a target to the loss take part (`wants`). As the results are
 * nodes, planner, tracer and tests see one kind of thing and second order needs nothing extra.
 */
#include "graph/graph.h"

#include <string.h>

/* wants[i]: node i depends on a target. "stop" nodes cut the dependence. */
static void grad_mark(const struct oddi_graph *g, int top, int count,
                      struct oddi_node *const *target, bool *wants)
{
    for (int t = 0; t < count; t++)
        if (target[t]->id <= top)
            wants[target[t]->id] = true;
    for (int i = 0; i <= top; i++) {
        const struct oddi_node *n = g->node[i];
        if (!n->op || strcmp(n->op->name, "stop") == 0)
            continue;
        for (int s = 0; s < n->src_count; s++)
            wants[i] = wants[i] || wants[n->src[s]->id];
    }
}

static bool grad_wanted_below(const struct oddi_graph *g, const struct oddi_node *n)
{
    bool wanted = false;
    for (int s = 0; s < n->src_count; s++)
        wanted = wanted || oddi_wants(g, n->src[s]);
    return wanted;
}

/* One node: asks its op for the contributions to the sources and adds them up. */
static void grad_visit(struct oddi_graph *g, struct oddi_node *n, struct oddi_node **sum)
{
    struct oddi_node *dsrc[ODDI_MAX_SRC] = {NULL};
    if (!grad_wanted_below(g, n))
        return;
    if (!n->op->grad) {
        g->status =
            oddi_fail(g->ctx, ODD_ENOTSUP, "%s: %s is not differentiable", n->name, n->op->name);
        return;
    }
    n->op->grad(g, n, sum[n->id], dsrc);
    for (int s = 0; s < n->src_count && g->status == ODD_OK; s++) {
        struct oddi_node **at = &sum[n->src[s]->id];
        if (dsrc[s] && oddi_wants(g, n->src[s]))
            *at = *at ? oddi_add(g, *at, dsrc[s]) : dsrc[s];
    }
}

/* The derivative of the loss by itself: 1, a parameter that nobody trains. */
static struct oddi_node *grad_seed(struct oddi_graph *g)
{
    struct oddi_node *seed = oddi_param(g, "const", "grad.seed", oddi_shape_make(0, 1, 1, 1, 1),
                                        (struct oddi_init){ODDI_INIT_CONST, 1.0f, 0.0f});
    if (seed)
        seed->flags |= ODDI_NODE_FROZEN;
    return seed;
}

/* Hands out the results. d(a + b) is one node for both a and b, and d loss / d loss is a parameter;
 * as each result may be bound to a place, such results become copies. */
static void grad_results(struct oddi_graph *g, int top, int count, struct oddi_node *const *target,
                         struct oddi_node *const *sum, struct oddi_node **grad)
{
    for (int t = 0; t < count; t++) {
        struct oddi_node *d = target[t]->id <= top ? sum[target[t]->id] : NULL;
        if (d && (!d->op || (d->flags & ODDI_NODE_KEPT)))
            d = oddi_scale(g, d, 1.0);
        if (d)
            d->flags |= ODDI_NODE_KEPT;
        grad[t] = d;
    }
}

static odd_status grad_check(struct oddi_graph *g, const struct oddi_node *loss, int count,
                             struct oddi_node *const *target)
{
    bool fit = loss && loss->shape.rank == 0;
    for (int t = 0; fit && t < count; t++)
        fit = target[t] != NULL;
    if (g->status == ODD_OK && !fit)
        g->status =
            oddi_fail(g->ctx, ODD_EBUG, "gradients need a scalar loss and nodes as targets");
    return g->status;
}

odd_status oddi_graph_grad(struct oddi_graph *g, struct oddi_node *loss, int count,
                           struct oddi_node *const *target, struct oddi_node **grad)
{
    for (int t = 0; t < count; t++)
        grad[t] = NULL;
    if (grad_check(g, loss, count, target) != ODD_OK)
        return g->status;
    size_t n = (size_t)loss->id + 1;
    odd_status status = ODD_OK;
    bool *wants = oddi_calloc(g->ctx, n, sizeof(*wants));
    struct oddi_node **sum = oddi_calloc(g->ctx, n, sizeof(*sum));
    if (!wants || !sum) {
        status = ODD_ENOMEM;
        goto out;
    }
    grad_mark(g, loss->id, count, target, wants);
    g->wants = wants;
    sum[loss->id] = grad_seed(g);
    for (int i = loss->id; i >= 0 && g->status == ODD_OK; i--)
        if (wants[i] && sum[i] && g->node[i]->op)
            grad_visit(g, g->node[i], sum);
    g->wants = NULL;
    if (g->status == ODD_OK)
        grad_results(g, loss->id, count, target, sum, grad);
    status = g->status;
out:
    g->wants = NULL;
    oddi_free(g->ctx, sum);
    oddi_free(g->ctx, wants);
    if (g->status == ODD_OK)
        g->status = status;
    return status;
}
