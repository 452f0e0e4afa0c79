/* SPDX-License-Identifier: Apache-2.0
 *
 * Crop, pad, mirror, turn. Pad, flip and quarter turns move whole pixels and change no value;
 * rotation looks up the source by the inverse turn: with y downwards and the turn by angle a
 * counter-clockwise, target offset (u, v) from the centre comes from
 *
 *   x = cx + u cos a - v sin a,   y = cy + u sin a + v cos a,                               (1)
 *
 * clamped to the picture, which continues its edge.
 */
#include "pixels/move.h"

#include <math.h>
#include <string.h>

static int64_t move_clamp(int64_t v, int64_t low, int64_t high)
{
    return v < low ? low : v > high ? high : v;
}

static float *move_row(const struct oddi_planes *p, int64_t band, int64_t y)
{
    return p->data + (band * p->height + y) * p->width;
}

odd_status oddi_planes_crop(struct odd_context *ctx, const struct oddi_planes *src,
                            const struct oddi_rect *rect, struct oddi_planes *out)
{
    struct oddi_planes dst = {0, 0, 0, NULL};
    odd_status status;

    if (rect->x < 0 || rect->y < 0 || rect->width < 1 || rect->height < 1 ||
        rect->width > src->width || rect->height > src->height ||
        rect->x > src->width - rect->width || rect->y > src->height - rect->height)
        return oddi_fail(ctx, ODD_ESHAPE,
                         "crop of %lld x %lld at (%lld, %lld) leaves a picture of %lld x %lld",
                         (long long)rect->width, (long long)rect->height, (long long)rect->x,
                         (long long)rect->y, (long long)src->width, (long long)src->height);
    TRY(oddi_planes_init(ctx, rect->width, rect->height, src->bands, &dst));
    for (int64_t b = 0; b < src->bands; b++)
        for (int64_t y = 0; y < rect->height; y++)
            memcpy(move_row(&dst, b, y), move_row(src, b, rect->y + y) + rect->x,
                   (size_t)rect->width * sizeof(float));
    *out = dst;
out:
    return status;
}

/* One row: what lies left and right of the inner part becomes its end pixels. */
static void move_fill_row(float *row, const struct oddi_rect *inner, int64_t width)
{
    for (int64_t x = 0; x < inner->x; x++)
        row[x] = row[inner->x];
    for (int64_t x = inner->x + inner->width; x < width; x++)
        row[x] = row[inner->x + inner->width - 1];
}

void oddi_planes_fill_border(struct oddi_planes *planes, const struct oddi_rect *inner)
{
    const int64_t last = inner->y + inner->height - 1;
    const size_t size = (size_t)planes->width * sizeof(float);

    for (int64_t b = 0; b < planes->bands; b++) {
        for (int64_t y = inner->y; y <= last; y++)
            move_fill_row(move_row(planes, b, y), inner, planes->width);
        for (int64_t y = 0; y < inner->y; y++)
            memcpy(move_row(planes, b, y), move_row(planes, b, inner->y), size);
        for (int64_t y = last + 1; y < planes->height; y++)
            memcpy(move_row(planes, b, y), move_row(planes, b, last), size);
    }
}

odd_status oddi_planes_pad(struct odd_context *ctx, const struct oddi_planes *src,
                           const struct oddi_border *border, struct oddi_planes *out)
{
    const int64_t most = ODDI_PICTURE_MAX_SIDE;
    const struct oddi_rect inner = {border->left, border->top, src->width, src->height};
    struct oddi_planes dst = {0, 0, 0, NULL};
    odd_status status;

    if (border->left < 0 || border->top < 0 || border->right < 0 || border->bottom < 0 ||
        border->left > most || border->top > most || border->right > most ||
        border->bottom > most)
        return oddi_fail(ctx, ODD_EINVAL, "pad: borders are 0 to %lld pixels", (long long)most);
    TRY(oddi_planes_init(ctx, border->left + src->width + border->right,
                         border->top + src->height + border->bottom, src->bands, &dst));
    for (int64_t b = 0; b < src->bands; b++)
        for (int64_t y = 0; y < src->height; y++)
            memcpy(move_row(&dst, b, border->top + y) + border->left, move_row(src, b, y),
                   (size_t)src->width * sizeof(float));
    oddi_planes_fill_border(&dst, &inner);
    *out = dst;
out:
    return status;
}

