/* SPDX-License-Identifier: Apache-2.0
 * Moments, covariances, inverse factors, distances and axes against their definitions. */
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
#include "score/eigen.h"
#include "score/gaussian.h"

#define ROWS 37
#define DIM 19

static void assert_near(double a, double b, double margin)
{
    if (!(fabs(a - b) <= margin))
        fail_msg("%.17g is not %.17g", a, b);
}

static struct odd_context *context(void)
{
    struct odd_context *ctx = NULL;
    assert_int_equal(odd_context_new(&ctx), ODD_OK);
    return ctx;
}

/* Correlated rows with means far from 0. */
static void fill(float *rows, int64_t count, int64_t dim)
{
    struct oddi_rng rng;
    oddi_rng_init(&rng, 3, ODDI_RNG_TEST, 0, 0);
    for (int64_t k = 0; k < count; k++) {
        const float shared = oddi_rng_normal(&rng);
        for (int64_t j = 0; j < dim; j++)
            rows[k * dim + j] = 5.0f + (float)j + shared * 0.3f * (float)(j % 3) +
                                oddi_rng_normal(&rng) * (1.0f + 0.1f * (float)j);
    }
}

static double plain_mean(const float *rows, int64_t count, int64_t dim, int64_t j)
{
    double sum = 0;
    for (int64_t k = 0; k < count; k++)
        sum += (double)rows[k * dim + j];
    return sum / (double)count;
}

static double plain_scatter(const float *rows, int64_t count, int64_t dim, int64_t i, int64_t j)
{
    const double mi = plain_mean(rows, count, dim, i), mj = plain_mean(rows, count, dim, j);
    double sum = 0;
    for (int64_t k = 0; k < count; k++)
        sum += ((double)rows[k * dim + i] - mi) * ((double)rows[k * dim + j] - mj);
    return sum;
}

static void test_scatter(void **unused)
{
    static float rows[ROWS * DIM];
    static double scratch[4 * DIM];
    struct odd_context *ctx = context();
    struct oddi_scatter m;
    (void)unused;
    fill(rows, ROWS, DIM);
    assert_int_equal(oddi_scatter_init(ctx, DIM, &m), ODD_OK);
    for (int64_t count = 1; count <= ROWS; count += count < 6 ? 1 : 31) {
        oddi_scatter_rows(&m, rows, count, scratch);
        assert_int_equal(m.count, count);
        for (int64_t i = 0; i < DIM; i++) {
            assert_near(m.mean[i], plain_mean(rows, count, DIM, i), 1e-10);
            for (int64_t j = i; j < DIM; j++)
                assert_near(m.scatter[i * DIM + j], plain_scatter(rows, count, DIM, i, j), 1e-9);
        }
    }
    oddi_scatter_release(ctx, &m);
    odd_context_free(ctx);
}

/* In parts of any size, from nothing on, as of all at once. */
static void test_scatter_merge(void **unused)
{
    static float rows[ROWS * DIM];
    static double scratch[4 * DIM];
    static const int64_t part[] = {3, 1, 20, ROWS - 24};
    struct odd_context *ctx = context();
    struct oddi_scatter all, one, sum;
    (void)unused;
    fill(rows, ROWS, DIM);
    assert_int_equal(oddi_scatter_init(ctx, DIM, &all), ODD_OK);
    assert_int_equal(oddi_scatter_init(ctx, DIM, &one), ODD_OK);
    assert_int_equal(oddi_scatter_init(ctx, DIM, &sum), ODD_OK);
    memset(sum.mean, 0, sizeof(double) * DIM);
    memset(sum.scatter, 0, sizeof(double) * DIM * DIM);
    oddi_scatter_merge(&sum, &sum); /* nothing to nothing */
    oddi_scatter_rows(&all, rows, ROWS, scratch);
    for (int64_t k = 0, at = 0; k < 4; at += part[k++]) {
        oddi_scatter_rows(&one, rows + at * DIM, part[k], scratch);
        oddi_scatter_merge(&sum, &one);
    }
    assert_int_equal(sum.count, ROWS);
    oddi_scatter_mirror(&all);
    oddi_scatter_mirror(&sum);
    for (int64_t i = 0; i < DIM; i++)
        assert_near(sum.mean[i], all.mean[i], 1e-12 * (1 + fabs(all.mean[i])));
    for (int64_t i = 0; i < DIM * DIM; i++)
        assert_near(sum.scatter[i], all.scatter[i], 1e-10);
    oddi_scatter_release(ctx, &all);
    oddi_scatter_release(ctx, &one);
    oddi_scatter_release(ctx, &sum);
    odd_context_free(ctx);
}

