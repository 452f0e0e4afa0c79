/* SPDX-License-Identifier: Apache-2.0
 *
 * MKD's networks and losses. Numbers in parentheses are the equations of mkd.c.
 *
 * The cloner has a block per halving of the picture: two 3 x 3 convolutions in the first two
 * blocks, three in the others, then a pool. All have `thin` channels but the last of a block that
 * ends at a critical point, which has as many as the expert's map there. No convolution has a bias:
 * with one, the cloner could learn a constant that is right for every normal picture.
 */
#include <math.h>

#include "base/str.h"
#include "method/mkd/mkd.h"
#include "nn/layers.h"

static struct oddi_node *net_constant(struct oddi_build *b, double value)
{
    const char *name = oddi_arena_printf(&b->graph.arena, "const.%.9g", value);
    return oddi_build_constant(b, name ? name : "", oddi_shape_make(1, 1, 1, 1, 1), value);
}

/* Pictures come as [-1, 1]; each of the expert's three channels wants (grey level - mean) / sd. */
static struct oddi_node *net_input(struct oddi_build *b, const struct oddi_net *net)
{
    struct oddi_graph *g = &b->graph;
    const bool own = oddi_values_is(b->values, "input", "imagenet");
    struct oddi_node *all = NULL;
    for (int c = 0; c < 3; c++) {
        const double mean = own ? net->mean[c] : 0.0, sd = own ? net->std[c] : 1.0;
        struct oddi_node *x = b->in.channels == 3 ? oddi_slice_c(g, b->image, c, 1) : b->image;
        x = oddi_bias(g, oddi_scale(g, x, 0.5 / sd), net_constant(b, (0.5 - mean) / sd));
        all = all ? oddi_concat(g, all, x) : x;
    }
    return all;
}

static struct oddi_node *net_conv(const struct oddi_layer *l, struct oddi_node *x, const char *name,
                                  int64_t out)
{
    struct oddi_graph *g = &l->b->graph;
    if (!x)
        return NULL;
    const int64_t in = x->shape.dim[1];
    const float bound = (float)sqrt(6.0 / (9.0 * (double)(in + out)));
    struct oddi_node *w = oddi_param(g, l->group, name, oddi_shape_make(4, out, in, 3, 3),
                                     (struct oddi_init){ODDI_INIT_UNIFORM, -bound, bound});
    return oddi_conv2d(g, x, w, NULL, 1, 1);
}

