/* SPDX-License-Identifier: Apache-2.0
 *
 * Methods over an expert's cells (cells.h).
 */
#include "method/cells.h"

#include <math.h>

#define CELLS_SIDE 32 /* the deepest stride */

int64_t oddi_cells_multiple(const struct oddi_values *v)
{
    (void)v;
    return CELLS_SIDE;
}

odd_status oddi_cells_check(struct odd_context *ctx, const struct oddi_values *v,
                            const struct oddi_geometry *in)
{
    const struct oddi_net *net = oddi_net_find(oddi_values_text(v, "network"));
    struct oddi_features features;
    if (!net)
        return oddi_fail(ctx, ODD_ECONFIG, "network=%s: no expert of that name is known",
                         oddi_values_text(v, "network"));
    if (in->channels != 1 && in->channels != 3)
        return oddi_fail(ctx, ODD_ECONFIG,
                         "an ImageNet expert sees grey or RGB pictures, not %lld bands",
                         (long long)in->channels);
    if (in->width < CELLS_SIDE || in->height < CELLS_SIDE)
        return oddi_fail(ctx, ODD_ECONFIG,
                         "an expert wants at least 32 x 32 pixels, not %lld x %lld",
                         (long long)in->width, (long long)in->height);
    return oddi_features_read(ctx, net, oddi_values_text(v, "taps"), &features);
}

void oddi_cells_build(struct oddi_build *b)
{
    struct oddi_features features;
    const struct oddi_net *net = oddi_net_find(oddi_values_text(b->values, "network"));
    struct oddi_graph *g = &b->graph;
    if (g->status != ODD_OK)
        return; /* the first failure stands */
    if (!net)
        g->status = oddi_fail(g->ctx, ODD_ECONFIG, "there is no expert");
    else
        g->status = oddi_features_read(g->ctx, net, oddi_values_text(b->values, "taps"), &features);
    if (g->status == ODD_OK)
        oddi_features_build(b, &features);
}

odd_status oddi_cells_rows(const struct oddi_measure *m, bool smooth, float *rows)
{
    float *scratch = oddi_alloc_array(m->ctx, oddi_features_scratch(m->build), sizeof(float));
    if (!scratch)
        return ODD_ENOMEM;
    oddi_features_rows(m->build, m->plan, smooth, scratch, rows);
    oddi_free(m->ctx, scratch);
    return ODD_OK;
}

bool oddi_cell_inside(const struct oddi_measure *m, const struct oddi_feature_grid *grid, int64_t i)
{
    const int64_t x = (2 * (i % grid->width) + 1) * m->in.width / (2 * grid->width);
    const int64_t y = (2 * (i / grid->width) + 1) * m->in.height / (2 * grid->height);
    return x >= m->x && x < m->x + m->width && y >= m->y && y < m->y + m->height;
}

odd_status oddi_cells_max(const struct oddi_measure *m, const struct oddi_feature_grid *grid,
                          const float *value, double *max)
{
    const int64_t count = grid->height * grid->width;
    *max = -HUGE_VAL;
    for (int64_t i = 0; i < count; i++) {
        if (!isfinite(value[i]))
            return oddi_fail(m->ctx, ODD_ENUMERIC, "the distance of cell %lld is not finite",
                             (long long)i);
        if (oddi_cell_inside(m, grid, i) && (double)value[i] > *max)
            *max = (double)value[i];
    }
    return *max > -HUGE_VAL
               ? ODD_OK
               : oddi_fail(m->ctx, ODD_EINVAL, "the picture covers no cell of the expert's grid");
}
