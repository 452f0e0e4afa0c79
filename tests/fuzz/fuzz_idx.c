/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes as an IDX file, plain or gzip. What is read must have the size its dimensions say and
 * be readable to its last byte.
 */
#include "data/idx.h"

#include <stdlib.h>

#include "base/alloc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile unsigned fuzz_sink;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct odd_context *ctx = NULL;
    struct oddi_idx idx;
    if (odd_context_new(&ctx) != ODD_OK)
        return 0;
    if (oddi_idx_parse(ctx, "fuzz", data, size, 0, &idx) == ODD_OK) {
        unsigned sum = 0;
        if ((size_t)(idx.dim[0] * idx.dim[1] * idx.dim[2] * idx.dim[3]) != idx.size)
            abort();
        for (size_t i = 0; i < idx.size; i++)
            sum += idx.data[i];
        fuzz_sink = sum;
        oddi_free(ctx, idx.data);
    }
    odd_context_free(ctx);
    return 0;
}
