/* SPDX-License-Identifier: Apache-2.0
 *
 * Which rows may be near a query, from products of matrices; and the proof that none is missed.
 *
 * Let q be a query and r a row of d finite numbers, Q = |q|^2, R = |r|^2, S = q . r and
 * D = |q - r|^2 = Q + R - 2 S their true values, D' the defined distance (knn.h), u = 2^-24, and
 * g(c) = c u / (1 - c u) the usual bound of c roundings in a row.
 *
 * (1) D' is a sum of squares; each passes 2 + 1 roundings and at most ceil(d / 16) + 4 sums, and
 * may lose 2^-149 to underflow. So D' >= (1 - a u) D - d 2^-149 with a = ceil(d / 16) + 7. (2) The
 * filter computes F = h + S, one number at a time onto h, -R/2 <= h <= 0. Fused or not, that is at
 * most d + 2 roundings of each term, and d losses of 2^-148. As |q_1 r_1| + ... <= |q||r|
 *     <= (Q + R) / 2, with e = g(d + 2):
 *         |F - (h + S)| <= e (|h| + |q||r|) + d 2^-148 <= e (R + Q/2) + d 2^-148.
 * (3) Let D' <= L, the largest distance that is of interest. By (1), D <= L' =
 *     (L + d 2^-149) / (1 - a u), so S = (Q + R - D) / 2 >= (Q + R - L') / 2, and by (2)
 *         F >= h + (Q + R - L') / 2 - e (R + Q/2) - d 2^-148.
 *     With h >= -(1/2 - e) R everything of the row cancels, and what remains is the query's alone:
 *         F >= T = (1 - e) Q / 2 - L' / 2 - d 2^-148.
 *     A row with F < T has D' > L: it is not looked at.
 *
 * Q, R and T are computed in double (d roundings of 2^-53, covered by adding 2^-30 to e), h and T
 * then rounded up and down to float. For Q and R up to KNN_WILD nothing above overflows. A row
 * beyond it is packed as zeros under h = infinity, so that it is always looked at; a query beyond
 * it is compared with every row.
 *
 * A panel is `lanes` rows side by side: their h, then their first numbers, then their second ones.
 */
#ifndef ODDI_KNN_FILTER_H
#define ODDI_KNN_FILTER_H
#include <math.h>

#include "knn/knn_int.h"

#define KNN_WILD 0x1p100

struct knn_bound {
    double product;  /* e */
    double distance; /* 1 / (1 - a u) */
    double tiny;     /* d 2^-148 */
};
static inline struct knn_bound knn_bound(int64_t dim)
{
    const double u = 0x1p-24, c = (double)(dim + 2) * u, a = (double)(knn_ceil(dim, 16) + 7) * u;
    return (struct knn_bound){c / (1.0 - c) + 0x1p-30, 1.0 / (1.0 - a) + 0x1p-30,
                              (double)dim * 0x1p-148};
}
/* The float at or below x, |x| < 2^126. */
static inline float knn_below(double x)
{
    return (float)(x - fabs(x) * 0x1p-23 - 0x1p-149);
}
static inline double knn_norm2(const float *row, int64_t dim)
{
    double sum[8] = {0};
    int64_t i = 0;
    for (; i + 8 <= dim; i += 8)
        for (int j = 0; j < 8; j++)
            sum[j] += (double)row[i + j] * (double)row[i + j];
    for (; i < dim; i++)
        sum[0] += (double)row[i] * (double)row[i];
    return ((sum[0] + sum[1]) + (sum[2] + sum[3])) + ((sum[4] + sum[5]) + (sum[6] + sum[7]));
}
/* T for a query of squared norm norm2 <= KNN_WILD. */
static inline float knn_threshold(const struct knn_bound *b, double norm2, float limit)
{
    if (limit >= HUGE_VALF)
        return -HUGE_VALF;
    return knn_below(0.5 * (norm2 * (1.0 - b->product) - ((double)limit + b->tiny) * b->distance) -
                     b->tiny);
}

/* Floats of a panel. */
static inline int64_t knn_panel_size(const struct knn_kernels *kernels, int64_t dim)
{
    return kernels->lanes * (dim + 1);
}
/* Puts a row, or with NULL nothing that would ever be near, into a lane. */
void oddi_knn_pack_row(const struct knn_kernels *kernels, const float *row, int64_t dim,
                       float *panel, int lane);
#endif
