/* SPDX-License-Identifier: Apache-2.0
 *
 * Filling the expert cache before the first step: one pass over the training pictures in order.
 * What files of earlier trainings hold is used from there; the rest is computed in chunks. With the
 * first picture that has to be computed, memory is taken and a new file begun, which holds all
 * pictures, so that a later training needs one file. A file that cannot be written is said once,
 * and training goes on without it.
 */
#include <string.h>

#include "base/os.h"
#include "base/str.h"
#include "engine/cache_int.h"
#include "engine/report.h"

#define FILL_SHOW_NS 250000000u
#define FILL_SEARCHES 32 /* for pictures of other sets' files */

struct fill {
    struct oddi_cache *c;
    struct train_run *r;
    struct oddi_hash128 *hash; /* of the prepared pictures, by position */
    float *picture;
    size_t waiting[ODDI_FROZEN_MOST]; /* positions of the chunk */
    int waits;
    bool begun;
    struct oddi_cache_writer writer;
    char *path; /* of the set's file; NULL: no folder */
    int searches;
    size_t limit; /* records that the file may have */
    bool without; /* the folder has failed: it is left alone */
    uint64_t began, shown, deadline;
};

/* ---- the file ------------------------------------------------------------------------------ */

static odd_status fill_without(struct fill *f, odd_status status)
{
    struct odd_context *ctx = f->r->ctx;
    if (status != ODD_EIO)
        return status;
    f->without = true;
    oddi_log(ctx, ODD_LOG_WARNING,
             "the expert's maps are not kept for later trainings, training goes on: %s",
             odd_last_message(ctx));
    return ODD_OK;
}

static odd_status fill_add(struct fill *f, const struct oddi_hash128 *hash, const void *record)
{
    if (!f->writer.hasher || f->writer.count >= f->limit)
        return ODD_OK;
    return fill_without(f, oddi_cache_writer_add(&f->writer, hash, record));
}

/* Which pictures the file is of: their contents, and how the first one was prepared. */
static odd_status fill_set_hash(const struct fill *f, struct oddi_hash128 *set)
{
    const struct train_run *r = f->r;
    struct oddi_hasher *h = oddi_hasher_new(r->ctx);
    if (!h)
        return ODD_ENOMEM;
    for (size_t i = 0; i < oddi_loader_count(r->loader); i++)
        oddi_hasher_add(h, oddi_loader_hash(r->loader, i), sizeof(*set));
    oddi_hasher_add(h, &f->hash[0], sizeof(f->hash[0]));
    oddi_hasher_digest(h, set);
    oddi_hasher_free(r->ctx, h);
    return ODD_OK;
}

/* With the first picture: the file of an earlier training on the same ones. */
static odd_status fill_look(struct fill *f)
{
    odd_status status = ODD_OK;
    struct oddi_cache *c = f->c;
    struct oddi_hash128 set;
    const char *folder = oddi_values_text(&f->r->config->values, "expert-cache-dir");
    if (!folder[0])
        return ODD_OK;
    TRY(fill_set_hash(f, &set));
    f->path = oddi_cache_path(c->ctx, folder, &c->kind, &set);
    if (!f->path)
        TRY(ODD_ENOMEM);
    TRY(oddi_cache_folder_open(c->ctx, f->path, &c->kind, c->file, &c->files));
out:
    return status;
}

static odd_status fill_open_file(struct fill *f)
{
    odd_status status = ODD_OK;
    struct oddi_cache *c = f->c;
    const uint64_t limit = (uint64_t)oddi_values_int(&f->r->config->values, "expert-cache-disk-mib")
                           << 20;
    uint64_t room = 0;
    TRY(oddi_cache_folder_room(c->ctx, f->path, limit, c->file,
                               oddi_cache_file_size(c->kind.record, c->count), &room));
    const size_t empty = oddi_cache_file_size(c->kind.record, 0),
                 each = oddi_cache_file_size(c->kind.record, 1) - empty;
    f->limit = room > empty ? (size_t)((room - empty) / each) : 0;
    if (f->limit > 0)
        TRY(oddi_cache_writer_open(&f->writer, c->ctx, f->path, &c->kind));
out:
    return status;
}

/* ---- computing ----------------------------------------------------------------------------- */

/* At the first picture that no file holds; those before it are in files. */
static odd_status fill_begin(struct fill *f, size_t position)
{
    odd_status status = ODD_OK;
    struct oddi_cache *c = f->c;
    const struct oddi_values *v = &f->r->config->values;
    const size_t budget = (size_t)oddi_values_int(v, "expert-cache-mib") << 20,
                 left = c->count - position;
    f->begun = true;
    c->room = budget / c->kind.record < left ? budget / c->kind.record : left;
    if (c->room > 0) {
        c->memory = oddi_alloc_aligned(c->ctx, c->room * c->kind.record);
        if (!c->memory) {
            c->room = 0;
            return ODD_ENOMEM;
        }
    }
    if (!f->path || f->without)
        return ODD_OK;
    TRY(fill_without(f, fill_open_file(f)));
    for (size_t i = 0; i < position; i++)
        TRY(fill_add(f, &f->hash[i], c->slot[i]));
out:
    return status;
}

static odd_status fill_run(struct fill *f)
{
    struct oddi_cache *c = f->c;
    odd_status status = f->waits ? oddi_frozen_run(&c->frozen) : ODD_OK;
    for (int k = 0; status == ODD_OK && k < f->waits; k++) {
        const size_t position = f->waiting[k];
        unsigned char *record = c->record;
        if (c->used < c->room) {
            record = c->memory + c->used++ * c->kind.record;
            c->slot[position] = record;
            c->kept++;
        }
        oddi_cache_pack(c, k, record);
        status = fill_add(f, &f->hash[position], record);
    }
    f->waits = 0;
    return status;
}

