/* SPDX-License-Identifier: Apache-2.0
 *
 * The frozen part of a network (build.h) run apart from its training: pictures in, values out, in
 * chunks of one fixed size, so that what comes out is one function of the picture.
 */
#ifndef ODDI_NN_FROZEN_H
#define ODDI_NN_FROZEN_H
#include "base/hash.h"
#include "nn/trainer.h"

#define ODDI_FROZEN_MOST 64 /* pictures of a chunk */

struct oddi_frozen {
    struct odd_context *ctx;
    int batch; /* pictures of a chunk: 8, more where they are smaller than 128 x 128 */
    struct oddi_build build; /* its frozen[]; no nodes: the network has no frozen part */
    struct oddi_plan *plan;  /* NULL: closed */
};
/* Borrows the trainer's state, whose frozen weights are there. A network without a frozen part is
 * ODD_OK without nodes. The caller closes, also after failure. */
odd_status oddi_frozen_open(struct oddi_frozen *f, struct oddi_trainer *t);
void oddi_frozen_close(struct oddi_frozen *f);
/* Floats of one picture's values of node i. */
size_t oddi_frozen_floats(const struct oddi_frozen *f, int i);
/* Identifies what is computed: operations, shapes, constants, weights, kernels. */
odd_status oddi_frozen_hash(const struct oddi_frozen *f, const struct oddi_state *state,
                            struct oddi_hash128 *hash);
/* Sets picture `row` of `batch`; then runs those that were set (and whatever is in the other
 * rows). */
void oddi_frozen_set(struct oddi_frozen *f, int row, const float *picture);
odd_status oddi_frozen_run(struct oddi_frozen *f);
/* Values of node i, picture after picture; valid until the next run. */
const float *oddi_frozen_value(const struct oddi_frozen *f, int i);
#endif
