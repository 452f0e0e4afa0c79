/* SPDX-License-Identifier: Apache-2.0
 *
 * oddity sweep: every combination of data, method, values and seed, trained and evaluated. What
 * is finished is not done again, so a sweep goes on after any end.
 */
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "cli/progress.h"
#include "cli/sweep.h"

static const struct cli_option sweep_options[] = {
    {"out", "DIR", "where runs and tables go", 0, 'o'},
    {"method", "M,...", "methods, with commas", CLI_GRID, 0},
    {"set", "NAME=V,...",
     "a parameter and its alternatives, with commas ('\\,' is a comma within "
     "a value)",
     CLI_MANY | CLI_GRID, 0},
    {"seed", "A..B", "seeds of training: a range or a list", CLI_GRID, 0},
    {"preset", "P", "preset of the method", CLI_ENGINE, 0},
    CLI_OPTION_CONFIG,
    {"time-budget", "TIME", "of each training, such as 10m", CLI_ENGINE, 0},
    {"precision", "P", "f32 or bf16", CLI_ENGINE, 0},
    {"kernels", "K", "fast, or exact: no Winograd convolutions, in training and scoring", CLI_ENGINE, 0},
    {"augment", "LIST", "changes made to training pictures, with commas", CLI_ENGINE, 0},
    CLI_OPTIONS_PICTURE,
    CLI_OPTIONS_DATA,
    CLI_OPTION_THREADS,
    CLI_OPTION_QUIET,
    CLI_OPTION_JSONL,
    CLI_OPTIONS_END};

static odd_status sweep_write_all(struct sweep *sweep)
{
    odd_status status;
    TRY(sweep_write_csv(sweep));
    TRY(sweep_write_tables(sweep));
    TRY(sweep_write_svg(sweep));
out:
    return status;
}

static odd_status sweep_begin(struct sweep *sweep)
{
    char *runs = oddi_path_join(sweep->cli->ctx, sweep->folder, "runs");
    if (!runs)
        return ODD_ENOMEM;
    odd_status status = oddi_make_folders(sweep->cli->ctx, runs);
    oddi_free(sweep->cli->ctx, runs);
    for (int i = 0; status == ODD_OK && i < sweep->runs; i++)
        sweep_run_load(sweep, &sweep->run[i]);
    return status;
}

static void sweep_say_run(struct sweep *sweep, const struct sweep_run *run, int number)
{
    struct oddi_str s;
    oddi_str_init(&s, sweep->cli->ctx);
    oddi_str_addf(&s, "[%d/%d] %s ", number, sweep->runs, oddi_path_base(run->value[0]));
    sweep_label(&s, sweep, run, -1);
    oddi_str_addf(&s, " seed %s: ", run->value[sweep->axes - 1]);
    if (run->error)
        oddi_str_addf(&s, "failed: %s", run->error);
    else
        oddi_str_addf(&s, "AUROC %.4f, ", run->metric[SWEEP_image_auroc]);
    if (!run->error)
        cli_add_seconds(&s, run->metric[SWEEP_seconds]);
    if (run->error)
        cli_complain(sweep->cli, "%s", s.text);
    else
        cli_say(sweep->cli, "%s", s.text);
    if (sweep->cli->say)
        fflush(sweep->cli->say);
    oddi_str_release(&s);
}

/* A run that fails is written down and the others go on; interruption and want of memory end
 * all. *failed counts the runs that failed. */
static odd_status sweep_all(struct sweep *sweep, int *failed)
{
    odd_status status = ODD_OK;
    for (int i = 0; i < sweep->runs; i++) {
        struct sweep_run *run = &sweep->run[i];
        bool fresh = false;
        status = cli_term_signal() ? ODD_ECANCELLED : sweep_run_do(sweep, run, &fresh);
        if (status == ODD_ECANCELLED || status == ODD_ENOMEM)
            return status;
        if (status != ODD_OK) {
            run->error = oddi_arena_strdup(&sweep->cli->arena, odd_last_message(sweep->cli->ctx));
            ++*failed;
        }
        if (!fresh)
            continue;
        sweep_say_run(sweep, run, i + 1);
        TRY(sweep_write_all(sweep));
    }
    status = sweep_write_all(sweep);
out:
    return status;
}

static int sweep_run(struct cli *cli)
{
    int failed = 0, done = 0;
    struct sweep sweep = {.cli = cli, .folder = cli_get(cli, "out")};
    if (!sweep.folder)
        return cli_usage(cli, "-o DIR is missing: where shall runs and tables go?");
    int code = sweep_plan(&sweep);
    if (code != CLI_DONE) {
        odd_options_free(sweep.base);
        return code;
    }
    cli_progress_brief(cli);
    odd_status status = sweep_begin(&sweep);
    for (int i = 0; i < sweep.runs; i++)
        done += sweep.run[i].done;
    if (status == ODD_OK) {
        cli_say(cli, "%d runs, %d of them finished before", sweep.runs, done);
        status = sweep_all(&sweep, &failed);
    }
    if (status == ODD_OK)
        cli_say(cli, "%s has runs.csv, tables.md and curves.svg", sweep.folder);
    else
        sweep_write_all(&sweep);
    odd_options_free(sweep.base);
    if (status == ODD_ECANCELLED) {
        code = cli_fail(cli, status);
        cli_complain(cli, "the same command goes on from here");
        return code;
    }
    if (status == ODD_OK && failed) {
        cli_complain(cli, "%d of %d runs failed; runs.csv says why", failed, sweep.runs);
        return CLI_INPUT;
    }
    return cli_fail(cli, status);
}

const struct cli_verb cli_verb_sweep = {
    .name = "sweep",
    .summary = "train and evaluate every combination of data, values and seeds",
    .usage = "DATA... -o DIR [options]",
    .about =
        "Commas separate alternatives. DIR gets a model and a report for each run, runs.csv with\n"
        "a row per run, tables.md with mean and spread over the seeds, and curves.svg: AUROC and\n"
        "error against the first parameter that has alternatives. A sweep that was interrupted\n"
        "goes on when it is started again; a finished run is not repeated.\n",
    .examples = "# three seeds of one method\n"
                "oddity sweep screw --method daad --preset small --seed 0..2 -o screw-seeds\n"
                "# how finely to divide: AUROC and error against the division\n"
                "oddity sweep weave wood --set division=2x2x1,4x4x1,8x8x1 --seed 0..4 -o division\n"
                "# two parameters: every pair\n"
                "oddity sweep weave --set variant=ae,daad --set lr=0.001,0.0003 -o grid\n",
    .options = sweep_options,
    .min_words = 1,
    .max_words = -1,
    .run = sweep_run,
};
