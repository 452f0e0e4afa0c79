/* SPDX-License-Identifier: Apache-2.0
 * What cache.c (steps, life) and cache_fill.c (filling) share. */
#ifndef ODDI_ENGINE_CACHE_INT_H
#define ODDI_ENGINE_CACHE_INT_H
#include "engine/train_int.h"

/* Values of picture `row` of the frozen part's last run into a record. */
void oddi_cache_pack(const struct oddi_cache *c, int row, void *record);
/* Sets the slots, as many as there is room for. */
odd_status oddi_cache_fill(struct oddi_cache *c, struct train_run *r);
#endif
