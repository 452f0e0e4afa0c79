/* SPDX-License-Identifier: Apache-2.0
 *
 * Ownership, checks and conversions of pictures and planes. A caller's buffer is hostile until
 * its sizes are checked; after that every product of sizes is known to fit.
 */
#include "pixels/pixels.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"

size_t oddi_sample_size(enum odd_pixel_type type)
{
    switch (type) {
    case ODD_U8:
        return 1;
    case ODD_U16:
        return 2;
    case ODD_F32:
        return 4;
    }
    return 0;
}

const char *oddi_sample_name(enum odd_pixel_type type)
{
    switch (type) {
    case ODD_U8:
        return "u8";
    case ODD_U16:
        return "u16";
    case ODD_F32:
        return "f32";
    }
    return "?";
}

/* Sides and bands within limits, and their product with `sample` bytes in *size. */
static odd_status pixels_check_size(struct odd_context *ctx, int64_t width, int64_t height,
                                    int bands, size_t sample, size_t *size)
{
    size_t count;

    if (width < 1 || height < 1 || width > ODDI_PICTURE_MAX_SIDE ||
        height > ODDI_PICTURE_MAX_SIDE)
        return oddi_fail(ctx, ODD_EINVAL, "picture of %lld x %lld pixels: sides are 1 to %d",
                         (long long)width, (long long)height, ODDI_PICTURE_MAX_SIDE);
    if (bands < 1 || bands > ODDI_PICTURE_MAX_BANDS)
        return oddi_fail(ctx, ODD_EINVAL, "picture of %d bands: 1 to %d are possible", bands,
                         ODDI_PICTURE_MAX_BANDS);
    if (sample == 0)
        return oddi_fail(ctx, ODD_EINVAL, "picture of an unknown sample type");
    if (!oddi_mul_size((size_t)width, (size_t)height, &count) ||
        !oddi_mul_size(count, (size_t)bands, &count) || !oddi_mul_size(count, sample, size))
        return oddi_fail(ctx, ODD_ELIMIT, "picture of %lld x %lld pixels is too large",
                         (long long)width, (long long)height);
    return ODD_OK;
}

odd_status oddi_picture_new(struct odd_context *ctx, int64_t width, int64_t height, int bands,
                            enum odd_pixel_type type, struct oddi_picture **out)
{
    struct oddi_picture *picture = NULL;
    size_t size = 0;
    odd_status status;

    TRY(pixels_check_size(ctx, width, height, bands, oddi_sample_size(type), &size));
    picture = oddi_calloc(ctx, 1, sizeof(*picture));
    if (!picture)
        return ODD_ENOMEM;
    picture->data = oddi_alloc(ctx, size);
    if (!picture->data) {
        oddi_free(ctx, picture);
        return ODD_ENOMEM;
    }
    picture->width = width;
    picture->height = height;
    picture->bands = bands;
    picture->type = type;
    *out = picture;
out:
    return status;
}

void oddi_picture_free(struct odd_context *ctx, struct oddi_picture *picture)
{
    if (!picture)
        return;
    oddi_free(ctx, picture->data);
    oddi_free(ctx, picture);
}

size_t oddi_picture_size(const struct oddi_picture *picture)
{
    return (size_t)picture->width * (size_t)picture->height * (size_t)picture->bands *
           oddi_sample_size(picture->type);
}

odd_status oddi_picture_check_finite(struct odd_context *ctx, const struct oddi_picture *picture,
                                     const char *what)
{
    const float *data = picture->data;
    const int64_t row = picture->width * picture->bands;

    if (picture->type != ODD_F32)
        return ODD_OK;
    for (int64_t i = 0; i < row * picture->height; i++)
        if (!isfinite(data[i]))
            return oddi_fail(ctx, ODD_ENUMERIC,
                             "%s: sample at x %lld, y %lld, band %lld is not a finite number",
                             what, (long long)(i % row / picture->bands), (long long)(i / row),
                             (long long)(i % picture->bands));
    return ODD_OK;
}

