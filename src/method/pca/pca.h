/* SPDX-License-Identifier: Apache-2.0
 * What the files of the patch PCA share; pca.c has the method in a page. */
#ifndef ODDI_METHOD_PCA_PCA_H
#define ODDI_METHOD_PCA_PCA_H
#include "method/method.h"

#define PCA_MEAN ODDI_FITTED "mean"   /* (bands n n) f32: band, row, column */
#define PCA_BASIS ODDI_FITTED "basis" /* (K, bands n n) f32, of falling variance */
#define PCA_DIM_MAX 512
#define PCA_TOP_SHARE 0.01

enum { PCA_MAX, PCA_SMOOTH, PCA_TOP, PCA_MEAN_OF_MAP };

int64_t oddi_pca_dim(const struct oddi_values *v, const struct oddi_geometry *in);
odd_status oddi_pca_fit(struct oddi_fitting *f);
odd_status oddi_pca_open(struct odd_context *ctx, const struct oddi_build *b,
                         const struct oddi_model_file *file, void **fitted);
void oddi_pca_close(struct odd_context *ctx, void *fitted);
odd_status oddi_pca_measure(const struct oddi_measure *m);
#endif
