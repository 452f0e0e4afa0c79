/* SPDX-License-Identifier: Apache-2.0
 *
 * Values of declared parameters: defaults, checks, and the way to and from JSON.
 */
#include "base/params.h"

#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "base/options.h"
#include "base/str.h"

#define PARAMS_NUMBER 64 /* a number as text */
#define PARAMS_NAME 64   /* names compared for suggestions */

static int params_find(const struct oddi_values *v, const char *name)
{
    for (int i = 0; i < v->count; i++)
        if (strcmp(v->item[i].param->name, name) == 0)
            return i;
    return -1;
}

/* ---- nearest name -------------------------------------------------------------------------- */

static int params_min(int a, int b)
{
    return a < b ? a : b;
}

/* Edits (insert, delete, replace) from a to b: Wagner and Fischer (1974), two rows. '-' and '_'
 * count as equal, as they are what people confuse. */
static int params_distance(const char *a, const char *b)
{
    int row[PARAMS_NAME + 1];
    int length = (int)strlen(b);
    if (length > PARAMS_NAME)
        return PARAMS_NAME;
    for (int j = 0; j <= length; j++)
        row[j] = j;
    for (int i = 1; *a; a++, i++) {
        int diagonal = row[0];
        row[0] = i;
        for (int j = 1; j <= length; j++) {
            char p = *a == '-' ? '_' : *a, q = b[j - 1] == '-' ? '_' : b[j - 1];
            int replaced = diagonal + (p != q);
            diagonal = row[j];
            row[j] = params_min(replaced, params_min(diagonal, row[j - 1]) + 1);
        }
    }
    return row[length];
}

/* The known name that a typing mistake may have meant, or NULL. */
static const char *params_nearest(const struct oddi_values *v, const char *name)
{
    const char *nearest = NULL;
    size_t length = strlen(name);
    int best = length < 4 ? 2 : (int)length / 3 + 2; /* must be less */
    if (length > PARAMS_NAME)
        return NULL;
    for (int i = 0; i < v->count; i++) {
        int distance = params_distance(name, v->item[i].param->name);
        if (distance < best) {
            best = distance;
            nearest = v->item[i].param->name;
        }
    }
    return nearest;
}

/* ---- checking one value -------------------------------------------------------------------- */

/* The index of `text` in "a|b|c", or -1. */
static int params_choice(const char *choices, const char *text)
{
    size_t length = strlen(text);
    int index = 0;
    for (;;) {
        size_t one = strcspn(choices, "|");
        if (one == length && memcmp(choices, text, one) == 0)
            return index;
        if (!choices[one])
            return -1;
        choices += one + 1;
        index++;
    }
}

static void params_format(char *text, size_t size, const char *format, ...) ODDI_PRINTF(3, 4);
static void params_format(char *text, size_t size, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    oddi_vformat(text, size, format, args);
    va_end(args);
}

/* The fewest digits that read back as the same number. */
static void params_format_real(double value, char text[PARAMS_NUMBER])
{
    double back;
    for (int digits = 1; digits <= 17; digits++) {
        params_format(text, PARAMS_NUMBER, "%.*g", digits, value);
        if (oddi_parse_double(text, &back) && back == value)
            return;
    }
}

/* Reads `text` as the parameter's type; *canonical is the text to keep (may be `text`). */
static bool params_read(const struct oddi_param *p, const char *text, double *number,
                        char buffer[PARAMS_NUMBER], const char **canonical)
{
    int64_t whole;
    bool truth;
    *canonical = buffer;
    switch (p->type) {
    case ODDI_PARAM_INT:
        if (!oddi_parse_int(text, &whole) || (double)whole < p->min || (double)whole > p->max)
            return false;
        *number = (double)whole;
        params_format(buffer, PARAMS_NUMBER, "%lld", (long long)whole);
        return true;
    case ODDI_PARAM_FLOAT:
        if (!oddi_parse_double(text, number) || *number < p->min || *number > p->max)
            return false;
        params_format_real(*number, buffer);
        return true;
    case ODDI_PARAM_BOOL:
        if (!oddi_parse_bool(text, &truth))
            return false;
        *number = truth;
        *canonical = truth ? "true" : "false";
        return true;
    case ODDI_PARAM_ENUM:
        *number = params_choice(p->choices, text);
        *canonical = text;
        return *number >= 0;
    case ODDI_PARAM_TEXT:
        *number = 0;
        *canonical = text;
        return true;
    case ODDI_PARAM_END:
        break;
    }
    return false;
}

static odd_status params_refuse(struct odd_context *ctx, const struct oddi_param *p,
                                const char *text)
{
    char low[PARAMS_NUMBER], high[PARAMS_NUMBER];
    const char *start = "option";
    if (p->type == ODDI_PARAM_BOOL)
        return oddi_fail(ctx, ODD_ECONFIG, "%s '%s' is '%s', expected true or false", start,
                         p->name, text);
    if (p->type == ODDI_PARAM_ENUM)
        return oddi_fail(ctx, ODD_ECONFIG, "%s '%s' is '%s', expected one of %s", start, p->name,
                         text, p->choices);
    params_format_real(p->min, low);
    params_format_real(p->max, high);
    return oddi_fail(ctx, ODD_ECONFIG, "%s '%s' is '%s', expected %s from %s to %s", start, p->name,
                     text, p->type == ODDI_PARAM_INT ? "a whole number" : "a number", low, high);
}

