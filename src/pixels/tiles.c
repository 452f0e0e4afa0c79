/* SPDX-License-Identifier: Apache-2.0
 * Tiles (tiles.h). */
#include "pixels/tiles.h"

#include <math.h>
#include <string.h>

/* Tiles of side `tile` over `length` pixels, each overlapping the next by `share` at least. */
static int64_t tiles_along(int64_t length, int64_t tile, double share, int64_t *seam)
{
    const int64_t step = tile - (int64_t)floor(share * (double)tile);
    const int64_t n = length <= tile ? 1 : 1 + (length - tile + step - 1) / step;
    *seam = n > 1 ? tile - (length - tile + n - 2) / (n - 1) : 0;
    return n;
}

odd_status oddi_tiles_plan(struct odd_context *ctx, const struct oddi_tiling *tiling, int64_t width,
                           int64_t height, int bands, struct oddi_tiles *tiles)
{
    const double w = floor((double)width * tiling->scale + 0.5),
                 h = floor((double)height * tiling->scale + 0.5);
    if (!(w * h * bands <= (double)ODDI_TILES_FLOATS) || w > 1e6 || h > 1e6)
        return oddi_fail(ctx, ODD_EINVAL,
                         "a picture of %lld x %lld pixels is too large to be tiled at scale %g",
                         (long long)width, (long long)height, tiling->scale);
    tiles->width = w < 1 ? 1 : (int64_t)w;
    tiles->height = h < 1 ? 1 : (int64_t)h;
    tiles->tile_width = tiles->width < tiling->width ? tiles->width : tiling->width;
    tiles->tile_height = tiles->height < tiling->height ? tiles->height : tiling->height;
    tiles->columns = tiles_along(tiles->width, tiling->width, tiling->overlap, &tiles->seam_x);
    tiles->rows = tiles_along(tiles->height, tiling->height, tiling->overlap, &tiles->seam_y);
    return ODD_OK;
}

int64_t oddi_tiles_count(const struct oddi_tiles *tiles)
{
    return tiles->columns * tiles->rows;
}

/* The place of tile i of n: the first at 0, the last at the end. */
static int64_t tiles_place(int64_t i, int64_t n, int64_t length, int64_t tile)
{
    return n > 1 ? (2 * i * (length - tile) + n - 1) / (2 * (n - 1)) : 0;
}

struct oddi_rect oddi_tiles_at(const struct oddi_tiles *tiles, int64_t i)
{
    return (struct oddi_rect){
        tiles_place(i % tiles->columns, tiles->columns, tiles->width, tiles->tile_width),
        tiles_place(i / tiles->columns, tiles->rows, tiles->height, tiles->tile_height),
        tiles->tile_width, tiles->tile_height};
}

void oddi_tiles_cut(const struct oddi_tiles *tiles, const struct oddi_tiling *tiling, int bands,
                    int64_t i, const float *planes, float *tile)
{
    const struct oddi_rect r = oddi_tiles_at(tiles, i);
    for (int64_t row = 0; row < bands * tiling->height; row++) {
        const int64_t band = row / tiling->height, y = row % tiling->height;
        const int64_t from = y < r.height ? r.y + y : r.y + r.height - 1;
        const float *src = planes + (band * tiles->height + from) * tiles->width + r.x;
        float *dst = tile + row * tiling->width;
        memcpy(dst, src, (size_t)r.width * sizeof(float));
        for (int64_t x = r.width; x < tiling->width; x++)
            dst[x] = src[r.width - 1];
    }
}

/* How much pixel `at` of a tile's side counts: rises from the edge over the seam, but stays whole
 * where the picture itself ends. */
static float tiles_weight(int64_t at, int64_t side, int64_t seam, bool first, bool last)
{
    const double full = (double)seam > 1.0 ? (double)seam : 1.0;
    const double low = first ? 1.0 : ((double)at + 0.5) / full;
    const double high = last ? 1.0 : ((double)(side - at) - 0.5) / full;
    const double least = low < high ? low : high;
    return (float)(least < 1.0 ? least : 1.0);
}

void oddi_tiles_blend(const struct oddi_tiles *tiles, const struct oddi_tiling *tiling, int64_t i,
                      const float *map, float *sum, float *weight)
{
    const struct oddi_rect r = oddi_tiles_at(tiles, i);
    const int64_t column = i % tiles->columns, row = i / tiles->columns;
    for (int64_t y = 0; y < r.height; y++) {
        const float wy = tiles_weight(y, r.height, tiles->seam_y, row == 0, row == tiles->rows - 1);
        const int64_t at = (r.y + y) * tiles->width + r.x;
        for (int64_t x = 0; x < r.width; x++) {
            const float w = wy * tiles_weight(x, r.width, tiles->seam_x, column == 0,
                                              column == tiles->columns - 1);
            sum[at + x] += w * map[y * tiling->width + x];
            weight[at + x] += w;
        }
    }
}
