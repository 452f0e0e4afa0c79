/* SPDX-License-Identifier: Apache-2.0
 * What the files of MKD share; mkd.c has the method in a page. */
#ifndef ODDI_METHOD_MKD_MKD_H
#define ODDI_METHOD_MKD_MKD_H
#include "method/method.h"
#include "nn/nets/nets.h"

#define MKD_POINTS_MAX 5 /* critical points compared */

/* Added to norms, so that a map of zeros has a cosine of 0. The published code's guard of 1e-8 is
 * not small beside the maps of a deep random expert. */
#define MKD_NORM_LEAST 1e-12
#define MKD_NOISE "noise" /* the node that SmoothGrad's noise is written to */

/* Both networks: their maps at the critical points, from the shallowest to the deepest. */
struct mkd_pair {
    struct oddi_node *input;                                           /* (N, 3, H, W) */
    struct oddi_node *expert[MKD_POINTS_MAX], *cloner[MKD_POINTS_MAX]; /* (N, C, H, W) */
    int points;
    int first_scored;
    int first_tap;                       /* the expert's tap that is point 0 */
    int64_t channels[ODDI_NET_TAPS_MAX]; /* of all the expert's taps */
};
/* Input, expert and cloner; nothing beyond a graph that has failed. */
void oddi_mkd_networks(struct oddi_build *b, struct mkd_pair *p);
/* The expert's maps at the same points of a picture that is normalised as the expert was trained.
 */
void oddi_mkd_own_maps(struct oddi_build *b, const struct mkd_pair *p,
                       struct oddi_node *map[MKD_POINTS_MAX]);

/* (1) and (2) over the points from `first` on, means over the batch: the sum of the cosines, which
 * their number less L_dir is, and L_val. */
struct mkd_terms {
    struct oddi_node *cosine, *value;
};
struct mkd_terms oddi_mkd_terms(struct oddi_build *b, const struct mkd_pair *p, int first);

/* lambda as a number; while it is not settled, the preset's. */
double oddi_mkd_lambda(const struct oddi_values *v);
/* "auto" or "preset", which need a look at the pictures, or a number from 0 to 1e6. */
bool oddi_mkd_lambda_valid(const char *text);
/* Factors of direction and value in what is learnt. */
struct mkd_weights {
    double direction, value;
};
struct mkd_weights oddi_mkd_loss_weights(const struct oddi_values *v);
/* The same of score and maps. */
struct mkd_weights oddi_mkd_score_weights(const struct oddi_values *v);
bool oddi_mkd_has_gradient(const struct oddi_values *v);

void oddi_mkd_build(struct oddi_build *b);
odd_status oddi_mkd_settle(struct oddi_settle *s);
odd_status oddi_mkd_measure(const struct oddi_measure *m);
double oddi_mkd_combine(const struct oddi_values *v, const double *component,
                        const struct oddi_spread *spread);
#endif
