/* SPDX-License-Identifier: Apache-2.0
 *
 * The reference kernels in double.
 */
#define REF_REAL double
#define REF_TAG f64
#include "backend/host/ref/ref.h"

#include <math.h>
#include <string.h>

#include "backend/host/ref/elementwise.inc"
#include "backend/host/ref/reduce.inc"
#include "backend/host/ref/channels.inc"
#include "backend/host/ref/rows.inc"
#include "backend/host/ref/move.inc"
#include "backend/host/ref/conv.inc"
#include "backend/host/ref/pool.inc"
