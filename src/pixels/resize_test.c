/* SPDX-License-Identifier: Apache-2.0
 * Resizing against Pillow's results and against its own properties. */
#include "base/compat.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/rng.h"
#include "pixels/resize.h"

enum golden_kind {
    GOLDEN_BILINEAR,
    GOLDEN_NEAREST,
    GOLDEN_FLOAT,
    GOLDEN_BICUBIC,
    GOLDEN_FLOAT_BICUBIC,
    GOLDEN_HARD_BICUBIC
};
struct golden_case {
    uint32_t kind, bands, width, height, to_width, to_height;
};

static bool is_float(const struct golden_case *c)
{
    return c->kind == GOLDEN_FLOAT || c->kind == GOLDEN_FLOAT_BICUBIC;
}

static int setup(void **state)
{
    return odd_context_new((struct odd_context **)state) == ODD_OK ? 0 : -1;
}

static int teardown(void **state)
{
    odd_context_free(*state);
    return 0;
}

static struct oddi_picture *make_picture(struct odd_context *ctx, const struct golden_case *c,
                                         const char *data)
{
    struct oddi_picture *picture = NULL;

    assert_int_equal(oddi_picture_new(ctx, c->width, c->height, (int)c->bands,
                                      is_float(c) ? ODD_F32 : ODD_U8, &picture),
                     ODD_OK);
    memcpy(picture->data, data, oddi_picture_size(picture));
    return picture;
}

/* Counts samples that differ by more than one grey level. */
static int64_t compare_u8(const uint8_t *a, const uint8_t *b, int64_t count)
{
    int64_t far = 0;

    for (int64_t i = 0; i < count; i++)
        far += abs(a[i] - b[i]) > 1;
    return far;
}

static void check_smooth(struct odd_context *ctx, const struct golden_case *c,
                         const struct oddi_picture *picture, const char *expected)
{
    const struct oddi_rect into = {0, 0, c->to_width, c->to_height};
    struct oddi_planes planes = {0, 0, 0, NULL}, small = planes;
    struct oddi_picture *result = NULL;
    const int64_t count = (int64_t)c->to_width * c->to_height * c->bands;
    float value;

    assert_int_equal(oddi_picture_to_planes(ctx, picture, &planes), ODD_OK);
    if (c->kind >= GOLDEN_BICUBIC) {
        assert_int_equal(oddi_planes_init(ctx, into.width, into.height, (int)c->bands, &small),
                         ODD_OK);
        assert_int_equal(oddi_picture_resize_cubic(ctx, picture, NULL, &into, &small), ODD_OK);
    } else {
        assert_int_equal(oddi_planes_resize(ctx, &planes, into.width, into.height, &small), ODD_OK);
    }
    assert_int_equal(oddi_planes_to_picture(ctx, &small, picture->type, &result), ODD_OK);
    if (!is_float(c))
        assert_in_range(compare_u8(result->data, (const uint8_t *)expected, count), 0,
                        count / 1000);
    for (int64_t i = 0; is_float(c) && i < count; i++) {
        memcpy(&value, expected + 4 * i, 4);
        assert_float_equal(small.data[i], value, 2e-6);
    }
    oddi_planes_release(ctx, &planes);
    oddi_planes_release(ctx, &small);
    oddi_picture_free(ctx, result);
}

static void check_nearest(struct odd_context *ctx, const struct golden_case *c,
                          const struct oddi_picture *picture, const char *expected)
{
    struct oddi_picture *result = NULL;

    assert_int_equal(oddi_picture_resize_nearest(ctx, picture, c->to_width, c->to_height, &result),
                     ODD_OK);
    assert_memory_equal(result->data, expected, oddi_picture_size(result));
    oddi_picture_free(ctx, result);
}

static void test_equals_pillow(void **state)
{
    char *data = NULL;
    const char *at;
    size_t size = 0;
    uint32_t cases;

    assert_int_equal(oddi_file_read(*state, ODDI_SOURCE_DIR "/tests/golden/pixels_resize.bin",
                                    1 << 20, &data, &size),
                     ODD_OK);
    assert_memory_equal(data, "ODPX", 4);
    memcpy(&cases, data + 4, 4);
    assert_in_range(cases, 26, 100);
    at = data + 8;
    for (uint32_t i = 0; i < cases; i++) {
        struct golden_case c;
        struct oddi_picture *picture;
        size_t sample;

        memcpy(&c, at, sizeof(c));
        at += sizeof(c);
        sample = is_float(&c) ? 4 : 1;
        picture = make_picture(*state, &c, at);
        at += oddi_picture_size(picture);
        if (c.kind == GOLDEN_NEAREST)
            check_nearest(*state, &c, picture, at);
        else
            check_smooth(*state, &c, picture, at);
        at += (size_t)c.to_width * c.to_height * c.bands * sample;
        oddi_picture_free(*state, picture);
    }
    assert_int_equal(at - data, size);
    oddi_free(*state, data);
}

