/* SPDX-License-Identifier: Apache-2.0
 *
 * The readers that are ours, and the refusals that need no decoder. Files are made byte by byte
 * from the formats' descriptions; each truncation of each file must be refused.
 */
#include "base/compat.h"

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
#include "image/image.h"

#define BUDGET ((size_t)1 << 20)

struct file {
    unsigned char data[4096];
    size_t size;
};

static void put(struct file *f, const void *data, size_t size)
{
    assert_true(f->size + size <= sizeof(f->data));
    memcpy(f->data + f->size, data, size);
    f->size += size;
}

static void put_le(struct file *f, uint32_t v, int bytes)
{
    for (int i = 0; i < bytes; i++, v >>= 8)
        put(f, &(unsigned char){(unsigned char)v}, 1);
}

/* Both headers of a BMP with 40 bytes of the second, and room for `colours` of 4 bytes. */
static void put_bmp(struct file *f, int32_t width, int32_t height, int bits, uint32_t colours)
{
    f->size = 0;
    put(f, "BM", 2);
    put_le(f, 0, 4);
    put_le(f, 0, 4);
    put_le(f, 54 + 4 * colours, 4);
    put_le(f, 40, 4);
    put_le(f, (uint32_t)width, 4);
    put_le(f, (uint32_t)height, 4);
    put_le(f, 1, 2);
    put_le(f, (uint32_t)bits, 2);
    for (int i = 0; i < 4; i++)
        put_le(f, 0, 4); /* compression, size, resolution */
    put_le(f, colours, 4);
    put_le(f, 0, 4);
}

/* Loads and compares; every shorter file must be refused without a picture. */
static void expect(const struct file *f, int64_t width, int64_t height, int bands,
                   enum odd_pixel_type type, const void *samples)
{
    struct fault_alloc fault;
    fault_alloc_init(&fault);
    struct odd_context *ctx = fault_context(&fault);
    struct oddi_picture *p = NULL;
    odd_status status = oddi_image_load_memory(ctx, "test", f->data, f->size, BUDGET, &p);
    assert_string_equal(status == ODD_OK ? "" : odd_last_message(ctx), "");
    assert_int_equal(p->width, width);
    assert_int_equal(p->height, height);
    assert_int_equal(p->bands, bands);
    assert_int_equal(p->type, type);
    assert_memory_equal(p->data, samples, oddi_picture_size(p));
    oddi_picture_free(ctx, p);
    for (size_t size = 0; size < f->size; size++) {
        unsigned char *copy = malloc(size + 1); /* exact size: sanitizers see a step beyond */
        struct oddi_picture *none = NULL;
        memcpy(copy, f->data, size);
        assert_int_not_equal(oddi_image_load_memory(ctx, "cut", copy, size, BUDGET, &none),
                             ODD_OK);
        assert_null(none);
        assert_non_null(strstr(odd_last_message(ctx), "'cut'"));
        free(copy);
    }
    odd_context_free(ctx);
    assert_int_equal(fault.live, 0);
}

static void refuse(const void *data, size_t size, odd_status expected, const char *words)
{
    struct odd_context *ctx = NULL;
    struct oddi_picture *p = NULL;
    assert_int_equal(odd_context_new(&ctx), ODD_OK);
    assert_int_equal(oddi_image_load_memory(ctx, "name.png", data, size, BUDGET, &p), expected);
    assert_null(p);
    assert_non_null(strstr(odd_last_message(ctx), "name.png"));
    if (!strstr(odd_last_message(ctx), words))
        fail_msg("'%s' is not in: %s", words, odd_last_message(ctx));
    odd_context_free(ctx);
}

