/* SPDX-License-Identifier: Apache-2.0
 * Each index once, for every number of threads; nesting; threads and the mutex. */
#include "base/compat.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <string.h>

#include "../tests/support/fault_alloc.h"
#include "base/os.h"
#include "base/parallel.h"

#define PARALLEL_TEST_N 10000

static void parallel_test_count(void *arg, int64_t i)
{
    ((unsigned char *)arg)[i]++;
}

static void test_each_once(void **state)
{
    (void)state;
    static const int threads[] = {-1, 0, 1, 2, 3, 8, 256, 1000};
    static unsigned char count[PARALLEL_TEST_N];
    for (size_t t = 0; t < ODDI_COUNT(threads); t++) {
        for (int64_t n = 0; n <= PARALLEL_TEST_N; n = n * 3 + 1) {
            memset(count, 0, sizeof count);
            oddi_parallel(threads[t], n, parallel_test_count, count);
            for (int64_t i = 0; i < PARALLEL_TEST_N; i++)
                assert_int_equal(count[i], i < n);
        }
    }
    oddi_parallel(4, -5, parallel_test_count, NULL);
}

struct parallel_test_nest {
    atomic_int inside, total;
};

struct parallel_test_call {
    struct parallel_test_nest *nest;
    pthread_t caller;
};

/* Inside of a body everything runs on the body's own thread. */
static void parallel_test_inner(void *arg, int64_t i)
{
    const struct parallel_test_call *call = arg;
    (void)i;
    bool same = pthread_equal(call->caller, pthread_self()) != 0;
    atomic_fetch_add(&call->nest->inside, same && oddi_parallel_inside() ? 1 : 0);
    atomic_fetch_add(&call->nest->total, 1);
}

static void parallel_test_outer(void *arg, int64_t i)
{
    struct parallel_test_call call = {arg, pthread_self()};
    (void)i;
    oddi_parallel(4, 10, parallel_test_inner, &call);
    assert_true(oddi_parallel_inside());
}

static void test_nested(void **state)
{
    (void)state;
    struct parallel_test_nest nest;
    atomic_init(&nest.inside, 0);
    atomic_init(&nest.total, 0);
    assert_false(oddi_parallel_inside());
    oddi_parallel(1, 1, parallel_test_outer, &nest);
    oddi_parallel(3, 20, parallel_test_outer, &nest);
    assert_int_equal(nest.total, 210);
    assert_int_equal(nest.inside, 210);
    assert_false(oddi_parallel_inside());
    oddi_parallel_set_vendor_threads(2);
    oddi_parallel_set_vendor_threads(0);
}

/* Two bodies that wait for each other end only if there really are two threads. */
static void parallel_test_meet(void *arg, int64_t i)
{
    atomic_int *here = arg;
    (void)i;
    atomic_fetch_add(here, 1);
    for (int spin = 0; atomic_load(here) < 2 && spin < 10000; spin++)
        oddi_os_sleep_ns(1000000);
    assert_true(atomic_load(here) >= 2);
}

static void test_really_parallel(void **state)
{
    (void)state;
    atomic_int here;
    atomic_init(&here, 0);
    oddi_parallel(2, 2, parallel_test_meet, &here);
    assert_int_equal(here, 2);
}

struct parallel_test_queue {
    struct oddi_mutex *mutex;
    int turn, sum;
};

/* Takes odd turns; the starter takes even ones. */
static void parallel_test_turns(void *arg)
{
    struct parallel_test_queue *q = arg;
    oddi_mutex_lock(q->mutex);
    while (q->turn < 100) {
        while (q->turn % 2 == 0)
            oddi_mutex_wait(q->mutex);
        q->sum += q->turn++;
        oddi_mutex_wake_all(q->mutex);
    }
    oddi_mutex_unlock(q->mutex);
}

static void test_threads(void **state)
{
    (void)state;
    struct fault_alloc fault;
    fault_alloc_init(&fault);
    struct odd_context *ctx = fault_context(&fault);
    struct oddi_thread *thread = NULL;
    struct parallel_test_queue q = {NULL, 0, 0};
    fault_alloc_arm(&fault, 1);
    assert_null(oddi_mutex_new(ctx));
    fault_alloc_arm(&fault, 1);
    assert_int_not_equal(oddi_thread_start(ctx, parallel_test_turns, &q, &thread), 0);
    assert_null(thread);
    fault_alloc_disarm(&fault);
    q.mutex = oddi_mutex_new(ctx);
    assert_non_null(q.mutex);
    assert_int_equal(oddi_thread_start(ctx, parallel_test_turns, &q, &thread), 0);
    oddi_mutex_lock(q.mutex);
    while (q.turn < 100) {
        while (q.turn % 2 == 1)
            oddi_mutex_wait(q.mutex);
        q.sum += q.turn++;
        oddi_mutex_wake_all(q.mutex);
    }
    oddi_mutex_unlock(q.mutex);
    oddi_thread_join(ctx, thread);
    oddi_thread_join(ctx, NULL);
    assert_int_equal(q.sum, q.turn * (q.turn - 1) / 2);
    oddi_mutex_free(ctx, q.mutex);
    oddi_mutex_free(ctx, NULL);
    odd_context_free(ctx);
    assert_int_equal(fault.live, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_once),
        cmocka_unit_test(test_nested),
        cmocka_unit_test(test_really_parallel),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
