/* SPDX-License-Identifier: Apache-2.0
 *
 * From trained weights to a model file: scores of the tune part give each component's location and
 * scale, scores of the calibrate part give the threshold and the colour scale, self-test vectors
 * are added, the file is written, read again and checked against itself.
 */
#include <string.h>

#include "base/file.h"
#include "base/os.h"
#include "base/str.h"
#include "engine/many.h"
#include "engine/report.h"
#include "engine/selftest.h"
#include "engine/train_int.h"

struct finish_part { /* one part of the data set, scored */
    struct train_run *r;
    uint32_t *index;
    size_t count, good;
    double *score, *maximum, *mean, *component[ODDI_COMPONENTS_MAX];
};

static void finish_part_release(struct finish_part *p)
{
    struct odd_context *ctx = p->r->ctx;
    oddi_free(ctx, p->index);
    oddi_free(ctx, p->score);
    oddi_free(ctx, p->maximum);
    oddi_free(ctx, p->mean);
    for (int i = 0; i < ODDI_COMPONENTS_MAX; i++)
        oddi_free(ctx, p->component[i]);
}

static odd_status finish_load(void *user, struct odd_context *ctx, size_t i,
                              struct oddi_picture **picture)
{
    const struct finish_part *p = user;
    return oddi_dataset_load_picture(ctx, p->r->ds, p->index[i], picture);
}

static odd_status finish_take(void *user, const struct oddi_many_result *result)
{
    struct finish_part *p = user;
    const char *path = p->r->ds->sample[p->index[result->index]].path;
    if (result->status != ODD_OK && p->r->strict)
        return oddi_fail(p->r->ctx, result->status, "%s", result->message);
    if (result->status != ODD_OK) {
        oddi_train_leave_out(p->r, path, result->message);
        return ODD_OK;
    }
    p->index[p->good] = p->index[result->index];
    p->score[p->good] = result->score;
    p->maximum[p->good] = result->maximum;
    p->mean[p->good] = result->mean;
    for (int i = 0; i < ODDI_COMPONENTS_MAX; i++)
        p->component[i][p->good] = result->component[i];
    p->good++;
    return ODD_OK;
}

