/* SPDX-License-Identifier: Apache-2.0
 *
 * The one place where the library's versions differ. 2.x fills an operation descriptor, walks the
 * implementations with an iterator and hands out its memory descriptor as an open struct; 3.x has
 * one creating function per primitive, walks by moving the primitive descriptor itself, and its
 * memory descriptor is a handle. Everything else that this folder calls reads the same in both.
 */
#ifndef ODDI_BACKEND_HOST_DNNL_COMPAT_H
#define ODDI_BACKEND_HOST_DNNL_COMPAT_H
#include <dnnl.h>
#include <stdint.h>

#ifndef DNNL_VERSION_MAJOR
#error "dnnl.h without a version"
#endif
#define COMPAT_V3 (DNNL_VERSION_MAJOR >= 3)

/* A memory descriptor that we own, and a look at one (ours or one inside of a primitive). */
struct compat_md {
    dnnl_memory_desc_t desc;
};
#if COMPAT_V3
typedef const_dnnl_memory_desc_t compat_view;
#else
typedef const dnnl_memory_desc_t *compat_view;
#endif

enum compat_pass { COMPAT_FORWARD, COMPAT_BACKWARD_DATA, COMPAT_BACKWARD_WEIGHTS };

/* A convolution: `x` and `y` are the pictures before and after it, whichever pass computes what.
 * bias may be NULL. */
struct compat_conv {
    enum compat_pass pass;
    compat_view x, w, bias, y;
    int64_t stride[2], pad_lo[2], pad_hi[2];
};

static inline compat_view compat_view_of(const struct compat_md *md)
{
#if COMPAT_V3
    return md->desc;
#else
    return &md->desc;
#endif
}

static inline dnnl_status_t compat_md_init(struct compat_md *md, int rank, const int64_t *dim,
                                           dnnl_data_type_t type, dnnl_format_tag_t tag)
{
    dnnl_dims_t dims = {0}; /* a full array: the library declares it so */
    for (int i = 0; i < rank; i++)
        dims[i] = dim[i];
#if COMPAT_V3
    return dnnl_memory_desc_create_with_tag(&md->desc, rank, dims, type, tag);
#else
    return dnnl_memory_desc_init_by_tag(&md->desc, rank, dims, type, tag);
#endif
}

/* A matrix with any distance between rows and between columns. */
static inline dnnl_status_t compat_md_matrix(struct compat_md *md, const int64_t size[2],
                                             const int64_t distance[2])
{
    dnnl_dims_t dims = {size[0], size[1]}, strides = {distance[0], distance[1]};
#if COMPAT_V3
    return dnnl_memory_desc_create_with_strides(&md->desc, 2, dims, dnnl_f32, strides);
#else
    return dnnl_memory_desc_init_by_strides(&md->desc, 2, dims, dnnl_f32, strides);
#endif
}

/* Harmless on one that is all zero. */
static inline void compat_md_release(struct compat_md *md)
{
#if COMPAT_V3
    if (md->desc)
        dnnl_memory_desc_destroy(md->desc);
    md->desc = NULL;
#else
    (void)md;
#endif
}

static inline dnnl_status_t compat_append_leaky(dnnl_post_ops_t ops, float slope)
{
#if COMPAT_V3
    return dnnl_post_ops_append_eltwise(ops, dnnl_eltwise_relu, slope, 0.0f);
#else
    return dnnl_post_ops_append_eltwise(ops, 1.0f, dnnl_eltwise_relu, slope, 0.0f);
#endif
}

