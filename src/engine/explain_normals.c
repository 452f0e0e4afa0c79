/* SPDX-License-Identifier: Apache-2.0
 *
 * Pictures of the nearest normal patches. The model knows of each learnt cell which training
 * picture it is of; that picture is found among those given by its content, or as a thumbnail in
 * the model. Where none of the given pictures was a training picture, their own features are
 * searched.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/os.h"
#include "engine/explain_int.h"
#include "engine/many.h"
#include "engine/report.h"
#include "engine/seen.h"
#include "knn/knn.h"

/* A patch of a normal picture, w and h pixels of which the whole is. */
struct normals_from {
    const struct oddi_picture *picture; /* or its thumbnail */
    int64_t width, height;
    const char *path;
};

static int64_t normals_scaled(int64_t at, int64_t from, int64_t to)
{
    return from == to ? at : (2 * at * to + from) / (2 * from);
}

/* Fills in where the patch lies and what it looks like; a cell that has no place stays without. */
static odd_status normals_crop(const struct explain_run *r, struct explain_near *near,
                               const struct normals_from *from)
{
    struct explain_view view;
    struct oddi_rect place;
    const struct oddi_picture *p = from->picture;
    odd_status status = oddi_explain_view(r, from->width, from->height, &view);
    near->path = from->path;
    if (status != ODD_OK || !oddi_explain_place(&view, near->cell, &place))
        return status;
    const int64_t x = normals_scaled(place.x, from->width, p->width),
                  y = normals_scaled(place.y, from->height, p->height),
                  right = normals_scaled(place.x + place.width, from->width, p->width),
                  low = normals_scaled(place.y + place.height, from->height, p->height);
    struct oddi_rect rect = {x, y, right > x ? right - x : 1, low > y ? low - y : 1};
    rect.x = rect.x + rect.width > p->width ? p->width - rect.width : rect.x;
    rect.y = rect.y + rect.height > p->height ? p->height - rect.height : rect.y;
    status = oddi_explain_crop(r->ctx, p, &rect, &near->crop);
    near->rect = place;
    return status;
}

/* ---- what the model knows ------------------------------------------------------------------ */

/* The nearest learnt cells of each patch, one of each training picture for which `has` says true.
 */
static odd_status normals_learnt(struct explain_run *r,
                                 bool (*has)(const void *user, int64_t picture), const void *user)
{
    float distance[EXPLAIN_PATCHES * ODDI_NEAREST_MAX];
    int64_t picture[EXPLAIN_PATCHES * ODDI_NEAREST_MAX], cell[EXPLAIN_PATCHES * ODDI_NEAREST_MAX];
    for (int i = 0; i < r->patches; i++) {
        struct explain_patch *p = &r->patch[i];
        const struct oddi_nearest n = {r->ctx, r->ctx->threads,  r->model->fitted, p->row,
                                       1,      ODDI_NEAREST_MAX, distance,         picture,
                                       cell};
        const odd_status status = r->model->config.method->nearest(&n);
        if (status != ODD_OK)
            return status;
        p->nears = 0;
        for (int k = 0; k < ODDI_NEAREST_MAX && p->nears < EXPLAIN_NEAR; k++) {
            bool wanted = picture[k] >= 0 && has(user, picture[k]);
            for (int j = 0; j < p->nears; j++)
                wanted = wanted && p->near[j].picture != picture[k];
            if (wanted)
                p->near[p->nears++] = (struct explain_near){
                    .picture = picture[k], .cell = cell[k], .distance = distance[k]};
        }
    }
    return ODD_OK;
}

static bool normals_any(const void *user, int64_t picture)
{
    (void)user, (void)picture;
    return true;
}

static bool normals_has_thumb(const void *user, int64_t picture)
{
    const struct oddi_thumbs *t = user;
    return (size_t)picture < t->count;
}

