/* SPDX-License-Identifier: Apache-2.0
 * Scores and maps of DAAD against plain formulas in double; padding; which number is the score. */
#include "method/daad/support_test.h"

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"

#define TEST_H 32
#define TEST_W 48
#define TEST_C 3
#define TEST_PLANE (TEST_H * TEST_W)

enum { TEST_R, TEST_TOP1, TEST_MAX, TEST_A };

struct measure_test {
    struct daad_test t;
    struct daad_test_scorer s;
    float picture[TEST_C * TEST_PLANE], map[TEST_PLANE];
    double component[ODDI_COMPONENTS_MAX];
};
static struct measure_test m; /* large, and one at a time */

static void measure_start(const char *settings)
{
    const struct oddi_geometry in = {TEST_C, TEST_H, TEST_W};
    struct oddi_rng rng;
    oddi_rng_init(&rng, 6, ODDI_RNG_TEST, 0, 0);
    for (int i = 0; i < TEST_C * TEST_PLANE; i++)
        m.picture[i] = oddi_rng_range(&rng, -1.0f, 1.0f);
    daad_test_start(&m.t, settings, &in, "best", 16);
    daad_test_scorer_start(&m.t, &m.s);
}
static void measure_end(void)
{
    daad_test_scorer_end(&m.s);
    daad_test_end(&m.t);
}

/* ---- plain formulas ---- */

/* Channel means of the squared error in the rectangle, row by row. */
static void plain_error(const int64_t rect[4], double *error)
{
    const float *made = oddi_plan_output(m.s.plan, oddi_build_find(&m.s.build, "made"));
    for (int64_t y = 0; y < rect[3]; y++)
        for (int64_t x = 0; x < rect[2]; x++) {
            const int64_t at = (rect[1] + y) * TEST_W + rect[0] + x;
            double sum = 0;
            for (int c = 0; c < TEST_C; c++)
                sum += pow(
                    (double)m.picture[c * TEST_PLANE + at] - (double)made[c * TEST_PLANE + at], 2);
            error[y * rect[2] + x] = sum / TEST_C;
        }
}

/* c b a | a b c | c b a */
static int64_t plain_mirror(int64_t i, int64_t n)
{
    while (i < 0 || i >= n)
        i = i < 0 ? -1 - i : 2 * n - 1 - i;
    return i;
}

/* In one go over the square, not row and column. */
static void plain_smooth(const double *src, int64_t w, int64_t h, double sigma, double *dst)
{
    const int64_t r = (int64_t)ceil(2.0 * sigma);
    for (int64_t y = 0; y < h; y++)
        for (int64_t x = 0; x < w; x++) {
            double sum = 0, weight = 0;
            for (int64_t v = -r; v <= r; v++)
                for (int64_t u = -r; u <= r; u++) {
                    const double k =
                        sigma > 0 ? exp(-(double)(u * u + v * v) / (2 * sigma * sigma)) : 1.0;
                    sum += k * src[plain_mirror(y + v, h) * w + plain_mirror(x + u, w)];
                    weight += k;
                }
            dst[y * w + x] = sum / weight;
        }
}

static int plain_falling(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x < y) - (x > y);
}

static void plain_near(double got, double expect, const char *what)
{
    if (!(fabs(got - expect) <= 1e-5 * (fabs(expect) + 1e-3)))
        fail_msg("%s: %.9g is not %.9g", what, got, expect);
}

static double plain_features(void)
{
    const struct oddi_node *a = oddi_build_find(&m.s.build, "feature.real");
    const float *x = oddi_plan_output(m.s.plan, a);
    const float *y = oddi_plan_output(m.s.plan, oddi_build_find(&m.s.build, "feature.made"));
    const int64_t n = oddi_shape_count(&a->shape);
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += pow((double)x[i] - (double)y[i], 2);
    return sum / (double)n;
}

/* All components and the map for one rectangle; `sigma` in pixels of this input. */
static void measure_compare(const int64_t rect[4], double sigma)
{
    static double error[TEST_PLANE], smooth[TEST_PLANE];
    const int64_t count = rect[2] * rect[3], top = (count + 99) / 100;
    double sum = 0;
    daad_test_score(&m.t, &m.s, m.picture, rect, m.map, m.component);
    plain_error(rect, error);
    plain_smooth(error, rect[2], rect[3], sigma, smooth);
    for (int64_t i = 0; i < count; i++)
        sum += error[i];
    plain_near(m.component[TEST_R], sum / (double)count, "R");
    for (int64_t y = 0; y < TEST_H; y++)
        for (int64_t x = 0; x < TEST_W; x++) {
            const int64_t u = x - rect[0], v = y - rect[1];
            const bool inside = u >= 0 && u < rect[2] && v >= 0 && v < rect[3];
            plain_near(m.map[y * TEST_W + x], inside ? smooth[v * rect[2] + u] : 0.0, "map");
        }
    qsort(smooth, (size_t)count, sizeof(double), plain_falling);
    sum = 0;
    for (int64_t i = 0; i < top; i++)
        sum += smooth[i];
    plain_near(m.component[TEST_TOP1], sum / (double)top, "top 1 %");
    plain_near(m.component[TEST_MAX], smooth[0], "maximum");
}

static const int64_t test_whole[4] = {0, 0, TEST_W, TEST_H};

static void test_formulas(void **state)
{
    (void)state;
    measure_start("variant=daad+ width=4 items=5");
    measure_compare(test_whole, 4.0 * 32 / 256);
    plain_near(m.component[TEST_A], plain_features(), "A");
    assert_true(m.component[TEST_A] > 0.0);
    measure_end();
    measure_start("width=4 items=5 sigma=40"); /* wider than the picture */
    measure_compare(test_whole, 5.0);
    assert_true(m.component[TEST_A] == 0.0); /* nobody to ask */
    measure_end();
    measure_start("width=4 variant=ae sigma=0");
    measure_compare(test_whole, 0.0);
    measure_end();
}

