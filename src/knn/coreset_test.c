/* SPDX-License-Identifier: Apache-2.0
 * The coreset against its oracle, to the bit, on every instruction set of this processor and for
 * any threads; the oracle against the words of coreset.h; refusals, stopping, failing allocations.
 */
#include "knn/support_test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../tests/support/fault_alloc.h"
#include "knn/coreset_int.h"

struct choosing {
    struct oddi_coreset_args args;
    float *rows, *nearest2, *wanted2;
    int32_t *nearest, *wanted;
    int64_t *chosen, *want;
};
static struct choosing choosing_new(enum kind kind, int64_t count, int64_t dim, int64_t want)
{
    struct choosing c = {.rows = knn_rows(kind, count, dim, 4)};
    const size_t n = (size_t)count;
    c.nearest = malloc(n * sizeof(int32_t)), c.wanted = malloc(n * sizeof(int32_t));
    c.nearest2 = malloc(n * sizeof(float)), c.wanted2 = malloc(n * sizeof(float));
    c.chosen = malloc((size_t)want * sizeof(int64_t)),
    c.want = malloc((size_t)want * sizeof(int64_t));
    assert_true(c.nearest && c.wanted && c.nearest2 && c.wanted2 && c.chosen && c.want);
    c.args = (struct oddi_coreset_args){
        .rows = c.rows, .count = count, .dim = dim, .want = want, .first = count / 2, .threads = 1};
    return c;
}
static void choosing_release(struct choosing *c)
{
    free(c->rows), free(c->nearest), free(c->wanted), free(c->nearest2), free(c->wanted2);
    free(c->chosen), free(c->want);
}

/* Each choice is the farthest of those left, all distances anew. */
static void choosing_oracle(const struct choosing *c, double radius2)
{
    const struct oddi_coreset_args *a = &c->args;
    float *least = malloc((size_t)a->count * sizeof(float));
    assert_non_null(least);
    for (int64_t t = 0; t <= a->want; t++) {
        int64_t best = -1;
        for (int64_t i = 0; i < a->count; i++) {
            bool gone = false;
            least[i] = HUGE_VALF;
            for (int64_t j = 0; j < t; j++) {
                const float d =
                    oddi_knn_distance2(a->rows + i * a->dim, a->rows + c->want[j] * a->dim, a->dim);
                least[i] = d < least[i] ? d : least[i];
                gone = gone || c->want[j] == i;
            }
            if (!gone && (best < 0 || least[i] > least[best]))
                best = i;
        }
        if (t < a->want)
            assert_int_equal(c->want[t], t == 0 ? a->first : best);
        else
            assert_true(radius2 == (best < 0 ? 0.0 : (double)least[best]));
    }
    for (int64_t i = 0; i < a->count; i++) {
        const int64_t near = c->want[c->wanted[i]];
        assert_true(c->wanted2[i] == least[i]);
        assert_true(oddi_knn_distance2(a->rows + i * a->dim, a->rows + near * a->dim, a->dim) ==
                    least[i]);
    }
    free(least);
}
static void check_coreset(struct odd_context *ctx, enum kind kind, int64_t count, int64_t dim,
                          int64_t want)
{
    static const int threads[] = {2, 1, 8, 3};
    struct choosing c = choosing_new(kind, count, dim, want);
    const struct knn_kernels *kernels;
    double radius = -1, other = -2;
    c.args.nearest = c.wanted;
    c.args.nearest2 = c.wanted2;
    assert_int_equal(oddi_coreset_plain(ctx, &c.args, c.want, &radius), ODD_OK);
    if (count * want * want * dim < 1000000)
        choosing_oracle(&c, radius);
    for (int i = 0; (kernels = knn_some_kernels(i)) != NULL; i++)
        for (size_t t = 0; t < (i == 0 ? ODDI_COUNT(threads) : 1); t++) {
            const bool all = t % 2 == 0;
            c.args.threads = threads[t];
            c.args.nearest = all ? c.nearest : NULL;
            c.args.nearest2 = all ? c.nearest2 : NULL;
            memset(c.chosen, 0xff, (size_t)want * sizeof(int64_t));
            assert_int_equal(
                oddi_coreset_on(ctx, kernels, &c.args, c.chosen, t < 3 ? &other : NULL), ODD_OK);
            assert_memory_equal(c.chosen, c.want, (size_t)want * sizeof(int64_t));
            assert_true(other == radius);
            if (all) {
                assert_memory_equal(c.nearest, c.wanted, (size_t)count * sizeof(int32_t));
                assert_memory_equal(c.nearest2, c.wanted2, (size_t)count * sizeof(float));
            }
        }
    choosing_release(&c);
}
static void test_coreset(void **unused)
{
    struct odd_context *ctx = NULL;
    (void)unused;
    assert_int_equal(odd_context_new(&ctx), ODD_OK);
    for (int kind = 0; kind < KINDS; kind++) {
        check_coreset(ctx, (enum kind)kind, 1, 5, 1);
        check_coreset(ctx, (enum kind)kind, 2, 3, 1);
        check_coreset(ctx, (enum kind)kind, 33, 3, 33);
        check_coreset(ctx, (enum kind)kind, 60, 3, 60); /* more than there are different ones */
        check_coreset(ctx, (enum kind)kind, 500, 1, 40);
        check_coreset(ctx, (enum kind)kind, 1500, 17, 200);
        check_coreset(ctx, (enum kind)kind, 700, 152, 100);
        check_coreset(ctx, (enum kind)kind, 300, 448, 30);
    }
    odd_context_free(ctx);
}
/* More rows than are looked at in a round. */
static void test_coreset_rounds(void **unused)
{
    struct odd_context *ctx = NULL;
    (void)unused;
    assert_int_equal(odd_context_new(&ctx), ODD_OK);
    for (int kind = 0; kind < KINDS; kind++)
        check_coreset(ctx, (enum kind)kind, 11001, 5, 100);
    check_coreset(ctx, NOISE, 14000, 20, 1000);
    check_coreset(ctx, CLUSTERS, 14000, 20, 1000);
    check_coreset(ctx, FEW, 12000, 3, 3000);
    odd_context_free(ctx);
}

