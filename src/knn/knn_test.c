/* SPDX-License-Identifier: Apache-2.0
 * The distance against its definition, search against its oracle, to the bit, on every instruction
 * set of this processor; streams; refusals; failing allocations. */
#include "knn/support_test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../tests/support/fault_alloc.h"
#include "knn/filter.h"

/* The words of knn.h. */
static float distance_by_words(const float *a, const float *b, int64_t dim)
{
    volatile float sum[16] = {0}; /* nothing is fused or reordered */
    for (int64_t i = 0; i < dim; i++) {
        volatile const float d = a[i] - b[i], square = d * d;
        sum[i % 16] = sum[i % 16] + square;
    }
    for (int half = 8; half > 0; half /= 2)
        for (int j = 0; j < half; j++)
            sum[j] = sum[j] + sum[j + half];
    return sum[0];
}

static void test_distance(void **unused)
{
    (void)unused;
    for (int kind = 0; kind < KINDS; kind++)
        for (int64_t dim = 1; dim < 100; dim++) {
            float *x = knn_rows((enum kind)kind, 2, dim, 3);
            const float want = distance_by_words(x, x + dim, dim);
            const struct knn_kernels *kernels;
            float many[2];
            for (int i = 0; (kernels = knn_some_kernels(i)) != NULL; i++) {
                assert_true(kernels->distance2(x, x + dim, dim) == want);
                kernels->distances(x + dim, x, 2, dim, many);
                assert_true(many[0] == want && many[1] == 0.0f);
            }
            assert_true(oddi_knn_distance2(x, x + dim, dim) == want);
            free(x);
        }
}

/* The bounds of filter.h: with its own distance as the limit, a row is always let through, and no
 * sum is off by more than what a limit somewhat smaller allows. */
static void check_filter(const struct knn_kernels *kernels, enum kind kind, int64_t dim)
{
    const int64_t n = kernels->tile, lanes = kernels->lanes;
    const struct knn_bound b = knn_bound(dim);
    float *x = knn_rows(kind, n, dim, 5), *rows = knn_rows(kind, lanes, dim, 6);
    float *panel = malloc((size_t)knn_panel_size(kernels, dim) * sizeof(float));
    float sum[KNN_TILE * KNN_LANES], threshold[KNN_TILE];
    uint32_t hit[KNN_TILE];
    const struct knn_tile t = {x, panel, dim, threshold, sum, hit};
    for (int j = 0; j < lanes; j++)
        oddi_knn_pack_row(kernels, rows + j * dim, dim, panel, j);
    for (int j = 0; j < lanes; j++) {
        bool any = false;
        for (int64_t p = 0; p < n; p++) {
            const double norm2 = knn_norm2(x + p * dim, dim);
            const float d = kernels->distance2(x + p * dim, rows + j * dim, dim);
            threshold[p] = norm2 > KNN_WILD ? NAN : knn_threshold(&b, norm2, d);
            any = any || norm2 <= KNN_WILD;
        }
        assert_true(kernels->filter(&t, (int)n) == any);
        for (int64_t p = 0; p < n; p++) {
            const double norm2 = knn_norm2(x + p * dim, dim);
            assert_true((hit[p] >> j & 1) == (norm2 <= KNN_WILD));
            const double row2 = knn_norm2(rows + j * dim, dim), room = norm2 + row2;
            if (room < KNN_WILD) /* twice the bounds on each side */
                assert_true((double)sum[p * lanes + j] - (double)threshold[p] <=
                            4.0 * (b.product + b.distance - 1.0 + 0x1p-22) * room + 4.0 * b.tiny);
        }
    }
    free(x), free(rows), free(panel);
}
static void test_filter(void **unused)
{
    static const int64_t dims[] = {1, 3, 17, 152, 448, 2000};
    const struct knn_kernels *kernels;
    (void)unused;
    for (int i = 0; (kernels = knn_some_kernels(i)) != NULL; i++)
        for (int kind = 0; kind < KINDS; kind++)
            for (size_t d = 0; d < ODDI_COUNT(dims); d++)
                check_filter(kernels, (enum kind)kind, dims[d]);
}

