/* SPDX-License-Identifier: Apache-2.0
 *
 * The failing allocator. Each block is preceded by its size and a mark, the mark being another
 * one once the block is freed.
 */
#include "fault_alloc.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FAULT_LIVE UINT64_C(0x0DD17FA110C8B10C)
#define FAULT_DEAD UINT64_C(0xDEADB10CDEADB10C)

struct fault_header {
    _Alignas(16) uint64_t mark;
    uint64_t size;
};

void fault_alloc_init(struct fault_alloc *fault)
{
    atomic_init(&fault->live, 0);
    atomic_init(&fault->requests, 0);
    atomic_init(&fault->fail_at, 0);
    atomic_init(&fault->failed, false);
}

void fault_alloc_arm(struct fault_alloc *fault, long nth)
{
    atomic_store(&fault->failed, false);
    atomic_store(&fault->requests, 0);
    atomic_store(&fault->fail_at, nth);
}

bool fault_alloc_disarm(struct fault_alloc *fault)
{
    atomic_store(&fault->fail_at, 0);
    return atomic_load(&fault->failed);
}

/* Counts a request; true if it is the one to fail. */
static bool fault_now(struct fault_alloc *fault)
{
    if (atomic_fetch_add(&fault->requests, 1) + 1 != atomic_load(&fault->fail_at))
        return false;
    atomic_store(&fault->failed, true);
    return true;
}

static struct fault_header *fault_header_of(void *block)
{
    struct fault_header *header = (struct fault_header *)block - 1;
    if (header->mark != FAULT_LIVE) {
        fprintf(stderr, "fault_alloc: %p is %s\n", block,
                header->mark == FAULT_DEAD ? "freed twice" : "not from this allocator");
        abort();
    }
    return header;
}

void *fault_malloc(void *user, size_t size)
{
    struct fault_alloc *fault = user;
    if (fault_now(fault) || size > SIZE_MAX - sizeof(struct fault_header))
        return NULL;
    struct fault_header *header = malloc(sizeof *header + size);
    if (!header)
        return NULL;
    header->mark = FAULT_LIVE;
    header->size = size;
    memset(header + 1, 0xA5, size); /* nobody may count on zeros */
    atomic_fetch_add(&fault->live, 1);
    return header + 1;
}

/* Always moves, so that a kept old address shows. */
void *fault_realloc(void *user, void *old, size_t size)
{
    if (!old)
        return fault_malloc(user, size);
    const struct fault_header *header = fault_header_of(old);
    void *block = fault_malloc(user, size);
    if (!block)
        return NULL;
    memcpy(block, old, header->size < size ? header->size : size);
    fault_free(user, old);
    return block;
}

void fault_free(void *user, void *block)
{
    struct fault_alloc *fault = user;
    if (!block)
        return;
    struct fault_header *header = fault_header_of(block);
    header->mark = FAULT_DEAD;
    memset(header + 1, 0x5A, header->size);
    free(header);
    atomic_fetch_sub(&fault->live, 1);
}

struct odd_context *fault_context(struct fault_alloc *fault)
{
    struct odd_context *ctx = NULL;
    if (odd_context_new_with(fault_malloc, fault_realloc, fault_free, fault, &ctx) != ODD_OK) {
        fprintf(stderr, "fault_alloc: no context\n");
        abort();
    }
    return ctx;
}
