/* SPDX-License-Identifier: Apache-2.0
 *
 * A milled gear on a rubber mat. The outline is a distance-like function in the part's polar
 * coordinates: rim with trapezoid teeth, bore, keyway and a ring of holes; a bevel turns the
 * distance to the edge into height, and the height's slope into light and shine. Turning marks
 * are noise over the radius; the mat has ribs. A soft shadow falls on the mat.
 * Missing: a tooth is gone, or a hole was not drilled.
 */
#include "data/synth/scene.h"

#include <math.h>

#define PARTS_PI 3.14159265f
#define PARTS_TEETH 16
#define PARTS_HOLES 5
#define PARTS_RADIUS 0.36f /* of the picture's side */

struct oddi_synth_point oddi_synth_parts_place(const struct oddi_synth_scene *s,
                                               struct oddi_synth_point at)
{
    float unit = 1 / (PARTS_RADIUS * s->scale);
    float x = (at.x - 0.5f - s->shift.x) * unit, y = (at.y - 0.5f - s->shift.y) * unit;
    return (struct oddi_synth_point){s->cosine * x + s->sine * y, -s->sine * x + s->cosine * y};
}

struct oddi_synth_point oddi_synth_parts_picture(const struct oddi_synth_scene *s,
                                                 struct oddi_synth_point p)
{
    float unit = PARTS_RADIUS * s->scale;
    return (struct oddi_synth_point){
        (s->cosine * p.x - s->sine * p.y) * unit + 0.5f + s->shift.x,
        (s->sine * p.x + s->cosine * p.y) * unit + 0.5f + s->shift.y};
}

/* How far out of the metal a place lies (negative: inside), in the part's units. */
static float parts_outside(const struct oddi_synth_scene *s, struct oddi_synth_point p,
                           bool missing)
{
    const struct oddi_synth_damage *d = &s->damage;
    float r = hypotf(p.x, p.y), turn = (atan2f(p.y, p.x) / PARTS_PI + 1) / 2; /* [0,1] */
    float t = turn * PARTS_TEETH, wave = fabsf(t - floorf(t) - 0.5f) * 2;     /* 1 between */
    int tooth = (int)floorf(t) % PARTS_TEETH;
    float crown = oddi_synth_step(0.66f, 0.40f, wave);
    bool no_tooth = missing && d->shape[0] < 0.6f;
    if (no_tooth && tooth == (int)(d->shape[1] * PARTS_TEETH))
        crown *= 1 - d->amount;
    float out = r - (0.84f + 0.16f * crown);
    float bore = 0.20f - r;
    float key = fmaxf(fabsf(p.y) - 0.06f, fmaxf(-p.x, p.x - 0.28f));
    out = fmaxf(out, fmaxf(bore, -key));
    int drilled = missing && !no_tooth ? (int)(d->shape[1] * PARTS_HOLES) : -1;
    for (int i = 0; i < PARTS_HOLES; i++) {
        float a = 2 * PARTS_PI * ((float)i + 0.5f) / PARTS_HOLES;
        float size = 0.115f * (i == drilled ? 1 - d->amount : 1);
        float hole = size - hypotf(p.x - 0.52f * cosf(a), p.y - 0.52f * sinf(a));
        out = fmaxf(out, hole);
    }
    return out;
}

static void parts_mat(const struct oddi_synth_scene *s, struct oddi_synth_point at,
                      const struct oddi_synth_point *place, bool missing, float rgb[3])
{
    struct oddi_synth_point under = {place->x, place->y};
    float angle = 0.15f * (s->look[3] - 0.5f), off = s->look[4];
    float rib = sinf(2 * PARTS_PI * ((at.x + angle * at.y) * 22 + off));
    float grain = oddi_synth_fbm(at.x * 45, at.y * 45, 2, s->key + 51);
    float dirt = oddi_synth_fbm(at.x * 4 + off, at.y * 4, 3, s->key + 52);
    float dx = 0.07f + 0.05f * s->look[5], dy = 0.07f + 0.05f * s->look[6];
    under.x -= s->cosine * dx + s->sine * dy;
    under.y -= -s->sine * dx + s->cosine * dy;
    float shadow = 1 - 0.45f * oddi_synth_step(0.10f, -0.06f, parts_outside(s, under, missing));
    float tone = (0.27f + 0.045f * rib + 0.035f * grain + 0.05f * dirt) * shadow;
    rgb[0] = tone * 0.90f;
    rgb[1] = tone * 1.02f;
    rgb[2] = tone * 1.06f;
}

/* Bevelled height over the mat from the distance to the edge. */
static float parts_height(const struct oddi_synth_scene *s, float x, float y, bool missing)
{
    return oddi_synth_step(0, -0.055f, parts_outside(s, (struct oddi_synth_point){x, y}, missing));
}

void oddi_synth_parts(const struct oddi_synth_scene *s, struct oddi_synth_point at, bool missing,
                      float rgb[3])
{
    const float e = 0.012f;
    struct oddi_synth_point p = oddi_synth_parts_place(s, at);
    float outside = parts_outside(s, p, missing);
    parts_mat(s, at, &p, missing, rgb);
    if (outside > 0)
        return;
    float gx = parts_height(s, p.x + e, p.y, missing) - parts_height(s, p.x - e, p.y, missing);
    float gy = parts_height(s, p.x, p.y + e, missing) - parts_height(s, p.x, p.y - e, missing);
    float px = s->cosine * gx - s->sine * gy, py = s->sine * gx + s->cosine * gy;
    float lamp = 2 * PARTS_PI * s->look[0];
    float slope = -(px * cosf(lamp) + py * sinf(lamp));
    float r = hypotf(p.x, p.y), theta = atan2f(p.y, p.x);
    float marks = oddi_synth_noise(r * 46, theta * 0.8f, s->key + 53) +
                  0.6f * oddi_synth_noise(r * 110, theta * 0.5f, s->key + 54);
    /* Turned metal shines along two opposite sectors, as it does under one lamp. */
    float shine = cosf(2 * (theta + atan2f(s->sine, s->cosine) - lamp));
    float stain = oddi_synth_fbm(p.x * 1.6f + s->look[7] * 9, p.y * 1.6f, 3, s->key + 55);
    float tone = 0.56f + 0.07f * marks * (0.4f + s->look[1]) +
                 (0.04f + 0.10f * s->look[2]) * shine + 0.07f * stain + 0.38f * slope;
    if (r < 0.33f)
        tone += 0.05f; /* the hub stands higher */
    rgb[0] = tone * 1.00f;
    rgb[1] = tone * 0.99f;
    rgb[2] = tone * 0.96f;
}
