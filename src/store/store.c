/* SPDX-License-Identifier: Apache-2.0
 *
 * Tensors and one JSON text in a safetensors file with a digest (store.h). Metadata:
 *   format = "oddity" or "oddity-state", format_version = "1", oddity = the JSON text.
 * Loading checks in this order: structure (safetensors.c), format, version, digest, then that
 * every tensor has a type and shape of ours. The version comes before the digest, so that a later
 * version may change the digest's rule and still be refused by its name.
 */
#include "store/store.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"

void oddi_store_init(struct oddi_store *c, struct odd_context *ctx, const char *format)
{
    memset(c, 0, sizeof(*c));
    c->ctx = ctx;
    c->format = format;
    oddi_arena_init(&c->arena, ctx);
}

void oddi_store_release(struct oddi_store *c)
{
    if (c->ctx == NULL)
        return;
    oddi_free(c->ctx, c->items);
    oddi_safetensors_free(c->file);
    oddi_arena_release(&c->arena);
    memset(c, 0, sizeof(*c));
}

/* ---- tensors ------------------------------------------------------------------------------- */

static int store_by_name(const void *a, const void *b)
{
    const struct oddi_stored *x = a, *y = b;
    return strcmp(x->name, y->name);
}

const struct oddi_stored *oddi_store_find(const struct oddi_store *c, const char *name)
{
    struct oddi_stored key = {.name = name};
    const struct oddi_stored *found = NULL;
    if (c->loaded > 0)
        found = bsearch(&key, c->items, c->loaded, sizeof(key), store_by_name);
    if (found != NULL)
        return found;
    for (size_t i = c->loaded; i < c->count; i++)
        if (strcmp(c->items[i].name, name) == 0)
            return &c->items[i];
    return NULL;
}

static odd_status store_check(struct oddi_store *c, const char *name,
                                  const struct oddi_shape *shape)
{
    char text[ODDI_SHAPE_TEXT];
    if (name[0] == '\0' || strcmp(name, ODDI_ST_DIGEST) == 0)
        return oddi_fail(c->ctx, ODD_EINVAL, "storing a tensor: the name '%s' is not allowed",
                         name);
    if (!oddi_shape_valid(shape))
        return oddi_fail(c->ctx, ODD_ESHAPE, "storing tensor '%s': shape %s", name,
                         oddi_shape_text(shape, text));
    return ODD_OK;
}

odd_status oddi_store_add(struct oddi_store *c, const char *name, enum oddi_type type,
                              const struct oddi_shape *shape, const void *data)
{
    odd_status status = ODD_OK;
    void *items = c->items;
    TRY(store_check(c, name, shape));
    TRY(oddi_reserve(c->ctx, &items, &c->capacity, c->count + 1, sizeof(*c->items)));
    c->items = items;
    struct oddi_stored *s = &c->items[c->count];
    *s = (struct oddi_stored){.type = type, .shape = *shape, .data = data};
    s->name = oddi_arena_strdup(&c->arena, name);
    if (s->name == NULL)
        return ODD_ENOMEM;
    s->size = (size_t)oddi_shape_count(shape) * oddi_type_size(type);
    c->count++;
out:
    return status;
}

odd_status oddi_store_add_copy(struct oddi_store *c, const char *name,
                                   enum oddi_type type, const struct oddi_shape *shape,
                                   const void *data)
{
    odd_status status = ODD_OK;
    TRY(store_check(c, name, shape));
    size_t size = (size_t)oddi_shape_count(shape) * oddi_type_size(type);
    void *copy = oddi_arena_alloc(&c->arena, size);
    if (copy == NULL)
        return ODD_ENOMEM;
    memcpy(copy, data, size);
    TRY(oddi_store_add(c, name, type, shape, copy));
out:
    return status;
}

odd_status oddi_store_set_json(struct oddi_store *c, const char *text)
{
    odd_status status = ODD_OK;
    json_t *json = NULL;
    TRY(oddi_json_parse(c->ctx, text, strlen(text), "the text to be stored", &json));
    if (!json_is_object(json)) {
        status = oddi_fail(c->ctx, ODD_EINVAL, "the text to be stored is not a JSON object");
        goto out;
    }
    char *copy = oddi_arena_strdup(&c->arena, text);
    if (copy == NULL)
        status = ODD_ENOMEM;
    else
        c->json = copy;
out:
    json_decref(json);
    return status;
}

/* ---- saving -------------------------------------------------------------------------------- */

odd_status oddi_store_save(struct oddi_store *c, const char *path,
                               const struct oddi_st_meta *extra, size_t extra_count)
{
    odd_status status = ODD_OK;
    struct oddi_st_writer w;
    oddi_st_writer_init(&w, c->ctx);
    TRY(oddi_st_writer_meta(&w, "format", c->format));
    TRY(oddi_st_writer_meta(&w, "format_version", ODDI_STORE_VERSION));
    for (size_t i = 0; i < extra_count; i++)
        TRY(oddi_st_writer_meta(&w, extra[i].key, extra[i].value));
    TRY(oddi_st_writer_meta(&w, "oddity", c->json != NULL ? c->json : "{}"));
    for (size_t i = 0; i < c->count; i++) {
        const struct oddi_stored *s = &c->items[i];
        struct oddi_st_tensor t = {.name = s->name,
                                   .dtype = oddi_st_dtype_of(s->type),
                                   .rank = s->shape.rank,
                                   .data = s->data,
                                   .size = s->size};
        for (int d = 0; d < s->shape.rank; d++)
            t.dim[d] = s->shape.dim[d];
        TRY(oddi_st_writer_add(&w, &t));
    }
    TRY(oddi_st_writer_save(&w, path, &c->digest));
out:
    oddi_st_writer_release(&w);
    return status;
}

