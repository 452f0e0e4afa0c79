/* SPDX-License-Identifier: Apache-2.0
 *
 * odd_eval_scores: the same metrics for the scores of any tool, from a CSV with columns `path` and
 * `score`, and optionally a folder of float TIFF maps.
 *
 * A row belongs to the picture whose path ends with the row's path (whole folder names). A row that
 * fits several is an error, one that fits none is of another part and not looked at; a test picture
 * without a row (or with an empty score) is skipped, named. The
 * map of DATA/a/b/7.png is MAPS/a/b/7.tiff, else MAPS/b/7.tiff, else MAPS/7.tiff.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/os.h"
#include "base/str.h"
#include "data/csv.h"
#include "engine/eval_int.h"
#include "image/image.h"

struct scores_row {
    const char *path, *base;
    double score;
    bool used;
};
struct scores_work {
    struct eval_run *e;
    const char *maps;
    struct oddi_arena arena;
    struct scores_row *row;
    size_t count, capacity;
};

static int scores_by_base(const void *a, const void *b)
{
    const struct scores_row *x = a, *y = b;
    return strcmp(x->base, y->base);
}

static odd_status scores_add(struct scores_work *w, struct oddi_csv *csv, int path, int score)
{
    struct odd_context *ctx = w->e->ctx;
    struct scores_row row = {.score = 0};
    const char *text = oddi_csv_field(csv, path), *number = oddi_csv_field(csv, score);
    void *rows = w->row;
    if (!number[0])
        return ODD_OK; /* a picture that the tool could not score */
    if (!oddi_parse_double(number, &row.score))
        return oddi_fail(ctx, ODD_EFORMAT, "%s: line %lld: score '%s' is not a finite number",
                         csv->what, (long long)csv->line, number);
    while (oddi_starts_with(text, "./"))
        text += 2;
    row.path = oddi_arena_strdup(&w->arena, text);
    odd_status status = oddi_reserve(ctx, &rows, &w->capacity, w->count + 1, sizeof(*w->row));
    w->row = rows;
    if (!row.path || status != ODD_OK)
        return ODD_ENOMEM;
    row.base = oddi_path_base(row.path);
    w->row[w->count++] = row;
    return ODD_OK;
}

static odd_status scores_read(struct scores_work *w, const char *file)
{
    struct odd_context *ctx = w->e->ctx;
    struct oddi_csv csv = {0};
    char *text = NULL;
    size_t size = 0;
    bool more = true;
    odd_status status = ODD_OK;
    TRY(oddi_file_read(ctx, file, ODDI_CSV_FILE_MAX, &text, &size));
    TRY(oddi_csv_init(&csv, ctx, file, text, size));
    const int path = oddi_csv_column(&csv, "path"), score = oddi_csv_column(&csv, "score");
    if (path < 0 || score < 0) {
        status = oddi_fail(ctx, ODD_EFORMAT, "%s: columns 'path' and 'score' are needed", file);
        goto out;
    }
    while (true) {
        TRY(oddi_csv_next(&csv, &more));
        if (!more)
            break;
        TRY(scores_add(w, &csv, path, score));
    }
    qsort(w->row, w->count, sizeof(*w->row), scores_by_base);
out:
    if (csv.ctx)
        oddi_csv_release(&csv);
    oddi_free(ctx, text);
    return status;
}

static bool scores_fits(const char *picture, const char *row)
{
    const size_t a = strlen(picture), b = strlen(row);
    if (b == 0 || b > a || strcmp(picture + a - b, row) != 0)
        return false;
    return a == b || row[0] == '/' || picture[a - b - 1] == '/';
}

/* The row of a picture: the one whose path is the longest end of the picture's. */
static struct scores_row *scores_find(struct scores_work *w, const char *picture)
{
    const struct scores_row key = {.base = oddi_path_base(picture)};
    struct scores_row *best = NULL, *first = NULL;
    if (w->count)
        first = bsearch(&key, w->row, w->count, sizeof(*w->row), scores_by_base);
    while (first && first > w->row && strcmp(first[-1].base, key.base) == 0)
        first--;
    for (; first && first < w->row + w->count && strcmp(first->base, key.base) == 0; first++)
        if (scores_fits(picture, first->path) &&
            (!best || strlen(first->path) > strlen(best->path)))
            best = first;
    return best;
}