static odd_status normals_thumbs(struct explain_run *r)
{
    odd_status status = normals_learnt(r, normals_has_thumb, &r->thumbs);
    for (int i = 0; i < r->patches; i++)
        for (int k = 0; k < r->patch[i].nears && status == ODD_OK; k++) {
            struct explain_near *near = &r->patch[i].near[k];
            const struct oddi_thumb_size *size = &r->thumbs.size[near->picture];
            struct oddi_picture *picture = NULL;
            status = oddi_thumbs_get(&r->thumbs, (size_t)near->picture, &picture);
            const struct normals_from from = {picture, size->from_width, size->from_height, NULL};
            if (status == ODD_OK)
                status = normals_crop(r, near, &from);
            oddi_picture_free(r->ctx, picture);
        }
    r->source = "model";
    return status;
}

/* ---- by content ---------------------------------------------------------------------------- */

struct normals_key {
    struct oddi_hash128 hash;
    uint32_t sample;
};
struct normals_found {
    struct normals_key *key; /* of the given pictures, sorted */
    size_t count;
    const struct oddi_hash128 *train; /* of the model */
    size_t trained;
};

static int normals_order(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct oddi_hash128));
}

static const struct normals_key *normals_key(const struct normals_found *f, int64_t picture)
{
    if ((size_t)picture >= f->trained || f->count == 0)
        return NULL;
    return bsearch(&f->train[picture], f->key, f->count, sizeof(*f->key), normals_order);
}

static bool normals_is_given(const void *user, int64_t picture)
{
    return normals_key(user, picture) != NULL;
}

/* Hashes of the given pictures; those that cannot be read are none of the training. */
static odd_status normals_hash(struct explain_run *r, struct normals_found *f)
{
    const struct odd_dataset *ds = r->normals;
    f->train = oddi_seen_part(&r->model->file, "seen.train", &f->trained);
    f->key = oddi_alloc_array(r->ctx, ds->count + 1, sizeof(*f->key));
    if (!f->key)
        return ODD_ENOMEM;
    for (size_t i = 0; i < ds->count; i++) {
        odd_status status = oddi_dataset_hash(r->ctx, ds, i, &f->key[f->count].hash);
        if (status == ODD_ENOMEM)
            return status;
        f->key[f->count].sample = (uint32_t)i;
        f->count += status == ODD_OK;
        status = oddi_check_cancel(r->ctx);
        if (status != ODD_OK)
            return status;
    }
    qsort(f->key, f->count, sizeof(*f->key), normals_order);
    return ODD_OK;
}

static odd_status normals_load(const struct explain_run *r, struct explain_near *near,
                               uint32_t sample)
{
    struct oddi_picture *picture = NULL;
    odd_status status = oddi_dataset_load_picture(r->ctx, r->normals, sample, &picture);
    if (status != ODD_OK)
        return status;
    const struct normals_from from = {picture, picture->width, picture->height,
                                      r->normals->sample[sample].path};
    status = normals_crop(r, near, &from);
    oddi_picture_free(r->ctx, picture);
    return status;
}

/* *found: whether any was. */
static odd_status normals_content(struct explain_run *r, bool *found)
{
    struct normals_found f = {.key = NULL};
    odd_status status = ODD_OK;
    *found = false;
    TRY(normals_hash(r, &f));
    TRY(normals_learnt(r, normals_is_given, &f));
    for (int i = 0; i < r->patches; i++)
        for (int k = 0; k < r->patch[i].nears; k++) {
            struct explain_near *near = &r->patch[i].near[k];
            TRY(normals_load(r, near, normals_key(&f, near->picture)->sample));
            *found = true;
        }
    r->source = "content";
out:
    oddi_free(r->ctx, f.key);
    return status;
}

/* ---- by features --------------------------------------------------------------------------- */

struct normals_best {
    float distance[EXPLAIN_PATCHES];
    int64_t cell[EXPLAIN_PATCHES];
};
struct normals_search {
    struct explain_run *r;
    struct normals_best *best; /* of each given picture */
};

static odd_status search_load(void *user, struct odd_context *ctx, size_t i,
                              struct oddi_picture **picture)
{
    const struct normals_search *s = user;
    return oddi_dataset_load_picture(ctx, s->r->normals, i, picture);
}

