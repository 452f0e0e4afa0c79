/* SPDX-License-Identifier: Apache-2.0
 *
 * What a layout is: a way in which data sets lie on disk. A new layout is one file in layouts/
 * with a `const struct oddi_layout oddi_layout_<name>` at its end, and one row in layouts.def.
 */
#ifndef ODDI_DATA_LAYOUT_H
#define ODDI_DATA_LAYOUT_H
#include "data/dataset.h"
#include "base/file.h"
#include "data/listing.h"

/* What is at the path, looked at once for all probes. */
struct oddi_place {
    struct odd_context *ctx;
    const char *path;
    bool is_folder;
    struct oddi_listing top; /* of the folder; empty for a file */
};

/* score 0: does not fit; the highest of all layouts wins. `why` completes "because ...". */
struct oddi_probe {
    int score;
    char why[200];
};

struct oddi_layout {
    const char *name, *help;
    odd_status (*probe)(const struct oddi_place *place, struct oddi_probe *probe);
    /* Adds the samples with label, type, mask and group; sets has_split and their parts when the
     * data says so. */
    odd_status (*read)(struct odd_dataset *ds, const struct oddi_place *place);
};

#define LAYOUT(name) extern const struct oddi_layout oddi_layout_##name;
#include "data/layouts/layouts.def"
#undef LAYOUT

/* All layouts, in the order of layouts.def. */
extern const struct oddi_layout *const oddi_layouts[];
extern const int oddi_layouts_count;

/* True when `name` is one of the items of a comma-separated list; spaces around items count not. */
bool oddi_list_has(const char *list, const char *name);
/* Takes the next item of the list into token; false at its end. Longer items are cut. */
bool oddi_list_next(const char **cursor, char *token, size_t size);
#endif
