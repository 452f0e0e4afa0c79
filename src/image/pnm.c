/* SPDX-License-Identifier: Apache-2.0
 *
 * The netpbm formats: PBM (P1, P4), PGM (P2, P5), PPM (P3, P6) and PFM (Pf, PF). A header of text
 * (kind, width, height and, save for PBM, the value of white; "#" begins a comment), then samples
 * as text or, after one white space, as bytes (16 bits big-endian). White becomes 255 or, where
 * it is above 255, 65535. In PBM 1 is black. PFM has floats, rows from the bottom, and in place
 * of white a number whose sign is the byte order (below 0: little-endian); they come as they are.
 */
#include <string.h>

#include "base/str.h"
#include "image/image_int.h"

enum pnm_coding { PNM_TEXT, PNM_BYTES, PNM_FLOATS };

struct pnm {
    enum pnm_coding coding;
    bool bits, little_endian;
    uint32_t white;
    size_t at; /* next byte */
};

static bool pnm_is_space(unsigned char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* The next word of the header or of text samples. */
static bool pnm_word(const struct oddi_image_bytes *in, struct pnm *p, char *word, size_t room)
{
    size_t n = 0;
    while (p->at < in->size && (pnm_is_space(in->data[p->at]) || in->data[p->at] == '#')) {
        if (in->data[p->at] == '#')
            while (p->at < in->size && in->data[p->at] != '\n' && in->data[p->at] != '\r')
                p->at++;
        else
            p->at++;
    }
    while (p->at < in->size && n + 1 < room && !pnm_is_space(in->data[p->at]) &&
           in->data[p->at] != '#')
        word[n++] = (char)in->data[p->at++];
    word[n] = '\0';
    return n > 0;
}

static bool pnm_number(const struct oddi_image_bytes *in, struct pnm *p, uint32_t most,
                       uint32_t *value)
{
    char word[16];
    int64_t v;
    if (!pnm_word(in, p, word, sizeof(word)) || !oddi_parse_int(word, &v) || v < 0 || v > most)
        return false;
    *value = (uint32_t)v;
    return true;
}

static bool pnm_white(const struct oddi_image_bytes *in, struct pnm *p)
{
    char word[32];
    double scale;
    p->white = 1;
    if (p->bits)
        return true;
    if (p->coding != PNM_FLOATS)
        return pnm_number(in, p, 65535, &p->white) && p->white > 0;
    if (!pnm_word(in, p, word, sizeof(word)) || !oddi_parse_double(word, &scale) || scale == 0)
        return false;
    p->little_endian = scale < 0;
    return true;
}

static odd_status pnm_header(struct odd_context *ctx, const struct oddi_image_bytes *in,
                             struct pnm *p, struct oddi_image_info *info)
{
    uint32_t width, height;
    char letter = (char)in->data[1];
    *p = (struct pnm){.at = 2, .bits = letter == '1' || letter == '4'};
    p->coding = letter >= '1' && letter <= '3' ? PNM_TEXT
                : letter <= '6'                ? PNM_BYTES
                                               : PNM_FLOATS;
    if (!pnm_number(in, p, ODDI_PICTURE_MAX_SIDE, &width) ||
        !pnm_number(in, p, ODDI_PICTURE_MAX_SIDE, &height) || !pnm_white(in, p))
        return oddi_image_damaged(ctx, in, "its header has no width, height and white in range");
    p->at++; /* the one white space after the header */
    *info = (struct oddi_image_info){
        width, height, letter == '3' || letter == '6' || letter == 'F' ? 3 : 1,
        p->coding == PNM_FLOATS ? ODD_F32
        : p->white > 255        ? ODD_U16
                                : ODD_U8};
    return oddi_image_check(ctx, in, info);
}

/* The fewest bytes the samples can have: checked before memory is taken. */
static size_t pnm_least(const struct pnm *p, const struct oddi_image_info *info)
{
    size_t row = (size_t)info->width * (size_t)info->bands, height = (size_t)info->height;
    if (p->coding == PNM_TEXT) /* digits, and white space between them save for PBM */
        return p->bits ? row * height : 2 * row * height - 1;
    if (p->bits)
        return (row + 7) / 8 * height;
    return row * height * oddi_sample_size(info->type);
}

/* Number i as text; PBM's digits may touch. */
static bool pnm_text(const struct oddi_image_bytes *in, struct pnm *p, uint32_t *value)
{
    char digit[2];
    if (!p->bits)
        return pnm_number(in, p, p->white, value);
    if (!pnm_word(in, p, digit, sizeof(digit)) || (digit[0] != '0' && digit[0] != '1'))
        return false;
    *value = digit[0] == '0';
    return true;
}

static bool pnm_sample(const struct oddi_image_bytes *in, struct pnm *p, int64_t x,
                       uint32_t *value)
{
    const unsigned char *d = in->data + p->at;
    if (p->coding == PNM_TEXT)
        return pnm_text(in, p, value);
    if (p->bits) {
        *value = !(d[x / 8] >> (7 - x % 8) & 1);
        return true;
    }
    *value = p->white > 255 ? (uint32_t)d[2 * x] << 8 | d[2 * x + 1] : d[x];
    return *value <= p->white;
}

/* One row of `count` samples at p->at; false for text that is no number, or one above white. */
static bool pnm_row(const struct oddi_image_bytes *in, struct pnm *p, int64_t count, void *row)
{
    uint32_t full = p->white > 255 ? 65535 : 255, value;
    for (int64_t x = 0; x < count; x++) {
        if (!pnm_sample(in, p, x, &value))
            return false;
        value = (value * full + p->white / 2) / p->white;
        if (p->white > 255)
            ((uint16_t *)row)[x] = (uint16_t)value;
        else
            ((uint8_t *)row)[x] = (uint8_t)value;
    }
    if (p->coding == PNM_BYTES)
        p->at += p->bits ? ((size_t)count + 7) / 8 : (size_t)count * (p->white > 255 ? 2 : 1);
    return true;
}

static void pnm_row_floats(const struct oddi_image_bytes *in, const struct pnm *p, size_t at,
                           int64_t count, float *row)
{
    const unsigned char *d = in->data + at;
    for (int64_t x = 0; x < count; x++, d += 4) {
        uint32_t bits = p->little_endian ? (uint32_t)d[3] << 24 | (uint32_t)d[2] << 16 |
                                               (uint32_t)d[1] << 8 | d[0]
                                         : (uint32_t)d[0] << 24 | (uint32_t)d[1] << 16 |
                                               (uint32_t)d[2] << 8 | d[3];
        memcpy(row + x, &bits, sizeof(bits));
    }
}

static odd_status pnm_rows(struct odd_context *ctx, const struct oddi_image_bytes *in,
                           struct pnm *p, struct oddi_picture *picture)
{
    int64_t count = picture->width * picture->bands;
    size_t size = (size_t)count * oddi_sample_size(picture->type);
    for (int64_t y = 0; y < picture->height; y++) {
        unsigned char *row = (unsigned char *)picture->data + (size_t)y * size;
        if (p->coding == PNM_FLOATS)
            pnm_row_floats(in, p, p->at + (size_t)(picture->height - 1 - y) * size, count,
                           (float *)(void *)row);
        else if (!pnm_row(in, p, count, row))
            return oddi_image_damaged(ctx, in, "row %lld has no number up to %u in some place",
                                      (long long)y, (unsigned)p->white);
    }
    return ODD_OK;
}

odd_status oddi_image_read_pnm(struct odd_context *ctx, const struct oddi_image_bytes *in,
                               struct oddi_image_header *header, struct oddi_picture **out)
{
    odd_status status;
    struct pnm p;
    struct oddi_picture *picture = NULL;
    TRY(pnm_header(ctx, in, &p, &header->info));
    if (!out)
        return ODD_OK;
    if (p.at > in->size || in->size - p.at < pnm_least(&p, &header->info))
        return oddi_image_damaged(ctx, in, "it ends before its last row");
    TRY(oddi_picture_new(ctx, header->info.width, header->info.height, header->info.bands,
                         header->info.type, &picture));
    TRY(pnm_rows(ctx, in, &p, picture));
    *out = picture;
    picture = NULL;
out:
    oddi_picture_free(ctx, picture);
    return status;
}
