/* SPDX-License-Identifier: Apache-2.0
 *
 * The Nth file call of every entry fails, for N from 1 to beyond the last: the call says so (or
 * does without), no temporary file is left, and a file under its final name is the old one or the
 * whole new one.
 */
#include "fixture.h"

#include <errno.h>
#include <string.h>

#include "base/os.h"

static bool io_expected(odd_status status)
{
    return status == ODD_OK || status == ODD_EIO || status == ODD_EFORMAT || status == ODD_ENODATA ||
           status == ODD_ENOMEM;
}

static void fail_each(struct fixture *f, const struct fault_entry *entry, int error)
{
    int n = 1, failures = 0;
    for (bool reached = true; reached; n += 1 + n / entry->growth) {
        fixture_prepare(f);
        const long live = f->t.fault.live;
        fault_alloc_arm(&f->t.fault, 0);
        oddi_os_fail_at(n, error);
        const odd_status status = entry->run(f);
        reached = oddi_os_calls() >= n || strcmp(entry->name, "resume") == 0;
        oddi_os_fail_at(0, 0);
        if (!io_expected(status) || (!reached && status != ODD_OK))
            fail_msg("%s, file call %d: %s: %s", entry->name, n, odd_status_name(status),
                     odd_last_message(f->t.ctx));
        if (f->t.fault.live != live && strcmp(entry->name, "resume") != 0)
            fail_msg("%s, file call %d: %ld blocks leak", entry->name, n, f->t.fault.live - live);
        fixture_check(f, entry, status);
        failures += status != ODD_OK;
        if (strcmp(entry->name, "resume") == 0 && status == ODD_OK && n > 400)
            break;
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
