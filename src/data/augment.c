/* SPDX-License-Identifier: Apache-2.0
 *
 * Augmentations; see augment.h. Each operation is a map from a place in the result to a place in
 * the picture, (y, x) -> (sy, sx), sampled by bilinear interpolation with edges repeated; the
 * exact ones (flip, rot90, shift) land on whole pixels, where interpolation changes nothing.
 */
#include "data/augment.h"

#include <math.h>
#include <string.h>

#include "base/str.h"

/* sx = a x + b y + c, sy = d x + e y + f, in pixels from the first pixel's centre. */
struct augment_map {
    float a, b, c, d, e, f;
};

static const struct augment_map augment_identity = {1, 0, 0, 0, 1, 0};

/* Keeps the centre of the picture where it is. */
static void augment_centre(struct augment_map *m, int64_t h, int64_t w)
{
    float cx = 0.5f * (float)(w - 1), cy = 0.5f * (float)(h - 1);
    m->c = cx - m->a * cx - m->b * cy;
    m->f = cy - m->d * cx - m->e * cy;
}

static bool augment_flip(struct oddi_rng *rng, int64_t h, int64_t w, struct augment_map *m)
{
    (void)h;
    m->a = -1;
    m->c = (float)(w - 1);
    return oddi_rng_below(rng, 2) == 1;
}

static bool augment_rot90(struct oddi_rng *rng, int64_t h, int64_t w, struct augment_map *m)
{
    static const float cosine[] = {1, 0, -1, 0}, sine[] = {0, 1, 0, -1};
    uint64_t k = h == w ? oddi_rng_below(rng, 4) : 2 * oddi_rng_below(rng, 2);
    m->a = m->e = cosine[k];
    m->b = -sine[k];
    m->d = sine[k];
    augment_centre(m, h, w);
    return k != 0;
}

static bool augment_rotate(struct oddi_rng *rng, int64_t h, int64_t w, struct augment_map *m)
{
    double angle = 2.0 * 3.14159265358979323846 * (double)oddi_rng_uniform(rng);
    m->a = m->e = (float)cos(angle);
    m->d = (float)sin(angle);
    m->b = -m->d;
    augment_centre(m, h, w);
    return true;
}

static bool augment_crop(struct oddi_rng *rng, int64_t h, int64_t w, struct augment_map *m)
{
    float scale = oddi_rng_range(rng, 0.8f, 1.0f);
    m->a = m->e = scale;
    m->c = oddi_rng_uniform(rng) * (1.0f - scale) * (float)(w - 1);
    m->f = oddi_rng_uniform(rng) * (1.0f - scale) * (float)(h - 1);
    return true;
}

static bool augment_shift(struct oddi_rng *rng, int64_t h, int64_t w, struct augment_map *m)
{
    int64_t my = h / 16, mx = w / 16;
    m->f = (float)((int64_t)oddi_rng_below(rng, (uint64_t)(2 * my + 1)) - my);
    m->c = (float)((int64_t)oddi_rng_below(rng, (uint64_t)(2 * mx + 1)) - mx);
    return m->f != 0 || m->c != 0;
}

/* Draws the map; false when it is the identity. The number of draws does not depend on them. */
static const struct {
    const char *name;
    bool (*draw)(struct oddi_rng *rng, int64_t h, int64_t w, struct augment_map *m);
} augment_ops[] = {{"flip", augment_flip},
                   {"rot90", augment_rot90},
                   {"rotate", augment_rotate},
                   {"crop", augment_crop},
                   {"shift", augment_shift}};

static odd_status augment_add(struct odd_context *ctx, const char *name, size_t length,
                              struct oddi_augment *augment)
{
    for (size_t i = 0; i < ODDI_COUNT(augment_ops); i++) {
        if (strlen(augment_ops[i].name) != length || memcmp(augment_ops[i].name, name, length))
            continue;
        if (augment->count == ODDI_AUGMENT_MAX)
            return oddi_fail(ctx, ODD_ECONFIG, "augment: more than %d operations",
                             ODDI_AUGMENT_MAX);
        augment->op[augment->count++] = (int)i;
        return ODD_OK;
    }
    return oddi_fail(ctx, ODD_ECONFIG,
                     "augment: '%.*s'; expected some of flip, rot90, rotate, crop, shift",
                     length > 40 ? 40 : (int)length, name);
}

odd_status oddi_augment_parse(struct odd_context *ctx, const char *text,
                              struct oddi_augment *augment)
{
    struct oddi_augment made = {0};
    const char *at = text && strcmp(text, "none") != 0 ? text : "";
    while (*at) {
        size_t length = strcspn(at, ",");
        odd_status status = augment_add(ctx, at, length, &made);
        if (status != ODD_OK)
            return status;
        at += length;
        at += *at == ',';
    }
    *augment = made;
    return ODD_OK;
}

static float augment_clamp(float v, int64_t n)
{
    return v < 0 ? 0 : v > (float)(n - 1) ? (float)(n - 1) : v;
}

struct augment_planes {
    const float *src; /* (channels, h, w) */
    float *dst;       /* (channels, h, w) */
    int channels;
    int64_t h, w;
};

static void augment_row(const struct augment_map *m, const struct augment_planes *p, int64_t y)
{
    int64_t h = p->h, w = p->w;
    for (int64_t x = 0; x < w; x++) {
        float sx = augment_clamp(m->a * (float)x + m->b * (float)y + m->c, w);
        float sy = augment_clamp(m->d * (float)x + m->e * (float)y + m->f, h);
        int64_t x0 = (int64_t)sx, y0 = (int64_t)sy;
        int64_t x1 = x0 + (x0 < w - 1), y1 = y0 + (y0 < h - 1);
        float fx = sx - (float)x0, fy = sy - (float)y0;
        for (int c = 0; c < p->channels; c++) {
            const float *s = p->src + (int64_t)c * h * w;
            float top = s[y0 * w + x0] + fx * (s[y0 * w + x1] - s[y0 * w + x0]);
            float low = s[y1 * w + x0] + fx * (s[y1 * w + x1] - s[y1 * w + x0]);
            p->dst[((int64_t)c * h + y) * w + x] = top + fy * (low - top);
        }
    }
}

void oddi_augment_run(const struct oddi_augment *augment, struct oddi_rng *rng, int channels,
                      const int64_t size[2], float *picture, float *scratch)
{
    size_t bytes = (size_t)channels * (size_t)(size[0] * size[1]) * sizeof(float);
    for (int i = 0; i < augment->count; i++) {
        struct augment_map map = augment_identity;
        const struct augment_planes planes = {scratch, picture, channels, size[0], size[1]};
        if (!augment_ops[augment->op[i]].draw(rng, size[0], size[1], &map))
            continue;
        memcpy(scratch, picture, bytes);
        for (int64_t y = 0; y < size[0]; y++)
            augment_row(&map, &planes, y);
    }
}
