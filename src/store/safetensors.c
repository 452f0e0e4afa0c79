/* SPDX-License-Identifier: Apache-2.0
 *
 * The safetensors reader (the format in safetensors.h). A header is parsed as JSON, every entry is
 * checked alone, then all entries together: sorted by offset they must tile the data exactly.
 * Names and texts are copied into an arena, so that the parsed JSON lives only while opening.
 */
#include "store/safetensors.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"

struct oddi_safetensors {
    struct odd_context *ctx;
    struct oddi_arena arena;
    struct oddi_map map;
    bool mapped;
    const char *what;
    const unsigned char *start; /* of the file */
    const unsigned char *data;  /* first byte behind the header */
    size_t data_size;
    struct oddi_st_tensor *tensors; /* by name */
    size_t count;
    struct oddi_st_meta *meta;
    size_t meta_count;
};

static const struct {
    const char *name;
    size_t size;
} safetensors_dtypes[ODDI_ST_DTYPE_COUNT] = {
#define SAFETENSORS_ROW(name, size) {#name, size},
    ODDI_ST_DTYPES(SAFETENSORS_ROW)
#undef SAFETENSORS_ROW
};

static const struct {
    enum oddi_type type;
    enum oddi_st_dtype dtype;
} safetensors_types[] = {
    {ODDI_F32, ODDI_ST_F32}, {ODDI_F64, ODDI_ST_F64}, {ODDI_U8, ODDI_ST_U8},
    {ODDI_U16, ODDI_ST_U16}, {ODDI_I64, ODDI_ST_I64}, {ODDI_BF16, ODDI_ST_BF16},
};

size_t oddi_st_dtype_size(enum oddi_st_dtype dtype)
{
    return safetensors_dtypes[dtype].size;
}

const char *oddi_st_dtype_name(enum oddi_st_dtype dtype)
{
    return safetensors_dtypes[dtype].name;
}

enum oddi_st_dtype oddi_st_dtype_of(enum oddi_type type)
{
    for (size_t i = 0; i < ODDI_COUNT(safetensors_types); i++)
        if (safetensors_types[i].type == type)
            return safetensors_types[i].dtype;
    return ODDI_ST_DTYPE_COUNT;
}

bool oddi_st_dtype_type(enum oddi_st_dtype dtype, enum oddi_type *type)
{
    for (size_t i = 0; i < ODDI_COUNT(safetensors_types); i++)
        if (safetensors_types[i].dtype == dtype) {
            *type = safetensors_types[i].type;
            return true;
        }
    return false;
}

/* ---- one entry ----------------------------------------------------------------------------- */

static odd_status safetensors_dtype(struct oddi_safetensors *st, const json_t *entry,
                                    struct oddi_st_tensor *t)
{
    const char *name = json_string_value(json_object_get(entry, "dtype"));
    if (name == NULL)
        return oddi_fail(st->ctx, ODD_EFORMAT, "%s: tensor '%s' has no text 'dtype'", st->what,
                         t->name);
    for (int i = 0; i < ODDI_ST_DTYPE_COUNT; i++)
        if (strcmp(name, safetensors_dtypes[i].name) == 0) {
            t->dtype = (enum oddi_st_dtype)i;
            return ODD_OK;
        }
    return oddi_fail(st->ctx, ODD_EFORMAT, "%s: tensor '%s' has the unknown dtype '%s'", st->what,
                     t->name, name);
}

/* Dimensions and, from them, the size in bytes. */
static odd_status safetensors_shape(struct oddi_safetensors *st, const json_t *entry,
                                    struct oddi_st_tensor *t)
{
    const json_t *shape = json_object_get(entry, "shape");
    if (!json_is_array(shape))
        return oddi_fail(st->ctx, ODD_EFORMAT, "%s: tensor '%s' has no list 'shape'", st->what,
                         t->name);
    size_t rank = json_array_size(shape);
    if (rank > ODDI_ST_MAX_DIMS)
        return oddi_fail(st->ctx, ODD_ELIMIT, "%s: tensor '%s' has %zu dimensions, at most %d",
                         st->what, t->name, rank, ODDI_ST_MAX_DIMS);
    t->rank = (int)rank;
    t->size = oddi_st_dtype_size(t->dtype);
    for (size_t i = 0; i < rank; i++) {
        const json_t *dim = json_array_get(shape, i);
        if (!json_is_integer(dim) || json_integer_value(dim) < 0)
            return oddi_fail(st->ctx, ODD_EFORMAT,
                             "%s: tensor '%s': dimension %zu is not a whole number >= 0", st->what,
                             t->name, i);
        t->dim[i] = json_integer_value(dim);
        if ((uint64_t)t->dim[i] > SIZE_MAX || !oddi_mul_size(t->size, (size_t)t->dim[i], &t->size))
            return oddi_fail(st->ctx, ODD_EFORMAT, "%s: tensor '%s': its shape overflows",
                             st->what, t->name);
    }
    return ODD_OK;
}

