/* SPDX-License-Identifier: Apache-2.0
 *
 * The training state (state.h): declaration from graphs, memory by group, bindings for plans.
 */
#include "nn/state.h"

#include <string.h>

#include "base/str.h"

#define STATE_ALIGN 16 /* floats */

void oddi_state_init(struct oddi_state *s, struct odd_context *ctx)
{
    memset(s, 0, sizeof(*s));
    s->ctx = ctx;
    oddi_arena_init(&s->arena, ctx);
}

void oddi_state_release(struct oddi_state *s)
{
    if (!s->ctx)
        return;
    for (int i = 0; i < s->groups; i++) {
        oddi_free_aligned(s->ctx, s->group[i].weights);
        oddi_free_aligned(s->ctx, s->group[i].grad);
        oddi_free_aligned(s->ctx, s->group[i].m);
        oddi_free_aligned(s->ctx, s->group[i].v);
        oddi_free_aligned(s->ctx, s->group[i].average);
    }
    oddi_free(s->ctx, s->param);
    oddi_arena_release(&s->arena);
    memset(s, 0, sizeof(*s));
}

struct oddi_group *oddi_state_group(struct oddi_state *s, const char *name)
{
    for (int i = 0; i < s->groups; i++)
        if (strcmp(s->group[i].name, name) == 0)
            return &s->group[i];
    return NULL;
}

const struct oddi_state_param *oddi_state_find(const struct oddi_state *s, const char *name)
{
    for (size_t i = 0; i < s->params; i++)
        if (strcmp(s->param[i].name, name) == 0)
            return &s->param[i];
    return NULL;
}

float *oddi_state_weights(const struct oddi_state *s, const struct oddi_state_param *p)
{
    return s->group[p->group].weights + p->offset;
}

/* A group is trained unless it holds running statistics or its first parameter is frozen. */
static odd_status state_group_of(struct oddi_state *s, const struct oddi_node *n, int *group)
{
    const char *name = n->group;
    struct oddi_group *found = oddi_state_group(s, name);
    if (!found) {
        if (s->groups == ODDI_GROUPS_MAX)
            return oddi_fail(s->ctx, ODD_EBUG, "more than %d parameter groups", ODDI_GROUPS_MAX);
        found = &s->group[s->groups];
        found->name = oddi_arena_strdup(&s->arena, name);
        if (!found->name)
            return ODD_ENOMEM;
        found->trained = !(n->flags & ODDI_NODE_FROZEN) && !oddi_ends_with(name, ".stats");
        s->groups++;
    }
    *group = (int)(found - s->group);
    return ODD_OK;
}

static odd_status state_add(struct oddi_state *s, const struct oddi_node *n)
{
    int group = 0;
    void *params = s->param;
    odd_status status = state_group_of(s, n, &group);
    if (status == ODD_OK)
        status = oddi_reserve(s->ctx, &params, &s->capacity, s->params + 1, sizeof(*s->param));
    s->param = params;
    if (status != ODD_OK)
        return status;
    struct oddi_state_param *p = &s->param[s->params];
    p->name = oddi_arena_strdup(&s->arena, n->name);
    if (!p->name)
        return ODD_ENOMEM;
    p->shape = n->shape;
    p->init = n->init;
    p->group = group;
    p->offset = s->group[group].count;
    size_t count = (size_t)oddi_shape_count(&n->shape);
    s->group[group].count += (count + STATE_ALIGN - 1) / STATE_ALIGN * STATE_ALIGN;
    s->params++;
    return ODD_OK;
}

odd_status oddi_state_declare(struct oddi_state *s, const struct oddi_graph *g)
{
    for (int i = 0; i < g->count; i++) {
        const struct oddi_node *n = g->node[i];
        if (!oddi_build_holds(n))
            continue;
        const struct oddi_state_param *known = oddi_state_find(s, n->name);
        if (known && !oddi_shape_equal(&known->shape, &n->shape))
            return oddi_fail(s->ctx, ODD_EBUG, "parameter %s has two shapes", n->name);
        odd_status status = known ? ODD_OK : state_add(s, n);
        if (status != ODD_OK)
            return status;
    }
    return ODD_OK;
}

