/* SPDX-License-Identifier: Apache-2.0
 *
 * The Nth file call of every entry fails, for N from 1 to beyond the last: the call says so (or
 * does without), no temporary file is left, and a file under its final name is the old one or the
 * whole new one.
 */
#include "fixture.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/os.h"

static bool io_expected(odd_status status)
{
    return status == ODD_OK || status == ODD_EIO || status == ODD_EFORMAT ||
           status == ODD_ENODATA || status == ODD_ENOMEM;
}

struct io_found {
    struct fixture *f;
    int count;
};

static int io_remove(void *user, const char *name)
{
    struct io_found *found = user;
    char path[600];
    if (strncmp(name, ".oddity-", 8) != 0)
        return 0;
    snprintf(path, sizeof(path), "%s/%s", found->f->t.folder, name);
    found->count += remove(path) == 0;
    return 0;
}

/* A temporary file stays where it was its removal that failed: of a model's path that is tried, a
 * call that went well otherwise. */
static void forgive_removal(struct fixture *f, const struct fault_entry *entry, odd_status status)
{
    struct io_found found = {f, 0};
    const bool tries = strcmp(entry->name, "train") == 0 || strcmp(entry->name, "stop") == 0 ||
                       strcmp(entry->name, "resume") == 0;
    if (!tries || status != ODD_OK)
        return;
    assert_int_equal(oddi_os_list(f->t.folder, io_remove, &found), 0);
    assert_true(found.count <= 1);
}

static void fail_each(struct fixture *f, const struct fault_entry *entry, int error)
{
    int n = 1, failures = 0;
    for (bool reached = true; reached; n += 1 + n / entry->growth) {
        fixture_prepare(f, entry);
        const long live = f->t.fault.live;
        oddi_os_fail_at(n, error);
        const odd_status status = entry->run(f);
        reached = oddi_os_calls() >= n;
        oddi_os_fail_at(0, 0);
        if (!io_expected(status) || (!reached && status != ODD_OK))
            fail_msg("%s, file call %d: %s: %s", entry->name, n, odd_status_name(status),
                     odd_last_message(f->t.ctx));
        if (f->t.fault.live != live)
            fail_msg("%s, file call %d: %ld blocks leak", entry->name, n, f->t.fault.live - live);
        forgive_removal(f, entry, status);
        fixture_check(f, entry, status);
        failures += status != ODD_OK;
    }
    print_message("%-12s %5d file calls, %d failures\n", entry->name, n, failures);
}

static void test_every_entry(void **unused)
{
    static const int errors[] = {EIO, ENOSPC};
    struct fixture f;
    (void)unused;
    fixture_init(&f, "io", 1);
    for (size_t i = 0; i < ODDI_COUNT(errors); i++)
        for (const struct fault_entry *e = fault_entries; e->name; e++)
            fail_each(&f, e, errors[i]);
    fixture_release(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_entry),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
