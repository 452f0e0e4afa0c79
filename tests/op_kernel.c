/* SPDX-License-Identifier: Apache-2.0
 *
 * One kernel with buffers of our own.
 */
#include "op_kernel.h"

#include <stdio.h>
#include <string.h>

#include "backend/host/simd/simd.h"
#include "base/hash.h"

#define OP_GUARD 256 /* bytes before and behind each argument */
#define OP_GUARD_BYTE 0xFD
/* Under the address sanitizer the zone behind ends where the plan's own rounding does, so that
 * reading further is found too. */
#if defined(__SANITIZE_ADDRESS__)
#define OP_GUARD_BEHIND 0
#else
#define OP_GUARD_BEHIND OP_GUARD
#endif

/* ---- sets ---------------------------------------------------------------------------------- */

static int kernel_add_set(struct op_set *sets, int n, const struct oddi_kernel_set *set,
                          const char *name)
{
    for (int i = 0; i < n; i++)
        if (sets[i].set == set)
            return n;
    if (set->usable && !set->usable())
        return n;
    sets[n].set = set;
    snprintf(sets[n].name, sizeof(sets[n].name), "%s", name);
    return n + 1;
}

int op_sets(struct op_set sets[OP_SETS_MOST])
{
    static const char *const modes[] = {"best", "exact", "simd", "ref"};
    int n = kernel_add_set(sets, 0, &oddi_simd_set_base, "simd base");
#if defined(__x86_64__)
    n = kernel_add_set(sets, n, &oddi_simd_set_avx2, "simd avx2");
    n = kernel_add_set(sets, n, &oddi_simd_set_avx512, "simd avx512");
    n = kernel_add_set(sets, n, &oddi_simd_winograd_set_avx2, "winograd avx2");
    n = kernel_add_set(sets, n, &oddi_simd_winograd_set_avx512, "winograd 512");
#endif
    for (size_t m = 0; m < ODDI_COUNT(modes); m++) {
        const struct oddi_kernel_set *host[8];
        oddi_host_sets(modes[m], host);
        for (int i = 0; host[i]; i++)
            n = kernel_add_set(sets, n, host[i], host[i]->name);
    }
    return n;
}

/* ---- layouts ------------------------------------------------------------------------------- */

static bool kernel_layout_fits(const struct oddi_shape *s, enum oddi_layout layout)
{
    if (layout == ODDI_PLAIN)
        return true;
    return (layout == ODDI_C8 || layout == ODDI_C16) && s->rank == 4 &&
           s->dim[1] % oddi_layout_block(layout) == 0;
}

bool op_layouts_next(const struct op_setup *s, int *code, struct op_layouts *produced)
{
    const bool reorder = strcmp(s->row->op, "reorder") == 0;
    const int places = s->src_count + (reorder ? 1 : 0);
    int end = 1;
    for (int i = 0; i < places; i++)
        end *= 3;
    for (; *code < end; ++*code) {
        int rest = *code;
        bool fits = true;
        memset(produced, 0, sizeof(*produced));
        for (int i = 0; i < s->src_count; i++, rest /= 3) {
            produced->src[i] = (enum oddi_layout)(rest % 3);
            fits = fits && kernel_layout_fits(&s->src[i], produced->src[i]);
        }
        produced->dst = (enum oddi_layout)rest;
        fits = fits && kernel_layout_fits(&s->dst, produced->dst);
        if (fits) {
            ++*code;
            return true;
        }
    }
    return false;
}

static void kernel_describe(struct oddi_task *task, const struct op_setup *s, enum oddi_type type,
                            const struct op_layouts *layouts)
{
    memset(task, 0, sizeof(*task));
    task->op = s->row->op;
    task->node = "test";
    task->attr = s->attr;
    task->src_count = s->src_count;
    for (int i = 0; i < s->src_count; i++) {
        task->src[i].shape = s->src[i];
        task->src[i].type = type;
        task->src[i].layout = layouts->src[i];
    }
    task->dst.shape = s->dst;
    task->dst.type = type;
    task->dst.layout = layouts->dst;
    task->threads = 1;
}

