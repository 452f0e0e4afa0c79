/* SPDX-License-Identifier: Apache-2.0
 *
 * The convolution trio. With stride s, padding p and weights w,
 *
 *   conv2d              y[n,o,i,j]  = b[o] + sum_{c,u,v} x[n,c,i*s-p+u,j*s-p+v] w[o,c,u,v]
 *   conv2d_bwd_data     x[n,c,.,.]  = b[c] + the adjoint in x: what weights w send back of y
 *   conv2d_bwd_weights  w[o,c,u,v]  = sum_{n,i,j} x[n,c,i*s-p+u,j*s-p+v] y[n,o,i,j]
 *
 * All three come from the one trilinear form B(x, w, y) = <conv(x, w), y>; each is its derivative
 * in one argument. So the gradient of each is made of the other two, at any order.
 * attr: i0 stride, i1 pad, i2 activation (only made by fusion), i3, i4 size of the result, f3
 * slope.
 */
#include "graph/ops/ops.h"

#define CONV2D_MOST 65536 /* bounds stride and padding, so that sizes cannot overflow */

/* Size of the result along one axis, 0 where the kernel does not fit. */
static int64_t conv2d_out(int64_t in, int64_t k, const struct oddi_attr *attr)
{
    int64_t room = in + 2 * attr->i[1] - k;
    return room < 0 ? 0 : room / attr->i[0] + 1;
}

static bool conv2d_attr_valid(const struct oddi_node *n)
{
    const int64_t *i = n->attr.i;
    return i[0] >= 1 && i[0] <= CONV2D_MOST && i[1] >= 0 && i[1] <= CONV2D_MOST &&
           n->src[0]->shape.rank == 4 && n->src[1]->shape.rank == 4;
}

static odd_status conv2d_shape(struct odd_context *ctx, struct oddi_node *n)
{
    const int64_t *x = n->src[0]->shape.dim, *w = n->src[1]->shape.dim;
    if (!conv2d_attr_valid(n))
        return oddi_op_bad(ctx, n, "pictures, 4-D weights, stride >= 1 and pad >= 0 are wanted");
    if (x[1] != w[1])
        return oddi_op_bad(ctx, n, "the channels of pictures and weights differ");
    if (n->src_count == 3 && !oddi_op_vector(n, 2, w[0]))
        return oddi_op_bad(ctx, n, "the bias must have one value per channel of the result");
    int64_t oh = conv2d_out(x[2], w[2], &n->attr), ow = conv2d_out(x[3], w[3], &n->attr);
    if (oh < 1 || ow < 1)
        return oddi_op_bad(ctx, n, "the picture is smaller than the kernel");
    n->shape = oddi_shape_make(4, x[0], w[0], oh, ow);
    return ODD_OK;
}

static odd_status conv2d_data_shape(struct odd_context *ctx, struct oddi_node *n)
{
    const int64_t *y = n->src[0]->shape.dim, *w = n->src[1]->shape.dim, *to = &n->attr.i[3];
    if (!conv2d_attr_valid(n))
        return oddi_op_bad(ctx, n, "pictures, 4-D weights, stride >= 1 and pad >= 0 are wanted");
    if (y[1] != w[0])
        return oddi_op_bad(ctx, n, "the channels of pictures and weights differ");
    if (n->src_count == 3 && !oddi_op_vector(n, 2, w[1]))
        return oddi_op_bad(ctx, n, "the bias must have one value per channel of the result");
    n->shape = oddi_shape_make(4, y[0], w[1], to[0], to[1]);
    if (!oddi_shape_valid(&n->shape) || conv2d_out(to[0], w[2], &n->attr) != y[2] ||
        conv2d_out(to[1], w[3], &n->attr) != y[3])
        return oddi_op_bad(ctx, n, "no convolution to this size comes from that one");
    return ODD_OK;
}

static odd_status conv2d_weights_shape(struct odd_context *ctx, struct oddi_node *n)
{
    const int64_t *x = n->src[0]->shape.dim, *y = n->src[1]->shape.dim, *k = &n->attr.i[3];
    if (!conv2d_attr_valid(n))
        return oddi_op_bad(ctx, n, "two 4-D pictures, stride >= 1 and pad >= 0 are wanted");
    n->shape = oddi_shape_make(4, y[1], x[1], k[0], k[1]);
    if (x[0] != y[0] || !oddi_shape_valid(&n->shape) || conv2d_out(x[2], k[0], &n->attr) != y[2] ||
        conv2d_out(x[3], k[1], &n->attr) != y[3])
        return oddi_op_bad(ctx, n, "no convolution with this kernel leads from one to the other");
    return ODD_OK;
}

