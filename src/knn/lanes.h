/* SPDX-License-Identifier: Apache-2.0
 *
 * One vector of floats of the instruction set that kernels.c is compiled for.
 */
#ifndef ODDI_KNN_LANES_H
#define ODDI_KNN_LANES_H
#include <stdint.h>
#include <string.h>

#if ODDI_ISA_LEVEL == 2
#include <immintrin.h>
#define LANES 16
#define LANES_TILE 12 /* queries whose sums, two vectors each, fit beside the operands */
typedef __m512 lanes;
#define lanes_load _mm512_loadu_ps
#define lanes_store _mm512_storeu_ps
#define lanes_all _mm512_set1_ps
#define lanes_add _mm512_add_ps
#define lanes_sub _mm512_sub_ps
#define lanes_mul _mm512_mul_ps
#define lanes_fma _mm512_fmadd_ps
/* Bit j: a_j >= b_j. */
static inline uint32_t lanes_reach(lanes a, lanes b)
{
    return _mm512_cmp_ps_mask(a, b, _CMP_GE_OQ);
}
#elif ODDI_ISA_LEVEL == 1
#include <immintrin.h>
#define LANES 8
#define LANES_TILE 6
typedef __m256 lanes;
#define lanes_load _mm256_loadu_ps
#define lanes_store _mm256_storeu_ps
#define lanes_all _mm256_set1_ps
#define lanes_add _mm256_add_ps
#define lanes_sub _mm256_sub_ps
#define lanes_mul _mm256_mul_ps
#define lanes_fma _mm256_fmadd_ps
static inline uint32_t lanes_reach(lanes a, lanes b)
{
    return (uint32_t)_mm256_movemask_ps(_mm256_cmp_ps(a, b, _CMP_GE_OQ));
}
#else
#define LANES 4
#define LANES_TILE 6
typedef float lanes __attribute__((vector_size(16)));
static inline lanes lanes_load(const float *p)
{
    lanes v;
    memcpy(&v, p, sizeof(v));
    return v;
}
static inline void lanes_store(float *p, lanes v)
{
    memcpy(p, &v, sizeof(v));
}
static inline lanes lanes_all(float x)
{
    return (lanes){x, x, x, x};
}
static inline lanes lanes_add(lanes a, lanes b)
{
    return a + b;
}
static inline lanes lanes_sub(lanes a, lanes b)
{
    return a - b;
}
static inline lanes lanes_mul(lanes a, lanes b)
{
    return a * b;
}
static inline lanes lanes_fma(lanes a, lanes b, lanes c)
{
    return a * b + c;
}
static inline uint32_t lanes_reach(lanes a, lanes b)
{
    typedef int32_t mask __attribute__((vector_size(16)));
    const mask m = a >= b;
    return (uint32_t)((m[0] & 1) | (m[1] & 2) | (m[2] & 4) | (m[3] & 8));
}
#endif

/* Loops of constant length that must disappear, so that arrays of vectors become registers. */
#if defined(__clang__)
#define LANES_UNROLL _Pragma("clang loop unroll(full)")
#else
#define LANES_UNROLL _Pragma("GCC unroll 16")
#endif
#endif
