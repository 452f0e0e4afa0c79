/* SPDX-License-Identifier: Apache-2.0
 *
 * CSV and TSV rows as RFC 4180 has them: fields in double quotes may hold the delimiter, line
 * ends and doubled quotes; a byte-order mark and CR LF are accepted. Bounded: a row has at most
 * ODDI_CSV_COLUMNS fields and ODDI_CSV_ROW bytes. Every error names the line.
 */
#ifndef ODDI_DATA_CSV_H
#define ODDI_DATA_CSV_H
#include "base/ctx.h"

#define ODDI_CSV_COLUMNS 64
#define ODDI_CSV_ROW 65536
#define ODDI_CSV_FILE_MAX ((size_t)1 << 28)

struct oddi_csv {
    struct odd_context *ctx;
    const char *what, *text; /* name for messages; the bytes, which must outlive the reader */
    size_t size, at;
    char delimiter;
    int64_t line; /* of the current row's start, from 1 */
    int64_t next_line;
    int columns; /* of the header */
    char *header[ODDI_CSV_COLUMNS];
    int count; /* fields of the current row */
    const char *field[ODDI_CSV_COLUMNS];
    char *buffer;
    size_t used;
};
/* Reads the header row; the delimiter is a tab when the header has tabs and no comma. The caller
 * releases the reader, also after failure. */
odd_status oddi_csv_init(struct oddi_csv *csv, struct odd_context *ctx, const char *what,
                         const char *text, size_t size);
void oddi_csv_release(struct oddi_csv *csv);
/* The next row that is not blank into csv->field; its width must be the header's. */
odd_status oddi_csv_next(struct oddi_csv *csv, bool *more);
/* Column of that name (case counts not), -1 when there is none. */
int oddi_csv_column(const struct oddi_csv *csv, const char *name);
/* Field of the current row, "" for column -1. */
const char *oddi_csv_field(const struct oddi_csv *csv, int column);
#endif
