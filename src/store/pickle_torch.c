/* SPDX-License-Identifier: Apache-2.0
 *
 * The names that a state dict may use, and what each builds. Nothing else may be named: a row here
 * is the only way for a pickle to make more than numbers, texts, tuples, lists and dicts.
 */
#include "store/pickle.h"

#include <inttypes.h>
#include <string.h>

#define PICKLE_SHOWN 120 /* bytes of a refused name that a message has */

enum pickle_call {
    PICKLE_ORDERED_DICT,
    PICKLE_SIZE,
    PICKLE_REBUILD_TENSOR,
    PICKLE_REBUILD_TENSOR_V2,
    PICKLE_REBUILD_PARAMETER,
    PICKLE_PARAMETER,
    PICKLE_STORAGE_TYPE, /* named within persistent ids, never called */
};

static const struct {
    const char *module, *name;
    enum pickle_call call;
    enum oddi_st_dtype dtype;
} pickle_globals[] = {
    {"collections", "OrderedDict", PICKLE_ORDERED_DICT, 0},
    {"torch", "Size", PICKLE_SIZE, 0},
    {"torch._utils", "_rebuild_tensor", PICKLE_REBUILD_TENSOR, 0},
    {"torch._utils", "_rebuild_tensor_v2", PICKLE_REBUILD_TENSOR_V2, 0},
    {"torch._utils", "_rebuild_parameter", PICKLE_REBUILD_PARAMETER, 0},
    {"torch.nn.parameter", "Parameter", PICKLE_PARAMETER, 0},
    {"torch", "FloatStorage", PICKLE_STORAGE_TYPE, ODDI_ST_F32},
    {"torch", "DoubleStorage", PICKLE_STORAGE_TYPE, ODDI_ST_F64},
    {"torch", "HalfStorage", PICKLE_STORAGE_TYPE, ODDI_ST_F16},
    {"torch", "BFloat16Storage", PICKLE_STORAGE_TYPE, ODDI_ST_BF16},
    {"torch", "LongStorage", PICKLE_STORAGE_TYPE, ODDI_ST_I64},
    {"torch", "IntStorage", PICKLE_STORAGE_TYPE, ODDI_ST_I32},
    {"torch", "ShortStorage", PICKLE_STORAGE_TYPE, ODDI_ST_I16},
    {"torch", "CharStorage", PICKLE_STORAGE_TYPE, ODDI_ST_I8},
    {"torch", "ByteStorage", PICKLE_STORAGE_TYPE, ODDI_ST_U8},
    {"torch", "BoolStorage", PICKLE_STORAGE_TYPE, ODDI_ST_BOOL},
};

static bool pickle_same(const char *text, size_t size, const char *with)
{
    return size == strlen(with) && memcmp(text, with, size) == 0;
}

/* Appends what may be printed of a name, for a message. */
static size_t pickle_show(char *to, size_t at, const char *text, size_t size)
{
    for (size_t i = 0; i < size && at < PICKLE_SHOWN; i++)
        to[at++] = text[i] > ' ' && text[i] < 0x7f ? text[i] : '?';
    return at;
}

odd_status oddi_pickle_global(struct oddi_pickle *p, const char *module, size_t module_size,
                              const char *name, size_t name_size, int64_t *which)
{
    char shown[PICKLE_SHOWN + 1];
    size_t at;
    for (size_t i = 0; i < ODDI_COUNT(pickle_globals); i++)
        if (pickle_same(module, module_size, pickle_globals[i].module) &&
            pickle_same(name, name_size, pickle_globals[i].name)) {
            *which = (int64_t)i;
            return ODD_OK;
        }
    at = pickle_show(shown, 0, module, module_size);
    at = pickle_show(shown, at, ".", 1);
    at = pickle_show(shown, at, name, name_size);
    shown[at] = '\0';
    return oddi_fail(p->ctx, ODD_ENOTSUP,
                     "%s: its pickle names '%s', which no state dict needs; refused (save the "
                     "network's state_dict() alone)",
                     p->what, shown);
}

/* ---- arguments ----------------------------------------------------------------------------- */

static odd_status pickle_bad(struct oddi_pickle *p, const char *where)
{
    return oddi_fail(p->ctx, ODD_EFORMAT, "%s: damaged pickle: %s", p->what, where);
}

/* The elements of a tuple or list into v[0..max-1]; their number, max + 1 if there are more. */
static size_t pickle_unpack(const struct oddi_pickle_value *list, struct oddi_pickle_value **v,
                            size_t max)
{
    size_t n = 0;
    for (const struct oddi_pickle_link *l = list->list.first; l; l = l->next) {
        if (n == max)
            return max + 1;
        v[n++] = l->value;
    }
    return n;
}

