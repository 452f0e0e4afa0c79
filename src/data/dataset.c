/* SPDX-License-Identifier: Apache-2.0
 *
 * Opening a data set: look at the path, let every layout say how well it fits, read with the one
 * chosen, group, split.
 */
#include "data/dataset.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "data/layout.h"
#include "data/splits.h"

#define DATASET_SAMPLES_MAX 20000000

#define LAYOUT(name) &oddi_layout_##name,
const struct oddi_layout *const oddi_layouts[] = {
#include "data/layouts/layouts.def"
};
#undef LAYOUT
const int oddi_layouts_count = (int)ODDI_COUNT(oddi_layouts);

#define LAYOUT(name) "|" #name
static const char dataset_layout_choices[] = "auto"
#include "data/layouts/layouts.def"
    ;
#undef LAYOUT

const struct oddi_param oddi_dataset_params[] = {
    P_ENUM("layout", "auto", dataset_layout_choices, NULL, "how the data lies on disk"),
    P_TEXT("normal", "", NULL, "normal class or classes, separated by commas"),
    P_TEXT("test-normals", "", NULL,
           "normals put into the test part where the data has no split: a count or a fraction"),
    P_INT("split-seed", "0", 0, 9007199254740992.0, NULL, "seed of every draw of a split"),
    P_INT("sample-train", "0", 0, 1e9, NULL, "keep this many training pictures; 0 keeps all"),
    P_INT("sample-test", "0", 0, 1e9, NULL, "keep this many test pictures; 0 keeps all"),
    P_TEXT("hold-out", "0.2", "ours",
           "training normals held out to tune and calibrate: a count or a fraction (then at least "
           "59 where 100 remain)"),
    P_TEXT("group", "", NULL, "regular expression on the path; its first capture is the group"),
    P_BOOL("strict", "false", NULL, "stop at the first unreadable picture"),
    P_END};

const char *oddi_part_name(enum oddi_part part)
{
    static const char *const names[] = {"unused", "train", "tune", "calibrate", "test"};
    return part >= 0 && part < ODDI_PART_COUNT ? names[part] : "?";
}

/* --- lists as text --- */

bool oddi_list_next(const char **cursor, char *token, size_t size)
{
    const char *at = *cursor;
    while (*at == ' ' || *at == ',')
        at++;
    if (!*at)
        return false;
    size_t length = strcspn(at, ",");
    *cursor = at + length;
    while (length && at[length - 1] == ' ')
        length--;
    if (length >= size)
        length = size - 1;
    memcpy(token, at, length);
    token[length] = '\0';
    return true;
}

bool oddi_list_has(const char *list, const char *name)
{
    char token[256];
    while (oddi_list_next(&list, token, sizeof(token)))
        if (!strcmp(token, name))
            return true;
    return false;
}

/* --- filling --- */

static bool dataset_copy(struct odd_dataset *ds, const char **text)
{
    if (!*text)
        return true;
    *text = oddi_arena_strdup(&ds->arena, *text);
    return *text != NULL;
}

odd_status oddi_dataset_add(struct odd_dataset *ds, const struct oddi_sample *sample)
{
    struct oddi_sample copy = *sample;
    void *array = ds->sample;
    if (ds->count >= DATASET_SAMPLES_MAX)
        return oddi_fail(ds->ctx, ODD_ELIMIT, "%s: more than %d pictures", ds->root,
                         DATASET_SAMPLES_MAX);
    odd_status status =
        oddi_reserve(ds->ctx, &array, &ds->capacity, ds->count + 1, sizeof(*ds->sample));
    ds->sample = array;
    if (status != ODD_OK)
        return status;
    if (!copy.type)
        copy.type = "";
    const char *last = ds->count ? ds->sample[ds->count - 1].type : NULL;
    if (last && !strcmp(last, copy.type))
        copy.type = last; /* neighbours mostly share it */
    else if (!dataset_copy(ds, &copy.type))
        return ODD_ENOMEM;
    if (!dataset_copy(ds, &copy.path) || !dataset_copy(ds, &copy.mask) ||
        !dataset_copy(ds, &copy.group))
        return ODD_ENOMEM;
    ds->sample[ds->count++] = copy;
    return ODD_OK;
}

