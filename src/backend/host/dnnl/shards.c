/* SPDX-License-Identifier: Apache-2.0
 *
 * conv2d_bwd_weights. The vendor's primitive for it splits its sums by the number of threads, so
 * each runs here on one thread, on a fixed part of the work (a shard), and the shards in parallel:
 * the bits depend on the shapes alone. There are two ways to cut, whichever moves less memory:
 *
 *   by pictures   min(batch, 8) shards, each a part of the batch with a partial sum of its own;
 *                 dw = ((p0 + p1) + p2) + ...  in the order of the shards
 *   by channels   up to 32 shards, each some blocks of the out channels over the whole batch: it
 *                 owns its slice of dw, nothing is added, but it copies its channels of dy together
 *
 * Early layers have big pictures and few weights, late ones the reverse; so both are needed. With
 * bf16 inside, x is converted by each shard of pictures, but once for all shards of channels.
 */
#include "backend/host/dnnl/conv.h"

#include <string.h>

#define SHARDS_PICTURES 8
#define SHARDS_CHANNELS 32
#define SHARDS_BF16_PLACES 128 /* of dy, at least */

struct shard {
    dnnl_stream_t stream;
    struct oddi_dnnl_call main, x_in, y_in, weights_out; /* the conversions where needed */
    bool x_shared;                                       /* reads what all_x made */
    struct oddi_dnnl_form form;                          /* of this part */
    int64_t picture, channel;                            /* where it begins */
    size_t at;                                           /* its memory within the scratch */
    odd_status status;
};
struct shards {
    dnnl_engine_t engine;
    struct oddi_dnnl_form form; /* of the whole */
    bool by_channels;
    int count;
    dnnl_stream_t stream;        /* for all_x, on all threads */
    struct oddi_dnnl_call all_x; /* conversion of the whole x */
    size_t all_x_at, begin;      /* where its result and the shards' memory begin in the scratch */
    /* Bytes of a shard's memory, each a multiple of 64: for the library, dy of its channels, the
     * converted x and dy, the result as the primitive lays it out, the plain partial sum. */
    size_t library, slice, x, y, result, partial;
    struct shard shard[SHARDS_CHANNELS];
};

static size_t shards_weights(const struct oddi_dnnl_form *f)
{
    return (size_t)(f->oc * f->ic * f->kh * f->kw);
}

/* Deals `whole` pieces (pictures, or `step` output channels each) out to the shards, as evenly as
 * can be. */
static void shards_deal(struct shards *s, int64_t whole, int64_t step)
{
    int64_t begin = 0;
    for (int i = 0; i < s->count; i++) {
        struct shard *one = &s->shard[i];
        const int64_t length = whole / s->count + (i < whole % s->count);
        one->form = s->form;
        if (s->by_channels) {
            one->channel = begin * step;
            one->form.oc = length * step;
        } else {
            one->picture = begin;
            one->form.n = length;
        }
        begin += length;
    }
}

/* bf16 kernels transpose all of x in each shard, so there are fewer and larger ones. */
static int64_t shards_unit(const struct shards *s, int64_t blocks)
{
    if (!s->form.bf16 || !s->by_channels || blocks % 2 != 0)
        return 1;
    return blocks % 4 != 0 ? 2 : 4;
}

/* Decides the cut; a function of the shapes, as bits depend on it. */
static bool shards_cut(const struct oddi_task *task, bool bf16, struct shards *s)
{
    struct oddi_dnnl_form *f = &s->form;
    *s = (struct shards){0};
    if (!oddi_dnnl_form_of(task, COMPAT_BACKWARD_WEIGHTS, f) || f->y == ODDI_PLAIN)
        return false;
    if (bf16 && (f->x == ODDI_PLAIN || f->ic < 32 || f->oh * f->ow < SHARDS_BF16_PLACES))
        return false; /* the conversions would cost more than they save (measured) */
    f->bf16 = bf16;
    const int64_t block = oddi_layout_block(f->y), blocks = f->oc / block;
    const int64_t parts = f->n < SHARDS_PICTURES ? f->n : SHARDS_PICTURES;
    const double copied = (double)f->n * (double)(f->oc * f->oh * f->ow);
    const double added = (double)(parts + 1) * (double)shards_weights(f);
    s->by_channels = blocks >= SHARDS_PICTURES ? copied < added : blocks > 1 && 4 * copied < added;
    const int64_t unit = shards_unit(s, blocks);
    const int64_t whole = s->by_channels ? blocks / unit : f->n;
    const int64_t most = s->by_channels ? SHARDS_CHANNELS / unit : parts;
    s->count = (int)(whole < most ? whole : most);
    shards_deal(s, whole, unit * block);
    return true;
}

