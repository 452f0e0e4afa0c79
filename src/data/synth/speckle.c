/* SPDX-License-Identifier: Apache-2.0
 *
 * Polished stone: grains are the cells nearest to jittered points (Worley, SIGGRAPH 1996) at two
 * scales, each of one of four minerals, its edge dimmed; veins of slow noise shift which mineral
 * is frequent; flecks of dark mica lie over them.
 * Missing: a pit filled with fine cement, without grains.
 */
#include "data/synth/scene.h"

#include <math.h>

struct speckle_cell {
    int32_t x, y;
    float edge; /* second nearest minus nearest distance */
};

static struct speckle_cell speckle_nearest(float u, float v, uint32_t key)
{
    int32_t i = (int32_t)floorf(u), j = (int32_t)floorf(v);
    struct speckle_cell cell = {i, j, 0};
    float best = 1e9f, second = 1e9f;
    for (int32_t k = 0; k < 9; k++) {
        int32_t x = i + k % 3 - 1, y = j + k / 3 - 1;
        float dx = (float)x + oddi_synth_hash(x, y, key) - u;
        float dy = (float)y + oddi_synth_hash(x, y, key + 1) - v;
        float distance = sqrtf(dx * dx + dy * dy);
        if (distance < best) {
            second = best;
            best = distance;
            cell.x = x;
            cell.y = y;
        } else if (distance < second) {
            second = distance;
        }
    }
    cell.edge = second - best;
    return cell;
}

/* Tone of the mineral: feldspar, quartz, grey, dark; `shift` makes the dark ones more frequent. */
static float speckle_mineral(float draw, float shift)
{
    draw += shift;
    return draw < 0.34f ? 0.69f : draw < 0.62f ? 0.61f : draw < 0.86f ? 0.53f : 0.40f;
}

static float speckle_filled(const struct oddi_synth_scene *s, struct oddi_synth_point at)
{
    const struct oddi_synth_damage *d = &s->damage;
    float edge = d->amount * (1 + 0.45f * oddi_synth_noise(at.x * 16, at.y * 16, d->key));
    return oddi_synth_step(edge, edge * 0.88f,
                           hypotf(at.x - d->centre.x, at.y - d->centre.y));
}

void oddi_synth_speckle(const struct oddi_synth_scene *s, struct oddi_synth_point at,
                        bool missing, float rgb[3])
{
    float x = s->cosine * at.x - s->sine * at.y + s->shift.x;
    float y = s->sine * at.x + s->cosine * at.y + s->shift.y;
    float big = (15 + 4 * s->look[0]) * s->scale, small = 2.6f * big;
    float wx = x + 0.010f * oddi_synth_noise(x * 50, y * 50, s->key + 31);
    float wy = y + 0.010f * oddi_synth_noise(x * 50, y * 50, s->key + 32);
    struct speckle_cell a = speckle_nearest(wx * big, wy * big, s->key + 33);
    struct speckle_cell b = speckle_nearest(wx * small, wy * small, s->key + 35);
    float vein = 0.16f * oddi_synth_fbm(x * 2.2f, y * 2.2f, 3, s->key + 37);
    float tone = speckle_mineral(oddi_synth_hash(a.x, a.y, s->key + 38), vein);
    float fine = speckle_mineral(oddi_synth_hash(b.x, b.y, s->key + 39), vein);
    tone = oddi_synth_lerp(fine, tone, 0.62f);
    tone *= oddi_synth_lerp(0.86f, 1, oddi_synth_step(0, 0.16f, a.edge));
    tone *= 1 + 0.10f * oddi_synth_fbm(x * 60, y * 60, 2, s->key + 40);
    float warm = oddi_synth_hash(a.x, a.y, s->key + 41) - 0.5f;
    if (oddi_synth_hash(b.x, b.y, s->key + 42) < 0.035f + 0.03f * s->look[1])
        tone *= 0.62f;
    if (missing) {
        float filled = speckle_filled(s, at);
        float cement = 0.60f + 0.10f * oddi_synth_fbm(at.x * 70, at.y * 70, 3, s->damage.key + 1);
        tone = oddi_synth_lerp(tone, cement, filled);
        warm *= 1 - filled;
    }
    rgb[0] = tone * (1.02f + 0.14f * warm);
    rgb[1] = tone * (0.99f + 0.02f * warm);
    rgb[2] = tone * (0.96f - 0.10f * warm);
}
