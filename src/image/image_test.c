/* SPDX-License-Identifier: Apache-2.0
 *
 * What goes through libvips: files made with its savers, read with our loader. Pictures are small
 * and their samples a function of place, so that turned, cut or exchanged ones show.
 */
#include "image/vendor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../tests/support/fault_alloc.h"
#include "base/alloc.h"
#include "base/file.h"
#include "base/os.h"
#include "base/parallel.h"
#include "image/image_int.h"

#define BUDGET ((size_t)1 << 20)
#define W 7
#define H 5

static unsigned char sample(int x, int y, int band)
{
    return (unsigned char)(x * 31 + y * 7 + band * 50 + 3);
}

/* W x H of `format` with `bands` bands; u8 values, u16 times 257, floats over 255. */
static VipsImage *make(VipsBandFormat format, int bands, VipsInterpretation type)
{
    static unsigned char bytes[W * H * 20];
    VipsImage *memory, *cast = NULL, *out = NULL;
    for (int i = 0; i < W * H * bands; i++)
        bytes[i] = sample(i / bands % W, i / bands / W, i % bands);
    memory = vips_image_new_from_memory_copy(bytes, (size_t)(W * H * bands), W, H, bands,
                                             VIPS_FORMAT_UCHAR);
    double a = format == VIPS_FORMAT_USHORT ? 257 : format == VIPS_FORMAT_UCHAR ? 1 : 1.0 / 255;
    assert_int_equal(vips_linear1(memory, &cast, a, 0, NULL), 0);
    assert_int_equal(vips_cast(cast, &out, format, NULL), 0);
    g_object_unref(memory);
    g_object_unref(cast);
    VipsImage *kept = vips_image_copy_memory(out);
    g_object_unref(out);
    kept->Type = type;
    return kept;
}

struct bytes {
    void *data;
    size_t size;
};

static struct bytes saved(VipsImage *image, const char *suffix)
{
    struct bytes b = {NULL, 0};
    if (vips_image_write_to_buffer(image, suffix, &b.data, &b.size, NULL))
        fail_msg("%s: %s", suffix, vips_error_buffer());
    g_object_unref(image);
    return b;
}

static struct oddi_picture *load(struct odd_context *ctx, struct bytes b)
{
    struct oddi_picture *p = NULL;
    odd_status status = oddi_image_load_memory(ctx, "memory", b.data, b.size, BUDGET, &p);
    if (status != ODD_OK)
        fail_msg("%s: %s", odd_status_name(status), odd_last_message(ctx));
    return p;
}

static void expect_shape(const struct oddi_picture *p, int64_t w, int64_t h, int bands,
                         enum odd_pixel_type type)
{
    assert_int_equal(p->width, w);
    assert_int_equal(p->height, h);
    assert_int_equal(p->bands, bands);
    assert_int_equal(p->type, type);
}

/* Samples of `make`, within `tolerance` of 255. */
static void expect_samples(const struct oddi_picture *p, int tolerance)
{
    for (int64_t i = 0; i < p->width * p->height * p->bands; i++) {
        int expected = sample((int)(i / p->bands % W), (int)(i / p->bands / W), (int)(i % p->bands));
        double got = p->type == ODD_U8    ? ((uint8_t *)p->data)[i]
                     : p->type == ODD_U16 ? ((uint16_t *)p->data)[i] / 257.0
                                          : (double)((float *)p->data)[i] * 255.0;
        if (!(got >= expected - tolerance - 0.01 && got <= expected + tolerance + 0.01))
            fail_msg("sample %d: %g, expected %d", (int)i, got, expected);
    }
}

struct round {
    const char *suffix;
    VipsBandFormat format;
    int bands, kept;
    enum odd_pixel_type type;
    int tolerance;
};

