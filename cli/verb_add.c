/* SPDX-License-Identifier: Apache-2.0
 *
 * oddity add: more normal pictures for a model in use.
 */
#include <string.h>

#include "cli/output.h"

#define ADD_NAMED 20 /* of each list */

static const struct cli_option add_options[] = {
    {"out", "NEW", "where the model that follows goes", 0, 'o'},
    {"in-place", NULL, "put it in MODEL's place, once it is written and checked", 0, 0},
    {"force", NULL, "also add pictures that MODEL calls anomalous", CLI_ENGINE, 0},
    {"layout", "L", "how NORMALS lie on disk: auto, folder, mvtec, idx, classes, csv", CLI_ENGINE,
     0},
    {"normal", "CLASS", "the normal class, or classes with commas", CLI_ENGINE, 0},
    {"split-seed", "N", "seed of the draw of what goes to bank and calibration", CLI_ENGINE, 0},
    {"group", "REGEX", "pictures whose path gives the same first capture go the same way",
     CLI_ENGINE, 0},
    {"strict", NULL, "stop at the first unreadable picture", CLI_ENGINE, 0},
    CLI_OPTION_THREADS,
    CLI_OPTION_QUIET,
    CLI_OPTION_JSONL,
    CLI_OPTION_JSON,
    CLI_OPTIONS_END};

/* ---- what is said -------------------------------------------------------------------------- */

/* A line for each of the first entries of a list of paths or of objects. */
static void add_list(struct cli *cli, const char *head, const json_t *list,
                     void (*one)(struct oddi_str *s, const json_t *entry))
{
    const size_t count = json_array_size(list);
    if (count == 0)
        return;
    cli_say(cli, head, count);
    for (size_t i = 0; i < count && i < ADD_NAMED; i++) {
        struct oddi_str s;
        oddi_str_init(&s, cli->ctx);
        one(&s, json_array_get(list, i));
        cli_say(cli, "           %s", s.text);
        oddi_str_release(&s);
    }
    if (count > ADD_NAMED)
        cli_say(cli, "           and %zu more (the report of --json names all)", count - ADD_NAMED);
}

static void add_one_path(struct oddi_str *s, const json_t *entry)
{
    const char *path = json_string_value(entry);
    cli_plain_text(s, path ? path : "?");
}

static void add_one_left_out(struct oddi_str *s, const json_t *entry)
{
    const char *path = cli_json_string(entry, "path"), *reason = cli_json_string(entry, "reason");
    if (!strstr(reason, path)) {
        cli_plain_text(s, path);
        oddi_str_add(s, ": ");
    }
    cli_plain_text(s, reason);
}

static void add_one_anomalous(struct oddi_str *s, const json_t *entry)
{
    cli_plain_text(s, cli_json_string(entry, "path"));
    oddi_str_addf(s, "  score %.6g, normalized %.4f", cli_json_real(entry, "score"),
                  cli_json_real(entry, "normalized"));
}

static void add_one_flip(struct oddi_str *s, const json_t *entry)
{
    const char *path = cli_json_string(entry, "path");
    if (*path)
        cli_plain_text(s, path);
    else
        oddi_str_addf(s, "held-out picture %.0f of the model", cli_json_real(entry, "calibrate"));
    oddi_str_addf(s, "  %s -> %s (score %.6g -> %.6g)", cli_json_string(entry, "before"),
                  cli_json_string(entry, "after"), cli_json_real(entry, "score_before"),
                  cli_json_real(entry, "score"));
}

static void add_say_model(struct cli *cli, const json_t *report)
{
    const double kept = cli_json_real(report, "n_not_rescored");
    const char *certifies = cli_json_string(report, "certifies");
    cli_say(cli, "added      %.0f pictures: %.0f to what the model knows, %.0f to the calibration",
            cli_json_real(report, "n_new"), cli_json_real(report, "n_bank"),
            cli_json_real(report, "n_added_calibrate"));
    cli_say(cli, "threshold  %.6g, was %.6g; from %.0f held-out pictures, %.0f of them scored anew",
            cli_json_real(report, "threshold"), cli_json_real(report, "threshold_before"),
            cli_json_real(report, "n_calibrate"),
            cli_json_real(report, "n_rescored") + cli_json_real(report, "n_added_calibrate"));
    if (kept > 0)
        cli_say(cli,
                "           the old scores of %.0f stand: the model has not kept their features\n"
                "           (keep-mib at its training)",
                kept);
    if (cli->say && *certifies)
        cli_wrap(cli->say, certifies, 0, 11);
    add_list(cli, "changed    %zu decisions:", cli_json_at(report, "flips"), add_one_flip);
    cli_say(cli, "model      %s", cli_json_string(report, "model"));
}

