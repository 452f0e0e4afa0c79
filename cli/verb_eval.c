/* SPDX-License-Identifier: Apache-2.0
 *
 * oddity eval: how good a model (or any tool's scores) is on labelled pictures; of several models
 * the curve over the steps of their training.
 */
#include <string.h>

#include "base/file.h"
#include "cli/eval_curve.h"
#include "cli/eval_text.h"
#include "cli/progress.h"

static const struct cli_option eval_options[] = {
    {"scores", "FILE", "evaluate any tool's scores: a CSV with columns path and score; no MODEL", 0,
     0},
    {"score-maps", "DIR", "with --scores: float TIFF maps named by the pictures' stems", 0, 0},
    {"metric-size", "N", "bring maps and masks to N pixels before they are compared", CLI_ENGINE,
     0},
    {"maps", "DIR", "write overlays and pictures of the most anomalous ones of each type",
     CLI_ENGINE, 0},
    {"maps-count", "N", "how many of each type", CLI_ENGINE, 0},
    {"csv", "FILE",
     "write path, score, normalized, label, type, decision of each picture ('-': "
     "standard output)",
     0, 0},
    CLI_OPTION_SET,
    CLI_OPTION_CONFIG,
    CLI_OPTIONS_DATA,
    CLI_OPTION_THREADS,
    CLI_OPTION_QUIET,
    CLI_OPTION_JSONL,
    CLI_OPTION_JSON,
    CLI_OPTIONS_END};

static void eval_csv_value(struct oddi_str *s, const json_t *value)
{
    if (json_is_string(value))
        cli_csv_field(s, json_string_value(value));
    else if (json_is_number(value))
        cli_csv_number(s, json_number_value(value));
}

/* The entries of "pictures", readable by --scores again. */
static odd_status eval_write_csv(struct cli *cli, const json_t *report)
{
    static const char *const columns[] = {"path",  "score", "normalized",
                                          "label", "type",  "decision"};
    const json_t *pictures = cli_json_at(report, "pictures");
    struct oddi_str s;
    if (!cli_get(cli, "csv"))
        return ODD_OK;
    oddi_str_init(&s, cli->ctx);
    oddi_str_add(&s, "path,score,normalized,label,type,decision\n");
    for (size_t i = 0; i < json_array_size(pictures); i++) {
        for (size_t c = 0; c < ODDI_COUNT(columns); c++) {
            oddi_str_add(&s, c ? "," : "");
            eval_csv_value(&s, json_object_get(json_array_get(pictures, i), columns[c]));
        }
        oddi_str_add(&s, "\n");
    }
    odd_status status = oddi_str_status(&s);
    if (status == ODD_OK)
        status = cli_write_text(cli, cli_get(cli, "csv"), s.text);
    oddi_str_release(&s);
    return status;
}

/* cli_say cuts long texts, and types may be many. */
static odd_status eval_say(struct cli *cli, struct oddi_str *s)
{
    const odd_status status = oddi_str_status(s);
    if (status != ODD_OK)
        return status;
    while (s->length && s->text[s->length - 1] == '\n')
        s->text[--s->length] = '\0';
    cli_progress_clear(cli);
    if (cli->say)
        fprintf(cli->say, "%s\n", s->text);
    return ODD_OK;
}

static odd_status eval_show(struct cli *cli, const char *report)
{
    odd_status status;
    json_t *parsed = NULL;
    struct oddi_str s;
    oddi_str_init(&s, cli->ctx);
    TRY(oddi_json_parse(cli->ctx, report, strlen(report), "report", &parsed));
    TRY(cli_write_report(cli, report));
    TRY(eval_write_csv(cli, parsed));
    cli_eval_text(&s, parsed);
    size_t maps = json_array_size(cli_json_at(parsed, "maps"));
    if (maps)
        oddi_str_addf(&s, "\n%zu overlays are in %s\n", maps, cli_get(cli, "maps"));
    TRY(eval_say(cli, &s));
out:
    oddi_str_release(&s);
    json_decref(parsed);
    return status;
}

static odd_status eval_do(struct cli *cli, const char *data, char **report)
{
    odd_status status;
    struct odd_options *options = NULL;
    struct odd_dataset *dataset = NULL;
    struct odd_model *model = NULL;
    const char *scores = cli_get(cli, "scores"), *maps = cli_get(cli, "maps");
    TRY(cli_options(cli, &options));
    if (cli_get(cli, "csv"))
        TRY(odd_options_set(options, "pictures", "true"));
    if (maps)
        TRY(oddi_make_folders(cli->ctx, maps));
    if (!scores)
        TRY(odd_model_load(cli->ctx, cli->word[0], &model));
    TRY(odd_dataset_open(cli->ctx, data, options, &dataset));
    if (scores)
        TRY(odd_eval_scores(cli->ctx, scores, cli_get(cli, "score-maps"), dataset, options,
                            report));
    else
        TRY(odd_eval(cli->ctx, model, dataset, options, report));
out:
    odd_dataset_free(dataset);
    odd_model_free(model);
    odd_options_free(options);
    return status;
}

/* ---- several models ------------------------------------------------------------------------ */