static odd_status safetensors_offsets(struct oddi_safetensors *st, const json_t *entry,
                                      struct oddi_st_tensor *t)
{
    const json_t *offsets = json_object_get(entry, "data_offsets");
    const json_t *first = json_array_get(offsets, 0), *last = json_array_get(offsets, 1);
    if (json_array_size(offsets) != 2 || !json_is_integer(first) || !json_is_integer(last))
        return oddi_fail(st->ctx, ODD_EFORMAT,
                         "%s: tensor '%s': 'data_offsets' is not two whole numbers", st->what,
                         t->name);
    int64_t begin = json_integer_value(first), end = json_integer_value(last);
    if (begin < 0 || end < begin || (uint64_t)end > st->data_size)
        return oddi_fail(st->ctx, ODD_EFORMAT,
                         "%s: tensor '%s': offsets %" PRId64 " to %" PRId64
                         " do not lie in the %zu bytes of data",
                         st->what, t->name, begin, end, st->data_size);
    if ((uint64_t)(end - begin) != t->size)
        return oddi_fail(st->ctx, ODD_EFORMAT,
                         "%s: tensor '%s': %" PRId64 " bytes where its shape needs %zu", st->what,
                         t->name, end - begin, t->size);
    t->data = st->data + begin;
    return ODD_OK;
}

static odd_status safetensors_entry(struct oddi_safetensors *st, const char *name,
                                    const json_t *entry)
{
    odd_status status = ODD_OK;
    struct oddi_st_tensor *t = &st->tensors[st->count];
    t->name = oddi_arena_strdup(&st->arena, name);
    if (t->name == NULL)
        return ODD_ENOMEM;
    if (!json_is_object(entry) || json_object_size(entry) != 3)
        return oddi_fail(st->ctx, ODD_EFORMAT,
                         "%s: tensor '%s' is not described by dtype, shape and data_offsets",
                         st->what, name);
    TRY(safetensors_dtype(st, entry, t));
    TRY(safetensors_shape(st, entry, t));
    TRY(safetensors_offsets(st, entry, t));
    st->count++;
out:
    return status;
}

/* ---- all entries --------------------------------------------------------------------------- */

static int safetensors_by_place(const void *a, const void *b)
{
    const struct oddi_st_tensor *x = a, *y = b;
    if (x->data != y->data)
        return x->data < y->data ? -1 : 1;
    return x->size < y->size ? -1 : x->size > y->size;
}

static int safetensors_by_name(const void *a, const void *b)
{
    const struct oddi_st_tensor *x = a, *y = b;
    return strcmp(x->name, y->name);
}

/* Sorted by place the tensors must follow each other from the first byte to the last. */
static odd_status safetensors_tile(struct oddi_safetensors *st)
{
    size_t at = 0;
    if (st->count > 0)
        qsort(st->tensors, st->count, sizeof(*st->tensors), safetensors_by_place);
    for (size_t i = 0; i < st->count; i++) {
        const struct oddi_st_tensor *t = &st->tensors[i];
        size_t begin = (size_t)(t->data - st->data);
        if (begin != at)
            return oddi_fail(st->ctx, ODD_EFORMAT, "%s: tensor '%s' %s at byte %zu of the data",
                             st->what, t->name,
                             begin < at ? "overlaps its neighbour" : "leaves a gap", at);
        at += t->size;
    }
    if (at != st->data_size)
        return oddi_fail(st->ctx, ODD_EFORMAT, "%s: %zu bytes of data, its tensors fill %zu",
                         st->what, st->data_size, at);
    if (st->count > 0)
        qsort(st->tensors, st->count, sizeof(*st->tensors), safetensors_by_name);
    return ODD_OK;
}

static odd_status safetensors_metadata(struct oddi_safetensors *st, json_t *map)
{
    const char *key;
    json_t *value;
    if (!json_is_object(map))
        return oddi_fail(st->ctx, ODD_EFORMAT, "%s: '__metadata__' is not an object", st->what);
    st->meta = oddi_arena_alloc(&st->arena, sizeof(*st->meta) * (json_object_size(map) + 1));
    if (st->meta == NULL)
        return ODD_ENOMEM;
    json_object_foreach(map, key, value) {
        struct oddi_st_meta *m = &st->meta[st->meta_count];
        if (!json_is_string(value))
            return oddi_fail(st->ctx, ODD_EFORMAT, "%s: metadata '%s' is not text", st->what, key);
        m->key = oddi_arena_strdup(&st->arena, key);
        m->value = oddi_arena_strdup(&st->arena, json_string_value(value));
        if (m->key == NULL || m->value == NULL)
            return ODD_ENOMEM;
        st->meta_count++;
    }
    return ODD_OK;
}