odd_status oddi_dataset_note(struct odd_dataset *ds, bool warning, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    void *array = ds->note;
    odd_status status =
        oddi_reserve(ds->ctx, &array, &ds->notes_capacity, ds->notes + 1, sizeof(*ds->note));
    ds->note = array;
    if (status != ODD_OK)
        return status;
    const char *copy = oddi_arena_strdup(&ds->arena, text);
    if (!copy)
        return ODD_ENOMEM;
    ds->note[ds->notes++] = (struct oddi_note){warning, copy};
    if (warning)
        oddi_log(ds->ctx, ODD_LOG_WARNING, "%s: %s", ds->root, text);
    return ODD_OK;
}

/* --- reading --- */

odd_status oddi_dataset_select(struct odd_context *ctx, const struct odd_dataset *ds,
                               enum oddi_part part, uint32_t **index, size_t *n)
{
    size_t count = 0;
    uint32_t *list = oddi_alloc_array(ctx, ds->count + 1, sizeof(*list));
    if (!list)
        return ODD_ENOMEM;
    for (size_t i = 0; i < ds->count; i++)
        if (ds->sample[i].part == part)
            list[count++] = (uint32_t)i;
    *index = list;
    *n = count;
    return ODD_OK;
}

size_t oddi_dataset_count(const struct odd_dataset *ds, enum oddi_part part, enum oddi_label label)
{
    size_t count = 0;
    for (size_t i = 0; i < ds->count; i++)
        count += ds->sample[i].part == part && ds->sample[i].label == label;
    return count;
}

/* --- opening --- */

static odd_status dataset_look(struct odd_context *ctx, const char *path, struct oddi_place *place)
{
    struct oddi_stat st;
    int error = oddi_os_stat(path, &st);
    place->ctx = ctx;
    place->path = path;
    if (error || st.kind == ODDI_FILE_NONE)
        return oddi_fail_errno(ctx, ODD_EIO, error ? error : 2, "opening data set %s", path);
    if (st.kind == ODDI_FILE_OTHER)
        return oddi_fail(ctx, ODD_EIO, "opening data set %s: neither a folder nor a regular file",
                         path);
    place->is_folder = st.kind == ODDI_FILE_FOLDER;
    return place->is_folder ? oddi_listing_read(ctx, path, &place->top) : ODD_OK;
}

static odd_status dataset_nothing_fits(const struct oddi_place *place)
{
    if (!place->is_folder)
        return oddi_fail(place->ctx, ODD_EFORMAT,
                         "%s is a file; a data set is a folder, or a list named .csv or .tsv",
                         place->path);
    return oddi_fail(place->ctx, ODD_ENODATA,
                     "no data set is understood in %s: it has no pictures, no folders of "
                     "pictures, no train/good and no IDX files (%zu entries)",
                     place->path, place->top.count);
}

/* Chooses by the highest score; says why, and which other layouts would fit. */
static odd_status dataset_choose(struct odd_dataset *ds, const struct oddi_place *place,
                                 const struct oddi_layout **chosen)
{
    odd_status status = ODD_OK;
    struct oddi_probe probe[ODDI_COUNT(oddi_layouts)] = {{0, ""}};
    int best = -1;
    for (int i = 0; i < oddi_layouts_count; i++) {
        TRY(oddi_layouts[i]->probe(place, &probe[i]));
        if (probe[i].score > 0 && (best < 0 || probe[i].score > probe[best].score))
            best = i;
    }
    if (best < 0)
        return dataset_nothing_fits(place);
    for (int i = 0; i < oddi_layouts_count; i++)
        if (i != best && probe[i].score > 0)
            TRY(oddi_dataset_note(ds, false,
                                  "layout %s would fit too, because %s; %s fits better (choose "
                                  "with layout=%s)",
                                  oddi_layouts[i]->name, probe[i].why, oddi_layouts[best]->name,
                                  oddi_layouts[i]->name));
    ds->why = oddi_arena_printf(&ds->arena, "because %s", probe[best].why);
    if (!ds->why)
        return ODD_ENOMEM;
    *chosen = oddi_layouts[best];
out:
    return status;
}

