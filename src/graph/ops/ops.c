/* SPDX-License-Identifier: Apache-2.0
 *
 * The table of all operations, from ops.def, and the helpers of ops.h.
 */
#include "graph/ops/ops.h"

#include <stdio.h>
#include <string.h>

#define OP(name) &oddi_op_##name,
static const struct oddi_op *const ops_all[] = {
#include "graph/ops.def"
    NULL};
#undef OP

const struct oddi_op *oddi_op_at(int index)
{
    return index >= 0 && (size_t)index < ODDI_COUNT(ops_all) ? ops_all[index] : NULL;
}

const struct oddi_op *oddi_op_find(const char *name)
{
    for (size_t i = 0; ops_all[i]; i++)
        if (strcmp(ops_all[i]->name, name) == 0)
            return ops_all[i];
    return NULL;
}

odd_status oddi_op_bad(struct odd_context *ctx, const struct oddi_node *node, const char *what)
{
    char text[ODDI_SHAPE_TEXT], list[ODDI_MAX_SRC * (ODDI_SHAPE_TEXT + 2)] = "";
    size_t at = 0;
    for (int i = 0; i < node->src_count; i++) {
        oddi_shape_text(&node->src[i]->shape, text);
        at += (size_t)snprintf(list + at, sizeof(list) - at, "%s%s", i ? ", " : "", text);
    }
    return oddi_fail(ctx, ODD_ESHAPE, "%s: %s of %s: %s", node->name, node->op->name, list, what);
}

odd_status oddi_op_like_first(struct odd_context *ctx, struct oddi_node *node)
{
    (void)ctx;
    node->shape = node->src[0]->shape;
    return ODD_OK;
}

static odd_status ops_same(struct odd_context *ctx, struct oddi_node *node, int count)
{
    for (int i = 1; i < count; i++)
        if (!oddi_shape_equal(&node->src[i]->shape, &node->src[0]->shape))
            return oddi_op_bad(ctx, node, "the shapes must be equal");
    return oddi_op_like_first(ctx, node);
}

odd_status oddi_op_all_same(struct odd_context *ctx, struct oddi_node *node)
{
    return ops_same(ctx, node, node->src_count);
}

odd_status oddi_op_same_and_scalar(struct odd_context *ctx, struct oddi_node *node)
{
    if (node->src[node->src_count - 1]->shape.rank != 0)
        return oddi_op_bad(ctx, node, "the last source must be a scalar");
    return ops_same(ctx, node, node->src_count - 1);
}

odd_status oddi_op_rows(struct odd_context *ctx, struct oddi_node *node)
{
    if (node->src[0]->shape.rank != 2)
        return oddi_op_bad(ctx, node, "rows (R, L) are wanted");
    return ops_same(ctx, node, node->src_count);
}

odd_status oddi_op_shape_attr(struct odd_context *ctx, struct oddi_node *node)
{
    const int64_t *i = node->attr.i;
    if (i[4] < 0 || i[4] > ODDI_MAX_DIMS)
        return oddi_op_bad(ctx, node, "impossible rank");
    node->shape = oddi_shape_make((int)i[4], i[0], i[1], i[2], i[3]);
    return oddi_shape_valid(&node->shape) ? ODD_OK : oddi_op_bad(ctx, node, "impossible result");
}

struct oddi_attr oddi_op_attr_of(struct oddi_shape shape)
{
    struct oddi_attr attr = {
        .i = {shape.dim[0], shape.dim[1], shape.dim[2], shape.dim[3], shape.rank}};
    return attr;
}

bool oddi_op_vector(const struct oddi_node *node, int i, int64_t count)
{
    const struct oddi_shape *s = &node->src[i]->shape;
    return s->rank == 1 && s->dim[0] == count;
}

bool oddi_op_matrix(const struct oddi_node *node, int i, int64_t rows, int64_t columns)
{
    const struct oddi_shape *s = &node->src[i]->shape;
    return s->rank == 2 && s->dim[0] == rows && s->dim[1] == columns;
}

bool oddi_op_has_channels(const struct oddi_node *node, int i)
{
    return node->src[i]->shape.rank == 2 || node->src[i]->shape.rank == 4;
}

struct oddi_node *oddi_op_1(struct oddi_graph *g, const char *op, const struct oddi_attr *attr,
                            struct oddi_node *a)
{
    return oddi_apply(g, op, attr, 1, &a);
}

struct oddi_node *oddi_op_2(struct oddi_graph *g, const char *op, const struct oddi_attr *attr,
                            struct oddi_node *a, struct oddi_node *b)
{
    struct oddi_node *const src[] = {a, b};
    return oddi_apply(g, op, attr, 2, src);
}

struct oddi_node *oddi_op_3(struct oddi_graph *g, const char *op, const struct oddi_attr *attr,
                            struct oddi_node *const src[3])
{
    return oddi_apply(g, op, attr, 3, src);
}

bool oddi_op_fused(struct oddi_graph *g, const struct oddi_node *node)
{
    if (node->attr.i[2] == 0)
        return false;
    if (g->status == ODD_OK)
        g->status = oddi_fail(g->ctx, ODD_EBUG, "%s: %s with a fused activation has no gradient",
                              node->name, node->op->name);
    return true;
}
