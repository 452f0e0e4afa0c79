/* SPDX-License-Identifier: Apache-2.0
 * The vendor's kernels against the plain definition; the promises about bits; renewal of re-laid
 * weights; refusals; failing allocations; nothing left behind. */
#include "base/compat.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <malloc.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "../tests/support/fault_alloc.h"
#include "backend/host/dnnl/conv.h"
#include "backend/host/dnnl/support_test.h"
#include "base/rng.h"

extern const struct oddi_kernel_set oddi_dnnl_set, oddi_dnnl_bf16_set;

#define CONV(n_, ic_, h_, w_, oc_, k_, s_, p_)                                                     \
    .n = (n_), .ic = (ic_), .h = (h_), .w = (w_), .oc = (oc_), .k = (k_), .stride = (s_), .pad = (p_), \
    .threads = 2

static const struct rig_case test_cases[] = {
    {.op = "conv2d", CONV(3, 3, 17, 12, 32, 4, 2, 1)},
    {.op = "conv2d", CONV(2, 1, 16, 16, 16, 4, 2, 1), .bias = true},
    {.op = "conv2d", CONV(3, 32, 9, 14, 48, 4, 2, 1), .bias = true, .act = true},
    {.op = "conv2d", CONV(2, 64, 7, 7, 16, 3, 1, 1), .act = true},
    {.op = "conv2d", CONV(2, 128, 5, 5, 64, 1, 1, 0), .bias = true},
    {.op = "conv2d", CONV(2, 24, 8, 8, 40, 3, 1, 1), .bias = true},
    {.op = "conv2d_bwd_data", CONV(3, 32, 9, 14, 48, 4, 2, 1)},
    {.op = "conv2d_bwd_data", CONV(2, 16, 8, 8, 64, 4, 2, 1), .bias = true, .act = true},
    {.op = "conv2d_bwd_data", CONV(2, 48, 7, 7, 16, 3, 1, 1), .bias = true},
    {.op = "conv2d_bwd_data", CONV(2, 64, 6, 5, 32, 1, 1, 0), .act = true},
    {.op = "conv2d_bwd_data", CONV(2, 24, 8, 8, 40, 3, 1, 1), .bias = true},
    {.op = "conv2d_bwd_data", CONV(3, 3, 17, 12, 64, 4, 2, 1), .bias = true, .act = true},
    {.op = "conv2d_bwd_data", CONV(2, 1, 16, 16, 32, 4, 2, 1), .bias = true},
    {.op = "conv2d_bwd_data", CONV(2, 5, 9, 8, 16, 3, 1, 0)},
    {.op = "conv2d_bwd_data", CONV(2, 7, 6, 6, 16, 2, 2, 0), .act = true},
    {.op = "conv2d_bwd_weights", CONV(3, 3, 17, 12, 32, 4, 2, 1)},
    {.op = "conv2d_bwd_weights", CONV(11, 1, 16, 16, 16, 4, 2, 1)},
    {.op = "conv2d_bwd_weights", CONV(1, 32, 9, 14, 48, 4, 2, 1)},
    {.op = "conv2d_bwd_weights", CONV(9, 16, 10, 10, 32, 3, 1, 1)},
    {.op = "conv2d_bwd_weights", CONV(5, 32, 8, 8, 176, 4, 2, 1)},
    {.op = "conv2d_bwd_weights", CONV(2, 24, 8, 8, 40, 3, 1, 1)},
    {.op = "conv2d_bwd_weights", CONV(8, 128, 4, 4, 256, 1, 1, 0)},
    {.op = "matmul", CONV(4, 16, 70, 1, 33, 1, 1, 0)},
    {.op = "matmul", CONV(4, 4, 300, 1, 125, 1, 1, 0), .trans_b = true},
    {.op = "matmul", CONV(2, 62, 2100, 1, 5, 1, 1, 0), .trans_a = true},
    {.op = "matmul", CONV(1, 150, 64, 1, 300, 1, 1, 0), .trans_a = true},
    {.op = "matmul", CONV(1, 300, 64, 1, 150, 1, 1, 0), .trans_a = true, .trans_b = true},
    {.op = "matmul", CONV(1, 1, 1, 1, 1, 1, 1, 0)},
};

