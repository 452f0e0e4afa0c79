/* SPDX-License-Identifier: Apache-2.0
 *
 * Two plans: one of the loss alone, made before the gradient's nodes exist and run for every
 * difference, and one that also computes the gradients, run once.
 */
#include "gradcheck.h"

#include <math.h>
#include <string.h>

#include "base/rng.h"
#include "graph/plan.h"

/* Differences below this share of 1 + |E| are rounding of E / h. */
#define GRADCHECK_FLOOR 1e-4
#define GRADCHECK_REACH 16.0

struct gradcheck_work {
    struct odd_context *ctx;
    struct gradcheck *check;
    struct oddi_plan *plan; /* of the loss */
    const struct oddi_node *loss, *target;
    int64_t count;
    const double *gradient; /* NULL: none */
    double *start, *moved;
    double *direction; /* unit length; only where element < 0 */
    double scale;      /* what a difference is relative to, for one element */
};

static odd_status gradcheck_plan(struct oddi_graph *g, struct oddi_plan **plan)
{
    const struct oddi_plan_options options = {.type = ODDI_F64, .mode = "ref", .threads = 1};
    return oddi_plan_new(g->ctx, g, &options, plan);
}

/* Values of one leaf: in both plans the same. */
static odd_status gradcheck_fill_leaf(struct oddi_plan *plan, const struct oddi_node *node,
                                      const struct gradcheck *check, struct odd_context *ctx)
{
    const double *live = oddi_plan_output(plan, node);
    if (!live)
        return ODD_OK; /* not needed */
    const int64_t n = oddi_shape_count(&node->shape);
    double *values = oddi_alloc_array(ctx, (size_t)n, sizeof(*values));
    if (!values)
        return ODD_ENOMEM;
    memcpy(values, live, (size_t)n * sizeof(*values));
    struct oddi_rng rng;
    oddi_rng_init(&rng, check->seed, ODDI_RNG_TEST, oddi_hash_text(node->name), 0);
    for (int64_t i = 0; (node->flags & ODDI_NODE_INPUT) && i < n; i++)
        values[i] = (double)oddi_rng_range(&rng, -1.0f, 1.0f);
    if (check->fill)
        check->fill(check->user, node, n, values);
    odd_status status = oddi_plan_set(plan, node, values);
    oddi_free(ctx, values);
    return status;
}
static odd_status gradcheck_fill(struct oddi_plan *plan, const struct oddi_graph *g, int nodes,
                                 const struct gradcheck *check)
{
    odd_status status = ODD_OK;
    for (int i = 0; i < nodes && status == ODD_OK; i++)
        if (!g->node[i]->op)
            status = gradcheck_fill_leaf(plan, g->node[i], check, g->ctx);
    return status;
}

static odd_status gradcheck_loss(struct gradcheck_work *w, const double *values, double *loss)
{
    odd_status status = oddi_plan_set(w->plan, w->target, values);
    if (status == ODD_OK)
        status = oddi_plan_run(w->plan);
    if (status == ODD_OK)
        status = oddi_plan_get(w->plan, w->loss, loss);
    return status;
}

static void gradcheck_move(struct gradcheck_work *w, int64_t element, double step)
{
    memcpy(w->moved, w->start, (size_t)w->count * sizeof(double));
    if (element >= 0)
        w->moved[element] += step;
    for (int64_t i = 0; element < 0 && i < w->count; i++)
        w->moved[i] += step * w->direction[i];
}

/* One difference, along an element or (-1) the direction; keeps the worst. A direction goes
 * further, as it moves each of its many elements by little. */
static odd_status gradcheck_one(struct gradcheck_work *w, int64_t element)
{
    const double reach = element < 0 ? fmin(sqrt((double)w->count), GRADCHECK_REACH) : 1.0;
    const double step = reach * (w->check->step > 0.0 ? w->check->step : 1e-5);
    double up = 0.0, down = 0.0, analytic = 0.0;
    gradcheck_move(w, element, step);
    odd_status status = gradcheck_loss(w, w->moved, &up);
    gradcheck_move(w, element, -step);
    if (status == ODD_OK)
        status = gradcheck_loss(w, w->moved, &down);
    if (status != ODD_OK)
        return status;
    if (w->gradient && element >= 0)
        analytic = w->gradient[element];
    for (int64_t i = 0; w->gradient && element < 0 && i < w->count; i++)
        analytic += w->gradient[i] * w->direction[i];
    const double numeric = (up - down) / (2.0 * step);
    const double error = fabs(numeric - analytic) / fmax(fabs(analytic), w->scale);
    if (error <= w->check->worst)
        return ODD_OK;
    w->check->worst = isnan(error) ? INFINITY : error;
    w->check->analytic = analytic;
    w->check->numeric = numeric;
    w->check->target = w->target->name;
    w->check->element = element;
    return ODD_OK;
}

