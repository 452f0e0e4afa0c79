/* SPDX-License-Identifier: Apache-2.0
 *
 * The safetensors format: 8 bytes little-endian header length, a JSON header, raw data.
 *
 * The reader takes nothing on trust: the header's length is bounded, duplicate keys are refused,
 * and the tensors must lie one after another from the first data byte to the last, without gap
 * or overlap, each as long as its shape says (the rule of the format's own Python reader). The
 * writer places wide elements first, so every tensor is aligned to its element, and pads the
 * header with spaces so that the data begins at a multiple of 64.
 */
#ifndef ODDI_STORE_SAFETENSORS_H
#define ODDI_STORE_SAFETENSORS_H
#include "base/alloc.h"
#include "base/hash.h"
#include "tensor/tensor.h"

#define ODDI_ST_MAX_HEADER ((size_t)100 * 1000 * 1000)
#define ODDI_ST_MAX_DIMS 8
#define ODDI_ST_ALIGN 64
#define ODDI_ST_DIGEST "digest" /* name of the last tensor of a file written with a digest */
#define ODDI_ST_DIGEST_SIZE 16

/* X(name in the file, bytes of an element) */
#define ODDI_ST_DTYPES(X)                                                                          \
    X(F64, 8) X(I64, 8) X(U64, 8) X(F32, 4) X(I32, 4) X(U32, 4) X(F16, 2) X(BF16, 2) X(I16, 2)     \
    X(U16, 2) X(F8_E4M3, 1) X(F8_E5M2, 1) X(I8, 1) X(U8, 1) X(BOOL, 1)
enum oddi_st_dtype {
#define ODDI_ST_ENUM(name, size) ODDI_ST_##name,
    ODDI_ST_DTYPES(ODDI_ST_ENUM)
#undef ODDI_ST_ENUM
    ODDI_ST_DTYPE_COUNT
};
size_t oddi_st_dtype_size(enum oddi_st_dtype dtype);
const char *oddi_st_dtype_name(enum oddi_st_dtype dtype);
enum oddi_st_dtype oddi_st_dtype_of(enum oddi_type type);
/* False where our own tensors have no such type (F16, I32, ...). */
bool oddi_st_dtype_type(enum oddi_st_dtype dtype, enum oddi_type *type);

/* In the reader `data` points into the file: aligned only if that file's writer saw to it. */
struct oddi_st_tensor {
    const char *name;
    enum oddi_st_dtype dtype;
    int rank;
    int64_t dim[ODDI_ST_MAX_DIMS];
    const unsigned char *data;
    size_t size; /* bytes */
};
struct oddi_st_meta {
    const char *key, *value;
};

struct oddi_safetensors;
/* Maps the file; it stays mapped until _free. Messages name `path`. */
odd_status oddi_safetensors_open(struct odd_context *ctx, const char *path,
                                 struct oddi_safetensors **st);
/* The same over the caller's bytes, which must outlive it; `what` names them in messages. */
odd_status oddi_safetensors_open_memory(struct odd_context *ctx, const void *data, size_t size,
                                        const char *what, struct oddi_safetensors **st);
void oddi_safetensors_free(struct oddi_safetensors *st);

/* Tensors in name order (strcmp); everything is owned by `st`. */
size_t oddi_safetensors_count(const struct oddi_safetensors *st);
const struct oddi_st_tensor *oddi_safetensors_at(const struct oddi_safetensors *st, size_t i);
const struct oddi_st_tensor *oddi_safetensors_find(const struct oddi_safetensors *st,
                                                   const char *name); /* NULL: not there */
size_t oddi_safetensors_meta_count(const struct oddi_safetensors *st);
const struct oddi_st_meta *oddi_safetensors_meta_at(const struct oddi_safetensors *st, size_t i);
const char *oddi_safetensors_meta(const struct oddi_safetensors *st, const char *key);
const char *oddi_safetensors_what(const struct oddi_safetensors *st);
/* Recomputes the digest of the whole file and compares it with the one stored (see the writer);
 * ODD_EFORMAT when there is none at the end of the file or a byte changed. */
odd_status oddi_safetensors_check_digest(struct oddi_safetensors *st, struct oddi_hash128 *digest);
/* Numbers of a F32, F64, F16 or BF16 tensor as float; ODD_ENOTSUP otherwise. */
odd_status oddi_st_to_f32(struct odd_context *ctx, const struct oddi_st_tensor *t, float *values);

/* Collects names, shapes and borrowed data, then writes the file at once. Any call may fail;
 * after _init, _release always. */
struct oddi_st_writer {
    struct odd_context *ctx;
    struct oddi_arena arena; /* names and metadata */
    struct oddi_st_tensor *tensors;
    size_t count, capacity;
    struct oddi_st_meta *meta;
    size_t meta_count, meta_capacity;
};
void oddi_st_writer_init(struct oddi_st_writer *w, struct odd_context *ctx);
void oddi_st_writer_release(struct oddi_st_writer *w);
odd_status oddi_st_writer_meta(struct oddi_st_writer *w, const char *key, const char *value);
/* The name is copied, the data borrowed until _save; size is checked against the shape. */
odd_status oddi_st_writer_add(struct oddi_st_writer *w, const struct oddi_st_tensor *tensor);
/* Atomic (base/file.h). With `digest` not NULL a last tensor named "digest", 16 bytes of U8, is
 * added: XXH3-128, big-endian, of every byte of the file before it, header included. */
odd_status oddi_st_writer_save(struct oddi_st_writer *w, const char *path,
                               struct oddi_hash128 *digest);
void oddi_st_digest_bytes(const struct oddi_hash128 *digest,
                          unsigned char bytes[ODDI_ST_DIGEST_SIZE]);
#endif
