/* SPDX-License-Identifier: Apache-2.0
 *
 * All allocation goes through the context's allocator. Every function returns NULL after having
 * written ODD_ENOMEM into the context. Array sizes are checked for overflow.
 */
#ifndef ODDI_BASE_ALLOC_H
#define ODDI_BASE_ALLOC_H
#include "base/ctx.h"

void *oddi_alloc(struct odd_context *ctx, size_t size);                 /* size 0 gives 1 byte */
void *oddi_calloc(struct odd_context *ctx, size_t count, size_t size);  /* zeroed */
void *oddi_alloc_array(struct odd_context *ctx, size_t count, size_t size);
void *oddi_realloc_array(struct odd_context *ctx, void *old, size_t count, size_t size);
void oddi_free(struct odd_context *ctx, void *block);
char *oddi_strdup(struct odd_context *ctx, const char *text);
char *oddi_strndup(struct odd_context *ctx, const char *text, size_t length);

/* 64-byte aligned, zeroed; for numbers. Freed by oddi_free_aligned only. */
void *oddi_alloc_aligned(struct odd_context *ctx, size_t size);
void oddi_free_aligned(struct odd_context *ctx, void *block);

/* Makes room for `need` elements of `size` bytes in *array (capacity *cap), doubling. */
odd_status oddi_reserve(struct odd_context *ctx, void **array, size_t *cap, size_t need,
                        size_t size);

/* a * b and a + b, false on overflow. */
bool oddi_mul_size(size_t a, size_t b, size_t *product);
bool oddi_add_size(size_t a, size_t b, size_t *sum);

/* Arena: many small things with one end. Blocks are never moved. */
struct oddi_arena_block;
struct oddi_arena {
    struct odd_context *ctx;
    struct oddi_arena_block *blocks;
};
void oddi_arena_init(struct oddi_arena *arena, struct odd_context *ctx);
void oddi_arena_release(struct oddi_arena *arena);
void *oddi_arena_alloc(struct oddi_arena *arena, size_t size); /* zeroed, 16-byte aligned */
char *oddi_arena_strdup(struct oddi_arena *arena, const char *text);
char *oddi_arena_printf(struct oddi_arena *arena, const char *format, ...) ODDI_PRINTF(2, 3);
#endif
