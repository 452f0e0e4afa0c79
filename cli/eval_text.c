/* SPDX-License-Identifier: Apache-2.0
 *
 * The evaluation's report in words (eval_text.h). Numbers come as they are in the report; one
 * that is undefined there is shown as "-".
 */
#include "cli/eval_text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* A number with `digits` decimals, or "-". */
static void eval_number(struct oddi_str *s, double value, int digits)
{
    if (isfinite(value))
        oddi_str_addf(s, "%.*f", digits, value);
    else
        oddi_str_add(s, "-");
}

/* "  (95 %: LOW to HIGH)" of a pair in the report, times `factor` (100: percent). */
static void eval_interval(struct oddi_str *s, const json_t *report, const char *path, double factor,
                          int digits)
{
    const json_t *pair = cli_json_at(report, path);
    const json_t *low = json_array_get(pair, 0), *high = json_array_get(pair, 1);
    if (!json_is_number(low) || !json_is_number(high))
        return;
    oddi_str_addf(s, "  (95 %%: %.*f to %.*f%s)", digits, factor * json_number_value(low), digits,
                  factor * json_number_value(high), factor > 1 ? " %" : "");
}

static void eval_count(struct oddi_str *s, const json_t *report, const char *const names[5])
{
    double k = cli_json_real(report, names[1]), n = cli_json_real(report, names[2]);
    oddi_str_addf(s, "  %-13s ", names[0]);
    if (!isfinite(k) || !(n > 0)) {
        oddi_str_add(s, "-\n");
        return;
    }
    oddi_str_addf(s, "%.0f of %.0f %s, %.1f %%", k, n, names[4], 100 * k / n);
    eval_interval(s, report, names[3], 100, 1);
    oddi_str_add(s, "\n");
}

static void eval_threshold(struct oddi_str *s, const json_t *report)
{
    static const char *const alarms[] = {"false alarms", "at_threshold.n_false_alarms", "n_normal",
                                         "at_threshold.false_alarm_rate_ci", "normal pictures"};
    static const char *const missed[] = {"missed", "at_threshold.n_missed", "n_anomalous",
                                         "at_threshold.miss_rate_ci", "anomalous pictures"};
    double seen = cli_json_real(report, "n_seen"), threshold;
    size_t skipped = json_array_size(cli_json_at(report, "skipped"));
    threshold = cli_json_real(report, "at_threshold.threshold");
    if (isfinite(threshold)) {
        oddi_str_addf(s, "at the threshold %.6g (a score above it is anomalous):\n", threshold);
        eval_count(s, report, alarms);
        eval_count(s, report, missed);
    } else {
        oddi_str_addf(s, "%.0f normal and %.0f anomalous pictures; no threshold is known\n",
                      cli_json_real(report, "n_normal"), cli_json_real(report, "n_anomalous"));
    }
    if (seen > 0)
        oddi_str_addf(s, "  left out      %.0f pictures that the model has seen\n", seen);
    if (skipped)
        oddi_str_addf(s, "  left out      %zu pictures that could not be read\n", skipped);
}

/* One metric of a row: a title, where it is in the report and where its interval is. */
struct eval_metric {
    const char *title, *path, *interval;
};

static void eval_metrics(struct oddi_str *s, const json_t *report, const struct eval_metric *m)
{
    for (; m->title; m++) {
        oddi_str_addf(s, "  %-22s ", m->title);
        eval_number(s, cli_json_real(report, m->path), 4);
        if (m->interval)
            eval_interval(s, report, m->interval, 1, 4);
        oddi_str_add(s, "\n");
    }
}

static void eval_ranking(struct oddi_str *s, const json_t *report)
{
    static const struct eval_metric image[] = {{"AUROC", "image.auroc", "image.auroc_ci"},
                                               {"average precision", "image.ap", "image.ap_ci"},
                                               {"AUPR (trapezoid)", "image.aupr_trapezoid", NULL},
                                               {"F1-max (oracle)", "image.f1max.value", NULL},
                                               {NULL, NULL, NULL}};
    static const struct eval_metric pixel[] = {{"AUROC", "pixel.auroc", "pixel.auroc_ci"},
                                               {"average precision", "pixel.ap", NULL},
                                               {"AUPRO to 0.3", "pixel.aupro", "pixel.aupro_ci"},
                                               {"AUPRO to 0.05", "pixel.aupro05", NULL},
                                               {"F1-max (oracle)", "pixel.f1max.value", NULL},
                                               {"Dice at the threshold", "pixel.dice", NULL},
                                               {NULL, NULL, NULL}};
    const json_t *size = cli_json_at(report, "pixel.size");
    oddi_str_add(s, "\npictures, by score:\n");
    eval_metrics(s, report, image);
    if (!cli_json_at(report, "pixel.auroc"))
        return;
    oddi_str_add(s, "\npixels, by map");
    if (json_is_string(size))
        oddi_str_addf(s, " (size %s)", json_string_value(size));
    else if (json_is_number(size))
        oddi_str_addf(s, " (size %.0f)", json_number_value(size));
    oddi_str_add(s, ":\n");
    eval_metrics(s, report, pixel);
}

static void eval_types(struct oddi_str *s, const json_t *report)
{
    json_t *types = (json_t *)cli_json_at(report, "by_type");
    const char *name;
    json_t *one;
    if (!json_object_size(types))
        return;
    oddi_str_add(s, "\nby type                        n    AUROC\n");
    json_object_foreach(types, name, one)
    {
        struct oddi_str shown;
        oddi_str_init(&shown, s->ctx);
        cli_plain_text(&shown, name);
        oddi_str_addf(s, "  %-24s %5.0f   ", shown.text, cli_json_real(one, "n"));
        eval_number(s, cli_json_real(one, "auroc"), 4);
        oddi_str_add(s, "\n");
        oddi_str_release(&shown);
    }
}

/* Scores that a method has beside the one it decides by. */
static void eval_scores(struct oddi_str *s, const json_t *report)
{
    json_t *scores = (json_t *)cli_json_at(report, "scores");
    const char *name;
    json_t *one;
    if (!json_object_size(scores))
        return;
    oddi_str_add(s, "\nother scores of the same pictures, AUROC:\n");
    json_object_foreach(scores, name, one)
    {
        oddi_str_addf(s, "  %-22s ", name);
        eval_number(s, cli_json_real(one, "auroc"), 4);
        oddi_str_add(s, "\n");
    }
}

void cli_eval_text(struct oddi_str *s, const json_t *report)
{
    eval_threshold(s, report);
    eval_ranking(s, report);
    eval_types(s, report);
    eval_scores(s, report);
}
