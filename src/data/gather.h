/* SPDX-License-Identifier: Apache-2.0
 *
 * One data set of the normal pictures of several places: picture files, and whatever
 * odd_dataset_open understands. All of them are of the part TRAIN; what is no training normal there
 * is not in it. Groups are those of odd_dataset_open (picture files: of their path as given), and
 * the same group in two places is one.
 */
#ifndef ODDI_DATA_GATHER_H
#define ODDI_DATA_GATHER_H
#include "data/dataset.h"

/* `options` as for odd_dataset_open; hold-out is not used. */
odd_status oddi_dataset_gather(struct odd_context *ctx, const char *const *paths, size_t count,
                               const struct odd_options *options, struct odd_dataset **dataset);
#endif
