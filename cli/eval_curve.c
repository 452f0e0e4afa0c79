/* SPDX-License-Identifier: Apache-2.0
 *
 * The curve over snapshots (eval_curve.h).
 */
#include "cli/eval_curve.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

#define CURVE_LEAST 5 /* models of the last fifth */

struct curve_metric {
    const char *path, *title;
    bool less; /* is better */
    double factor;
    int digits;
};
static const struct curve_metric curve_metrics[] = {
    {"image.auroc", "image AUROC", false, 1, 4},
    {"image.ap", "image AP", false, 1, 4},
    {"pixel.auroc", "pixel AUROC", false, 1, 4},
    {"pixel.auroc_mkd", "by MKD's way", false, 1, 4},
    {"pixel.aupro", "AUPRO", false, 1, 4},
    {"at_threshold.false_alarm_rate", "false alarms", true, 100, 1},
    {"at_threshold.miss_rate", "missed", true, 100, 1}};

/* ---- making -------------------------------------------------------------------------------- */

/* An epoch is as many batches as there are, at least one. */
static double curve_epoch(const json_t *info, double step)
{
    const double n = cli_json_real(info, "data.n_train"),
                 batch = cli_json_real(info, "training.batch");
    const bool keep = strcmp(cli_json_string(info, "config.last-batch"), "keep") == 0;
    const double per = keep ? ceil(n / batch) : floor(n / batch);
    return isfinite(per) && per > 1 ? step / per : isfinite(per) ? step : (double)NAN;
}

odd_status cli_curve_point(struct cli *cli, const char *path, const char *info, const char *report,
                           json_t **point)
{
    odd_status status = ODD_OK;
    json_t *about = NULL, *found = NULL, *made = json_object();
    TRY(oddi_json_parse(cli->ctx, info, strlen(info), path, &about));
    TRY(oddi_json_parse(cli->ctx, report, strlen(report), "report", &found));
    double step = cli_json_real(about, "training.step");
    if (!isfinite(step)) /* no snapshot */
        step = cli_json_real(about, "training.steps");
    const bool good = oddi_json_set_text(made, "model", path) &&
                      oddi_json_set_real(made, "step", step) &&
                      oddi_json_set_real(made, "epoch", curve_epoch(about, step)) &&
                      oddi_json_set(made, "report", json_incref(found));
    if (!good)
        TRY(oddi_fail(cli->ctx, ODD_ENOMEM, "out of memory: the report of %s", path));
    *point = json_incref(made);
out:
    json_decref(about);
    json_decref(found);
    json_decref(made);
    return status;
}

struct curve_key {
    double step;
    size_t place;
};

/* Unknown steps come first; equal ones stay as they were given. */
static int curve_order(const void *a, const void *b)
{
    const struct curve_key *x = a, *y = b;
    const double s = isfinite(x->step) ? x->step : -1, t = isfinite(y->step) ? y->step : -1;
    if (s < t || s > t)
        return s < t ? -1 : 1;
    return x->place < y->place ? -1 : x->place > y->place;
}

static odd_status curve_sort(struct cli *cli, const json_t *points, json_t *sorted)
{
    const size_t n = json_array_size(points);
    struct curve_key *key = oddi_alloc_array(cli->ctx, n + 1, sizeof(*key));
    if (!key)
        return ODD_ENOMEM;
    for (size_t i = 0; i < n; i++)
        key[i] = (struct curve_key){cli_json_real(json_array_get(points, i), "step"), i};
    qsort(key, n, sizeof(*key), curve_order);
    for (size_t i = 0; i < n; i++)
        json_array_append(sorted, json_array_get(points, key[i].place));
    oddi_free(cli->ctx, key);
    return json_array_size(sorted) == n ? ODD_OK : oddi_fail(cli->ctx, ODD_ENOMEM, "out of memory");
}

static double curve_value(const json_t *models, size_t i, const struct curve_metric *m)
{
    return cli_json_real(cli_json_at(json_array_get(models, i), "report"), m->path);
}

static json_t *curve_best(const json_t *models, const struct curve_metric *m)
{
    json_t *o = json_object();
    const json_t *best = NULL;
    double value = NAN;
    for (size_t i = 0; i < json_array_size(models); i++) {
        const double one = curve_value(models, i, m);
        if (!isfinite(one) || (best && (m->less ? one >= value : one <= value)))
            continue;
        best = json_array_get(models, i);
        value = one;
    }
    oddi_json_set_real(o, "value", value);
    oddi_json_set_text(o, "model", cli_json_string(best, "model"));
    oddi_json_set_real(o, "step", cli_json_real(best, "step"));
    return o;
}

/* A mean over models of which one has no value has none. */
static json_t *curve_summary(const json_t *models, const struct curve_metric *m)
{
    const size_t n = json_array_size(models), fifth = (n + 4) / 5;
    const size_t least = n < CURVE_LEAST ? n : CURVE_LEAST, last = fifth > least ? fifth : least;
    double sum = 0, square = 0;
    for (size_t i = n - last; i < n; i++)
        sum += curve_value(models, i, m);
    const double mean = sum / (double)last;
    for (size_t i = n - last; i < n; i++)
        square += (curve_value(models, i, m) - mean) * (curve_value(models, i, m) - mean);
    json_t *o = json_object();
    oddi_json_set_real(o, "last", curve_value(models, n - 1, m));
    oddi_json_set_real(o, "mean_last_fifth", mean);
    oddi_json_set_real(o, "sd_last_fifth", last > 1 ? sqrt(square / (double)(last - 1)) : NAN);
    oddi_json_set_int(o, "n_last_fifth", (int64_t)last);
    oddi_json_set(o, "best_oracle", curve_best(models, m));
    return o;
}