static bool shards_accepts(const struct oddi_task *task, bool bf16)
{
    struct shards s;
    /* Lengths differ by one at most, so the first and the last are all kinds. */
    return shards_cut(task, bf16, &s) && oddi_dnnl_form_exists(&s.shard[0].form) &&
           oddi_dnnl_form_exists(&s.shard[s.count - 1].form);
}

static void shards_layouts(struct oddi_task *task)
{
    oddi_dnnl_blocks(task->src[0].shape.dim[1], task->src[1].shape.dim[1], &task->src[0].layout,
                     &task->src[1].layout);
    task->dst.layout = ODDI_PLAIN;
}

static void shards_done(struct odd_context *ctx, struct oddi_task *task)
{
    struct shards *s = task->state;
    if (!s)
        return;
    for (int i = 0; i < s->count; i++) {
        struct shard *one = &s->shard[i];
        oddi_dnnl_call_release(&one->main);
        oddi_dnnl_call_release(&one->x_in);
        oddi_dnnl_call_release(&one->y_in);
        oddi_dnnl_call_release(&one->weights_out);
        if (one->stream)
            dnnl_stream_destroy(one->stream);
    }
    oddi_dnnl_call_release(&s->all_x);
    oddi_dnnl_close(&s->engine, &s->stream);
    oddi_free(ctx, s);
    task->state = NULL;
}

static void shards_need(size_t *most, size_t size)
{
    *most = oddi_dnnl_max(*most, oddi_dnnl_round(size));
}

/* The conversion of x for this shard: its own, or one for all if they want the same. */
static odd_status shards_x(struct shards *s, struct shard *one, compat_view ours, compat_view wanted)
{
    compat_view shared = NULL;
    if (s->by_channels && !s->all_x.primitive) {
        odd_status status = oddi_dnnl_call_relay(&s->all_x, s->engine, ours, wanted);
        if (status != ODD_OK || !s->all_x.primitive)
            return status;
        s->all_x_at = oddi_dnnl_round(s->all_x.scratch);
        s->begin = s->all_x_at + oddi_dnnl_round(dnnl_memory_desc_get_size(wanted));
    }
    for (int i = 0; i < s->all_x.count; i++)
        if (s->all_x.arg[i].arg == DNNL_ARG_TO)
            dnnl_memory_get_memory_desc(s->all_x.arg[i].memory, &shared);
    one->x_shared = shared && dnnl_memory_desc_equal(shared, wanted);
    return one->x_shared ? ODD_OK : oddi_dnnl_call_relay(&one->x_in, s->engine, ours, wanted);
}

static odd_status shards_arguments(struct shards *s, struct shard *one, const_dnnl_primitive_desc_t pd,
                                   const struct oddi_dnnl_outside *o)
{
    compat_view x = dnnl_primitive_desc_query_md(pd, dnnl_query_src_md, 0);
    compat_view y = dnnl_primitive_desc_query_md(pd, dnnl_query_diff_dst_md, 0);
    compat_view w = dnnl_primitive_desc_query_md(pd, dnnl_query_diff_weights_md, 0);
    odd_status status = ODD_OK;
    TRY(oddi_dnnl_call_arg(&one->main, s->engine, DNNL_ARG_SRC, x));
    TRY(oddi_dnnl_call_arg(&one->main, s->engine, DNNL_ARG_DIFF_DST, y));
    TRY(oddi_dnnl_call_arg(&one->main, s->engine, DNNL_ARG_DIFF_WEIGHTS, w));
    TRY(shards_x(s, one, compat_view_of(&o->x), x));
    TRY(oddi_dnnl_call_relay(&one->y_in, s->engine, compat_view_of(&o->y), y));
    TRY(oddi_dnnl_call_relay(&one->weights_out, s->engine, w, compat_view_of(&o->w)));
    shards_need(&s->library, oddi_dnnl_max(oddi_dnnl_max(one->main.scratch, one->weights_out.scratch),
                                           oddi_dnnl_max(one->x_in.scratch, one->y_in.scratch)));
    if (one->x_in.primitive)
        shards_need(&s->x, dnnl_memory_desc_get_size(x));
    if (one->y_in.primitive)
        shards_need(&s->y, dnnl_memory_desc_get_size(y));
    if (one->weights_out.primitive)
        shards_need(&s->result, dnnl_memory_desc_get_size(w));
    const struct oddi_dnnl_form *f = &one->form;
    if (s->by_channels)
        shards_need(&s->slice, (size_t)(f->n * f->oc * f->oh * f->ow) * sizeof(float));
    else if (s->count > 1)
        shards_need(&s->partial, shards_weights(f) * sizeof(float));
out:
    return status;
}

