/* SPDX-License-Identifier: Apache-2.0
 *
 * A pretended engine for cli_test.c: oddity.h's functions above src/base with canned answers in
 * the shape of the real ones. What a call does depends on names in its arguments:
 *   a data set "missing..." cannot be opened; "bad..." pictures cannot be read; "ng..." pictures
 *   are anomalous; a model file says how it was trained, and what it answers depends on that.
 */
#include "base/compat.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/json.h"
#include "base/os.h"
#include "base/params.h"
#include "base/str.h"

#define FAKE_FILE_MAX ((size_t)1 << 20)
#define FAKE_STEP_NS 2000000u

struct odd_dataset {
    struct odd_context *ctx;
    char *path;
};
struct odd_model {
    struct odd_context *ctx;
    json_t *json;
};
struct odd_scorer {
    struct odd_context *ctx;
    const struct odd_model *model;
};
struct odd_result {
    struct odd_context *ctx;
    double score;
};

static const char *fake_text(const json_t *json, const char *name, const char *otherwise)
{
    const json_t *found = json_object_get(json, name);
    return json_is_string(found) ? json_string_value(found) : otherwise;
}

/* ---- data sets ----------------------------------------------------------------------------- */

odd_status odd_dataset_open(struct odd_context *ctx, const char *path,
                            const struct odd_options *options, struct odd_dataset **dataset)
{
    (void)options;
    if (oddi_starts_with(oddi_path_base(path), "missing"))
        return oddi_fail(ctx, ODD_EIO, "opening data set %s: No such file or directory", path);
    struct odd_dataset *made = oddi_calloc(ctx, 1, sizeof *made);
    made->ctx = ctx;
    made->path = oddi_strdup(ctx, path);
    *dataset = made;
    return ODD_OK;
}

odd_status odd_dataset_describe(const struct odd_dataset *dataset, char **text, char **json)
{
    *text = oddi_strdup(dataset->ctx, "pictures\n");
    *json = oddi_strdup(dataset->ctx, strcmp(dataset->path, "labelled") == 0
                                          ? "{\"parts\":{\"test\":{\"normal\":3,\"anomalous\":2}}}"
                                          : "{}");
    return ODD_OK;
}

void odd_dataset_free(struct odd_dataset *dataset)
{
    if (!dataset)
        return;
    oddi_free(dataset->ctx, dataset->path);
    oddi_free(dataset->ctx, dataset);
}

/* ---- training ------------------------------------------------------------------------------ */

static json_t *fake_options(const struct odd_options *options)
{
    json_t *all = json_object();
    for (size_t i = 0; i < options->count; i++)
        oddi_json_set_text(all, options->item[i].name, options->item[i].value);
    return all;
}

static odd_status fake_check(struct odd_context *ctx, const json_t *options)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)options, key, value)
    {
        if (oddi_starts_with(key, "wrong"))
            return oddi_fail(ctx, ODD_ECONFIG, "unknown option '%s'", key);
    }
    return ODD_OK;
}

static odd_status fake_save(struct odd_context *ctx, const json_t *json, const char *path)
{
    char *text = NULL;
    odd_status status = oddi_json_dump(ctx, json, 0, &text);
    if (status == ODD_OK)
        status = oddi_file_write(ctx, path, text, strlen(text));
    oddi_free(ctx, text);
    return status;
}

static odd_status fake_steps(struct odd_context *ctx, const char *state, int64_t first,
                             int64_t steps)
{
    char event[512];
    for (int64_t step = first + 1; step <= steps; step++) {
        snprintf(event, sizeof event,
                 "{\"event\":\"step\",\"step\":%lld,\"steps\":%lld,\"epoch\":1,\"epochs\":2,"
                 "\"loss\":0.5,\"pictures_per_second\":100,\"seconds\":1,\"seconds_left\":%lld}",
                 (long long)step, (long long)steps, (long long)(steps - step));
        oddi_progress(ctx, event);
        oddi_os_sleep_ns(FAKE_STEP_NS);
        if (oddi_check_cancel(ctx) != ODD_OK) {
            json_t *json = json_object();
            oddi_json_set_int(json, "step", step);
            fake_save(ctx, json, state);
            json_decref(json);
            snprintf(event, sizeof event, "{\"event\":\"saved\",\"path\":\"x\",\"step\":%lld}",
                     (long long)step);
            oddi_progress(ctx, event);
            return oddi_fail(ctx, ODD_ECANCELLED, "cancelled on request");
        }
    }
    return ODD_OK;
}

