/* SPDX-License-Identifier: Apache-2.0
 *
 * Where values lie. A value lives from the step that makes it to the last that reads it; two whose
 * lives do not meet may share memory. Greedy packing, largest first: each goes to the lowest
 * offset free during its whole life (best known simple heuristic for this offline problem; n is a
 * few hundred, so the quadratic search costs nothing). Lasting values live from first to last step.
 */
#include "graph/plan_int.h"

#include <stdlib.h>
#include <string.h>

static void memory_lives(struct oddi_plan *p)
{
    for (size_t i = 0; i < p->step_count; i++) {
        struct plan_step *s = &p->step[i];
        for (int k = 0; k < s->task.src_count; k++)
            if (p->value[s->src[k]].last < (int)i)
                p->value[s->src[k]].last = (int)i;
        struct plan_value *d = &p->value[s->dst];
        if (d->last < (int)i)
            d->last = (int)i;
        if (d->first > (int)i)
            d->first = (int)i;
    }
    for (size_t i = 0; i < p->value_count; i++)
        if (p->value[i].lasting || p->value[i].fixed) {
            p->value[i].first = 0;
            p->value[i].last = (int)p->step_count;
        }
}

struct memory_item {
    size_t size;
    int value;
};

static int memory_larger(const void *a, const void *b)
{
    const struct memory_item *x = a, *y = b;
    if (x->size != y->size)
        return x->size < y->size ? 1 : -1;
    return x->value < y->value ? -1 : x->value > y->value;
}

/* Lowest offset where value v fits among those placed before it. */
static size_t memory_lowest(const struct oddi_plan *p, const struct memory_item *order,
                            size_t placed, int v)
{
    const struct plan_value *a = &p->value[v];
    size_t offset = 0;
    bool moved = true;
    while (moved) {
        moved = false;
        for (size_t i = 0; i < placed; i++) {
            const struct plan_value *b = &p->value[order[i].value];
            bool together = a->first <= b->last && b->first <= a->last;
            if (together && offset < b->offset + b->size && b->offset < offset + a->size) {
                offset = b->offset + b->size;
                moved = true;
            }
        }
    }
    return offset;
}

/* No offset can overflow where even the sum of all sizes does not. */
static odd_status memory_sum(const struct oddi_plan *p, const struct memory_item *order, size_t n)
{
    size_t sum = 4096;
    for (size_t i = 0; i < n; i++)
        if (!oddi_add_size(sum, order[i].size, &sum))
            return oddi_fail(p->ctx, ODD_ENOMEM,
                             "the plan needs more memory than can be addressed");
    return ODD_OK;
}

static odd_status memory_pack(struct oddi_plan *p, size_t *total)
{
    struct memory_item *order = oddi_alloc_array(p->ctx, p->value_count + 1, sizeof(*order));
    if (!order)
        return ODD_ENOMEM;
    size_t n = 0, top = 64;
    for (size_t i = 0; i < p->value_count; i++)
        if (!p->value[i].external)
            order[n++] = (struct memory_item){p->value[i].size, (int)i};
    qsort(order, n, sizeof(*order), memory_larger);
    odd_status status = memory_sum(p, order, n);
    for (size_t i = 0; i < n && status == ODD_OK; i++) {
        struct plan_value *v = &p->value[order[i].value];
        v->offset = memory_lowest(p, order, i, order[i].value);
        if (v->offset + v->size > top)
            top = v->offset + v->size;
    }
    oddi_free(p->ctx, order);
    *total = top;
    return status;
}

static odd_status memory_block(struct oddi_plan *p, size_t size, struct oddi_buffer *buffer)
{
    buffer->data = oddi_alloc_aligned(p->ctx, size + 64);
    buffer->size = size;
    return buffer->data ? ODD_OK : ODD_ENOMEM;
}

static void memory_point(const struct oddi_plan *p, struct oddi_arg *arg, int value)
{
    const struct plan_value *v = &p->value[value];
    arg->buffer = v->external ? &v->buffer : &p->activations;
    arg->offset = v->external ? 0 : v->offset;
}

/* Parameters that nobody bound start as their init says. */
static void memory_start_params(struct oddi_plan *p)
{
    for (int i = 0; i < p->graph->count; i++) {
        const struct oddi_node *n = p->graph->node[i];
        int v = p->made_as[i];
        if (v < 0 || !(n->flags & ODDI_NODE_PARAM) || p->value[v].external)
            continue;
        float *at = (float *)(void *)((char *)p->activations.data + p->value[v].offset);
        oddi_init_fill(&n->init, 0, n->name, &n->shape, at);
        if (p->options.type == ODDI_F64)
            for (int64_t k = oddi_shape_count(&n->shape) - 1; k >= 0; k--) {
                float one = at[k]; /* widened in place from the end */
                double wide = one;
                memcpy((char *)at + (size_t)k * sizeof(double), &wide, sizeof(wide));
            }
    }
}

odd_status oddi_plan_place(struct oddi_plan *p)
{
    size_t total = 0, keep = 0;
    memory_lives(p);
    odd_status status = memory_pack(p, &total);
    for (size_t i = 0; i < p->step_count; i++)
        keep += p->step[i].keep_size;
    if (status == ODD_OK)
        status = memory_block(p, total, &p->activations);
    if (status == ODD_OK)
        status = memory_block(p, p->scratch_need, &p->scratch);
    if (status == ODD_OK)
        status = memory_block(p, keep, &p->keep);
    if (status != ODD_OK)
        return status;
    keep = 0;
    for (size_t i = 0; i < p->step_count; i++) {
        struct plan_step *s = &p->step[i];
        for (int k = 0; k < s->task.src_count; k++)
            memory_point(p, &s->task.src[k], s->src[k]);
        memory_point(p, &s->task.dst, s->dst);
        s->task.scratch.buffer = &p->scratch;
        s->task.keep.buffer = &p->keep;
        s->task.keep.offset = keep;
        keep += s->keep_size;
    }
    memory_start_params(p);
    return ODD_OK;
}
