/* SPDX-License-Identifier: Apache-2.0
 * See support_test.h. */
#include "base/compat.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "backend/host/simd/support_test.h"

#define GUARD 64 /* bytes before and after every argument */

struct odd_context *rig_ctx;
const struct oddi_kernel_set *const rig_sets[RIG_SETS] = {
    &oddi_simd_set_base,
#if defined(__x86_64__)
    &oddi_simd_set_avx2, &oddi_simd_set_avx512,
#endif
};

static float rig_value(int64_t seed, int64_t i)
{
    uint64_t x = (uint64_t)seed * 0x9E3779B97F4A7C15u + (uint64_t)i;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
    return (float)((x ^ (x >> 31)) >> 40) / 8388608.0f - 1.0f;
}
static int64_t rig_place(const struct oddi_arg *a, int64_t i)
{
    const int64_t b = oddi_layout_block(a->layout), cells = a->shape.dim[2] * a->shape.dim[3];
    const int64_t plane = i / cells;
    return (plane / b * cells + i % cells) * b + plane % b;
}
static struct oddi_buffer rig_buffer(size_t size)
{
    struct oddi_buffer b = {.size = size};
    char *block = oddi_alloc_aligned(rig_ctx, size + 2 * GUARD);
    assert_non_null(block);
    memset(block, 0xa5, size + 2 * GUARD);
    b.data = block + GUARD;
    return b;
}
static void rig_guards(const struct oddi_buffer *b)
{
    const unsigned char *data = b->data;
    for (size_t i = 0; b->data && i < GUARD; i++) {
        assert_int_equal(*(data - 1 - i), 0xa5);
        assert_int_equal(data[b->size + i], 0xa5);
    }
}

void rig_plain(struct rig *r)
{
    for (int i = 0; i <= ODDI_MAX_SRC; i++) {
        const struct oddi_arg *a = i < ODDI_MAX_SRC ? &r->task.src[i] : &r->task.dst;
        if (i >= r->task.src_count && i < ODDI_MAX_SRC)
            continue;
        const int64_t count = oddi_shape_count(&a->shape);
        r->plain[i] = oddi_alloc_array(rig_ctx, (size_t)count, sizeof(float));
        assert_non_null(r->plain[i]);
        for (int64_t k = 0; k < count; k++)
            r->plain[i][k] = rig_value(i + 1, k);
    }
}
/* Layout number `code` of a tensor with c channels: plain, then the blocks that it has. */
static enum oddi_layout rig_layout(const struct oddi_shape *s, int code)
{
    if (s->rank != 4 || s->dim[1] % 8 != 0 || code == 0)
        return ODDI_PLAIN;
    return code == 2 && s->dim[1] % 16 == 0 ? ODDI_C16 : ODDI_C8;
}

