/* SPDX-License-Identifier: Apache-2.0
 *
 * BMP, uncompressed: 1, 4, 8, 24 and 32 bits a pixel, rows from the bottom or the top.
 *   0   "BM", size of the file, 2 x 16 reserved bits, offset of the pixels
 *   14  size of the header that follows: 12 (OS/2: 16-bit sizes) or 40 to 124, in which lie
 *       width, height, planes, bits, compression, ..., colours used
 *   then the palette (blue, green, red, and one more byte save for OS/2), then the pixels, each
 *   row padded to 4 bytes, colours as blue, green, red
 * A palette of greys alone gives one band, any other three. All numbers are little-endian.
 */
#include <string.h>

#include "image/image_int.h"

#define BMP_FILE_HEADER 14
#define BMP_OS2_HEADER 12
#define BMP_PLAIN 0
#define BMP_MASKS 3
#define BMP_ALPHA_MASKS 6

struct bmp {
    uint32_t pixels, header; /* offsets and sizes in the file */
    int64_t width, height;
    bool from_top;
    uint32_t bits, compression, colours;
    const unsigned char *palette;
    size_t colour_size; /* bytes of one palette entry */
    bool grey;          /* all colours of the palette */
    size_t row;         /* bytes */
};

static uint32_t bmp_number(const unsigned char *at, int bytes)
{
    uint32_t v = 0;
    for (int i = bytes - 1; i >= 0; i--)
        v = v << 8 | at[i];
    return v;
}

static odd_status bmp_sizes(struct odd_context *ctx, const struct oddi_image_bytes *in,
                            struct bmp *b)
{
    const unsigned char *d = in->data;
    if (in->size < BMP_FILE_HEADER + BMP_OS2_HEADER)
        return oddi_image_damaged(ctx, in, "it ends within its header");
    b->pixels = bmp_number(d + 10, 4);
    b->header = bmp_number(d + 14, 4);
    bool os2 = b->header == BMP_OS2_HEADER;
    if (!os2 && (b->header < 40 || b->header > 124))
        return oddi_image_damaged(ctx, in, "a header of %u bytes", (unsigned)b->header);
    if (in->size < (size_t)BMP_FILE_HEADER + b->header)
        return oddi_image_damaged(ctx, in, "it ends within its header");
    if (os2) {
        b->width = bmp_number(d + 18, 2);
        b->height = bmp_number(d + 20, 2);
        b->bits = bmp_number(d + 24, 2);
        b->colour_size = 3;
        return ODD_OK;
    }
    b->width = (int32_t)bmp_number(d + 18, 4);
    b->height = (int32_t)bmp_number(d + 22, 4);
    b->from_top = b->height < 0;
    b->height = b->from_top ? -b->height : b->height;
    b->bits = bmp_number(d + 28, 2);
    b->compression = bmp_number(d + 30, 4);
    b->colours = bmp_number(d + 46, 4);
    b->colour_size = 4;
    return ODD_OK;
}

/* Masks are taken where they say what is assumed without them: 8 bits each of B, G, R. */
static bool bmp_usual_masks(const struct oddi_image_bytes *in, const struct bmp *b)
{
    const unsigned char *masks = in->data + BMP_FILE_HEADER + 40;
    return b->bits == 32 && in->size >= BMP_FILE_HEADER + 40 + 12 &&
           bmp_number(masks, 4) == 0xFF0000 && bmp_number(masks + 4, 4) == 0xFF00 &&
           bmp_number(masks + 8, 4) == 0xFF;
}

static odd_status bmp_coding(struct odd_context *ctx, const struct oddi_image_bytes *in,
                             const struct bmp *b)
{
    bool masks = b->compression == BMP_MASKS || b->compression == BMP_ALPHA_MASKS;
    if (masks ? !bmp_usual_masks(in, b) : b->compression != BMP_PLAIN)
        return oddi_fail(ctx, ODD_ENOTSUP,
                         "'%s' is a BMP of compression %u; only uncompressed ones are read",
                         in->what, (unsigned)b->compression);
    if (b->bits != 1 && b->bits != 4 && b->bits != 8 && b->bits != 24 && b->bits != 32)
        return oddi_fail(ctx, ODD_ENOTSUP,
                         "'%s' is a BMP of %u bits a pixel; 1, 4, 8, 24 and 32 are read", in->what,
                         (unsigned)b->bits);
    return ODD_OK;
}

