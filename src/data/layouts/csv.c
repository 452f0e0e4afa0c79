/* SPDX-License-Identifier: Apache-2.0
 *
 * Layout `csv`: a list of pictures as CSV or TSV with a header. Columns, in any order; only path
 * is required:
 *   path   the picture, relative to the list's folder
 *   label  normal, good, ok, 0 / anomalous, anomaly, bad, ng, 1 / empty: unknown (not used);
 *          without this column every picture is normal
 *   type   class or defect type, for reports
 *   split  train, test, tune, calibrate, unused; an empty cell is unused; without this column
 *          the data has no split of its own
 *   mask   the mask, relative to the list's folder, or empty
 *   group  pictures of one group never cross a split, or empty
 */
#include "data/csv.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"
#include "data/layout.h"

static odd_status csv_probe(const struct oddi_place *place, struct oddi_probe *probe)
{
    if (place->is_folder ||
        !(oddi_ends_with_nocase(place->path, ".csv") || oddi_ends_with_nocase(place->path, ".tsv")))
        return ODD_OK;
    probe->score = 100;
    snprintf(probe->why, sizeof(probe->why), "it is a file named as a list");
    return ODD_OK;
}

struct csv_columns {
    int path, label, type, split, mask, group;
};

static const struct {
    const char *word;
    enum oddi_label label;
} csv_labels[] = {
    {"normal", ODDI_LABEL_NORMAL},       {"good", ODDI_LABEL_NORMAL},
    {"ok", ODDI_LABEL_NORMAL},           {"0", ODDI_LABEL_NORMAL},
    {"anomalous", ODDI_LABEL_ANOMALOUS}, {"anomaly", ODDI_LABEL_ANOMALOUS},
    {"bad", ODDI_LABEL_ANOMALOUS},       {"ng", ODDI_LABEL_ANOMALOUS},
    {"1", ODDI_LABEL_ANOMALOUS},         {"", ODDI_LABEL_UNKNOWN},
};

static odd_status csv_label(const struct oddi_csv *csv, const char *word, enum oddi_label *label)
{
    for (size_t i = 0; i < ODDI_COUNT(csv_labels); i++)
        if (!strcasecmp(word, csv_labels[i].word)) {
            *label = csv_labels[i].label;
            return ODD_OK;
        }
    return oddi_fail(csv->ctx, ODD_EFORMAT,
                     "%s, line %lld: label '%.64s'; expected normal (good, ok, 0), anomalous "
                     "(anomaly, bad, ng, 1) or nothing",
                     csv->what, (long long)csv->line, word);
}

static odd_status csv_part(const struct oddi_csv *csv, const char *word, enum oddi_part *part)
{
    for (int i = 0; i < ODDI_PART_COUNT; i++)
        if (!strcasecmp(word, oddi_part_name((enum oddi_part)i))) {
            *part = (enum oddi_part)i;
            return ODD_OK;
        }
    if (!word[0]) {
        *part = ODDI_PART_UNUSED;
        return ODD_OK;
    }
    return oddi_fail(csv->ctx, ODD_EFORMAT,
                     "%s, line %lld: split '%.64s'; expected train, test, tune, calibrate or "
                     "unused",
                     csv->what, (long long)csv->line, word);
}

/* A path of the list, relative to the list's folder unless absolute; NULL on failure. */
static const char *csv_resolve(struct odd_dataset *ds, const char *name)
{
    size_t folder = (size_t)(oddi_path_base(ds->root) - ds->root);
    if (name[0] == '/')
        return oddi_arena_strdup(&ds->arena, name);
    return oddi_arena_printf(&ds->arena, "%.*s%s", (int)folder, ds->root, name);
}

static odd_status csv_add(struct odd_dataset *ds, const struct oddi_csv *csv,
                          const struct csv_columns *column)
{
    odd_status status = ODD_OK;
    struct oddi_sample sample = {.container = -1, .label = ODDI_LABEL_NORMAL};
    const char *path = oddi_csv_field(csv, column->path), *mask = oddi_csv_field(csv, column->mask);
    const char *type = oddi_csv_field(csv, column->type);
    const char *group = oddi_csv_field(csv, column->group);
    if (!path[0])
        return oddi_fail(ds->ctx, ODD_EFORMAT, "%s, line %lld: the path is empty", csv->what,
                         (long long)csv->line);
    if (column->label >= 0)
        TRY(csv_label(csv, oddi_csv_field(csv, column->label), &sample.label));
    if (column->split >= 0)
        TRY(csv_part(csv, oddi_csv_field(csv, column->split), &sample.part));
    sample.path = csv_resolve(ds, path);
    sample.mask = mask[0] ? csv_resolve(ds, mask) : NULL;
    if (!sample.path || (mask[0] && !sample.mask))
        return ODD_ENOMEM;
    sample.group = group[0] ? group : NULL;
    sample.type = type[0]                                ? type
                  : sample.label == ODDI_LABEL_NORMAL    ? "normal"
                  : sample.label == ODDI_LABEL_ANOMALOUS ? "anomalous"
                                                         : "unknown";
    TRY(oddi_dataset_add(ds, &sample));
out:
    return status;
}

static odd_status csv_rows(struct odd_dataset *ds, struct oddi_csv *csv)
{
    odd_status status = ODD_OK;
    bool more = true;
    struct csv_columns column = {.path = oddi_csv_column(csv, "path"),
                                 .label = oddi_csv_column(csv, "label"),
                                 .type = oddi_csv_column(csv, "type"),
                                 .split = oddi_csv_column(csv, "split"),
                                 .mask = oddi_csv_column(csv, "mask"),
                                 .group = oddi_csv_column(csv, "group")};
    if (column.path < 0)
        return oddi_fail(ds->ctx, ODD_EFORMAT,
                         "%s: no column 'path' in the header (columns read: path, label, type, "
                         "split, mask, group)",
                         csv->what);
    ds->has_split = column.split >= 0;
    if (column.label < 0)
        TRY(oddi_dataset_note(ds, false, "no column label: every picture is taken as normal"));
    for (;;) {
        TRY(oddi_csv_next(csv, &more));
        if (!more)
            break;
        TRY(csv_add(ds, csv, &column));
    }
out:
    return status;
}

static odd_status csv_read(struct odd_dataset *ds, const struct oddi_place *place)
{
    odd_status status = ODD_OK;
    struct oddi_csv csv = {0};
    char *text = NULL;
    size_t size = 0;
    TRY(oddi_file_read(ds->ctx, place->path, ODDI_CSV_FILE_MAX, &text, &size));
    TRY(oddi_csv_init(&csv, ds->ctx, place->path, text, size));
    TRY(csv_rows(ds, &csv));
out:
    if (csv.ctx)
        oddi_csv_release(&csv);
    oddi_free(ds->ctx, text);
    return status;
}

const struct oddi_layout oddi_layout_csv = {
    .name = "csv",
    .help = "a list: path, label, type, split, mask, group; CSV or TSV with a header",
    .probe = csv_probe,
    .read = csv_read,
};
