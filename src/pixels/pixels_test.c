/* SPDX-License-Identifier: Apache-2.0
 * Callers' buffers, conversions, bands, gain. */
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
#include "base/alloc.h"
#include "base/rng.h"
#include "pixels/pixels.h"

static int setup(void **state)
{
    return odd_context_new((struct odd_context **)state) == ODD_OK ? 0 : -1;
}

static int teardown(void **state)
{
    odd_context_free(*state);
    return 0;
}

static struct odd_pixels describe(const void *data, int64_t width, int64_t height, int bands,
                                  enum odd_pixel_type type)
{
    struct odd_pixels p = {sizeof(p), data, width, height, bands, type, 0, false};

    return p;
}

static void test_copies_interleaved_with_stride(void **state)
{
    const uint8_t data[] = {1, 2, 3, 4, 99, 5, 6, 7, 8, 99};
    const uint8_t expected[] = {1, 2, 3, 4, 5, 6, 7, 8};
    struct odd_pixels p = describe(data, 2, 2, 2, ODD_U8);
    struct oddi_picture *picture = NULL;

    p.stride = 5;
    assert_int_equal(oddi_picture_from_pixels(*state, &p, &picture), ODD_OK);
    assert_int_equal(oddi_picture_size(picture), 8);
    assert_memory_equal(picture->data, expected, 8);
    oddi_picture_free(*state, picture);
}

static void test_copies_planar_with_stride(void **state)
{
    /* two bands of 2 x 2, rows of three samples of which the last is padding */
    const uint16_t data[] = {1, 2, 0, 3, 4, 0, 11, 12, 0, 13, 14, 0};
    const uint16_t expected[] = {1, 11, 2, 12, 3, 13, 4, 14};
    struct odd_pixels p = describe(data, 2, 2, 2, ODD_U16);
    struct oddi_picture *picture = NULL;

    p.stride = 6;
    p.planar = true;
    assert_int_equal(oddi_picture_from_pixels(*state, &p, &picture), ODD_OK);
    assert_memory_equal(picture->data, expected, sizeof(expected));
    oddi_picture_free(*state, picture);
}

static void test_reads_unaligned_rows(void **state)
{
    unsigned char data[1 + 2 * 5] = {0};
    const uint16_t row0 = 300, row1 = 65535;
    struct odd_pixels p = describe(data + 1, 1, 2, 1, ODD_U16);
    struct oddi_picture *picture = NULL;

    memcpy(data + 1, &row0, 2);
    memcpy(data + 6, &row1, 2);
    p.stride = 5;
    assert_int_equal(oddi_picture_from_pixels(*state, &p, &picture), ODD_OK);
    assert_int_equal(((uint16_t *)picture->data)[0], 300);
    assert_int_equal(((uint16_t *)picture->data)[1], 65535);
    oddi_picture_free(*state, picture);
}

static void refuse(void **state, const struct odd_pixels *p, odd_status expected,
                   const char *word)
{
    struct oddi_picture *picture = NULL;

    assert_int_equal(oddi_picture_from_pixels(*state, p, &picture), expected);
    assert_null(picture);
    assert_non_null(strstr(odd_last_message(*state), word));
}

static void test_refuses_bad_buffers(void **state)
{
    const uint8_t data[64] = {0};
    const struct odd_pixels good = describe(data, 2, 2, 3, ODD_U8);
    struct odd_pixels p;

    refuse(state, NULL, ODD_EINVAL, "NULL");
    p = good, p.struct_size = 8, refuse(state, &p, ODD_EINVAL, "struct_size");
    p = good, p.data = NULL, refuse(state, &p, ODD_EINVAL, "data");
    p = good, p.width = 0, refuse(state, &p, ODD_EINVAL, "sides");
    p = good, p.height = -1, refuse(state, &p, ODD_EINVAL, "sides");
    p = good, p.width = 1000001, refuse(state, &p, ODD_EINVAL, "sides");
    p = good, p.bands = 0, refuse(state, &p, ODD_EINVAL, "bands");
    p = good, p.bands = 17, refuse(state, &p, ODD_EINVAL, "bands");
    p = good, p.type = (enum odd_pixel_type)9, refuse(state, &p, ODD_EINVAL, "type");
    p = good, p.stride = 5, refuse(state, &p, ODD_EINVAL, "stride");
    p = good, p.stride = -6, refuse(state, &p, ODD_EINVAL, "stride");
    p = good, p.stride = INT64_MAX, refuse(state, &p, ODD_EINVAL, "overflow");
}

