/* SPDX-License-Identifier: Apache-2.0
 *
 * What the model file and the resume file share: tensors by name and one JSON text in a
 * safetensors file whose last tensor is a digest of every byte before it. A file of another
 * format or format version, or one with a changed byte, is refused by name.
 */
#ifndef ODDI_STORE_STORE_H
#define ODDI_STORE_STORE_H
#include "store/safetensors.h"

#define ODDI_STORE_VERSION "1"

struct oddi_stored {
    const char *name;
    enum oddi_type type;
    struct oddi_shape shape;
    const void *data; /* plain, row-major, aligned to its element */
    size_t size;      /* bytes */
};

struct oddi_store {
    struct odd_context *ctx;
    const char *format;        /* "oddity" or "oddity-state" (static) */
    struct oddi_arena arena;   /* names, copies, texts */
    struct oddi_stored *items; /* in the order of adding; by name after loading */
    size_t count, capacity;
    size_t loaded;             /* the first so many came from `file`, by name */
    char *json;                /* in the arena; "{}" until set */
    struct oddi_safetensors *file; /* after loading: what `data` points into */
    struct oddi_hash128 digest;    /* after loading and saving */
};

void oddi_store_init(struct oddi_store *c, struct odd_context *ctx, const char *format);
void oddi_store_release(struct oddi_store *c);

/* The name is copied. `data` is borrowed until saved; _add_copy copies it. Names: not empty, not
 * twice, not "digest"; shapes as oddi_shape_valid says (a scalar has rank 0). */
odd_status oddi_store_add(struct oddi_store *c, const char *name, enum oddi_type type,
                              const struct oddi_shape *shape, const void *data);
odd_status oddi_store_add_copy(struct oddi_store *c, const char *name,
                                   enum oddi_type type, const struct oddi_shape *shape,
                                   const void *data);
/* NULL: not there. */
const struct oddi_stored *oddi_store_find(const struct oddi_store *c, const char *name);
/* Copies the text, which must be a JSON object. */
odd_status oddi_store_set_json(struct oddi_store *c, const char *text);

/* Atomic. `extra` are more metadata pairs ("method"). */
odd_status oddi_store_save(struct oddi_store *c, const char *path,
                               const struct oddi_st_meta *extra, size_t extra_count);
/* Into a container fresh from _init; on failure it is empty again. Tensors point into the mapped
 * file until _release. */
odd_status oddi_store_load(struct oddi_store *c, const char *path);
/* The same from memory, which must outlive the container and be aligned to 64 bytes. */
odd_status oddi_store_load_memory(struct oddi_store *c, const void *data, size_t size,
                                      const char *what);
/* Metadata of the loaded file; NULL: not there. */
const char *oddi_store_meta(const struct oddi_store *c, const char *key);
#endif
