/* SPDX-License-Identifier: Apache-2.0
 *
 * The expert cache: what the frozen part of a network makes of each training picture, computed
 * once.
 *
 * Where a method has a frozen part (oddi_build_frozen) it is always run apart from the training
 * steps, in chunks of one size; the cache only spares runs. So the trained bits do not depend on
 * how much is kept, nor on where. Kept are, in this order: what files of earlier trainings hold; in
 * memory what the budget allows; in a new file of the cache folder all of it, mapped for what
 * memory does not hold. What is kept nowhere is computed in every step.
 *
 * Settings: expert-cache-mib (memory), expert-cache-dir, expert-cache-disk-mib, expert-cache-type.
 * f16 rounds all values, kept or not: a training has the same bits with any budget, but other ones
 * than with f32.
 */
#ifndef ODDI_ENGINE_CACHE_H
#define ODDI_ENGINE_CACHE_H
#include "base/json.h"
#include "engine/cache_file.h"
#include "nn/frozen.h"

struct train_run;

struct oddi_cache {
    struct odd_context *ctx; /* NULL: the network has no frozen part */
    struct oddi_frozen frozen;
    struct oddi_cache_kind kind;
    bool half, filled;
    int nodes; /* of the frozen part, and floats of a picture's values of each */
    size_t length[ODDI_FROZEN_MAX];
    size_t floats, picture; /* of a picture's values, of a picture */
    const void **slot;      /* by position of the loader: its record, NULL: not kept */
    size_t count, kept, reused;
    unsigned char *memory;
    size_t room, used;     /* records */
    unsigned char *record; /* scratch */
    struct oddi_cache_file file[ODDI_CACHE_FILES_MAX];
    int files;
    size_t peak;              /* bytes while it was filled */
    const uint32_t *position; /* of the pictures of the step */
};

/* Called with the trainer just started and its expert filled in: runs the frozen part apart from
 * now on. */
odd_status oddi_cache_start(struct oddi_cache *c, struct train_run *r);
/* Before steps: fills the cache where those left see pictures more than once, unless that was done
 * for the same values before. A wish to stop ends the filling early and is left for the steps to
 * hear. */
odd_status oddi_cache_ready(struct oddi_cache *c, struct train_run *r);
void oddi_cache_release(struct oddi_cache *c);
/* Bytes of memory now: records and the plan of the frozen part. */
size_t oddi_cache_memory(const struct oddi_cache *c);
/* For the event `start`; NULL: no frozen part. */
json_t *oddi_cache_json(const struct oddi_cache *c);
#endif
