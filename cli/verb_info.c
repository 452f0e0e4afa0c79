/* SPDX-License-Identifier: Apache-2.0
 *
 * oddity info: what a model file says of itself.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli/output.h"

static const struct cli_option info_options[] = {CLI_OPTION_JSON, CLI_OPTIONS_END};

static void info_head(struct oddi_str *s, const json_t *info)
{
    const json_t *last = NULL, *list = cli_json_at(info, "calibrations");
    if (json_array_size(list))
        last = json_array_get(list, json_array_size(list) - 1);
    oddi_str_addf(s, "method        %s, preset %s\n", cli_json_string(info, "method"),
                  cli_json_string(info, "preset"));
    oddi_str_addf(s, "input         %.0f x %.0f, %.0f channels\n",
                  cli_json_real(info, "input.width"), cli_json_real(info, "input.height"),
                  cli_json_real(info, "input.channels"));
    oddi_str_addf(s, "parameters    %.0f\n", cli_json_real(info, "parameters"));
    oddi_str_addf(s, "weights_hash  %s\n", cli_json_string(info, "weights_hash"));
    if (last)
        oddi_str_addf(s, "threshold     %.6g, from %.0f held-out normals\n",
                      cli_json_real(last, "threshold"), cli_json_real(last, "n"));
    const double steps = cli_json_real(info, "training.steps"),
                 seconds = cli_json_real(info, "training.seconds");
    if (isfinite(steps))
        oddi_str_addf(s, "trained       %.0f steps", steps);
    else
        oddi_str_add(s, "trained       in one go");
    if (isfinite(seconds)) {
        oddi_str_add(s, " in ");
        cli_add_seconds(s, seconds);
    }
    oddi_str_addf(s, ", on %.0f pictures; oddity %s\n", cli_json_real(info, "data.n_train"),
                  cli_json_string(info, "oddity_version"));
}

/* Whether it holds pictures; what was added since the training. */
static void info_live(struct oddi_str *s, const json_t *info)
{
    const json_t *history = cli_json_at(info, "history");
    const double pictures = cli_json_real(info, "pictures.count");
    if (pictures > 0)
        oddi_str_addf(s, "pictures      it holds thumbnails of %.0f training pictures\n", pictures);
    for (size_t i = 0; i < json_array_size(history); i++) {
        const json_t *one = json_array_get(history, i);
        oddi_str_addf(s, "added         %.0f pictures and %.0f held-out ones to %s\n",
                      cli_json_real(one, "n_bank"), cli_json_real(one, "n_calibrate"),
                      cli_json_string(one, "predecessor"));
    }
}

/* What the lines above don't say, as it is in the file. */
static void info_rest(struct oddi_str *s, const json_t *info)
{
    static const char *const parts[] = {"config", "input",    "data",  "training",
                                        "scale",  "selftest", "build", "licence"};
    for (size_t i = 0; i < ODDI_COUNT(parts); i++) {
        const json_t *part = cli_json_at(info, parts[i]);
        if (json_is_object(part) && json_object_size(part)) {
            oddi_str_addf(s, "\n%s\n", parts[i]);
            cli_json_lines(s, part, 2);
        } else if (json_is_string(part)) {
            oddi_str_addf(s, "\n%s  %s\n", parts[i], json_string_value(part));
        }
    }
    size_t left_out = json_array_size(cli_json_at(info, "left_out"));
    if (left_out)
        oddi_str_addf(s, "\n%zu pictures were left out (--json names them)\n", left_out);
}

static int info_run(struct cli *cli)
{
    odd_status status;
    struct odd_model *model = NULL;
    char *text = NULL;
    json_t *info = NULL;
    struct oddi_str s;
    oddi_str_init(&s, cli->ctx);
    TRY(odd_model_load(cli->ctx, cli->word[0], &model));
    TRY(odd_model_info(model, &text));
    TRY(oddi_json_parse(cli->ctx, text, strlen(text), cli->word[0], &info));
    TRY(cli_write_report(cli, text));
    info_head(&s, info);
    info_live(&s, info);
    info_rest(&s, info);
    TRY(oddi_str_status(&s));
    fputs(s.text, cli->say);
out:
    oddi_str_release(&s);
    json_decref(info);
    odd_text_free(cli->ctx, text);
    odd_model_free(model);
    return cli_fail(cli, status);
}

const struct cli_verb cli_verb_info = {
    .name = "info",
    .summary = "what a model file says of itself",
    .usage = "MODEL [--json FILE]",
    .about = "Method, configuration, geometry, threshold, what it was trained on, and hashes: two\n"
             "models with the same weights_hash have the same weights.\n",
    .examples = "oddity info screw.safetensors\n"
                "oddity info screw.safetensors --json - | grep weights_hash\n",
    .options = info_options,
    .min_words = 1,
    .max_words = 1,
    .run = info_run,
};