static void move_swap_rows(float *a, float *b, int64_t width)
{
    for (int64_t x = 0; x < width; x++) {
        const float t = a[x];

        a[x] = b[x];
        b[x] = t;
    }
}

static void move_mirror_row(float *row, int64_t width)
{
    for (int64_t x = 0; x < width / 2; x++) {
        const float t = row[x];

        row[x] = row[width - 1 - x];
        row[width - 1 - x] = t;
    }
}

void oddi_planes_flip(struct oddi_planes *planes, bool left_right, bool top_bottom)
{
    const int64_t height = planes->height;

    for (int64_t b = 0; b < planes->bands; b++) {
        for (int64_t y = 0; left_right && y < height; y++)
            move_mirror_row(move_row(planes, b, y), planes->width);
        for (int64_t y = 0; top_bottom && y < height / 2; y++)
            move_swap_rows(move_row(planes, b, y), move_row(planes, b, height - 1 - y),
                           planes->width);
    }
}

/* Value of target pixel (x, y) after `turns` (0 to 3) quarter turns counter-clockwise. */
static float move_turned(const struct oddi_planes *src, int64_t band, int64_t x, int64_t y,
                         int turns)
{
    const int64_t right = src->width - 1, bottom = src->height - 1;

    switch (turns) {
    case 1:
        return move_row(src, band, x)[right - y];
    case 2:
        return move_row(src, band, bottom - y)[right - x];
    case 3:
        return move_row(src, band, bottom - x)[y];
    default:
        return move_row(src, band, y)[x];
    }
}

odd_status oddi_planes_rot90(struct odd_context *ctx, const struct oddi_planes *src, int turns,
                             struct oddi_planes *out)
{
    const int quarter = (turns % 4 + 4) % 4;
    const bool across = quarter % 2 == 1;
    struct oddi_planes dst = {0, 0, 0, NULL};
    odd_status status;

    TRY(oddi_planes_init(ctx, across ? src->height : src->width,
                         across ? src->width : src->height, src->bands, &dst));
    for (int64_t b = 0; b < src->bands; b++)
        for (int64_t y = 0; y < dst.height; y++)
            for (int64_t x = 0; x < dst.width; x++)
                move_row(&dst, b, y)[x] = move_turned(src, b, x, y, quarter);
    *out = dst;
out:
    return status;
}

/* Bilinear value of every band at (x, y), in pixels from the centre of the first pixel. */
static void move_sample(const struct oddi_planes *src, double x, double y, float *dst,
                        int64_t plane)
{
    const double cx = fmin(fmax(x, 0.0), (double)(src->width - 1));
    const double cy = fmin(fmax(y, 0.0), (double)(src->height - 1));
    const int64_t x0 = (int64_t)cx, y0 = (int64_t)cy;
    const int64_t x1 = move_clamp(x0 + 1, 0, src->width - 1);
    const int64_t y1 = move_clamp(y0 + 1, 0, src->height - 1);
    const float fx = (float)(cx - (double)x0), fy = (float)(cy - (double)y0);

    for (int64_t b = 0; b < src->bands; b++) {
        const float *upper = move_row(src, b, y0), *lower = move_row(src, b, y1);
        const float u = upper[x0] + fx * (upper[x1] - upper[x0]);
        const float l = lower[x0] + fx * (lower[x1] - lower[x0]);

        dst[b * plane] = u + fy * (l - u);
    }
}

odd_status oddi_planes_rotate(struct odd_context *ctx, const struct oddi_planes *src,
                              double degrees, struct oddi_planes *out)
{
    const double angle = fmod(degrees, 360.0) * 3.14159265358979323846 / 180.0;
    const double ca = cos(angle), sa = sin(angle);
    const double mx = 0.5 * (double)(src->width - 1), my = 0.5 * (double)(src->height - 1);
    struct oddi_planes dst = {0, 0, 0, NULL};
    odd_status status;

    if (!isfinite(degrees))
        return oddi_fail(ctx, ODD_EINVAL, "rotate: the angle is not a finite number");
    TRY(oddi_planes_init(ctx, src->width, src->height, src->bands, &dst));
    for (int64_t y = 0; y < dst.height; y++)
        for (int64_t x = 0; x < dst.width; x++) {
            const double u = (double)x - mx, v = (double)y - my;

            move_sample(src, mx + u * ca - v * sa, my + u * sa + v * ca,
                        move_row(&dst, 0, y) + x, dst.width * dst.height); /* eq. 1 */
        }
    *out = dst;
out:
    return status;
}
