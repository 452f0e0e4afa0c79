/* SPDX-License-Identifier: Apache-2.0
 *
 * Assigns every picture to its part. Draws depend on the option split-seed and on the order of
 * the pictures, nothing else. See splits.c for the rules.
 */
#ifndef ODDI_DATA_SPLITS_H
#define ODDI_DATA_SPLITS_H
#include "data/dataset.h"

odd_status oddi_dataset_group(struct odd_dataset *ds); /* fills group and group_id */
odd_status oddi_dataset_split(struct odd_dataset *ds); /* after grouping */

/* How many of n normals are held out for the text of hold-out; `valid` false when the text is
 * neither a count nor a fraction below 1. */
int64_t oddi_hold_out_count(const char *text, int64_t n, bool *valid);
#endif