static struct odd_context *test_ctx;

static void test_about(const struct rig_case *c, char text[160])
{
    snprintf(text, 160, "%s n%d ic%d %dx%d oc%d k%d s%d p%d", c->op, (int)c->n, (int)c->ic, (int)c->h,
             (int)c->w, (int)c->oc, (int)c->k, (int)c->stride, (int)c->pad);
}

/* Largest difference relative to the largest value. */
static double test_error(const struct rig *r)
{
    double *want = rig_expected(r), worst = 0, largest = 1e-30;
    assert_non_null(want);
    for (size_t i = 0; i < r->out_count; i++) {
        const double d = fabs(want[i] - (double)r->out[i]);
        worst = d <= worst ? worst : d; /* also for NaN */
        largest = fmax(largest, fabs(want[i]));
    }
    oddi_free(r->ctx, want);
    return worst / largest;
}

static void test_values_of(const struct oddi_kernel_set *set, const struct rig_case *c, double bound)
{
    struct rig r;
    char text[160];
    test_about(c, text);
    odd_status status = rig_init(&r, test_ctx, set, c);
    if (status == ODD_ENOTSUP && (bound > 1e-3 || !oddi_dnnl_has_avx512()))
        return; /* bf16 refuses what does not pay; AVX2 has no matmul */
    if (status != ODD_OK)
        fail_msg("%s: %s", text, odd_status_name(status));
    assert_int_equal(rig_run(&r), ODD_OK);
    const double error = test_error(&r);
    if (!(error < bound))
        fail_msg("%s (%s): error %g", text, r.kernel->name, error);
    rig_release(&r);
}

static void test_values(void **state)
{
    (void)state;
    for (size_t i = 0; i < ODDI_COUNT(test_cases); i++)
        test_values_of(&oddi_dnnl_set, &test_cases[i], 2e-5);
}

static void test_values_bf16(void **state)
{
    (void)state;
    if (!oddi_dnnl_bf16_set.usable())
        skip();
    for (size_t i = 0; i < ODDI_COUNT(test_cases); i++)
        test_values_of(&oddi_dnnl_bf16_set, &test_cases[i], 2e-2);
    struct rig_case big = {.op = "conv2d_bwd_weights", CONV(2, 32, 24, 24, 256, 4, 2, 1)};
    test_values_of(&oddi_dnnl_bf16_set, &big, 2e-2);
}

/* Result of a case on other pictures or threads; the part that both have must have equal bits. */
static void test_same(const struct oddi_kernel_set *set, const struct rig *r, const struct rig_case *c)
{
    struct rig q;
    char text[160];
    test_about(&r->c, text);
    assert_int_equal(rig_init(&q, test_ctx, set, c), ODD_OK);
    assert_int_equal(rig_run(&q), ODD_OK);
    const bool whole = strcmp(c->op, "conv2d_bwd_weights") == 0 || c->trans_a;
    const int64_t n = c->n < r->c.n - c->first ? c->n : r->c.n - c->first;
    const size_t count = whole ? r->out_count : (size_t)n * r->picture_count;
    if (memcmp(r->out + (size_t)c->first * r->picture_count, q.out, count * sizeof(float)) != 0)
        fail_msg("%s (%s): other bits on %d threads, %d pictures from %d", text, r->kernel->name,
                 c->threads, (int)c->n, (int)c->first);
    rig_release(&q);
}

static void test_bits_of(const struct oddi_kernel_set *set, struct rig_case c)
{
    static const int threads[] = {1, 2, 3, 8};
    static const int64_t batch[] = {1, 3, 8};
    struct rig r;
    if (rig_init(&r, test_ctx, set, &c) != ODD_OK)
        return;
    assert_int_equal(rig_run(&r), ODD_OK);
    for (size_t i = 0; i < ODDI_COUNT(threads); i++) {
        c.threads = threads[i];
        test_same(set, &r, &c);
    }
    const bool pictures = strcmp(c.op, "conv2d_bwd_weights") != 0 && !c.trans_a;
    for (size_t i = 0; pictures && i < ODDI_COUNT(batch); i++) {
        c.n = batch[i];
        for (int64_t first = 0; first < r.c.n; first += r.c.n > 1 ? r.c.n - 1 : 1) {
            c.first = first;
            c.threads = 1 + (int)(i + (size_t)first) % 3;
            test_same(set, &r, &c);
        }
    }
    rig_release(&r);
}

