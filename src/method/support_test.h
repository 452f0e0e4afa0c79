/* SPDX-License-Identifier: Apache-2.0
 *
 * What tests of methods that fit share, on top of data/support_test.h: a few made-up normal
 * pictures and one with a defect, an expert of random weights where one is wanted, and the life of
 * a method from its settings to the score, without the engine.
 */
#ifndef ODDI_METHOD_SUPPORT_TEST_H
#define ODDI_METHOD_SUPPORT_TEST_H
#include "data/support_test.h"
#include "method/method.h"

#define FIT_SIDE 64
#define FIT_PLANE (FIT_SIDE * FIT_SIDE)
#define FIT_NORMALS 12
#define FIT_DEFECT FIT_NORMALS    /* a normal picture with a square in it */
#define FIT_NEW (FIT_NORMALS + 1) /* another normal one */
#define FIT_DEFECT_X 36
#define FIT_DEFECT_Y 20
#define FIT_DEFECT_SIDE 12

struct fit_test {
    struct testing t;
    const struct oddi_method *method;
    struct oddi_geometry in;
    struct oddi_values values;
    struct oddi_state state;
    struct oddi_build build;
    struct oddi_plan *plan;
    struct oddi_model_file kept;
    int threads;
    int64_t tiles;
    float *pictures; /* FIT_NEW + 1 */
    double strange[FIT_NORMALS];
    bool dropped[FIT_NORMALS];
    void *fitted;
};
struct fit_scored {
    double component[ODDI_COMPONENTS_MAX], score;
    float map[FIT_PLANE];
};

/* Settings as "name=value name=value". Pictures of `channels` bands in [-1, 1]. */
void fit_start(struct fit_test *f, const struct oddi_method *method, int channels,
               const char *settings);
void fit_end(struct fit_test *f);
void fit_set(struct fit_test *f, const char *name, const char *value);
odd_status fit_check(struct fit_test *f, struct oddi_geometry in);
/* What a fit of the normals is given, on f->threads; it keeps into f->kept. */
struct oddi_fitting fit_fitting(struct fit_test *f);
/* Fits and opens what was kept. */
odd_status fit_learn(struct fit_test *f);
void fit_learn_well(struct fit_test *f);
/* A look at picture i as the engine gives it; the part that is the picture may be changed. */
struct oddi_measure fit_look(struct fit_test *f, int64_t i);
odd_status fit_measure(struct fit_test *f, const struct oddi_measure *m, struct fit_scored *s);
void fit_score(struct fit_test *f, int64_t i, struct fit_scored *s);

/* A tensor that was kept. */
const struct oddi_stored *fit_kept(struct fit_test *f, const char *name);
/* Opens a file that has the tensors kept, but `name` with these values; NULL data: without it. */
odd_status fit_open_with(struct fit_test *f, const char *name, enum oddi_type type,
                         struct oddi_shape shape, const void *data);

/* The same bits on 1 and 3 threads, from the tensors to the map; the same after writing and reading
 * a file; each setting of `settings`, the last NULL. */
void fit_assert_same_bits(const struct oddi_method *method, int channels,
                          const char *const *settings);
/* The nth allocation of fitting, opening and measuring fails, for every n. */
void fit_assert_out_of_memory(const struct oddi_method *method, int channels, const char *settings);
/* Every tensor kept is refused when it is missing, of another type or shape, or not finite. */
void fit_assert_refuses_damage(const struct oddi_method *method, int channels,
                               const char *settings);
#endif
