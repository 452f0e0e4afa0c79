/* SPDX-License-Identifier: Apache-2.0
 *
 * oddity import: published weights become an expert; what it sees in pictures shows that they were
 * read rightly.
 */
#include <string.h>

#include "base/file.h"
#include "cli/experts.h"
#include "cli/output.h"

#define IMPORT_LABELS_MAX ((size_t)1 << 20)

static const struct cli_option import_options[] = {
    {"out", "FILE", "where the expert goes (default: your data folder, under its network's name)",
     0, 'o'},
    {"arch", "NAME", "the network, where names and shapes of the tensors do not tell", 0, 0},
    {"classify", NULL, "the words after FILE are pictures: what the network sees in each", 0, 0},
    {"labels", "FILE", "names of the network's classes, one a line, in their order", 0, 0},
    CLI_OPTION_THREADS,
    CLI_OPTION_QUIET,
    CLI_OPTION_JSON,
    CLI_OPTIONS_END};

/* ---- names of classes ---- */

struct import_labels {
    const char **name; /* NULL: there are none */
    size_t count;
};

/* Cuts the text at its line ends; names point into it. */
static odd_status import_split(struct cli *cli, char *text, struct import_labels *labels)
{
    size_t lines = 1;
    for (const char *at = text; *at; at++)
        lines += *at == '\n';
    labels->name = oddi_arena_alloc(&cli->arena, lines * sizeof(*labels->name));
    if (!labels->name)
        return ODD_ENOMEM;
    for (char *next = text; *next;) {
        char *end = next + strcspn(next, "\n");
        labels->name[labels->count++] = next;
        next = *end ? end + 1 : end;
        if (end > labels->name[labels->count - 1] && end[-1] == '\r')
            end[-1] = '\0';
        *end = '\0';
    }
    return ODD_OK;
}

/* One name per class; TensorFlow's lists begin with one more, "background". */
static odd_status import_labels(struct cli *cli, size_t classes, struct import_labels *labels)
{
    odd_status status = ODD_OK;
    const char *path = cli_get(cli, "labels");
    char *data = NULL, *text = NULL;
    size_t size = 0;
    if (!path)
        return ODD_OK;
    TRY(oddi_file_read(cli->ctx, path, IMPORT_LABELS_MAX, &data, &size));
    text = oddi_arena_strdup(&cli->arena, data);
    if (!text)
        status = ODD_ENOMEM;
    else
        status = import_split(cli, text, labels);
    if (status == ODD_OK && labels->count == classes + 1 &&
        strcmp(labels->name[0], "background") == 0) {
        labels->name++;
        labels->count--;
    }
    if (status == ODD_OK && labels->count != classes)
        status = oddi_fail(cli->ctx, ODD_EFORMAT, "%s has %zu names, the network %zu classes", path,
                           labels->count, classes);
out:
    oddi_free(cli->ctx, data);
    return status;
}

/* ---- pictures ---- */

static void import_say_class(struct oddi_str *s, json_t *one, const struct import_labels *labels)
{
    const double number = cli_json_real(one, "class");
    const bool known = number >= 0 && number < (double)labels->count;
    oddi_str_addf(s, "\n  %.4f  ", cli_json_real(one, "probability"));
    if (!known) {
        oddi_str_addf(s, "class %.0f", number);
        return;
    }
    cli_plain_text(s, labels->name[(size_t)number]);
    oddi_json_set_text(one, "name", labels->name[(size_t)number]);
}

/* Adds the names to the report and says all of it; counts pictures that could not be read. */
static odd_status import_say_pictures(struct cli *cli, const json_t *seen,
                                      const struct import_labels *labels, size_t *bad)
{
    const json_t *list = cli_json_at(seen, "pictures");
    struct oddi_str s;
    oddi_str_init(&s, cli->ctx);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *one = json_array_get(list, i), *top = cli_json_at(one, "top");
        const char *error = cli_json_string(one, "error");
        if (i)
            oddi_str_add(&s, "\n");
        cli_plain_text(&s, cli_json_string(one, "path"));
        for (size_t k = 0; k < json_array_size(top); k++)
            import_say_class(&s, json_array_get(top, k), labels);
        if (error[0]) {
            oddi_str_add(&s, "\n  error: ");
            cli_plain_text(&s, error);
            ++*bad;
        }
    }
    const odd_status status = oddi_str_status(&s);
    if (status == ODD_OK)
        cli_say(cli, "%s", s.text);
    oddi_str_release(&s);
    return status;
}

