/* SPDX-License-Identifier: Apache-2.0
 *
 * What the synth files share: the scene (everything drawn once per picture), noise as a pure
 * function of place, and one surface function per kind. Coordinates are in units of the picture's
 * side, so the size changes resolution and nothing else; colours are linear-ish in [0,1].
 */
#ifndef ODDI_DATA_SYNTH_SCENE_H
#define ODDI_DATA_SYNTH_SCENE_H
#include "base/rng.h"
#include "data/synth/synth.h"

#define ODDI_SYNTH_LOOKS 12
#define ODDI_SYNTH_LINES 3
#define ODDI_SYNTH_GRAINS 8

struct oddi_synth_point {
    float x, y;
};
/* A quadratic Bezier curve with a width, fading at its ends. */
struct oddi_synth_line {
    struct oddi_synth_point p[3];
    float width;
};
struct oddi_synth_damage {
    enum oddi_synth_defect defect;
    struct oddi_synth_point centre;
    float radius;   /* beyond it nothing changes */
    float angle;
    float amount;   /* size of the change, with its sign where one is drawn */
    float shape[4]; /* uniform draws for the kind's own use */
    uint32_t key;
    int lines, grains;
    struct oddi_synth_line line[ODDI_SYNTH_LINES];
    struct {
        struct oddi_synth_point p;
        float radius, tone;
    } grain[ODDI_SYNTH_GRAINS];
};
struct oddi_synth_scene {
    struct oddi_synth_which which;
    uint32_t key;                 /* of all noise in this picture */
    float cosine, sine;           /* pose */
    struct oddi_synth_point shift;
    float scale;
    float gain, contrast, tint[3]; /* tone */
    float light_x, light_y, vignette, noise;
    float look[ODDI_SYNTH_LOOKS]; /* uniform draws for the kind's own use */
    struct oddi_synth_damage damage;
};

/* noise.c */
uint32_t oddi_synth_mix(int32_t x, int32_t y, uint32_t key);
float oddi_synth_hash(int32_t x, int32_t y, uint32_t key);      /* [0,1) */
float oddi_synth_noise(float x, float y, uint32_t key);         /* smooth, about [-1,1] */
float oddi_synth_fbm(float x, float y, int octaves, uint32_t key); /* halving amplitudes */
float oddi_synth_step(float lo, float hi, float x);             /* smooth 0 to 1 */
float oddi_synth_lerp(float a, float b, float t);

/* Surfaces: colour at a place of the (already bent) surface. `missing` asks for the damaged one
 * where the damage is ODDI_SYNTH_MISSING. */
typedef void oddi_synth_surface(const struct oddi_synth_scene *scene, struct oddi_synth_point at,
                                bool missing, float rgb[3]);
oddi_synth_surface oddi_synth_weave, oddi_synth_wood, oddi_synth_speckle, oddi_synth_parts;

/* Picture to the part's own coordinates (centre 0, radius of the part about 1). */
struct oddi_synth_point oddi_synth_parts_place(const struct oddi_synth_scene *scene,
                                               struct oddi_synth_point at);
/* The inverse. */
struct oddi_synth_point oddi_synth_parts_picture(const struct oddi_synth_scene *scene,
                                                 struct oddi_synth_point part);

/* damage.c: the geometry of attempt `attempt`, and what it does to places and colours. */
void oddi_synth_damage_draw(struct oddi_synth_scene *scene, int attempt);
struct oddi_synth_point oddi_synth_damage_bend(const struct oddi_synth_scene *scene,
                                               struct oddi_synth_point at);
void oddi_synth_damage_paint(const struct oddi_synth_scene *scene, struct oddi_synth_point at,
                             float rgb[3]);
#endif
