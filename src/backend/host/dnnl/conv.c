/* SPDX-License-Identifier: Apache-2.0
 *
 * Making and running one convolution of the vendor; see conv.h. All descriptors have exact layouts
 * except the weights' (and, in bf16, the pictures'), which the primitive chooses.
 */
#include "backend/host/dnnl/conv.h"

/* A picture of at most 2^29 elements: its byte offsets fit the 32 bits that generated code uses. */
#define CONV_PICTURE_MAX ((int64_t)1 << 29)

static bool conv_picture_ok(const struct oddi_arg *arg)
{
    const struct oddi_shape *s = &arg->shape;
    return s->rank == 4 && s->dim[1] * s->dim[2] * s->dim[3] <= CONV_PICTURE_MAX &&
           s->dim[1] % oddi_layout_block(arg->layout) == 0;
}

static bool conv_fits(const struct oddi_dnnl_form *f)
{
    return f->stride >= 1 && f->pad >= 0 && f->pad < f->kh && f->pad < f->kw &&
           f->h + 2 * f->pad >= f->kh && f->w + 2 * f->pad >= f->kw &&
           f->oh == (f->h + 2 * f->pad - f->kh) / f->stride + 1 &&
           f->ow == (f->w + 2 * f->pad - f->kw) / f->stride + 1;
}

bool oddi_dnnl_form_of(const struct oddi_task *t, enum compat_pass pass, struct oddi_dnnl_form *form)
{
    const struct oddi_arg *x = pass == COMPAT_BACKWARD_DATA ? &t->dst : &t->src[0];
    const struct oddi_arg *y = pass == COMPAT_FORWARD ? &t->dst
                               : pass == COMPAT_BACKWARD_DATA ? &t->src[0]
                                                              : &t->src[1];
    const struct oddi_arg *w = pass == COMPAT_BACKWARD_WEIGHTS ? &t->dst : &t->src[1];
    if (t->src_count < 2 || !oddi_dnnl_f32(t) || !conv_picture_ok(x) || !conv_picture_ok(y))
        return false;
    if (w->shape.rank != 4 || w->layout != ODDI_PLAIN || oddi_shape_count(&w->shape) > CONV_PICTURE_MAX)
        return false;
    *form = (struct oddi_dnnl_form){
        .pass = pass,
        .n = x->shape.dim[0],
        .ic = x->shape.dim[1],
        .h = x->shape.dim[2],
        .w = x->shape.dim[3],
        .oc = y->shape.dim[1],
        .oh = y->shape.dim[2],
        .ow = y->shape.dim[3],
        .kh = w->shape.dim[2],
        .kw = w->shape.dim[3],
        .stride = t->attr.i[0],
        .pad = t->attr.i[1],
        .pad_end = {t->attr.i[1], t->attr.i[1]},
        .x = x->layout,
        .y = y->layout,
    };
    return conv_fits(form) && y->shape.dim[0] == form->n && w->shape.dim[0] == form->oc &&
           w->shape.dim[1] == form->ic;
}

odd_status oddi_dnnl_outside_init(struct oddi_dnnl_outside *o, const struct oddi_dnnl_form *f)
{
    const int64_t x[] = {f->n, f->ic, f->h, f->w}, y[] = {f->n, f->oc, f->oh, f->ow};
    const int64_t w[] = {f->oc, f->ic, f->kh, f->kw};
    odd_status status = ODD_OK;
    *o = (struct oddi_dnnl_outside){0};
    TRY(oddi_dnnl_status(compat_md_init(&o->x, 4, x, dnnl_f32, oddi_dnnl_tag(f->x))));
    TRY(oddi_dnnl_status(compat_md_init(&o->y, 4, y, dnnl_f32, oddi_dnnl_tag(f->y))));
    TRY(oddi_dnnl_status(compat_md_init(&o->w, 4, w, dnnl_f32, dnnl_oihw)));
    TRY(oddi_dnnl_status(compat_md_init(&o->bias, 1, &f->oc, dnnl_f32, dnnl_x)));
out:
    return status;
}

void oddi_dnnl_outside_release(struct oddi_dnnl_outside *o)
{
    compat_md_release(&o->x);
    compat_md_release(&o->y);
    compat_md_release(&o->w);
    compat_md_release(&o->bias);
}

/* The same as the primitive is asked to take them: weights as it likes; in bf16 what is read is
 * bf16, what is written stays f32, both laid out as it likes. */
