/* SPDX-License-Identifier: Apache-2.0
 *
 * oddity methods: which methods there are; their parameters and presets.
 */
#include <stdio.h>
#include <string.h>

#include "cli/output.h"

static const struct cli_option methods_options[] = {
    {"describe", "METHOD", "its parameters with defaults, ranges and sources, and its presets", 0,
     0},
    CLI_OPTION_JSON,
    CLI_OPTIONS_END};

static void methods_value(struct oddi_str *s, const json_t *value)
{
    char *text = NULL;
    if (json_is_string(value))
        oddi_str_add(s, *json_string_value(value) ? json_string_value(value) : "(empty)");
    else if (json_is_real(value))
        oddi_str_addf(s, "%.6g", json_real_value(value));
    else if (value && oddi_json_dump(s->ctx, value, 0, &text) == ODD_OK)
        oddi_str_add(s, text);
    odd_text_free(s->ctx, text);
}

static void methods_param(struct oddi_str *s, const json_t *param)
{
    const char *choices = cli_json_string(param, "choices");
    const char *source = cli_json_string(param, "source");
    oddi_str_addf(s, "  %s=", cli_json_string(param, "name"));
    methods_value(s, json_object_get(param, "default"));
    if (*choices)
        oddi_str_addf(s, "   %s", choices);
    else if (cli_json_at(param, "min") && cli_json_at(param, "max"))
        oddi_str_addf(s, "   %.6g to %.6g", cli_json_real(param, "min"),
                      cli_json_real(param, "max"));
    if (*source)
        oddi_str_addf(s, "   [%s]", source);
    oddi_str_addf(s, "\n      %s\n", cli_json_string(param, "help"));
}

static void methods_preset(struct oddi_str *s, const json_t *preset)
{
    json_t *values = (json_t *)cli_json_at(preset, "values"), *value;
    const char *name;
    oddi_str_addf(s, "  %-8s %s\n", cli_json_string(preset, "name"),
                  cli_json_string(preset, "summary"));
    if (!json_object_size(values))
        return;
    oddi_str_add(s, "          ");
    json_object_foreach(values, name, value)
    {
        oddi_str_addf(s, " %s=", name);
        methods_value(s, value);
    }
    oddi_str_add(s, "\n");
}

static void methods_one(struct oddi_str *s, const json_t *method)
{
    const json_t *params = cli_json_at(method, "params"), *presets = cli_json_at(method, "presets");
    oddi_str_addf(s, "%s: %s\n%s\n", cli_json_string(method, "name"),
                  cli_json_string(method, "summary"), cli_json_string(method, "citation"));
    oddi_str_add(s, "\nparameters (--set NAME=VALUE), with defaults, ranges and where the default "
                    "comes from:\n");
    for (size_t i = 0; i < json_array_size(params); i++)
        methods_param(s, json_array_get(params, i));
    oddi_str_add(s, "\npresets (--preset NAME):\n");
    for (size_t i = 0; i < json_array_size(presets); i++)
        methods_preset(s, json_array_get(presets, i));
}

static void methods_list(struct oddi_str *s, const json_t *methods)
{
    for (size_t i = 0; i < json_array_size(methods); i++) {
        const json_t *one = json_array_get(methods, i), *presets = cli_json_at(one, "presets");
        oddi_str_addf(s, "%-10s %s\n", cli_json_string(one, "name"),
                      cli_json_string(one, "summary"));
        oddi_str_add(s, "           presets:");
        for (size_t p = 0; p < json_array_size(presets); p++)
            oddi_str_addf(s, " %s", cli_json_string(json_array_get(presets, p), "name"));
        oddi_str_add(s, "\n");
    }
}

static int methods_run(struct cli *cli)
{
    odd_status status;
    char *text = NULL;
    json_t *found = NULL;
    struct oddi_str s;
    oddi_str_init(&s, cli->ctx);
    TRY(odd_methods_describe(cli->ctx, cli_get(cli, "describe"), &text));
    TRY(oddi_json_parse(cli->ctx, text, strlen(text), "methods", &found));
    TRY(cli_write_report(cli, text));
    if (cli_get(cli, "describe"))
        methods_one(&s, found);
    else
        methods_list(&s, cli_json_at(found, "methods"));
    TRY(oddi_str_status(&s));
    fputs(s.text, cli->say);
out:
    oddi_str_release(&s);
    json_decref(found);
    odd_text_free(cli->ctx, text);
    return cli_fail(cli, status);
}

const struct cli_verb cli_verb_methods = {
    .name = "methods",
    .summary = "which methods there are, and their parameters",
    .usage = "[--describe METHOD] [--json FILE]",
    .about = "Each default says where it comes from: 'paper', 'second-hand' (another's account of\n"
             "the paper) or 'ours'.\n",
    .examples = "oddity methods\n"
                "oddity methods --describe daad\n"
                "oddity methods --describe daad --json -\n",
    .options = methods_options,
    .max_words = 0,
    .run = methods_run,
};
