/* SPDX-License-Identifier: Apache-2.0
 *
 * conv2d_bwd_data to few channels (the picture that a decoder ends with, or the gradient in the
 * input), for which the vendor has no fast kernel. With stride s dividing the kernel size K = s m,
 * result place u = s q + r - pad (0 <= r < s) is
 *
 *   x[u] = sum_t y[q - t] w[r + s t],  0 <= t < m,
 *
 * which for each of the s*s phases r is a forward convolution with m x m taps on a grid of places q.
 * All phases of all channels are the channels of one such convolution
 *
 *   z[c s s + r_h s + r_w, q] = sum_t y[q - (m-1) + t] w'[t],   w'[t] = w[r + s (m - 1 - t)]
 *
 * padded to whole blocks (12 of 16 for 3 channels at stride 2); then z is put in order. Bias and
 * activation are part of the forward primitive, so the promises about bits are its own.
 */
#include "backend/host/dnnl/conv.h"

struct few_state {
    struct oddi_dnnl_conv conv;
    struct oddi_dnnl_form form; /* of the forward convolution */
    int64_t channels, height, width, stride, pad; /* of the result */
    size_t at_z, at_bias;       /* in the scratch */
    size_t at_weights;          /* in keep */
    uint64_t version;
};

/* Fills all but the conv; false if the task is none for this kernel. */
static bool few_form(const struct oddi_task *task, struct few_state *s)
{
    struct oddi_dnnl_form b;
    if (!oddi_dnnl_form_of(task, COMPAT_BACKWARD_DATA, &b) || b.x != ODDI_PLAIN || b.y == ODDI_PLAIN)
        return false;
    if (b.stride > 4 || b.kh % b.stride != 0 || b.kw % b.stride != 0)
        return false;
    const int64_t block = oddi_layout_block(b.y), phases = b.stride * b.stride;
    const int64_t used = b.ic * phases, padded = (used + block - 1) / block * block;
    const int64_t mh = b.kh / b.stride, mw = b.kw / b.stride;
    if (padded > 4 * used || padded > 64)
        return false; /* mostly padding; or channels enough for a kernel without the detour */
    *s = (struct few_state){.channels = b.ic, .height = b.h, .width = b.w, .stride = b.stride, .pad = b.pad};
    s->form = (struct oddi_dnnl_form){
        .pass = COMPAT_FORWARD,
        .n = b.n,
        .ic = b.oc,
        .h = b.oh,
        .w = b.ow,
        .oc = padded,
        .oh = (b.h - 1 + b.pad) / b.stride + 1,
        .ow = (b.w - 1 + b.pad) / b.stride + 1,
        .kh = mh,
        .kw = mw,
        .stride = 1,
        .pad = mh - 1,
        .x = b.y,
        .y = b.y,
        .bias = task->src_count > 2,
        .act = task->attr.i[2] == 1,
        .slope = (float)task->attr.f[3],
    };
    s->form.pad_end[0] = s->form.oh - b.oh;
    s->form.pad_end[1] = s->form.ow - b.ow;
    return mh == mw && s->form.pad_end[0] >= 0 && s->form.pad_end[1] >= 0;
}

static bool few_accepts(const struct oddi_task *task)
{
    struct few_state s;
    return few_form(task, &s) && oddi_dnnl_form_exists(&s.form);
}

static void few_layouts(struct oddi_task *task)
{
    enum oddi_layout none;
    for (int i = 1; i < task->src_count; i++)
        task->src[i].layout = ODDI_PLAIN;
    oddi_dnnl_blocks(task->src[0].shape.dim[1], 1, &task->src[0].layout, &none);
    task->dst.layout = ODDI_PLAIN;
}

static void few_done(struct odd_context *ctx, struct oddi_task *task)
{
    struct few_state *s = task->state;
    if (!s)
        return;
    oddi_dnnl_conv_release(&s->conv);
    oddi_free(ctx, s);
    task->state = NULL;
}

