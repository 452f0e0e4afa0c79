/* SPDX-License-Identifier: Apache-2.0
 *
 * Values of the restricted pickle machine: made in its arena, counted, and put into containers
 * under the rules (pickle.h) that keep them without cycles and shallow.
 */
#include "store/pickle.h"

#include <string.h>

#define PICKLE_MAX_VALUES ((size_t)1 << 20) /* values and list links */
#define PICKLE_MAX_DEPTH 64

static void *pickle_room(struct oddi_pickle *p, size_t size)
{
    if (++p->values > PICKLE_MAX_VALUES) {
        (void)oddi_fail(p->ctx, ODD_ELIMIT, "%s: its pickle makes more than %zu values", p->what,
                        PICKLE_MAX_VALUES);
        return NULL;
    }
    return oddi_arena_alloc(&p->arena, size);
}

struct oddi_pickle_value *oddi_pickle_new(struct oddi_pickle *p, enum oddi_pickle_kind kind)
{
    struct oddi_pickle_value *v = pickle_room(p, sizeof(*v));
    if (v != NULL)
        v->kind = kind;
    return v;
}

static bool pickle_container(const struct oddi_pickle_value *v)
{
    return v->kind == ODDI_PICKLE_TUPLE || v->kind == ODDI_PICKLE_LIST ||
           v->kind == ODDI_PICKLE_DICT;
}

odd_status oddi_pickle_append(struct oddi_pickle *p, struct oddi_pickle_value *list,
                              struct oddi_pickle_value *value)
{
    value->sealed = true;
    if (list->sealed)
        return oddi_fail(p->ctx, ODD_EFORMAT,
                         "%s: its pickle changes a %s that is part of another value: a cycle?",
                         p->what, oddi_pickle_kind_name(list->kind));
    if (pickle_container(value) && value->depth >= list->depth)
        list->depth = (uint16_t)(value->depth + 1);
    if (list->depth > PICKLE_MAX_DEPTH)
        return oddi_fail(p->ctx, ODD_ELIMIT, "%s: its pickle is nested deeper than %d", p->what,
                         PICKLE_MAX_DEPTH);
    struct oddi_pickle_link *link = pickle_room(p, sizeof(*link));
    if (link == NULL)
        return p->ctx->status;
    link->value = value;
    if (list->list.last)
        list->list.last->next = link;
    else
        list->list.first = link;
    list->list.last = link;
    return ODD_OK;
}

bool oddi_pickle_text_is(const struct oddi_pickle_value *v, const char *text)
{
    return v->kind == ODDI_PICKLE_TEXT && v->size == strlen(text) &&
           memcmp(v->text, text, v->size) == 0;
}

const char *oddi_pickle_kind_name(enum oddi_pickle_kind kind)
{
    static const char *const names[] = {"None",  "bool", "integer", "integer", "number",  "text",
                                        "tuple", "list", "dict",    "global",  "storage", "tensor"};
    return names[kind];
}
