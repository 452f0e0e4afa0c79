/* SPDX-License-Identifier: Apache-2.0
 *
 * oddity score: exactly one line for each picture asked for, in order. An unreadable picture has
 * the decision "error" and never counts as normal.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/os.h"
#include "cli/output.h"

static const struct cli_option score_options[] = {
    {"csv", "FILE",
     "write path, score, normalized, threshold, decision, reason ('-': standard "
     "output)",
     0, 0},
    {"jsonl", "FILE", "write one JSON object per picture ('-': standard output)", 0, 0},
    {"maps", "DIR", "write an overlay (PNG) and the raw map (float TIFF) of each picture", 0, 0},
    {"fail-on", "WHAT", "ng: exit code 1 if a picture is anomalous; unsure: or not certain", 0, 0},
    CLI_OPTION_THREADS,
    {"quiet", NULL, "no lines on standard output (with --csv or --jsonl)", 0, 'q'},
    CLI_OPTIONS_END};

struct score_row {
    const char *path, *reason; /* reason: NULL when it was scored */
    double score, normalized, threshold;
    enum odd_decision decision;
    const char *overlay, *map; /* files written, NULL for none */
};

struct score_job {
    struct cli *cli;
    struct odd_scorer *scorer;
    struct cli_stream csv, jsonl;
    bool text;        /* lines on standard output */
    const char *maps; /* folder, NULL for none */
    char **stem;      /* of maps written, sorted, so that each is used once */
    size_t stems, stems_capacity;
    bool any_error, any_ng, stopped;
    odd_status status; /* of our own output or memory: ends the job */
};

/* ---- one line ------------------------------------------------------------------------------ */

static const char *score_decision(const struct score_row *row)
{
    if (row->reason)
        return "error";
    return row->decision == ODD_DECISION_NG ? "ng" : "ok";
}

static void score_text(struct oddi_str *s, const struct score_row *row)
{
    cli_plain_text(s, row->path);
    if (row->reason) {
        oddi_str_add(s, "\t-\t-\t-\terror\t");
        cli_plain_text(s, row->reason);
    } else {
        oddi_str_addf(s, "\t%.6g\t%.4f\t%.6g\t%s", row->score, row->normalized, row->threshold,
                      score_decision(row));
    }
    oddi_str_add(s, "\n");
}

static void score_csv(struct oddi_str *s, const struct score_row *row)
{
    const double numbers[] = {row->score, row->normalized, row->threshold};
    cli_csv_field(s, row->path);
    for (size_t i = 0; i < ODDI_COUNT(numbers); i++) {
        oddi_str_add(s, ",");
        cli_csv_number(s, row->reason ? (double)NAN : numbers[i]);
    }
    oddi_str_addf(s, ",%s,", score_decision(row));
    cli_csv_field(s, row->reason ? row->reason : "");
    oddi_str_add(s, "\n");
}

static void score_json(struct oddi_str *s, const struct score_row *row)
{
    const struct {
        const char *key;
        double value;
    } numbers[] = {
        {"score", row->score}, {"normalized", row->normalized}, {"threshold", row->threshold}};
    const struct {
        const char *key, *value;
    } texts[] = {{"reason", row->reason}, {"overlay", row->overlay}, {"map", row->map}};
    oddi_str_add(s, "{\"path\":");
    cli_json_text(s, row->path);
    for (size_t i = 0; i < ODDI_COUNT(numbers); i++) {
        oddi_str_addf(s, ",\"%s\":", numbers[i].key);
        cli_json_number(s, row->reason ? (double)NAN : numbers[i].value);
    }
    oddi_str_addf(s, ",\"decision\":\"%s\"", score_decision(row));
    for (size_t i = 0; i < ODDI_COUNT(texts); i++)
        if (texts[i].value) {
            oddi_str_addf(s, ",\"%s\":", texts[i].key);
            cli_json_text(s, texts[i].value);
        }
    oddi_str_add(s, "}\n");
}

/* Every line is flushed: who asks through a pipe waits for it. */
static odd_status score_put(struct score_job *job, FILE *file, const struct score_row *row,
                            void (*format)(struct oddi_str *s, const struct score_row *row))
{
    struct oddi_str s;
    if (!file)
        return ODD_OK;
    oddi_str_init(&s, job->cli->ctx);
    format(&s, row);
    odd_status status = oddi_str_status(&s);
    if (status == ODD_OK && (fputs(s.text, file) == EOF || fflush(file) != 0))
        status = oddi_fail(job->cli->ctx, ODD_EIO, "cannot write the scores");
    oddi_str_release(&s);
    return status;
}

