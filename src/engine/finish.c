/* SPDX-License-Identifier: Apache-2.0
 *
 * From trained weights to a model file: scores of the tune part give each component's location and
 * scale, scores of the calibrate part give the threshold and the colour scale, self-test vectors
 * are added, the file is written, read again and checked against itself.
 */
#include <string.h>

#include "base/os.h"
#include "engine/held.h"
#include "engine/publish.h"
#include "engine/report.h"
#include "engine/selftest.h"
#include "engine/thumbs.h"
#include "engine/train_int.h"

struct finish_work {
    struct train_run *r;
    struct oddi_held tune, calibrate;
    struct oddi_kept kept;
    struct oddi_thumbs thumbs;
};

static void finish_leave_out(void *user, const char *path, const char *reason)
{
    oddi_train_leave_out(user, path, reason);
}

static odd_status finish_score(struct train_run *r, struct oddi_held *h, const struct odd_model *m,
                               enum oddi_part part)
{
    h->ds = r->ds;
    h->strict = r->strict;
    h->leave_out = finish_leave_out;
    h->user = r;
    odd_status status = oddi_dataset_select(r->ctx, r->ds, part, &h->index, &h->count);
    if (status == ODD_OK)
        status = oddi_held_score(h, m, oddi_part_name(part));
    return status;
}

/* Parameters of the scoring graph as tensors of the model, borrowed from the training state. */
static odd_status finish_weights(struct train_run *r, struct odd_model *m)
{
    odd_status status = ODD_OK;
    struct oddi_state *s = &r->trainer.state;
    struct oddi_build b;
    TRY(oddi_model_graph(r->ctx, m, &b));
    for (int i = 0; i < b.graph.count; i++) {
        const struct oddi_node *n = b.graph.node[i];
        if (!oddi_build_holds(n))
            continue;
        const struct oddi_state_param *p = oddi_state_find(s, n->name);
        const struct oddi_group *g = &s->group[p->group];
        const float *data = (g->average ? g->average : g->weights) + p->offset;
        TRY(oddi_model_file_add(&m->file, n->name, ODDI_F32, &p->shape, data));
    }
out:
    oddi_build_release(&b);
    return status;
}

static odd_status finish_spread(const struct oddi_held *tune, struct odd_model *m)
{
    for (int i = 0; m->config.method->components[i] && tune->good > 1; i++) {
        odd_status status = oddi_location_scale(tune->ctx, tune->component[i], tune->good,
                                                &m->spread.location[i], &m->spread.scale[i]);
        if (status != ODD_OK)
            return status;
    }
    return ODD_OK;
}

/* The loader hashed the training pictures when it first looked at them. */
static odd_status finish_seen_train(struct train_run *r, struct odd_model *m)
{
    const size_t n = oddi_loader_count(r->loader);
    struct oddi_hash128 *hash = oddi_calloc(r->ctx, n + 1, sizeof(*hash));
    if (!hash)
        return ODD_ENOMEM;
    for (size_t i = 0; i < n; i++)
        hash[i] = *oddi_loader_hash(r->loader, i);
    const odd_status status = oddi_seen_store(&m->file, "seen.train", hash, n);
    oddi_free(r->ctx, hash);
    return status;
}

/* What the model keeps of its pictures beside their hashes. */
static odd_status finish_keep(struct finish_work *w, struct odd_model *m)
{
    struct train_run *r = w->r;
    odd_status status = ODD_OK;
    struct oddi_picture *picture = NULL;
    if (w->kept.ctx)
        TRY(oddi_kept_store(&w->kept, &m->file));
    if (!oddi_values_has(&r->config->values, "keep-pictures") ||
        !oddi_values_bool(&r->config->values, "keep-pictures"))
        goto out;
    oddi_thumbs_init(&w->thumbs, r->ctx);
    for (size_t i = 0; i < oddi_loader_count(r->loader); i++) {
        TRY(oddi_dataset_load_picture(r->ctx, r->ds, oddi_loader_sample(r->loader, i), &picture));
        TRY(oddi_thumbs_add(&w->thumbs, picture));
        oddi_picture_free(r->ctx, picture);
        picture = NULL;
        TRY(oddi_check_cancel(r->ctx));
    }
    TRY(oddi_thumbs_store(&w->thumbs, &m->file));
out:
    oddi_picture_free(r->ctx, picture);
    return status;
}

static odd_status finish_seen(struct finish_work *w, struct odd_model *m)
{
    odd_status status = ODD_OK;
    TRY(finish_seen_train(w->r, m));
    TRY(oddi_seen_store(&m->file, "seen.tune", w->tune.hash, w->tune.good));
    TRY(oddi_seen_store(&m->file, "seen.calibrate", w->calibrate.hash, w->calibrate.good));
out:
    return status;
}

