/* SPDX-License-Identifier: Apache-2.0
 *
 * How a picture becomes a network's input. The work is done by pixels/, which is also what scores
 * files and pixel buffers, so training and use cannot differ.
 */
#ifndef ODDI_DATA_PREPARE_H
#define ODDI_DATA_PREPARE_H
#include "pixels/fit.h"
#include "pixels/tiles.h"

struct oddi_prepare {
    int64_t width, height; /* of the network's input */
    int channels;          /* 1 to 16; other counts in the data are converted by pixels/ */
    enum oddi_fit_mode fit;
    bool gain_normalize; /* median grey brought to a constant */
    bool signed_range;   /* values in [-1, 1], else in [0, 1] */
    /* scale > 0: a picture is seen as tiles of width x height; `fit` then says nothing. */
    struct oddi_tiling tiling;
};
/* ODD_EINVAL for what cannot be; *count is the number of floats of one picture. */
odd_status oddi_prepare_check(struct odd_context *ctx, const struct oddi_prepare *prepare,
                              size_t *count);
/* The cover of a picture by tiles, where prepare->tiling.scale > 0. */
odd_status oddi_prepare_tiles(struct odd_context *ctx, const struct oddi_prepare *prepare,
                              const struct oddi_picture *picture, struct oddi_tiles *tiles);
/* The whole picture at the tiles' scale: planes (channels, tiles->height, tiles->width), to be cut
 * by oddi_tiles_cut. */
odd_status oddi_prepare_scaled(struct odd_context *ctx, const struct oddi_prepare *prepare,
                               const struct oddi_picture *picture, const struct oddi_tiles *tiles,
                               float *planes, struct oddi_mapping *mapping);
/* (channels, height, width) into dst, of a tiled picture the tile in its middle; `mapping` (may be
 * NULL) says where the picture lies in it. */
odd_status oddi_prepare_run(struct odd_context *ctx, const struct oddi_prepare *prepare,
                            const struct oddi_picture *picture, float *dst,
                            struct oddi_mapping *mapping);
#endif