static void score_answer(struct score_job *job, const struct score_row *row)
{
    odd_status status;
    job->any_error |= row->reason != NULL;
    job->any_ng |= !row->reason && row->decision == ODD_DECISION_NG;
    TRY(score_put(job, job->text ? stdout : NULL, row, score_text));
    TRY(score_put(job, job->csv.file, row, score_csv));
    TRY(score_put(job, job->jsonl.file, row, score_json));
out:
    job->status = status;
}

/* ---- maps ---------------------------------------------------------------------------------- */

/* Where `stem` stands or would stand among those used. */
static size_t score_stem_place(const struct score_job *job, const char *stem, bool *found)
{
    size_t low = 0, high = job->stems;
    *found = false;
    while (low < high && !*found) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(stem, job->stem[middle]);
        *found = order == 0;
        if (order > 0)
            low = middle + 1;
        else
            high = middle;
    }
    return *found ? high : low;
}

/* The last `parts` names of a path without its extension; NULL where there are not as many, or
 * where they would lead out of the folder. */
static char *score_path_end(struct score_job *job, const char *path, int parts)
{
    const char *base = oddi_path_base(path), *dot = strrchr(base, '.'), *from = base;
    int length = dot && dot != base ? (int)(dot - base) : (int)strlen(base);
    for (int i = 1; i < parts; i++) {
        if (from == path)
            return NULL;
        const char *slash = --from;
        while (from > path && from[-1] != '/')
            from--;
        if (slash == from || (from[0] == '.' && (from[1] == '/' || from[1] == '.')))
            return NULL;
    }
    return oddi_arena_printf(&job->cli->arena, "%.*s%.*s", (int)(base - from), from, length, base);
}

/* STEM; where that is taken FOLDER/STEM and so on, as `eval --score-maps` looks for them; for a
 * picture that comes again STEM-2, STEM-3. NULL without memory. */
static char *score_unique(struct score_job *job, const char *path, size_t *place)
{
    bool found = true;
    char *name, *stem = score_path_end(job, path, 1);
    for (int parts = 1; (name = score_path_end(job, path, parts)) != NULL; parts++) {
        *place = score_stem_place(job, name, &found);
        if (!found)
            return name;
    }
    for (int i = 2; stem && found; i++) {
        name = oddi_arena_printf(&job->cli->arena, "%s-%d", stem, i);
        if (!name)
            return NULL;
        *place = score_stem_place(job, name, &found);
    }
    return name;
}

/* DIR/NAME for the maps of a picture, its folders made. */
static odd_status score_stem(struct score_job *job, const char *path, char **name)
{
    odd_status status;
    struct odd_context *ctx = job->cli->ctx;
    size_t place = 0;
    void *array = job->stem;
    char *unique = score_unique(job, path, &place), *folder = NULL;
    if (!unique)
        return ODD_ENOMEM;
    TRY(oddi_reserve(ctx, &array, &job->stems_capacity, job->stems + 1, sizeof *job->stem));
    job->stem = array;
    memmove(job->stem + place + 1, job->stem + place, (job->stems - place) * sizeof *job->stem);
    job->stem[place] = unique;
    job->stems++;
    *name = oddi_path_join(ctx, job->maps, unique);
    if (!*name)
        return ODD_ENOMEM;
    if (!strchr(unique, '/'))
        return ODD_OK;
    folder = oddi_strndup(ctx, *name, (size_t)(oddi_path_base(*name) - *name));
    status = folder ? oddi_make_folders(ctx, folder) : ODD_ENOMEM;
out:
    oddi_free(ctx, folder);
    return status;
}

/* The picture is scored, so its line is right even where a map cannot be written. */
static void score_maps(struct score_job *job, const struct odd_result *result,
                       struct score_row *row)
{
    odd_status status;
    char *name = NULL;
    struct oddi_arena *arena = &job->cli->arena;
    TRY(score_stem(job, row->path, &name));
    row->overlay = oddi_arena_printf(arena, "%s.png", name);
    row->map = oddi_arena_printf(arena, "%s.tiff", name);
    status = row->overlay && row->map ? ODD_OK : ODD_ENOMEM;
    if (status == ODD_OK)
        status = odd_result_write_overlay(result, row->overlay);
    if (status == ODD_OK)
        status = odd_result_write_map(result, row->map);
out:
    oddi_free(job->cli->ctx, name);
    if (status == ODD_OK)
        return;
    cli_fail(job->cli, status);
    row->overlay = row->map = NULL;
    job->any_error = true;
}

