/* SPDX-License-Identifier: Apache-2.0
 *
 * Running a frozen part apart (frozen.h). A chunk that is not full runs with
 * what was in its other rows: no picture's values depend on its company.
 */
#include "nn/frozen.h"

#include <string.h>

#define FROZEN_LEAST 8
#define FROZEN_PIXELS ((int64_t)FROZEN_LEAST * 128 * 128)

/* Small pictures in larger chunks: deep layers then read their weights less often. */
static int frozen_batch(const struct oddi_geometry *in)
{
    const int64_t fit = FROZEN_PIXELS / (in->height * in->width);
    return fit < FROZEN_LEAST ? FROZEN_LEAST : fit > ODDI_FROZEN_MOST ? ODDI_FROZEN_MOST : (int)fit;
}

odd_status oddi_frozen_open(struct oddi_frozen *f, struct oddi_trainer *t)
{
    odd_status status = ODD_OK;
    const struct oddi_plan_options how = oddi_trainer_how(t);
    memset(f, 0, sizeof(*f));
    f->ctx = t->ctx;
    if (t->net.stages < 1)
        return ODD_OK;
    f->batch = frozen_batch(&t->net.in);
    oddi_build_init(&f->build, t->ctx, t->net.values, &t->net.in, f->batch);
    f->build.part = ODDI_BUILD_FROZEN;
    f->build.stage = t->net.stages - 1;
    t->net.build(&f->build);
    TRY(oddi_graph_status(&f->build.graph));
    if (f->build.frozens == 0)
        return ODD_OK;
    TRY(oddi_build_keep_frozen(&f->build));
    TRY(oddi_state_plan(&t->state, &f->build, &how, &f->plan));
out:
    return status;
}

void oddi_frozen_close(struct oddi_frozen *f)
{
    if (!f->ctx)
        return;
    oddi_plan_free(f->plan);
    oddi_build_release(&f->build);
    memset(f, 0, sizeof(*f));
}

size_t oddi_frozen_floats(const struct oddi_frozen *f, int i)
{
    return (size_t)oddi_shape_count(&f->build.frozen[i].node->shape) / (size_t)f->batch;
}

static void frozen_add_int(struct oddi_hasher *h, int64_t value)
{
    oddi_hasher_add(h, &value, sizeof(value));
}

static void frozen_add_param(struct oddi_hasher *h, const struct oddi_node *n,
                             const struct oddi_state *state)
{
    const struct oddi_state_param *p = oddi_build_holds(n) ? oddi_state_find(state, n->name) : NULL;
    if (p) {
        oddi_hasher_add(h, oddi_state_weights(state, p),
                        (size_t)oddi_shape_count(&p->shape) * sizeof(float));
        return;
    }
    frozen_add_int(h, (int64_t)n->init.kind);
    oddi_hasher_add(h, &n->init.a, sizeof(n->init.a));
    oddi_hasher_add(h, &n->init.b, sizeof(n->init.b));
}

/* One node by place and content; names say nothing of what is computed. */
static void frozen_add_node(struct oddi_hasher *h, const struct oddi_node *n,
                            const struct oddi_state *state)
{
    const char *op = n->op ? n->op->name : (n->flags & ODDI_NODE_PARAM) ? "param" : "input";
    oddi_hasher_add(h, op, strlen(op) + 1);
    frozen_add_int(h, n->shape.rank);
    oddi_hasher_add(h, n->shape.dim, sizeof(n->shape.dim));
    oddi_hasher_add(h, n->attr.i, sizeof(n->attr.i));
    oddi_hasher_add(h, n->attr.f, sizeof(n->attr.f));
    for (int s = 0; s < n->src_count; s++)
        frozen_add_int(h, n->src[s]->id);
    if (n->flags & ODDI_NODE_PARAM)
        frozen_add_param(h, n, state);
}

odd_status oddi_frozen_hash(const struct oddi_frozen *f, const struct oddi_state *state,
                            struct oddi_hash128 *hash)
{
    const struct oddi_graph *g = &f->build.graph;
    struct oddi_hasher *h = oddi_hasher_new(f->ctx);
    if (!h)
        return ODD_ENOMEM;
    for (int i = 0; i < g->count; i++)
        frozen_add_node(h, g->node[i], state);
    for (int i = 0; i < f->build.frozens; i++)
        frozen_add_int(h, f->build.frozen[i].node->id);
    frozen_add_int(h, (int64_t)oddi_plan_kernels_hash(f->plan));
    oddi_hasher_digest(h, hash);
    oddi_hasher_free(f->ctx, h);
    return ODD_OK;
}

void oddi_frozen_set(struct oddi_frozen *f, int row, const float *picture)
{
    const size_t floats = (size_t)oddi_shape_count(&f->build.image->shape) / (size_t)f->batch;
    float *input = oddi_plan_input(f->plan, f->build.image);
    if (input) /* NULL: no value depends on the picture */
        memcpy(input + (size_t)row * floats, picture, floats * sizeof(float));
}

odd_status oddi_frozen_run(struct oddi_frozen *f)
{
    return oddi_plan_run(f->plan);
}

const float *oddi_frozen_value(const struct oddi_frozen *f, int i)
{
    return oddi_plan_output(f->plan, f->build.frozen[i].node);
}
