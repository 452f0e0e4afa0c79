/* SPDX-License-Identifier: Apache-2.0
 * What the files of MKD share; mkd.c has the method in a page. */
#ifndef ODDI_METHOD_MKD_MKD_H
#define ODDI_METHOD_MKD_MKD_H
#include "method/method.h"
#include "nn/nets/nets.h"

#define MKD_POINTS_MAX 5 /* critical points compared */

/* The maps that expert and cloner are compared by, from the shallowest to the deepest. */
struct mkd_pair {
    struct oddi_node *expert[MKD_POINTS_MAX], *cloner[MKD_POINTS_MAX]; /* (N, C, H, W) */
    int points;
};
/* First of the critical points that the score uses: the paper's code trains on CP 1 to 4 and
 * scores by CP 2 to 4. */
int oddi_mkd_first_scored(const struct oddi_values *v, int points);

void oddi_mkd_build(struct oddi_build *b);
odd_status oddi_mkd_measure(const struct oddi_measure *m);
double oddi_mkd_combine(const struct oddi_values *v, const double *component,
                        const struct oddi_spread *spread);
#endif
