/* SPDX-License-Identifier: Apache-2.0
 * Fitting pictures to the network's size, and maps back. */
#include "base/compat.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "../tests/support/fault_alloc.h"
#include "base/alloc.h"
#include "pixels/fit.h"

static int setup(void **state)
{
    return odd_context_new((struct odd_context **)state) == ODD_OK ? 0 : -1;
}

static int teardown(void **state)
{
    odd_context_free(*state);
    return 0;
}

static void assert_rect(const struct oddi_rect *r, int64_t x, int64_t y, int64_t w, int64_t h)
{
    assert_int_equal(r->x, x);
    assert_int_equal(r->y, y);
    assert_int_equal(r->width, w);
    assert_int_equal(r->height, h);
}

static void test_mappings(void **state)
{
    struct oddi_fit fit = {ODDI_FIT_STRETCH, 64, 32};
    struct oddi_mapping m;

    assert_int_equal(oddi_fit_mapping(*state, &fit, 100, 100, &m), ODD_OK);
    assert_rect(&m.from, 0, 0, 100, 100);
    assert_rect(&m.into, 0, 0, 64, 32);
    fit.mode = ODDI_FIT_PAD;
    assert_int_equal(oddi_fit_mapping(*state, &fit, 100, 100, &m), ODD_OK);
    assert_rect(&m.from, 0, 0, 100, 100);
    assert_rect(&m.into, 16, 0, 32, 32);
    fit.mode = ODDI_FIT_CROP;
    assert_int_equal(oddi_fit_mapping(*state, &fit, 100, 100, &m), ODD_OK);
    assert_rect(&m.from, 0, 25, 100, 50);
    assert_rect(&m.into, 0, 0, 64, 32);
    /* extreme aspects keep a pixel */
    fit.mode = ODDI_FIT_PAD;
    assert_int_equal(oddi_fit_mapping(*state, &fit, 1, 1000000, &m), ODD_OK);
    assert_rect(&m.into, 31, 0, 1, 32);
    fit.mode = ODDI_FIT_CROP;
    assert_int_equal(oddi_fit_mapping(*state, &fit, 1000000, 1, &m), ODD_OK);
    assert_rect(&m.from, 499999, 0, 2, 1);
}

static void test_refuses(void **state)
{
    struct oddi_fit fit = {ODDI_FIT_PAD, 0, 32};
    struct oddi_mapping m;

    assert_int_equal(oddi_fit_mapping(*state, &fit, 10, 10, &m), ODD_EINVAL);
    fit.width = 32;
    assert_int_equal(oddi_fit_mapping(*state, &fit, 10, 0, &m), ODD_EINVAL);
    fit.mode = (enum oddi_fit_mode)7;
    assert_int_equal(oddi_fit_mapping(*state, &fit, 10, 10, &m), ODD_EINVAL);
}

/* A picture whose two bands are x and y, in steps that u8 holds exactly. */
static struct oddi_picture *ramp(struct odd_context *ctx, int64_t width, int64_t height)
{
    struct oddi_picture *picture = NULL;
    uint8_t *data;

    assert_int_equal(oddi_picture_new(ctx, width, height, 2, ODD_U8, &picture), ODD_OK);
    data = picture->data;
    for (int64_t i = 0; i < width * height; i++) {
        data[2 * i] = (uint8_t)(i % width);
        data[2 * i + 1] = (uint8_t)(i / width);
    }
    return picture;
}

static void test_pad_repeats_the_edge(void **state)
{
    const struct oddi_fit fit = {ODDI_FIT_PAD, 24, 10};
    struct oddi_picture *picture = ramp(*state, 10, 10);
    struct oddi_planes p = {0, 0, 0, NULL};
    struct oddi_mapping m;

    assert_int_equal(oddi_fit_apply(*state, &fit, picture, &p, &m), ODD_OK);
    assert_rect(&m.into, 7, 0, 10, 10);
    for (int x = 0; x < 24; x++) {
        const int from = x < 7 ? 0 : x > 16 ? 9 : x - 7;

        assert_float_equal(p.data[3 * 24 + x] * 255, from, 1e-4);
        assert_float_equal(p.data[240 + 3 * 24 + x] * 255, 3, 1e-4);
    }
    oddi_planes_release(*state, &p);
    oddi_picture_free(*state, picture);
}

