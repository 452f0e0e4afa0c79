/* SPDX-License-Identifier: Apache-2.0
 *
 * 3x3 convolution of stride 1 by Winograd's F(4x4, 3x3): a tile of 4x4 results comes from 6x6
 * source cells by 36 multiplications per pair of channels instead of 144 (A. Lavin, S. Gray, "Fast
 * Algorithms for Convolutional Neural Networks", 2015, arXiv:1509.09308):
 *
 *   Y = A^T [ sum_c (G g G^T) * (B^T d B) ] A          * elementwise; d 6x6, g 3x3, Y 4x4
 *
 * The sum over channels is 36 matrix products (tiles x in channels) (in channels x out channels).
 * The gradient of the weights is the same trilinear form read the other way:
 *
 *   dg = G^T [ sum_tiles (B^T d B) * (A dY A^T) ] G
 *
 * With the points 0, a, -a, b, -b and infinity, p = a^2 b^2, s = a^2 + b^2,
 * n_a = 2 a^2 (a^2 - b^2), n_b = 2 b^2 (b^2 - a^2):
 *
 *         | p    0    -s    0   1  0 |       | 1/p     0      0      |         | 1  1  1  1  1  0 |
 *         | 0 -ab^2 -b^2    a   1  0 |       | 1/n_a  a/n_a  a^2/n_a |         | 0  a -a  b -b  0 |
 *   B^T = | 0  ab^2 -b^2   -a   1  0 |   G = | 1/n_a -a/n_a  a^2/n_a |   A^T = | 0 a2 a2 b2 b2  0 |
 *         | 0 -a^2b -a^2    b   1  0 |       | 1/n_b  b/n_b  b^2/n_b |         | 0 a3-a3 b3-b3  1 |
 *         | 0  a^2b -a^2   -b   1  0 |       | 1/n_b -b/n_b  b^2/n_b |
 *         | 0    p     0   -s   0  1 |       | 0       0      1      |
 *
 * (ak, bk: powers). Any a != b will do; Lavin and Gray take 1 and 2, we 5/8 and 3/2.
 *
 * Error. Each of the 36 sums is rounded relative to itself, and A^T cancels what they have in
 * common. For independent values of equal variance the result's rounding variance grows, against
 * that of a direct sum of as many terms, by the mean over rows k of
 *
 *   (1/3) sum_i (A^T)_ki^2 |B^T_i|^2 |G_i|^2     once for each axis:
 *
 * 10.8 with 1 and 2, 4.8 with 5/8 and 3/2, where also B^T and A^T are exact in binary; the gradient
 * of the weights has the same factors. Measured, relative L2 against double, 64 / 512 channels of
 * uniform values: direct 4.2e-7 / 1.2e-6; 1 and 2: 1.8e-6 / 4.3e-6; ours 7.5e-7 / 2.0e-6. Largest
 * error over largest result: direct 1.1e-6 / 1.9e-6; ours 1.7e-6 / 3.4e-6.
 *
 * A picture's bits depend on neither the batch nor the threads: each sum runs alone over the
 * channels in order, whatever tiles are computed beside it. A NaN or infinity in the source spoils
 * all results of the tiles that see it, not only its neighbours'.
 */
#ifndef ODDI_BACKEND_HOST_SIMD_WINOGRAD_H
#define ODDI_BACKEND_HOST_SIMD_WINOGRAD_H
#include "backend/host/simd/tile.h"

#define WINOGRAD_A 0.625f /* all coefficients of B^T and A^T are exact */
#define WINOGRAD_B 1.5f
#define WINOGRAD_OUT 4 /* results of a tile along an axis */
#define WINOGRAD_IN 6  /* source cells */
#define WINOGRAD_CELLS (WINOGRAD_IN * WINOGRAD_IN)
/* Rows of the 36 matrices lie this much further apart than their size, which is often a power of
 * two: else all would share few sets of the caches. */
#define WINOGRAD_SLACK 16