/* One block of the cloner, up to and with its pool; `out` channels leave it. */
static struct oddi_node *net_block(const struct oddi_layer *l, struct oddi_node *x, int block,
                                   int64_t out, bool relu)
{
    struct oddi_graph *g = &l->b->graph;
    const int64_t thin = oddi_values_int(l->b->values, "thin");
    const int convs = block <= 2 ? 2 : 3;
    for (int i = 1; i <= convs; i++) {
        const char *name = oddi_arena_printf(&g->arena, "block%d.conv%d.weight", block, i);
        const char *norm = oddi_arena_printf(&g->arena, "block%d.norm%d", block, i);
        x = net_conv(l, x, name ? name : "", i == convs ? out : thin);
        if (i < convs)
            x = oddi_layer_norm(l, x, norm ? norm : "");
        if (i < convs || relu)
            x = oddi_act(g, x, 0.0);
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

/* The cloner's maps beside the expert's; blocks go on until the smallest one is there. */
static void net_cloner(const struct oddi_layer *l, struct oddi_node *x, struct mkd_pair *p)
{
    const int64_t thin = oddi_values_int(l->b->values, "thin");
    int done = 0;
    for (int block = 1; x && done < p->points; block++) {
        const struct oddi_node *want = p->expert[done];
        const bool here = x->shape.dim[2] / 2 <= want->shape.dim[2] + 1;
        x = net_block(l, x, block, here ? want->shape.dim[1] : thin, true);
        if (here)
            p->cloner[done++] = net_trim(&l->b->graph, x, want);
    }
}

/* The expert's deepest maps, of each size the deepest, shallowest first. */
static void net_expert(struct oddi_build *b, const struct oddi_net *net, struct oddi_node *x,
                       struct mkd_pair *p)
{
    struct oddi_node *tap[ODDI_NET_TAPS_MAX] = {NULL};
    const int points = (int)oddi_values_int(b->values, "points");
    oddi_net_taps(b, net, "expert", "expert.", x, tap);
    struct oddi_node *found[ODDI_NET_TAPS_MAX];
    int n = 0;
    for (int i = 0; i < net->taps && tap[i]; i++) {
        const bool same = n > 0 && found[n - 1]->shape.dim[2] == tap[i]->shape.dim[2];
        found[same ? n - 1 : n++] = tap[i];
    }
    p->points = n < points ? n : points;
    for (int i = 0; i < p->points; i++)
        p->expert[i] = oddi_stop(&b->graph, found[n - p->points + i]);
}

/* (2) of one point, the mean over the batch of cos_i. */
static struct oddi_node *net_cosine(struct oddi_graph *g, struct oddi_node *a, struct oddi_node *c)
{
    if (!a || !c)
        return NULL;
    const int64_t n = a->shape.dim[0], length = oddi_shape_count(&a->shape) / n;
    const struct oddi_shape flat = oddi_shape_make(2, n, length, 1, 1);
    struct oddi_node *u = oddi_row_normalize(g, oddi_reshape(g, a, flat), 1e-8);
    struct oddi_node *v = oddi_row_normalize(g, oddi_reshape(g, c, flat), 1e-8);
    return oddi_scale(g, oddi_sum(g, oddi_mul(g, u, v)), 1.0 / (double)n);
}

/* (3) over the points from `first` on. */
static struct oddi_node *net_loss(struct oddi_build *b, const struct mkd_pair *p, int first)
{
    struct oddi_graph *g = &b->graph;
    struct oddi_node *cosine = NULL, *value = NULL;
    for (int i = first; i < p->points; i++) {
        struct oddi_node *c = net_cosine(g, p->expert[i], p->cloner[i]);
        struct oddi_node *v = oddi_mse(g, p->cloner[i], p->expert[i]);
        cosine = cosine ? oddi_add(g, cosine, c) : c;
        value = value ? oddi_add(g, value, v) : v;
    }
    oddi_build_result(b, "cosine", cosine); /* L_dir is the number of points less this */
    oddi_build_result(b, "value", value);
    return oddi_sub(g, oddi_scale(g, value, oddi_values_float(b->values, "lambda")), cosine);
}

int oddi_mkd_first_scored(const struct oddi_values *v, int points)
{
    const int first = (int)oddi_values_int(v, "first-scored") - 1;
    return first < points ? first : points - 1;
}

static void net_score(struct oddi_build *b, const struct mkd_pair *p)
{
    static const char *const expert[MKD_POINTS_MAX] = {"expert.1", "expert.2", "expert.3",
                                                       "expert.4", "expert.5"};
    static const char *const cloner[MKD_POINTS_MAX] = {"cloner.1", "cloner.2", "cloner.3",
                                                       "cloner.4", "cloner.5"};
    struct oddi_graph *g = &b->graph;
    const int first = oddi_mkd_first_scored(b->values, p->points);
    for (int i = first; i < p->points; i++) {
        oddi_build_result(b, expert[i], p->expert[i]);
        oddi_build_result(b, cloner[i], p->cloner[i]);
    }
    if (!oddi_values_is(b->values, "localise", "gradient"))
        return;
    struct oddi_node *grad = NULL, *loss = net_loss(b, p, first); /* (6) */
    if (g->status == ODD_OK)
        g->status = oddi_graph_grad(g, loss, 1, &b->image, &grad);
    oddi_build_result(b, "gradient", grad);
}

void oddi_mkd_build(struct oddi_build *b)
{
    struct oddi_graph *g = &b->graph;
    const struct oddi_net *net = oddi_net_find(oddi_values_text(b->values, "network"));
    const bool score = b->stage == ODDI_STAGE_SCORE;
    const struct oddi_layer layer = {.b = b,
                                     .group = "cloner",
                                     .norm = score ? ODDI_NORM_EVAL : ODDI_NORM_TRAIN,
                                     .plain_gain = true};
    struct mkd_pair p = {.points = 0};
    if (!net) {
        g->status = oddi_fail(g->ctx, ODD_ECONFIG, "mkd has no expert");
        return;
    }
    struct oddi_node *x = net_input(b, net);
    net_expert(b, net, x, &p);
    if (g->status == ODD_OK)
        net_cloner(&layer, x, &p);
    if (g->status != ODD_OK)
        return;
    if (score) {
        net_score(b, &p);
        return;
    }
    struct oddi_node *loss = net_loss(b, &p, 0);
    oddi_build_result(b, "loss", loss);
    oddi_build_phase(b, "cloner", loss, "cloner");
}
