/* SPDX-License-Identifier: Apache-2.0
 *
 * oddity train: a model from normal pictures.
 */
#include <math.h>
#include <string.h>

#include "base/file.h"
#include "base/os.h"
#include "base/params.h"
#include "cli/experts.h"
#include "cli/output.h"

#define TRAIN_LEFT_OUT 20 /* named at the end */

static const struct cli_option train_options[] = {
    {"out", "MODEL", "where the model goes, by custom MODEL.safetensors", 0, 'o'},
    {"method", "M", "bank, daad, mkd, ... ('oddity methods' lists them); auto, the default, is bank where "
     "an expert is at hand, else daad", CLI_ENGINE, 0},
    {"expert", "E", "imported network for methods that need one: a file, or a name such as vgg16",
     0, 0},
    {"preset", "P", "a set of values for a purpose, such as small, lite, full, paper", CLI_ENGINE,
     0},
    CLI_OPTION_SET,
    CLI_OPTION_CONFIG,
    {"seed", "N", "seed of weights, order and noise: same seed, same bits", CLI_ENGINE, 0},
    {"time-budget", "TIME", "train for about this long, such as 10m or 1h30m", CLI_ENGINE, 0},
    {"resume", NULL, "go on from the state that an interrupted training left beside MODEL",
     CLI_ENGINE, 0},
    {"snapshot-every", "N",
     "also keep a finished model beside MODEL this often: 10epochs, 500steps", CLI_ENGINE, 0},
    {"keep-pictures", NULL, "keep thumbnails of the training pictures in the model, for 'explain'",
     CLI_ENGINE, 0},
    {"precision", "P", "f32 or bf16", CLI_ENGINE, 0},
    {"kernels", "K", "fast, or exact: no Winograd convolutions, in training and scoring", CLI_ENGINE, 0},
    {"augment", "LIST", "changes made to training pictures, with commas; none by default",
     CLI_ENGINE, 0},
    CLI_OPTIONS_PICTURE,
    CLI_OPTIONS_DATA,
    CLI_OPTION_THREADS,
    CLI_OPTION_QUIET,
    CLI_OPTION_JSONL,
    CLI_OPTION_JSON,
    CLI_OPTIONS_END};

/* An hour of training must not end in a folder that is not there. */
static odd_status train_check_out(struct cli *cli, const char *path)
{
    struct oddi_stat st = {.kind = ODDI_FILE_NONE};
    const char *base = oddi_path_base(path);
    char *folder = base == path ? oddi_arena_strdup(&cli->arena, ".")
                                : oddi_arena_printf(&cli->arena, "%.*s", (int)(base - path), path);
    if (!folder)
        return ODD_ENOMEM;
    if (!*base)
        return oddi_fail(cli->ctx, ODD_EINVAL, "-o %s: a file name is missing", path);
    int error = oddi_os_stat(folder, &st);
    if (error)
        return oddi_fail_errno(cli->ctx, ODD_EIO, error, "-o %s: folder %s", path, folder);
    if (st.kind != ODDI_FILE_FOLDER)
        return oddi_fail(cli->ctx, ODD_EIO, "-o %s: %s is no folder", path, folder);
    if (oddi_os_stat(path, &st) == 0 && st.kind == ODDI_FILE_FOLDER)
        return oddi_fail(cli->ctx, ODD_EIO, "-o %s: this is a folder", path);
    return ODD_OK;
}

static void train_quote(struct oddi_str *s, const char *word)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                "0123456789_-./=,:+@%";
    if (*word && word[strspn(word, plain)] == '\0') {
        oddi_str_add(s, word);
        return;
    }
    oddi_str_add(s, "'");
    for (; *word; word++)
        oddi_str_add_size(s, *word == '\'' ? "'\\''" : word, *word == '\'' ? 4 : 1);
    oddi_str_add(s, "'");
}

/* The command as typed, with --resume; if there is a state to resume from. */
static void train_say_resume(struct cli *cli, const char *path)
{
    struct oddi_str s;
    struct oddi_stat st = {.kind = ODDI_FILE_NONE};
    char *state = oddi_arena_printf(&cli->arena, "%s.state", path);
    if (!state || oddi_os_stat(state, &st) != 0 || st.kind != ODDI_FILE_REGULAR) {
        cli_complain(cli, "nothing was saved yet");
        return;
    }
    oddi_str_init(&s, cli->ctx);
    oddi_str_add(&s, "oddity");
    for (int i = 1; i < cli->argc; i++) {
        oddi_str_add(&s, " ");
        train_quote(&s, cli->argv[i]);
    }
    if (!cli_get(cli, "resume"))
        oddi_str_add(&s, " --resume");
    cli_complain(cli, "the state is saved; go on with\n  %s", s.text);
    oddi_str_release(&s);
}