static odd_status shards_one(struct shards *s, struct shard *one)
{
    struct oddi_dnnl_outside outside = {0};
    dnnl_primitive_desc_t pd = NULL;
    odd_status status =
        oddi_dnnl_status(dnnl_stream_create(&one->stream, s->engine, dnnl_stream_default_flags));
    if (status != ODD_OK)
        return status;
    TRY(oddi_dnnl_form_pd(&one->form, s->engine, &pd));
    TRY(oddi_dnnl_outside_init(&outside, &one->form));
    TRY(oddi_dnnl_call_init(&one->main, s->engine, pd));
    TRY(shards_arguments(s, one, pd, &outside));
out:
    oddi_dnnl_outside_release(&outside);
    if (pd)
        dnnl_primitive_desc_destroy(pd);
    return status;
}

static odd_status shards_prepare(struct odd_context *ctx, struct oddi_task *task, bool bf16, size_t *scratch)
{
    struct shards *s = oddi_calloc(ctx, 1, sizeof(*s));
    if (!s)
        return ODD_ENOMEM;
    task->state = s;
    odd_status status = shards_cut(task, bf16, s) ? ODD_OK : ODD_EBUG;
    if (status == ODD_OK)
        status = oddi_dnnl_open(&s->engine, &s->stream);
    oddi_parallel_set_vendor_threads(1);
    for (int i = 0; i < s->count && status == ODD_OK; i++)
        status = shards_one(s, &s->shard[i]);
    oddi_parallel_set_vendor_threads(task->threads);
    if (status != ODD_OK) {
        shards_done(ctx, task);
        return oddi_dnnl_fail(ctx, task, status);
    }
    const size_t each = s->library + s->slice + s->x + s->y + s->result + s->partial;
    for (int i = 0; i < s->count; i++)
        s->shard[i].at = s->begin + (size_t)i * each;
    *scratch = s->begin + (size_t)s->count * each;
    return ODD_OK;
}

static float *shards_partial(const struct shards *s, const struct shard *one, char *scratch)
{
    return (float *)(void *)(scratch + one->at + s->library + s->slice + s->x + s->y + s->result);
}

/* dy of the shard's channels, picture after picture. */
static void shards_gather(const struct shard *one, int64_t all_channels, const float *dy, float *to)
{
    const int64_t places = one->form.oh * one->form.ow;
    const size_t run = (size_t)(one->form.oc * places);
    for (int64_t n = 0; n < one->form.n; n++)
        memcpy(to + (size_t)n * run, dy + (n * all_channels + one->channel) * places, run * sizeof(float));
}

