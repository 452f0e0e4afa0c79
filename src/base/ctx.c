/* SPDX-License-Identifier: Apache-2.0
 *
 * Contexts: the caller's allocator and callbacks, the wish to stop, and the last message. There
 * is no other place where a failure is described, and no global one.
 */
#include "base/alloc.h"
#include "base/ctx.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/os.h"
#include "base/str.h"

#define CTX_MAX_THREADS 256

/* The C allocator; the only raw calls in the library. */
static void *ctx_c_alloc(void *user, size_t size)
{
    (void)user;
    return malloc(size);
}

static void *ctx_c_realloc(void *user, void *old, size_t size)
{
    (void)user;
    return realloc(old, size);
}

static void ctx_c_free(void *user, void *block)
{
    (void)user;
    free(block);
}

odd_status odd_context_new(struct odd_context **ctx)
{
    return odd_context_new_with(ctx_c_alloc, ctx_c_realloc, ctx_c_free, NULL, ctx);
}

odd_status odd_context_new_with(odd_alloc_fn alloc_fn, odd_realloc_fn realloc_fn,
                                odd_free_fn free_fn, void *user, struct odd_context **ctx)
{
    if (!alloc_fn || !realloc_fn || !free_fn || !ctx)
        return ODD_EINVAL;
    struct odd_context *made = alloc_fn(user, sizeof *made);
    if (!made)
        return ODD_ENOMEM;
    memset(made, 0, sizeof *made);
    made->alloc = alloc_fn;
    made->realloc = realloc_fn;
    made->free = free_fn;
    made->alloc_user = user;
    atomic_init(&made->cancelled, 0);
    int cores = oddi_os_cores();
    made->threads = cores > CTX_MAX_THREADS ? CTX_MAX_THREADS : cores;
    *ctx = made;
    return ODD_OK;
}

void odd_context_free(struct odd_context *ctx)
{
    if (ctx)
        ctx->free(ctx->alloc_user, ctx);
}

void odd_context_on_log(struct odd_context *ctx, odd_log_fn fn, void *user)
{
    ctx->log = fn;
    ctx->log_user = user;
}

void odd_context_on_progress(struct odd_context *ctx, odd_progress_fn fn, void *user)
{
    ctx->progress = fn;
    ctx->progress_user = user;
}

odd_status odd_context_set_threads(struct odd_context *ctx, int threads)
{
    if (threads < 1 || threads > CTX_MAX_THREADS)
        return oddi_fail(ctx, ODD_EINVAL, "threads must be 1 to %d, not %d", CTX_MAX_THREADS,
                         threads);
    ctx->threads = threads;
    return ODD_OK;
}

void odd_context_cancel(struct odd_context *ctx)
{
    atomic_store(&ctx->cancelled, 1);
}

void odd_context_reset_cancel(struct odd_context *ctx)
{
    atomic_store(&ctx->cancelled, 0);
}

const char *odd_last_message(const struct odd_context *ctx)
{
    return ctx->message;
}

void odd_text_free(struct odd_context *ctx, char *text)
{
    if (text)
        ctx->free(ctx->alloc_user, text);
}

/* Messages quote hostile files and file names: no control character reaches a terminal. */
static void ctx_clean(char *text)
{
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if ((c < 0x20 && c != '\n' && c != '\t') || c == 0x7F)
            *text = '?';
    }
}

/* An argument may point into ctx->message, so the text is built apart and then copied. */
static void ctx_set_message(struct odd_context *ctx, odd_status status, const char *reason,
                            const char *format, va_list args)
{
    char text[ODDI_MESSAGE_SIZE];
    if (!ctx) /* an entry point was called without one */
        return;
    int length = oddi_vformat(text, sizeof text, format, args);
    size_t used = length < 0 ? 0 : (size_t)length;
    if (used >= sizeof text)
        used = sizeof text - 1;
    text[used] = '\0';
    if (reason) {
        size_t extra = strlen(reason);
        if (used + extra + 3 > sizeof text)
            used = sizeof text - extra - 3;
        text[used++] = ':';
        text[used++] = ' ';
        memcpy(text + used, reason, extra + 1);
    }
    ctx_clean(text);
    memcpy(ctx->message, text, sizeof text);
    ctx->status = status;
}

odd_status oddi_fail(struct odd_context *ctx, odd_status status, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    ctx_set_message(ctx, status, NULL, format, args);
    va_end(args);
    return status;
}

odd_status oddi_fail_errno(struct odd_context *ctx, odd_status status, int error,
                           const char *format, ...)
{
    char reason[256];
    if (strerror_r(error, reason, sizeof reason) != 0)
        memcpy(reason, "unknown reason", sizeof "unknown reason");
    va_list args;
    va_start(args, format);
    ctx_set_message(ctx, status, reason, format, args);
    va_end(args);
    return status;
}

odd_status oddi_fail_about(struct odd_context *ctx, odd_status status, const char *path)
{
    if (status == ODD_OK || status == ODD_ENOMEM || strstr(ctx->message, path))
        return status;
    char *why = oddi_strdup(ctx, ctx->message);
    if (why)
        oddi_fail(ctx, status, "%s: %s", path, why);
    oddi_free(ctx, why);
    return status;
}

void oddi_ctx_fork(struct odd_context *parent, struct odd_context *fork)
{
    memset(fork, 0, sizeof *fork);
    fork->alloc = parent->alloc;
    fork->realloc = parent->realloc;
    fork->free = parent->free;
    fork->alloc_user = parent->alloc_user;
    fork->parent = parent;
    fork->threads = 1;
    atomic_init(&fork->cancelled, 0);
}

odd_status oddi_ctx_join(struct odd_context *parent, const struct odd_context *fork)
{
    if (fork->status != ODD_OK) {
        memcpy(parent->message, fork->message, sizeof parent->message);
        parent->status = fork->status;
    }
    return fork->status;
}

bool oddi_cancelled(const struct odd_context *ctx)
{
    for (; ctx; ctx = ctx->parent)
        if (atomic_load(&ctx->cancelled))
            return true;
    return false;
}

odd_status oddi_check_cancel(struct odd_context *ctx)
{
    return oddi_cancelled(ctx) ? oddi_fail(ctx, ODD_ECANCELLED, "cancelled on request") : ODD_OK;
}

void oddi_log(struct odd_context *ctx, enum odd_log_level level, const char *format, ...)
{
    if (!ctx->log)
        return;
    char text[ODDI_MESSAGE_SIZE];
    va_list args;
    va_start(args, format);
    int length = oddi_vformat(text, sizeof text, format, args);
    va_end(args);
    if (length < 0)
        return;
    ctx_clean(text);
    ctx->log(ctx->log_user, level, text);
}

void oddi_progress(struct odd_context *ctx, const char *json)
{
    if (ctx->progress)
        ctx->progress(ctx->progress_user, json);
}
