/* SPDX-License-Identifier: Apache-2.0
 *
 * The one way to compute in parallel (parallel.c has the only OpenMP pragma; TSan builds use the
 * pthread version). fn(arg, i) for i in 0..n-1, each exactly once, in any order, on at most
 * `threads` threads; fn must write only what belongs to i, so bits cannot depend on the count.
 * Never call it from a loader thread or from inside itself (it then runs serially).
 */
#ifndef ODDI_BASE_PARALLEL_H
#define ODDI_BASE_PARALLEL_H
#include "base/compat.h"

#include <stdint.h>
void oddi_parallel(int threads, int64_t n, void (*fn)(void *arg, int64_t i), void *arg);
/* Sets the count that vendor libraries on the same OpenMP runtime will use from this thread. */
void oddi_parallel_set_vendor_threads(int threads);
/* True inside an oddi_parallel body. */
int oddi_parallel_inside(void);
#endif
