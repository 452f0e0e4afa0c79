/* SPDX-License-Identifier: Apache-2.0
 *
 * Parameters declared once: from one table come `--set name=value`, the keys allowed in a
 * configuration file, range errors with the parameter's name, `methods --describe`, the manual
 * and the configuration stored in a model.
 */
#ifndef ODDI_BASE_PARAMS_H
#define ODDI_BASE_PARAMS_H
#include "base/ctx.h"
#include "base/json.h"

enum oddi_param_type {
    ODDI_PARAM_END, ODDI_PARAM_INT, ODDI_PARAM_FLOAT, ODDI_PARAM_BOOL, ODDI_PARAM_ENUM,
    ODDI_PARAM_TEXT
};
struct oddi_param {
    enum oddi_param_type type;
    const char *name;
    const char *initial;  /* default, as text */
    double min, max;      /* INT and FLOAT */
    const char *choices;  /* ENUM: "a|b|c" */
    const char *source;   /* of the default: "paper", "second-hand", "ours"; NULL: not of a paper */
    const char *help;
};
#define P_INT(n, d, lo, hi, src, h) { ODDI_PARAM_INT, n, d, lo, hi, NULL, src, h }
#define P_FLOAT(n, d, lo, hi, src, h) { ODDI_PARAM_FLOAT, n, d, lo, hi, NULL, src, h }
#define P_BOOL(n, d, src, h) { ODDI_PARAM_BOOL, n, d, 0, 1, NULL, src, h }
#define P_ENUM(n, d, c, src, h) { ODDI_PARAM_ENUM, n, d, 0, 0, c, src, h }
#define P_TEXT(n, d, src, h) { ODDI_PARAM_TEXT, n, d, 0, 0, NULL, src, h }
#define P_END { ODDI_PARAM_END, NULL, NULL, 0, 0, NULL, NULL, NULL }

#define ODDI_VALUES_MAX 96
struct oddi_value {
    const struct oddi_param *param;
    char *text;           /* as given, canonical for numbers */
    double number;        /* INT, FLOAT, BOOL; index of the choice for ENUM */
    const char *origin;   /* "default", "preset", "file", "set" (static strings) */
};
struct oddi_values {
    struct odd_context *ctx;
    int count;
    struct oddi_value item[ODDI_VALUES_MAX];
};
/* Defaults from several tables (a NULL-terminated list of tables; duplicate names are ODD_EBUG). */
odd_status oddi_values_init(struct oddi_values *v, struct odd_context *ctx,
                            const struct oddi_param *const *tables);
void oddi_values_release(struct oddi_values *v);
/* Unknown name: ODD_ECONFIG, with the nearest known name. Range and choice are checked. */
odd_status oddi_values_set(struct oddi_values *v, const char *name, const char *text,
                           const char *origin);
bool oddi_values_has(const struct oddi_values *v, const char *name);
bool oddi_values_is_default(const struct oddi_values *v, const char *name);
/* Getters; a name that is not in the tables is our own mistake (assert). */
int64_t oddi_values_int(const struct oddi_values *v, const char *name);
double oddi_values_float(const struct oddi_values *v, const char *name);
bool oddi_values_bool(const struct oddi_values *v, const char *name);
const char *oddi_values_text(const struct oddi_values *v, const char *name); /* also ENUM */
bool oddi_values_is(const struct oddi_values *v, const char *name, const char *choice);
/* An object from name to text, number or truth value; and back (a failed call may have set some
 * of the values). */
odd_status oddi_values_to_json(const struct oddi_values *v, json_t **json);
odd_status oddi_values_from_json(struct oddi_values *v, const json_t *json, const char *origin);
odd_status oddi_params_describe(struct odd_context *ctx, const struct oddi_param *table,
                                json_t **array);

/* The public option list (odd_options): name/value pairs in order. */
struct odd_options {
    struct odd_context *ctx;
    size_t count, capacity;
    struct oddi_option { char *name, *value; const char *origin; bool used; } *item;
};
/* Last value of name, or NULL. */
const char *oddi_options_get(const struct odd_options *o, const char *name);
/* Sets in `v` every option that v's tables know; the others stay. */
odd_status oddi_values_take(struct oddi_values *v, struct odd_options *o);
#endif
