/* SPDX-License-Identifier: Apache-2.0
 *
 * A convolution of the vendor, made once and run often. A form says which one; a conv is it, with
 * its engine, its primitive and the conversions around it: weights to the layout that the primitive
 * prefers (kept, renewed by version) and, in bf16 only, the pictures on the way in and out.
 */
#ifndef ODDI_BACKEND_HOST_DNNL_CONV_H
#define ODDI_BACKEND_HOST_DNNL_CONV_H
#include "backend/host/dnnl/vendor.h"

/* x (N, IC, H, W) and y (N, OC, OH, OW) are the pictures before and after the convolution; the pass
 * says which of x, y and the weights is the result. */
struct oddi_dnnl_form {
    enum compat_pass pass;
    int64_t n, ic, h, w, oc, oh, ow, kh, kw;
    int64_t stride, pad, pad_end[2]; /* pad_end: below and to the right */
    enum oddi_layout x, y;
    bool bias, act; /* forward only: within the primitive */
    float slope;
    bool bf16; /* inside; the pictures and weights outside are f32 all the same */
};

/* The form of a conv2d, conv2d_bwd_data or conv2d_bwd_weights task, without bias and act; false if
 * it is not one that the vendor could take at all (types, ranks, layouts, sizes). */
bool oddi_dnnl_form_of(const struct oddi_task *task, enum compat_pass pass, struct oddi_dnnl_form *form);
/* A primitive descriptor of the first implementation that is generated code (the others are slow
 * or keep no promise about bits); ODD_ENOTSUP if there is none. */
odd_status oddi_dnnl_form_pd(const struct oddi_dnnl_form *form, dnnl_engine_t engine,
                             dnnl_primitive_desc_t *pd);
/* Whether oddi_dnnl_form_pd() finds one. */
bool oddi_dnnl_form_exists(const struct oddi_dnnl_form *form);

/* f32 descriptors of the form's operands as they lie outside of the primitive. */
struct oddi_dnnl_outside {
    struct compat_md x, y, w, bias;
};
odd_status oddi_dnnl_outside_init(struct oddi_dnnl_outside *o, const struct oddi_dnnl_form *form);
void oddi_dnnl_outside_release(struct oddi_dnnl_outside *o);

struct oddi_dnnl_conv { /* all zero: nothing to release */
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    struct oddi_dnnl_call main, weights_in, picture_in, picture_out;
    int arg_in, arg_out;         /* the main call's ids of what it reads and writes */
    size_t keep, scratch;        /* bytes needed */
    size_t at_in, at_out;        /* of the converted pictures, within the scratch */
    uint64_t version;            /* of the weights in keep */
};
/* What one run works on. */
struct oddi_dnnl_io {
    const float *in, *weights, *bias; /* weights plain */
    float *out;
    char *scratch, *keep;
    uint64_t version; /* of the weights; 0: always new */
    int threads;
};
/* Forward and backward-by-data forms. After a failure the conv must be released as well. */
odd_status oddi_dnnl_conv_init(struct oddi_dnnl_conv *conv, const struct oddi_dnnl_form *form);
odd_status oddi_dnnl_conv_run(struct oddi_dnnl_conv *conv, const struct oddi_dnnl_io *io);
void oddi_dnnl_conv_release(struct oddi_dnnl_conv *conv);

extern const struct oddi_kernel oddi_dnnl_conv2d, oddi_dnnl_conv2d_bf16;
extern const struct oddi_kernel oddi_dnnl_bwd_data, oddi_dnnl_bwd_data_bf16;
extern const struct oddi_kernel oddi_dnnl_bwd_data_few;
extern const struct oddi_kernel oddi_dnnl_bwd_weights, oddi_dnnl_bwd_weights_bf16;
extern const struct oddi_kernel oddi_dnnl_matmul;
#endif