/* ---- search --------------------------------------------------------------------------------- */

struct asking {
    float *rows, *query, *d, *want;
    int64_t *index, *wanted;
    int64_t count, dim, n;
    int k;
};
static struct asking asking_new(enum kind kind, int64_t count, int64_t dim, int k)
{
    const int64_t n = 107;
    const size_t room = (size_t)(n * k);
    struct asking a = {.count = count, .dim = dim, .n = n, .k = k};
    a.rows = knn_rows(kind, count, dim, 1);
    a.query = knn_rows(kind, n, dim, 2);
    memcpy(a.query, a.rows, (size_t)dim * sizeof(float)); /* one query is a row itself */
    a.d = malloc(room * sizeof(float)), a.want = malloc(room * sizeof(float));
    a.index = malloc(room * sizeof(int64_t)), a.wanted = malloc(room * sizeof(int64_t));
    assert_true(a.d && a.want && a.index && a.wanted);
    return a;
}
static void asking_release(struct asking *a)
{
    free(a->rows), free(a->query), free(a->d), free(a->want), free(a->index), free(a->wanted);
}
static void asking_same(const struct asking *a, int64_t from, int64_t n)
{
    assert_memory_equal(a->d, a->want + from * a->k, (size_t)(n * a->k) * sizeof(float));
    assert_memory_equal(a->index, a->wanted + from * a->k, (size_t)(n * a->k) * sizeof(int64_t));
}
/* The oracle against the words: rising, of different rows, and nothing nearer left out. */
static void asking_oracle(const struct asking *a)
{
    for (int64_t q = 0; q < a->n; q++) {
        const float *d = a->want + q * a->k;
        const int64_t *r = a->wanted + q * a->k;
        int nearer = 0;
        for (int j = 1; j < a->k; j++)
            assert_true(d[j] > d[j - 1] || (d[j] == d[j - 1] && r[j] > r[j - 1]));
        for (int64_t i = 0; i < a->count; i++) {
            const float x = distance_by_words(a->query + q * a->dim, a->rows + i * a->dim, a->dim);
            nearer += x < d[a->k - 1] || (x == d[a->k - 1] && i < r[a->k - 1]);
        }
        assert_int_equal(nearer, a->k - 1);
    }
}
static void asking_on(struct odd_context *ctx, struct asking *a, const struct knn_kernels *kernels)
{
    static const int threads[] = {2, 1, 3, 8};
    const bool best = kernels == oddi_knn_kernels();
    struct oddi_knn *knn = NULL;
    assert_int_equal(oddi_knn_new_on(ctx, kernels, a->rows, a->count, a->dim, &knn), ODD_OK);
    for (size_t t = 0; t < (best ? ODDI_COUNT(threads) : 1); t++) {
        const struct oddi_knn_query all = {a->query, a->n, a->k, threads[t]};
        memset(a->d, 0xff, (size_t)(a->n * a->k) * sizeof(float));
        assert_int_equal(oddi_knn_search(ctx, knn, &all, a->d, a->index), ODD_OK);
        asking_same(a, 0, a->n);
    }
    for (int64_t q = 0; q < a->n; q += best ? 13 : 50) { /* alone and in small company */
        const int64_t n = a->n - q < 1 + q / 13 ? a->n - q : 1 + q / 13;
        const struct oddi_knn_query some = {a->query + q * a->dim, n, a->k, 1};
        assert_int_equal(oddi_knn_search(ctx, knn, &some, a->d, a->index), ODD_OK);
        asking_same(a, q, n);
    }
    oddi_knn_free(knn);
}
static void check_search(struct odd_context *ctx, enum kind kind, int64_t count, int64_t dim, int k)
{
    struct asking a = asking_new(kind, count, dim, k);
    const struct oddi_knn_query all = {a.query, a.n, k, 1};
    const struct knn_kernels *kernels;
    struct oddi_knn *knn = NULL;
    assert_int_equal(oddi_knn_new(ctx, a.rows, count, dim, &knn), ODD_OK);
    assert_int_equal(oddi_knn_brute(ctx, knn, &all, a.want, a.wanted), ODD_OK);
    oddi_knn_free(knn);
    if (count * dim < 6000)
        asking_oracle(&a);
    assert_true(a.want[0] == 0.0f);
    for (int i = 0; (kernels = knn_some_kernels(i)) != NULL; i++)
        asking_on(ctx, &a, kernels);
    asking_release(&a);
}
static void test_search(void **unused)
{
    static const int64_t dims[] = {1, 3, 17, 152, 448}, counts[] = {1, 2, 33, 1003};
    static const int ks[] = {1, 5, 9, 32};
    struct odd_context *ctx = NULL;
    (void)unused;
    assert_int_equal(odd_context_new(&ctx), ODD_OK);
    for (int kind = 0; kind < KINDS; kind++)
        for (size_t i = 0; i < ODDI_COUNT(dims) * ODDI_COUNT(counts) * ODDI_COUNT(ks); i++) {
            const int64_t dim = dims[i % 5], count = counts[i / 5 % 4];
            const int k = ks[i / 20];
            if (k <= count && (dim < 100 || k == 1 || k == 9))
                check_search(ctx, (enum kind)kind, count, dim, k);
        }
    odd_context_free(ctx);
}

