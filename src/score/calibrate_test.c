/* SPDX-License-Identifier: Apache-2.0
 * Threshold, promise, spread, normalized score and overlay scale. */
#include "base/compat.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../tests/support/fault_alloc.h"
#include "base/alloc.h"
#include "base/rng.h"
#include "score/calibrate.h"

#define NEAR(a, b) assert_true(fabs((a) - (b)) < 1e-12)

static int setup(void **state)
{
    return odd_context_new((struct odd_context **)state) == ODD_OK ? 0 : -1;
}

static int teardown(void **state)
{
    odd_context_free(*state);
    return 0;
}

static void test_threshold(void **state)
{
    const double score[] = {-3, -1, -2}, bad[] = {1, 2, NAN};
    double t = 7;

    assert_int_equal(oddi_calibrate_threshold(*state, score, 0, &t), ODD_ENODATA);
    assert_int_equal(oddi_calibrate_threshold(*state, bad, 3, &t), ODD_ENUMERIC);
    assert_non_null(strstr(odd_last_message(*state), "value 2"));
    assert_true(t == 7);
    assert_int_equal(oddi_calibrate_threshold(*state, score, 3, &t), ODD_OK);
    assert_true(t == -1);
}

static void test_certificate(void **state)
{
    struct oddi_certificate c;
    (void)state;

    oddi_certify(59, &c);
    assert_true(c.bound < 0.05);
    NEAR(c.expected, 1.0 / 60);
    oddi_certify(58, &c);
    assert_true(c.bound > 0.05);
    oddi_certify(1, &c);
    NEAR(c.bound, 0.95);
    oddi_certify(0, &c);
    assert_true(c.bound == 1 && c.expected == 1);
}

/* Draws n normals many times: how often the next ones exceed their largest. */
static void test_certificate_holds(void **state)
{
    enum { N = 30, ROUNDS = 4000 };
    struct oddi_certificate c;
    struct oddi_rng rng;
    double sum = 0;
    int over = 0;

    (void)state;
    oddi_certify(N, &c);
    oddi_rng_init(&rng, 9, ODDI_RNG_TEST, 0, 0);
    for (int round = 0; round < ROUNDS; round++) {
        float largest = 0;
        for (int i = 0; i < N; i++)
            largest = fmaxf(largest, oddi_rng_uniform(&rng));
        sum += 1 - (double)largest; /* the true false-alarm rate of uniform scores */
        over += 1 - (double)largest > c.bound;
    }
    assert_true(fabs(sum / ROUNDS - c.expected) < 0.002);
    assert_true(abs(over - ROUNDS / 20) < 60);
}

static void assert_text(struct odd_context *ctx, uint64_t n, bool groups, const char *expected)
{
    char *text = NULL;

    assert_int_equal(oddi_certify_text(ctx, n, groups, &text), ODD_OK);
    assert_string_equal(text, expected);
    oddi_free(ctx, text);
}

static void test_certificate_text(void **state)
{
    assert_text(*state, 59, false,
                "With 59 held-out normal pictures at or below the threshold, a new normal picture "
                "like them exceeds it with a chance of at most 1.7 % on average, and with 95 % "
                "confidence of at most 5.0 %.");
    assert_text(*state, 1, true,
                "With 1 held-out group at the threshold, a new group like them exceeds it with a "
                "chance of at most 50 % on average, and with 95 % confidence of at most 95 %.");
    assert_text(*state, 2999, true,
                "With 2999 held-out groups of normal pictures at or below the threshold, a new "
                "group like them exceeds it with a chance of at most 0.034 % on average, and with "
                "95 % confidence of at most 0.100 %.");
    assert_text(*state, 0, false,
                "Without held-out normal pictures nothing is certain about false alarms.");
}

static void test_location_scale(void **state)
{
    const double few[] = {1, 2, 3, 4, 1000}, same[] = {0.1, 0.1, 0.1}, mostly[] = {2, 2, 2, 2, 7};
    const double zero[] = {0, 0}, huge[] = {-DBL_MAX, DBL_MAX, DBL_MAX}, pair[] = {1, 4};
    double many[20], at, scale;

    assert_int_equal(oddi_location_scale(*state, few, 5, &at, &scale), ODD_OK);
    NEAR(at, 3);
    NEAR(scale, 1.4826);
    assert_int_equal(oddi_location_scale(*state, mostly, 5, &at, &scale), ODD_OK);
    NEAR(at, 2);
    NEAR(scale, sqrt(5)); /* no median deviation, so the standard one */
    assert_int_equal(oddi_location_scale(*state, same, 3, &at, &scale), ODD_OK);
    assert_true(at == 0.1 && scale == 0.1);
    assert_int_equal(oddi_location_scale(*state, zero, 2, &at, &scale), ODD_OK);
    assert_true(at == 0 && scale == 1);
    assert_int_equal(oddi_location_scale(*state, huge, 3, &at, &scale), ODD_OK);
    assert_true(isfinite(at) && isfinite(scale) && scale > 0);
    for (int i = 0; i < 20; i++)
        many[i] = i == 19 ? 100 : i;
    assert_int_equal(oddi_location_scale(*state, many, 20, &at, &scale), ODD_OK);
    NEAR(at, 271.0 / 20);
    NEAR(scale, sqrt((2109 + 10000 - 271.0 * 271.0 / 20) / 19));
    assert_int_equal(oddi_median(*state, pair, 2, &at), ODD_OK);
    NEAR(at, 2.5);
    assert_int_equal(oddi_location_scale(*state, few, 0, &at, &scale), ODD_ENODATA);
}

