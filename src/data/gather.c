/* SPDX-License-Identifier: Apache-2.0
 * Several places as one data set (gather.h). */
#include "data/gather.h"

#include <string.h>

#include "base/options.h"
#include "base/os.h"
#include "data/listing.h"
#include "data/splits.h"

struct gather_work {
    struct odd_context *ctx;
    struct odd_options *options; /* with hold-out=0 */
    struct odd_dataset *files;   /* pictures that are named one by one */
    struct odd_dataset *all;
};

/* A data set without pictures. */
static odd_status gather_empty(struct gather_work *w, struct odd_dataset **dataset)
{
    odd_status status = ODD_OK;
    const struct oddi_param *const tables[] = {oddi_dataset_params, NULL};
    struct odd_dataset *ds = oddi_calloc(w->ctx, 1, sizeof(*ds));
    if (!ds)
        return ODD_ENOMEM;
    ds->ctx = w->ctx;
    ds->root = "";
    ds->layout = "folder";
    ds->why = "";
    oddi_arena_init(&ds->arena, w->ctx);
    TRY(oddi_values_init(&ds->values, w->ctx, tables));
    TRY(oddi_values_take(&ds->values, w->options));
    ds->strict = oddi_values_bool(&ds->values, "strict");
    *dataset = ds;
    ds = NULL;
out:
    odd_dataset_free(ds);
    return status;
}

static odd_status gather_options(struct gather_work *w, const struct odd_options *options)
{
    odd_status status = odd_options_new(w->ctx, &w->options);
    for (size_t i = 0; status == ODD_OK && options && i < options->count; i++)
        status = oddi_options_add(w->options, options->item[i].name, options->item[i].value, "set");
    return status == ODD_OK ? oddi_options_add(w->options, "hold-out", "0", "set") : status;
}

static bool gather_is_picture(const char *path)
{
    struct oddi_stat st = {.kind = ODDI_FILE_NONE};
    return oddi_picture_kind(path) && oddi_os_stat(path, &st) == 0 && st.kind == ODDI_FILE_REGULAR;
}

/* The decoded pictures of `from` go over to the whole. */
static odd_status gather_containers(struct gather_work *w, struct odd_dataset *from)
{
    struct odd_dataset *all = w->all;
    if (from->containers > ODDI_CONTAINERS_MAX - all->containers)
        return oddi_fail(w->ctx, ODD_ELIMIT, "more than %d files with many pictures",
                         ODDI_CONTAINERS_MAX);
    for (int i = 0; i < from->containers; i++) {
        struct oddi_container *c = &all->container[all->containers];
        *c = from->container[i];
        c->path = oddi_arena_strdup(&all->arena, c->path);
        if (!c->path) {
            *c = (struct oddi_container){.path = NULL};
            return ODD_ENOMEM;
        }
        from->container[i].data = NULL;
        all->containers++;
    }
    return ODD_OK;
}

static odd_status gather_take(struct gather_work *w, struct odd_dataset *from)
{
    const int first = w->all->containers;
    odd_status status = gather_containers(w, from);
    for (size_t i = 0; status == ODD_OK && i < from->count; i++) {
        struct oddi_sample s = from->sample[i];
        if (s.part != ODDI_PART_TRAIN && s.part != ODDI_PART_TUNE && s.part != ODDI_PART_CALIBRATE)
            continue;
        s.part = ODDI_PART_TRAIN;
        s.container += s.container >= 0 ? first : 0;
        status = oddi_dataset_add(w->all, &s);
    }
    return status;
}

static odd_status gather_place(struct gather_work *w, const char *path)
{
    odd_status status = ODD_OK;
    struct odd_dataset *one = NULL;
    if (gather_is_picture(path)) {
        const struct oddi_sample s = {
            .path = path, .type = "good", .container = -1, .part = ODDI_PART_TRAIN};
        return oddi_dataset_add(w->files, &s);
    }
    TRY(odd_dataset_open(w->ctx, path, w->options, &one));
    TRY(gather_take(w, one));
out:
    odd_dataset_free(one);
    return status;
}

static odd_status gather_all(struct gather_work *w, const char *const *paths, size_t count)
{
    odd_status status = ODD_OK;
    TRY(gather_empty(w, &w->files));
    TRY(gather_empty(w, &w->all));
    for (size_t i = 0; i < count; i++)
        TRY(gather_place(w, paths[i]));
    TRY(oddi_dataset_group(w->files));
    TRY(gather_take(w, w->files));
    TRY(oddi_values_set(&w->all->values, "group", "", "set")); /* groups are known by now */
    TRY(oddi_dataset_group(w->all));
    if (w->all->count == 0)
        status = oddi_fail(w->ctx, ODD_ENODATA, "%s: there are no normal pictures",
                           count > 0 ? paths[0] : "nowhere");
out:
    return status;
}

odd_status oddi_dataset_gather(struct odd_context *ctx, const char *const *paths, size_t count,
                               const struct odd_options *options, struct odd_dataset **dataset)
{
    struct gather_work w = {.ctx = ctx};
    odd_status status = gather_options(&w, options);
    if (status == ODD_OK)
        status = gather_all(&w, paths, count);
    if (status == ODD_OK) {
        *dataset = w.all;
        w.all = NULL;
    }
    odd_dataset_free(w.files);
    odd_dataset_free(w.all);
    odd_options_free(w.options);
    return status;
}
