/* SPDX-License-Identifier: Apache-2.0
 *
 * Whether this processor runs what is compiled for a level of instruction sets (ODDI_ISA_LEVEL: 0
 * base, 1 avx2, 2 avx512), which is what cmake/OddityModule.cmake gives its compiler.
 */
#ifndef ODDI_BASE_ISA_H
#define ODDI_BASE_ISA_H
#include <stdbool.h>

static inline bool oddi_isa_usable(int level)
{
#if defined(__x86_64__)
    if (level == 2)
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
               __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2");
    if (level == 1)
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
               __builtin_cpu_supports("bmi2");
#endif
    return level == 0;
}
#endif