static void test_constant_stays(void **state)
{
    static const int64_t sides[][4] = {{100, 3, 7, 50}, {5, 9, 64, 64}, {1, 1, 3, 2}};

    for (size_t i = 0; i < ODDI_COUNT(sides); i++) {
        const int64_t *s = sides[i];
        struct oddi_planes src = {0, 0, 0, NULL}, dst = src;

        assert_int_equal(oddi_planes_init(*state, s[0], s[1], 5, &src), ODD_OK);
        for (int64_t k = 0; k < s[0] * s[1] * 5; k++)
            src.data[k] = 0.7f;
        assert_int_equal(oddi_planes_resize(*state, &src, s[2], s[3], &dst), ODD_OK);
        for (int64_t k = 0; k < s[2] * s[3] * 5; k++)
            assert_float_equal(dst.data[k], 0.7, 1e-6);
        oddi_planes_release(*state, &src);
        oddi_planes_release(*state, &dst);
    }
}

static void fill_randomly(void *data, size_t size, uint64_t stream)
{
    unsigned char *bytes = data;
    struct oddi_rng rng;

    oddi_rng_init(&rng, 3, ODDI_RNG_TEST, 0, stream);
    for (size_t i = 0; i < size; i++)
        bytes[i] = (unsigned char)oddi_rng_below(&rng, 256);
}

/* The way without a float copy gives the bits of the way with one; the same size, the same bits. */
static void check_direct(void **state, enum odd_pixel_type type, int64_t width, int64_t height)
{
    const struct oddi_rect into = {0, 0, width, height};
    struct oddi_picture *picture = NULL;
    struct oddi_planes planes = {0, 0, 0, NULL}, direct = planes, same = planes;

    assert_int_equal(oddi_picture_new(*state, 23, 17, 7, type, &picture), ODD_OK);
    fill_randomly(picture->data, oddi_picture_size(picture), (uint64_t)type);
    assert_int_equal(oddi_picture_to_planes(*state, picture, &planes), ODD_OK);
    assert_int_equal(oddi_planes_init(*state, width, height, 7, &direct), ODD_OK);
    assert_int_equal(oddi_picture_resize_into(*state, picture, NULL, &into, &direct), ODD_OK);
    assert_int_equal(oddi_planes_resize(*state, &planes, width, height, &same), ODD_OK);
    for (int64_t i = 0; i < width * height * 7; i++)
        assert_float_equal(direct.data[i], same.data[i], 1e-6);
    if (width == 23 && height == 17) {
        assert_memory_equal(direct.data, planes.data, 23 * 17 * 7 * sizeof(float));
        assert_memory_equal(same.data, planes.data, 23 * 17 * 7 * sizeof(float));
    }
    oddi_picture_free(*state, picture);
    oddi_planes_release(*state, &planes);
    oddi_planes_release(*state, &direct);
    oddi_planes_release(*state, &same);
}

static void test_direct_and_identity(void **state)
{
    check_direct(state, ODD_U8, 23, 17);
    check_direct(state, ODD_U16, 23, 17);
    check_direct(state, ODD_U8, 11, 30);
    check_direct(state, ODD_U16, 40, 5);
}

static void test_halving_is_the_triangle(void **state)
{
    /* ratio 2: the inner pixel weighs four neighbours 1 3 3 1 over 8 */
    struct oddi_planes src = {0, 0, 0, NULL}, dst = src;

    assert_int_equal(oddi_planes_init(*state, 6, 1, 1, &src), ODD_OK);
    for (int i = 0; i < 6; i++)
        src.data[i] = (float)(i * i);
    assert_int_equal(oddi_planes_resize(*state, &src, 3, 1, &dst), ODD_OK);
    assert_float_equal(dst.data[1], (1 * 1 + 3 * 4 + 3 * 9 + 1 * 16) / 8.0, 1e-6);
    assert_float_equal(dst.data[0], (3 * 0 + 3 * 1 + 1 * 4) / 7.0, 1e-6);
    oddi_planes_release(*state, &src);
    oddi_planes_release(*state, &dst);
}

