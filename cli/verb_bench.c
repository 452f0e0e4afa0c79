/* SPDX-License-Identifier: Apache-2.0
 *
 * oddity bench: where the time of a network goes, and how far each node is from the machine's
 * limit.
 */
#include <math.h>
#include <string.h>

#include "cli/experts.h"
#include "cli/output.h"
#include "cli/progress.h"

#define BENCH_SHOWN 0.005 /* smallest share of a node with a line of its own */

static const struct cli_option bench_options[] = {
    {"nodes", NULL, "time every node of the network's plans", 0, 0},
    {"method", "M", "a method's network with its first weights, instead of a model", CLI_ENGINE, 0},
    {"preset", "P", "its preset", CLI_ENGINE, 0},
    {"expert", "E", "imported network for methods that need one: a file, or a name such as vgg16",
     0, 0},
    CLI_OPTION_SET,
    CLI_OPTION_CONFIG,
    {"size", "N", "the network's input in pixels: N for N x N, or WxH", CLI_ENGINE, 0},
    {"channels", "N", "bands of the pictures (default 3)", CLI_ENGINE, 0},
    {"precision", "P", "f32 or bf16", CLI_ENGINE, 0},
    {"kernels", "K", "fast, or exact: no Winograd convolutions", CLI_ENGINE, 0},
    {"runs", "N", "runs of each plan, of which the median counts (default 9)", CLI_ENGINE, 0},
    {"part", "P", "all, training, frozen (an expert's part, run apart) or scoring", CLI_ENGINE, 0},
    CLI_OPTION_THREADS,
    CLI_OPTION_QUIET,
    CLI_OPTION_JSON,
    CLI_OPTIONS_END};

static void bench_row(struct oddi_str *s, const json_t *n)
{
    const double ms = cli_json_real(n, "ms"), flop = cli_json_real(n, "gflop");
    oddi_str_addf(s, "\n%5.1f %% %9.3f  %-26s %-30s %-22s", 100.0 * cli_json_real(n, "share"), ms,
                  cli_json_string(n, "kernel"), cli_json_string(n, "node"),
                  cli_json_string(n, "shape"));
    oddi_str_addf(s, " %9.4f %9.5f", flop, cli_json_real(n, "gb"));
    if (flop > 0)
        oddi_str_addf(s, " %8.1f", flop / ms * 1e3);
    else
        oddi_str_add(s, "        -");
    oddi_str_addf(s, "  %-10s %9.3f %5.0f %%", cli_json_string(n, "bound_by"),
                  cli_json_real(n, "bound_ms"), 100.0 * cli_json_real(n, "attained"));
}

static void bench_part(struct oddi_str *s, const char *name, const json_t *part)
{
    const json_t *nodes = cli_json_at(part, "nodes");
    double rest = 0.0;
    size_t small = 0;
    oddi_str_addf(s, "\n\n%s, %.0f pictures: %.3f ms, its nodes %.3f ms", name,
                  cli_json_real(part, "pictures"), cli_json_real(part, "ms"),
                  cli_json_real(part, "nodes_ms"));
    oddi_str_addf(s, "\n%7s %9s  %-26s %-30s %-22s %9s %9s %8s  %-10s %9s %7s", "share", "ms",
                  "kernel", "node", "result", "GFLOP", "GB", "GFLOP/s", "bound by", "bound ms",
                  "attained");
    for (size_t i = 0; i < json_array_size(nodes); i++) {
        const json_t *n = json_array_get(nodes, i);
        if (cli_json_real(n, "share") >= BENCH_SHOWN) {
            bench_row(s, n);
            continue;
        }
        rest += cli_json_real(n, "ms");
        small++;
    }
    if (small)
        oddi_str_addf(s, "\n        %9.3f  in %zu smaller ones (--json has all)", rest, small);
}

