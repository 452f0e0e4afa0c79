/* SPDX-License-Identifier: Apache-2.0
 *
 * What both of PyTorch's files have in common: a pickled state dict whose tensors lie in storages
 * elsewhere in the file.
 */
#ifndef ODDI_STORE_PTH_H
#define ODDI_STORE_PTH_H
#include "store/pickle.h"
#include "store/weights.h"

/* Where a storage's bytes are; they must be exactly as many as it has elements (without view). */
typedef odd_status (*oddi_pth_find_fn)(void *user, const struct oddi_pickle_storage *storage,
                                       const unsigned char **data, size_t *size);
/* Adds the tensors of a state dict, or of the one that a checkpoint has under the key "state_dict",
 * "model_state_dict" or "model". */
odd_status oddi_pth_add(struct oddi_weights *w, const struct oddi_pickle_value *root,
                        bool big_endian, oddi_pth_find_fn find, void *user);
#endif