static odd_status search_look(void *user, size_t i, const struct oddi_measure *m)
{
    const struct normals_search *s = user;
    const struct explain_run *r = s->r;
    const struct oddi_feature_grid *g = &r->view.grid;
    const int64_t cells = g->width * g->height;
    float *rows = oddi_alloc_array(m->ctx, (size_t)(cells * g->dim), sizeof(float));
    if (!rows)
        return ODD_ENOMEM;
    const odd_status status = r->model->config.method->rows(m, rows);
    for (int p = 0; p < r->patches && status == ODD_OK; p++)
        for (int64_t c = 0; c < cells; c++) {
            const float d = oddi_knn_distance2(r->patch[p].row, rows + c * g->dim, g->dim);
            if (!(d < s->best[i].distance[p]))
                continue;
            s->best[i].distance[p] = d;
            s->best[i].cell[p] = m->tile * cells + c;
        }
    oddi_free(m->ctx, rows);
    return status;
}

/* A picture that cannot be read has no patch to show. */
static odd_status search_take(void *user, const struct oddi_many_result *result)
{
    (void)user, (void)result;
    return ODD_OK;
}

/* The nearest of all pictures that are not yet beside patch p; `count`: none is left. */
static size_t search_next(const struct normals_search *s, size_t count, int p, const bool *taken)
{
    size_t best = count;
    for (size_t i = 0; i < count; i++)
        if (!taken[i] && isfinite(s->best[i].distance[p]) &&
            (best == count || s->best[i].distance[p] < s->best[best].distance[p]))
            best = i;
    return best;
}

static odd_status search_choose(const struct normals_search *s, size_t count, int p)
{
    struct explain_run *r = s->r;
    struct explain_patch *patch = &r->patch[p];
    odd_status status = ODD_OK;
    bool *taken = oddi_calloc(r->ctx, count + 1, sizeof(*taken));
    if (!taken)
        return ODD_ENOMEM;
    for (patch->nears = 0; patch->nears < EXPLAIN_NEAR && status == ODD_OK;) {
        const size_t i = search_next(s, count, p, taken);
        if (i == count)
            break;
        taken[i] = true;
        struct explain_near *near = &patch->near[patch->nears++];
        *near = (struct explain_near){
            .picture = -1, .cell = s->best[i].cell[p], .distance = sqrtf(s->best[i].distance[p])};
        status = normals_load(r, near, (uint32_t)i);
    }
    oddi_free(r->ctx, taken);
    return status;
}

static odd_status normals_features(struct explain_run *r)
{
    odd_status status = ODD_OK;
    const size_t n = r->normals->count;
    struct normals_search s = {.r = r};
    s.best = oddi_alloc_array(r->ctx, n + 1, sizeof(*s.best));
    if (!s.best)
        return ODD_ENOMEM;
    for (size_t i = 0; i < n; i++)
        for (int p = 0; p < EXPLAIN_PATCHES; p++)
            s.best[i].distance[p] = HUGE_VALF;
    const struct oddi_many many = {.model = r->model,
                                   .count = n,
                                   .phase = "normals",
                                   .load = search_load,
                                   .look = search_look,
                                   .take = search_take,
                                   .user = &s};
    TRY(oddi_many_run(r->ctx, &many));
    for (int p = 0; p < r->patches; p++)
        TRY(search_choose(&s, n, p));
    r->source = "features";
out:
    oddi_free(r->ctx, s.best);
    return status;
}

odd_status oddi_explain_normals(struct explain_run *r)
{
    size_t trained = 0;
    odd_status status = ODD_OK;
    bool found = false;
    r->source = "none";
    oddi_seen_part(&r->model->file, "seen.train", &trained);
    if (r->normals) {
        TRY(normals_content(r, &found));
        return found ? ODD_OK : normals_features(r);
    }
    oddi_thumbs_init(&r->thumbs, r->ctx);
    TRY(oddi_thumbs_load(&r->thumbs, &r->model->file, trained));
    TRY(r->thumbs.count > 0 ? normals_thumbs(r) : normals_learnt(r, normals_any, NULL));
out:
    return status;
}
