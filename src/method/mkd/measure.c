/* SPDX-License-Identifier: Apache-2.0
 *
 * Equations (4) and (5) of mkd.c for one picture, and what becomes of every map; gradient.c has
 * (6). Sums run in double in a fixed order.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "method/mkd/gradient.h"
#include "score/map.h"

enum { MEASURE_TOTAL, MEASURE_DIRECTION, MEASURE_VALUE };

/* One critical point: both maps, plain (C, H, W). */
struct measure_point {
    const float *a, *c;
    int64_t channels, height, width;
};

static bool measure_find(const struct oddi_measure *m, int i, struct measure_point *p)
{
    char name[16];
    snprintf(name, sizeof(name), "expert.%d", i + 1);
    const struct oddi_node *a = oddi_build_find(m->build, name);
    snprintf(name, sizeof(name), "cloner.%d", i + 1);
    const struct oddi_node *c = oddi_build_find(m->build, name);
    if (!a || !c)
        return false;
    *p = (struct measure_point){oddi_plan_output(m->plan, a), oddi_plan_output(m->plan, c),
                                a->shape.dim[1], a->shape.dim[2], a->shape.dim[3]};
    return true;
}

/* 1 - cosine, and the sum of squared differences, of `count` numbers `step` apart from `first` on:
 * a whole map (4), or one cell through all channels (5). */
static void measure_terms(const struct measure_point *p, const int64_t span[3], double *direction,
                          double *square)
{
    const int64_t first = span[0], step = span[1], count = span[2];
    double ac = 0, aa = 0, cc = 0, dd = 0;
    for (int64_t i = 0; i < count; i++) {
        const double a = (double)p->a[first + i * step], c = (double)p->c[first + i * step];
        ac += a * c;
        aa += a * a;
        cc += c * c;
        dd += (a - c) * (a - c);
    }
    *direction = 1.0 - ac / ((sqrt(aa) + MKD_NORM_LEAST) * (sqrt(cc) + MKD_NORM_LEAST));
    *square = dd;
}

/* Cells of one point, then their bilinear up-sampling added to the map. */
static void measure_add(const struct oddi_measure *m, const struct measure_point *p)
{
    const struct mkd_weights w = oddi_mkd_score_weights(m->values);
    const int64_t plane = p->height * p->width;
    for (int64_t at = 0; at < plane; at++) {
        double direction, square;
        measure_terms(p, (const int64_t[3]){at, plane, p->channels}, &direction, &square);
        m->scratch[at] = (float)(w.direction * direction + w.value * square / (double)p->channels);
    }
    const int64_t cells[2] = {p->width, p->height};
    oddi_map_add_upsampled(m->scratch, cells, m->map, m->in.width, m->in.height);
}

/* The components, and (5) where no gradient is asked for. */
static void measure_points(const struct oddi_measure *m, bool map)
{
    double *out = m->component;
    struct measure_point p;
    out[MEASURE_DIRECTION] = out[MEASURE_VALUE] = 0.0;
    for (int i = 0; i < MKD_POINTS_MAX; i++) {
        if (!measure_find(m, i, &p))
            continue;
        const int64_t all[3] = {0, 1, p.channels * p.height * p.width};
        double direction, square;
        measure_terms(&p, all, &direction, &square);
        out[MEASURE_DIRECTION] += direction;
        out[MEASURE_VALUE] += square / (double)all[2];
        if (map)
            measure_add(m, &p);
    }
    out[MEASURE_TOTAL] = out[MEASURE_DIRECTION] + oddi_mkd_lambda(m->values) * out[MEASURE_VALUE];
}

odd_status oddi_mkd_measure(const struct oddi_measure *m)
{
    odd_status status = ODD_OK;
    const bool gradient = oddi_mkd_has_gradient(m->values);
    const int64_t side = m->in.width < m->in.height ? m->in.width : m->in.height;
    const size_t bytes = (size_t)(m->in.width * m->in.height) * sizeof(float);
    const double sigma = oddi_values_float(m->values, "sigma") * (double)side / 128.0;
    const struct oddi_smoothing smoothing = {sigma, (int)ceil(4.0 * sigma)};
    memset(m->map, 0, bytes);
    measure_points(m, !gradient);
    if (gradient)
        TRY(oddi_mkd_gradient(m));
    TRY(oddi_map_smooth(m->ctx, m->map, m->in.width, m->in.height, &smoothing, m->scratch));
    memcpy(m->map, m->scratch, bytes);
    if (gradient)
        oddi_map_open(m->map, m->in.width, m->in.height, m->scratch);
out:
    return status;
}

double oddi_mkd_combine(const struct oddi_values *v, const double *component,
                        const struct oddi_spread *spread)
{
    const struct mkd_weights w = oddi_mkd_score_weights(v);
    (void)spread;
    if (w.value == 0)
        return component[MEASURE_DIRECTION];
    if (w.direction == 0)
        return component[MEASURE_VALUE];
    return component[MEASURE_TOTAL];
}