static odd_status conv_inside(struct oddi_dnnl_outside *o, const struct oddi_dnnl_form *f)
{
    const int64_t x[] = {f->n, f->ic, f->h, f->w}, y[] = {f->n, f->oc, f->oh, f->ow};
    const int64_t w[] = {f->oc, f->ic, f->kh, f->kw};
    const dnnl_data_type_t low = f->bf16 ? dnnl_bf16 : dnnl_f32;
    const dnnl_format_tag_t any = dnnl_format_tag_any;
    odd_status status = ODD_OK;
    *o = (struct oddi_dnnl_outside){0};
    TRY(oddi_dnnl_status(compat_md_init(&o->x, 4, x, f->pass == COMPAT_BACKWARD_DATA ? dnnl_f32 : low,
                                        f->bf16 ? any : oddi_dnnl_tag(f->x))));
    TRY(oddi_dnnl_status(compat_md_init(&o->y, 4, y, f->pass == COMPAT_FORWARD ? dnnl_f32 : low,
                                        f->bf16 ? any : oddi_dnnl_tag(f->y))));
    TRY(oddi_dnnl_status(
        compat_md_init(&o->w, 4, w, f->pass == COMPAT_BACKWARD_WEIGHTS ? dnnl_f32 : low, any)));
    TRY(oddi_dnnl_status(compat_md_init(&o->bias, 1, &f->oc, dnnl_f32, dnnl_x)));
out:
    return status;
}

odd_status oddi_dnnl_form_pd(const struct oddi_dnnl_form *f, dnnl_engine_t engine, dnnl_primitive_desc_t *pd)
{
    struct oddi_dnnl_outside in;
    dnnl_primitive_attr_t attr = NULL;
    dnnl_primitive_desc_t found = NULL;
    odd_status status = conv_inside(&in, f);
    if (status != ODD_OK)
        goto out;
    TRY(oddi_dnnl_attr(f->act, f->slope, &attr));
    const struct compat_conv c = {
        .pass = f->pass,
        .x = compat_view_of(&in.x),
        .w = compat_view_of(&in.w),
        .bias = f->bias ? compat_view_of(&in.bias) : NULL,
        .y = compat_view_of(&in.y),
        .stride = {f->stride, f->stride},
        .pad_lo = {f->pad, f->pad},
        .pad_hi = {f->pad_end[0], f->pad_end[1]},
    };
    for (int nth = 0; !found; nth++) {
        TRY(oddi_dnnl_status(compat_conv_pd(&c, nth, engine, attr, &found)));
        if (oddi_dnnl_is(found, "jit") || oddi_dnnl_is(found, "brg"))
            break;
        dnnl_primitive_desc_destroy(found);
        found = NULL;
    }
    *pd = found;
out:
    if (attr)
        dnnl_primitive_attr_destroy(attr);
    oddi_dnnl_outside_release(&in);
    return status;
}

bool oddi_dnnl_form_exists(const struct oddi_dnnl_form *form)
{
    dnnl_engine_t engine = NULL;
    dnnl_stream_t stream = NULL;
    dnnl_primitive_desc_t pd = NULL;
    bool found = oddi_dnnl_open(&engine, &stream) == ODD_OK && oddi_dnnl_form_pd(form, engine, &pd) == ODD_OK;
    if (pd)
        dnnl_primitive_desc_destroy(pd);
    oddi_dnnl_close(&engine, &stream);
    return found;
}

