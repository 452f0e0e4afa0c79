/* SPDX-License-Identifier: Apache-2.0
 *
 * The five defects as geometry and as their effect. Bent moves places before the surface is
 * looked up; scratch, spot and contamination paint over its colour; missing is the surface's own.
 * All act before light and sensor noise, which are the same with and without them.
 */
#include "data/synth/scene.h"

#include <math.h>

#define DAMAGE_PI 3.14159265f

/* How much at strength 1. Scratch, spot and contamination: change of tone; bent: displacement in
 * sides of the picture; missing: half length or radius in sides (parts: share of the feature).
 * Chosen with baselines_test.c alone: README.md has the table of what it measured. */
static const float damage_amounts[ODDI_SYNTH_KINDS][ODDI_SYNTH_DEFECTS] = {
    [ODDI_SYNTH_WEAVE] = {0.25f, 0.22f, 0.060f, 0.15f, 0.28f},
    [ODDI_SYNTH_WOOD] = {0.23f, 0.18f, 0.065f, 0.085f, 0.25f},
    [ODDI_SYNTH_SPECKLE] = {0.32f, 0.22f, 0.110f, 0.085f, 0.36f},
    [ODDI_SYNTH_PARTS] = {0.40f, 0.22f, 0.070f, 0.95f, 0.42f},
};

static struct oddi_synth_point damage_toward(struct oddi_synth_point from, float angle,
                                             float length)
{
    return (struct oddi_synth_point){from.x + length * cosf(angle), from.y + length * sinf(angle)};
}

static void damage_line(struct oddi_rng *rng, struct oddi_synth_line *line,
                        struct oddi_synth_point centre, float angle, float length)
{
    float sag = length * oddi_rng_range(rng, -0.35f, 0.35f);
    line->p[0] = damage_toward(centre, angle, -0.5f * length);
    line->p[2] = damage_toward(centre, angle, 0.5f * length);
    line->p[1] = damage_toward(centre, angle + DAMAGE_PI / 2, sag);
    line->width = oddi_rng_range(rng, 0.007f, 0.012f);
}

/* Where a defect may lie: anywhere but at the edge; for parts on the metal. */
static struct oddi_synth_point damage_centre(const struct oddi_synth_scene *s,
                                             struct oddi_rng *rng)
{
    float a = oddi_rng_range(rng, 0, 2 * DAMAGE_PI), r = oddi_rng_range(rng, 0.36f, 0.78f);
    struct oddi_synth_point any = {oddi_rng_range(rng, 0.16f, 0.84f),
                                   oddi_rng_range(rng, 0.16f, 0.84f)};
    if (s->which.kind != ODDI_SYNTH_PARTS)
        return any;
    if (s->which.defect == ODDI_SYNTH_BENT)
        r = 0.92f;
    return oddi_synth_parts_picture(s, (struct oddi_synth_point){r * cosf(a), r * sinf(a)});
}

static void damage_particles(struct oddi_synth_damage *d, struct oddi_rng *rng)
{
    float tone = oddi_rng_uniform(rng) < 0.5f ? -1.0f : 1.0f;
    d->lines = 1 + (int)oddi_rng_below(rng, 2);
    d->grains = 3 + (int)oddi_rng_below(rng, ODDI_SYNTH_GRAINS - 3);
    for (int i = 0; i < d->lines; i++) {
        struct oddi_synth_point p = {d->centre.x + oddi_rng_range(rng, -0.05f, 0.05f),
                                     d->centre.y + oddi_rng_range(rng, -0.05f, 0.05f)};
        float angle = oddi_rng_range(rng, 0, DAMAGE_PI);
        damage_line(rng, &d->line[i], p, angle, oddi_rng_range(rng, 0.10f, 0.18f));
        d->line[i].width *= 0.9f;
    }
    for (int i = 0; i < d->grains; i++) {
        d->grain[i].p.x = d->centre.x + oddi_rng_range(rng, -0.13f, 0.13f);
        d->grain[i].p.y = d->centre.y + oddi_rng_range(rng, -0.13f, 0.13f);
        d->grain[i].radius = oddi_rng_range(rng, 0.009f, 0.019f);
        d->grain[i].tone = tone * oddi_rng_range(rng, 0.7f, 1.2f);
    }
    d->amount *= tone;
}

void oddi_synth_damage_draw(struct oddi_synth_scene *s, int attempt)
{
    const struct oddi_synth_which *w = &s->which;
    struct oddi_synth_damage *d = &s->damage;
    struct oddi_rng rng;
    oddi_rng_init(&rng, w->seed, ODDI_RNG_SYNTH, (uint64_t)(w->kind * 64 + w->part * 8 + 1),
                  (uint64_t)w->index * 64 + (uint64_t)attempt);
    *d = (struct oddi_synth_damage){.defect = w->defect};
    if (w->defect == ODDI_SYNTH_NONE)
        return;
    d->key = oddi_rng_u32(&rng);
    d->centre = damage_centre(s, &rng);
    d->angle = oddi_rng_range(&rng, 0, 2 * DAMAGE_PI);
    for (int i = 0; i < 4; i++)
        d->shape[i] = oddi_rng_uniform(&rng);
    d->amount = damage_amounts[w->kind][w->defect] * (float)w->strength *
                oddi_rng_range(&rng, 0.8f, 1.2f);
    d->radius = 0.3f;
    if (w->defect == ODDI_SYNTH_SCRATCH) {
        d->lines = 1;
        damage_line(&rng, &d->line[0], d->centre, d->angle, oddi_rng_range(&rng, 0.22f, 0.42f));
    } else if (w->defect == ODDI_SYNTH_SPOT) {
        d->radius = oddi_rng_range(&rng, 0.06f, 0.11f);
    } else if (w->defect == ODDI_SYNTH_BENT) {
        d->radius = oddi_rng_range(&rng, 0.14f, 0.22f);
    } else if (w->defect == ODDI_SYNTH_CONTAMINATION) {
        damage_particles(d, &rng);
    } else if (w->kind == ODDI_SYNTH_PARTS) {
        d->amount = fminf(d->amount, 1);
        d->radius = 1.5f;
    }
}

