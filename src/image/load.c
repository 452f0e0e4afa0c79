/* SPDX-License-Identifier: Apache-2.0
 *
 * From a path or bytes to a picture: read the bytes, look what they are, let the kind's reader
 * decode them, turn the picture upright. The readers are in bmp.c, pnm.c and decode.c.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/str.h"
#include "image/image_int.h"

#define LOAD_READ "PNG, JPEG, TIFF, WebP, BMP and PNM are read"

odd_status oddi_image_damaged(struct odd_context *ctx, const struct oddi_image_bytes *in,
                              const char *format, ...)
{
    char reason[512];
    va_list args;
    va_start(args, format);
    int length = oddi_vformat(reason, sizeof(reason), format, args);
    va_end(args);
    if (length < 0)
        reason[0] = '\0';
    return oddi_fail(ctx, ODD_EFORMAT, "'%s' is a damaged %s: %s", in->what, in->kind->name,
                     reason);
}

odd_status oddi_image_check(struct odd_context *ctx, const struct oddi_image_bytes *in,
                            const struct oddi_image_info *info)
{
    size_t size = oddi_sample_size(info->type);
    if (info->width < 1 || info->height < 1 || info->width > ODDI_PICTURE_MAX_SIDE ||
        info->height > ODDI_PICTURE_MAX_SIDE)
        return oddi_image_damaged(ctx, in, "%lld x %lld pixels; sides are 1 to %d",
                                  (long long)info->width, (long long)info->height,
                                  ODDI_PICTURE_MAX_SIDE);
    if (info->bands < 1 || info->bands > ODDI_PICTURE_MAX_BANDS)
        return oddi_fail(ctx, ODD_ENOTSUP, "'%s' has %d bands; 1 to %d are possible", in->what,
                         info->bands, ODDI_PICTURE_MAX_BANDS);
    if (!oddi_mul_size(size, (size_t)info->bands, &size) ||
        !oddi_mul_size(size, (size_t)info->width, &size) ||
        !oddi_mul_size(size, (size_t)info->height, &size) || size > in->budget)
        return oddi_fail(ctx, ODD_ELIMIT,
                         "'%s' is too large: %lld x %lld pixels of %d %s samples are more than "
                         "the limit of %zu bytes",
                         in->what, (long long)info->width, (long long)info->height, info->bands,
                         oddi_sample_name(info->type), in->budget);
    return ODD_OK;
}

static odd_status load_kind(struct odd_context *ctx, struct oddi_image_bytes *in)
{
    if (!in->size)
        return oddi_fail(ctx, ODD_EFORMAT, "'%s' is empty", in->what);
    in->kind = oddi_image_kind_of(in->data, in->size);
    if (!in->kind)
        return oddi_fail(ctx, ODD_EFORMAT, "'%s' is not a picture (%s)", in->what, LOAD_READ);
    if (!in->kind->read)
        return oddi_fail(ctx, ODD_ENOTSUP, "'%s' is a %s, which is not read (%s)", in->what,
                         in->kind->name, LOAD_READ);
    return ODD_OK;
}

static odd_status load_bytes(struct odd_context *ctx, struct oddi_image_bytes *in,
                             struct oddi_picture **out)
{
    odd_status status;
    struct oddi_image_header header = {.orientation = 1};
    struct oddi_picture *picture = NULL;
    TRY(load_kind(ctx, in));
    TRY(in->kind->read(ctx, in, &header, &picture));
    TRY(oddi_picture_check_finite(ctx, picture, in->what));
    TRY(oddi_image_upright(ctx, header.orientation, &picture));
    *out = picture;
    picture = NULL;
out:
    oddi_picture_free(ctx, picture);
    return status;
}

odd_status oddi_image_load_memory(struct odd_context *ctx, const char *what, const void *data,
                                  size_t size, size_t budget, struct oddi_picture **out)
{
    struct oddi_image_bytes in = {what, data, size, budget, NULL};
    return load_bytes(ctx, &in, out);
}

/* The largest file that is read for a decoded picture of `budget` bytes: no kind needs more than
 * twice that, and pages, profiles and comments some more. */
static size_t load_file_max(size_t budget)
{
    const size_t more = (size_t)16 << 20;
    return budget > (SIZE_MAX - more) / 2 ? SIZE_MAX - 1 : 2 * budget + more;
}

odd_status oddi_image_load(struct odd_context *ctx, const char *path, size_t budget,
                           struct oddi_picture **out)
{
    char *data = NULL;
    size_t size = 0;
    odd_status status = oddi_file_read(ctx, path, load_file_max(budget), &data, &size);
    if (status == ODD_OK)
        status = oddi_image_load_memory(ctx, path, data, size, budget, out);
    oddi_free(ctx, data);
    return status;
}

odd_status oddi_image_probe(struct odd_context *ctx, const char *path,
                            struct oddi_image_info *info)
{
    odd_status status;
    struct oddi_image_bytes in = {.what = path, .budget = SIZE_MAX};
    struct oddi_image_header header = {.orientation = 1};
    char *data = NULL;
    TRY(oddi_file_read(ctx, path, load_file_max(ODDI_IMAGE_BUDGET), &data, &in.size));
    in.data = (const unsigned char *)data;
    TRY(load_kind(ctx, &in));
    TRY(in.kind->read(ctx, &in, &header, NULL));
    *info = header.info;
    if (header.orientation >= 5 && header.orientation <= 8) {
        info->width = header.info.height;
        info->height = header.info.width;
    }
out:
    oddi_free(ctx, data);
    return status;
}
