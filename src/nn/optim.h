/* SPDX-License-Identifier: Apache-2.0
 *
 * Optimisers, learning-rate schedules, clipping and weight averages, from one parameter table that
 * every trained method has.
 *
 *   Adam   m = b1 m + (1-b1) g,  v = b2 v + (1-b2) g^2,
 *          w -= rate (m / (1-b1^t)) / (sqrt(v / (1-b2^t)) + eps)     (Kingma and Ba, 2015)
 *   AdamW  the same, and w -= rate decay w               (Loshchilov and Hutter, 2019)
 *   SGD    m = momentum m + g + decay w, w -= rate m
 */
#ifndef ODDI_NN_OPTIM_H
#define ODDI_NN_OPTIM_H
#include "nn/state.h"

extern const struct oddi_param oddi_recipe_params[];

enum oddi_optim_kind { ODDI_ADAM, ODDI_ADAMW, ODDI_SGD };
enum oddi_schedule_kind { ODDI_CONSTANT, ODDI_LINEAR, ODDI_COSINE, ODDI_STEP };
struct oddi_recipe {
    enum oddi_optim_kind optim;
    enum oddi_schedule_kind schedule;
    double rate, beta1, beta2, eps, momentum, decay;
    double decay_from;    /* share of the steps after which linear, cosine and step decay begin */
    double step_factor;   /* step: factor per tenth of the decaying part */
    double clip;          /* largest norm of a group's gradient, 0: not clipped */
    double average;       /* share of the old average kept per step, 0: no averages */
    int64_t warmup_steps; /* rate rises linearly over them */
    int64_t steps, batch;
};
/* From values; steps from `steps`, or from `epochs` and the pictures (ODD_ENODATA: none). */
odd_status oddi_recipe_read(struct oddi_recipe *r, const struct oddi_values *v, int64_t pictures);
/* Learning rate of step 0..steps-1. */
double oddi_recipe_rate(const struct oddi_recipe *r, int64_t step);
/* Applies the group's gradient; ODD_ENUMERIC when it is not finite. Allocates nothing. */
odd_status oddi_optim_update(const struct oddi_recipe *r, struct oddi_state *s,
                             struct oddi_group *group, double rate);
#endif
