/* SPDX-License-Identifier: Apache-2.0
 *
 * One picture: draw the scene's numbers, then each pixel as the mean of 2 x 2 places
 *     place -> bend -> surface -> paint -> light -> sensor noise -> 8 bits.
 * Light (gain, slope, vignette, tint, contrast), pose and noise vary from picture to picture as
 * much as they do on a line, so that no statistic of the grey values alone tells damage from
 * lighting. A damaged picture is drawn twice, and the mask is where the two differ.
 */
#include "data/synth/scene.h"

#include <math.h>
#include <string.h>

#define DRAW_ATTEMPTS 24 /* places tried until the damage shows */

struct draw_manner {
    oddi_synth_surface *surface;
    float turn;     /* pose: up to this angle either way */
    float shift;    /* and so many sides */
    float zoom;     /* and so much larger or smaller */
    float light;    /* spread of gain, contrast and slope */
    float mean;     /* tone about which contrast turns */
};

static const struct draw_manner draw_manners[ODDI_SYNTH_KINDS] = {
    [ODDI_SYNTH_WEAVE] = {oddi_synth_weave, 0.09f, 50, 0.07f, 0.16f, 0.45f},
    [ODDI_SYNTH_WOOD] = {oddi_synth_wood, 0.12f, 50, 0.15f, 0.16f, 0.44f},
    [ODDI_SYNTH_SPECKLE] = {oddi_synth_speckle, 3.1416f, 50, 0.08f, 0.16f, 0.52f},
    [ODDI_SYNTH_PARTS] = {oddi_synth_parts, 0.12f, 0.012f, 0.012f, 0.08f, 0.40f},
};

static const char *const draw_kinds[] = {"weave", "wood", "speckle", "parts"};
static const char *const draw_defects[] = {"scratch", "spot", "bent", "missing", "contamination",
                                           "good"};

const char *oddi_synth_kind_name(enum oddi_synth_kind kind)
{
    return draw_kinds[kind];
}

const char *oddi_synth_defect_name(enum oddi_synth_defect defect)
{
    return draw_defects[defect];
}

static void draw_scene(struct oddi_synth_scene *s, const struct oddi_synth_which *which)
{
    const struct draw_manner *m = &draw_manners[which->kind];
    struct oddi_rng rng;
    memset(s, 0, sizeof(*s));
    s->which = *which;
    oddi_rng_init(&rng, which->seed, ODDI_RNG_SYNTH,
                  (uint64_t)(which->kind * 64 + which->part * 8), (uint64_t)which->index);
    s->key = oddi_rng_u32(&rng);
    float angle = oddi_rng_range(&rng, -m->turn, m->turn);
    s->cosine = cosf(angle);
    s->sine = sinf(angle);
    s->shift.x = oddi_rng_range(&rng, -m->shift, m->shift);
    s->shift.y = oddi_rng_range(&rng, -m->shift, m->shift);
    s->scale = 1 + oddi_rng_range(&rng, -m->zoom, m->zoom);
    s->gain = 1 + oddi_rng_range(&rng, -m->light, m->light);
    s->contrast = 1 + oddi_rng_range(&rng, -m->light, m->light);
    for (int c = 0; c < 3; c++)
        s->tint[c] = 1 + oddi_rng_range(&rng, -0.025f, 0.025f);
    s->light_x = oddi_rng_range(&rng, -m->light, m->light);
    s->light_y = oddi_rng_range(&rng, -m->light, m->light);
    s->vignette = oddi_rng_range(&rng, 0, 0.25f);
    s->noise = oddi_rng_range(&rng, 0.008f, 0.026f);
    for (int i = 0; i < ODDI_SYNTH_LOOKS; i++)
        s->look[i] = oddi_rng_uniform(&rng);
}

/* Sum of four uniform numbers: near enough to a normal one, and bounded. */
static float draw_noise(int32_t x, int32_t y, uint32_t key)
{
    float sum = -2;
    for (uint32_t i = 0; i < 4; i++)
        sum += oddi_synth_hash(x, y, key + i * 0x9e3779b9u);
    return sum * 1.7320508f;
}

