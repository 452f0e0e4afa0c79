/* SPDX-License-Identifier: Apache-2.0
 *
 * PNG, JPEG, TIFF and WebP through libvips, each by its own loader. A lazy pipeline (alpha off,
 * colour to sRGB, samples to u8, u16 or f32) is built over the header alone; once its size has
 * been checked it is pulled through, some rows at a time, in this thread.
 */
#include <string.h>

#include "image/image_int.h"
#include "image/vendor.h"

#define DECODE_ROWS 32

struct decode {
    const struct oddi_image_bytes *in;
    VipsImage *image; /* the pipeline's end; NULL before it is made */
    int orientation;
    struct oddi_picture *picture; /* for the rows */
};

static VipsImage *decode_open(const struct oddi_image_bytes *in)
{
    VipsImage *image = NULL;
    void *data = (void *)(uintptr_t)in->data; /* libvips only reads it */
    int failed = -1;
    switch (in->kind->vendor) {
    case ODDI_VENDOR_PNG:
        failed = vips_pngload_buffer(data, in->size, &image, "access", VIPS_ACCESS_SEQUENTIAL,
                                     "fail_on", VIPS_FAIL_ON_ERROR, NULL);
        break;
    case ODDI_VENDOR_JPEG:
        failed = vips_jpegload_buffer(data, in->size, &image, "access", VIPS_ACCESS_SEQUENTIAL,
                                      "fail_on", VIPS_FAIL_ON_ERROR, NULL);
        break;
    case ODDI_VENDOR_TIFF:
        failed = vips_tiffload_buffer(data, in->size, &image, "access", VIPS_ACCESS_SEQUENTIAL,
                                      "fail_on", VIPS_FAIL_ON_ERROR, NULL);
        break;
    case ODDI_VENDOR_WEBP:
        failed = vips_webpload_buffer(data, in->size, &image, "access", VIPS_ACCESS_SEQUENTIAL,
                                      "fail_on", VIPS_FAIL_ON_ERROR, NULL);
        break;
    case ODDI_VENDOR_NONE:
        break;
    }
    return failed ? NULL : image;
}

/* Puts *next in the place of *image when the operation that made it worked. */
static bool decode_step(VipsImage **image, int failed, VipsImage *const *next)
{
    if (failed)
        return false;
    g_object_unref(*image);
    *image = *next;
    return true;
}

static bool decode_drop_alpha(const struct oddi_image_bytes *in, VipsImage **image)
{
    VipsImage *next = NULL;
    int bands = (*image)->Bands;
    bool alpha = in->kind->vendor == ODDI_VENDOR_TIFF ? oddi_tiff_alpha(in->data, in->size)
                                                      : vips_image_hasalpha(*image);
    if (!alpha || bands < 2 || (*image)->Coding != VIPS_CODING_NONE)
        return true;
    return decode_step(image, vips_extract_band(*image, &next, 0, "n", bands - 1, NULL), &next);
}

static bool decode_is_colour(const VipsImage *image)
{
    return image->Coding == VIPS_CODING_NONE && image->BandFmt == VIPS_FORMAT_UCHAR &&
           ((image->Bands == 3 && (image->Type == VIPS_INTERPRETATION_sRGB ||
                                   image->Type == VIPS_INTERPRETATION_RGB)) ||
            (image->Bands == 4 && image->Type == VIPS_INTERPRETATION_CMYK));
}

static bool decode_colour(VipsImage **image)
{
    VipsImage *next = NULL;
    bool foreign = (*image)->Coding != VIPS_CODING_NONE ||
                   (*image)->Type == VIPS_INTERPRETATION_CMYK ||
                   (*image)->Type == VIPS_INTERPRETATION_LAB ||
                   (*image)->Type == VIPS_INTERPRETATION_LABS ||
                   (*image)->Type == VIPS_INTERPRETATION_XYZ;
    if (decode_is_colour(*image) && vips_image_get_typeof(*image, VIPS_META_ICC_NAME)) {
        if (!vips_icc_transform(*image, &next, "srgb", "embedded", TRUE, NULL))
            return decode_step(image, 0, &next);
        next = NULL; /* a profile that cannot be used: go on without */
    }
    if (!foreign)
        return true;
    return decode_step(
        image, vips_colourspace(*image, &next, VIPS_INTERPRETATION_sRGB, NULL), &next);
}

