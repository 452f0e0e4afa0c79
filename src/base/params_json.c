/* SPDX-License-Identifier: Apache-2.0
 *
 * Parameters and values as JSON: the configuration stored in a model, and descriptions.
 */
#include "base/params.h"

#include <string.h>

#include "base/alloc.h"
#include "base/str.h"

static bool params_json_put(json_t *object, const char *key, const struct oddi_param *p,
                            const char *text)
{
    int64_t whole;
    double real;
    bool truth;
    if (p->type == ODDI_PARAM_INT && oddi_parse_int(text, &whole))
        return oddi_json_set_int(object, key, whole);
    if (p->type == ODDI_PARAM_FLOAT && oddi_parse_double(text, &real))
        return oddi_json_set_real(object, key, real);
    if (p->type == ODDI_PARAM_BOOL && oddi_parse_bool(text, &truth))
        return oddi_json_set_bool(object, key, truth);
    return oddi_json_set_text(object, key, text);
}

static odd_status params_json_memory(struct odd_context *ctx)
{
    return oddi_fail(ctx, ODD_ENOMEM, "out of memory: parameters as JSON");
}

odd_status oddi_values_to_json(const struct oddi_values *v, json_t **json)
{
    json_t *object = json_object();
    bool ok = object != NULL;
    for (int i = 0; ok && i < v->count; i++) {
        const struct oddi_value *item = &v->item[i];
        ok = params_json_put(object, item->param->name, item->param, item->text);
    }
    if (!ok) {
        json_decref(object);
        return params_json_memory(v->ctx);
    }
    *json = object;
    return ODD_OK;
}

static odd_status params_json_take(struct oddi_values *v, const char *name, const json_t *value,
                                   const char *origin)
{
    struct oddi_str text;
    char *taken;
    oddi_str_init(&text, v->ctx);
    if (json_is_string(value))
        oddi_str_add(&text, json_string_value(value));
    else if (json_is_integer(value))
        oddi_str_addf(&text, "%lld", (long long)json_integer_value(value));
    else if (json_is_real(value))
        oddi_str_addf(&text, "%.17g", json_real_value(value));
    else if (json_is_boolean(value))
        oddi_str_add(&text, json_is_true(value) ? "true" : "false");
    else
        text.status = oddi_fail(v->ctx, ODD_ECONFIG,
                                "option '%s' is neither text, number, true nor false", name);
    odd_status status = oddi_str_take(&text, &taken);
    if (status != ODD_OK)
        return status;
    status = oddi_values_set(v, name, taken, origin);
    oddi_free(v->ctx, taken);
    return status;
}

odd_status oddi_values_from_json(struct oddi_values *v, const json_t *json, const char *origin)
{
    odd_status status = ODD_OK;
    const char *name;
    json_t *value;
    if (!json_is_object(json))
        return oddi_fail(v->ctx, ODD_EFORMAT, "the configuration is not a JSON object");
    json_object_foreach((json_t *)json, name, value)
    {
        TRY(params_json_take(v, name, value, origin));
    }
out:
    return status;
}

/* "a|b|c" as a list. */
static json_t *params_json_choices(const char *choices)
{
    json_t *list = json_array();
    while (list) {
        size_t length = strcspn(choices, "|");
        if (json_array_append_new(list, json_stringn(choices, length)) != 0)
            break;
        if (!choices[length])
            return list;
        choices += length + 1;
    }
    json_decref(list);
    return NULL;
}

static bool params_json_one(json_t *object, const struct oddi_param *p)
{
    static const char *const types[] = {"end", "int", "float", "bool", "enum", "text"};
    bool ok = oddi_json_set_text(object, "name", p->name) &&
              oddi_json_set_text(object, "type", types[p->type]) &&
              params_json_put(object, "default", p, p->initial);
    if (ok && p->type == ODDI_PARAM_INT)
        ok = oddi_json_set_int(object, "min", (int64_t)p->min) &&
             oddi_json_set_int(object, "max", p->max < 0x1p63 ? (int64_t)p->max : INT64_MAX);
    if (ok && p->type == ODDI_PARAM_FLOAT)
        ok = oddi_json_set_real(object, "min", p->min) && oddi_json_set_real(object, "max", p->max);
    if (ok && p->type == ODDI_PARAM_ENUM)
        ok = oddi_json_set(object, "choices", params_json_choices(p->choices));
    return ok && oddi_json_set_text(object, "source", p->source) &&
           oddi_json_set_text(object, "help", p->help);
}

odd_status oddi_params_describe(struct odd_context *ctx, const struct oddi_param *table,
                                json_t **array)
{
    json_t *list = json_array();
    bool ok = list != NULL;
    for (; ok && table->type != ODDI_PARAM_END; table++) {
        json_t *object = json_object();
        ok = object && params_json_one(object, table);
        if (ok)
            ok = json_array_append_new(list, object) == 0;
        else
            json_decref(object);
    }
    if (!ok) {
        json_decref(list);
        return params_json_memory(ctx);
    }
    *array = list;
    return ODD_OK;
}
