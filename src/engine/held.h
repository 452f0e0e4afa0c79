/* SPDX-License-Identifier: Apache-2.0
 *
 * Held-out pictures, scored: what normalisation and threshold of a model come from.
 */
#ifndef ODDI_ENGINE_HELD_H
#define ODDI_ENGINE_HELD_H
#include "data/dataset.h"
#include "engine/kept.h"
#include "engine/seen.h"

struct oddi_held {
    /* The caller's to fill. */
    struct odd_context *ctx;
    const struct odd_dataset *ds;
    uint32_t *index; /* into ds; freed by _release */
    size_t count;
    bool strict; /* an unreadable picture is an error */
    void (*leave_out)(void *user, const char *path, const char *reason);
    void *user;
    /* Pictures of these are not scored but told to `known`. NULL: all are scored. */
    const struct oddi_seen *seen;
    void (*known)(void *user, const char *path);
    struct oddi_kept *kept; /* takes each picture; NULL: nothing is kept */
    /* Of the pictures that were scored, in their order; `index` is shortened to them. */
    size_t good;
    double *score, *maximum, *mean, *component[ODDI_COMPONENTS_MAX];
    struct oddi_hash128 *hash;
    int64_t *width, *height;
    bool *is_known; /* scratch: of all, not only the good */
};
odd_status oddi_held_score(struct oddi_held *h, const struct odd_model *m, const char *phase);
void oddi_held_release(struct oddi_held *h);

/* Gives the model a calibration: `score` is sorted in place. */
odd_status oddi_held_calibrate(struct odd_context *ctx, struct odd_model *m, double *score,
                               const double *maximum, const double *mean, size_t n);
#endif
