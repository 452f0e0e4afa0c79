/* SPDX-License-Identifier: Apache-2.0
 *
 * From a picture of any size to the network's size and back. The mapping says which rectangle of
 * the picture lies in which rectangle of the network's input; both are whole pixels, so it is
 * exact in a model file or a report.
 */
#ifndef ODDI_PIXELS_FIT_H
#define ODDI_PIXELS_FIT_H
#include "pixels/resize.h"

enum oddi_fit_mode {
    ODDI_FIT_STRETCH, /* the aspect changes */
    ODDI_FIT_PAD,     /* all of the picture in the middle, edges repeated around it */
    ODDI_FIT_CROP     /* the middle of the picture, as much as the aspect allows */
};
struct oddi_fit {
    enum oddi_fit_mode mode;
    int64_t width, height; /* of the network's input */
};
struct oddi_mapping {
    int64_t width, height;   /* the picture's */
    int64_t to_width, to_height; /* the network input's */
    struct oddi_rect from;   /* in the picture: what the network sees */
    struct oddi_rect into;   /* in the network's input: where it sees it */
};

/* The mapping alone, for a picture of that size. */
odd_status oddi_fit_mapping(struct odd_context *ctx, const struct oddi_fit *fit, int64_t width,
                            int64_t height, struct oddi_mapping *mapping);
/* Planes of fit->width x fit->height with the picture's bands. `mapping` may be NULL. */
odd_status oddi_fit_apply(struct odd_context *ctx, const struct oddi_fit *fit,
                          const struct oddi_picture *picture, struct oddi_planes *out,
                          struct oddi_mapping *mapping);
/* A map at the network's size to `out`, width * height floats of the picture's size: bilinear
 * (antialiased where the picture is smaller). Outside of a crop, where the network saw nothing,
 * the map gets its smallest value; what lies over padding is not used. */
odd_status oddi_fit_inverse(struct odd_context *ctx, const struct oddi_mapping *mapping,
                            const float *map, float *out);
#endif