static void test_normalize(void **state)
{
    const double score[] = {1, 1.5, 2, 2.5, 3};
    const double tests[] = {-DBL_MAX, -1e300, -1e6, -5, 0, 1, 2.9, 3, 3.1, 10, 1e6, 1e300, DBL_MAX};
    struct oddi_normalizer n;
    double before = -1;

    assert_int_equal(oddi_normalizer_init(*state, score, 5, 3, &n), ODD_OK);
    assert_true(n.scale == 1);
    assert_true(oddi_normalize(&n, 3) == 0.5);
    NEAR(oddi_normalize(&n, 2), 0.25);
    NEAR(oddi_normalize(&n, 4), 0.75);
    for (size_t i = 0; i < ODDI_COUNT(tests); i++) {
        const double v = oddi_normalize(&n, tests[i]);
        assert_true(v >= 0 && v <= 1 && v >= before);
        assert_true((v > 0.5) == (tests[i] > 3));
        before = v;
    }
    assert_true(isnan(oddi_normalize(&n, NAN)));
    /* the next double after the threshold is above it */
    assert_true(oddi_normalize(&n, nextafter(3, 4)) > 0.5);
    assert_true(oddi_normalize(&n, nextafter(3, 2)) < 0.5);
    assert_int_equal(oddi_normalizer_init(*state, score, 5, INFINITY, &n), ODD_ENUMERIC);
    assert_int_equal(oddi_normalizer_init(*state, score, 0, 1, &n), ODD_ENODATA);
}

static void test_normalize_rises(void **state)
{
    const double sets[][3] = {{0.001, 0.0012, 0.0013}, {5, 5, 5}, {-2e200, 0, 1e200}, {-3, -2, -1}};
    struct oddi_normalizer n;
    struct oddi_rng rng;

    oddi_rng_init(&rng, 11, ODDI_RNG_TEST, 0, 0);
    for (size_t s = 0; s < ODDI_COUNT(sets); s++) {
        const double t = sets[s][2];
        assert_int_equal(oddi_normalizer_init(*state, sets[s], 3, t, &n), ODD_OK);
        assert_true(oddi_normalize(&n, t) == 0.5);
        for (int i = 0; i < 100000; i++) {
            const double u = (double)oddi_rng_normal(&rng) * pow(10, i % 8 - 2);
            const double a = t + u * n.scale, next = nextafter(a, INFINITY);
            const double apart =
                4e-16 * ((1 + fabs(u)) * (1 + fabs(u)) * n.scale + fabs(a) + fabs(t));
            assert_true(oddi_normalize(&n, a) <= oddi_normalize(&n, next)); /* never swap */
            assert_true(oddi_normalize(&n, a) < oddi_normalize(&n, a + 2 * apart));
        }
    }
}

static void test_overlay(void **state)
{
    const double maxima[] = {0.3, 0.5, 0.4}, below[] = {-3, -2, -1}, huge[] = {DBL_MAX};
    double lo, hi;

    assert_int_equal(oddi_overlay_scale(*state, maxima, 3, 0.1, &lo, &hi), ODD_OK);
    NEAR(lo, 0.1);
    NEAR(hi, 0.9);
    assert_int_equal(oddi_overlay_scale(*state, maxima, 3, NAN, &lo, &hi), ODD_OK);
    assert_true(lo == 0 && hi == 1);
    assert_int_equal(oddi_overlay_scale(*state, below, 3, 5, &lo, &hi), ODD_OK);
    NEAR((lo + hi) / 2, -1);
    NEAR(hi - lo, 8 * 1.4826);
    assert_int_equal(oddi_overlay_scale(*state, maxima, 3, nextafter(0.5, 0), &lo, &hi), ODD_OK);
    assert_true((float)lo < 0.5F && 0.5F < (float)hi);
    assert_int_equal(oddi_overlay_scale(*state, huge, 1, NAN, &lo, &hi), ODD_OK);
    assert_true(isfinite(lo) && isfinite(hi));
    assert_int_equal(oddi_overlay_scale(*state, huge, 0, 0, &lo, &hi), ODD_ENODATA);
}

static odd_status everything(struct odd_context *ctx)
{
    const double score[] = {1, 2, 3};
    odd_status status;
    struct oddi_normalizer n;
    double lo, hi;
    char *text = NULL;

    TRY(oddi_normalizer_init(ctx, score, 3, 3, &n));
    TRY(oddi_overlay_scale(ctx, score, 3, 0, &lo, &hi));
    TRY(oddi_certify_text(ctx, 3, false, &text));
out:
    oddi_free(ctx, text);
    return status;
}

static void test_out_of_memory(void **state)
{
    (void)state;
    for (long n = 1;; n++) {
        struct fault_alloc fault;
        fault_alloc_init(&fault);
        struct odd_context *ctx = fault_context(&fault);
        fault_alloc_arm(&fault, n);
        odd_status status = everything(ctx);
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
        cmocka_unit_test(test_threshold),         cmocka_unit_test(test_certificate),
        cmocka_unit_test(test_certificate_holds), cmocka_unit_test(test_certificate_text),
        cmocka_unit_test(test_location_scale),    cmocka_unit_test(test_normalize),
        cmocka_unit_test(test_normalize_rises),   cmocka_unit_test(test_overlay),
        cmocka_unit_test(test_out_of_memory),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
