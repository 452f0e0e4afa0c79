/* SPDX-License-Identifier: Apache-2.0
 *
 * Separable resampling with a filter t(u) that is zero from |u| = h on, as Pillow does it:
 *
 *   bilinear, h = 1   t(u) = 1 - |u|
 *   bicubic,  h = 2   t(u) = (a + 2) |u|^3 - (a + 3) |u|^2 + 1          |u| < 1
 *                     t(u) = a (|u|^3 - 5 |u|^2 + 8 |u| - 4)       1 <= |u| < 2, a = -1/2
 *                     (R. Keys, Cubic convolution interpolation for digital image processing,
 *                     IEEE Transactions on Acoustics, Speech and Signal Processing 29, 1981)
 *
 *   s = source / target                      ratio of the axis                              (1)
 *   f = max(s, 1)                            the filter is stretched so far                 (2)
 *   c = (x + 1/2) s                          centre of target pixel x in the source         (3)
 *   w_i = t((i + 1/2 - c) / f), sum = 1      for source pixels i = floor(c - h f + 1/2) up to
 *                                            below floor(c + h f + 1/2), clipped to the axis (4)
 *
 * Bilinear, rows first: a target row is a weighted sum of whole source rows in the source's own
 * layout and scale (which vectorizes whatever the number of bands is), then columns are gathered
 * and bands taken apart. Memory beyond the result is one row of floats, so pictures of many
 * megapixels are never turned into floats as a whole. Division by 255 or 65535 comes last, which
 * keeps a resize to the same size equal to oddi_picture_to_planes bit for bit.
 *
 * The cubic has negative weights and overshoots at edges. Pillow keeps u8 pictures in integers, so
 * what leaves black to white is cut off after each axis, columns first, and that order shows: so
 * does this file, for u8 and u16, and keeps the picture made narrow as floats in between.
 */
#include "pixels/resize.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"

struct resize_filter {
    double half;            /* h */
    double (*at)(double u); /* t */
    bool overshoots;
};

static double resize_triangle(double u)
{
    return fmax(0.0, 1.0 - fabs(u));
}

static double resize_cubic(double u)
{
    u = fabs(u);
    if (u < 1.0)
        return (1.5 * u - 2.5) * u * u + 1.0;
    return u < 2.0 ? ((-0.5 * u + 2.5) * u - 4.0) * u + 2.0 : 0.0;
}

static const struct resize_filter resize_bilinear = {1.0, resize_triangle, false};
static const struct resize_filter resize_bicubic = {2.0, resize_cubic, true};

/* Weights of one axis: target i takes count[i] source pixels from first[i] on. */
struct resize_axis {
    const struct resize_filter *filter;
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
    const struct resize_filter *filter;
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
    const double wide = ratio > 1.0 ? ratio : 1.0;
    const double centre = ((double)x + 0.5) * ratio, half = axis->filter->half * wide;
    int64_t first = (int64_t)floor(centre - half + 0.5);
    int64_t end = (int64_t)floor(centre + half + 0.5);
    float *weight = axis->weight + x * axis->stride;
    double sum = 0.0;

    first = first > 0 ? first : 0;
    end = end < source ? end : source;
    for (int64_t i = first; i < end; i++)
        sum += axis->filter->at(((double)i + 0.5 - centre) / wide);
    for (int64_t i = first; i < end; i++)
        weight[i - first] = (float)(axis->filter->at(((double)i + 0.5 - centre) / wide) / sum);
    while (end - first > 1 && weight[end - first - 1] == 0.0f)
        end--; /* a pixel of no weight need not be read */
    axis->first[x] = first;
    axis->count[x] = end - first;
}

/* Of axis->filter; the rest is zero. */
static odd_status resize_axis_init(struct odd_context *ctx, int64_t source, int64_t target,
                                   struct resize_axis *axis)
{
    const double ratio = (double)source / (double)target;
    size_t weights;

