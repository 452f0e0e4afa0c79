/* SPDX-License-Identifier: Apache-2.0
 * From a decoded picture to a network's input; see prepare.h. The gain is measured on the picture
 * as it came, so that it does not depend on the network's size. */
#include "data/prepare.h"

#include <string.h>

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

odd_status oddi_prepare_run(struct odd_context *ctx, const struct oddi_prepare *prepare,
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