static const struct oddi_kernel *rig_kernel(const struct oddi_kernel_set *set, const char *op)
{
    for (int k = 0; set->kernels[k]; k++)
        if (strcmp(set->kernels[k]->op, op) == 0)
            return set->kernels[k];
    return NULL;
}
/* Layouts as a plan has them. A reorder keeps those that it is given. */
static void rig_layouts(struct rig *r, int code)
{
    struct oddi_task *t = &r->task;
    for (int i = 0; i < t->src_count; i++)
        t->src[i].layout = rig_layout(&t->src[i].shape, code);
    t->dst.layout = rig_layout(&t->dst.shape, 2 - code);
    if (strcmp(t->op, "reorder") == 0)
        return;
    if (r->kernel->layouts)
        r->kernel->layouts(t);
    else
        t->dst.layout = ODDI_PLAIN;
}
static void rig_argument(struct oddi_arg *a, struct oddi_buffer *buffer, const float *plain)
{
    const int64_t count = oddi_shape_count(&a->shape);
    *buffer = rig_buffer(sizeof(float) * (size_t)count);
    a->buffer = buffer;
    for (int64_t k = 0; k < count; k++)
        ((float *)buffer->data)[rig_place(a, k)] = plain[k];
}
void rig_begin(struct rig *r, const struct oddi_kernel_set *set, int code, int threads)
{
    struct oddi_task *t = &r->task;
    size_t scratch = 0, keep = 0;
    r->kernel = rig_kernel(set, t->op);
    assert_non_null(r->kernel);
    t->threads = threads;
    t->node = "test";
    rig_layouts(r, code);
    assert_true(!r->kernel->accepts || r->kernel->accepts(t));
    assert_true(!r->kernel->prepare ||
                r->kernel->prepare(rig_ctx, t, &scratch, &keep) == ODD_OK);
    memset(r->buffer, 0, sizeof(r->buffer));
    for (int i = 0; i < t->src_count; i++)
        rig_argument(&t->src[i], &r->buffer[i], r->plain[i]);
    rig_argument(&t->dst, &r->buffer[ODDI_MAX_SRC], r->plain[ODDI_MAX_SRC]);
    memset(r->buffer[ODDI_MAX_SRC].data, 0xff, r->buffer[ODDI_MAX_SRC].size); /* NaN */
    r->buffer[ODDI_MAX_SRC + 1] = rig_buffer(scratch);
    r->buffer[ODDI_MAX_SRC + 2] = rig_buffer(keep);
    memset(r->buffer[ODDI_MAX_SRC + 1].data, 0xff, scratch);
    t->scratch.buffer = &r->buffer[ODDI_MAX_SRC + 1];
    t->keep.buffer = &r->buffer[ODDI_MAX_SRC + 2];
}
void rig_run(struct rig *r)
{
    const struct oddi_arg *y = &r->task.dst;
    assert_int_equal(r->kernel->run(&r->task), ODD_OK);
    for (int i = 0; i < ODDI_MAX_SRC + 3; i++)
        rig_guards(&r->buffer[i]);
    for (int64_t k = 0; k < oddi_shape_count(&y->shape); k++)
        r->plain[ODDI_MAX_SRC][k] = ((float *)r->buffer[ODDI_MAX_SRC].data)[rig_place(y, k)];
}
void rig_end(struct rig *r)
{
    for (int i = 0; i < ODDI_MAX_SRC + 3; i++)
        if (r->buffer[i].data)
            oddi_free_aligned(rig_ctx, (char *)r->buffer[i].data - GUARD);
}
void rig_release(struct rig *r)
{
    for (int i = 0; i <= ODDI_MAX_SRC; i++)
        oddi_free(rig_ctx, r->plain[i]);
}

/* Distance from the expected values, relative to their largest. */
static double rig_gap(const struct rig *r, const double *expected)
{
    double top = 1e-30, gap = 0.0;
    for (int64_t k = 0; k < oddi_shape_count(&r->task.dst.shape); k++) {
        const double d = fabs((double)r->plain[ODDI_MAX_SRC][k] - expected[k]);
        gap = d <= gap ? gap : d; /* NaN stays */
        top = fmax(top, fabs(expected[k]));
    }
    return gap / top;
}
/* All instruction sets, layouts and numbers of threads against `expected`. */
void rig_check(struct rig *r, const double *expected, double bound)
{
    const size_t size = 4 * (size_t)oddi_shape_count(&r->task.dst.shape);
    float *first = oddi_alloc(rig_ctx, size);
    assert_non_null(first);
    for (size_t s = 0; s < RIG_SETS; s++)
        for (int code = 0; code < 3 && rig_sets[s]->usable(); code++) {
            static const int threads[] = {1, 3, 2, 8};
            for (size_t t = 0; t < (code == 2 ? 4 : 2); t++) {
                rig_begin(r, rig_sets[s], code, threads[t]);
                rig_run(r);
                if (t == 0)
                    memcpy(first, r->plain[ODDI_MAX_SRC], size);
                if (!(rig_gap(r, expected) <= bound))
                    fail_msg("%s, set %d, layouts %d: off by %g", r->task.op, (int)s, code,
                             rig_gap(r, expected));
                assert_memory_equal(first, r->plain[ODDI_MAX_SRC], size);
                rig_end(r);
            }
        }
    oddi_free(rig_ctx, first);
}

int rig_set_up(void **state)
{
    (void)state;
    return odd_context_new(&rig_ctx) == ODD_OK ? 0 : -1;
}
int rig_tear_down(void **state)
{
    (void)state;
    odd_context_free(rig_ctx);
    return 0;
}
