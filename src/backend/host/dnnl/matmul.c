/* SPDX-License-Identifier: Apache-2.0
 *
 * c = a b (M x K by K x N), either source perhaps transposed. Rows of a that is not transposed may
 * belong to pictures, so there a row's bits must not depend on how many rows there are. The vendor's
 * small-block kernels ("brg", AVX-512) hold this for any number of threads, its older ones do not
 * and are refused. With a transposed (the sum runs over pictures: gradients of weights) all of them
 * cut the sum by the number of threads; so such a product is cut here, into columns or rows of the
 * result by its shape alone, and each part runs on one thread.
 */
#include "backend/host/dnnl/conv.h"

#define MATMUL_MAX ((int64_t)1 << 29) /* elements of a matrix */
#define MATMUL_PARTS 16
#define MATMUL_LEAST 64 /* columns or rows of a part */

/* One product; matrices as (rows, columns) with the distances between either. */
struct matmul_part {
    int64_t m, n, k, a[2], b[2], c[2];
    int64_t from[3]; /* where it begins in a, b and c */
    dnnl_stream_t stream;
    struct oddi_dnnl_call call;
    odd_status status;
};
struct matmul {
    dnnl_engine_t engine;
    int count;
    bool whole; /* one part on all threads */
    size_t scratch; /* of each part */
    struct matmul_part part[MATMUL_PARTS];
};

static bool matmul_ok(const struct oddi_task *t)
{
    if (t->src_count != 2 || !oddi_dnnl_f32(t) || !oddi_dnnl_has_avx512())
        return false;
    const struct oddi_shape *a = &t->src[0].shape, *b = &t->src[1].shape, *c = &t->dst.shape;
    if (a->rank != 2 || b->rank != 2 || c->rank != 2)
        return false;
    const int ta = t->attr.i[0] != 0, tb = t->attr.i[1] != 0;
    return a->dim[ta] == c->dim[0] && b->dim[!tb] == c->dim[1] && a->dim[!ta] == b->dim[tb] &&
           oddi_shape_count(a) <= MATMUL_MAX && oddi_shape_count(b) <= MATMUL_MAX &&
           oddi_shape_count(c) <= MATMUL_MAX;
}

/* Decides the cut: a function of the shapes. */
static void matmul_cut(const struct oddi_task *t, struct matmul *s)
{
    const int ta = t->attr.i[0] != 0, tb = t->attr.i[1] != 0;
    const int64_t m = t->dst.shape.dim[0], n = t->dst.shape.dim[1], k = t->src[0].shape.dim[!ta];
    const struct matmul_part all = {
        .m = m,
        .n = n,
        .k = k,
        .a = {ta ? 1 : k, ta ? m : 1},
        .b = {tb ? 1 : n, tb ? k : 1},
        .c = {n, 1},
    };
    const bool columns = n >= m;
    const int64_t whole = columns ? n : m, most = ta ? whole / MATMUL_LEAST : 1;
    *s = (struct matmul){.whole = !ta};
    s->count = (int)(most > MATMUL_PARTS ? MATMUL_PARTS : most < 1 ? 1 : most);
    int64_t begin = 0;
    for (int i = 0; i < s->count; i++) {
        struct matmul_part *p = &s->part[i];
        const int64_t length = whole / s->count + (i < whole % s->count);
        *p = all;
        *(columns ? &p->n : &p->m) = length;
        p->from[0] = columns ? 0 : begin * p->a[0];
        p->from[1] = columns ? begin * p->b[1] : 0;
        p->from[2] = columns ? begin : begin * n;
        begin += length;
    }
}

/* Descriptors of a, b, c into md[3] and the primitive's; the caller releases both. */
static odd_status matmul_pd(const struct matmul *s, const struct matmul_part *p, struct compat_md md[3],
                            dnnl_primitive_desc_t *pd)
{
    const int64_t a[2] = {p->m, p->k}, b[2] = {p->k, p->n}, c[2] = {p->m, p->n};
    dnnl_primitive_attr_t attr = NULL;
    dnnl_primitive_desc_t found = NULL;
    odd_status status = ODD_OK;
    TRY(oddi_dnnl_status(compat_md_matrix(&md[0], a, p->a)));
    TRY(oddi_dnnl_status(compat_md_matrix(&md[1], b, p->b)));
    TRY(oddi_dnnl_status(compat_md_matrix(&md[2], c, p->c)));
    TRY(oddi_dnnl_attr(false, 0, &attr));
    const compat_view abc[3] = {compat_view_of(&md[0]), compat_view_of(&md[1]), compat_view_of(&md[2])};
    for (int nth = 0; !found; nth++) {
        TRY(oddi_dnnl_status(compat_matmul_pd(abc, nth, s->engine, attr, &found)));
        if (oddi_dnnl_is(found, "brg") || (!s->whole && oddi_dnnl_is(found, "gemm:jit")))
            break;
        dnnl_primitive_desc_destroy(found);
        found = NULL;
    }
    *pd = found;
out:
    if (attr)
        dnnl_primitive_attr_destroy(attr);
    return status;
}

