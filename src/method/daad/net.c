/* SPDX-License-Identifier: Apache-2.0
 *
 * DAAD's networks. Numbers in parentheses are the equations of daad.c.
 *
 *   encoder e_l: convolution 4 x 4, stride 2; batch normalisation from e_2 on; leaky ReLU 0.2
 *   decoder d_l: transposed convolution 4 x 4, stride 2; batch normalisation; ReLU; d_1 ends in
 * tanh discriminator: the encoder's pattern down to 4 x 4 cells, f_D is its last map, then one
 * logit
 *
 * A level's features reach the decoder through its memory (daad, daad+), directly (uae), or, above
 * the bottleneck, not at all (ae).
 */
#include <math.h>
#include <stdio.h>

#include "method/daad/daad.h"
#include "nn/layers.h"

static const double net_leak = 0.2;

/* (1)-(4): divides F into blocks, addresses the items, assembles. */
static struct oddi_node *net_memory(struct oddi_build *b, const struct daad_shape *s, int index,
                                    struct oddi_node *f)
{
    struct oddi_graph *g = &b->graph;
    char name[32];
    if (!f)
        return NULL;
    snprintf(name, sizeof(name), "memory%d.items", index + 1);
    const int64_t length = oddi_daad_block_length(s, index);
    const float bound = (float)(1.0 / sqrt((double)length));
    struct oddi_node *items = oddi_param(g, "gen", name, oddi_shape_make(2, s->items, length, 1, 1),
                                         (struct oddi_init){ODDI_INIT_UNIFORM, -bound, bound});
    struct oddi_node *q = oddi_blocks(g, f, s->block[index]); /* (1) */
    struct oddi_node *cosine = oddi_matmul(g, oddi_row_normalize(g, q, 1e-8),
                                           oddi_row_normalize(g, items, 1e-8), false, true);
    struct oddi_node *w = oddi_softmax(g, cosine, s->temperature); /* (2) */
    if (s->lambda > 0)
        w = oddi_shrink(g, w, s->lambda);                                 /* (3) */
    struct oddi_node *assembled = oddi_matmul(g, w, items, false, false); /* (4) */
    return oddi_unblocks(g, assembled, f->shape, s->block[index]);
}

static void net_encoder(const struct oddi_layer *l, const struct daad_shape *s,
                        struct oddi_node *e[DAAD_LEVELS_MAX + 1])
{
    struct oddi_node *x = l->b->image;
    for (int i = 1; i <= s->levels; i++) {
        char name[16];
        const struct oddi_conv conv = {.out = s->level[i].channels,
                                       .kernel = 4,
                                       .stride = 2,
                                       .pad = 1,
                                       .normalize = i > 1,
                                       .slope = net_leak};
        snprintf(name, sizeof(name), "enc%d", i);
        e[i] = x = oddi_layer_conv(l, x, name, &conv);
    }
}

static struct oddi_node *net_decoder(const struct oddi_layer *l, const struct daad_shape *s,
                                     struct oddi_node *const e[DAAD_LEVELS_MAX + 1])
{
    struct oddi_graph *g = &l->b->graph;
    struct oddi_node *y = e[s->levels];
    for (int i = s->levels; i >= 1; i--) {
        char name[16];
        const struct oddi_conv conv = {.out = i > 1 ? s->level[i - 1].channels : l->b->in.channels,
                                       .kernel = 4,
                                       .stride = 2,
                                       .pad = 1,
                                       .transposed = true,
                                       .normalize = i > 1,
                                       .slope = i > 1 ? 0.0 : 1.0};
        snprintf(name, sizeof(name), "dec%d", i);
        if (s->level[i].skip && i < s->levels)
            y = oddi_concat(g, y, e[i]);
        y = oddi_layer_conv(l, y, name, &conv);
    }
    return oddi_tanh(g, y);
}

/* G(x): the reconstruction. */
static struct oddi_node *net_generator(struct oddi_build *b, const struct daad_shape *s,
                                       enum oddi_norm_mode norm, bool memories)
{
    const struct oddi_layer layer = {b, "gen", norm, false};
    struct oddi_node *e[DAAD_LEVELS_MAX + 1] = {NULL};
    net_encoder(&layer, s, e);
    for (int i = 0; memories && i < s->memories; i++)
        e[s->memory_level[i]] = net_memory(b, s, i, e[s->memory_level[i]]);
    return net_decoder(&layer, s, e);
}

struct net_judged {
    struct oddi_node *feature, *logit; /* f_D (N, C, h, w), (N, 1, 1, 1) */
};
static struct net_judged net_discriminator(struct oddi_build *b, const struct daad_shape *s,
                                           struct oddi_node *x, enum oddi_norm_mode norm)
{
    const struct oddi_layer layer = {b, "disc", norm, false};
    const int64_t w = oddi_values_int(b->values, "width");
    struct net_judged j = {x, NULL};
    for (int64_t i = 1; i <= s->disc_levels; i++) {
        char name[16];
        const int64_t times = i < 4 ? (int64_t)1 << (i - 1) : 8;
        const struct oddi_conv conv = {.out = w * times,
                                       .kernel = 4,
                                       .stride = 2,
                                       .pad = 1,
                                       .normalize = i > 1,
                                       .slope = net_leak};
        snprintf(name, sizeof(name), "disc%d", (int)i);
        j.feature = oddi_layer_conv(&layer, j.feature, name, &conv);
    }
    if (!j.feature)
        return j;
    struct oddi_graph *g = &b->graph;
    const int64_t n = j.feature->shape.dim[0], length = oddi_shape_count(&j.feature->shape) / n;
    struct oddi_node *weight =
        oddi_param(g, "disc", "logit.weight", oddi_shape_make(2, 1, length, 1, 1),
                   (struct oddi_init){ODDI_INIT_NORMAL, 0.0f, 0.02f});
    struct oddi_node *bias = oddi_param(g, "disc", "logit.bias", oddi_shape_make(1, 1, 1, 1, 1),
                                        (struct oddi_init){ODDI_INIT_CONST, 0.0f, 0.0f});
    struct oddi_node *flat = oddi_reshape(g, j.feature, oddi_shape_make(2, n, length, 1, 1));
    j.logit = oddi_bias(g, oddi_matmul(g, flat, weight, false, true), bias);
    return j;
}

