/* SPDX-License-Identifier: Apache-2.0
 *
 * From graph to plan. In node order, each live node gets the first kernel, in the order of the
 * kernel sets, that accepts it; the kernel says in which layouts it wants its sources; a value
 * that exists in another layout is converted once and the copy shared. So layouts propagate along
 * chains and no reorder runs that no kernel asked for. Then memory.c places everything.
 *
 * Steps are made phase by phase and, within one, in node order; sources are of no later phase, so
 * every source is computed before. A conversion belongs to the phase that first needs it.
 */
#include "graph/plan_int.h"

#include <math.h>
#include <string.h>

#include "base/rng.h"

void oddi_init_fill(const struct oddi_init *init, uint64_t seed, const char *name,
                    const struct oddi_shape *shape, float *data)
{
    int64_t count = oddi_shape_count(shape);
    struct oddi_rng rng;
    for (int64_t i = 0; i < count; i++) {
        if (i % 4096 == 0)
            oddi_rng_init(&rng, seed, ODDI_RNG_INIT, oddi_hash_text(name), (uint64_t)(i / 4096));
        switch (init->kind) {
        case ODDI_INIT_CONST:
            data[i] = init->a;
            break;
        case ODDI_INIT_NORMAL:
            data[i] = init->a + init->b * oddi_rng_normal(&rng);
            break;
        case ODDI_INIT_UNIFORM:
            data[i] = oddi_rng_range(&rng, init->a, init->b);
            break;
        case ODDI_INIT_STATS:
            data[i] = i < count / 2 ? 0.0f : 1.0f;
            break;
        }
    }
}

static const struct oddi_binding *plan_binding(const struct oddi_plan *p, const struct oddi_node *n)
{
    for (int i = 0; i < p->options.binding_count; i++)
        if (p->options.binding[i].node == n)
            return &p->options.binding[i];
    return NULL;
}

/* live[i]: node i is an output, has a bound place, writes in place, or feeds such a node. */
static void plan_mark_live(const struct oddi_plan *p, bool *live)
{
    const unsigned kept = ODDI_NODE_OUTPUT | ODDI_NODE_INPLACE | ODDI_NODE_INPUT;
    for (int i = p->graph->count - 1; i >= 0; i--) {
        const struct oddi_node *n = p->graph->node[i];
        if ((n->flags & kept) || plan_binding(p, n))
            live[i] = true;
        for (int s = 0; live[i] && s < n->src_count; s++)
            live[n->src[s]->id] = true;
    }
}

static int plan_add_value(struct oddi_plan *p, const struct oddi_shape *shape,
                          enum oddi_layout layout)
{
    void *values = p->value;
    if (oddi_reserve(p->ctx, &values, &p->value_capacity, p->value_count + 1, sizeof(*p->value)) !=
        ODD_OK)
        return -1;
    p->value = values;
    struct plan_value *v = &p->value[p->value_count];
    memset(v, 0, sizeof(*v));
    v->shape = *shape;
    v->layout = layout;
    v->size = ((size_t)oddi_shape_count(shape) * oddi_type_size(p->options.type) + 63) / 64 * 64;
    v->first = v->last = (int)p->step_count;
    return (int)p->value_count++;
}

static struct plan_step *plan_add_step(struct oddi_plan *p)
{
    void *steps = p->step;
    if (oddi_reserve(p->ctx, &steps, &p->step_capacity, p->step_count + 1, sizeof(*p->step)) !=
        ODD_OK)
        return NULL;
    p->step = steps;
    struct plan_step *s = &p->step[p->step_count++];
    memset(s, 0, sizeof(*s));
    return s;
}

static void plan_describe(const struct oddi_plan *p, struct oddi_arg *arg, int value)
{
    const struct plan_value *v = &p->value[value];
    arg->shape = v->shape;
    arg->type = p->options.type;
    arg->layout = v->layout;
}

/* Blocked layouts exist for pictures whose channels fill the blocks. */
static bool plan_layouts_exist(const struct oddi_task *task)
{
    bool exist = true;
    for (int i = 0; i <= task->src_count; i++) {
        const struct oddi_arg *a = i < task->src_count ? &task->src[i] : &task->dst;
        exist =
            exist && (a->layout == ODDI_PLAIN ||
                      (a->shape.rank == 4 && a->shape.dim[1] % oddi_layout_block(a->layout) == 0));
    }
    return exist;
}

static void plan_choose_layouts(const struct oddi_kernel *kernel, struct oddi_task *task)
{
    if (kernel->layouts) {
        kernel->layouts(task);
        return;
    }
    for (int i = 0; i < task->src_count; i++)
        task->src[i].layout = ODDI_PLAIN;
    task->dst.layout = ODDI_PLAIN;
}

