/* SPDX-License-Identifier: Apache-2.0
 *
 * Running a plan: a loop over the steps, no allocation. A step whose sources are parameters (or
 * values of parameters alone) is skipped while their versions stay what they were, and is the only
 * kind that runs again in a later phase: there it may have to follow a change of its parameters.
 */
#include "graph/plan_int.h"

#include <math.h>
#include <string.h>

#include "base/hash.h"
#include "base/os.h"
#include "base/rng.h"

static void *run_at(const struct oddi_plan *p, int value)
{
    const struct plan_value *v = &p->value[value];
    return v->external ? v->buffer.data : (char *)p->activations.data + v->offset;
}

static uint64_t run_version(const struct plan_value *v)
{
    if (!v->fixed)
        return 0;
    return v->source ? *v->source + 1 : v->version;
}

/* Sets the sources' versions and returns that of the result, never 0: a hash of theirs that differs
 * whenever one of them changes (each round is a bijection of `version` for a given source). */
static uint64_t run_versions(const struct oddi_plan *p, struct plan_step *s)
{
    uint64_t version = 1;
    for (int k = 0; k < s->task.src_count; k++) {
        uint64_t one = run_version(&p->value[s->src[k]]);
        s->task.src[k].version = one;
        version = (version ^ one) * 0x9E3779B97F4A7C15u;
        version ^= version >> 32;
    }
    return version ? version : 1;
}

static bool run_finite(const struct oddi_plan *p, int value)
{
    const struct plan_value *v = &p->value[value];
    int64_t n = oddi_shape_count(&v->shape);
    const void *at = run_at(p, value);
    for (int64_t i = 0; i < n; i++) {
        double x =
            p->options.type == ODDI_F64 ? ((const double *)at)[i] : (double)((const float *)at)[i];
        if (!isfinite(x))
            return false;
    }
    return true;
}

static odd_status run_step(struct oddi_plan *p, struct plan_step *s)
{
    struct plan_value *d = &p->value[s->dst];
    const uint64_t version = run_versions(p, s);
    if (d->fixed && d->version == version)
        return ODD_OK;
    uint64_t (*const clock)(void) = p->clock ? p->clock : oddi_os_now_ns;
    const uint64_t start = p->profile ? clock() : 0;
    odd_status status = s->kernel->run(&s->task);
    if (p->profile)
        s->nanoseconds += (double)(clock() - start);
    if (status != ODD_OK)
        return oddi_fail(p->ctx, status, "%s: kernel %s failed", s->task.node, s->kernel->name);
    if (p->options.check_numerics && !run_finite(p, s->dst))
        return oddi_fail(p->ctx, ODD_ENUMERIC, "%s (%s): a value is not finite", s->task.node,
                         s->task.op);
    d->version = d->fixed ? version : 0;
    return ODD_OK;
}

odd_status oddi_plan_run_phase(struct oddi_plan *plan, int phase)
{
    for (size_t i = 0; i < plan->step_count; i++) {
        struct plan_step *s = &plan->step[i];
        const bool renewed = plan->value[s->dst].fixed && s->phase < phase;
        if (phase >= 0 && s->phase != phase && !renewed)
            continue;
        odd_status status = run_step(plan, s);
        if (status != ODD_OK)
            return status;
    }
    return ODD_OK;
}

odd_status oddi_plan_run(struct oddi_plan *plan)
{
    return oddi_plan_run_phase(plan, -1);
}

static int run_plain(const struct oddi_plan *p, const struct oddi_node *node)
{
    const struct oddi_graph *g = p->graph;
    if (!node || node->id < 0 || node->id >= g->count || g->node[node->id] != node)
        return -1;
    return p->of_node[node->id][ODDI_PLAIN];
}

void *oddi_plan_input(struct oddi_plan *plan, const struct oddi_node *node)
{
    int v = run_plain(plan, node);
    return v < 0 || !(node->flags & ODDI_NODE_INPUT) ? NULL : run_at(plan, v);
}

