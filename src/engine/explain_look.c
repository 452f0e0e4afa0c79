/* SPDX-License-Identifier: Apache-2.0
 *
 * The most anomalous patches of a picture: cells whose features are farthest from all that is
 * learnt, each with what surrounds it, none overlapping another.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/explain_int.h"
#include "method/cells.h"

/* ---- where cells lie ----------------------------------------------------------------------- */

odd_status oddi_explain_view(const struct explain_run *r, int64_t width, int64_t height,
                             struct explain_view *view)
{
    const struct oddi_prepare *p = &r->model->prepare;
    *view = (struct explain_view){.in = r->model->in,
                                  .grid = r->model->config.method->grid(&r->scorer->build),
                                  .tiled = p->tiling.scale > 0,
                                  .width = width,
                                  .height = height};
    const struct oddi_fit fit = {p->fit, p->width, p->height};
    return view->tiled
               ? oddi_tiles_plan(r->ctx, &p->tiling, width, height, p->channels, &view->tiles)
               : oddi_fit_mapping(r->ctx, &fit, width, height, &view->mapping);
}

struct look_axis {
    double at, span;      /* the patch's middle and side, input pixels */
    double origin, scale; /* the input pixel where the picture begins; picture pixels in one */
    int64_t length;       /* of the picture */
};

/* Along one side: the patch in the picture. */
static bool look_side(const struct look_axis *x, int64_t *from, int64_t *side)
{
    const double middle = (x->at - x->origin) * x->scale, wanted = floor(x->span * x->scale + 0.5);
    if (!(middle >= 0) || !(middle < (double)x->length))
        return false;
    *side = wanted < 1 ? 1 : wanted > (double)x->length ? x->length : (int64_t)wanted;
    *from = (int64_t)floor(middle - (double)*side / 2 + 0.5);
    *from = *from < 0 ? 0 : *from > x->length - *side ? x->length - *side : *from;
    return true;
}

bool oddi_explain_place(const struct explain_view *v, int64_t cell, struct oddi_rect *rect)
{
    const int64_t cells = v->grid.width * v->grid.height, tile = cell / cells, c = cell % cells;
    const double step[2] = {(double)v->in.width / (double)v->grid.width,
                            (double)v->in.height / (double)v->grid.height};
    double at[2] = {((double)(c % v->grid.width) + 0.5) * step[0],
                    ((double)(c / v->grid.width) + 0.5) * step[1]};
    double origin[2] = {0, 0}, scale[2];
    if (tile < 0 || tile >= (v->tiled ? oddi_tiles_count(&v->tiles) : 1))
        return false;
    if (v->tiled) {
        const struct oddi_rect t = oddi_tiles_at(&v->tiles, tile);
        at[0] += (double)t.x;
        at[1] += (double)t.y;
        scale[0] = (double)v->width / (double)v->tiles.width;
        scale[1] = (double)v->height / (double)v->tiles.height;
    } else {
        const struct oddi_rect *from = &v->mapping.from, *into = &v->mapping.into;
        scale[0] = (double)from->width / (double)into->width;
        scale[1] = (double)from->height / (double)into->height;
        origin[0] = (double)into->x - (double)from->x / scale[0];
        origin[1] = (double)into->y - (double)from->y / scale[1];
    }
    return look_side(
               &(struct look_axis){at[0], EXPLAIN_CELLS * step[0], origin[0], scale[0], v->width},
               &rect->x, &rect->width) &&
           look_side(
               &(struct look_axis){at[1], EXPLAIN_CELLS * step[1], origin[1], scale[1], v->height},
               &rect->y, &rect->height);
}

odd_status oddi_explain_crop(struct odd_context *ctx, const struct oddi_picture *picture,
                             const struct oddi_rect *rect, struct oddi_planes *crop)
{
    odd_status status = ODD_OK;
    struct oddi_planes planes = {0};
    const struct oddi_rect into = {0, 0, rect->width < EXPLAIN_CROP ? rect->width : EXPLAIN_CROP,
                                   rect->height < EXPLAIN_CROP ? rect->height : EXPLAIN_CROP};
    TRY(oddi_planes_init(ctx, into.width, into.height, picture->bands, &planes));
    TRY(oddi_picture_resize_into(ctx, picture, rect, &into, &planes));
    TRY(oddi_planes_to_bands(ctx, &planes, 3, crop));
out:
    oddi_planes_release(ctx, &planes);
    return status;
}

/* ---- which patches ------------------------------------------------------------------------- */

struct look_cell {
    int64_t cell;
    float distance;
};
struct look_work {
    struct explain_run *r;
    struct look_cell *found; /* of all tiles, those inside the picture */
    size_t count, room;
    float *rows; /* of a tile */
    float *distance;
    int64_t *picture, *cell; /* scratch */
};

