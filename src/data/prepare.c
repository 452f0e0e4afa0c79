/* SPDX-License-Identifier: Apache-2.0
 * From a decoded picture to a network's input; see prepare.h. The gain is measured on the picture
 * as it came, so that it does not depend on the network's size. */
#include "data/prepare.h"

#include <string.h>

#include "base/alloc.h"

odd_status oddi_prepare_check(struct odd_context *ctx, const struct oddi_prepare *prepare,
                              size_t *count)
{
    const struct oddi_prepare *p = prepare;
    if (p->width < 1 || p->height < 1 || p->width > 65536 || p->height > 65536 || p->channels < 1 ||
        p->channels > ODDI_PICTURE_MAX_BANDS)
        return oddi_fail(ctx, ODD_EINVAL, "an input of %lld x %lld pixels and %d channels",
                         (long long)p->width, (long long)p->height, p->channels);
    *count = (size_t)(p->width * p->height) * (size_t)p->channels;
    return ODD_OK;
}

static odd_status prepare_whole(struct odd_context *ctx, const struct oddi_prepare *prepare,
                                const struct oddi_picture *picture, float *dst,
                                struct oddi_mapping *mapping)
{
    odd_status status = ODD_OK;
    size_t count = 0;
    const struct oddi_fit fit = {prepare->fit, prepare->width, prepare->height};
    struct oddi_planes fitted = {0}, banded = {0};
    const struct oddi_planes *from = &fitted;
    TRY(oddi_prepare_check(ctx, prepare, &count));
    TRY(oddi_picture_check_finite(ctx, picture, "the picture"));
    TRY(oddi_fit_apply(ctx, &fit, picture, &fitted, mapping));
    if (prepare->gain_normalize)
        oddi_planes_scale(&fitted, oddi_picture_gain(picture));
    if (fitted.bands != prepare->channels) {
        TRY(oddi_planes_to_bands(ctx, &fitted, prepare->channels, &banded));
        from = &banded;
    }
    memcpy(dst, from->data, count * sizeof(float));
    for (size_t i = 0; prepare->signed_range && i < count; i++)
        dst[i] = 2.0f * dst[i] - 1.0f;
out:
    oddi_planes_release(ctx, &fitted);
    oddi_planes_release(ctx, &banded);
    return status;
}

odd_status oddi_prepare_tiles(struct odd_context *ctx, const struct oddi_prepare *prepare,
                              const struct oddi_picture *picture, struct oddi_tiles *tiles)
{
    return oddi_tiles_plan(ctx, &prepare->tiling, picture->width, picture->height,
                           prepare->channels, tiles);
}

odd_status oddi_prepare_scaled(struct odd_context *ctx, const struct oddi_prepare *prepare,
                               const struct oddi_picture *picture, const struct oddi_tiles *tiles,
                               float *planes, struct oddi_mapping *mapping)
{
    struct oddi_prepare whole = *prepare;
    whole.width = tiles->width;
    whole.height = tiles->height;
    whole.fit = ODDI_FIT_STRETCH;
    return prepare_whole(ctx, &whole, picture, planes, mapping);
}

/* The tile in the middle stands for the picture. */
static odd_status prepare_middle(struct odd_context *ctx, const struct oddi_prepare *prepare,
                                 const struct oddi_picture *picture, float *dst,
                                 struct oddi_mapping *mapping)
{
    odd_status status = ODD_OK;
    struct oddi_tiles tiles;
    float *planes = NULL;
    TRY(oddi_prepare_tiles(ctx, prepare, picture, &tiles));
    planes = oddi_alloc_array(ctx, (size_t)(tiles.width * tiles.height),
                              (size_t)prepare->channels * sizeof(float));
    if (!planes) {
        status = ODD_ENOMEM;
        goto out;
    }
    TRY(oddi_prepare_scaled(ctx, prepare, picture, &tiles, planes, NULL));
    const int64_t middle = tiles.rows / 2 * tiles.columns + tiles.columns / 2;
    oddi_tiles_cut(&tiles, &prepare->tiling, prepare->channels, middle, planes, dst);
    if (mapping)
        *mapping = (struct oddi_mapping){.width = picture->width,
                                         .height = picture->height,
                                         .to_width = prepare->width,
                                         .to_height = prepare->height,
                                         .from = {0, 0, picture->width, picture->height},
                                         .into = {0, 0, tiles.tile_width, tiles.tile_height}};
out:
    oddi_free(ctx, planes);
    return status;
}

odd_status oddi_prepare_run(struct odd_context *ctx, const struct oddi_prepare *prepare,
                            const struct oddi_picture *picture, float *dst,
                            struct oddi_mapping *mapping)
{
    return prepare->tiling.scale > 0 ? prepare_middle(ctx, prepare, picture, dst, mapping)
                                     : prepare_whole(ctx, prepare, picture, dst, mapping);
}