static void fake_first_events(struct odd_context *ctx)
{
    oddi_log(ctx, ODD_LOG_WARNING, "a warning of the data");
    oddi_progress(ctx, "{\"event\":\"data\",\"text\":\"layout folder\\nwarning: a warning\\n"
                       "training: 40 normal\\n\"}");
    oddi_progress(ctx, "{\"event\":\"start\",\"method\":\"daad\",\"preset\":\"small\","
                       "\"parameters\":1234,\"memory_bytes\":5000000,\"steps\":10,\"epochs\":2,"
                       "\"batch\":8,\"pictures\":40,\"width\":32,\"height\":32,\"channels\":3,"
                       "\"seconds_expected\":65,\"threads\":2}");
    oddi_progress(ctx, "{\"event\":\"pictures\",\"phase\":\"check\",\"done\":1,\"total\":40}");
    oddi_progress(ctx, "{\"event\":\"left-out\",\"path\":\"a/bad.png\",\"reason\":\"truncated\"}");
}

static odd_status fake_train(struct odd_context *ctx, const char *data, json_t *options,
                             const char *path)
{
    odd_status status;
    int64_t steps = 10, first = 0;
    json_t *state_json = NULL;
    struct oddi_str state;
    oddi_str_init(&state, ctx);
    oddi_str_addf(&state, "%s.state", path);
    oddi_parse_int(fake_text(options, "steps", "10"), &steps);
    if (strcmp(fake_text(options, "resume", "false"), "true") == 0) {
        TRY(oddi_json_load(ctx, state.text, FAKE_FILE_MAX, &state_json));
        TRY(oddi_json_get_int(ctx, state_json, "step", state.text, &first));
    }
    TRY(fake_check(ctx, options));
    fake_first_events(ctx);
    TRY(fake_steps(ctx, state.text, first, steps));
    oddi_os_unlink(state.text);
    oddi_json_set_text(options, "data", data);
    TRY(fake_save(ctx, options, path));
out:
    json_decref(state_json);
    oddi_str_release(&state);
    return status;
}

odd_status odd_train(struct odd_context *ctx, struct odd_dataset *dataset,
                     const struct odd_options *options, const char *path, char **report)
{
    odd_status status;
    json_t *all = fake_options(options), *json = json_object();
    TRY(fake_train(ctx, dataset->path, all, path));
    oddi_json_set_text(json, "model", path);
    oddi_json_set_text(json, "method", "daad");
    oddi_json_set_text(json, "weights_hash", "00112233445566778899aabbccddeeff");
    oddi_json_set_int(json, "steps", 10);
    oddi_json_set_real(json, "seconds", 2.5);
    oddi_json_set_real(json, "threshold", 0.5);
    oddi_json_set_int(json, "n_train", 40);
    oddi_json_set_int(json, "n_calibrate", 59);
    oddi_json_set_text(json, "certifies", "at most 5 % false alarms, with 95 % confidence");
    oddi_json_set_text(json, "command_next", "oddity eval MODEL DATA");
    oddi_json_set(json, "options", json_incref(all));
    oddi_json_set(json, "left_out",
                  json_pack("[{s:s,s:s}]", "path", "a/bad.png", "reason", "truncated"));
    TRY(oddi_json_dump(ctx, json, 0, report));
out:
    json_decref(json);
    json_decref(all);
    return status;
}

/* ---- models -------------------------------------------------------------------------------- */

odd_status odd_model_load(struct odd_context *ctx, const char *path, struct odd_model **model)
{
    json_t *json = NULL;
    odd_status status = oddi_json_load(ctx, path, FAKE_FILE_MAX, &json);
    if (status != ODD_OK)
        return status;
    struct odd_model *made = oddi_calloc(ctx, 1, sizeof *made);
    made->ctx = ctx;
    made->json = json;
    *model = made;
    return ODD_OK;
}