/* ---- values -------------------------------------------------------------------------------- */

static odd_status params_assign(struct oddi_values *v, struct oddi_value *item, const char *text,
                                const char *origin)
{
    char buffer[PARAMS_NUMBER];
    const char *canonical;
    double number;
    if (!params_read(item->param, text, &number, buffer, &canonical))
        return params_refuse(v->ctx, item->param, text);
    char *copy = oddi_strdup(v->ctx, canonical);
    if (!copy)
        return ODD_ENOMEM;
    oddi_free(v->ctx, item->text);
    item->text = copy;
    item->number = number;
    item->origin = origin;
    return ODD_OK;
}

static odd_status params_add(struct oddi_values *v, const struct oddi_param *p)
{
    if (params_find(v, p->name) >= 0)
        return oddi_fail(v->ctx, ODD_EBUG, "parameter '%s' is declared twice", p->name);
    if (v->count >= ODDI_VALUES_MAX)
        return oddi_fail(v->ctx, ODD_EBUG, "more than %d parameters", ODDI_VALUES_MAX);
    struct oddi_value *item = &v->item[v->count];
    *item = (struct oddi_value){.param = p};
    odd_status status = params_assign(v, item, p->initial, "default");
    if (status == ODD_ECONFIG)
        return oddi_fail(v->ctx, ODD_EBUG, "parameter '%s' has the invalid default '%s'", p->name,
                         p->initial);
    if (status == ODD_OK)
        v->count++;
    return status;
}

odd_status oddi_values_init(struct oddi_values *v, struct odd_context *ctx,
                            const struct oddi_param *const *tables)
{
    odd_status status = ODD_OK;
    v->ctx = ctx;
    v->count = 0;
    for (; *tables; tables++)
        for (const struct oddi_param *p = *tables; p->type != ODDI_PARAM_END; p++)
            TRY(params_add(v, p));
out:
    if (status != ODD_OK)
        oddi_values_release(v);
    return status;
}

void oddi_values_release(struct oddi_values *v)
{
    while (v->count > 0)
        oddi_free(v->ctx, v->item[--v->count].text);
}

odd_status oddi_values_set(struct oddi_values *v, const char *name, const char *text,
                           const char *origin)
{
    int i = params_find(v, name);
    if (i >= 0)
        return params_assign(v, &v->item[i], text, origin);
    const char *nearest = params_nearest(v, name);
    if (!nearest)
        return oddi_fail(v->ctx, ODD_ECONFIG, "unknown option '%s'", name);
    return oddi_fail(v->ctx, ODD_ECONFIG, "unknown option '%s'; is '%s' meant?", name, nearest);
}

bool oddi_values_has(const struct oddi_values *v, const char *name)
{
    return params_find(v, name) >= 0;
}

bool oddi_values_is_default(const struct oddi_values *v, const char *name)
{
    int i = params_find(v, name);
    return i >= 0 && strcmp(v->item[i].origin, "default") == 0;
}

/* NULL, after an assertion, for a name that is in no table. */
static const struct oddi_value *params_get(const struct oddi_values *v, const char *name)
{
    int i = params_find(v, name);
    assert(i >= 0 && "a parameter that no table declares");
    return i >= 0 ? &v->item[i] : NULL;
}

int64_t oddi_values_int(const struct oddi_values *v, const char *name)
{
    const struct oddi_value *item = params_get(v, name);
    int64_t whole = 0;
    if (!item)
        return 0;
    /* The text, as a double has 53 bits only and a seed may have 63. */
    if (item->param->type == ODDI_PARAM_INT && oddi_parse_int(item->text, &whole))
        return whole;
    return (int64_t)item->number;
}

double oddi_values_float(const struct oddi_values *v, const char *name)
{
    const struct oddi_value *item = params_get(v, name);
    return item ? item->number : 0;
}

bool oddi_values_bool(const struct oddi_values *v, const char *name)
{
    const struct oddi_value *item = params_get(v, name);
    return item && item->number != 0;
}

const char *oddi_values_text(const struct oddi_values *v, const char *name)
{
    const struct oddi_value *item = params_get(v, name);
    return item ? item->text : "";
}

bool oddi_values_is(const struct oddi_values *v, const char *name, const char *choice)
{
    const struct oddi_value *item = params_get(v, name);
    assert(!item || item->param->type != ODDI_PARAM_ENUM ||
           params_choice(item->param->choices, choice) >= 0);
    return item && strcmp(item->text, choice) == 0;
}

odd_status oddi_values_take(struct oddi_values *v, struct odd_options *o)
{
    odd_status status = ODD_OK;
    for (size_t i = 0; i < o->count; i++) {
        struct oddi_option *option = &o->item[i];
        if (!oddi_values_has(v, option->name))
            continue;
        TRY(oddi_values_set(v, option->name, option->value, option->origin));
        option->used = true;
    }
out:
    return status;
}
