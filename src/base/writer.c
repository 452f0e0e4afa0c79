/* SPDX-License-Identifier: Apache-2.0
 *
 * The atomic writer. Bytes go to a temporary name in the same folder; commit syncs the file,
 * renames it over the final name and syncs the folder. So under the final name there is the old
 * file or the whole new one, at every moment, and a call that fails has changed nothing.
 */
#include "base/file.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "base/alloc.h"
#include "base/os.h"
#include "base/str.h"

#define WRITER_BUFFER ((size_t)64 * 1024)
#define WRITER_TRIES 100 /* temporary names */

/* The folder part of a path: "." or what is before the last '/'. */
static char *writer_folder(struct odd_context *ctx, const char *path)
{
    size_t length = (size_t)(oddi_path_base(path) - path);
    if (length == 0)
        return oddi_strdup(ctx, ".");
    return oddi_strndup(ctx, path, length > 1 ? length - 1 : 1);
}

/* A name that no other process or writer has: process, time, and the number of the try. The
 * final name is no part of it, as that may already have the greatest length. */
static odd_status writer_create(struct oddi_writer *w)
{
    int error = EEXIST;
    size_t folder = (size_t)(oddi_path_base(w->path) - w->path);
    uint64_t stamp = oddi_os_now_ns();
    for (int i = 0; i < WRITER_TRIES && error == EEXIST; i++) {
        struct oddi_str name;
        oddi_str_init(&name, w->ctx);
        oddi_str_add_size(&name, w->path, folder);
        oddi_str_addf(&name, ".oddity-%d-%" PRIx64 "-%d.tmp", oddi_os_pid(), stamp, i);
        char *temporary;
        odd_status status = oddi_str_take(&name, &temporary);
        if (status != ODD_OK)
            return status;
        error = oddi_os_create(temporary, &w->fd);
        if (error == 0)
            w->temporary = temporary;
        else
            oddi_free(w->ctx, temporary);
    }
    if (error)
        return oddi_fail_errno(w->ctx, ODD_EIO, error, "cannot write '%s'", w->path);
    return ODD_OK;
}

odd_status oddi_writer_open(struct odd_context *ctx, const char *path, struct oddi_writer *w)
{
    odd_status status = ODD_ENOMEM;
    struct oddi_stat st;
    *w = (struct oddi_writer){.ctx = ctx, .fd = -1};
    /* Renaming over a device would replace the device. */
    int error = oddi_os_stat(path, &st);
    if (error == 0 && st.kind != ODDI_FILE_REGULAR)
        return oddi_fail(ctx, ODD_EIO, "cannot write '%s': it is %s", path,
                         st.kind == ODDI_FILE_FOLDER ? "a folder" : "not a regular file");
    if (error && error != ENOENT)
        return oddi_fail_errno(ctx, ODD_EIO, error, "cannot write '%s'", path);
    w->path = oddi_strdup(ctx, path);
    w->buffer = w->path ? oddi_alloc(ctx, WRITER_BUFFER) : NULL;
    if (!w->buffer)
        goto out;
    TRY(writer_create(w));
out:
    if (status != ODD_OK)
        oddi_writer_abort(w);
    return status;
}

static odd_status writer_put(struct oddi_writer *w, const void *data, size_t size)
{
    int error = oddi_os_write(w->fd, data, size);
    if (error)
        return oddi_fail_errno(w->ctx, ODD_EIO, error, "cannot write '%s'", w->path);
    return ODD_OK;
}

static odd_status writer_flush(struct oddi_writer *w)
{
    size_t used = w->used;
    w->used = 0;
    return used ? writer_put(w, w->buffer, used) : ODD_OK;
}

static odd_status writer_closed(const struct oddi_writer *w)
{
    if (w->fd >= 0)
        return ODD_OK;
    return oddi_fail(w->ctx, ODD_EBUG, "a file is written to after it was closed");
}

odd_status oddi_writer_write(struct oddi_writer *w, const void *data, size_t size)
{
    odd_status status;
    TRY(writer_closed(w));
    if (size > WRITER_BUFFER - w->used)
        TRY(writer_flush(w));
    if (size >= WRITER_BUFFER) {
        TRY(writer_put(w, data, size));
    } else if (size) {
        memcpy(w->buffer + w->used, data, size);
        w->used += size;
    }
    w->written += size;
out:
    if (status != ODD_OK)
        oddi_writer_abort(w);
    return status;
}

odd_status oddi_writer_printf(struct oddi_writer *w, const char *format, ...)
{
    odd_status status = ODD_OK;
    char small[512];
    char *text = small;
    va_list args;
    va_start(args, format);
    int length = oddi_vformat(small, sizeof small, format, args);
    va_end(args);
    if (length < 0) {
        status = oddi_fail(w->ctx, ODD_EBUG, "cannot format '%s'", format);
        goto out;
    }
    if ((size_t)length >= sizeof small) {
        text = oddi_alloc(w->ctx, (size_t)length + 1);
        if (!text) {
            status = ODD_ENOMEM;
            goto out;
        }
        va_start(args, format);
        oddi_vformat(text, (size_t)length + 1, format, args);
        va_end(args);
    }
    TRY(oddi_writer_write(w, text, (size_t)length));
out:
    if (text != small)
        oddi_free(w->ctx, text);
    if (status != ODD_OK)
        oddi_writer_abort(w);
    return status;
}

odd_status oddi_file_rename(struct odd_context *ctx, const char *from, const char *to)
{
    char *folder = writer_folder(ctx, to);
    if (!folder)
        return ODD_ENOMEM;
    int error = oddi_os_rename(from, to);
    if (error) {
        oddi_free(ctx, folder);
        return oddi_fail_errno(ctx, ODD_EIO, error, "cannot rename '%s' to '%s'", from, to);
    }
    if (oddi_os_sync_folder(folder) != 0)
        oddi_log(ctx, ODD_LOG_WARNING, "'%s' is written, but its folder could not be synced", to);
    oddi_free(ctx, folder);
    return ODD_OK;
}

odd_status oddi_writer_commit(struct oddi_writer *w)
{
    odd_status status;
    TRY(writer_closed(w));
    TRY(writer_flush(w));
    int error = oddi_os_sync(w->fd);
    int fd = w->fd;
    w->fd = -1;
    int late = oddi_os_close(fd); /* network file systems report lost writes here */
    if (!error)
        error = late;
    if (error) {
        status = oddi_fail_errno(w->ctx, ODD_EIO, error, "cannot write '%s'", w->path);
        goto out;
    }
    TRY(oddi_file_rename(w->ctx, w->temporary, w->path));
    oddi_free(w->ctx, w->temporary);
    w->temporary = NULL;
out:
    oddi_writer_abort(w); /* after a success it only frees */
    return status;
}

void oddi_writer_abort(struct oddi_writer *w)
{
    if (w->fd >= 0)
        oddi_os_close(w->fd);
    w->fd = -1;
    if (w->temporary)
        oddi_os_unlink(w->temporary);
    oddi_free(w->ctx, w->temporary);
    oddi_free(w->ctx, w->path);
    oddi_free(w->ctx, w->buffer);
    w->temporary = NULL;
    w->path = NULL;
    w->buffer = NULL;
    w->used = 0;
}

odd_status oddi_file_write(struct odd_context *ctx, const char *path, const void *data, size_t size)
{
    odd_status status;
    struct oddi_writer w = {.ctx = ctx, .fd = -1};
    TRY(oddi_writer_open(ctx, path, &w));
    TRY(oddi_writer_write(&w, data, size));
    TRY(oddi_writer_commit(&w));
out:
    oddi_writer_abort(&w);
    return status;
}
