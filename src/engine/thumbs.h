/* SPDX-License-Identifier: Apache-2.0
 *
 * Thumbnails of the training pictures, which a model holds where it was asked to (keep-pictures),
 * so that what it knows can be shown without the pictures.
 *
 *   keep.thumb_sizes  (n, 5) i64  width, height, bands (1 or 3); width and height of the picture;
 *                                 in the order of seen.train
 *   keep.thumbs       (m) u8      samples as in struct oddi_picture, one after another
 */
#ifndef ODDI_ENGINE_THUMBS_H
#define ODDI_ENGINE_THUMBS_H
#include "pixels/pixels.h"
#include "store/model.h"

#define ODDI_THUMB_SIDE 256 /* pixels of the longer side, at most */

struct oddi_thumb_size {
    int64_t width, height, bands, from_width, from_height;
};
struct oddi_thumbs {
    struct odd_context *ctx; /* NULL: there are none */
    struct oddi_thumb_size *size;
    size_t count, size_room;
    unsigned char *pixels;
    size_t used, room;
};
void oddi_thumbs_init(struct oddi_thumbs *t, struct odd_context *ctx);
void oddi_thumbs_release(struct oddi_thumbs *t);
odd_status oddi_thumbs_add(struct oddi_thumbs *t, const struct oddi_picture *picture);
/* What the file has, into a fresh _init: nothing, or one of each of `n` pictures (ODD_EFORMAT). */
odd_status oddi_thumbs_load(struct oddi_thumbs *t, const struct oddi_model_file *file, size_t n);
odd_status oddi_thumbs_store(const struct oddi_thumbs *t, struct oddi_model_file *file);
/* A copy of thumbnail i; the caller frees it. */
odd_status oddi_thumbs_get(const struct oddi_thumbs *t, size_t i, struct oddi_picture **picture);
#endif