static odd_status bench_say(struct cli *cli, const json_t *report)
{
    static const char *const parts[][2] = {{"training", "a training step"},
                                           {"frozen", "the frozen part, run once per picture"},
                                           {"scoring", "scoring"}};
    struct oddi_str s;
    oddi_str_init(&s, cli->ctx);
    oddi_str_addf(&s, "%s %s, %.0f x %.0f x %.0f, kernels %s, %.0f threads, %s, %s",
                  cli_json_string(report, "method"), cli_json_string(report, "preset"),
                  cli_json_real(report, "input.channels"), cli_json_real(report, "input.height"),
                  cli_json_real(report, "input.width"), cli_json_string(report, "kernels"),
                  cli_json_real(report, "threads"), cli_json_string(report, "isa"),
                  cli_json_string(report, "vendor"));
    oddi_str_addf(&s,
                  "\nmachine %.1f GFLOP/s (multiply-adds in registers), %.1f GB/s (copies), "
                  "as measured now; medians of %.0f runs",
                  cli_json_real(report, "peak.gflops"), cli_json_real(report, "peak.copy_gbs"),
                  cli_json_real(report, "runs"));
    for (size_t i = 0; i < ODDI_COUNT(parts); i++) {
        const json_t *part = json_object_get(cli_json_at(report, "parts"), parts[i][0]);
        if (part)
            bench_part(&s, parts[i][1], part);
    }
    const odd_status status = oddi_str_status(&s);
    if (status == ODD_OK && cli->say) { /* longer than a message may be */
        cli_progress_clear(cli);
        fprintf(cli->say, "%s\n", s.text);
    }
    oddi_str_release(&s);
    return status;
}

static int bench_check(struct cli *cli)
{
    if (!cli_get(cli, "nodes"))
        return cli_usage(cli, "it needs to know what to time: --nodes");
    if (cli->words && cli_get(cli, "method"))
        return cli_usage(cli, "give a model or a --method, not both");
    if (!cli->words && !cli_get(cli, "method"))
        return cli_usage(cli, "it needs to know of what: a model, or --method");
    return CLI_DONE;
}

static int bench_run(struct cli *cli)
{
    odd_status status = ODD_OK;
    struct odd_options *options = NULL;
    struct odd_model *model = NULL;
    const char *expert = NULL;
    char *text = NULL;
    json_t *report = NULL;
    if (bench_check(cli) != CLI_DONE)
        return CLI_USAGE;
    TRY(cli_options(cli, &options));
    if (cli_get(cli, "expert")) {
        TRY(cli_experts_find(cli, cli_get(cli, "expert"), &expert));
        TRY(odd_options_set(options, "expert", expert));
    }
    if (cli->words)
        TRY(odd_model_load(cli->ctx, cli->word[0], &model));
    TRY(odd_bench_nodes(cli->ctx, model, options, &text));
    TRY(oddi_json_parse(cli->ctx, text, strlen(text), "report", &report));
    TRY(cli_write_report(cli, text));
    TRY(bench_say(cli, report));
out:
    json_decref(report);
    odd_text_free(cli->ctx, text);
    odd_model_free(model);
    odd_options_free(options);
    return cli_fail(cli, status);
}

const struct cli_verb cli_verb_bench = {
    .name = "bench",
    .summary = "time every node of a network against the machine's limits",
    .usage = "--nodes (MODEL | --method M) [options]",
    .about =
        "Runs a training step, the part of an expert that is run once per picture, and the\n"
        "scoring of one picture, each several times, and shows of every node its kernel, time and\n"
        "share, slowest first. Its bound is the longer of its arithmetic at the peak of the\n"
        "processor and its bytes at the speed of copies, both measured in the same run; attained\n"
        "is bound / time. What stays in caches, or computes less than its formula says "
        "(Winograd),\n"
        "attains more than 100 %. Other work on the machine spoils all of it.\n",
    .examples = "oddity bench --nodes screw.safetensors\n"
                "oddity bench --nodes --method mkd --expert vgg16 --preset mvtec --size 128\n"
                "oddity bench --nodes --method daad --preset full --set batch=8 --part training\n",
    .options = bench_options,
    .min_words = 0,
    .max_words = 1,
    .run = bench_run,
};
