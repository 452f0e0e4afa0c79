/* SPDX-License-Identifier: Apache-2.0
 * Ranking metrics: golden vectors, brute force, intervals, bootstrap. */
#include "base/compat.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "../tests/support/fault_alloc.h"
#include "base/rng.h"
#include "score/rank.h"

#define NEAR(a, b) assert_true(fabs((a) - (b)) < 1e-9)

static int setup(void **state)
{
    return odd_context_new((struct odd_context **)state) == ODD_OK ? 0 : -1;
}

static int teardown(void **state)
{
    odd_context_free(*state);
    return 0;
}

static const double score_a[] = {.1, .4, .35, .8, .4, .4};
static const uint8_t label_a[] = {0, 0, 1, 1, 0, 1};
static const struct oddi_scores set_a = {score_a, label_a, NULL, 6};
static const double score_b[] = {.59, .35, .72, .33, .73, .81, .30, .05, .04, .48};
static const uint8_t label_b[] = {0, 1, 1, 1, 0, 0, 0, 0, 1, 1};
static const struct oddi_scores set_b = {score_b, label_b, NULL, 10};
static const double score_c[] = {.1, .4, .35, .8, .35, .9, .2};
static const uint8_t label_c[] = {0, 0, 1, 1, 0, 1, 0};
static const struct oddi_scores set_c = {score_c, label_c, NULL, 7};

static void test_golden(void **state)
{
    struct oddi_rank r;
    double partial;

    assert_int_equal(oddi_rank_metrics(*state, &set_a, &r), ODD_OK);
    assert_int_equal(r.n_normal, 3);
    assert_int_equal(r.n_anomalous, 3);
    NEAR(r.auroc, 2.0 / 3);
    NEAR(r.ap, 0.7);
    assert_true(fabs(r.aupr_trapezoid - 0.7666667) < 5e-8);
    assert_int_equal(oddi_rank_metrics(*state, &set_b, &r), ODD_OK);
    assert_true(fabs(r.ap - .4609524) < 5e-8);
    assert_true(fabs(r.aupr_trapezoid - .3899206) < 5e-8);
    assert_int_equal(oddi_rank_partial_auroc(*state, &set_b, 0.3, &partial), ODD_OK);
    assert_true(fabs(partial - .4117647) < 5e-8);
    assert_int_equal(oddi_rank_metrics(*state, &set_c, &r), ODD_OK);
    NEAR(r.auroc, 0.875);
    assert_true(fabs(r.ap - 0.866666666667) < 1e-11);
    assert_true(fabs(r.aupr_trapezoid - 0.877777777778) < 1e-11);
    NEAR(r.f1max, 0.8);
    NEAR(r.f1max_threshold, 0.8);
}

static void test_simple_sets(void **state)
{
    const double same[] = {2, 2, 2, 2, 2}, apart[] = {0, 1, 2, 3, 4};
    const uint8_t label[] = {0, 0, 0, 1, 1};
    struct oddi_rank r;
    double partial;

    assert_int_equal(oddi_rank_metrics(*state, &(struct oddi_scores){same, label, NULL, 5}, &r),
                     ODD_OK);
    NEAR(r.auroc, 0.5);
    NEAR(r.ap, 0.4);
    NEAR(r.f1max, 2 * 0.4 / 1.4);
    const struct oddi_scores perfect = {apart, label, NULL, 5};
    assert_int_equal(oddi_rank_metrics(*state, &perfect, &r), ODD_OK);
    NEAR(r.auroc, 1);
    NEAR(r.ap, 1);
    NEAR(r.aupr_trapezoid, 1);
    NEAR(r.f1max, 1);
    NEAR(r.f1max_threshold, 3);
    assert_int_equal(oddi_rank_partial_auroc(*state, &perfect, 0.3, &partial), ODD_OK);
    NEAR(partial, 1);
    assert_int_equal(oddi_rank_partial_auroc(*state, &set_c, 1, &partial), ODD_OK);
    NEAR(partial, 0.875);
}