static void test_refuses_what_is_not_finite(void **state)
{
    float data[12] = {0};
    const struct odd_pixels p = describe(data, 3, 2, 2, ODD_F32);

    data[2 * (1 * 3 + 2) + 1] = NAN;
    refuse(state, &p, ODD_ENUMERIC, "x 2, y 1, band 1");
    data[2 * (1 * 3 + 2) + 1] = 0.0f;
    data[0] = -INFINITY;
    refuse(state, &p, ODD_ENUMERIC, "x 0, y 0, band 0");
}

static void round_trip(void **state, const void *data, enum odd_pixel_type type)
{
    const struct odd_pixels p = describe(data, 2, 1, 3, type);
    struct oddi_picture *picture = NULL, *back = NULL;
    struct oddi_planes planes = {0, 0, 0, NULL};

    assert_int_equal(oddi_picture_from_pixels(*state, &p, &picture), ODD_OK);
    assert_int_equal(oddi_picture_to_planes(*state, picture, &planes), ODD_OK);
    assert_int_equal(oddi_planes_to_picture(*state, &planes, type, &back), ODD_OK);
    assert_memory_equal(back->data, data, oddi_picture_size(picture));
    oddi_planes_release(*state, &planes);
    oddi_planes_release(*state, &planes);
    oddi_picture_free(*state, picture);
    oddi_picture_free(*state, back);
}

static void test_planes_and_back(void **state)
{
    const uint8_t u8[] = {0, 1, 127, 128, 254, 255};
    const uint16_t u16[] = {0, 1, 32767, 32768, 65534, 65535};
    const float f32[] = {-1.0f, 0.0f, 0.3f, 1.0f, 2.0f, 1e-30f};

    round_trip(state, u8, ODD_U8);
    round_trip(state, u16, ODD_U16);
    round_trip(state, f32, ODD_F32);
}

static void test_planes_are_planar_and_scaled(void **state)
{
    const uint8_t data[] = {0, 51, 102, 255, 204, 153};
    const float expected[] = {0.0f, 1.0f, 0.2f, 0.8f, 0.4f, 0.6f};
    const struct odd_pixels p = describe(data, 2, 1, 3, ODD_U8);
    struct oddi_picture *picture = NULL, *clamped = NULL;
    struct oddi_planes planes = {0, 0, 0, NULL};

    assert_int_equal(oddi_picture_from_pixels(*state, &p, &picture), ODD_OK);
    assert_int_equal(oddi_picture_to_planes(*state, picture, &planes), ODD_OK);
    for (int i = 0; i < 6; i++)
        assert_float_equal(planes.data[i], expected[i], 1e-7);
    planes.data[0] = -3.0f;
    planes.data[1] = 7.0f;
    assert_int_equal(oddi_planes_to_picture(*state, &planes, ODD_U16, &clamped), ODD_OK);
    assert_int_equal(((uint16_t *)clamped->data)[0], 0);
    assert_int_equal(((uint16_t *)clamped->data)[3], 65535);
    oddi_planes_release(*state, &planes);
    oddi_picture_free(*state, picture);
    oddi_picture_free(*state, clamped);
}

static void test_to_bands(void **state)
{
    struct oddi_planes rgb = {0, 0, 0, NULL}, grey = rgb, again = rgb, none = rgb;

    assert_int_equal(oddi_planes_init(*state, 2, 1, 3, &rgb), ODD_OK);
    for (int i = 0; i < 6; i++)
        rgb.data[i] = (float)(i + 1);
    assert_int_equal(oddi_planes_to_bands(*state, &rgb, 1, &grey), ODD_OK);
    assert_float_equal(grey.data[0], 0.299f * 1 + 0.587f * 3 + 0.114f * 5, 1e-6f);
    assert_int_equal(oddi_planes_to_bands(*state, &grey, 3, &again), ODD_OK);
    for (int i = 0; i < 6; i++)
        assert_true(again.data[i] == grey.data[i % 2]);
    assert_int_equal(oddi_planes_to_bands(*state, &rgb, 2, &none), ODD_ESHAPE);
    assert_null(none.data);
    assert_int_equal(oddi_planes_to_bands(*state, &rgb, 3, &none), ODD_OK);
    assert_memory_equal(none.data, rgb.data, 6 * sizeof(float));
    oddi_planes_release(*state, &rgb);
    oddi_planes_release(*state, &grey);
    oddi_planes_release(*state, &again);
    oddi_planes_release(*state, &none);
}

static int by_value(const void *a, const void *b)
{
    const float x = *(const float *)a, y = *(const float *)b;

    return x < y ? -1 : x > y;
}

