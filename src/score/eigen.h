/* SPDX-License-Identifier: Apache-2.0
 *
 * Eigenvalues and eigenvectors of a symmetric matrix, and principal axes. One thread, one order of
 * sums: the same bits always.
 */
#ifndef ODDI_SCORE_EIGEN_H
#define ODDI_SCORE_EIGEN_H
#include "base/ctx.h"

/* `a` (n * n, both triangles) is used up. value[0] >= value[1] >= ...; row i of `vector` (n * n) is
 * the unit vector of value[i], its element of largest size positive. O(n^3). ODD_ENUMERIC where a
 * number is not finite. */
odd_status oddi_eigen_symmetric(struct odd_context *ctx, double *a, int64_t n, double *value,
                                double *vector);
#endif
