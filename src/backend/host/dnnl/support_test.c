/* SPDX-License-Identifier: Apache-2.0
 * See support_test.h. */
#include "backend/host/dnnl/support_test.h"

#include <string.h>

#include "base/alloc.h"
#include "base/parallel.h"

static float rig_value(uint64_t tensor, uint64_t picture, uint64_t element)
{
    uint64_t x = (tensor * 1000003u + picture) * 0x9E3779B97F4A7C15u + element;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
    return (float)((x ^ (x >> 31)) >> 40) / 16777216.0f - 0.5f;
}

static bool rig_is(const struct rig_case *c, const char *op)
{
    return strcmp(c->op, op) == 0;
}

static void rig_shape(struct oddi_arg *arg, int rank, int64_t a, int64_t b, int64_t c, int64_t d)
{
    arg->shape = oddi_shape_make(rank, a, b, c, d);
    arg->type = ODDI_F32;
}

static void rig_describe(struct rig *r)
{
    const struct rig_case *c = &r->c;
    struct oddi_task *t = &r->task;
    const int64_t oh = (c->h + 2 * c->pad - c->k) / c->stride + 1;
    const int64_t ow = (c->w + 2 * c->pad - c->k) / c->stride + 1;
    *t = (struct oddi_task){.op = c->op, .node = "rig", .src_count = 2, .threads = c->threads};
    t->attr = (struct oddi_attr){.i = {c->stride, c->pad, c->act}, .f = {0, 0, 0, 0.2}};
    if (rig_is(c, "matmul")) {
        const int64_t rows = c->n * c->ic;
        t->attr.i[0] = c->trans_a;
        t->attr.i[1] = c->trans_b;
        rig_shape(&t->src[0], 2, c->trans_a ? c->h : rows, c->trans_a ? rows : c->h, 1, 1);
        rig_shape(&t->src[1], 2, c->trans_b ? c->oc : c->h, c->trans_b ? c->h : c->oc, 1, 1);
        rig_shape(&t->dst, 2, rows, c->oc, 1, 1);
        return;
    }
    struct oddi_arg x = {0}, y = {0}, w = {0};
    rig_shape(&x, 4, c->n, c->ic, c->h, c->w);
    rig_shape(&y, 4, c->n, c->oc, oh, ow);
    rig_shape(&w, 4, c->oc, c->ic, c->k, c->k);
    t->src[0] = rig_is(c, "conv2d_bwd_data") ? y : x;
    t->src[1] = rig_is(c, "conv2d_bwd_weights") ? y : w;
    t->dst = rig_is(c, "conv2d") ? y : rig_is(c, "conv2d_bwd_data") ? x : w;
    if (!rig_is(c, "conv2d")) {
        t->attr.i[3] = t->dst.shape.dim[2];
        t->attr.i[4] = t->dst.shape.dim[3];
    }
    if (c->bias)
        rig_shape(&t->src[t->src_count++], 1, t->dst.shape.dim[1], 1, 1, 1);
}

/* Place of plain element i in the layout. */
static size_t rig_place(const struct oddi_arg *arg, size_t i)
{
    const size_t block = (size_t)oddi_layout_block(arg->layout);
    if (block == 1)
        return i;
    const size_t places = (size_t)(arg->shape.dim[2] * arg->shape.dim[3]);
    const size_t plane = i / places;
    return (plane / block * places + i % places) * block + plane % block;
}

static bool rig_choose(struct rig *r, const struct oddi_kernel_set *set)
{
    for (int i = 0; set->kernels[i] && !r->kernel; i++) {
        const struct oddi_kernel *k = set->kernels[i];
        if (strcmp(k->op, r->c.op) != 0)
            continue;
        struct oddi_task attempt = r->task;
        if (k->layouts)
            k->layouts(&attempt);
        attempt.threads = 0; /* a plan does not say so yet */
        if (!k->accepts(&attempt))
            continue;
        attempt.threads = r->c.threads;
        r->task = attempt;
        r->kernel = k;
    }
    return r->kernel != NULL;
}

static odd_status rig_memory(struct rig *r, int i, struct oddi_arg *arg, size_t size)
{
    r->buffer[i] = (struct oddi_buffer){oddi_alloc_aligned(r->ctx, size), size};
    arg->buffer = &r->buffer[i];
    return r->buffer[i].data ? ODD_OK : ODD_ENOMEM;
}

static odd_status rig_source(struct rig *r, int i)
{
    struct oddi_arg *arg = &r->task.src[i];
    const size_t count = (size_t)oddi_shape_count(&arg->shape);
    odd_status status = rig_memory(r, i, arg, count * sizeof(float));
    r->plain[i] = oddi_alloc_array(r->ctx, count, sizeof(float));
    if (status != ODD_OK || !r->plain[i])
        return ODD_ENOMEM;
    const bool pictures = arg->shape.rank == 4 && (i == 0 || rig_is(&r->c, "conv2d_bwd_weights"));
    const bool rows = rig_is(&r->c, "matmul") && i == 0 && !r->c.trans_a;
    const size_t of_one = pictures || rows ? count / (size_t)r->c.n : count;
    const size_t first = pictures || rows ? (size_t)r->c.first : 0;
    float *at = r->buffer[i].data;
    for (size_t k = 0; k < count; k++) {
        r->plain[i][k] = rig_value((uint64_t)i, k / of_one + first, k % of_one);
        at[rig_place(arg, k)] = r->plain[i][k];
    }
    return ODD_OK;
}

