/* SPDX-License-Identifier: Apache-2.0
 *
 * Folder listings; see listing.h. Sorting is by bytes (strcmp), never by locale.
 */
#include "data/listing.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/str.h"

static const struct {
    const char *extension, *kind;
} listing_kinds[] = {
    {".png", "png"}, {".jpg", "jpg"},  {".jpeg", "jpg"},  {".bmp", "bmp"},
    {".tif", "tif"}, {".tiff", "tif"}, {".pgm", "pnm"},   {".ppm", "pnm"},
    {".pnm", "pnm"}, {".pfm", "pfm"},  {".webp", "webp"}, {".gif", "gif"},
};

const char *oddi_picture_kind(const char *name)
{
    for (size_t i = 0; i < ODDI_COUNT(listing_kinds); i++)
        if (oddi_ends_with_nocase(name, listing_kinds[i].extension))
            return listing_kinds[i].kind;
    return NULL;
}

size_t oddi_stem_length(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot && dot != name ? (size_t)(dot - name) : strlen(name);
}

struct listing_collect {
    struct odd_context *ctx;
    struct oddi_listing *listing;
    const char *folder;
    odd_status status;
};

static int listing_add(void *user, const char *name)
{
    struct listing_collect *c = user;
    struct oddi_listing *l = c->listing;
    if (name[0] == '.')
        return 0;
    if (l->count >= ODDI_LISTING_MAX) {
        c->status = oddi_fail(c->ctx, ODD_ELIMIT, "listing %s: more than %d entries", c->folder,
                              ODDI_LISTING_MAX);
        return 1;
    }
    void *array = l->entry;
    c->status = oddi_reserve(c->ctx, &array, &l->capacity, l->count + 1, sizeof(*l->entry));
    l->entry = array;
    if (c->status != ODD_OK)
        return 1;
    struct oddi_entry *e = &l->entry[l->count];
    *e = (struct oddi_entry){.name = oddi_arena_strdup(&l->arena, name)};
    if (!e->name) {
        c->status = ODD_ENOMEM;
        return 1;
    }
    l->count++;
    return 0;
}

static int listing_compare(const void *a, const void *b)
{
    const struct oddi_entry *x = a, *y = b;
    return strcmp(x->name, y->name);
}

/* A name that cannot be looked at is kept when it looks like a picture: reading it will say why. */
static odd_status listing_look(struct odd_context *ctx, const char *folder, struct oddi_listing *l)
{
    for (size_t i = 0; i < l->count; i++) {
        struct oddi_entry *e = &l->entry[i];
        struct oddi_stat st = {.kind = ODDI_FILE_NONE};
        char *path = oddi_path_join(ctx, folder, e->name);
        if (!path)
            return ODD_ENOMEM;
        bool named = oddi_picture_kind(e->name) != NULL;
        if (oddi_os_stat(path, &st) != 0 || st.kind == ODDI_FILE_NONE)
            st.kind = named ? ODDI_FILE_REGULAR : ODDI_FILE_OTHER;
        oddi_free(ctx, path);
        e->kind = st.kind;
        e->picture = named && st.kind != ODDI_FILE_FOLDER;
        l->pictures += e->picture;
        l->folders += st.kind == ODDI_FILE_FOLDER;
    }
    return ODD_OK;
}

odd_status oddi_listing_read(struct odd_context *ctx, const char *folder,
                             struct oddi_listing *listing)
{
    *listing = (struct oddi_listing){0};
    oddi_arena_init(&listing->arena, ctx);
    struct listing_collect c = {ctx, listing, folder, ODD_OK};
    int error = oddi_os_list(folder, listing_add, &c);
    if (c.status != ODD_OK)
        return c.status;
    if (error)
        return oddi_fail_errno(ctx, ODD_EIO, error, "listing folder %s", folder);
    if (listing->count)
        qsort(listing->entry, listing->count, sizeof(*listing->entry), listing_compare);
    return listing_look(ctx, folder, listing);
}

void oddi_listing_release(struct oddi_listing *listing)
{
    struct odd_context *ctx = listing->arena.ctx;
    if (!ctx)
        return;
    oddi_free(ctx, listing->entry);
    oddi_arena_release(&listing->arena);
    *listing = (struct oddi_listing){0};
}

const struct oddi_entry *oddi_listing_find(const struct oddi_listing *listing, const char *name)
{
    const struct oddi_entry key = {.name = name};
    if (!listing->count)
        return NULL;
    return bsearch(&key, listing->entry, listing->count, sizeof(key), listing_compare);
}