static void test_kinds(void **state)
{
    (void)state;
    static const struct round rounds[] = {
        {".png", VIPS_FORMAT_UCHAR, 1, 1, ODD_U8, 0},
        {".png", VIPS_FORMAT_UCHAR, 2, 1, ODD_U8, 0},
        {".png", VIPS_FORMAT_UCHAR, 3, 3, ODD_U8, 0},
        {".png", VIPS_FORMAT_UCHAR, 4, 3, ODD_U8, 0},
        {".png[interlace]", VIPS_FORMAT_UCHAR, 3, 3, ODD_U8, 0},
        {".png", VIPS_FORMAT_USHORT, 1, 1, ODD_U16, 0},
        {".png", VIPS_FORMAT_USHORT, 3, 3, ODD_U16, 0},
        {".png", VIPS_FORMAT_USHORT, 4, 3, ODD_U16, 0},
        {".jpg[Q=100,subsample-mode=off]", VIPS_FORMAT_UCHAR, 1, 1, ODD_U8, 4},
        {".jpg[Q=100,interlace]", VIPS_FORMAT_UCHAR, 1, 1, ODD_U8, 4},
        {".webp[lossless]", VIPS_FORMAT_UCHAR, 3, 3, ODD_U8, 0},
        {".webp[lossless]", VIPS_FORMAT_UCHAR, 4, 3, ODD_U8, 0},
        {".tif", VIPS_FORMAT_UCHAR, 1, 1, ODD_U8, 0},
        {".tif", VIPS_FORMAT_UCHAR, 3, 3, ODD_U8, 0},
        {".tif[bigtiff]", VIPS_FORMAT_UCHAR, 3, 3, ODD_U8, 0},
        {".tif[tile,tile-width=16,tile-height=16]", VIPS_FORMAT_USHORT, 3, 3, ODD_U16, 0},
        {".tif[compression=lzw,predictor=horizontal]", VIPS_FORMAT_USHORT, 1, 1, ODD_U16, 0},
        {".tif[compression=deflate]", VIPS_FORMAT_FLOAT, 1, 1, ODD_F32, 0},
        {".tif", VIPS_FORMAT_FLOAT, 3, 3, ODD_F32, 0},
    };
    struct odd_context *ctx = NULL;
    assert_int_equal(odd_context_new(&ctx), ODD_OK);
    for (size_t i = 0; i < ODDI_COUNT(rounds); i++) {
        const struct round *r = &rounds[i];
        bool wide = r->format == VIPS_FORMAT_USHORT;
        VipsInterpretation type =
            r->bands > 2 ? (wide ? VIPS_INTERPRETATION_RGB16 : VIPS_INTERPRETATION_sRGB)
                         : (wide ? VIPS_INTERPRETATION_GREY16 : VIPS_INTERPRETATION_B_W);
        struct bytes b = saved(make(r->format, r->bands, type), r->suffix);
        struct oddi_picture *p = load(ctx, b);
        expect_shape(p, W, H, r->kept, r->type);
        expect_samples(p, r->tolerance);
        oddi_picture_free(ctx, p);
        g_free(b.data);
    }
    odd_context_free(ctx);
}

/* Only a lone alpha is dropped; 17 bands are refused. libvips writes a lone extra sample as alpha. */
static void test_bands(void **state)
{
    (void)state;
    struct odd_context *ctx = NULL;
    struct oddi_picture *p = NULL;
    assert_int_equal(odd_context_new(&ctx), ODD_OK);
    for (int bands = 1; bands <= 17; bands++) {
        struct bytes b = saved(make(VIPS_FORMAT_UCHAR, bands, VIPS_INTERPRETATION_MULTIBAND),
                               ".tif");
        bool alpha = oddi_tiff_alpha(b.data, b.size);
        assert_int_equal(alpha, bands == 2 || bands == 4);
        odd_status status = oddi_image_load_memory(ctx, "m", b.data, b.size, BUDGET, &p);
        g_free(b.data);
        if (bands == 17) {
            assert_int_equal(status, ODD_ENOTSUP);
            continue;
        }
        assert_int_equal(status, ODD_OK);
        expect_shape(p, W, H, bands - alpha, ODD_U8);
        expect_samples(p, 0);
        oddi_picture_free(ctx, p);
        p = NULL;
    }
    odd_context_free(ctx);
}

