/* SPDX-License-Identifier: Apache-2.0
 *
 * Files that keep an expert's maps for later trainings. A file is written once, under a temporary
 * name, and never changed: whoever finds it by its name has all of it, and who reads it is not
 * disturbed by another that replaces or removes it. So there are no locks.
 *
 *   0   8   "oddtaps1"
 *   8   16  kind: hash of everything that a record depends on but the picture
 *   24  8   bytes of a record, a multiple of 64
 *   32  32  zero
 *   64      records, one after another
 *           16 bytes per record: hash of the prepared picture
 *           8   records; 8   zero; 16  XXH3-128 of every byte before
 *
 * Integers little-endian, hashes high word first. Names: <kind>-<set>.taps in hexadecimal digits,
 * where the set is that of the training pictures.
 */
#ifndef ODDI_ENGINE_CACHE_FILE_H
#define ODDI_ENGINE_CACHE_FILE_H
#include "base/alloc.h"
#include "base/file.h"
#include "base/hash.h"

#define ODDI_CACHE_FILES_MAX 16 /* used by one training */

struct oddi_cache_kind {
    struct oddi_hash128 hash;
    size_t record; /* bytes, a multiple of 64, above 0 */
};
struct oddi_cache_entry {
    struct oddi_hash128 hash;
    size_t place;
};
/* A file that was checked, or the same bytes in memory. */
struct oddi_cache_file {
    struct odd_context *ctx; /* NULL: not open */
    char *path;              /* NULL: of memory */
    struct oddi_map map;
    size_t record, count;
    const unsigned char *records;
    struct oddi_cache_entry *entry; /* sorted by hash */
};
/* Checks the bytes, which must outlive `f`, wholly: anything that is not as above is ODD_EFORMAT
 * with a message that begins with `what`. */
odd_status oddi_cache_file_parse(struct oddi_cache_file *f, struct odd_context *ctx,
                                 const char *what, const struct oddi_map *bytes,
                                 const struct oddi_cache_kind *kind);
/* Maps and checks. ODD_EIO: cannot be read. */
odd_status oddi_cache_file_open(struct oddi_cache_file *f, struct odd_context *ctx,
                                const char *path, const struct oddi_cache_kind *kind);
/* Looks into the index of a file that is not opened, without checking its digest: *mentions.
 * ODD_EFORMAT where its size or its beginning is wrong. */
odd_status oddi_cache_file_peek(struct odd_context *ctx, const char *path,
                                const struct oddi_cache_kind *kind, const struct oddi_hash128 *hash,
                                bool *mentions);
void oddi_cache_file_close(struct oddi_cache_file *f);
/* A picture's record, 64-byte aligned in a mapped file; NULL: not there. */
const void *oddi_cache_file_find(const struct oddi_cache_file *f, const struct oddi_hash128 *hash);

struct oddi_cache_writer {
    struct oddi_writer file;
    struct oddi_hasher *hasher; /* NULL: not open */
    struct oddi_cache_kind kind;
    struct oddi_hash128 *hash;
    size_t count, capacity;
};
/* As struct oddi_writer: a failed call has aborted, and what was under the name is unchanged. */
odd_status oddi_cache_writer_open(struct oddi_cache_writer *w, struct odd_context *ctx,
                                  const char *path, const struct oddi_cache_kind *kind);
odd_status oddi_cache_writer_add(struct oddi_cache_writer *w, const struct oddi_hash128 *hash,
                                 const void *record);
odd_status oddi_cache_writer_commit(struct oddi_cache_writer *w);
void oddi_cache_writer_abort(struct oddi_cache_writer *w);
/* Bytes of a file of that many records; SIZE_MAX where it cannot be. */
size_t oddi_cache_file_size(size_t record, size_t count);

/* ---- the folder (cache_folder.c) ------------------------------------------------------------ */

/* The path of the file of a kind and a set; freed with oddi_free. */
char *oddi_cache_path(struct odd_context *ctx, const char *folder,
                      const struct oddi_cache_kind *kind, const struct oddi_hash128 *set);
/* Opens the file of that path, if there is one. A damaged file is named in the log and removed,
 * here and in the search. Also after failure, the caller closes file[0..*count-1]. */
odd_status oddi_cache_folder_open(struct odd_context *ctx, const char *path,
                                  const struct oddi_cache_kind *kind,
                                  struct oddi_cache_file file[ODDI_CACHE_FILES_MAX], int *count);
/* Opens also those of the kind's other files in the folder of `path` that mention a picture. */
odd_status oddi_cache_folder_search(struct odd_context *ctx, const char *path,
                                    const struct oddi_cache_kind *kind,
                                    const struct oddi_hash128 *hash,
                                    struct oddi_cache_file file[ODDI_CACHE_FILES_MAX], int *count);
/* Makes the folder, removes what broken-off writers left there more than a day ago, and then the
 * oldest files of any kind until `path` may have `need` bytes within `limit` for all; not those in
 * `used`. *room: bytes that `path` may have, at most `need`. */
odd_status oddi_cache_folder_room(struct odd_context *ctx, const char *path, uint64_t limit,
                                  const struct oddi_cache_file *used, uint64_t need,
                                  uint64_t *room);
#endif
