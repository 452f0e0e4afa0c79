/* SPDX-License-Identifier: Apache-2.0
 *
 * exp and tanh as straight-line arithmetic that compilers turn into vectors: no branch, no table,
 * no library call, so the same bits for the same input wherever it stands in an array.
 *
 * exp(x) = 2^k exp(r) with k the nearest integer to x / ln 2 and |r| <= ln 2 / 2. ln 2 is taken off
 * in two parts so that r is exact to float precision. p(r) = exp(r) - 1 is the Taylor sum to r^7:
 * the first term left out is r^8/8! <= 5.2e-9, relative to p 1.5e-8, a quarter of a last place.
 */
#ifndef ODDI_BACKEND_HOST_SIMD_VEXP_H
#define ODDI_BACKEND_HOST_SIMD_VEXP_H
#include <stdint.h>
#include <string.h>

#define VEXP_MAGIC 12582912.0f /* 1.5 * 2^23: adding it rounds to an integer in the low bits */

/* Splits: *s = 2^k; returns exp(r) - 1. For |x| <= 87. */
static inline float vexp_parts(float x, float *s)
{
    const float t = x * 1.44269504f + VEXP_MAGIC;
    const float k = t - VEXP_MAGIC;
    uint32_t bits;
    memcpy(&bits, &t, sizeof(bits));
    bits = (bits << 23) + 0x3f800000u;
    memcpy(s, &bits, sizeof(bits));
    const float r = (x - k * 0.693359375f) + k * 2.12194440e-4f; /* ln 2 in two parts */
    float p = 1.0f / 5040.0f;
    p = p * r + 1.0f / 720.0f;
    p = p * r + 1.0f / 120.0f;
    p = p * r + 1.0f / 24.0f;
    p = p * r + 1.0f / 6.0f;
    p = p * r + 0.5f;
    return p * (r * r) + r;
}

/* exp, held at exp(-87) and exp(88) outside; NaN stays NaN. */
static inline float vexp_exp(float x)
{
    float s;
    x = x < -87.0f ? -87.0f : x;
    x = x > 88.0f ? 88.0f : x;
    const float p = vexp_parts(x, &s);
    return s * p + s;
}

/* tanh(a) = m / (m + 2) with m = exp(2a) - 1 = 2^k p + (2^k - 1): no cancellation near 0. */
static inline float vexp_tanh(float x)
{
    float s, a = x < 0.0f ? -x : x;
    a = a > 10.0f ? 10.0f : a;
    const float p = vexp_parts(2.0f * a, &s);
    const float m = s * p + (s - 1.0f);
    const float y = m / (m + 2.0f);
    return x < 0.0f ? -y : y;
}
#endif
