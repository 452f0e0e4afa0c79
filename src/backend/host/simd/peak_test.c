/* SPDX-License-Identifier: Apache-2.0
 * The machine's peak: figures that a processor can have, and a status without memory. */
#include "base/compat.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "../tests/support/fault_alloc.h"
#include "backend/backend.h"

static void test_peak(void **state)
{
    struct odd_context *ctx = NULL;
    (void)state;
    assert_int_equal(odd_context_new(&ctx), ODD_OK);
    for (int threads = 1; threads <= 3; threads++) {
        struct oddi_host_peak peak = {0, 0};
        assert_int_equal(oddi_host_peak(ctx, threads, &peak), ODD_OK);
        print_message("%d threads: %.1f GFLOP/s, %.1f GB/s\n", threads, peak.gflops, peak.copy_gbs);
        assert_true(peak.gflops > 0.1 && peak.gflops < 1e4);
        assert_true(peak.copy_gbs > 0.05 && peak.copy_gbs < 1e4);
    }
    odd_context_free(ctx);
}

static void test_out_of_memory(void **state)
{
    struct fault_alloc fault;
    struct oddi_host_peak peak;
    (void)state;
    fault_alloc_init(&fault);
    struct odd_context *ctx = fault_context(&fault);
    for (long n = 1; n <= 2; n++) {
        fault_alloc_arm(&fault, n);
        assert_int_equal(oddi_host_peak(ctx, 1, &peak), ODD_ENOMEM);
        assert_true(fault_alloc_disarm(&fault));
    }
    odd_context_free(ctx);
    assert_int_equal(fault.live, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_peak),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
