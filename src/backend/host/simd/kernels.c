/* SPDX-License-Identifier: Apache-2.0
 *
 * The set of our own kernels of one instruction set; the list is kernels.def.
 */
#include "backend/host/simd/simd.h"

#define SIMD_KERNEL(op) &SIMD_NAME(kernel_##op),
static const struct oddi_kernel *const kernels_all[] = {
#include "backend/host/simd/kernels.def"
    NULL};
#undef SIMD_KERNEL

#if defined(__x86_64__)
static bool kernels_usable(void)
{
#if ODDI_ISA_LEVEL == 2
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2");
#elif ODDI_ISA_LEVEL == 1
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
           __builtin_cpu_supports("bmi2");
#else
    return true;
#endif
}
#else
static bool kernels_usable(void)
{
    return true;
}
#endif

const struct oddi_kernel_set SIMD_NAME(set) = {
    .name = "simd",
    .usable = kernels_usable,
    .kernels = kernels_all,
};