static odd_status bmp_palette(struct odd_context *ctx, const struct oddi_image_bytes *in,
                              struct bmp *b)
{
    size_t at = (size_t)BMP_FILE_HEADER + b->header, most = (size_t)1 << (b->bits & 15);
    size_t colours = b->colours ? b->colours : most;
    if (b->bits > 8)
        return ODD_OK;
    if (colours > most)
        return oddi_image_damaged(ctx, in, "%zu colours for %u bits a pixel", colours,
                                  (unsigned)b->bits);
    if (in->size - at < colours * b->colour_size)
        return oddi_image_damaged(ctx, in, "it ends within its palette");
    b->palette = in->data + at;
    b->colours = (uint32_t)colours;
    b->grey = true;
    for (size_t i = 0; i < colours; i++) {
        const unsigned char *c = b->palette + i * b->colour_size;
        b->grey = b->grey && c[0] == c[1] && c[1] == c[2];
    }
    return ODD_OK;
}

static odd_status bmp_header(struct odd_context *ctx, const struct oddi_image_bytes *in,
                             struct bmp *b, struct oddi_image_info *info)
{
    odd_status status;
    TRY(bmp_sizes(ctx, in, b));
    TRY(bmp_coding(ctx, in, b));
    TRY(bmp_palette(ctx, in, b));
    *info = (struct oddi_image_info){b->width, b->height, b->grey ? 1 : 3, ODD_U8};
    TRY(oddi_image_check(ctx, in, info));
    b->row = ((size_t)b->width * b->bits + 31) / 32 * 4;
out:
    return status;
}

/* One row through the palette; false for a colour that the palette lacks. */
static bool bmp_row_indexed(const struct bmp *b, const unsigned char *src, unsigned char *dst)
{
    unsigned mask = (1u << b->bits) - 1;
    for (int64_t x = 0; x < b->width; x++) {
        size_t bit = (size_t)x * b->bits;
        unsigned i = (unsigned)src[bit / 8] >> (8 - b->bits - bit % 8) & mask;
        if (i >= b->colours)
            return false;
        const unsigned char *c = b->palette + i * b->colour_size;
        *dst++ = c[2];
        if (b->grey)
            continue;
        *dst++ = c[1];
        *dst++ = c[0];
    }
    return true;
}

static void bmp_row_direct(const struct bmp *b, const unsigned char *src, unsigned char *dst)
{
    size_t step = b->bits / 8;
    for (int64_t x = 0; x < b->width; x++, src += step, dst += 3) {
        dst[0] = src[2];
        dst[1] = src[1];
        dst[2] = src[0];
    }
}

static odd_status bmp_rows(struct odd_context *ctx, const struct oddi_image_bytes *in,
                           const struct bmp *b, struct oddi_picture *picture)
{
    size_t dst_row = (size_t)picture->width * (size_t)picture->bands;
    for (int64_t y = 0; y < b->height; y++) {
        int64_t stored = b->from_top ? y : b->height - 1 - y;
        const unsigned char *src = in->data + b->pixels + (size_t)stored * b->row;
        unsigned char *dst = (unsigned char *)picture->data + (size_t)y * dst_row;
        if (b->bits > 8)
            bmp_row_direct(b, src, dst);
        else if (!bmp_row_indexed(b, src, dst))
            return oddi_image_damaged(ctx, in, "row %lld has a colour beyond its palette of %u",
                                      (long long)y, (unsigned)b->colours);
    }
    return ODD_OK;
}

odd_status oddi_image_read_bmp(struct odd_context *ctx, const struct oddi_image_bytes *in,
                               struct oddi_image_header *header, struct oddi_picture **out)
{
    odd_status status;
    struct bmp b = {0};
    struct oddi_picture *picture = NULL;
    TRY(bmp_header(ctx, in, &b, &header->info));
    if (!out)
        return ODD_OK;
    if (b.pixels < BMP_FILE_HEADER + b.header || b.pixels > in->size ||
        (in->size - b.pixels) / b.row < (size_t)b.height)
        return oddi_image_damaged(ctx, in, "it ends before its last row");
    TRY(oddi_picture_new(ctx, b.width, b.height, header->info.bands, ODD_U8, &picture));
    TRY(bmp_rows(ctx, in, &b, picture));
    *out = picture;
    picture = NULL;
out:
    oddi_picture_free(ctx, picture);
    return status;
}
