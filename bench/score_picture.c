/* SPDX-License-Identifier: Apache-2.0
 *
 * Times the score of one picture in memory, warm, as a program that embeds the library sees it:
 *
 *   score_picture MODEL [--threads N] [--warm N] [--runs N] [--profile] [--by-cpu]
 *
 * The picture has the size of the network's input, so nothing is resized; its formula is in
 * peer/score_picture.py too. The score, times and memory come out as one line of JSON.
 */
#include "measure.h"
#include "profile.h"

#include <stdlib.h>
#include <string.h>

#include "base/os.h"
#include "engine/scorer.h"

#define RUNS_MAX 10000

struct arguments {
    const char *model;
    int threads, warm, runs;
    bool profile, by_cpu;
};

static const char help_text[] =
    "usage: score_picture MODEL [--threads N] [--warm N] [--runs N] [--profile] [--by-cpu]\n";

static bool score_number(int argc, char **argv, int *i, const char *name, int *value)
{
    if (strcmp(argv[*i], name) != 0 || *i + 1 >= argc)
        return false;
    *value = atoi(argv[++*i]);
    return true;
}

static bool score_arguments(int argc, char **argv, struct arguments *a)
{
    for (int i = 1; i < argc; i++) {
        if (score_number(argc, argv, &i, "--threads", &a->threads) ||
            score_number(argc, argv, &i, "--warm", &a->warm) ||
            score_number(argc, argv, &i, "--runs", &a->runs))
            continue;
        if (strcmp(argv[i], "--profile") == 0)
            a->profile = true;
        else if (strcmp(argv[i], "--by-cpu") == 0)
            a->by_cpu = true;
        else if (argv[i][0] == '-' || a->model)
            return false;
        else
            a->model = argv[i];
    }
    return a->model && a->runs > 0 && a->runs <= RUNS_MAX && a->warm >= 0;
}

/* Row y, column x, band b: (7 x + 13 y + 31 b + 3 (x y mod 17)) mod 256. */
static unsigned char *score_pixels(struct odd_context *ctx, const struct oddi_geometry *in)
{
    unsigned char *data = oddi_alloc(ctx, (size_t)(in->width * in->height * in->channels)), *at = data;
    for (int64_t y = 0; data && y < in->height; y++)
        for (int64_t x = 0; x < in->width; x++)
            for (int64_t b = 0; b < in->channels; b++)
                *at++ = (unsigned char)((7 * x + 13 * y + 31 * b + 3 * (x * y % 17)) & 255);
    return data;
}

static odd_status score_runs(struct odd_scorer *s, const struct odd_pixels *pixels, const struct arguments *a,
                             json_t *out)
{
    static double wall[RUNS_MAX], cpu[RUNS_MAX];
    struct bench_profile profile = {0};
    odd_status status = ODD_OK;
    double score = 0.0;
    for (int i = -a->warm; i < a->runs; i++) {
        struct odd_result *result = NULL;
        if (i == 0 && a->profile)
            TRY(bench_profile_start(&profile, s->ctx, s->plan, a->by_cpu));
        const double start = bench_wall_ms(), start_cpu = bench_cpu_ms();
        TRY(odd_scorer_score(s, pixels, false, &result));
        if (i >= 0) {
            wall[i] = bench_wall_ms() - start;
            cpu[i] = bench_cpu_ms() - start_cpu;
        }
        score = odd_result_score(result);
        odd_result_free(result);
        if (i >= 0 && a->profile)
            bench_profile_note(&profile);
    }
    oddi_json_set_real(out, "score", score);
    oddi_json_set(out, "ms", bench_stats_json(wall, a->runs));
    oddi_json_set(out, "cpu_ms", bench_stats_json(cpu, a->runs));
    if (a->profile)
        bench_profile_print(&profile, bench_peak_f32(s->ctx->threads, 4).cpu, stdout);
out:
    bench_profile_end(&profile);
    return status;
}

static odd_status score_all(struct odd_context *ctx, const struct arguments *a, json_t *out)
{
    struct odd_model *model = NULL;
    struct odd_scorer *scorer = NULL;
    unsigned char *data = NULL;
    odd_status status = ODD_OK;
    TRY(odd_model_load(ctx, a->model, &model));
    TRY(odd_scorer_new(ctx, model, &scorer));
    data = score_pixels(ctx, &model->in);
    const struct odd_pixels pixels = {.struct_size = sizeof(pixels), .data = data,
                                      .width = model->in.width, .height = model->in.height,
                                      .bands = (int)model->in.channels, .type = ODD_U8};
    if (!data) {
        status = ODD_ENOMEM;
        goto out;
    }
    TRY(score_runs(scorer, &pixels, a, out));
    oddi_json_set_int(out, "threads", ctx->threads);
    oddi_json_set_int(out, "plan_bytes", (int64_t)oddi_plan_memory(scorer->plan));
    oddi_json_set_int(out, "rss_bytes", (int64_t)oddi_os_peak_rss_bytes());
out:
    oddi_free(ctx, data);
    odd_scorer_free(scorer);
    odd_model_free(model);
    return status;
}

int main(int argc, char **argv)
{
    struct arguments a = {.warm = 3, .runs = 20};
    struct odd_context *ctx = NULL;
    char *text = NULL;
    if (!score_arguments(argc, argv, &a)) {
        fputs(help_text, stderr);
        return 2;
    }
    odd_status status = odd_context_new(&ctx);
    if (status != ODD_OK)
        return 1;
    json_t *out = json_object();
    if (a.threads > 0)
        TRY(odd_context_set_threads(ctx, a.threads));
    TRY(score_all(ctx, &a, out));
    TRY(oddi_json_dump(ctx, out, 0, &text));
    puts(text);
out:
    if (status != ODD_OK)
        fprintf(stderr, "score_picture: %s\n", odd_last_message(ctx));
    oddi_free(ctx, text);
    json_decref(out);
    odd_context_free(ctx);
    return status == ODD_OK ? 0 : 1;
}
