/* SPDX-License-Identifier: Apache-2.0
 *
 * An imported network as methods use it: a safetensors file of the network's own tensor names. A
 * training copies what its graph needs into the group "expert" of the training state, which is
 * never trained; the model file then holds those tensors, so a model never needs the expert again.
 */
#ifndef ODDI_ENGINE_EXPERT_H
#define ODDI_ENGINE_EXPERT_H
#include "engine/config.h"
#include "nn/nets/nets.h"
#include "nn/state.h"
#include "store/weights.h"

struct oddi_expert {
    struct oddi_weights weights;
    const struct oddi_net *net; /* NULL: no expert */
    struct oddi_net_match match;
    struct oddi_net_tensor *tensor; /* of the network */
    size_t tensors;
    char hash[ODDI_HASH_TEXT]; /* of the network's tensors below the classifier */
};

/* Reads the weights and recognises the network (`network` NULL or "": by names and shapes). The
 * caller releases, also after failure. */
odd_status oddi_expert_open(struct oddi_expert *e, struct odd_context *ctx, const char *path,
                            const char *network);
void oddi_expert_release(struct oddi_expert *e);
/* The file's tensor for one of the network's, by the network's name for it; NULL: not there. */
const struct oddi_weight *oddi_expert_find(const struct oddi_expert *e, const char *name);
/* Gives tensors of a package with names of its own their usual ones (expert_names.c). */
odd_status oddi_expert_rename(struct oddi_weights *w);
/* Opens the file of the setting `expert` and writes `network` and `expert-hash` into the values. */
odd_status oddi_expert_choose(struct oddi_expert *e, struct oddi_config *config);
/* Fills the group "expert". */
odd_status oddi_expert_fill(const struct oddi_expert *e, struct oddi_state *state);
/* Network, licence, origin, hash: what a model records. */
json_t *oddi_expert_json(const struct oddi_expert *e);
#endif
