/* SPDX-License-Identifier: Apache-2.0
 *
 * Bringing the cells of a feature map up to pixels, and opening a map (map.h).
 */
#include <math.h>

#include "score/map.h"

/* Where pixel i of `n` lies among `cells` cells: the cell below it and the weight of the next. */
static int64_t shape_between(int64_t i, int64_t n, int64_t cells, double *next)
{
    double at = ((double)i + 0.5) * (double)cells / (double)n - 0.5;
    at = at < 0 ? 0 : at > (double)(cells - 1) ? (double)(cells - 1) : at;
    const int64_t low = (int64_t)at < cells - 1 ? (int64_t)at : cells - 1;
    *next = at - (double)low;
    return low;
}

void oddi_map_add_upsampled(const float *cell, const int64_t cells[2], float *map, int64_t w,
                            int64_t h)
{
    for (int64_t y = 0; y < h; y++) {
        double down, right;
        const int64_t top = shape_between(y, h, cells[1], &down);
        const float *a = cell + top * cells[0];
        const float *b = top + 1 < cells[1] ? a + cells[0] : a;
        for (int64_t x = 0; x < w; x++) {
            const int64_t l = shape_between(x, w, cells[0], &right);
            const int64_t r = l + 1 < cells[0] ? l + 1 : l;
            const double upper = (1 - right) * (double)a[l] + right * (double)a[r],
                         lower = (1 - right) * (double)b[l] + right * (double)b[r];
            map[y * w + x] += (float)((1 - down) * upper + down * lower);
        }
    }
}

static float shape_least(float a, float b)
{
    return b < a ? b : a;
}

static float shape_most(float a, float b)
{
    return b > a ? b : a;
}

/* The least (or most) of a pixel and its four neighbours; those outside do not count. */
static void shape_plus(const float *src, int64_t w, int64_t h, float (*pick)(float, float),
                       float *dst)
{
    for (int64_t y = 0; y < h; y++)
        for (int64_t x = 0; x < w; x++) {
            const float *at = src + y * w + x;
            float v = at[0];
            v = x > 0 ? pick(v, at[-1]) : v;
            v = x + 1 < w ? pick(v, at[1]) : v;
            v = y > 0 ? pick(v, at[-w]) : v;
            v = y + 1 < h ? pick(v, at[w]) : v;
            dst[y * w + x] = v;
        }
}

void oddi_map_open(float *map, int64_t w, int64_t h, float *scratch)
{
    shape_plus(map, w, h, shape_least, scratch);
    shape_plus(scratch, w, h, shape_most, map);
}