static odd_status state_take(struct oddi_state *s, size_t count, float **block)
{
    size_t size = 0;
    if (!oddi_mul_size(count + STATE_ALIGN, sizeof(float), &size))
        return oddi_fail(s->ctx, ODD_ENOMEM, "the parameters are too large");
    *block = oddi_alloc_aligned(s->ctx, size);
    return *block ? ODD_OK : ODD_ENOMEM;
}

odd_status oddi_state_start(struct oddi_state *s, uint64_t seed, bool averages)
{
    odd_status status = ODD_OK;
    s->averages = averages;
    for (int i = 0; i < s->groups; i++) {
        struct oddi_group *g = &s->group[i];
        g->version = 1;
        TRY(state_take(s, g->count, &g->weights));
        if (!g->trained)
            continue;
        TRY(state_take(s, g->count, &g->grad));
        TRY(state_take(s, g->count, &g->m));
        TRY(state_take(s, g->count, &g->v));
        if (averages)
            TRY(state_take(s, g->count, &g->average));
    }
    for (size_t i = 0; i < s->params; i++) {
        const struct oddi_state_param *p = &s->param[i];
        oddi_init_fill(&p->init, seed, p->name, &p->shape, oddi_state_weights(s, p));
    }
    for (int i = 0; averages && i < s->groups; i++)
        if (s->group[i].average)
            memcpy(s->group[i].average, s->group[i].weights, s->group[i].count * sizeof(float));
out:
    return status;
}

void oddi_state_restart(struct oddi_group *group)
{
    memset(group->m, 0, group->count * sizeof(float));
    memset(group->v, 0, group->count * sizeof(float));
    group->updates = 0;
}

odd_status oddi_state_bind(struct oddi_state *s, const struct oddi_build *b,
                           struct oddi_binding **binding, int *count)
{
    const struct oddi_graph *g = &b->graph;
    struct oddi_binding *made =
        oddi_alloc_array(s->ctx, (size_t)g->count + b->gradients + 1, sizeof(struct oddi_binding));
    if (!made)
        return ODD_ENOMEM;
    int n = 0;
    for (int i = 0; i < g->count; i++) {
        if (!oddi_build_holds(g->node[i]))
            continue;
        const struct oddi_state_param *p = oddi_state_find(s, g->node[i]->name);
        if (!p || !oddi_shape_equal(&p->shape, &g->node[i]->shape)) {
            oddi_free(s->ctx, made);
            return oddi_fail(s->ctx, ODD_EBUG, "parameter %s is not in the training state",
                             g->node[i]->name);
        }
        struct oddi_group *group = &s->group[p->group];
        made[n++] = (struct oddi_binding){g->node[i], group->weights + p->offset, &group->version};
    }
    for (size_t i = 0; i < b->gradients; i++) {
        const struct oddi_state_param *p = oddi_state_find(s, b->gradient[i].param->name);
        made[n++] =
            (struct oddi_binding){b->gradient[i].grad, s->group[p->group].grad + p->offset, NULL};
    }
    *binding = made;
    *count = n;
    return ODD_OK;
}

odd_status oddi_state_plan(struct oddi_state *s, struct oddi_build *b,
                           const struct oddi_plan_options *how, struct oddi_plan **plan)
{
    odd_status status = ODD_OK;
    struct oddi_plan_options options = *how;
    struct oddi_binding *binding = NULL;
    TRY(oddi_graph_fuse(&b->graph));
    TRY(oddi_state_bind(s, b, &binding, &options.binding_count));
    options.binding = binding;
    TRY(oddi_plan_new(s->ctx, &b->graph, &options, plan));
out:
    oddi_free(s->ctx, binding);
    return status;
}