static void test_undefined(void **state)
{
    const uint8_t zeros[6] = {0}, ones[6] = {1, 1, 1, 1, 1, 1};
    struct oddi_rank r;
    struct oddi_at_threshold at;
    struct oddi_bootstrap b;
    struct oddi_bootstrap_options o;
    struct oddi_scores s = {score_a, zeros, NULL, 6};

    oddi_bootstrap_defaults(&o);
    for (int i = 0; i < 3; i++) { /* no anomalous, no normal, none at all */
        s.label = i == 1 ? ones : zeros;
        s.count = i == 2 ? 0 : 6;
        assert_int_equal(oddi_rank_metrics(*state, &s, &r), ODD_OK);
        assert_true(isnan(r.auroc));
        assert_true(isnan(r.ap) && isnan(r.aupr_trapezoid));
        assert_true(isnan(r.f1max) && isnan(r.f1max_threshold));
        assert_int_equal(oddi_rank_at_threshold(*state, &s, NULL, 0.36, &at), ODD_OK);
        assert_true(i == 0 ? isnan(at.misses.rate) : isnan(at.false_alarms.rate));
        assert_true(i == 0 ? isnan(at.misses.ci.hi) : isnan(at.false_alarms.ci.lo));
        assert_int_equal(oddi_rank_bootstrap(*state, &s, &o, &b), ODD_OK);
        assert_true(isnan(b.auroc.lo) && isnan(b.ap.hi));
    }
}

static void test_refused(void **state)
{
    double bad[6];
    uint8_t label[6];
    struct oddi_rank r = {.auroc = 7};
    const struct oddi_scores s = {bad, label, NULL, 6};

    memcpy(label, label_a, sizeof(label));
    for (int i = 0; i < 2; i++) {
        memcpy(bad, score_a, sizeof(bad));
        bad[4] = i ? INFINITY : NAN;
        assert_int_equal(oddi_rank_metrics(*state, &s, &r), ODD_ENUMERIC);
        assert_non_null(strstr(odd_last_message(*state), "score 4"));
        assert_true(r.auroc == 7);
    }
    bad[4] = 0;
    label[2] = 2;
    assert_int_equal(oddi_rank_metrics(*state, &s, &r), ODD_EINVAL);
    assert_non_null(strstr(odd_last_message(*state), "label 2"));
}

/* By definition: every pair, every threshold. */
static double brute_auroc(const struct oddi_scores *s)
{
    double pairs = 0, wins = 0;

    for (size_t i = 0; i < s->count; i++)
        for (size_t j = 0; s->label[i] && j < s->count; j++) {
            if (s->label[j])
                continue;
            pairs++;
            wins += s->score[i] > s->score[j] ? 1 : s->score[i] == s->score[j] ? 0.5 : 0;
        }
    return wins / pairs;
}

static double next_below(const struct oddi_scores *s, double threshold)
{
    double next = -INFINITY;

    for (size_t i = 0; i < s->count; i++)
        if (s->score[i] < threshold && s->score[i] > next)
            next = s->score[i];
    return next;
}

static void brute(const struct oddi_scores *s, struct oddi_rank *r)
{
    double positive = 0, before = 0;

    for (size_t i = 0; i < s->count; i++)
        positive += s->label[i];
    r->auroc = brute_auroc(s);
    r->ap = r->f1max = 0;
    for (double t = next_below(s, INFINITY); t > -INFINITY; t = next_below(s, t)) {
        double tp = 0, fp = 0;
        for (size_t i = 0; i < s->count; i++) {
            tp += s->label[i] && s->score[i] >= t;
            fp += !s->label[i] && s->score[i] >= t;
        }
        r->ap += (tp - before) / positive * tp / (tp + fp);
        r->f1max = fmax(r->f1max, 2 * tp / (tp + fp + positive));
        before = tp;
    }
}

static void test_brute_force(void **state)
{
    double score[40], moved[40];
    uint8_t label[40];
    struct oddi_rng rng;
    struct oddi_rank r, b, m;

    oddi_rng_init(&rng, 1, ODDI_RNG_TEST, 0, 0);
    for (int round = 0; round < 300; round++) {
        const size_t n = 2 + (size_t)oddi_rng_below(&rng, 39);
        const uint64_t values = 1 + oddi_rng_below(&rng, 12);
        for (size_t i = 0; i < n; i++) {
            score[i] = (double)oddi_rng_below(&rng, values) - 3;
            label[i] = oddi_rng_below(&rng, 3) == 0;
            moved[i] = exp(0.3 * score[i]) * 1e10; /* a rising map keeps every metric */
        }
        label[0] = 1;
        label[1] = 0;
        struct oddi_scores s = {score, label, NULL, n};
        assert_int_equal(oddi_rank_metrics(*state, &s, &r), ODD_OK);
        brute(&s, &b);
        NEAR(r.auroc, b.auroc);
        NEAR(r.ap, b.ap);
        NEAR(r.f1max, b.f1max);
        s.score = moved;
        assert_int_equal(oddi_rank_metrics(*state, &s, &m), ODD_OK);
        assert_true(m.auroc == r.auroc && m.ap == r.ap && m.f1max == r.f1max);
        assert_true(m.aupr_trapezoid == r.aupr_trapezoid);
    }
}

