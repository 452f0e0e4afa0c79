/* SPDX-License-Identifier: Apache-2.0
 *
 * The CSV reader; see csv.h. One pass over bytes in memory, one row buffer, no recursion.
 */
#include "data/csv.h"

#include <string.h>
#include <strings.h>

#include "base/alloc.h"

static odd_status csv_bad(struct oddi_csv *csv, odd_status status, const char *why)
{
    return oddi_fail(csv->ctx, status, "%s, line %lld: %s", csv->what, (long long)csv->next_line,
                     why);
}

static odd_status csv_put(struct oddi_csv *csv, char c)
{
    if (csv->used >= ODDI_CSV_ROW)
        return csv_bad(csv, ODD_ELIMIT, "a row has more than 65536 bytes");
    csv->buffer[csv->used++] = c;
    return ODD_OK;
}

/* At the end of the text, a line feed, or a carriage return before either. */
static bool csv_at_end(const struct oddi_csv *csv)
{
    if (csv->at >= csv->size || csv->text[csv->at] == '\n')
        return true;
    return csv->text[csv->at] == '\r' &&
           (csv->at + 1 == csv->size || csv->text[csv->at + 1] == '\n');
}

static void csv_skip_end(struct oddi_csv *csv)
{
    if (csv->at < csv->size && csv->text[csv->at] == '\r')
        csv->at++;
    if (csv->at < csv->size && csv->text[csv->at] == '\n')
        csv->at++;
    csv->next_line++;
}

static odd_status csv_quoted(struct oddi_csv *csv)
{
    odd_status status = ODD_OK;
    for (csv->at++;; csv->at++) {
        if (csv->at >= csv->size)
            return csv_bad(csv, ODD_EFORMAT, "a quote is not closed");
        char c = csv->text[csv->at];
        if (c == '"') {
            csv->at++;
            if (csv->at >= csv->size || csv->text[csv->at] != '"')
                break;
        }
        if (c == '\0')
            return csv_bad(csv, ODD_EFORMAT, "a zero byte");
        csv->next_line += c == '\n';
        TRY(csv_put(csv, c));
    }
    if (!csv_at_end(csv) && csv->text[csv->at] != csv->delimiter)
        return csv_bad(csv, ODD_EFORMAT, "text follows a closing quote");
out:
    return status;
}

static odd_status csv_plain(struct oddi_csv *csv)
{
    odd_status status = ODD_OK;
    while (!csv_at_end(csv) && csv->text[csv->at] != csv->delimiter) {
        char c = csv->text[csv->at++];
        if (c == '\0')
            return csv_bad(csv, ODD_EFORMAT, "a zero byte");
        if (c == '"')
            return csv_bad(csv, ODD_EFORMAT, "a quote inside an unquoted field");
        TRY(csv_put(csv, c));
    }
out:
    return status;
}

/* One row; the position is on its first byte, and not at the end of the text. */
static odd_status csv_row(struct oddi_csv *csv)
{
    odd_status status = ODD_OK;
    csv->used = 0;
    csv->count = 0;
    csv->line = csv->next_line;
    for (;;) {
        if (csv->count == ODDI_CSV_COLUMNS)
            return csv_bad(csv, ODD_ELIMIT, "a row has more than 64 fields");
        csv->field[csv->count++] = csv->buffer + csv->used;
        bool quoted = csv->at < csv->size && csv->text[csv->at] == '"';
        TRY(quoted ? csv_quoted(csv) : csv_plain(csv));
        TRY(csv_put(csv, '\0'));
        if (csv_at_end(csv))
            break;
        csv->at++; /* the delimiter */
    }
    csv_skip_end(csv);
out:
    return status;
}

static odd_status csv_read(struct oddi_csv *csv, bool *more)
{
    while (csv->at < csv->size && csv_at_end(csv))
        csv_skip_end(csv);
    *more = csv->at < csv->size;
    return *more ? csv_row(csv) : ODD_OK;
}

static char csv_delimiter(const struct oddi_csv *csv)
{
    const char *start = csv->text + csv->at;
    size_t left = csv->size - csv->at;
    const char *end = left ? memchr(start, '\n', left) : NULL;
    size_t length = end ? (size_t)(end - start) : left;
    bool tab = length && memchr(start, '\t', length), comma = length && memchr(start, ',', length);
    return tab && !comma ? '\t' : ',';
}

odd_status oddi_csv_init(struct oddi_csv *csv, struct odd_context *ctx, const char *what,
                         const char *text, size_t size)
{
    odd_status status = ODD_OK;
    bool more = false;
    *csv = (struct oddi_csv){.ctx = ctx, .what = what, .text = text, .size = size};
    csv->next_line = 1;
    if (size >= 3 && !memcmp(text, "\xEF\xBB\xBF", 3))
        csv->at = 3;
    csv->delimiter = csv_delimiter(csv);
    csv->buffer = oddi_alloc(ctx, ODDI_CSV_ROW);
    if (!csv->buffer)
        return ODD_ENOMEM;
    TRY(csv_read(csv, &more));
    if (!more)
        return oddi_fail(ctx, ODD_EFORMAT, "%s is empty; expected a header row", what);
    for (int i = 0; i < csv->count; i++) {
        csv->header[i] = oddi_strdup(ctx, csv->field[i]);
        if (!csv->header[i])
            return ODD_ENOMEM;
        csv->columns++;
    }
out:
    return status;
}

void oddi_csv_release(struct oddi_csv *csv)
{
    for (int i = 0; i < csv->columns; i++)
        oddi_free(csv->ctx, csv->header[i]);
    oddi_free(csv->ctx, csv->buffer);
    csv->columns = csv->count = 0;
    csv->buffer = NULL;
}

odd_status oddi_csv_next(struct oddi_csv *csv, bool *more)
{
    odd_status status = ODD_OK;
    bool found = false;
    TRY(csv_read(csv, &found));
    if (found && csv->count != csv->columns)
        return oddi_fail(csv->ctx, ODD_EFORMAT, "%s, line %lld: %d fields, but the header has %d",
                         csv->what, (long long)csv->line, csv->count, csv->columns);
    *more = found;
out:
    return status;
}

int oddi_csv_column(const struct oddi_csv *csv, const char *name)
{
    for (int i = 0; i < csv->columns; i++)
        if (!strcasecmp(csv->header[i], name))
            return i;
    return -1;
}

const char *oddi_csv_field(const struct oddi_csv *csv, int column)
{
    return column >= 0 && column < csv->count ? csv->field[column] : "";
}
