/* SPDX-License-Identifier: Apache-2.0
 *
 * Weights that others have trained, as named float32 tensors, whichever kind of file they came in:
 * safetensors, PyTorch's zip archive (.pth since 1.6), PyTorch's legacy stream, or the initialisers
 * of an ONNX file. The kind is told by the content, never by the file's name.
 *
 * A file is hostile until read: nothing in it is executed, every length is checked against what is
 * there, and memory is bounded by the size of the file:
 *
 *     values of all tensors <= 4 * bytes of the file + 65536
 *
 * which any honest file keeps (a value takes two bytes or more; tensors may share storage).
 */
#ifndef ODDI_STORE_WEIGHTS_H
#define ODDI_STORE_WEIGHTS_H
#include "store/safetensors.h"

#define ODDI_WEIGHTS_MAX_NAME 512 /* bytes */

struct oddi_weight {
    const char *name; /* printable, at most ODDI_WEIGHTS_MAX_NAME bytes */
    int rank;
    int64_t dim[ODDI_ST_MAX_DIMS];
    float *value; /* row-major, 64-byte aligned; NULL when there are none */
    size_t count;
    size_t not_finite; /* how many of the values are NaN or infinite: for the caller to judge */
};

/* What the file has and float32 cannot be made of: counters, flags, texts. */
struct oddi_weights_skip {
    const char *name;
    const char *kind; /* "I64", "U8", "not a tensor", ... */
};

struct oddi_weights {
    struct odd_context *ctx;
    struct oddi_arena arena;    /* names */
    const char *what;           /* the file, in messages */
    const char *format;         /* static: "PyTorch zip archive", ... */
    struct oddi_weight *tensor; /* by name (strcmp), names unique */
    size_t count, capacity;
    struct oddi_weights_skip *skip; /* in the file's order */
    size_t skip_count, skip_capacity;
    size_t not_finite; /* of all tensors */
    size_t budget;     /* values that may still be made */
};

/* On success the caller releases; on failure *w holds nothing (and may be released). */
odd_status oddi_weights_read(struct odd_context *ctx, const char *path, struct oddi_weights *w);
/* The same of the caller's bytes; `what` names them in messages. */
odd_status oddi_weights_read_memory(struct odd_context *ctx, const void *data, size_t size,
                                    const char *what, struct oddi_weights *w);
void oddi_weights_release(struct oddi_weights *w); /* also of a zeroed one */
const struct oddi_weight *oddi_weights_find(const struct oddi_weights *w,
                                            const char *name); /* NULL: not there */

/* ---- for the readers ----------------------------------------------------------------------- */

/* A tensor as it lies in a file. Strides count elements. */
struct oddi_weights_source {
    const char *name; /* `name_size` bytes, not terminated */
    size_t name_size;
    enum oddi_st_dtype dtype;
    int rank;
    int64_t dim[ODDI_ST_MAX_DIMS], stride[ODDI_ST_MAX_DIMS]; /* >= 0 */
    const unsigned char *data;                               /* the storage */
    size_t size;                                             /* its bytes */
    int64_t offset; /* elements of the storage before the first of the tensor; >= 0 */
    bool big_endian;
};
/* Row-major strides of the dimensions; false when the number of elements overflows. */
bool oddi_weights_strides(struct oddi_weights_source *s, size_t *count);
/* Converts and keeps, or lists as skipped what is not a floating-point type. */
odd_status oddi_weights_add(struct oddi_weights *w, const struct oddi_weights_source *s);
odd_status oddi_weights_add_skip(struct oddi_weights *w, const char *name, size_t name_size,
                                 const char *kind);

/* Each reads a whole file of its kind into a prepared *w. */
odd_status oddi_weights_pth_zip(struct oddi_weights *w, const unsigned char *data, size_t size);
odd_status oddi_weights_pth_legacy(struct oddi_weights *w, const unsigned char *data, size_t size);
odd_status oddi_weights_onnx(struct oddi_weights *w, const unsigned char *data, size_t size);
#endif
