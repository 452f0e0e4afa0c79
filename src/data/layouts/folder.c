/* SPDX-License-Identifier: Apache-2.0
 *
 * Layout `folder`: a folder of pictures, all of them normal; folders inside it are not looked at.
 */
#include <stdio.h>

#include "data/layout.h"

static odd_status folder_probe(const struct oddi_place *place, struct oddi_probe *probe)
{
    if (!place->is_folder || !place->top.pictures)
        return ODD_OK;
    probe->score = 40;
    snprintf(probe->why, sizeof(probe->why), "it has %zu pictures directly in it",
             place->top.pictures);
    return ODD_OK;
}

static odd_status folder_read(struct odd_dataset *ds, const struct oddi_place *place)
{
    odd_status status = ODD_OK;
    const struct oddi_listing *top = &place->top;
    for (size_t i = 0; i < top->count; i++) {
        if (!top->entry[i].picture)
            continue;
        const char *path = oddi_arena_printf(&ds->arena, "%s/%s", ds->root, top->entry[i].name);
        if (!path)
            return ODD_ENOMEM;
        struct oddi_sample sample = {.path = path, .type = "good", .container = -1};
        TRY(oddi_dataset_add(ds, &sample));
    }
    if (top->folders)
        TRY(oddi_dataset_note(ds, false, "%zu folders inside it are not looked at", top->folders));
    if (top->count > top->pictures + top->folders)
        TRY(oddi_dataset_note(ds, false, "%zu other files are not pictures by their names",
                              top->count - top->pictures - top->folders));
out:
    return status;
}

const struct oddi_layout oddi_layout_folder = {
    .name = "folder",
    .help = "a folder of pictures, all normal",
    .probe = folder_probe,
    .read = folder_read,
};
