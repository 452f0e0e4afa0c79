/* SPDX-License-Identifier: Apache-2.0
 *
 * The folder of cache files (cache_file.h): finding a kind's files, and keeping all of them within
 * a limit. Other trainings may work in it at the same time: a file that has gone meanwhile is no
 * error, and who has one mapped keeps it after its name has gone.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/os.h"
#include "base/str.h"
#include "engine/cache_file.h"

#define FOLDER_SUFFIX ".taps"
#define FOLDER_STALE_SECONDS (24 * 3600)
#define FOLDER_NAMES_MAX 100000

char *oddi_cache_path(struct odd_context *ctx, const char *folder,
                      const struct oddi_cache_kind *kind, const struct oddi_hash128 *set)
{
    char kind_text[ODDI_HASH_TEXT], set_text[ODDI_HASH_TEXT];
    char name[2 * ODDI_HASH_TEXT + sizeof(FOLDER_SUFFIX)];
    oddi_hash_format(&kind->hash, kind_text);
    oddi_hash_format(set, set_text);
    snprintf(name, sizeof(name), "%s-%s" FOLDER_SUFFIX, kind_text, set_text);
    return oddi_path_join(ctx, folder, name);
}

/* ---- listing ------------------------------------------------------------------------------- */

struct folder_file {
    char *path;
    struct oddi_stat st;
};
struct folder_list {
    struct odd_context *ctx;
    const char *folder;
    bool (*wants)(const char *name);
    struct folder_file *file;
    size_t count, capacity;
    odd_status status;
};

static bool folder_is_cache(const char *name)
{
    return oddi_ends_with(name, FOLDER_SUFFIX);
}

/* The temporary names of the atomic writer. */
static bool folder_is_temporary(const char *name)
{
    return oddi_starts_with(name, ".oddity-") && oddi_ends_with(name, ".tmp");
}

static odd_status folder_add(struct folder_list *l, const char *name)
{
    void *files = l->file;
    struct oddi_stat st = {.kind = ODDI_FILE_NONE};
    char *path = oddi_path_join(l->ctx, l->folder, name);
    if (!path)
        return ODD_ENOMEM;
    if (oddi_os_stat(path, &st) != 0 || st.kind != ODDI_FILE_REGULAR) {
        oddi_free(l->ctx, path);
        return ODD_OK;
    }
    const odd_status status =
        oddi_reserve(l->ctx, &files, &l->capacity, l->count + 1, sizeof(*l->file));
    if (status != ODD_OK) {
        oddi_free(l->ctx, path);
        return status;
    }
    l->file = files;
    l->file[l->count++] = (struct folder_file){path, st};
    return ODD_OK;
}

static int folder_name(void *user, const char *name)
{
    struct folder_list *l = user;
    if (l->wants(name))
        l->status = folder_add(l, name);
    return l->status != ODD_OK || l->count == FOLDER_NAMES_MAX;
}

static void folder_release(struct folder_list *l)
{
    for (size_t i = 0; i < l->count; i++)
        oddi_free(l->ctx, l->file[i].path);
    oddi_free(l->ctx, l->file);
}

/* By age, the oldest first; names decide between equals. */
static int folder_older(const void *a, const void *b)
{
    const struct folder_file *x = a, *y = b;
    if (x->st.mtime_ns != y->st.mtime_ns)
        return x->st.mtime_ns < y->st.mtime_ns ? -1 : 1;
    return strcmp(x->path, y->path);
}

/* ODD_EIO when the folder cannot be read. The caller releases, also after failure. */
static odd_status folder_read(struct folder_list *l)
{
    const int error = oddi_os_list(l->folder, folder_name, l);
    if (l->status != ODD_OK)
        return l->status;
    if (error)
        return oddi_fail_errno(l->ctx, ODD_EIO, error, "cannot read the folder '%s'", l->folder);
    if (l->count)
        qsort(l->file, l->count, sizeof(*l->file), folder_older);
    return ODD_OK;
}

/* ---- finding ------------------------------------------------------------------------------- */

/* Unreadable: as if it were not there. Damaged: named and removed. */
static odd_status folder_forgive(struct odd_context *ctx, const char *path, odd_status status)
{
    if (status == ODD_EFORMAT) {
        oddi_log(ctx, ODD_LOG_WARNING, "%s; it is discarded and made anew", odd_last_message(ctx));
        oddi_os_unlink(path);
    }
    return status == ODD_ENOMEM ? status : ODD_OK;
}

