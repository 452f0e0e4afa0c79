/* SPDX-License-Identifier: Apache-2.0
 *
 * conv2d and conv2d_bwd_data where both pictures are blocked (or the source of conv2d has the few
 * channels for which the vendor has a kernel of its own). bias and activation are part of the
 * forward primitive; the backward one has none, so they follow in a pass over the result.
 */
#include "backend/host/dnnl/conv.h"

static bool pictures_form(const struct oddi_task *task, enum compat_pass pass, bool bf16,
                          struct oddi_dnnl_form *form)
{
    if (!oddi_dnnl_form_of(task, pass, form))
        return false;
    /* With few channels on one side, converting to bf16 costs more than it saves (measured). */
    if (bf16 || pass == COMPAT_BACKWARD_DATA ? form->x == ODDI_PLAIN || form->y == ODDI_PLAIN
                                             : form->y == ODDI_PLAIN)
        return false;
    if (pass == COMPAT_FORWARD) {
        form->bias = task->src_count > 2;
        form->act = task->attr.i[2] == 1;
        form->slope = (float)task->attr.f[3];
    }
    form->bf16 = bf16;
    return true;
}

static bool pictures_accepts(const struct oddi_task *task, enum compat_pass pass, bool bf16)
{
    struct oddi_dnnl_form form;
    return pictures_form(task, pass, bf16, &form) && oddi_dnnl_form_exists(&form);
}

static void pictures_layouts(struct oddi_task *task)
{
    for (int i = 1; i < task->src_count; i++)
        task->src[i].layout = ODDI_PLAIN;
    oddi_dnnl_blocks(task->src[0].shape.dim[1], task->dst.shape.dim[1], &task->src[0].layout,
                     &task->dst.layout);
}

static void pictures_done(struct odd_context *ctx, struct oddi_task *task)
{
    struct oddi_dnnl_conv *conv = task->state;
    if (!conv)
        return;
    oddi_dnnl_conv_release(conv);
    oddi_free(ctx, conv);
    task->state = NULL;
}

static odd_status pictures_prepare(struct odd_context *ctx, struct oddi_task *task, enum compat_pass pass,
                                   bool bf16, size_t need[2])
{
    struct oddi_dnnl_form form;
    struct oddi_dnnl_conv *conv = oddi_calloc(ctx, 1, sizeof(*conv));
    if (!conv)
        return ODD_ENOMEM;
    task->state = conv;
    oddi_parallel_set_vendor_threads(task->threads);
    odd_status status = pictures_form(task, pass, bf16, &form) ? oddi_dnnl_conv_init(conv, &form) : ODD_EBUG;
    need[0] = conv->scratch;
    need[1] = conv->keep;
    if (status == ODD_OK)
        return ODD_OK;
    pictures_done(ctx, task);
    return oddi_dnnl_fail(ctx, task, status);
}

/* What follows a backward pass: y = act(y + bias[c]) on one (picture, block of channels). */
struct pictures_finish {
    float *y;
    const float *bias; /* may be NULL */
    int64_t blocks, block, places;
    float slope; /* 1: no activation */
};
static void pictures_finish_job(void *arg, int64_t i)
{
    const struct pictures_finish *f = arg;
    float *restrict y = f->y + i * f->places * f->block;
    float add[16] = {0};
    for (int64_t k = 0; f->bias && k < f->block; k++)
        add[k] = f->bias[i % f->blocks * f->block + k];
    for (int64_t p = 0; p < f->places; p++, y += f->block)
        for (int64_t k = 0; k < f->block; k++) {
            const float v = y[k] + add[k];
            y[k] = v > 0.0f ? v : f->slope * v;
        }
}
static void pictures_finish(const struct oddi_task *task)
{
    const struct oddi_shape *s = &task->dst.shape;
    const int64_t block = oddi_layout_block(task->dst.layout);
    struct pictures_finish f = {
        .y = oddi_host(&task->dst),
        .bias = task->src_count > 2 ? oddi_host(&task->src[2]) : NULL,
        .blocks = s->dim[1] / block,
        .block = block,
        .places = s->dim[2] * s->dim[3],
        .slope = task->attr.i[2] == 1 ? (float)task->attr.f[3] : 1.0f,
    };
    if (f.bias || task->attr.i[2] == 1)
        oddi_parallel(task->threads, s->dim[0] * f.blocks, pictures_finish_job, &f);
}

static odd_status pictures_run(struct oddi_task *task)
{
    struct oddi_dnnl_conv *conv = task->state;
    const struct oddi_dnnl_io io = {
        .in = oddi_host(&task->src[0]),
        .weights = oddi_host(&task->src[1]),
        .bias = task->src_count > 2 ? oddi_host(&task->src[2]) : NULL,
        .out = oddi_host(&task->dst),
        .scratch = oddi_host(&task->scratch),
        .keep = oddi_host(&task->keep),
        .version = task->src[1].version,
        .threads = task->threads,
    };
    return oddi_dnnl_conv_run(conv, &io);
}

static odd_status pictures_run_back(struct oddi_task *task)
{
    odd_status status = pictures_run(task);
    if (status == ODD_OK)
        pictures_finish(task);
    return status;
}

/* The four kernels: two directions, f32 or bf16 inside. */
#define PICTURES_KERNEL(stem, op_name, vendor, pass, low, run_fn)                                  \
    static bool pictures_##stem##_accepts(const struct oddi_task *task)                            \
    {                                                                                              \
        return pictures_accepts(task, pass, low);                                                  \
    }                                                                                              \
    static odd_status pictures_##stem##_prepare(struct odd_context *ctx, struct oddi_task *task,   \
                                                size_t *scratch, size_t *keep)                     \
    {                                                                                              \
        size_t need[2] = {0, 0};                                                                   \
        odd_status status = pictures_prepare(ctx, task, pass, low, need);                          \
        *scratch = need[0];                                                                        \
        *keep = need[1];                                                                           \
        return status;                                                                             \
    }                                                                                              \
    const struct oddi_kernel oddi_dnnl_##stem = {                                                  \
        .op = op_name,                                                                             \
        .name = vendor ":" op_name,                                                                \
        .accepts = pictures_##stem##_accepts,                                                      \
        .layouts = pictures_layouts,                                                               \
        .prepare = pictures_##stem##_prepare,                                                      \
        .run = run_fn,                                                                             \
        .done = pictures_done,                                                                     \
    };

PICTURES_KERNEL(conv2d, "conv2d", "dnnl", COMPAT_FORWARD, false, pictures_run)
PICTURES_KERNEL(conv2d_bf16, "conv2d", "dnnl-bf16", COMPAT_FORWARD, true, pictures_run)
PICTURES_KERNEL(bwd_data, "conv2d_bwd_data", "dnnl", COMPAT_BACKWARD_DATA, false, pictures_run_back)
PICTURES_KERNEL(bwd_data_bf16, "conv2d_bwd_data", "dnnl-bf16", COMPAT_BACKWARD_DATA, true, pictures_run_back)
