/* SPDX-License-Identifier: Apache-2.0
 *
 * Where a plan's time goes: the fastest run of every step, since on a machine with other work the
 * fastest is the nearest to what the kernel can do.
 */
#ifndef ODDITY_BENCH_PROFILE_H
#define ODDITY_BENCH_PROFILE_H
#include <stdio.h>

#include "graph/plan.h"

/* Of wall time, or (more use on a busy machine) of processor time divided by the threads. */
struct bench_profile {
    struct odd_context *ctx;
    struct oddi_plan *plan;
    double scale; /* from the clock's ns to the ms shown */
    double *before, *best; /* ms of each step: total so far, fastest run */
};
odd_status bench_profile_start(struct bench_profile *p, struct odd_context *ctx, struct oddi_plan *plan,
                               bool by_cpu);
void bench_profile_note(struct bench_profile *p); /* after each run */
/* One line per step and one per op; shares are of `peak` GFLOP/s. */
void bench_profile_print(const struct bench_profile *p, double peak, FILE *file);
void bench_profile_end(struct bench_profile *p);
#endif