static void test_scatter_threads(void **unused)
{
    static float rows[200 * 70];
    static double scratch[4 * 70];
    struct odd_context *ctx = context();
    struct oddi_scatter one, many;
    (void)unused;
    fill(rows, 200, 70);
    assert_int_equal(oddi_scatter_init(ctx, 70, &one), ODD_OK);
    assert_int_equal(oddi_scatter_init(ctx, 70, &many), ODD_OK);
    oddi_scatter_rows(&one, rows, 200, scratch);
    for (int threads = 1; threads <= 7; threads += 2) {
        assert_int_equal(oddi_scatter_many(ctx, &many, rows, 200, threads), ODD_OK);
        assert_memory_equal(one.mean, many.mean, sizeof(double) * 70);
        for (size_t i = 0; i < 70; i++)
            assert_memory_equal(one.scatter + i * 71, many.scatter + i * 71,
                                sizeof(double) * (70 - i));
    }
    oddi_scatter_release(ctx, &one);
    oddi_scatter_release(ctx, &many);
    odd_context_free(ctx);
}

/* distance^2 solves C z = x - m: so C times the solution must give x - m back. Here by W: with
 * W = L^-1, |W C W^T - I| is small. */
static void test_factor(void **unused)
{
    static float rows[ROWS * DIM], factor[DIM * (DIM + 1) / 2];
    static double scratch[4 * DIM], c[DIM * DIM], w[DIM * DIM];
    struct odd_context *ctx = context();
    struct oddi_scatter m;
    (void)unused;
    fill(rows, ROWS, DIM);
    assert_int_equal(oddi_scatter_init(ctx, DIM, &m), ODD_OK);
    oddi_scatter_rows(&m, rows, ROWS, scratch);
    oddi_covariance_fixed(&m, 0.01);
    for (int64_t i = 0; i < DIM; i++)
        for (int64_t j = i; j < DIM; j++) {
            c[i * DIM + j] = c[j * DIM + i] = m.scatter[i * DIM + j];
            assert_near(m.scatter[i * DIM + j],
                        plain_scatter(rows, ROWS, DIM, i, j) / (ROWS - 1) + (i == j ? 0.01 : 0),
                        1e-9);
        }
    assert_true(oddi_gaussian_factor(m.scatter, DIM, factor));
    const float *from = factor;
    for (int64_t j = 0; j < DIM; j++)
        for (int64_t i = j; i < DIM; i++)
            w[i * DIM + j] = (double)*from++;
    for (int64_t i = 0; i < DIM; i++)
        for (int64_t j = 0; j < DIM; j++) {
            double sum = 0;
            for (int64_t a = 0; a < DIM; a++)
                for (int64_t b = 0; b < DIM; b++)
                    sum += w[i * DIM + a] * c[a * DIM + b] * w[j * DIM + b];
            assert_near(sum, i == j ? 1 : 0, 1e-5);
        }
    oddi_scatter_release(ctx, &m);
    odd_context_free(ctx);
}

static void test_distance(void **unused)
{
    /* C = [[4, 2], [2, 3]], C^-1 = [[3, -2], [-2, 4]] / 8 */
    double c[4] = {4, 2, 0, 3};
    float factor[3], scratch[2];
    const float mean[2] = {1, -1}, x[2] = {2, 1};
    (void)unused;
    assert_true(oddi_gaussian_factor(c, 2, factor));
    assert_near(oddi_gaussian_distance2(mean, factor, 2, x, scratch), (3.0 - 2 * 2 * 2 + 4 * 4) / 8,
                1e-6);
    assert_near(oddi_gaussian_distance2(mean, factor, 2, mean, scratch), 0, 0);
}

static void test_factor_refuses(void **unused)
{
    double flat[4] = {1, 1, 0, 1}, nan[1] = {NAN}, tiny[1] = {1e-90}, huge[1] = {INFINITY};
    float factor[3];
    (void)unused;
    assert_false(oddi_gaussian_factor(flat, 2, factor));
    assert_false(oddi_gaussian_factor(nan, 1, factor));
    assert_false(oddi_gaussian_factor(tiny, 1, factor)); /* 1e45 is no float */
    assert_false(oddi_gaussian_factor(huge, 1, factor));
}

/* The intensity by its definition; few rows of many numbers still give a matrix with an inverse. */
static void test_ledoit_wolf(void **unused)
{
    static float rows[ROWS * DIM], factor[DIM * (DIM + 1) / 2];
    static double scratch[4 * DIM];
    struct odd_context *ctx = context();
    struct oddi_scatter m;
    double v = 0, d = 0, b = 0;
    const double n = ROWS;
    (void)unused;
    fill(rows, ROWS, DIM);
    for (int64_t i = 0; i < DIM; i++)
        v += plain_scatter(rows, ROWS, DIM, i, i) / n / DIM;
    for (int64_t i = 0; i < DIM; i++)
        for (int64_t j = 0; j < DIM; j++) {
            const double s = plain_scatter(rows, ROWS, DIM, i, j) / n;
            const double mi = plain_mean(rows, ROWS, DIM, i), mj = plain_mean(rows, ROWS, DIM, j);
            d += (s - (i == j ? v : 0)) * (s - (i == j ? v : 0));
            for (int64_t k = 0; k < ROWS; k++) {
                const double one =
                    ((double)rows[k * DIM + i] - mi) * ((double)rows[k * DIM + j] - mj) - s;
                b += one * one / n / n;
            }
        }
    assert_int_equal(oddi_scatter_init(ctx, DIM, &m), ODD_OK);
    oddi_scatter_rows(&m, rows, ROWS, scratch);
    assert_near(oddi_covariance_ledoit_wolf(&m), b / d, 1e-9);
    for (int64_t count = 1; count <= 3; count++) {
        oddi_scatter_rows(&m, rows, count, scratch);
        const double a = oddi_covariance_ledoit_wolf(&m);
        assert_true(a >= 0 && a <= 1);
        assert_true(oddi_gaussian_factor(m.scatter, DIM, factor));
    }
    oddi_scatter_release(ctx, &m);
    odd_context_free(ctx);
}