static void draw_light(const struct oddi_synth_scene *s, struct oddi_synth_point at, float rgb[3])
{
    float mean = draw_manners[s->which.kind].mean;
    float x = at.x - 0.5f, y = at.y - 0.5f;
    float light = s->gain * (1 + 2 * s->light_x * x + 2 * s->light_y * y) *
                  (1 - s->vignette * (x * x + y * y) * 2);
    for (int c = 0; c < 3; c++)
        rgb[c] = (mean + (rgb[c] - mean) * s->contrast) * light * s->tint[c];
}

static void draw_pixel(const struct oddi_synth_scene *s, int x, int y, bool damaged,
                       unsigned char out[3])
{
    float side = (float)s->which.size, sum[3] = {0, 0, 0};
    bool missing = damaged && s->damage.defect == ODDI_SYNTH_MISSING;
    for (int k = 0; k < 4; k++) {
        struct oddi_synth_point at = {((float)x + 0.25f + 0.5f * (float)(k & 1)) / side,
                                      ((float)y + 0.25f + 0.5f * (float)(k >> 1)) / side};
        struct oddi_synth_point bent = damaged ? oddi_synth_damage_bend(s, at) : at;
        float rgb[3];
        draw_manners[s->which.kind].surface(s, bent, missing, rgb);
        if (damaged)
            oddi_synth_damage_paint(s, at, rgb);
        draw_light(s, at, rgb);
        for (int c = 0; c < 3; c++)
            sum[c] += 0.25f * rgb[c];
    }
    float grey = draw_noise(x, y, s->key + 101);
    for (int c = 0; c < 3; c++) {
        float own = draw_noise(x, y, s->key + 111 + (uint32_t)c);
        float v = (sum[c] + s->noise * (0.8f * grey + 0.5f * own)) * 255 + 0.5f;
        out[c] = (unsigned char)(v < 0 ? 0 : v > 255 ? 255 : v);
    }
}

static bool draw_differs(const unsigned char *a, const unsigned char *b)
{
    for (int c = 0; c < 3; c++)
        if (a[c] - b[c] > ODDI_SYNTH_MASK_LEVEL || b[c] - a[c] > ODDI_SYNTH_MASK_LEVEL)
            return true;
    return false;
}

/* Draws the damage over the normal picture in rgb; returns the number of changed pixels. With
 * `write` false it only counts. Places beyond the damage's reach are left alone. */
static int64_t draw_damage(const struct oddi_synth_scene *s, unsigned char *rgb,
                           unsigned char *mask, bool write)
{
    const struct oddi_synth_damage *d = &s->damage;
    int size = s->which.size;
    float reach = (d->radius * 1.5f + 0.02f) * (float)size;
    int64_t changed = 0;
    for (int y = 0; y < size; y++) {
        for (int x = 0; x < size; x++) {
            unsigned char damaged[3], *normal = rgb + 3 * ((int64_t)y * size + x);
            if (fabsf((float)x - d->centre.x * (float)size) > reach ||
                fabsf((float)y - d->centre.y * (float)size) > reach)
                continue;
            draw_pixel(s, x, y, true, damaged);
            bool differs = draw_differs(damaged, normal);
            changed += differs;
            if (write && mask != NULL)
                mask[(int64_t)y * size + x] = differs ? 255 : 0;
            if (write)
                memcpy(normal, damaged, 3);
        }
    }
    return changed;
}

int64_t oddi_synth_draw(const struct oddi_synth_which *which, unsigned char *rgb,
                        unsigned char *mask)
{
    struct oddi_synth_scene s;
    int size = which->size;
    int64_t wanted = 4 + (int64_t)size * size / 400;
    draw_scene(&s, which);
    for (int y = 0; y < size; y++)
        for (int x = 0; x < size; x++)
            draw_pixel(&s, x, y, false, rgb + 3 * ((int64_t)y * size + x));
    if (mask != NULL)
        memset(mask, 0, (size_t)size * (size_t)size);
    if (which->defect == ODDI_SYNTH_NONE)
        return 0;
    /* A defect that hardly shows (a thread's gap under another, a dark spot in the dark) is drawn
     * elsewhere; what cannot show at this strength is kept as it is. */
    for (int attempt = 0; attempt < DRAW_ATTEMPTS; attempt++) {
        oddi_synth_damage_draw(&s, attempt);
        if (draw_damage(&s, rgb, mask, false) >= wanted)
            break;
    }
    return draw_damage(&s, rgb, mask, true);
}
