/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows of all training pictures (pool.h).
 */
#include "method/pool.h"

#include <string.h>

odd_status oddi_pool_init(struct oddi_pool *p, struct oddi_fitting *f,
                          const struct oddi_pool_size *size)
{
    *p = (struct oddi_pool){.f = f, .dim = size->dim, .room = size->room, .before = size->before};
    size_t rows = 0;
    if (!oddi_mul_size((size_t)f->pictures, (size_t)size->room, &rows) ||
        rows > SIZE_MAX - (size_t)size->before)
        return oddi_fail(f->ctx, ODD_ENOMEM, "too many rows of %lld pictures",
                         (long long)f->pictures);
    rows += (size_t)size->before;
    p->have = oddi_calloc(f->ctx, (size_t)f->pictures, sizeof(*p->have));
    p->rows = oddi_alloc_array(f->ctx, rows, (size_t)size->dim * sizeof(float));
    if (size->from)
        p->from = oddi_alloc_array(f->ctx, rows, sizeof(*p->from));
    return p->have && p->rows && (!size->from || p->from) ? ODD_OK : ODD_ENOMEM;
}

void oddi_pool_release(struct oddi_pool *p)
{
    if (!p->f)
        return;
    oddi_free(p->f->ctx, p->have);
    oddi_free(p->f->ctx, p->rows);
    oddi_free(p->f->ctx, p->from);
    p->have = NULL;
    p->rows = NULL;
    p->from = NULL;
}

int64_t oddi_pool_share(const struct oddi_pool *p, const struct oddi_measure *m)
{
    return p->room * (m->tile + 1) / m->tiles - p->room * m->tile / m->tiles;
}

float *oddi_pool_place(const struct oddi_pool *p, int64_t i, int64_t rows)
{
    if (p->have[i] + rows > p->room)
        return NULL;
    float *place = p->rows + (p->before + i * p->room + p->have[i]) * p->dim;
    p->have[i] += rows;
    return place;
}

void oddi_pool_move(struct oddi_pool *p, int64_t to, int64_t from, int64_t n)
{
    if (from == to)
        return;
    memmove(p->rows + to * p->dim, p->rows + from * p->dim, (size_t)(n * p->dim) * sizeof(float));
    if (p->from)
        memmove(p->from + to, p->from + from, (size_t)n * sizeof(*p->from));
}

void oddi_pool_close(struct oddi_pool *p)
{
    p->count = p->before;
    for (int64_t i = 0; i < p->f->pictures; i++) {
        oddi_pool_move(p, p->count, p->before + i * p->room, p->have[i]);
        p->count += p->have[i];
    }
}
