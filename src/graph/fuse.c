/* SPDX-License-Identifier: Apache-2.0
 *
 * Fusion: what one kernel can compute becomes one node. A producer p with one reader n is merged
 * into n, so n keeps its identity, place, name and readers, and p goes:
 *
 *   stop(x)                               readers take x itself (gradients are already made)
 *   conv -> bias                          conv with the bias as third source
 *   conv -> batchnorm of given statistics conv with folded weights and bias (ops/fold.c)
 *   conv | bias | batchnorm -> act        attributes i2, f3 of the producer
 *
 * where conv is conv2d, conv2d_bwd_data or dwconv. In node order a chain conv, bias, batchnorm, act folds
 * step by step into its last node. Computing p later, at n's place, changes nothing: it must be of
 * the same phase, and no source of it may be a parameter that some node writes over.
 * Kept are outputs, in-place nodes, gradients (ODDI_NODE_KEPT), leaves, and what these need.
 */
#include "graph/graph.h"

#include <string.h>

#define FUSE_DEPTH 3 /* of what is made of parameters and still counts as one */

struct fuse {
    struct oddi_graph *g;
    int *users;              /* by old id: how many sources of living nodes it is */
    bool *live;              /* by old id */
    struct oddi_node **list; /* the new order */
    size_t count;
};

static bool fuse_is(const struct oddi_node *n, const char *op)
{
    return n->op && strcmp(n->op->name, op) == 0;
}

static bool fuse_is_conv(const struct oddi_node *n)
{
    return fuse_is(n, "conv2d") || fuse_is(n, "conv2d_bwd_data") || fuse_is(n, "dwconv");
}

static bool fuse_is_root(const struct oddi_node *n)
{
    return (n->flags & (ODDI_NODE_OUTPUT | ODDI_NODE_INPLACE | ODDI_NODE_KEPT)) != 0;
}

/* A result that nobody changes after it is made (leaves may change between phases). */
static bool fuse_is_lasting(const struct oddi_node *n)
{
    return n->op && !(n->flags & ODDI_NODE_INPLACE);
}

/* Readers of a copy that only stops gradients read what it copies. */
static void fuse_stops(struct oddi_graph *g)
{
    for (int i = 0; i < g->count; i++)
        for (int s = 0; s < g->node[i]->src_count; s++) {
            struct oddi_node **src = &g->node[i]->src[s];
            while (fuse_is(*src, "stop") && fuse_is_lasting((*src)->src[0]))
                *src = (*src)->src[0];
        }
}

static void fuse_count(struct fuse *f)
{
    for (int i = f->g->count - 1; i >= 0; i--) {
        const struct oddi_node *n = f->g->node[i];
        f->live[i] = f->live[i] || fuse_is_root(n) || !n->op;
        for (int s = 0; f->live[i] && s < n->src_count; s++) {
            f->live[n->src[s]->id] = true;
            f->users[n->src[s]->id]++;
        }
    }
}

/* Can p be computed at n's place, and nowhere else? */
static bool fuse_alone(const struct fuse *f, const struct oddi_node *p, const struct oddi_node *n)
{
    bool alone =
        !fuse_is_root(p) && f->users[p->id] == 1 && p->phase == n->phase && p->attr.i[2] == 0;
    for (int s = 0; s < p->src_count; s++)
        alone = alone && !(p->src[s]->flags & (ODDI_NODE_WRITTEN | ODDI_NODE_INPLACE));
    return alone;
}

/* n becomes p with activation (act, slope); its sources are set by the caller. */
static void fuse_become(struct fuse *f, struct oddi_node *n, const struct oddi_node *p, int64_t act,
                        double slope)
{
    n->op = p->op;
    n->attr = p->attr;
    n->attr.i[2] = act;
    n->attr.f[3] = slope;
    f->live[p->id] = false;
}

static void fuse_bias(struct fuse *f, struct oddi_node *n)
{
    const struct oddi_node *p = n->src[0];
    if (!fuse_is(n, "bias") || !fuse_is_conv(p) || p->src_count != 2 || !fuse_alone(f, p, n))
        return;
    struct oddi_node *bias = n->src[1];
    fuse_become(f, n, p, n->attr.i[2], n->attr.f[3]);
    n->src[0] = p->src[0];
    n->src[1] = p->src[1];
    n->src[2] = bias;
    n->src_count = 3;
}

/* A parameter whose value the plan knows by version. */
static bool fuse_is_known(const struct oddi_node *n)
{
    return (n->flags & ODDI_NODE_PARAM) && !(n->flags & ODDI_NODE_WRITTEN);
}

/* Known, or made of what is known: a leaf is at most FUSE_DEPTH nodes away. */
static bool fuse_is_given(const struct oddi_node *n)
{
    const struct oddi_node *level[FUSE_DEPTH + 1] = {n};
    int next[FUSE_DEPTH + 1] = {0}, at = 0;
    while (at >= 0) {
        const struct oddi_node *k = level[at];
        const bool leaf = !k->op;
        if (leaf ? !fuse_is_known(k) : at == FUSE_DEPTH || !fuse_is_lasting(k))
            return false;
        if (leaf || next[at] == k->src_count) {
            at--;
            continue;
        }
        level[at + 1] = k->src[next[at]++];
        next[++at] = 0;
    }
    return true;
}

