/* SPDX-License-Identifier: Apache-2.0
 *
 * Picture files: PNG, JPEG, TIFF, WebP (through libvips), BMP and PNM (ours) to pictures, and
 * pictures to PNG, maps to float TIFF. What a file is, is decided by its first bytes, never by its
 * name. Files are hostile: their size is known and checked against a budget before anything is
 * decoded, truncated ones are refused, and every message names the file and the cause.
 *
 * Samples: 8-bit (and less) become u8, 16-bit u16, floating point f32. Bands: 1 to 16. Palettes
 * are expanded, alpha is dropped, CMYK and Lab become sRGB, 8-bit colour with an ICC profile is
 * brought to sRGB (a profile that cannot be used is ignored), and the picture stands upright as
 * its EXIF orientation says. Of several pages the first is read.
 *
 * Safe from several threads, each with its own context; decoding happens in the caller's thread.
 */
#ifndef ODDI_IMAGE_IMAGE_H
#define ODDI_IMAGE_IMAGE_H
#include "pixels/pixels.h"

/* Bytes a decoded picture may take where nobody says otherwise: 16,000 x 16,000 RGB pixels fit. */
#define ODDI_IMAGE_BUDGET ((size_t)1 << 30)

struct oddi_image_info {
    int64_t width, height; /* upright */
    int bands;
    enum odd_pixel_type type;
};

/* Regular files only. `budget` is the largest size of the decoded picture in bytes (ODD_ELIMIT);
 * ODD_EIO: cannot be read; ODD_EFORMAT: is no picture, or a damaged one; ODD_ENOTSUP: a kind of
 * picture that is not read (or not by this build); ODD_ENUMERIC: an f32 sample is not finite. */
odd_status oddi_image_load(struct odd_context *ctx, const char *path, size_t budget,
                           struct oddi_picture **out);
/* The same from bytes; `what` names them in messages. */
odd_status oddi_image_load_memory(struct odd_context *ctx, const char *what, const void *data,
                                  size_t size, size_t budget, struct oddi_picture **out);
/* What oddi_image_load would give; looks at the header alone. */
odd_status oddi_image_probe(struct odd_context *ctx, const char *path,
                            struct oddi_image_info *info);

/* PNG of 8 or 16 bits: u8 and u16, 1 to 4 bands (grey, grey and alpha, RGB, RGBA). All or nothing
 * is written (base/file.h). The same pixels give the same bytes with the same libvips. */
odd_status oddi_image_save_png(struct odd_context *ctx, const char *path,
                               const struct oddi_picture *picture);
/* One-band float TIFF, deflated; loads again bit for bit. map: row-major, width * height. */
odd_status oddi_image_save_tiff(struct odd_context *ctx, const char *path, const float *map,
                                int64_t width, int64_t height);
#endif
