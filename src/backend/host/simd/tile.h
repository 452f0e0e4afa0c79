/* SPDX-License-Identifier: Apache-2.0
 *
 * The one inner loop of all products (convolution in its three directions, matmul): a tile of
 * `rows` x `lanes` sums that stay in registers,
 *
 *   out[p][j] = sum_o sum_r sum_k x[o x_outer + r x_run + k x_step + p x_row]
 *                               * w[o w_outer + r w_run + k w_step + j]
 *
 * p < rows <= TILE_ROWS, j < lanes = VEC_WIDTH or TILE_LANES. Each sum runs alone in the order
 * o, r, k, so its bits depend on neither the tile's size nor its place in it.
 */
#ifndef ODDI_BACKEND_HOST_SIMD_TILE_H
#define ODDI_BACKEND_HOST_SIMD_TILE_H
#include "backend/host/simd/vec.h"

#define TILE_ROWS VEC_ROWS
#define TILE_LANES (2 * VEC_WIDTH)

struct tile {
    const float *x, *w;
    int64_t outer, runs, length;
    int64_t x_outer, x_run, x_step, x_row;
    int64_t w_outer, w_run, w_step;
    float *out; /* [rows][lanes] */
};
void SIMD_NAME(tile)(const struct tile *t, int64_t rows, int64_t lanes);
#define tile_run SIMD_NAME(tile)

/* Lanes of the group that begins at `first` of `count` columns. */
static inline int64_t tile_lanes(int64_t first, int64_t count)
{
    return count - first > VEC_WIDTH ? TILE_LANES : VEC_WIDTH;
}
/* Columns with the last group filled up to whole vectors. */
static inline int64_t tile_padded(int64_t count)
{
    return simd_ceil(count, VEC_WIDTH) * VEC_WIDTH;
}
/* Cuts `left` rows into nearly equal tiles: how many the next one has. */
static inline int64_t tile_next(int64_t left)
{
    return simd_ceil(left, simd_ceil(left, TILE_ROWS));
}
#endif
