/* SPDX-License-Identifier: Apache-2.0
 *
 * Reads the rows' text and makes the values. What a row's values are depends on the source and the
 * place only, so that a batch begins with the pictures of a smaller one.
 */
#include "op_case.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "graph/plan.h"

#define OP_CASE(op, sources, attributes, grad, bound, flags)                                       \
    {#op, sources, attributes, grad, bound, flags, __LINE__},
#define OP_REFUSED(op, sources, attributes)
const struct op_case op_cases[] = {
#include "op_cases.def"
    {0}};
#undef OP_CASE
#undef OP_REFUSED
#define OP_CASE(op, sources, attributes, grad, bound, flags)
#define OP_REFUSED(op, sources, attributes) {#op, sources, attributes, 0, 0.0, 0, __LINE__},
const struct op_case op_refused[] = {
#include "op_cases.def"
    {0}};

bool op_case_has_batch(const struct op_case *row)
{
    return strchr(row->sources, 'N') || strchr(row->attributes, 'N');
}

/* ---- text ---------------------------------------------------------------------------------- */

/* A number, N or N*number; moves *at behind it. */
static int64_t case_number(const char **at, int64_t batch)
{
    char *end;
    int64_t factor = 1;
    if (**at == 'N') {
        factor = batch;
        ++*at;
        if (**at != '*')
            return factor;
        ++*at;
    }
    const int64_t value = strtoll(*at, &end, 10);
    *at = end;
    return factor * value;
}

/* "Nx3x5:k" up to a blank or the end. */
static bool case_shape(const char **at, int64_t batch, struct oddi_shape *shape, char *kind)
{
    int64_t dim[ODDI_MAX_DIMS] = {0};
    int rank = 0;
    if (**at == 's') {
        ++*at;
    } else {
        dim[rank++] = case_number(at, batch);
        while (**at == 'x' && rank < ODDI_MAX_DIMS) {
            ++*at;
            dim[rank++] = case_number(at, batch);
        }
    }
    *shape = oddi_shape_make(rank, dim[0], dim[1], dim[2], dim[3]);
    *kind = 'u';
    if (**at == ':') {
        *kind = (*at)[1];
        *at += 2;
    }
    return **at == ' ' || **at == '\0';
}

static bool case_attribute(const char **at, int64_t batch, struct oddi_attr *attr)
{
    char *end;
    const char kind = (*at)[0];
    const int index = (*at)[1] - '0';
    if ((kind != 'i' && kind != 'f') || index < 0 || index > (kind == 'i' ? 7 : 3) ||
        (*at)[2] != '=')
        return false;
    *at += 3;
    if (kind == 'i') {
        attr->i[index] = case_number(at, batch);
    } else {
        attr->f[index] = strtod(*at, &end);
        *at = end;
    }
    return **at == ' ' || **at == '\0';
}

bool op_setup_parse(struct op_setup *s, const struct op_case *row, int64_t batch)
{
    const char *at = row->sources;
    memset(s, 0, sizeof(*s));
    s->row = row;
    s->batch = batch;
    while (*at && s->src_count < ODDI_MAX_SRC) {
        if (!case_shape(&at, batch, &s->src[s->src_count], &s->kind[s->src_count]))
            return false;
        s->src_count++;
        at += *at == ' ';
    }
    for (at = row->attributes; *at; at += *at == ' ')
        if (!case_attribute(&at, batch, &s->attr))
            return false;
    return true;
}

/* ---- the node ------------------------------------------------------------------------------ */

struct oddi_node *op_setup_node(const struct op_setup *s, struct oddi_graph *g,
                                struct oddi_node *src[ODDI_MAX_SRC])
{
    static const char *const names[ODDI_MAX_SRC] = {"src0", "src1", "src2", "src3", "src4", "src5"};
    const struct oddi_op *op = oddi_op_find(s->row->op);
    for (int i = 0; i < s->src_count; i++)
        src[i] = op && op->in_place && i == 0
                     ? oddi_param(g, "test", names[i], s->src[i], (struct oddi_init){0})
                     : oddi_input(g, names[i], s->src[i]);
    return oddi_apply(g, s->row->op, &s->attr, s->src_count, src);
}

/* ---- values -------------------------------------------------------------------------------- */

/* A row of n weights with sum 1 in random order: (1, 2, .. n) / (n (n + 1) / 2), or all equal. */
static void case_weights(struct oddi_rng *rng, int64_t n, bool equal, double *row)
{
    uint32_t order[4096];
    oddi_rng_permutation(rng, (size_t)n, order);
    for (int64_t i = 0; i < n; i++) {
        const double weight = 2.0 * (double)(order[i] + 1) / ((double)n * (double)(n + 1));
        row[i] = (double)(float)(equal ? 1.0 / (double)n : weight);
    }
}

static double case_value(struct oddi_rng *rng, char kind, bool second_half)
{
    const double u = (double)oddi_rng_range(rng, -1.0f, 1.0f);
    if (kind == 'z')
        return 0.0;
    if (kind == 'k')
        return (double)(float)(u + (u < 0.0 ? -0.1 : 0.1));
    if (kind == 'p' || (kind == 'v' && second_half))
        return (double)(float)(0.55 + 0.45 * u);
    return u;
}

void op_setup_values(const struct op_setup *s, int i, double *values)
{
    const struct oddi_shape *shape = &s->src[i];
    const int64_t n = oddi_shape_count(shape), length = shape->dim[1];
    struct oddi_rng rng;
    oddi_rng_init(&rng, 1, ODDI_RNG_TEST, (uint64_t)i, 0);
    if (s->kind[i] == 'w' || s->kind[i] == 't') {
        for (int64_t row = 0; row < shape->dim[0]; row++)
            case_weights(&rng, length, s->kind[i] == 't', values + row * length);
        return;
    }
    for (int64_t k = 0; k < n; k++)
        values[k] = case_value(&rng, s->kind[i], k >= n / 2);
}

/* Runs a one-node graph on ref in double. */
static odd_status case_run(const struct op_setup *s, double *result)
{
    const struct oddi_plan_options options = {.type = ODDI_F64, .mode = "ref", .threads = 1};
    struct oddi_node *src[ODDI_MAX_SRC];
    struct oddi_plan *plan = NULL;
    struct oddi_graph g;
    oddi_graph_init(&g, s->ctx);
    struct oddi_node *node = op_setup_node(s, &g, src);
    odd_status status = ODD_OK;
    oddi_output(&g, node, "result");
    TRY(oddi_plan_new(s->ctx, &g, &options, &plan));
    for (int i = 0; i < s->src_count; i++)
        TRY(oddi_plan_set(plan, src[i], s->value[i]));
    TRY(oddi_plan_run(plan));
    TRY(oddi_plan_get(plan, node, result));
out:
    oddi_plan_free(plan);
    oddi_graph_release(&g);
    return status;
}

/* Source i is what the forward operation makes of source 0. */
static odd_status case_forward(const struct op_setup *s, int i)
{
    char name[64];
    struct op_case row = *s->row;
    struct op_setup forward = *s;
    const size_t length = strlen(row.op) - strlen("_bwd");
    memcpy(name, row.op, length);
    name[length] = '\0';
    row.op = name;
    forward.row = &row;
    forward.src_count = 1;
    odd_status status = case_run(&forward, s->value[i]);
    for (int64_t k = 0; k < oddi_shape_count(&s->src[i]); k++)
        s->value[i][k] = (double)(float)s->value[i][k];
    return status;
}

static odd_status case_shape_of(struct op_setup *s)
{
    struct oddi_node *src[ODDI_MAX_SRC];
    struct oddi_graph g;
    oddi_graph_init(&g, s->ctx);
    const struct oddi_node *node = op_setup_node(s, &g, src);
    if (node) {
        s->dst = node->shape;
        s->in_place = node->op->in_place;
    }
    odd_status status = oddi_graph_status(&g);
    oddi_graph_release(&g);
    return status;
}

odd_status op_setup_init(struct op_setup *s, struct odd_context *ctx, const struct op_case *row,
                         int64_t batch)
{
    odd_status status = ODD_OK;
    if (!op_setup_parse(s, row, batch))
        return oddi_fail(ctx, ODD_EBUG, "op_cases.def:%d is no row", row->line);
    s->ctx = ctx;
    TRY(case_shape_of(s));
    for (int i = 0; i < s->src_count; i++) {
        s->value[i] = oddi_alloc_array(ctx, (size_t)oddi_shape_count(&s->src[i]), sizeof(double));
        if (!s->value[i]) {
            status = ODD_ENOMEM;
            goto out;
        }
        if (s->kind[i] == 'f')
            TRY(case_forward(s, i));
        else
            op_setup_values(s, i, s->value[i]);
    }
    s->wanted = oddi_alloc_array(ctx, (size_t)oddi_shape_count(&s->dst), sizeof(double));
    status = s->wanted ? case_run(s, s->wanted) : ODD_ENOMEM;
out:
    if (status != ODD_OK)
        op_setup_release(s);
    return status;
}

void op_setup_release(struct op_setup *s)
{
    for (int i = 0; i < s->src_count; i++)
        oddi_free(s->ctx, s->value[i]);
    oddi_free(s->ctx, s->wanted);
    memset(s, 0, sizeof(*s));
}
