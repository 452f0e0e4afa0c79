/* SPDX-License-Identifier: Apache-2.0
 *
 * oddity import: published weights become an expert.
 */
#include <string.h>

#include "base/file.h"
#include "cli/experts.h"
#include "cli/output.h"

static const struct cli_option import_options[] = {
    {"out", "FILE", "where the expert goes (default: your data folder, under its network's name)",
     0, 'o'},
    {"arch", "NAME", "the network, where names and shapes of the tensors do not tell", 0, 0},
    CLI_OPTION_QUIET,
    CLI_OPTION_JSON,
    CLI_OPTIONS_END};

static void import_say(struct cli *cli, const json_t *report)
{
    const json_t *unused = cli_json_at(report, "unused");
    cli_say(cli, "%s from %s (%s)", cli_json_string(report, "network"), cli->word[0],
            cli_json_string(report, "format"));
    cli_say(cli, "  %.0f tensors, %.2f million weights, hash %s", cli_json_real(report, "tensors"),
            cli_json_real(report, "parameters") / 1e6, cli_json_string(report, "weights_hash"));
    cli_say(cli, "  licence of the network's publisher: %s", cli_json_string(report, "licence"));
    if (json_array_size(unused))
        cli_say(cli, "  %zu tensors that are not part of it were left out (--json names them)",
                json_array_size(unused));
    cli_say(cli,
            "the expert is %s; use it with\n  oddity train DATA --method mkd --expert %s "
            "-o MODEL.safetensors",
            cli_json_string(report, "expert"),
            cli_get(cli, "out") ? cli_get(cli, "out") : cli_json_string(report, "network"));
}

static int import_run(struct cli *cli)
{
    odd_status status = ODD_OK;
    const char *out = cli_get(cli, "out");
    char *text = NULL;
    json_t *report = NULL;
    if (!out) {
        out = cli_experts_folder(cli);
        if (!out)
            return cli_usage(cli, "there is no HOME to keep experts in; say where with -o FILE");
        TRY(oddi_make_folders(cli->ctx, out));
    }
    TRY(odd_import(cli->ctx, cli->word[0], cli_get(cli, "arch"), out, &text));
    TRY(oddi_json_parse(cli->ctx, text, strlen(text), "report", &report));
    TRY(cli_write_report(cli, text));
    import_say(cli, report);
out:
    json_decref(report);
    odd_text_free(cli->ctx, text);
    return cli_fail(cli, status);
}

const struct cli_verb cli_verb_import = {
    .name = "import",
    .summary = "make an expert of published weights (.pth, .onnx, .safetensors)",
    .usage = "FILE [options]",
    .about =
        "Reads the weights of a network that others have trained and keeps them as an expert\n"
        "for methods that need one. Understood are safetensors, PyTorch's .pth and .pt in both\n"
        "its forms, and the weights within an ONNX file. Nothing in the file is executed.\n"
        "The network is recognised by names and shapes of its tensors.\n",
    .examples = "# torchvision's VGG-16, for --method mkd\n"
                "oddity import vgg16-397923af.pth\n"
                "oddity import net.onnx --arch resnet18 -o resnet18.safetensors\n",
    .options = import_options,
    .min_words = 1,
    .max_words = 1,
    .run = import_run,
};