static void test_few_bits(void **state)
{
    (void)state;
    static const char *const suffixes[] = {".png[bitdepth=1]", ".png[palette]",
                                           ".tif[bitdepth=1]"};
    struct odd_context *ctx = NULL;
    assert_int_equal(odd_context_new(&ctx), ODD_OK);
    for (size_t i = 0; i < ODDI_COUNT(suffixes); i++) {
        VipsImage *grey = make(VIPS_FORMAT_UCHAR, 1, VIPS_INTERPRETATION_B_W), *bits = NULL;
        assert_int_equal(vips_moreeq_const1(grey, &bits, 128, NULL), 0);
        g_object_unref(grey);
        struct bytes b = saved(bits, suffixes[i]);
        struct oddi_picture *p = load(ctx, b);
        for (int64_t at = 0; at < p->width * p->height; at++)
            assert_int_equal(((uint8_t *)p->data)[at * p->bands],
                             sample((int)(at % W), (int)(at / W), 0) >= 128 ? 255 : 0);
        oddi_picture_free(ctx, p);
        g_free(b.data);
    }
    odd_context_free(ctx);
}

/* Of each orientation, where the first stored pixel comes to lie. */
static void test_orientation(void **state)
{
    (void)state;
    static const struct {
        bool swapped, right, bottom;
    } corner[9] = {{0}, {0, 0, 0}, {0, 1, 0}, {0, 1, 1}, {0, 0, 1},
                   {1, 0, 0}, {1, 1, 0}, {1, 1, 1}, {1, 0, 1}};
    struct odd_context *ctx = NULL;
    struct oddi_image_info info;
    assert_int_equal(odd_context_new(&ctx), ODD_OK);
    for (int o = 1; o <= 8; o++) {
        VipsImage *image = make(VIPS_FORMAT_UCHAR, 1, VIPS_INTERPRETATION_B_W);
        vips_image_set_int(image, VIPS_META_ORIENTATION, o);
        struct bytes b = saved(image, ".tif");
        assert_int_equal(oddi_file_write(ctx, "image_turned.tif", b.data, b.size), ODD_OK);
        struct oddi_picture *p = load(ctx, b);
        assert_int_equal(oddi_image_probe(ctx, "image_turned.tif", &info), ODD_OK);
        expect_shape(p, corner[o].swapped ? H : W, corner[o].swapped ? W : H, 1, ODD_U8);
        expect_shape(p, info.width, info.height, info.bands, info.type);
        int64_t x = corner[o].right ? p->width - 1 : 0, y = corner[o].bottom ? p->height - 1 : 0;
        int64_t right = corner[o].right ? -1 : 1, down = corner[o].bottom ? -1 : 1;
        const uint8_t *d = p->data;
        assert_int_equal(d[y * p->width + x], sample(0, 0, 0));
        assert_int_equal(d[y * p->width + x + 2 * right],
                         corner[o].swapped ? sample(0, 2, 0) : sample(2, 0, 0));
        assert_int_equal(d[(y + 3 * down) * p->width + x],
                         corner[o].swapped ? sample(3, 0, 0) : sample(0, 3, 0));
        oddi_picture_free(ctx, p);
        g_free(b.data);
    }
    remove("image_turned.tif");
    odd_context_free(ctx);
}

/* A profile with red and green exchanged (as a display whose primaries are wide) changes pixels;
 * an unusable profile changes none; CMYK becomes RGB. */
