/* SPDX-License-Identifier: Apache-2.0
 *
 * Whole reads, maps and paths. The atomic writer is in writer.c.
 */
#include "base/file.h"

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "base/os.h"

#define FILE_FIRST ((size_t)4096) /* first block for files that give no size */

/* Fails unless `path` is a regular file; its size otherwise. */
static odd_status file_check(struct odd_context *ctx, const char *path, uint64_t *size)
{
    struct oddi_stat st;
    int error = oddi_os_stat(path, &st);
    if (error)
        return oddi_fail_errno(ctx, ODD_EIO, error, "cannot read '%s'", path);
    if (st.kind != ODDI_FILE_REGULAR)
        return oddi_fail(ctx, ODD_EIO, "cannot read '%s': it is %s, not a regular file", path,
                         st.kind == ODDI_FILE_FOLDER ? "a folder" : "a device or pipe");
    *size = st.size;
    return ODD_OK;
}

static odd_status file_too_large(struct odd_context *ctx, const char *path, size_t limit)
{
    return oddi_fail(ctx, ODD_ELIMIT, "'%s' is larger than the limit of %zu bytes", path, limit);
}

struct file_text {
    char *data;
    size_t size, capacity;
};

/* Reads to the end of the file: its size may have changed since it was asked for. */
static odd_status file_read_all(struct odd_context *ctx, int fd, const char *path, size_t limit,
                                struct file_text *text)
{
    odd_status status;
    for (;;) {
        size_t got = 0;
        int error = oddi_os_read(fd, text->data + text->size, text->capacity - text->size, &got);
        if (error)
            return oddi_fail_errno(ctx, ODD_EIO, error, "cannot read '%s'", path);
        text->size += got;
        if (text->size > limit)
            return file_too_large(ctx, path, limit);
        if (text->size < text->capacity)
            break;
        void *block = text->data;
        TRY(oddi_reserve(ctx, &block, &text->capacity, text->capacity + 1, 1));
        text->data = block;
    }
    text->data[text->size] = '\0';
    status = ODD_OK;
out:
    return status;
}

odd_status oddi_file_read(struct odd_context *ctx, const char *path, size_t limit, char **data,
                          size_t *size)
{
    odd_status status;
    struct file_text text = {NULL, 0, FILE_FIRST};
    uint64_t length = 0;
    int fd = -1;
    TRY(file_check(ctx, path, &length));
    if (length > limit) {
        status = file_too_large(ctx, path, limit);
        goto out;
    }
    if (length) /* room for the end mark, and for seeing that nothing follows */
        text.capacity = (size_t)length + 1;
    text.data = oddi_alloc(ctx, text.capacity);
    if (!text.data)
        return ODD_ENOMEM;
    int error = oddi_os_open_read(path, &fd);
    if (error) {
        status = oddi_fail_errno(ctx, ODD_EIO, error, "cannot read '%s'", path);
        goto out;
    }
    TRY(file_read_all(ctx, fd, path, limit, &text));
    *data = text.data;
    *size = text.size;
    text.data = NULL;
out:
    if (fd >= 0)
        oddi_os_close(fd); /* of a file that was only read: nothing is lost */
    oddi_free(ctx, text.data);
    return status;
}

odd_status oddi_file_map(struct odd_context *ctx, const char *path, struct oddi_map *map)
{
    odd_status status;
    uint64_t length = 0;
    struct oddi_map made;
    TRY(file_check(ctx, path, &length));
    int error = oddi_os_map(path, &made.data, &made.size);
    if (error) {
        status = oddi_fail_errno(ctx, ODD_EIO, error, "cannot map '%s'", path);
        goto out;
    }
    *map = made;
out:
    return status;
}

void oddi_file_unmap(struct oddi_map *map)
{
    if (map->data)
        oddi_os_unmap(map->data, map->size);
    map->data = NULL;
    map->size = 0;
}

char *oddi_path_join(struct odd_context *ctx, const char *folder, const char *name)
{
    size_t head = strlen(folder), tail = strlen(name);
    if (head == 0 || name[0] == '/')
        return oddi_strdup(ctx, name);
    bool slash = folder[head - 1] != '/';
    char *path = oddi_alloc(ctx, head + tail + 2);
    if (!path)
        return NULL;
    memcpy(path, folder, head);
    if (slash)
        path[head++] = '/';
    memcpy(path + head, name, tail + 1);
    return path;
}

const char *oddi_path_base(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

char *oddi_path_stem(struct odd_context *ctx, const char *path)
{
    const char *base = oddi_path_base(path), *dot = strrchr(base, '.');
    /* The dot of a hidden file begins no extension. */
    size_t length = dot && dot != base ? (size_t)(dot - base) : strlen(base);
    return oddi_strndup(ctx, base, length);
}

odd_status oddi_make_folders(struct odd_context *ctx, const char *path)
{
    odd_status status = ODD_OK;
    char *part = oddi_strdup(ctx, path);
    if (!part)
        return ODD_ENOMEM;
    for (size_t i = 1; part[0] && status == ODD_OK; i++) {
        char kept = part[i];
        if (kept != '/' && kept != '\0')
            continue;
        part[i] = '\0';
        int error = oddi_os_mkdir(part);
        if (error)
            status = oddi_fail_errno(ctx, ODD_EIO, error, "cannot make the folder '%s'", part);
        part[i] = kept;
        if (!kept)
            break;
    }
    oddi_free(ctx, part);
    return status;
}
