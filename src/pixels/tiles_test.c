/* SPDX-License-Identifier: Apache-2.0
 * Tiles cover every pixel, overlap as asked, come back where they were cut; a blended constant
 * stays one, a blended ramp stays a ramp; what is too large is refused. */
#include "base/compat.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>

#include "pixels/tiles.h"

static const struct {
    int64_t width, height;
    double scale;
    struct oddi_tiling tiling;
} cases[] = {
    {100, 80, 1.0, {1.0, 0.25, 32, 32}},  {4096, 3000, 0.1, {0.1, 0.25, 64, 48}},
    {33, 31, 1.0, {1.0, 0.0, 32, 32}},    {20, 200, 1.0, {1.0, 0.5, 32, 32}},
    {7, 5, 2.0, {2.0, 0.25, 32, 16}},     {64, 64, 1.0, {1.0, 0.25, 32, 32}},
    {1000, 1, 0.25, {0.25, 0.1, 32, 32}}, {65, 129, 1.0, {1.0, 0.33, 64, 64}},
};

static void test_cover(void **unused)
{
    struct odd_context *ctx = NULL;
    (void)unused;
    assert_int_equal(odd_context_new(&ctx), ODD_OK);
    for (size_t k = 0; k < ODDI_COUNT(cases); k++) {
        const struct oddi_tiling *g = &cases[k].tiling;
        struct oddi_tiles t;
        assert_int_equal(oddi_tiles_plan(ctx, g, cases[k].width, cases[k].height, 1, &t), ODD_OK);
        const int64_t pixels = t.width * t.height, tile = g->width * g->height;
        float *planes = malloc(sizeof(float) * (size_t)(2 * pixels));
        float *sum = calloc((size_t)pixels, sizeof(float)),
              *weight = calloc((size_t)pixels, sizeof(float)),
              *cut = malloc(sizeof(float) * (size_t)(2 * tile));
        for (int64_t i = 0; i < 2 * pixels; i++)
            planes[i] = (float)(i % 7919);
        for (int64_t i = 0; i < oddi_tiles_count(&t); i++) {
            const struct oddi_rect r = oddi_tiles_at(&t, i);
            assert_true(r.x >= 0 && r.y >= 0 && r.x + r.width <= t.width &&
                        r.y + r.height <= t.height);
            if (i % t.columns > 0) {
                const struct oddi_rect left = oddi_tiles_at(&t, i - 1);
                assert_true((double)(left.x + left.width - r.x) >=
                            floor(g->overlap * (double)g->width) - 1);
            }
            oddi_tiles_cut(&t, g, 2, i, planes, cut);
            for (int64_t y = 0; y < g->height; y++)
                for (int64_t x = 0; x < g->width; x++) {
                    const int64_t v = r.y + (y < r.height ? y : r.height - 1),
                                  u = r.x + (x < r.width ? x : r.width - 1);
                    assert_true(cut[y * g->width + x] == planes[v * t.width + u]);
                    assert_true(cut[tile + y * g->width + x] == planes[pixels + v * t.width + u]);
                }
            oddi_tiles_blend(&t, g, i, cut, sum, weight);
        }
        for (int64_t i = 0; i < pixels; i++) {
            assert_true(weight[i] > 0);
            assert_true(fabsf(sum[i] / weight[i] - planes[i]) <= 1e-3f * (1 + planes[i]));
        }
        free(planes);
        free(sum);
        free(weight);
        free(cut);
    }
    odd_context_free(ctx);
}

/* Two tiles that disagree: from one's value to the other's without a step. */
static void test_seams(void **unused)
{
    struct odd_context *ctx = NULL;
    struct oddi_tiles t;
    const struct oddi_tiling g = {1.0, 0.5, 32, 8};
    float sum[48 * 8] = {0}, weight[48 * 8] = {0}, map[32 * 8];
    (void)unused;
    assert_int_equal(odd_context_new(&ctx), ODD_OK);
    assert_int_equal(oddi_tiles_plan(ctx, &g, 48, 8, 1, &t), ODD_OK);
    assert_int_equal(oddi_tiles_count(&t), 2);
    for (int64_t i = 0; i < 2; i++) {
        for (int k = 0; k < 32 * 8; k++)
            map[k] = (float)i;
        oddi_tiles_blend(&t, &g, i, map, sum, weight);
    }
    for (int x = 1; x < 48; x++) {
        const float step = sum[x] / weight[x] - sum[x - 1] / weight[x - 1];
        assert_true(step >= 0 && step < 0.08f);
    }
    assert_true(sum[0] == 0 && sum[47] / weight[47] == 1);
    odd_context_free(ctx);
}

static void test_refuses(void **unused)
{
    struct odd_context *ctx = NULL;
    struct oddi_tiles t;
    const struct oddi_tiling g = {4.0, 0.25, 32, 32};
    (void)unused;
    assert_int_equal(odd_context_new(&ctx), ODD_OK);
    assert_int_equal(oddi_tiles_plan(ctx, &g, 40000, 40000, 3, &t), ODD_EINVAL);
    assert_int_equal(oddi_tiles_plan(ctx, &g, INT64_MAX / 8, INT64_MAX / 8, 3, &t), ODD_EINVAL);
    odd_context_free(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_cover), cmocka_unit_test(test_seams),
                                       cmocka_unit_test(test_refuses)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
