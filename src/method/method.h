/* SPDX-License-Identifier: Apache-2.0
 *
 * What a method is. A method is one folder src/method/<name>/ with a
 * `const struct oddi_method oddi_method_<name>` at the end of its main file, and one row in
 * methods.def. The engine knows methods through this table alone.
 *
 * Life: params -> check -> build for each stage, steps, enter at each stage's start -> build for
 * scoring -> measure per picture -> combine with the statistics of held-out normals.
 */
#ifndef ODDI_METHOD_METHOD_H
#define ODDI_METHOD_METHOD_H
#include "nn/trainer.h"

#define ODDI_COMPONENTS_MAX 8
#define ODDI_EXPERT_GROUP "expert"

/* A named set of settings, "name=value" each, NULL-terminated. */
struct oddi_preset {
    const char *name, *summary;
    const char *const *settings;
};

/* At the start of a stage: what a method may read and change. */
struct oddi_enter {
    struct odd_context *ctx;
    struct oddi_trainer *trainer;
    int stage;
    uint64_t seed;
    int64_t pictures; /* training normals, prepared, not augmented */
    odd_status (*get)(void *user, int64_t i, float *picture);
    void *user;
};

/* One picture's outputs, to be turned into a map and raw score components. */
struct oddi_measure {
    struct odd_context *ctx;
    const struct oddi_values *values;
    struct oddi_geometry in;
    const struct oddi_build *build;
    const struct oddi_plan *plan;
    const float *picture; /* (C, H, W) as given to the network */
    /* The part of the input where the picture lies (the rest is padding): left out of all means. */
    int64_t x, y, width, height;
    float *map;        /* (H, W), to be written */
    float *scratch;    /* H * W */
    double *component; /* to be written, in the order of method->components */
};

/* Location and scale of each component on held-out normals. */
struct oddi_spread {
    double location[ODDI_COMPONENTS_MAX], scale[ODDI_COMPONENTS_MAX];
};

struct oddi_method {
    const char *name, *summary, *citation;
    const struct oddi_param *params;
    const struct oddi_preset *presets; /* the last has a NULL name; the first is the default */
    const char *const *components;     /* names, NULL-terminated; kept by eval for comparison */
    /* Needs an imported network: its weights are the parameters of group "expert", named
     * "expert.<name in the file>" and frozen; its architecture is the setting `network`. */
    bool wants_expert;
    /* Width and height must be multiples of this (read after the values are set). */
    int64_t (*multiple)(const struct oddi_values *v);
    /* Checks what the table cannot, with a message. */
    odd_status (*check)(struct odd_context *ctx, const struct oddi_values *v,
                        const struct oddi_geometry *in);
    int (*stages)(const struct oddi_values *v);
    /* First step of stage s of a training of `steps`. */
    int64_t (*stage_start)(const struct oddi_values *v, int stage, int64_t steps);
    const char *(*stage_name)(const struct oddi_values *v, int stage);
    void (*build)(struct oddi_build *b);
    void (*control_start)(const struct oddi_values *v, struct oddi_control *c);
    void (*control)(struct oddi_control *c, const struct oddi_build *b,
                    const struct oddi_plan *plan);
    odd_status (*enter)(struct oddi_enter *e); /* not called for stage 0; may be NULL */
    odd_status (*measure)(const struct oddi_measure *m);
    double (*combine)(const struct oddi_values *v, const double *component,
                      const struct oddi_spread *spread);
    /* Settings to try for a parameter that is "auto", one per call from index 0, each as
     * "name=value"; NULL after the last, or where nothing is automatic. */
    const char *(*candidate)(const struct oddi_values *v, const struct oddi_geometry *in,
                             int index);
    /* The same for the image score, which is chosen on the trained network: "score=top1". NULL
     * function: the method has one score. */
    const char *(*score_candidate)(const struct oddi_values *v, int index);
};

/* Settings of every method that wants an expert: `expert`, its file; `network` and `expert-hash`,
 * which the engine takes from that file. */
extern const struct oddi_param oddi_expert_params[];

#define METHOD(name) extern const struct oddi_method oddi_method_##name;
#include "method/methods.def"
#undef METHOD

const struct oddi_method *oddi_method_find(const char *name);
const struct oddi_method *oddi_method_at(int index); /* NULL after the last */
#endif
