/* SPDX-License-Identifier: Apache-2.0
 *
 * Random projection of rows to fewer numbers that keeps distances about as they are (Johnson and
 * Lindenstrauss 1984), for choosing a coreset in a smaller space.
 */
#ifndef ODDI_KNN_PROJECT_H
#define ODDI_KNN_PROJECT_H
#include "base/ctx.h"

enum oddi_project_kind {
    ODDI_PROJECT_GAUSSIAN, /* normal numbers of variance 1 / to */
    ODDI_PROJECT_SPARSE    /* 0, but one in sqrt(dim) is +-sqrt(sqrt(dim) / to) (Li et al. 2006) */
};
struct oddi_project_args {
    const float *rows;      /* count x dim */
    int64_t count, dim, to; /* 1 <= to */
    enum oddi_project_kind kind;
    uint64_t seed;
    int threads;
};
/* Writes count x to numbers. The matrix is a function of (seed, kind, dim, to), a row's result of
 * it and the row alone: the same bits for any threads, company and instruction set. */
odd_status oddi_project(struct odd_context *ctx, const struct oddi_project_args *a, float *out);
#endif