odd_status rig_init(struct rig *r, struct odd_context *ctx, const struct oddi_kernel_set *set,
                    const struct rig_case *c)
{
    size_t scratch = 0, keep = 0;
    odd_status status = ODD_OK;
    *r = (struct rig){.ctx = ctx, .c = *c};
    rig_describe(r);
    if (!rig_choose(r, set))
        return ODD_ENOTSUP;
    for (int i = 0; i < r->task.src_count; i++)
        TRY(rig_source(r, i));
    r->out_count = (size_t)oddi_shape_count(&r->task.dst.shape);
    r->picture_count = r->out_count / (size_t)c->n;
    TRY(rig_memory(r, 3, &r->task.dst, r->out_count * sizeof(float)));
    r->out = oddi_alloc_array(ctx, r->out_count, sizeof(float));
    if (!r->out)
        TRY(ODD_ENOMEM);
    TRY(r->kernel->prepare(ctx, &r->task, &scratch, &keep));
    TRY(rig_memory(r, 4, &r->task.scratch, scratch));
    TRY(rig_memory(r, 5, &r->task.keep, keep));
    memset(r->buffer[3].data, 0xff, r->out_count * sizeof(float));
    memset(r->buffer[4].data, 0xff, scratch);
    memset(r->buffer[5].data, 0xff, keep);
out:
    if (status != ODD_OK)
        rig_release(r);
    return status;
}

odd_status rig_again(struct rig *r)
{
    return r->kernel->run(&r->task);
}

odd_status rig_run(struct rig *r)
{
    odd_status status = rig_again(r);
    const float *at = r->buffer[3].data;
    for (size_t k = 0; status == ODD_OK && k < r->out_count; k++)
        r->out[k] = at[rig_place(&r->task.dst, k)];
    return status;
}

void rig_release(struct rig *r)
{
    if (r->kernel && r->task.state)
        r->kernel->done(r->ctx, &r->task);
    for (int i = 0; i < 6; i++)
        oddi_free_aligned(r->ctx, r->buffer[i].data);
    for (int i = 0; i < 3; i++)
        oddi_free(r->ctx, r->plain[i]);
    oddi_free(r->ctx, r->out);
    *r = (struct rig){0};
}

/* One product of the definition of the convolution trio: source element and weight or both
 * pictures, added to the result's element. */
static void rig_tap(const struct rig *r, double *out, size_t xi, size_t yi, size_t wi)
{
    if (rig_is(&r->c, "conv2d"))
        out[yi] += (double)r->plain[0][xi] * (double)r->plain[1][wi];
    else if (rig_is(&r->c, "conv2d_bwd_data"))
        out[xi] += (double)r->plain[0][yi] * (double)r->plain[1][wi];
    else
        out[wi] += (double)r->plain[0][xi] * (double)r->plain[1][yi];
}

/* All products of one place of y in one picture. */
static void rig_window(const struct rig *r, double *out, const int64_t p[4])
{
    const struct rig_case *c = &r->c;
    const int64_t oh = (c->h + 2 * c->pad - c->k) / c->stride + 1;
    const int64_t ow = (c->w + 2 * c->pad - c->k) / c->stride + 1;
    const size_t yi = (size_t)(((p[0] * c->oc + p[1]) * oh + p[2]) * ow + p[3]);
    for (int64_t t = 0; t < c->ic * c->k * c->k; t++) {
        const int64_t i = t / (c->k * c->k), kh = t / c->k % c->k, kw = t % c->k;
        const int64_t row = p[2] * c->stride - c->pad + kh, col = p[3] * c->stride - c->pad + kw;
        if (row < 0 || col < 0 || row >= c->h || col >= c->w)
            continue;
        const size_t xi = (size_t)(((p[0] * c->ic + i) * c->h + row) * c->w + col);
        rig_tap(r, out, xi, yi, (size_t)(p[1] * c->ic * c->k * c->k + t));
    }
}

static void rig_expect_matmul(const struct rig *r, double *out)
{
    const struct rig_case *c = &r->c;
    const int64_t rows = c->n * c->ic;
    for (int64_t i = 0; i < rows * c->oc; i++)
        for (int64_t k = 0; k < c->h; k++) {
            const int64_t row = i / c->oc, col = i % c->oc;
            const float a = r->plain[0][c->trans_a ? k * rows + row : row * c->h + k];
            const float b = r->plain[1][c->trans_b ? col * c->h + k : k * c->oc + col];
            out[i] += (double)a * (double)b;
        }
}

double *rig_expected(const struct rig *r)
{
    const struct rig_case *c = &r->c;
    double *out = oddi_calloc(r->ctx, r->out_count, sizeof(*out));
    if (!out)
        return NULL;
    if (rig_is(c, "matmul")) {
        rig_expect_matmul(r, out);
        return out;
    }
    const struct oddi_shape *y =
        rig_is(c, "conv2d") ? &r->task.dst.shape
                            : &r->task.src[rig_is(c, "conv2d_bwd_data") ? 0 : 1].shape;
    const int64_t places = y->dim[2] * y->dim[3];
    for (int64_t i = 0; i < oddi_shape_count(y); i++)
        rig_window(r, out, (int64_t[]){i / (c->oc * places), i / places % c->oc, i % places / y->dim[3],
                                       i % y->dim[3]});
    const int64_t channels = r->task.dst.shape.dim[1];
    const size_t of_one = r->picture_count / (size_t)channels;
    for (size_t i = 0; i < r->out_count; i++) {
        out[i] += c->bias ? (double)r->plain[2][i / of_one % (size_t)channels] : 0.0;
        if (c->act && out[i] < 0)
            out[i] *= 0.2;
    }
    return out;
}