static void test_crop_takes_the_middle(void **state)
{
    const struct oddi_fit fit = {ODDI_FIT_CROP, 10, 10};
    struct oddi_picture *picture = ramp(*state, 30, 10);
    struct oddi_planes p = {0, 0, 0, NULL};

    assert_int_equal(oddi_fit_apply(*state, &fit, picture, &p, NULL), ODD_OK);
    assert_float_equal(p.data[0] * 255, 10, 1e-4);
    assert_float_equal(p.data[9] * 255, 19, 1e-4);
    oddi_planes_release(*state, &p);
    oddi_picture_free(*state, picture);
}

/* A linear map at the network's size stays linear on the way back, away from the borders. */
static void test_inverse_lands_in_place(void **state)
{
    static const enum oddi_fit_mode modes[] = {ODDI_FIT_STRETCH, ODDI_FIT_PAD, ODDI_FIT_CROP};
    float map[32 * 32], out[80 * 48];

    for (size_t k = 0; k < ODDI_COUNT(modes); k++) {
        const struct oddi_fit fit = {modes[k], 32, 32};
        struct oddi_mapping m;
        double sx, sy;

        assert_int_equal(oddi_fit_mapping(*state, &fit, 80, 48, &m), ODD_OK);
        sx = (double)m.from.width / (double)m.into.width;
        sy = (double)m.from.height / (double)m.into.height;
        for (int i = 0; i < 32 * 32; i++) { /* map = picture x + 100 * picture y, plus an offset */
            const double x = ((i % 32) + 0.5 - (double)m.into.x) * sx + (double)m.from.x - 0.5;
            const double y = ((i / 32) + 0.5 - (double)m.into.y) * sy + (double)m.from.y - 0.5;

            map[i] = (float)(x + 100 * y + 5000);
        }
        assert_int_equal(oddi_fit_inverse(*state, &m, map, out), ODD_OK);
        for (int64_t y = m.from.y + 3; y < m.from.y + m.from.height - 3; y++)
            for (int64_t x = m.from.x + 3; x < m.from.x + m.from.width - 3; x++)
                assert_float_equal(out[y * 80 + x], (double)(x + 100 * y + 5000), 0.01);
        if (modes[k] == ODDI_FIT_CROP) { /* not seen: the smallest value of the map */
            assert_true(out[0] == map[0]);
            assert_true(out[48 * 80 - 1] == map[0]);
        }
    }
}

static void test_every_allocation_may_fail(void **state)
{
    const struct oddi_fit fit = {ODDI_FIT_PAD, 12, 9};

    (void)state;
    for (long n = 1;; n++) {
        struct oddi_planes p = {0, 0, 0, NULL};
        struct oddi_mapping m;
        struct oddi_picture *picture;
        struct fault_alloc fault;
        struct odd_context *ctx;
        float out[100];
        odd_status status;
        bool failed;

        fault_alloc_init(&fault);
        ctx = fault_context(&fault);
        picture = ramp(ctx, 10, 10);
        fault_alloc_arm(&fault, n);
        status = oddi_fit_apply(ctx, &fit, picture, &p, &m);
        status = status ? status : oddi_fit_inverse(ctx, &m, p.data, out);
        failed = fault_alloc_disarm(&fault);
        assert_int_equal(status, failed ? ODD_ENOMEM : ODD_OK);
        oddi_picture_free(ctx, picture);
        oddi_planes_release(ctx, &p);
        odd_context_free(ctx);
        assert_int_equal(fault.live, 0);
        if (!failed)
            break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mappings),
        cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_pad_repeats_the_edge),
        cmocka_unit_test(test_crop_takes_the_middle),
        cmocka_unit_test(test_inverse_lands_in_place),
        cmocka_unit_test(test_every_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