/* A v = value v, vectors of length 1 at right angles, values falling and summing to the trace. */
static void check_axes(const double *a, int64_t n, const double *value, const double *vector)
{
    double trace = 0, sum = 0;
    for (int64_t i = 0; i < n; i++) {
        trace += a[i * n + i];
        sum += value[i];
        assert_true(i == 0 || value[i] <= value[i - 1]);
        for (int64_t j = 0; j <= i; j++) {
            double dot = 0;
            for (int64_t k = 0; k < n; k++)
                dot += vector[i * n + k] * vector[j * n + k];
            assert_near(dot, i == j ? 1 : 0, 1e-11);
        }
        for (int64_t r = 0; r < n; r++) {
            double dot = 0;
            for (int64_t k = 0; k < n; k++)
                dot += a[r * n + k] * vector[i * n + k];
            assert_near(dot, value[i] * vector[i * n + r], 1e-10 * (1 + fabs(value[0])));
        }
    }
    assert_near(sum, trace, 1e-10 * (1 + fabs(trace)));
}

static void axes_of(const double *a, int64_t n)
{
    struct odd_context *ctx = context();
    const size_t size = sizeof(double) * (size_t)(n * n);
    double *used = malloc(size), *value = malloc(size), *vector = malloc(size);
    memcpy(used, a, size);
    assert_int_equal(oddi_eigen_symmetric(ctx, used, n, value, vector), ODD_OK);
    check_axes(a, n, value, vector);
    free(used);
    free(value);
    free(vector);
    odd_context_free(ctx);
}

static void test_axes(void **unused)
{
    enum { MOST = 40 };
    static double a[MOST * MOST];
    static float rows[MOST * MOST];
    (void)unused;
    fill(rows, MOST, MOST);
    for (int64_t n = 1; n <= MOST; n += n < 5 ? 1 : 7) {
        memset(a, 0, sizeof(a)); /* 0, then the identity, then full rank, then rank 2 */
        axes_of(a, n);
        for (int64_t i = 0; i < n; i++)
            a[i * n + i] = 1;
        axes_of(a, n);
        for (int64_t i = 0; i < n; i++)
            for (int64_t j = 0; j < n; j++)
                a[i * n + j] = plain_scatter(rows, MOST, MOST, i, j);
        axes_of(a, n);
        for (int64_t i = 0; i < n; i++)
            for (int64_t j = 0; j < n; j++)
                a[i * n + j] = (double)(rows[i] * rows[j] + rows[i + MOST] * rows[j + MOST]);
        axes_of(a, n);
    }
}

static void test_axes_refuses(void **unused)
{
    struct odd_context *ctx = context();
    double a[4] = {1, NAN, NAN, 1}, value[2], vector[4];
    (void)unused;
    assert_int_equal(oddi_eigen_symmetric(ctx, a, 2, value, vector), ODD_ENUMERIC);
    odd_context_free(ctx);
}

static odd_status everything(struct odd_context *ctx)
{
    static float rows[ROWS * DIM];
    static double vector[DIM * DIM];
    struct oddi_scatter m;
    double value[DIM];
    fill(rows, ROWS, DIM);
    odd_status status = oddi_scatter_init(ctx, DIM, &m);
    if (status != ODD_OK)
        return status;
    status = oddi_scatter_many(ctx, &m, rows, ROWS, 2);
    if (status == ODD_OK)
        oddi_scatter_mirror(&m);
    if (status == ODD_OK)
        status = oddi_eigen_symmetric(ctx, m.scatter, DIM, value, vector);
    oddi_scatter_release(ctx, &m);
    return status;
}

static void test_out_of_memory(void **unused)
{
    (void)unused;
    for (long n = 1;; n++) {
        struct fault_alloc fault;
        fault_alloc_init(&fault);
        struct odd_context *ctx = fault_context(&fault);
        fault_alloc_arm(&fault, n);
        const odd_status status = everything(ctx);
        const bool failed = fault_alloc_disarm(&fault);
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
        cmocka_unit_test(test_scatter),       cmocka_unit_test(test_scatter_threads),
        cmocka_unit_test(test_scatter_merge), cmocka_unit_test(test_factor),
        cmocka_unit_test(test_distance),      cmocka_unit_test(test_factor_refuses),
        cmocka_unit_test(test_ledoit_wolf),   cmocka_unit_test(test_axes),
        cmocka_unit_test(test_axes_refuses),  cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
