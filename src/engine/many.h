/* SPDX-License-Identifier: Apache-2.0
 *
 * Scoring many pictures: as many scorers as threads, each with a plan of one thread, so decoding
 * and computing both go on in parallel; results are handed over in the order of the pictures, on
 * the caller's thread. A picture that cannot be scored has a status and a message of its own.
 */
#ifndef ODDI_ENGINE_MANY_H
#define ODDI_ENGINE_MANY_H
#include "engine/scorer.h"

struct oddi_many_result {
    size_t index;
    odd_status status;
    const char *message; /* when status is not OK */
    double component[ODDI_COMPONENTS_MAX];
    double score, maximum, mean;        /* the last two of the map */
    int64_t width, height;              /* of the picture */
    const float *map;                   /* in the picture's coordinates; NULL unless wanted */
    const struct oddi_picture *picture; /* the same */
    const uint16_t *half; /* the rows of a method that has some (scorer.h); NULL unless wanted */
    size_t halves;
};
struct oddi_many {
    const struct odd_model *model;
    size_t count;
    bool want_map, want_rows;
    const char *phase; /* for progress; NULL: none is reported */
    /* Loads picture `index`; called from any thread with that thread's context. */
    odd_status (*load)(void *user, struct odd_context *ctx, size_t index,
                       struct oddi_picture **picture);
    /* Where set, a picture is only run through the graph and shown to this, each of its tiles, from
     * any thread: its result has no score. */
    odd_status (*look)(void *user, size_t index, const struct oddi_measure *look);
    /* Takes a result; what it points to lasts during the call. A failure ends everything. */
    odd_status (*take)(void *user, const struct oddi_many_result *result);
    void *user;
};
odd_status oddi_many_run(struct odd_context *ctx, const struct oddi_many *many);
#endif