odd_status odd_model_info(const struct odd_model *model, char **json)
{
    (void)model;
    *json = oddi_strdup(model->ctx,
                        "{\"format_version\":1,\"oddity_version\":\"0.1.0\",\"method\":\"daad\","
                        "\"preset\":\"small\",\"config\":{\"width\":16,\"variant\":\"daad\"},"
                        "\"input\":{\"width\":32,\"height\":32,\"channels\":3},"
                        "\"weights_hash\":\"00112233445566778899aabbccddeeff\","
                        "\"parameters\":1234,\"calibrations\":[{\"threshold\":0.5,\"n\":59,"
                        "\"score_min\":0.1,\"score_max\":0.5}],\"data\":{\"n_train\":40},"
                        "\"training\":{\"steps\":10,\"seconds\":2.5},\"licence\":null}");
    return ODD_OK;
}

odd_status odd_model_verify(struct odd_context *ctx, struct odd_model *model, char **json)
{
    bool bad = json_object_get(model->json, "mismatch") != NULL;
    *json = oddi_strdup(ctx, bad ? "{\"exact\":false,\"expected_exact\":true,\"pictures\":4,"
                                   "\"max_difference\":0.5,\"tolerance\":0.001,"
                                   "\"differs\":[\"isa\"],\"ok\":false}"
                                 : "{\"exact\":true,\"expected_exact\":true,\"pictures\":4,"
                                   "\"max_difference\":0,\"tolerance\":0.001,\"differs\":[],"
                                   "\"ok\":true}");
    return bad ? oddi_fail(ctx, ODD_EMISMATCH, "self-test: scores differ by 0.5") : ODD_OK;
}

void odd_model_free(struct odd_model *model)
{
    if (!model)
        return;
    json_decref(model->json);
    oddi_free(model->ctx, model);
}

/* ---- scoring ------------------------------------------------------------------------------- */

odd_status odd_scorer_new(struct odd_context *ctx, const struct odd_model *model,
                          struct odd_scorer **scorer)
{
    struct odd_scorer *made = oddi_calloc(ctx, 1, sizeof *made);
    made->ctx = ctx;
    made->model = model;
    *scorer = made;
    return ODD_OK;
}

void odd_scorer_free(struct odd_scorer *scorer)
{
    if (scorer)
        oddi_free(scorer->ctx, scorer);
}

odd_status odd_scorer_score_file(struct odd_scorer *scorer, const char *path, bool want_map,
                                 struct odd_result **result)
{
    struct oddi_stat st = {.kind = ODDI_FILE_NONE};
    const char *name = oddi_path_base(path);
    int error = oddi_os_stat(path, &st);
    (void)want_map;
    if (error)
        return oddi_fail_errno(scorer->ctx, ODD_EIO, error, "%s", path);
    if (oddi_starts_with(name, "bad"))
        return oddi_fail(scorer->ctx, ODD_EFORMAT, "%s: not a picture, \"truly\"", path);
    if (oddi_starts_with(name, "slow"))
        oddi_os_sleep_ns(30000000000u);
    struct odd_result *made = oddi_calloc(scorer->ctx, 1, sizeof *made);
    made->ctx = scorer->ctx;
    made->score = oddi_starts_with(name, "ng") ? 0.9 : 0.1;
    *result = made;
    return ODD_OK;
}

double odd_result_score(const struct odd_result *result)
{
    return result->score;
}

double odd_result_normalized(const struct odd_result *result)
{
    return result->score;
}

double odd_result_threshold(const struct odd_result *result)
{
    (void)result;
    return 0.5;
}

enum odd_decision odd_result_decision(const struct odd_result *result)
{
    return result->score > 0.5 ? ODD_DECISION_NG : ODD_DECISION_OK;
}

odd_status odd_result_write_overlay(const struct odd_result *result, const char *path)
{
    return oddi_file_write(result->ctx, path, "overlay", 7);
}