static odd_status dataset_layout(struct odd_dataset *ds, const struct oddi_place *place,
                                 const struct oddi_layout **chosen)
{
    if (oddi_values_is(&ds->values, "layout", "auto"))
        return dataset_choose(ds, place, chosen);
    for (int i = 0; i < oddi_layouts_count; i++)
        if (oddi_values_is(&ds->values, "layout", oddi_layouts[i]->name))
            *chosen = oddi_layouts[i];
    ds->why = "as asked for";
    bool list = *chosen == &oddi_layout_csv;
    if (list == place->is_folder)
        return oddi_fail(ds->ctx, ODD_ECONFIG, "layout %s needs %s, but %s is %s", (*chosen)->name,
                         list ? "a file" : "a folder", ds->root,
                         place->is_folder ? "a folder" : "a file");
    return ODD_OK;
}

static odd_status dataset_fill(struct odd_dataset *ds)
{
    odd_status status = ODD_OK;
    struct oddi_place place = {0};
    const struct oddi_layout *layout = NULL;
    TRY(dataset_look(ds->ctx, ds->root, &place));
    TRY(dataset_layout(ds, &place, &layout));
    ds->layout = layout->name;
    TRY(layout->read(ds, &place));
    if (!ds->count)
        TRY(oddi_fail(ds->ctx, ODD_ENODATA, "%s has no pictures in layout %s (%s)", ds->root,
                      layout->name, layout->help));
    TRY(oddi_dataset_group(ds));
    TRY(oddi_dataset_split(ds));
out:
    oddi_listing_release(&place.top);
    return status;
}

odd_status odd_dataset_open(struct odd_context *ctx, const char *path,
                            const struct odd_options *options, struct odd_dataset **dataset)
{
    odd_status status = ODD_OK;
    const struct oddi_param *const tables[] = {oddi_dataset_params, NULL};
    size_t length = path ? strlen(path) : 0;
    if (!length || !dataset)
        return oddi_fail(ctx, ODD_EINVAL, "odd_dataset_open: path and dataset are needed");
    struct odd_dataset *ds = oddi_calloc(ctx, 1, sizeof(*ds));
    if (!ds)
        return ODD_ENOMEM;
    ds->ctx = ctx;
    oddi_arena_init(&ds->arena, ctx);
    TRY(oddi_values_init(&ds->values, ctx, tables));
    if (options) /* only marks them as used */
        TRY(oddi_values_take(&ds->values, (struct odd_options *)options));
    ds->strict = oddi_values_bool(&ds->values, "strict");
    while (length > 1 && path[length - 1] == '/')
        length--;
    ds->root = oddi_arena_printf(&ds->arena, "%.*s", (int)length, path);
    if (!ds->root)
        TRY(ODD_ENOMEM);
    TRY(dataset_fill(ds));
    *dataset = ds;
    ds = NULL;
out:
    odd_dataset_free(ds);
    return status;
}

void odd_dataset_free(struct odd_dataset *dataset)
{
    if (!dataset)
        return;
    struct odd_context *ctx = dataset->ctx;
    for (int i = 0; i < dataset->containers; i++)
        oddi_free(ctx, dataset->container[i].data);
    oddi_free(ctx, dataset->sample);
    oddi_free(ctx, dataset->note);
    if (dataset->values.ctx)
        oddi_values_release(&dataset->values);
    oddi_arena_release(&dataset->arena);
    oddi_free(ctx, dataset);
}