/* A whole number >= 0 (a bool is one, too, in Python; not here). */
static bool pickle_natural(const struct oddi_pickle_value *v, int64_t *number)
{
    if (v->kind != ODDI_PICKLE_INT || v->integer < 0)
        return false;
    *number = v->integer;
    return true;
}

static bool pickle_naturals(const struct oddi_pickle_value *v, int64_t number[ODDI_ST_MAX_DIMS],
                            int *count)
{
    struct oddi_pickle_value *element[ODDI_ST_MAX_DIMS];
    if (v->kind != ODDI_PICKLE_TUPLE && v->kind != ODDI_PICKLE_LIST)
        return false;
    size_t n = pickle_unpack(v, element, ODDI_ST_MAX_DIMS);
    if (n > ODDI_ST_MAX_DIMS)
        return false;
    for (size_t i = 0; i < n; i++)
        if (!pickle_natural(element[i], &number[i]))
            return false;
    *count = (int)n;
    return true;
}

/* ---- calls --------------------------------------------------------------------------------- */

/* Of Python 2: OrderedDict([[key, value], ...]); of Python 3: OrderedDict(). */
static odd_status pickle_ordered_dict(struct oddi_pickle *p,
                                      const struct oddi_pickle_value *arguments,
                                      struct oddi_pickle_value **out)
{
    odd_status status = ODD_OK;
    struct oddi_pickle_value *items = NULL, *pair[2];
    struct oddi_pickle_value *dict = oddi_pickle_new(p, ODDI_PICKLE_DICT);
    if (dict == NULL)
        return p->ctx->status;
    size_t n = pickle_unpack(arguments, &items, 1);
    if (n > 1 || (n == 1 && items->kind != ODDI_PICKLE_LIST && items->kind != ODDI_PICKLE_TUPLE))
        return pickle_bad(p, "arguments of collections.OrderedDict");
    for (const struct oddi_pickle_link *l = n ? items->list.first : NULL; l; l = l->next) {
        if ((l->value->kind != ODDI_PICKLE_LIST && l->value->kind != ODDI_PICKLE_TUPLE) ||
            pickle_unpack(l->value, pair, 2) != 2)
            return pickle_bad(p, "an item of collections.OrderedDict is no pair");
        TRY(oddi_pickle_append(p, dict, pair[0]));
        TRY(oddi_pickle_append(p, dict, pair[1]));
    }
    *out = dict;
out:
    return status;
}

/* (storage, offset, size, stride) and, in version 2, (requires_grad, hooks[, metadata]). */
static odd_status pickle_tensor(struct oddi_pickle *p, const struct oddi_pickle_value *arguments,
                                bool v2, struct oddi_pickle_value **out)
{
    struct oddi_pickle_value *a[7];
    int strides = 0;
    size_t n = pickle_unpack(arguments, a, 7);
    struct oddi_pickle_tensor *t = oddi_arena_alloc(&p->arena, sizeof(*t));
    struct oddi_pickle_value *v = oddi_pickle_new(p, ODDI_PICKLE_TENSOR);
    if (t == NULL || v == NULL)
        return p->ctx->status;
    if (v2 ? n < 6 || n > 7 : n != 4)
        return pickle_bad(p, "a tensor is built from the wrong number of arguments");
    if (a[0]->kind != ODDI_PICKLE_STORAGE)
        return pickle_bad(p, "a tensor is built from no storage");
    t->storage = a[0]->storage;
    if (!pickle_natural(a[1], &t->offset) || !pickle_naturals(a[2], t->dim, &t->rank) ||
        !pickle_naturals(a[3], t->stride, &strides) || t->rank != strides)
        return pickle_bad(p, "offset, size or strides of a tensor");
    v->tensor = t;
    *out = v;
    return ODD_OK;
}

/* The tensor within: (tensor, requires_grad[, hooks]). */
static odd_status pickle_parameter(struct oddi_pickle *p, const struct oddi_pickle_value *arguments,
                                   struct oddi_pickle_value **out)
{
    struct oddi_pickle_value *a[3];
    size_t n = pickle_unpack(arguments, a, 3);
    if (n < 1 || n > 3 || a[0]->kind != ODDI_PICKLE_TENSOR)
        return pickle_bad(p, "a parameter is built from no tensor");
    struct oddi_pickle_value *v = oddi_pickle_new(p, ODDI_PICKLE_TENSOR);
    if (v == NULL)
        return p->ctx->status;
    v->tensor = a[0]->tensor;
    *out = v;
    return ODD_OK;
}