/* P(X <= k) of Binomial(n, p), by terms. */
static double binomial_upto(int k, int n, double p)
{
    double sum = 0;

    for (int i = 0; i <= k; i++)
        sum += exp(lgamma(n + 1) - lgamma(i + 1) - lgamma(n - i + 1) + i * log(p) +
                   (n - i) * log1p(-p));
    return sum;
}

static void test_interval(void **state)
{
    (void)state;
    /* by definition: at the ends, the observed count or a more extreme one has 2.5 % */
    for (int n = 1; n <= 400; n = n * 3 + 1)
        for (int k = 0; k <= n; k += 1 + n / 7) {
            struct oddi_interval ci = oddi_binomial_interval(k, n, 0.95);
            assert_true(ci.lo >= 0 && ci.hi <= 1 && ci.lo < ci.hi);
            if (k > 0)
                assert_true(fabs(1 - binomial_upto(k - 1, n, ci.lo) - 0.025) < 1e-9);
            else
                assert_true(ci.lo == 0);
            if (k < n)
                assert_true(fabs(binomial_upto(k, n, ci.hi) - 0.025) < 1e-9);
            else
                assert_true(ci.hi == 1);
        }
    struct oddi_interval ci = oddi_binomial_interval(0, 59, 0.90);
    NEAR(ci.hi, 1 - pow(0.05, 1.0 / 59));
    ci = oddi_binomial_interval(1e6, 2e6, 0.95);
    assert_true(fabs(ci.hi - 0.5 - 1.96 * 0.5 / sqrt(2e6)) < 1e-5);
    assert_true(isnan(oddi_binomial_interval(0, 0, 0.95).lo));
    assert_true(isnan(oddi_binomial_interval(3, 2, 0.95).hi));
}

static void test_at_threshold(void **state)
{
    const int64_t groups[7] = {1, 1, 2, 2, 5, 7, 5};
    const uint8_t all_ok[7] = {0};
    struct oddi_scores s = set_c;
    struct oddi_at_threshold r, g;

    assert_int_equal(oddi_rank_at_threshold(*state, &s, NULL, 0.35, &r), ODD_OK);
    assert_int_equal(r.false_alarms.n, 4);
    assert_int_equal(r.false_alarms.hits, 1); /* .4; the .35 itself is not above */
    assert_int_equal(r.misses.n, 3);
    assert_int_equal(r.misses.hits, 1);
    NEAR(r.false_alarms.rate, 0.25);
    NEAR(r.misses.ci.lo, oddi_binomial_interval(1, 3, 0.95).lo);
    s.group = groups; /* normals in groups 1 1 5 5: two units */
    assert_int_equal(oddi_rank_at_threshold(*state, &s, NULL, 0.35, &g), ODD_OK);
    NEAR(g.false_alarms.rate, 0.25);
    NEAR(g.false_alarms.ci.hi, oddi_binomial_interval(0.5, 2, 0.95).hi);
    assert_true(g.false_alarms.ci.hi > r.false_alarms.ci.hi);
    assert_int_equal(oddi_rank_at_threshold(*state, &s, all_ok, 0.35, &g), ODD_OK);
    assert_int_equal(g.misses.hits, 3);
    assert_true(g.misses.ci.hi == 1);
    assert_int_equal(g.false_alarms.hits, 0);
    assert_true(g.false_alarms.ci.lo == 0);
}

enum { MANY = 300 };

static void make_many(double *score, uint8_t *label, int64_t *group)
{
    struct oddi_rng rng;

    oddi_rng_init(&rng, 5, ODDI_RNG_TEST, 0, 0);
    for (int i = 0; i < MANY; i++) {
        label[i] = i % 3 == 0;
        group[i] = -7 + i / 10 + (label[i] ? 1000 : 0);
        score[i] = oddi_rng_normal(&rng) + (label[i] ? 1.0F : 0.0F);
    }
}

