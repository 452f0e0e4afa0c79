/* SPDX-License-Identifier: Apache-2.0
 * The inside of a training: train.c (beginning and end), loop.c (steps, budget, progress),
 * fit.c (methods without steps), checkpoint.c (the state file), finish.c (from trained weights to a
 * model file). */
#ifndef ODDI_ENGINE_TRAIN_INT_H
#define ODDI_ENGINE_TRAIN_INT_H
#include "data/loader.h"
#include "engine/cache.h"
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
    struct oddi_cache cache;   /* of what it makes of the training pictures */
    int64_t largest[2]; /* width and height of the largest of the pictures looked at first */
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
    bool snapshot;     /* a copy that finishes the model as it is now; the training goes on */
    char chosen[96];   /* "name=value" of an automatic choice, "" for none */
    char asked[32];    /* what was asked for in its place; "" is "auto" */
    bool automatic;    /* the method was */
    bool score_chosen; /* the image score was automatic and is now chosen */
    struct oddi_model_file kept; /* what a method that fits has learnt */
    json_t *suspects;  /* array of {path, picture, strange, deviations, left_out} */
    json_t *choice;    /* what was tried: array of {setting, auroc}, or of a method's own notes */
};

/* (Re-)starts the trainer from the seed with the current values. */
odd_status oddi_train_start(struct train_run *r);
/* Makes a size of pixels of size=native (native.c), from the training pictures `index`. */
odd_status oddi_train_native(struct train_run *r, const uint32_t *index, size_t n);
/* Decides what is "auto" (choose.c). */
odd_status oddi_train_choose(struct train_run *r);
/* Lets the method settle what it finds out by a look at the pictures (settle.c). */
odd_status oddi_train_settle(struct train_run *r);
/* Decides the image score where that is "auto", of the trained network. */
odd_status oddi_train_choose_score(struct train_run *r);
/* A model over the trained weights, which stay the training state's; `m` is zeroed but for an
 * initialised file. */
odd_status oddi_train_model(struct train_run *r, struct odd_model *m);
void oddi_train_model_release(struct odd_model *m);
/* The size of the input, and tiles where a smallest defect is named and needs them (detail.c). */
odd_status oddi_train_detail(struct train_run *r);
void oddi_train_say_detail(struct train_run *r);
/* The whole training of a method that fits (fit.c). */
odd_status oddi_train_fit(struct train_run *r);
/* Sets steps=N from a time budget, by measuring. */
odd_status oddi_train_budget(struct train_run *r);
/* Sets r->per_step from that many steps of a started trainer, which is spent: start it anew. */
odd_status oddi_train_measure(struct train_run *r, int measured);
/* All remaining steps. ODD_ECANCELLED after saving the state. */
odd_status oddi_train_loop(struct train_run *r);
/* Reads `snapshot-every` as steps, 0: never (snapshot.c). */
odd_status oddi_snapshot_every(const struct train_run *r, int64_t *every);
/* A finished model of the weights as they are. */
odd_status oddi_snapshot_make(struct train_run *r);
odd_status oddi_train_save(struct train_run *r);
/* Starts the trainer and puts it where the saved state stood. */
odd_status oddi_train_restore(struct train_run *r);
odd_status oddi_train_finish(struct train_run *r, char **report);
/* Notes and reports a picture that cannot be read. */
void oddi_train_leave_out(struct train_run *r, const char *path, const char *reason);
#endif