/* Everything about *pixels but its samples; *stride is the true distance between rows. */
static odd_status pixels_check(struct odd_context *ctx, const struct odd_pixels *pixels,
                               size_t *stride)
{
    const size_t sample = oddi_sample_size(pixels->type);
    size_t size = 0, tight, rows;
    odd_status status;

    if (pixels->struct_size < sizeof(*pixels))
        return oddi_fail(ctx, ODD_EINVAL, "odd_pixels: struct_size is %zu, expected %zu",
                         pixels->struct_size, sizeof(*pixels));
    if (!pixels->data)
        return oddi_fail(ctx, ODD_EINVAL, "odd_pixels: data is NULL");
    TRY(pixels_check_size(ctx, pixels->width, pixels->height, pixels->bands, sample, &size));
    tight = (size_t)pixels->width * sample * (pixels->planar ? 1 : (size_t)pixels->bands);
    if (pixels->stride < 0 || (pixels->stride > 0 && (uint64_t)pixels->stride < tight))
        return oddi_fail(ctx, ODD_EINVAL, "odd_pixels: stride is %lld, a row has %zu bytes",
                         (long long)pixels->stride, tight);
    *stride = pixels->stride > 0 ? (size_t)pixels->stride : tight;
    rows = (size_t)pixels->height * (pixels->planar ? (size_t)pixels->bands : 1);
    if (!oddi_mul_size(*stride, rows, &size) || size > PTRDIFF_MAX)
        return oddi_fail(ctx, ODD_EINVAL, "odd_pixels: stride %lld times %zu rows overflows",
                         (long long)pixels->stride, rows);
out:
    return status;
}

/* Row by row, and sample by sample where bands lie apart; bytes only, since a caller's rows need
 * not be aligned to their samples. */
static void pixels_copy(const struct odd_pixels *pixels, size_t stride, unsigned char *dst)
{
    const unsigned char *src = pixels->data;
    const size_t sample = oddi_sample_size(pixels->type);
    const size_t bands = (size_t)pixels->bands, width = (size_t)pixels->width;
    const size_t height = (size_t)pixels->height, row = width * bands * sample;

    for (size_t y = 0; !pixels->planar && y < height; y++)
        memcpy(dst + y * row, src + y * stride, row);
    for (size_t line = 0; pixels->planar && line < bands * height; line++) {
        const unsigned char *from = src + line * stride;
        unsigned char *to = dst + line % height * row + line / height * sample;

        for (size_t x = 0; x < width; x++)
            memcpy(to + x * bands * sample, from + x * sample, sample);
    }
}

odd_status oddi_picture_from_pixels(struct odd_context *ctx, const struct odd_pixels *pixels,
                                    struct oddi_picture **out)
{
    struct oddi_picture *picture = NULL;
    size_t stride = 0;
    odd_status status;

    if (!pixels)
        return oddi_fail(ctx, ODD_EINVAL, "odd_pixels: NULL");
    TRY(pixels_check(ctx, pixels, &stride));
    TRY(oddi_picture_new(ctx, pixels->width, pixels->height, pixels->bands, pixels->type,
                         &picture));
    pixels_copy(pixels, stride, picture->data);
    TRY(oddi_picture_check_finite(ctx, picture, "odd_pixels"));
    *out = picture;
    picture = NULL;
out:
    oddi_picture_free(ctx, picture);
    return status;
}

odd_status oddi_planes_init(struct odd_context *ctx, int64_t width, int64_t height, int bands,
                            struct oddi_planes *planes)
{
    size_t size = 0;
    float *data;
    odd_status status;

    TRY(pixels_check_size(ctx, width, height, bands, sizeof(float), &size));
    data = oddi_alloc_aligned(ctx, size);
    if (!data)
        return ODD_ENOMEM;
    *planes = (struct oddi_planes){width, height, bands, data};
out:
    return status;
}