static void test_profiles(void **state)
{
    (void)state;
    struct odd_context *ctx = NULL;
    VipsImage *rgb = make(VIPS_FORMAT_UCHAR, 3, VIPS_INTERPRETATION_sRGB), *p3 = NULL;
    assert_int_equal(odd_context_new(&ctx), ODD_OK);
    assert_int_equal(vips_icc_transform(rgb, &p3, "p3", "input_profile", "srgb", NULL), 0);
    VipsImage *plain = vips_image_copy_memory(p3);
    vips_image_remove(plain, VIPS_META_ICC_NAME);
    struct bytes with = saved(p3, ".png"), without = saved(plain, ".png");
    struct oddi_picture *a = load(ctx, with), *b = load(ctx, without);
    expect_samples(a, 3); /* back to what it was */
    assert_memory_not_equal(a->data, b->data, oddi_picture_size(a));
    oddi_picture_free(ctx, a);
    oddi_picture_free(ctx, b);
    g_free(with.data);
    g_free(without.data);
    vips_image_set_blob_copy(rgb, VIPS_META_ICC_NAME, "no profile at all", 17);
    with = saved(rgb, ".tif");
    a = load(ctx, with);
    expect_samples(a, 0);
    oddi_picture_free(ctx, a);
    g_free(with.data);
    with = saved(make(VIPS_FORMAT_UCHAR, 4, VIPS_INTERPRETATION_CMYK), ".jpg");
    a = load(ctx, with);
    expect_shape(a, W, H, 3, ODD_U8);
    oddi_picture_free(ctx, a);
    g_free(with.data);
    odd_context_free(ctx);
}

/* Cut anywhere, a file is refused or, where only an end mark is missing, whole. */
static void test_truncated(void **state)
{
    (void)state;
    static const char *const suffixes[] = {".png", ".jpg", ".jpg[interlace]", ".webp[lossless]",
                                           ".tif", ".tif[compression=deflate]"};
    struct odd_context *ctx = NULL;
    assert_int_equal(odd_context_new(&ctx), ODD_OK);
    for (size_t i = 0; i < ODDI_COUNT(suffixes); i++) {
        struct bytes b = saved(make(VIPS_FORMAT_UCHAR, 3, VIPS_INTERPRETATION_sRGB), suffixes[i]);
        struct oddi_picture *whole = load(ctx, b);
        size_t accepted = 0;
        for (size_t size = 0; size < b.size; size++) {
            unsigned char *copy = malloc(size + 1);
            struct oddi_picture *p = NULL;
            memcpy(copy, b.data, size);
            odd_status status = oddi_image_load_memory(ctx, "cut.x", copy, size, BUDGET, &p);
            assert_true((status == ODD_OK) == (p != NULL));
            if (status != ODD_OK)
                assert_non_null(strstr(odd_last_message(ctx), "'cut.x'"));
            else
                assert_memory_equal(p->data, whole->data, oddi_picture_size(whole));
            accepted += status == ODD_OK;
            oddi_picture_free(ctx, p);
            free(copy);
        }
        printf("%s: %zu of %zu truncations are whole pictures\n", suffixes[i], accepted, b.size);
        assert_true(accepted <= 16 || suffixes[i][1] == 't');
        oddi_picture_free(ctx, whole);
        g_free(b.data);
    }
    odd_context_free(ctx);
}

/* A header that promises 1,000,000 x 1,000,000 pixels: refused by its size, not by memory. */
static void test_bomb(void **state)
{
    (void)state;
    static const unsigned char png[] = "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\x0f\x42\x40\0\x0f\x42\x40"
                                       "\x08\x02\0\0\0\xe8\x95\xd9\xb8";
    struct odd_context *ctx = NULL;
    struct oddi_picture *p = NULL;
    assert_int_equal(odd_context_new(&ctx), ODD_OK);
    assert_int_not_equal(oddi_image_load_memory(ctx, "b", png, sizeof(png) - 1, BUDGET, &p), ODD_OK);
    struct bytes b = saved(make(VIPS_FORMAT_UCHAR, 3, VIPS_INTERPRETATION_sRGB), ".png");
    assert_int_equal(oddi_image_load_memory(ctx, "b", b.data, b.size, W * H * 3 - 1, &p),
                     ODD_ELIMIT);
    assert_non_null(strstr(odd_last_message(ctx), "7 x 5"));
    assert_int_equal(oddi_image_load_memory(ctx, "b", b.data, b.size, W * H * 3, &p), ODD_OK);
    oddi_picture_free(ctx, p);
    g_free(b.data);
    b = saved(make(VIPS_FORMAT_SHORT, 1, VIPS_INTERPRETATION_B_W), ".tif");
    p = NULL;
    assert_int_equal(oddi_image_load_memory(ctx, "b", b.data, b.size, BUDGET, &p), ODD_ENOTSUP);
    assert_non_null(strstr(odd_last_message(ctx), "short"));
    assert_null(p);
    g_free(b.data);
    odd_context_free(ctx);
}