static void test_bmp_direct(void **state)
{
    (void)state;
    struct file f;
    const unsigned char rgb[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
    for (int top = 0; top < 2; top++)
        for (int bits = 24; bits <= 32; bits += 8) {
            put_bmp(&f, 2, top ? -2 : 2, bits, 0);
            for (int row = 0; row < 2; row++) {
                const unsigned char *line = rgb + 6 * (top ? row : 1 - row);
                for (int x = 0; x < 2; x++) {
                    put(&f, (unsigned char[]){line[3 * x + 2], line[3 * x + 1], line[3 * x]}, 3);
                    put_le(&f, 99, bits == 32);
                }
                put_le(&f, 0, bits == 24 ? 2 : 0);
            }
            expect(&f, 2, 2, 3, ODD_U8, rgb);
        }
}

static void test_bmp_palette(void **state)
{
    (void)state;
    struct file f;
    put_bmp(&f, 3, 1, 1, 2); /* greys: one band */
    put_le(&f, 0x202020, 4);
    put_le(&f, 0xE0E0E0, 4);
    put_le(&f, 0xA0, 4);
    expect(&f, 3, 1, 1, ODD_U8, "\xE0\x20\xE0");
    put_bmp(&f, 3, 1, 4, 3); /* colours: three */
    put_le(&f, 0x010203, 4);
    put_le(&f, 0x040506, 4);
    put_le(&f, 0x070809, 4);
    put_le(&f, 0x0021, 4); /* nibbles 2, 1, 0 */
    expect(&f, 3, 1, 3, ODD_U8, "\x07\x08\x09\x04\x05\x06\x01\x02\x03");
    put_bmp(&f, 2, 1, 8, 4);
    for (uint32_t i = 0; i < 4; i++)
        put_le(&f, i * 0x111111, 4);
    put_le(&f, 0x0203, 4);
    expect(&f, 2, 1, 1, ODD_U8, "\x33\x22");
    f.data[f.size - 3] = 4; /* a fifth colour */
    refuse(f.data, f.size, ODD_EFORMAT, "beyond its palette of 4");
}

static void test_bmp_os2(void **state)
{
    (void)state;
    struct file f = {.size = 0};
    put(&f, "BM", 2);
    put_le(&f, 0, 4);
    put_le(&f, 0, 4);
    put_le(&f, 32, 4);
    put_le(&f, 12, 4);
    put_le(&f, 9, 2);
    put_le(&f, 1, 2);
    put_le(&f, 1, 2);
    put_le(&f, 1, 2);
    put(&f, "\0\0\0\xff\xff\xff", 6);
    put_le(&f, 0x80F0, 4);
    expect(&f, 9, 1, 1, ODD_U8, "\xff\xff\xff\xff\0\0\0\0\xff");
}

static void test_bmp_refused(void **state)
{
    (void)state;
    struct file f;
    put_bmp(&f, 2, 2, 16, 0);
    put(&f, "12345678", 8);
    refuse(f.data, f.size, ODD_ENOTSUP, "16 bits a pixel");
    put_bmp(&f, 2, 2, 8, 0);
    f.data[30] = 1; /* run lengths */
    refuse(f.data, f.size, ODD_ENOTSUP, "compression 1");
    put_bmp(&f, 1000000, 1000000, 24, 0);
    refuse(f.data, f.size, ODD_ELIMIT, "1000000 x 1000000");
    put_bmp(&f, 1 << 30, INT32_MIN, 24, 0);
    refuse(f.data, f.size, ODD_EFORMAT, "sides are");
    put_bmp(&f, 0, 4, 24, 0);
    refuse(f.data, f.size, ODD_EFORMAT, "0 x 4");
    put_bmp(&f, 500, 500, 24, 0); /* less than the budget, more than the file */
    refuse(f.data, f.size, ODD_EFORMAT, "before its last row");
    put_bmp(&f, 4, 4, 8, 300);
    refuse(f.data, f.size, ODD_EFORMAT, "300 colours");
}

static const struct file *of_text(const char *text, size_t size)
{
    static struct file f;
    f.size = 0;
    put(&f, text, size);
    return &f;
}
#define PNM(text, ...) expect(of_text(text, sizeof(text) - 1), __VA_ARGS__)

static void test_pnm(void **state)
{
    (void)state;
    const uint16_t wide[] = {0, 65535, 0x1234};
    const uint16_t scaled[] = {32768, 65535}; /* 500 and 1000 of 1000 */
    const float floats[] = {3.0f, 4.0f, 1.0f, 2.0f};
    PNM("P1 3 2 1010 01", 3, 2, 1, ODD_U8, "\x00\xff\x00\xff\xff\x00");
    PNM("P4\n# by hand\n9 1\n\x80\x80", 9, 1, 1, ODD_U8, "\0\xff\xff\xff\xff\xff\xff\xff\0");
    PNM("P5 3 1 255\n\x01\x02\x03", 3, 1, 1, ODD_U8, "\1\2\3");
    PNM("P6 1 2 255\nabcdef", 1, 2, 3, ODD_U8, "abcdef");
    PNM("P5 3 1 65535 \0\0\xff\xff\x12\x34", 3, 1, 1, ODD_U16, wide);
    PNM("P5 2 1 1000 \x01\xf4\x03\xe8", 2, 1, 1, ODD_U16, scaled);
    PNM("P5 2 1 15\n\x0f\x05", 2, 1, 1, ODD_U8, "\xff\x55");
    PNM("Pf 2 2 -1.0\n\0\0\x80\x3f\0\0\0\x40\0\0\x40\x40\0\0\x80\x40", 2, 2, 1, ODD_F32, floats);
    PNM("Pf 2 2 1.0\n\x3f\x80\0\0\x40\0\0\0\x40\x40\0\0\x40\x80\0\0", 2, 2, 1, ODD_F32, floats);
}

/* Text samples may end early without it showing ("25" of "255"), so no truncations here. */
static void test_pnm_text(void **state)
{
    (void)state;
    struct odd_context *ctx = NULL;
    struct oddi_picture *p = NULL;
    static const char text[] = "P3\n2 1 # two\n15\n0 5 10 # first\n15 1 2\n";
    assert_int_equal(odd_context_new(&ctx), ODD_OK);
    assert_int_equal(oddi_image_load_memory(ctx, "t", text, sizeof(text) - 1, BUDGET, &p), ODD_OK);
    assert_int_equal(p->bands, 3);
    assert_memory_equal(p->data, "\x00\x55\xaa\xff\x11\x22", 6);
    oddi_picture_free(ctx, p);
    odd_context_free(ctx);
}
#define REFUSE(text, ...) refuse(text, sizeof(text) - 1, __VA_ARGS__)

static void test_pnm_refused(void **state)
{
    (void)state;
    REFUSE("P5 3 1 0\nabc", ODD_EFORMAT, "white");
    REFUSE("P5 3 1 70000\nabc", ODD_EFORMAT, "white");
    REFUSE("P5 3 -1 255\nabc", ODD_EFORMAT, "white");
    REFUSE("P5 0 1 255\nabc", ODD_EFORMAT, "0 x 1");
    REFUSE("P5 3 1 15\nabc", ODD_EFORMAT, "row 0");
    REFUSE("P2 2 1 15 16 1", ODD_EFORMAT, "row 0");
    REFUSE("P2 2 1 15 1 x1", ODD_EFORMAT, "row 0");
    REFUSE("P6 1000000 1000000 255\n", ODD_ELIMIT, "1000000");
    REFUSE("Pf 1 1 -1\n\0\0\xc0\x7f", ODD_ENUMERIC, "not a finite number");
}

static void test_kinds(void **state)
{
    (void)state;
    REFUSE("", ODD_EFORMAT, "is empty");
    REFUSE("P", ODD_EFORMAT, "is not a picture");
    REFUSE("Peter went", ODD_EFORMAT, "is not a picture");
    REFUSE("P5x is text", ODD_EFORMAT, "is not a picture");
    REFUSE("GIF89a....", ODD_ENOTSUP, "GIF");
    REFUSE("%PDF-1.4", ODD_ENOTSUP, "PDF");
    REFUSE("....ftypheic", ODD_ENOTSUP, "HEIF");
    REFUSE("RIFF....WAVE", ODD_EFORMAT, "is not a picture");
    REFUSE("FIRR....WEBP", ODD_EFORMAT, "is not a picture");
}

/* A file's name does not matter, folders and devices are refused, probe agrees with load. */
static void test_files(void **state)
{
    (void)state;
    struct fault_alloc fault;
    fault_alloc_init(&fault);
    struct odd_context *ctx = fault_context(&fault);
    struct oddi_picture *p = NULL;
    struct oddi_image_info info = {.width = -1};
    static const char *const name = "image_plain_test.png", ppm[] = "P6 1 2 255\nabcdef";
    assert_int_equal(oddi_file_write(ctx, name, ppm, sizeof(ppm) - 1), ODD_OK);
    assert_int_equal(oddi_image_load(ctx, name, BUDGET, &p), ODD_OK);
    assert_memory_equal(p->data, "abcdef", 6);
    oddi_picture_free(ctx, p);
    p = NULL;
    assert_int_equal(oddi_image_probe(ctx, name, &info), ODD_OK);
    assert_int_equal(info.width, 1);
    assert_int_equal(info.height, 2);
    assert_int_equal(info.bands, 3);
    assert_int_equal(info.type, ODD_U8);
    assert_int_equal(oddi_image_load(ctx, name, 5, &p), ODD_ELIMIT);
    assert_non_null(strstr(odd_last_message(ctx), name));
    remove(name);
    assert_int_equal(oddi_image_load(ctx, name, BUDGET, &p), ODD_EIO);
    assert_int_equal(oddi_image_load(ctx, ".", BUDGET, &p), ODD_EIO);
    assert_non_null(strstr(odd_last_message(ctx), "folder"));
    assert_int_equal(oddi_image_load(ctx, "/dev/zero", BUDGET, &p), ODD_EIO);
    assert_int_equal(oddi_image_probe(ctx, "/dev/zero", &info), ODD_EIO);
    assert_null(p);
    odd_context_free(ctx);
    assert_int_equal(fault.live, 0);
}

static void test_no_memory(void **state)
{
    (void)state;
    for (long n = 1;; n++) {
        struct fault_alloc fault;
        fault_alloc_init(&fault);
        struct odd_context *ctx = fault_context(&fault);
        struct oddi_picture *p = NULL;
        fault_alloc_arm(&fault, n);
        odd_status status = oddi_image_load_memory(ctx, "t", "P5 1 1 255\n1", 12, BUDGET, &p);
        bool failed = fault_alloc_disarm(&fault);
        assert_int_equal(status, failed ? ODD_ENOMEM : ODD_OK);
        assert_true(failed == !p);
        oddi_picture_free(ctx, p);
        odd_context_free(ctx);
        assert_int_equal(fault.live, 0);
        if (!failed)
            break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bmp_direct),  cmocka_unit_test(test_bmp_palette),
        cmocka_unit_test(test_bmp_os2),     cmocka_unit_test(test_bmp_refused),
        cmocka_unit_test(test_pnm),         cmocka_unit_test(test_pnm_text),
        cmocka_unit_test(test_pnm_refused), cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_files),       cmocka_unit_test(test_no_memory)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
