/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of this folder share. kernels.c is compiled once per instruction set (ODDI_ISA,
 * ODDI_ISA_LEVEL) into one table each; everything else is compiled once and takes the best table
 * that the processor can run.
 */
#ifndef ODDI_KNN_KNN_INT_H
#define ODDI_KNN_KNN_INT_H
#include "knn/knn.h"

#define KNN_LANES 32 /* most rows of a panel, whatever the instruction set */
#define KNN_TILE 12  /* most queries of a tile */
#define KNN_BLOCK 96 /* queries that stay near while the panels pass by */

/* Queries against one panel of packed rows (filter.h): for query p, bit j of hit[p] says that
 *   sum[p][j] = h_j + q_p . r_j >= threshold[p].
 * Sums of a query with a hit are stored. */
struct knn_tile {
    const float *x; /* queries x dim */
    const float *panel;
    int64_t dim;
    const float *threshold;
    float *sum; /* queries x lanes */
    uint32_t *hit;
};
/* out[i][j] = sum over k of rows[i][k] w[k][j], in rising order, nothing fused; 32 columns. */
struct knn_product {
    const float *rows, *w;
    int64_t count, dim;
    float *out;
};
#define KNN_COLUMNS 32
struct knn_kernels {
    const char *name;
    bool (*usable)(void);
    int lanes, tile; /* rows of a panel, most queries of a tile */
    float (*distance2)(const float *a, const float *b, int64_t dim);
    /* out[i] = distance2(a, rows + i dim, dim) */
    void (*distances)(const float *a, const float *rows, int64_t count, int64_t dim, float *out);
    bool (*filter)(const struct knn_tile *t, int queries); /* whether any bit is set */
    void (*product)(const struct knn_product *p);
};
extern const struct knn_kernels oddi_knn_kernels_base;
#if defined(__x86_64__)
extern const struct knn_kernels oddi_knn_kernels_avx2, oddi_knn_kernels_avx512;
#endif
const struct knn_kernels *oddi_knn_kernels(void); /* of this processor */
/* oddi_knn_new() with other kernels than this processor's best. */
odd_status oddi_knn_new_on(struct odd_context *ctx, const struct knn_kernels *kernels,
                           const float *rows, int64_t count, int64_t dim, struct oddi_knn **knn);

/* ODD_ENUMERIC, naming `what` and its number from `first` on, unless all numbers are finite. */
odd_status oddi_knn_finite(struct odd_context *ctx, const char *what, int64_t first,
                           const float *rows, int64_t count, int64_t dim);

static inline int64_t knn_min(int64_t a, int64_t b)
{
    return a < b ? a : b;
}
static inline int64_t knn_ceil(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}
/* Cuts `left` queries into nearly equal tiles: how many the next one has. */
static inline int knn_tile_next(const struct knn_kernels *kernels, int64_t left)
{
    return (int)knn_ceil(left, knn_ceil(left, kernels->tile));
}
#endif
