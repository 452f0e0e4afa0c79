/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes as a file of weights: safetensors, PyTorch's zip archive and legacy stream, ONNX. What
 * is refused has a message; what is read keeps to the bound of weights.h.
 */
#include "base/compat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/weights.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct odd_context *ctx = NULL;
    struct oddi_weights w;
    size_t values = 0;
    if (odd_context_new(&ctx) != ODD_OK)
        return 0;
    memset(&w, 0, sizeof(w));
    if (oddi_weights_read_memory(ctx, data, size, "fuzz", &w) == ODD_OK) {
        for (size_t i = 0; i < w.count; i++)
            values += w.tensor[i].count;
        if (values > 4 * size + 65536)
            abort();
        oddi_weights_release(&w);
    } else if (odd_last_message(ctx)[0] == '\0') {
        abort();
    }
    odd_context_free(ctx);
    return 0;
}
