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
    json_t *one = json_object(), *event = oddi_report_event("left-out");
    oddi_json_set_text(one, "path", path);
    oddi_json_set_text(one, "reason", reason);
    json_array_append_new(r->left_out, one);
    oddi_json_set_text(event, "path", path);
    oddi_json_set_text(event, "reason", reason);
    oddi_report_send(r->ctx, event);
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
    options.cache_bytes = (size_t)oddi_values_int(v, "cache-mib") << 20;
    options.seed = r->seed;
    options.drop_last = true;
    options.strict = r->strict;
    options.prepare = r->prepare;
    options.augment = oddi_values_text(v, "augment");
    odd_status status = oddi_loader_new(r->ctx, r->ds, index, n, &options, &r->loader);
    if (status == ODD_OK)
        train_note_left_out(r);
    return status;
}

/* Which pictures, which geometry, does it fit the method. */
static odd_status train_open(struct train_run *r)
{
    odd_status status = ODD_OK;
    uint32_t *index = NULL;
    size_t n = 0;
    TRY(oddi_dataset_select(r->ctx, r->ds, ODDI_PART_TRAIN, &index, &n));
    if (n == 0) {
        status =
            oddi_fail(r->ctx, ODD_ENODATA, "%s has no normal pictures to train on", r->ds->root);
        goto out;
    }
    TRY(oddi_config_size(r->ctx, r->config, &r->in.width, &r->in.height));
    TRY(train_channels(r, index, n));
    TRY(r->config->method->check(r->ctx, &r->config->values, &r->in));
    oddi_config_prepare(r->config, &r->in, &r->prepare);
    TRY(train_loader(r, index, n));
out:
    oddi_free(r->ctx, index);
    return status;
}

odd_status oddi_train_start(struct train_run *r)
{
    const struct oddi_method *m = r->config->method;
    const struct oddi_values *v = &r->config->values;
    const bool bf16 = oddi_values_is(v, "precision", "bf16");
    const struct oddi_trainer_net net = {.build = m->build,
                                         .control = m->control,
                                         .values = v,
                                         .in = r->in,
                                         .stages = m->stages(v),
                                         .mode = bf16 ? "bf16" : "best"};
    struct oddi_recipe recipe;
    odd_status status = ODD_OK;
    if (bf16 && !oddi_host_has_bf16())
        return oddi_fail(r->ctx, ODD_ENOTSUP,
                         "precision=bf16: this processor or this build has no bf16 convolutions");
    oddi_trainer_release(&r->trainer);
    TRY(oddi_recipe_read(&recipe, v, (int64_t)oddi_loader_count(r->loader)));
    TRY(oddi_trainer_init(&r->trainer, r->ctx, &net, r->seed, recipe.average > 0));
    if (r->expert.net)
        TRY(oddi_expert_fill(&r->expert, &r->trainer.state));
    r->trainer.recipe = recipe;
    r->trainer.check_numerics = oddi_values_bool(v, "check-numerics");
    if (m->control_start)
        m->control_start(v, &r->trainer.control);
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

static odd_status train_announce(struct train_run *r)
{
    const struct oddi_recipe *recipe = &r->trainer.recipe;
    const struct oddi_values *v = &r->config->values;
    int64_t parameters = 0;
    if (!oddi_report_wanted(r->ctx))
        return ODD_OK;
    odd_status status = r->step > 0 ? ODD_OK : train_expect(r);
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
    oddi_json_set_int(e, "memory_bytes",
                      (int64_t)(oddi_trainer_memory(&r->trainer) +
                                oddi_loader_cached(r->loader) * sizeof(float) *
                                    (size_t)(r->in.channels * r->in.width * r->in.height)));
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
    return status == ODD_OK ? oddi_train_start(r) : status;
}

static odd_status train_run_all(struct train_run *r, const struct odd_options *options,
                                char **report)
{
    odd_status status = ODD_OK;
    struct oddi_str s;
    oddi_str_init(&s, r->ctx);
    oddi_str_addf(&s, "%s.state", r->path);
    TRY(oddi_str_take(&s, &r->state_path));
    TRY(train_check_path(r));
    TRY(oddi_config_init(r->config, r->ctx, options));
    TRY(train_strict(r, options));
    if (r->config->method->wants_expert)
        TRY(oddi_expert_choose(&r->expert, r->config));
    r->seed = (uint64_t)oddi_values_int(&r->config->values, "seed");
    TRY(train_describe(r));
    TRY(train_open(r));
    TRY(oddi_values_bool(&r->config->values, "resume") ? oddi_train_restore(r) : train_prepare(r));
    TRY(train_announce(r));
    TRY(oddi_train_loop(r));
    TRY(oddi_train_finish(r, report));
out:
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
    char *text = NULL;
    odd_status status = r.left_out && r.choice ? train_run_all(&r, options, &text) : ODD_ENOMEM;
    json_decref(r.left_out);
    json_decref(r.choice);
    oddi_trainer_release(&r.trainer);
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
