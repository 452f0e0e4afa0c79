/* SPDX-License-Identifier: Apache-2.0
 *
 * What a method is. A method is one folder src/method/<name>/ with a
 * `const struct oddi_method oddi_method_<name>` at the end of its main file, and one row in
 * methods.def. The engine knows methods through this table alone.
 *
 * Life: params -> check -> build for each stage, steps, enter at each stage's start -> build for
 * scoring -> measure per picture -> combine with the statistics of held-out normals. A method that
 * fits instead (a memory bank, Gaussians) has no stages: params -> check -> build for scoring ->
 * fit -> open -> measure.
 */
#ifndef ODDI_METHOD_METHOD_H
#define ODDI_METHOD_METHOD_H
#include "nn/features.h"
#include "nn/trainer.h"
#include "store/model.h"

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

/* Before the first step: a method looks at training pictures and settles one value that the user
 * left open (MKD's lambda). A training that goes on takes the value from its saved state. */
struct oddi_settle {
    struct odd_context *ctx;
    struct oddi_trainer *trainer; /* as it starts; to be read alone */
    const struct oddi_values *values;
    int64_t pictures; /* training normals, prepared, not augmented */
    odd_status (*get)(void *user, int64_t i, float *picture);
    void *user;
    /* To be written. */
    char setting[96];   /* "name=value"; empty: nothing was open */
    char message[256];  /* why, for the user */
    json_t *note;       /* what led to it, an object that the model keeps; the engine's from now on */
};

/* One picture's outputs, to be turned into a map and raw score components. */
struct oddi_measure {
    struct odd_context *ctx;
    int threads;        /* that may work on this picture */
    const void *fitted; /* what `open` made; NULL for a method that is trained by steps */
    const struct oddi_values *values;
    struct oddi_geometry in;
    const struct oddi_build *build;
    struct oddi_plan *plan; /* has run; may be run again with other inputs */
    const float *picture; /* (C, H, W) as given to the network */
    int64_t tile, tiles; /* which of the picture's tiles this is; 0 of 1 for a whole picture */
    /* The part of the input where the picture lies (the rest is padding): left out of all means. */
    int64_t x, y, width, height;
    float *map;        /* (H, W), to be written */
    float *scratch;    /* H * W */
    double *component; /* to be written, in the order of method->components */
};

/* A pass of the scoring graph over the training pictures, in parallel. */
struct oddi_fit_pass {
    const char *phase; /* for progress: "features" */
    /* Picture i (of fit->pictures) has run: m's graph, plan and place; map and component are NULL.
     * Called from any thread, in no order of i, once for each i and tile; the tiles of one picture
     * come in order on one thread. What is kept has a place per i. */
    odd_status (*take)(void *user, int64_t i, const struct oddi_measure *m);
    void *user;
};
/* Learning in one go. */
struct oddi_fitting {
    struct odd_context *ctx;
    const struct oddi_values *values;
    struct oddi_geometry in;
    uint64_t seed;
    int threads;
    int64_t pictures; /* training normals */
    int64_t tiles;    /* of the picture that has most */
    const struct oddi_build *build; /* the scoring graph, for shapes */
    odd_status (*each)(void *engine, const struct oddi_fit_pass *pass);
    /* Progress of what takes longer than a second; ODD_ECANCELLED when the user wants an end. */
    odd_status (*progress)(void *engine, const char *phase, int64_t done, int64_t total);
    void *engine;
    /* How strange each training picture is beside the others, for the list of suspects: `pictures`
     * numbers, NAN until the method that can tell has written them. */
    double *strange;
    bool *dropped; /* true: the method has left this picture out of what it learnt */
    /* Takes what is learnt: tensors named ODDI_FITTED "...", by _add_copy. */
    struct oddi_model_file *keep;
    /* Of `extend`: what was learnt before, and from how many pictures; the new ones are numbered
     * from there on. NULL and 0 of `fit`. */
    const struct oddi_model_file *before;
    int64_t earlier;
};
#define ODDI_FITTED "fit."

