/* SPDX-License-Identifier: Apache-2.0
 *
 * Pictures to PNG and maps to float TIFF: encoded in memory by libvips, then written through
 * base/file.h, so that a reader never sees half a file and errors of the disk have their reason.
 */
#include "base/alloc.h"
#include "base/file.h"
#include "image/image_int.h"
#include "image/vendor.h"

struct save {
    const void *data;
    size_t size;
    struct oddi_image_info info;
    void *file; /* of libvips */
    size_t file_size;
};

/* The samples as an image of libvips; they stay where they are. */
static VipsImage *save_image(const struct save *s)
{
    static const VipsBandFormat formats[] = {VIPS_FORMAT_UCHAR, VIPS_FORMAT_USHORT,
                                             VIPS_FORMAT_FLOAT};
    bool wide = s->info.type == ODD_U16, colour = s->info.bands > 2;
    VipsImage *image =
        vips_image_new_from_memory(s->data, s->size, (int)s->info.width, (int)s->info.height,
                                   s->info.bands, formats[s->info.type]);
    if (image)
        image->Type = colour ? wide ? VIPS_INTERPRETATION_RGB16 : VIPS_INTERPRETATION_sRGB
                      : wide ? VIPS_INTERPRETATION_GREY16
                             : VIPS_INTERPRETATION_B_W;
    return image;
}

static bool save_png(void *arg)
{
    struct save *s = arg;
    VipsImage *image = save_image(s);
    if (!image)
        return false;
    int failed = vips_pngsave_buffer(image, &s->file, &s->file_size, "strip", TRUE, "compression",
                                     6, NULL);
    g_object_unref(image);
    return !failed;
}

static bool save_tiff(void *arg)
{
    struct save *s = arg;
    VipsImage *image = save_image(s);
    if (!image)
        return false;
    int failed = vips_tiffsave_buffer(image, &s->file, &s->file_size, "strip", TRUE, "compression",
                                      VIPS_FOREIGN_TIFF_COMPRESSION_DEFLATE, "predictor",
                                      VIPS_FOREIGN_TIFF_PREDICTOR_FLOAT, NULL);
    g_object_unref(image);
    return !failed;
}

static odd_status save_run(struct odd_context *ctx, const char *path, oddi_vendor_job *job,
                           struct save *s)
{
    char reason[ODDI_VENDOR_REASON];
    if (!oddi_vendor_run(job, s, reason))
        return oddi_fail(ctx, ODD_EIO, "cannot encode '%s': %s", path, reason);
    odd_status status = oddi_file_write(ctx, path, s->file, s->file_size);
    g_free(s->file);
    return status;
}

odd_status oddi_image_save_png(struct odd_context *ctx, const char *path,
                               const struct oddi_picture *picture)
{
    const struct oddi_picture *p = picture;
    struct save s = {.data = p->data,
                     .size = oddi_picture_size(p),
                     .info = {p->width, p->height, p->bands, p->type}};
    if ((p->type != ODD_U8 && p->type != ODD_U16) || p->bands < 1 || p->bands > 4)
        return oddi_fail(ctx, ODD_EINVAL, "cannot write '%s': %d bands of %s are no PNG", path,
                         p->bands, oddi_sample_name(p->type));
    return save_run(ctx, path, save_png, &s);
}

odd_status oddi_image_save_tiff(struct odd_context *ctx, const char *path, const float *map,
                                int64_t width, int64_t height)
{
    struct save s = {.data = map, .info = {width, height, 1, ODD_F32}};
    if (width < 1 || height < 1 || width > ODDI_PICTURE_MAX_SIDE ||
        height > ODDI_PICTURE_MAX_SIDE ||
        !oddi_mul_size((size_t)width * sizeof(float), (size_t)height, &s.size))
        return oddi_fail(ctx, ODD_EINVAL, "cannot write '%s': a map of %lld x %lld", path,
                         (long long)width, (long long)height);
    return save_run(ctx, path, save_tiff, &s);
}
