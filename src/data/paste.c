/* SPDX-License-Identifier: Apache-2.0
 *
 * Pasting made-up defects (paste.h). The blob is the smooth union of three ellipses; its weight is
 * 1 inside and falls to 0 over a border of a third of its radius.
 */
#include "data/paste.h"

#include <math.h>
#include <string.h>

#define PASTE_ELLIPSES 3

struct paste_ellipse {
    float x, y, ax, ay, cosine, sine;
};
struct paste_blob {
    struct paste_ellipse part[PASTE_ELLIPSES];
    float x, y, radius;
};

static void paste_blob_draw(const struct oddi_paste *p, struct oddi_rng *rng, struct paste_blob *b)
{
    const float side = (float)(p->width < p->height ? p->width : p->height);
    b->radius = 0.5f * side * oddi_rng_range(rng, 1.0f / 16.0f, 1.0f / 5.0f);
    b->x = oddi_rng_range(rng, 0.15f, 0.85f) * (float)p->width;
    b->y = oddi_rng_range(rng, 0.15f, 0.85f) * (float)p->height;
    for (int i = 0; i < PASTE_ELLIPSES; i++) {
        struct paste_ellipse *e = &b->part[i];
        const float turn = oddi_rng_range(rng, 0.0f, 3.14159265f);
        e->x = b->x + b->radius * oddi_rng_range(rng, -0.6f, 0.6f);
        e->y = b->y + b->radius * oddi_rng_range(rng, -0.6f, 0.6f);
        e->ax = b->radius * oddi_rng_range(rng, 0.5f, 1.0f);
        e->ay = b->radius * oddi_rng_range(rng, 0.3f, 0.8f);
        e->cosine = cosf(turn);
        e->sine = sinf(turn);
    }
}

/* 1 well inside of any ellipse, 0 outside of all. */
static float paste_weight(const struct paste_blob *b, float x, float y)
{
    float best = 0.0f;
    for (int i = 0; i < PASTE_ELLIPSES; i++) {
        const struct paste_ellipse *e = &b->part[i];
        const float dx = x - e->x, dy = y - e->y;
        const float u = (dx * e->cosine + dy * e->sine) / e->ax,
                    v = (dy * e->cosine - dx * e->sine) / e->ay;
        const float inside = (1.0f - sqrtf(u * u + v * v)) * 3.0f;
        best = inside > best ? inside : best;
    }
    return best < 1.0f ? best : 1.0f;
}

/* What stands at (c, y, x) once the defect is there in full. */
static float paste_value(const struct oddi_paste *p, const struct paste_blob *b, float target,
                         const int64_t at[3])
{
    const int64_t plane = p->width * p->height, row = at[1] * p->width;
    if (p->kind == 0)
        return p->other[at[0] * plane + row + p->width - 1 - at[2]];
    if (p->kind == 2)
        return 0.25f * p->scratch[at[0] * plane + row + at[2]] + 0.75f * target;
    const int64_t reach = (int64_t)b->radius + 1;
    float sum = 0.0f;
    int64_t n = 0;
    for (int64_t d = -reach; d <= reach; d++) {
        const int64_t x = at[2] + d, y = at[1] + d / 2;
        if (x < 0 || y < 0 || x >= p->width || y >= p->height)
            continue;
        sum += p->scratch[at[0] * plane + y * p->width + x];
        n++;
    }
    return sum / (float)n;
}

void oddi_paste_run(const struct oddi_paste *p, struct oddi_rng *rng)
{
    struct paste_blob b;
    const int64_t count = p->channels * p->height * p->width;
    float low = p->picture[0], high = low;
    memcpy(p->scratch, p->picture, (size_t)count * sizeof(float));
    for (int64_t i = 0; i < count; i++) {
        low = p->picture[i] < low ? p->picture[i] : low;
        high = p->picture[i] > high ? p->picture[i] : high;
    }
    paste_blob_draw(p, rng, &b);
    const float target = oddi_rng_uniform(rng) < 0.5f ? low : high;
    for (int64_t y = 0; y < p->height; y++)
        for (int64_t x = 0; x < p->width; x++) {
            const float w = paste_weight(&b, (float)x + 0.5f, (float)y + 0.5f);
            if (w <= 0.0f)
                continue;
            for (int64_t c = 0; c < p->channels; c++) {
                const int64_t at[3] = {c, y, x};
                float *to = &p->picture[(c * p->height + y) * p->width + x];
                *to += w * (paste_value(p, &b, target, at) - *to);
            }
        }
}
