/* SPDX-License-Identifier: Apache-2.0
 *
 * Fitting. Let the picture be w x h and the network's input W x H. PAD scales by
 * min(W / w, H / h) and centres the result; CROP takes the centred part of aspect W : H. Both
 * round to whole pixels and keep at least one; odd remainders go to the right and below.
 */
#include "pixels/fit.h"

#include <string.h>

#include "pixels/move.h"

/* round(a * b / c) within 1 .. most; a, b, c up to a million, so the product fits. */
static int64_t fit_scale(int64_t a, int64_t b, int64_t c, int64_t most)
{
    const int64_t v = (2 * a * b + c) / (2 * c);

    return v < 1 ? 1 : v > most ? most : v;
}

/* The largest centred w : h rectangle inside in_w x in_h. */
static struct oddi_rect fit_inside(int64_t w, int64_t h, int64_t in_w, int64_t in_h)
{
    struct oddi_rect r = {0, 0, in_w, in_h};

    if (w * in_h >= h * in_w)
        r.height = fit_scale(in_w, h, w, in_h);
    else
        r.width = fit_scale(in_h, w, h, in_w);
    r.x = (in_w - r.width) / 2;
    r.y = (in_h - r.height) / 2;
    return r;
}

static bool fit_side_ok(int64_t side)
{
    return side >= 1 && side <= ODDI_PICTURE_MAX_SIDE;
}

odd_status oddi_fit_mapping(struct odd_context *ctx, const struct oddi_fit *fit, int64_t width,
                            int64_t height, struct oddi_mapping *mapping)
{
    struct oddi_mapping m = {width, height, fit->width, fit->height, {0, 0, width, height},
                             {0, 0, fit->width, fit->height}};

    if (!fit_side_ok(width) || !fit_side_ok(height) || !fit_side_ok(fit->width) ||
        !fit_side_ok(fit->height))
        return oddi_fail(ctx, ODD_EINVAL, "fit %lld x %lld to %lld x %lld: sides are 1 to %d",
                         (long long)width, (long long)height, (long long)fit->width,
                         (long long)fit->height, ODDI_PICTURE_MAX_SIDE);
    switch (fit->mode) {
    case ODDI_FIT_STRETCH:
        break;
    case ODDI_FIT_PAD:
        m.into = fit_inside(width, height, fit->width, fit->height);
        break;
    case ODDI_FIT_CROP:
        m.from = fit_inside(fit->width, fit->height, width, height);
        break;
    default:
        return oddi_fail(ctx, ODD_EINVAL, "fit: unknown mode %d", (int)fit->mode);
    }
    *mapping = m;
    return ODD_OK;
}

odd_status oddi_fit_apply(struct odd_context *ctx, const struct oddi_fit *fit,
                          const struct oddi_picture *picture, struct oddi_planes *out,
                          struct oddi_mapping *mapping)
{
    struct oddi_planes planes = {0, 0, 0, NULL};
    struct oddi_mapping m;
    odd_status status;

    TRY(oddi_fit_mapping(ctx, fit, picture->width, picture->height, &m));
    TRY(oddi_planes_init(ctx, fit->width, fit->height, picture->bands, &planes));
    TRY(oddi_picture_resize_into(ctx, picture, &m.from, &m.into, &planes));
    oddi_planes_fill_border(&planes, &m.into);
    *out = planes;
    planes.data = NULL;
    if (mapping)
        *mapping = m;
out:
    oddi_planes_release(ctx, &planes);
    return status;
}

static float fit_smallest(const float *map, int64_t count)
{
    float low = map[0];

    for (int64_t i = 1; i < count; i++)
        low = map[i] < low ? map[i] : low;
    return low;
}

odd_status oddi_fit_inverse(struct odd_context *ctx, const struct oddi_mapping *mapping,
                            const float *map, float *out)
{
    const struct oddi_rect *from = &mapping->from;
    /* The source is only read; the struct has no const form. */
    struct oddi_planes src = {mapping->to_width, mapping->to_height, 1, NULL};
    struct oddi_planes dst = {0, 0, 0, NULL};
    float low;
    odd_status status;

    memcpy(&src.data, &map, sizeof(src.data));
    TRY(oddi_planes_init(ctx, mapping->width, mapping->height, 1, &dst));
    low = fit_smallest(map, src.width * src.height);
    if (from->width < dst.width || from->height < dst.height)
        for (int64_t i = 0; i < dst.width * dst.height; i++)
            dst.data[i] = low;
    TRY(oddi_planes_resize_into(ctx, &src, &mapping->into, from, &dst));
    memcpy(out, dst.data, (size_t)(dst.width * dst.height) * sizeof(float));
out:
    oddi_planes_release(ctx, &dst);
    return status;
}
