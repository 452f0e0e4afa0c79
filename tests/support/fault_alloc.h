/* SPDX-License-Identifier: Apache-2.0
 *
 * An allocator for odd_context_new_with that counts living blocks and fails the nth request. The
 * pattern of every Nth-failure loop:
 *
 *     for (long n = 1;; n++) {
 *         struct fault_alloc fault;
 *         fault_alloc_init(&fault);
 *         struct odd_context *ctx = fault_context(&fault);
 *         fault_alloc_arm(&fault, n);              (from here on, the nth request fails once)
 *         odd_status status = what_is_tested(ctx, ...);
 *         bool failed = fault_alloc_disarm(&fault); (whether request n was made)
 *         ... failed: status is ODD_ENOMEM, outputs untouched; else: ODD_OK, release the result
 *         odd_context_free(ctx);
 *         assert_int_equal(fault.live, 0);
 *         if (!failed)
 *             break;
 *     }
 *
 * Safe with several threads. A foreign or twice freed block aborts the test.
 */
#ifndef SUPPORT_FAULT_ALLOC_H
#define SUPPORT_FAULT_ALLOC_H
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "oddity/oddity.h"

struct fault_alloc {
    atomic_long live;     /* blocks not freed yet */
    atomic_long requests; /* alloc and realloc calls since the last arm */
    atomic_long fail_at;  /* 0: never */
    atomic_bool failed;
};

void fault_alloc_init(struct fault_alloc *fault);
/* Makes the nth request from now fail, once; 0 for none. */
void fault_alloc_arm(struct fault_alloc *fault, long nth);
/* Back to no failures; returns whether one happened. */
bool fault_alloc_disarm(struct fault_alloc *fault);

void *fault_malloc(void *user, size_t size);
void *fault_realloc(void *user, void *old, size_t size);
void fault_free(void *user, void *block);

/* A context over this allocator; ends the test program if there is none. */
struct odd_context *fault_context(struct fault_alloc *fault);
#endif