/* Which learnt cells are nearest to some rows; all distances rise. */
struct oddi_nearest {
    struct odd_context *ctx;
    int threads;
    const void *fitted; /* what `open` made */
    const float *rows;  /* count of them, of the method's grid */
    int64_t count;
    int k; /* 1 to ODDI_NEAREST_MAX */
    /* To be written, count * k each. Where fewer are learnt: distance INFINITY, picture -1. */
    float *distance;
    int64_t *picture, *cell; /* row of seen.train; tile * cells of a tile + cell of the grid */
};
#define ODDI_NEAREST_MAX 32

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
    /* Pixels of the network's input that a defect must cover to be seen; NULL: 8. */
    int64_t (*cell)(const struct oddi_values *v);
    /* Checks what the table cannot, with a message. */
    odd_status (*check)(struct odd_context *ctx, const struct oddi_values *v,
                        const struct oddi_geometry *in);
    /* Of a training by steps; all three NULL: one stage "main" (oddi_method_stages and so on). */
    int (*stages)(const struct oddi_values *v);
    /* First step of stage s of a training of `steps`. */
    int64_t (*stage_start)(const struct oddi_values *v, int stage, int64_t steps);
    const char *(*stage_name)(const struct oddi_values *v, int stage);
    void (*build)(struct oddi_build *b);
    void (*control_start)(const struct oddi_values *v, struct oddi_control *c);
    void (*control)(struct oddi_control *c, const struct oddi_build *b,
                    const struct oddi_plan *plan);
    odd_status (*enter)(struct oddi_enter *e); /* not called for stage 0; may be NULL */
    odd_status (*settle)(struct oddi_settle *s); /* may be NULL; not beside `candidate` */
    /* Learning without steps: NULL for a method with stages. `open` checks the tensors that fit
     * kept and makes of them what measure wants, shared by threads; `close` releases it. */
    odd_status (*fit)(struct oddi_fitting *f);
    odd_status (*open)(struct odd_context *ctx, const struct oddi_build *b,
                       const struct oddi_model_file *file, void **fitted);
    void (*close)(struct odd_context *ctx, void *fitted);
    odd_status (*measure)(const struct oddi_measure *m);
    double (*combine)(const struct oddi_values *v, const double *component,
                      const struct oddi_spread *spread);
    /* Of a method whose measurement rests on a row of numbers per cell of a grid; NULL for others,
     * all of them. `rows` gives those of the picture that has run; `rescore` measures with such
     * rows, m->plan and m->picture may be NULL; `nearest` tells what they are like; `extend` is
     * `fit` for a model that takes in more pictures. */
    struct oddi_feature_grid (*grid)(const struct oddi_build *b);
    odd_status (*rows)(const struct oddi_measure *m, float *rows);
    odd_status (*rescore)(const struct oddi_measure *m, const float *rows);
    odd_status (*nearest)(const struct oddi_nearest *n);
    odd_status (*extend)(struct oddi_fitting *f);
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
/* Of those that take steps: where the expert's maps of the training pictures are kept. */
extern const struct oddi_param oddi_expert_cache_params[];

#define METHOD(name) extern const struct oddi_method oddi_method_##name;
#define ALIAS(name, method, preset)
#include "method/methods.def"
#undef ALIAS
#undef METHOD

const struct oddi_method *oddi_method_find(const char *name);
int oddi_method_stages(const struct oddi_method *m, const struct oddi_values *v); /* 0: it fits */
int64_t oddi_method_stage_start(const struct oddi_method *m, const struct oddi_values *v, int stage,
                                int64_t steps);
const char *oddi_method_stage_name(const struct oddi_method *m, const struct oddi_values *v,
                                   int stage);
const struct oddi_method *oddi_method_at(int index); /* NULL after the last */
/* Another name of a method and preset ("patchcore"): its own name, *preset set; else `name`. */
const char *oddi_method_alias(const char *name, const char **preset);
#endif