static odd_status eval_point(struct cli *cli, int number, struct odd_dataset *dataset,
                             const struct odd_options *options, json_t *points)
{
    odd_status status;
    struct odd_model *model = NULL;
    char *info = NULL, *report = NULL;
    json_t *point = NULL;
    cli_progress_clear(cli);
    if (cli->say)
        fprintf(stderr, "[%d/%d] %s\n", number + 1, cli->words - 1, cli->word[number]);
    TRY(odd_model_load(cli->ctx, cli->word[number], &model));
    TRY(odd_model_info(model, &info));
    TRY(odd_eval(cli->ctx, model, dataset, options, &report));
    TRY(cli_curve_point(cli, cli->word[number], info, report, &point));
    if (json_array_append(points, point) != 0)
        status = oddi_fail(cli->ctx, ODD_ENOMEM, "out of memory");
out:
    json_decref(point);
    odd_text_free(cli->ctx, info);
    odd_text_free(cli->ctx, report);
    odd_model_free(model);
    return status;
}

static odd_status eval_show_curve(struct cli *cli, const json_t *curve)
{
    odd_status status;
    char *text = NULL;
    struct oddi_str s;
    oddi_str_init(&s, cli->ctx);
    TRY(oddi_json_dump(cli->ctx, curve, 0, &text));
    TRY(cli_write_report(cli, text));
    cli_curve_text(&s, curve);
    TRY(eval_say(cli, &s));
out:
    oddi_str_release(&s);
    oddi_free(cli->ctx, text);
    return status;
}

static odd_status eval_curve(struct cli *cli)
{
    odd_status status;
    struct odd_options *options = NULL;
    struct odd_dataset *dataset = NULL;
    json_t *points = json_array(), *curve = NULL;
    TRY(points ? ODD_OK : oddi_fail(cli->ctx, ODD_ENOMEM, "out of memory"));
    TRY(cli_options(cli, &options));
    TRY(odd_dataset_open(cli->ctx, cli->word[cli->words - 1], options, &dataset));
    for (int i = 0; i < cli->words - 1; i++)
        TRY(eval_point(cli, i, dataset, options, points));
    TRY(cli_curve_make(cli, json_incref(points), &curve));
    TRY(eval_show_curve(cli, curve));
out:
    json_decref(points);
    json_decref(curve);
    odd_dataset_free(dataset);
    odd_options_free(options);
    return status;
}

/* CLI_DONE, or what is wrong with the words. */
static int eval_check(struct cli *cli)
{
    const bool scores = cli_get(cli, "scores") != NULL, many = cli->words > 2;
    if (scores && cli->words != 1)
        return cli_usage(cli, "with --scores there is no MODEL, only DATA");
    if (!scores && cli->words < 2)
        return cli_usage(cli, "MODEL and DATA are needed (or --scores FILE and DATA)");
    if (!scores && cli_get(cli, "score-maps"))
        return cli_usage(cli, "--score-maps belongs to --scores");
    if (scores && cli_get(cli, "maps"))
        return cli_usage(cli, "--maps needs a MODEL");
    if (many && (cli_get(cli, "maps") || cli_get(cli, "csv")))
        return cli_usage(cli, "--maps and --csv are of one MODEL, not of %d", cli->words - 1);
    return CLI_DONE;
}

static int eval_run(struct cli *cli)
{
    odd_status status;
    char *report = NULL;
    const bool scores = cli_get(cli, "scores") != NULL;
    const int code = eval_check(cli);
    if (code != CLI_DONE)
        return code;
    if (cli->words > 2)
        return cli_fail(cli, eval_curve(cli));
    TRY(eval_do(cli, cli->word[scores ? 0 : 1], &report));
    TRY(eval_show(cli, report));
out:
    odd_text_free(cli->ctx, report);
    return cli_fail(cli, status);
}

const struct cli_verb cli_verb_eval = {
    .name = "eval",
    .summary = "measure a model, or any tool's scores, on labelled pictures",
    .usage =
        "MODEL... DATA [options]\n       oddity eval --scores FILE.csv [--score-maps DIR] DATA "
        "[options]",
    .about =
        "Scores the test part of DATA and prints first what happens at the model's threshold:\n"
        "false alarms among normal pictures and missed anomalous ones, with 95 % intervals;\n"
        "then how well scores rank pictures and, where there are masks, how well maps rank\n"
        "pixels. Pictures that the model was trained on are left out and counted. Give the same\n"
        "data options (--normal, --test-normals, --split-seed ...) as in training.\n"
        "\n"
        "Several models, such as the snapshots of 'train --snapshot-every', give a curve over\n"
        "their steps, then the last, the mean over the last fifth (at least 5 models), which is\n"
        "the number to report, and the best, which was chosen by the test pictures: an oracle's.\n",
    .examples = "# a data set in MVTec's layout\n"
                "oddity eval screw.safetensors screw\n"
                "# digit 8 was normal; the report as JSON, and every picture's score\n"
                "oddity eval eight.safetensors mnist --normal 8 --json report.json \\\n"
                "    --csv pictures.csv\n"
                "# pictures and heat maps of the five most anomalous of each type\n"
                "oddity eval screw.safetensors screw --maps maps --maps-count 5\n"
                "# a curve over snapshots\n"
                "oddity eval screw.epoch-*.safetensors screw.safetensors screw --json curve.json\n"
                "# another program's scores and maps, measured in the same way\n"
                "oddity eval --scores other.csv --score-maps other-maps screw\n",
    .options = eval_options,
    .min_words = 1,
    .max_words = -1,
    .run = eval_run,
};
