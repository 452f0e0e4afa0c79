/* SPDX-License-Identifier: Apache-2.0
 *
 * The input gradient through both networks and through the cloner alone against differences of the
 * score; guided back-propagation and SmoothGrad by what they promise; maps within [0, 1] that do
 * not depend on what was scored before.
 */
#include "method/mkd/support_test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "method/mkd/gradient.h"

#define GRADIENT_SET MKD_TEST_TINY "expert-width=0.25 "

struct two {
    struct mkd_test t;
    struct mkd_test_scorer s;
};
static void begin(struct two *w, const char *settings, int threads)
{
    mkd_test_start(&w->t, GRADIENT_SET, threads, NULL);
    mkd_test_train(&w->t, 12, NULL);
    mkd_test_set(&w->t, settings);
    mkd_test_scorer_open(&w->s, &w->t, threads);
}
static void end(struct two *w)
{
    mkd_test_scorer_close(&w->s);
    mkd_test_end(&w->t);
}
static const float *defect(const struct two *w)
{
    return w->t.pictures + MKD_TEST_DEFECT * MKD_TEST_PLANE;
}
static const float *gradient_of(const struct two *w)
{
    return oddi_plan_output(w->s.plan, oddi_build_find(&w->s.b, "gradient"));
}

/* d score / d grey is half the sum over the three channels: the input is (grey + 1) / 2. Along a
 * random direction, in float: some percent. */
static void test_both_branches_are_the_derivative(void **unused)
{
    struct two w;
    float *moved = malloc(MKD_TEST_PLANE * sizeof(float));
    double along = 0, difference = 0;
    (void)unused;
    assert_non_null(moved);
    begin(&w, "localise=gradient branches=both", 1);
    /* No flat places: among equal cells a pool's derivative is not one number. */
    float base[MKD_TEST_PLANE];
    for (int i = 0; i < MKD_TEST_PLANE; i++)
        base[i] = defect(&w)[i] + 0.05f * (float)sin(12.9898 * i);
    mkd_test_score(&w.s, base);
    const float *g = gradient_of(&w);
    float direction[MKD_TEST_PLANE];
    for (int i = 0; i < MKD_TEST_PLANE; i++) {
        const float sum = g[i] + g[MKD_TEST_PLANE + i] + g[2 * MKD_TEST_PLANE + i];
        direction[i] = sum; /* the way on which the difference is largest */
        along += 0.5 * (double)sum * (double)sum;
    }
    const double step = 1e-3 / sqrt(2 * along);
    for (int side = -1; side <= 1; side += 2) {
        for (int i = 0; i < MKD_TEST_PLANE; i++)
            moved[i] = base[i] + (float)(side * step) * direction[i];
        mkd_test_score(&w.s, moved);
        difference += side * w.s.component[0];
    }
    assert_true(fabs(difference / (2 * step) - along) < 0.015 * along);
    free(moved);
    end(&w);
}

static double distance(const float *a, const float *b, int64_t n)
{
    double off = 0, size = 0;
    for (int64_t i = 0; i < n; i++) {
        off += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
        size += (double)b[i] * (double)b[i];
    }
    return sqrt(off / size);
}

static float *gradient_by(const char *settings, int threads)
{
    struct two w;
    float *copy = malloc(3 * MKD_TEST_PLANE * sizeof(float));
    assert_non_null(copy);
    begin(&w, settings, threads);
    mkd_test_score(&w.s, defect(&w));
    memcpy(copy, gradient_of(&w), 3 * MKD_TEST_PLANE * sizeof(float));
    end(&w);
    return copy;
}

