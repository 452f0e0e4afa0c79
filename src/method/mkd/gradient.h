/* SPDX-License-Identifier: Apache-2.0
 * Maps from the gradient of the score by the picture, equation (6) of mkd.c. */
#ifndef ODDI_METHOD_MKD_GRADIENT_H
#define ODDI_METHOD_MKD_GRADIENT_H
#include "method/mkd/mkd.h"

/* Writes m->map, in [0, 1], before smoothing. Reads the run that m stands for; SmoothGrad then runs
 * the plan again, after which its other results are those of noisy copies. */
odd_status oddi_mkd_gradient(const struct oddi_measure *m);
/* The deviation of SmoothGrad's noise for input values from `low` to `high`. */
double oddi_mkd_noise(const struct oddi_values *v, double low, double high);
#endif