static void test_random_case(struct oddi_rng *rng, struct rig_case *c)
{
    static const char *const ops[] = {"conv2d", "conv2d_bwd_data", "conv2d_bwd_weights", "matmul"};
    static const int64_t channels[] = {1, 3, 8, 16, 17, 32, 48, 64, 128};
    static const int64_t deep[] = {1, 33, 256, 500, 2048, 20000};
    *c = (struct rig_case){.op = ops[oddi_rng_below(rng, 4)], .threads = 1, .stride = 1, .k = 1, .w = 1};
    c->n = 2 + (int64_t)oddi_rng_below(rng, 5);
    c->ic = channels[oddi_rng_below(rng, ODDI_COUNT(channels))];
    c->oc = channels[oddi_rng_below(rng, ODDI_COUNT(channels))];
    c->trans_a = oddi_rng_below(rng, 3) == 0;
    c->trans_b = oddi_rng_below(rng, 2) == 0;
    c->h = deep[oddi_rng_below(rng, ODDI_COUNT(deep))];
    if (strcmp(c->op, "matmul") == 0) {
        c->ic = c->h > 2048 ? 1 : c->ic;
        return;
    }
    c->trans_a = c->trans_b = false;
    c->k = 1 + (int64_t)oddi_rng_below(rng, 5);
    c->stride = 1 + (int64_t)oddi_rng_below(rng, 2);
    c->pad = (int64_t)oddi_rng_below(rng, (uint64_t)c->k / 2 + 1);
    c->h = c->k + (int64_t)oddi_rng_below(rng, 14);
    c->w = c->k + (int64_t)oddi_rng_below(rng, 14);
    c->bias = strcmp(c->op, "conv2d_bwd_weights") != 0 && oddi_rng_below(rng, 2) == 0;
    c->act = strcmp(c->op, "conv2d_bwd_weights") != 0 && oddi_rng_below(rng, 2) == 0;
}

static void test_bits(void **state)
{
    (void)state;
    const bool low = oddi_dnnl_bf16_set.usable();
    struct oddi_rng rng;
    oddi_rng_init(&rng, 7, ODDI_RNG_TEST, 0, 0);
    for (size_t i = 0; i < ODDI_COUNT(test_cases) + 60; i++) {
        struct rig_case c;
        if (i < ODDI_COUNT(test_cases))
            c = test_cases[i];
        else
            test_random_case(&rng, &c);
        test_bits_of(&oddi_dnnl_set, c);
        if (low && i % 2 == 0)
            test_bits_of(&oddi_dnnl_bf16_set, c);
    }
}

/* Re-laid weights follow the version; version 0 is always new. */
static void test_versions(void **state)
{
    (void)state;
    static const size_t kinds[] = {2, 7, 11};
    for (size_t i = 0; i < ODDI_COUNT(kinds); i++) {
        struct rig r;
        assert_int_equal(rig_init(&r, test_ctx, &oddi_dnnl_set, &test_cases[kinds[i]]), ODD_OK);
        float *w = r.buffer[1].data;
        float sum[5] = {0};
        static const uint64_t version[] = {4, 4, 5, 0, 0};
        for (int step = 0; step < 5; step++) {
            r.task.src[1].version = version[step];
            assert_int_equal(rig_run(&r), ODD_OK);
            for (size_t k = 0; k < r.out_count; k++)
                sum[step] += fabsf(r.out[k]);
            w[0] += 1000.0f; /* seen by the next run only where it must look */
        }
        assert_true(sum[1] == sum[0]);
        assert_true(sum[2] > sum[1] && sum[3] > sum[2] && sum[4] > sum[3]);
        rig_release(&r);
    }
}