enum op_choice op_kernel_choose(const struct oddi_kernel *kernel, const struct op_setup *s,
                                enum oddi_type type, const struct op_layouts *produced,
                                struct op_layouts *wanted)
{
    static const struct op_layouts plain = {0};
    const bool reorder = strcmp(s->row->op, "reorder") == 0;
    struct oddi_task task;
    kernel_describe(&task, s, type, reorder || kernel->layouts ? produced : &plain);
    if (!reorder && kernel->layouts)
        kernel->layouts(&task);
    if (kernel->accepts && !kernel->accepts(&task))
        return OP_DECLINED;
    bool fits = kernel_layout_fits(&s->dst, task.dst.layout);
    memset(wanted, 0, sizeof(*wanted));
    wanted->dst = task.dst.layout;
    for (int i = 0; i < s->src_count; i++) {
        fits = fits && kernel_layout_fits(&s->src[i], task.src[i].layout);
        wanted->src[i] = task.src[i].layout;
    }
    return fits ? OP_ACCEPTED : OP_WRONG;
}

/* ---- memory -------------------------------------------------------------------------------- */

static odd_status kernel_block(struct odd_context *ctx, struct op_block *b, size_t size)
{
    const size_t rounded = (size + 63) / 64 * 64;
    b->size = size;
    b->buffer.size = OP_GUARD + rounded + OP_GUARD_BEHIND;
    b->buffer.data = oddi_alloc_aligned(ctx, b->buffer.size);
    if (!b->buffer.data)
        return ODD_ENOMEM;
    memset(b->buffer.data, OP_GUARD_BYTE, b->buffer.size);
    return ODD_OK;
}
static char *kernel_data(const struct op_block *b)
{
    return (char *)b->buffer.data + OP_GUARD;
}
static bool kernel_guarded(const struct op_block *b)
{
    const unsigned char *bytes = b->buffer.data;
    for (size_t i = 0; b->buffer.data && i < b->buffer.size; i++)
        if ((i < OP_GUARD || i >= OP_GUARD + b->size) && bytes[i] != OP_GUARD_BYTE)
            return false;
    return true;
}
static void kernel_point(struct oddi_arg *arg, const struct op_block *b)
{
    arg->buffer = &b->buffer;
    arg->offset = OP_GUARD;
}

/* Place in storage of plain element k. */
static int64_t kernel_place(const struct oddi_shape *s, enum oddi_layout layout, int64_t k)
{
    const int64_t block = oddi_layout_block(layout);
    if (block == 1)
        return k;
    const int64_t inner = s->dim[2] * s->dim[3], c = k / inner % s->dim[1];
    const int64_t picture = k / inner / s->dim[1] * s->dim[1] * inner;
    return picture + (c / block * inner + k % inner) * block + c % block;
}
static void kernel_store(const struct oddi_arg *arg, char *to, const double *values)
{
    const int64_t n = oddi_shape_count(&arg->shape);
    for (int64_t k = 0; k < n; k++) {
        const int64_t at = kernel_place(&arg->shape, arg->layout, k);
        const float narrow = (float)values[k];
        if (arg->type == ODDI_F64)
            memcpy(to + (size_t)at * sizeof(double), &values[k], sizeof(double));
        else
            memcpy(to + (size_t)at * sizeof(float), &narrow, sizeof(float));
    }
}
static void kernel_load(const struct oddi_arg *arg, const char *from, double *values)
{
    const int64_t n = oddi_shape_count(&arg->shape);
    for (int64_t k = 0; k < n; k++) {
        const int64_t at = kernel_place(&arg->shape, arg->layout, k);
        float narrow;
        if (arg->type == ODDI_F64) {
            memcpy(&values[k], from + (size_t)at * sizeof(double), sizeof(double));
        } else {
            memcpy(&narrow, from + (size_t)at * sizeof(float), sizeof(float));
            values[k] = (double)narrow;
        }
    }
}

/* ---- a run --------------------------------------------------------------------------------- */

static odd_status kernel_prepare(struct op_run *r)
{
    size_t scratch = 0, keep = 0;
    odd_status status = ODD_OK;
    if (r->kernel->prepare)
        status = r->kernel->prepare(r->ctx, &r->task, &scratch, &keep);
    if (status != ODD_OK)
        return status;
    r->prepared = true;
    TRY(kernel_block(r->ctx, &r->scratch, scratch));
    TRY(kernel_block(r->ctx, &r->keep, keep));
    memset(kernel_data(&r->keep), 0, keep);
    kernel_point(&r->task.scratch, &r->scratch);
    kernel_point(&r->task.keep, &r->keep);
out:
    return status;
}

