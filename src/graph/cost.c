/* SPDX-License-Identifier: Apache-2.0
 *
 * What a step costs on paper, for rooflines (plan.h). Arithmetic is that of the plain formula:
 * multiplications and additions of a product over all its terms, also where a kernel does fewer
 * (Winograd) or skips those that fall into the padding. All else is counted by the bytes it must
 * read and write once, which is what bounds it.
 */
#include <string.h>

#include "graph/plan_int.h"

static double cost_count(const struct oddi_arg *a)
{
    return (double)oddi_shape_count(&a->shape);
}

static bool cost_is(const char *op, const char *kind, const char *tail)
{
    const size_t length = strlen(kind);
    return strncmp(op, kind, length) == 0 && strcmp(op + length, tail) == 0;
}

/* Each value of a convolution's output side has as many terms as the weights of one of its
 * channels. */
static double cost_conv(const struct oddi_task *t, const char *kind)
{
    const struct oddi_arg *y = NULL, *w = &t->src[1];
    if (cost_is(t->op, kind, ""))
        y = &t->dst;
    else if (cost_is(t->op, kind, "_bwd_data"))
        y = &t->src[0];
    else if (cost_is(t->op, kind, "_bwd_weights"))
        y = &t->src[1], w = &t->dst;
    return y ? 2.0 * cost_count(y) * cost_count(w) / (double)w->shape.dim[0] : 0.0;
}

double oddi_task_flop(const struct oddi_task *t)
{
    if (strcmp(t->op, "matmul") == 0)
        return 2.0 * cost_count(&t->dst) * (double)t->src[0].shape.dim[t->attr.i[0] ? 0 : 1];
    return cost_conv(t, "conv2d") + cost_conv(t, "dwconv");
}

double oddi_task_bytes(const struct oddi_task *t)
{
    double count = cost_count(&t->dst);
    for (int k = 0; k < t->src_count; k++)
        count += cost_count(&t->src[k]);
    return count * (double)oddi_type_size(t->dst.type);
}
