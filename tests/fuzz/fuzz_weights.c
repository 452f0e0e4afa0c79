/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes as a file of weights. Checksums of zip entries would refuse nearly all of them, so the
 * pickle machine is also run on the bytes alone. What is read must be whole: names of bounded
 * length, shapes that fit the number of values, values that can be read.
 */
#include "store/weights.h"

#include <stdlib.h>
#include <string.h>

#include "store/pickle.h"

#define FUZZ_BLOCK ((size_t)64 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile float fuzz_sink;

/* Blocks beyond a small multiple of any input would be memory that a file got by claiming it. */
static void *fuzz_alloc(void *user, size_t size)
{
    (void)user;
    if (size > FUZZ_BLOCK)
        abort();
    return malloc(size);
}

static void *fuzz_realloc(void *user, void *old, size_t size)
{
    (void)user;
    if (size > FUZZ_BLOCK)
        abort();
    return realloc(old, size);
}

static void fuzz_free(void *user, void *block)
{
    (void)user;
    free(block);
}

static void fuzz_tensor(const struct oddi_weights *w, const struct oddi_weight *t)
{
    size_t count = 1;
    float sum = 0;
    for (int i = 0; i < t->rank; i++)
        count *= (size_t)t->dim[i];
    if (count != t->count || strlen(t->name) > ODDI_WEIGHTS_MAX_NAME ||
        oddi_weights_find(w, t->name) != t)
        abort();
    for (size_t i = 0; i < t->count; i++)
        sum += t->value[i];
    fuzz_sink = sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct odd_context *ctx = NULL;
    struct oddi_weights w;
    struct oddi_pickle p;
    const struct oddi_pickle_value *value;
    size_t at = 0;
    if (odd_context_new_with(fuzz_alloc, fuzz_realloc, fuzz_free, NULL, &ctx) != ODD_OK)
        return 0;
    if (oddi_weights_read_memory(ctx, data, size, "fuzz", &w) == ODD_OK) {
        for (size_t i = 0; i < w.count; i++)
            fuzz_tensor(&w, &w.tensor[i]);
        oddi_weights_release(&w);
    } else if (odd_last_message(ctx)[0] == '\0') {
        abort();
    }
    oddi_pickle_init(&p, ctx, "fuzz", size);
    while (at < size && oddi_pickle_load(&p, data, size, &at, &value) == ODD_OK)
        ;
    oddi_pickle_release(&p);
    odd_context_free(ctx);
    return 0;
}
