/* SPDX-License-Identifier: Apache-2.0
 * What DAAD's tests share: a trainer from settings in one text, and scoring with its weights. */
#ifndef ODDI_METHOD_DAAD_SUPPORT_TEST_H
#define ODDI_METHOD_DAAD_SUPPORT_TEST_H
#include "method/daad/daad.h"

struct daad_test {
    struct odd_context *ctx;
    struct oddi_values values;
    struct oddi_trainer trainer;
};
struct daad_test_scorer { /* of one picture at a time */
    struct oddi_build build;
    struct oddi_plan *plan;
};

/* Values of DAAD and the recipe with "name=value name=value" set; fails the test on bad ones. */
void daad_test_values(struct odd_context *ctx, const char *settings, struct oddi_values *v);
/* Context, values and a started trainer whose recipe suits `pictures` pictures. */
void daad_test_start(struct daad_test *t, const char *settings, const struct oddi_geometry *in,
                     const char *mode, int64_t pictures);
void daad_test_end(struct daad_test *t);
/* Fails the test with the context's message unless the status is OK. */
void daad_test_ok(struct odd_context *ctx, odd_status status);

void daad_test_scorer_start(struct daad_test *t, struct daad_test_scorer *s);
void daad_test_scorer_end(struct daad_test_scorer *s);
/* Runs the picture and measures it within the rectangle rect = x, y, width, height (NULL: all).
 * `map` has the size of the input; NULL: not wanted. */
void daad_test_score(struct daad_test *t, struct daad_test_scorer *s, const float *picture,
                     const int64_t rect[4], float *map, double component[ODDI_COMPONENTS_MAX]);
#endif
