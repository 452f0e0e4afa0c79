/* SPDX-License-Identifier: Apache-2.0
 *
 * From a pickled state dict to tensors: finds the dict that has them, then each one's bytes.
 */
#include "store/pth.h"

#include <inttypes.h>
#include <string.h>

#define PTH_MAX_NESTING 4

static bool pth_has_tensor(const struct oddi_pickle_value *dict)
{
    for (const struct oddi_pickle_link *l = dict->list.first; l; l = l->next->next)
        if (l->next->value->kind == ODDI_PICKLE_TENSOR)
            return true;
    return false;
}

/* The dict under a key, NULL when there is none. */
static const struct oddi_pickle_value *pth_under(const struct oddi_pickle_value *dict,
                                                 const char *key)
{
    for (const struct oddi_pickle_link *l = dict->list.first; l; l = l->next->next)
        if (oddi_pickle_text_is(l->value, key) && l->next->value->kind == ODDI_PICKLE_DICT)
            return l->next->value;
    return NULL;
}

static odd_status pth_state_dict(struct oddi_weights *w, const struct oddi_pickle_value *root,
                                 const struct oddi_pickle_value **dict)
{
    static const char *const keys[] = {"state_dict", "model_state_dict", "model"};
    const struct oddi_pickle_value *at = root;
    for (int depth = 0; at && at->kind == ODDI_PICKLE_DICT && depth < PTH_MAX_NESTING; depth++) {
        const struct oddi_pickle_value *next = NULL;
        if (pth_has_tensor(at)) {
            *dict = at;
            return ODD_OK;
        }
        for (size_t i = 0; i < ODDI_COUNT(keys) && !next; i++)
            next = pth_under(at, keys[i]);
        at = next;
    }
    return oddi_fail(w->ctx, ODD_EFORMAT,
                     "%s: no tensors in it, which is a %s; a state dict is wanted, or a dict that "
                     "has one under 'state_dict', 'model_state_dict' or 'model'",
                     w->what, oddi_pickle_kind_name(root->kind));
}

static odd_status pth_tensor(struct oddi_weights *w, const struct oddi_pickle_tensor *t,
                             struct oddi_weights_source *s, oddi_pth_find_fn find, void *user)
{
    odd_status status = ODD_OK;
    const struct oddi_pickle_storage *storage = t->storage;
    const size_t width = oddi_st_dtype_size(storage->dtype);
    TRY(find(user, storage, &s->data, &s->size));
    if (s->size != (size_t)storage->count * width)
        return oddi_fail(w->ctx, ODD_EFORMAT,
                         "%s: tensor '%.*s': its storage has %zu bytes where %" PRId64
                         " elements need %zu",
                         w->what, (int)s->name_size, s->name, s->size, storage->count,
                         (size_t)storage->count * width);
    if (storage->view) {
        s->data += (size_t)storage->view_at * width;
        s->size = (size_t)storage->view_count * width;
    }
    s->dtype = storage->dtype;
    s->rank = t->rank;
    s->offset = t->offset;
    memcpy(s->dim, t->dim, sizeof(s->dim));
    memcpy(s->stride, t->stride, sizeof(s->stride));
    TRY(oddi_weights_add(w, s));
out:
    return status;
}

odd_status oddi_pth_add(struct oddi_weights *w, const struct oddi_pickle_value *root,
                        bool big_endian, oddi_pth_find_fn find, void *user)
{
    odd_status status = ODD_OK;
    const struct oddi_pickle_value *dict = NULL;
    TRY(pth_state_dict(w, root, &dict));
    for (const struct oddi_pickle_link *l = dict->list.first; l; l = l->next->next) {
        const struct oddi_pickle_value *key = l->value, *value = l->next->value;
        if (key->kind != ODDI_PICKLE_TEXT && value->kind != ODDI_PICKLE_TENSOR)
            continue;
        if (key->kind != ODDI_PICKLE_TEXT || key->size > ODDI_WEIGHTS_MAX_NAME) {
            status = oddi_fail(w->ctx, ODD_EFORMAT,
                               "%s: a tensor's name is not text of at most %d bytes", w->what,
                               ODDI_WEIGHTS_MAX_NAME);
            goto out;
        }
        struct oddi_weights_source s = {
            .name = key->text, .name_size = key->size, .big_endian = big_endian};
        if (value->kind == ODDI_PICKLE_TENSOR)
            TRY(pth_tensor(w, value->tensor, &s, find, user));
        else
            TRY(oddi_weights_add_skip(w, key->text, key->size, "not a tensor"));
    }
out:
    return status;
}