/* ---- pictures ------------------------------------------------------------------------------ */

static void score_one(struct score_job *job, const char *path)
{
    struct odd_result *result = NULL;
    struct score_row row = {.path = path};
    char reason[ODDI_MESSAGE_SIZE];
    odd_status status = odd_scorer_score_file(job->scorer, path, job->maps != NULL, &result);
    if (status == ODD_ECANCELLED) {
        job->stopped = true;
        return;
    }
    if (status != ODD_OK) {
        snprintf(reason, sizeof reason, "%s", odd_last_message(job->cli->ctx));
        row.reason = *reason ? reason : odd_status_text(status);
    } else {
        row.score = odd_result_score(result);
        row.normalized = odd_result_normalized(result);
        row.threshold = odd_result_threshold(result);
        row.decision = odd_result_decision(result);
        if (job->maps)
            score_maps(job, result, &row);
    }
    score_answer(job, &row);
    odd_result_free(result);
}

static bool score_goes_on(struct score_job *job)
{
    job->stopped |= cli_term_signal() != 0;
    return job->status == ODD_OK && !job->stopped;
}

static bool score_is_picture(const char *name)
{
    static const char *const ends[] = {".png", ".jpg", ".jpeg", ".bmp", ".tif",  ".tiff",
                                       ".pgm", ".ppm", ".pnm",  ".pfm", ".webp", ".gif"};
    for (size_t i = 0; name[0] != '.' && i < ODDI_COUNT(ends); i++)
        if (oddi_ends_with_nocase(name, ends[i]))
            return true;
    return false;
}

struct score_names {
    struct odd_context *ctx;
    char **name;
    size_t count, capacity;
    odd_status status;
};

static int score_collect(void *user, const char *name)
{
    struct score_names *n = user;
    void *array = n->name;
    if (!score_is_picture(name))
        return 0;
    n->status = oddi_reserve(n->ctx, &array, &n->capacity, n->count + 1, sizeof *n->name);
    if (n->status != ODD_OK)
        return 1;
    n->name = array;
    char *copy = oddi_strdup(n->ctx, name);
    if (!copy) {
        n->status = ODD_ENOMEM;
        return 1;
    }
    n->name[n->count++] = copy;
    return 0;
}

static int score_compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void score_refuse(struct score_job *job, const char *path, const char *reason)
{
    struct score_row row = {.path = path, .reason = reason};
    score_answer(job, &row);
}

/* A folder stands for the pictures in it, sorted; folders inside it are not looked at. */
static void score_folder(struct score_job *job, const char *folder)
{
    struct odd_context *ctx = job->cli->ctx;
    struct score_names names = {.ctx = ctx};
    int error = oddi_os_list(folder, score_collect, &names);
    job->status = names.status;
    if (job->status == ODD_OK && error)
        score_refuse(job, folder, "this folder cannot be read");
    else if (job->status == ODD_OK && !names.count)
        score_refuse(job, folder, "this folder has no pictures in it");
    if (names.count)
        qsort(names.name, names.count, sizeof *names.name, score_compare);
    for (size_t i = 0; i < names.count && score_goes_on(job); i++) {
        char *path = oddi_path_join(ctx, folder, names.name[i]);
        if (path)
            score_one(job, path);
        else
            job->status = ODD_ENOMEM;
        oddi_free(ctx, path);
    }
    for (size_t i = 0; i < names.count; i++)
        oddi_free(ctx, names.name[i]);
    oddi_free(ctx, names.name);
}

static void score_stdin(struct score_job *job)
{
    const char *line = NULL;
    struct cli_lines lines = {.at = 0};
    enum cli_line got = CLI_LINE;
    oddi_str_init(&lines.text, job->cli->ctx);
    while (score_goes_on(job) && (got = cli_lines_next(&lines, &line)) == CLI_LINE)
        score_one(job, line);
    if (got == CLI_LINE_STOPPED)
        job->stopped = true;
    else if (got == CLI_LINE_FAILED)
        job->status = oddi_fail(job->cli->ctx, ODD_EIO, "cannot read paths from standard input");
    oddi_str_release(&lines.text);
}

