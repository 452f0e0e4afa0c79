/* SPDX-License-Identifier: Apache-2.0
 * A rig that puts one task through a kernel's whole life, as a plan would, on values that are a
 * function of (tensor, picture, element). Sources and result are kept plain; layouts are the
 * kernel's business. */
#ifndef DNNL_SUPPORT_TEST_H
#define DNNL_SUPPORT_TEST_H
#include "backend/backend.h"

struct rig_case {
    const char *op;
    int64_t n, ic, h, w, oc, k, stride, pad; /* matmul: n rows per picture * ic, k = h, columns oc */
    bool bias, act, trans_a, trans_b;
    int64_t first; /* number of the first picture */
    int threads;
};
struct rig {
    struct odd_context *ctx;
    struct rig_case c;
    struct oddi_task task;
    const struct oddi_kernel *kernel;
    struct oddi_buffer buffer[6]; /* sources, dst, scratch, keep */
    float *plain[3], *out;
    size_t out_count, picture_count; /* elements of the result, of one picture of it */
};
/* ODD_ENOTSUP if no kernel of the set accepts; after any failure nothing is left. */
odd_status rig_init(struct rig *rig, struct odd_context *ctx, const struct oddi_kernel_set *set,
                    const struct rig_case *c);
/* Runs and brings the result to rig->out, plain. */
odd_status rig_run(struct rig *rig);
/* Only the kernel's part, for timing. */
odd_status rig_again(struct rig *rig);
void rig_release(struct rig *rig);
/* The result by the plain definition, in double; freed with oddi_free. */
double *rig_expected(const struct rig *rig);
#endif
