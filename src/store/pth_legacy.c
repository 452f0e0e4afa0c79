/* SPDX-License-Identifier: Apache-2.0
 *
 * PyTorch's legacy stream, what torch.save wrote before 1.6:
 *
 *     pickle of a magic number, of the protocol (1001), of the system (a dict),
 *     pickle of the state dict, pickle of the list of storage keys,
 *     then per key in that order: i64 elements, the elements; all little-endian
 *
 * A storage may be a view of another: the state dict says which part, the stream has the whole.
 */
#include "store/pth.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define LEGACY_PROTOCOL 1001

struct legacy_block { /* a storage of the stream */
    const char *key;
    size_t key_size;
    enum oddi_st_dtype dtype;
    const unsigned char *data; /* NULL: not come yet */
    size_t size;
};
struct legacy {
    struct oddi_weights *w;
    struct oddi_pickle p;
    const unsigned char *data;
    size_t size, at;
    struct legacy_block *blocks; /* by key */
    size_t count;
};

static int legacy_by_key(const void *a, const void *b)
{
    const struct legacy_block *x = a, *y = b;
    const size_t common = x->key_size < y->key_size ? x->key_size : y->key_size;
    const int order = common ? memcmp(x->key, y->key, common) : 0;
    return order ? order : x->key_size < y->key_size ? -1 : x->key_size > y->key_size;
}

static struct legacy_block *legacy_block(const struct legacy *l, const char *key, size_t size)
{
    const struct legacy_block wanted = {.key = key, .key_size = size};
    if (l->count == 0)
        return NULL;
    return bsearch(&wanted, l->blocks, l->count, sizeof(*l->blocks), legacy_by_key);
}

/* The distinct storages that the state dict mentions. */
static odd_status legacy_collect(struct legacy *l)
{
    size_t mentions = 0, kept = 0;
    for (const struct oddi_pickle_storage *s = l->p.storages; s; s = s->next)
        mentions++;
    l->blocks = oddi_calloc(l->w->ctx, mentions + 1, sizeof(*l->blocks));
    if (l->blocks == NULL)
        return ODD_ENOMEM;
    for (const struct oddi_pickle_storage *s = l->p.storages; s; s = s->next)
        l->blocks[l->count++] =
            (struct legacy_block){.key = s->key, .key_size = s->key_size, .dtype = s->dtype};
    qsort(l->blocks, l->count, sizeof(*l->blocks), legacy_by_key);
    for (size_t i = 0; i < l->count; i++) {
        if (kept > 0 && legacy_by_key(&l->blocks[kept - 1], &l->blocks[i]) == 0) {
            if (l->blocks[kept - 1].dtype != l->blocks[i].dtype)
                return oddi_fail(l->w->ctx, ODD_EFORMAT,
                                 "%s: damaged: a storage has two types of elements", l->w->what);
            continue;
        }
        l->blocks[kept++] = l->blocks[i];
    }
    l->count = kept;
    return ODD_OK;
}

/* The next storage of the stream, which is that of `key`. */
static odd_status legacy_next(struct legacy *l, const struct oddi_pickle_value *key)
{
    struct oddi_weights *w = l->w;
    struct legacy_block *block =
        key->kind == ODDI_PICKLE_TEXT ? legacy_block(l, key->text, key->size) : NULL;
    uint64_t count = 0;
    if (block == NULL || block->data != NULL)
        return oddi_fail(w->ctx, ODD_EFORMAT,
                         "%s: damaged: its list of storages has one twice or one not used",
                         w->what);
    if (l->size - l->at < 8)
        return oddi_fail(w->ctx, ODD_EFORMAT, "%s: truncated: it ends before a storage", w->what);
    for (int i = 7; i >= 0; i--)
        count = count << 8 | l->data[l->at + (size_t)i];
    l->at += 8;
    if (count > (l->size - l->at) / oddi_st_dtype_size(block->dtype))
        return oddi_fail(w->ctx, ODD_EFORMAT,
                         "%s: truncated: a storage of %" PRIu64 " elements at byte %zu of %zu",
                         w->what, count, l->at, l->size);
    block->data = l->data + l->at;
    block->size = (size_t)count * oddi_st_dtype_size(block->dtype);
    l->at += block->size;
    return ODD_OK;
}

static odd_status legacy_find(void *user, const struct oddi_pickle_storage *storage,
                              const unsigned char **data, size_t *size)
{
    const struct legacy *l = user;
    const struct legacy_block *block = legacy_block(l, storage->key, storage->key_size);
    if (block == NULL || block->data == NULL)
        return oddi_fail(l->w->ctx, ODD_EFORMAT, "%s: damaged: a tensor's storage is missing",
                         l->w->what);
    *data = block->data;
    *size = block->size;
    return ODD_OK;
}

static odd_status legacy_load(struct legacy *l, const struct oddi_pickle_value **value)
{
    return oddi_pickle_load(&l->p, l->data, l->size, &l->at, value);
}

/* Magic number, protocol, system. */
static odd_status legacy_head(struct legacy *l)
{
    static const unsigned char magic[10] = {0x6c, 0xfc, 0x9c, 0x46, 0xf9,
                                            0x20, 0x6a, 0xa8, 0x50, 0x19};
    odd_status status = ODD_OK;
    const struct oddi_pickle_value *v;
    TRY(legacy_load(l, &v));
    if (v->kind != ODDI_PICKLE_LONG || v->size != sizeof(magic) ||
        memcmp(v->text, magic, sizeof(magic)) != 0)
        return oddi_fail(l->w->ctx, ODD_EFORMAT,
                         "%s: a pickle, but not one that torch.save wrote: it begins with a %s",
                         l->w->what, oddi_pickle_kind_name(v->kind));
    TRY(legacy_load(l, &v));
    if (v->kind != ODDI_PICKLE_INT || v->integer != LEGACY_PROTOCOL)
        return oddi_fail(l->w->ctx, ODD_ENOTSUP, "%s: protocol of torch.save other than %d",
                         l->w->what, LEGACY_PROTOCOL);
    TRY(legacy_load(l, &v));
    if (v->kind != ODDI_PICKLE_DICT)
        return oddi_fail(l->w->ctx, ODD_EFORMAT, "%s: damaged: no description of the system",
                         l->w->what);
out:
    return status;
}

odd_status oddi_weights_pth_legacy(struct oddi_weights *w, const unsigned char *data, size_t size)
{
    odd_status status = ODD_OK;
    struct legacy l = {.w = w, .data = data, .size = size};
    const struct oddi_pickle_value *root, *keys;
    w->format = "PyTorch legacy stream";
    oddi_pickle_init(&l.p, w->ctx, w->what, size);
    TRY(legacy_head(&l));
    TRY(legacy_load(&l, &root));
    TRY(legacy_load(&l, &keys));
    TRY(legacy_collect(&l));
    if (keys->kind != ODDI_PICKLE_LIST) {
        status = oddi_fail(w->ctx, ODD_EFORMAT, "%s: damaged: no list of storages", w->what);
        goto out;
    }
    for (const struct oddi_pickle_link *k = keys->list.first; k; k = k->next)
        TRY(legacy_next(&l, k->value));
    if (l.at != size) {
        status = oddi_fail(w->ctx, ODD_EFORMAT, "%s: damaged: %zu bytes follow the last storage",
                           w->what, size - l.at);
        goto out;
    }
    TRY(oddi_pth_add(w, root, false, legacy_find, &l));
out:
    oddi_free(w->ctx, l.blocks);
    oddi_pickle_release(&l.p);
    return status;
}