/* First kernel that takes the task; `choose` also lets it choose layouts. */
static const struct oddi_kernel *plan_kernel(const struct oddi_plan *p, struct oddi_task *task,
                                             bool choose)
{
    for (int s = 0; p->sets[s]; s++) {
        if (p->sets[s]->usable && !p->sets[s]->usable())
            continue;
        for (int k = 0; p->sets[s]->kernels[k]; k++) {
            const struct oddi_kernel *kernel = p->sets[s]->kernels[k];
            if (strcmp(kernel->op, task->op) != 0)
                continue;
            struct oddi_task attempt = *task;
            if (choose)
                plan_choose_layouts(kernel, &attempt);
            if (!plan_layouts_exist(&attempt) || (kernel->accepts && !kernel->accepts(&attempt)))
                continue;
            *task = attempt;
            return kernel;
        }
    }
    return NULL;
}

static odd_status plan_no_kernel(struct oddi_plan *p, const struct oddi_task *t)
{
    char text[ODDI_SHAPE_TEXT];
    return oddi_fail(p->ctx, ODD_ENOTSUP, "%s: no %s kernel for %s of type %s", t->node, t->op,
                     oddi_shape_text(&t->dst.shape, text), oddi_type_name(p->options.type));
}

static odd_status plan_finish_step(struct oddi_plan *p, struct plan_step *s)
{
    size_t scratch = 0, keep = 0;
    s->task.threads = p->options.threads;
    if (s->kernel->prepare) {
        odd_status status = s->kernel->prepare(p->ctx, &s->task, &scratch, &keep);
        if (status != ODD_OK) {
            s->kernel = NULL; /* nothing to end */
            return status;
        }
    }
    if (scratch > p->scratch_need)
        p->scratch_need = scratch;
    s->keep_size = (keep + 63) / 64 * 64;
    return ODD_OK;
}

/* Value of node `n` in `layout`, converting (once) where it was made in another. */
static odd_status plan_value_in(struct oddi_plan *p, const struct oddi_node *n,
                                enum oddi_layout layout, int *value)
{
    if (p->of_node[n->id][layout] >= 0) {
        *value = p->of_node[n->id][layout];
        return ODD_OK;
    }
    int from = p->made_as[n->id];
    struct oddi_task task = {.op = "reorder", .node = n->name, .src_count = 1};
    plan_describe(p, &task.src[0], from);
    int to = plan_add_value(p, &n->shape, layout);
    if (to < 0)
        return ODD_ENOMEM;
    plan_describe(p, &task.dst, to);
    const struct oddi_kernel *kernel = plan_kernel(p, &task, false);
    if (!kernel)
        return plan_no_kernel(p, &task);
    struct plan_step *s = plan_add_step(p);
    if (!s)
        return ODD_ENOMEM;
    s->task = task;
    s->kernel = kernel;
    s->node = n;
    s->phase = p->building;
    s->src[0] = from;
    s->dst = to;
    p->value[to].fixed = p->value[from].fixed;
    p->of_node[n->id][layout] = to;
    *value = to;
    return plan_finish_step(p, s);
}

static odd_status plan_leaf(struct oddi_plan *p, const struct oddi_node *n)
{
    int v = plan_add_value(p, &n->shape, ODDI_PLAIN);
    if (v < 0)
        return ODD_ENOMEM;
    const struct oddi_binding *b = plan_binding(p, n);
    struct plan_value *value = &p->value[v];
    value->lasting = true;
    value->fixed =
        (n->flags & ODDI_NODE_PARAM) && !(n->flags & ODDI_NODE_WRITTEN) && (!b || b->version);
    value->version = value->fixed ? 1 : 0;
    if (b) {
        value->external = true;
        value->buffer = (struct oddi_buffer){b->data, value->size};
        value->source = b->version;
    }
    p->of_node[n->id][ODDI_PLAIN] = p->made_as[n->id] = v;
    return ODD_OK;
}

/* The step of node `n` with its sources in the layouts that its kernel wants. */
static odd_status plan_op_step(struct oddi_plan *p, const struct oddi_node *n,
                               const struct oddi_task *task, const struct oddi_kernel *kernel)
{
    int src[ODDI_MAX_SRC] = {0};
    bool fixed = !n->op->in_place;
    for (int i = 0; i < n->src_count; i++) {
        odd_status status = plan_value_in(p, n->src[i], task->src[i].layout, &src[i]);
        if (status != ODD_OK)
            return status;
        fixed = fixed && p->value[src[i]].fixed;
    }
    if (n->op->in_place && src[0] != p->made_as[n->src[0]->id])
        return oddi_fail(p->ctx, ODD_EBUG, "%s: %s must take its parameter plain", n->name,
                         kernel->name);
    int dst = n->op->in_place ? src[0] : plan_add_value(p, &n->shape, task->dst.layout);
    struct plan_step *s = dst < 0 ? NULL : plan_add_step(p);
    if (!s)
        return ODD_ENOMEM;
    s->task = *task;
    s->kernel = kernel;
    s->node = n;
    s->phase = p->building;
    memcpy(s->src, src, sizeof(src));
    s->dst = dst;
    if (!n->op->in_place)
        p->value[dst].fixed = fixed;
    p->of_node[n->id][p->value[dst].layout] = p->made_as[n->id] = dst;
    return plan_finish_step(p, s);
}

/* Keeps a plain value of `n` to the end, in the place bound to it if there is one. The caller may
 * change what lies there (clip a gradient), so it never counts as fixed. */