static bool curve_has(const json_t *models, const struct curve_metric *m)
{
    for (size_t i = 0; i < json_array_size(models); i++)
        if (isfinite(curve_value(models, i, m)))
            return true;
    return false;
}

odd_status cli_curve_make(struct cli *cli, json_t *points, json_t **curve)
{
    odd_status status = ODD_OK;
    json_t *all = json_object(), *models = json_array(), *metrics = json_object();
    if (!all || !models || !metrics)
        TRY(oddi_fail(cli->ctx, ODD_ENOMEM, "out of memory: the curve"));
    TRY(curve_sort(cli, points, models));
    for (size_t i = 0; i < ODDI_COUNT(curve_metrics); i++)
        if (curve_has(models, &curve_metrics[i]))
            oddi_json_set(metrics, curve_metrics[i].path, curve_summary(models, &curve_metrics[i]));
    oddi_json_set_text(all, "schema", "oddity.curve/1");
    oddi_json_set(all, "curve", json_incref(metrics));
    oddi_json_set(all, "models", json_incref(models));
    *curve = json_incref(all);
out:
    json_decref(points);
    json_decref(metrics);
    json_decref(models);
    json_decref(all);
    return status;
}

/* ---- showing ------------------------------------------------------------------------------- */

static void curve_cell(struct oddi_str *s, double value, const struct curve_metric *m)
{
    if (isfinite(value))
        oddi_str_addf(s, "  %*.*f%s", (int)strlen(m->title) - (m->factor > 1 ? 2 : 0), m->digits,
                      m->factor * value, m->factor > 1 ? " %" : "");
    else
        oddi_str_addf(s, "  %*s", (int)strlen(m->title), "-");
}

/* `what`: a key of every metric's summary. */
static void curve_row(struct oddi_str *s, const char *title, const json_t *curve, const char *what)
{
    oddi_str_addf(s, "%-36s %8s %7s", title, "", "");
    for (size_t i = 0; i < ODDI_COUNT(curve_metrics); i++) {
        const json_t *metric =
            json_object_get(json_object_get(curve, "curve"), curve_metrics[i].path);
        if (metric)
            curve_cell(s, cli_json_real(metric, what), &curve_metrics[i]);
    }
    oddi_str_add(s, "\n");
}

static void curve_count(struct oddi_str *s, double value, int width, int digits)
{
    if (isfinite(value))
        oddi_str_addf(s, " %*.*f", width, digits, value);
    else
        oddi_str_addf(s, " %*s", width, "-");
}

static void curve_model(struct oddi_str *s, const json_t *curve, size_t i)
{
    const json_t *models = json_object_get(curve, "models"), *one = json_array_get(models, i);
    struct oddi_str name;
    oddi_str_init(&name, s->ctx);
    cli_plain_text(&name, oddi_path_base(cli_json_string(one, "model")));
    const char *shown = name.length > 36 ? name.text + name.length - 36 : name.text;
    oddi_str_addf(s, "%-36s", shown);
    curve_count(s, cli_json_real(one, "step"), 8, 0);
    curve_count(s, cli_json_real(one, "epoch"), 7, 1);
    for (size_t k = 0; k < ODDI_COUNT(curve_metrics); k++)
        if (json_object_get(json_object_get(curve, "curve"), curve_metrics[k].path))
            curve_cell(s, curve_value(models, i, &curve_metrics[k]), &curve_metrics[k]);
    oddi_str_add(s, "\n");
    oddi_str_release(&name);
}

void cli_curve_text(struct oddi_str *s, const json_t *curve)
{
    const json_t *metrics = json_object_get(curve, "curve");
    char mean[64];
    double last = NAN;
    oddi_str_addf(s, "%-36s %8s %7s", "model", "step", "epoch");
    for (size_t k = 0; k < ODDI_COUNT(curve_metrics); k++) {
        const json_t *one = json_object_get(metrics, curve_metrics[k].path);
        if (!one)
            continue;
        oddi_str_addf(s, "  %s", curve_metrics[k].title);
        last = cli_json_real(one, "n_last_fifth");
    }
    oddi_str_add(s, "\n");
    for (size_t i = 0; i < json_array_size(json_object_get(curve, "models")); i++)
        curve_model(s, curve, i);
    if (!isfinite(last))
        return;
    snprintf(mean, sizeof(mean), "mean of the last %.0f (last fifth)", last);
    oddi_str_add(s, "\n");
    curve_row(s, "last", curve, "last");
    curve_row(s, mean, curve, "mean_last_fifth");
    curve_row(s, "  standard deviation of these", curve, "sd_last_fifth");
    curve_row(s, "best (oracle: chosen by the test)", curve, "best_oracle.value");
}
