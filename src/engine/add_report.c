/* SPDX-License-Identifier: Apache-2.0
 *
 * What an addition says: in the new model, in the report, and where there can be none.
 */
#include <string.h>

#include "base/str.h"
#include "engine/add_int.h"
#include "engine/result.h"
#include "engine/selftest.h"

/* ---- the model's JSON ---------------------------------------------------------------------- */

static void report_digest(const struct add_run *r, json_t *to, const char *key)
{
    char text[ODDI_HASH_TEXT];
    oddi_hash_format(&r->old->file.tensors.digest, text);
    oddi_json_set_text(to, key, text);
}

/* This addition's entry, behind those of earlier ones. */
static odd_status report_history(const struct add_run *r, json_t *all)
{
    json_t *history = json_object_get(all, "history"), *one = json_object();
    report_digest(r, one, "predecessor");
    oddi_json_set_int(one, "n_bank", (int64_t)r->banks);
    oddi_json_set_int(one, "n_calibrate", (int64_t)r->calibrates);
    oddi_json_set_int(one, "n_anomalous", (int64_t)json_array_size(r->anomalous));
    oddi_json_set_text(one, "oddity_version", ODDITY_VERSION);
    if (!json_is_array(history)) {
        history = json_array();
        oddi_json_set(all, "history", history);
    }
    return history && one && json_array_append_new(history, one) == 0
               ? ODD_OK
               : oddi_fail(r->ctx, ODD_ENOMEM, "out of memory");
}

static void report_counts(const struct add_run *r, json_t *all)
{
    json_t *data = json_object_get(all, "data"), *pictures = json_object_get(all, "pictures");
    const int64_t trained = json_integer_value(json_object_get(data, "n_train"));
    oddi_json_set_int(data, "n_train", trained + (int64_t)r->banks);
    oddi_json_set_int(data, "n_calibrate", (int64_t)r->kept.count);
    oddi_json_set_real(all, "map_typical", r->made.typical);
    if (pictures && r->thumbs.count > 0)
        oddi_json_set_int(pictures, "count", (int64_t)r->thumbs.count);
}

odd_status oddi_add_json(struct add_run *r)
{
    odd_status status = ODD_OK;
    struct odd_model *m = &r->made;
    char *text = NULL;
    json_t *all = json_deep_copy(r->old->json), *build = NULL;
    if (!all)
        return oddi_fail(r->ctx, ODD_ENOMEM, "out of memory");
    report_counts(r, all);
    TRY(report_history(r, all));
    TRY(oddi_selftest_build(r->ctx, m, &build));
    oddi_json_set(all, "build", json_incref(build));
    TRY(oddi_json_dump(r->ctx, all, 0, &text));
    TRY(oddi_model_file_set(&m->file, m->config.method->name, text));
out:
    oddi_free(r->ctx, text);
    json_decref(build);
    json_decref(all);
    return status;
}

/* ---- the report ---------------------------------------------------------------------------- */

struct report_flip {
    const char *path; /* NULL: a calibrate picture of the old model */
    size_t calibrate;
    double before, after; /* scores */
};

static const char *report_decision(double score, double threshold)
{
    return oddi_decide(score, threshold) == ODD_DECISION_NG ? "ng" : "ok";
}

static void report_flip(const struct add_run *r, const struct report_flip *f)
{
    const char *before = report_decision(f->before, r->old->calibration.threshold),
               *after = report_decision(f->after, r->made.calibration.threshold);
    if (strcmp(before, after) == 0)
        return;
    json_t *one = json_object();
    if (f->path)
        oddi_json_set_text(one, "path", f->path);
    else
        oddi_json_set_int(one, "calibrate", (int64_t)f->calibrate);
    oddi_json_set_text(one, "before", before);
    oddi_json_set_text(one, "after", after);
    oddi_json_set_real(one, "score_before", f->before);
    oddi_json_set_real(one, "score", f->after);
    json_array_append_new(r->flips, one);
}

static void report_flips(const struct add_run *r)
{
    for (size_t i = 0; i < r->fresh.good; i++) {
        const struct report_flip f = {r->ds->sample[r->fresh.index[i]].path, 0, r->fresh.score[i],
                                      r->score[i]};
        report_flip(r, &f);
    }
    for (size_t i = 0; i < r->kept.places && r->rescored > 0; i++) {
        const size_t at = (size_t)r->kept.place[i].picture;
        const struct report_flip f = {NULL, at, at < r->earlier ? r->before[at] : 0,
                                      r->kept.number[ODDI_KEPT_SCORE][at]};
        if (at < r->earlier)
            report_flip(r, &f);
    }
}

