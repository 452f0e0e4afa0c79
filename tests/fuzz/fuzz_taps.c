/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes as a file of an expert's maps. The digest would refuse nearly all of them, so it is
 * made right first, and the kind is read from the bytes: what is searched is what an attacker can
 * write. All that is found must be readable to its last byte.
 */
#include "engine/cache_file.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile unsigned fuzz_sink;

static uint64_t fuzz_get(const uint8_t *at)
{
    uint64_t value = 0;
    for (int i = 7; i >= 0; i--)
        value = value << 8 | at[i];
    return value;
}

static void fuzz_digest(uint8_t *data, size_t size)
{
    struct oddi_hash128 hash;
    oddi_hash_bytes(data, size - 16, &hash);
    for (int i = 0; i < 8; i++) {
        data[size - 16 + (size_t)i] = (uint8_t)(hash.high >> (8 * i));
        data[size - 8 + (size_t)i] = (uint8_t)(hash.low >> (8 * i));
    }
}

/* Every record through its own hash. */
static void fuzz_use(const struct oddi_cache_file *f)
{
    unsigned sum = 0;
    for (size_t i = 0; i < f->count; i++) {
        const unsigned char *record = oddi_cache_file_find(f, &f->entry[i].hash);
        if (!record)
            abort();
        for (size_t k = 0; k < f->record; k++)
            sum += record[k];
    }
    fuzz_sink = sum;
}

static void fuzz_parse(struct odd_context *ctx, const uint8_t *data, size_t size)
{
    struct oddi_cache_kind kind = {{0, 0}, 64};
    struct oddi_cache_file f;
    const struct oddi_map bytes = {data, size};
    if (size >= 32) {
        kind.hash = (struct oddi_hash128){fuzz_get(data + 8), fuzz_get(data + 16)};
        kind.record = (size_t)(fuzz_get(data + 24) / 64 * 64);
    }
    if (kind.record == 0)
        kind.record = 64;
    if (oddi_cache_file_parse(&f, ctx, "fuzz", &bytes, &kind) == ODD_OK)
        fuzz_use(&f);
    else if (odd_last_message(ctx)[0] == '\0')
        abort();
    oddi_cache_file_close(&f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct odd_context *ctx = NULL;
    uint8_t *own = malloc(size + 1);
    if (!own || odd_context_new(&ctx) != ODD_OK) {
        free(own);
        return 0;
    }
    if (size)
        memcpy(own, data, size);
    fuzz_parse(ctx, own, size);
    if (size >= 16)
        fuzz_digest(own, size);
    fuzz_parse(ctx, own, size);
    odd_context_free(ctx);
    free(own);
    return 0;
}
