/* SPDX-License-Identifier: Apache-2.0
 *
 * Layout `idx`: a folder in the manner of MNIST, with train-images-idx3-ubyte,
 * train-labels-idx1-ubyte and the same for t10k, plain or ending in .gz. The option `normal` says
 * which labels are normal; pictures of other labels are anomalous in the test part and left out
 * of training. Labels are numbers; those of Fashion-MNIST (a folder with "fashion" in its path) have
 * names too, and `normal` takes either. All pictures are kept decoded, one byte a pixel, in the data set.
 */
#include "data/idx.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "data/layout.h"

static const struct {
    const char *prefix;
    enum oddi_part part;
} idx_sets[] = {{"train", ODDI_PART_TRAIN}, {"t10k", ODDI_PART_TEST}, {"test", ODDI_PART_TEST}};

/* "train" and "images", 3: the entry's name in the folder, or NULL. */
static const char *idx_find(const struct oddi_listing *top, const char *prefix, const char *what,
                            int rank)
{
    static const char *const ends[] = {"", ".gz"};
    for (int i = 0; i < 4; i++) {
        char name[80];
        int n = snprintf(name, sizeof(name), "%s-%s%cidx%d-ubyte%s", prefix, what,
                         i & 1 ? '.' : '-', rank, ends[i / 2]);
        const struct oddi_entry *e = n > 0 ? oddi_listing_find(top, name) : NULL;
        if (e && e->kind != ODDI_FILE_FOLDER)
            return e->name;
    }
    return NULL;
}

static odd_status idx_probe(const struct oddi_place *place, struct oddi_probe *probe)
{
    const char *name = NULL;
    for (size_t i = 0; place->is_folder && !name && i < ODDI_COUNT(idx_sets); i++)
        name = idx_find(&place->top, idx_sets[i].prefix, "images", 3);
    if (!name)
        return ODD_OK;
    probe->score = 95;
    snprintf(probe->why, sizeof(probe->why), "it has a file %s", name);
    return ODD_OK;
}

static odd_status idx_load(struct odd_dataset *ds, const char *name, int rank, const char **path,
                           struct oddi_idx *idx)
{
    *path = oddi_arena_printf(&ds->arena, "%s/%s", ds->root, name);
    if (!*path)
        return ODD_ENOMEM;
    return oddi_idx_load(ds->ctx, *path, rank, idx);
}

static const char *const idx_fashion[] = {"t-shirt", "trouser", "pullover", "dress", "coat",
                                          "sandal",  "shirt",   "sneaker",  "bag",   "ankle-boot"};

/* What label number `label` is called in this data set. */
static void idx_type(const struct odd_dataset *ds, int label, char type[16])
{
    bool fashion = strstr(ds->root, "fashion") || strstr(ds->root, "Fashion");
    if (fashion && label < (int)ODDI_COUNT(idx_fashion))
        snprintf(type, 16, "%s", idx_fashion[label]);
    else
        snprintf(type, 16, "%d", label);
}

static odd_status idx_add_all(struct odd_dataset *ds, const struct oddi_idx *labels,
                              enum oddi_part part, int container)
{
    odd_status status = ODD_OK;
    const struct oddi_container *c = &ds->container[container];
    const char *normal = oddi_values_text(&ds->values, "normal");
    bool is_normal[256];
    char type[256][16], number[16];
    for (int i = 0; i < 256; i++) {
        idx_type(ds, i, type[i]);
        snprintf(number, sizeof(number), "%d", i);
        is_normal[i] = oddi_list_has(normal, type[i]) || oddi_list_has(normal, number);
    }
    for (int64_t i = 0; i < c->count; i++) {
        unsigned char label = labels->data[i];
        struct oddi_sample sample = {
            .type = type[label], .container = container, .index = i, .part = part};
        char path[4400];
        snprintf(path, sizeof(path), "%s#%lld", c->path, (long long)i);
        sample.path = path;
        sample.label = is_normal[label] ? ODDI_LABEL_NORMAL : ODDI_LABEL_ANOMALOUS;
        TRY(oddi_dataset_add(ds, &sample));
    }
out:
    return status;
}

static odd_status idx_read_set(struct odd_dataset *ds, const struct oddi_listing *top, size_t set)
{
    odd_status status = ODD_OK;
    struct oddi_idx images = {0}, labels = {0};
    const char *prefix = idx_sets[set].prefix, *path = NULL, *labels_path = NULL;
    const char *name = idx_find(top, prefix, "images", 3);
    const char *labels_name = idx_find(top, prefix, "labels", 1);
    if (!name)
        return ODD_OK;
    if (!labels_name)
        return oddi_fail(ds->ctx, ODD_EIO, "%s/%s has no %s-labels-idx1-ubyte beside it", ds->root,
                         name, prefix);
    TRY(idx_load(ds, name, 3, &path, &images));
    TRY(idx_load(ds, labels_name, 1, &labels_path, &labels));
    if (images.dim[0] != labels.dim[0])
        TRY(oddi_fail(ds->ctx, ODD_EFORMAT, "%s has %lld pictures, but %s has %lld labels", path,
                      (long long)images.dim[0], labels_path, (long long)labels.dim[0]));
    struct oddi_container *c = &ds->container[ds->containers];
    *c = (struct oddi_container){path, images.data, images.dim[0], images.dim[1], images.dim[2], 1};
    images.data = NULL; /* the data set owns it now */
    ds->containers++;
    TRY(idx_add_all(ds, &labels, idx_sets[set].part, ds->containers - 1));
out:
    oddi_free(ds->ctx, images.data);
    oddi_free(ds->ctx, labels.data);
    return status;
}

/* Every item of `normal` must be a label that occurs. */
static odd_status idx_check_normal(struct odd_dataset *ds)
{
    char item[64], type[16], number[16];
    const char *cursor = oddi_values_text(&ds->values, "normal");
    while (oddi_list_next(&cursor, item, sizeof(item))) {
        bool found = false;
        for (int i = 0; i < 256; i++) {
            idx_type(ds, i, type);
            snprintf(number, sizeof(number), "%d", i);
            if (!strcmp(item, number))
                memcpy(item, type, sizeof(type));
        }
        for (size_t i = 0; !found && i < ds->count; i++)
            found = !strcmp(ds->sample[i].type, item);
        if (!found)
            return oddi_fail(ds->ctx, ODD_ECONFIG, "normal: no picture in %s has the label '%s'",
                             ds->root, item);
    }
    return ODD_OK;
}

static odd_status idx_read(struct odd_dataset *ds, const struct oddi_place *place)
{
    odd_status status = ODD_OK;
    if (!oddi_values_text(&ds->values, "normal")[0])
        return oddi_fail(ds->ctx, ODD_ECONFIG,
                         "%s has labelled classes; say which is normal, as in normal=8", ds->root);
    ds->has_split = true;
    for (size_t i = 0; i < ODDI_COUNT(idx_sets); i++)
        TRY(idx_read_set(ds, &place->top, i));
    TRY(idx_check_normal(ds));
out:
    return status;
}

const struct oddi_layout oddi_layout_idx = {
    .name = "idx",
    .help = "MNIST's files (IDX, plain or gzip); needs normal=LABEL",
    .probe = idx_probe,
    .read = idx_read,
};
