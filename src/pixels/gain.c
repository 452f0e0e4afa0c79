/* SPDX-License-Identifier: Apache-2.0
 *
 * Median grey of a picture and the gain that brings it to 0.5. The median is exact and takes no
 * memory that grows with the picture: a float's bits, rearranged so that they sort as unsigned
 * integers, are found from the top by three counting passes of 11, 11 and 10 bits.
 */
#include <math.h>
#include <string.h>

#include "pixels/pixels.h"

enum { GAIN_BITS = 11, GAIN_BINS = 1 << GAIN_BITS };

/* One picture in either form: sample (pixel i, band b) is number i * step + b * apart. */
struct gain_source {
    const void *data;
    enum odd_pixel_type type;
    int64_t count, step, apart;
    int bands;
};

static float gain_grey(const struct gain_source *s, int64_t i)
{
    float sum = 0.0f;

    for (int b = 0; b < s->bands; b++) {
        const int64_t at = i * s->step + b * s->apart;

        if (s->type == ODD_U8)
            sum += (float)((const uint8_t *)s->data)[at] / 255.0f;
        else if (s->type == ODD_U16)
            sum += (float)((const uint16_t *)s->data)[at] / 65535.0f;
        else
            sum += ((const float *)s->data)[at];
    }
    return sum / (float)s->bands;
}

/* Order-preserving: negative numbers reversed below zero, positive ones above. */
static uint32_t gain_key(float value)
{
    uint32_t bits;

    memcpy(&bits, &value, sizeof(bits));
    return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}

static float gain_value(uint32_t key)
{
    const uint32_t bits = key & 0x80000000u ? key & 0x7fffffffu : ~key;
    float value;

    memcpy(&value, &bits, sizeof(value));
    return value;
}

/* Key of rank `rank` (0 is the smallest); *through is the number of pixels up to that key. */
static uint32_t gain_select(const struct gain_source *s, int64_t rank, int64_t *through)
{
    static const int shifts[3] = {21, 10, 0}, bits[3] = {11, 11, 10};
    uint32_t prefix = 0, mask = 0;
    int64_t below = 0;

    for (int pass = 0; pass < 3; pass++) {
        const uint32_t low = (1u << bits[pass]) - 1;
        int64_t bins[GAIN_BINS] = {0};
        uint32_t bin = 0;

        for (int64_t i = 0; i < s->count; i++) {
            const uint32_t key = gain_key(gain_grey(s, i));

            if ((key & mask) == prefix)
                bins[key >> shifts[pass] & low]++;
        }
        while (below + bins[bin] <= rank)
            below += bins[bin++];
        prefix |= bin << shifts[pass];
        mask |= low << shifts[pass];
        *through = below + bins[bin];
    }
    return prefix;
}

static float gain_median(const struct gain_source *s)
{
    int64_t through = 0;
    const uint32_t lower = gain_select(s, (s->count - 1) / 2, &through);
    uint32_t upper = UINT32_MAX;

    if (s->count % 2 == 1 || through > s->count / 2)
        return gain_value(lower);
    for (int64_t i = 0; i < s->count; i++) { /* the next larger one is the other middle */
        const uint32_t key = gain_key(gain_grey(s, i));

        if (key > lower && key < upper)
            upper = key;
    }
    return 0.5f * gain_value(lower) + 0.5f * gain_value(upper);
}

static float gain_of(const struct gain_source *s)
{
    const float median = gain_median(s);
    const float gain = median > 0.0f ? 0.5f / median : 1.0f;

    return isfinite(gain) ? gain : 1.0f;
}

float oddi_picture_gain(const struct oddi_picture *picture)
{
    const struct gain_source source = {picture->data, picture->type,
                                       picture->width * picture->height, picture->bands, 1,
                                       picture->bands};

    return gain_of(&source);
}

float oddi_planes_gain(const struct oddi_planes *planes)
{
    const int64_t count = planes->width * planes->height;
    const struct gain_source source = {planes->data, ODD_F32, count, 1, count, planes->bands};

    return gain_of(&source);
}

void oddi_planes_scale(struct oddi_planes *planes, float gain)
{
    const int64_t count = planes->width * planes->height * planes->bands;

    for (int64_t i = 0; i < count; i++)
        planes->data[i] *= gain;
}