/* The user's file names stay out of the model. */
static void finish_json_suspects(const struct train_run *r, json_t *all)
{
    json_t *list = json_array();
    for (size_t i = 0; i < json_array_size(r->suspects); i++) {
        json_t *one = json_copy(json_array_get(r->suspects, i));
        json_object_del(one, "path");
        json_array_append_new(list, one);
    }
    if (json_array_size(list) > 0)
        oddi_json_set(all, "suspects", json_incref(list));
    json_decref(list);
}

static void finish_json_data(const struct finish_work *w, json_t *all)
{
    struct train_run *r = w->r;
    json_t *data = json_object(), *input = json_object(), *training = json_object();
    oddi_json_set_int(input, "channels", r->in.channels);
    oddi_json_set_int(input, "height", r->in.height);
    oddi_json_set_int(input, "width", r->in.width);
    oddi_json_set(all, "input", input);
    oddi_json_set_int(data, "n_train", (int64_t)oddi_loader_count(r->loader));
    oddi_json_set_int(data, "n_tune", (int64_t)w->tune.good);
    oddi_json_set_int(data, "n_calibrate", (int64_t)w->calibrate.good);
    oddi_json_set_text(data, "layout", r->ds->layout);
    oddi_json_set_int(data, "split_seed", oddi_values_int(&r->ds->values, "split-seed"));
    oddi_json_set(all, "data", data);
    if (w->thumbs.ctx) {
        json_t *pictures = json_object();
        oddi_json_set_int(pictures, "count", (int64_t)w->thumbs.count);
        oddi_json_set_int(pictures, "side", ODDI_THUMB_SIDE);
        oddi_json_set(all, "pictures", pictures);
    }
    if (!r->config->method->fit) {
        oddi_json_set_int(training, "steps", r->trainer.recipe.steps);
        oddi_json_set_int(training, "batch", r->trainer.recipe.batch);
        oddi_json_set_real(training, "loss", r->loss);
        if (r->snapshot)
            oddi_json_set_int(training, "step", r->step);
    }
    oddi_json_set(all, "training", training);
    if (json_array_size(r->choice) > 0)
        oddi_json_set(all, "choice", json_incref(r->choice));
    finish_json_suspects(r, all);
    oddi_json_set_int(all, "n_left_out", (int64_t)json_array_size(r->left_out));
}

/* How a training is run (threads, seconds, file names) stays out: the file of a training is the
 * same to the bit wherever and however it ran. */
static odd_status finish_json(const struct finish_work *w, struct odd_model *m)
{
    struct train_run *r = w->r;
    odd_status status = ODD_OK;
    char *text = NULL;
    json_t *all = json_object(), *config = NULL, *spread = json_object(), *build = NULL;
    int components = 0;
    while (m->config.method->components[components])
        components++;
    TRY(oddi_config_json(r->config, &config));
    oddi_json_set_text(all, "oddity_version", ODDITY_VERSION);
    oddi_json_set_text(all, "preset", r->config->preset->name);
    oddi_json_set(all, "config", json_incref(config));
    finish_json_data(w, all);
    oddi_json_set(spread, "location", oddi_json_reals(m->spread.location, components));
    oddi_json_set(spread, "scale", oddi_json_reals(m->spread.scale, components));
    oddi_json_set(all, "spread", json_incref(spread));
    oddi_json_set_real(all, "map_typical", m->typical);
    TRY(oddi_selftest_build(r->ctx, m, &build));
    oddi_json_set(all, "build", json_incref(build));
    if (r->expert.net)
        oddi_json_set(all, "expert", oddi_expert_json(&r->expert));
    oddi_json_set_text(all, "licence",
                       r->expert.net ? "weights trained here, and the expert's (see expert)"
                                     : "weights trained here; no third-party weights");
    TRY(oddi_json_dump(r->ctx, all, 0, &text));
    TRY(oddi_model_file_set(&m->file, m->config.method->name, text));
out:
    oddi_free(r->ctx, text);
    json_decref(config);
    json_decref(spread);
    json_decref(build);
    json_decref(all);
    return status;
}

