/* SPDX-License-Identifier: Apache-2.0
 *
 * fma_peak THREADS [TRIES]: the best of TRIES probes (default 3) as JSON, in GFLOP/s. f32 and bf16
 * are what the processor gives, by processor time; f32_now is what it gave in that moment, so their
 * quotient says whether the machine is quiet. bench/run asks before and after each measurement.
 */
#include "measure.h"

#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    const int threads = argc > 1 ? atoi(argv[1]) : 0, tries = argc > 2 ? atoi(argv[2]) : 3;
    if (threads < 1 || tries < 1) {
        fprintf(stderr, "usage: fma_peak THREADS [TRIES]\n");
        return 2;
    }
    const struct bench_peak high = bench_peak_f32(threads, tries), low = bench_peak_bf16(threads, tries);
    printf("{\"f32\": %.1f, \"f32_now\": %.1f, \"bf16\": %.1f}\n", high.cpu, high.wall, low.cpu);
    return 0;
}
