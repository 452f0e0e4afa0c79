/* SPDX-License-Identifier: Apache-2.0
 *
 * Gaussians fitted to rows of numbers, and Mahalanobis distances to them. With rows x_1 .. x_n of
 * `dim` numbers:
 *
 *   (1) m = 1/n sum x_k,   S = sum (x_k - m) (x_k - m)^T
 *   (2) C = S / (n - 1) + e I                                              (fixed)
 *   (3) C = (1 - a) S / n + a v I,  v = trace(S) / (n dim),  a in [0, 1]   (Ledoit and Wolf, A
 *           well-conditioned estimator for large-dimensional covariance matrices, 2004: a = b / d
 *           with d = |S/n - v I|^2 and b = min(d, 1/n^2 sum |(x_k - m)(x_k - m)^T - S/n|^2))
 *   (4) C = L L^T,  W = L^-1,  distance^2 = (x - m)^T C^-1 (x - m) = |W (x - m)|^2
 *
 * LAPACK is not used. Matrices here have a hundred or so columns and there are thousands of them:
 * each is the work of one thread, where a blocked library routine has nothing to gain; a library
 * that spreads one matrix over its own threads would both fight ours and change bits with their
 * number, and its bits differ between builds of it. In these loops every sum has one order, along
 * rows that lie in memory one after another, so that compilers vectorise them as they stand.
 *
 * Matrices are symmetric or triangular; only i <= j of element i * dim + j is read and written.
 */
#ifndef ODDI_SCORE_GAUSSIAN_H
#define ODDI_SCORE_GAUSSIAN_H
#include "base/ctx.h"

/* What (1) says of some rows. */
struct oddi_scatter {
    double *mean, *scatter; /* dim; dim * dim */
    int64_t count, dim;
    double fourth; /* sum |x_k - m|^4, for (3); of _rows only */
};
odd_status oddi_scatter_init(struct odd_context *ctx, int64_t dim, struct oddi_scatter *m);
void oddi_scatter_release(struct odd_context *ctx, struct oddi_scatter *m);
/* Of rows that lie one after another, count >= 1. `scratch` has 4 * dim doubles. */
void oddi_scatter_rows(struct oddi_scatter *m, const float *rows, int64_t count, double *scratch);
/* The same but for `fourth`, of many rows by several threads; same bits whatever their number. */
odd_status oddi_scatter_many(struct odd_context *ctx, struct oddi_scatter *m, const float *rows,
                             int64_t count, int threads);
/* The rows of `more` come to those of m: m becomes what (1) says of both; not of `fourth`. */
void oddi_scatter_merge(struct oddi_scatter *m, const struct oddi_scatter *more);
/* Fills i > j too. */
void oddi_scatter_mirror(struct oddi_scatter *m);

/* The scatter becomes C, as (2) or (3) say; (3) returns a. Where all rows are equal, (3) gives a
 * matrix as small as can be inverted. */
void oddi_covariance_fixed(struct oddi_scatter *m, double e);
double oddi_covariance_ledoit_wolf(struct oddi_scatter *m);

/* W of a covariance, in place of it: row j of W^T, from its diagonal on, one after another in
 * `factor`, which has oddi_gaussian_size(dim) floats. False where C is not positive definite, not
 * finite, or W does not fit floats. */
size_t oddi_gaussian_size(int64_t dim);
bool oddi_gaussian_factor(double *covariance, int64_t dim, float *factor);
/* (4); `scratch` has dim floats. */
double oddi_gaussian_distance2(const float *mean, const float *factor, int64_t dim, const float *x,
                               float *scratch);
/* Whether all `count` numbers are finite: what a model file says of a Gaussian is not trusted. */
bool oddi_all_finite(const float *x, size_t count);
#endif
