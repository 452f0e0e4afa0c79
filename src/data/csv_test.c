/* SPDX-License-Identifier: Apache-2.0
 * RFC 4180's cases, and rows that must be refused with their line. */
#include "data/support_test.h"

#include <stdlib.h>
#include <string.h>

#include "data/csv.h"

static struct testing csv_t;

static odd_status csv_open(struct oddi_csv *csv, const char *text)
{
    return oddi_csv_init(csv, csv_t.ctx, "list.csv", text, strlen(text));
}

static void csv_test_rows(void **state)
{
    struct oddi_csv csv;
    bool more = false;
    (void)state;
    assert_int_equal(csv_open(&csv,
                              "\xEF\xBB\xBFpath,Label,note\r\n\r\na.png,0,\"x, \"\"y\"\"\nz\"\r\n"
                              "\"b c.png\",1,\n,,"),
                     ODD_OK);
    assert_int_equal(csv.columns, 3);
    assert_int_equal(oddi_csv_column(&csv, "label"), 1);
    assert_int_equal(oddi_csv_column(&csv, "mask"), -1);
    assert_int_equal(oddi_csv_next(&csv, &more), ODD_OK);
    assert_true(more);
    assert_string_equal(csv.field[0], "a.png");
    assert_string_equal(csv.field[2], "x, \"y\"\nz");
    assert_int_equal(csv.line, 3);
    assert_int_equal(oddi_csv_next(&csv, &more), ODD_OK);
    assert_string_equal(csv.field[0], "b c.png");
    assert_string_equal(csv.field[2], "");
    assert_int_equal(csv.line, 5);
    assert_int_equal(oddi_csv_next(&csv, &more), ODD_OK);
    assert_true(more);
    assert_string_equal(oddi_csv_field(&csv, 2), "");
    assert_int_equal(oddi_csv_next(&csv, &more), ODD_OK);
    assert_false(more);
    oddi_csv_release(&csv);
}

static void csv_test_tabs(void **state)
{
    struct oddi_csv csv;
    bool more = false;
    (void)state;
    assert_int_equal(csv_open(&csv, "path\tlabel\na,b.png\tgood\n"), ODD_OK);
    assert_int_equal(csv.delimiter, '\t');
    assert_int_equal(oddi_csv_next(&csv, &more), ODD_OK);
    assert_string_equal(csv.field[0], "a,b.png");
    oddi_csv_release(&csv);
}

static void csv_test_refused(void **state)
{
    static const struct {
        const char *text, *why;
    } cases[] = {
        {"path,label\na.png\n", "line 2: 1 fields, but the header has 2"},
        {"path,label\n\na.png,0,1\n", "line 3: 3 fields"},
        {"path\n\"a.png\n", "a quote is not closed"},
        {"path\n\"a\"b\n", "text follows a closing quote"},
        {"path\na\"b\n", "line 2: a quote inside an unquoted field"},
        {"", "is empty"},
        {"\n\r\n", "is empty"},
    };
    (void)state;
    for (size_t i = 0; i < ODDI_COUNT(cases); i++) {
        struct oddi_csv csv;
        bool more = true;
        odd_status status = csv_open(&csv, cases[i].text);
        while (status == ODD_OK && more)
            status = oddi_csv_next(&csv, &more);
        assert_int_equal(status, ODD_EFORMAT);
        assert_non_null(strstr(odd_last_message(csv_t.ctx), cases[i].why));
        assert_non_null(strstr(odd_last_message(csv_t.ctx), "list.csv"));
        oddi_csv_release(&csv);
    }
}

static void csv_test_bounds(void **state)
{
    struct oddi_csv csv;
    bool more;
    size_t size = 70000;
    char *text = malloc(size + 1);
    (void)state;
    memset(text, 'x', size);
    memcpy(text, "path\n", 5);
    assert_int_equal(oddi_csv_init(&csv, csv_t.ctx, "list.csv", text, size), ODD_OK);
    assert_int_equal(oddi_csv_next(&csv, &more), ODD_ELIMIT);
    oddi_csv_release(&csv);
    memset(text, ',', 100);
    assert_int_equal(oddi_csv_init(&csv, csv_t.ctx, "list.csv", text, 100), ODD_ELIMIT);
    oddi_csv_release(&csv);
    memcpy(text, "path\na\0b\n", 9);
    assert_int_equal(oddi_csv_init(&csv, csv_t.ctx, "list.csv", text, 9), ODD_OK);
    assert_int_equal(oddi_csv_next(&csv, &more), ODD_EFORMAT);
    oddi_csv_release(&csv);
    free(text);
}

static int csv_setup(void **state)
{
    (void)state;
    testing_init(&csv_t, "csv");
    return 0;
}

static int csv_teardown(void **state)
{
    (void)state;
    testing_release(&csv_t);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(csv_test_rows),
        cmocka_unit_test(csv_test_tabs),
        cmocka_unit_test(csv_test_refused),
        cmocka_unit_test(csv_test_bounds),
    };
    return cmocka_run_group_tests(tests, csv_setup, csv_teardown);
}