/* Names what was left out; training also logged most of it as it went. */
static void train_say_left_out(struct cli *cli, const json_t *list)
{
    size_t count = json_array_size(list);
    if (count)
        cli_say(cli, "left out   %zu pictures that could not be read:", count);
    for (size_t i = 0; i < count && i < TRAIN_LEFT_OUT; i++) {
        const json_t *one = json_array_get(list, i);
        const char *path = cli_json_string(one, "path"), *reason = cli_json_string(one, "reason");
        if (strstr(reason, path))
            cli_say(cli, "           %s", reason);
        else
            cli_say(cli, "           %s: %s", path, reason);
    }
    if (count > TRAIN_LEFT_OUT)
        cli_say(cli, "           and %zu more (the report of --json names all)",
                count - TRAIN_LEFT_OUT);
}

/* What to type next: eval where there is a test part to measure on, with the same data options;
 * else score. */
static odd_status train_next(struct cli *cli, struct odd_dataset *dataset, const char *path,
                             struct oddi_str *s)
{
    odd_status status;
    char *text = NULL, *json = NULL;
    json_t *parsed = NULL;
    const struct cli_verb *eval = cli_find_verb("eval");
    TRY(odd_dataset_describe(dataset, &text, &json));
    TRY(oddi_json_parse(cli->ctx, json, strlen(json), "data set", &parsed));
    bool measured = cli_json_real(parsed, "parts.test.anomalous") > 0 &&
                    cli_json_real(parsed, "parts.test.normal") > 0;
    oddi_str_addf(s, "oddity %s ", measured ? "eval" : "score");
    train_quote(s, path);
    oddi_str_add(s, measured ? " " : " PICTURE...");
    if (measured)
        train_quote(s, cli->word[0]);
    for (int i = 0; measured && i < cli->values; i++) {
        const struct cli_option *o = cli->value[i].option;
        if (!(o->flags & CLI_ENGINE) || !cli_find_option(eval, o->name))
            continue;
        oddi_str_addf(s, " --%s", o->name);
        oddi_str_add(s, o->argument ? " " : "");
        if (o->argument)
            train_quote(s, cli->value[i].value);
    }
out:
    json_decref(parsed);
    odd_text_free(cli->ctx, text);
    odd_text_free(cli->ctx, json);
    return status;
}

static void train_say_end(struct cli *cli, const char *path, const json_t *report, const char *next)
{
    struct oddi_str s;
    const char *certifies = cli_json_string(report, "certifies");
    double memory = cli_json_real(report, "peak_memory_bytes");
    oddi_str_init(&s, cli->ctx);
    oddi_str_addf(&s, "model      %s\ntrained    ", path);
    if (isfinite(cli_json_real(report, "steps")))
        oddi_str_addf(&s, "%.0f steps ", cli_json_real(report, "steps"));
    oddi_str_add(&s, "in ");
    cli_add_seconds(&s, cli_json_real(report, "seconds"));
    if (isfinite(memory)) {
        oddi_str_add(&s, ", at most ");
        cli_add_bytes(&s, memory);
    }
    oddi_str_addf(&s, "; on %.0f pictures", cli_json_real(report, "n_train"));
    oddi_str_addf(&s,
                  "\nthreshold  %.6g, from %.0f held-out pictures: a score above it is anomalous",
                  cli_json_real(report, "threshold"), cli_json_real(report, "n_calibrate"));
    cli_say(cli, "%s", s.text);
    if (cli->say && *certifies)
        cli_wrap(cli->say, certifies, 0, 11);
    train_say_left_out(cli, cli_json_at(report, "left_out"));
    cli_say(cli, "next       %s", next);
    oddi_str_release(&s);
}

/* Whether the method asked for can use an expert; the automatic one can. */
static bool train_wants_expert(struct cli *cli)
{
    const char *method = cli_get(cli, "method");
    char *text = NULL;
    json_t *about = NULL;
    bool wants = !method || strcmp(method, "auto") == 0;
    if (wants || odd_methods_describe(cli->ctx, method, &text) != ODD_OK)
        return wants; /* an unknown method is complained of by the training */
    if (oddi_json_parse(cli->ctx, text, strlen(text), "methods", &about) == ODD_OK)
        wants = json_is_true(cli_json_at(about, "wants_expert"));
    json_decref(about);
    odd_text_free(cli->ctx, text);
    return wants;
}

