/* SPDX-License-Identifier: Apache-2.0
 * Rows of binary32 to binary16 (nearest even; finite values that are too large become 65504, those
 * that are not finite become infinities) and back (exact). */
#ifndef ODDI_ENGINE_CACHE_HALF_H
#define ODDI_ENGINE_CACHE_HALF_H
#include "base/compat.h"

#include <stddef.h>
#include <stdint.h>

void oddi_half_pack(const float *value, size_t count, uint16_t *half);
void oddi_half_unpack(const uint16_t *half, size_t count, float *value);
#endif
