/* SPDX-License-Identifier: Apache-2.0
 *
 * What the programs of this folder measure with: two clocks, order statistics, and the processor's
 * own peak, which every share in a table refers to and which tells whether the machine is quiet.
 */
#ifndef ODDITY_BENCH_MEASURE_H
#define ODDITY_BENCH_MEASURE_H
#include "base/json.h"

/* Of this process, in ms: wall and, over all threads, processor time. Under foreign load the second
 * says more, provided that waiting threads sleep (OMP_WAIT_POLICY=passive). */
double bench_wall_ms(void);
double bench_cpu_ms(void);
uint64_t bench_cpu_ns(void);

struct bench_stats {
    double min, median, max;
};
struct bench_stats bench_stats(double *sample, int count); /* sorts them */
/* {"min": .., "median": .., "max": ..} */
json_t *bench_stats_json(double *sample, int count);

/* Multiply-adds in registers on all threads, in f32 and in bf16 dot products (0 where the processor
 * has none; matrix tiles are not counted): the best of `tries` probes of a few ms, in GFLOP/s. */
struct bench_peak {
    double wall; /* what was had */
    double cpu;  /* what is to be had when nobody else computes: by processor time */
};
struct bench_peak bench_peak_f32(int threads, int tries);
struct bench_peak bench_peak_bf16(int threads, int tries);
#endif