static struct oddi_node *conv2d_data(struct oddi_graph *g, struct oddi_node *n, struct oddi_node *y,
                                     struct oddi_node *w, const struct oddi_node *like)
{
    return oddi_conv2d_bwd_data(g, y, w, (int)n->attr.i[0], (int)n->attr.i[1], &like->shape.dim[2]);
}

static struct oddi_node *conv2d_weights(struct oddi_graph *g, struct oddi_node *n,
                                        struct oddi_node *x, struct oddi_node *y,
                                        const struct oddi_node *like)
{
    return oddi_conv2d_bwd_weights(g, x, y, (int)n->attr.i[0], (int)n->attr.i[1],
                                   &like->shape.dim[2]);
}

static struct oddi_node *conv2d_plain(struct oddi_graph *g, struct oddi_node *n,
                                      struct oddi_node *x, struct oddi_node *w)
{
    return oddi_conv2d(g, x, w, NULL, (int)n->attr.i[0], (int)n->attr.i[1]);
}

static void conv2d_grad(struct oddi_graph *g, struct oddi_node *n, struct oddi_node *dy,
                        struct oddi_node *dsrc[ODDI_MAX_SRC])
{
    if (oddi_op_fused(g, n))
        return;
    if (oddi_wants(g, n->src[0]))
        dsrc[0] = conv2d_data(g, n, dy, n->src[1], n->src[0]);
    if (oddi_wants(g, n->src[1]))
        dsrc[1] = conv2d_weights(g, n, n->src[0], dy, n->src[1]);
    if (n->src_count == 3 && oddi_wants(g, n->src[2]))
        dsrc[2] = oddi_sum_nhw(g, dy);
}

/* src: y, w, [b]; `dx` is the gradient of the result. */
static void conv2d_data_grad(struct oddi_graph *g, struct oddi_node *n, struct oddi_node *dx,
                             struct oddi_node *dsrc[ODDI_MAX_SRC])
{
    if (oddi_op_fused(g, n))
        return;
    if (oddi_wants(g, n->src[0]))
        dsrc[0] = conv2d_plain(g, n, dx, n->src[1]);
    if (oddi_wants(g, n->src[1]))
        dsrc[1] = conv2d_weights(g, n, dx, n->src[0], n->src[1]);
    if (n->src_count == 3 && oddi_wants(g, n->src[2]))
        dsrc[2] = oddi_sum_nhw(g, dx);
}

/* src: x, y; `dw` is the gradient of the result. */
static void conv2d_weights_grad(struct oddi_graph *g, struct oddi_node *n, struct oddi_node *dw,
                                struct oddi_node *dsrc[ODDI_MAX_SRC])
{
    if (oddi_wants(g, n->src[0]))
        dsrc[0] = conv2d_data(g, n, n->src[1], dw, n->src[0]);
    if (oddi_wants(g, n->src[1]))
        dsrc[1] = conv2d_plain(g, n, n->src[0], dw);
}

const struct oddi_op oddi_op_conv2d = {
    .name = "conv2d", .src_min = 2, .src_max = 3, .shape = conv2d_shape, .grad = conv2d_grad};
const struct oddi_op oddi_op_conv2d_bwd_data = {.name = "conv2d_bwd_data",
                                                .src_min = 2,
                                                .src_max = 3,
                                                .shape = conv2d_data_shape,
                                                .grad = conv2d_data_grad};
const struct oddi_op oddi_op_conv2d_bwd_weights = {.name = "conv2d_bwd_weights",
                                                   .src_min = 2,
                                                   .src_max = 2,
                                                   .shape = conv2d_weights_shape,
                                                   .grad = conv2d_weights_grad};

struct oddi_node *oddi_conv2d(struct oddi_graph *g, struct oddi_node *x, struct oddi_node *w,
                              struct oddi_node *bias, int stride, int pad)
{
    const struct oddi_attr attr = {.i = {stride, pad}};
    struct oddi_node *const src[] = {x, w, bias};
    return oddi_apply(g, "conv2d", &attr, bias ? 3 : 2, src);
}

struct oddi_node *oddi_conv2d_bwd_data(struct oddi_graph *g, struct oddi_node *dy,
                                       struct oddi_node *w, int stride, int pad,
                                       const int64_t hw[2])
{
    const struct oddi_attr attr = {.i = {stride, pad, 0, hw[0], hw[1]}};
    return oddi_op_2(g, "conv2d_bwd_data", &attr, dy, w);
}

struct oddi_node *oddi_conv2d_bwd_weights(struct oddi_graph *g, struct oddi_node *x,
                                          struct oddi_node *dy, int stride, int pad,
                                          const int64_t k[2])
{
    const struct oddi_attr attr = {.i = {stride, pad, 0, k[0], k[1]}};
    return oddi_op_2(g, "conv2d_bwd_weights", &attr, x, dy);
}