/* What the new model has beyond the old one; it was made, or else all of it is as it was. */
static odd_status report_model(const struct add_run *r, json_t *all)
{
    const bool made = r->made.file.method != NULL;
    const struct odd_model *m = made ? &r->made : r->old;
    odd_status status = ODD_OK;
    char *certifies = NULL, text[ODDI_HASH_TEXT];
    oddi_json_set_real(all, "threshold_before", r->old->calibration.threshold);
    oddi_json_set_real(all, "threshold", m->calibration.threshold);
    oddi_json_set_int(all, "n_calibrate", (int64_t)m->calibration.n);
    oddi_json_set_int(all, "n_rescored", (int64_t)r->rescored);
    oddi_json_set_int(all, "n_not_rescored",
                      r->banks > 0 ? (int64_t)(r->earlier - r->rescored) : 0);
    TRY(oddi_certify_text(r->ctx, m->calibration.n, oddi_values_text(&r->values, "group")[0] != 0,
                          &certifies));
    oddi_json_set_text(all, "certifies", certifies);
    if (made) {
        oddi_hash_format(&r->made.file.tensors.digest, text);
        oddi_json_set_text(all, "file_digest", text);
        report_flips(r);
    }
out:
    oddi_free(r->ctx, certifies);
    return status;
}

odd_status oddi_add_report(const struct add_run *r, char **report)
{
    odd_status status = ODD_OK;
    json_t *all = json_object();
    oddi_json_set_text(all, "model", r->out);
    oddi_json_set_bool(all, "written", r->written);
    report_digest(r, all, "predecessor");
    oddi_json_set_int(all, "n_new", (int64_t)r->fresh.good);
    oddi_json_set_int(all, "n_bank", (int64_t)r->banks);
    oddi_json_set_int(all, "n_added_calibrate", (int64_t)r->calibrates);
    TRY(report_model(r, all));
    oddi_json_set(all, "anomalous", json_incref(r->anomalous));
    oddi_json_set(all, "flips", json_incref(r->flips));
    oddi_json_set(all, "seen", json_incref(r->seen));
    oddi_json_set(all, "left_out", json_incref(r->left_out));
    TRY(oddi_json_dump(r->ctx, all, 0, report));
out:
    json_decref(all);
    return status;
}

/* ---- methods that cannot ------------------------------------------------------------------- */

/* Settings of the model that are not its preset's, as options of the tool. */
static odd_status report_settings(struct odd_context *ctx, const struct odd_model *m,
                                  struct oddi_str *s)
{
    odd_status status = ODD_OK;
    static const char *const named[] = {"method", "preset", "network", "expert-hash"};
    struct oddi_config plain;
    json_t *have = NULL, *preset = NULL, *value, *empty = json_object();
    const char *key;
    memset(&plain, 0, sizeof(plain));
    plain.values.ctx = ctx;
    TRY(oddi_config_restore(&plain, ctx, m->config.method->name, m->config.preset->name, empty));
    TRY(oddi_config_json(&m->config, &have));
    TRY(oddi_config_json(&plain, &preset));
    json_object_foreach(have, key, value)
    {
        bool skip = json_equal(value, json_object_get(preset, key)) != 0;
        for (size_t i = 0; i < ODDI_COUNT(named); i++)
            skip = skip || strcmp(key, named[i]) == 0;
        if (!skip)
            oddi_str_addf(s, " --set %s=%s", key, oddi_values_text(&m->config.values, key));
    }
    status = oddi_str_status(s);
out:
    json_decref(have);
    json_decref(preset);
    json_decref(empty);
    oddi_config_release(&plain);
    return status;
}

odd_status oddi_add_cannot(struct odd_context *ctx, const struct odd_model *m, const char *out)
{
    struct oddi_str s;
    const struct oddi_method *method = m->config.method;
    oddi_str_init(&s, ctx);
    if (method->wants_expert)
        oddi_str_addf(&s, " --expert %s", oddi_values_text(&m->config.values, "network"));
    odd_status status = report_settings(ctx, m, &s);
    if (status == ODD_OK)
        status = oddi_fail(ctx, ODD_ENOTSUP,
                           "%s cannot take in more pictures; train it anew on the earlier pictures "
                           "and these, put into one folder:\n  oddity train FOLDER -o %s --method "
                           "%s --preset %s%s",
                           method->name, out, method->name, m->config.preset->name, s.text);
    oddi_str_release(&s);
    return status;
}
