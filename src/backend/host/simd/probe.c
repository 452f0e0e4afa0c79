/* SPDX-License-Identifier: Apache-2.0
 *
 * What the multiply-add units of one core do at most: independent sums in registers, enough of them
 * to hide the latency, nothing read from memory. backend/host/peak.c times it.
 */
#include "backend/host/simd/vec.h"

#if ODDI_ISA_LEVEL == 2
#define PROBE_SUMS 16
#else
#define PROBE_SUMS 12 /* of 16 registers; two hold the factors */
#endif

const double SIMD_NAME(probe_flop) = 2.0 * PROBE_SUMS * VEC_WIDTH;

float SIMD_NAME(probe)(int64_t rounds)
{
    const vec a = vec_all(0.999f), b = vec_all(0.001f);
    vec sum[PROBE_SUMS];
    float out[VEC_WIDTH];
    VEC_UNROLL
    for (int k = 0; k < PROBE_SUMS; k++)
        sum[k] = vec_all((float)k);
    for (int64_t i = 0; i < rounds; i++) {
        VEC_UNROLL
        for (int k = 0; k < PROBE_SUMS; k++)
            sum[k] = vec_fma(sum[k], a, b);
    }
    VEC_UNROLL
    for (int k = 1; k < PROBE_SUMS; k++)
        sum[0] = vec_add(sum[0], sum[k]);
    vec_store(out, sum[0]);
    return out[0];
}
