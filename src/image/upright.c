/* SPDX-License-Identifier: Apache-2.0
 *
 * EXIF orientation: which corner of the scene the first stored pixel is, as a number.
 *   1 upright          2 mirrored left-right   3 turned by 180   4 mirrored top-bottom
 *   5 transposed       6 to be turned right    7 transposed over the other diagonal
 *   8 to be turned left
 * Each is a walk through the stored picture: pixel (x, y) of the upright one lies at
 * start + x * right + y * down, in stored pixels.
 */
#include <string.h>

#include "image/image_int.h"

struct upright_walk {
    int64_t start, right, down;
};

static struct upright_walk upright_walk(int orientation, int64_t w, int64_t h)
{
    switch (orientation) {
    case 2:
        return (struct upright_walk){w - 1, -1, w};
    case 3:
        return (struct upright_walk){w * h - 1, -1, -w};
    case 4:
        return (struct upright_walk){w * (h - 1), 1, -w};
    case 5:
        return (struct upright_walk){0, w, 1};
    case 6:
        return (struct upright_walk){w * (h - 1), -w, 1};
    case 7:
        return (struct upright_walk){w * h - 1, -w, -1};
    case 8:
        return (struct upright_walk){w - 1, w, -1};
    default:
        return (struct upright_walk){0, 1, w};
    }
}

odd_status oddi_image_upright(struct odd_context *ctx, int orientation,
                              struct oddi_picture **picture)
{
    odd_status status;
    struct oddi_picture *src = *picture, *dst = NULL;
    bool swap = orientation >= 5;
    if (orientation < 2 || orientation > 8)
        return ODD_OK;
    TRY(oddi_picture_new(ctx, swap ? src->height : src->width, swap ? src->width : src->height,
                         src->bands, src->type, &dst));
    struct upright_walk walk = upright_walk(orientation, src->width, src->height);
    size_t pixel = (size_t)src->bands * oddi_sample_size(src->type);
    unsigned char *to = dst->data;
    for (int64_t y = 0; y < dst->height; y++)
        for (int64_t x = 0; x < dst->width; x++, to += pixel)
            memcpy(to,
                   (const unsigned char *)src->data +
                       (size_t)(walk.start + x * walk.right + y * walk.down) * pixel,
                   pixel);
    oddi_picture_free(ctx, src);
    *picture = dst;
out:
    return status;
}