static bool decode_type(VipsBandFormat format, enum odd_pixel_type *type)
{
    *type = format == VIPS_FORMAT_UCHAR ? ODD_U8 : format == VIPS_FORMAT_USHORT ? ODD_U16 : ODD_F32;
    return format == VIPS_FORMAT_UCHAR || format == VIPS_FORMAT_USHORT ||
           format == VIPS_FORMAT_FLOAT;
}

/* Job: the pipeline, from the header alone. */
static bool decode_header(void *arg)
{
    struct decode *d = arg;
    VipsImage *image = decode_open(d->in);
    if (!image)
        return false;
    d->orientation = vips_image_get_orientation(image);
    if (!decode_drop_alpha(d->in, &image) || !decode_colour(&image)) {
        g_object_unref(image);
        return false;
    }
    d->image = image;
    return true;
}

static bool decode_rows(VipsRegion *region, struct oddi_picture *picture)
{
    size_t row = oddi_picture_size(picture) / (size_t)picture->height;
    int height = (int)picture->height;
    unsigned char *to = picture->data;
    for (int top = 0; top < height; top += DECODE_ROWS) {
        int rows = height - top < DECODE_ROWS ? height - top : DECODE_ROWS;
        VipsRect strip = {0, top, (int)picture->width, rows};
        if (vips_region_prepare(region, &strip))
            return false;
        for (int y = top; y < top + rows; y++, to += row)
            memcpy(to, VIPS_REGION_ADDR(region, 0, y), row);
    }
    return true;
}

/* Job: the pixels. A pipeline is used up by it, so a second run makes a new one. */
static bool decode_pixels(void *arg)
{
    struct decode *d = arg;
    const struct oddi_picture *p = d->picture;
    enum odd_pixel_type type;
    if (!d->image && !decode_header(d))
        return false;
    bool worked = d->image->Xsize == p->width && d->image->Ysize == p->height &&
                  d->image->Bands == p->bands && decode_type(d->image->BandFmt, &type) &&
                  type == p->type;
    VipsRegion *region = worked ? vips_region_new(d->image) : NULL;
    worked = region && decode_rows(region, d->picture);
    if (region)
        g_object_unref(region);
    g_object_unref(d->image);
    d->image = NULL;
    return worked;
}

odd_status oddi_image_read_vendor(struct odd_context *ctx, const struct oddi_image_bytes *in,
                                  struct oddi_image_header *header, struct oddi_picture **out)
{
    odd_status status;
    struct decode d = {.in = in};
    struct oddi_image_info *info = &header->info;
    char reason[ODDI_VENDOR_REASON];
    if (!oddi_vendor_run(decode_header, &d, reason))
        return oddi_image_damaged(ctx, in, "%s", reason);
    *info = (struct oddi_image_info){d.image->Xsize, d.image->Ysize, d.image->Bands, ODD_U8};
    if (!decode_type(d.image->BandFmt, &info->type))
        TRY(oddi_fail(ctx, ODD_ENOTSUP,
                      "'%s' has samples of type %s; 8 and 16 bits without sign and floating point "
                      "are read",
                      in->what, vips_enum_nick(VIPS_TYPE_BAND_FORMAT, d.image->BandFmt)));
    header->orientation = d.orientation;
    TRY(oddi_image_check(ctx, in, info));
    if (!out)
        goto out;
    TRY(oddi_picture_new(ctx, info->width, info->height, info->bands, info->type, &d.picture));
    if (!oddi_vendor_run(decode_pixels, &d, reason))
        TRY(oddi_image_damaged(ctx, in, "%s", reason));
    *out = d.picture;
    d.picture = NULL;
out:
    if (d.image)
        g_object_unref(d.image);
    oddi_picture_free(ctx, d.picture);
    return status;
}
