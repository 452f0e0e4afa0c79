/* SPDX-License-Identifier: Apache-2.0
 *
 * One team of threads takes indices from one counter. Who starts the team depends on the build:
 * gcc's OpenMP; the same runtime (libgomp) called by name where the compiler is clang, so that
 * the process has one pool, shared with oneDNN; or plain threads, which ThreadSanitizer can
 * follow (it reports false races on an uninstrumented libgomp).
 *
 * The team always has `threads` members, also for a smaller n: libgomp ends and restarts its
 * threads whenever the size of the team changes, which costs more than idle members do.
 */
#include "base/parallel.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#if defined(ODDI_PTHREADS)
#include <pthread.h>
#include <signal.h>
/* There only if a vendor library brings an OpenMP runtime along. */
extern void omp_set_num_threads(int threads) __attribute__((weak));
#elif defined(ODDI_GOMP_DIRECT)
extern void GOMP_parallel(void (*fn)(void *), void *data, unsigned threads, unsigned flags);
extern void omp_set_num_threads(int threads);
#else
#include <omp.h>
#endif

#define PARALLEL_MAX 256

struct parallel_job {
    void (*fn)(void *arg, int64_t i);
    void *arg;
    int64_t n;
    _Atomic int64_t next;
};

/* Whether this thread is in a body; the one thread-local variable of the library. */
static _Thread_local bool parallel_in_body;

int oddi_parallel_inside(void)
{
    return parallel_in_body;
}

static void parallel_work(void *data)
{
    struct parallel_job *job = data;
    bool before = parallel_in_body;
    parallel_in_body = true;
    for (;;) {
        int64_t i = atomic_fetch_add_explicit(&job->next, 1, memory_order_relaxed);
        if (i >= job->n)
            break;
        job->fn(job->arg, i);
    }
    parallel_in_body = before;
}

#if defined(ODDI_PTHREADS)

static void *parallel_member(void *data)
{
    parallel_work(data);
    return NULL;
}

static void parallel_team(struct parallel_job *job, int threads)
{
    pthread_t member[PARALLEL_MAX];
    int started = 0;
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    /* Fewer members than wanted only cost time. */
    while (started < threads - 1 &&
           pthread_create(&member[started], NULL, parallel_member, job) == 0)
        started++;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    parallel_work(job);
    while (started > 0)
        pthread_join(member[--started], NULL);
}

#elif defined(ODDI_GOMP_DIRECT)

static void parallel_team(struct parallel_job *job, int threads)
{
    GOMP_parallel(parallel_work, job, (unsigned)threads, 0);
}

#else

static void parallel_team(struct parallel_job *job, int threads)
{
#pragma omp parallel num_threads(threads)
    parallel_work(job);
}

#endif

void oddi_parallel(int threads, int64_t n, void (*fn)(void *arg, int64_t i), void *arg)
{
    struct parallel_job job = {.fn = fn, .arg = arg, .n = n};
    atomic_init(&job.next, 0);
    if (threads > PARALLEL_MAX)
        threads = PARALLEL_MAX;
    if (threads <= 1 || n <= 1 || parallel_in_body)
        parallel_work(&job);
    else
        parallel_team(&job, threads);
}

void oddi_parallel_set_vendor_threads(int threads)
{
#if defined(ODDI_PTHREADS)
    if (!omp_set_num_threads)
        return;
#endif
    omp_set_num_threads(threads < 1 ? 1 : threads);
}