/* ---- streams -------------------------------------------------------------------------------- */

struct reading {
    const float *rows;
    int64_t dim, next, calls, fail_at;
};
static odd_status reading_read(void *user, int64_t first, int64_t count, float *rows)
{
    struct reading *r = user;
    assert_true(first == r->next && count > 0);
    r->next += count;
    memcpy(rows, r->rows + first * r->dim, (size_t)(count * r->dim) * sizeof(float));
    return ++r->calls == r->fail_at ? ODD_EIO : ODD_OK;
}
static void test_stream(void **unused)
{
    static const int64_t blocks[] = {0, 1, 32, 45, 100000};
    struct odd_context *ctx = NULL;
    (void)unused;
    assert_int_equal(odd_context_new(&ctx), ODD_OK);
    for (int kind = 0; kind < KINDS; kind++) {
        struct asking a = asking_new((enum kind)kind, 301, 19, 5);
        const struct oddi_knn_query all = {a.query, a.n, a.k, 2};
        struct oddi_knn *knn = NULL;
        assert_int_equal(oddi_knn_new(ctx, a.rows, a.count, a.dim, &knn), ODD_OK);
        assert_int_equal(oddi_knn_brute(ctx, knn, &all, a.want, a.wanted), ODD_OK);
        oddi_knn_free(knn);
        for (size_t i = 0; i < ODDI_COUNT(blocks); i++) {
            struct reading r = {.rows = a.rows, .dim = a.dim};
            const struct oddi_knn_stream s = {a.count, a.dim, blocks[i], reading_read, &r};
            assert_int_equal(oddi_knn_search_stream(ctx, &s, &all, a.d, a.index), ODD_OK);
            assert_int_equal(r.next, a.count);
            asking_same(&a, 0, a.n);
        }
        asking_release(&a);
    }
    odd_context_free(ctx);
}
static void test_stream_refuses(void **unused)
{
    struct odd_context *ctx = NULL;
    struct asking a = asking_new(NOISE, 301, 19, 5);
    const struct oddi_knn_query all = {a.query, a.n, a.k, 2};
    struct reading r = {.rows = a.rows, .dim = a.dim, .fail_at = 3};
    struct oddi_knn_stream s = {a.count, a.dim, 64, reading_read, &r};
    (void)unused;
    assert_int_equal(odd_context_new(&ctx), ODD_OK);
    assert_int_equal(oddi_knn_search_stream(ctx, &s, &all, a.d, a.index), ODD_EIO);
    assert_int_equal(r.calls, 3);
    a.rows[200 * 19 + 5] = NAN;
    r = (struct reading){.rows = a.rows, .dim = a.dim};
    assert_int_equal(oddi_knn_search_stream(ctx, &s, &all, a.d, a.index), ODD_ENUMERIC);
    assert_non_null(strstr(odd_last_message(ctx), "row 200"));
    odd_context_cancel(ctx);
    r.next = 0;
    assert_int_equal(oddi_knn_search_stream(ctx, &s, &all, a.d, a.index), ODD_ECANCELLED);
    s.count = 4;
    assert_int_equal(oddi_knn_search_stream(ctx, &s, &all, a.d, a.index), ODD_EINVAL);
    asking_release(&a);
    odd_context_free(ctx);
}

