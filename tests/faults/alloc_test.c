/* SPDX-License-Identifier: Apache-2.0
 *
 * The Nth allocation of every entry fails, for N from 1 to beyond the last: the call says
 * ODD_ENOMEM (or does without), nothing leaks, no file is harmed, and the same context, model and
 * scorer go on to serve.
 */
#include "fixture.h"

#include <stdio.h>
#include <string.h>

static void fail_each(struct fixture *f, const struct fault_entry *entry)
{
    long n = 1, runs = 0;
    bool failed = true;
    for (; failed; n += 1 + n / entry->growth, runs++) {
        fixture_prepare(f, entry);
        const long live = f->t.fault.live;
        fault_alloc_arm(&f->t.fault, n);
        const odd_status status = entry->run(f);
        failed = fault_alloc_disarm(&f->t.fault);
        if (status != ODD_OK && (!failed || status != ODD_ENOMEM))
            fail_msg("%s, allocation %ld: %s: %s", entry->name, n, odd_status_name(status),
                     odd_last_message(f->t.ctx));
        if (status == ODD_ENOMEM && !strstr(odd_last_message(f->t.ctx), "memory"))
            fail_msg("%s, allocation %ld: the message is '%s'", entry->name, n,
                     odd_last_message(f->t.ctx));
        if (f->t.fault.live != live)
            fail_msg("%s, allocation %ld: %ld blocks leak", entry->name, n, f->t.fault.live - live);
        fixture_check(f, entry, status);
    }
    print_message("%-12s %6ld allocations, %ld runs\n", entry->name, n, runs);
}

static void test_every_entry(void **unused)
{
    struct fixture f;
    (void)unused;
    fixture_init(&f, "alloc", 1);
    for (const struct fault_entry *e = fault_entries; e->name; e++)
        fail_each(&f, e);
    fixture_release(&f);
}

/* With loader threads and several scorers: whose allocation is the Nth varies, what must hold does
 * not. */
static void test_in_threads(void **unused)
{
    static const char *const names[] = {"eval", "train", "resume"};
    struct fixture f;
    (void)unused;
    fixture_init(&f, "threads", 3);
    for (const struct fault_entry *e = fault_entries; e->name; e++)
        for (size_t i = 0; i < ODDI_COUNT(names); i++) {
            struct fault_entry coarse = *e;
            coarse.growth = 12;
            if (strcmp(e->name, names[i]) == 0)
                fail_each(&f, &coarse);
        }
    fixture_release(&f);
}

static void *refuse_alloc(void *user, size_t size)
{
    (void)user;
    (void)size;
    return NULL;
}

static void *refuse_realloc(void *user, void *old, size_t size)
{
    (void)user;
    (void)old;
    (void)size;
    return NULL;
}

static void refuse_free(void *user, void *block)
{
    (void)user;
    assert_null(block);
}

static void test_no_context(void **unused)
{
    struct odd_context *ctx = NULL;
    (void)unused;
    assert_int_equal(odd_context_new_with(refuse_alloc, refuse_realloc, refuse_free, NULL, &ctx),
                     ODD_ENOMEM);
    assert_null(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_context),
        cmocka_unit_test(test_every_entry),
        cmocka_unit_test(test_in_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
