/* SPDX-License-Identifier: Apache-2.0
 *
 * JSON through Jansson. Its parser recurses, so the depth is counted before it sees the text.
 * Jansson takes its memory from the C allocator: its hooks are global to the process and belong
 * to the embedding program.
 */
#include "base/json.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/str.h"

#define JSON_TEXT 4096 /* bytes kept of a text that is not UTF-8; a path has fewer */

/* The deepest nesting of brackets outside of strings. */
static int json_depth(const char *text, size_t size)
{
    int depth = 0, deepest = 0;
    bool in_string = false;
    for (size_t i = 0; i < size && deepest <= ODDI_JSON_MAX_DEPTH; i++) {
        char c = text[i];
        if (in_string && c == '\\')
            i++;
        else if (c == '"')
            in_string = !in_string;
        else if (in_string)
            continue;
        else if (c == '[' || c == '{')
            depth++;
        else if (c == ']' || c == '}')
            depth--;
        if (depth > deepest)
            deepest = depth;
    }
    return deepest;
}

odd_status oddi_json_parse(struct odd_context *ctx, const char *text, size_t size, const char *what,
                           json_t **out)
{
    json_error_t error;
    if (json_depth(text, size) > ODDI_JSON_MAX_DEPTH)
        return oddi_fail(ctx, ODD_ELIMIT, "%s: JSON is nested deeper than %d levels", what,
                         ODDI_JSON_MAX_DEPTH);
    json_t *json = json_loadb(text, size, JSON_REJECT_DUPLICATES, &error);
    if (json) {
        *out = json;
        return ODD_OK;
    }
    if (json_error_code(&error) == json_error_out_of_memory)
        return oddi_fail(ctx, ODD_ENOMEM, "out of memory: parsing the JSON of %s", what);
    return oddi_fail(ctx, ODD_EFORMAT, "%s: line %d, column %d: malformed JSON: %s", what,
                     error.line, error.column, error.text);
}

odd_status oddi_json_load(struct odd_context *ctx, const char *path, size_t limit, json_t **out)
{
    odd_status status;
    char *text = NULL;
    size_t size;
    TRY(oddi_file_read(ctx, path, limit, &text, &size));
    TRY(oddi_json_parse(ctx, text, size, path, out));
out:
    oddi_free(ctx, text);
    return status;
}

static int json_append(const char *buffer, size_t size, void *user)
{
    struct oddi_str *s = user;
    oddi_str_add_size(s, buffer, size);
    return oddi_str_status(s) == ODD_OK ? 0 : -1;
}

odd_status oddi_json_dump(struct odd_context *ctx, const json_t *json, int indent, char **text)
{
    struct oddi_str s;
    size_t flags = JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(17) | JSON_ENCODE_ANY;
    flags |= indent > 0 ? JSON_INDENT((size_t)indent) : JSON_COMPACT;
    oddi_str_init(&s, ctx);
    int failed = json_dump_callback(json, json_append, &s, flags);
    if (failed && oddi_str_status(&s) == ODD_OK)
        s.status = oddi_fail(ctx, ODD_ENOMEM, "cannot write JSON: out of memory");
    return oddi_str_take(&s, text);
}

bool oddi_json_set(json_t *object, const char *key, json_t *value)
{
    return json_object_set_new(object, key, value) == 0;
}

json_t *oddi_json_reals(const double *values, int n)
{
    json_t *list = json_array();
    for (int i = 0; i < n; i++)
        json_array_append_new(list, json_real(values[i]));
    return list;
}

/* Bytes that a UTF-8 character beginning with c has; 0: none begins so. */
static size_t json_utf8_length(unsigned char c)
{
    if (c < 0x80)
        return 1;
    if (c >= 0xC2 && c <= 0xDF)
        return 2;
    if (c >= 0xE0 && c <= 0xEF)
        return 3;
    return c >= 0xF0 && c <= 0xF4 ? 4 : 0;
}

/* Bytes of the UTF-8 character at `text`; 0 where there is none (RFC 3629, table of section 4). */
static size_t json_utf8(const unsigned char *text)
{
    unsigned char c = text[0], low = 0x80, high = 0xBF;
    const size_t length = json_utf8_length(c);
    if (length < 2)
        return length;
    if (c == 0xE0)
        low = 0xA0;
    else if (c == 0xED)
        high = 0x9F;
    else if (c == 0xF0)
        low = 0x90;
    else if (c == 0xF4)
        high = 0x8F;
    if (text[1] < low || text[1] > high)
        return 0;
    for (size_t i = 2; i < length; i++)
        if (text[i] < 0x80 || text[i] > 0xBF)
            return 0;
    return length;
}

/* File names may be any bytes; those that are no UTF-8 are shown as '?'. */
static json_t *json_text(const char *text)
{
    json_t *json = json_string(text);
    if (json)
        return json;
    char copy[JSON_TEXT];
    size_t used = 0;
    for (const char *at = text; *at;) {
        size_t length = json_utf8((const unsigned char *)at);
        size_t step = length ? length : 1;
        if (used + step >= sizeof copy)
            break;
        memcpy(copy + used, length ? at : "?", step);
        used += step;
        at += step;
    }
    return json_stringn(copy, used);
}

bool oddi_json_set_text(json_t *object, const char *key, const char *value)
{
    return oddi_json_set(object, key, value ? json_text(value) : json_null());
}

bool oddi_json_set_int(json_t *object, const char *key, int64_t value)
{
    return oddi_json_set(object, key, json_integer(value));
}

bool oddi_json_set_real(json_t *object, const char *key, double value)
{
    return oddi_json_set(object, key, isfinite(value) ? json_real(value) : json_null());
}

bool oddi_json_set_bool(json_t *object, const char *key, bool value)
{
    return oddi_json_set(object, key, json_boolean(value));
}

static odd_status json_wrong(struct odd_context *ctx, const json_t *found, const char *key,
                             const char *what, const char *expected)
{
    static const char *const names[] = {"an object", "a list", "a text", "an integer",
                                        "a number",  "true",   "false",  "null"};
    if (!found)
        return oddi_fail(ctx, ODD_EFORMAT, "%s: '%s' is missing (expected %s)", what, key,
                         expected);
    return oddi_fail(ctx, ODD_EFORMAT, "%s: '%s' is %s, expected %s", what, key,
                     names[json_typeof(found)], expected);
}

odd_status oddi_json_get_text(struct odd_context *ctx, const json_t *object, const char *key,
                              const char *what, const char **value)
{
    const json_t *found = json_object_get(object, key);
    if (!json_is_string(found))
        return json_wrong(ctx, found, key, what, "a text");
    *value = json_string_value(found);
    return ODD_OK;
}

odd_status oddi_json_get_int(struct odd_context *ctx, const json_t *object, const char *key,
                             const char *what, int64_t *value)
{
    const json_t *found = json_object_get(object, key);
    if (!json_is_integer(found))
        return json_wrong(ctx, found, key, what, "an integer");
    *value = json_integer_value(found);
    return ODD_OK;
}

odd_status oddi_json_get_real(struct odd_context *ctx, const json_t *object, const char *key,
                              const char *what, double *value)
{
    const json_t *found = json_object_get(object, key);
    if (!json_is_number(found))
        return json_wrong(ctx, found, key, what, "a number");
    *value = json_number_value(found);
    return ODD_OK;
}
