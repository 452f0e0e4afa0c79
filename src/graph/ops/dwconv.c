/* SPDX-License-Identifier: Apache-2.0
 *
 * Depthwise convolution: each channel by a kernel of its own, w (C, 1, KH, KW).
 *
 *   dwconv              y[n,c,i,j] = b[c] + sum_{u,v} x[n,c,i*s-p+u,j*s-p+v] w[c,0,u,v]
 *   dwconv_bwd_data     its adjoint in x
 *   dwconv_bwd_weights  its adjoint in w
 *
 * As with conv2d each is the derivative of one trilinear form in one argument, so the gradient of
 * each is made of the other two. attr: i0 stride, i1 pad, i2 activation (only made by fusion),
 * i3, i4 size of the result, f3 slope.
 */
#include "graph/ops/ops.h"

#define DWCONV_MOST 65536 /* bounds stride and padding, so that sizes cannot overflow */

static bool dwconv_attr_valid(const struct oddi_node *n)
{
    const int64_t *i = n->attr.i;
    return i[0] >= 1 && i[0] <= DWCONV_MOST && i[1] >= 0 && i[1] <= DWCONV_MOST &&
           n->src[0]->shape.rank == 4 && n->src[1]->shape.rank == 4;
}

static int64_t dwconv_out(int64_t in, int64_t k, const struct oddi_node *n)
{
    const int64_t room = in + 2 * n->attr.i[1] - k;
    return room < 0 ? 0 : room / n->attr.i[0] + 1;
}

/* x is convolved with w to y. */
static bool dwconv_fits(const struct oddi_node *n, const int64_t *x, const int64_t *w,
                        const int64_t *y)
{
    return x[0] == y[0] && x[1] == y[1] && w[0] == x[1] && w[1] == 1 &&
           dwconv_out(x[2], w[2], n) == y[2] && dwconv_out(x[3], w[3], n) == y[3];
}

static odd_status dwconv_shape(struct odd_context *ctx, struct oddi_node *n)
{
    const int64_t *x = n->src[0]->shape.dim, *w = n->src[1]->shape.dim;
    if (!dwconv_attr_valid(n))
        return oddi_op_bad(ctx, n, "pictures, 4-D weights, stride >= 1 and pad >= 0 are wanted");
    if (n->src_count == 3 && !oddi_op_vector(n, 2, w[0]))
        return oddi_op_bad(ctx, n, "the bias must have one value per channel");
    n->shape = oddi_shape_make(4, x[0], x[1], dwconv_out(x[2], w[2], n), dwconv_out(x[3], w[3], n));
    if (!oddi_shape_valid(&n->shape) || !dwconv_fits(n, x, w, n->shape.dim))
        return oddi_op_bad(ctx, n,
                           "one kernel per channel, not larger than the picture, is wanted");
    return ODD_OK;
}

static odd_status dwconv_data_shape(struct odd_context *ctx, struct oddi_node *n)
{
    const int64_t *y = n->src[0]->shape.dim, *to = &n->attr.i[3];
    n->shape = oddi_shape_make(4, y[0], y[1], to[0], to[1]);
    if (!dwconv_attr_valid(n) || !oddi_shape_valid(&n->shape) ||
        !dwconv_fits(n, n->shape.dim, n->src[1]->shape.dim, y))
        return oddi_op_bad(ctx, n, "no convolution to this size comes from that one");
    return ODD_OK;
}

static odd_status dwconv_weights_shape(struct odd_context *ctx, struct oddi_node *n)
{
    const int64_t *x = n->src[0]->shape.dim, *k = &n->attr.i[3];
    n->shape = oddi_shape_make(4, x[1], 1, k[0], k[1]);
    if (!dwconv_attr_valid(n) || !oddi_shape_valid(&n->shape) ||
        !dwconv_fits(n, x, n->shape.dim, n->src[1]->shape.dim))
        return oddi_op_bad(ctx, n, "no convolution with this kernel leads from one to the other");
    return ODD_OK;
}

/* `op` with n's stride and padding; `like` has the size of the result. */
static struct oddi_node *dwconv_sized(struct oddi_graph *g, const char *op,
                                      const struct oddi_node *n, const struct oddi_node *like,
                                      struct oddi_node *const src[2])
{
    const int64_t *d = like->shape.dim;
    const struct oddi_attr attr = {.i = {n->attr.i[0], n->attr.i[1], 0, d[2], d[3]}};
    return oddi_op_2(g, op, &attr, src[0], src[1]);
}

static void dwconv_grad(struct oddi_graph *g, struct oddi_node *n, struct oddi_node *dy,
                        struct oddi_node *dsrc[ODDI_MAX_SRC])
{
    struct oddi_node *x = n->src[0], *w = n->src[1];
    if (oddi_op_fused(g, n))
        return;
    if (oddi_wants(g, x))
        dsrc[0] = dwconv_sized(g, "dwconv_bwd_data", n, x, (struct oddi_node *[]){dy, w});
    if (oddi_wants(g, w))
        dsrc[1] = dwconv_sized(g, "dwconv_bwd_weights", n, w, (struct oddi_node *[]){x, dy});
    if (n->src_count == 3 && oddi_wants(g, n->src[2]))
        dsrc[2] = oddi_sum_nhw(g, dy);
}

/* src: y, w; `dx` is the gradient of the result. */
static void dwconv_data_grad(struct oddi_graph *g, struct oddi_node *n, struct oddi_node *dx,
                             struct oddi_node *dsrc[ODDI_MAX_SRC])
{
    struct oddi_node *y = n->src[0], *w = n->src[1];
    if (oddi_wants(g, y))
        dsrc[0] = dwconv_sized(g, "dwconv", n, y, (struct oddi_node *[]){dx, w});
    if (oddi_wants(g, w))
        dsrc[1] = dwconv_sized(g, "dwconv_bwd_weights", n, w, (struct oddi_node *[]){dx, y});
}

/* src: x, y; `dw` is the gradient of the result. */
static void dwconv_weights_grad(struct oddi_graph *g, struct oddi_node *n, struct oddi_node *dw,
                                struct oddi_node *dsrc[ODDI_MAX_SRC])
{
    struct oddi_node *x = n->src[0], *y = n->src[1];
    if (oddi_wants(g, x))
        dsrc[0] = dwconv_sized(g, "dwconv_bwd_data", n, x, (struct oddi_node *[]){y, dw});
    if (oddi_wants(g, y))
        dsrc[1] = dwconv_sized(g, "dwconv", n, y, (struct oddi_node *[]){x, dw});
}

const struct oddi_op oddi_op_dwconv = {
    .name = "dwconv", .src_min = 2, .src_max = 3, .shape = dwconv_shape, .grad = dwconv_grad};
const struct oddi_op oddi_op_dwconv_bwd_data = {.name = "dwconv_bwd_data",
                                                .src_min = 2,
                                                .src_max = 2,
                                                .shape = dwconv_data_shape,
                                                .grad = dwconv_data_grad};
const struct oddi_op oddi_op_dwconv_bwd_weights = {.name = "dwconv_bwd_weights",
                                                   .src_min = 2,
                                                   .src_max = 2,
                                                   .shape = dwconv_weights_shape,
                                                   .grad = dwconv_weights_grad};

struct oddi_node *oddi_dwconv(struct oddi_graph *g, struct oddi_node *x, struct oddi_node *w,
                              int stride, int pad)
{
    const struct oddi_attr attr = {.i = {stride, pad}};
    return oddi_op_2(g, "dwconv", &attr, x, w);
}
