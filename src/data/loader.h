/* SPDX-License-Identifier: Apache-2.0
 *
 * Delivers prepared pictures, float (C, H, W), by position or as a stream of batches fetched
 * ahead by loader threads.
 *
 * oddi_loader_new looks at every picture once (decodes and hashes it, fills the cache), so that
 * unreadable ones are known before the first step and the order of the stream never depends on
 * them later: they are left out, with a warning and their message (or, strict, the call fails).
 * A picture that becomes unreadable after that fails the batch.
 *
 * The stream is a function of (pictures, seed, step): batch s of epoch e holds the e-th
 * permutation's next pictures, the last batch of an epoch is short or dropped, augmentations draw
 * from (seed, epoch, sample index). Threads, cache and queue change the speed alone.
 */
#ifndef ODDI_DATA_LOADER_H
#define ODDI_DATA_LOADER_H
#include "data/augment.h"
#include "data/dataset.h"
#include "data/prepare.h"

struct oddi_loader;

struct oddi_loader_options {
    struct oddi_prepare prepare; /* what is delivered */
    int threads;        /* loader threads; 0: batches are made in oddi_loader_next */
    size_t cache_bytes; /* budget of the cache of prepared pictures */
    uint64_t seed;      /* of the order and the augmentations */
    bool shuffle;
    bool drop_last;      /* an epoch ends with its last full batch (if it has one) */
    bool strict;         /* an unreadable picture is an error */
    const char *augment; /* see augment.h; NULL or "" for none */
};
/* No threads, 1 GiB, seed 0, shuffled, last batch kept, not strict, no augmentation; `prepare` is
 * the caller's to fill. */
void oddi_loader_options_init(struct oddi_loader_options *options);

struct oddi_loader_bad {
    uint32_t sample; /* index into the data set */
    char *message;
};

/* Pictures index[0..n-1] of the data set, which must outlive the loader. ODD_ENODATA when none
 * can be read. */
odd_status oddi_loader_new(struct odd_context *ctx, const struct odd_dataset *ds,
                           const uint32_t *index, size_t n,
                           const struct oddi_loader_options *options, struct oddi_loader **loader);
void oddi_loader_free(struct oddi_loader *loader);

/* Readable pictures; positions 0..count-1 keep the order of `index`. */
size_t oddi_loader_count(const struct oddi_loader *loader);
uint32_t oddi_loader_sample(const struct oddi_loader *loader, size_t position);
const struct oddi_hash128 *oddi_loader_hash(const struct oddi_loader *loader, size_t position);
/* The pictures left out, in order; owned by the loader. */
size_t oddi_loader_left_out(const struct oddi_loader *loader, const struct oddi_loader_bad **bad);
size_t oddi_loader_cached(const struct oddi_loader *loader);
/* Bytes of the cached pictures and of a stream of such batches. */
size_t oddi_loader_memory(const struct oddi_loader *loader, int64_t batch);
/* Whether the stream augments, so that its pictures differ from those of oddi_loader_get. */
bool oddi_loader_augments(const struct oddi_loader *loader);

/* One picture, not augmented; from the caller's thread, also while a stream runs. */
odd_status oddi_loader_get(struct oddi_loader *loader, size_t position, float *dst);

struct oddi_batch {
    const float *data;      /* (count, C, H, W), valid until the next call */
    const uint32_t *sample; /* data-set index of each */
    const uint32_t *position;
    int64_t count, step, epoch;
};
/* ceil(count / batch); with drop_last the floor, but at least 1. */
int64_t oddi_loader_steps_per_epoch(const struct oddi_loader *loader, int64_t batch);
/* Begins the endless stream at `first_step` (a resumed training's step). */
odd_status oddi_loader_start(struct oddi_loader *loader, int64_t batch, int64_t first_step);
odd_status oddi_loader_next(struct oddi_loader *loader, struct oddi_batch *batch);
void oddi_loader_stop(struct oddi_loader *loader);
#endif