odd_status odd_result_write_map(const struct odd_result *result, const char *path)
{
    return oddi_file_write(result->ctx, path, "map", 3);
}

void odd_result_free(struct odd_result *result)
{
    if (result)
        oddi_free(result->ctx, result);
}

/* ---- evaluation ---------------------------------------------------------------------------- */

static odd_status fake_eval(struct odd_context *ctx, double auroc,
                            const struct odd_options *options, char **json)
{
    struct oddi_str s;
    const char *maps = oddi_options_get(options, "maps");
    oddi_str_init(&s, ctx);
    oddi_str_addf(
        &s,
        "{\"schema\":1,\"n_normal\":100,\"n_anomalous\":20,\"n_seen\":2,"
        "\"at_threshold\":{\"threshold\":0.5,\"false_alarm_rate\":0.03,"
        "\"miss_rate\":0.1,\"n_false_alarms\":3,\"n_missed\":2,"
        "\"false_alarm_rate_ci\":[0.006,0.085],\"miss_rate_ci\":[0.012,0.317]},"
        "\"image\":{\"auroc\":%.6f,\"auroc_ci\":[0.7,0.9],\"ap\":0.75,"
        "\"aupr_trapezoid\":0.74,\"f1max\":{\"value\":0.8,\"threshold\":0.4,\"oracle\":true}},"
        "\"pixel\":{\"size\":\"native\",\"auroc\":0.95,\"ap\":0.5,\"f1max\":{\"value\":0.55},"
        "\"dice\":0.4,\"aupro\":null,\"aupro05\":0.3},"
        "\"by_type\":{\"scratch\":{\"n\":12,\"auroc\":0.9},"
        "\"spot\":{\"n\":8,\"auroc\":null}},\"skipped\":[]",
        auroc);
    if (oddi_options_get(options, "pictures"))
        oddi_str_add(&s, ",\"pictures\":[{\"path\":\"a,b.png\",\"score\":0.25,\"normalized\":0.3,"
                         "\"label\":\"normal\",\"type\":\"good\",\"decision\":\"ok\"},"
                         "{\"path\":\"c.png\",\"score\":0.9,\"normalized\":0.7,"
                         "\"label\":\"anomalous\",\"type\":\"spot\",\"decision\":\"ng\"}]");
    if (maps)
        oddi_str_addf(&s,
                      ",\"maps\":[{\"path\":\"c.png\",\"score\":0.9,\"label\":\"anomalous\","
                      "\"type\":\"spot\",\"overlay\":\"%s/c 1.png\",\"original\":\"%s/c.png\"}]",
                      maps, maps);
    oddi_str_add(&s, "}");
    return oddi_str_take(&s, json);
}

odd_status odd_eval(struct odd_context *ctx, const struct odd_model *model,
                    struct odd_dataset *dataset, const struct odd_options *options, char **json)
{
    int64_t seed = 0;
    double auroc = 0.8;
    (void)dataset;
    if (oddi_starts_with(fake_text(model->json, "data", ""), "noeval"))
        return oddi_fail(ctx, ODD_ENODATA, "no test pictures");
    oddi_parse_int(fake_text(model->json, "seed", "0"), &seed);
    if (strcmp(fake_text(model->json, "division", ""), "4x4x1") == 0)
        auroc = 0.9;
    return fake_eval(ctx, auroc + 0.01 * (double)seed, options, json);
}

odd_status odd_eval_scores(struct odd_context *ctx, const char *scores, const char *maps,
                           struct odd_dataset *dataset, const struct odd_options *options,
                           char **json)
{
    struct oddi_stat st = {.kind = ODDI_FILE_NONE};
    int error = oddi_os_stat(scores, &st);
    (void)dataset;
    if (error)
        return oddi_fail_errno(ctx, ODD_EIO, error, "%s", scores);
    return fake_eval(ctx, maps ? 0.6 : 0.7, options, json);
}

