/* SPDX-License-Identifier: Apache-2.0
 *
 * Overlays of the most anomalous pictures of each type, normal ones included, beside the pictures
 * themselves. Names are "<type>_<rank>.png" and "<type>_<rank>_map.png", made safe for a folder.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "engine/eval_int.h"
#include "engine/many.h"
#include "engine/result.h"
#include "image/image.h"

struct maps_place { /* one chosen picture */
    size_t at;      /* position among the scored ones */
    int rank;       /* from 1 within its type */
};
struct maps_work {
    struct eval_run *e;
    struct maps_place *place;
    size_t count;
    json_t *list;
};

static const char *maps_type(const struct eval_run *e, size_t at)
{
    const char *type = e->ds->sample[e->index[at]].type;
    return e->label[at] ? type : "normal";
}

struct maps_order {
    const char *type;
    double score;
    size_t at;
};
/* By type, the most anomalous first. */
static int maps_before(const void *a, const void *b)
{
    const struct maps_order *x = a, *y = b;
    const int type = strcmp(x->type, y->type);
    if (type)
        return type;
    if (x->score != y->score)
        return x->score < y->score ? 1 : -1;
    return x->at < y->at ? -1 : 1;
}

static odd_status maps_choose(struct maps_work *w)
{
    struct eval_run *e = w->e;
    const int64_t each = oddi_values_int(&e->values, "maps-count");
    struct maps_order *order = oddi_alloc_array(e->ctx, e->good + 1, sizeof(*order));
    w->place = oddi_alloc_array(e->ctx, e->good + 1, sizeof(*w->place));
    if (!order || !w->place) {
        oddi_free(e->ctx, order);
        return ODD_ENOMEM;
    }
    for (size_t i = 0; i < e->good; i++)
        order[i] = (struct maps_order){maps_type(e, i), e->score[i], i};
    qsort(order, e->good, sizeof(*order), maps_before);
    int rank = 0;
    for (size_t i = 0; i < e->good; i++) {
        rank = i > 0 && strcmp(order[i].type, order[i - 1].type) == 0 ? rank + 1 : 1;
        if (rank <= each)
            w->place[w->count++] = (struct maps_place){order[i].at, rank};
    }
    oddi_free(e->ctx, order);
    return ODD_OK;
}

static odd_status maps_load(void *user, struct odd_context *ctx, size_t i,
                            struct oddi_picture **picture)
{
    const struct maps_work *w = user;
    return oddi_dataset_load_picture(ctx, w->e->ds, w->e->index[w->place[i].at], picture);
}

/* The picture as it is looked at: grey or colour, 8 bits. */
static odd_status maps_original(struct odd_context *ctx, const struct oddi_picture *picture,
                                const char *path)
{
    odd_status status = ODD_OK;
    struct oddi_planes planes = {0}, shown = {0};
    struct oddi_picture *u8 = NULL;
    TRY(oddi_picture_to_planes(ctx, picture, &planes));
    TRY(oddi_planes_to_bands(ctx, &planes, planes.bands == 3 ? 3 : 1, &shown));
    TRY(oddi_planes_to_picture(ctx, &shown, ODD_U8, &u8));
    TRY(oddi_image_save_png(ctx, path, u8));
out:
    oddi_planes_release(ctx, &planes);
    oddi_planes_release(ctx, &shown);
    oddi_picture_free(ctx, u8);
    return status;
}

/* Writes both files and lists them. */
static odd_status maps_write(struct maps_work *w, const struct oddi_many_result *r,
                             const char *name, const char *map_name)
{
    struct eval_run *e = w->e;
    odd_status status = ODD_OK;
    const size_t at = w->place[r->index].at;
    const char *folder = oddi_values_text(&e->values, "maps");
    char *original = oddi_path_join(e->ctx, folder, name),
         *overlay = oddi_path_join(e->ctx, folder, map_name);
    const struct oddi_heat heat = {r->map, r->width, r->height,
                                   (float)e->model->calibration.heat_lo,
                                   (float)e->model->calibration.heat_hi};
    if (!original || !overlay) {
        status = ODD_ENOMEM;
        goto out;
    }
    TRY(maps_original(e->ctx, r->picture, original));
    TRY(oddi_write_overlay(e->ctx, r->picture, &heat, overlay));
    json_t *one = json_object();
    oddi_json_set_text(one, "path", e->ds->sample[e->index[at]].path);
    oddi_json_set_real(one, "score", r->score);
    oddi_json_set_real(one, "normalized",
                       oddi_calibration_normalize(&e->model->calibration, r->score));
    oddi_json_set_text(one, "label", e->label[at] ? "anomalous" : "normal");
    oddi_json_set_text(one, "type", maps_type(e, at));
    oddi_json_set_text(one, "overlay", overlay);
    oddi_json_set_text(one, "original", original);
    status = json_array_append_new(w->list, one) == 0 ? ODD_OK : ODD_ENOMEM;
out:
    oddi_free(e->ctx, original);
    oddi_free(e->ctx, overlay);
    return status;
}

static odd_status maps_take(void *user, const struct oddi_many_result *r)
{
    struct maps_work *w = user;
    const struct maps_place *p = &w->place[r->index];
    const char *type = maps_type(w->e, p->at);
    char safe[64], name[96], map_name[96];
    if (r->status != ODD_OK)
        return ODD_OK; /* it could be read a moment ago; the report already has its score */
    snprintf(safe, sizeof(safe), "%s", type[0] ? type : "anomalous");
    for (char *c = safe; *c; c++)
        if (!isalnum((unsigned char)*c))
            *c = '-';
    snprintf(name, sizeof(name), "%s_%d.png", safe, p->rank);
    snprintf(map_name, sizeof(map_name), "%s_%d_map.png", safe, p->rank);
    return maps_write(w, r, name, map_name);
}

odd_status oddi_eval_maps(struct eval_run *e, json_t **list)
{
    struct maps_work w = {.e = e, .list = json_array()};
    odd_status status = ODD_OK;
    TRY(oddi_make_folders(e->ctx, oddi_values_text(&e->values, "maps")));
    TRY(maps_choose(&w));
    const struct oddi_many many = {.model = e->model,
                                   .count = w.count,
                                   .want_map = true,
                                   .load = maps_load,
                                   .take = maps_take,
                                   .user = &w};
    TRY(oddi_many_run(e->ctx, &many));
    *list = json_incref(w.list);
out:
    json_decref(w.list);
    oddi_free(e->ctx, w.place);
    return status;
}