static void test_save(void **state)
{
    (void)state;
    struct odd_context *ctx = NULL;
    struct oddi_picture *p = NULL, *q = NULL;
    assert_int_equal(odd_context_new(&ctx), ODD_OK);
    for (int type = ODD_U8; type <= ODD_U16; type++)
        for (int bands = 1; bands <= 4; bands++) {
            assert_int_equal(oddi_picture_new(ctx, 19, 23, bands, (enum odd_pixel_type)type, &p),
                             ODD_OK);
            for (size_t i = 0; i < oddi_picture_size(p); i++)
                ((uint8_t *)p->data)[i] = (uint8_t)(i * 37 + i / 200);
            assert_int_equal(oddi_image_save_png(ctx, "image_save.png", p), ODD_OK);
            assert_int_equal(oddi_image_load(ctx, "image_save.png", BUDGET, &q), ODD_OK);
            expect_shape(q, 19, 23, bands > 2 ? 3 : 1, p->type);
            if (bands % 2)
                assert_memory_equal(p->data, q->data, oddi_picture_size(p));
            oddi_picture_free(ctx, p);
            oddi_picture_free(ctx, q);
        }
    assert_int_equal(oddi_picture_new(ctx, 3, 3, 5, ODD_U8, &p), ODD_OK);
    assert_int_equal(oddi_image_save_png(ctx, "image_save.png", p), ODD_EINVAL);
    p->bands = 1;
    assert_int_equal(oddi_image_save_png(ctx, "no such folder/x.png", p), ODD_EIO);
    oddi_picture_free(ctx, p);
    remove("image_save.png");
    odd_context_free(ctx);
}

/* Every bit of a map comes back: the smallest, largest and denormal numbers and -0 too. */
static void test_map(void **state)
{
    (void)state;
    enum { MAP_W = 301, MAP_H = 67 };
    static float map[MAP_W * MAP_H];
    struct odd_context *ctx = NULL;
    struct oddi_picture *p = NULL;
    for (uint32_t i = 0; i < MAP_W * MAP_H; i++) {
        uint32_t bits = i * 2654435761u;
        bits = (bits & 0x7f800000u) == 0x7f800000u ? bits & ~0x40000000u : bits; /* finite */
        memcpy(&map[i], &bits, sizeof(bits));
    }
    map[0] = -0.0f;
    map[1] = 1e-45f;
    map[2] = 3.4028234e38f;
    assert_int_equal(odd_context_new(&ctx), ODD_OK);
    assert_int_equal(oddi_image_save_tiff(ctx, "image_map.tif", map, MAP_W, MAP_H), ODD_OK);
    assert_int_equal(oddi_image_load(ctx, "image_map.tif", BUDGET, &p), ODD_OK);
    expect_shape(p, MAP_W, MAP_H, 1, ODD_F32);
    assert_memory_equal(p->data, map, sizeof(map));
    oddi_picture_free(ctx, p);
    p = NULL;
    memcpy(&map[5], &(uint32_t){0x7f800000u}, 4);
    assert_int_equal(oddi_image_save_tiff(ctx, "image_map.tif", map, MAP_W, MAP_H), ODD_OK);
    assert_int_equal(oddi_image_load(ctx, "image_map.tif", BUDGET, &p), ODD_ENUMERIC);
    assert_null(p);
    assert_int_equal(oddi_image_save_tiff(ctx, "image_map.tif", map, 0, 3), ODD_EINVAL);
    remove("image_map.tif");
    odd_context_free(ctx);
}