odd_status odd_synth(struct odd_context *ctx, const char *folder, const struct odd_options *options)
{
    const char *kind = oddi_options_get(options, "kind");
    if (kind && strcmp(kind, "weave") != 0)
        return oddi_fail(ctx, ODD_ECONFIG, "kind=%s: expected weave", kind);
    oddi_progress(ctx, "{\"phase\":\"synth\",\"step\":1,\"steps\":2}");
    return oddi_make_folders(ctx, folder);
}

odd_status odd_trace(struct odd_context *ctx, const struct odd_model *model,
                     const struct odd_pixels *pixels, char **json)
{
    (void)model;
    (void)pixels;
    *json = oddi_strdup(ctx, "{\"steps\":[{\"node\":\"enc1.conv\",\"op\":\"conv\","
                             "\"kernel\":\"dnnl\",\"shape\":[1,16,32,32],\"min\":-1,\"max\":1,"
                             "\"mean\":0.5,\"nan\":0,\"ms\":0.25}]}");
    return ODD_OK;
}

odd_status odd_trace_file(struct odd_context *ctx, const struct odd_model *model, const char *path,
                          char **json)
{
    if (strcmp(path, "missing.png") == 0)
        return oddi_fail(ctx, ODD_EIO, "opening missing.png: no such file");
    return odd_trace(ctx, model, NULL, json);
}

odd_status odd_add(struct odd_context *ctx, const char *model, const char *const *normals,
                   const struct odd_options *options, const char *out, char **report)
{
    struct oddi_str s;
    const bool force = oddi_options_get(options, "force") != NULL;
    const bool odd = strcmp(normals[0], "odd.png") == 0, same = strcmp(model, normals[0]) == 0;
    if (strcmp(normals[0], "missing.png") == 0)
        return oddi_fail(ctx, ODD_EIO, "opening missing.png: no such file");
    oddi_str_init(&s, ctx);
    oddi_str_addf(&s,
                  "{\"model\":\"%s\",\"written\":%s,\"n_new\":%d,\"n_bank\":4,"
                  "\"n_added_calibrate\":1,\"threshold\":2,\"threshold_before\":1,"
                  "\"n_calibrate\":11,\"n_rescored\":7,\"n_not_rescored\":3,"
                  "\"certifies\":\"little\",\"seen\":[\"old.png\"],\"left_out\":"
                  "[{\"path\":\"bad.png\",\"reason\":\"no picture\"}],\"anomalous\":[%s],"
                  "\"flips\":[{\"path\":\"odd.png\",\"before\":\"ng\",\"after\":\"ok\","
                  "\"score_before\":3,\"score\":0.5},{\"calibrate\":5,\"before\":\"ok\","
                  "\"after\":\"ng\",\"score_before\":0.5,\"score\":3}]}",
                  out, same || (odd && !force) ? "false" : "true", same ? 0 : 5,
                  odd ? "{\"path\":\"odd.png\",\"score\":3,\"normalized\":0.9}" : "");
    const odd_status status = oddi_str_take(&s, report);
    if (status != ODD_OK || !odd || force)
        return status;
    return oddi_fail(ctx, ODD_EANOMALOUS, "1 of 5 new pictures are anomalous");
}

odd_status odd_explain(struct odd_context *ctx, const struct odd_model *model, const char *picture,
                       const struct odd_options *options, const char *page, char **json)
{
    struct oddi_str s;
    const char *normals = oddi_options_get(options, "normals");
    (void)model;
    if (strcmp(picture, "missing.png") == 0)
        return oddi_fail(ctx, ODD_EIO, "opening missing.png: no such file");
    oddi_str_init(&s, ctx);
    oddi_str_addf(&s,
                  "{\"path\":\"%s\",\"score\":3,\"threshold\":1,\"decision\":\"ng\","
                  "\"normals\":\"%s\",\"patches\":[{\"number\":1,\"x\":4,\"y\":5,"
                  "\"width\":48,\"height\":48,\"distance\":3%s,\"nearest\":[{\"distance\":3,"
                  "\"picture\":7,\"column\":2,\"row\":1%s}]},{\"number\":2,\"nearest\":[]}]",
                  picture, normals ? "content" : "none",
                  normals ? ",\"differs\":\"20 % darker\"" : "",
                  normals ? ",\"path\":\"a.png\",\"x\":1,\"y\":2" : "");
    if (page)
        oddi_str_addf(&s, ",\"page\":\"%s\"", page);
    oddi_str_add(&s, "}");
    return oddi_str_take(&s, json);
}

