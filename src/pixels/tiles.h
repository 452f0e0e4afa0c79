/* SPDX-License-Identifier: Apache-2.0
 *
 * Large pictures as overlapping tiles. The picture is thought of at `scale` (network pixels per
 * picture pixel); at that size tiles of the network's input cover it, evenly spread, each
 * overlapping the next by at least the given share of a side. Maps of tiles are blended: where
 * tiles overlap, each counts the more the farther a pixel is from the tile's edge, so a seam leaves
 * no step.
 */
#ifndef ODDI_PIXELS_TILES_H
#define ODDI_PIXELS_TILES_H
#include "pixels/resize.h"

#define ODDI_TILES_FLOATS ((int64_t)1 << 27) /* of the scaled picture, all bands */

struct oddi_tiling {
    double scale;          /* 0: no tiles */
    double overlap;        /* share of a tile's side, 0 to 0.5 */
    int64_t width, height; /* of a tile */
};
struct oddi_tiles {
    int64_t width, height;             /* of the scaled picture */
    int64_t tile_width, tile_height;   /* at most those of the tiling */
    int64_t columns, rows;
    int64_t seam_x, seam_y; /* pixels over which two tiles are blended */
};
/* The cover of a picture of width x height pixels. ODD_EINVAL, naming the sizes, where the scaled
 * picture with its bands has more than ODDI_TILES_FLOATS numbers. */
odd_status oddi_tiles_plan(struct odd_context *ctx, const struct oddi_tiling *tiling, int64_t width,
                           int64_t height, int bands, struct oddi_tiles *tiles);
int64_t oddi_tiles_count(const struct oddi_tiles *tiles);
/* Where tile i lies in the scaled picture. */
struct oddi_rect oddi_tiles_at(const struct oddi_tiles *tiles, int64_t i);
/* Copies tile i out of planes (bands, height, width) of the scaled picture into (bands,
 * tiling->height, tiling->width); a picture smaller than a tile is continued by its edge. */
void oddi_tiles_cut(const struct oddi_tiles *tiles, const struct oddi_tiling *tiling, int bands,
                    int64_t i, const float *planes, float *tile);
/* Adds the map of tile i (rows of tiling->width floats) to `sum`, its weights to `weight`, both of
 * the scaled picture's size; when all are added, sum / weight is the blended map. */
void oddi_tiles_blend(const struct oddi_tiles *tiles, const struct oddi_tiling *tiling, int64_t i,
                      const float *map, float *sum, float *weight);
#endif
