/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows of all training pictures (pool.h).
 */
#include "method/pool.h"

#include <string.h>

odd_status oddi_pool_init(struct oddi_pool *p, struct oddi_fitting *f, int64_t dim, int64_t room)
{
    *p = (struct oddi_pool){.f = f, .dim = dim, .room = room};
    size_t rows = 0;
    if (!oddi_mul_size((size_t)f->pictures, (size_t)room, &rows))
        return oddi_fail(f->ctx, ODD_ENOMEM, "too many rows of %lld pictures",
                         (long long)f->pictures);
    p->have = oddi_calloc(f->ctx, (size_t)f->pictures, sizeof(*p->have));
    p->rows = oddi_alloc_array(f->ctx, rows, (size_t)dim * sizeof(float));
    return p->have && p->rows ? ODD_OK : ODD_ENOMEM;
}

void oddi_pool_release(struct oddi_pool *p)
{
    if (!p->f)
        return;
    oddi_free(p->f->ctx, p->have);
    oddi_free(p->f->ctx, p->rows);
    p->have = NULL;
    p->rows = NULL;
}

int64_t oddi_pool_share(const struct oddi_pool *p, const struct oddi_measure *m)
{
    return p->room * (m->tile + 1) / m->tiles - p->room * m->tile / m->tiles;
}

float *oddi_pool_place(const struct oddi_pool *p, int64_t i, int64_t rows)
{
    if (p->have[i] + rows > p->room)
        return NULL;
    float *place = p->rows + (i * p->room + p->have[i]) * p->dim;
    p->have[i] += rows;
    return place;
}

void oddi_pool_close(struct oddi_pool *p)
{
    p->count = 0;
    for (int64_t i = 0; i < p->f->pictures; i++) {
        if (p->count < i * p->room)
            memmove(p->rows + p->count * p->dim, p->rows + i * p->room * p->dim,
                    (size_t)(p->have[i] * p->dim) * sizeof(float));
        p->count += p->have[i];
    }
}
