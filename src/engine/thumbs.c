/* SPDX-License-Identifier: Apache-2.0
 * Thumbnails in a model (thumbs.h). */
#include "engine/thumbs.h"

#include <string.h>

#include "base/alloc.h"
#include "pixels/resize.h"

void oddi_thumbs_init(struct oddi_thumbs *t, struct odd_context *ctx)
{
    *t = (struct oddi_thumbs){.ctx = ctx};
}

void oddi_thumbs_release(struct oddi_thumbs *t)
{
    if (!t->ctx)
        return;
    oddi_free(t->ctx, t->size);
    oddi_free(t->ctx, t->pixels);
    *t = (struct oddi_thumbs){.ctx = NULL};
}

/* A side of the thumbnail whose picture's longer side is `longer`. */
static int64_t thumbs_side(int64_t side, int64_t longer)
{
    const int64_t small = (2 * side * ODDI_THUMB_SIDE + longer) / (2 * longer);
    return longer <= ODDI_THUMB_SIDE ? side : small > 0 ? small : 1;
}

/* Grey or colour, u8, small. */
static odd_status thumbs_make(struct odd_context *ctx, const struct oddi_picture *picture,
                              struct oddi_picture **small)
{
    odd_status status = ODD_OK;
    struct oddi_planes planes = {0}, shown = {0};
    const int64_t longer = picture->width > picture->height ? picture->width : picture->height;
    const struct oddi_rect into = {0, 0, thumbs_side(picture->width, longer),
                                   thumbs_side(picture->height, longer)};
    TRY(oddi_planes_init(ctx, into.width, into.height, picture->bands, &planes));
    TRY(oddi_picture_resize_into(ctx, picture, NULL, &into, &planes));
    TRY(oddi_planes_to_bands(ctx, &planes, planes.bands == 3 ? 3 : 1, &shown));
    TRY(oddi_planes_to_picture(ctx, &shown, ODD_U8, small));
out:
    oddi_planes_release(ctx, &planes);
    oddi_planes_release(ctx, &shown);
    return status;
}

/* Room for one more of that many bytes, which are copied. */
static odd_status thumbs_take(struct oddi_thumbs *t, const struct oddi_thumb_size *size,
                              const void *data, size_t bytes)
{
    odd_status status = ODD_OK;
    void *sizes = t->size, *pixels = t->pixels;
    TRY(oddi_reserve(t->ctx, &sizes, &t->size_room, t->count + 1, sizeof(*t->size)));
    t->size = sizes;
    TRY(oddi_reserve(t->ctx, &pixels, &t->room, t->used + bytes, 1));
    t->pixels = pixels;
    t->size[t->count++] = *size;
    memcpy(t->pixels + t->used, data, bytes);
    t->used += bytes;
out:
    return status;
}

odd_status oddi_thumbs_add(struct oddi_thumbs *t, const struct oddi_picture *picture)
{
    struct oddi_picture *small = NULL;
    odd_status status = thumbs_make(t->ctx, picture, &small);
    if (status != ODD_OK)
        return status;
    const struct oddi_thumb_size size = {small->width, small->height, small->bands, picture->width,
                                         picture->height};
    status = thumbs_take(t, &size, small->data, oddi_picture_size(small));
    oddi_picture_free(t->ctx, small);
    return status;
}

static bool thumbs_proper(const struct oddi_thumb_size *s)
{
    return s->width >= 1 && s->height >= 1 && s->width <= ODDI_THUMB_SIDE &&
           s->height <= ODDI_THUMB_SIDE && (s->bands == 1 || s->bands == 3) && s->from_width >= 1 &&
           s->from_height >= 1 && s->from_width <= ODDI_PICTURE_MAX_SIDE &&
           s->from_height <= ODDI_PICTURE_MAX_SIDE;
}

/* Both tensors are there, of n thumbnails. */
static bool thumbs_both(const struct oddi_stored *sizes, const struct oddi_stored *pixels, size_t n)
{
    return sizes && pixels && sizes->type == ODDI_I64 && sizes->shape.rank == 2 &&
           sizes->shape.dim[1] == 5 && (size_t)sizes->shape.dim[0] == n &&
           pixels->type == ODDI_U8 && pixels->shape.rank == 1;
}

odd_status oddi_thumbs_load(struct oddi_thumbs *t, const struct oddi_model_file *file, size_t n)
{
    const struct oddi_stored *sizes = oddi_model_file_find(file, "keep.thumb_sizes"),
                             *pixels = oddi_model_file_find(file, "keep.thumbs");
    if (!sizes && !pixels)
        return ODD_OK;
    bool good = thumbs_both(sizes, pixels, n);
    const struct oddi_thumb_size *size = good ? sizes->data : NULL;
    for (size_t i = 0; i < n && good; i++) {
        good = thumbs_proper(&size[i]);
        const size_t bytes = good ? (size_t)(size[i].width * size[i].height * size[i].bands) : 0;
        good = good && bytes <= pixels->size - t->used;
        if (good && thumbs_take(t, &size[i], (const unsigned char *)pixels->data + t->used,
                                bytes) != ODD_OK)
            return ODD_ENOMEM;
    }
    if (!good || t->used != pixels->size)
        return oddi_fail(t->ctx, ODD_EFORMAT, "the thumbnails in the model are damaged");
    return ODD_OK;
}

odd_status oddi_thumbs_store(const struct oddi_thumbs *t, struct oddi_model_file *file)
{
    odd_status status = ODD_OK;
    const struct oddi_shape sizes = oddi_shape_make(2, (int64_t)t->count, 5, 1, 1),
                            pixels = oddi_shape_make(1, (int64_t)t->used, 1, 1, 1);
    if (t->count == 0)
        return ODD_OK;
    TRY(oddi_model_file_add(file, "keep.thumb_sizes", ODDI_I64, &sizes, t->size));
    TRY(oddi_model_file_add(file, "keep.thumbs", ODDI_U8, &pixels, t->pixels));
out:
    return status;
}

odd_status oddi_thumbs_get(const struct oddi_thumbs *t, size_t i, struct oddi_picture **picture)
{
    const struct oddi_thumb_size *s = &t->size[i];
    const unsigned char *data = t->pixels;
    for (size_t k = 0; k < i; k++)
        data += t->size[k].width * t->size[k].height * t->size[k].bands;
    const odd_status status =
        oddi_picture_new(t->ctx, s->width, s->height, (int)s->bands, ODD_U8, picture);
    if (status == ODD_OK)
        memcpy((*picture)->data, data, oddi_picture_size(*picture));
    return status;
}
