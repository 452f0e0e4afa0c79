/* SPDX-License-Identifier: Apache-2.0
 *
 * The context's inside: allocator, callbacks, cancel wish, thread count and the message of the
 * last failure. Who detects a failure writes the message (oddi_fail); who passes it on adds
 * nothing (TRY).
 */
#ifndef ODDI_BASE_CTX_H
#define ODDI_BASE_CTX_H
#include "base/compat.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "oddity/oddity.h"

#define ODDI_MESSAGE_SIZE 2048

struct odd_context {
    odd_alloc_fn alloc;
    odd_realloc_fn realloc;
    odd_free_fn free;
    void *alloc_user;
    odd_log_fn log;
    void *log_user;
    odd_progress_fn progress;
    void *progress_user;
    struct odd_context *parent; /* a fork shares its parent's cancel wish; NULL for the user's */
    atomic_int cancelled;
    int threads;
    odd_status status; /* of the last failure */
    char message[ODDI_MESSAGE_SIZE];
};

/* Writes the message and returns `status`. The first thread-safe rule: one context, one thread;
 * worker threads use a fork each. */
odd_status oddi_fail(struct odd_context *ctx, odd_status status, const char *format, ...)
    ODDI_PRINTF(3, 4);
/* Same with the system's reason for errno value `error` appended: ": No such file". */
odd_status oddi_fail_errno(struct odd_context *ctx, odd_status status, int error,
                           const char *format, ...) ODDI_PRINTF(4, 5);
/* Puts "path: " before the message of a failure that did not name the path; not for ODD_ENOMEM.
 * Returns `status`, also when there is no memory for it. */
odd_status oddi_fail_about(struct odd_context *ctx, odd_status status, const char *path);

/* A context for a worker thread: same allocator and cancel wish, own message, no callbacks, one
 * thread. */
void oddi_ctx_fork(struct odd_context *parent, struct odd_context *fork);
/* Copies a fork's message to its parent (call it from the parent's thread); returns its status. */
odd_status oddi_ctx_join(struct odd_context *parent, const struct odd_context *fork);

bool oddi_cancelled(const struct odd_context *ctx);
/* ODD_ECANCELLED with a message when the user asked to stop, else ODD_OK. */
odd_status oddi_check_cancel(struct odd_context *ctx);

void oddi_log(struct odd_context *ctx, enum odd_log_level level, const char *format, ...)
    ODDI_PRINTF(3, 4);
void oddi_progress(struct odd_context *ctx, const char *json);

/* The one macro for passing errors on; needs a variable `status` and a label `out`. */
#define TRY(call)                                                                                  \
    do {                                                                                           \
        status = (call);                                                                           \
        if (status != ODD_OK)                                                                      \
            goto out;                                                                              \
    } while (0)

#define ODDI_COUNT(array) (sizeof(array) / sizeof((array)[0]))
#endif