static void test_refuses(void **state)
{
    (void)state;
    static const size_t kinds[] = {2, 6, 11, 18, 22};
    for (size_t i = 0; i < ODDI_COUNT(kinds); i++) {
        struct rig r;
        if (rig_init(&r, test_ctx, &oddi_dnnl_set, &test_cases[kinds[i]]) != ODD_OK)
            continue;
        bool (*accepts)(const struct oddi_task *) = r.kernel->accepts;
        assert_true(accepts(&r.task));
        struct oddi_task t = r.task;
        t.src[1].type = ODDI_F64;
        assert_false(accepts(&t));
        t = r.task;
        t.dst.shape.dim[1]++; /* sizes that do not fit each other */
        assert_false(accepts(&t));
        t = r.task;
        t.src[0].shape.rank = 3;
        assert_false(accepts(&t));
        t = r.task;
        t.src_count = 1;
        assert_false(accepts(&t));
        t = r.task;
        t.src[0].shape.dim[t.src[0].shape.rank - 1] = INT32_MAX;
        assert_false(accepts(&t));
        t = r.task;
        for (int k = 0; k < 3; k++)
            t.src[k].layout = ODDI_PLAIN;
        t.dst.layout = ODDI_PLAIN;
        assert_int_equal(accepts(&t), strcmp(t.op, "matmul") == 0);
        rig_release(&r);
    }
}

static void test_faults(void **state)
{
    (void)state;
    for (size_t i = 0; i < ODDI_COUNT(test_cases); i++)
        for (long n = 1;; n++) {
            struct fault_alloc fault;
            struct rig r = {0};
            fault_alloc_init(&fault);
            struct odd_context *ctx = fault_context(&fault);
            fault_alloc_arm(&fault, n);
            odd_status status = rig_init(&r, ctx, &oddi_dnnl_set, &test_cases[i]);
            const bool failed = fault_alloc_disarm(&fault);
            if (failed)
                assert_int_equal(status, ODD_ENOMEM);
            if (status == ODD_OK)
                rig_release(&r);
            odd_context_free(ctx);
            assert_int_equal(fault.live, 0);
            if (!failed)
                break;
        }
}

/* The vendor keeps its last primitives in a cache of its own; once they are there, making and
 * ending the same kernels again leaves the heap as it was. */
static void test_growth(void **state)
{
    (void)state;
    size_t before = 0;
    for (int round = 0; round < 220; round++) {
        if (round == 20)
            before = mallinfo2().uordblks;
        for (size_t i = (size_t)round % 4; i < ODDI_COUNT(test_cases); i += 4) {
            struct rig r;
            if (rig_init(&r, test_ctx, &oddi_dnnl_set, &test_cases[i]) != ODD_OK)
                continue;
            assert_int_equal(rig_again(&r), ODD_OK);
            rig_release(&r);
        }
    }
    const size_t after = mallinfo2().uordblks;
    if (after > before + 65536)
        fail_msg("the heap grew from %zu to %zu bytes", before, after);
}

static void test_status(void **state)
{
    (void)state;
    assert_int_equal(oddi_dnnl_status(dnnl_success), ODD_OK);
    assert_int_equal(oddi_dnnl_status(dnnl_out_of_memory), ODD_ENOMEM);
    assert_int_equal(oddi_dnnl_status(dnnl_unimplemented), ODD_ENOTSUP);
    assert_int_equal(oddi_dnnl_status(dnnl_invalid_arguments), ODD_EBUG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_status),   cmocka_unit_test(test_values), cmocka_unit_test(test_values_bf16),
        cmocka_unit_test(test_versions), cmocka_unit_test(test_refuses), cmocka_unit_test(test_bits),
        cmocka_unit_test(test_faults),   cmocka_unit_test(test_growth),
    };
    if (!oddi_dnnl_set.usable())
        return 77;
    if (odd_context_new(&test_ctx) != ODD_OK)
        return 1;
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    odd_context_free(test_ctx);
    return failed;
}
