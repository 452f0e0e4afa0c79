/* SPDX-License-Identifier: Apache-2.0
 *
 * What a sweep leaves to read: runs.csv, a row per run, and tables.md, a table per data set with
 * the mean and the spread over seeds.
 */
#include <math.h>
#include <string.h>

#include "base/file.h"
#include "cli/sweep.h"

struct sweep_mean sweep_mean_of(const struct sweep *sweep, const struct sweep_run *run,
                                enum sweep_metric metric)
{
    struct sweep_mean m = {NAN, NAN, 0};
    double sum = 0, squares = 0;
    for (int i = 0; i < sweep->runs; i++) {
        const struct sweep_run *one = &sweep->run[i];
        if (!one->done || !sweep_same(sweep, run, one, -1) || !isfinite(one->metric[metric]))
            continue;
        sum += one->metric[metric];
        m.count++;
    }
    if (m.count)
        m.mean = sum / m.count;
    for (int i = 0; i < sweep->runs; i++) {
        const struct sweep_run *one = &sweep->run[i];
        if (one->done && sweep_same(sweep, run, one, -1) && isfinite(one->metric[metric]))
            squares += (one->metric[metric] - m.mean) * (one->metric[metric] - m.mean);
    }
    if (m.count > 1)
        m.spread = sqrt(squares / (m.count - 1));
    return m;
}

static odd_status sweep_write(struct sweep *sweep, const char *name, const struct oddi_str *s)
{
    odd_status status = oddi_str_status(s);
    char *path = NULL;
    if (status != ODD_OK)
        return status;
    path = oddi_path_join(sweep->cli->ctx, sweep->folder, name);
    if (!path)
        return ODD_ENOMEM;
    status = oddi_file_write(sweep->cli->ctx, path, s->text, s->length);
    oddi_free(sweep->cli->ctx, path);
    return status;
}

static void sweep_csv_row(struct oddi_str *s, const struct sweep *sweep,
                          const struct sweep_run *run)
{
    for (int a = 0; a < sweep->axes; a++) {
        oddi_str_add(s, a ? "," : "");
        cli_csv_field(s, run->value[a]);
    }
    for (int m = 0; m < SWEEP_METRICS; m++) {
        oddi_str_add(s, ",");
        cli_csv_number(s, run->done ? run->metric[m] : (double)NAN);
    }
    oddi_str_addf(s, ",%s,%s,", run->done && run->weights_hash ? run->weights_hash : "", run->id);
    cli_csv_field(s, run->done ? "" : run->error ? run->error : "not run yet");
    oddi_str_add(s, "\n");
}

odd_status sweep_write_csv(struct sweep *sweep)
{
    struct oddi_str s;
    oddi_str_init(&s, sweep->cli->ctx);
    for (int a = 0; a < sweep->axes; a++) {
        oddi_str_add(&s, a ? "," : "");
        cli_csv_field(&s, sweep->axis[a].name);
    }
    for (int m = 0; m < SWEEP_METRICS; m++)
        oddi_str_addf(&s, ",%s", sweep_metrics[m].name);
    oddi_str_add(&s, ",weights_hash,run,error\n");
    for (int i = 0; i < sweep->runs; i++)
        sweep_csv_row(&s, sweep, &sweep->run[i]);
    odd_status status = sweep_write(sweep, "runs.csv", &s);
    oddi_str_release(&s);
    return status;
}

/* ---- tables -------------------------------------------------------------------------------- */

static void sweep_md_cell(struct oddi_str *s, const char *text)
{
    for (; *text; text++) {
        if (*text == '|')
            oddi_str_add(s, "\\");
        oddi_str_add_size(s, *text == '\n' ? " " : text, 1);
    }
}

static void sweep_md_mean(struct oddi_str *s, const struct sweep_mean *m, int digits)
{
    if (!m->count)
        oddi_str_add(s, " - |");
    else if (m->count == 1)
        oddi_str_addf(s, " %.*f |", digits, m->mean);
    else
        oddi_str_addf(s, " %.*f ± %.*f |", digits, m->mean, digits, m->spread);
}

/* Whether a column has anything to show for this data set. */
static bool sweep_md_has(const struct sweep *sweep, const char *data, int metric)
{
    if (!sweep_metrics[metric].title)
        return false;
    for (int i = 0; i < sweep->runs; i++)
        if (sweep->run[i].value[0] == data && sweep->run[i].done &&
            isfinite(sweep->run[i].metric[metric]))
            return true;
    return false;
}

static void sweep_md_row(struct oddi_str *s, const struct sweep *sweep, const struct sweep_run *run)
{
    int done = 0;
    struct oddi_str label;
    oddi_str_init(&label, s->ctx);
    sweep_label(&label, sweep, run, -1);
    oddi_str_add(s, "| ");
    sweep_md_cell(s, label.text);
    oddi_str_add(s, " |");
    oddi_str_release(&label);
    for (int m = 0; m < SWEEP_METRICS; m++) {
        if (!sweep_md_has(sweep, run->value[0], m))
            continue;
        struct sweep_mean mean = sweep_mean_of(sweep, run, (enum sweep_metric)m);
        sweep_md_mean(s, &mean, sweep_metrics[m].digits);
    }
    for (int i = 0; i < sweep->runs; i++)
        done += sweep->run[i].done && sweep_same(sweep, run, &sweep->run[i], -1);
    oddi_str_addf(s, " %d |\n", done);
}

static void sweep_md_table(struct oddi_str *s, const struct sweep *sweep, const char *data)
{
    int columns = 2, seeds = sweep->axis[sweep->axes - 1].count;
    oddi_str_add(s, "\n## ");
    sweep_md_cell(s, data);
    oddi_str_add(s, "\n\n| configuration |");
    for (int m = 0; m < SWEEP_METRICS; m++) {
        if (!sweep_md_has(sweep, data, m))
            continue;
        oddi_str_addf(s, " %s |", sweep_metrics[m].title);
        columns++;
    }
    oddi_str_add(s, " seeds |\n|");
    for (int i = 0; i < columns; i++)
        oddi_str_add(s, i ? "---:|" : "---|");
    oddi_str_add(s, "\n");
    for (int i = 0; i < sweep->runs; i += seeds)
        if (sweep->run[i].value[0] == data)
            sweep_md_row(s, sweep, &sweep->run[i]);
}

odd_status sweep_write_tables(struct sweep *sweep)
{
    struct oddi_str s;
    int done = 0;
    oddi_str_init(&s, sweep->cli->ctx);
    for (int i = 0; i < sweep->runs; i++)
        done += sweep->run[i].done;
    oddi_str_addf(&s,
                  "# Sweep\n\n%d of %d runs are finished. Mean ± standard deviation over the "
                  "seeds.\n",
                  done, sweep->runs);
    for (int d = 0; d < sweep->axis[0].count; d++)
        sweep_md_table(&s, sweep, sweep->axis[0].value[d]);
    oddi_str_addf(&s, "\n![curves](curves.svg)\n");
    odd_status status = sweep_write(sweep, "tables.md", &s);
    oddi_str_release(&s);
    return status;
}
