/* SPDX-License-Identifier: Apache-2.0
 *
 * Times training steps on made-up batches, without data set and loader:
 *
 *   train_step [options] name=value ...
 *
 * where the settings are those of `oddity train --set` (and preset=, method=). The first four
 * losses, times, memory and the processor's own peak come out as one line of JSON.
 */
#include "job.h"
#include "measure.h"
#include "profile.h"

#include <stdlib.h>
#include <string.h>

#include "base/os.h"

#define LOSSES 4
#define STEPS_MAX 10000
#define PEAK_TRIES 4

struct arguments {
    struct bench_job_options job;
    const char *save;
    bool profile, by_cpu, dry;
    int warm, steps;
};

static const char help_text[] = "usage: train_step [options] name=value ...\n"
                                "  --threads N    threads (default: one per core)\n"
                                "  --mode MODE    kernel sets: best, bf16, simd, ref\n"
                                "  --stage N      stage of the training (default: the last)\n"
                                "  --channels N   of the pictures (default 3)\n"
                                "  --seed N       of weights and batches\n"
                                "  --warm N       steps before those that count (default 2)\n"
                                "  --steps N      steps that count (default 5)\n"
                                "  --save FILE    write initial weights and batches there\n"
                                "  --dry          save only, no step\n"
                                "  --profile      a table of every step's fastest run\n"
                                "  --by-cpu       that table in processor time divided by threads\n"
                                "example: train_step --profile preset=full variant=ae batch=8\n";

/* The number after argv[*i], which it steps over. */
static long train_step_number(int argc, char **argv, int *i)
{
    char *end = NULL;
    const long n = *i + 1 < argc ? strtol(argv[*i + 1], &end, 10) : -1;
    if (!end || *end || n < 0 || n > STEPS_MAX) {
        fprintf(stderr, "train_step: %s needs a number\n%s", argv[*i], help_text);
        exit(2);
    }
    ++*i;
    return n;
}

static bool train_step_text(int argc, char **argv, int *i, const char *name, const char **value)
{
    if (strcmp(argv[*i], name) != 0 || *i + 1 >= argc)
        return false;
    *value = argv[++*i];
    return true;
}

static void train_step_arguments(int argc, char **argv, struct arguments *a, const char **settings)
{
    int n = 0;
    for (int i = 1; i < argc; i++) {
        if (train_step_text(argc, argv, &i, "--mode", &a->job.mode) ||
            train_step_text(argc, argv, &i, "--save", &a->save))
            continue;
        if (strcmp(argv[i], "--profile") == 0) {
            a->profile = true;
        } else if (strcmp(argv[i], "--by-cpu") == 0) {
            a->by_cpu = true;
        } else if (strcmp(argv[i], "--dry") == 0) {
            a->dry = true;
        } else if (strcmp(argv[i], "--threads") == 0) {
            a->job.threads = (int)train_step_number(argc, argv, &i);
        } else if (strcmp(argv[i], "--stage") == 0) {
            a->job.stage = (int)train_step_number(argc, argv, &i);
        } else if (strcmp(argv[i], "--channels") == 0) {
            a->job.channels = train_step_number(argc, argv, &i);
        } else if (strcmp(argv[i], "--seed") == 0) {
            a->job.seed = (uint64_t)train_step_number(argc, argv, &i);
        } else if (strcmp(argv[i], "--warm") == 0) {
            a->warm = (int)train_step_number(argc, argv, &i);
        } else if (strcmp(argv[i], "--steps") == 0) {
            a->steps = (int)train_step_number(argc, argv, &i);
        } else if (argv[i][0] == '-') {
            fputs(help_text, stderr);
            exit(2);
        } else {
            settings[n++] = argv[i];
        }
    }
    settings[n] = NULL;
}

/* What a run gives. */
struct outcome {
    double loss[LOSSES];
    double wall[STEPS_MAX], cpu[STEPS_MAX];
    double peak, low_peak; /* f32, bf16 */
};

