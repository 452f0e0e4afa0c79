/* SPDX-License-Identifier: Apache-2.0
 *
 * MKD's networks and losses. Numbers in parentheses are the equations of mkd.c.
 *
 * The cloner has a block per halving of the picture: two 3 x 3 convolutions in the first two
 * blocks, three in the others, then a pool. All have `thin` channels but the last of a block that
 * ends at a critical point, which has as many as the expert's map there; of equal size, all
 * convolutions of a block have as many as the expert's map of that size. No convolution has a bias:
 * with one, the cloner could learn a constant that is right for every normal picture.
 */
#include <math.h>
#include <string.h>

#include "base/str.h"
#include "method/mkd/mkd.h"
#include "nn/layers.h"

/* Xavier, as PyTorch counts the fans of w (out, in, kh, kw). */
static struct oddi_init net_xavier(int64_t out, int64_t in, int64_t cells)
{
    const float bound = (float)sqrt(6.0 / (double)((out + in) * cells));
    return (struct oddi_init){ODDI_INIT_UNIFORM, -bound, bound};
}

/* ---- the expert ---- */

/* An expert that nobody trained: weights by Xavier; offsets and statistics start as nn/nets has
 * them, at 0 and 1. */
static void net_untrained(struct oddi_graph *g)
{
    for (int i = 0; i < g->count; i++) {
        struct oddi_node *n = g->node[i];
        const int64_t *d = n->shape.dim;
        if ((n->flags & ODDI_NODE_PARAM) && strcmp(n->group, ODDI_EXPERT_GROUP) == 0 &&
            n->shape.rank == 4)
            n->init = net_xavier(d[0], d[1], d[2] * d[3]);
    }
}

/* All taps, of a picture that the network sees. */
static void net_taps(struct oddi_build *b, const struct oddi_net *net, struct oddi_node *x,
                     struct oddi_node *tap[ODDI_NET_TAPS_MAX])
{
    const struct oddi_net_use use = {ODDI_EXPERT_GROUP, "expert.", net->taps - 1, false,
                                     oddi_values_float(b->values, "expert-width")};
    oddi_net_build(b, net, &use, x, tap);
    if (b->graph.status == ODD_OK && oddi_values_is(b->values, "expert-weights", "random"))
        net_untrained(&b->graph);
}

void oddi_mkd_own_maps(struct oddi_build *b, const struct mkd_pair *p,
                       struct oddi_node *map[MKD_POINTS_MAX])
{
    const struct oddi_net *net = oddi_net_find(oddi_values_text(b->values, "network"));
    struct oddi_node *tap[ODDI_NET_TAPS_MAX] = {NULL};
    net_taps(b, net, oddi_net_input(b, net, true), tap);
    for (int i = 0; i < p->points; i++)
        map[i] = tap[p->first_tap + i];
}

/* The deepest taps. Only where the input gradient goes through both branches is the expert more
 * than a constant. */
static void net_expert(struct oddi_build *b, const struct oddi_net *net, struct mkd_pair *p)
{
    static const char *const names[MKD_POINTS_MAX] = {"map.1", "map.2", "map.3", "map.4", "map.5"};
    struct oddi_node *tap[ODDI_NET_TAPS_MAX] = {NULL};
    const struct oddi_values *v = b->values;
    const int points = (int)oddi_values_int(v, "points"),
              scored = (int)oddi_values_int(v, "scored");
    const bool both = b->stage == ODDI_STAGE_SCORE && oddi_mkd_has_gradient(v) &&
                      oddi_values_is(v, "branches", "both");
    net_taps(b, net, p->input, tap);
    if (b->graph.status != ODD_OK)
        return;
    p->points = net->taps < points ? net->taps : points;
    p->first_tap = net->taps - p->points;
    p->first_scored = p->points > scored ? p->points - scored : 0;
    for (int i = 0; i < net->taps; i++)
        p->channels[i] = tap[i]->shape.dim[1];
    for (int i = 0; i < p->points; i++) {
        struct oddi_node *map = tap[p->first_tap + i];
        p->expert[i] = both ? map : oddi_build_frozen(b, names[i], oddi_stop(&b->graph, map));
    }
}

/* ---- the cloner ---- */

