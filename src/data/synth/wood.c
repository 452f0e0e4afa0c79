/* SPDX-License-Identifier: Apache-2.0
 *
 * A board cut along the grain. Growth rings are level lines of a plane warped by slow noise that
 * is stretched along the grain; early wood is light and turns slowly into dark late wood, which
 * ends sharply. On it lie fibres (fine, long noise), rays of colour and pores (short dark dashes
 * on a jittered lattice).
 * Missing: a chip whose place was filled and sanded: the rings end at it.
 */
#include "data/synth/scene.h"

#include <math.h>

static float wood_ring(const struct oddi_synth_scene *s, float along, float across)
{
    float bend = 1.9f * oddi_synth_fbm(along * 0.9f, across * 1.3f, 3, s->key + 21);
    float wave = 0.25f * oddi_synth_fbm(along * 3.5f, across * 9, 2, s->key + 22);
    float t = across * (7 + 5 * s->look[0]) * s->scale + bend + wave;
    float phase = t - floorf(t);
    int32_t year = (int32_t)floorf(t);
    float width = 0.25f + 0.5f * oddi_synth_hash(year, 7, s->key);
    float late = oddi_synth_step(1 - width, 0.93f, phase) * oddi_synth_step(1, 0.94f, phase);
    return late * (0.55f + 0.45f * oddi_synth_hash(year, 8, s->key));
}

/* Depth of a pore at this place; 0 outside. */
static float wood_pore(const struct oddi_synth_scene *s, float along, float across)
{
    float u = along * 9, v = across * 58;
    int32_t i = (int32_t)floorf(u), j = (int32_t)floorf(v);
    float present = oddi_synth_hash(i, j, s->key + 23);
    if (present > 0.16f + 0.16f * s->look[1])
        return 0;
    float x = u - floorf(u), y = v - floorf(v);
    float end = 0.3f + 0.65f * oddi_synth_hash(i, j, s->key + 24);
    float depth = oddi_synth_step(0, 0.12f, x) * oddi_synth_step(end, end - 0.12f, x) *
                  oddi_synth_step(0.5f, 0.15f, fabsf(y - 0.5f));
    return depth * (0.4f + 0.6f * oddi_synth_hash(i, j, s->key + 25));
}

/* How far the place is inside the filled chip, 0 to 1 over its soft edge. */
static float wood_filled(const struct oddi_synth_scene *s, struct oddi_synth_point at, float along,
                         float across)
{
    const struct oddi_synth_damage *d = &s->damage;
    struct oddi_synth_point c = d->centre;
    float cx = s->cosine * c.x - s->sine * c.y, cy = s->sine * c.x + s->cosine * c.y;
    float dx = (along - s->shift.x - cx) / 1.7f, dy = across - s->shift.y - cy;
    float edge = d->amount * (1 + 0.35f * oddi_synth_noise(at.x * 14, at.y * 14, d->key));
    return oddi_synth_step(edge, edge * 0.86f, hypotf(dx, dy));
}

void oddi_synth_wood(const struct oddi_synth_scene *s, struct oddi_synth_point at, bool missing,
                     float rgb[3])
{
    static const float early[3] = {0.70f, 0.55f, 0.38f};
    static const float late[3] = {0.43f, 0.28f, 0.16f};
    float along = s->cosine * at.x - s->sine * at.y + s->shift.x;
    float across = s->sine * at.x + s->cosine * at.y + s->shift.y;
    float ring = wood_ring(s, along, across);
    float fibre = oddi_synth_fbm(along * 9, across * 110, 2, s->key + 26);
    float streak = oddi_synth_fbm(along * 0.7f, across * 9, 3, s->key + 27);
    float pore = wood_pore(s, along, across);
    if (missing) {
        float filled = wood_filled(s, at, along, across);
        float even = 0.30f + 0.12f * oddi_synth_fbm(at.x * 22, at.y * 22, 2, s->damage.key + 1);
        ring = oddi_synth_lerp(ring, even, filled);
        fibre = oddi_synth_lerp(fibre, 0.6f * oddi_synth_noise(at.x * 90, at.y * 90, s->key + 28),
                                filled);
        pore *= 1 - filled;
    }
    for (int c = 0; c < 3; c++)
        rgb[c] = oddi_synth_lerp(early[c], late[c], ring) *
                 (1 + 0.09f * fibre + 0.13f * streak) * (1 - 0.30f * pore);
}