    axis->stride = 2 * (int64_t)ceil(axis->filter->half * (ratio > 1.0 ? ratio : 1.0)) + 2;
    if (!oddi_mul_size((size_t)axis->stride, (size_t)target, &weights))
        return oddi_fail(ctx, ODD_ELIMIT, "resize from %lld to %lld pixels is too large",
                         (long long)source, (long long)target);
    axis->first = oddi_alloc_array(ctx, (size_t)target, sizeof(*axis->first));
    axis->count = oddi_alloc_array(ctx, (size_t)target, sizeof(*axis->count));
    axis->weight = oddi_alloc_array(ctx, weights, sizeof(*axis->weight));
    if (!axis->first || !axis->count || !axis->weight) {
        resize_axis_release(ctx, axis);
        *axis = (struct resize_axis){axis->filter, NULL, NULL, NULL, 0};
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

/* A resize under way: from `s` to the rectangle of width x height whose corner in the first plane
 * is `dst`; rows of a plane are `stride` apart, the bands' planes `plane`. */
struct resize_job {
    struct odd_context *ctx;
    const struct resize_source *s;
    struct resize_axis ax, ay;
    int64_t width, height, stride, plane;
    float white;
    float *dst;
};

/* One row of floats is summed over source rows, then its columns. */
static odd_status resize_rows_first(const struct resize_job *j)
{
    const struct resize_source *s = j->s;
    const size_t count = (size_t)s->width * (size_t)s->bands;
    float *sum = oddi_alloc_array(j->ctx, count, sizeof(*sum));

    if (!sum)
        return ODD_ENOMEM;
    for (int64_t y = 0; y < j->height; y++) {
        memset(sum, 0, count * sizeof(*sum));
        for (int64_t i = 0; i < j->ay.count[y]; i++)
            resize_add_row(s, j->ay.first[y] + i, j->ay.weight[y * j->ay.stride + i], sum);
        for (int64_t b = 0; b < s->bands; b++) {
            float *row = j->dst + b * j->plane + y * j->stride;

            resize_columns(&j->ax, sum + b, s->bands, j->width, row);
            for (int64_t x = 0; s->type != ODD_F32 && x < j->width; x++)
                row[x] /= j->white;
        }
    }
    oddi_free(j->ctx, sum);
    return ODD_OK;
}

/* Black to white, where the samples are integers. */
static void resize_cut(const struct resize_job *j, float *value)
{
    for (int64_t i = 0; j->s->type != ODD_F32 && i < j->width; i++)
        value[i] = value[i] < 0.0f ? 0.0f : value[i] > j->white ? j->white : value[i];
}

/* Row y of `narrow`, band after band: the columns of source row y. `row` holds a source row. */
static void resize_narrow_row(const struct resize_job *j, int64_t y, float *row, float *narrow)
{
    const int64_t bands = j->s->bands;

    memset(row, 0, (size_t)(j->s->width * bands) * sizeof(*row));
    resize_add_row(j->s, y, 1.0f, row);
    for (int64_t b = 0; b < bands; b++) {
        float *to = narrow + (y * bands + b) * j->width;

        resize_columns(&j->ax, row + b, bands, j->width, to);
        resize_cut(j, to);
    }
}

/* Row y of band b of the target. */
static void resize_sum_row(const struct resize_job *j, int64_t y, int64_t b, const float *narrow)
{
    float *to = j->dst + b * j->plane + y * j->stride;

    memset(to, 0, (size_t)j->width * sizeof(*to));
    for (int64_t i = 0; i < j->ay.count[y]; i++) {
        const float weight = j->ay.weight[y * j->ay.stride + i];
        const float *from = narrow + ((j->ay.first[y] + i) * j->s->bands + b) * j->width;

        for (int64_t x = 0; x < j->width; x++)
            to[x] += weight * from[x];
    }
    resize_cut(j, to);
    for (int64_t x = 0; j->s->type != ODD_F32 && x < j->width; x++)
        to[x] /= j->white;
}

/* All rows are made as narrow as the target, then summed. */
static odd_status resize_columns_first(const struct resize_job *j)
{
    const struct resize_source *s = j->s;
    const size_t count = (size_t)s->width * (size_t)s->bands;
    size_t kept = 0;
    float *row = NULL, *narrow = NULL;
    odd_status status = ODD_ENOMEM;

    if (!oddi_mul_size((size_t)(s->height * s->bands), (size_t)j->width, &kept))
        return oddi_fail(j->ctx, ODD_ELIMIT, "resize: %lld rows of %lld pixels are too large",
                         (long long)s->height, (long long)j->width);
    row = oddi_alloc_array(j->ctx, count, sizeof(*row));
    narrow = oddi_alloc_array(j->ctx, kept, sizeof(*narrow));
    if (!row || !narrow)
        goto out;
    for (int64_t y = 0; y < s->height; y++)
        resize_narrow_row(j, y, row, narrow);
    for (int64_t y = 0; y < j->height; y++)
        for (int64_t b = 0; b < s->bands; b++)
            resize_sum_row(j, y, b, narrow);
    status = ODD_OK;
out:
    oddi_free(j->ctx, row);
    oddi_free(j->ctx, narrow);
    return status;
}

/* Band 0 goes to `dst`, the corner of the target in its first plane; the others follow. */
static odd_status resize_run(struct odd_context *ctx, const struct resize_source *s,
                             const struct oddi_rect *into, const struct oddi_planes *planes,
                             float *dst)
{
    const float white = s->type == ODD_U8 ? 255.0f : s->type == ODD_U16 ? 65535.0f : 1.0f;
    struct resize_job j = {ctx,
                           s,
                           {.filter = s->filter},
                           {.filter = s->filter},
                           into->width,
                           into->height,
                           planes->width,
                           planes->width * planes->height,
                           white,
                           dst};
    odd_status status;

    TRY(resize_axis_init(ctx, s->width, into->width, &j.ax));
    TRY(resize_axis_init(ctx, s->height, into->height, &j.ay));
    TRY(s->filter->overshoots ? resize_columns_first(&j) : resize_rows_first(&j));
out:
    resize_axis_release(ctx, &j.ay);
    resize_axis_release(ctx, &j.ax);
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

static odd_status resize_picture(struct odd_context *ctx, const struct resize_filter *filter,
                                 const struct oddi_picture *src, const struct oddi_rect *r,
                                 const struct oddi_rect *into, struct oddi_planes *dst)
{
    const size_t pixel = oddi_sample_size(src->type) * (size_t)src->bands;
    const size_t row = pixel * (size_t)src->width;
    struct resize_source s = {NULL, src->type, row, r->width, r->height, src->bands, filter};
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

odd_status oddi_picture_resize_into(struct odd_context *ctx, const struct oddi_picture *src,
                                    const struct oddi_rect *from, const struct oddi_rect *into,
                                    struct oddi_planes *dst)
{
    const struct oddi_rect all = {0, 0, src->width, src->height};

    return resize_picture(ctx, &resize_bilinear, src, from ? from : &all, into, dst);
}

odd_status oddi_picture_resize_cubic(struct odd_context *ctx, const struct oddi_picture *src,
                                     const struct oddi_rect *from, const struct oddi_rect *into,
                                     struct oddi_planes *dst)
{
    const struct oddi_rect all = {0, 0, src->width, src->height};

    return resize_picture(ctx, &resize_bicubic, src, from ? from : &all, into, dst);
}

odd_status oddi_planes_resize_into(struct odd_context *ctx, const struct oddi_planes *src,
                                   const struct oddi_rect *from, const struct oddi_rect *into,
                                   struct oddi_planes *dst)
{
    const struct oddi_rect all = {0, 0, src->width, src->height};
    const struct oddi_rect *r = from ? from : &all;
    struct resize_source s = {
        NULL, ODD_F32,         (size_t)src->width * sizeof(float), r->width, r->height,
        1,    &resize_bilinear};
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

odd_status oddi_planes_resize(struct odd_context *ctx, const struct oddi_planes *src, int64_t width,
                              int64_t height, struct oddi_planes *out)
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
