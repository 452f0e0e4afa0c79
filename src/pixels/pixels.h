/* SPDX-License-Identifier: Apache-2.0
 *
 * Pictures and float planes, the two forms that pixels take in Oddity.
 *  - struct oddi_picture is what was read: its own sample type, interleaved, row-major, without
 *    gaps. Sample (x, y, band) is number (y * width + x) * bands + band.
 *  - struct oddi_planes is what is computed with: float, one whole plane after another (CHW);
 *    sample (band, y, x) is number (band * height + y) * width + x. Values of u8 and u16 pictures
 *    lie in [0, 1] (v / 255, v / 65535), those of f32 pictures are as they came.
 * Every function checks sizes for overflow, writes its output only on success and needs no lock.
 */
#ifndef ODDI_PIXELS_PIXELS_H
#define ODDI_PIXELS_PIXELS_H
#include "base/ctx.h"

#define ODDI_PICTURE_MAX_SIDE 1000000
#define ODDI_PICTURE_MAX_BANDS 16

struct oddi_picture {
    int64_t width, height;
    int bands;
    enum odd_pixel_type type;
    void *data;
};

struct oddi_planes {
    int64_t width, height;
    int bands;
    float *data; /* (C, H, W), 64-byte aligned */
};

/* Bytes of one sample; 0 for an unknown type. "u8", "u16", "f32". */
size_t oddi_sample_size(enum odd_pixel_type type);
const char *oddi_sample_name(enum odd_pixel_type type);

/* A picture of undefined content. ODD_EINVAL for a side outside 1 to 1,000,000, for bands outside
 * 1 to 16 and for an unknown type. */
odd_status oddi_picture_new(struct odd_context *ctx, int64_t width, int64_t height, int bands,
                            enum odd_pixel_type type, struct oddi_picture **out);
void oddi_picture_free(struct odd_context *ctx, struct oddi_picture *picture);
size_t oddi_picture_size(const struct oddi_picture *picture); /* bytes of data */

/* A checked copy of a caller's pixels. Bad sizes or stride are ODD_EINVAL; a sample that is not
 * finite is ODD_ENUMERIC with its place. */
odd_status oddi_picture_from_pixels(struct odd_context *ctx, const struct odd_pixels *pixels,
                                    struct oddi_picture **out);
/* ODD_ENUMERIC, naming `what` and the place, if an f32 picture has a sample that is not finite. */
odd_status oddi_picture_check_finite(struct odd_context *ctx, const struct oddi_picture *picture,
                                     const char *what);

/* Zeroed planes; release accepts planes that are all zero, and twice. */
odd_status oddi_planes_init(struct odd_context *ctx, int64_t width, int64_t height, int bands,
                            struct oddi_planes *planes);
void oddi_planes_release(struct odd_context *ctx, struct oddi_planes *planes);

odd_status oddi_picture_to_planes(struct odd_context *ctx, const struct oddi_picture *picture,
                                  struct oddi_planes *out);
/* The way back: rounded to nearest and clamped for u8 and u16, as is for f32. */
odd_status oddi_planes_to_picture(struct odd_context *ctx, const struct oddi_planes *planes,
                                  enum odd_pixel_type type, struct oddi_picture **out);

/* 1 -> n replicates, 3 -> 1 is Rec. 601 luma (0.299 R + 0.587 G + 0.114 B), n -> n copies; else
 * ODD_ESHAPE. */
odd_status oddi_planes_to_bands(struct odd_context *ctx, const struct oddi_planes *src, int bands,
                                struct oddi_planes *out);

/* The gain that brings the median grey to 0.5: 0.5 / median over pixels of the mean over bands
 * (mean of the two middle values for an even count). 1 when the median is not above 0. */
float oddi_picture_gain(const struct oddi_picture *picture);
float oddi_planes_gain(const struct oddi_planes *planes);
/* Multiplies in place; nothing is clamped, so that highlights stay apart. */
void oddi_planes_scale(struct oddi_planes *planes, float gain);
#endif
