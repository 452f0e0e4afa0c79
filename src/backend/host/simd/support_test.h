/* SPDX-License-Identifier: Apache-2.0
 *
 * One task with memory of its own between guards, for each instruction set that this processor
 * has. Sources and result are given and read plain; layouts are the rig's business.
 */
#ifndef BACKEND_HOST_SIMD_SUPPORT_TEST_H
#define BACKEND_HOST_SIMD_SUPPORT_TEST_H
#include "backend/host/simd/simd.h"

#if defined(__x86_64__)
#define RIG_SETS 3
#else
#define RIG_SETS 1
#endif
extern struct odd_context *rig_ctx;
extern const struct oddi_kernel_set *const rig_sets[RIG_SETS];

struct rig {
    struct oddi_task task;
    const struct oddi_kernel *kernel;
    float *plain[ODDI_MAX_SRC + 1]; /* the last is the result */
    struct oddi_buffer buffer[ODDI_MAX_SRC + 3];
};
/* Makes plain values for the sources (their shapes are set), and room for the result. */
void rig_plain(struct rig *r);
void rig_release(struct rig *r);
/* The life of a kernel: `code` 0, 1, 2 gives sources plain, in C8 or in C16 where they can be. */
void rig_begin(struct rig *r, const struct oddi_kernel_set *set, int code, int threads);
/* The result is then in plain[ODDI_MAX_SRC]; fails where a guard was touched. */
void rig_run(struct rig *r);
void rig_end(struct rig *r);
/* All instruction sets, layouts and some numbers of threads against `expected`: within `bound`
 * of its largest value, and with equal bits for all numbers of threads. */
void rig_check(struct rig *r, const double *expected, double bound);
/* For cmocka's group. */
int rig_set_up(void **state);
int rig_tear_down(void **state);
#endif
