/* SPDX-License-Identifier: Apache-2.0
 *
 * The description of a network as a method makes it (build.h).
 */
#include "nn/build.h"

#include <string.h>

void oddi_build_init(struct oddi_build *b, struct odd_context *ctx,
                     const struct oddi_values *values, const struct oddi_geometry *in,
                     int64_t batch)
{
    memset(b, 0, sizeof(*b));
    oddi_graph_init(&b->graph, ctx);
    b->values = values;
    b->in = *in;
    b->batch = batch;
    b->image = oddi_input(&b->graph, "image",
                          oddi_shape_make(4, batch, in->channels, in->height, in->width));
}

void oddi_build_release(struct oddi_build *b)
{
    if (b->graph.ctx)
        oddi_free(b->graph.ctx, b->gradient);
    oddi_graph_release(&b->graph);
    memset(b, 0, sizeof(*b));
}

static void build_fail(struct oddi_build *b, odd_status status)
{
    if (b->graph.status == ODD_OK)
        b->graph.status = status;
}

/* Parameters of the group that the graph has so far. */
static int build_targets(const struct oddi_graph *g, const char *group, struct oddi_node **target)
{
    int count = 0;
    for (int i = 0; i < g->count; i++) {
        struct oddi_node *n = g->node[i];
        if ((n->flags & ODDI_NODE_PARAM) && !(n->flags & ODDI_NODE_FROZEN) &&
            strcmp(n->group, group) == 0)
            target[count++] = n;
    }
    return count;
}

static odd_status build_gradients(struct oddi_build *b, struct oddi_node *loss, const char *group)
{
    struct oddi_graph *g = &b->graph;
    odd_status status = ODD_OK;
    const size_t known = (size_t)g->count;
    void *list = b->gradient;
    struct oddi_node **target = oddi_alloc_array(g->ctx, known, 2 * sizeof(struct oddi_node *));
    if (!target)
        return ODD_ENOMEM;
    struct oddi_node **grad = target + known;
    const int count = build_targets(g, group, target);
    TRY(oddi_reserve(g->ctx, &list, &b->gradients_capacity, b->gradients + known,
                     sizeof(*b->gradient)));
    b->gradient = list;
    TRY(oddi_graph_grad(g, loss, count, target, grad));
    for (int i = 0; i < count; i++) {
        if (!grad[i])
            continue; /* the loss does not depend on it: its gradient stays zero */
        oddi_output(g, grad[i], NULL);
        b->gradient[b->gradients++] = (struct oddi_gradient){target[i], grad[i]};
    }
out:
    oddi_free(g->ctx, target);
    return status;
}

void oddi_build_phase(struct oddi_build *b, const char *name, struct oddi_node *loss,
                      const char *group)
{
    struct oddi_graph *g = &b->graph;
    if (g->status != ODD_OK)
        return;
    if (b->phases == ODDI_PHASES_MAX) {
        build_fail(b, oddi_fail(g->ctx, ODD_EBUG, "too many phases"));
        return;
    }
    build_fail(b, build_gradients(b, loss, group));
    b->phase[b->phases++] = (struct oddi_phase){name, group, loss};
    g->phase++;
}

struct oddi_node *oddi_build_frozen(struct oddi_build *b, const char *name, struct oddi_node *node)
{
    struct oddi_graph *g = &b->graph;
    if (b->part == ODDI_BUILD_WHOLE || g->status != ODD_OK || !node)
        return node;
    if (b->frozens == ODDI_FROZEN_MAX || g->phase > 0) {
        build_fail(b, oddi_fail(g->ctx, ODD_EBUG, "%s: too many frozen nodes, or too late", name));
        return NULL;
    }
    struct oddi_node *kept = node;
    if (b->part == ODDI_BUILD_REST)
        kept = node = oddi_input(g, name, node->shape);
    else if (node->op && strcmp(node->op->name, "stop") == 0)
        kept = node->src[0]; /* not a copy of it */
    if (kept)
        b->frozen[b->frozens++] = (struct oddi_result){name, kept};
    return node;
}

odd_status oddi_build_keep_frozen(struct oddi_build *b)
{
    struct oddi_node *keep[ODDI_FROZEN_MAX];
    for (int i = 0; i < b->frozens; i++)
        keep[i] = b->frozen[i].node;
    b->results = b->phases = 0;
    b->gradients = 0;
    return oddi_graph_keep_only(&b->graph, keep, b->frozens);
}

void oddi_build_result(struct oddi_build *b, const char *name, struct oddi_node *node)
{
    if (b->graph.status != ODD_OK || !node)
        return;
    if (b->results == ODDI_RESULTS_MAX) {
        build_fail(b, oddi_fail(b->graph.ctx, ODD_EBUG, "too many results"));
        return;
    }
    oddi_output(&b->graph, node, NULL);
    b->result[b->results++] = (struct oddi_result){name, node};
}

struct oddi_node *oddi_build_find(const struct oddi_build *b, const char *name)
{
    for (int i = 0; i < b->results; i++)
        if (strcmp(b->result[i].name, name) == 0)
            return b->result[i].node;
    return NULL;
}

struct oddi_node *oddi_build_constant(struct oddi_build *b, const char *name,
                                      struct oddi_shape shape, double value)
{
    struct oddi_node *n = oddi_param(&b->graph, "const", name, shape,
                                     (struct oddi_init){ODDI_INIT_CONST, (float)value, 0.0f});
    if (n)
        n->flags |= ODDI_NODE_FROZEN;
    return n;
}

struct oddi_node *oddi_build_scalar(struct oddi_build *b, const char *name)
{
    return oddi_input(&b->graph, name, oddi_shape_make(0, 1, 1, 1, 1));
}

bool oddi_build_holds(const struct oddi_node *node)
{
    return (node->flags & ODDI_NODE_PARAM) && strcmp(node->group, "const") != 0;
}