/* Whether a record computed now could not be kept. */
static bool fill_is_full(const struct fill *f)
{
    const struct oddi_cache *c = f->c;
    const size_t waits = (size_t)f->waits;
    return f->begun && c->used + waits >= c->room &&
           !(f->writer.hasher && f->writer.count + waits < f->limit);
}

static const void *fill_find(const struct oddi_cache *c, const struct oddi_hash128 *hash)
{
    const void *record = NULL;
    for (int i = 0; i < c->files && !record; i++)
        record = oddi_cache_file_find(&c->file[i], hash);
    return record;
}

/* The slot of a picture that some file holds. Other sets' files are asked for the first few that
 * the open ones lack: a set that overlaps shows soon. */
static odd_status fill_reuse(struct fill *f, size_t position)
{
    odd_status status = ODD_OK;
    struct oddi_cache *c = f->c;
    const struct oddi_hash128 *hash = &f->hash[position];
    if (position == 0)
        TRY(fill_look(f));
    c->slot[position] = fill_find(c, hash);
    if (c->slot[position] || !f->path || f->without || f->searches++ >= FILL_SEARCHES)
        return ODD_OK;
    TRY(fill_without(
        f, oddi_cache_folder_search(c->ctx, f->path, &c->kind, hash, c->file, &c->files)));
    c->slot[position] = fill_find(c, hash);
out:
    return status;
}

static odd_status fill_one(struct fill *f, size_t position)
{
    odd_status status = ODD_OK;
    struct oddi_cache *c = f->c;
    TRY(oddi_loader_get(f->r->loader, position, f->picture));
    oddi_hash_bytes(f->picture, c->picture * sizeof(float), &f->hash[position]);
    TRY(fill_reuse(f, position));
    if (c->slot[position]) {
        c->kept++;
        c->reused++;
        return fill_add(f, &f->hash[position], c->slot[position]);
    }
    if (!f->begun)
        TRY(fill_begin(f, position));
    if (fill_is_full(f))
        return ODD_OK;
    oddi_frozen_set(&c->frozen, f->waits, f->picture);
    f->waiting[f->waits++] = position;
    if (f->waits == c->frozen.batch)
        TRY(fill_run(f));
out:
    return status;
}

/* ---- the pass ------------------------------------------------------------------------------ */

static void fill_show(struct fill *f, size_t done)
{
    const uint64_t now = oddi_os_now_ns();
    if (done < f->c->count && now - f->shown < FILL_SHOW_NS)
        return;
    oddi_report_pictures(f->r->ctx, "expert", done, f->c->count, f->began);
    f->shown = now;
}

/* The new file serves what memory does not hold, and the others' records are no longer needed. */
static odd_status fill_end(struct fill *f, size_t done)
{
    odd_status status = ODD_OK;
    struct oddi_cache *c = f->c;
    if (!f->writer.hasher || f->writer.count == 0)
        return ODD_OK;
    status = oddi_cache_writer_commit(&f->writer);
    if (status != ODD_OK)
        return fill_without(f, status);
    if (c->files == ODDI_CACHE_FILES_MAX || c->kept == c->count)
        return ODD_OK;
    TRY(oddi_cache_file_open(&c->file[c->files], c->ctx, f->path, &c->kind));
    const struct oddi_cache_file *own = &c->file[c->files++];
    for (size_t i = 0; i < done; i++) {
        if (c->slot[i])
            continue;
        c->slot[i] = oddi_cache_file_find(own, &f->hash[i]);
        c->kept += c->slot[i] != NULL;
    }
out: /* another may have removed or replaced it */
    return status == ODD_EFORMAT ? ODD_OK : fill_without(f, status);
}

static odd_status fill_start(struct fill *f)
{
    struct oddi_cache *c = f->c;
    const struct oddi_values *v = &f->r->config->values;
    double seconds = 0;
    f->began = f->shown = oddi_os_now_ns();
    if (oddi_parse_duration(oddi_values_text(v, "time-budget"), &seconds))
        f->deadline = f->began + (uint64_t)(seconds * 0.5e9);
    c->count = oddi_loader_count(f->r->loader);
    c->slot = oddi_calloc(c->ctx, c->count + 1, sizeof(*c->slot));
    f->hash = oddi_calloc(c->ctx, c->count + 1, sizeof(*f->hash));
    f->picture = oddi_alloc_aligned(c->ctx, c->picture * sizeof(float));
    if (!c->slot || !f->hash || !f->picture)
        return ODD_ENOMEM;
    return ODD_OK;
}

/* Half of a time budget must be left for steps. */
static bool fill_ends(const struct fill *f)
{
    return oddi_cancelled(f->r->ctx) || (f->deadline && oddi_os_now_ns() >= f->deadline) ||
           (f->c->files == 0 && fill_is_full(f));
}

odd_status oddi_cache_fill(struct oddi_cache *c, struct train_run *r)
{
    odd_status status = ODD_OK;
    struct fill f = {.c = c, .r = r};
    size_t done = 0;
    TRY(fill_start(&f));
    while (done < c->count && !fill_ends(&f)) {
        TRY(fill_one(&f, done));
        fill_show(&f, ++done);
    }
    TRY(fill_run(&f));
    TRY(fill_end(&f, done));
    c->filled = true;
    c->peak = oddi_trainer_memory(&r->trainer) + oddi_cache_memory(c);
out:
    oddi_cache_writer_abort(&f.writer);
    oddi_free(c->ctx, f.path);
    oddi_free(c->ctx, f.hash);
    oddi_free_aligned(c->ctx, f.picture);
    return status;
}