/* The median by sorting, for odd and even counts and many ties, against the counting one. */
static void test_gain_is_half_over_the_median(void **state)
{
    for (int64_t n = 1; n < 60; n++) {
        struct oddi_planes p = {0, 0, 0, NULL};
        struct oddi_rng rng;
        float sorted[60];
        double median;

        oddi_rng_init(&rng, 1, ODDI_RNG_TEST, 0, (uint64_t)n);
        assert_int_equal(oddi_planes_init(*state, n, 1, 2, &p), ODD_OK);
        for (int64_t i = 0; i < n; i++) {
            const float v = (float)oddi_rng_below(&rng, 9) / 8.0f + 0.125f;

            p.data[i] = v - 0.125f;
            p.data[n + i] = v + 0.125f;
            sorted[i] = v;
        }
        qsort(sorted, (size_t)n, sizeof(float), by_value);
        median = 0.5 * ((double)sorted[(n - 1) / 2] + (double)sorted[n / 2]);
        assert_float_equal(oddi_planes_gain(&p), (float)(0.5 / median), 1e-5f);
        oddi_planes_release(*state, &p);
    }
}

static void test_gain_of_pictures(void **state)
{
    const uint8_t u8[] = {10, 20, 30, 51, 51, 51, 200, 210, 220};
    const uint8_t black[] = {0, 0, 0, 0, 255};
    const float mixed[] = {-1.0f, -2.0f, 4.0f, 0.25f, 0.5f};
    struct odd_pixels p = describe(u8, 3, 1, 3, ODD_U8);
    struct oddi_picture *picture = NULL;
    struct oddi_planes planes = {0, 0, 0, NULL};

    assert_int_equal(oddi_picture_from_pixels(*state, &p, &picture), ODD_OK);
    assert_float_equal(oddi_picture_gain(picture), 2.5, 1e-6);
    assert_int_equal(oddi_picture_to_planes(*state, picture, &planes), ODD_OK);
    assert_true(oddi_planes_gain(&planes) == oddi_picture_gain(picture));
    oddi_planes_scale(&planes, oddi_planes_gain(&planes));
    assert_float_equal(oddi_planes_gain(&planes), 1.0, 1e-6);
    oddi_planes_release(*state, &planes);
    oddi_picture_free(*state, picture);

    p = describe(black, 5, 1, 1, ODD_U8);
    assert_int_equal(oddi_picture_from_pixels(*state, &p, &picture), ODD_OK);
    assert_true(oddi_picture_gain(picture) == 1.0f);
    oddi_picture_free(*state, picture);

    p = describe(mixed, 5, 1, 1, ODD_F32);
    assert_int_equal(oddi_picture_from_pixels(*state, &p, &picture), ODD_OK);
    assert_float_equal(oddi_picture_gain(picture), 2.0, 1e-6);
    oddi_picture_free(*state, picture);
}

static void test_every_allocation_may_fail(void **state)
{
    const float data[12] = {0};
    const struct odd_pixels p = describe(data, 3, 2, 2, ODD_F32);

    (void)state;
    for (long n = 1;; n++) {
        struct oddi_picture *picture = NULL, *back = NULL;
        struct oddi_planes planes = {0, 0, 0, NULL};
        struct fault_alloc fault;
        struct odd_context *ctx;
        odd_status status;
        bool failed;

        fault_alloc_init(&fault);
        ctx = fault_context(&fault);
        fault_alloc_arm(&fault, n);
        status = oddi_picture_from_pixels(ctx, &p, &picture);
        status = status ? status : oddi_picture_to_planes(ctx, picture, &planes);
        status = status ? status : oddi_planes_to_picture(ctx, &planes, ODD_U8, &back);
        failed = fault_alloc_disarm(&fault);
        assert_int_equal(status, failed ? ODD_ENOMEM : ODD_OK);
        oddi_picture_free(ctx, picture);
        oddi_picture_free(ctx, back);
        oddi_planes_release(ctx, &planes);
        odd_context_free(ctx);
        assert_int_equal(fault.live, 0);
        if (!failed)
            break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_copies_interleaved_with_stride),
        cmocka_unit_test(test_copies_planar_with_stride),
        cmocka_unit_test(test_reads_unaligned_rows),
        cmocka_unit_test(test_refuses_bad_buffers),
        cmocka_unit_test(test_refuses_what_is_not_finite),
        cmocka_unit_test(test_planes_and_back),
        cmocka_unit_test(test_planes_are_planar_and_scaled),
        cmocka_unit_test(test_to_bands),
        cmocka_unit_test(test_gain_is_half_over_the_median),
        cmocka_unit_test(test_gain_of_pictures),
        cmocka_unit_test(test_every_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
