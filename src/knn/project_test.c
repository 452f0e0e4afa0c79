/* SPDX-License-Identifier: Apache-2.0
 * The random projection: the same bits whatever the threads, the company and the instruction set;
 * what it does to lengths; what its matrix is made of; refusals and failing allocations. */
#include "knn/support_test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../tests/support/fault_alloc.h"
#include "knn/project.h"

static void check_project(struct odd_context *ctx, enum oddi_project_kind kind, int64_t dim,
                          int64_t to)
{
    const int64_t count = 131;
    float *rows = knn_rows(NOISE, count, dim, 1);
    float *want = malloc((size_t)(count * to) * sizeof(float));
    float *out = malloc((size_t)(count * to) * sizeof(float));
    struct oddi_project_args a = {rows, count, dim, to, kind, 9, 1};
    assert_true(want && out);
    assert_int_equal(oddi_project(ctx, &a, want), ODD_OK);
    for (a.threads = 2; a.threads < 9; a.threads += 3) {
        assert_int_equal(oddi_project(ctx, &a, out), ODD_OK);
        assert_memory_equal(out, want, (size_t)(count * to) * sizeof(float));
    }
    a.rows = rows + 70 * dim;
    a.count = 1;
    assert_int_equal(oddi_project(ctx, &a, out), ODD_OK);
    assert_memory_equal(out, want + 70 * to, (size_t)to * sizeof(float));
    double ratio = 0; /* of squared lengths, on the average */
    for (int64_t i = 0; i < count; i++) {
        double before = 0, after = 0;
        for (int64_t k = 0; k < dim; k++)
            before += (double)rows[i * dim + k] * (double)rows[i * dim + k];
        for (int64_t k = 0; k < to; k++)
            after += (double)want[i * to + k] * (double)want[i * to + k];
        ratio += after / before / (double)count;
    }
    assert_true(to < 32 || dim < 32 || (ratio > 0.8 && ratio < 1.25));
    a.seed = 10;
    assert_int_equal(oddi_project(ctx, &a, out), ODD_OK);
    assert_true(kind == ODDI_PROJECT_SPARSE || memcmp(out, want + 70 * to, sizeof(float)) != 0);
    free(rows), free(want), free(out);
}
static void test_project(void **unused)
{
    static const int64_t dims[] = {1, 17, 152, 448}, tos[] = {1, 32, 33, 100};
    struct odd_context *ctx = NULL;
    (void)unused;
    assert_int_equal(odd_context_new(&ctx), ODD_OK);
    for (int i = 0; i < 16; i++) {
        check_project(ctx, ODDI_PROJECT_GAUSSIAN, dims[i % 4], tos[i / 4]);
        check_project(ctx, ODDI_PROJECT_SPARSE, dims[i % 4], tos[i / 4]);
    }
    odd_context_free(ctx);
}

static void test_kernels(void **unused)
{
    const int64_t count = 5, dim = 77;
    float *rows = knn_rows(OFFSET, count, dim, 1), *w = knn_rows(NOISE, dim, KNN_COLUMNS, 2);
    float out[5 * KNN_COLUMNS];
    const struct knn_product p = {rows, w, count, dim, out};
    const struct knn_kernels *kernels;
    (void)unused;
    for (int n = 0; (kernels = knn_some_kernels(n)) != NULL; n++) {
        kernels->product(&p);
        for (int64_t i = 0; i < count * KNN_COLUMNS; i++) {
            volatile float sum = 0;
            for (int64_t k = 0; k < dim; k++) {
                volatile const float x =
                    rows[i / KNN_COLUMNS * dim + k] * w[k * KNN_COLUMNS + i % KNN_COLUMNS];
                sum = sum + x;
            }
            assert_true(sum == out[i]);
        }
    }
    free(rows), free(w);
}

/* The matrix itself, from the projection of the axes. */
static void test_sparse(void **unused)
{
    enum { DIM = 400, TO = 40 };
    const float value = (float)(sqrt(20.0) / sqrt(40.0));
    struct odd_context *ctx = NULL;
    float *rows = calloc(DIM * DIM, sizeof(float)), *out = malloc(sizeof(float) * DIM * TO);
    int some = 0, positive = 0;
    (void)unused;
    assert_true(rows && out);
    for (int i = 0; i < DIM; i++)
        rows[i * DIM + i] = 1.0f;
    assert_int_equal(odd_context_new(&ctx), ODD_OK);
    const struct oddi_project_args a = {rows, DIM, DIM, TO, ODDI_PROJECT_SPARSE, 3, 2};
    assert_int_equal(oddi_project(ctx, &a, out), ODD_OK);
    for (int i = 0; i < DIM * TO; i++) {
        assert_true(out[i] == 0.0f || fabsf(fabsf(out[i]) - value) < 1e-6f);
        some += out[i] != 0.0f;
        positive += out[i] > 0.0f;
    }
    assert_in_range(some, 700, 900); /* of 16,000 one in 20: 800, standard deviation 28 */
    assert_in_range(positive, some / 2 - 60, some / 2 + 60);
    free(rows), free(out);
    odd_context_free(ctx);
}

static void test_refuses(void **unused)
{
    struct odd_context *ctx = NULL;
    float rows[8] = {0}, out[8];
    struct oddi_project_args a = {rows, 2, 4, 3, ODDI_PROJECT_GAUSSIAN, 1, 1};
    (void)unused;
    assert_int_equal(odd_context_new(&ctx), ODD_OK);
    rows[6] = HUGE_VALF;
    assert_int_equal(oddi_project(ctx, &a, out), ODD_ENUMERIC);
    assert_non_null(strstr(odd_last_message(ctx), "row 1"));
    rows[6] = 0;
    a.to = 0;
    assert_int_equal(oddi_project(ctx, &a, out), ODD_EINVAL);
    a.to = 3;
    a.dim = ODDI_KNN_DIM_MAX + 1;
    assert_int_equal(oddi_project(ctx, &a, out), ODD_EINVAL);
    odd_context_free(ctx);
    for (long n = 1;; n++) {
        struct fault_alloc fault;
        fault_alloc_init(&fault);
        ctx = fault_context(&fault);
        a.dim = 4;
        fault_alloc_arm(&fault, n);
        const odd_status status = oddi_project(ctx, &a, out);
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
        cmocka_unit_test(test_project),
        cmocka_unit_test(test_kernels),
        cmocka_unit_test(test_sparse),
        cmocka_unit_test(test_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
