/* SPDX-License-Identifier: Apache-2.0
 *
 * Equations (9) and (10) of daad.c for one picture. Only the part of the input where the picture
 * lies counts; padding is left out of every mean. Sums run in double in a fixed order.
 */
#include <math.h>
#include <string.h>

#include "method/daad/daad.h"
#include "score/map.h"

enum { MEASURE_R, MEASURE_TOP1, MEASURE_MAX, MEASURE_A };

/* Channel means of (x - G(x))^2 inside the picture into `error`, row by row; their mean is R. */
static double measure_error(const struct oddi_measure *m, const float *made, float *error)
{
    const int64_t plane = m->in.width * m->in.height;
    double sum = 0.0;
    for (int64_t y = 0; y < m->height; y++)
        for (int64_t x = 0; x < m->width; x++) {
            const int64_t at = (m->y + y) * m->in.width + m->x + x;
            double e = 0.0;
            for (int64_t c = 0; c < m->in.channels; c++) {
                const double d = (double)m->picture[c * plane + at] - (double)made[c * plane + at];
                e += d * d;
            }
            e /= (double)m->in.channels;
            error[y * m->width + x] = (float)e;
            sum += e;
        }
    return sum / (double)(m->width * m->height);
}

/* Back from the picture's rectangle to the whole input; padding gets 0. */
static void measure_place(const struct oddi_measure *m, const float *inner)
{
    memset(m->map, 0, (size_t)(m->in.width * m->in.height) * sizeof(float));
    for (int64_t y = 0; y < m->height; y++)
        memcpy(m->map + (m->y + y) * m->in.width + m->x, inner + y * m->width,
               (size_t)m->width * sizeof(float));
}

/* A of (9); 0 without a discriminator. */
static double measure_features(const struct oddi_measure *m)
{
    const struct oddi_node *a = oddi_build_find(m->build, "feature.real");
    const struct oddi_node *b = oddi_build_find(m->build, "feature.made");
    if (!a || !b)
        return 0.0;
    const float *x = oddi_plan_output(m->plan, a), *y = oddi_plan_output(m->plan, b);
    const int64_t n = oddi_shape_count(&a->shape);
    double sum = 0.0;
    for (int64_t i = 0; i < n; i++)
        sum += ((double)x[i] - (double)y[i]) * ((double)x[i] - (double)y[i]);
    return sum / (double)n;
}

odd_status oddi_daad_measure(const struct oddi_measure *m)
{
    odd_status status = ODD_OK;
    const float *made = oddi_plan_output(m->plan, oddi_build_find(m->build, "made"));
    const int64_t side = m->in.width < m->in.height ? m->in.width : m->in.height;
    const double sigma = oddi_values_float(m->values, "sigma") * (double)side / 256.0;
    const size_t count = (size_t)(m->width * m->height);
    double *out = m->component;
    out[MEASURE_R] = measure_error(m, made, m->map);
    const struct oddi_smoothing smoothing = {sigma, (int)ceil(2.0 * sigma)};
    TRY(oddi_map_smooth(m->ctx, m->map, m->width, m->height, &smoothing, m->scratch));
    TRY(oddi_map_top_mean(m->ctx, m->scratch, count, 0.01, &out[MEASURE_TOP1]));
    TRY(oddi_map_max(m->ctx, m->scratch, count, &out[MEASURE_MAX]));
    out[MEASURE_A] = measure_features(m);
    measure_place(m, m->scratch);
out:
    return status;
}

double oddi_daad_combine(const struct oddi_values *v, const double *component,
                         const struct oddi_spread *spread)
{
    const char *score = oddi_values_text(v, "score");
    const bool plus = oddi_values_is(v, "variant", "daad+");
    if (strcmp(score, "auto") == 0)
        score = plus ? "ra" : "r";
    if (strcmp(score, "top1") == 0)
        return component[MEASURE_TOP1];
    if (strcmp(score, "max") == 0)
        return component[MEASURE_MAX];
    if (strcmp(score, "a") == 0)
        return component[MEASURE_A];
    if (strcmp(score, "r") == 0)
        return component[MEASURE_R];
    double ra = 0.0;
    for (int i = MEASURE_R; i <= MEASURE_A; i += MEASURE_A - MEASURE_R)
        ra += 0.5 * (component[i] - spread->location[i]) / spread->scale[i];
    return ra;
}
