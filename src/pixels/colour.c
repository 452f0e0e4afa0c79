/* SPDX-License-Identifier: Apache-2.0
 *
 * The colour scale is a path in OKLab (B. Ottosson, "A perceptual color space for image
 * processing", 2020): for t in [0, 1]
 *
 *   L = 0.22 + 0.68 t                       lightness, monotone by construction             (1)
 *   H = 285 deg + 185 deg t                 hue: violet-blue, magenta, red, orange, yellow  (2)
 *   C = the largest chroma up to 0.24 that sRGB can show at that L and H                    (3)
 *
 * Only C is cut where sRGB ends, so L stays as (1) says. OKLab to linear sRGB is Ottosson's pair
 * of matrices with cubes between; then the sRGB transfer curve (IEC 61966-2-1).
 */
#include "pixels/colour.h"

#include <math.h>

#include "pixels/resize.h"

#define COLOUR_PI 3.14159265358979323846

static void colour_to_linear(double lightness, double chroma, double hue, double rgb[3])
{
    const double a = chroma * cos(hue), b = chroma * sin(hue);
    const double l = pow(lightness + 0.3963377774 * a + 0.2158037573 * b, 3.0);
    const double m = pow(lightness - 0.1055613458 * a - 0.0638541728 * b, 3.0);
    const double s = pow(lightness - 0.0894841775 * a - 1.2914855480 * b, 3.0);

    rgb[0] = 4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s;
    rgb[1] = -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s;
    rgb[2] = -0.0041960863 * l - 0.7034186147 * m + 1.7076147010 * s;
}

static bool colour_shown(const double rgb[3])
{
    for (int i = 0; i < 3; i++)
        if (rgb[i] < 0.0 || rgb[i] > 1.0)
            return false;
    return true;
}

static uint8_t colour_encode(double v)
{
    const double e = v <= 0.0031308 ? 12.92 * v : 1.055 * pow(v, 1.0 / 2.4) - 0.055;

    return (uint8_t)floor(255.0 * fmin(fmax(e, 0.0), 1.0) + 0.5);
}

void oddi_colour_table(uint8_t table[ODDI_COLOURS][3])
{
    for (int i = 0; i < ODDI_COLOURS; i++) {
        const double t = (double)i / (ODDI_COLOURS - 1);
        const double lightness = 0.22 + 0.68 * t;                     /* eq. 1 */
        const double hue = (285.0 + 185.0 * t) * COLOUR_PI / 180.0;   /* eq. 2 */
        double low = 0.0, high = 0.24, rgb[3];

        for (int step = 0; step < 24; step++) { /* eq. 3, by halving; grey is always shown */
            const double middle = 0.5 * (low + high);

            colour_to_linear(lightness, middle, hue, rgb);
            if (colour_shown(rgb))
                low = middle;
            else
                high = middle;
        }
        colour_to_linear(lightness, low, hue, rgb);
        for (int c = 0; c < 3; c++)
            table[i][c] = colour_encode(rgb[c]);
    }
}

/* Grey of pixel i in [0, 1]: Rec. 601 luma of three bands, else the mean of the bands. */
static float colour_grey(const struct oddi_picture *p, int64_t i)
{
    static const float luma[3] = {0.299f, 0.587f, 0.114f};
    float sum = 0.0f;

    for (int b = 0; b < p->bands; b++) {
        const int64_t at = i * p->bands + b;
        const float v = p->type == ODD_U8    ? (float)((const uint8_t *)p->data)[at] / 255.0f
                        : p->type == ODD_U16 ? (float)((const uint16_t *)p->data)[at] / 65535.0f
                                             : ((const float *)p->data)[at];

        sum += p->bands == 3 ? luma[b] * v : v / (float)p->bands;
    }
    return sum > 0.0f ? fminf(sum, 1.0f) : 0.0f;
}

/* The heat map as positions on the scale, [0, 1], at the picture's size. */
static odd_status colour_positions(struct odd_context *ctx, const struct oddi_heat *heat,
                                   int64_t width, int64_t height, struct oddi_planes *out)
{
    struct oddi_planes at_map = {0, 0, 0, NULL};
    const double span = (double)heat->hi - (double)heat->lo;
    odd_status status;

    TRY(oddi_planes_init(ctx, heat->width, heat->height, 1, &at_map));
    for (int64_t i = 0; i < heat->width * heat->height; i++) {
        const float v = isfinite(heat->map[i]) ? heat->map[i] : heat->lo;

        at_map.data[i] = (float)fmin(fmax(((double)v - (double)heat->lo) / span, 0.0), 1.0);
    }
    TRY(oddi_planes_resize(ctx, &at_map, width, height, out));
out:
    oddi_planes_release(ctx, &at_map);
    return status;
}

odd_status oddi_overlay(struct odd_context *ctx, const struct oddi_picture *picture,
                        const struct oddi_heat *heat, struct oddi_picture **out)
{
    struct oddi_planes at = {0, 0, 0, NULL};
    struct oddi_picture *result = NULL;
    uint8_t table[ODDI_COLOURS][3], *rgb;
    odd_status status;

    if (!(heat->lo < heat->hi) || !isfinite(heat->lo) || !isfinite(heat->hi))
        return oddi_fail(ctx, ODD_EINVAL, "overlay: the scale from %g to %g is empty",
                         (double)heat->lo, (double)heat->hi);
    oddi_colour_table(table);
    TRY(colour_positions(ctx, heat, picture->width, picture->height, &at));
    TRY(oddi_picture_new(ctx, picture->width, picture->height, 3, ODD_U8, &result));
    rgb = result->data;
    for (int64_t i = 0; i < picture->width * picture->height; i++) {
        const float t = fminf(fmaxf(at.data[i], 0.0f), 1.0f);
        const uint8_t *colour = table[(int)(t * (ODDI_COLOURS - 1) + 0.5f)];
        const float share = 0.30f + 0.45f * t, grey = 255.0f * colour_grey(picture, i);

        for (int c = 0; c < 3; c++)
            rgb[i * 3 + c] = (uint8_t)((1.0f - share) * grey + share * (float)colour[c] + 0.5f);
    }
    *out = result;
out:
    oddi_planes_release(ctx, &at);
    return status;
}