static void score_word(struct score_job *job, const char *word)
{
    struct oddi_stat st = {.kind = ODDI_FILE_NONE};
    if (strcmp(word, "-") == 0)
        score_stdin(job);
    else if (oddi_os_stat(word, &st) == 0 && st.kind == ODDI_FILE_FOLDER)
        score_folder(job, word);
    else
        score_one(job, word);
}

/* ---- the verb ------------------------------------------------------------------------------ */

static odd_status score_open(struct cli *cli, struct score_job *job)
{
    odd_status status = ODD_OK;
    const char *csv = cli_get(cli, "csv"), *jsonl = cli_get(cli, "jsonl");
    job->text = cli->say == stdout; /* neither quiet nor another format there */
    job->maps = cli_get(cli, "maps");
    if (job->maps)
        TRY(oddi_make_folders(cli->ctx, job->maps));
    if (csv) {
        TRY(cli_stream_open(cli, csv, &job->csv));
        fputs("path,score,normalized,threshold,decision,reason\n", job->csv.file);
    }
    if (jsonl)
        TRY(cli_stream_open(cli, jsonl, &job->jsonl));
out:
    return status;
}

/* Closes the files; the exit code. `status` is of what went before. */
static int score_end(struct cli *cli, struct score_job *job, odd_status status)
{
    int code = cli_fail(cli, status);
    odd_status csv = cli_stream_close(cli, &job->csv);
    if (code == CLI_DONE)
        code = cli_fail(cli, csv);
    odd_status jsonl = cli_stream_close(cli, &job->jsonl);
    if (code == CLI_DONE)
        code = cli_fail(cli, jsonl);
    if (code != CLI_DONE)
        return code;
    if (job->stopped)
        return cli_fail(cli, oddi_fail(cli->ctx, ODD_ECANCELLED, "interrupted"));
    if (job->any_error)
        return CLI_INPUT;
    return job->any_ng && cli_get(cli, "fail-on") ? CLI_ANOMALY : CLI_DONE;
}

static int score_run(struct cli *cli)
{
    odd_status status;
    struct odd_model *model = NULL;
    struct score_job job = {.cli = cli};
    const char *fail_on = cli_get(cli, "fail-on");
    if (fail_on && strcmp(fail_on, "ng") != 0 && strcmp(fail_on, "unsure") != 0)
        return cli_usage(cli, "--fail-on %s: expected ng or unsure", fail_on);
    TRY(odd_model_load(cli->ctx, cli->word[0], &model));
    TRY(odd_scorer_new(cli->ctx, model, &job.scorer));
    TRY(score_open(cli, &job));
    for (int i = 1; i < cli->words && score_goes_on(&job); i++)
        score_word(&job, cli->word[i]);
    status = job.status;
out:
    odd_scorer_free(job.scorer);
    odd_model_free(model);
    oddi_free(cli->ctx, job.stem);
    return score_end(cli, &job, status);
}

const struct cli_verb cli_verb_score = {
    .name = "score",
    .summary = "say of each picture how abnormal it is",
    .usage = "MODEL PATH... [options]",
    .about =
        "One line for each picture, in order: path, score, normalized, threshold and decision,\n"
        "with tabs between them. A picture is anomalous (ng) when its score is above the\n"
        "threshold; normalized is 0.5 there. A folder stands for the pictures in it; the path\n"
        "'-' reads a path per line from standard input and answers each at once. A picture that\n"
        "cannot be read has the decision 'error' and a reason; the exit code is then 3.\n",
    .examples = "# one picture, a folder of them\n"
                "oddity score parts.safetensors new.png\n"
                "oddity score parts.safetensors photos/\n"
                "# heat maps over the pictures, and raw maps\n"
                "oddity score parts.safetensors photos/ --maps maps\n"
                "# as a table; exit code 1 when something is anomalous\n"
                "oddity score parts.safetensors photos/ --csv scores.csv --fail-on ng\n"
                "# a path per line in, an answer per line out\n"
                "find photos -name '*.png' | oddity score parts.safetensors - --jsonl -\n",
    .options = score_options,
    .min_words = 2,
    .max_words = -1,
    .run = score_run,
};
