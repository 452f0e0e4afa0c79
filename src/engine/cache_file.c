/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading and writing one file of an expert's maps (cache_file.h).
 */
#include "engine/cache_file.h"

#include <stdlib.h>
#include <string.h>

#define CACHE_MAGIC "oddtaps1"
#define CACHE_HEADER ((size_t)64)
#define CACHE_FOOTER ((size_t)32)
#define CACHE_HASH sizeof(struct oddi_hash128)

static void cache_put(unsigned char *at, uint64_t value)
{
    for (int i = 0; i < 8; i++)
        at[i] = (unsigned char)(value >> (8 * i));
}

static uint64_t cache_get(const unsigned char *at)
{
    uint64_t value = 0;
    for (int i = 7; i >= 0; i--)
        value = value << 8 | at[i];
    return value;
}

static void cache_put_hash(unsigned char *at, const struct oddi_hash128 *hash)
{
    cache_put(at, hash->high);
    cache_put(at + 8, hash->low);
}

static struct oddi_hash128 cache_get_hash(const unsigned char *at)
{
    return (struct oddi_hash128){cache_get(at), cache_get(at + 8)};
}

static void cache_header(const struct oddi_cache_kind *kind, unsigned char header[CACHE_HEADER])
{
    memset(header, 0, CACHE_HEADER);
    memcpy(header, CACHE_MAGIC, 8);
    cache_put_hash(header + 8, &kind->hash);
    cache_put(header + 24, kind->record);
}

size_t oddi_cache_file_size(size_t record, size_t count)
{
    size_t size = 0;
    return oddi_add_size(record, CACHE_HASH, &size) && oddi_mul_size(size, count, &size) &&
                   oddi_add_size(size, CACHE_HEADER + CACHE_FOOTER, &size)
               ? size
               : SIZE_MAX;
}

/* ---- reading ------------------------------------------------------------------------------- */

static int cache_order(const void *a, const void *b)
{
    const struct oddi_hash128 *x = a, *y = b;
    if (x->high != y->high)
        return x->high < y->high ? -1 : 1;
    return x->low < y->low ? -1 : x->low > y->low;
}

/* What is wrong with the frame of the bytes, NULL: nothing. */
static const char *cache_wrong(const struct oddi_map *bytes, const struct oddi_cache_kind *kind,
                               size_t *count)
{
    unsigned char header[CACHE_HEADER];
    if (bytes->size < CACHE_HEADER + CACHE_FOOTER)
        return "it is cut short";
    const unsigned char *footer = bytes->data + bytes->size - CACHE_FOOTER;
    const uint64_t records = cache_get(footer);
    cache_header(kind, header);
    if (memcmp(bytes->data, header, sizeof(header)) != 0)
        return "its beginning is not what its name says";
    if (records > bytes->size || cache_get(footer + 8) != 0 ||
        oddi_cache_file_size(kind->record, (size_t)records) != bytes->size)
        return "its size does not fit its contents";
    *count = (size_t)records;
    return NULL;
}

static const char *cache_wrong_digest(const struct oddi_map *bytes)
{
    unsigned char digest[CACHE_HASH];
    struct oddi_hash128 found;
    oddi_hash_bytes(bytes->data, bytes->size - CACHE_HASH, &found);
    cache_put_hash(digest, &found);
    const bool fits = memcmp(digest, bytes->data + bytes->size - CACHE_HASH, sizeof(digest)) == 0;
    return fits ? NULL : "its bytes do not fit its digest";
}

odd_status oddi_cache_file_parse(struct oddi_cache_file *f, struct odd_context *ctx,
                                 const char *what, const struct oddi_map *bytes,
                                 const struct oddi_cache_kind *kind)
{
    size_t count = 0;
    memset(f, 0, sizeof(*f));
    const char *wrong = cache_wrong(bytes, kind, &count);
    if (!wrong)
        wrong = cache_wrong_digest(bytes);
    if (wrong)
        return oddi_fail(ctx, ODD_EFORMAT, "%s is damaged: %s", what, wrong);
    struct oddi_cache_entry *entry = oddi_alloc_array(ctx, count + 1, sizeof(*entry));
    if (!entry)
        return ODD_ENOMEM;
    const unsigned char *index = bytes->data + CACHE_HEADER + kind->record * count;
    for (size_t i = 0; i < count; i++)
        entry[i] = (struct oddi_cache_entry){cache_get_hash(index + i * CACHE_HASH), i};
    qsort(entry, count, sizeof(*entry), cache_order);
    *f = (struct oddi_cache_file){.ctx = ctx,
                                  .record = kind->record,
                                  .count = count,
                                  .records = bytes->data + CACHE_HEADER,
                                  .entry = entry};
    return ODD_OK;
}