static void test_rectangles(void **state)
{
    static const int64_t rects[][4] = {
        {5, 0, 38, 32}, {0, 3, 48, 25}, {7, 9, 11, 13}, {47, 31, 1, 1}};
    (void)state;
    measure_start("width=4 items=5 sigma=12");
    for (size_t i = 0; i < ODDI_COUNT(rects); i++)
        measure_compare(rects[i], 1.5);
    measure_end();
}

/* What lies in the padding has no part in R, top 1 %, maximum and map. */
static void test_padding_excluded(void **state)
{
    static const int64_t rect[4] = {6, 4, 30, 20};
    static float map[TEST_PLANE], scratch[TEST_PLANE];
    double again[ODDI_COMPONENTS_MAX] = {0};
    (void)state;
    measure_start("width=4 items=5 sigma=12");
    daad_test_score(&m.t, &m.s, m.picture, rect, m.map, m.component);
    for (int64_t i = 0; i < TEST_C * TEST_PLANE; i++) {
        const int64_t y = i / TEST_W % TEST_H, x = i % TEST_W;
        if (x < rect[0] || x >= rect[0] + rect[2] || y < rect[1] || y >= rect[1] + rect[3])
            m.picture[i] = 1e6f;
    }
    /* The same reconstruction, measured against a picture with other padding. */
    const struct oddi_measure other = {.ctx = m.t.ctx,
                                       .values = &m.t.values,
                                       .in = m.t.trainer.net.in,
                                       .build = &m.s.build,
                                       .plan = m.s.plan,
                                       .picture = m.picture,
                                       .x = rect[0],
                                       .y = rect[1],
                                       .width = rect[2],
                                       .height = rect[3],
                                       .map = map,
                                       .scratch = scratch,
                                       .component = again};
    daad_test_ok(m.t.ctx, oddi_method_daad.measure(&other));
    assert_memory_equal(again, m.component, 3 * sizeof(double));
    assert_memory_equal(map, m.map, sizeof(map));
    measure_end();
}

/* A picture's numbers have the same bits again, and whatever was scored before. */
static void test_same_again(void **state)
{
    static float other[TEST_C * TEST_PLANE];
    double first[ODDI_COMPONENTS_MAX] = {0}, again[ODDI_COMPONENTS_MAX] = {0};
    (void)state;
    measure_start("variant=daad+ width=8 items=5");
    daad_test_score(&m.t, &m.s, m.picture, NULL, NULL, first);
    daad_test_score(&m.t, &m.s, other, NULL, NULL, again);
    assert_true(again[TEST_R] != first[TEST_R]);
    daad_test_score(&m.t, &m.s, m.picture, NULL, m.map, again);
    assert_memory_equal(first, again, 4 * sizeof(double));
    measure_end();
}

static void test_not_finite(void **state)
{
    (void)state;
    measure_start("width=4 items=5");
    float *made = calloc(TEST_C * TEST_PLANE, sizeof(float));
    assert_non_null(made);
    memcpy(made, m.picture, sizeof(m.picture));
    made[100] = NAN;
    const struct oddi_measure bad = {.ctx = m.t.ctx,
                                     .values = &m.t.values,
                                     .in = m.t.trainer.net.in,
                                     .build = &m.s.build,
                                     .plan = m.s.plan,
                                     .picture = made,
                                     .width = TEST_W,
                                     .height = TEST_H,
                                     .map = m.map,
                                     .scratch = made + TEST_PLANE,
                                     .component = m.component};
    assert_int_equal(oddi_method_daad.measure(&bad), ODD_ENUMERIC);
    free(made);
    measure_end();
}

/* ---- which number is the score ---- */

static void test_combine(void **state)
{
    static const struct {
        const char *settings;
        double score;
    } rows[] = {
        {"variant=ae", 3.0},
        {"variant=daad", 3.0},
        {"variant=daad score=r", 3.0},
        {"variant=daad score=top1", 5.0},
        {"variant=daad score=max", 7.0},
        {"variant=daad+ score=a", 11.0},
        {"variant=daad+ score=r", 3.0},
        {"variant=daad+", 0.5 * (3.0 - 1.0) / 2.0 + 0.5 * (11.0 - 5.0) / 4.0},
        {"variant=daad+ score=ra", 0.5 * (3.0 - 1.0) / 2.0 + 0.5 * (11.0 - 5.0) / 4.0},
    };
    const double component[ODDI_COMPONENTS_MAX] = {3.0, 5.0, 7.0, 11.0};
    const struct oddi_spread spread = {{1.0, 100.0, 100.0, 5.0}, {2.0, 100.0, 100.0, 4.0}};
    static const char *const names[] = {"r", "top1", "max", "a"};
    struct odd_context *ctx = NULL;
    (void)state;
    assert_int_equal(odd_context_new(&ctx), ODD_OK);
    for (size_t i = 0; i < ODDI_COUNT(rows); i++) {
        struct oddi_values v;
        daad_test_values(ctx, rows[i].settings, &v);
        assert_true(oddi_method_daad.combine(&v, component, &spread) == rows[i].score);
        oddi_values_release(&v);
    }
    for (size_t i = 0; i < ODDI_COUNT(names); i++)
        assert_string_equal(oddi_method_daad.components[i], names[i]);
    assert_null(oddi_method_daad.components[4]);
    odd_context_free(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_formulas),         cmocka_unit_test(test_rectangles),
        cmocka_unit_test(test_padding_excluded), cmocka_unit_test(test_same_again),
        cmocka_unit_test(test_not_finite),       cmocka_unit_test(test_combine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