static odd_status stop(void *user, int64_t done, int64_t want)
{
    int64_t *last = user;
    assert_true(done <= want && done >= *last);
    *last = done;
    return done >= 64 && want == 300 ? ODD_EIO : ODD_OK;
}
static void test_refuses(void **unused)
{
    struct odd_context *ctx = NULL;
    struct choosing c = choosing_new(NOISE, 400, 4, 300);
    int64_t last = 0;
    (void)unused;
    assert_int_equal(odd_context_new(&ctx), ODD_OK);
    c.args.progress = stop;
    c.args.user = &last;
    assert_int_equal(oddi_coreset(ctx, &c.args, c.chosen, NULL), ODD_EIO);
    assert_true(last >= 64 && last < 300);
    last = 0;
    c.args.want = 299;
    assert_int_equal(oddi_coreset(ctx, &c.args, c.chosen, NULL), ODD_OK);
    assert_int_equal(last, 299);
    c.args.progress = NULL;
    odd_context_cancel(ctx);
    assert_int_equal(oddi_coreset(ctx, &c.args, c.chosen, NULL), ODD_ECANCELLED);
    odd_context_reset_cancel(ctx);
    c.args.want = 401;
    assert_int_equal(oddi_coreset(ctx, &c.args, c.chosen, NULL), ODD_EINVAL);
    c.args.want = 0;
    assert_int_equal(oddi_coreset(ctx, &c.args, c.chosen, NULL), ODD_EINVAL);
    c.args.want = 3;
    c.args.first = 400;
    assert_int_equal(oddi_coreset_plain(ctx, &c.args, c.chosen, NULL), ODD_EINVAL);
    c.args.first = 0;
    c.args.dim = 0;
    assert_int_equal(oddi_coreset(ctx, &c.args, c.chosen, NULL), ODD_EINVAL);
    c.args.dim = 4;
    c.rows[4 * 399 + 3] = NAN;
    assert_int_equal(oddi_coreset(ctx, &c.args, c.chosen, NULL), ODD_ENUMERIC);
    assert_non_null(strstr(odd_last_message(ctx), "row 399"));
    choosing_release(&c);
    odd_context_free(ctx);
}
static void test_out_of_memory(void **unused)
{
    struct choosing c = choosing_new(CLUSTERS, 900, 6, 64);
    (void)unused;
    c.args.nearest = c.nearest;
    for (long n = 1;; n++) {
        struct fault_alloc fault;
        fault_alloc_init(&fault);
        struct odd_context *ctx = fault_context(&fault);
        fault_alloc_arm(&fault, n);
        odd_status status = oddi_coreset(ctx, &c.args, c.chosen, NULL);
        if (status == ODD_OK)
            status = oddi_coreset_plain(ctx, &c.args, c.want, NULL);
        const bool failed = fault_alloc_disarm(&fault);
        assert_int_equal(status, failed ? ODD_ENOMEM : ODD_OK);
        odd_context_free(ctx);
        assert_int_equal(fault.live, 0);
        if (!failed)
            break;
    }
    choosing_release(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_coreset),
        cmocka_unit_test(test_coreset_rounds),
        cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