odd_status oddi_cache_file_open(struct oddi_cache_file *f, struct odd_context *ctx,
                                const char *path, const struct oddi_cache_kind *kind)
{
    odd_status status = ODD_OK;
    struct oddi_map map = {NULL, 0};
    char *own = NULL;
    memset(f, 0, sizeof(*f));
    TRY(oddi_file_map(ctx, path, &map));
    own = oddi_strdup(ctx, path);
    if (!own)
        TRY(ODD_ENOMEM);
    TRY(oddi_cache_file_parse(f, ctx, path, &map, kind));
    f->path = own;
    f->map = map;
    return ODD_OK;
out:
    oddi_file_unmap(&map);
    oddi_free(ctx, own);
    return status;
}

odd_status oddi_cache_file_peek(struct odd_context *ctx, const char *path,
                                const struct oddi_cache_kind *kind, const struct oddi_hash128 *hash,
                                bool *mentions)
{
    struct oddi_map map = {NULL, 0};
    size_t count = 0;
    odd_status status = oddi_file_map(ctx, path, &map);
    if (status != ODD_OK)
        return status;
    const char *wrong = cache_wrong(&map, kind, &count);
    if (wrong)
        status = oddi_fail(ctx, ODD_EFORMAT, "%s is damaged: %s", path, wrong);
    *mentions = false;
    for (size_t i = 0; status == ODD_OK && i < count && !*mentions; i++) {
        const struct oddi_hash128 one =
            cache_get_hash(map.data + CACHE_HEADER + kind->record * count + i * CACHE_HASH);
        *mentions = oddi_hash_equal(&one, hash);
    }
    oddi_file_unmap(&map);
    return status;
}

void oddi_cache_file_close(struct oddi_cache_file *f)
{
    if (!f->ctx)
        return;
    oddi_file_unmap(&f->map);
    oddi_free(f->ctx, f->entry);
    oddi_free(f->ctx, f->path);
    memset(f, 0, sizeof(*f));
}

const void *oddi_cache_file_find(const struct oddi_cache_file *f, const struct oddi_hash128 *hash)
{
    const struct oddi_cache_entry *e =
        f->count ? bsearch(hash, f->entry, f->count, sizeof(*e), cache_order) : NULL;
    return e ? f->records + e->place * f->record : NULL;
}

/* ---- writing ------------------------------------------------------------------------------- */

static odd_status cache_write(struct oddi_cache_writer *w, const void *data, size_t size)
{
    oddi_hasher_add(w->hasher, data, size);
    return oddi_writer_write(&w->file, data, size);
}

odd_status oddi_cache_writer_open(struct oddi_cache_writer *w, struct odd_context *ctx,
                                  const char *path, const struct oddi_cache_kind *kind)
{
    odd_status status = ODD_OK;
    unsigned char header[CACHE_HEADER];
    memset(w, 0, sizeof(*w));
    w->kind = *kind;
    cache_header(kind, header);
    TRY(oddi_writer_open(ctx, path, &w->file));
    w->hasher = oddi_hasher_new(ctx);
    if (!w->hasher) {
        oddi_writer_abort(&w->file);
        return ODD_ENOMEM;
    }
    TRY(cache_write(w, header, sizeof(header)));
out:
    if (status != ODD_OK)
        oddi_cache_writer_abort(w);
    return status;
}

odd_status oddi_cache_writer_add(struct oddi_cache_writer *w, const struct oddi_hash128 *hash,
                                 const void *record)
{
    odd_status status = ODD_OK;
    void *list = w->hash;
    TRY(oddi_reserve(w->file.ctx, &list, &w->capacity, w->count + 1, sizeof(*hash)));
    w->hash = list;
    w->hash[w->count++] = *hash;
    TRY(cache_write(w, record, w->kind.record));
out:
    if (status != ODD_OK)
        oddi_cache_writer_abort(w);
    return status;
}

odd_status oddi_cache_writer_commit(struct oddi_cache_writer *w)
{
    odd_status status = ODD_OK;
    unsigned char bytes[CACHE_FOOTER] = {0};
    struct oddi_hash128 digest;
    for (size_t i = 0; i < w->count; i++) {
        cache_put_hash(bytes, &w->hash[i]);
        TRY(cache_write(w, bytes, CACHE_HASH));
    }
    memset(bytes, 0, sizeof(bytes));
    cache_put(bytes, w->count);
    TRY(cache_write(w, bytes, CACHE_FOOTER - CACHE_HASH));
    oddi_hasher_digest(w->hasher, &digest);
    cache_put_hash(bytes, &digest);
    TRY(cache_write(w, bytes, CACHE_HASH));
    TRY(oddi_writer_commit(&w->file));
out:
    oddi_cache_writer_abort(w); /* after a success it only frees */
    return status;
}

void oddi_cache_writer_abort(struct oddi_cache_writer *w)
{
    if (!w->hasher)
        return;
    struct odd_context *ctx = w->file.ctx;
    oddi_writer_abort(&w->file);
    oddi_hasher_free(ctx, w->hasher);
    oddi_free(ctx, w->hash);
    w->hasher = NULL;
    w->hash = NULL;
    w->count = w->capacity = 0;
}