odd_status odd_methods_describe(struct odd_context *ctx, const char *name, char **json)
{
    static const char one[] =
        "{\"name\":\"daad\",\"summary\":\"divide and assemble\",\"citation\":\"ICCV 2021\","
        "\"params\":[{\"name\":\"lr\",\"type\":\"float\",\"default\":0.001,\"min\":0,\"max\":1,"
        "\"choices\":null,\"source\":\"ours\",\"help\":\"learning rate\"}],"
        "\"presets\":[{\"name\":\"small\",\"summary\":\"32 px\",\"values\":{\"size\":\"32\"}}]}";
    struct oddi_str s;
    if (name && strcmp(name, "daad") != 0)
        return oddi_fail(ctx, ODD_ECONFIG, "unknown method '%s'", name);
    oddi_str_init(&s, ctx);
    oddi_str_addf(&s, name ? "%s" : "{\"methods\":[%s]}", one);
    return oddi_str_take(&s, json);
}

odd_status odd_import(struct odd_context *ctx, const char *path, const char *network,
                      const char *out, char **json)
{
    struct oddi_str s;
    if (strcmp(path, "missing.pth") == 0)
        return oddi_fail(ctx, ODD_EIO, "opening missing.pth: no such file");
    oddi_str_init(&s, ctx);
    oddi_str_addf(&s,
                  "{\"expert\":\"%s\",\"network\":\"%s\",\"format\":\"ONNX\",\"tensors\":2,"
                  "\"parameters\":3000000,\"weights_hash\":\"00ff\",\"licence\":\"BSD\","
                  "\"unused\":[\"a\"]}",
                  out, network ? network : "vgg16");
    return oddi_str_take(&s, json);
}

odd_status odd_expert_classify(struct odd_context *ctx, const char *path, const char *network,
                               const char *const *pictures, size_t count, char **json)
{
    struct oddi_str s;
    (void)path;
    oddi_str_init(&s, ctx);
    oddi_str_addf(&s, "{\"network\":\"%s\",\"classes\":3,\"pictures\":[", network);
    for (size_t i = 0; i < count; i++) {
        const bool bad = oddi_starts_with(oddi_path_base(pictures[i]), "bad");
        oddi_str_addf(&s, "%s{\"path\":\"%s\",%s}", i ? "," : "", pictures[i],
                      bad ? "\"top\":[],\"error\":\"no picture\""
                          : "\"top\":[{\"class\":2,\"probability\":0.75},"
                            "{\"class\":0,\"probability\":0.25}]");
    }
    oddi_str_add(&s, "]}");
    return oddi_str_take(&s, json);
}

odd_status odd_bench_nodes(struct odd_context *ctx, const struct odd_model *model,
                           const struct odd_options *options, char **json)
{
    (void)options;
    struct oddi_str s;
    oddi_str_init(&s, ctx);
    oddi_str_addf(&s,
                  "{\"method\":\"%s\",\"preset\":\"p\",\"peak\":{\"gflops\":100,\"copy_gbs\":10},"
                  "\"runs\":9,\"parts\":{\"training\":{\"pictures\":4,\"ms\":3,\"nodes_ms\":2,"
                  "\"nodes\":[{\"node\":\"a\",\"kernel\":\"simd:x\",\"shape\":\"1\",\"ms\":1.5,"
                  "\"share\":0.999,\"gflop\":0.03,\"gb\":0.01,\"bound_by\":\"memory\","
                  "\"bound_ms\":1,\"attained\":0.67},{\"node\":\"b\",\"kernel\":\"ref:y\","
                  "\"ms\":0.001,\"share\":0.001,\"gflop\":0}]}}}",
                  model ? "daad" : "mkd");
    return oddi_str_take(&s, json);
}