static struct oddi_node *net_conv(const struct oddi_layer *l, struct oddi_node *x, const char *name,
                                  int64_t out)
{
    struct oddi_graph *g = &l->b->graph;
    if (!x)
        return NULL;
    const int64_t in = x->shape.dim[1];
    struct oddi_node *w =
        oddi_param(g, l->group, name, oddi_shape_make(4, out, in, 3, 3), net_xavier(out, in, 9));
    return oddi_conv2d(g, x, w, NULL, 1, 1);
}

/* Batch normalisation; without `norm-shift` its offset stays 0. */
static struct oddi_node *net_norm(const struct oddi_layer *l, struct oddi_node *x, const char *name)
{
    struct oddi_node *y = oddi_layer_norm(l, x, name);
    if (y && !oddi_values_bool(l->b->values, "norm-shift"))
        y->src[3]->flags |= ODDI_NODE_FROZEN;
    return y;
}

static struct oddi_node *net_relu(const struct oddi_layer *l, struct oddi_node *x)
{
    const bool guided =
        l->b->stage == ODDI_STAGE_SCORE && oddi_values_is(l->b->values, "localise", "guided");
    return guided ? oddi_relu_guided(&l->b->graph, x) : oddi_act(&l->b->graph, x, 0.0);
}

/* One block up to and with its pool: `inner` channels within, `out` leave it. */
static struct oddi_node *net_block(const struct oddi_layer *l, struct oddi_node *x, int block,
                                   int64_t inner, int64_t out)
{
    struct oddi_graph *g = &l->b->graph;
    const int convs = block <= 2 ? 2 : 3;
    for (int i = 1; i <= convs; i++) {
        const char *name = oddi_arena_printf(&g->arena, "block%d.conv%d.weight", block, i);
        const char *norm = oddi_arena_printf(&g->arena, "block%d.norm%d", block, i);
        x = net_conv(l, x, name ? name : "", i == convs ? out : inner);
        if (i < convs)
            x = net_norm(l, x, norm ? norm : "");
        x = net_relu(l, x);
    }
    return oddi_maxpool(g, x, 2, 2, 0, false);
}

/* Experts whose convolutions do not pad have maps that are a cell short of the halves: the cloner's
 * first cells stand for them. Zeros where it is the cloner's map that is short. */
static struct oddi_node *net_trim(struct oddi_graph *g, struct oddi_node *x,
                                  const struct oddi_node *like)
{
    if (!x)
        return NULL;
    const int64_t *have = x->shape.dim + 2, *want = like->shape.dim + 2;
    const int64_t least[2] = {have[0] < want[0] ? have[0] : want[0],
                              have[1] < want[1] ? have[1] : want[1]};
    const struct oddi_attr crop = {.i = {0, 0, 0, least[0], least[1]}};
    if (least[0] < have[0] || least[1] < have[1])
        x = oddi_apply(g, "crop_hw", &crop, 1, &x);
    if (x && (least[0] < want[0] || least[1] < want[1]))
        x = oddi_pad_hw(g, x, (const int64_t[2]){0, 0}, want);
    return x;
}

/* The cloner's maps beside the expert's, whose tap i lies at stride 2 << i, as does block i + 1. */
static void net_cloner(const struct oddi_layer *l, struct mkd_pair *p)
{
    struct oddi_node *x = p->input;
    const bool equal = oddi_values_is(l->b->values, "cloner", "equal");
    const int64_t thin = oddi_values_int(l->b->values, "thin");
    for (int tap = 0; x && tap < p->first_tap + p->points; tap++) {
        const int i = tap - p->first_tap;
        const int64_t inner = equal ? p->channels[tap] : thin;
        x = net_block(l, x, tap + 1, inner, i >= 0 ? p->channels[tap] : inner);
        if (i >= 0)
            p->cloner[i] = net_trim(&l->b->graph, x, p->expert[i]);
    }
}

/* Noise is a constant that scoring may change (SmoothGrad). */
static struct oddi_node *net_noise(struct oddi_build *b, struct oddi_node *x)
{
    if (!x || b->stage != ODDI_STAGE_SCORE || !oddi_values_is(b->values, "localise", "smooth"))
        return x;
    struct oddi_node *noise = oddi_build_constant(b, MKD_NOISE, x->shape, 0.0);
    oddi_build_result(b, "seen", x);
    return oddi_add(&b->graph, x, noise);
}

