/* SPDX-License-Identifier: Apache-2.0
 *
 * Equation (6) of mkd.c, G = d score / d input, and its variants:
 *
 *   localise=gradient  squash(G), squash(G) = clip((g - min g) / (p99 g - min g), 0, 1),
 *                      g = sum over channels of |G|, p99 its 99th percentile
 *   localise=smooth    the mean of squash(G) over copies of the input with Gaussian noise (Smilkov
 *                      et al., SmoothGrad, 2017), then stretched to [0, 1]; deviation of the noise:
 *                      (0.05 / (max - min of the input))^2 in the published code, which on pictures
 *                      that fill [0, 1] is 0.0025; 0.05 (max - min) as the method is usually given
 *   localise=guided    squash(G) with the guided rule at each ReLU of the cloner (graph/ops/act.c),
 *                      stretched to [0, 1]
 *
 * The noise of copy k is one field for all pictures, drawn by (seed of MKD, k): a map depends on
 * its picture alone.
 */
#include "method/mkd/gradient.h"

#include <math.h>
#include <string.h>

#include "base/rng.h"
#include "score/map.h"

#define GRADIENT_SEED 20113 /* of the noise, whatever the training's */
#define GRADIENT_CUT 0.99

static odd_status gradient_squash(const struct oddi_measure *m)
{
    const float *g = oddi_plan_output(m->plan, oddi_build_find(m->build, "gradient"));
    const int64_t plane = m->in.width * m->in.height;
    odd_status status = ODD_OK;
    double low = 0, high = 0;
    for (int64_t i = 0; i < plane; i++) {
        double sum = 0;
        for (int64_t c = 0; c < 3; c++)
            sum += fabs((double)g[c * plane + i]);
        m->map[i] = (float)sum;
    }
    TRY(oddi_map_quantile(m->ctx, m->map, (size_t)plane, 0.0, &low));
    TRY(oddi_map_quantile(m->ctx, m->map, (size_t)plane, GRADIENT_CUT, &high));
    const double span = high > low ? high - low : 1.0;
    for (int64_t i = 0; i < plane; i++) {
        const double v = ((double)m->map[i] - low) / span;
        m->map[i] = (float)(v < 1.0 ? v : 1.0);
    }
out:
    return status;
}

/* To [0, 1] by the least and the largest value; a constant becomes 0. */
static void gradient_stretch(const struct oddi_measure *m)
{
    const int64_t plane = m->in.width * m->in.height;
    float low = m->map[0], high = m->map[0];
    for (int64_t i = 1; i < plane; i++) {
        low = m->map[i] < low ? m->map[i] : low;
        high = m->map[i] > high ? m->map[i] : high;
    }
    const float span = high > low ? high - low : 1.0f;
    for (int64_t i = 0; i < plane; i++)
        m->map[i] = (m->map[i] - low) / span;
}

/* ---- SmoothGrad ---- */

double oddi_mkd_noise(const struct oddi_values *v, double low, double high)
{
    const double span = high - low;
    if (!(span > 0))
        return 0.0;
    if (oddi_values_is(v, "smooth-noise", "range"))
        return 0.05 * span;
    return (0.05 / span) * (0.05 / span);
}

struct gradient_smooth {
    const struct oddi_measure *m;
    const struct oddi_node *noise;
    size_t floats;
    double sd;
    float *field; /* the noise */
    double *sum;  /* of the maps */
};

static odd_status gradient_copy(struct gradient_smooth *s, int64_t k)
{
    const struct oddi_measure *m = s->m;
    const int64_t plane = m->in.width * m->in.height;
    odd_status status = ODD_OK;
    struct oddi_rng rng;
    oddi_rng_init(&rng, GRADIENT_SEED, ODDI_RNG_NOISE, (uint64_t)k, 0);
    for (size_t i = 0; i < s->floats; i++)
        s->field[i] = (float)(s->sd * (double)oddi_rng_normal(&rng));
    TRY(oddi_plan_set(m->plan, s->noise, s->field));
    TRY(oddi_plan_run(m->plan));
    TRY(gradient_squash(m));
    for (int64_t i = 0; i < plane; i++)
        s->sum[i] += (double)m->map[i];
out:
    return status;
}

/* The deviation of the noise for this picture, from what the networks see of it. */
static double gradient_deviation(const struct oddi_measure *m)
{
    const struct oddi_node *seen = oddi_build_find(m->build, "seen");
    const float *x = oddi_plan_output(m->plan, seen);
    const int64_t n = oddi_shape_count(&seen->shape);
    float low = x[0], high = x[0];
    for (int64_t i = 1; i < n; i++) {
        low = x[i] < low ? x[i] : low;
        high = x[i] > high ? x[i] : high;
    }
    return oddi_mkd_noise(m->values, (double)low, (double)high);
}

static odd_status gradient_smooth(const struct oddi_measure *m)
{
    odd_status status = ODD_OK;
    const int64_t plane = m->in.width * m->in.height,
                  copies = oddi_values_int(m->values, "smooth-copies");
    struct gradient_smooth s = {
        .m = m, .noise = oddi_find_node(&m->build->graph, MKD_NOISE), .sd = gradient_deviation(m)};
    s.floats = (size_t)oddi_shape_count(&s.noise->shape);
    s.field = oddi_alloc_array(m->ctx, s.floats, sizeof(float));
    s.sum = oddi_calloc(m->ctx, (size_t)plane, sizeof(double));
    if (!s.field || !s.sum) {
        status = ODD_ENOMEM;
        goto out;
    }
    for (int64_t k = 0; status == ODD_OK && k < copies; k++)
        status = gradient_copy(&s, k);
    for (int64_t i = 0; i < plane; i++)
        m->map[i] = (float)(s.sum[i] / (double)copies);
    memset(s.field, 0, s.floats * sizeof(float)); /* the next picture's score is without noise */
    const odd_status clean = oddi_plan_set(m->plan, s.noise, s.field);
    status = status == ODD_OK ? clean : status;
out:
    oddi_free(m->ctx, s.field);
    oddi_free(m->ctx, s.sum);
    return status;
}

odd_status oddi_mkd_gradient(const struct oddi_measure *m)
{
    const bool smooth = oddi_values_is(m->values, "localise", "smooth");
    const odd_status status = smooth ? gradient_smooth(m) : gradient_squash(m);
    if (status == ODD_OK && !oddi_values_is(m->values, "localise", "gradient"))
        gradient_stretch(m);
    return status;
}
