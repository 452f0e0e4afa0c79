/* SPDX-License-Identifier: Apache-2.0
 *
 * Threads, and a mutex with its condition, over POSIX threads. Not for computing in parallel:
 * that is base/parallel.h; these carry loaders and queues.
 */
#include "base/os.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>

#include "base/alloc.h"

struct oddi_thread {
    pthread_t id;
    void (*fn)(void *arg);
    void *arg;
};

struct oddi_mutex {
    pthread_mutex_t lock;
    pthread_cond_t changed;
};

static void *thread_main(void *arg)
{
    const struct oddi_thread *thread = arg;
    thread->fn(thread->arg);
    return NULL;
}

int oddi_thread_start(struct odd_context *ctx, void (*fn)(void *arg), void *arg,
                      struct oddi_thread **thread)
{
    struct oddi_thread *made = oddi_alloc(ctx, sizeof *made);
    if (!made)
        return ENOMEM;
    made->fn = fn;
    made->arg = arg;
    /* Signals stay with the program's own threads. */
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&made->id, NULL, thread_main, made);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error) {
        oddi_free(ctx, made);
        return error;
    }
    *thread = made;
    return 0;
}

void oddi_thread_join(struct odd_context *ctx, struct oddi_thread *thread)
{
    if (!thread)
        return;
    pthread_join(thread->id, NULL);
    oddi_free(ctx, thread);
}

struct oddi_mutex *oddi_mutex_new(struct odd_context *ctx)
{
    struct oddi_mutex *m = oddi_alloc(ctx, sizeof *m);
    if (!m)
        return NULL;
    if (pthread_mutex_init(&m->lock, NULL) != 0) {
        oddi_fail(ctx, ODD_ENOMEM, "cannot make a mutex");
        oddi_free(ctx, m);
        return NULL;
    }
    if (pthread_cond_init(&m->changed, NULL) != 0) {
        oddi_fail(ctx, ODD_ENOMEM, "cannot make a condition");
        pthread_mutex_destroy(&m->lock);
        oddi_free(ctx, m);
        return NULL;
    }
    return m;
}

void oddi_mutex_free(struct odd_context *ctx, struct oddi_mutex *m)
{
    if (!m)
        return;
    pthread_cond_destroy(&m->changed);
    pthread_mutex_destroy(&m->lock);
    oddi_free(ctx, m);
}

void oddi_mutex_lock(struct oddi_mutex *m)
{
    pthread_mutex_lock(&m->lock);
}

void oddi_mutex_unlock(struct oddi_mutex *m)
{
    pthread_mutex_unlock(&m->lock);
}

void oddi_mutex_wait(struct oddi_mutex *m)
{
    pthread_cond_wait(&m->changed, &m->lock);
}

void oddi_mutex_wake_all(struct oddi_mutex *m)
{
    pthread_cond_broadcast(&m->changed);
}
