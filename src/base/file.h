/* SPDX-License-Identifier: Apache-2.0
 *
 * Files: whole reads with a limit, mapped reads, and writing that never leaves half a file under
 * its final name (temporary name in the same folder, synced, renamed, folder synced). Built on
 * the I/O table of base/os.h, whose Nth call can be made to fail by tests.
 */
#ifndef ODDI_BASE_FILE_H
#define ODDI_BASE_FILE_H
#include "base/ctx.h"

/* Regular files only (ODD_EIO names what it is otherwise). *data is terminated by a 0 byte that
 * size does not count; freed with oddi_free. */
odd_status oddi_file_read(struct odd_context *ctx, const char *path, size_t limit, char **data,
                          size_t *size);

struct oddi_map {
    const unsigned char *data;
    size_t size;
};
odd_status oddi_file_map(struct odd_context *ctx, const char *path, struct oddi_map *map);
void oddi_file_unmap(struct oddi_map *map);

/* Atomic writer. open .. write* .. commit, or abort (also after failure; safe to call twice). A
 * failed call has already aborted: no temporary file is left, and what was under the final name
 * is unchanged. */
struct oddi_writer {
    struct odd_context *ctx;
    char *path, *temporary;
    int fd;
    uint64_t written;
    unsigned char *buffer;
    size_t used;
};
odd_status oddi_writer_open(struct odd_context *ctx, const char *path, struct oddi_writer *w);
odd_status oddi_writer_write(struct oddi_writer *w, const void *data, size_t size);
odd_status oddi_writer_printf(struct oddi_writer *w, const char *format, ...) ODDI_PRINTF(2, 3);
odd_status oddi_writer_commit(struct oddi_writer *w);
void oddi_writer_abort(struct oddi_writer *w);
/* Renames and syncs the folder: what a writer commits with. The rename is what counts: a folder
 * that cannot be synced after it is a warning in the log. */
odd_status oddi_file_rename(struct odd_context *ctx, const char *from, const char *to);
odd_status oddi_file_write(struct odd_context *ctx, const char *path, const void *data,
                           size_t size); /* atomic, whole */

/* Path helpers. Results are freed with oddi_free. Joining to "" or an absolute name gives name. */
char *oddi_path_join(struct odd_context *ctx, const char *folder, const char *name);
const char *oddi_path_base(const char *path);                    /* after the last '/' */
char *oddi_path_stem(struct odd_context *ctx, const char *path); /* base without last extension */
odd_status oddi_make_folders(struct odd_context *ctx, const char *path); /* mkdir -p */
#endif
