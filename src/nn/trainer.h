/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs training steps: owns the training state and a small table of plans (one per stage and batch
 * size, least recently used goes), runs the phases of a step in order and updates each phase's
 * group. What it computes is a function of (state, control, step, batch); threads change the speed
 * alone.
 */
#ifndef ODDI_NN_TRAINER_H
#define ODDI_NN_TRAINER_H
#include "nn/optim.h"

#define ODDI_CONTROL_INPUTS 4
#define ODDI_CONTROL_STATE 8
#define ODDI_TRAINER_PLANS 4

/* What a method's controller keeps between steps; saved with the training. */
struct oddi_control {
    double state[ODDI_CONTROL_STATE];
    double rate_scale[ODDI_PHASES_MAX];     /* of each phase's learning rate */
    const char *input[ODDI_CONTROL_INPUTS]; /* scalar inputs of the graph, by static name */
    double value[ODDI_CONTROL_INPUTS];
    int inputs;
};
struct oddi_trainer_net {
    void (*build)(struct oddi_build *b); /* errors stay in b->graph.status */
    /* After each step; reads results of the plan. May be NULL. */
    void (*control)(struct oddi_control *c, const struct oddi_build *b,
                    const struct oddi_plan *plan);
    const struct oddi_values *values;
    struct oddi_geometry in;
    int stages;       /* of training, at least 1 */
    const char *mode; /* kernel sets, see plan.h */
};
/* Where the values of a frozen part come from that the trainer is not to compute in every step. */
struct oddi_frozen_source {
    /* Writes value[i], `count` pictures' values of the build's frozen[i], for the step's pictures.
     */
    odd_status (*get)(void *user, const float *pictures, int64_t count, float *const *value);
    void *user;
};
struct oddi_trainer_plan {
    struct oddi_build build;
    struct oddi_plan *plan;
    uint64_t used;
};
struct oddi_trainer {
    struct odd_context *ctx;
    struct oddi_trainer_net net;
    struct oddi_recipe recipe;
    struct oddi_state state;
    struct oddi_control control;
    struct oddi_trainer_plan plan[ODDI_TRAINER_PLANS];
    uint64_t clock;
    int stage;                            /* of the last step */
    const struct oddi_trainer_plan *last; /* of the last step, for its results */
    bool check_numerics;
    struct oddi_frozen_source frozen; /* set before the first plan; get NULL: none */
};
/* Declares the parameters of every stage and of the scoring graph, and starts them from `seed`.
 * control and recipe are set by the caller before the first step. */
odd_status oddi_trainer_init(struct oddi_trainer *t, struct odd_context *ctx,
                             const struct oddi_trainer_net *net, uint64_t seed, bool averages);
void oddi_trainer_release(struct oddi_trainer *t);
/* Gives the plans' memory back; the next step makes what it needs again. */
void oddi_trainer_drop_plans(struct oddi_trainer *t);
/* How its plans are made, for oddi_state_plan. */
struct oddi_plan_options oddi_trainer_how(const struct oddi_trainer *t);
/* One step on (count, C, H, W) pictures. */
odd_status oddi_trainer_step(struct oddi_trainer *t, int stage, int64_t step, const float *pictures,
                             int64_t count);
/* Makes the plan of (stage, batch) now, so that its memory is known before the first step. */
odd_status oddi_trainer_prepare(struct oddi_trainer *t, int stage, int64_t batch);
/* Value of a scalar result of the last step, NAN where there is none of that name (or its plan had
 * to make room for another). */
double oddi_trainer_result(const struct oddi_trainer *t, const char *name);
/* Bytes of state and plans so far. */
size_t oddi_trainer_memory(const struct oddi_trainer *t);
#endif