static odd_status look_see(void *user, const struct oddi_measure *m)
{
    struct look_work *w = user;
    struct explain_run *r = w->r;
    const struct oddi_method *method = r->model->config.method;
    const int64_t cells = r->view.grid.width * r->view.grid.height;
    odd_status status = ODD_OK;
    void *found = w->found;
    const struct oddi_nearest n = {r->ctx, m->threads,  m->fitted,  w->rows, cells,
                                   1,      w->distance, w->picture, w->cell};
    TRY(method->rows(m, w->rows));
    TRY(method->nearest(&n));
    TRY(oddi_reserve(r->ctx, &found, &w->room, w->count + (size_t)cells, sizeof(*w->found)));
    w->found = found;
    for (int64_t i = 0; i < cells; i++) {
        if (!oddi_cell_inside(m, &r->view.grid, i))
            continue;
        if (!isfinite(w->distance[i]))
            return oddi_fail(r->ctx, ODD_ENUMERIC, "the distance of cell %lld is not finite",
                             (long long)i);
        w->found[w->count++] = (struct look_cell){m->tile * cells + i, w->distance[i]};
    }
out:
    return status;
}

/* Once the patches are known: their features. */
static odd_status look_again(void *user, const struct oddi_measure *m)
{
    struct look_work *w = user;
    struct explain_run *r = w->r;
    const int64_t cells = r->view.grid.width * r->view.grid.height, dim = r->view.grid.dim;
    const odd_status status = r->model->config.method->rows(m, w->rows);
    for (int i = 0; i < r->patches && status == ODD_OK; i++)
        if (r->patch[i].cell / cells == m->tile)
            memcpy(r->patch[i].row, w->rows + r->patch[i].cell % cells * dim,
                   (size_t)dim * sizeof(float));
    return status;
}

static int look_order(const void *a, const void *b)
{
    const struct look_cell *x = a, *y = b;
    if (x->distance != y->distance)
        return x->distance < y->distance ? 1 : -1;
    return (x->cell > y->cell) - (x->cell < y->cell);
}

static bool look_overlap(const struct oddi_rect *a, const struct oddi_rect *b)
{
    return a->x < b->x + b->width && b->x < a->x + a->width && a->y < b->y + b->height &&
           b->y < a->y + a->height;
}

/* The farthest cells whose patches do not overlap. */
static odd_status look_choose(struct look_work *w)
{
    struct explain_run *r = w->r;
    qsort(w->found, w->count, sizeof(*w->found), look_order);
    for (size_t i = 0; i < w->count && r->patches < EXPLAIN_PATCHES; i++) {
        struct explain_patch *p = &r->patch[r->patches];
        bool free_place = oddi_explain_place(&r->view, w->found[i].cell, &p->rect);
        for (int k = 0; k < r->patches; k++)
            free_place = free_place && !look_overlap(&p->rect, &r->patch[k].rect);
        if (!free_place)
            continue;
        p->cell = w->found[i].cell;
        p->distance = w->found[i].distance;
        p->row = oddi_alloc_array(r->ctx, (size_t)r->view.grid.dim, sizeof(float));
        r->patches++; /* so that what it has is released */
        if (!p->row)
            return ODD_ENOMEM;
        const odd_status status = oddi_explain_crop(r->ctx, r->picture, &p->rect, &p->crop);
        if (status != ODD_OK)
            return status;
    }
    return ODD_OK;
}

odd_status oddi_explain_look(struct explain_run *r)
{
    odd_status status = ODD_OK;
    struct odd_context *ctx = r->ctx;
    struct look_work w = {.r = r};
    TRY(oddi_explain_view(r, r->picture->width, r->picture->height, &r->view));
    const struct oddi_feature_grid *g = &r->view.grid;
    const size_t cells = (size_t)(g->width * g->height);
    w.rows = oddi_alloc_array(ctx, cells * (size_t)g->dim, sizeof(float));
    w.distance = oddi_alloc_array(ctx, cells, sizeof(float));
    w.picture = oddi_alloc_array(ctx, cells, sizeof(int64_t));
    w.cell = oddi_alloc_array(ctx, cells, sizeof(int64_t));
    r->map = oddi_alloc_array(ctx, (size_t)(r->picture->width * r->picture->height), sizeof(float));
    if (!w.rows || !w.distance || !w.picture || !w.cell || !r->map) {
        status = ODD_ENOMEM;
        goto out;
    }
    TRY(oddi_scorer_run(r->scorer, r->picture, &r->scored));
    TRY(oddi_scorer_map(r->scorer, &r->scored, r->map));
    TRY(oddi_scorer_look(r->scorer, r->picture, look_see, &w));
    TRY(look_choose(&w));
    TRY(oddi_scorer_look(r->scorer, r->picture, look_again, &w));
out:
    oddi_free(ctx, w.found);
    oddi_free(ctx, w.rows);
    oddi_free(ctx, w.distance);
    oddi_free(ctx, w.picture);
    oddi_free(ctx, w.cell);
    return status;
}
