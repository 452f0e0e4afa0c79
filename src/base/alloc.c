/* SPDX-License-Identifier: Apache-2.0
 *
 * Blocks from the context's allocator, with every size checked before it is used.
 */
#include "base/alloc.h"

#include <string.h>

#include "base/os.h"

#define ALLOC_ALIGN 64u
#define ALLOC_HUGE ((size_t)4 << 20) /* from here on pages of 2 MiB save more than they waste */
#define ALLOC_FIRST 8u /* elements of a growing array's first block */

bool oddi_mul_size(size_t a, size_t b, size_t *product)
{
    if (b != 0 && a > SIZE_MAX / b)
        return false;
    *product = a * b;
    return true;
}

bool oddi_add_size(size_t a, size_t b, size_t *sum)
{
    if (a > SIZE_MAX - b)
        return false;
    *sum = a + b;
    return true;
}

static void *alloc_refuse(struct odd_context *ctx, size_t size)
{
    oddi_fail(ctx, ODD_ENOMEM, "out of memory: %zu bytes wanted", size);
    return NULL;
}

static void *alloc_overflow(struct odd_context *ctx, size_t count, size_t size)
{
    oddi_fail(ctx, ODD_ENOMEM, "out of memory: %zu elements of %zu bytes wanted", count, size);
    return NULL;
}

void *oddi_alloc(struct odd_context *ctx, size_t size)
{
    /* No object may be larger than PTRDIFF_MAX: pointer differences would overflow. */
    if (size > (size_t)PTRDIFF_MAX)
        return alloc_refuse(ctx, size);
    void *block = ctx->alloc(ctx->alloc_user, size ? size : 1);
    return block ? block : alloc_refuse(ctx, size);
}

void *oddi_calloc(struct odd_context *ctx, size_t count, size_t size)
{
    void *block = oddi_alloc_array(ctx, count, size);
    if (block)
        memset(block, 0, count * size);
    return block;
}

void *oddi_alloc_array(struct odd_context *ctx, size_t count, size_t size)
{
    size_t total;
    if (!oddi_mul_size(count, size, &total))
        return alloc_overflow(ctx, count, size);
    return oddi_alloc(ctx, total);
}

void *oddi_realloc_array(struct odd_context *ctx, void *old, size_t count, size_t size)
{
    size_t total;
    if (!old)
        return oddi_alloc_array(ctx, count, size);
    if (!oddi_mul_size(count, size, &total) || total > (size_t)PTRDIFF_MAX)
        return alloc_overflow(ctx, count, size);
    void *block = ctx->realloc(ctx->alloc_user, old, total ? total : 1);
    return block ? block : alloc_refuse(ctx, total);
}

void oddi_free(struct odd_context *ctx, void *block)
{
    if (block)
        ctx->free(ctx->alloc_user, block);
}

char *oddi_strdup(struct odd_context *ctx, const char *text)
{
    return oddi_strndup(ctx, text, strlen(text));
}

char *oddi_strndup(struct odd_context *ctx, const char *text, size_t length)
{
    size_t size;
    if (!oddi_add_size(length, 1, &size))
        return alloc_refuse(ctx, length);
    char *copy = oddi_alloc(ctx, size);
    if (!copy)
        return NULL;
    if (length)
        memcpy(copy, text, length);
    copy[length] = '\0';
    return copy;
}

/* The block's own address is kept just below the aligned one. */
void *oddi_alloc_aligned(struct odd_context *ctx, size_t size)
{
    size_t total;
    if (!oddi_add_size(size, ALLOC_ALIGN + sizeof(void *), &total))
        return alloc_refuse(ctx, size);
    char *block = oddi_alloc(ctx, total);
    if (!block)
        return NULL;
    size_t past = (uintptr_t)(block + sizeof(void *)) % ALLOC_ALIGN;
    char *aligned = block + sizeof(void *) + (past ? ALLOC_ALIGN - past : 0);
    memcpy(aligned - sizeof(void *), &block, sizeof(void *));
    if (size >= ALLOC_HUGE)
        oddi_os_advise_huge(aligned, size); /* before the first touch, else it comes too late */
    memset(aligned, 0, size);
    return aligned;
}

void oddi_free_aligned(struct odd_context *ctx, void *block)
{
    void *start;
    if (!block)
        return;
    memcpy(&start, (char *)block - sizeof(void *), sizeof(void *));
    ctx->free(ctx->alloc_user, start);
}

odd_status oddi_reserve(struct odd_context *ctx, void **array, size_t *cap, size_t need,
                        size_t size)
{
    if (need <= *cap)
        return ODD_OK;
    size_t wanted = *cap > SIZE_MAX / 2 ? need : *cap * 2;
    if (wanted < ALLOC_FIRST)
        wanted = ALLOC_FIRST;
    if (wanted < need)
        wanted = need;
    void *grown = oddi_realloc_array(ctx, *array, wanted, size);
    if (!grown)
        return ODD_ENOMEM;
    *array = grown;
    *cap = wanted;
    return ODD_OK;
}
