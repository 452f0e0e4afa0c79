/* SPDX-License-Identifier: Apache-2.0
 *
 * Text to numbers: the whole text or nothing, and "." as decimal point in every locale.
 */
#include "base/str.h"

#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define PARSE_MAX_NUMBER 64 /* longest number of a duration */

bool oddi_starts_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* Where a suffix of `size` bytes would begin; NULL when the text is shorter. */
static const char *parse_tail(const char *text, size_t size)
{
    size_t length = strlen(text);
    return length < size ? NULL : text + (length - size);
}

bool oddi_ends_with(const char *text, const char *suffix)
{
    const char *tail = parse_tail(text, strlen(suffix));
    return tail && strcmp(tail, suffix) == 0;
}

static int parse_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c;
}

static bool parse_same_nocase(const char *a, const char *b)
{
    while (*a && parse_lower(*a) == parse_lower(*b)) {
        a++;
        b++;
    }
    return *a == *b;
}

bool oddi_ends_with_nocase(const char *text, const char *suffix)
{
    const char *tail = parse_tail(text, strlen(suffix));
    return tail && parse_same_nocase(tail, suffix);
}

static bool parse_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool oddi_parse_int(const char *text, int64_t *value)
{
    bool negative = *text == '-';
    int64_t sum = 0;
    if (*text == '-' || *text == '+')
        text++;
    if (!*text)
        return false;
    /* Summed on the negative side, which reaches one further. */
    for (; *text; text++) {
        if (!parse_is_digit(*text))
            return false;
        int digit = *text - '0';
        if (sum < (INT64_MIN + digit) / 10)
            return false;
        sum = sum * 10 - digit;
    }
    if (!negative && sum == INT64_MIN)
        return false;
    *value = negative ? sum : -sum;
    return true;
}

/* The digits from `text` on; sets *any if there is one. */
static const char *parse_digits(const char *text, bool *any)
{
    while (parse_is_digit(*text)) {
        *any = true;
        text++;
    }
    return text;
}

/* [sign] digits [. digits] [e [sign] digits], at least one digit before the exponent. strtod
 * alone would also take blanks, hexadecimal, "inf" and "nan". */
static bool parse_is_number(const char *text)
{
    bool any = false, exponent = false;
    if (*text == '-' || *text == '+')
        text++;
    text = parse_digits(text, &any);
    if (*text == '.')
        text = parse_digits(text + 1, &any);
    if (!any)
        return false;
    if (*text == 'e' || *text == 'E') {
        text++;
        if (*text == '-' || *text == '+')
            text++;
        text = parse_digits(text, &exponent);
        if (!exponent)
            return false;
    }
    return *text == '\0';
}

bool oddi_parse_double(const char *text, double *value)
{
    if (!parse_is_number(text))
        return false;
    locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    locale_t before = plain ? uselocale(plain) : (locale_t)0;
    char *end;
    double number = strtod(text, &end);
    if (plain) {
        uselocale(before);
        freelocale(plain);
    }
    if (*end || !isfinite(number))
        return false;
    *value = number;
    return true;
}

bool oddi_parse_bool(const char *text, bool *value)
{
    static const char *const words[] = {"false", "true", "no", "yes", "off", "on", "0", "1"};
    for (size_t i = 0; i < ODDI_COUNT(words); i++) {
        if (parse_same_nocase(text, words[i])) {
            *value = i % 2 != 0;
            return true;
        }
    }
    return false;
}

/* One number with its unit at *text, which moves behind it; *unit is the number of seconds. */
static bool parse_span(const char **text, double *number, double *unit)
{
    char copy[PARSE_MAX_NUMBER];
    size_t length = strspn(*text, "0123456789.");
    if (length == 0 || length >= sizeof copy)
        return false;
    memcpy(copy, *text, length);
    copy[length] = '\0';
    const char *rest = *text + length;
    if (*rest && !strchr("hms", *rest))
        return false;
    *unit = *rest == 'h' ? 3600 : *rest == 'm' ? 60 : 1;
    *text = *rest ? rest + 1 : rest;
    return oddi_parse_double(copy, number);
}

/* Units fall from left to right, and only the whole text may lack one: "1h30" is not clear. */
bool oddi_parse_duration(const char *text, double *seconds)
{
    double plain, sum = 0, last = INFINITY;
    if (text[strspn(text, "0123456789.")] == '\0') {
        if (!oddi_parse_double(text, &plain))
            return false;
        *seconds = plain;
        return true;
    }
    while (*text) {
        double number, unit;
        if (!parse_span(&text, &number, &unit) || unit >= last || !strchr("hms", text[-1]))
            return false;
        last = unit;
        sum += number * unit;
    }
    if (!isfinite(sum))
        return false;
    *seconds = sum;
    return true;
}