/* ---- failures ------------------------------------------------------------------------------- */

static odd_status ask(struct odd_context *ctx, const struct oddi_knn *knn, const float *query,
                      int k)
{
    float d[8];
    int64_t index[8];
    return oddi_knn_search(ctx, knn, &(const struct oddi_knn_query){query, 2, k, 1}, d, index);
}
static void test_refuses(void **unused)
{
    struct odd_context *ctx = NULL;
    struct oddi_knn *knn = NULL;
    float rows[12] = {0}, query[6] = {0};
    (void)unused;
    assert_int_equal(odd_context_new(&ctx), ODD_OK);
    rows[7] = NAN;
    assert_int_equal(oddi_knn_new(ctx, rows, 4, 3, &knn), ODD_ENUMERIC);
    assert_non_null(strstr(odd_last_message(ctx), "row 2"));
    rows[7] = 0;
    assert_int_equal(oddi_knn_new(ctx, rows, 0, 3, &knn), ODD_EINVAL);
    assert_int_equal(oddi_knn_new(ctx, rows, 4, 0, &knn), ODD_EINVAL);
    assert_int_equal(oddi_knn_new(ctx, rows, 4, ODDI_KNN_DIM_MAX + 1, &knn), ODD_EINVAL);
    assert_int_equal(oddi_knn_new(ctx, rows, INT64_MAX / 2, 3, &knn), ODD_EINVAL);
    assert_null(knn);
    assert_int_equal(oddi_knn_new(ctx, rows, 4, 3, &knn), ODD_OK);
    assert_int_equal(ask(ctx, knn, query, 5), ODD_EINVAL);
    assert_int_equal(ask(ctx, knn, query, 0), ODD_EINVAL);
    assert_int_equal(ask(ctx, knn, query, 4), ODD_OK);
    query[4] = -HUGE_VALF;
    assert_int_equal(ask(ctx, knn, query, 1), ODD_ENUMERIC);
    assert_non_null(strstr(odd_last_message(ctx), "query 1"));
    const struct oddi_knn_query none = {NULL, 0, 1, 2};
    assert_int_equal(oddi_knn_search(ctx, knn, &none, NULL, NULL), ODD_OK);
    oddi_knn_free(knn);
    oddi_knn_free(NULL);
    odd_context_free(ctx);
}

static odd_status search_all(struct odd_context *ctx, const float *rows, struct oddi_knn **knn)
{
    float d[8];
    int64_t index[8];
    struct reading r = {.rows = rows, .dim = 6};
    const struct oddi_knn_stream s = {300, 6, 64, reading_read, &r};
    const struct oddi_knn_query q = {rows, 4, 2, 2};
    odd_status status = ODD_OK;
    TRY(oddi_knn_new(ctx, rows, 300, 6, knn));
    TRY(oddi_knn_search(ctx, *knn, &q, d, index));
    TRY(oddi_knn_search_stream(ctx, &s, &q, d, index));
out:
    return status;
}
static void test_out_of_memory(void **unused)
{
    float *rows = knn_rows(NOISE, 300, 6, 1);
    (void)unused;
    for (long n = 1;; n++) {
        struct fault_alloc fault;
        fault_alloc_init(&fault);
        struct odd_context *ctx = fault_context(&fault);
        struct oddi_knn *knn = NULL;
        fault_alloc_arm(&fault, n);
        const odd_status status = search_all(ctx, rows, &knn);
        const bool failed = fault_alloc_disarm(&fault);
        assert_int_equal(status, failed ? ODD_ENOMEM : ODD_OK);
        oddi_knn_free(knn);
        odd_context_free(ctx);
        assert_int_equal(fault.live, 0);
        if (!failed)
            break;
    }
    free(rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_distance),       cmocka_unit_test(test_filter),
        cmocka_unit_test(test_search),         cmocka_unit_test(test_stream),
        cmocka_unit_test(test_stream_refuses), cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