odd_status oddi_cache_folder_open(struct odd_context *ctx, const char *path,
                                  const struct oddi_cache_kind *kind,
                                  struct oddi_cache_file file[ODDI_CACHE_FILES_MAX], int *count)
{
    struct oddi_stat st;
    if (*count == ODDI_CACHE_FILES_MAX || oddi_os_stat(path, &st) != 0)
        return ODD_OK;
    struct oddi_cache_file *f = &file[*count];
    const odd_status status = oddi_cache_file_open(f, ctx, path, kind);
    *count += status == ODD_OK;
    return folder_forgive(ctx, path, status);
}

static bool folder_is_used(const struct oddi_cache_file *used, const char *path)
{
    for (int i = 0; i < ODDI_CACHE_FILES_MAX; i++)
        if (used[i].path && strcmp(used[i].path, path) == 0)
            return true;
    return false;
}

/* The folder part of a path, freed with oddi_free. */
static char *folder_of(struct odd_context *ctx, const char *path)
{
    const size_t length = (size_t)(oddi_path_base(path) - path);
    return length ? oddi_strndup(ctx, path, length > 1 ? length - 1 : 1) : oddi_strdup(ctx, ".");
}

odd_status oddi_cache_folder_search(struct odd_context *ctx, const char *path,
                                    const struct oddi_cache_kind *kind,
                                    const struct oddi_hash128 *hash,
                                    struct oddi_cache_file file[ODDI_CACHE_FILES_MAX], int *count)
{
    odd_status status = ODD_OK;
    char text[ODDI_HASH_TEXT], *folder = folder_of(ctx, path);
    struct oddi_stat st;
    struct folder_list l = {.ctx = ctx, .folder = folder, .wants = folder_is_cache};
    if (!folder)
        return ODD_ENOMEM;
    oddi_hash_format(&kind->hash, text);
    if (oddi_os_stat(folder, &st) == 0)
        TRY(folder_read(&l));
    for (size_t i = 0; i < l.count; i++) {
        const char *one = l.file[i].path;
        bool mentions = false;
        if (!oddi_starts_with(oddi_path_base(one), text) || folder_is_used(file, one))
            continue;
        TRY(folder_forgive(ctx, one, oddi_cache_file_peek(ctx, one, kind, hash, &mentions)));
        if (mentions)
            TRY(oddi_cache_folder_open(ctx, one, kind, file, count));
    }
out:
    folder_release(&l);
    oddi_free(ctx, folder);
    return status;
}

/* ---- room ---------------------------------------------------------------------------------- */

static void folder_remove_stale(const struct folder_list *l)
{
    const int64_t now = oddi_os_utc_seconds();
    for (size_t i = 0; i < l->count; i++)
        if (now - l->file[i].st.mtime_ns / 1000000000 > FOLDER_STALE_SECONDS)
            oddi_os_unlink(l->file[i].path);
}

/* Removes the oldest until `limit` holds with `need` more; bytes that are left for it. */
static uint64_t folder_make_room(const struct folder_list *l, const char *path, uint64_t limit,
                                 const struct oddi_cache_file *used, uint64_t need)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < l->count; i++)
        if (strcmp(l->file[i].path, path) != 0) /* that one is replaced */
            sum += l->file[i].st.size;
    for (size_t i = 0; i < l->count && (sum > limit || need > limit - sum); i++) {
        const struct folder_file *f = &l->file[i];
        if (strcmp(f->path, path) == 0 || folder_is_used(used, f->path))
            continue;
        const int error = oddi_os_unlink(f->path);
        if (!error)
            sum -= f->st.size;
    }
    if (sum >= limit)
        return 0;
    return need < limit - sum ? need : limit - sum;
}

odd_status oddi_cache_folder_room(struct odd_context *ctx, const char *path, uint64_t limit,
                                  const struct oddi_cache_file *used, uint64_t need, uint64_t *room)
{
    odd_status status = ODD_OK;
    char *folder = folder_of(ctx, path);
    struct folder_list files = {.ctx = ctx, .folder = folder, .wants = folder_is_cache},
                       temporary = {.ctx = ctx, .folder = folder, .wants = folder_is_temporary};
    if (!folder)
        return ODD_ENOMEM;
    TRY(oddi_make_folders(ctx, folder));
    TRY(folder_read(&temporary));
    folder_remove_stale(&temporary);
    TRY(folder_read(&files));
    *room = folder_make_room(&files, path, limit, used, need);
out:
    folder_release(&files);
    folder_release(&temporary);
    oddi_free(ctx, folder);
    return status;
}