/* Tries MAPS/<end of the path>.tiff from the longest end to the shortest. */
static char *scores_map_path(struct scores_work *w, const char *picture)
{
    struct odd_context *ctx = w->e->ctx;
    const char *end = picture;
    if (oddi_starts_with(picture, w->e->ds->root))
        end = picture + strlen(w->e->ds->root);
    while (*end == '/')
        end++;
    while (true) {
        struct oddi_stat st;
        struct oddi_str s;
        char *path = NULL;
        const char *dot = strrchr(end, '.'), *slash = strchr(end, '/');
        oddi_str_init(&s, ctx);
        oddi_str_addf(&s, "%s/%.*s.tiff", w->maps,
                      (int)(dot && dot > end ? dot - end : (int)strlen(end)), end);
        if (oddi_str_take(&s, &path) != ODD_OK)
            return NULL;
        if (!slash || (oddi_os_stat(path, &st) == 0 && st.kind == ODDI_FILE_REGULAR))
            return path; /* the shortest end is named in the error when it is not there */
        oddi_free(ctx, path);
        end = slash + 1;
    }
}

static odd_status scores_picture(struct scores_work *w, size_t at)
{
    struct eval_run *e = w->e;
    const char *picture = e->ds->sample[e->index[at]].path;
    struct scores_row *row = scores_find(w, picture);
    struct oddi_picture *map = NULL;
    char *path = NULL;
    odd_status status = ODD_OK;
    if (!row)
        return oddi_eval_skip(e, at, "no score in the list");
    if (row->used)
        return oddi_fail(e->ctx, ODD_EFORMAT,
                         "the score of '%s' fits several test pictures; give more of the path",
                         row->path);
    row->used = true;
    if (w->maps && e->pixels) {
        path = scores_map_path(w, picture);
        if (!path)
            return ODD_ENOMEM;
        TRY(oddi_image_load(e->ctx, path, ODDI_IMAGE_BUDGET, &map));
        if (map->type != ODD_F32 || map->bands != 1) {
            status = oddi_fail(e->ctx, ODD_EFORMAT, "%s: a map is a float TIFF of one band", path);
            goto out;
        }
    }
    TRY(oddi_eval_add(e, at, row->score, map ? map->data : NULL, map ? map->width : 0,
                      map ? map->height : 0));
out:
    oddi_picture_free(e->ctx, map);
    oddi_free(e->ctx, path);
    return status;
}

static odd_status scores_run(struct scores_work *w, const char *file,
                             const struct odd_options *options, char **json)
{
    struct eval_run *e = w->e;
    odd_status status = ODD_OK;
    json_t *report = NULL;
    TRY(oddi_eval_open(e, options));
    if (!w->maps) {
        oddi_pixels_free(e->pixels);
        e->pixels = NULL;
    }
    TRY(scores_read(w, file));
    const size_t count = e->count;
    for (size_t i = 0; i < count; i++) {
        TRY(scores_picture(w, i));
        TRY(oddi_check_cancel(e->ctx));
    }
    if (e->good == 0) {
        status = oddi_fail(e->ctx, ODD_ENODATA, "%s has no score for any test picture of %s", file,
                           e->ds->root);
        goto out;
    }
    TRY(oddi_eval_report(e, &report));
    TRY(oddi_json_dump(e->ctx, report, 2, json));
out:
    json_decref(report);
    return status;
}

odd_status odd_eval_scores(struct odd_context *ctx, const char *scores, const char *maps,
                           struct odd_dataset *dataset, const struct odd_options *options,
                           char **json)
{
    if (!ctx || !scores || !dataset || !json)
        return oddi_fail(
            ctx, ODD_EINVAL,
            "evaluating scores needs a context, a list, a data set and a place for the answer");
    struct eval_run e = {.ctx = ctx, .ds = dataset};
    struct scores_work w = {.e = &e, .maps = maps};
    oddi_arena_init(&w.arena, ctx);
    const odd_status status = scores_run(&w, scores, options, json);
    oddi_arena_release(&w.arena);
    oddi_free(ctx, w.row);
    oddi_eval_release(&e);
    return status;
}
