/* SPDX-License-Identifier: Apache-2.0
 *
 * One run of a sweep: train, evaluate, and a JSON that says it is finished. What was killed in
 * training goes on from the state beside the model; what was killed in evaluation evaluates again.
 */
#include <math.h>
#include <string.h>

#include "base/file.h"
#include "base/os.h"
#include "cli/sweep.h"

#define SWEEP_JSON_MAX ((size_t)64 << 20)

#define SWEEP_METRIC_ROW(name, path, title, digits) {#name, path, title, digits},
const struct sweep_metric_info sweep_metrics[SWEEP_METRICS] = {SWEEP_METRIC_MAP(SWEEP_METRIC_ROW)};

static char *sweep_path(struct sweep *sweep, const struct sweep_run *run, const char *end)
{
    return oddi_arena_printf(&sweep->cli->arena, "%s/runs/%s%s", sweep->folder, run->id, end);
}

static bool sweep_is_file(const char *path)
{
    struct oddi_stat st = {.kind = ODDI_FILE_NONE};
    return path && oddi_os_stat(path, &st) == 0 && st.kind == ODDI_FILE_REGULAR;
}

static void sweep_take(struct sweep *sweep, struct sweep_run *run, const json_t *json)
{
    for (int i = 0; i < SWEEP_METRICS; i++)
        run->metric[i] = cli_json_real(json, sweep_metrics[i].path);
    run->weights_hash =
        oddi_arena_strdup(&sweep->cli->arena, cli_json_string(json, "train.weights_hash"));
    run->done = true;
    run->error = NULL;
}

/* A file that is not there, broken or of another run counts as nothing. */
static json_t *sweep_read(struct sweep *sweep, const struct sweep_run *run, const char *path)
{
    json_t *json = NULL;
    if (!sweep_is_file(path) ||
        oddi_json_load(sweep->cli->ctx, path, SWEEP_JSON_MAX, &json) != ODD_OK)
        return NULL;
    if (strcmp(cli_json_string(json, "key"), run->key) == 0)
        return json;
    json_decref(json);
    return NULL;
}

bool sweep_run_load(struct sweep *sweep, struct sweep_run *run)
{
    json_t *json = sweep_read(sweep, run, sweep_path(sweep, run, ".json"));
    if (!json)
        return false;
    sweep_take(sweep, run, json);
    json_decref(json);
    return true;
}

/* Mean reconstruction error of the normal test pictures; where the report does not have it, their
 * mean score, which is that for a method that scores by its reconstruction. Null without both. */
static json_t *sweep_reconstruction(const json_t *eval)
{
    const json_t *given = cli_json_at(eval, "scores.r.mean_normal");
    const json_t *pictures = cli_json_at(eval, "pictures");
    double sum = 0;
    size_t count = 0;
    if (json_is_number(given))
        return json_real(json_number_value(given));
    for (size_t i = 0; i < json_array_size(pictures); i++) {
        const json_t *one = json_array_get(pictures, i), *label = json_object_get(one, "label");
        bool normal = json_is_string(label) ? strcmp(json_string_value(label), "normal") == 0
                                            : json_is_integer(label) && !json_integer_value(label);
        double score = cli_json_real(one, "score");
        if (!normal || !isfinite(score))
            continue;
        sum += score;
        count++;
    }
    return count ? json_real(sum / (double)count) : json_null();
}

static odd_status sweep_save(struct sweep *sweep, const json_t *json, const char *path)
{
    odd_status status;
    char *text = NULL;
    TRY(oddi_json_dump(sweep->cli->ctx, json, 1, &text));
    TRY(oddi_file_write(sweep->cli->ctx, path, text, strlen(text)));
out:
    odd_text_free(sweep->cli->ctx, text);
    return status;
}

static json_t *sweep_new_json(const struct sweep *sweep, const struct sweep_run *run)
{
    json_t *json = json_object();
    oddi_json_set_text(json, "key", run->key);
    for (int a = 0; a < sweep->axes; a++)
        oddi_json_set_text(json, sweep->axis[a].name, run->value[a]);
    return json;
}