static odd_status safetensors_header(struct oddi_safetensors *st, const char *text, size_t size)
{
    odd_status status = ODD_OK;
    json_t *header = NULL, *value;
    const char *key;
    TRY(oddi_json_parse(st->ctx, text, size, st->what, &header));
    if (!json_is_object(header)) {
        status = oddi_fail(st->ctx, ODD_EFORMAT, "%s: its header is not a JSON object", st->what);
        goto out;
    }
    st->tensors =
        oddi_arena_alloc(&st->arena, sizeof(*st->tensors) * (json_object_size(header) + 1));
    if (st->tensors == NULL) {
        status = ODD_ENOMEM;
        goto out;
    }
    json_object_foreach(header, key, value) {
        if (strcmp(key, "__metadata__") == 0)
            TRY(safetensors_metadata(st, value));
        else
            TRY(safetensors_entry(st, key, value));
    }
    TRY(safetensors_tile(st));
out:
    json_decref(header);
    return status;
}

static odd_status safetensors_parse(struct oddi_safetensors *st, const unsigned char *data,
                                    size_t size)
{
    uint64_t length = 0;
    st->start = data;
    if (size < 8)
        return oddi_fail(st->ctx, ODD_EFORMAT, "%s: %zu bytes are too few for a safetensors file",
                         st->what, size);
    for (int i = 7; i >= 0; i--)
        length = length << 8 | data[i];
    if (length > ODDI_ST_MAX_HEADER)
        return oddi_fail(st->ctx, ODD_EFORMAT,
                         "%s: not a safetensors file (a header of %" PRIu64
                         " bytes, at most %zu)",
                         st->what, length, ODDI_ST_MAX_HEADER);
    if (length > size - 8)
        return oddi_fail(st->ctx, ODD_EFORMAT,
                         "%s: truncated: a header of %" PRIu64 " bytes in a file of %zu", st->what,
                         length, size);
    st->data = data + 8 + length;
    st->data_size = size - 8 - (size_t)length;
    /* The format says so; it also keeps the JSON parser's wider taste out. */
    if (length < 2 || data[8] != '{')
        return oddi_fail(st->ctx, ODD_EFORMAT, "%s: its header does not begin with '{'", st->what);
    return safetensors_header(st, (const char *)data + 8, (size_t)length);
}

/* ---- opening ------------------------------------------------------------------------------- */

static odd_status safetensors_new(struct odd_context *ctx, const char *what,
                                  struct oddi_safetensors **out)
{
    struct oddi_safetensors *st = oddi_calloc(ctx, 1, sizeof(*st));
    if (st == NULL)
        return ODD_ENOMEM;
    st->ctx = ctx;
    oddi_arena_init(&st->arena, ctx);
    st->what = oddi_arena_strdup(&st->arena, what);
    if (st->what == NULL) {
        oddi_safetensors_free(st);
        return ODD_ENOMEM;
    }
    *out = st;
    return ODD_OK;
}

odd_status oddi_safetensors_open_memory(struct odd_context *ctx, const void *data, size_t size,
                                        const char *what, struct oddi_safetensors **out)
{
    odd_status status = ODD_OK;
    struct oddi_safetensors *st = NULL;
    TRY(safetensors_new(ctx, what, &st));
    TRY(safetensors_parse(st, data, size));
    *out = st;
    st = NULL;
out:
    oddi_safetensors_free(st);
    return status;
}

odd_status oddi_safetensors_open(struct odd_context *ctx, const char *path,
                                 struct oddi_safetensors **out)
{
    odd_status status = ODD_OK;
    struct oddi_safetensors *st = NULL;
    TRY(safetensors_new(ctx, path, &st));
    TRY(oddi_file_map(ctx, path, &st->map));
    st->mapped = true;
    TRY(safetensors_parse(st, st->map.data, st->map.size));
    *out = st;
    st = NULL;
out:
    oddi_safetensors_free(st);
    return status;
}

void oddi_safetensors_free(struct oddi_safetensors *st)
{
    if (st == NULL)
        return;
    if (st->mapped)
        oddi_file_unmap(&st->map);
    oddi_arena_release(&st->arena);
    oddi_free(st->ctx, st);
}

/* ---- looking ------------------------------------------------------------------------------- */