odd_status op_run_init(struct op_run *r, const struct oddi_kernel *kernel, const struct op_setup *s,
                       enum oddi_type type, const struct op_layouts *wanted, int threads)
{
    const size_t size = oddi_type_size(type);
    odd_status status = ODD_OK;
    memset(r, 0, sizeof(*r));
    r->ctx = s->ctx;
    r->kernel = kernel;
    r->setup = s;
    kernel_describe(&r->task, s, type, wanted);
    r->task.threads = threads;
    TRY(kernel_prepare(r));
    for (int i = 0; i < s->src_count; i++) {
        TRY(kernel_block(r->ctx, &r->src[i], (size_t)oddi_shape_count(&s->src[i]) * size));
        kernel_point(&r->task.src[i], &r->src[i]);
        kernel_store(&r->task.src[i], kernel_data(&r->src[i]), s->value[i]);
    }
    TRY(kernel_block(r->ctx, &r->dst, (size_t)oddi_shape_count(&s->dst) * size));
    kernel_point(&r->task.dst, s->in_place ? &r->src[0] : &r->dst);
out:
    if (status != ODD_OK)
        op_run_release(r);
    return status;
}

static void kernel_hash(const struct op_run *r, int i, struct oddi_hash128 *hash)
{
    oddi_hash_bytes(kernel_data(&r->src[i]), r->src[i].size, hash);
}
static odd_status kernel_check(const struct op_run *r, const struct oddi_hash128 *before)
{
    struct oddi_hash128 after;
    bool clean = kernel_guarded(&r->dst) && kernel_guarded(&r->scratch) && kernel_guarded(&r->keep);
    for (int i = 0; i < r->task.src_count; i++) {
        kernel_hash(r, i, &after);
        clean = clean && kernel_guarded(&r->src[i]);
        clean = clean && ((r->setup->in_place && i == 0) || oddi_hash_equal(&before[i], &after));
    }
    if (clean)
        return ODD_OK;
    return oddi_fail(r->ctx, ODD_EBUG, "%s wrote outside its memory", r->kernel->name);
}

odd_status op_run_go(struct op_run *r)
{
    struct oddi_hash128 before[ODDI_MAX_SRC];
    if (r->setup->in_place)
        kernel_store(&r->task.src[0], kernel_data(&r->src[0]), r->setup->value[0]);
    memset(kernel_data(&r->dst), 0xFF, r->dst.size);
    memset(kernel_data(&r->scratch), 0xFF, r->scratch.size);
    for (int i = 0; i < r->task.src_count; i++)
        kernel_hash(r, i, &before[i]);
    odd_status status = r->kernel->run(&r->task);
    if (status != ODD_OK)
        return oddi_fail(r->ctx, status, "%s failed", r->kernel->name);
    if (r->setup->in_place)
        memcpy(kernel_data(&r->dst), kernel_data(&r->src[0]), r->dst.size);
    return kernel_check(r, before);
}

void op_run_source(struct op_run *r, int i, const double *values, uint64_t version)
{
    r->task.src[i].version = version;
    kernel_store(&r->task.src[i], kernel_data(&r->src[i]), values);
}

const void *op_run_bytes(const struct op_run *r)
{
    return kernel_data(&r->dst);
}
void op_run_values(const struct op_run *r, double *plain)
{
    kernel_load(&r->task.dst, kernel_data(&r->dst), plain);
}

void op_run_release(struct op_run *r)
{
    if (r->prepared && r->kernel->done)
        r->kernel->done(r->ctx, &r->task);
    for (int i = 0; i < ODDI_MAX_SRC; i++)
        oddi_free_aligned(r->ctx, r->src[i].buffer.data);
    oddi_free_aligned(r->ctx, r->dst.buffer.data);
    oddi_free_aligned(r->ctx, r->scratch.buffer.data);
    oddi_free_aligned(r->ctx, r->keep.buffer.data);
    memset(r, 0, sizeof(*r));
}