#if COMPAT_V3
/* Moves to the nth implementation; dnnl_unimplemented after the last. */
static inline dnnl_status_t compat_nth(dnnl_primitive_desc_t *pd, int nth)
{
    dnnl_status_t status = dnnl_success;
    while (status == dnnl_success && nth-- > 0)
        status = dnnl_primitive_desc_next_impl(*pd);
    if (status == dnnl_success)
        return dnnl_success;
    dnnl_primitive_desc_destroy(*pd);
    *pd = NULL;
    return status == dnnl_last_impl_reached ? dnnl_unimplemented : status;
}
#else
static inline dnnl_status_t compat_nth(const_dnnl_op_desc_t op, int nth, dnnl_engine_t engine,
                                       dnnl_primitive_attr_t attr, dnnl_primitive_desc_t *pd)
{
    dnnl_primitive_desc_iterator_t walk = NULL;
    dnnl_status_t status = dnnl_primitive_desc_iterator_create(&walk, op, attr, engine, NULL);
    if (status != dnnl_success)
        return status;
    while (status == dnnl_success && nth-- > 0)
        status = dnnl_primitive_desc_iterator_next(walk);
    if (status == dnnl_iterator_ends)
        status = dnnl_unimplemented;
    if (status == dnnl_success) {
        *pd = dnnl_primitive_desc_iterator_fetch(walk);
        status = *pd ? dnnl_success : dnnl_out_of_memory;
    }
    dnnl_primitive_desc_iterator_destroy(walk);
    return status;
}
#endif

/* The nth implementation (from 0) of a convolution; dnnl_unimplemented where there is none. */
static inline dnnl_status_t compat_conv_pd(const struct compat_conv *c, int nth, dnnl_engine_t engine,
                                           dnnl_primitive_attr_t attr, dnnl_primitive_desc_t *pd)
{
    dnnl_dims_t stride = {c->stride[0], c->stride[1]};
    dnnl_dims_t lo = {c->pad_lo[0], c->pad_lo[1]}, hi = {c->pad_hi[0], c->pad_hi[1]};
    dnnl_status_t status = dnnl_success;
#if COMPAT_V3
    dnnl_dims_t dense = {0};
    dnnl_primitive_desc_t hint = NULL;
    if (c->pass == COMPAT_FORWARD) {
        status = dnnl_convolution_forward_primitive_desc_create(
            pd, engine, dnnl_forward_training, dnnl_convolution_direct, c->x, c->w, c->bias, c->y,
            stride, dense, lo, hi, attr);
    } else if (c->pass == COMPAT_BACKWARD_DATA) {
        status = dnnl_convolution_backward_data_primitive_desc_create(
            pd, engine, dnnl_convolution_direct, c->x, c->w, c->y, stride, dense, lo, hi, hint, attr);
    } else {
        status = dnnl_convolution_backward_weights_primitive_desc_create(
            pd, engine, dnnl_convolution_direct, c->x, c->w, NULL, c->y, stride, dense, lo, hi, hint,
            attr);
    }
    return status == dnnl_success ? compat_nth(pd, nth) : status;
#else
    dnnl_convolution_desc_t op;
    if (c->pass == COMPAT_FORWARD)
        status = dnnl_convolution_forward_desc_init(&op, dnnl_forward_training, dnnl_convolution_direct,
                                                    c->x, c->w, c->bias, c->y, stride, lo, hi);
    else if (c->pass == COMPAT_BACKWARD_DATA)
        status = dnnl_convolution_backward_data_desc_init(&op, dnnl_convolution_direct, c->x, c->w, c->y,
                                                          stride, lo, hi);
    else
        status = dnnl_convolution_backward_weights_desc_init(&op, dnnl_convolution_direct, c->x, c->w,
                                                             NULL, c->y, stride, lo, hi);
    return status == dnnl_success ? compat_nth(&op, nth, engine, attr, pd) : status;
#endif
}

/* The nth implementation of c = a b; abc are the three matrices. */
static inline dnnl_status_t compat_matmul_pd(const compat_view abc[3], int nth, dnnl_engine_t engine,
                                             dnnl_primitive_attr_t attr, dnnl_primitive_desc_t *pd)
{
#if COMPAT_V3
    dnnl_status_t status =
        dnnl_matmul_primitive_desc_create(pd, engine, abc[0], abc[1], NULL, abc[2], attr);
    return status == dnnl_success ? compat_nth(pd, nth) : status;
#else
    dnnl_matmul_desc_t op;
    dnnl_status_t status = dnnl_matmul_desc_init(&op, abc[0], abc[1], NULL, abc[2]);
    return status == dnnl_success ? compat_nth(&op, nth, engine, attr, pd) : status;
#endif
}
#endif
