/* SPDX-License-Identifier: Apache-2.0
 *
 * What the tests of this folder share: a small two-player net with everything that a method may
 * use (memory that only stage 1 has, batch normalisation, running statistics, a discriminator whose
 * update the second phase sees), pictures, and copies of a training state.
 */
#ifndef ODDI_NN_SUPPORT_TEST_H
#define ODDI_NN_SUPPORT_TEST_H
#include "base/hash.h"
#include "nn/trainer.h"

#define TEST_SIDE 16
#define TEST_CHANNELS 2
#define TEST_PICTURE (TEST_CHANNELS * TEST_SIDE * TEST_SIDE)
#define TEST_BATCH_MAX 16

/* Groups gen, gen.stats, disc, disc.stats; results loss, disc, and made when scoring. */
void nn_test_build(struct oddi_build *b);
/* Two stages, Adam at a constant rate of 1e-3. */
odd_status nn_test_trainer(struct odd_context *ctx, const char *mode, struct oddi_trainer *t);
/* The batch of a step. */
void nn_test_pictures(int64_t step, int64_t count, float *pictures);
/* Hash of all that a training changes: weights, statistics, moments, averages, counts. */
void nn_test_hash(const struct oddi_trainer *t, struct oddi_hash128 *hash);
/* Makes `to` a training that has come as far as `from`. */
void nn_test_copy(const struct oddi_trainer *from, struct oddi_trainer *to);
/* Fails the test with the context's message unless the status is OK. */
void nn_test_ok(struct odd_context *ctx, odd_status status);
#endif
