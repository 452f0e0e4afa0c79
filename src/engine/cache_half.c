/* SPDX-License-Identifier: Apache-2.0
 *
 * binary16 without branches and without subnormal binary32 numbers, so that compilers make vectors
 * of the loops. Normal halves: the exponent moves by 112, the fraction by 13 bits. Subnormal ones
 * are multiples of 2^-24, which is the last place of binary32 numbers in [1/2, 1): adding 1/2
 * rounds to them, subtracting it gives them back.
 */
#include "engine/cache_half.h"

#include <string.h>

#define HALF_MAX 0x477fe000u    /* 65504 */
#define HALF_NORMAL 0x38800000u /* 2^-14 */
#define HALF_ONE_HALF 0x3f000000u
#define HALF_INFINITE 0x7f800000u

static uint32_t half_bits(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof(bits));
    return bits;
}

static float half_float(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof(x));
    return x;
}

void oddi_half_pack(const float *value, size_t count, uint16_t *half)
{
    for (size_t i = 0; i < count; i++) {
        const uint32_t bits = half_bits(value[i]), sign = bits >> 16 & 0x8000u;
        const uint32_t any = bits & 0x7fffffffu, size = any < HALF_MAX ? any : HALF_MAX;
        const uint32_t normal = (size + 0xfffu + (size >> 13 & 1u) - (112u << 23)) >> 13;
        const uint32_t small = half_bits(half_float(size) + 0.5f) - HALF_ONE_HALF;
        const uint32_t finite = size < HALF_NORMAL ? small : normal;
        half[i] = (uint16_t)(sign | (any < HALF_INFINITE ? finite : 0x7c00u));
    }
}

void oddi_half_unpack(const uint16_t *half, size_t count, float *value)
{
    for (size_t i = 0; i < count; i++) {
        const uint32_t size = half[i] & 0x7fffu, sign = (uint32_t)(half[i] & 0x8000u) << 16;
        const uint32_t normal = (size << 13) + (112u << 23);
        const uint32_t small = half_bits(half_float(HALF_ONE_HALF | size) - 0.5f);
        const uint32_t finite = size < 0x400u ? small : normal;
        value[i] = half_float(sign | (size < 0x7c00u ? finite : HALF_INFINITE));
    }
}