static odd_status pickle_torch_size(struct oddi_pickle *p,
                                    const struct oddi_pickle_value *arguments,
                                    struct oddi_pickle_value **out)
{
    odd_status status = ODD_OK;
    struct oddi_pickle_value *list;
    if (pickle_unpack(arguments, &list, 1) != 1 ||
        (list->kind != ODDI_PICKLE_TUPLE && list->kind != ODDI_PICKLE_LIST))
        return pickle_bad(p, "arguments of torch.Size");
    struct oddi_pickle_value *size = oddi_pickle_new(p, ODDI_PICKLE_TUPLE);
    if (size == NULL)
        return p->ctx->status;
    for (const struct oddi_pickle_link *l = list->list.first; l; l = l->next)
        TRY(oddi_pickle_append(p, size, l->value));
    *out = size;
out:
    return status;
}

odd_status oddi_pickle_reduce(struct oddi_pickle *p, const struct oddi_pickle_value *function,
                              const struct oddi_pickle_value *arguments,
                              struct oddi_pickle_value **out)
{
    switch (pickle_globals[function->integer].call) {
    case PICKLE_ORDERED_DICT:
        return pickle_ordered_dict(p, arguments, out);
    case PICKLE_SIZE:
        return pickle_torch_size(p, arguments, out);
    case PICKLE_REBUILD_TENSOR:
        return pickle_tensor(p, arguments, false, out);
    case PICKLE_REBUILD_TENSOR_V2:
        return pickle_tensor(p, arguments, true, out);
    case PICKLE_REBUILD_PARAMETER:
    case PICKLE_PARAMETER:
        return pickle_parameter(p, arguments, out);
    case PICKLE_STORAGE_TYPE:
        break;
    }
    return oddi_fail(p->ctx, ODD_ENOTSUP,
                     "%s: its pickle calls 'torch.%s', which only names a type", p->what,
                     pickle_globals[function->integer].name);
}

/* ---- storages ------------------------------------------------------------------------------ */

/* None, or (key of the view, first element, elements), in legacy streams. */
static odd_status pickle_view(struct oddi_pickle *p, const struct oddi_pickle_value *v,
                              struct oddi_pickle_storage *s)
{
    struct oddi_pickle_value *a[3];
    if (v->kind == ODDI_PICKLE_NONE)
        return ODD_OK;
    if (v->kind != ODDI_PICKLE_TUPLE || pickle_unpack(v, a, 3) != 3 ||
        !pickle_natural(a[1], &s->view_at) || !pickle_natural(a[2], &s->view_count) ||
        s->view_at > s->count || s->view_count > s->count - s->view_at)
        return pickle_bad(p, "a view of a storage");
    s->view = true;
    return ODD_OK;
}

static odd_status pickle_id_kind(struct oddi_pickle *p, const struct oddi_pickle_value *v)
{
    char shown[PICKLE_SHOWN + 1];
    if (v->kind != ODDI_PICKLE_TEXT)
        return pickle_bad(p, "a persistent id without a kind");
    shown[pickle_show(shown, 0, v->text, v->size)] = '\0';
    return oddi_fail(p->ctx, ODD_ENOTSUP,
                     "%s: its pickle has a persistent id of kind '%s', not a storage; refused",
                     p->what, shown);
}

/* ("storage", type, key, place, elements[, view]) */
odd_status oddi_pickle_persistent(struct oddi_pickle *p, const struct oddi_pickle_value *id,
                                  struct oddi_pickle_value **out)
{
    odd_status status = ODD_OK;
    struct oddi_pickle_value *a[6];
    size_t n = id->kind == ODDI_PICKLE_TUPLE ? pickle_unpack(id, a, 6) : 0;
    if (n >= 1 && !oddi_pickle_text_is(a[0], "storage"))
        return pickle_id_kind(p, a[0]);
    if (n < 5 || n > 6 || a[1]->kind != ODDI_PICKLE_GLOBAL ||
        pickle_globals[a[1]->integer].call != PICKLE_STORAGE_TYPE || a[2]->kind != ODDI_PICKLE_TEXT)
        return pickle_bad(p, "a persistent id that is no storage");
    struct oddi_pickle_storage *s = oddi_arena_alloc(&p->arena, sizeof(*s));
    struct oddi_pickle_value *v = oddi_pickle_new(p, ODDI_PICKLE_STORAGE);
    if (s == NULL || v == NULL)
        return p->ctx->status;
    s->key = a[2]->text;
    s->key_size = a[2]->size;
    s->dtype = pickle_globals[a[1]->integer].dtype;
    if (!pickle_natural(a[4], &s->count))
        return pickle_bad(p, "a storage whose size is no whole number >= 0");
    if ((uint64_t)s->count > p->limit / oddi_st_dtype_size(s->dtype))
        return oddi_fail(p->ctx, ODD_ELIMIT,
                         "%s: its pickle has a storage of %" PRId64
                         " elements, more than the file can hold",
                         p->what, s->count);
    if (n == 6)
        TRY(pickle_view(p, a[5], s));
    s->next = p->storages;
    p->storages = s;
    v->storage = s;
    *out = v;
out:
    return status;
}
