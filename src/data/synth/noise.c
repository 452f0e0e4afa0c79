/* SPDX-License-Identifier: Apache-2.0
 *
 * Noise as a pure function of place and key: an integer hash on the lattice, interpolated with a
 * quintic (zero first and second derivatives at the lattice, so no creases show), and sums of
 * octaves. No state, so any pixel can be drawn at any time by any thread.
 */
#include "data/synth/scene.h"

#include <math.h>

uint32_t oddi_synth_mix(int32_t x, int32_t y, uint32_t key)
{
    uint32_t h = key;
    h ^= (uint32_t)x * 0x9e3779b1u;
    h ^= h >> 15;
    h *= 0x85ebca77u;
    h ^= (uint32_t)y * 0xc2b2ae3du;
    h ^= h >> 13;
    h *= 0x27d4eb2fu;
    h ^= h >> 16;
    h *= 0x165667b1u;
    return h ^ h >> 15;
}

float oddi_synth_hash(int32_t x, int32_t y, uint32_t key)
{
    return (float)(oddi_synth_mix(x, y, key) >> 8) * 0x1p-24f;
}

float oddi_synth_lerp(float a, float b, float t)
{
    return a + (b - a) * t;
}

float oddi_synth_step(float lo, float hi, float x)
{
    float t = (x - lo) / (hi - lo);
    t = t < 0 ? 0 : t > 1 ? 1 : t;
    return t * t * (3 - 2 * t);
}

float oddi_synth_noise(float x, float y, uint32_t key)
{
    float fx = floorf(x), fy = floorf(y);
    int32_t ix = (int32_t)fx, iy = (int32_t)fy;
    float tx = x - fx, ty = y - fy;
    tx = tx * tx * tx * (tx * (tx * 6 - 15) + 10);
    ty = ty * ty * ty * (ty * (ty * 6 - 15) + 10);
    float a = oddi_synth_lerp(oddi_synth_hash(ix, iy, key), oddi_synth_hash(ix + 1, iy, key), tx);
    float b = oddi_synth_lerp(oddi_synth_hash(ix, iy + 1, key),
                              oddi_synth_hash(ix + 1, iy + 1, key), tx);
    return 2 * oddi_synth_lerp(a, b, ty) - 1;
}

float oddi_synth_fbm(float x, float y, int octaves, uint32_t key)
{
    float sum = 0, amplitude = 0.6f;
    for (int i = 0; i < octaves; i++) {
        sum += amplitude * oddi_synth_noise(x, y, key + (uint32_t)i * 0x632be5abu);
        x = 2 * x + 17.3f;
        y = 2 * y - 9.1f;
        amplitude *= 0.5f;
    }
    return sum;
}
