/* SPDX-License-Identifier: Apache-2.0
 *
 * Content hashes of the pictures that a model has seen in training, so that they are known again:
 * tensors "seen.train", "seen.tune", "seen.calibrate" of u8, 16 bytes a picture.
 */
#ifndef ODDI_ENGINE_SEEN_H
#define ODDI_ENGINE_SEEN_H
#include "base/hash.h"
#include "store/model.h"

struct oddi_seen {
    struct odd_context *ctx;
    struct oddi_hash128 *hash; /* of all parts, sorted */
    size_t count;
};
/* Released by the caller, also after failure. */
odd_status oddi_seen_init(struct oddi_seen *s, struct odd_context *ctx,
                          const struct oddi_model_file *file);
void oddi_seen_release(struct oddi_seen *s);
bool oddi_seen_has(const struct oddi_seen *s, const struct oddi_hash128 *hash);

/* The hashes of one part ("seen.train"), NULL and 0 where there are none. */
const struct oddi_hash128 *oddi_seen_part(const struct oddi_model_file *file, const char *name,
                                          size_t *count);
/* Adds a part; none where n is 0. */
odd_status oddi_seen_store(struct oddi_model_file *file, const char *name,
                           const struct oddi_hash128 *hash, size_t n);
#endif