struct oddi_synth_point oddi_synth_damage_bend(const struct oddi_synth_scene *s,
                                               struct oddi_synth_point at)
{
    const struct oddi_synth_damage *d = &s->damage;
    float dx = at.x - d->centre.x, dy = at.y - d->centre.y;
    float t = 1 - (dx * dx + dy * dy) / (d->radius * d->radius);
    if (d->defect != ODDI_SYNTH_BENT || t <= 0)
        return at;
    return damage_toward(at, d->angle, d->amount * t * t);
}

/* How much of a line lies here, 0 to 1; *side is the signed distance in widths. The curve is
 * short, so walking it in pieces is exact enough. */
static float damage_on_line(const struct oddi_synth_line *line, struct oddi_synth_point at,
                            float *side)
{
    enum { PIECES = 24 };
    float best = 1e9f, where = 0, sign = 1;
    struct oddi_synth_point a = line->p[0];
    for (int i = 1; i <= PIECES; i++) {
        float t = (float)i / PIECES, u = 1 - t;
        struct oddi_synth_point b = {
            u * u * line->p[0].x + 2 * u * t * line->p[1].x + t * t * line->p[2].x,
            u * u * line->p[0].y + 2 * u * t * line->p[1].y + t * t * line->p[2].y};
        float ex = b.x - a.x, ey = b.y - a.y, px = at.x - a.x, py = at.y - a.y;
        float length = ex * ex + ey * ey + 1e-12f, k = (px * ex + py * ey) / length;
        k = k < 0 ? 0 : k > 1 ? 1 : k;
        float distance = hypotf(px - k * ex, py - k * ey);
        if (distance < best) {
            best = distance;
            where = ((float)i - 1 + k) / PIECES;
            sign = ex * py - ey * px < 0 ? -1.0f : 1.0f;
        }
        a = b;
    }
    *side = sign * best / line->width;
    return oddi_synth_step(0, 0.15f, where) * oddi_synth_step(1, 0.85f, where);
}

static void damage_tone(float rgb[3], float change, float warm)
{
    rgb[0] += change * (1 + warm);
    rgb[1] += change;
    rgb[2] += change * (1 - warm);
}

/* A groove: dark in its middle, a bright burr at one side. */
static void damage_scratch(const struct oddi_synth_damage *d, struct oddi_synth_point at,
                           float rgb[3])
{
    float side, weight = damage_on_line(&d->line[0], at, &side);
    float core = expf(-side * side * 1.4f), burr = expf(-(side - 1.6f) * (side - 1.6f) * 1.4f);
    float polarity = d->shape[0] < 0.6f ? -1.0f : 1.0f;
    damage_tone(rgb, polarity * d->amount * weight * (core - 0.6f * burr), 0);
}

static void damage_spot(const struct oddi_synth_damage *d, struct oddi_synth_point at,
                        float rgb[3])
{
    float edge = d->radius * (1 + 0.35f * oddi_synth_noise(at.x * 13, at.y * 13, d->key));
    float r = hypotf((at.x - d->centre.x) * (0.8f + 0.4f * d->shape[1]), at.y - d->centre.y);
    float weight = oddi_synth_step(edge * 1.25f, edge * 0.65f, r);
    float rim = 0.35f * expf(-fabsf(r - edge) / (0.18f * edge)); /* dried stains have a rim */
    float polarity = d->shape[0] < 0.65f ? -1.0f : 1.0f;
    damage_tone(rgb, polarity * d->amount * (0.75f * weight + rim), 0.35f * polarity);
}

static void damage_contamination(const struct oddi_synth_damage *d, struct oddi_synth_point at,
                                 float rgb[3])
{
    float side;
    for (int i = 0; i < d->lines; i++) {
        float weight = damage_on_line(&d->line[i], at, &side);
        damage_tone(rgb, d->amount * weight * expf(-side * side), 0.1f);
    }
    for (int i = 0; i < d->grains; i++) {
        float r = hypotf(at.x - d->grain[i].p.x, at.y - d->grain[i].p.y);
        float weight = oddi_synth_step(d->grain[i].radius, d->grain[i].radius * 0.5f, r);
        damage_tone(rgb, fabsf(d->amount) * d->grain[i].tone * weight, 0.1f);
    }
}

void oddi_synth_damage_paint(const struct oddi_synth_scene *s, struct oddi_synth_point at,
                             float rgb[3])
{
    const struct oddi_synth_damage *d = &s->damage;
    if (d->defect == ODDI_SYNTH_SCRATCH)
        damage_scratch(d, at, rgb);
    else if (d->defect == ODDI_SYNTH_SPOT)
        damage_spot(d, at, rgb);
    else if (d->defect == ODDI_SYNTH_CONTAMINATION)
        damage_contamination(d, at, rgb);
}