static void add_say(struct cli *cli, const json_t *report)
{
    add_list(cli, "seen       %zu pictures that the model knows already; left out:",
             cli_json_at(report, "seen"), add_one_path);
    add_list(cli,
             "left out   %zu pictures that could not be read:", cli_json_at(report, "left_out"),
             add_one_left_out);
    add_list(cli, "anomalous  %zu new pictures, to the model as it was:",
             cli_json_at(report, "anomalous"), add_one_anomalous);
    if (cli_json_real(report, "n_new") == 0)
        cli_say(cli, "added      nothing: there is no new picture");
    else if (json_is_true(cli_json_at(report, "written")))
        add_say_model(cli, report);
}

/* ---- the verb ------------------------------------------------------------------------------ */

static odd_status add_show(struct cli *cli, const char *report)
{
    json_t *parsed = NULL;
    odd_status status = oddi_json_parse(cli->ctx, report, strlen(report), "report", &parsed);
    if (status == ODD_OK)
        status = cli_write_report(cli, report);
    if (status == ODD_OK)
        add_say(cli, parsed);
    json_decref(parsed);
    return status;
}

static odd_status add_do(struct cli *cli, const char *out)
{
    odd_status status = ODD_OK;
    struct odd_options *options = NULL;
    char *report = NULL, message[ODDI_MESSAGE_SIZE];
    const char **normals = oddi_arena_alloc(&cli->arena, (size_t)cli->words * sizeof(*normals));
    if (!normals)
        return ODD_ENOMEM;
    for (int i = 1; i < cli->words; i++)
        normals[i - 1] = cli->word[i];
    normals[cli->words - 1] = NULL;
    TRY(cli_options(cli, &options));
    status = odd_add(cli->ctx, cli->word[0], normals, options, out, &report);
    if (report) { /* also of what was refused */
        const odd_status added = status;
        snprintf(message, sizeof(message), "%s", odd_last_message(cli->ctx));
        TRY(add_show(cli, report));
        status = added == ODD_OK ? ODD_OK : oddi_fail(cli->ctx, added, "%s", message);
    }
out:
    odd_text_free(cli->ctx, report);
    odd_options_free(options);
    return status;
}

static int add_run(struct cli *cli)
{
    const char *out = cli_get(cli, "out");
    const bool in_place = cli_get(cli, "in-place") != NULL;
    if (!out && !in_place)
        return cli_usage(cli, "-o NEW or --in-place: where shall the model that follows go?");
    if (out && in_place)
        return cli_usage(cli, "-o and --in-place: one of them only");
    return cli_fail(cli, add_do(cli, in_place ? cli->word[0] : out));
}

const struct cli_verb cli_verb_add = {
    .name = "add",
    .summary = "take more normal pictures into a model",
    .usage = "MODEL NORMALS... (-o NEW | --in-place) [options]",
    .about =
        "NORMALS are pictures, folders of them, or data sets as for 'train'. Pictures that MODEL\n"
        "has seen are left out. The others are scored first: if any is anomalous to MODEL, they\n"
        "are listed, nothing is written and the exit code is 1, unless --force says that they are\n"
        "normal. Of all that is ever added, 80 % go to what the model knows and 20 % to the\n"
        "calibration, which is made anew: the threshold may change, and decisions that it changes\n"
        "are listed. The new model names its predecessor ('oddity info').\n"
        "\n"
        "Nothing is trained, so it takes seconds. Methods that cannot do that say so, with the\n"
        "command that trains anew.\n",
    .examples = "# what came off the line this week, after a look at it\n"
                "oddity add part.safetensors week23/*.png -o part-23.safetensors\n"
                "# a new colour of the part, which the model would call anomalous\n"
                "oddity add part.safetensors blue/ --force --in-place --json added.json\n"
                "# pictures of one lot are alike and stay together\n"
                "oddity add part.safetensors new/ -o new.safetensors --group 'lot([0-9]+)'\n",
    .options = add_options,
    .min_words = 2,
    .max_words = -1,
    .run = add_run,
};
