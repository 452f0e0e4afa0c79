/* SPDX-License-Identifier: Apache-2.0
 *
 * What a file is, by its first bytes. Only kinds named here are ever given to a decoder; those
 * without a reader are here so that a message can say what the file is.
 */
#include <string.h>

#include "base/ctx.h"
#include "image/image_int.h"

#define VENDOR(name, at, magic, which)                                                             \
    { name, at, magic, sizeof(magic) - 1, oddi_image_read_vendor, ODDI_VENDOR_##which }
#define OURS(name, magic, reader)                                                                  \
    { name, 0, magic, sizeof(magic) - 1, oddi_image_read_##reader, ODDI_VENDOR_NONE }
#define UNREAD(name, at, magic)                                                                    \
    { name, at, magic, sizeof(magic) - 1, NULL, ODDI_VENDOR_NONE }

static const struct oddi_image_kind kinds[] = {
    VENDOR("PNG", 0, "\x89PNG\r\n\x1a\n", PNG),
    VENDOR("JPEG", 0, "\xff\xd8\xff", JPEG),
    VENDOR("TIFF", 0, "II*\0", TIFF),
    VENDOR("TIFF", 0, "MM\0*", TIFF),
    VENDOR("TIFF", 0, "II+\0", TIFF), /* BigTIFF */
    VENDOR("TIFF", 0, "MM\0+", TIFF),
    VENDOR("WebP", 8, "WEBP", WEBP),
    OURS("BMP", "BM", bmp),
    OURS("PBM", "P1", pnm),
    OURS("PGM", "P2", pnm),
    OURS("PPM", "P3", pnm),
    OURS("PBM", "P4", pnm),
    OURS("PGM", "P5", pnm),
    OURS("PPM", "P6", pnm),
    OURS("PFM", "Pf", pnm),
    OURS("PFM", "PF", pnm),
    UNREAD("GIF", 0, "GIF8"),
    UNREAD("JPEG XL picture", 0, "\xff\x0a"),
    UNREAD("JPEG XL picture", 4, "JXL "),
    UNREAD("JPEG 2000 picture", 4, "jP  "),
    UNREAD("JPEG 2000 picture", 0, "\xff\x4f\xff\x51"),
    UNREAD("HEIF or AVIF picture", 4, "ftyp"),
    UNREAD("OpenEXR picture", 0, "\x76\x2f\x31\x01"),
    UNREAD("Radiance picture", 0, "#?RADIANCE"),
    UNREAD("FITS file", 0, "SIMPLE  ="),
    UNREAD("DICOM file", 128, "DICM"),
    UNREAD("Photoshop file", 0, "8BPS"),
    UNREAD("PDF", 0, "%PDF"),
    UNREAD("SVG drawing", 0, "<svg"),
    UNREAD("XML file", 0, "<?xml"),
    UNREAD("gzip file", 0, "\x1f\x8b"),
    UNREAD("ZIP archive", 0, "PK\x03\x04"),
};

/* "P5" begins many texts; a picture goes on with white space or a comment. */
static bool kind_is_pnm(const unsigned char *data, size_t size)
{
    return size > 2 && (data[2] == '#' || data[2] == ' ' || (data[2] >= '\t' && data[2] <= '\r'));
}

const struct oddi_image_kind *oddi_image_kind_of(const unsigned char *data, size_t size)
{
    for (size_t i = 0; i < ODDI_COUNT(kinds); i++) {
        const struct oddi_image_kind *k = &kinds[i];
        if (size < k->at + k->length || memcmp(data + k->at, k->magic, k->length) != 0)
            continue;
        if (k->vendor == ODDI_VENDOR_WEBP && memcmp(data, "RIFF", 4) != 0)
            continue;
        if (k->read == oddi_image_read_pnm && !kind_is_pnm(data, size))
            continue;
        return k;
    }
    return NULL;
}
