/* SPDX-License-Identifier: Apache-2.0
 * Smoothing and numbers of a score map. */
#include "base/compat.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../tests/support/fault_alloc.h"
#include "base/rng.h"
#include "score/map.h"

#define NEAR(a, b, bound) assert_true(fabs((a) - (b)) < (bound))

static int setup(void **state)
{
    return odd_context_new((struct odd_context **)state) == ODD_OK ? 0 : -1;
}

static int teardown(void **state)
{
    odd_context_free(*state);
    return 0;
}

enum { W = 23, H = 17, N = W * H };

static void fill(float *map, uint64_t index)
{
    struct oddi_rng rng;

    oddi_rng_init(&rng, 1, ODDI_RNG_TEST, 0, index);
    for (int i = 0; i < N; i++)
        map[i] = oddi_rng_normal(&rng);
}

/* Walks the mirror step by step. */
static int walk(int at, int by, int n)
{
    const int step = by < 0 ? -1 : 1;
    int direction = step;

    for (int i = 0; i < abs(by); i++) {
        if (at + direction < 0 || at + direction >= n)
            direction = -direction; /* the edge pixel comes twice */
        else
            at += direction;
    }
    return at;
}

static double direct(const float *map, int x, int y, double sigma, int radius)
{
    double sum = 0, weights = 0;

    for (int v = -radius; v <= radius; v++)
        for (int u = -radius; u <= radius; u++) {
            const double g = exp(-(u * u + v * v) / (2 * sigma * sigma));
            sum += g * (double)map[walk(y, v, H) * W + walk(x, u, W)];
            weights += g;
        }
    return sum / weights;
}

static void test_smooth(void **state)
{
    const double sigma[] = {4, 1, 0.3, 9};
    const int radius[] = {8, 2, 1, 40}; /* the last one beyond the map */
    float map[N], out[N];

    fill(map, 0);
    for (int c = 0; c < 4; c++) {
        double before = 0, after = 0;
        assert_int_equal(
            oddi_map_smooth(*state, map, W, H, &(struct oddi_smoothing){sigma[c], radius[c]}, out),
            ODD_OK);
        for (int i = 0; i < N; i++) {
            NEAR((double)out[i], direct(map, i % W, i / W, sigma[c], radius[c]), 3e-7);
            before += (double)map[i];
            after += (double)out[i];
        }
        NEAR(before, after, 1e-4);
    }
}

static void test_smooth_properties(void **state)
{
    float map[N], one[N], out[N];

    for (int i = 0; i < N; i++)
        map[i] = 0.7F;
    assert_int_equal(oddi_map_smooth(*state, map, W, H, &(struct oddi_smoothing){4, 8}, out),
                     ODD_OK);
    for (int i = 0; i < N; i++)
        NEAR((double)out[i], (double)0.7F, 1e-7);
    fill(map, 1);
    odd_context_set_threads(*state, 1);
    assert_int_equal(oddi_map_smooth(*state, map, W, H, &(struct oddi_smoothing){4, 8}, one),
                     ODD_OK);
    for (int threads = 2; threads <= 8; threads += 3) {
        odd_context_set_threads(*state, threads);
        assert_int_equal(oddi_map_smooth(*state, map, W, H, &(struct oddi_smoothing){4, 8}, out),
                         ODD_OK);
        assert_memory_equal(one, out, sizeof(out));
    }
    assert_int_equal(oddi_map_smooth(*state, map, W, H, &(struct oddi_smoothing){0, 8}, out),
                     ODD_OK);
    assert_memory_equal(map, out, sizeof(out));
    assert_int_equal(oddi_map_smooth(*state, map, 1, 1, &(struct oddi_smoothing){4, 8}, out),
                     ODD_OK);
    NEAR((double)out[0], (double)map[0], 1e-6);
    assert_int_equal(oddi_map_smooth(*state, map, W, H, &(struct oddi_smoothing){NAN, 8}, out),
                     ODD_EINVAL);
    assert_int_equal(oddi_map_smooth(*state, map, W, H, &(struct oddi_smoothing){4, -1}, out),
                     ODD_EINVAL);
    assert_int_equal(oddi_map_smooth(*state, map, 0, H, &(struct oddi_smoothing){4, 8}, out),
                     ODD_EINVAL);
}

static int falling(const void *a, const void *b)
{
    const float x = *(const float *)a, y = *(const float *)b;
    return x > y ? -1 : x < y;
}

static void test_numbers(void **state)
{
    float map[N], sorted[N];
    double value;

    for (uint64_t round = 0; round < 60; round++) {
        fill(map, round);
        for (int i = 0; round % 2 && i < N; i++)
            map[i] = floorf(map[i] * 2.0F); /* many ties */
        memcpy(sorted, map, sizeof(map));
        qsort(sorted, N, sizeof(float), falling);
        assert_int_equal(oddi_map_max(*state, map, N, &value), ODD_OK);
        assert_true(value == (double)sorted[0]);
        for (int k = 1; k <= N; k += 13) {
            double sum = 0;
            for (int i = 0; i < k; i++)
                sum += (double)sorted[i];
            assert_int_equal(oddi_map_top_mean(*state, map, N, (k - 0.5) / N, &value), ODD_OK);
            NEAR(value, sum / k, 1e-12);
        }
        double sum = 0, top;
        for (int i = 0; i < N; i++)
            sum += (double)map[i];
        assert_int_equal(oddi_map_mean(*state, map, N, &value), ODD_OK);
        assert_true(value == sum / N);
        assert_int_equal(oddi_map_top_mean(*state, map, N, 1, &top), ODD_OK);
        NEAR(value, top, 1e-12);
    }
    /* of 391 values the top 1 % are 4; of few, the largest */
    assert_int_equal(oddi_map_top_mean(*state, map, N, 0.01, &value), ODD_OK);
    NEAR(value, ((double)sorted[0] + (double)sorted[1] + (double)sorted[2] + (double)sorted[3]) / 4,
         1e-12);
    assert_int_equal(oddi_map_top_mean(*state, map, 5, 0.01, &value), ODD_OK);
    NEAR(value,
         fmax(fmax(fmax((double)map[0], (double)map[1]), fmax((double)map[2], (double)map[3])),
              (double)map[4]),
         1e-15);
    float seven[700] = {1, 1, 1, 1, 1, 1, 1};
    assert_int_equal(oddi_map_top_mean(*state, seven, 700, 0.01, &value), ODD_OK);
    assert_true(value == 1);
}

