/* SPDX-License-Identifier: Apache-2.0
 * The pixel AUROC of MKD's authors against its definition, threshold by threshold. */
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
#include "score/pixel_mkd.h"

enum { SIDE = ODDI_PIXEL_MKD_SIDE, PIXELS = SIDE * SIDE, PICTURES = 3 };

static float map[PICTURES][PIXELS], mask[PICTURES][PIXELS], work[PIXELS];
static uint8_t binary[PIXELS], eroded[PIXELS], opened[PIXELS];

static int setup(void **state)
{
    return odd_context_new((struct odd_context **)state) == ODD_OK ? 0 : -1;
}

static int teardown(void **state)
{
    odd_context_free(*state);
    return 0;
}

/* Smooth maps that are higher at a soft disc, their mask; values in [0, 1]. */
static void draw(void)
{
    for (int p = 0; p < PICTURES; p++) {
        struct oddi_rng rng;
        oddi_rng_init(&rng, 5, ODDI_RNG_TEST, 0, (uint64_t)p);
        const double cx = 40 + 20 * p, cy = 60 - 9 * p;
        for (int i = 0; i < PIXELS; i++) {
            const double x = i % SIDE - cx, y = i / SIDE - cy, far = sqrt(x * x + y * y);
            mask[p][i] = (float)fmin(fmax((14 - far) / 6, 0), 1);
            const double v = 0.35 + 0.25 * sin(0.2 * x) * cos(0.15 * y) + 0.3 * (double)mask[p][i];
            map[p][i] = (float)fmin(v + 0.1 * (double)oddi_rng_uniform(&rng), 1);
        }
    }
}

static double measure(struct odd_context *ctx, double scale, double shift)
{
    struct oddi_pixel_mkd *m = NULL;
    assert_int_equal(oddi_pixel_mkd_new(ctx, &m), ODD_OK);
    for (int p = 0; p < PICTURES; p++) {
        for (int i = 0; i < PIXELS; i++)
            work[i] = (float)((double)map[p][i] * scale + shift);
        oddi_pixel_mkd_add(m, work, mask[p]);
    }
    const double auroc = oddi_pixel_mkd_auroc(m);
    oddi_pixel_mkd_free(m);
    return auroc;
}

static bool all_of_plus(const uint8_t *b, int x, int y, bool any)
{
    static const int step[5][2] = {{0, 0}, {1, 0}, {-1, 0}, {0, 1}, {0, -1}};
    for (int k = 0; k < 5; k++) {
        const int u = x + step[k][0], v = y + step[k][1];
        if (u < 0 || v < 0 || u >= SIDE || v >= SIDE)
            continue;
        if ((b[v * SIDE + u] != 0) == any)
            return any;
    }
    return !any;
}

/* One threshold of the authors' code: binary, opened, counted. */
static void at_threshold(double t, double *tpr, double *fpr)
{
    double hit = 0, false_hit = 0, anomalous = 0, normal = 0;
    for (int p = 0; p < PICTURES; p++) {
        for (int i = 0; i < PIXELS; i++)
            binary[i] = (double)map[p][i] >= t;
        for (int i = 0; i < PIXELS; i++)
            eroded[i] = all_of_plus(binary, i % SIDE, i / SIDE, false);
        for (int i = 0; i < PIXELS; i++)
            opened[i] = all_of_plus(eroded, i % SIDE, i / SIDE, true);
        for (int i = 0; i < PIXELS; i++) {
            const double m = (double)mask[p][i];
            hit += opened[i] ? m : 0;
            false_hit += opened[i] ? 1 - m : 0;
            anomalous += m;
            normal += 1 - m;
        }
    }
    *tpr = hit / anomalous;
    *fpr = false_hit / normal;
}

static void test_definition(void **state)
{
    double area = 0, last[2] = {0, 0};
    draw();
    for (int k = 0; k < 1000; k++) {
        double tpr, fpr;
        at_threshold(k / 1000.0, &tpr, &fpr);
        if (k > 0)
            area += 0.5 * (tpr + last[0]) * (last[1] - fpr);
        last[0] = tpr;
        last[1] = fpr;
    }
    assert_true(area > 0.7 && area < 0.999);
    assert_true(fabs(measure(*state, 1, 0) - area) < 1e-9);
}

/* Other scales are brought to [0, 1] by the set's range. */
static void test_other_scales(void **state)
{
    float low = HUGE_VALF, high = -HUGE_VALF;
    draw();
    for (int p = 0; p < PICTURES; p++)
        for (int i = 0; i < PIXELS; i++) {
            low = fminf(low, map[p][i]);
            high = fmaxf(high, map[p][i]);
        }
    for (int p = 0; p < PICTURES; p++)
        for (int i = 0; i < PIXELS; i++)
            map[p][i] = (map[p][i] - low) / (high - low);
    const double plain = measure(*state, 1, 0);
    assert_true(fabs(measure(*state, 700, 0) - plain) < 5e-3);
    assert_true(fabs(measure(*state, 1, -0.5) - plain) < 5e-3);
    assert_true(fabs(measure(*state, 1e-3, 5) - plain) > 0); /* and is finite */
}

/* One value everywhere is one point, no area; no anomalous pixel, no number. */
static void test_edges(void **state)
{
    draw();
    for (int p = 0; p < PICTURES; p++)
        for (int i = 0; i < PIXELS; i++)
            map[p][i] = mask[p][i] > 0.5f ? 1.0f : 0.0f;
    assert_true(measure(*state, 1, 0) > 0.85); /* the rim is soft, all are above some threshold */
    memset(map, 0, sizeof(map));
    assert_true(measure(*state, 1, 0) == 0.5); /* from (1, 1) to (0, 0) */
    assert_true(measure(*state, 1, 7) == 0.5);
    memset(mask, 0, sizeof(mask));
    assert_true(isnan(measure(*state, 1, 0)));
}

static void test_out_of_memory(void **state)
{
    (void)state;
    for (long n = 1;; n++) {
        struct fault_alloc fault;
        struct oddi_pixel_mkd *m = NULL;
        fault_alloc_init(&fault);
        struct odd_context *ctx = fault_context(&fault);
        fault_alloc_arm(&fault, n);
        const odd_status status = oddi_pixel_mkd_new(ctx, &m);
        const bool failed = fault_alloc_disarm(&fault);
        assert_int_equal(status, failed ? ODD_ENOMEM : ODD_OK);
        oddi_pixel_mkd_free(m);
        odd_context_free(ctx);
        assert_int_equal(fault.live, 0);
        if (!failed)
            break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_definition), cmocka_unit_test(test_other_scales),
        cmocka_unit_test(test_edges), cmocka_unit_test(test_out_of_memory)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
