/* SPDX-License-Identifier: Apache-2.0
 *
 * Separable resampling with the triangle filter t(u) = max(0, 1 - |u|), as Pillow does it:
 *
 *   s = source / target                      ratio of the axis                              (1)
 *   f = max(s, 1)                            filter's half width in source pixels           (2)
 *   c = (x + 1/2) s                          centre of target pixel x in the source         (3)
 *   w_i = t((i + 1/2 - c) / f), sum = 1      for source pixels i = floor(c - f + 1/2) up to
 *                                            below floor(c + f + 1/2), clipped to the axis  (4)
 *
 * Rows first: a target row is a weighted sum of whole source rows in the source's own layout and
 * scale (which vectorizes whatever the number of bands is), then columns are gathered and bands
 * taken apart. Memory beyond the result is one row of floats, so pictures of many megapixels are
 * never turned into floats as a whole. Division by 255 or 65535 comes last, which keeps a resize
 * to the same size equal to oddi_picture_to_planes bit for bit.
 */
#include "pixels/resize.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"

/* Weights of one axis: target i takes count[i] source pixels from first[i] on. */
struct resize_axis {
    int64_t *first, *count;
    float *weight; /* target i's weights begin at i * stride */
    int64_t stride;
};

/* Samples of a picture or of one plane, addressed from the corner of the rectangle read. */
struct resize_source {
    const unsigned char *data;
    enum odd_pixel_type type;
    size_t row_size; /* bytes from row to row */
    int64_t width, height;
    int bands; /* interleaved */
};

static void resize_axis_release(struct odd_context *ctx, struct resize_axis *axis)
{
    oddi_free(ctx, axis->first);
    oddi_free(ctx, axis->count);
    oddi_free(ctx, axis->weight);
}

/* Equations 1 to 4 for target pixel x. */
static void resize_weigh(struct resize_axis *axis, int64_t source, int64_t target, int64_t x)
{
    const double ratio = (double)source / (double)target;
    const double half = ratio > 1.0 ? ratio : 1.0;
    const double centre = ((double)x + 0.5) * ratio;
    int64_t first = (int64_t)floor(centre - half + 0.5);
    int64_t end = (int64_t)floor(centre + half + 0.5);
    float *weight = axis->weight + x * axis->stride;
    double sum = 0.0;

    first = first > 0 ? first : 0;
    end = end < source ? end : source;
    for (int64_t i = first; i < end; i++)
        sum += fmax(0.0, 1.0 - fabs(((double)i + 0.5 - centre) / half));
    for (int64_t i = first; i < end; i++)
        weight[i - first] =
            (float)(fmax(0.0, 1.0 - fabs(((double)i + 0.5 - centre) / half)) / sum);
    while (end - first > 1 && weight[end - first - 1] == 0.0f)
        end--; /* a pixel of no weight need not be read */
    axis->first[x] = first;
    axis->count[x] = end - first;
}

static odd_status resize_axis_init(struct odd_context *ctx, int64_t source, int64_t target,
                                   struct resize_axis *axis)
{
    const double ratio = (double)source / (double)target;
    size_t weights;

    *axis = (struct resize_axis){NULL, NULL, NULL, 0};
    axis->stride = 2 * (int64_t)ceil(ratio > 1.0 ? ratio : 1.0) + 2;
    if (!oddi_mul_size((size_t)axis->stride, (size_t)target, &weights))
        return oddi_fail(ctx, ODD_ELIMIT, "resize from %lld to %lld pixels is too large",
                         (long long)source, (long long)target);
    axis->first = oddi_alloc_array(ctx, (size_t)target, sizeof(*axis->first));
    axis->count = oddi_alloc_array(ctx, (size_t)target, sizeof(*axis->count));
    axis->weight = oddi_alloc_array(ctx, weights, sizeof(*axis->weight));
    if (!axis->first || !axis->count || !axis->weight) {
        resize_axis_release(ctx, axis);
        *axis = (struct resize_axis){NULL, NULL, NULL, 0};
        return ODD_ENOMEM;
    }
    for (int64_t x = 0; x < target; x++)
        resize_weigh(axis, source, target, x);
    return ODD_OK;
}

/* sum[i] += weight * row[i], in the row's own scale. */
static void resize_add_row(const struct resize_source *s, int64_t y, float weight, float *sum)
{
    const int64_t count = s->width * s->bands;
    const unsigned char *row = s->data + (size_t)y * s->row_size;
    const uint8_t *u8 = (const uint8_t *)row;
    const uint16_t *u16 = (const uint16_t *)(const void *)row;
    const float *f32 = (const float *)(const void *)row;

    for (int64_t i = 0; s->type == ODD_U8 && i < count; i++)
        sum[i] += weight * (float)u8[i];
    for (int64_t i = 0; s->type == ODD_U16 && i < count; i++)
        sum[i] += weight * (float)u16[i];
    for (int64_t i = 0; s->type == ODD_F32 && i < count; i++)
        sum[i] += weight * f32[i];
}

/* Gathers the columns of one band from a summed row. */
static void resize_columns(const struct resize_axis *axis, const float *sum, int64_t step,
                           int64_t width, float *dst)
{
    for (int64_t x = 0; x < width; x++) {
        const float *weight = axis->weight + x * axis->stride;
        const float *src = sum + axis->first[x] * step;
        float total = 0.0f;

        for (int64_t i = 0; i < axis->count[x]; i++)
            total += weight[i] * src[i * step];
        dst[x] = total;
    }
}

