/* SPDX-License-Identifier: Apache-2.0
 * The folder's inside: a file's bytes, what kind they are, and the readers. */
#ifndef ODDI_IMAGE_INT_H
#define ODDI_IMAGE_INT_H
#include "image/image.h"

/* Where the samples of a picture come from; the readers' common input. */
struct oddi_image_bytes {
    const char *what; /* for messages */
    const unsigned char *data;
    size_t size;
    size_t budget;
    const struct oddi_image_kind *kind;
};

struct oddi_image_header {
    struct oddi_image_info info; /* as stored: not yet turned */
    int orientation;             /* EXIF: 1 (upright) to 8 */
};

/* Fills the header and checks its size; decodes only when `out` is not NULL. */
typedef odd_status oddi_image_reader(struct odd_context *ctx, const struct oddi_image_bytes *in,
                                     struct oddi_image_header *header, struct oddi_picture **out);
oddi_image_reader oddi_image_read_bmp, oddi_image_read_pnm;
oddi_image_reader oddi_image_read_vendor; /* decode.c, or without.c in a build without libvips */

enum oddi_image_vendor {
    ODDI_VENDOR_NONE,
    ODDI_VENDOR_PNG,
    ODDI_VENDOR_JPEG,
    ODDI_VENDOR_TIFF,
    ODDI_VENDOR_WEBP
};
struct oddi_image_kind {
    const char *name;
    size_t at; /* of the magic in the file */
    const char *magic;
    size_t length;
    oddi_image_reader *read; /* NULL: known by name, not read */
    enum oddi_image_vendor vendor;
};
/* NULL when the first bytes are those of no kind in the table. */
const struct oddi_image_kind *oddi_image_kind_of(const unsigned char *data, size_t size);

/* ODD_EFORMAT for sides outside 1 to 1,000,000, ODD_ENOTSUP for bands outside 1 to 16, ODD_ELIMIT
 * for more bytes than the budget. */
odd_status oddi_image_check(struct odd_context *ctx, const struct oddi_image_bytes *in,
                            const struct oddi_image_info *info);
/* "'x.png' is a damaged PNG: ..."; always ODD_EFORMAT. */
odd_status oddi_image_damaged(struct odd_context *ctx, const struct oddi_image_bytes *in,
                              const char *format, ...) ODDI_PRINTF(3, 4);

/* Turns the picture upright; 1 and unknown orientations change nothing. */
odd_status oddi_image_upright(struct odd_context *ctx, int orientation,
                              struct oddi_picture **picture);
/* Whether the last sample of a TIFF's pixels is alpha by its tag ExtraSamples; false for whatever
 * cannot be followed. */
bool oddi_tiff_alpha(const unsigned char *data, size_t size);
#endif
