/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests against numbers of PyTorch: a group of tests opens one file of tests/golden, and reads
 * tensors from it as floats.
 */
#ifndef TESTS_SUPPORT_GOLDEN_H
#define TESTS_SUPPORT_GOLDEN_H
#include "store/safetensors.h"

extern struct odd_context *golden_ctx;
extern struct oddi_safetensors *golden;

/* For the group's setup and its teardown. `path` is ODDI_SOURCE_DIR "/tests/golden/...". */
int golden_open(const char *path);
int golden_close(void **state);

/* Tensor prefix + name of `golden`; NULL: not there. */
const struct oddi_st_tensor *golden_find(const char *prefix, const char *name);
/* Its values, to be freed; it must be there. */
float *golden_values(const struct oddi_st_tensor *t, int64_t *count);
/* Both of that for `golden` or another file; a tensor that is not there fails the test by name. */
float *golden_tensor(const struct oddi_safetensors *st, const char *prefix, const char *name,
                     int64_t *count);
/* |a - b| relative to |b - c|, all as vectors; c NULL: to |b|. */
double golden_distance(const float *a, const float *b, const float *c, int64_t count);
#endif