/* The arguments of the main call and the conversions between the outside and it. */
static odd_status conv_arguments(struct oddi_dnnl_conv *conv, const struct oddi_dnnl_form *f,
                                 const_dnnl_primitive_desc_t pd, const struct oddi_dnnl_outside *o)
{
    const bool fwd = f->pass == COMPAT_FORWARD;
    dnnl_engine_t e = conv->engine;
    compat_view in = dnnl_primitive_desc_query_md(pd, fwd ? dnnl_query_src_md : dnnl_query_diff_dst_md, 0);
    compat_view out = dnnl_primitive_desc_query_md(pd, fwd ? dnnl_query_dst_md : dnnl_query_diff_src_md, 0);
    compat_view w = dnnl_primitive_desc_query_md(pd, dnnl_query_weights_md, 0);
    compat_view in_ours = compat_view_of(fwd ? &o->x : &o->y), out_ours = compat_view_of(fwd ? &o->y : &o->x);
    odd_status status = ODD_OK;
    conv->arg_in = fwd ? DNNL_ARG_SRC : DNNL_ARG_DIFF_DST;
    conv->arg_out = fwd ? DNNL_ARG_DST : DNNL_ARG_DIFF_SRC;
    TRY(oddi_dnnl_call_arg(&conv->main, e, conv->arg_in, in));
    TRY(oddi_dnnl_call_arg(&conv->main, e, conv->arg_out, out));
    TRY(oddi_dnnl_call_arg(&conv->main, e, DNNL_ARG_WEIGHTS, w));
    if (f->bias)
        TRY(oddi_dnnl_call_arg(&conv->main, e, DNNL_ARG_BIAS, compat_view_of(&o->bias)));
    TRY(oddi_dnnl_call_relay(&conv->weights_in, e, compat_view_of(&o->w), w));
    TRY(oddi_dnnl_call_relay(&conv->picture_in, e, in_ours, in));
    TRY(oddi_dnnl_call_relay(&conv->picture_out, e, out, out_ours));
    conv->keep = conv->weights_in.primitive ? oddi_dnnl_round(dnnl_memory_desc_get_size(w)) : 0;
    conv->scratch = oddi_dnnl_max(oddi_dnnl_max(conv->main.scratch, conv->weights_in.scratch),
                                  oddi_dnnl_max(conv->picture_in.scratch, conv->picture_out.scratch));
    conv->scratch = conv->at_in = oddi_dnnl_round(conv->scratch);
    if (conv->picture_in.primitive)
        conv->scratch += oddi_dnnl_round(dnnl_memory_desc_get_size(in));
    conv->at_out = conv->scratch;
    if (conv->picture_out.primitive)
        conv->scratch += oddi_dnnl_round(dnnl_memory_desc_get_size(out));
out:
    return status;
}

odd_status oddi_dnnl_conv_init(struct oddi_dnnl_conv *conv, const struct oddi_dnnl_form *form)
{
    struct oddi_dnnl_outside outside = {0};
    dnnl_primitive_desc_t pd = NULL;
    odd_status status = oddi_dnnl_open(&conv->engine, &conv->stream);
    if (status != ODD_OK)
        return status;
    TRY(oddi_dnnl_form_pd(form, conv->engine, &pd));
    TRY(oddi_dnnl_outside_init(&outside, form));
    TRY(oddi_dnnl_call_init(&conv->main, conv->engine, pd));
    TRY(conv_arguments(conv, form, pd, &outside));
out:
    oddi_dnnl_outside_release(&outside);
    if (pd)
        dnnl_primitive_desc_destroy(pd);
    return status;
}

odd_status oddi_dnnl_conv_run(struct oddi_dnnl_conv *conv, const struct oddi_dnnl_io *io)
{
    const void *in = io->in, *weights = io->weights;
    void *out = conv->picture_out.primitive ? (void *)(io->scratch + conv->at_out) : io->out;
    odd_status status = ODD_OK;
    oddi_parallel_set_vendor_threads(io->threads);
    if (conv->weights_in.primitive) {
        if (io->version == 0 || io->version != conv->version)
            TRY(oddi_dnnl_call_convert(&conv->weights_in, conv->stream, io->scratch, weights, io->keep));
        conv->version = io->version;
        weights = io->keep;
    }
    if (conv->picture_in.primitive) {
        TRY(oddi_dnnl_call_convert(&conv->picture_in, conv->stream, io->scratch, in,
                                   io->scratch + conv->at_in));
        in = io->scratch + conv->at_in;
    }
    oddi_dnnl_call_point(&conv->main, conv->arg_in, (void *)(uintptr_t)in);
    oddi_dnnl_call_point(&conv->main, conv->arg_out, out);
    oddi_dnnl_call_point(&conv->main, DNNL_ARG_WEIGHTS, (void *)(uintptr_t)weights);
    oddi_dnnl_call_point(&conv->main, DNNL_ARG_BIAS, (void *)(uintptr_t)io->bias);
    oddi_dnnl_call_point(&conv->main, DNNL_ARG_SCRATCHPAD, io->scratch);
    TRY(oddi_dnnl_call_run(&conv->main, conv->stream));
    if (conv->picture_out.primitive)
        TRY(oddi_dnnl_call_convert(&conv->picture_out, conv->stream, io->scratch, out, io->out));
out:
    return status;
}

void oddi_dnnl_conv_release(struct oddi_dnnl_conv *conv)
{
    oddi_dnnl_call_release(&conv->main);
    oddi_dnnl_call_release(&conv->weights_in);
    oddi_dnnl_call_release(&conv->picture_in);
    oddi_dnnl_call_release(&conv->picture_out);
    oddi_dnnl_close(&conv->engine, &conv->stream);
}
