/* SPDX-License-Identifier: Apache-2.0
 *
 * odd_eval: scores the labelled test pictures and computes every metric from the raw scores. Test
 * labels choose nothing: threshold and scales are the model's. Pictures that the model has seen in
 * training, tuning or calibration are left out, named and counted.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/eval_int.h"
#include "engine/many.h"
#include "engine/result.h"
#include "pixels/resize.h"

const struct oddi_param oddi_eval_params[] = {
    P_INT("metric-size", "0", 0, 8192, "ours",
          "compare maps and masks at N x N pixels; 0: at native size"),
    P_BOOL("pixels", "true", "ours", "compute pixel metrics where masks are there"),
    P_BOOL("pictures", "false", "ours", "list every picture with its score"),
    P_INT("resamples", "2000", 1, 1000000, "ours", "bootstrap resamples of the intervals"),
    P_TEXT("maps", "", "ours", "folder for overlays of the most anomalous pictures of each type"),
    P_INT("maps-count", "4", 1, 1000, "ours", "how many of each type"),
    P_END};

/* ---- opening ------------------------------------------------------------------------------- */

static odd_status eval_options(struct eval_run *e, const struct odd_options *options)
{
    const struct oddi_param *tables[] = {oddi_eval_params, NULL};
    odd_status status = oddi_values_init(&e->values, e->ctx, tables);
    if (status != ODD_OK || !options)
        return status;
    status =
        oddi_values_take(&e->values, (struct odd_options *)options); /* only marks them as used */
    for (size_t i = 0; status == ODD_OK && i < options->count; i++) {
        const struct oddi_option *o = &options->item[i];
        if (o->used)
            continue;
        if (oddi_values_has(&e->ds->values, o->name))
            continue; /* of the data set; the caller opened it with others */
        for (const struct oddi_param *p = oddi_engine_params; p->type != ODDI_PARAM_END; p++)
            if (strcmp(p->name, o->name) == 0)
                return oddi_fail(e->ctx, ODD_ECONFIG,
                                 "'%s' is part of the model and set when it is trained", o->name);
        status = oddi_values_set(&e->values, o->name, o->value, "set");
    }
    return status;
}

/* The labelled pictures of the test part. */
static odd_status eval_select(struct eval_run *e)
{
    size_t kept = 0;
    odd_status status = oddi_dataset_select(e->ctx, e->ds, ODDI_PART_TEST, &e->index, &e->count);
    for (size_t i = 0; status == ODD_OK && i < e->count; i++)
        if (e->ds->sample[e->index[i]].label != ODDI_LABEL_UNKNOWN)
            e->index[kept++] = e->index[i];
    if (status == ODD_OK && kept == 0)
        return oddi_fail(e->ctx, ODD_ENODATA, "%s has no labelled test pictures", e->ds->root);
    e->count = kept;
    return status;
}

static odd_status eval_arrays(struct eval_run *e)
{
    const size_t n = e->count + 1;
    e->score = oddi_alloc_array(e->ctx, n, sizeof(*e->score));
    e->label = oddi_alloc_array(e->ctx, n, sizeof(*e->label));
    e->decision = oddi_alloc_array(e->ctx, n, sizeof(*e->decision));
    e->group = oddi_alloc_array(e->ctx, n, sizeof(*e->group));
    e->type = oddi_calloc(e->ctx, n, sizeof(*e->type));
    e->skipped = json_array();
    e->seen = json_array();
    bool good = e->score && e->label && e->decision && e->group && e->type && e->skipped && e->seen;
    for (int i = 0; good && i < ODDI_COMPONENTS_MAX; i++) {
        e->component[i] = oddi_alloc_array(e->ctx, n, sizeof(double));
        good = e->component[i] != NULL;
    }
    return good ? ODD_OK : ODD_ENOMEM;
}

static odd_status eval_pixels(struct eval_run *e)
{
    struct oddi_pixels_options options;
    bool masks = false;
    for (size_t i = 0; i < e->count; i++)
        masks = masks || e->ds->sample[e->index[i]].mask != NULL;
    if (!masks || !oddi_values_bool(&e->values, "pixels"))
        return ODD_OK;
    oddi_pixels_defaults(&options);
    if (e->model)
        options.threshold = e->model->calibration.map_threshold;
    return oddi_pixels_new(e->ctx, &options, &e->pixels);
}

