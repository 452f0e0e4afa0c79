/* SPDX-License-Identifier: Apache-2.0
 *
 * The resume file that lies beside a model while it is trained: named tensors of any of our types
 * (weights, moments, statistics, averages, counters) and one JSON text (step, controller, the
 * configuration it belongs to). The same container, digest and atomic writing as the model's, so
 * training that was killed while saving goes on from the state before.
 */
#ifndef ODDI_STORE_STATE_H
#define ODDI_STORE_STATE_H
#include "store/store.h"

struct oddi_state_file {
    struct oddi_store tensors;
    const char *json; /* owned; "{}" until set */
};
void oddi_state_file_init(struct oddi_state_file *f, struct odd_context *ctx);
void oddi_state_file_release(struct oddi_state_file *f);
odd_status oddi_state_file_set(struct oddi_state_file *f, const char *json);
/* Borrows `data` until saved. */
odd_status oddi_state_file_add(struct oddi_state_file *f, const char *name, enum oddi_type type,
                               const struct oddi_shape *shape, const void *data);
/* NULL: not there. */
const struct oddi_stored *oddi_state_file_find(const struct oddi_state_file *f, const char *name);
/* Copies the tensor's bytes; ODD_EFORMAT naming it when it is missing or of other type or shape. */
odd_status oddi_state_file_get(const struct oddi_state_file *f, const char *name,
                               enum oddi_type type, const struct oddi_shape *shape, void *data);
odd_status oddi_state_file_save(struct oddi_state_file *f, const char *path);
odd_status oddi_state_file_load(struct oddi_state_file *f, const char *path);
#endif