odd_status oddi_plan_set(struct oddi_plan *plan, const struct oddi_node *node, const void *data)
{
    if (!node || node->op)
        return oddi_fail(plan->ctx, ODD_EBUG, "only inputs and parameters can be set");
    int v = run_plain(plan, node);
    if (v < 0)
        return ODD_OK;
    if ((node->flags & ODDI_NODE_PARAM) && plan->value[v].external)
        return oddi_fail(plan->ctx, ODD_EBUG, "%s is the caller's: change it there", node->name);
    size_t size = (size_t)oddi_shape_count(&node->shape) * oddi_type_size(plan->options.type);
    memcpy(run_at(plan, v), data, size);
    plan->value[v].version++;
    return ODD_OK;
}

const void *oddi_plan_output(const struct oddi_plan *plan, const struct oddi_node *node)
{
    int v = run_plain(plan, node);
    return v < 0 || !plan->value[v].lasting ? NULL : run_at(plan, v);
}

odd_status oddi_plan_get(struct oddi_plan *plan, const struct oddi_node *node, void *data)
{
    const void *at = oddi_plan_output(plan, node);
    if (!at)
        return oddi_fail(plan->ctx, ODD_EBUG, "%s is no output of this plan",
                         node ? node->name : "?");
    memcpy(data, at, (size_t)oddi_shape_count(&node->shape) * oddi_type_size(plan->options.type));
    return ODD_OK;
}

size_t oddi_plan_memory(const struct oddi_plan *plan)
{
    return plan->activations.size + plan->scratch.size + plan->keep.size;
}

uint64_t oddi_plan_kernels_hash(const struct oddi_plan *plan)
{
    uint64_t hash = 0;
    for (size_t i = 0; i < plan->step_count; i++)
        hash = hash * 0x100000001B3u ^ oddi_hash_text(plan->step[i].kernel->name);
    return hash;
}

static void run_describe(const struct oddi_plan *p, const struct plan_step *s, bool values,
                         struct oddi_plan_step_info *info)
{
    memset(info, 0, sizeof(*info));
    info->node = s->task.node;
    info->op = s->task.op;
    info->kernel = s->kernel->name;
    info->shape = &p->value[s->dst].shape;
    info->phase = s->phase;
    info->flop = oddi_task_flop(&s->task);
    info->bytes = oddi_task_bytes(&s->task);
    info->nanoseconds = s->nanoseconds;
    if (!values)
        return;
    int64_t n = oddi_shape_count(info->shape), good = 0;
    const void *at = run_at(p, s->dst);
    double sum = 0;
    for (int64_t i = 0; i < n; i++) {
        double x =
            p->options.type == ODDI_F64 ? ((const double *)at)[i] : (double)((const float *)at)[i];
        if (isnan(x)) {
            info->nan_count++;
            continue;
        }
        info->min = good == 0 || x < info->min ? x : info->min;
        info->max = good == 0 || x > info->max ? x : info->max;
        sum += x;
        good++;
    }
    info->mean = good ? sum / (double)good : NAN;
}

odd_status oddi_plan_trace(struct oddi_plan *plan,
                           void (*fn)(void *user, const struct oddi_plan_step_info *info),
                           void *user)
{
    for (size_t i = 0; i < plan->step_count; i++) {
        odd_status status = run_step(plan, &plan->step[i]);
        if (status != ODD_OK)
            return status;
        struct oddi_plan_step_info info;
        run_describe(plan, &plan->step[i], true, &info);
        fn(user, &info);
    }
    return ODD_OK;
}

void oddi_plan_profile(struct oddi_plan *plan, bool on)
{
    plan->profile = on;
}

void oddi_plan_profile_visit(const struct oddi_plan *plan,
                             void (*fn)(void *user, const struct oddi_plan_step_info *info),
                             void *user)
{
    for (size_t i = 0; i < plan->step_count; i++) {
        struct oddi_plan_step_info info;
        run_describe(plan, &plan->step[i], false, &info);
        fn(user, &info);
    }
}
