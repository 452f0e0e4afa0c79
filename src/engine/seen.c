/* SPDX-License-Identifier: Apache-2.0
 * Pictures that a model has seen (seen.h). */
#include "engine/seen.h"

#include <stdlib.h>
#include <string.h>

static const char *const seen_parts[] = {"seen.train", "seen.tune", "seen.calibrate"};

static int seen_order(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct oddi_hash128));
}

const struct oddi_hash128 *oddi_seen_part(const struct oddi_model_file *file, const char *name,
                                          size_t *count)
{
    const struct oddi_stored *t = oddi_model_file_find(file, name);
    *count = t ? t->size / sizeof(struct oddi_hash128) : 0;
    return t ? t->data : NULL;
}

odd_status oddi_seen_init(struct oddi_seen *s, struct odd_context *ctx,
                          const struct oddi_model_file *file)
{
    size_t n = 0, all = 0;
    *s = (struct oddi_seen){.ctx = ctx};
    for (size_t i = 0; i < ODDI_COUNT(seen_parts); i++) {
        oddi_seen_part(file, seen_parts[i], &n);
        all += n;
    }
    s->hash = oddi_alloc_array(ctx, all + 1, sizeof(*s->hash));
    if (!s->hash)
        return ODD_ENOMEM;
    for (size_t i = 0; i < ODDI_COUNT(seen_parts); i++) {
        const struct oddi_hash128 *part = oddi_seen_part(file, seen_parts[i], &n);
        if (n > 0)
            memcpy(s->hash + s->count, part, n * sizeof(*part));
        s->count += n;
    }
    qsort(s->hash, s->count, sizeof(*s->hash), seen_order);
    return ODD_OK;
}

void oddi_seen_release(struct oddi_seen *s)
{
    if (s->ctx)
        oddi_free(s->ctx, s->hash);
    *s = (struct oddi_seen){.ctx = NULL};
}

bool oddi_seen_has(const struct oddi_seen *s, const struct oddi_hash128 *hash)
{
    return s->count > 0 && bsearch(hash, s->hash, s->count, sizeof(*hash), seen_order) != NULL;
}

odd_status oddi_seen_store(struct oddi_model_file *file, const char *name,
                           const struct oddi_hash128 *hash, size_t n)
{
    const struct oddi_shape shape = oddi_shape_make(2, (int64_t)n, sizeof(*hash), 1, 1);
    return n > 0 ? oddi_model_file_add_copy(file, name, ODDI_U8, &shape, hash) : ODD_OK;
}