static odd_status plan_keep(struct oddi_plan *p, const struct oddi_node *n,
                            const struct oddi_binding *b)
{
    int v = -1;
    if (b && n->op->in_place)
        return oddi_fail(p->ctx, ODD_EBUG, "%s: bind the parameter that it writes", n->name);
    odd_status status = plan_value_in(p, n, ODDI_PLAIN, &v);
    if (status != ODD_OK)
        return status;
    p->value[v].lasting = true;
    if (b) {
        p->value[v].external = true;
        p->value[v].fixed = false;
        p->value[v].buffer = (struct oddi_buffer){b->data, p->value[v].size};
    }
    return ODD_OK;
}

static odd_status plan_op(struct oddi_plan *p, const struct oddi_node *n)
{
    struct oddi_task task = {
        .op = n->op->name, .node = n->name, .attr = n->attr, .src_count = n->src_count};
    for (int i = 0; i < n->src_count; i++)
        plan_describe(p, &task.src[i], p->made_as[n->src[i]->id]);
    task.dst.shape = n->shape;
    task.dst.type = p->options.type;
    const struct oddi_kernel *kernel = plan_kernel(p, &task, true);
    if (!kernel)
        return plan_no_kernel(p, &task);
    odd_status status = plan_op_step(p, n, &task, kernel);
    const struct oddi_binding *b = plan_binding(p, n);
    if (status == ODD_OK && (b || (n->flags & ODDI_NODE_OUTPUT)))
        status = plan_keep(p, n, b);
    return status;
}

static odd_status plan_build(struct oddi_plan *p, const bool *live)
{
    const struct oddi_graph *g = p->graph;
    odd_status status = ODD_OK;
    int phases = 0;
    for (int i = 0; i < g->count && status == ODD_OK; i++) {
        if (g->node[i]->phase >= phases)
            phases = g->node[i]->phase + 1;
        if (live[i] && !g->node[i]->op)
            status = plan_leaf(p, g->node[i]);
    }
    for (p->building = 0; p->building < phases; p->building++)
        for (int i = 0; i < g->count && status == ODD_OK; i++)
            if (live[i] && g->node[i]->op && g->node[i]->phase == p->building)
                status = plan_op(p, g->node[i]);
    return status;
}

static odd_status plan_check(struct odd_context *ctx, const struct oddi_graph *g,
                             const struct oddi_plan_options *o)
{
    for (int i = 0; i < o->binding_count; i++) {
        const struct oddi_node *n = o->binding[i].node;
        if (!n || !o->binding[i].data || n->id < 0 || n->id >= g->count || g->node[n->id] != n)
            return oddi_fail(ctx, ODD_EBUG, "binding %d is of no node of the graph", i);
    }
    return oddi_graph_status(g);
}

odd_status oddi_plan_new(struct odd_context *ctx, struct oddi_graph *graph,
                         const struct oddi_plan_options *options, struct oddi_plan **plan)
{
    odd_status status = plan_check(ctx, graph, options);
    if (status != ODD_OK)
        return status;
    size_t n = (size_t)graph->count;
    struct oddi_plan *p = oddi_calloc(ctx, 1, sizeof(*p));
    if (!p)
        return ODD_ENOMEM;
    p->ctx = ctx;
    p->graph = graph;
    p->options = *options;
    const char *mode = options->mode ? options->mode : "best";
    oddi_host_sets(options->type == ODDI_F64 ? "ref" : mode, p->sets);
    bool *live = oddi_calloc(ctx, n + 1, sizeof(*live));
    p->of_node = oddi_alloc_array(ctx, n + 1, sizeof(*p->of_node));
    p->made_as = oddi_alloc_array(ctx, n + 1, sizeof(*p->made_as));
    if (!live || !p->of_node || !p->made_as) {
        status = ODD_ENOMEM;
        goto out;
    }
    memset(p->of_node, 0xff, (n + 1) * sizeof(*p->of_node));
    memset(p->made_as, 0xff, (n + 1) * sizeof(*p->made_as));
    plan_mark_live(p, live);
    TRY(plan_build(p, live));
    TRY(oddi_plan_place(p));
    p->options.binding = NULL; /* the caller's list and text may go */
    p->options.mode = NULL;
    *plan = p;
    p = NULL;
out:
    oddi_free(ctx, live);
    oddi_plan_free(p);
    return status;
}

void oddi_plan_free(struct oddi_plan *plan)
{
    if (!plan)
        return;
    struct odd_context *ctx = plan->ctx;
    for (size_t i = 0; i < plan->step_count; i++)
        if (plan->step[i].kernel && plan->step[i].kernel->done)
            plan->step[i].kernel->done(ctx, &plan->step[i].task);
    oddi_free_aligned(ctx, plan->activations.data);
    oddi_free_aligned(ctx, plan->scratch.data);
    oddi_free_aligned(ctx, plan->keep.data);
    oddi_free(ctx, plan->step);
    oddi_free(ctx, plan->value);
    oddi_free(ctx, plan->of_node);
    oddi_free(ctx, plan->made_as);
    oddi_free(ctx, plan);
}