void oddi_mkd_networks(struct oddi_build *b, struct mkd_pair *p)
{
    const bool score = b->stage == ODDI_STAGE_SCORE;
    const struct oddi_net *net = oddi_net_find(oddi_values_text(b->values, "network"));
    const struct oddi_layer layer = {.b = b,
                                     .group = "cloner",
                                     .norm = score ? ODDI_NORM_EVAL : ODDI_NORM_TRAIN,
                                     .plain_gain = true};
    memset(p, 0, sizeof(*p));
    if (!net) {
        b->graph.status = oddi_fail(b->graph.ctx, ODD_ECONFIG, "mkd has no expert");
        return;
    }
    p->input = net_noise(b, oddi_net_input(b, net, oddi_values_is(b->values, "input", "imagenet")));
    net_expert(b, net, p);
    if (b->graph.status == ODD_OK)
        net_cloner(&layer, p);
}

/* ---- losses ---- */

/* (2) of one point, the mean over the batch of cos_i. */
static struct oddi_node *net_cosine(struct oddi_graph *g, struct oddi_node *a, struct oddi_node *c)
{
    if (!a || !c)
        return NULL;
    const int64_t n = a->shape.dim[0], length = oddi_shape_count(&a->shape) / n;
    const struct oddi_shape flat = oddi_shape_make(2, n, length, 1, 1);
    struct oddi_node *u = oddi_row_normalize(g, oddi_reshape(g, a, flat), MKD_NORM_LEAST);
    struct oddi_node *v = oddi_row_normalize(g, oddi_reshape(g, c, flat), MKD_NORM_LEAST);
    return oddi_scale(g, oddi_sum(g, oddi_mul(g, u, v)), 1.0 / (double)n);
}

struct mkd_terms oddi_mkd_terms(struct oddi_build *b, const struct mkd_pair *p, int first)
{
    struct oddi_graph *g = &b->graph;
    struct mkd_terms t = {NULL, NULL};
    for (int i = first; i < p->points; i++) {
        struct oddi_node *c = net_cosine(g, p->expert[i], p->cloner[i]);
        struct oddi_node *v = oddi_mse(g, p->cloner[i], p->expert[i]);
        t.cosine = t.cosine ? oddi_add(g, t.cosine, c) : c;
        t.value = t.value ? oddi_add(g, t.value, v) : v;
    }
    oddi_build_result(b, "cosine", t.cosine);
    oddi_build_result(b, "value", t.value);
    return t;
}

/* (3) less the number of points, which has no gradient. */
static struct oddi_node *net_loss(struct oddi_build *b, const struct mkd_terms *t,
                                  struct mkd_weights w)
{
    struct oddi_graph *g = &b->graph;
    struct oddi_node *value = oddi_scale(g, t->value, w.value);
    if (w.direction == 0)
        return value;
    struct oddi_node *direction = oddi_scale(g, t->cosine, -w.direction);
    return w.value == 0 ? direction : oddi_add(g, value, direction);
}

/* ---- scoring ---- */

static void net_score(struct oddi_build *b, const struct mkd_pair *p)
{
    static const char *const expert[MKD_POINTS_MAX] = {"expert.1", "expert.2", "expert.3",
                                                       "expert.4", "expert.5"};
    static const char *const cloner[MKD_POINTS_MAX] = {"cloner.1", "cloner.2", "cloner.3",
                                                       "cloner.4", "cloner.5"};
    struct oddi_graph *g = &b->graph;
    struct oddi_node *grad = NULL, *input = p->input;
    for (int i = p->first_scored; i < p->points; i++) {
        oddi_build_result(b, expert[i], p->expert[i]);
        oddi_build_result(b, cloner[i], p->cloner[i]);
    }
    if (!oddi_mkd_has_gradient(b->values))
        return;
    const struct mkd_terms t = oddi_mkd_terms(b, p, p->first_scored);
    struct oddi_node *loss = net_loss(b, &t, oddi_mkd_score_weights(b->values)); /* (6) */
    if (g->status == ODD_OK)
        g->status = oddi_graph_grad(g, loss, 1, &input, &grad);
    oddi_build_result(b, "gradient", grad);
}

void oddi_mkd_build(struct oddi_build *b)
{
    struct mkd_pair p;
    oddi_mkd_networks(b, &p);
    if (b->graph.status != ODD_OK)
        return;
    if (b->stage == ODDI_STAGE_SCORE) {
        net_score(b, &p);
        return;
    }
    const struct mkd_terms t = oddi_mkd_terms(b, &p, 0);
    struct oddi_node *loss = net_loss(b, &t, oddi_mkd_loss_weights(b->values));
    oddi_build_result(b, "loss", loss);
    oddi_build_phase(b, "cloner", loss, "cloner");
}
