/* SPDX-License-Identifier: Apache-2.0
 *
 * A growing string. Appending after a failure is a no-op, so building code has no error
 * plumbing: check once, with oddi_str_take or oddi_str_status. `text` is always terminated and
 * never NULL.
 */
#ifndef ODDI_BASE_STR_H
#define ODDI_BASE_STR_H
#include <stdarg.h>

#include "base/ctx.h"

struct oddi_str {
    struct odd_context *ctx;
    char *text;
    size_t length, capacity;
    odd_status status;
};
void oddi_str_init(struct oddi_str *s, struct odd_context *ctx);
void oddi_str_release(struct oddi_str *s);
void oddi_str_clear(struct oddi_str *s);
void oddi_str_add(struct oddi_str *s, const char *text);
void oddi_str_add_size(struct oddi_str *s, const char *text, size_t length);
void oddi_str_addf(struct oddi_str *s, const char *format, ...) ODDI_PRINTF(2, 3);
odd_status oddi_str_status(const struct oddi_str *s);
/* Hands the buffer over (caller frees with oddi_free / odd_text_free); the string is then empty. */
odd_status oddi_str_take(struct oddi_str *s, char **text);

/* vsnprintf that writes "." in numbers whatever locale the embedding program has set. */
int oddi_vformat(char *buffer, size_t size, const char *format, va_list args) ODDI_PRINTF(3, 0);

bool oddi_starts_with(const char *text, const char *prefix);
bool oddi_ends_with(const char *text, const char *suffix);
bool oddi_ends_with_nocase(const char *text, const char *suffix);
/* Whole text as a number, locale-independent; false when anything is left over or out of range. */
bool oddi_parse_int(const char *text, int64_t *value);
bool oddi_parse_double(const char *text, double *value);  /* finite only */
bool oddi_parse_bool(const char *text, bool *value);      /* true/false/yes/no/on/off/1/0 */
/* "10m", "1h30m", "90s", "45" (seconds) to seconds. */
bool oddi_parse_duration(const char *text, double *seconds);
#endif
