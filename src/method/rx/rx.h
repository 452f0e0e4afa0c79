/* SPDX-License-Identifier: Apache-2.0
 * What the files of RX share; rx.c has the method in a page. */
#ifndef ODDI_METHOD_RX_RX_H
#define ODDI_METHOD_RX_RX_H
#include "method/method.h"

#define RX_MEAN ODDI_FITTED "mean"     /* (bands) f32 */
#define RX_FACTOR ODDI_FITTED "factor" /* (bands (bands + 1) / 2) f32, see score/gaussian.h */
#define RX_TOP_SHARE 0.01

enum { RX_MAX, RX_SMOOTH, RX_TOP, RX_MEAN_OF_MAP };

odd_status oddi_rx_fit(struct oddi_fitting *f);
odd_status oddi_rx_open(struct odd_context *ctx, const struct oddi_build *b,
                        const struct oddi_model_file *file, void **fitted);
void oddi_rx_close(struct odd_context *ctx, void *fitted);
odd_status oddi_rx_measure(const struct oddi_measure *m);
#endif
