/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes as a picture file, with a budget of 256 KiB: signature, our BMP and PNM readers,
 * libvips's loaders behind them. What loads must fit the budget, be readable to its last byte and
 * be the same when it is loaded again; a failure must say which file it was.
 */
#include "image/image.h"

#include <stdlib.h>
#include <string.h>

#define FUZZ_BUDGET ((size_t)1 << 18)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct oddi_picture *fuzz_load(struct odd_context *ctx, const uint8_t *data, size_t size)
{
    struct oddi_picture *picture = NULL;
    odd_status status = oddi_image_load_memory(ctx, "fuzz", data, size, FUZZ_BUDGET, &picture);
    if ((status == ODD_OK) != (picture != NULL))
        abort();
    if (status != ODD_OK && strstr(odd_last_message(ctx), "fuzz") == NULL)
        abort();
    return picture;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct odd_context *ctx = NULL;
    if (odd_context_new(&ctx) != ODD_OK)
        return 0;
    struct oddi_picture *a = fuzz_load(ctx, data, size), *b = a ? fuzz_load(ctx, data, size) : NULL;
    if (a != NULL) {
        size_t bytes = oddi_picture_size(a);
        if (b == NULL || bytes == 0 || bytes > FUZZ_BUDGET || oddi_picture_size(b) != bytes ||
            memcmp(a->data, b->data, bytes) != 0)
            abort();
    }
    oddi_picture_free(ctx, a);
    oddi_picture_free(ctx, b);
    odd_context_free(ctx);
    return 0;
}
