/* SPDX-License-Identifier: Apache-2.0
 *
 * Smoothing, and numbers of a map (maps.h).
 */
#include "method/maps.h"

#include <math.h>
#include <string.h>

#include "score/map.h"

odd_status oddi_maps_smooth(const struct oddi_measure *m, double sigma, double at)
{
    const int64_t side = m->in.width < m->in.height ? m->in.width : m->in.height;
    const double scaled = sigma * (double)side / at;
    const struct oddi_smoothing smoothing = {scaled, (int)ceil(4.0 * scaled)};
    return oddi_map_smooth(m->ctx, m->scratch, m->in.width, m->in.height, &smoothing, m->map);
}

odd_status oddi_maps_from_cells(const struct oddi_measure *m, const float *cell,
                                const int64_t cells[2], double sigma, double at)
{
    memset(m->scratch, 0, (size_t)(m->in.width * m->in.height) * sizeof(float));
    oddi_map_add_upsampled(cell, cells, m->scratch, m->in.width, m->in.height);
    return oddi_maps_smooth(m, sigma, at);
}

odd_status oddi_maps_numbers(const struct oddi_measure *m, const float *map, double share,
                             struct oddi_maps_numbers *numbers)
{
    odd_status status = ODD_OK;
    const size_t width = (size_t)m->width, count = width * (size_t)m->height;
    float *part = oddi_alloc_array(m->ctx, count, sizeof(float));
    if (!part)
        return ODD_ENOMEM;
    for (int64_t y = 0; y < m->height; y++)
        memcpy(part + (size_t)y * width, map + (m->y + y) * m->in.width + m->x,
               width * sizeof(float));
    TRY(oddi_map_max(m->ctx, part, count, &numbers->max));
    TRY(oddi_map_mean(m->ctx, part, count, &numbers->mean));
    TRY(oddi_map_top_mean(m->ctx, part, count, share, &numbers->top));
out:
    oddi_free(m->ctx, part);
    return status;
}
