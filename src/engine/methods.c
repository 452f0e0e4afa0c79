/* SPDX-License-Identifier: Apache-2.0
 *
 * odd_methods_describe: methods with parameters, defaults, ranges, sources and presets, from their
 * tables.
 */
#include <stdio.h>
#include <string.h>

#include "engine/config.h"
#include "nn/optim.h"

/* Settings "name=value" as an object. */
static json_t *methods_settings(const char *const *settings)
{
    json_t *all = json_object();
    for (int i = 0; settings[i]; i++) {
        char name[ODDI_SETTING_NAME];
        const char *value = oddi_setting_split(settings[i], name);
        oddi_json_set_text(all, name, value);
    }
    return all;
}

static odd_status methods_params(struct odd_context *ctx, const struct oddi_method *m,
                                 json_t **list)
{
    const struct oddi_param *tables[ODDI_METHOD_TABLES];
    json_t *all = json_array();
    odd_status status = ODD_OK;
    oddi_method_tables(m, tables);
    for (size_t i = 0; tables[i] && status == ODD_OK; i++) {
        json_t *part = NULL;
        status = oddi_params_describe(ctx, tables[i], &part);
        if (status == ODD_OK)
            json_array_extend(all, part);
        json_decref(part);
    }
    if (status == ODD_OK)
        *list = all;
    else
        json_decref(all);
    return status;
}

static odd_status methods_one(struct odd_context *ctx, const struct oddi_method *m, json_t **one)
{
    json_t *o = json_object(), *presets = json_array(), *params = NULL;
    odd_status status = methods_params(ctx, m, &params);
    oddi_json_set_text(o, "name", m->name);
    oddi_json_set_text(o, "summary", m->summary);
    oddi_json_set_text(o, "citation", m->citation);
    oddi_json_set_bool(o, "wants_expert", m->wants_expert);
    oddi_json_set(o, "params", params);
    for (const struct oddi_preset *p = m->presets; p->name; p++) {
        json_t *preset = json_object();
        oddi_json_set_text(preset, "name", p->name);
        oddi_json_set_text(preset, "summary", p->summary);
        oddi_json_set(preset, "values", methods_settings(p->settings));
        json_array_append_new(presets, preset);
    }
    oddi_json_set(o, "presets", presets);
    if (status == ODD_OK)
        *one = o;
    else
        json_decref(o);
    return status;
}

odd_status odd_methods_describe(struct odd_context *ctx, const char *name, char **json)
{
    odd_status status = ODD_OK;
    json_t *all = NULL, *list = NULL;
    const char *preset = NULL;
    if (!ctx || !json)
        return oddi_fail(ctx, ODD_EINVAL,
                         "describing methods needs a context and a place for the answer");
    if (name) {
        const struct oddi_method *m = oddi_method_find(oddi_method_alias(name, &preset));
        if (!m)
            return oddi_fail(ctx, ODD_ECONFIG, "unknown method '%s'; `oddity methods` lists them",
                             name);
        TRY(methods_one(ctx, m, &all));
    } else {
        all = json_object();
        list = json_array();
        for (int i = 0; oddi_method_at(i); i++) {
            json_t *one = NULL;
            TRY(methods_one(ctx, oddi_method_at(i), &one));
            json_array_append_new(list, one);
        }
        oddi_json_set(all, "methods", json_incref(list));
    }
    TRY(oddi_json_dump(ctx, all, 0, json));
out:
    json_decref(list);
    json_decref(all);
    return status;
}
