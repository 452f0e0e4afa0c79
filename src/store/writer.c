/* SPDX-License-Identifier: Apache-2.0
 *
 * The safetensors writer: collect, sort, lay out, write once. Order: element size falling, then
 * name; so every tensor starts at a multiple of its element size, and equal contents give equal
 * files whatever the order of adding. The optional digest comes last and hashes what lies before.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "store/safetensors.h"

void oddi_st_writer_init(struct oddi_st_writer *w, struct odd_context *ctx)
{
    memset(w, 0, sizeof(*w));
    w->ctx = ctx;
    oddi_arena_init(&w->arena, ctx);
}

void oddi_st_writer_release(struct oddi_st_writer *w)
{
    if (w->ctx == NULL)
        return;
    oddi_free(w->ctx, w->tensors);
    oddi_free(w->ctx, w->meta);
    oddi_arena_release(&w->arena);
    memset(w, 0, sizeof(*w));
}

/* Length of the UTF-8 sequence at `s`; 0 when malformed, overlong, a surrogate or beyond
 * U+10FFFF (Unicode, table 3-7). The reader refuses such text, so the writer must too. */
static size_t writer_utf8(const unsigned char *s)
{
    unsigned char low = 0x80, high = 0xbf;
    size_t length = s[0] < 0x80 ? 1 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
    if (length == 1)
        return 1;
    if (s[0] < 0xc2 || s[0] > 0xf4)
        return 0;
    if (s[0] == 0xe0)
        low = 0xa0;
    else if (s[0] == 0xed)
        high = 0x9f;
    else if (s[0] == 0xf0)
        low = 0x90;
    else if (s[0] == 0xf4)
        high = 0x8f;
    if (s[1] < low || s[1] > high)
        return 0;
    for (size_t i = 2; i < length; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    return length;
}

static odd_status writer_check_text(struct odd_context *ctx, const char *what, const char *text)
{
    const unsigned char *s = (const unsigned char *)text;
    while (*s != 0) {
        size_t length = writer_utf8(s);
        if (length == 0)
            return oddi_fail(ctx, ODD_EINVAL, "storing %s: not UTF-8 at byte %td", what,
                             s - (const unsigned char *)text);
        s += length;
    }
    return ODD_OK;
}

odd_status oddi_st_writer_meta(struct oddi_st_writer *w, const char *key, const char *value)
{
    odd_status status = ODD_OK;
    void *meta = w->meta;
    TRY(writer_check_text(w->ctx, "a metadata key", key));
    TRY(writer_check_text(w->ctx, key, value));
    for (size_t i = 0; i < w->meta_count; i++)
        if (strcmp(w->meta[i].key, key) == 0)
            return oddi_fail(w->ctx, ODD_EINVAL, "metadata '%s' is given twice", key);
    TRY(oddi_reserve(w->ctx, &meta, &w->meta_capacity, w->meta_count + 1, sizeof(*w->meta)));
    w->meta = meta;
    struct oddi_st_meta *m = &w->meta[w->meta_count];
    m->key = oddi_arena_strdup(&w->arena, key);
    m->value = oddi_arena_strdup(&w->arena, value);
    if (m->key == NULL || m->value == NULL)
        return ODD_ENOMEM;
    w->meta_count++;
out:
    return status;
}

odd_status oddi_st_writer_add(struct oddi_st_writer *w, const struct oddi_st_tensor *tensor)
{
    odd_status status = ODD_OK;
    void *tensors = w->tensors;
    size_t size = oddi_st_dtype_size(tensor->dtype);
    if (tensor->rank < 0 || tensor->rank > ODDI_ST_MAX_DIMS)
        return oddi_fail(w->ctx, ODD_EINVAL, "tensor '%s': rank %d", tensor->name, tensor->rank);
    for (int i = 0; i < tensor->rank; i++)
        if (tensor->dim[i] < 0 || !oddi_mul_size(size, (size_t)tensor->dim[i], &size))
            return oddi_fail(w->ctx, ODD_EINVAL, "tensor '%s': dimension %d is %" PRId64,
                             tensor->name, i, tensor->dim[i]);
    if (size != tensor->size)
        return oddi_fail(w->ctx, ODD_EINVAL, "tensor '%s': %zu bytes, its shape needs %zu",
                         tensor->name, tensor->size, size);
    if (strcmp(tensor->name, "__metadata__") == 0)
        return oddi_fail(w->ctx, ODD_EINVAL, "a tensor cannot be named '__metadata__'");
    TRY(writer_check_text(w->ctx, "a tensor's name", tensor->name));
    TRY(oddi_reserve(w->ctx, &tensors, &w->capacity, w->count + 1, sizeof(*w->tensors)));
    w->tensors = tensors;
    w->tensors[w->count] = *tensor;
    w->tensors[w->count].name = oddi_arena_strdup(&w->arena, tensor->name);
    if (w->tensors[w->count].name == NULL)
        return ODD_ENOMEM;
    w->count++;
out:
    return status;
}

/* ---- header -------------------------------------------------------------------------------- */

static int writer_order(const void *a, const void *b)
{
    const struct oddi_st_tensor *x = a, *y = b;
    size_t p = oddi_st_dtype_size(x->dtype), q = oddi_st_dtype_size(y->dtype);
    if (p != q)
        return p > q ? -1 : 1;
    return strcmp(x->name, y->name);
}

static bool writer_entry(json_t *header, const struct oddi_st_tensor *t, uint64_t *at)
{
    json_t *entry = json_object(), *shape = json_array(), *offsets = json_array();
    bool fine = entry != NULL && shape != NULL && offsets != NULL;
    for (int i = 0; fine && i < t->rank; i++)
        fine = json_array_append_new(shape, json_integer(t->dim[i])) == 0;
    fine = fine && json_array_append_new(offsets, json_integer((json_int_t)*at)) == 0;
    *at += t->size;
    fine = fine && json_array_append_new(offsets, json_integer((json_int_t)*at)) == 0;
    fine = fine && oddi_json_set_text(entry, "dtype", oddi_st_dtype_name(t->dtype)) &&
           json_object_set(entry, "shape", shape) == 0 &&
           json_object_set(entry, "data_offsets", offsets) == 0 &&
           json_object_set(header, t->name, entry) == 0;
    json_decref(entry);
    json_decref(shape);
    json_decref(offsets);
    return fine;
}

static bool writer_metadata(json_t *header, const struct oddi_st_writer *w)
{
    json_t *map = json_object();
    bool fine = map != NULL;
    for (size_t i = 0; fine && i < w->meta_count; i++)
        fine = oddi_json_set_text(map, w->meta[i].key, w->meta[i].value);
    fine = fine && json_object_set(header, "__metadata__", map) == 0;
    json_decref(map);
    return fine;
}

/* The header's text; the digest, when wanted, is the last entry. */
static odd_status writer_header(struct oddi_st_writer *w, bool digest, char **text)
{
    odd_status status = ODD_OK;
    const struct oddi_st_tensor last = {.name = ODDI_ST_DIGEST,
                                        .dtype = ODDI_ST_U8,
                                        .rank = 1,
                                        .dim = {ODDI_ST_DIGEST_SIZE},
                                        .size = ODDI_ST_DIGEST_SIZE};
    uint64_t at = 0;
    json_t *header = json_object();
    bool fine = header != NULL && (w->meta_count == 0 || writer_metadata(header, w));
    for (size_t i = 0; fine && i < w->count; i++) {
        if (json_object_get(header, w->tensors[i].name) != NULL) {
            status = oddi_fail(w->ctx, ODD_EINVAL, "two tensors are named '%s'",
                               w->tensors[i].name);
            goto out;
        }
        fine = writer_entry(header, &w->tensors[i], &at);
    }
    if (fine && digest && json_object_get(header, ODDI_ST_DIGEST) != NULL) {
        status = oddi_fail(w->ctx, ODD_EINVAL, "the tensor name '%s' is taken", ODDI_ST_DIGEST);
        goto out;
    }
    if (!fine || (digest && !writer_entry(header, &last, &at))) {
        status = oddi_fail(w->ctx, ODD_ENOMEM, "out of memory while describing %zu tensors",
                           w->count);
        goto out;
    }
    TRY(oddi_json_dump(w->ctx, header, 0, text));
out:
    json_decref(header);
    return status;
}

/* ---- writing ------------------------------------------------------------------------------- */

static odd_status writer_put(struct oddi_writer *file, struct oddi_hasher *hasher,
                             const void *data, size_t size)
{
    if (size == 0)
        return ODD_OK;
    if (hasher != NULL)
        oddi_hasher_add(hasher, data, size);
    return oddi_writer_write(file, data, size);
}

static odd_status writer_put_header(struct oddi_writer *file, struct oddi_hasher *hasher,
                                    const char *text)
{
    odd_status status = ODD_OK;
    char spaces[ODDI_ST_ALIGN];
    unsigned char prefix[8];
    size_t length = strlen(text);
    size_t pad = (ODDI_ST_ALIGN - (8 + length) % ODDI_ST_ALIGN) % ODDI_ST_ALIGN;
    for (int i = 0; i < 8; i++)
        prefix[i] = (unsigned char)((uint64_t)(length + pad) >> 8 * i);
    memset(spaces, ' ', sizeof(spaces));
    TRY(writer_put(file, hasher, prefix, sizeof(prefix)));
    TRY(writer_put(file, hasher, text, length));
    TRY(writer_put(file, hasher, spaces, pad));
out:
    return status;
}

odd_status oddi_st_writer_save(struct oddi_st_writer *w, const char *path,
                               struct oddi_hash128 *digest)
{
    odd_status status = ODD_OK;
    struct oddi_writer file = {0};
    struct oddi_hasher *hasher = NULL;
    struct oddi_hash128 hash;
    unsigned char bytes[ODDI_ST_DIGEST_SIZE];
    char *text = NULL;
    bool opened = false;
    if (w->count > 0)
        qsort(w->tensors, w->count, sizeof(*w->tensors), writer_order);
    TRY(writer_header(w, digest != NULL, &text));
    if (strlen(text) > ODDI_ST_MAX_HEADER - ODDI_ST_ALIGN) {
        status = oddi_fail(w->ctx, ODD_ELIMIT, "writing %s: its header would be too long", path);
        goto out;
    }
    if (digest != NULL && (hasher = oddi_hasher_new(w->ctx)) == NULL) {
        status = ODD_ENOMEM;
        goto out;
    }
    TRY(oddi_writer_open(w->ctx, path, &file));
    opened = true;
    TRY(writer_put_header(&file, hasher, text));
    for (size_t i = 0; i < w->count; i++)
        TRY(writer_put(&file, hasher, w->tensors[i].data, w->tensors[i].size));
    if (digest != NULL) {
        oddi_hasher_digest(hasher, &hash);
        oddi_st_digest_bytes(&hash, bytes);
        TRY(oddi_writer_write(&file, bytes, sizeof(bytes)));
    }
    TRY(oddi_writer_commit(&file));
    if (digest != NULL)
        *digest = hash;
out:
    if (opened && status != ODD_OK)
        oddi_writer_abort(&file);
    oddi_hasher_free(w->ctx, hasher);
    oddi_free(w->ctx, text);
    return status;
}
