/* SPDX-License-Identifier: Apache-2.0
 *
 * odd_train: from a data set and options to a model file. Reads only the training part here;
 * finish.c reads the held-out normals. Nothing of the test part is ever touched.
 */
#include <string.h>

#include "base/file.h"
#include "base/os.h"
#include "base/str.h"
#include "engine/report.h"
#include "engine/train_int.h"

#define TRAIN_MEASURED 2 /* steps that the expected time is taken from */
#define TRAIN_LOOK 16    /* pictures looked at to learn the number of bands */

void oddi_train_leave_out(struct train_run *r, const char *path, const char *reason)
{
    oddi_report_left_out(r->ctx, r->left_out, path, reason);
}

static void train_note_left_out(struct train_run *r)
{
    const struct oddi_loader_bad *bad = NULL;
    const size_t n = oddi_loader_left_out(r->loader, &bad);
    for (size_t i = 0; i < n; i++)
        oddi_train_leave_out(r, r->ds->sample[bad[i].sample].path, bad[i].message);
}

/* The network's channels are the bands of the data: the most that the first pictures have. */
static odd_status train_channels(struct train_run *r, const uint32_t *index, size_t n)
{
    odd_status last = ODD_OK;
    int bands = 0;
    for (size_t i = 0, seen = 0; i < n && seen < TRAIN_LOOK; i++) {
        struct oddi_picture *picture = NULL;
        const odd_status status = oddi_dataset_load_picture(r->ctx, r->ds, index[i], &picture);
        if (status == ODD_OK) {
            bands = picture->bands > bands ? picture->bands : bands;
            if (picture->width * picture->height > r->largest[0] * r->largest[1]) {
                r->largest[0] = picture->width;
                r->largest[1] = picture->height;
            }
            seen++;
        } else {
            last = status;
        }
        oddi_picture_free(r->ctx, picture);
        if (status == ODD_ENOMEM)
            return status;
    }
    if (bands == 0)
        return last; /* its message says what was wrong with the last picture */
    r->in.channels = bands;
    return ODD_OK;
}

static odd_status train_loader(struct train_run *r, const uint32_t *index, size_t n)
{
    const struct oddi_values *v = &r->config->values;
    struct oddi_loader_options options;
    oddi_loader_options_init(&options);
    options.threads = r->ctx->threads > 1 ? 1 : 0;
    options.cache_bytes =
        r->config->method->fit ? 0 : (size_t)oddi_values_int(v, "cache-mib") << 20;
    options.seed = r->seed;
    options.drop_last =
        !oddi_values_has(v, "last-batch") || oddi_values_is(v, "last-batch", "drop");
    options.strict = r->strict;
    options.prepare = r->prepare;
    options.augment = oddi_values_has(v, "augment") ? oddi_values_text(v, "augment") : NULL;
    odd_status status = oddi_loader_new(r->ctx, r->ds, index, n, &options, &r->loader);
    if (status == ODD_OK)
        train_note_left_out(r);
    return status;
}

/* Which pictures, and how many bands they have. */
static odd_status train_select(struct train_run *r, uint32_t **index, size_t *n)
{
    odd_status status = oddi_dataset_select(r->ctx, r->ds, ODDI_PART_TRAIN, index, n);
    if (status == ODD_OK && *n == 0)
        status =
            oddi_fail(r->ctx, ODD_ENODATA, "%s has no normal pictures to train on", r->ds->root);
    return status == ODD_OK ? train_channels(r, *index, *n) : status;
}

/* Which geometry, does it fit the method. */
static odd_status train_open(struct train_run *r, const uint32_t *index, size_t n)
{
    odd_status status = ODD_OK;
    TRY(oddi_train_native(r, index, n));
    TRY(oddi_train_detail(r));
    TRY(r->config->method->check(r->ctx, &r->config->values, &r->in));
    oddi_config_prepare(r->config, &r->in, &r->prepare);
    TRY(train_loader(r, index, n));
out:
    return status;
}

/* What was chosen, and how to choose it by name another time. */
static void train_say_method(struct train_run *r)
{
    const struct oddi_config *c = r->config;
    struct oddi_str s;
    if (!oddi_report_wanted(r->ctx))
        return;
    oddi_str_init(&s, r->ctx);
    oddi_str_addf(&s, "method %s, preset %s", c->method->name, c->preset->name);
    if (r->expert.net)
        oddi_str_addf(&s, ", expert %s (weights %s, %s)", r->expert.net->name, r->expert.hash,
                      oddi_values_text(&c->values, "expert"));
    if (r->automatic)
        oddi_str_addf(&s, "\n  chosen automatically; to fix the choice: --method %s%s",
                      c->method->name, r->expert.net ? " --expert FILE" : "");
    if (oddi_str_status(&s) == ODD_OK)
        oddi_report_text(r->ctx, "method", "%s", s.text);
    oddi_str_release(&s);
}

