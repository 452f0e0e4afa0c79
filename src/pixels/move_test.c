/* SPDX-License-Identifier: Apache-2.0
 * Crop, pad, flips, quarter turns, free rotation. */
#include "base/compat.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "pixels/move.h"

static int setup(void **state)
{
    return odd_context_new((struct odd_context **)state) == ODD_OK ? 0 : -1;
}

static int teardown(void **state)
{
    odd_context_free(*state);
    return 0;
}

/* Sample (band, y, x) is 100 band + 10 y + x. */
static struct oddi_planes numbered(struct odd_context *ctx, int64_t width, int64_t height,
                                   int bands)
{
    struct oddi_planes p = {0, 0, 0, NULL};

    assert_int_equal(oddi_planes_init(ctx, width, height, bands, &p), ODD_OK);
    for (int64_t i = 0; i < width * height * bands; i++)
        p.data[i] = (float)(100 * (i / (width * height)) + 10 * (i / width % height) + i % width);
    return p;
}

static void assert_values(const struct oddi_planes *p, int64_t width, int64_t height,
                          const float *expected)
{
    assert_int_equal(p->width, width);
    assert_int_equal(p->height, height);
    for (int64_t i = 0; i < width * height * p->bands; i++)
        assert_float_equal(p->data[i], expected[i], 1e-4);
}

static void test_crop(void **state)
{
    static const float expected[] = {11, 12, 21, 22, 111, 112, 121, 122};
    const struct oddi_rect rect = {1, 1, 2, 2}, bad = {2, 1, 2, 2};
    struct oddi_planes src = numbered(*state, 3, 3, 2), dst = {0, 0, 0, NULL};

    assert_int_equal(oddi_planes_crop(*state, &src, &bad, &dst), ODD_ESHAPE);
    assert_null(dst.data);
    assert_int_equal(oddi_planes_crop(*state, &src, &rect, &dst), ODD_OK);
    assert_values(&dst, 2, 2, expected);
    oddi_planes_release(*state, &src);
    oddi_planes_release(*state, &dst);
}

static void test_pad(void **state)
{
    static const float expected[] = {0,  0,  1,  1,  1,  0,  0,  1,  1,  1,
                                     10, 10, 11, 11, 11, 10, 10, 11, 11, 11};
    const struct oddi_border border = {1, 1, 2, 1}, bad = {0, -1, 0, 0};
    struct oddi_planes src = numbered(*state, 2, 2, 1), dst = {0, 0, 0, NULL};

    assert_int_equal(oddi_planes_pad(*state, &src, &bad, &dst), ODD_EINVAL);
    assert_int_equal(oddi_planes_pad(*state, &src, &border, &dst), ODD_OK);
    assert_values(&dst, 5, 4, expected);
    oddi_planes_release(*state, &src);
    oddi_planes_release(*state, &dst);
}

static void test_flip(void **state)
{
    static const float across[] = {2, 1, 0, 12, 11, 10, 102, 101, 100, 112, 111, 110};
    static const float both[] = {12, 11, 10, 2, 1, 0, 112, 111, 110, 102, 101, 100};
    struct oddi_planes p = numbered(*state, 3, 2, 2);

    oddi_planes_flip(&p, true, false);
    assert_values(&p, 3, 2, across);
    oddi_planes_flip(&p, false, true);
    assert_values(&p, 3, 2, both);
    oddi_planes_release(*state, &p);
}

static void test_rot90(void **state)
{
    /* 0 1 2 / 10 11 12 counter-clockwise is 2 12 / 1 11 / 0 10 */
    static const float once[] = {2, 12, 1, 11, 0, 10};
    static const float twice[] = {12, 11, 10, 2, 1, 0};
    static const float thrice[] = {10, 0, 11, 1, 12, 2};
    struct oddi_planes src = numbered(*state, 3, 2, 1), dst = {0, 0, 0, NULL};

    assert_int_equal(oddi_planes_rot90(*state, &src, 1, &dst), ODD_OK);
    assert_values(&dst, 2, 3, once);
    oddi_planes_release(*state, &dst);
    assert_int_equal(oddi_planes_rot90(*state, &src, -2, &dst), ODD_OK);
    assert_values(&dst, 3, 2, twice);
    oddi_planes_release(*state, &dst);
    assert_int_equal(oddi_planes_rot90(*state, &src, -1, &dst), ODD_OK);
    assert_values(&dst, 2, 3, thrice);
    oddi_planes_release(*state, &dst);
    assert_int_equal(oddi_planes_rot90(*state, &src, 8, &dst), ODD_OK);
    assert_values(&dst, 3, 2, src.data);
    oddi_planes_release(*state, &dst);
    oddi_planes_release(*state, &src);
}

static void test_rotate_agrees_with_quarter_turns(void **state)
{
    struct oddi_planes src = numbered(*state, 5, 5, 2), free_turn = {0, 0, 0, NULL};
    struct oddi_planes quarter = {0, 0, 0, NULL};

    for (int turns = -1; turns < 4; turns++) {
        assert_int_equal(oddi_planes_rotate(*state, &src, 90.0 * turns, &free_turn), ODD_OK);
        assert_int_equal(oddi_planes_rot90(*state, &src, turns, &quarter), ODD_OK);
        assert_values(&free_turn, 5, 5, quarter.data);
        oddi_planes_release(*state, &free_turn);
        oddi_planes_release(*state, &quarter);
    }
    assert_int_equal(oddi_planes_rotate(*state, &src, (double)NAN, &quarter), ODD_EINVAL);
    oddi_planes_release(*state, &src);
}

static void test_rotate_continues_the_edge(void **state)
{
    struct oddi_planes src = numbered(*state, 9, 9, 1), dst = {0, 0, 0, NULL};

    assert_int_equal(oddi_planes_rotate(*state, &src, 45.0, &dst), ODD_OK);
    assert_float_equal(dst.data[4 * 9 + 4], 44.0, 1e-4); /* the centre stays */
    /* Counter-clockwise by 45 degrees, the upper left corner shows what was straight above the
     * centre, 5.66 rows away: beyond the top, so the middle of the first row. */
    assert_float_equal(dst.data[0], 4.0, 1e-3);
    assert_float_equal(dst.data[8], 48.0, 1e-3); /* likewise the middle of the last column */
    oddi_planes_release(*state, &src);
    oddi_planes_release(*state, &dst);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_crop),
        cmocka_unit_test(test_pad),
        cmocka_unit_test(test_flip),
        cmocka_unit_test(test_rot90),
        cmocka_unit_test(test_rotate_agrees_with_quarter_turns),
        cmocka_unit_test(test_rotate_continues_the_edge),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