static odd_status few_prepare(struct odd_context *ctx, struct oddi_task *task, size_t *scratch, size_t *keep)
{
    struct few_state *s = oddi_calloc(ctx, 1, sizeof(*s));
    if (!s)
        return ODD_ENOMEM;
    task->state = s;
    oddi_parallel_set_vendor_threads(task->threads);
    odd_status status = few_form(task, s) ? oddi_dnnl_conv_init(&s->conv, &s->form) : ODD_EBUG;
    if (status != ODD_OK) {
        few_done(ctx, task);
        return oddi_dnnl_fail(ctx, task, status);
    }
    const struct oddi_dnnl_form *f = &s->form;
    s->at_z = oddi_dnnl_round(s->conv.scratch);
    s->at_bias = s->at_z + oddi_dnnl_round((size_t)(f->n * f->oc * f->oh * f->ow) * sizeof(float));
    *scratch = s->at_bias + (size_t)f->oc * sizeof(float);
    s->at_weights = oddi_dnnl_round(s->conv.keep);
    *keep = s->at_weights + (size_t)(f->oc * f->ic * f->kh * f->kw) * sizeof(float);
    return ODD_OK;
}

/* w' (phases of channels, OC, m, m) from w (OC, channels, K, K); the padding stays zero. */
static void few_weights(const struct few_state *s, const float *from, float *to)
{
    const int64_t m = s->form.kh, k = m * s->stride, in = s->form.ic;
    const int64_t phases = s->stride * s->stride, used = s->channels * phases;
    for (int64_t i = used * in * m * m; i < s->form.oc * in * m * m; i++)
        to[i] = 0.0f;
    for (int64_t z = 0; z < used; z++)
        for (int64_t i = 0; i < in * m * m; i++) {
            const int64_t o = i / (m * m), th = m - 1 - i / m % m, tw = m - 1 - i % m;
            const int64_t row = z % phases / s->stride + s->stride * th, col = z % s->stride + s->stride * tw;
            to[z * in * m * m + i] = from[((o * s->channels + z / phases) * k + row) * k + col];
        }
}

/* One row of the result from the row of z that has it. */
struct few_order {
    const struct few_state *s;
    const float *z;
    float *x;
};
static void few_order_job(void *arg, int64_t i)
{
    const struct few_order *o = arg;
    const struct few_state *s = o->s;
    const int64_t row = i % s->height, image = i / s->height, stride = s->stride;
    const int64_t block = oddi_layout_block(s->form.y), blocks = s->form.oc / block;
    const int64_t q = (row + s->pad) / stride, r = (row + s->pad) % stride;
    for (int64_t c = 0; c < s->channels; c++) {
        float *x = o->x + ((image * s->channels + c) * s->height + row) * s->width;
        for (int64_t rw = 0; rw < stride; rw++) {
            const int64_t ch = (c * stride + r) * stride + rw;
            const float *z = o->z + (((image * blocks + ch / block) * s->form.oh + q) * s->form.ow) * block;
            /* First column of this phase that is not left of the picture. */
            int64_t p = s->pad > rw ? (s->pad - rw + stride - 1) / stride : 0;
            int64_t u = stride * p + rw - s->pad;
            for (z += ch % block; u < s->width; u += stride, p++)
                x[u] = z[p * block];
        }
    }
}

static odd_status few_run(struct oddi_task *task)
{
    struct few_state *s = task->state;
    char *scratch = oddi_host(&task->scratch), *keep = oddi_host(&task->keep);
    float *weights = (float *)(void *)(keep + s->at_weights);
    float *bias = (float *)(void *)(scratch + s->at_bias);
    float *z = (float *)(void *)(scratch + s->at_z);
    const uint64_t version = task->src[1].version;
    if (version == 0 || version != s->version)
        few_weights(s, oddi_host(&task->src[1]), weights);
    s->version = version;
    if (s->form.bias) {
        const float *from = oddi_host(&task->src[2]);
        for (int64_t c = 0; c < s->form.oc; c++)
            bias[c] = c / (s->stride * s->stride) < s->channels ? from[c / (s->stride * s->stride)] : 0.0f;
    }
    const struct oddi_dnnl_io io = {
        .in = oddi_host(&task->src[0]),
        .weights = weights,
        .bias = bias,
        .out = z,
        .scratch = scratch,
        .keep = keep,
        .version = version,
        .threads = task->threads,
    };
    odd_status status = oddi_dnnl_conv_run(&s->conv, &io);
    if (status != ODD_OK)
        return status;
    struct few_order order = {s, z, oddi_host(&task->dst)};
    oddi_parallel(task->threads, s->form.n * s->height, few_order_job, &order);
    return ODD_OK;
}

const struct oddi_kernel oddi_dnnl_bwd_data_few = {
    .op = "conv2d_bwd_data",
    .name = "dnnl:conv2d_bwd_data:few",
    .accepts = few_accepts,
    .layouts = few_layouts,
    .prepare = few_prepare,
    .run = few_run,
    .done = few_done,
};
