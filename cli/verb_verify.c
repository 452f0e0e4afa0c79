/* SPDX-License-Identifier: Apache-2.0
 *
 * oddity verify: does this machine compute what the model's maker computed?
 */
#include <string.h>

#include "cli/output.h"

static const struct cli_option verify_options[] = {CLI_OPTION_THREADS, CLI_OPTION_QUIET,
                                                   CLI_OPTION_JSON, CLI_OPTIONS_END};

static void verify_differs(struct oddi_str *s, const json_t *list)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *one = json_string_value(json_array_get(list, i));
        oddi_str_addf(s, "%s%s", i ? ", " : "", one ? one : "?");
    }
}

static void verify_say(struct cli *cli, const json_t *report)
{
    struct oddi_str s;
    const json_t *differs = cli_json_at(report, "differs");
    oddi_str_init(&s, cli->ctx);
    oddi_str_addf(&s, "%.0f self-test pictures: ", cli_json_real(report, "pictures"));
    if (json_is_true(cli_json_at(report, "exact")))
        oddi_str_add(&s, "every bit is equal");
    else
        oddi_str_addf(&s, "largest difference %.3g, tolerance %.3g",
                      cli_json_real(report, "max_difference"), cli_json_real(report, "tolerance"));
    if (json_array_size(differs)) {
        oddi_str_add(&s, "\nnot as where the model was made: ");
        verify_differs(&s, differs);
    }
    oddi_str_addf(&s, "\n%s", json_is_true(cli_json_at(report, "ok")) ? "ok" : "mismatch");
    cli_say(cli, "%s", s.text);
    oddi_str_release(&s);
}

static int verify_run(struct cli *cli)
{
    odd_status status, verified = ODD_OK;
    struct odd_model *model = NULL;
    char *text = NULL;
    json_t *report = NULL;
    char message[ODDI_MESSAGE_SIZE] = "";
    TRY(odd_model_load(cli->ctx, cli->word[0], &model));
    verified = odd_model_verify(cli->ctx, model, &text);
    snprintf(message, sizeof message, "%s", odd_last_message(cli->ctx));
    if (verified != ODD_OK && verified != ODD_EMISMATCH)
        TRY(verified);
    if (text) {
        TRY(oddi_json_parse(cli->ctx, text, strlen(text), "report", &report));
        TRY(cli_write_report(cli, text));
        verify_say(cli, report);
    }
    if (verified != ODD_OK)
        status = oddi_fail(cli->ctx, verified, "%s", message);
out:
    json_decref(report);
    odd_text_free(cli->ctx, text);
    odd_model_free(model);
    return cli_fail(cli, status);
}

const struct cli_verb cli_verb_verify = {
    .name = "verify",
    .summary = "test that this machine scores as the model's maker did",
    .usage = "MODEL [options]",
    .about = "Scores the self-test pictures that every model carries. The answers must have equal\n"
             "bits where the library, its kernels and the processor's level are the same, and\n"
             "agree within the model's tolerance elsewhere. Exit code 4 when they do not.\n",
    .examples = "oddity verify screw.safetensors\n"
                "oddity verify screw.safetensors --json - --quiet\n",
    .options = verify_options,
    .min_words = 1,
    .max_words = 1,
    .run = verify_run,
};