struct shards_run {
    struct shards *s;
    const float *x, *dy;
    float *dw;
    char *scratch;
};
static odd_status shards_compute(const struct shards_run *r, struct shard *one)
{
    const struct shards *s = r->s;
    const struct oddi_dnnl_form *f = &s->form;
    char *library = r->scratch + one->at, *slice = library + s->library, *x_in = slice + s->slice;
    char *y_in = x_in + s->x, *result = y_in + s->y;
    const float *x = r->x + one->picture * f->ic * f->h * f->w;
    const float *dy = r->dy + one->picture * f->oc * f->oh * f->ow;
    float *dw = r->dw + one->channel * f->ic * f->kh * f->kw;
    const void *x_at = one->x_in.primitive ? (const void *)x_in : x;
    odd_status status = ODD_OK;
    if (one->x_shared)
        x_at = r->scratch + s->all_x_at;
    if (!s->by_channels && s->count > 1)
        dw = shards_partial(s, one, r->scratch);
    if (s->by_channels) {
        shards_gather(one, f->oc, dy, (float *)(void *)slice);
        dy = (const float *)(const void *)slice;
    }
    const void *y_at = one->y_in.primitive ? (const void *)y_in : dy;
    void *w_at = one->weights_out.primitive ? (void *)result : dw;
    if (one->x_in.primitive)
        TRY(oddi_dnnl_call_convert(&one->x_in, one->stream, library, x, x_in));
    if (one->y_in.primitive)
        TRY(oddi_dnnl_call_convert(&one->y_in, one->stream, library, dy, y_in));
    oddi_dnnl_call_point(&one->main, DNNL_ARG_SRC, (void *)(uintptr_t)x_at);
    oddi_dnnl_call_point(&one->main, DNNL_ARG_DIFF_DST, (void *)(uintptr_t)y_at);
    oddi_dnnl_call_point(&one->main, DNNL_ARG_DIFF_WEIGHTS, w_at);
    oddi_dnnl_call_point(&one->main, DNNL_ARG_SCRATCHPAD, library);
    TRY(oddi_dnnl_call_run(&one->main, one->stream));
    if (one->weights_out.primitive)
        TRY(oddi_dnnl_call_convert(&one->weights_out, one->stream, library, result, dw));
out:
    return status;
}
static void shards_job(void *arg, int64_t i)
{
    const struct shards_run *r = arg;
    oddi_parallel_set_vendor_threads(1);
    r->s->shard[i].status = shards_compute(r, &r->s->shard[i]);
}

#define SHARDS_PIECE 4096 /* floats that one job adds */
static void shards_add_job(void *arg, int64_t i)
{
    const struct shards_run *r = arg;
    const size_t all = shards_weights(&r->s->form), from = (size_t)i * SHARDS_PIECE;
    const size_t n = all - from < SHARDS_PIECE ? all - from : SHARDS_PIECE;
    float *restrict to = r->dw + from;
    memcpy(to, shards_partial(r->s, &r->s->shard[0], r->scratch) + from, n * sizeof(float));
    for (int k = 1; k < r->s->count; k++) {
        const float *restrict p = shards_partial(r->s, &r->s->shard[k], r->scratch) + from;
        for (size_t j = 0; j < n; j++)
            to[j] += p[j];
    }
}

static odd_status shards_run(struct oddi_task *task)
{
    struct shards *s = task->state;
    struct shards_run r = {s, oddi_host(&task->src[0]), oddi_host(&task->src[1]), oddi_host(&task->dst),
                           oddi_host(&task->scratch)};
    odd_status status = ODD_OK;
    oddi_parallel_set_vendor_threads(task->threads);
    if (s->all_x.primitive)
        status = oddi_dnnl_call_convert(&s->all_x, s->stream, r.scratch, r.x, r.scratch + s->all_x_at);
    if (status != ODD_OK)
        return status;
    oddi_parallel(task->threads, s->count, shards_job, &r);
    for (int i = 0; i < s->count; i++)
        if (s->shard[i].status != ODD_OK)
            return s->shard[i].status;
    if (!s->by_channels && s->count > 1) {
        const size_t all = shards_weights(&s->form);
        oddi_parallel(task->threads, (int64_t)((all + SHARDS_PIECE - 1) / SHARDS_PIECE), shards_add_job, &r);
    }
    return ODD_OK;
}

#define SHARDS_KERNEL(stem, vendor, low)                                                           \
    static bool shards_##stem##_accepts(const struct oddi_task *task)                              \
    {                                                                                              \
        return shards_accepts(task, low);                                                          \
    }                                                                                              \
    static odd_status shards_##stem##_prepare(struct odd_context *ctx, struct oddi_task *task,     \
                                              size_t *scratch, size_t *keep)                       \
    {                                                                                              \
        *keep = 0;                                                                                 \
        return shards_prepare(ctx, task, low, scratch);                                            \
    }                                                                                              \
    const struct oddi_kernel oddi_dnnl_##stem = {                                                  \
        .op = "conv2d_bwd_weights",                                                                \
        .name = vendor ":conv2d_bwd_weights",                                                      \
        .accepts = shards_##stem##_accepts,                                                        \
        .layouts = shards_layouts,                                                                 \
        .prepare = shards_##stem##_prepare,                                                        \
        .run = shards_run,                                                                         \
        .done = shards_done,                                                                       \
    };
SHARDS_KERNEL(bwd_weights, "dnnl", false)
SHARDS_KERNEL(bwd_weights_bf16, "dnnl-bf16", true)
