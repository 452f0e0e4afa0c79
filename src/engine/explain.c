/* SPDX-License-Identifier: Apache-2.0
 *
 * odd_explain: what in a picture is unlike all that the model has learnt, beside the normal patches
 * that come nearest, and in what they differ.
 */
#include <string.h>

#include "data/gather.h"
#include "engine/explain_int.h"
#include "engine/result.h"
#include "image/image.h"

static const struct oddi_param explain_params[] = {
    P_TEXT("normals", "", NULL, "normal pictures: a folder, list or picture"), P_END};

static odd_status explain_open(struct explain_run *r, const struct odd_options *options)
{
    const struct oddi_param *tables[] = {explain_params, oddi_dataset_params, NULL};
    struct oddi_values v = {.ctx = r->ctx};
    odd_status status = oddi_values_init(&v, r->ctx, tables);
    for (size_t i = 0; status == ODD_OK && options && i < options->count; i++)
        status = oddi_values_set(&v, options->item[i].name, options->item[i].value, "set");
    if (status == ODD_OK && oddi_values_text(&v, "normals")[0]) {
        const char *const paths[] = {oddi_values_text(&v, "normals")};
        status = oddi_dataset_gather(r->ctx, paths, 1, options, &r->normals);
    }
    oddi_values_release(&v);
    return status;
}

/* ---- the answer ---------------------------------------------------------------------------- */

static void explain_json_rect(json_t *to, const struct oddi_rect *rect)
{
    oddi_json_set_int(to, "x", rect->x);
    oddi_json_set_int(to, "y", rect->y);
    oddi_json_set_int(to, "width", rect->width);
    oddi_json_set_int(to, "height", rect->height);
}

static json_t *explain_json_near(const struct explain_run *r, const struct explain_near *n)
{
    json_t *one = json_object();
    const struct oddi_feature_grid *g = &r->view.grid;
    const int64_t cells = g->width * g->height;
    oddi_json_set_real(one, "distance", (double)n->distance);
    if (n->picture >= 0)
        oddi_json_set_int(one, "picture", n->picture);
    if (n->path)
        oddi_json_set_text(one, "path", n->path);
    oddi_json_set_int(one, "tile", n->cell / cells);
    oddi_json_set_int(one, "column", n->cell % cells % g->width);
    oddi_json_set_int(one, "row", n->cell % cells / g->width);
    if (n->rect.width > 0)
        explain_json_rect(one, &n->rect);
    oddi_json_set_bool(one, "shown", n->crop.bands > 0);
    return one;
}

static json_t *explain_json_patch(const struct explain_run *r, int i)
{
    const struct explain_patch *p = &r->patch[i];
    json_t *one = json_object(), *near = json_array();
    oddi_json_set_int(one, "number", i + 1);
    explain_json_rect(one, &p->rect);
    oddi_json_set_real(one, "distance", (double)p->distance);
    for (int k = 0; k < p->nears; k++)
        json_array_append_new(near, explain_json_near(r, &p->near[k]));
    oddi_json_set(one, "nearest", near);
    if (!p->words.known)
        return one;
    oddi_json_set_text(one, "differs", p->words.text);
    oddi_json_set_real(one, "brighter", p->words.brighter);
    oddi_json_set_real(one, "edges", p->words.edges);
    oddi_json_set(one, "colour_shift", oddi_json_reals(p->words.shift, 3));
    return one;
}

static odd_status explain_json(const struct explain_run *r, const char *path, const char *page,
                               char **json)
{
    const struct oddi_calibration *c = &r->model->calibration;
    json_t *all = json_object(), *list = json_array();
    oddi_json_set_text(all, "path", path);
    oddi_json_set_real(all, "score", r->scored.score);
    oddi_json_set_real(all, "normalized", oddi_calibration_normalize(c, r->scored.score));
    oddi_json_set_real(all, "threshold", c->threshold);
    oddi_json_set_text(all, "decision",
                       oddi_decide(r->scored.score, c->threshold) == ODD_DECISION_NG ? "ng" : "ok");
    if (page)
        oddi_json_set_text(all, "page", page);
    oddi_json_set_text(all, "normals", r->source);
    for (int i = 0; i < r->patches; i++)
        json_array_append_new(list, explain_json_patch(r, i));
    oddi_json_set(all, "patches", list);
    const odd_status status = oddi_json_dump(r->ctx, all, 0, json);
    json_decref(all);
    return status;
}

static void explain_release(struct explain_run *r)
{
    struct odd_context *ctx = r->ctx;
    for (int i = 0; i < r->patches; i++) {
        struct explain_patch *p = &r->patch[i];
        oddi_free(ctx, p->row);
        oddi_planes_release(ctx, &p->crop);
        for (int k = 0; k < p->nears; k++)
            oddi_planes_release(ctx, &p->near[k].crop);
    }
    oddi_thumbs_release(&r->thumbs);
    oddi_free(ctx, r->map);
    oddi_picture_free(ctx, r->picture);
    odd_scorer_free(r->scorer);
    odd_dataset_free(r->normals);
}

odd_status odd_explain(struct odd_context *ctx, const struct odd_model *model, const char *picture,
                       const struct odd_options *options, const char *page, char **json)
{
    if (!ctx || !model || !picture)
        return oddi_fail(ctx, ODD_EINVAL, "explaining needs a context, a model and a picture");
    if (!model->config.method->nearest)
        return oddi_fail(ctx, ODD_ENOTSUP,
                         "%s compares with no normal patch; the map of `oddity score --maps` shows "
                         "where a picture is anomalous",
                         model->config.method->name);
    struct explain_run r = {.ctx = ctx, .model = model};
    char *text = NULL;
    odd_status status = ODD_OK;
    TRY(explain_open(&r, options));
    TRY(oddi_scorer_make(ctx, model, ctx->threads, &r.scorer));
    TRY(oddi_image_load(ctx, picture, ODDI_IMAGE_BUDGET, &r.picture));
    TRY(oddi_explain_look(&r));
    TRY(oddi_explain_normals(&r));
    TRY(oddi_explain_words(&r));
    if (json)
        TRY(explain_json(&r, picture, page, &text));
    if (page)
        TRY(oddi_explain_page(&r, page));
    if (json) {
        *json = text;
        text = NULL;
    }
out:
    oddi_free(ctx, text);
    explain_release(&r);
    return status;
}