static odd_status finish_score(struct finish_part *p, const struct odd_model *m,
                               enum oddi_part part)
{
    struct odd_context *ctx = p->r->ctx;
    odd_status status = oddi_dataset_select(ctx, p->r->ds, part, &p->index, &p->count);
    if (status != ODD_OK)
        return status;
    p->score = oddi_alloc_array(ctx, p->count + 1, sizeof(double));
    p->maximum = oddi_alloc_array(ctx, p->count + 1, sizeof(double));
    p->mean = oddi_alloc_array(ctx, p->count + 1, sizeof(double));
    if (!p->score || !p->maximum || !p->mean)
        return ODD_ENOMEM;
    for (int i = 0; i < ODDI_COMPONENTS_MAX; i++) {
        p->component[i] = oddi_alloc_array(ctx, p->count + 1, sizeof(double));
        if (!p->component[i])
            return ODD_ENOMEM;
    }
    const struct oddi_many many = {.model = m,
                                   .count = p->count,
                                   .phase = oddi_part_name(part),
                                   .load = finish_load,
                                   .take = finish_take,
                                   .user = p};
    return oddi_many_run(ctx, &many);
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

static odd_status finish_spread(struct finish_part *tune, struct odd_model *m)
{
    for (int i = 0; m->config.method->components[i] && tune->good > 1; i++) {
        odd_status status = oddi_location_scale(tune->r->ctx, tune->component[i], tune->good,
                                                &m->spread.location[i], &m->spread.scale[i]);
        if (status != ODD_OK)
            return status;
    }
    return ODD_OK;
}

/* Content hashes of the pictures that training has seen, so that eval knows them again. */
static odd_status finish_seen(struct odd_model *m, const char *name,
                              const struct oddi_hash128 *hash, size_t n)
{
    const struct oddi_shape shape = oddi_shape_make(2, (int64_t)n, sizeof(*hash), 1, 1);
    return n > 0 ? oddi_model_file_add_copy(&m->file, name, ODDI_U8, &shape, hash) : ODD_OK;
}

static odd_status finish_seen_part(const struct finish_part *p, struct odd_model *m,
                                   const char *name)
{
    odd_status status = ODD_OK;
    struct oddi_hash128 *hash = oddi_calloc(p->r->ctx, p->good + 1, sizeof(*hash));
    if (!hash)
        return ODD_ENOMEM;
    for (size_t i = 0; i < p->good; i++)
        TRY(oddi_dataset_hash(p->r->ctx, p->r->ds, p->index[i], &hash[i]));
    TRY(finish_seen(m, name, hash, p->good));
out:
    oddi_free(p->r->ctx, hash);
    return status;
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
    const odd_status status = finish_seen(m, "seen.train", hash, n);
    oddi_free(r->ctx, hash);
    return status;
}

static odd_status finish_calibrate(struct train_run *r, struct odd_model *m,
                                   struct finish_part *calibrate)
{
    odd_status status = ODD_OK;
    if (calibrate->good == 0)
        return oddi_fail(r->ctx, ODD_ENODATA,
                         "no held-out picture could be read, so no threshold can be set");
    TRY(oddi_median(r->ctx, calibrate->mean, calibrate->good, &m->typical));
    oddi_sort_doubles(calibrate->score, calibrate->good);
    const struct oddi_stored_calibration stored = {
        calibrate->score, calibrate->maximum, (int64_t)calibrate->good, (int64_t)calibrate->good};
    TRY(oddi_model_file_add_calibration(&m->file, &stored));
    TRY(oddi_calibrate(r->ctx, &stored, m->typical, &m->calibration));
out:
    return status;
}

static void finish_json_data(struct train_run *r, json_t *all, const struct finish_part *tune,
                             const struct finish_part *calibrate)
{
    json_t *data = json_object(), *input = json_object(), *training = json_object();
    oddi_json_set_int(input, "channels", r->in.channels);
    oddi_json_set_int(input, "height", r->in.height);
    oddi_json_set_int(input, "width", r->in.width);
    oddi_json_set(all, "input", input);
    oddi_json_set_int(data, "n_train", (int64_t)oddi_loader_count(r->loader));
    oddi_json_set_int(data, "n_tune", (int64_t)tune->good);
    oddi_json_set_int(data, "n_calibrate", (int64_t)calibrate->good);
    oddi_json_set_text(data, "layout", r->ds->layout);
    oddi_json_set_int(data, "split_seed", oddi_values_int(&r->ds->values, "split-seed"));
    oddi_json_set(all, "data", data);
    oddi_json_set_int(training, "steps", r->trainer.recipe.steps);
    oddi_json_set_int(training, "batch", r->trainer.recipe.batch);
    oddi_json_set_real(training, "loss", r->loss);
    oddi_json_set(all, "training", training);
    if (json_array_size(r->choice) > 0)
        oddi_json_set(all, "choice", json_incref(r->choice));
    oddi_json_set_int(all, "n_left_out", (int64_t)json_array_size(r->left_out));
}

/* How a training is run (threads, seconds, file names) stays out: the file of a training is the
 * same to the bit wherever and however it ran. */
static odd_status finish_json(struct train_run *r, struct odd_model *m,
                              const struct finish_part *tune, const struct finish_part *calibrate)
{
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
    finish_json_data(r, all, tune, calibrate);
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

/* What was written must load and answer with the same bits. */
static odd_status finish_check(struct train_run *r, const char *path)
{
    struct odd_model *again = NULL;
    odd_status status = odd_model_load(r->ctx, path, &again);
    if (status == ODD_OK)
        status = odd_model_verify(r->ctx, again, NULL);
    odd_model_free(again);
    return status;
}

/* Writes beside the final name, checks, renames: a model that fails its own check never stands
 * where a good one stood. */
static odd_status finish_write(struct train_run *r, struct odd_model *m)
{
    odd_status status = ODD_OK;
    struct oddi_str s;
    oddi_str_init(&s, r->ctx);
    oddi_str_addf(&s, "%s.unchecked", r->path);
    TRY(oddi_str_status(&s));
    TRY(oddi_model_file_save(&m->file, s.text));
    status = finish_check(r, s.text);
    if (status == ODD_OK)
        status = oddi_file_rename(r->ctx, s.text, r->path);
    if (status != ODD_OK)
        oddi_os_unlink(s.text);
out:
    oddi_str_release(&s);
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
    oddi_json_set_int(all, "steps", r->trainer.recipe.steps);
    oddi_json_set_real(all, "loss", r->loss);
    oddi_json_set_real(all, "seconds", r->seconds);
    oddi_json_set_real(all, "seconds_per_step", r->seconds / (double)r->trainer.recipe.steps);
    oddi_json_set_real(all, "threshold", m->calibration.threshold);
    oddi_json_set_int(all, "n_train", (int64_t)oddi_loader_count(r->loader));
    oddi_json_set_int(all, "n_tune", (int64_t)n_tune);
    oddi_json_set_int(all, "n_calibrate", (int64_t)m->calibration.n);
    oddi_json_set_text(all, "certifies", certifies);
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
    return finish_weights(r, m);
}

odd_status oddi_train_finish(struct train_run *r, char **report)
{
    odd_status status = ODD_OK;
    struct odd_model m;
    memset(&m, 0, sizeof(m));
    struct finish_part tune = {.r = r}, calibrate = {.r = r};
    oddi_model_file_init(&m.file, r->ctx);
    TRY(oddi_train_choose_score(r));
    TRY(oddi_train_model(r, &m));
    TRY(finish_score(&tune, &m, ODDI_PART_TUNE));
    TRY(finish_spread(&tune, &m));
    TRY(finish_score(&calibrate, &m, ODDI_PART_CALIBRATE));
    TRY(finish_calibrate(r, &m, &calibrate));
    TRY(finish_seen_train(r, &m));
    TRY(finish_seen_part(&tune, &m, "seen.tune"));
    TRY(finish_seen_part(&calibrate, &m, "seen.calibrate"));
    TRY(oddi_selftest_add(r->ctx, &m));
    TRY(finish_json(r, &m, &tune, &calibrate));
    TRY(finish_write(r, &m));
    oddi_os_unlink(r->state_path); /* may not be there */
    TRY(finish_report(r, &m, tune.good, report));
out:
    if (r->score_chosen) /* a state says what was asked for */
        (void)oddi_values_set(&r->config->values, "score", "auto", "set");
    if (status == ODD_ECANCELLED && oddi_train_save(r) == ODD_OK)
        status = oddi_fail(r->ctx, ODD_ECANCELLED,
                           "stopped while calibrating; the state is in %s (go on with --resume)",
                           r->state_path);
    finish_part_release(&tune);
    finish_part_release(&calibrate);
    oddi_model_file_release(&m.file);
    return status;
}