static void train_step_peak(struct outcome *o, int threads)
{
    const double high = bench_peak_f32(threads, PEAK_TRIES).cpu;
    const double low = bench_peak_bf16(threads, PEAK_TRIES).cpu;
    o->peak = high > o->peak ? high : o->peak;
    o->low_peak = low > o->low_peak ? low : o->low_peak;
}

static odd_status train_step_run(struct bench_job *j, const struct arguments *a,
                                 struct bench_profile *profile, struct outcome *o)
{
    odd_status status = ODD_OK;
    for (int step = 0; step < a->warm + a->steps; step++) {
        const double wall = bench_wall_ms(), cpu = bench_cpu_ms();
        TRY(bench_job_step(j, step));
        if (step >= a->warm) {
            o->wall[step - a->warm] = bench_wall_ms() - wall;
            o->cpu[step - a->warm] = bench_cpu_ms() - cpu;
        }
        if (step < LOSSES)
            o->loss[step] = oddi_trainer_result(&j->trainer, "loss");
        if (profile && step >= a->warm)
            bench_profile_note(profile);
        if (step % 4 == 3)
            train_step_peak(o, j->ctx->threads);
    }
out:
    return status;
}

static void train_step_print(const struct bench_job *j, const struct arguments *a,
                             struct outcome *o)
{
    char vendor[ODDI_VENDOR_TEXT], *text = NULL;
    json_t *r = json_object(), *losses = json_array();
    for (int i = 0; i < LOSSES && i < a->warm + a->steps; i++)
        json_array_append_new(losses, json_real(o->loss[i]));
    oddi_host_vendor(vendor);
    oddi_json_set_text(r, "mode", a->job.mode);
    oddi_json_set_int(r, "threads", j->ctx->threads);
    oddi_json_set_int(r, "batch", j->batch);
    oddi_json_set(r, "losses", losses);
    oddi_json_set(r, "ms", bench_stats_json(o->wall, a->steps));
    oddi_json_set(r, "cpu_ms", bench_stats_json(o->cpu, a->steps));
    oddi_json_set_int(r, "rss_bytes", (int64_t)oddi_os_peak_rss_bytes());
    oddi_json_set_int(r, "memory_bytes", (int64_t)oddi_trainer_memory(&j->trainer));
    oddi_json_set_int(r, "plan_bytes", (int64_t)oddi_plan_memory(bench_job_plan(j)));
    oddi_json_set_real(r, "peak_f32", o->peak);
    oddi_json_set_real(r, "peak_bf16", o->low_peak);
    oddi_json_set_text(r, "isa", oddi_host_isa());
    oddi_json_set_text(r, "vendor", vendor);
    if (oddi_json_dump(j->ctx, r, 0, &text) == ODD_OK)
        puts(text);
    oddi_free(j->ctx, text);
    json_decref(r);
}

int main(int argc, char **argv)
{
    static struct outcome outcome;
    static struct bench_job job;
    struct arguments a = {
        .job = {.mode = "best", .stage = -1, .channels = 3, .seed = 1}, .warm = 2, .steps = 5};
    struct bench_profile profile = {0};
    odd_status status = ODD_ENOMEM;
    const char **settings = calloc((size_t)argc + 1, sizeof(*settings));
    if (!settings)
        return 1;
    train_step_arguments(argc, argv, &a, settings);
    a.job.settings = settings;
    TRY(bench_job_open(&job, &a.job));
    if (a.save)
        TRY(bench_job_save(&job, a.save));
    if (a.dry)
        goto out;
    if (a.profile)
        TRY(bench_profile_start(&profile, job.ctx, bench_job_plan(&job), a.by_cpu));
    train_step_peak(&outcome, job.ctx->threads);
    TRY(train_step_run(&job, &a, a.profile ? &profile : NULL, &outcome));
    if (a.profile)
        bench_profile_print(&profile, outcome.peak, stdout);
    train_step_print(&job, &a, &outcome);
out:
    if (status != ODD_OK)
        fprintf(stderr, "train_step: %s\n", job.ctx ? odd_last_message(job.ctx) : "out of memory");
    if (a.profile && job.ctx)
        bench_profile_end(&profile);
    if (job.ctx)
        bench_job_release(&job);
    free(settings);
    return status == ODD_OK ? 0 : 1;
}
