/* SPDX-License-Identifier: Apache-2.0
 *
 * Self-test vectors: a few pictures made from a seed (never the user's), larger than the network's
 * input so that the resize is tested too, and the scores that the model gave when it was trained.
 * They show that what is deployed answers as what was trained.
 */
#ifndef ODDI_ENGINE_SELFTEST_H
#define ODDI_ENGINE_SELFTEST_H
#include "engine/scorer.h"

#define ODDI_SELFTEST_PICTURES 3

/* Picture i for a network of this geometry; u8. */
odd_status oddi_selftest_picture(struct odd_context *ctx, const struct oddi_geometry *in, int i,
                                 struct oddi_picture **picture);
/* Scores them and adds pictures and answers to the model's file. */
odd_status oddi_selftest_add(struct odd_context *ctx, struct odd_model *m);
/* What answers depend on besides the file: {"version","compiler","isa","vendor","kernels"}. */
odd_status oddi_selftest_build(struct odd_context *ctx, const struct odd_model *m, json_t **build);
#endif
