/* SPDX-License-Identifier: Apache-2.0
 *
 * One vector of floats of the instruction set a file is compiled for: VEC_WIDTH lanes, and how
 * many rows of accumulators (VEC_ROWS, two vectors each) its registers hold besides the operands.
 */
#ifndef ODDI_BACKEND_HOST_SIMD_VEC_H
#define ODDI_BACKEND_HOST_SIMD_VEC_H
#include "backend/host/simd/simd.h"

#if ODDI_ISA_LEVEL == 2
#include <immintrin.h>
#define VEC_WIDTH 16
#define VEC_ROWS 12
typedef __m512 vec;
static inline vec vec_fma(vec a, vec b, vec c)
{
    return _mm512_fmadd_ps(a, b, c);
}
static inline vec vec_load(const float *p)
{
    return _mm512_loadu_ps(p);
}
static inline void vec_store(float *p, vec v)
{
    _mm512_storeu_ps(p, v);
}
static inline vec vec_all(float x)
{
    return _mm512_set1_ps(x);
}
static inline vec vec_add(vec a, vec b)
{
    return _mm512_add_ps(a, b);
}
/* v > 0 ? v : slope * v */
static inline vec vec_leaky(vec v, vec slope)
{
    const __mmask16 positive = _mm512_cmp_ps_mask(v, _mm512_setzero_ps(), _CMP_GT_OQ);
    return _mm512_mask_blend_ps(positive, _mm512_mul_ps(v, slope), v);
}
#elif ODDI_ISA_LEVEL == 1
#include <immintrin.h>
#define VEC_WIDTH 8
#define VEC_ROWS 6
typedef __m256 vec;
static inline vec vec_fma(vec a, vec b, vec c)
{
    return _mm256_fmadd_ps(a, b, c);
}
static inline vec vec_load(const float *p)
{
    return _mm256_loadu_ps(p);
}
static inline void vec_store(float *p, vec v)
{
    _mm256_storeu_ps(p, v);
}
static inline vec vec_all(float x)
{
    return _mm256_set1_ps(x);
}
static inline vec vec_add(vec a, vec b)
{
    return _mm256_add_ps(a, b);
}
static inline vec vec_leaky(vec v, vec slope)
{
    const vec positive = _mm256_cmp_ps(v, _mm256_setzero_ps(), _CMP_GT_OQ);
    return _mm256_blendv_ps(_mm256_mul_ps(v, slope), v, positive);
}
#else
#include <string.h>
#define VEC_WIDTH 4
#define VEC_ROWS 6
typedef float vec __attribute__((vector_size(16)));
static inline vec vec_fma(vec a, vec b, vec c)
{
    return a * b + c;
}
static inline vec vec_load(const float *p)
{
    vec v;
    memcpy(&v, p, sizeof(v));
    return v;
}
static inline void vec_store(float *p, vec v)
{
    memcpy(p, &v, sizeof(v));
}
static inline vec vec_all(float x)
{
    return (vec){x, x, x, x};
}
static inline vec vec_add(vec a, vec b)
{
    return a + b;
}
static inline vec vec_leaky(vec v, vec slope)
{
    typedef int32_t mask __attribute__((vector_size(16)));
    const mask positive = v > vec_all(0.0f);
    return (vec)(((mask)v & positive) | ((mask)(v * slope) & ~positive));
}
#endif

/* Loops of constant length that must disappear, so that arrays of vectors become registers. */
#if defined(__clang__)
#define VEC_UNROLL _Pragma("clang loop unroll(full)")
#else
#define VEC_UNROLL _Pragma("GCC unroll 16")
#endif
#endif