/* What a logit shall become. */
static struct oddi_node *net_target(struct oddi_build *b, const char *name, double value)
{
    return oddi_build_constant(b, name, oddi_shape_make(0, 1, 1, 1, 1), value);
}

/* Phase 0: the discriminator ascends (6). Both applications update its running statistics. */
static void net_phase_disc(struct oddi_build *b, const struct daad_shape *s, struct oddi_node *made)
{
    struct oddi_graph *g = &b->graph;
    struct net_judged real = net_discriminator(b, s, b->image, ODDI_NORM_TRAIN);
    struct net_judged fake = net_discriminator(b, s, oddi_stop(g, made), ODDI_NORM_TRAIN);
    struct oddi_node *target = oddi_build_scalar(b, "target.real");
    struct oddi_node *loss = oddi_add(g, oddi_bce(g, real.logit, target),
                                      oddi_bce(g, fake.logit, net_target(b, "target.zero", 0.0)));
    oddi_build_result(b, "logit.real", real.logit);
    oddi_build_result(b, "logit.fake", fake.logit);
    oddi_build_result(b, "disc", loss);
    oddi_build_phase(b, "discriminator", loss, "disc");
}

/* (5) for the generator; adversarial and alignment terms through the new discriminator. */
static void net_phase_gen(struct oddi_build *b, const struct daad_shape *s, struct oddi_node *made)
{
    struct oddi_graph *g = &b->graph;
    const struct oddi_values *v = b->values;
    struct oddi_node *rec = oddi_mse(g, made, b->image); /* (7) */
    struct oddi_node *loss = oddi_scale(g, rec, oddi_values_float(v, "l-rec"));
    oddi_build_result(b, "rec", rec);
    if (s->variant == DAAD_PLUS) {
        struct net_judged real = net_discriminator(b, s, b->image, ODDI_NORM_TRAIN_KEEP);
        struct net_judged fake = net_discriminator(b, s, made, ODDI_NORM_TRAIN_KEEP);
        struct oddi_node *adv = oddi_bce(g, fake.logit, net_target(b, "target.one", 1.0));
        struct oddi_node *ali = oddi_mse(g, fake.feature, oddi_stop(g, real.feature)); /* (8) */
        loss = oddi_add(g, loss, oddi_scale(g, adv, oddi_values_float(v, "l-adv")));
        loss = oddi_add(g, loss, oddi_scale(g, ali, oddi_values_float(v, "l-ali")));
        oddi_build_result(b, "adv", adv);
        oddi_build_result(b, "ali", ali);
    }
    oddi_build_result(b, "loss", loss);
    oddi_build_phase(b, "generator", loss, "gen");
}

void oddi_daad_build(struct oddi_build *b)
{
    struct daad_shape s;
    const odd_status status = oddi_daad_shape_make(b->graph.ctx, b->values, &b->in, &s);
    if (status != ODD_OK) {
        b->graph.status = status;
        return;
    }
    if (b->stage == ODDI_STAGE_SCORE) {
        struct oddi_node *made = net_generator(b, &s, ODDI_NORM_EVAL, true);
        oddi_build_result(b, "made", made);
        if (s.variant != DAAD_PLUS)
            return;
        oddi_build_result(b, "feature.real",
                          net_discriminator(b, &s, b->image, ODDI_NORM_EVAL).feature);
        oddi_build_result(b, "feature.made",
                          net_discriminator(b, &s, made, ODDI_NORM_EVAL).feature);
        return;
    }
    const bool warm = b->stage == 0 && oddi_method_daad.stages(b->values) > 1;
    struct oddi_node *made = net_generator(b, &s, ODDI_NORM_TRAIN, !warm);
    if (s.variant == DAAD_PLUS)
        net_phase_disc(b, &s, made);
    net_phase_gen(b, &s, made);
}

void oddi_daad_build_queries(struct oddi_build *b)
{
    static const char *const names[DAAD_MEMORIES_MAX] = {"query.0", "query.1", "query.2"};
    struct daad_shape s;
    const odd_status status = oddi_daad_shape_make(b->graph.ctx, b->values, &b->in, &s);
    if (status != ODD_OK) {
        b->graph.status = status;
        return;
    }
    const struct oddi_layer layer = {b, "gen", ODDI_NORM_EVAL, false};
    struct oddi_node *e[DAAD_LEVELS_MAX + 1] = {NULL};
    net_encoder(&layer, &s, e);
    for (int i = 0; i < s.memories; i++)
        oddi_build_result(b, names[i], oddi_blocks(&b->graph, e[s.memory_level[i]], s.block[i]));
}
