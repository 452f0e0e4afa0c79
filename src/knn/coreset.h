/* SPDX-License-Identifier: Apache-2.0
 *
 * Greedy k-centre (Gonzalez 1985; as a coreset: Sener and Savarese 2018): from row `first` on,
 * always the row that is farthest from those already chosen. A row is chosen once, also where
 * others are equal to it; equal distances go to the lower row. The choice is a function of the rows
 * alone: not of threads, nor of the instruction set.
 */
#ifndef ODDI_KNN_CORESET_H
#define ODDI_KNN_CORESET_H
#include "base/ctx.h"

struct oddi_coreset_args {
    const float *rows; /* count x dim, count <= INT32_MAX, dim <= ODDI_KNN_DIM_MAX */
    int64_t count, dim;
    int64_t want, first; /* 1 <= want <= count, 0 <= first < count */
    int threads;
    /* Called from the calling thread every now and then, with rising `done`, and at the end. What
     * it returns other than ODD_OK ends the choice with that status. May be NULL. */
    odd_status (*progress)(void *user, int64_t done, int64_t want);
    void *user;
    /* Each may be NULL. Of every row: the place in `chosen` of the nearest chosen row (the lowest
     * of equally near ones; a chosen row's own place), and its squared distance. They cost a search
     * for what the choice alone could do without. */
    int32_t *nearest;
    float *nearest2;
};
/* Writes `want` rows in the order of their choice, and (where not NULL) the squared distance of the
 * row that lies farthest from all of them. ODD_ENUMERIC names a row with a number that is not
 * finite, ODD_ECANCELLED follows the context's wish. Holds a copy of the chosen rows and of at most
 * a few thousand others, and 12 bytes per row. */
odd_status oddi_coreset(struct odd_context *ctx, const struct oddi_coreset_args *a, int64_t *chosen,
                        double *radius2);
/* The oracle: every row against every choice, on one thread. */
odd_status oddi_coreset_plain(struct odd_context *ctx, const struct oddi_coreset_args *a,
                              int64_t *chosen, double *radius2);
#endif