/* The variants differ; none depends on the threads. */
static void test_variants(void **unused)
{
    static const char *const how[] = {
        "localise=gradient branches=both", "localise=gradient branches=cloner",
        "localise=guided branches=both", "localise=guided branches=cloner"};
    float *g[ODDI_COUNT(how)];
    const int64_t n = 3 * MKD_TEST_PLANE;
    (void)unused;
    for (size_t k = 0; k < ODDI_COUNT(how); k++) {
        g[k] = gradient_by(how[k], 1);
        float *again = gradient_by(how[k], 3);
        assert_memory_equal(g[k], again, (size_t)n * sizeof(float));
        free(again);
        for (size_t i = 0; i < k; i++)
            assert_true(distance(g[k], g[i], n) > 0.01);
    }
    /* the expert's own part is ordinary: the same in both rules */
    for (int64_t i = 0; i < n; i++) {
        g[0][i] -= g[1][i];
        g[2][i] -= g[3][i];
    }
    assert_true(distance(g[0], g[2], n) < 1e-3);
    for (size_t k = 0; k < ODDI_COUNT(how); k++)
        free(g[k]);
}

/* Within [0, 1], most of it at the defect; the same after another picture, with the score that
 * features give too. */
static void test_maps(void **unused)
{
    static const char *const how[] = {"localise=gradient sigma=2", "localise=guided sigma=2",
                                      "localise=smooth smooth-copies=4 sigma=2"};
    double score;
    struct two w;
    (void)unused;
    begin(&w, "localise=features", 1);
    mkd_test_score(&w.s, defect(&w));
    score = w.s.component[0];
    end(&w);
    for (size_t k = 0; k < ODDI_COUNT(how); k++) {
        float first[MKD_TEST_PLANE];
        begin(&w, how[k], 1);
        mkd_test_score(&w.s, defect(&w));
        memcpy(first, w.s.map, sizeof(first));
        assert_true(fabs(w.s.component[0] - score) < 1e-6);
        float top = 0;
        for (int i = 0; i < MKD_TEST_PLANE; i++) {
            assert_true(first[i] >= 0 && first[i] <= 1);
            top = fmaxf(top, first[i]);
        }
        assert_true(top > 0.2f);
        mkd_test_score(&w.s, w.t.pictures);
        assert_true(fabs(w.s.component[0] - score) > 1e-6);
        mkd_test_score(&w.s, defect(&w));
        assert_memory_equal(first, w.s.map, sizeof(first));
        end(&w);
    }
}

/* Without noise the mean over copies is the map of the gradient; with it, it is not. */
static void test_smooth(void **unused)
{
    struct two w;
    float plain[MKD_TEST_PLANE], flat[MKD_TEST_PLANE];
    (void)unused;
    begin(&w, "localise=gradient sigma=0", 1);
    mkd_test_score(&w.s, defect(&w));
    memcpy(plain, w.s.map, sizeof(plain));
    end(&w);
    begin(&w, "localise=smooth smooth-copies=8 sigma=0", 1);
    mkd_test_score(&w.s, defect(&w)); /* deviation 0.003 on pictures that span [0, 1] */
    const double little = distance(w.s.map, plain, MKD_TEST_PLANE);
    mkd_test_set(&w.t, "smooth-noise=range"); /* 0.05 */
    mkd_test_score(&w.s, defect(&w));
    const double more = distance(w.s.map, plain, MKD_TEST_PLANE);
    assert_true(little > 0 && more > little);
    memset(flat, 0, sizeof(flat));
    mkd_test_score(&w.s, flat); /* no range, so no noise: must not divide by it */
    for (int i = 0; i < MKD_TEST_PLANE; i++)
        assert_true(isfinite(w.s.map[i]));
    end(&w);
}

static void test_noise_forms(void **unused)
{
    struct mkd_test t;
    (void)unused;
    mkd_test_values(&t, "network=vgg16");
    assert_true(fabs(oddi_mkd_noise(&t.values, 0, 1) - 0.0025) < 1e-12);
    assert_true(fabs(oddi_mkd_noise(&t.values, -2, 2) - 0.0125 * 0.0125) < 1e-12);
    assert_true(oddi_mkd_noise(&t.values, 1, 1) == 0);
    mkd_test_set(&t, "smooth-noise=range");
    assert_true(fabs(oddi_mkd_noise(&t.values, -2, 2) - 0.2) < 1e-12);
    oddi_values_release(&t.values);
    odd_context_free(t.ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_both_branches_are_the_derivative),
                                       cmocka_unit_test(test_variants), cmocka_unit_test(test_maps),
                                       cmocka_unit_test(test_smooth),
                                       cmocka_unit_test(test_noise_forms)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