static void test_refused(void **state)
{
    float map[3] = {1, NAN, 2};
    double value = 5;

    assert_int_equal(oddi_map_mean(*state, map, 3, &value), ODD_ENUMERIC);
    assert_non_null(strstr(odd_last_message(*state), "value 1"));
    map[1] = INFINITY;
    assert_int_equal(oddi_map_max(*state, map, 3, &value), ODD_ENUMERIC);
    assert_int_equal(oddi_map_top_mean(*state, map, 3, 0.5, &value), ODD_ENUMERIC);
    assert_int_equal(oddi_map_mean(*state, map, 0, &value), ODD_EINVAL);
    map[1] = 0;
    assert_int_equal(oddi_map_top_mean(*state, map, 3, 0, &value), ODD_EINVAL);
    assert_int_equal(oddi_map_top_mean(*state, map, 3, 1.5, &value), ODD_EINVAL);
    assert_true(value == 5);
}

static void test_quantile(void **state)
{
    const float map[5] = {4, -1, 0, 9, 2};
    double value;

    assert_int_equal(oddi_map_quantile(*state, map, 5, 0.0, &value), ODD_OK);
    assert_true(value == -1);
    assert_int_equal(oddi_map_quantile(*state, map, 5, 1.0, &value), ODD_OK);
    assert_true(value == 9);
    assert_int_equal(oddi_map_quantile(*state, map, 5, 0.99, &value), ODD_OK);
    NEAR(value, 4 + 0.96 * 5, 1e-12);
    assert_int_equal(oddi_map_quantile(*state, map, 5, 1.5, &value), ODD_EINVAL);
    assert_int_equal(oddi_map_quantile(*state, map, 0, 0.5, &value), ODD_EINVAL);
}

static void test_upsample(void **state)
{
    const float cell[4] = {0, 4, 8, 12}, one = 3;
    float map[16] = {0}, flat[6] = {1, 1, 1, 1, 1, 1};

    (void)state;
    oddi_map_add_upsampled(cell, (const int64_t[2]){2, 2}, map, 4, 4);
    const float row[4] = {0, 1, 3, 4}; /* centres of cells lie at 0.5 and 2.5 pixels */
    for (int y = 0; y < 4; y++)
        for (int x = 0; x < 4; x++)
            NEAR((double)map[4 * y + x], (double)(row[x] + 2 * row[y]), 1e-6);
    oddi_map_add_upsampled(&one, (const int64_t[2]){1, 1}, flat, 3, 2);
    for (int i = 0; i < 6; i++)
        assert_true(flat[i] == 4);
}

/* A single pixel and a line vanish, a plus stays; a constant stays up to the border. */
static void test_open(void **state)
{
    float map[49] = {0}, scratch[49];
    const int plus[5] = {24, 23, 25, 17, 31};

    (void)state;
    map[0] = map[48] = 7;
    for (int i = 0; i < 5; i++)
        map[plus[i]] = 2;
    map[24] = 5;
    oddi_map_open(map, 7, 7, scratch);
    for (int i = 0; i < 49; i++) {
        const bool in = i == 24 || i == 23 || i == 25 || i == 17 || i == 31;
        assert_true(map[i] == (in ? 2.0f : 0.0f));
    }
    for (int i = 0; i < 49; i++)
        map[i] = 3;
    oddi_map_open(map, 7, 7, scratch);
    for (int i = 0; i < 49; i++)
        assert_true(map[i] == 3);
}

static void test_out_of_memory(void **state)
{
    float map[N], out[N];

    (void)state;
    fill(map, 0);
    for (long n = 1;; n++) {
        struct fault_alloc fault;
        fault_alloc_init(&fault);
        struct odd_context *ctx = fault_context(&fault);
        fault_alloc_arm(&fault, n);
        odd_status status = oddi_map_smooth(ctx, map, W, H, &(struct oddi_smoothing){4, 8}, out);
        bool failed = fault_alloc_disarm(&fault);
        assert_int_equal(status, failed ? ODD_ENOMEM : ODD_OK);
        odd_context_free(ctx);
        assert_int_equal(fault.live, 0);
        if (!failed)
            break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_smooth),   cmocka_unit_test(test_smooth_properties),
        cmocka_unit_test(test_numbers),  cmocka_unit_test(test_refused),
        cmocka_unit_test(test_quantile), cmocka_unit_test(test_upsample),
        cmocka_unit_test(test_open),     cmocka_unit_test(test_out_of_memory),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