odd_status oddi_eval_open(struct eval_run *e, const struct odd_options *options)
{
    odd_status status = ODD_OK;
    TRY(eval_options(e, options));
    e->metric_size = oddi_values_int(&e->values, "metric-size");
    TRY(eval_select(e));
    TRY(eval_arrays(e));
    TRY(eval_pixels(e));
out:
    return status;
}

void oddi_eval_release(struct eval_run *e)
{
    oddi_values_release(&e->values);
    oddi_free(e->ctx, e->index);
    oddi_free(e->ctx, e->score);
    oddi_free(e->ctx, e->label);
    oddi_free(e->ctx, e->decision);
    oddi_free(e->ctx, e->group);
    oddi_free(e->ctx, e->type);
    for (int i = 0; i < ODDI_COMPONENTS_MAX; i++)
        oddi_free(e->ctx, e->component[i]);
    json_decref(e->skipped);
    json_decref(e->seen);
    oddi_seen_release(&e->known);
    oddi_free(e->ctx, e->was_seen);
    oddi_pixels_free(e->pixels);
    oddi_pixel_mkd_free(e->pixel_mkd);
}

/* ---- pictures that the model has seen ------------------------------------------------------ */

static odd_status eval_known(struct eval_run *e)
{
    e->was_seen = oddi_calloc(e->ctx, e->count + 1, sizeof(*e->was_seen));
    return e->was_seen ? oddi_seen_init(&e->known, e->ctx, &e->model->file) : ODD_ENOMEM;
}

/* ---- adding -------------------------------------------------------------------------------- */

odd_status oddi_eval_skip(struct eval_run *e, size_t at, const char *reason)
{
    json_t *one = json_object();
    oddi_json_set_text(one, "path", e->ds->sample[e->index[at]].path);
    oddi_json_set_text(one, "reason", reason);
    return json_array_append_new(e->skipped, one) == 0 ? ODD_OK : ODD_ENOMEM;
}

/* Map and mask brought to metric_size x metric_size. */
static odd_status eval_resized(struct eval_run *e, const char *name, const struct oddi_planes *map,
                               const struct oddi_picture *mask)
{
    odd_status status = ODD_OK;
    struct oddi_planes small = {0};
    struct oddi_picture *small_mask = NULL;
    TRY(oddi_planes_resize(e->ctx, map, e->metric_size, e->metric_size, &small));
    if (mask)
        TRY(oddi_picture_resize_nearest(e->ctx, mask, e->metric_size, e->metric_size, &small_mask));
    TRY(oddi_pixels_add(e->pixels, name, small.data, small_mask ? small_mask->data : NULL,
                        small.width, small.height));
out:
    oddi_planes_release(e->ctx, &small);
    oddi_picture_free(e->ctx, small_mask);
    return status;
}

/* Pixels of a picture: a normal one has no mask; an anomalous one without its mask cannot say which
 * pixels are anomalous and is left out of pixel metrics, counted. One whose mask is there and
 * cannot be used is skipped, named: *skipped. */
static odd_status eval_add_pixels(struct eval_run *e, size_t at, const struct oddi_planes *map,
                                  bool *skipped)
{
    const struct oddi_sample *s = &e->ds->sample[e->index[at]];
    unsigned char *mask = NULL;
    odd_status status = ODD_OK;
    if (s->label == ODDI_LABEL_ANOMALOUS) {
        status =
            oddi_dataset_load_mask(e->ctx, e->ds, e->index[at], map->width, map->height, &mask);
        *skipped = status != ODD_OK && status != ODD_ENOMEM;
        if (*skipped)
            return oddi_eval_skip(e, at, e->ctx->message);
        e->without_mask += status == ODD_OK && !mask;
        if (!mask)
            return status;
    }
    const struct oddi_picture picture = {map->width, map->height, 1, ODD_U8, mask};
    if (e->metric_size > 0)
        status = eval_resized(e, s->path, map, mask ? &picture : NULL);
    else
        status = oddi_pixels_add(e->pixels, s->path, map->data, mask, map->width, map->height);
    if (status == ODD_OK && mask)
        status = oddi_eval_mkd_add(e, map, mask);
    oddi_free(e->ctx, mask);
    return status;
}

