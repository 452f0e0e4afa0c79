/* SPDX-License-Identifier: Apache-2.0
 *
 * Arenas: a list of blocks, filled from the front, released together. A large request gets a
 * block of its own behind the current one, so that the room left in the current one stays usable.
 */
#include "base/alloc.h"

#include <stdarg.h>
#include <string.h>

#include "base/str.h"

#define ARENA_BLOCK ((size_t)16 * 1024)
#define ARENA_LARGE (ARENA_BLOCK / 4)
#define ARENA_ALIGN ((size_t)16)

struct oddi_arena_block {
    struct oddi_arena_block *next;
    size_t used, size; /* of data, whose first aligned byte is at `first` */
    unsigned char *first;
};

void oddi_arena_init(struct oddi_arena *arena, struct odd_context *ctx)
{
    arena->ctx = ctx;
    arena->blocks = NULL;
}

void oddi_arena_release(struct oddi_arena *arena)
{
    struct oddi_arena_block *block = arena->blocks;
    while (block) {
        struct oddi_arena_block *next = block->next;
        oddi_free(arena->ctx, block);
        block = next;
    }
    arena->blocks = NULL;
}

static struct oddi_arena_block *arena_block_new(struct oddi_arena *arena, size_t size)
{
    size_t total;
    if (!oddi_add_size(size, sizeof(struct oddi_arena_block) + ARENA_ALIGN, &total)) {
        oddi_fail(arena->ctx, ODD_ENOMEM, "out of memory: %zu bytes wanted", size);
        return NULL;
    }
    struct oddi_arena_block *block = oddi_alloc(arena->ctx, total);
    if (!block)
        return NULL;
    /* The caller's allocator may align to 8 only, hence by hand. */
    unsigned char *start = (unsigned char *)(block + 1);
    size_t past = (uintptr_t)start % ARENA_ALIGN;
    block->first = start + (past ? ARENA_ALIGN - past : 0);
    block->used = 0;
    block->size = size;
    return block;
}

void *oddi_arena_alloc(struct oddi_arena *arena, size_t size)
{
    size_t rounded;
    struct oddi_arena_block *head = arena->blocks;
    if (!oddi_add_size(size ? size : 1, ARENA_ALIGN - 1, &rounded)) {
        oddi_fail(arena->ctx, ODD_ENOMEM, "out of memory: %zu bytes wanted", size);
        return NULL;
    }
    rounded -= rounded % ARENA_ALIGN;
    if (!head || head->size - head->used < rounded) {
        bool large = rounded > ARENA_LARGE;
        struct oddi_arena_block *block = arena_block_new(arena, large ? rounded : ARENA_BLOCK);
        if (!block)
            return NULL;
        bool behind = large && head;
        block->next = behind ? head->next : head;
        if (behind)
            head->next = block;
        else
            arena->blocks = block;
        head = block;
    }
    void *memory = head->first + head->used;
    head->used += rounded;
    return memset(memory, 0, rounded);
}

char *oddi_arena_strdup(struct oddi_arena *arena, const char *text)
{
    size_t length = strlen(text);
    char *copy = oddi_arena_alloc(arena, length + 1);
    return copy ? memcpy(copy, text, length + 1) : NULL;
}

char *oddi_arena_printf(struct oddi_arena *arena, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int length = oddi_vformat(NULL, 0, format, args);
    va_end(args);
    if (length < 0) {
        oddi_fail(arena->ctx, ODD_EBUG, "cannot format '%s'", format);
        return NULL;
    }
    char *text = oddi_arena_alloc(arena, (size_t)length + 1);
    if (!text)
        return NULL;
    va_start(args, format);
    oddi_vformat(text, (size_t)length + 1, format, args);
    va_end(args);
    return text;
}