/* A new node of n's phase before n. Ids come at the end. */
static struct oddi_node *fuse_insert(struct fuse *f, const struct oddi_node *n, const char *op,
                                     int src_count, struct oddi_node *const *src)
{
    struct oddi_graph *g = f->g;
    struct oddi_node *made = oddi_arena_alloc(&g->arena, sizeof(*made));
    if (!made)
        return NULL;
    made->id = -1;
    made->phase = n->phase;
    made->op = oddi_op_find(op);
    made->name = oddi_arena_printf(&g->arena, "%s.%s", n->name, op);
    made->attr.i[0] = fuse_is(n->src[0], "conv2d_bwd_data") ? 1 : 0;
    made->attr.f[0] = n->attr.f[0];
    made->src_count = src_count;
    memcpy(made->src, src, (size_t)src_count * sizeof(*src));
    if (!made->name || made->op->shape(g->ctx, made) != ODD_OK)
        return NULL;
    f->list[f->count++] = made;
    return made;
}

static odd_status fuse_norm(struct fuse *f, struct oddi_node *n)
{
    struct oddi_node *p = n->src[0];
    if (!fuse_is(n, "batchnorm") || !fuse_is_conv(p) || !fuse_alone(f, p, n))
        return ODD_OK;
    bool given = true;
    for (int i = 1; i < 4; i++)
        given =
            given && fuse_is_given(n->src[i]) && (i >= p->src_count || fuse_is_given(p->src[i]));
    if (!given)
        return ODD_OK;
    struct oddi_node *const from_w[] = {p->src[1], n->src[1], n->src[2]};
    struct oddi_node *const from_b[] = {n->src[1], n->src[2], n->src[3], p->src[2]};
    struct oddi_node *w = fuse_insert(f, n, "fold_bn_w", 3, from_w);
    struct oddi_node *b =
        w ? fuse_insert(f, n, "fold_bn_b", p->src_count == 3 ? 4 : 3, from_b) : NULL;
    if (!b)
        return ODD_ENOMEM;
    fuse_become(f, n, p, n->attr.i[2], n->attr.f[3]);
    n->src[0] = p->src[0];
    n->src[1] = w;
    n->src[2] = b;
    n->src[3] = NULL;
    n->src_count = 3;
    return ODD_OK;
}

static void fuse_act(struct fuse *f, struct oddi_node *n)
{
    const struct oddi_node *p = n->src[0];
    if (!fuse_is(n, "act") || !fuse_alone(f, p, n) ||
        !(fuse_is_conv(p) || fuse_is(p, "bias") || fuse_is(p, "batchnorm")))
        return;
    fuse_become(f, n, p, 1, n->attr.f[3]);
    memcpy(n->src, p->src, sizeof(n->src));
    n->src_count = p->src_count;
}

static odd_status fuse_walk(struct fuse *f)
{
    for (int i = 0; i < f->g->count; i++) {
        struct oddi_node *n = f->g->node[i];
        if (n->op && f->live[i]) {
            fuse_bias(f, n);
            odd_status status = fuse_norm(f, n);
            if (status != ODD_OK)
                return status;
            fuse_act(f, n);
        }
        f->list[f->count++] = n;
    }
    return ODD_OK;
}

/* The living nodes in their new order become the graph. */
static void fuse_adopt(struct fuse *f)
{
    size_t kept = 0;
    for (size_t i = 0; i < f->count; i++) {
        struct oddi_node *n = f->list[i];
        const bool stays = n->id < 0 || f->live[n->id];
        if (stays)
            f->list[kept++] = n;
        else
            n->id = -1;
    }
    for (size_t i = 0; i < kept; i++)
        f->list[i]->id = (int)i;
    oddi_free(f->g->ctx, f->g->node);
    f->g->node = f->list;
    f->g->count = (int)kept;
    f->list = NULL;
}

odd_status oddi_graph_fuse(struct oddi_graph *g)
{
    if (g->status != ODD_OK)
        return g->status;
    struct fuse f = {.g = g};
    const size_t n = (size_t)g->count + 1, most = 3 * n; /* a batchnorm adds two nodes */
    odd_status status = ODD_ENOMEM;
    f.users = oddi_calloc(g->ctx, n, sizeof(*f.users));
    f.live = oddi_calloc(g->ctx, n, sizeof(*f.live));
    f.list = oddi_alloc_array(g->ctx, most, sizeof(struct oddi_node *));
    if (!f.users || !f.live || !f.list)
        goto out;
    fuse_stops(g);
    fuse_count(&f);
    TRY(fuse_walk(&f));
    fuse_adopt(&f);
    g->capacity = most;
out:
    oddi_free(g->ctx, f.list);
    oddi_free(g->ctx, f.live);
    oddi_free(g->ctx, f.users);
    g->status = status;
    return status;
}