static void gradcheck_turn(struct gradcheck_work *w, struct oddi_rng *rng)
{
    double norm = 0.0;
    for (int64_t i = 0; i < w->count; i++) {
        w->direction[i] = (double)oddi_rng_normal(rng);
        norm += w->direction[i] * w->direction[i];
    }
    norm = norm > 0.0 ? sqrt(norm) : 1.0;
    for (int64_t i = 0; i < w->count; i++)
        w->direction[i] /= norm;
}

/* The largest element of the gradient for single elements; its root mean square, which is what a
 * random unit direction sees, is never far below. */
static double gradcheck_scale(const struct gradcheck_work *w, double loss)
{
    double squares = 0.0;
    for (int64_t i = 0; w->gradient && i < w->count; i++)
        squares += w->gradient[i] * w->gradient[i];
    return fmax(sqrt(squares / (double)w->count), GRADCHECK_FLOOR * (1.0 + fabs(loss)));
}

static odd_status gradcheck_differences(struct gradcheck_work *w)
{
    const struct gradcheck *c = w->check;
    const int64_t singles = c->elements > 0 ? c->elements : 256;
    const int directions = c->directions > 0 ? c->directions : 6;
    struct oddi_rng rng;
    double loss = 0.0;
    odd_status status = gradcheck_loss(w, w->start, &loss);
    w->scale = gradcheck_scale(w, loss);
    oddi_rng_init(&rng, c->seed, ODDI_RNG_TEST, oddi_hash_text(w->target->name), 1);
    for (int d = 0; d < directions && status == ODD_OK; d++) {
        gradcheck_turn(w, &rng);
        status = gradcheck_one(w, -1);
    }
    for (int64_t i = 0; i < singles && i < w->count && status == ODD_OK; i++) {
        const int64_t any = (int64_t)oddi_rng_below(&rng, (uint64_t)w->count);
        status = gradcheck_one(w, w->count <= singles ? i : any);
    }
    if (status == ODD_OK) /* the other targets are checked at the same place */
        status = oddi_plan_set(w->plan, w->target, w->start);
    return status;
}

static odd_status gradcheck_target(struct gradcheck_work *w)
{
    odd_status status = ODD_OK;
    const size_t count = (size_t)w->count;
    const double *live = oddi_plan_output(w->plan, w->target);
    double *block = oddi_alloc_array(w->ctx, 3 * count, sizeof(*block));
    if (!live || !block) {
        status = live ? ODD_ENOMEM : oddi_fail(w->ctx, ODD_EBUG, "%s is no leaf", w->target->name);
        goto out;
    }
    w->start = block;
    w->moved = block + count;
    w->direction = block + 2 * count;
    memcpy(w->start, live, count * sizeof(*block));
    status = gradcheck_differences(w);
out:
    oddi_free(w->ctx, block);
    return status;
}

odd_status oddi_gradient_check(struct oddi_graph *g, struct oddi_node *loss, int count,
                               struct oddi_node *const *target, struct gradcheck *check)
{
    struct oddi_plan *value = NULL, *slope = NULL;
    const int nodes = g->count;
    odd_status status = ODD_OK;
    struct oddi_node **grad = oddi_calloc(g->ctx, (size_t)count + 1, sizeof(*grad));
    if (!grad)
        return ODD_ENOMEM;
    check->worst = check->analytic = check->numeric = 0.0;
    check->target = "";
    check->element = -1;
    oddi_output(g, loss, NULL);
    TRY(gradcheck_plan(g, &value));
    TRY(gradcheck_fill(value, g, nodes, check));
    TRY(oddi_graph_grad(g, loss, count, target, grad));
    for (int i = 0; i < count; i++)
        oddi_output(g, grad[i], NULL);
    TRY(gradcheck_plan(g, &slope));
    TRY(gradcheck_fill(slope, g, nodes, check));
    TRY(oddi_plan_run(slope));
    for (int i = 0; i < count; i++) {
        struct gradcheck_work w = {.ctx = g->ctx,
                                   .check = check,
                                   .plan = value,
                                   .loss = loss,
                                   .target = target[i],
                                   .count = oddi_shape_count(&target[i]->shape)};
        w.gradient = grad[i] ? oddi_plan_output(slope, grad[i]) : NULL;
        TRY(gradcheck_target(&w));
    }
out:
    oddi_plan_free(slope);
    oddi_plan_free(value);
    oddi_free(g->ctx, grad);
    return status;
}
