/* SPDX-License-Identifier: Apache-2.0
 *
 * Philox 4x32-10: J. Salmon, M. Moraes, R. Dror, D. Shaw, "Parallel random numbers: as easy as
 * 1, 2, 3", SC 2011. Ten rounds of two 32 x 32 -> 64 bit products over a 128-bit counter, under a
 * 64-bit key that moves by a Weyl sequence from round to round.
 *
 * The key is the seed itself. Of the counter, word 0 counts blocks of four numbers, words 1 and 2
 * are the low words of index and step, and word 3 is the purpose, mixed with the high words so
 * that it is the purpose alone while those are 0. A stream has 2^34 numbers before it repeats.
 */
#include "base/rng.h"

#include <math.h>

#define RNG_MUL0 0xD2511F53u
#define RNG_MUL1 0xCD9E8D57u
#define RNG_WEYL0 0x9E3779B9u /* golden ratio */
#define RNG_WEYL1 0xBB67AE85u /* sqrt(3) - 1 */
#define RNG_ROUNDS 10

void oddi_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4])
{
    uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
    uint32_t k0 = key[0], k1 = key[1];
    for (int round = 0; round < RNG_ROUNDS; round++) {
        uint64_t p0 = (uint64_t)RNG_MUL0 * c0, p1 = (uint64_t)RNG_MUL1 * c2;
        c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
        c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c1 = (uint32_t)p1;
        c3 = (uint32_t)p0;
        k0 += RNG_WEYL0;
        k1 += RNG_WEYL1;
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

/* A bijection of 32-bit words that keeps 0 and spreads every bit over all. */
static uint32_t rng_mix(uint32_t x)
{
    x ^= x >> 16;
    x *= 0x7FEB352Du;
    x ^= x >> 15;
    x *= 0x846CA68Bu;
    return x ^ (x >> 16);
}

void oddi_rng_init(struct oddi_rng *rng, uint64_t seed, enum oddi_rng_purpose purpose,
                   uint64_t step, uint64_t index)
{
    uint32_t step_high = (uint32_t)(step >> 32), index_high = (uint32_t)(index >> 32);
    rng->key[0] = (uint32_t)seed;
    rng->key[1] = (uint32_t)(seed >> 32);
    rng->counter[0] = 0;
    rng->counter[1] = (uint32_t)index;
    rng->counter[2] = (uint32_t)step;
    rng->counter[3] = (uint32_t)purpose ^ rng_mix(step_high + RNG_WEYL0 * rng_mix(index_high));
    rng->left = 0;
    rng->has_normal = false;
    rng->normal = 0;
}

uint32_t oddi_rng_u32(struct oddi_rng *rng)
{
    if (rng->left == 0) {
        oddi_philox(rng->counter, rng->key, rng->out);
        rng->counter[0]++;
        rng->left = 4;
    }
    return rng->out[4 - rng->left--];
}

float oddi_rng_uniform(struct oddi_rng *rng)
{
    return (float)(oddi_rng_u32(rng) >> 8) * 0x1p-24f;
}

float oddi_rng_range(struct oddi_rng *rng, float lo, float hi)
{
    float value = lo + (hi - lo) * oddi_rng_uniform(rng);
    return value < hi ? value : lo; /* rounding may reach hi */
}

/* Box and Muller (1958): sqrt(-2 ln u) (cos, sin)(2 pi v). In double and rounded once, so that
 * the last bits of one libm or another practically never show. */
float oddi_rng_normal(struct oddi_rng *rng)
{
    if (rng->has_normal) {
        rng->has_normal = false;
        return rng->normal;
    }
    double u = ((double)oddi_rng_u32(rng) + 1.0) * 0x1p-32; /* (0, 1] */
    double v = (double)oddi_rng_u32(rng) * 0x1p-32;
    double radius = sqrt(-2.0 * log(u)), angle = 6.283185307179586 * v;
    rng->normal = (float)(radius * sin(angle));
    rng->has_normal = true;
    return (float)(radius * cos(angle));
}

/* The 2^64 mod n lowest draws are thrown away: what is left divides evenly. */
uint64_t oddi_rng_below(struct oddi_rng *rng, uint64_t n)
{
    if (n <= UINT32_MAX) {
        uint32_t bound = (uint32_t)n, least = (0u - bound) % bound, draw;
        do
            draw = oddi_rng_u32(rng);
        while (draw < least);
        return draw % bound;
    }
    uint64_t least = (0u - n) % n, draw;
    do {
        draw = (uint64_t)oddi_rng_u32(rng) << 32;
        draw |= oddi_rng_u32(rng);
    } while (draw < least);
    return draw % n;
}

void oddi_rng_permutation(struct oddi_rng *rng, size_t n, uint32_t *order)
{
    for (size_t i = 0; i < n; i++)
        order[i] = (uint32_t)i;
    for (size_t i = n; i > 1; i--) {
        size_t j = (size_t)oddi_rng_below(rng, i);
        uint32_t kept = order[i - 1];
        order[i - 1] = order[j];
        order[j] = kept;
    }
}
