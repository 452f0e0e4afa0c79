/* SPDX-License-Identifier: Apache-2.0
 * What the files of PaDiM share; padim.c has the method in a page. */
#ifndef ODDI_METHOD_PADIM_PADIM_H
#define ODDI_METHOD_PADIM_PADIM_H
#include "method/cells.h"

#define PADIM_MEAN ODDI_FITTED "mean"       /* (cells, d) f32 */
#define PADIM_FACTOR ODDI_FITTED "factor"   /* (cells, d (d + 1) / 2) f32, see score/gaussian.h */
#define PADIM_CHANNEL ODDI_FITTED "channel" /* (d) i64, rising: of reduce=subset */
#define PADIM_BASIS ODDI_FITTED "basis"     /* (dim, d) f32: of reduce=svd */

enum { PADIM_MAX, PADIM_SMOOTH };

/* From a cell's row of `dim` numbers to the d that the Gaussians are over: some of them, or their
 * products with a basis; neither: all of them. */
struct padim_reduce {
    int64_t dim, d;
    const int64_t *channel;
    const float *basis;
};
void oddi_padim_reduce(const struct padim_reduce *r, const float *row, float *to);
/* Learns it; `drawn` is what the fit must free in the end. */
odd_status oddi_padim_reduce_learn(struct oddi_fitting *f, struct padim_reduce *r, void **drawn);
odd_status oddi_padim_reduce_keep(struct oddi_fitting *f, const struct padim_reduce *r);
/* From a model; points into the file. */
odd_status oddi_padim_reduce_open(struct odd_context *ctx, const struct oddi_model_file *file,
                                  struct padim_reduce *r);

/* A model's Gaussians, ready to be asked. */
struct padim_fitted {
    struct padim_reduce reduce;
    const float *mean, *factor; /* the model file's */
};

odd_status oddi_padim_fit(struct oddi_fitting *f);
odd_status oddi_padim_open(struct odd_context *ctx, const struct oddi_build *b,
                           const struct oddi_model_file *file, void **fitted);
void oddi_padim_close(struct odd_context *ctx, void *fitted);
odd_status oddi_padim_measure(const struct oddi_measure *m);
#endif