static odd_status finish_report(struct train_run *r, const struct odd_model *m, size_t n_tune,
                                char **report)
{
    odd_status status = ODD_OK;
    struct oddi_hash128 hash;
    char text[ODDI_HASH_TEXT], *certifies = NULL;
    json_t *all = json_object();
    const struct oddi_values *v = &r->config->values;
    TRY(oddi_model_file_weights_hash(&m->file, &hash));
    oddi_hash_format(&hash, text);
    TRY(oddi_certify_text(r->ctx, m->calibration.n,
                          oddi_values_text(&r->ds->values, "group")[0] != 0, &certifies));
    oddi_json_set_text(all, "model", r->path);
    oddi_json_set_text(all, "method", r->config->method->name);
    oddi_json_set_text(all, "preset", r->config->preset->name);
    if (oddi_values_has(v, "variant"))
        oddi_json_set_text(all, "variant", oddi_values_text(v, "variant"));
    oddi_json_set_text(all, "weights_hash", text);
    oddi_json_set_real(all, "seconds", r->seconds);
    if (!r->config->method->fit) {
        oddi_json_set_int(all, "steps", r->trainer.recipe.steps);
        oddi_json_set_real(all, "loss", r->loss);
        oddi_json_set_real(all, "seconds_per_step", r->seconds / (double)r->trainer.recipe.steps);
    }
    oddi_json_set_real(all, "threshold", m->calibration.threshold);
    oddi_json_set_int(all, "n_train", (int64_t)oddi_loader_count(r->loader));
    oddi_json_set_int(all, "n_tune", (int64_t)n_tune);
    oddi_json_set_int(all, "n_calibrate", (int64_t)m->calibration.n);
    oddi_json_set_text(all, "certifies", certifies);
    oddi_json_set(all, "suspects", json_incref(r->suspects));
    oddi_json_set(all, "left_out", json_incref(r->left_out));
    oddi_json_set_int(all, "peak_memory_bytes", (int64_t)oddi_os_peak_rss_bytes());
    oddi_json_set_bool(all, "resumed", r->resumed);
    TRY(oddi_json_dump(r->ctx, all, 0, report));
out:
    oddi_free(r->ctx, certifies);
    json_decref(all);
    return status;
}

odd_status oddi_train_model(struct train_run *r, struct odd_model *m)
{
    m->ctx = r->ctx;
    m->config = *r->config;
    m->in = r->in;
    m->prepare = r->prepare;
    m->version = 1;
    for (int i = 0; i < ODDI_COMPONENTS_MAX; i++)
        m->spread.scale[i] = 1.0; /* until the tune part has given it */
    odd_status status = finish_weights(r, m);
    for (size_t i = 0; status == ODD_OK && i < oddi_model_file_count(&r->kept); i++) {
        const struct oddi_stored *t = oddi_model_file_at(&r->kept, i);
        status = oddi_model_file_add(&m->file, t->name, t->type, &t->shape, t->data);
    }
    if (status == ODD_OK && oddi_model_file_count(&r->kept) > 0)
        status = oddi_model_open_fitted(r->ctx, m);
    return status;
}

void oddi_train_model_release(struct odd_model *m)
{
    oddi_model_close_fitted(m);
    oddi_model_file_release(&m->file);
}

static odd_status finish_calibrate(struct finish_work *w, struct odd_model *m)
{
    struct oddi_held *h = &w->calibrate;
    odd_status status = ODD_OK;
    if (m->config.method->extend) {
        oddi_kept_init(&w->kept, w->r->ctx, &m->config.values);
        h->kept = &w->kept;
    }
    TRY(finish_score(w->r, h, m, ODDI_PART_CALIBRATE));
    TRY(oddi_held_calibrate(w->r->ctx, m, h->score, h->maximum, h->mean, h->good));
out:
    return status;
}

odd_status oddi_train_finish(struct train_run *r, char **report)
{
    odd_status status = ODD_OK;
    struct odd_model m;
    memset(&m, 0, sizeof(m));
    struct finish_work w = {.r = r, .tune = {.ctx = r->ctx}, .calibrate = {.ctx = r->ctx}};
    oddi_model_file_init(&m.file, r->ctx);
    TRY(oddi_train_choose_score(r));
    TRY(oddi_train_model(r, &m));
    TRY(finish_score(r, &w.tune, &m, ODDI_PART_TUNE));
    TRY(finish_spread(&w.tune, &m));
    TRY(finish_calibrate(&w, &m));
    TRY(finish_seen(&w, &m));
    TRY(finish_keep(&w, &m));
    TRY(oddi_selftest_add(r->ctx, &m));
    TRY(finish_json(&w, &m));
    TRY(oddi_model_publish(r->ctx, &m.file, r->path));
    if (!r->snapshot)
        oddi_os_unlink(r->state_path); /* may not be there */
    TRY(finish_report(r, &m, w.tune.good, report));
out:
    if (r->score_chosen) /* a state says what was asked for */
        (void)oddi_values_set(&r->config->values, "score", "auto", "set");
    if (status == ODD_ECANCELLED && !r->config->method->fit && !r->snapshot &&
        oddi_train_save(r) == ODD_OK)
        status = oddi_fail(r->ctx, ODD_ECANCELLED,
                           "stopped while calibrating; the state is in %s (go on with --resume)",
                           r->state_path);
    oddi_held_release(&w.tune);
    oddi_held_release(&w.calibrate);
    oddi_train_model_release(&m);
    oddi_kept_release(&w.kept);
    oddi_thumbs_release(&w.thumbs);
    return status;
}