/* A failed write leaves what was there. */
static void test_faults(void **state)
{
    (void)state;
    struct fault_alloc fault;
    fault_alloc_init(&fault);
    struct odd_context *ctx = fault_context(&fault);
    static const float map[4] = {1, 2, 3, 4};
    struct oddi_picture *p = NULL;
    assert_int_equal(oddi_image_save_tiff(ctx, "image_fault.tif", map, 4, 1), ODD_OK);
    for (int n = 1; n < 100; n++) {
        oddi_os_fail_at(n, 28 /* ENOSPC */);
        odd_status status = oddi_image_save_tiff(ctx, "image_fault.tif", map, 1, 4);
        bool reached = oddi_os_calls() >= n;
        oddi_os_fail_at(0, 0);
        assert_int_equal(oddi_image_load(ctx, "image_fault.tif", BUDGET, &p), ODD_OK);
        assert_true(p->width == (status == ODD_OK ? 1 : 4));
        oddi_picture_free(ctx, p);
        if (!reached)
            break;
        assert_int_equal(oddi_image_save_tiff(ctx, "image_fault.tif", map, 4, 1), ODD_OK);
    }
    for (long n = 1;; n++) {
        p = NULL;
        fault_alloc_arm(&fault, n);
        odd_status status = oddi_image_load(ctx, "image_fault.tif", BUDGET, &p);
        bool failed = fault_alloc_disarm(&fault);
        assert_int_equal(status, failed ? ODD_ENOMEM : ODD_OK);
        oddi_picture_free(ctx, p);
        if (!failed)
            break;
    }
    remove("image_fault.tif");
    odd_context_free(ctx);
    assert_int_equal(fault.live, 0);
}

struct crowd {
    struct odd_context *parent;
    struct bytes whole, broken;
    char message[8][ODDI_MESSAGE_SIZE];
    odd_status status[8];
};

static void crowd_one(void *arg, int64_t i)
{
    struct crowd *c = arg;
    struct odd_context ctx;
    oddi_ctx_fork(c->parent, &ctx);
    for (int turn = 0; turn < 50; turn++) {
        struct oddi_picture *p = NULL;
        bool good = (turn + i) % 2;
        struct bytes b = good ? c->whole : c->broken;
        odd_status status = oddi_image_load_memory(&ctx, "x", b.data, b.size, BUDGET, &p);
        if ((status == ODD_OK) != good)
            c->status[i] = ODD_EBUG;
        oddi_picture_free(&ctx, p);
    }
    memcpy(c->message[i], ctx.message, sizeof(ctx.message));
}

/* Several threads, half of the files broken: every failure has its own words and no others. */
static void test_threads(void **state)
{
    (void)state;
    static struct crowd c;
    assert_int_equal(odd_context_new(&c.parent), ODD_OK);
    c.whole = saved(make(VIPS_FORMAT_UCHAR, 3, VIPS_INTERPRETATION_sRGB), ".png");
    c.broken = c.whole;
    c.broken.size -= 40;
    oddi_parallel(8, 8, crowd_one, &c);
    for (int i = 0; i < 8; i++) {
        assert_int_equal(c.status[i], ODD_OK);
        assert_string_equal(c.message[i], c.message[0]);
    }
    assert_non_null(strstr(c.message[0], "'x' is a damaged PNG: "));
    g_free(c.whole.data);
    odd_context_free(c.parent);
}

#ifdef __SANITIZE_THREAD__
/* libvips and GLib are built without ThreadSanitizer, which sees races behind their locks. */
ODD_API const char *__tsan_default_options(void);
const char *__tsan_default_options(void)
{
    return "ignore_noninstrumented_modules=1";
}
#endif

/* The test's own use of libvips must not start it before the loader does. */
static int start(void **state)
{
    struct odd_context *ctx = NULL;
    struct oddi_picture *p = NULL;
    (void)state;
    assert_int_equal(odd_context_new(&ctx), ODD_OK);
    assert_int_equal(oddi_image_load_memory(ctx, "x", "\xff\xd8\xff", 3, 1, &p), ODD_EFORMAT);
    odd_context_free(ctx);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinds),     cmocka_unit_test(test_bands),
        cmocka_unit_test(test_few_bits),  cmocka_unit_test(test_orientation),
        cmocka_unit_test(test_profiles),  cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_bomb),      cmocka_unit_test(test_save),
        cmocka_unit_test(test_map),       cmocka_unit_test(test_faults),
        cmocka_unit_test(test_threads)};
    return cmocka_run_group_tests(tests, start, NULL);
}