odd_status oddi_eval_add(struct eval_run *e, size_t at, double score, const float *map, int64_t w,
                         int64_t h)
{
    const struct oddi_sample *s = &e->ds->sample[e->index[at]];
    const struct oddi_planes planes = {w, h, 1, (float *)map}; /* only read */
    odd_status status = ODD_OK;
    bool skipped = false;
    if (e->pixels && map)
        status = eval_add_pixels(e, at, &planes, &skipped);
    if (status != ODD_OK || skipped)
        return status;
    const size_t k = e->good++;
    e->index[k] = e->index[at];
    e->score[k] = score;
    e->label[k] = s->label == ODDI_LABEL_ANOMALOUS;
    e->group[k] = s->group_id;
    e->type[k] = e->label[k] ? s->type : NULL;
    e->decision[k] =
        e->model && oddi_decide(score, e->model->calibration.threshold) == ODD_DECISION_NG;
    return ODD_OK;
}

static odd_status eval_load(void *user, struct odd_context *ctx, size_t i,
                            struct oddi_picture **picture)
{
    const struct eval_run *e = user;
    struct oddi_picture *made = NULL;
    struct oddi_hash128 hash;
    const odd_status status = oddi_dataset_load_hashed(ctx, e->ds, e->index[i], &made, &hash);
    e->was_seen[i] = status == ODD_OK && oddi_seen_has(&e->known, &hash);
    if (!e->was_seen[i]) {
        *picture = made;
        return status;
    }
    oddi_picture_free(ctx, made);
    return oddi_fail(ctx, ODD_ENODATA, "the model has seen it in training");
}

static odd_status eval_take(void *user, const struct oddi_many_result *r)
{
    struct eval_run *e = user;
    if (e->was_seen[r->index])
        return json_array_append_new(
                   e->seen, json_string(e->ds->sample[e->index[r->index]].path)) == 0
                   ? ODD_OK
                   : ODD_ENOMEM;
    if (r->status != ODD_OK)
        return oddi_eval_skip(e, r->index, r->message);
    for (int i = 0; i < ODDI_COMPONENTS_MAX; i++)
        e->component[i][e->good] = r->component[i];
    return oddi_eval_add(e, r->index, r->score, r->map, r->width, r->height);
}

/* ---- reporting ----------------------------------------------------------------------------- */

static double eval_mean_normal(const struct eval_run *e, const double *value)
{
    double sum = 0.0;
    size_t n = 0;
    for (size_t i = 0; i < e->good; i++) {
        sum += e->label[i] ? 0.0 : value[i];
        n += !e->label[i];
    }
    return n ? sum / (double)n : (double)NAN;
}

/* AUROC of every component, for comparison: the model's own score is not chosen by it. */
static odd_status eval_components(struct eval_run *e, json_t *report)
{
    json_t *all = json_object();
    for (int i = 0; e->model && e->model->config.method->components[i]; i++) {
        const struct oddi_scores scores = {e->component[i], e->label, e->group, e->good};
        struct oddi_rank rank;
        odd_status status = oddi_rank_metrics(e->ctx, &scores, &rank);
        if (status != ODD_OK) {
            json_decref(all);
            return status;
        }
        json_t *one = json_object();
        oddi_json_set_real(one, "auroc", rank.auroc);
        oddi_json_set_real(one, "mean_normal", eval_mean_normal(e, e->component[i]));
        oddi_json_set(all, e->model->config.method->components[i], one);
    }
    oddi_json_set(report, "scores", all);
    return ODD_OK;
}