/* One convolution as a kernel sees it; the adjoint is one with turned weights. */
struct winograd {
    int64_t images, in_channels, out_channels;
    int64_t h, w, oh, ow, pad; /* source and result */
    bool turned;               /* weights are (in, out, 3, 3), to be turned by 180 degrees */
    int64_t down, across;      /* tiles of a picture */
    int64_t tiles;             /* of the batch */
    int64_t block, blocks;     /* tiles per job; how many of them */
    int64_t split, splits;     /* out channels per job; how many of them */
    int64_t v_apart, m_apart, u_apart; /* between the matrices of source, result, weights */
};
/* Picture, and first result row and column, of tile number `tile`. */
static inline void winograd_place(const struct winograd *g, int64_t tile, int64_t at[3])
{
    at[0] = tile / (g->down * g->across);
    at[1] = tile / g->across % g->down * WINOGRAD_OUT;
    at[2] = tile % g->across * WINOGRAD_OUT;
}

/* B^T d B of one tile, channels c0 .. c0+count-1 of x in blocks of VEC_WIDTH: channel c0 + k of
 * cell i goes to v[i apart + k]. */
struct winograd_source {
    const float *x;
    int64_t c0, count, apart;
};
void SIMD_NAME(winograd_source)(const struct winograd *g, const struct winograd_source *s,
                                int64_t tile, float *v);
#define winograd_source_tile SIMD_NAME(winograd_source)

/* A^T m A of one tile with bias and activation: out channels o0 .. o0+count-1. Channel o0 + k of
 * cell i is m[i apart + k]. */
struct winograd_result {
    float *y;
    const float *bias; /* may be NULL */
    float slope;       /* 1: no activation */
    int64_t o0, count, apart;
};
void SIMD_NAME(winograd_result)(const struct winograd *g, const struct winograd_result *r,
                                int64_t tile, const float *m);
#define winograd_result_tile SIMD_NAME(winograd_result)

/* G g G^T of all weights: u[i u_apart + (group's first out channel) in_channels + c lanes + lane].
 */
void SIMD_NAME(winograd_weights)(const struct winograd *g, int threads, const float *weights,
                                 float *u);
#define winograd_weights SIMD_NAME(winograd_weights)

/* A dY A^T of one tile, cells beyond the result are zero: like winograd_source, of a result's
 * picture. */
void SIMD_NAME(winograd_change)(const struct winograd *g, const struct winograd_source *s,
                                int64_t tile, float *v);
#define winograd_change_tile SIMD_NAME(winograd_change)
/* G^T m G of one vector of (in, out) channel pairs: taps[tap][lane]. */
void SIMD_NAME(winograd_gradient)(const float *m, int64_t apart, float taps[9][VEC_WIDTH]);
#define winograd_gradient SIMD_NAME(winograd_gradient)

/* Geometry of a picture x (N, C, H, W) and its result y, not yet cut into jobs. */
struct winograd SIMD_NAME(winograd_shape)(const int64_t *x, const int64_t *y, int64_t pad);
#define winograd_shape SIMD_NAME(winograd_shape)
/* Whether x, y and the weights w are what these kernels take; by picture, never by batch. */
bool SIMD_NAME(winograd_takes)(const struct oddi_task *task, const struct oddi_arg *y,
                               const struct oddi_arg *w);
#define winograd_takes SIMD_NAME(winograd_takes)
#if ODDI_ISA_LEVEL > 0
#define WINOGRAD_LAYOUT (VEC_WIDTH == 16 ? ODDI_C16 : ODDI_C8)
extern const struct oddi_kernel SIMD_NAME(winograd_grad);
#endif

/* Jobs taken by workers that have memory of their own. */
struct winograd_crew {
    void (*job)(const void *arg, int64_t index, float *memory);
    const void *arg;
    float *memory;
    int64_t each; /* floats of a worker's memory */
    int64_t jobs;
};
int SIMD_NAME(winograd_workers)(int threads, int64_t jobs);
void SIMD_NAME(winograd_go)(int threads, const struct winograd_crew *crew);
#define winograd_workers SIMD_NAME(winograd_workers)
#define winograd_go SIMD_NAME(winograd_go)
#endif
