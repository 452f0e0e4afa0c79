/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes as a safetensors file and as a model file. What opens must be readable to its last
 * byte, found by its names, and convertible; the digest must be checkable without harm.
 */
#include "store/model.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile unsigned fuzz_sink;

static void fuzz_tensor(struct odd_context *ctx, const struct oddi_safetensors *st, size_t i)
{
    const struct oddi_st_tensor *t = oddi_safetensors_at(st, i);
    size_t count = t->size / oddi_st_dtype_size(t->dtype);
    unsigned sum = 0;
    float *values = malloc(count * sizeof(float) + 1);
    if (values == NULL || oddi_safetensors_find(st, t->name) != t)
        abort();
    for (size_t k = 0; k < t->size; k++)
        sum += t->data[k];
    fuzz_sink = sum;
    (void)oddi_st_to_f32(ctx, t, values);
    free(values);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct odd_context *ctx = NULL;
    struct oddi_safetensors *st = NULL;
    struct oddi_model_file model;
    struct oddi_hash128 hash;
    if (odd_context_new(&ctx) != ODD_OK)
        return 0;
    if (oddi_safetensors_open_memory(ctx, data, size, "fuzz", &st) == ODD_OK) {
        for (size_t i = 0; i < oddi_safetensors_count(st); i++)
            fuzz_tensor(ctx, st, i);
        for (size_t i = 0; i < oddi_safetensors_meta_count(st); i++)
            fuzz_sink = (unsigned)strlen(oddi_safetensors_meta_at(st, i)->value);
        (void)oddi_safetensors_check_digest(st, &hash);
        oddi_safetensors_free(st);
    }
    unsigned char *aligned = oddi_alloc_aligned(ctx, size);
    if (aligned != NULL) {
        memcpy(aligned, data, size);
        oddi_model_file_init(&model, ctx);
        if (oddi_model_file_load_memory(&model, aligned, size, "fuzz") == ODD_OK)
            (void)oddi_model_file_weights_hash(&model, &hash);
        oddi_model_file_release(&model);
        oddi_free_aligned(ctx, aligned);
    }
    odd_context_free(ctx);
    return 0;
}