size_t oddi_safetensors_count(const struct oddi_safetensors *st)
{
    return st->count;
}

const struct oddi_st_tensor *oddi_safetensors_at(const struct oddi_safetensors *st, size_t i)
{
    return &st->tensors[i];
}

const struct oddi_st_tensor *oddi_safetensors_find(const struct oddi_safetensors *st,
                                                   const char *name)
{
    struct oddi_st_tensor key = {.name = name};
    if (st->count == 0)
        return NULL;
    return bsearch(&key, st->tensors, st->count, sizeof(*st->tensors), safetensors_by_name);
}

size_t oddi_safetensors_meta_count(const struct oddi_safetensors *st)
{
    return st->meta_count;
}

const struct oddi_st_meta *oddi_safetensors_meta_at(const struct oddi_safetensors *st, size_t i)
{
    return &st->meta[i];
}

const char *oddi_safetensors_meta(const struct oddi_safetensors *st, const char *key)
{
    for (size_t i = 0; i < st->meta_count; i++)
        if (strcmp(st->meta[i].key, key) == 0)
            return st->meta[i].value;
    return NULL;
}

const char *oddi_safetensors_what(const struct oddi_safetensors *st)
{
    return st->what;
}

void oddi_st_digest_bytes(const struct oddi_hash128 *digest,
                          unsigned char bytes[ODDI_ST_DIGEST_SIZE])
{
    for (int i = 0; i < 8; i++) {
        bytes[i] = (unsigned char)(digest->high >> (56 - 8 * i));
        bytes[8 + i] = (unsigned char)(digest->low >> (56 - 8 * i));
    }
}

odd_status oddi_safetensors_check_digest(struct oddi_safetensors *st, struct oddi_hash128 *digest)
{
    const struct oddi_st_tensor *t = oddi_safetensors_find(st, ODDI_ST_DIGEST);
    const unsigned char *end = st->data + st->data_size;
    unsigned char bytes[ODDI_ST_DIGEST_SIZE];
    struct oddi_hash128 found;
    if (t == NULL || t->dtype != ODDI_ST_U8 || t->rank != 1 || t->size != ODDI_ST_DIGEST_SIZE ||
        t->data != end - ODDI_ST_DIGEST_SIZE)
        return oddi_fail(st->ctx, ODD_EFORMAT, "%s: no digest of 16 bytes at its end", st->what);
    oddi_hash_bytes(st->start, (size_t)(t->data - st->start), &found);
    oddi_st_digest_bytes(&found, bytes);
    if (memcmp(bytes, t->data, sizeof(bytes)) != 0)
        return oddi_fail(st->ctx, ODD_EFORMAT,
                         "%s: damaged: its bytes do not fit its digest (changed after saving)",
                         st->what);
    *digest = found;
    return ODD_OK;
}

/* ---- floats -------------------------------------------------------------------------------- */

/* IEEE 754 binary16 to binary32; exact. */
static float safetensors_half(uint16_t h)
{
    uint32_t sign = (uint32_t)(h >> 15) << 31, exponent = h >> 10 & 31, fraction = h & 1023u;
    uint32_t bits;
    float value;
    if (exponent == 0) {
        value = (float)fraction * 0x1p-24f;
        return sign ? -value : value;
    }
    bits = exponent == 31 ? 0x7f800000u | fraction << 13 : (exponent + 112) << 23 | fraction << 13;
    bits |= sign;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

odd_status oddi_st_to_f32(struct odd_context *ctx, const struct oddi_st_tensor *t, float *values)
{
    size_t count = t->size / oddi_st_dtype_size(t->dtype);
    uint16_t half;
    uint32_t bits;
    double wide;
    if (t->dtype != ODDI_ST_F32 && t->dtype != ODDI_ST_F64 && t->dtype != ODDI_ST_F16 &&
        t->dtype != ODDI_ST_BF16)
        return oddi_fail(ctx, ODD_ENOTSUP, "tensor '%s' holds %s, not floating point", t->name,
                         oddi_st_dtype_name(t->dtype));
    for (size_t i = 0; i < count; i++) {
        if (t->dtype == ODDI_ST_F32) {
            memcpy(&values[i], t->data + 4 * i, 4);
        } else if (t->dtype == ODDI_ST_F64) {
            memcpy(&wide, t->data + 8 * i, 8);
            values[i] = (float)wide;
        } else {
            memcpy(&half, t->data + 2 * i, 2);
            bits = (uint32_t)half << 16;
            memcpy(&values[i], &bits, 4);
            if (t->dtype == ODDI_ST_F16)
                values[i] = safetensors_half(half);
        }
    }
    return ODD_OK;
}
