/* SPDX-License-Identifier: Apache-2.0
 * Rows of all kinds for the tests of this folder, and the kernels to try them on. */
#ifndef ODDI_KNN_SUPPORT_TEST_H
#define ODDI_KNN_SUPPORT_TEST_H
#include "base/compat.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "knn/knn_int.h"

enum kind {
    NOISE,
    CLUSTERS,   /* seven, far apart */
    DUPLICATES, /* each row three times */
    FEW,        /* four different rows */
    GRID,       /* small whole numbers: ties */
    ZERO,       /* every other row */
    LARGE,      /* squares near the largest floats */
    WILD,       /* some rows whose squares overflow */
    TINY,       /* squares that lose bits */
    SUBNORMAL,  /* squares that vanish */
    OFFSET,     /* near each other, far from zero */
    KINDS
};
/* count x dim numbers, freed by the caller; a row depends on (kind, seed, its number, dim). */
float *knn_rows(enum kind kind, int64_t count, int64_t dim, uint64_t seed);
/* The ith kernels that can run here, NULL behind the last. */
const struct knn_kernels *knn_some_kernels(int i);
#endif
