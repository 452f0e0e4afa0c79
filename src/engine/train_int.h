/* SPDX-License-Identifier: Apache-2.0
 * The inside of a training: train.c (beginning and end), loop.c (steps, budget, progress),
 * checkpoint.c (the state file), finish.c (from trained weights to a model file). */
#ifndef ODDI_ENGINE_TRAIN_INT_H
#define ODDI_ENGINE_TRAIN_INT_H
#include "data/loader.h"
#include "engine/expert.h"
#include "engine/model.h"

struct train_run {
    struct odd_context *ctx;
    struct odd_dataset *ds;
    struct oddi_config *config;
    const char *path;
    char *state_path;
    struct oddi_geometry in;
    struct oddi_prepare prepare;
    struct oddi_loader *loader; /* of the training part */
    struct oddi_trainer trainer;
    struct oddi_expert expert; /* where the method wants one */
    uint64_t seed;
    int64_t step;   /* done so far */
    double seconds; /* of training, in all runs */
    bool resumed;
    uint64_t began, saved, shown; /* monotonic ns of this run */
    int64_t shown_step;
    double per_step;   /* seconds, as measured before training; 0: not yet */
    double loss;       /* of the last step */
    json_t *left_out;  /* array of {path, reason} */
    bool strict;       /* an unreadable picture is an error */
    bool trial;        /* a candidate is tried: no state is saved */
    char chosen[96];   /* "name=value" of an automatic choice, "" for none */
    bool score_chosen; /* the image score was automatic and is now chosen */
    json_t *choice;    /* what was tried: array of {setting, auroc} */
};

/* (Re-)starts the trainer from the seed with the current values. */
odd_status oddi_train_start(struct train_run *r);
/* Decides what is "auto" (choose.c). */
odd_status oddi_train_choose(struct train_run *r);
/* Decides the image score where that is "auto", of the trained network. */
odd_status oddi_train_choose_score(struct train_run *r);
/* A model over the trained weights, which stay the training state's; `m` is zeroed but for an
 * initialised file. */
odd_status oddi_train_model(struct train_run *r, struct odd_model *m);
/* Sets steps=N from a time budget, by measuring. */
odd_status oddi_train_budget(struct train_run *r);
/* Sets r->per_step from that many steps of a started trainer, which is spent: start it anew. */
odd_status oddi_train_measure(struct train_run *r, int measured);
/* All remaining steps. ODD_ECANCELLED after saving the state. */
odd_status oddi_train_loop(struct train_run *r);
odd_status oddi_train_save(struct train_run *r);
/* Starts the trainer and puts it where the saved state stood. */
odd_status oddi_train_restore(struct train_run *r);
odd_status oddi_train_finish(struct train_run *r, char **report);
/* Notes and reports a picture that cannot be read. */
void oddi_train_leave_out(struct train_run *r, const char *path, const char *reason);
#endif
