/* SPDX-License-Identifier: Apache-2.0
 *
 * Cutting a graph down to a few of its nodes. A source has a smaller id than its reader, so one
 * walk from the end finds all that they need.
 */
#include "graph/graph.h"

static void cut_mark(const struct oddi_graph *g, bool *live)
{
    for (int i = g->count - 1; i >= 0; i--)
        for (int s = 0; live[i] && s < g->node[i]->src_count; s++)
            live[g->node[i]->src[s]->id] = true;
}

odd_status oddi_graph_keep_only(struct oddi_graph *g, struct oddi_node *const *keep, int count)
{
    if (g->status != ODD_OK)
        return g->status;
    bool *live = oddi_calloc(g->ctx, (size_t)g->count + 1, sizeof(*live));
    if (!live)
        return g->status = ODD_ENOMEM;
    for (int i = 0; i < count; i++)
        live[keep[i]->id] = true;
    cut_mark(g, live);
    int kept = 0;
    for (int i = 0; i < g->count; i++) {
        struct oddi_node *n = g->node[i];
        n->flags &= ~(unsigned)(ODDI_NODE_OUTPUT | ODDI_NODE_KEPT);
        n->id = live[i] ? kept : -1;
        if (live[i])
            g->node[kept++] = n;
    }
    g->count = kept;
    for (int i = 0; i < count; i++)
        keep[i]->flags |= ODDI_NODE_OUTPUT;
    oddi_free(g->ctx, live);
    return ODD_OK;
}
