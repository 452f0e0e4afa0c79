/* SPDX-License-Identifier: Apache-2.0
 *
 * Growing strings.
 */
#include "base/str.h"

#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"

/* `text` is never NULL: before the first block it points here, and is not written to. */
static const char str_empty[1] = "";

void oddi_str_init(struct oddi_str *s, struct odd_context *ctx)
{
    s->ctx = ctx;
    s->text = (char *)str_empty;
    s->length = 0;
    s->capacity = 0;
    s->status = ODD_OK;
}

void oddi_str_release(struct oddi_str *s)
{
    if (s->capacity)
        oddi_free(s->ctx, s->text);
    oddi_str_init(s, s->ctx);
}

void oddi_str_clear(struct oddi_str *s)
{
    s->length = 0;
    s->status = ODD_OK;
    if (s->capacity)
        s->text[0] = '\0';
}

/* Room for `more` bytes and the terminator; false (and the status set) when there is none. */
static bool str_grow(struct oddi_str *s, size_t more)
{
    size_t need;
    if (s->status != ODD_OK)
        return false;
    if (!oddi_add_size(s->length, more, &need) || !oddi_add_size(need, 1, &need)) {
        s->status = oddi_fail(s->ctx, ODD_ENOMEM, "out of memory: text of %zu bytes", more);
        return false;
    }
    void *block = s->capacity ? s->text : NULL;
    s->status = oddi_reserve(s->ctx, &block, &s->capacity, need, 1);
    if (s->status != ODD_OK)
        return false;
    s->text = block;
    s->text[s->length] = '\0';
    return true;
}

void oddi_str_add(struct oddi_str *s, const char *text)
{
    oddi_str_add_size(s, text, strlen(text));
}

void oddi_str_add_size(struct oddi_str *s, const char *text, size_t length)
{
    if (!str_grow(s, length))
        return;
    if (length)
        memcpy(s->text + s->length, text, length);
    s->length += length;
    s->text[s->length] = '\0';
}

void oddi_str_addf(struct oddi_str *s, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int length = oddi_vformat(NULL, 0, format, args);
    va_end(args);
    if (length < 0) {
        if (s->status == ODD_OK)
            s->status = oddi_fail(s->ctx, ODD_EBUG, "cannot format '%s'", format);
        return;
    }
    if (!str_grow(s, (size_t)length))
        return;
    va_start(args, format);
    oddi_vformat(s->text + s->length, (size_t)length + 1, format, args);
    va_end(args);
    s->length += (size_t)length;
}

odd_status oddi_str_status(const struct oddi_str *s)
{
    return s->status;
}

odd_status oddi_str_take(struct oddi_str *s, char **text)
{
    str_grow(s, 0);
    odd_status status = s->status;
    if (status == ODD_OK) {
        *text = s->text;
        s->capacity = 0;
    }
    oddi_str_release(s);
    return status;
}

int oddi_vformat(char *buffer, size_t size, const char *format, va_list args)
{
    locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    locale_t before = plain ? uselocale(plain) : (locale_t)0;
    int length = vsnprintf(buffer, size, format, args);
    if (plain) {
        uselocale(before);
        freelocale(plain);
    }
    return length;
}
