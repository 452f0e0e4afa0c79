/* SPDX-License-Identifier: Apache-2.0
 *
 * JSON through Jansson; this header is the only one that shows its type. Reading is bounded in
 * size and depth and refuses duplicate keys; writing is sorted by insertion, %.17g for reals.
 * An undefined number (NaN) is written as null.
 */
#ifndef ODDI_BASE_JSON_H
#define ODDI_BASE_JSON_H
#include <jansson.h>

#include "base/ctx.h"

#define ODDI_JSON_MAX_DEPTH 64
/* `what` names the source in messages. Size up to `limit` bytes. */
odd_status oddi_json_parse(struct odd_context *ctx, const char *text, size_t size,
                           const char *what, json_t **out);
odd_status oddi_json_load(struct odd_context *ctx, const char *path, size_t limit, json_t **out);
/* Compact (indent 0) or indented text, freed by the caller. */
odd_status oddi_json_dump(struct odd_context *ctx, const json_t *json, int indent, char **text);

/* Setters on an object that swallow NULL values; oddi_json_set_real writes null for NaN/inf. All
 * return false on allocation failure. `value` of oddi_json_set is stolen. */
bool oddi_json_set(json_t *object, const char *key, json_t *value);
bool oddi_json_set_text(json_t *object, const char *key, const char *value);
bool oddi_json_set_int(json_t *object, const char *key, int64_t value);
bool oddi_json_set_real(json_t *object, const char *key, double value);
bool oddi_json_set_bool(json_t *object, const char *key, bool value);
/* An array of n reals. */
json_t *oddi_json_reals(const double *values, int n);
/* Getters with type check and message naming `what` and key; missing is ODD_EFORMAT. */
odd_status oddi_json_get_text(struct odd_context *ctx, const json_t *object, const char *key,
                              const char *what, const char **value);
odd_status oddi_json_get_int(struct odd_context *ctx, const json_t *object, const char *key,
                             const char *what, int64_t *value);
odd_status oddi_json_get_real(struct odd_context *ctx, const json_t *object, const char *key,
                              const char *what, double *value);
#endif
