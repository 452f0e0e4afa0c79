/* SPDX-License-Identifier: Apache-2.0
 *
 * The inside of odd_add: add.c (beginning and end), add_look.c (which of the pictures are new and
 * normal, and where they go), add_model.c (the model that follows), add_report.c (what is said).
 */
#ifndef ODDI_ENGINE_ADD_INT_H
#define ODDI_ENGINE_ADD_INT_H
#include "engine/held.h"
#include "engine/model.h"
#include "engine/thumbs.h"

extern const struct oddi_param oddi_add_params[];

struct add_run {
    struct odd_context *ctx;
    const char *out;
    struct oddi_values values;
    struct odd_model *old;
    struct odd_dataset *ds;
    json_t *seen, *left_out, *anomalous, *flips; /* arrays of paths or objects */
    struct oddi_held fresh;                      /* the new pictures, scored by the old model */
    /* Which of these go where, each in rising order. */
    uint32_t *bank, *calibrate;
    size_t banks, calibrates;
    int64_t tiles;         /* of the picture for the bank that has most */
    struct odd_model made; /* the model that follows; its configuration is old's */
    struct oddi_kept kept; /* its calibrate pictures, the earlier ones first */
    size_t earlier;        /* how many those are */
    size_t rescored;       /* how many of these were scored anew */
    double *before;        /* their scores until now */
    double *score;         /* of the fresh pictures by the new model */
    struct oddi_thumbs thumbs;
    bool written;
};

/* Numbers of the pictures that were added before, by the model's history. */
struct add_before {
    int64_t bank, calibrate;
};
struct add_before oddi_add_before(const struct add_run *r);

/* Finds the new pictures, scores them with the old model, lists those that it calls anomalous. */
odd_status oddi_add_look(struct add_run *r);
/* Deals them out to bank and calibration. */
odd_status oddi_add_split(struct add_run *r);
odd_status oddi_add_model(struct add_run *r);
/* The model's JSON text. */
odd_status oddi_add_json(struct add_run *r);
odd_status oddi_add_report(const struct add_run *r, char **report);
/* Fails with what to type instead, for a method that can only be trained. */
odd_status oddi_add_cannot(struct odd_context *ctx, const struct odd_model *m, const char *out);
#endif