/* The library takes files only: a name is looked up here, as is the expert where none is named. */
static odd_status train_expert(struct cli *cli, struct odd_options *options)
{
    const char *name = cli_get(cli, "expert"), *path = NULL;
    odd_status status = ODD_OK;
    if (name)
        status = cli_experts_find(cli, name, &path);
    else if (train_wants_expert(cli))
        status = cli_experts_first(cli, &path);
    return status == ODD_OK && path ? odd_options_set(options, "expert", path) : status;
}

static bool train_has_cache(struct cli *cli, const char *method)
{
    char *text = NULL;
    json_t *about = NULL;
    bool has = false;
    if (odd_methods_describe(cli->ctx, method, &text) != ODD_OK)
        return false;
    if (oddi_json_parse(cli->ctx, text, strlen(text), "methods", &about) == ODD_OK) {
        const json_t *params = cli_json_at(about, "params");
        for (size_t i = 0; i < json_array_size(params); i++)
            has = has || strcmp(cli_json_string(json_array_get(params, i), "name"),
                                "expert-cache-dir") == 0;
    }
    json_decref(about);
    odd_text_free(cli->ctx, text);
    return has;
}

/* The library keeps an expert's maps where it is told to: by default in the user's cache folder. */
static odd_status train_cache(struct cli *cli, struct odd_options *options)
{
    const char *method = oddi_options_get(options, "method"), *folder = cli_experts_cache(cli);
    if (!folder || !method || oddi_options_get(options, "expert-cache-dir") ||
        !train_has_cache(cli, method))
        return ODD_OK;
    return odd_options_set(options, "expert-cache-dir", folder);
}

static odd_status train_do(struct cli *cli, const char *path)
{
    odd_status status;
    struct odd_options *options = NULL;
    struct odd_dataset *dataset = NULL;
    char *report = NULL;
    json_t *parsed = NULL;
    struct oddi_str next;
    oddi_str_init(&next, cli->ctx);
    TRY(cli_options(cli, &options));
    TRY(train_expert(cli, options));
    TRY(train_cache(cli, options));
    TRY(train_check_out(cli, path));
    TRY(odd_dataset_open(cli->ctx, cli->word[0], options, &dataset));
    TRY(odd_train(cli->ctx, dataset, options, path, &report));
    TRY(oddi_json_parse(cli->ctx, report, strlen(report), "report", &parsed));
    TRY(cli_write_report(cli, report));
    TRY(train_next(cli, dataset, path, &next));
    train_say_end(cli, path, parsed, next.text);
out:
    oddi_str_release(&next);
    json_decref(parsed);
    odd_text_free(cli->ctx, report);
    odd_dataset_free(dataset);
    odd_options_free(options);
    return status;
}

static int train_run(struct cli *cli)
{
    const char *path = cli_get(cli, "out");
    if (!path)
        return cli_usage(cli, "-o MODEL is missing: where shall the model go?");
    odd_status status = train_do(cli, path);
    int code = cli_fail(cli, status);
    if (status == ODD_ECANCELLED)
        train_say_resume(cli, path);
    return code;
}

const struct cli_verb cli_verb_train = {
    .name = "train",
    .summary = "learn what is normal from normal pictures",
    .usage = "DATA -o MODEL [options]",
    .about =
        "DATA is a folder of normal pictures, a data set in MVTec's layout, a folder per class,\n"
        "IDX files (MNIST) or a CSV list; what was understood is printed first. Anomalous\n"
        "pictures are never trained on. Some normals are held out: the threshold comes from them.\n"
        "\n"
        "Ctrl-C ends after the current step and saves; --resume goes on with equal bits. The\n"
        "same seed gives the same model on any number of threads.\n",
    .examples = "# normal pictures in one folder\n"
                "oddity train parts/ok -o parts.safetensors\n"
                "# a data set in MVTec's layout, quickly and small\n"
                "oddity train screw -o screw.safetensors --preset small\n"
                "# digit 8 of MNIST is normal, the others are not\n"
                "oddity train mnist --normal 8 --sample-train 2000 -o eight.safetensors\n"
                "# ten minutes, on two threads, with another value of a parameter\n"
                "oddity train screw -o screw.safetensors --time-budget 10m --threads 2 \\\n"
                "    --set division=4x4x1\n"
                "# models on the way, for a curve: screw.epoch-0010.safetensors and so on\n"
                "oddity train screw -o screw.safetensors --method mkd --expert vgg16 \\\n"
                "    --snapshot-every 10epochs\n"
                "# options from a file; every progress event as a line of JSON\n"
                "oddity train screw -o screw.safetensors --config screw.yaml --jsonl log.jsonl\n",
    .options = train_options,
    .min_words = 1,
    .max_words = 1,
    .run = train_run,
};
