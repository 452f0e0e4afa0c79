/* SPDX-License-Identifier: Apache-2.0
 * What the files of DN2 share; dn2.c has the method in a page. */
#ifndef ODDI_METHOD_DN2_DN2_H
#define ODDI_METHOD_DN2_DN2_H
#include "knn/knn.h"
#include "method/cells.h"

#define DN2_ROWS ODDI_FITTED "rows" /* (pictures and their tiles, dim) f32 */

enum { DN2_DISTANCE, DN2_SQUARED };

/* (1): the mean of a picture's cells, those alone that lie in the picture. ODD_EINVAL: none does.
 */
odd_status oddi_dn2_mean(const struct oddi_measure *m, const float *cells, float *mean);

odd_status oddi_dn2_fit(struct oddi_fitting *f);
odd_status oddi_dn2_open(struct odd_context *ctx, const struct oddi_build *b,
                         const struct oddi_model_file *file, void **fitted);
void oddi_dn2_close(struct odd_context *ctx, void *fitted);
odd_status oddi_dn2_measure(const struct oddi_measure *m);
#endif