static void eval_pictures(const struct eval_run *e, json_t *report)
{
    json_t *list = json_array();
    for (size_t i = 0; i < e->good; i++) {
        const struct oddi_sample *s = &e->ds->sample[e->index[i]];
        json_t *one = json_object();
        oddi_json_set_text(one, "path", s->path);
        oddi_json_set_real(one, "score", e->score[i]);
        if (e->model)
            oddi_json_set_real(one, "normalized",
                               oddi_calibration_normalize(&e->model->calibration, e->score[i]));
        oddi_json_set_text(one, "label", e->label[i] ? "anomalous" : "normal");
        oddi_json_set_text(one, "type", s->type);
        if (e->model)
            oddi_json_set_text(one, "decision", e->decision[i] ? "ng" : "ok");
        json_array_append_new(list, one);
    }
    oddi_json_set(report, "pictures", list);
}

odd_status oddi_eval_report(struct eval_run *e, json_t **report)
{
    odd_status status = ODD_OK;
    struct oddi_metrics_input input;
    struct oddi_hash128 hash;
    char text[ODDI_HASH_TEXT];
    oddi_metrics_defaults(&input);
    if (e->model) {
        TRY(oddi_model_file_weights_hash(&e->model->file, &hash));
        oddi_hash_format(&hash, text);
        input.model_hash = text;
        input.decision = e->decision;
        input.threshold = e->model->calibration.threshold;
    }
    if (e->pixels) {
        TRY(oddi_pixels_finish(e->pixels, &e->pixel));
        input.pixel = &e->pixel;
        input.pixel_size = e->metric_size;
    }
    input.scores = (struct oddi_scores){e->score, e->label, e->group, e->good};
    input.type = e->type;
    input.n_seen = json_array_size(e->seen);
    input.bootstrap.resamples = (int)oddi_values_int(&e->values, "resamples");
    TRY(oddi_metrics_report(e->ctx, &input, report));
    oddi_eval_mkd_report(e, *report);
    oddi_json_set(*report, "seen", json_incref(e->seen));
    oddi_json_set(*report, "skipped", json_incref(e->skipped));
    oddi_json_set_int(*report, "n_without_mask", (int64_t)e->without_mask);
    if (oddi_values_bool(&e->values, "pictures"))
        eval_pictures(e, *report);
out:
    return status;
}

/* Metrics of nothing would be an answer full of holes. */
static odd_status eval_check_good(const struct eval_run *e)
{
    const json_t *first = json_array_get(e->skipped, 0);
    if (e->good > 0)
        return ODD_OK;
    if (!first)
        return oddi_fail(e->ctx, ODD_ENODATA,
                         "%s: the model has seen every test picture in training", e->ds->root);
    return oddi_fail(e->ctx, ODD_ENODATA,
                     "none of the %zu test pictures of %s could be scored; the first: %s", e->count,
                     e->ds->root,
                     json_string_value(json_object_get(first, "reason")));
}

static odd_status eval_run_model(struct eval_run *e, const struct odd_options *options, char **json)
{
    odd_status status = ODD_OK;
    json_t *report = NULL, *maps = NULL;
    TRY(oddi_eval_open(e, options));
    TRY(eval_known(e));
    const struct oddi_many many = {.model = e->model,
                                   .count = e->count,
                                   .want_map = e->pixels != NULL,
                                   .phase = "eval",
                                   .load = eval_load,
                                   .take = eval_take,
                                   .user = e};
    TRY(oddi_many_run(e->ctx, &many));
    TRY(eval_check_good(e));
    TRY(oddi_eval_report(e, &report));
    TRY(eval_components(e, report));
    if (oddi_values_text(&e->values, "maps")[0]) {
        TRY(oddi_eval_maps(e, &maps));
        oddi_json_set(report, "maps", json_incref(maps));
    }
    TRY(oddi_json_dump(e->ctx, report, 2, json));
out:
    json_decref(report);
    json_decref(maps);
    return status;
}

odd_status odd_eval(struct odd_context *ctx, const struct odd_model *model,
                    struct odd_dataset *dataset, const struct odd_options *options, char **json)
{
    if (!ctx || !model || !dataset || !json)
        return oddi_fail(
            ctx, ODD_EINVAL,
            "evaluating needs a context, a model, a data set and a place for the answer");
    struct eval_run e = {.ctx = ctx, .ds = dataset, .model = model};
    const odd_status status = eval_run_model(&e, options, json);
    oddi_eval_release(&e);
    return status;
}
