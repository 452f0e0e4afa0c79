/* SPDX-License-Identifier: Apache-2.0
 * Connected regions against a flood fill, and the radix sort. */
#include "base/compat.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "../tests/support/fault_alloc.h"
#include "base/rng.h"
#include "score/regions.h"
#include "score/sort.h"

static int setup(void **state)
{
    return odd_context_new((struct odd_context **)state) == ODD_OK ? 0 : -1;
}

static int teardown(void **state)
{
    odd_context_free(*state);
    return 0;
}

enum { SMALL = 10, PIXELS = SMALL * SMALL };

static void flood(const uint8_t *mask, int *label, int at, int id, int reach)
{
    const int y = at / SMALL, x = at % SMALL;

    label[at] = id;
    for (int v = y - 1; v <= y + 1; v++)
        for (int u = x - 1; u <= x + 1; u++) {
            const bool inside = v >= 0 && u >= 0 && v < SMALL && u < SMALL;
            if (inside && abs(v - y) + abs(u - x) <= reach && mask[v * SMALL + u] &&
                !label[v * SMALL + u])
                flood(mask, label, v * SMALL + u, id, reach);
        }
}

/* Regions from 1; returns how many. */
static int flood_all(const uint8_t *mask, int *label, int reach)
{
    int regions = 0;

    memset(label, 0, PIXELS * sizeof(*label));
    for (int i = 0; i < PIXELS; i++)
        if (mask[i] && !label[i])
            flood(mask, label, i, ++regions, reach);
    return regions;
}

static void test_regions(void **state)
{
    static int label[PIXELS];
    static uint8_t mask[PIXELS];
    struct oddi_rng rng;

    oddi_rng_init(&rng, 6, ODDI_RNG_TEST, 0, 0);
    for (int round = 0; round < 1000; round++) {
        struct oddi_regions r;
        const int reach = 1 + round % 2;
        for (int i = 0; i < PIXELS; i++)
            mask[i] = oddi_rng_below(&rng, 2 + round % 7) == 0;
        const int count = flood_all(mask, label, reach);
        assert_int_equal(oddi_regions_init(*state, mask, SMALL, SMALL, reach == 2 ? 8 : 4, &r),
                         ODD_OK);
        assert_int_equal(r.count, count);
        size_t pixels = 0, areas = 0;
        for (size_t i = 0; i < r.runs; i++) {
            pixels += r.run[i].end - r.run[i].x;
            for (uint32_t x = r.run[i].x; x < r.run[i].end; x++)
                assert_int_equal(label[r.run[i].y * SMALL + x], r.run[i].region + 1);
        }
        for (size_t i = 0; i < r.count; i++)
            areas += r.area[i];
        assert_int_equal(pixels, areas);
        oddi_regions_release(*state, &r);
    }
}

/* A spiral of width 1: one region however it winds, and a checkerboard: one or none joined. */
static void test_regions_hard(void **state)
{
    enum { W = 63 };
    static uint8_t mask[W * W];
    struct oddi_regions r;
    int x = 0, y = 0, dx = 1, dy = 0;

    mask[0] = 1;
    for (int side = W - 1, turn = 0; side > 0; turn++) {
        for (int i = 0; i < side; i++) {
            x += dx;
            y += dy;
            mask[y * W + x] = 1;
        }
        const int t = dx;
        dx = -dy;
        dy = t;
        side -= turn >= 2 && turn % 2 == 0 ? 2 : 0;
    }
    assert_int_equal(oddi_regions_init(*state, mask, W, W, 4, &r), ODD_OK);
    assert_int_equal(r.count, 1);
    oddi_regions_release(*state, &r);
    for (int i = 0; i < W * W; i++)
        mask[i] = i % 2 == 0;
    assert_int_equal(oddi_regions_init(*state, mask, W, W, 8, &r), ODD_OK);
    assert_int_equal(r.count, 1);
    oddi_regions_release(*state, &r);
    assert_int_equal(oddi_regions_init(*state, mask, W, W, 4, &r), ODD_OK);
    assert_int_equal(r.count, (W * W + 1) / 2);
    oddi_regions_release(*state, &r);
    assert_int_equal(oddi_regions_init(*state, mask, W, W, 5, &r), ODD_EINVAL);
    assert_int_equal(oddi_regions_init(*state, mask, W, 0, 8, &r), ODD_ELIMIT);
    assert_int_equal(oddi_regions_init(*state, mask, INT64_MAX, 2, 8, &r), ODD_ELIMIT);
}

static void test_sort(void **state)
{
    enum { N = 5000 };
    static uint64_t item[N], scratch[N];
    const float values[] = {-3e38F, -1.0F, -1e-40F, 0.0F, 1e-45F, 0.5F, 1.0F, 3e38F};
    struct oddi_rng rng;

    (void)state;
    for (size_t i = 0; i + 1 < ODDI_COUNT(values); i++)
        assert_true(oddi_float_key(values[i]) < oddi_float_key(values[i + 1]));
    for (size_t i = 0; i < ODDI_COUNT(values); i++)
        assert_true(oddi_key_float(oddi_float_key(values[i])) == values[i]);
    assert_int_equal(oddi_float_key(-0.0F), oddi_float_key(0.0F));
    oddi_rng_init(&rng, 8, ODDI_RNG_TEST, 0, 0);
    for (size_t n = 0; n < N; n = n * 2 + 1) {
        uint64_t sum = 0;
        for (size_t i = 0; i < n; i++) {
            item[i] = ((uint64_t)oddi_rng_u32(&rng) << 32 | oddi_rng_u32(&rng)) >> (1 + n % 40);
            sum += item[i];
        }
        oddi_sort_u64(item, scratch, n);
        for (size_t i = 0; i < n; i++) {
            assert_true(i == 0 || item[i - 1] <= item[i]);
            sum -= item[i];
        }
        assert_true(sum == 0);
    }
}

static void test_out_of_memory(void **state)
{
    const uint8_t mask[4] = {1, 0, 0, 1};

    (void)state;
    for (long n = 1;; n++) {
        struct fault_alloc fault;
        struct oddi_regions r = {0};
        fault_alloc_init(&fault);
        struct odd_context *ctx = fault_context(&fault);
        fault_alloc_arm(&fault, n);
        odd_status status = oddi_regions_init(ctx, mask, 2, 2, 4, &r);
        bool failed = fault_alloc_disarm(&fault);
        assert_int_equal(status, failed ? ODD_ENOMEM : ODD_OK);
        assert_int_equal(r.count, failed ? 0 : 2);
        oddi_regions_release(ctx, &r);
        odd_context_free(ctx);
        assert_int_equal(fault.live, 0);
        if (!failed)
            break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_regions),
        cmocka_unit_test(test_regions_hard),
        cmocka_unit_test(test_sort),
        cmocka_unit_test(test_out_of_memory),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
