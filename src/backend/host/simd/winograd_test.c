/* SPDX-License-Identifier: Apache-2.0
 *
 * Winograd against the direct kernels of the same instruction set on more tiles and channels than
 * the rows of op_cases.def have; equal bits for any number of threads; what is declined; that mode
 * "exact" goes without.
 */
#include "base/compat.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "backend/host/simd/support_test.h"

#if defined(__x86_64__)
static const struct oddi_kernel_set *const test_sets[][2] = {
    {&oddi_simd_winograd_set_avx2, &oddi_simd_set_avx2},
    {&oddi_simd_winograd_set_avx512, &oddi_simd_set_avx512},
};

struct test_shape {
    int64_t n, in, out, h, w, pad;
};
static struct rig test_rig(const char *op, const struct test_shape *s)
{
    const int64_t oh = s->h + 2 * s->pad - 2, ow = s->w + 2 * s->pad - 2;
    const struct oddi_shape x = oddi_shape_make(4, s->n, s->in, s->h, s->w);
    const struct oddi_shape w = oddi_shape_make(4, s->out, s->in, 3, 3);
    const struct oddi_shape y = oddi_shape_make(4, s->n, s->out, oh, ow);
    const bool back = strcmp(op, "conv2d_bwd_data") == 0,
               grad = strcmp(op, "conv2d_bwd_weights") == 0;
    struct rig r = {.task = {.op = op, .src_count = 2, .attr = {.i = {1, s->pad}}}};
    r.task.attr.i[3] = grad ? 3 : s->h;
    r.task.attr.i[4] = grad ? 3 : s->w;
    r.task.src[0].shape = back ? y : x;
    r.task.src[1].shape = grad ? y : w;
    r.task.dst.shape = back ? x : grad ? w : y;
    for (int i = 0; i < 2; i++)
        r.task.src[i].type = ODDI_F32;
    r.task.dst.type = ODDI_F32;
    return r;
}

/* Relative L2 of the two results. */
static double test_distance(const float *a, const float *b, int64_t count)
{
    double gap = 0.0, size = 0.0;
    for (int64_t i = 0; i < count; i++) {
        const double d = (double)a[i] - (double)b[i];
        gap += d * d;
        size += (double)b[i] * (double)b[i];
    }
    return sqrt(gap / size);
}
static void test_case(const char *op, const struct test_shape *s, size_t set, double bound)
{
    static const int threads[] = {1, 2, 3, 8};
    struct rig r = test_rig(op, s);
    const int64_t count = oddi_shape_count(&r.task.dst.shape);
    float *direct = oddi_alloc_array(rig_ctx, 2 * (size_t)count, sizeof(float)),
          *first = direct + count;
    assert_non_null(direct);
    rig_plain(&r);
    rig_begin(&r, test_sets[set][1], 2, 1);
    rig_run(&r);
    memcpy(direct, r.plain[ODDI_MAX_SRC], sizeof(float) * (size_t)count);
    rig_end(&r);
    for (size_t t = 0; t < ODDI_COUNT(threads); t++) {
        rig_begin(&r, test_sets[set][0], 2, threads[t]);
        rig_run(&r);
        rig_end(&r);
        if (t == 0)
            memcpy(first, r.plain[ODDI_MAX_SRC], sizeof(float) * (size_t)count);
        assert_memory_equal(first, r.plain[ODDI_MAX_SRC], sizeof(float) * (size_t)count);
    }
    const double gap = test_distance(first, direct, count);
    if (!(gap <= bound))
        fail_msg("%s, %s: %g from the direct kernel", op, test_sets[set][0]->name, gap);
    rig_release(&r);
    oddi_free(rig_ctx, direct);
}
static void test_near_the_direct_kernels(void **state)
{
    static const char *const ops[] = {"conv2d", "conv2d_bwd_data", "conv2d_bwd_weights"};
    static const struct test_shape shapes[] = {{2, 64, 48, 45, 38, 1},
                                               {1, 16, 16, 64, 70, 0},
                                               {3, 512, 288, 9, 8, 1},
                                               {5, 80, 144, 11, 12, 2}};
    (void)state;
    for (size_t set = 0; set < ODDI_COUNT(test_sets); set++)
        for (size_t s = 0; s < ODDI_COUNT(shapes) && test_sets[set][0]->usable(); s++)
            for (size_t op = 0; op < ODDI_COUNT(ops); op++)
                test_case(ops[op], &shapes[s], set, 5e-6);
}

static bool test_taken(const struct test_shape *s, int64_t stride)
{
    const struct oddi_kernel *kernel = oddi_simd_winograd_set_avx2.kernels[0];
    struct rig r = test_rig("conv2d", s);
    r.task.attr.i[0] = stride;
    kernel->layouts(&r.task);
    return kernel->accepts(&r.task);
}
static void test_declined(void **state)
{
    (void)state;
    assert_true(test_taken(&(struct test_shape){1, 16, 16, 8, 8, 1}, 1));
    assert_false(test_taken(&(struct test_shape){1, 16, 16, 8, 8, 1}, 2));
    assert_false(test_taken(&(struct test_shape){1, 16, 16, 8, 8, 3}, 1));
    assert_false(test_taken(&(struct test_shape){1, 12, 16, 8, 8, 1}, 1));
    assert_false(test_taken(&(struct test_shape){1, 16, 3, 8, 8, 1}, 1));
    assert_false(
        test_taken(&(struct test_shape){9, 16, 16, 4, 4, 1}, 1)); /* one tile per picture */
    assert_false(test_taken(&(struct test_shape){1, 16, 16, 5, 5, 1}, 1)); /* four, nearly empty */
}

static bool test_mode_has(const char *mode, const char *name)
{
    const struct oddi_kernel_set *sets[8];
    oddi_host_sets(mode, sets);
    for (int i = 0; sets[i]; i++)
        if (strcmp(sets[i]->name, name) == 0)
            return true;
    return false;
}
static void test_modes(void **state)
{
    const bool vectors = strcmp(oddi_host_isa(), "base") != 0;
    (void)state;
    assert_int_equal(test_mode_has("best", "winograd"), vectors);
    assert_int_equal(test_mode_has("simd", "winograd"), vectors);
    assert_false(test_mode_has("exact", "winograd"));
    assert_false(test_mode_has("ref", "winograd"));
    assert_int_equal(test_mode_has("exact", "dnnl"), test_mode_has("best", "dnnl"));
    assert_true(test_mode_has("exact", "simd"));
}
#endif

int main(void)
{
#if defined(__x86_64__)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_near_the_direct_kernels),
        cmocka_unit_test(test_declined),
        cmocka_unit_test(test_modes),
    };
    return cmocka_run_group_tests(tests, rig_set_up, rig_tear_down);
#else
    return 0;
#endif
}
