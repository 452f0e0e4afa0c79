/* SPDX-License-Identifier: Apache-2.0
 * In place of decode.c, save.c and vendor.c in a build without libvips. BMP and PNM still load. */
#include "image/image_int.h"

#define WITHOUT "this build has no libvips; configure with -DODDITY_IMAGE=ON for it"

odd_status oddi_image_read_vendor(struct odd_context *ctx, const struct oddi_image_bytes *in,
                                  struct oddi_image_header *header, struct oddi_picture **out)
{
    (void)header;
    (void)out;
    return oddi_fail(ctx, ODD_ENOTSUP, "'%s' is a %s: " WITHOUT, in->what, in->kind->name);
}

odd_status oddi_image_save_png(struct odd_context *ctx, const char *path,
                               const struct oddi_picture *picture)
{
    (void)picture;
    return oddi_fail(ctx, ODD_ENOTSUP, "cannot write '%s' as PNG: " WITHOUT, path);
}

odd_status oddi_image_save_tiff(struct odd_context *ctx, const char *path, const float *map,
                                int64_t width, int64_t height)
{
    (void)map;
    (void)width;
    (void)height;
    return oddi_fail(ctx, ODD_ENOTSUP, "cannot write '%s' as TIFF: " WITHOUT, path);
}