/* Trains unless a finished training of this very run is there; *json then has "train". */
static odd_status sweep_train(struct sweep *sweep, struct sweep_run *run, const char *model,
                              json_t **json)
{
    odd_status status = ODD_OK;
    struct odd_context *ctx = sweep->cli->ctx;
    struct odd_options *options = NULL;
    struct odd_dataset *dataset = NULL;
    char *report = NULL;
    json_t *parsed = NULL;
    const char *note = sweep_path(sweep, run, ".train.json");
    const char *state = sweep_path(sweep, run, ".safetensors.state");
    if (!note || !state)
        return ODD_ENOMEM;
    *json = sweep_is_file(model) ? sweep_read(sweep, run, note) : NULL;
    if (*json)
        return ODD_OK;
    TRY(sweep_run_options(sweep, run, &options));
    if (sweep_is_file(state))
        TRY(odd_options_set(options, "resume", "true"));
    TRY(odd_dataset_open(ctx, run->value[0], options, &dataset));
    status = odd_train(ctx, dataset, options, model, &report);
    if (status != ODD_OK && status != ODD_ECANCELLED && sweep_is_file(state)) {
        cli_complain(sweep->cli, "%s: beginning anew", odd_last_message(ctx));
        TRY(odd_options_set(options, "resume", "false"));
        status = odd_train(ctx, dataset, options, model, &report);
    }
    TRY(status);
    TRY(oddi_json_parse(ctx, report, strlen(report), "training report", &parsed));
    *json = sweep_new_json(sweep, run);
    oddi_json_set(*json, "train", parsed);
    parsed = NULL;
    TRY(sweep_save(sweep, *json, note));
out:
    json_decref(parsed);
    odd_text_free(ctx, report);
    odd_dataset_free(dataset);
    odd_options_free(options);
    return status;
}

static odd_status sweep_eval(struct sweep *sweep, struct sweep_run *run, const char *path,
                             json_t *json)
{
    odd_status status;
    struct odd_context *ctx = sweep->cli->ctx;
    struct odd_options *all = NULL, *options = NULL;
    struct odd_dataset *dataset = NULL;
    struct odd_model *model = NULL;
    char *report = NULL;
    json_t *parsed = NULL;
    /* The options of training say which pictures there are; evaluation knows no others of them. */
    TRY(sweep_run_options(sweep, run, &all));
    TRY(odd_options_new(ctx, &options));
    TRY(odd_options_set(options, "pictures", "true"));
    TRY(odd_model_load(ctx, path, &model));
    TRY(odd_dataset_open(ctx, run->value[0], all, &dataset));
    TRY(odd_eval(ctx, model, dataset, options, &report));
    TRY(oddi_json_parse(ctx, report, strlen(report), "evaluation report", &parsed));
    oddi_json_set(json, "reconstruction", sweep_reconstruction(parsed));
    json_object_del(parsed, "pictures");
    oddi_json_set(json, "eval", parsed);
    parsed = NULL;
out:
    json_decref(parsed);
    odd_text_free(ctx, report);
    odd_model_free(model);
    odd_dataset_free(dataset);
    odd_options_free(options);
    odd_options_free(all);
    return status;
}

odd_status sweep_run_do(struct sweep *sweep, struct sweep_run *run, bool *fresh)
{
    odd_status status;
    json_t *json = NULL;
    const char *model = sweep_path(sweep, run, ".safetensors");
    const char *path = sweep_path(sweep, run, ".json");
    *fresh = false;
    if (!model || !path)
        return ODD_ENOMEM;
    if (sweep_run_load(sweep, run))
        return ODD_OK;
    *fresh = true;
    TRY(sweep_train(sweep, run, model, &json));
    TRY(sweep_eval(sweep, run, model, json));
    TRY(sweep_save(sweep, json, path));
    sweep_take(sweep, run, json);
out:
    json_decref(json);
    return status;
}
