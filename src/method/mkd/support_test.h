/* SPDX-License-Identifier: Apache-2.0
 * What MKD's tests share: a trainer from a text of settings, an expert of random weights, five
 * pictures of which the last has a defect, and scoring as the engine does it. */
#ifndef ODDI_METHOD_MKD_SUPPORT_TEST_H
#define ODDI_METHOD_MKD_SUPPORT_TEST_H
#include "base/compat.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "method/mkd/mkd.h"
#include "store/safetensors.h"

#define MKD_TEST_SIDE 64
#define MKD_TEST_PLANE (MKD_TEST_SIDE * MKD_TEST_SIDE)
#define MKD_TEST_PICTURES 5
#define MKD_TEST_DEFECT 4
/* An expert of an eighth of VGG-11's channels, batches of 4. */
#define MKD_TEST_TINY                                                                              \
    "network=vgg11 expert-weights=random expert-width=0.125 points=3 scored=2 thin=4 "             \
    "batch=4 steps=30 beta1=0.9 schedule=constant lambda=0.1 "

struct mkd_test {
    struct odd_context *ctx;
    struct oddi_values values;
    struct oddi_geometry in;
    struct oddi_trainer trainer;
    float *pictures; /* grey, MKD_TEST_SIDE squared */
};
/* Settings are one text, "name=value name=value"; a later one wins. */
void mkd_test_set(struct mkd_test *t, const char *settings);
void mkd_test_values(struct mkd_test *t, const char *settings);
void mkd_test_start(struct mkd_test *t, const char *settings, int threads,
                    const struct oddi_geometry *in);
void mkd_test_end(struct mkd_test *t);
void mkd_test_ok(struct odd_context *ctx, odd_status status);
/* Steps on the first four pictures; the last loss. */
double mkd_test_train(struct mkd_test *t, int64_t steps, double *first);

void mkd_test_near(const char *what, int64_t at, double got, double want, double bound);
/* Both terms of the last step, of four points, against those of step `step`. */
void mkd_test_same_terms(const struct mkd_test *t, const float *const want[2], int64_t step,
                         double bound);
void mkd_test_fill(struct mkd_test *t, const struct oddi_state_param *p, const float *values);
bool mkd_test_is_expert(const struct mkd_test *t, const struct oddi_state_param *p);

struct mkd_test_scorer {
    struct mkd_test *t;
    struct oddi_build b;
    struct oddi_plan *plan;
    float *map, *scratch;
    double component[ODDI_COMPONENTS_MAX];
};
void mkd_test_scorer_open(struct mkd_test_scorer *s, struct mkd_test *t, int threads);
void mkd_test_scorer_close(struct mkd_test_scorer *s);
/* Runs the plan and measures; the map and the components stay until the next. */
void mkd_test_score(struct mkd_test_scorer *s, const float *picture);
#endif
