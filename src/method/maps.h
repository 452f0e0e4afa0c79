/* SPDX-License-Identifier: Apache-2.0
 *
 * What methods do with a map once they have it: smoothing, and numbers of the part where the
 * picture lies.
 */
#ifndef ODDI_METHOD_MAPS_H
#define ODDI_METHOD_MAPS_H
#include "method/method.h"

/* m->scratch, smoothed by a Gaussian of `sigma` pixels at a short side of `at`, becomes m->map. */
odd_status oddi_maps_smooth(const struct oddi_measure *m, double sigma, double at);
/* The same of a grid of cells (cells[0] columns, cells[1] rows), bilinear to the input. */
odd_status oddi_maps_from_cells(const struct oddi_measure *m, const float *cell,
                                const int64_t cells[2], double sigma, double at);
/* Of the pixels where the picture lies: the largest, the mean, the mean of the largest `share`.
 * ODD_ENUMERIC where one is not finite. */
struct oddi_maps_numbers {
    double max, mean, top;
};
odd_status oddi_maps_numbers(const struct oddi_measure *m, const float *map, double share,
                             struct oddi_maps_numbers *numbers);
#endif
