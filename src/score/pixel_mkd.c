/* SPDX-License-Identifier: Apache-2.0
 *
 * Two histograms of the masks' weight (pixel_mkd.h): one by threshold for maps in [0, 1], one by
 * the upper bits of the value for all others, as their range is known only at the end.
 */
#include "score/pixel_mkd.h"

#include <math.h>

#include "base/alloc.h"
#include "score/map.h"
#include "score/sort.h"

enum {
    MKD_STEPS = 1000,
    MKD_SHIFT = 12, /* bits of a value's key that are dropped: sign, exponent, 11 bits stay */
    MKD_BINS = 1 << (32 - MKD_SHIFT),
    MKD_PIXELS = ODDI_PIXEL_MKD_SIDE * ODDI_PIXEL_MKD_SIDE
};

struct mkd_bin {
    double anomalous, normal; /* sums of mask and 1 - mask */
};
struct oddi_pixel_mkd {
    struct odd_context *ctx;
    struct mkd_bin step[MKD_STEPS]; /* values from t_k to below t_(k+1) */
    struct mkd_bin *bin;            /* by key */
    float least, most;
    float scratch[MKD_PIXELS];
};

odd_status oddi_pixel_mkd_new(struct odd_context *ctx, struct oddi_pixel_mkd **p)
{
    struct oddi_pixel_mkd *made = oddi_calloc(ctx, 1, sizeof(*made));
    if (!made)
        return ODD_ENOMEM;
    made->ctx = ctx;
    made->least = HUGE_VALF;
    made->most = -HUGE_VALF;
    made->bin = oddi_calloc(ctx, MKD_BINS, sizeof(*made->bin));
    if (!made->bin) {
        oddi_free(ctx, made);
        return ODD_ENOMEM;
    }
    *p = made;
    return ODD_OK;
}

void oddi_pixel_mkd_free(struct oddi_pixel_mkd *p)
{
    if (!p)
        return;
    oddi_free(p->ctx, p->bin);
    oddi_free(p->ctx, p);
}

/* The last threshold that v, in [0, 1], reaches. */
static int mkd_step(double v)
{
    int k = (int)(v * MKD_STEPS);
    if (k + 1 < MKD_STEPS && v >= (double)(k + 1) / MKD_STEPS)
        k++;
    else if (k > 0 && v < (double)k / MKD_STEPS)
        k--;
    return k < MKD_STEPS ? k : MKD_STEPS - 1;
}

static void mkd_put(struct mkd_bin *bin, double anomalous, double normal)
{
    bin->anomalous += anomalous;
    bin->normal += normal;
}

void oddi_pixel_mkd_add(struct oddi_pixel_mkd *p, float *map, const float *mask)
{
    oddi_map_open(map, ODDI_PIXEL_MKD_SIDE, ODDI_PIXEL_MKD_SIDE, p->scratch);
    for (int i = 0; i < MKD_PIXELS; i++) {
        const double m = (double)mask[i];
        p->least = map[i] < p->least ? map[i] : p->least;
        p->most = map[i] > p->most ? map[i] : p->most;
        mkd_put(&p->bin[oddi_float_key(map[i]) >> MKD_SHIFT], m, 1.0 - m);
        if (map[i] >= 0.0f && map[i] <= 1.0f)
            mkd_put(&p->step[mkd_step((double)map[i])], m, 1.0 - m);
    }
}

/* The bins, a value for each, as steps between least and most. */
static void mkd_scale(const struct oddi_pixel_mkd *p, struct mkd_bin step[MKD_STEPS])
{
    const double low = (double)p->least, span = (double)p->most - low;
    for (int i = 0; i < MKD_STEPS; i++)
        step[i] = (struct mkd_bin){0, 0};
    for (int64_t i = 0; i < MKD_BINS; i++) {
        if (p->bin[i].anomalous == 0 && p->bin[i].normal == 0)
            continue;
        const float value = oddi_key_float((uint32_t)i << MKD_SHIFT);
        const double v = span > 0 ? ((double)value - low) / span : 0.0;
        mkd_put(&step[v > 0 ? mkd_step(v < 1 ? v : 1.0) : 0], p->bin[i].anomalous,
                p->bin[i].normal);
    }
}

double oddi_pixel_mkd_auroc(const struct oddi_pixel_mkd *p)
{
    struct mkd_bin step[MKD_STEPS], total = {0, 0}, above = {0, 0};
    const bool unit = p->least >= 0.0f && p->most <= 1.0f;
    double area = 0, tpr = 0, fpr = 0;
    if (!unit)
        mkd_scale(p, step);
    const struct mkd_bin *from = unit ? p->step : step;
    for (int k = 0; k < MKD_STEPS; k++)
        mkd_put(&total, from[k].anomalous, from[k].normal);
    if (!(total.anomalous > 0 && total.normal > 0))
        return NAN;
    for (int k = MKD_STEPS - 1; k >= 0; k--) {
        mkd_put(&above, from[k].anomalous, from[k].normal);
        const double t = above.anomalous / total.anomalous, f = above.normal / total.normal;
        if (k < MKD_STEPS - 1)
            area += 0.5 * (t + tpr) * (f - fpr);
        tpr = t;
        fpr = f;
    }
    return area;
}