static void test_bootstrap(void **state)
{
    static double score[MANY];
    static uint8_t label[MANY];
    static int64_t group[MANY];
    struct oddi_scores s = {score, label, NULL, MANY};
    struct oddi_bootstrap_options o;
    struct oddi_bootstrap b, again;
    struct oddi_rank r;

    make_many(score, label, group);
    oddi_bootstrap_defaults(&o);
    assert_int_equal(oddi_rank_metrics(*state, &s, &r), ODD_OK);
    for (int grouped = 0; grouped < 2; grouped++) {
        s.group = grouped ? group : NULL;
        for (int threads = 1; threads <= 8; threads = threads * 2 + 1) {
            assert_int_equal(odd_context_set_threads(*state, threads), ODD_OK);
            assert_int_equal(oddi_rank_bootstrap(*state, &s, &o, &again), ODD_OK);
            if (threads > 1)
                assert_memory_equal(&b, &again, sizeof(b));
            b = again;
        }
        assert_true(b.auroc.lo < r.auroc && r.auroc < b.auroc.hi);
        assert_true(b.ap.lo < r.ap && r.ap < b.ap.hi);
        assert_int_equal(b.units[0], grouped ? 30 : 200);
        assert_int_equal(b.units[1], grouped ? 30 : 100);
        /* Hanley and McNeil's error of an AUROC of .76 with 100 and 200 is .03 */
        assert_true(b.auroc.hi - b.auroc.lo > 0.09 && b.auroc.hi - b.auroc.lo < 0.15);
    }
    o.seed = 1;
    assert_int_equal(oddi_rank_bootstrap(*state, &s, &o, &again), ODD_OK);
    assert_true(again.auroc.lo != b.auroc.lo);
    o.resamples = 0;
    assert_int_equal(oddi_rank_bootstrap(*state, &s, &o, &again), ODD_EINVAL);
}

/* A resample by weights equals the one written out; groups with both labels keep both. */
static void test_bootstrap_groups(void **state)
{
    static double score[MANY * 10];
    static uint8_t label[MANY * 10];
    static int64_t group[MANY * 10];
    struct oddi_bootstrap_options o;
    struct oddi_bootstrap single, tenfold, mixed;

    oddi_bootstrap_defaults(&o);
    make_many(score, label, group);
    for (int i = 0; i < MANY; i++)
        group[i] = i;
    struct oddi_scores s = {score, label, group, MANY};
    assert_int_equal(oddi_rank_bootstrap(*state, &s, &o, &single), ODD_OK);
    /* ten copies of each picture in its group: nothing is known better */
    for (int i = MANY; i < MANY * 10; i++) {
        score[i] = score[i % MANY];
        label[i] = label[i % MANY];
        group[i] = group[i % MANY];
    }
    s.count = MANY * 10;
    assert_int_equal(oddi_rank_bootstrap(*state, &s, &o, &tenfold), ODD_OK);
    NEAR(single.auroc.lo, tenfold.auroc.lo);
    NEAR(single.ap.hi, tenfold.ap.hi);
    for (int i = 0; i < MANY; i++)
        group[i] = i / 3;
    s.count = MANY;
    assert_int_equal(oddi_rank_bootstrap(*state, &s, &o, &mixed), ODD_OK);
    assert_int_equal(mixed.units[2], MANY / 3);
    assert_true(isfinite(mixed.auroc.lo) && mixed.auroc.lo < mixed.auroc.hi);
    for (int i = 0; i < MANY; i++)
        group[i] = label[i] ? 0 : i; /* one lot holds every anomaly */
    assert_int_equal(oddi_rank_bootstrap(*state, &s, &o, &mixed), ODD_OK);
    assert_true(isnan(mixed.auroc.lo) && mixed.units[1] == 1);
}

static odd_status everything(struct odd_context *ctx)
{
    odd_status status;
    struct oddi_rank r;
    struct oddi_at_threshold at;
    struct oddi_bootstrap b;
    struct oddi_bootstrap_options o = {.resamples = 20, .level = 0.9};

    TRY(oddi_rank_metrics(ctx, &set_c, &r));
    TRY(oddi_rank_at_threshold(ctx, &set_c, NULL, 0.5, &at));
    TRY(oddi_rank_bootstrap(ctx, &set_c, &o, &b));
out:
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
        cmocka_unit_test(test_golden),           cmocka_unit_test(test_simple_sets),
        cmocka_unit_test(test_undefined),        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_brute_force),      cmocka_unit_test(test_interval),
        cmocka_unit_test(test_at_threshold),     cmocka_unit_test(test_bootstrap),
        cmocka_unit_test(test_bootstrap_groups), cmocka_unit_test(test_out_of_memory),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