void oddi_planes_release(struct odd_context *ctx, struct oddi_planes *planes)
{
    oddi_free_aligned(ctx, planes->data);
    *planes = (struct oddi_planes){0, 0, 0, NULL};
}

odd_status oddi_picture_to_planes(struct odd_context *ctx, const struct oddi_picture *picture,
                                  struct oddi_planes *out)
{
    const int64_t count = picture->width * picture->height, bands = picture->bands;
    struct oddi_planes planes = {0, 0, 0, NULL};
    odd_status status;

    TRY(oddi_planes_init(ctx, picture->width, picture->height, picture->bands, &planes));
    for (int64_t b = 0; b < bands; b++) {
        const uint8_t *u8 = picture->data;
        const uint16_t *u16 = picture->data;
        const float *f32 = picture->data;
        float *dst = planes.data + b * count;

        for (int64_t i = 0; picture->type == ODD_U8 && i < count; i++)
            dst[i] = (float)u8[i * bands + b] / 255.0f;
        for (int64_t i = 0; picture->type == ODD_U16 && i < count; i++)
            dst[i] = (float)u16[i * bands + b] / 65535.0f;
        for (int64_t i = 0; picture->type == ODD_F32 && i < count; i++)
            dst[i] = f32[i * bands + b];
    }
    *out = planes;
out:
    return status;
}

/* v in [0, 1] to 0 .. white, to nearest; what is not above 0 (NaN too) is black. */
static float pixels_quantize(float v, float white)
{
    if (!(v > 0.0f))
        return 0.0f;
    return v >= 1.0f ? white : floorf(v * white + 0.5f);
}

odd_status oddi_planes_to_picture(struct odd_context *ctx, const struct oddi_planes *planes,
                                  enum odd_pixel_type type, struct oddi_picture **out)
{
    const int64_t count = planes->width * planes->height, bands = planes->bands;
    struct oddi_picture *picture = NULL;
    odd_status status;

    TRY(oddi_picture_new(ctx, planes->width, planes->height, planes->bands, type, &picture));
    for (int64_t b = 0; b < bands; b++) {
        const float *src = planes->data + b * count;
        uint8_t *u8 = picture->data;
        uint16_t *u16 = picture->data;
        float *f32 = picture->data;

        for (int64_t i = 0; type == ODD_U8 && i < count; i++)
            u8[i * bands + b] = (uint8_t)pixels_quantize(src[i], 255.0f);
        for (int64_t i = 0; type == ODD_U16 && i < count; i++)
            u16[i * bands + b] = (uint16_t)pixels_quantize(src[i], 65535.0f);
        for (int64_t i = 0; type == ODD_F32 && i < count; i++)
            f32[i * bands + b] = src[i];
    }
    *out = picture;
out:
    return status;
}

odd_status oddi_planes_to_bands(struct odd_context *ctx, const struct oddi_planes *src, int bands,
                                struct oddi_planes *out)
{
    const int64_t count = src->width * src->height;
    struct oddi_planes dst = {0, 0, 0, NULL};
    odd_status status;

    if (bands != src->bands && src->bands != 1 && !(src->bands == 3 && bands == 1))
        return oddi_fail(ctx, ODD_ESHAPE, "cannot turn a picture of %d bands into one of %d",
                         src->bands, bands);
    TRY(oddi_planes_init(ctx, src->width, src->height, bands, &dst));
    if (src->bands == 3 && bands == 1) {
        const float *r = src->data, *g = r + count, *b = g + count;

        for (int64_t i = 0; i < count; i++)
            dst.data[i] = 0.299f * r[i] + 0.587f * g[i] + 0.114f * b[i];
    } else {
        for (int64_t band = 0; band < bands; band++)
            memcpy(dst.data + band * count, src->data + (src->bands == 1 ? 0 : band * count),
                   (size_t)count * sizeof(float));
    }
    *out = dst;
out:
    return status;
}