/* ---- loading ------------------------------------------------------------------------------- */

const char *oddi_store_meta(const struct oddi_store *c, const char *key)
{
    return c->file != NULL ? oddi_safetensors_meta(c->file, key) : NULL;
}

static odd_status store_check_kind(struct oddi_store *c)
{
    const char *what = oddi_safetensors_what(c->file);
    const char *format = oddi_store_meta(c, "format");
    const char *version = oddi_store_meta(c, "format_version");
    const char *text = oddi_store_meta(c, "oddity");
    if (format == NULL || strcmp(format, c->format) != 0)
        return oddi_fail(c->ctx, ODD_EFORMAT, "%s: its format is '%s', expected '%s'", what,
                         format != NULL ? format : "none", c->format);
    if (version == NULL || strcmp(version, ODDI_STORE_VERSION) != 0)
        return oddi_fail(c->ctx, ODD_EVERSION,
                         "%s: format version '%s'; this build reads version %s only", what,
                         version != NULL ? version : "none", ODDI_STORE_VERSION);
    if (text == NULL)
        return oddi_fail(c->ctx, ODD_EFORMAT, "%s: no 'oddity' in its metadata", what);
    return ODD_OK;
}

static odd_status store_take_tensor(struct oddi_store *c, const struct oddi_st_tensor *t)
{
    struct oddi_stored *s = &c->items[c->count];
    const char *what = oddi_safetensors_what(c->file);
    *s = (struct oddi_stored){.name = t->name, .data = t->data, .size = t->size};
    if (!oddi_st_dtype_type(t->dtype, &s->type))
        return oddi_fail(c->ctx, ODD_EFORMAT, "%s: tensor '%s' holds %s, which no such file does",
                         what, t->name, oddi_st_dtype_name(t->dtype));
    s->shape.rank = t->rank;
    for (int d = 0; d < ODDI_MAX_DIMS; d++)
        s->shape.dim[d] = d < t->rank ? t->dim[d] : 1;
    if (t->rank > ODDI_MAX_DIMS || !oddi_shape_valid(&s->shape))
        return oddi_fail(c->ctx, ODD_EFORMAT, "%s: tensor '%s' has a shape no such file has",
                         what, t->name);
    if ((uintptr_t)t->data % oddi_st_dtype_size(t->dtype) != 0)
        return oddi_fail(c->ctx, ODD_EFORMAT, "%s: tensor '%s' is not aligned", what, t->name);
    c->count++;
    return ODD_OK;
}

static odd_status store_take(struct oddi_store *c)
{
    odd_status status = ODD_OK;
    size_t count = oddi_safetensors_count(c->file);
    json_t *json = NULL;
    TRY(store_check_kind(c));
    TRY(oddi_safetensors_check_digest(c->file, &c->digest));
    c->items = oddi_calloc(c->ctx, count, sizeof(*c->items));
    if (c->items == NULL)
        return ODD_ENOMEM;
    c->capacity = count;
    for (size_t i = 0; i < count; i++) {
        const struct oddi_st_tensor *t = oddi_safetensors_at(c->file, i);
        if (strcmp(t->name, ODDI_ST_DIGEST) != 0)
            TRY(store_take_tensor(c, t));
    }
    c->loaded = c->count;
    const char *text = oddi_store_meta(c, "oddity");
    TRY(oddi_json_parse(c->ctx, text, strlen(text), oddi_safetensors_what(c->file), &json));
    if (!json_is_object(json)) {
        status = oddi_fail(c->ctx, ODD_EFORMAT, "%s: its 'oddity' is not a JSON object",
                           oddi_safetensors_what(c->file));
        goto out;
    }
    c->json = oddi_arena_strdup(&c->arena, text);
    if (c->json == NULL)
        status = ODD_ENOMEM;
out:
    json_decref(json);
    return status;
}

/* Undoes a load: the container is again as _init left it. */
static void store_empty(struct oddi_store *c)
{
    struct odd_context *ctx = c->ctx;
    const char *format = c->format;
    oddi_store_release(c);
    oddi_store_init(c, ctx, format);
}

odd_status oddi_store_load(struct oddi_store *c, const char *path)
{
    odd_status status = ODD_OK;
    TRY(oddi_safetensors_open(c->ctx, path, &c->file));
    TRY(store_take(c));
out:
    if (status != ODD_OK)
        store_empty(c);
    return status;
}

odd_status oddi_store_load_memory(struct oddi_store *c, const void *data, size_t size,
                                      const char *what)
{
    odd_status status = ODD_OK;
    TRY(oddi_safetensors_open_memory(c->ctx, data, size, what, &c->file));
    TRY(store_take(c));
out:
    if (status != ODD_OK)
        store_empty(c);
    return status;
}
