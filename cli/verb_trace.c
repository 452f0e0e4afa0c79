/* SPDX-License-Identifier: Apache-2.0
 *
 * oddity trace: what every node of a model's network does while one picture is scored.
 */
#include <stdio.h>
#include <string.h>

#include "cli/output.h"

static const struct cli_option trace_options[] = {CLI_OPTION_THREADS, CLI_OPTION_JSON,
                                                  CLI_OPTIONS_END};

static void trace_shape(struct oddi_str *s, const json_t *shape)
{
    struct oddi_str text;
    oddi_str_init(&text, s->ctx);
    if (json_is_string(shape))
        oddi_str_add(&text, json_string_value(shape));
    for (size_t i = 0; i < json_array_size(shape); i++)
        oddi_str_addf(&text, i ? "x%.0f" : "%.0f", json_number_value(json_array_get(shape, i)));
    oddi_str_addf(s, " %-18s", text.text);
    oddi_str_release(&text);
}

static void trace_row(struct oddi_str *s, const json_t *row)
{
    const json_t *node = json_object_get(row, "node");
    char number[32] = "";
    if (json_is_integer(node))
        snprintf(number, sizeof number, "%lld", (long long)json_integer_value(node));
    oddi_str_addf(s, "%-28s %-16s %-14s", json_is_string(node) ? json_string_value(node) : number,
                  cli_json_string(row, "op"), cli_json_string(row, "kernel"));
    trace_shape(s, json_object_get(row, "shape"));
    oddi_str_addf(s, " %11.4g %11.4g %11.4g %5.0f %8.3f\n", cli_json_real(row, "min"),
                  cli_json_real(row, "max"), cli_json_real(row, "mean"), cli_json_real(row, "nan"),
                  cli_json_real(row, "ms"));
}

static int trace_run(struct cli *cli)
{
    odd_status status;
    struct odd_model *model = NULL;
    char *text = NULL;
    json_t *trace = NULL;
    struct oddi_str s;
    oddi_str_init(&s, cli->ctx);
    TRY(odd_model_load(cli->ctx, cli->word[0], &model));
    TRY(cli->words > 1 ? odd_trace_file(cli->ctx, model, cli->word[1], &text)
                       : odd_trace(cli->ctx, model, NULL, &text));
    TRY(oddi_json_parse(cli->ctx, text, strlen(text), "trace", &trace));
    TRY(cli_write_report(cli, text));
    const json_t *steps = cli_json_at(trace, "steps");
    oddi_str_addf(&s, "%-28s %-16s %-14s %-18s %11s %11s %11s %5s %8s\n", "node", "op", "kernel",
                  "shape", "min", "max", "mean", "nan", "ms");
    for (size_t i = 0; i < json_array_size(steps); i++)
        trace_row(&s, json_array_get(steps, i));
    TRY(oddi_str_status(&s));
    fputs(s.text, cli->say);
out:
    oddi_str_release(&s);
    json_decref(trace);
    odd_text_free(cli->ctx, text);
    odd_model_free(model);
    return cli_fail(cli, status);
}

const struct cli_verb cli_verb_trace = {
    .name = "trace",
    .summary = "shapes, ranges and times inside a model's network",
    .usage = "MODEL [IMAGE] [options]",
    .about =
        "Scores the picture (without one: a self-test picture of the model) and shows of every\n"
        "node its kernel, shape, least and largest value, mean, count of NaN and time.\n",
    .examples = "oddity trace screw.safetensors part.png\n"
                "oddity trace screw.safetensors --json trace.json\n",
    .options = trace_options,
    .min_words = 1,
    .max_words = 2,
    .run = trace_run,
};
