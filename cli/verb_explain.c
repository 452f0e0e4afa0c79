/* SPDX-License-Identifier: Apache-2.0
 *
 * oddity explain: why a picture is scored as it is.
 */
#include <string.h>

#include "cli/output.h"

static const struct cli_option explain_options[] = {
    {"out", "PAGE.png", "write a page: picture, heat map, patches beside the nearest normal ones",
     0, 'o'},
    {"normals", "DIR", "normal pictures to show patches of: those of the training, or others",
     CLI_ENGINE, 0},
    {"layout", "L", "how these lie on disk: auto, folder, mvtec, idx, classes, csv", CLI_ENGINE, 0},
    {"normal", "CLASS", "the normal class among them, or classes with commas", CLI_ENGINE, 0},
    CLI_OPTION_THREADS,
    CLI_OPTION_QUIET,
    CLI_OPTION_JSONL,
    CLI_OPTION_JSON,
    CLI_OPTIONS_END};

/* The nearest normal patch: which, how far. */
static void explain_nearest(struct oddi_str *s, const json_t *patch)
{
    const json_t *near = json_array_get(cli_json_at(patch, "nearest"), 0);
    const char *path = cli_json_string(near, "path");
    if (!near) {
        oddi_str_add(s, "there is no normal patch to compare it with");
        return;
    }
    oddi_str_addf(s, "the nearest normal patch (distance %.4g) is ",
                  cli_json_real(near, "distance"));
    if (*path)
        cli_plain_text(s, path);
    else
        oddi_str_addf(s, "of training picture %.0f", cli_json_real(near, "picture"));
    if (cli_json_at(near, "x"))
        oddi_str_addf(s, " at %.0f,%.0f", cli_json_real(near, "x"), cli_json_real(near, "y"));
    else
        oddi_str_addf(s, ", cell %.0f,%.0f", cli_json_real(near, "column"),
                      cli_json_real(near, "row"));
}

static void explain_patch(struct cli *cli, const json_t *patch)
{
    struct oddi_str s;
    const char *differs = cli_json_string(patch, "differs");
    oddi_str_init(&s, cli->ctx);
    oddi_str_addf(&s, "%.0f  at %.0f,%.0f, %.0f x %.0f pixels, distance %.4g: ",
                  cli_json_real(patch, "number"), cli_json_real(patch, "x"),
                  cli_json_real(patch, "y"), cli_json_real(patch, "width"),
                  cli_json_real(patch, "height"), cli_json_real(patch, "distance"));
    explain_nearest(&s, patch);
    cli_say(cli, "%s", s.text);
    if (*differs)
        cli_say(cli, "   beside it: %s", differs);
    oddi_str_release(&s);
}

static void explain_say(struct cli *cli, const json_t *report)
{
    const json_t *patches = cli_json_at(report, "patches");
    const char *page = cli_json_string(report, "page");
    struct oddi_str s;
    oddi_str_init(&s, cli->ctx);
    cli_plain_text(&s, cli_json_string(report, "path"));
    cli_say(cli, "%s  %s: score %.6g, threshold %.6g", s.text, cli_json_string(report, "decision"),
            cli_json_real(report, "score"), cli_json_real(report, "threshold"));
    for (size_t i = 0; i < json_array_size(patches); i++)
        explain_patch(cli, json_array_get(patches, i));
    if (strcmp(cli_json_string(report, "normals"), "none") == 0)
        cli_say(cli, "normal pictures: give --normals DIR, or train with --keep-pictures");
    if (*page)
        cli_say(cli, "page  %s", page);
    oddi_str_release(&s);
}

static int explain_run(struct cli *cli)
{
    odd_status status;
    struct odd_model *model = NULL;
    struct odd_options *options = NULL;
    char *text = NULL;
    json_t *report = NULL;
    TRY(cli_options(cli, &options));
    TRY(odd_model_load(cli->ctx, cli->word[0], &model));
    TRY(odd_explain(cli->ctx, model, cli->word[1], options, cli_get(cli, "out"), &text));
    TRY(oddi_json_parse(cli->ctx, text, strlen(text), "report", &report));
    TRY(cli_write_report(cli, text));
    explain_say(cli, report);
out:
    json_decref(report);
    odd_text_free(cli->ctx, text);
    odd_options_free(options);
    odd_model_free(model);
    return cli_fail(cli, status);
}

const struct cli_verb cli_verb_explain = {
    .name = "explain",
    .summary = "show what in a picture is unlike the normal ones",
    .usage = "MODEL PICTURE [-o PAGE.png] [--normals DIR] [options]",
    .about =
        "Names the (at most 3) patches of PICTURE that are farthest from all that MODEL knows,\n"
        "none overlapping another, and in what each differs from the nearest normal patch:\n"
        "brightness, colour, edges. -o writes a page: the picture and its heat map with the "
        "patches\n"
        "numbered; below, a row for each: the patch, the patch under the heat map, and to the "
        "right\n"
        "the normal patches that come nearest.\n"
        "\n"
        "Normal pictures come from --normals: those that MODEL was trained on are known by their\n"
        "content; where there is none of them, the nearest patches of what is there are searched.\n"
        "Without --normals they are the thumbnails in a model that was trained with\n"
        "--keep-pictures; else numbers are all there is. For methods that compare with normal\n"
        "patches (bank).\n",
    .examples = "oddity explain part.safetensors bad.png -o why.png --normals parts/good\n"
                "# a model that holds thumbnails of its training pictures\n"
                "oddity train parts/good -o part.safetensors --keep-pictures\n"
                "oddity explain part.safetensors bad.png -o why.png --json why.json\n",
    .options = explain_options,
    .min_words = 2,
    .max_words = 2,
    .run = explain_run,
};
