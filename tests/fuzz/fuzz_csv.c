/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes as a CSV or TSV list. Every field that is read must be text within the row's buffer.
 */
#include "data/csv.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_rows(struct oddi_csv *csv)
{
    bool more = true;
    (void)oddi_csv_column(csv, "path");
    while (oddi_csv_next(csv, &more) == ODD_OK && more) {
        if (csv->count != csv->columns || csv->used > ODDI_CSV_ROW)
            abort();
        for (int i = 0; i < csv->count; i++)
            if (oddi_csv_field(csv, i) + strlen(oddi_csv_field(csv, i)) >= csv->buffer + csv->used)
                abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct odd_context *ctx = NULL;
    struct oddi_csv csv;
    if (odd_context_new(&ctx) != ODD_OK)
        return 0;
    if (oddi_csv_init(&csv, ctx, "fuzz", (const char *)data, size) == ODD_OK)
        fuzz_rows(&csv);
    oddi_csv_release(&csv);
    odd_context_free(ctx);
    return 0;
}