odd_status oddi_train_start(struct train_run *r)
{
    const struct oddi_method *m = r->config->method;
    const struct oddi_values *v = &r->config->values;
    const struct oddi_trainer_net net = {.build = m->build,
                                         .control = m->control,
                                         .values = v,
                                         .in = r->in,
                                         .stages = oddi_method_stages(m, v),
                                         .mode = oddi_config_mode(r->config, true)};
    struct oddi_recipe recipe;
    odd_status status = ODD_OK;
    TRY(oddi_config_check_mode(r->ctx, r->config));
    oddi_trainer_release(&r->trainer);
    memset(&recipe, 0, sizeof(recipe));
    if (!m->fit)
        TRY(oddi_recipe_read(&recipe, v, (int64_t)oddi_loader_count(r->loader)));
    TRY(oddi_trainer_init(&r->trainer, r->ctx, &net, r->seed, recipe.average > 0));
    if (r->expert.net)
        TRY(oddi_expert_fill(&r->expert, &r->trainer.state));
    r->trainer.recipe = recipe;
    r->trainer.check_numerics = oddi_values_bool(v, "check-numerics");
    if (m->control_start)
        m->control_start(v, &r->trainer.control);
    TRY(oddi_cache_start(&r->cache, r));
    r->step = 0;
    r->seconds = 0;
out:
    return status;
}

/* The time of a step, unless a time budget has measured it; the training then starts anew. */
static odd_status train_expect(struct train_run *r)
{
    if (r->per_step > 0)
        return ODD_OK;
    const odd_status status = oddi_train_measure(r, TRAIN_MEASURED);
    if (status != ODD_OK && status != ODD_ECANCELLED)
        return status;
    return oddi_train_start(r); /* a stop is heard again after the first step, which saves */
}

/* The most that is held at once: state, plans, pictures, the expert's file and its maps. */
static size_t train_memory(const struct train_run *r)
{
    size_t bytes = oddi_trainer_memory(&r->trainer) + oddi_cache_memory(&r->cache);
    if (bytes < r->cache.peak)
        bytes = r->cache.peak;
    for (size_t i = 0; i < r->expert.weights.count; i++)
        bytes += r->expert.weights.tensor[i].count * sizeof(float);
    for (int i = 0; i < r->ds->containers; i++) {
        const struct oddi_container *c = &r->ds->container[i];
        bytes += (size_t)(c->count * c->height * c->width * c->bands);
    }
    return bytes + oddi_loader_memory(r->loader, r->trainer.recipe.batch);
}

static odd_status train_announce(struct train_run *r)
{
    const struct oddi_recipe *recipe = &r->trainer.recipe;
    const struct oddi_values *v = &r->config->values;
    int64_t parameters = 0;
    if (!oddi_report_wanted(r->ctx))
        return ODD_OK;
    odd_status status = r->step > 0 ? ODD_OK : train_expect(r);
    if (status == ODD_OK)
        status = oddi_cache_ready(&r->cache, r);
    if (status == ODD_OK) /* the plan, for its memory */
        status = oddi_trainer_prepare(&r->trainer, r->trainer.net.stages - 1, recipe->batch);
    if (status != ODD_OK)
        return status;
    for (size_t i = 0; i < r->trainer.state.params; i++)
        parameters += oddi_shape_count(&r->trainer.state.param[i].shape);
    json_t *e = oddi_report_event("start");
    oddi_json_set_text(e, "method", r->config->method->name);
    if (r->expert.net)
        oddi_json_set(e, "expert", oddi_expert_json(&r->expert));
    oddi_json_set_text(e, "preset", r->config->preset->name);
    if (oddi_values_has(v, "variant"))
        oddi_json_set_text(e, "variant", oddi_values_text(v, "variant"));
    oddi_json_set_int(e, "parameters", parameters);
    oddi_json_set_int(e, "memory_bytes", (int64_t)train_memory(r));
    oddi_json_set(e, "expert_cache", oddi_cache_json(&r->cache));
    oddi_json_set_int(e, "steps", recipe->steps);
    oddi_json_set_int(e, "step", r->step);
    oddi_json_set_real(e, "epochs",
                       (double)recipe->steps /
                           (double)oddi_loader_steps_per_epoch(r->loader, recipe->batch));
    oddi_json_set_int(e, "batch", recipe->batch);
    oddi_json_set_int(e, "pictures", (int64_t)oddi_loader_count(r->loader));
    oddi_json_set_int(e, "width", r->in.width);
    oddi_json_set_int(e, "height", r->in.height);
    oddi_json_set_int(e, "channels", r->in.channels);
    oddi_json_set_int(e, "threads", r->ctx->threads);
    if (r->per_step > 0)
        oddi_json_set_real(e, "seconds_expected", r->per_step * (double)recipe->steps);
    oddi_report_send(r->ctx, e);
    return ODD_OK;
}

