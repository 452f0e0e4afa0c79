/* SPDX-License-Identifier: Apache-2.0
 *
 * Layout `mvtec`, as MVTec AD lies on disk: train/good, test/good, test/<defect type>, and
 * ground_truth/<defect type>/<stem>_mask.png (or <stem>.<any picture type>) with the masks.
 */
#include <stdio.h>
#include <string.h>

#include "data/layout.h"

static odd_status mvtec_probe(const struct oddi_place *place, struct oddi_probe *probe)
{
    odd_status status = ODD_OK;
    struct oddi_listing train = {0};
    char *path = NULL;
    const struct oddi_entry *e = place->is_folder ? oddi_listing_find(&place->top, "train") : NULL;
    if (!e || e->kind != ODDI_FILE_FOLDER)
        return ODD_OK;
    path = oddi_path_join(place->ctx, place->path, "train");
    if (!path)
        return ODD_ENOMEM;
    TRY(oddi_listing_read(place->ctx, path, &train));
    e = oddi_listing_find(&train, "good");
    if (e && e->kind == ODDI_FILE_FOLDER && train.folders == 1) {
        probe->score = 90;
        snprintf(probe->why, sizeof(probe->why),
                 "it has a folder train with nothing but good in it");
    }
out:
    oddi_listing_release(&train);
    oddi_free(place->ctx, path);
    return status;
}

/* The mask's path in the arena, NULL in *mask when there is none. */
static odd_status mvtec_mask(struct odd_dataset *ds, const char *type, const char *picture,
                             const struct oddi_listing *masks, const char **mask)
{
    int stem = (int)oddi_stem_length(picture);
    const char *suffixes[] = {"_mask", ""};
    const char *extensions[] = {"png", "bmp", "tif", "tiff", "jpg", "jpeg"};
    *mask = NULL;
    for (size_t i = 0; i < ODDI_COUNT(suffixes) * ODDI_COUNT(extensions); i++) {
        char name[512];
        int n =
            snprintf(name, sizeof(name), "%.*s%s.%s", stem, picture,
                     suffixes[i / ODDI_COUNT(extensions)], extensions[i % ODDI_COUNT(extensions)]);
        if (n < 0 || (size_t)n >= sizeof(name) || !oddi_listing_find(masks, name))
            continue;
        *mask = oddi_arena_printf(&ds->arena, "%s/ground_truth/%s/%s", ds->root, type, name);
        return *mask ? ODD_OK : ODD_ENOMEM;
    }
    return ODD_OK;
}

struct mvtec_folder {
    const char *part, *type;
    enum oddi_part to;
    size_t missing; /* masks, over all folders read so far */
};

static odd_status mvtec_read_masks(struct odd_dataset *ds, const char *type,
                                   struct oddi_listing *masks)
{
    struct oddi_stat st;
    const char *path = oddi_arena_printf(&ds->arena, "%s/ground_truth/%s", ds->root, type);
    if (!path)
        return ODD_ENOMEM;
    if (oddi_os_stat(path, &st) != 0 || st.kind != ODDI_FILE_FOLDER)
        return ODD_OK;
    return oddi_listing_read(ds->ctx, path, masks);
}

static odd_status mvtec_read_folder(struct odd_dataset *ds, struct mvtec_folder *f)
{
    odd_status status = ODD_OK;
    struct oddi_listing pictures = {0}, masks = {0};
    bool good = !strcmp(f->type, "good");
    const char *path = oddi_arena_printf(&ds->arena, "%s/%s/%s", ds->root, f->part, f->type);
    if (!path)
        return ODD_ENOMEM;
    TRY(oddi_listing_read(ds->ctx, path, &pictures));
    if (!good)
        TRY(mvtec_read_masks(ds, f->type, &masks));
    for (size_t i = 0; i < pictures.count; i++) {
        struct oddi_sample sample = {.type = f->type,
                                     .container = -1,
                                     .part = f->to,
                                     .label = good ? ODDI_LABEL_NORMAL : ODDI_LABEL_ANOMALOUS};
        if (!pictures.entry[i].picture)
            continue;
        sample.path = oddi_arena_printf(&ds->arena, "%s/%s", path, pictures.entry[i].name);
        if (!sample.path)
            TRY(ODD_ENOMEM);
        if (masks.count)
            TRY(mvtec_mask(ds, f->type, pictures.entry[i].name, &masks, &sample.mask));
        f->missing += !good && !sample.mask;
        TRY(oddi_dataset_add(ds, &sample));
    }
out:
    oddi_listing_release(&masks);
    oddi_listing_release(&pictures);
    return status;
}

static odd_status mvtec_read_test(struct odd_dataset *ds, size_t *missing)
{
    odd_status status = ODD_OK;
    struct oddi_listing types = {0};
    const char *path = oddi_arena_printf(&ds->arena, "%s/test", ds->root);
    if (!path)
        return ODD_ENOMEM;
    TRY(oddi_listing_read(ds->ctx, path, &types));
    for (size_t i = 0; i < types.count; i++) {
        struct mvtec_folder f = {"test", types.entry[i].name, ODDI_PART_TEST, 0};
        if (types.entry[i].kind != ODDI_FILE_FOLDER)
            continue;
        TRY(mvtec_read_folder(ds, &f));
        *missing += f.missing;
    }
out:
    oddi_listing_release(&types);
    return status;
}

static odd_status mvtec_read(struct odd_dataset *ds, const struct oddi_place *place)
{
    odd_status status = ODD_OK;
    struct mvtec_folder train = {"train", "good", ODDI_PART_TRAIN, 0};
    size_t missing = 0;
    ds->has_split = true;
    TRY(mvtec_read_folder(ds, &train));
    if (oddi_listing_find(&place->top, "test"))
        TRY(mvtec_read_test(ds, &missing));
    if (missing)
        TRY(oddi_dataset_note(ds, oddi_listing_find(&place->top, "ground_truth") != NULL,
                              "%zu anomalous pictures have no mask in ground_truth", missing));
out:
    return status;
}

const struct oddi_layout oddi_layout_mvtec = {
    .name = "mvtec",
    .help = "train/good, test/<type>, ground_truth/<type>/<stem>_mask.png",
    .probe = mvtec_probe,
    .read = mvtec_read,
};
