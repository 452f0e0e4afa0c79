/* SPDX-License-Identifier: Apache-2.0
 * The colour scale and the overlay. */
#include "base/compat.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "pixels/colour.h"

static int setup(void **state)
{
    return odd_context_new((struct odd_context **)state) == ODD_OK ? 0 : -1;
}

static int teardown(void **state)
{
    odd_context_free(*state);
    return 0;
}

static double linear(uint8_t v)
{
    const double e = v / 255.0;

    return e <= 0.04045 ? e / 12.92 : pow((e + 0.055) / 1.055, 2.4);
}

/* OKLab lightness back from the bytes, by the forward matrices. */
static double lightness(const uint8_t c[3])
{
    const double r = linear(c[0]), g = linear(c[1]), b = linear(c[2]);
    const double l = cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
    const double m = cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
    const double s = cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);

    return 0.2104542553 * l + 0.7936177850 * m - 0.0040720468 * s;
}

static void test_lightness_grows_evenly(void **state)
{
    uint8_t table[ODDI_COLOURS][3];

    (void)state;
    oddi_colour_table(table);
    for (int i = 0; i < ODDI_COLOURS; i++)
        assert_float_equal((float)lightness(table[i]), (float)(0.22 + 0.68 * i / 255.0), 0.006f);
    for (int i = 4; i < ODDI_COLOURS; i++)
        assert_true(lightness(table[i]) > lightness(table[i - 4]));
    assert_true(table[0][2] > table[0][0] && table[0][0] > table[0][1]); /* violet-blue */
    assert_true(table[255][0] > 200 && table[255][1] > 200 && table[255][2] < 120); /* yellow */
}

static void test_overlay(void **state)
{
    const float map[2] = {0.0f, 1.0f};
    const float shifted[2] = {NAN, 5.0f};
    struct oddi_heat heat = {map, 2, 1, 0.0f, 1.0f};
    struct oddi_picture *picture = NULL, *a = NULL, *b = NULL;
    const uint8_t *rgb;

    assert_int_equal(oddi_picture_new(*state, 2, 1, 1, ODD_U16, &picture), ODD_OK);
    memset(picture->data, 0x80, 4);
    assert_int_equal(oddi_overlay(*state, picture, &heat, &a), ODD_OK);
    assert_int_equal(a->bands, 3);
    assert_int_equal(a->width, 2);
    rgb = a->data;
    assert_true(rgb[2] > rgb[1]);                   /* cold: bluish */
    assert_true(rgb[3] > rgb[5] + 50);              /* hot: yellow */
    assert_true(rgb[3] > rgb[0] && rgb[4] > rgb[1]); /* and lighter */
    heat.map = shifted; /* not finite is drawn as lo, beyond hi as hi */
    assert_int_equal(oddi_overlay(*state, picture, &heat, &b), ODD_OK);
    assert_memory_equal(a->data, b->data, 6);
    oddi_picture_free(*state, a);
    oddi_picture_free(*state, b);
    a = NULL;
    heat.hi = 0.0f;
    assert_int_equal(oddi_overlay(*state, picture, &heat, &a), ODD_EINVAL);
    assert_null(a);
    oddi_picture_free(*state, picture);
}

static void test_overlay_resizes_the_map(void **state)
{
    const float map[1] = {0.5f};
    const struct oddi_heat heat = {map, 1, 1, 0.0f, 1.0f};
    struct oddi_picture *picture = NULL, *out = NULL;

    assert_int_equal(oddi_picture_new(*state, 7, 5, 3, ODD_U8, &picture), ODD_OK);
    memset(picture->data, 100, oddi_picture_size(picture));
    assert_int_equal(oddi_overlay(*state, picture, &heat, &out), ODD_OK);
    assert_int_equal(out->height, 5);
    for (int i = 3; i < 7 * 5 * 3; i++)
        assert_int_equal(((uint8_t *)out->data)[i], ((uint8_t *)out->data)[i % 3]);
    oddi_picture_free(*state, picture);
    oddi_picture_free(*state, out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lightness_grows_evenly),
        cmocka_unit_test(test_overlay),
        cmocka_unit_test(test_overlay_resizes_the_map),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
