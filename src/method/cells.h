/* SPDX-License-Identifier: Apache-2.0
 *
 * What methods over an expert's cells (nn/features.h) share: which settings and pictures they can
 * have, the graph, the rows of a picture. They have the settings `network` and `taps`, a text.
 */
#ifndef ODDI_METHOD_CELLS_H
#define ODDI_METHOD_CELLS_H
#include "method/method.h"
#include "nn/features.h"

int64_t oddi_cells_multiple(const struct oddi_values *v);
odd_status oddi_cells_check(struct odd_context *ctx, const struct oddi_values *v,
                            const struct oddi_geometry *in);
void oddi_cells_build(struct oddi_build *b);
/* The rows of a picture that has run, (height * width, dim) of the grid. */
odd_status oddi_cells_rows(const struct oddi_measure *m, bool smooth, float *rows);
/* Whether the middle of cell i lies in the picture, not in what pads it. */
bool oddi_cell_inside(const struct oddi_measure *m, const struct oddi_feature_grid *grid,
                      int64_t i);
/* The largest value of a cell inside. ODD_EINVAL where there is none, ODD_ENUMERIC where one of all
 * is not finite. */
odd_status oddi_cells_max(const struct oddi_measure *m, const struct oddi_feature_grid *grid,
                          const float *value, double *max);
#endif
