/* SPDX-License-Identifier: Apache-2.0
 *
 * The public option list: name and value as text, in order. Nothing is checked here; the call
 * that takes the options has the tables.
 */
#include "base/options.h"

#include <string.h>

#include "base/alloc.h"

odd_status odd_options_new(struct odd_context *ctx, struct odd_options **options)
{
    struct odd_options *made = oddi_calloc(ctx, 1, sizeof *made);
    if (!made)
        return ODD_ENOMEM;
    made->ctx = ctx;
    *options = made;
    return ODD_OK;
}

odd_status oddi_options_add(struct odd_options *o, const char *name, const char *value,
                            const char *origin)
{
    odd_status status;
    char *name_copy = NULL, *value_copy = NULL;
    void *items = o->item;
    if (o->count >= ODDI_OPTIONS_MAX)
        return oddi_fail(o->ctx, ODD_ELIMIT, "more than %d options", ODDI_OPTIONS_MAX);
    TRY(oddi_reserve(o->ctx, &items, &o->capacity, o->count + 1, sizeof *o->item));
    o->item = items;
    status = ODD_ENOMEM;
    name_copy = oddi_strdup(o->ctx, name);
    value_copy = name_copy ? oddi_strdup(o->ctx, value) : NULL;
    if (!value_copy)
        goto out;
    o->item[o->count++] = (struct oddi_option){name_copy, value_copy, origin, false};
    return ODD_OK;
out:
    oddi_free(o->ctx, name_copy);
    return status;
}

void oddi_options_cut(struct odd_options *o, size_t count)
{
    while (o->count > count) {
        struct oddi_option *last = &o->item[--o->count];
        oddi_free(o->ctx, last->name);
        oddi_free(o->ctx, last->value);
    }
}

odd_status odd_options_set(struct odd_options *options, const char *name, const char *value)
{
    if (!name || !*name)
        return oddi_fail(options->ctx, ODD_EINVAL, "an option without a name");
    if (!value)
        return oddi_fail(options->ctx, ODD_EINVAL, "option '%s' has no value", name);
    return oddi_options_add(options, name, value, "set");
}

void odd_options_free(struct odd_options *options)
{
    if (!options)
        return;
    oddi_options_cut(options, 0);
    oddi_free(options->ctx, options->item);
    oddi_free(options->ctx, options);
}

const char *oddi_options_get(const struct odd_options *o, const char *name)
{
    for (size_t i = o->count; i > 0; i--)
        if (strcmp(o->item[i - 1].name, name) == 0)
            return o->item[i - 1].value;
    return NULL;
}