static void matmul_release(struct compat_md md[3], dnnl_primitive_desc_t pd)
{
    for (int i = 0; i < 3; i++)
        compat_md_release(&md[i]);
    if (pd)
        dnnl_primitive_desc_destroy(pd);
}

static bool matmul_accepts(const struct oddi_task *task)
{
    struct matmul s;
    if (!matmul_ok(task))
        return false;
    matmul_cut(task, &s);
    bool found = oddi_dnnl_status(dnnl_engine_create(&s.engine, dnnl_cpu, 0)) == ODD_OK;
    /* Lengths differ by one at most, so the first and the last are all kinds. */
    for (int i = 0; found && i < s.count; i += s.count > 1 ? s.count - 1 : 1) {
        struct compat_md md[3] = {0};
        dnnl_primitive_desc_t pd = NULL;
        found = matmul_pd(&s, &s.part[i], md, &pd) == ODD_OK;
        matmul_release(md, pd);
    }
    if (s.engine)
        dnnl_engine_destroy(s.engine);
    return found;
}

static void matmul_done(struct odd_context *ctx, struct oddi_task *task)
{
    struct matmul *s = task->state;
    if (!s)
        return;
    for (int i = 0; i < s->count; i++) {
        oddi_dnnl_call_release(&s->part[i].call);
        if (s->part[i].stream)
            dnnl_stream_destroy(s->part[i].stream);
    }
    if (s->engine)
        dnnl_engine_destroy(s->engine);
    oddi_free(ctx, s);
    task->state = NULL;
}

static odd_status matmul_one(struct matmul *s, struct matmul_part *p)
{
    struct compat_md md[3] = {0};
    dnnl_primitive_desc_t pd = NULL;
    odd_status status = ODD_OK;
    TRY(oddi_dnnl_status(dnnl_stream_create(&p->stream, s->engine, dnnl_stream_default_flags)));
    TRY(matmul_pd(s, p, md, &pd));
    TRY(oddi_dnnl_call_init(&p->call, s->engine, pd));
    TRY(oddi_dnnl_call_arg(&p->call, s->engine, DNNL_ARG_SRC, compat_view_of(&md[0])));
    TRY(oddi_dnnl_call_arg(&p->call, s->engine, DNNL_ARG_WEIGHTS, compat_view_of(&md[1])));
    TRY(oddi_dnnl_call_arg(&p->call, s->engine, DNNL_ARG_DST, compat_view_of(&md[2])));
    s->scratch = oddi_dnnl_max(s->scratch, oddi_dnnl_round(p->call.scratch));
out:
    matmul_release(md, pd);
    return status;
}

static odd_status matmul_prepare(struct odd_context *ctx, struct oddi_task *task, size_t *scratch,
                                 size_t *keep)
{
    struct matmul *s = oddi_calloc(ctx, 1, sizeof(*s));
    if (!s)
        return ODD_ENOMEM;
    task->state = s;
    matmul_cut(task, s);
    odd_status status = oddi_dnnl_status(dnnl_engine_create(&s->engine, dnnl_cpu, 0));
    oddi_parallel_set_vendor_threads(s->whole ? task->threads : 1);
    for (int i = 0; i < s->count && status == ODD_OK; i++)
        status = matmul_one(s, &s->part[i]);
    *scratch = s->scratch * (size_t)s->count;
    *keep = 0;
    if (status == ODD_OK)
        return ODD_OK;
    matmul_done(ctx, task);
    return oddi_dnnl_fail(ctx, task, status);
}

static odd_status matmul_compute(struct matmul_part *p, const struct oddi_task *task, char *scratch)
{
    float *a = oddi_host(&task->src[0]), *b = oddi_host(&task->src[1]), *c = oddi_host(&task->dst);
    oddi_dnnl_call_point(&p->call, DNNL_ARG_SRC, a + p->from[0]);
    oddi_dnnl_call_point(&p->call, DNNL_ARG_WEIGHTS, b + p->from[1]);
    oddi_dnnl_call_point(&p->call, DNNL_ARG_DST, c + p->from[2]);
    oddi_dnnl_call_point(&p->call, DNNL_ARG_SCRATCHPAD, scratch);
    return oddi_dnnl_call_run(&p->call, p->stream);
}
static void matmul_job(void *arg, int64_t i)
{
    const struct oddi_task *task = arg;
    struct matmul *s = task->state;
    oddi_parallel_set_vendor_threads(1);
    s->part[i].status =
        matmul_compute(&s->part[i], task, (char *)oddi_host(&task->scratch) + (size_t)i * s->scratch);
}

static odd_status matmul_run(struct oddi_task *task)
{
    struct matmul *s = task->state;
    if (s->whole) {
        oddi_parallel_set_vendor_threads(task->threads);
        return matmul_compute(&s->part[0], task, oddi_host(&task->scratch));
    }
    oddi_parallel(task->threads, s->count, matmul_job, task);
    for (int i = 0; i < s->count; i++)
        if (s->part[i].status != ODD_OK)
            return s->part[i].status;
    return ODD_OK;
}

const struct oddi_kernel oddi_dnnl_matmul = {
    .op = "matmul",
    .name = "dnnl:matmul",
    .accepts = matmul_accepts,
    .prepare = matmul_prepare,
    .run = matmul_run,
    .done = matmul_done,
};