/* A step is met half-way; it overshoots on both sides, unless it is cut off. */
static void test_cubic_between_and_beyond(void **state)
{
    const struct oddi_rect into = {0, 0, 12, 1};
    struct oddi_picture *picture = NULL;
    struct oddi_planes dst = {0, 0, 0, NULL};
    float *step;

    assert_int_equal(oddi_picture_new(*state, 4, 1, 1, ODD_F32, &picture), ODD_OK);
    assert_int_equal(oddi_planes_init(*state, 12, 1, 1, &dst), ODD_OK);
    step = picture->data;
    for (int i = 0; i < 4; i++)
        step[i] = i < 2 ? 0.0f : 1.0f;
    assert_int_equal(oddi_picture_resize_cubic(*state, picture, NULL, &into, &dst), ODD_OK);
    assert_float_equal(dst.data[5] + dst.data[6], 1.0, 1e-6);
    assert_true(dst.data[3] < -0.01f && dst.data[8] > 1.01f);
    oddi_picture_free(*state, picture);

    assert_int_equal(oddi_picture_new(*state, 4, 1, 1, ODD_U8, &picture), ODD_OK);
    memcpy(picture->data, (const uint8_t[]){0, 0, 255, 255}, 4);
    assert_int_equal(oddi_picture_resize_cubic(*state, picture, NULL, &into, &dst), ODD_OK);
    assert_float_equal(dst.data[3], 0.0, 0.0);
    assert_float_equal(dst.data[8], 1.0, 0.0);
    oddi_picture_free(*state, picture);
    oddi_planes_release(*state, &dst);

    const struct oddi_rect half = {0, 0, 3, 1};
    assert_int_equal(oddi_picture_new(*state, 8, 1, 1, ODD_F32, &picture), ODD_OK);
    step = picture->data;
    for (int i = 0; i < 8; i++)
        step[i] = (float)i;
    assert_int_equal(oddi_planes_init(*state, 3, 1, 1, &dst), ODD_OK);
    /* a line stays a line where the filter is not cut off by the ends */
    assert_int_equal(oddi_picture_resize_cubic(*state, picture, NULL, &half, &dst), ODD_OK);
    assert_float_equal(dst.data[1], 3.5, 1e-5);
    assert_float_equal(dst.data[0] + dst.data[2], 7.0, 1e-5);
    oddi_picture_free(*state, picture);
    oddi_planes_release(*state, &dst);
}

static void test_refuses_rectangles_outside(void **state)
{
    const struct oddi_rect bad[] = {
        {-1, 0, 4, 4}, {1, 0, 4, 4}, {0, 1, 4, 4}, {0, 0, 0, 1}, {INT64_MAX, 0, 1, 1}};
    const struct oddi_rect all = {0, 0, 4, 4};
    struct oddi_planes a = {0, 0, 0, NULL}, b = a, none = a;

    assert_int_equal(oddi_planes_init(*state, 4, 4, 1, &a), ODD_OK);
    assert_int_equal(oddi_planes_init(*state, 4, 4, 1, &b), ODD_OK);
    for (size_t i = 0; i < ODDI_COUNT(bad); i++) {
        assert_int_equal(oddi_planes_resize_into(*state, &a, &bad[i], &all, &b), ODD_ESHAPE);
        assert_int_equal(oddi_planes_resize_into(*state, &a, &all, &bad[i], &b), ODD_ESHAPE);
    }
    assert_int_equal(oddi_planes_resize(*state, &a, 0, 4, &none), ODD_EINVAL);
    assert_int_equal(oddi_planes_resize(*state, &a, 4, 2000000, &none), ODD_EINVAL);
    assert_null(none.data);
    oddi_planes_release(*state, &a);
    oddi_planes_release(*state, &b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equals_pillow),
        cmocka_unit_test(test_constant_stays),
        cmocka_unit_test(test_direct_and_identity),
        cmocka_unit_test(test_halving_is_the_triangle),
        cmocka_unit_test(test_cubic_between_and_beyond),
        cmocka_unit_test(test_refuses_rectangles_outside),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
