/* SPDX-License-Identifier: Apache-2.0
 *
 * A plain weave. In thread units (u across the upright threads, v across the lying ones) the
 * upright thread i = floor(u) rises and falls as (-1)^i sin(pi v), the lying one j = floor(v) as
 * -(-1)^j sin(pi u): in each cell one is up where the other is down. The higher one is seen,
 * shaded as a cylinder; between threads the dark ground shows. Every thread has its own
 * thickness, place, brightness and fibres; slow noise warps the whole cloth.
 * Missing: one thread is absent over a stretch.
 */
#include "data/synth/scene.h"

#include <math.h>

#define WEAVE_PI 3.14159265f
#define WEAVE_THREADS 16 /* across a picture, at scale 1 */

struct weave_thread {
    float height, shade;
    bool there;
};

/* One thread seen at distance `across` (in thread units from the cell's left) and at `along`. */
static struct weave_thread weave_thread(const struct oddi_synth_scene *s, int32_t number,
                                        float across, float along, float rise)
{
    uint32_t key = s->key;
    float middle = 0.5f + 0.10f * (oddi_synth_hash(number, 1, key) - 0.5f);
    float half = 0.40f + 0.11f * (oddi_synth_hash(number, 2, key) - 0.5f) +
                 0.045f * oddi_synth_noise(along * 0.7f, (float)number * 3.7f, key + 3);
    float bright = 1 + 0.26f * (oddi_synth_hash(number, 4, key) - 0.5f);
    float d = (across - middle) / half;
    struct weave_thread t = {.there = d > -1 && d < 1};
    if (!t.there)
        return t;
    float round = sqrtf(1 - d * d);
    float fibre = 0.13f * oddi_synth_noise(along * 1.6f + d * 1.5f, d * 3 + (float)number * 7.1f,
                                           key + 5);
    float slub = 0.10f * oddi_synth_noise(along * 0.35f, (float)number * 5.3f, key + 6);
    t.height = rise + 0.35f * round;
    t.shade = bright * (0.52f + 0.48f * round) * (0.80f + 0.20f * rise) * (1 + fibre + slub);
    return t;
}

/* Picture to thread units, warp of the cloth included. */
static struct oddi_synth_point weave_place(const struct oddi_synth_scene *s,
                                           struct oddi_synth_point at)
{
    float x = s->cosine * at.x - s->sine * at.y, y = s->sine * at.x + s->cosine * at.y;
    float u = (x + s->shift.x) * s->scale * WEAVE_THREADS;
    float v = (y + s->shift.y) * s->scale * WEAVE_THREADS;
    return (struct oddi_synth_point){
        u + 0.42f * oddi_synth_fbm(u * 0.16f, v * 0.16f, 2, s->key + 11),
        v + 0.42f * oddi_synth_fbm(u * 0.16f, v * 0.16f, 2, s->key + 12)};
}

/* Is the thread `number` of the damaged direction absent at `along`? */
static bool weave_gone(const struct oddi_synth_scene *s, bool upright, int32_t number, float along)
{
    const struct oddi_synth_damage *d = &s->damage;
    struct oddi_synth_point c = weave_place(s, d->centre);
    bool damaged_upright = d->shape[0] < 0.5f;
    if (upright != damaged_upright || number != (int32_t)floorf(upright ? c.x : c.y))
        return false;
    return fabsf(along - (upright ? c.y : c.x)) < d->amount * s->scale * WEAVE_THREADS;
}

void oddi_synth_weave(const struct oddi_synth_scene *s, struct oddi_synth_point at, bool missing,
                      float rgb[3])
{
    static const float upright_colour[3] = {0.66f, 0.62f, 0.53f};
    static const float lying_colour[3] = {0.50f, 0.54f, 0.58f};
    static const float ground[3] = {0.15f, 0.14f, 0.13f};
    struct oddi_synth_point w = weave_place(s, at);
    float wu = w.x, wv = w.y;
    int32_t i = (int32_t)floorf(wu), j = (int32_t)floorf(wv);
    float sign = (i + j) & 1 ? -1.0f : 1.0f;
    float fu = wu - floorf(wu), fv = wv - floorf(wv);
    struct weave_thread up = weave_thread(s, i, fu, wv, sign * sinf(WEAVE_PI * fv));
    struct weave_thread lying = weave_thread(s, j + 10000, fv, wu, -sign * sinf(WEAVE_PI * fu));
    if (missing) {
        up.there = up.there && !weave_gone(s, true, i, wv);
        lying.there = lying.there && !weave_gone(s, false, j, wu);
    }
    bool first = up.there && (!lying.there || up.height > lying.height);
    for (int c = 0; c < 3; c++) {
        rgb[c] = ground[c] * (1 + 0.2f * oddi_synth_noise(wu * 4, wv * 4, s->key + 13));
        if (first)
            rgb[c] = upright_colour[c] * up.shade;
        else if (lying.there)
            rgb[c] = lying_colour[c] * lying.shade;
    }
}
