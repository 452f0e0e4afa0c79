/* SPDX-License-Identifier: Apache-2.0
 *
 * Training steps by phases (trainer.h).
 */
#include "nn/trainer.h"

#include <math.h>
#include <string.h>

static odd_status trainer_build(struct oddi_trainer *t, int stage, int64_t batch,
                                enum oddi_build_part part, struct oddi_build *b)
{
    oddi_build_init(b, t->ctx, t->net.values, &t->net.in, batch);
    b->stage = stage;
    b->part = part;
    t->net.build(b);
    return oddi_graph_status(&b->graph);
}

odd_status oddi_trainer_init(struct oddi_trainer *t, struct odd_context *ctx,
                             const struct oddi_trainer_net *net, uint64_t seed, bool averages)
{
    memset(t, 0, sizeof(*t));
    t->ctx = ctx;
    t->net = *net;
    for (int i = 0; i < ODDI_PHASES_MAX; i++)
        t->control.rate_scale[i] = 1.0;
    oddi_state_init(&t->state, ctx);
    odd_status status = ODD_OK;
    for (int stage = ODDI_STAGE_SCORE; stage < net->stages && status == ODD_OK; stage++) {
        struct oddi_build b;
        status = trainer_build(t, stage, 1, ODDI_BUILD_WHOLE, &b);
        if (status == ODD_OK)
            status = oddi_state_declare(&t->state, &b.graph);
        oddi_build_release(&b);
    }
    if (status == ODD_OK)
        status = oddi_state_start(&t->state, seed, averages);
    return status;
}

static void trainer_drop(struct oddi_trainer_plan *p)
{
    oddi_plan_free(p->plan);
    oddi_build_release(&p->build);
    memset(p, 0, sizeof(*p));
}

void oddi_trainer_drop_plans(struct oddi_trainer *t)
{
    for (int i = 0; i < ODDI_TRAINER_PLANS; i++)
        trainer_drop(&t->plan[i]);
    t->last = NULL;
}

void oddi_trainer_release(struct oddi_trainer *t)
{
    if (!t->ctx)
        return;
    oddi_trainer_drop_plans(t);
    oddi_state_release(&t->state);
}

struct oddi_plan_options oddi_trainer_how(const struct oddi_trainer *t)
{
    return (struct oddi_plan_options){.type = ODDI_F32,
                                      .mode = t->net.mode,
                                      .threads = t->ctx->threads,
                                      .check_numerics = t->check_numerics};
}

static odd_status trainer_make(struct oddi_trainer *t, int stage, int64_t batch,
                               struct oddi_trainer_plan *p)
{
    odd_status status = ODD_OK;
    const struct oddi_plan_options how = oddi_trainer_how(t);
    if (t->last == p)
        t->last = NULL;
    trainer_drop(p);
    TRY(trainer_build(t, stage, batch, t->frozen.get ? ODDI_BUILD_REST : ODDI_BUILD_WHOLE,
                      &p->build));
    TRY(oddi_state_plan(&t->state, &p->build, &how, &p->plan));
out:
    if (status != ODD_OK)
        trainer_drop(p);
    return status;
}

/* The plan of (stage, batch), made where there is none in the place of the least recently used. */
static odd_status trainer_plan(struct oddi_trainer *t, int stage, int64_t batch,
                               struct oddi_trainer_plan **plan)
{
    struct oddi_trainer_plan *oldest = &t->plan[0];
    for (int i = 0; i < ODDI_TRAINER_PLANS; i++) {
        struct oddi_trainer_plan *p = &t->plan[i];
        if (p->plan && p->build.stage == stage && p->build.batch == batch) {
            *plan = p;
            return ODD_OK;
        }
        if (p->used < oldest->used)
            oldest = p;
    }
    odd_status status = trainer_make(t, stage, batch, oldest);
    if (status != ODD_OK)
        return status;
    oldest->used = ++t->clock;
    *plan = oldest;
    return ODD_OK;
}

odd_status oddi_trainer_prepare(struct oddi_trainer *t, int stage, int64_t batch)
{
    struct oddi_trainer_plan *p = NULL;
    return trainer_plan(t, stage, batch, &p);
}

static odd_status trainer_scalars(struct oddi_trainer *t, struct oddi_trainer_plan *p)
{
    odd_status status = ODD_OK;
    for (int i = 0; i < t->control.inputs && status == ODD_OK; i++) {
        const float value = (float)t->control.value[i];
        const struct oddi_node *n = oddi_find_node(&p->build.graph, t->control.input[i]);
        if (n)
            status = oddi_plan_set(p->plan, n, &value);
    }
    return status;
}

/* What a stage does not compute has no gradient; that of the stage before must not stay. */
static void trainer_enter(struct oddi_trainer *t, int stage)
{
    if (t->stage == stage)
        return;
    for (int i = 0; i < t->state.groups; i++)
        if (t->state.group[i].trained)
            memset(t->state.group[i].grad, 0, t->state.group[i].count * sizeof(float));
    t->stage = stage;
}

/* Running statistics changed in place: what was derived from them is stale. */
static void trainer_touch_stats(struct oddi_trainer *t)
{
    for (int i = 0; i < t->state.groups; i++)
        if (!t->state.group[i].trained)
            t->state.group[i].version++;
}

static odd_status trainer_frozen(struct oddi_trainer *t, struct oddi_trainer_plan *p,
                                 const float *pictures)
{
    float *value[ODDI_FROZEN_MAX];
    for (int i = 0; i < p->build.frozens; i++)
        value[i] = oddi_plan_input(p->plan, p->build.frozen[i].node);
    return p->build.frozens ? t->frozen.get(t->frozen.user, pictures, p->build.batch, value)
                            : ODD_OK;
}

odd_status oddi_trainer_step(struct oddi_trainer *t, int stage, int64_t step, const float *pictures,
                             int64_t count)
{
    odd_status status = ODD_OK;
    struct oddi_trainer_plan *p = NULL;
    TRY(trainer_plan(t, stage, count, &p));
    p->used = ++t->clock;
    t->last = p;
    trainer_enter(t, stage);
    TRY(oddi_plan_set(p->plan, p->build.image, pictures));
    TRY(trainer_frozen(t, p, pictures));
    TRY(trainer_scalars(t, p));
    for (int i = 0; i < p->build.phases; i++) {
        const double rate = oddi_recipe_rate(&t->recipe, step) * t->control.rate_scale[i];
        TRY(oddi_plan_run_phase(p->plan, i));
        TRY(oddi_optim_update(&t->recipe, &t->state,
                              oddi_state_group(&t->state, p->build.phase[i].group), rate));
    }
    trainer_touch_stats(t);
    if (t->net.control)
        t->net.control(&t->control, &p->build, p->plan);
out:
    return status;
}

double oddi_trainer_result(const struct oddi_trainer *t, const char *name)
{
    const struct oddi_node *n = t->last ? oddi_build_find(&t->last->build, name) : NULL;
    const float *value = n && n->shape.rank == 0 ? oddi_plan_output(t->last->plan, n) : NULL;
    return value ? (double)*value : (double)NAN;
}

size_t oddi_trainer_memory(const struct oddi_trainer *t)
{
    size_t bytes = 0;
    for (int i = 0; i < t->state.groups; i++) {
        const struct oddi_group *g = &t->state.group[i];
        bytes += g->count * sizeof(float) * (g->trained ? (t->state.averages ? 5 : 4) : 1);
    }
    for (int i = 0; i < ODDI_TRAINER_PLANS; i++)
        if (t->plan[i].plan)
            bytes += oddi_plan_memory(t->plan[i].plan);
    return bytes;
}