/* Lets the expert that was made look at the pictures; the answer goes into the report. */
static odd_status import_classify(struct cli *cli, json_t *report, size_t *bad)
{
    odd_status status = ODD_OK;
    char *text = NULL;
    json_t *seen = NULL;
    struct import_labels labels = {NULL, 0};
    TRY(odd_expert_classify(cli->ctx, cli_json_string(report, "expert"),
                            cli_json_string(report, "network"), &cli->word[1],
                            (size_t)cli->words - 1, &text));
    TRY(oddi_json_parse(cli->ctx, text, strlen(text), "classes", &seen));
    TRY(import_labels(cli, (size_t)cli_json_real(seen, "classes"), &labels));
    TRY(import_say_pictures(cli, seen, &labels, bad));
    oddi_json_set(report, "classify", json_incref(seen));
out:
    json_decref(seen);
    odd_text_free(cli->ctx, text);
    return status;
}

/* ---- the verb ---- */

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

/* Where the expert goes; NULL where there is no place for it. */
static odd_status import_place(struct cli *cli, const char **out)
{
    *out = cli_get(cli, "out");
    if (*out)
        return ODD_OK;
    *out = cli_experts_folder(cli);
    return *out ? oddi_make_folders(cli->ctx, *out) : ODD_OK;
}

static int import_check(struct cli *cli)
{
    const bool classify = cli_get(cli, "classify") != NULL;
    if (classify && cli->words < 2)
        return cli_usage(cli, "--classify needs pictures after the file of weights");
    if (!classify && cli->words > 1)
        return cli_usage(cli, "'%s' is too much (pictures come with --classify)", cli->word[1]);
    if (!classify && cli_get(cli, "labels"))
        return cli_usage(cli, "--labels goes with --classify");
    return CLI_DONE;
}

static int import_run(struct cli *cli)
{
    odd_status status = ODD_OK;
    const char *out = NULL;
    char *text = NULL, *whole = NULL;
    json_t *report = NULL;
    size_t bad = 0;
    if (import_check(cli) != CLI_DONE)
        return CLI_USAGE;
    TRY(import_place(cli, &out));
    if (!out)
        return cli_usage(cli, "there is no HOME to keep experts in; say where with -o FILE");
    TRY(odd_import(cli->ctx, cli->word[0], cli_get(cli, "arch"), out, &text));
    TRY(oddi_json_parse(cli->ctx, text, strlen(text), "report", &report));
    import_say(cli, report);
    if (cli_get(cli, "classify"))
        TRY(import_classify(cli, report, &bad));
    TRY(oddi_json_dump(cli->ctx, report, 0, &whole));
    TRY(cli_write_report(cli, whole));
    if (bad)
        status = oddi_fail(cli->ctx, ODD_EIO, "%zu of %d pictures could not be read", bad,
                           cli->words - 1);
out:
    json_decref(report);
    odd_text_free(cli->ctx, text);
    odd_text_free(cli->ctx, whole);
    return cli_fail(cli, status);
}

const struct cli_verb cli_verb_import = {
    .name = "import",
    .summary = "make an expert of published weights (.pth, .onnx, .safetensors)",
    .usage = "FILE [options] [--classify IMAGE...]",
    .about =
        "Reads the weights of a network that others have trained and keeps them as an expert\n"
        "for methods that need one. Understood are safetensors, PyTorch's .pth and .pt in both\n"
        "its forms, and the weights within an ONNX file. Nothing in the file is executed.\n"
        "The network is recognised by names and shapes of its tensors.\n"
        "\n"
        "With --classify the network, where its classifier is in the file, then looks at "
        "pictures:\n"
        "the five most probable classes of each. Classes have numbers from 0; names come from a\n"
        "file of yours.\n",
    .examples =
        "# torchvision's VGG-16, for --method mkd\n"
        "oddity import vgg16-397923af.pth\n"
        "oddity import net.onnx --arch resnet18 -o resnet18.safetensors\n"
        "# does it see what it should?\n"
        "oddity import vgg16-397923af.pth --labels imagenet.txt --classify cat.jpg dog.png\n",
    .options = import_options,
    .min_words = 1,
    .max_words = -1,
    .run = import_run,
};