static odd_status train_describe(struct train_run *r)
{
    char *text = NULL, *json = NULL;
    if (!oddi_report_wanted(r->ctx))
        return ODD_OK;
    odd_status status = odd_dataset_describe(r->ds, &text, &json);
    if (status == ODD_OK) {
        json_t *e = oddi_report_event("data");
        oddi_json_set_text(e, "text", text);
        oddi_report_send(r->ctx, e);
    }
    odd_text_free(r->ds->ctx, text);
    odd_text_free(r->ds->ctx, json);
    return status;
}

/* Where the model will lie must be writable before hours are spent. */
static odd_status train_check_path(struct train_run *r)
{
    struct oddi_writer w;
    struct oddi_stat st;
    if (oddi_os_stat(r->path, &st) == 0 && st.kind != ODDI_FILE_NONE &&
        st.kind != ODDI_FILE_REGULAR)
        return oddi_fail(r->ctx, ODD_EIO, "%s is there and no regular file", r->path);
    odd_status status = oddi_writer_open(r->ctx, r->path, &w);
    if (status == ODD_OK)
        oddi_writer_abort(&w);
    return status;
}

/* The data set was opened strict, or the training is asked to be. */
static odd_status train_strict(struct train_run *r, const struct odd_options *options)
{
    const char *text = options ? oddi_options_get(options, "strict") : NULL;
    r->strict = r->ds->strict;
    if (!text || oddi_parse_bool(text, &r->strict))
        return ODD_OK;
    return oddi_fail(r->ctx, ODD_ECONFIG, "strict=%s: expected true or false", text);
}

/* What is settled before a new training: its steps, then what is automatic. */
static odd_status train_prepare(struct train_run *r)
{
    odd_status status = oddi_train_budget(r);
    if (status == ODD_OK)
        status = oddi_train_choose(r);
    if (status == ODD_OK)
        status = oddi_train_start(r);
    return status == ODD_OK ? oddi_train_settle(r) : status;
}

static odd_status train_steps(struct train_run *r)
{
    odd_status status = ODD_OK;
    TRY(oddi_values_bool(&r->config->values, "resume") ? oddi_train_restore(r) : train_prepare(r));
    TRY(train_announce(r));
    TRY(oddi_train_loop(r));
out:
    return status;
}

static odd_status train_run_all(struct train_run *r, const struct odd_options *options,
                                char **report)
{
    odd_status status = ODD_OK;
    struct oddi_str s;
    uint32_t *index = NULL;
    size_t n = 0;
    const char *method = options ? oddi_options_get(options, "method") : NULL;
    oddi_str_init(&s, r->ctx);
    oddi_str_addf(&s, "%s.state", r->path);
    TRY(oddi_str_take(&s, &r->state_path));
    TRY(train_check_path(r));
    TRY(train_select(r, &index, &n));
    r->automatic = !method || strcmp(method, "auto") == 0;
    TRY(oddi_config_init(r->config, r->ctx, options, r->in.channels));
    TRY(train_strict(r, options));
    if (r->config->method->wants_expert)
        TRY(oddi_expert_choose(&r->expert, r->config));
    r->seed = (uint64_t)oddi_values_int(&r->config->values, "seed");
    train_say_method(r);
    TRY(train_describe(r));
    TRY(train_open(r, index, n));
    oddi_train_say_detail(r);
    TRY(r->config->method->fit ? oddi_train_fit(r) : train_steps(r));
    TRY(oddi_train_finish(r, report));
out:
    oddi_free(r->ctx, index);
    oddi_str_release(&s);
    return status;
}

odd_status odd_train(struct odd_context *ctx, struct odd_dataset *dataset,
                     const struct odd_options *options, const char *path, char **report)
{
    if (!ctx || !dataset || !path || !path[0])
        return oddi_fail(ctx, ODD_EINVAL,
                         "training needs a context, a data set and a path for the model");
    struct oddi_config config;
    memset(&config, 0, sizeof(config));
    struct train_run r = {.ctx = ctx, .ds = dataset, .config = &config, .path = path};
    r.left_out = json_array();
    r.choice = json_array();
    r.suspects = json_array();
    oddi_model_file_init(&r.kept, ctx);
    char *text = NULL;
    odd_status status =
        r.left_out && r.choice && r.suspects ? train_run_all(&r, options, &text) : ODD_ENOMEM;
    json_decref(r.left_out);
    json_decref(r.choice);
    json_decref(r.suspects);
    oddi_cache_release(&r.cache);
    oddi_trainer_release(&r.trainer);
    oddi_model_file_release(&r.kept);
    oddi_expert_release(&r.expert);
    oddi_loader_free(r.loader);
    oddi_config_release(&config);
    oddi_free(ctx, r.state_path);
    if (status == ODD_OK && report)
        *report = text;
    else
        oddi_free(ctx, text);
    return status;
}