/* Band 0 goes to `dst`, the corner of the target in its first plane; the others follow. */
static odd_status resize_run(struct odd_context *ctx, const struct resize_source *s,
                             const struct oddi_rect *into, const struct oddi_planes *planes,
                             float *dst)
{
    const float white = s->type == ODD_U8 ? 255.0f : s->type == ODD_U16 ? 65535.0f : 1.0f;
    const int64_t plane = planes->width * planes->height;
    const size_t count = (size_t)s->width * (size_t)s->bands;
    struct resize_axis ax = {NULL, NULL, NULL, 0}, ay = {NULL, NULL, NULL, 0};
    float *sum = NULL;
    odd_status status;

    TRY(resize_axis_init(ctx, s->width, into->width, &ax));
    TRY(resize_axis_init(ctx, s->height, into->height, &ay));
    sum = oddi_alloc_array(ctx, count, sizeof(*sum));
    if (!sum) {
        status = ODD_ENOMEM;
        goto out;
    }
    for (int64_t y = 0; y < into->height; y++) {
        memset(sum, 0, count * sizeof(*sum));
        for (int64_t i = 0; i < ay.count[y]; i++)
            resize_add_row(s, ay.first[y] + i, ay.weight[y * ay.stride + i], sum);
        for (int64_t b = 0; b < s->bands; b++) {
            float *row = dst + b * plane + y * planes->width;

            resize_columns(&ax, sum + b, s->bands, into->width, row);
            for (int64_t x = 0; s->type != ODD_F32 && x < into->width; x++)
                row[x] /= white;
        }
    }
out:
    oddi_free(ctx, sum);
    resize_axis_release(ctx, &ay);
    resize_axis_release(ctx, &ax);
    return status;
}

static bool resize_inside(const struct oddi_rect *r, int64_t width, int64_t height)
{
    return r->x >= 0 && r->y >= 0 && r->width >= 1 && r->height >= 1 && r->width <= width &&
           r->height <= height && r->x <= width - r->width && r->y <= height - r->height;
}

static odd_status resize_check(struct odd_context *ctx, bool inside, int from, int to)
{
    if (!inside)
        return oddi_fail(ctx, ODD_ESHAPE, "resize: rectangle outside of its picture");
    if (from != to)
        return oddi_fail(ctx, ODD_ESHAPE, "resize: %d bands into %d", from, to);
    return ODD_OK;
}

odd_status oddi_picture_resize_into(struct odd_context *ctx, const struct oddi_picture *src,
                                    const struct oddi_rect *from, const struct oddi_rect *into,
                                    struct oddi_planes *dst)
{
    const struct oddi_rect all = {0, 0, src->width, src->height};
    const struct oddi_rect *r = from ? from : &all;
    const size_t pixel = oddi_sample_size(src->type) * (size_t)src->bands;
    const size_t row = pixel * (size_t)src->width;
    struct resize_source s = {NULL, src->type, row, r->width, r->height, src->bands};
    odd_status status;

    TRY(resize_check(ctx,
                     resize_inside(r, src->width, src->height) &&
                         resize_inside(into, dst->width, dst->height),
                     src->bands, dst->bands));
    s.data = (const unsigned char *)src->data + (size_t)r->y * row + (size_t)r->x * pixel;
    TRY(resize_run(ctx, &s, into, dst, dst->data + into->y * dst->width + into->x));
out:
    return status;
}

odd_status oddi_planes_resize_into(struct odd_context *ctx, const struct oddi_planes *src,
                                   const struct oddi_rect *from, const struct oddi_rect *into,
                                   struct oddi_planes *dst)
{
    const struct oddi_rect all = {0, 0, src->width, src->height};
    const struct oddi_rect *r = from ? from : &all;
    struct resize_source s = {NULL,     ODD_F32,   (size_t)src->width * sizeof(float),
                              r->width, r->height, 1};
    odd_status status;

    TRY(resize_check(ctx,
                     resize_inside(r, src->width, src->height) &&
                         resize_inside(into, dst->width, dst->height),
                     src->bands, dst->bands));
    for (int64_t b = 0; b < src->bands; b++) {
        const float *from_plane = src->data + b * src->width * src->height;
        float *to_plane = dst->data + b * dst->width * dst->height;

        s.data = (const unsigned char *)(from_plane + r->y * src->width + r->x);
        TRY(resize_run(ctx, &s, into, dst, to_plane + into->y * dst->width + into->x));
    }
out:
    return status;
}

odd_status oddi_planes_resize(struct odd_context *ctx, const struct oddi_planes *src,
                              int64_t width, int64_t height, struct oddi_planes *out)
{
    const struct oddi_rect into = {0, 0, width, height};
    struct oddi_planes dst = {0, 0, 0, NULL};
    odd_status status;

    TRY(oddi_planes_init(ctx, width, height, src->bands, &dst));
    TRY(oddi_planes_resize_into(ctx, src, NULL, &into, &dst));
    *out = dst;
    dst.data = NULL;
out:
    oddi_planes_release(ctx, &dst);
    return status;
}

odd_status oddi_picture_resize_nearest(struct odd_context *ctx, const struct oddi_picture *src,
                                       int64_t width, int64_t height, struct oddi_picture **out)
{
    const size_t pixel = oddi_sample_size(src->type) * (size_t)src->bands;
    const unsigned char *from = src->data;
    struct oddi_picture *picture = NULL;
    unsigned char *to;
    odd_status status;

    TRY(oddi_picture_new(ctx, width, height, src->bands, src->type, &picture));
    to = picture->data;
    for (int64_t y = 0; y < height; y++) {
        const int64_t sy = (2 * y + 1) * src->height / (2 * height);

        for (int64_t x = 0; x < width; x++) {
            const int64_t sx = (2 * x + 1) * src->width / (2 * width);

            memcpy(to, from + (size_t)(sy * src->width + sx) * pixel, pixel);
            to += pixel;
        }
    }
    *out = picture;
out:
    return status;
}
