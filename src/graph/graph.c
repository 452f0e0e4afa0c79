/* SPDX-License-Identifier: Apache-2.0
 *
 * Building the static graph: leaves, applications, names. A node is checked by its op's shape()
 * as it is made; the first failure is kept in g->status and every later call returns a harmless
 * NULL, so methods read like their papers.
 */
#include "graph/graph.h"

#include <string.h>

void oddi_graph_init(struct oddi_graph *g, struct odd_context *ctx)
{
    memset(g, 0, sizeof(*g));
    g->ctx = ctx;
    g->scope = "";
    oddi_arena_init(&g->arena, ctx);
}

void oddi_graph_release(struct oddi_graph *g)
{
    if (!g->ctx)
        return;
    oddi_free(g->ctx, g->node);
    oddi_arena_release(&g->arena);
    memset(g, 0, sizeof(*g));
}

odd_status oddi_graph_status(const struct oddi_graph *g)
{
    return g->status;
}

static void graph_fail(struct oddi_graph *g, odd_status status)
{
    if (g->status == ODD_OK)
        g->status = status;
}

/* A node with its id, appended; NULL (and a failed graph) without memory. */
static struct oddi_node *graph_append(struct oddi_graph *g)
{
    void *nodes = g->node;
    odd_status status =
        oddi_reserve(g->ctx, &nodes, &g->capacity, (size_t)g->count + 1, sizeof(*g->node));
    g->node = nodes;
    struct oddi_node *n = NULL;
    if (status == ODD_OK)
        n = oddi_arena_alloc(&g->arena, sizeof(*n));
    if (!n) {
        graph_fail(g, ODD_ENOMEM);
        return NULL;
    }
    n->id = g->count;
    n->phase = g->phase;
    g->node[g->count++] = n;
    return n;
}

/* Takes back the node appended last, so that every node of a graph has a name and a shape. */
static struct oddi_node *graph_drop_last(struct oddi_graph *g, odd_status status)
{
    g->count--;
    graph_fail(g, status);
    return NULL;
}

static struct oddi_node *graph_leaf(struct oddi_graph *g, const char *name, struct oddi_shape shape)
{
    if (g->status != ODD_OK)
        return NULL;
    if (!oddi_shape_valid(&shape)) {
        char text[ODDI_SHAPE_TEXT];
        graph_fail(g, oddi_fail(g->ctx, ODD_ESHAPE, "%s: impossible shape %s", name,
                                oddi_shape_text(&shape, text)));
        return NULL;
    }
    struct oddi_node *n = graph_append(g);
    if (!n)
        return NULL;
    n->name = oddi_arena_strdup(&g->arena, name);
    n->shape = shape;
    if (!n->name)
        graph_drop_last(g, ODD_ENOMEM);
    return n->name ? n : NULL;
}

struct oddi_node *oddi_input(struct oddi_graph *g, const char *name, struct oddi_shape shape)
{
    struct oddi_node *n = graph_leaf(g, name, shape);
    if (n)
        n->flags = ODDI_NODE_INPUT;
    return n;
}

struct oddi_node *oddi_find_node(const struct oddi_graph *g, const char *name)
{
    for (int i = 0; i < g->count; i++)
        if (strcmp(g->node[i]->name, name) == 0)
            return g->node[i];
    return NULL;
}

static struct oddi_node *graph_find_param(const struct oddi_graph *g, const char *name)
{
    for (int i = 0; i < g->count; i++)
        if ((g->node[i]->flags & ODDI_NODE_PARAM) && strcmp(g->node[i]->name, name) == 0)
            return g->node[i];
    return NULL;
}

struct oddi_node *oddi_param(struct oddi_graph *g, const char *group, const char *name,
                             struct oddi_shape shape, struct oddi_init init)
{
    if (g->status != ODD_OK)
        return NULL;
    struct oddi_node *n = graph_find_param(g, name);
    if (n && oddi_shape_equal(&n->shape, &shape))
        return n;
    if (n) {
        graph_fail(g, oddi_fail(g->ctx, ODD_EBUG, "parameter %s asked for with two shapes", name));
        return NULL;
    }
    n = graph_leaf(g, name, shape);
    if (!n)
        return NULL;
    n->flags = ODDI_NODE_PARAM;
    n->init = init;
    n->group = oddi_arena_strdup(&g->arena, group);
    return n->group ? n : graph_drop_last(g, ODD_ENOMEM);
}

static odd_status graph_check_call(const struct oddi_graph *g, const struct oddi_op *found,
                                   const char *op, int src_count, struct oddi_node *const *src)
{
    if (!found || src_count < found->src_min || src_count > found->src_max)
        return oddi_fail(g->ctx, ODD_EBUG, "%s with %d sources is no operation", op, src_count);
    for (int i = 0; i < src_count; i++)
        if (!src[i] || (src[i]->op && src[i]->phase > g->phase))
            return oddi_fail(g->ctx, ODD_EBUG, "%s: source %d is %s", op, i,
                             src[i] ? "of a later phase" : "missing");
    return ODD_OK;
}

struct oddi_node *oddi_apply(struct oddi_graph *g, const char *op, const struct oddi_attr *attr,
                             int src_count, struct oddi_node *const *src)
{
    if (g->status != ODD_OK)
        return NULL;
    const struct oddi_op *found = oddi_op_find(op);
    graph_fail(g, graph_check_call(g, found, op, src_count, src));
    struct oddi_node *n = g->status == ODD_OK ? graph_append(g) : NULL;
    if (!n)
        return NULL;
    n->op = found;
    if (attr)
        n->attr = *attr;
    n->src_count = src_count;
    memcpy(n->src, src, (size_t)src_count * sizeof(src[0]));
    n->name = oddi_arena_printf(&g->arena, "%s%s.%d", g->scope, op, n->id);
    if (!n->name)
        return graph_drop_last(g, ODD_ENOMEM);
    odd_status status = found->shape(g->ctx, n);
    if (status == ODD_OK && !oddi_shape_valid(&n->shape))
        status = oddi_fail(g->ctx, ODD_ESHAPE, "%s: the result would be too large", n->name);
    if (status != ODD_OK)
        return graph_drop_last(g, status);
    if (found->in_place) {
        n->flags |= ODDI_NODE_INPLACE;
        src[0]->flags |= ODDI_NODE_WRITTEN;
    }
    return n;
}

void oddi_output(struct oddi_graph *g, struct oddi_node *node, const char *name)
{
    if (g->status != ODD_OK || !node)
        return;
    node->flags |= ODDI_NODE_OUTPUT;
    if (!name)
        return;
    const char *own = oddi_arena_strdup(&g->arena, name);
    if (own)
        node->name = own;
    else
        graph_fail(g, ODD_ENOMEM);
}

bool oddi_wants(const struct oddi_graph *g, const struct oddi_node *node)
{
    return !g->wants || g->wants[node->id];
}
