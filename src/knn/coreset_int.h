/* SPDX-License-Identifier: Apache-2.0
 * What the files of the coreset share. */
#ifndef ODDI_KNN_CORESET_INT_H
#define ODDI_KNN_CORESET_INT_H
#include "knn/coreset.h"

struct knn_kernels;
/* oddi_coreset() with other kernels than this processor's best. */
odd_status oddi_coreset_on(struct odd_context *ctx, const struct knn_kernels *kernels,
                           const struct oddi_coreset_args *a, int64_t *chosen, double *radius2);
/* What both versions refuse. */
odd_status oddi_coreset_refuse(struct odd_context *ctx, const struct oddi_coreset_args *a);
#endif
