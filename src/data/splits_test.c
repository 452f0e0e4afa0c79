/* SPDX-License-Identifier: Apache-2.0
 * Splits: counts, seeds, groups that never cross, and the numbers held out. */
#include "data/support_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "data/splits.h"

static struct testing sp_t;

/* A list of n normals and m anomalous pictures, `per` to a group. */
static void splits_list(const char *name, int n, int m, int per)
{
    struct oddi_str s;
    oddi_str_init(&s, sp_t.ctx);
    oddi_str_add(&s, "path,label,group\n");
    for (int i = 0; i < n + m; i++)
        oddi_str_addf(&s, "pat%03d/img%04d.png,%d,%s%d\n", i / per, i, i >= n, per > 1 ? "g" : "x",
                      i / per);
    testing_write(&sp_t, name, s.text, s.length);
    oddi_str_release(&s);
}

static uint64_t splits_digest(const struct odd_dataset *ds)
{
    uint64_t digest = 0;
    for (size_t i = 0; i < ds->count; i++)
        digest = digest * 1099511628211u + (uint64_t)ds->sample[i].part + 1;
    return digest;
}

static void splits_test_hold_out_count(void **state)
{
    static const struct {
        const char *text;
        int64_t n, held;
    } cases[] = {{"0.2", 100, 20}, {"0.2", 158, 32}, {"0.2", 159, 59},   {"0.2", 200, 59},
                 {"0.2", 295, 59}, {"0.2", 300, 60}, {"0.1", 2000, 200}, {"0", 1000, 0},
                 {"0.0", 1000, 0}, {"5", 1000, 5},   {"0.01", 1000, 59}, {"0.5", 3, 2},
                 {"0.2", 1, 0},    {"0.2", 0, 0}};
    static const char *const wrong[] = {"1.5", "-1", "-0.1", "", "many", "1.0"};
    bool valid;
    (void)state;
    for (size_t i = 0; i < ODDI_COUNT(cases); i++) {
        assert_int_equal(oddi_hold_out_count(cases[i].text, cases[i].n, &valid), cases[i].held);
        assert_true(valid);
    }
    for (size_t i = 0; i < ODDI_COUNT(wrong); i++) {
        oddi_hold_out_count(wrong[i], 100, &valid);
        assert_false(valid);
    }
}

static void splits_test_counts(void **state)
{
    struct odd_dataset *ds = NULL;
    (void)state;
    splits_list("counts.csv", 300, 40, 1);
    assert_int_equal(testing_open(&sp_t, "counts.csv", &ds, "test-normals", "100", "hold-out", "31",
                                  "sample-train", "150", "sample-test", "70", NULL),
                     ODD_OK);
    assert_int_equal(testing_count(ds, ODDI_PART_TRAIN), 119);
    assert_int_equal(testing_count(ds, ODDI_PART_TUNE), 15);
    assert_int_equal(testing_count(ds, ODDI_PART_CALIBRATE), 16);
    assert_int_equal(oddi_dataset_count(ds, ODDI_PART_TEST, ODDI_LABEL_NORMAL), 50);
    assert_int_equal(oddi_dataset_count(ds, ODDI_PART_TEST, ODDI_LABEL_ANOMALOUS), 20);
    odd_dataset_free(ds);
    assert_int_equal(testing_open(&sp_t, "counts.csv", &ds, "test-normals", "0.25", NULL), ODD_OK);
    assert_int_equal(oddi_dataset_count(ds, ODDI_PART_TEST, ODDI_LABEL_NORMAL), 75);
    assert_int_equal(testing_count(ds, ODDI_PART_TUNE), 29);
    assert_int_equal(testing_count(ds, ODDI_PART_CALIBRATE), 30);
    odd_dataset_free(ds);
}

static void splits_test_refused(void **state)
{
    struct odd_dataset *ds = NULL;
    (void)state;
    splits_list("few.csv", 20, 5, 1);
    assert_int_equal(testing_open(&sp_t, "few.csv", &ds, "test-normals", "21", NULL), ODD_ENODATA);
    assert_non_null(strstr(odd_last_message(sp_t.ctx), "asks for 21"));
    assert_int_equal(testing_open(&sp_t, "few.csv", &ds, "hold-out", "20", NULL), ODD_ENODATA);
    assert_int_equal(testing_open(&sp_t, "few.csv", &ds, "hold-out", "1.5", NULL), ODD_ECONFIG);
    assert_int_equal(testing_open(&sp_t, "few.csv", &ds, "test-normals", "x", NULL), ODD_ECONFIG);
    assert_int_equal(testing_open(&sp_t, "few.csv", &ds, "group", "(", NULL), ODD_ECONFIG);
    assert_int_equal(testing_open(&sp_t, "few.csv", &ds, "group", "nothing", NULL), ODD_ECONFIG);
    assert_non_null(strstr(odd_last_message(sp_t.ctx), "does not match"));
    assert_null(ds);
}

static void splits_test_seeded(void **state)
{
    struct odd_dataset *ds = NULL;
    uint64_t digest[4];
    static const char *const seeds[] = {"0", "0", "1", "2"};
    (void)state;
    splits_list("seed.csv", 200, 20, 1);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(testing_open(&sp_t, "seed.csv", &ds, "test-normals", "50", "split-seed",
                                      seeds[i], "sample-test", "40", NULL),
                         ODD_OK);
        digest[i] = splits_digest(ds);
        odd_dataset_free(ds);
    }
    assert_true(digest[0] == digest[1]);
    assert_true(digest[0] != digest[2] && digest[2] != digest[3]);
}

/* The training's options must not change what is in the test part. */
static void splits_test_test_part_is_stable(void **state)
{
    struct odd_dataset *a = NULL, *b = NULL;
    (void)state;
    splits_list("stable.csv", 200, 20, 1);
    assert_int_equal(testing_open(&sp_t, "stable.csv", &a, "test-normals", "50", NULL), ODD_OK);
    assert_int_equal(testing_open(&sp_t, "stable.csv", &b, "test-normals", "50", "hold-out", "3",
                                  "sample-train", "20", NULL),
                     ODD_OK);
    for (size_t i = 0; i < a->count; i++)
        assert_int_equal(a->sample[i].part == ODDI_PART_TEST, b->sample[i].part == ODDI_PART_TEST);
    odd_dataset_free(a);
    odd_dataset_free(b);
}

static void splits_no_group_crosses(const struct odd_dataset *ds)
{
    enum oddi_part part[1000];
    for (int64_t g = 0; g < ds->groups; g++)
        part[g] = ODDI_PART_UNUSED;
    for (size_t i = 0; i < ds->count; i++) {
        const struct oddi_sample *s = &ds->sample[i];
        if (s->part == ODDI_PART_UNUSED)
            continue;
        if (part[s->group_id] == ODDI_PART_UNUSED)
            part[s->group_id] = s->part;
        assert_int_equal(part[s->group_id], s->part);
    }
}

static void splits_test_groups(void **state)
{
    char seed[16], per_list[32];
    (void)state;
    for (int per = 2; per <= 23; per += 7) {
        snprintf(per_list, sizeof(per_list), "groups%d.csv", per);
        splits_list(per_list, 240, 30, per);
        for (int i = 0; i < 12; i++) {
            struct odd_dataset *ds = NULL;
            snprintf(seed, sizeof(seed), "%d", i);
            assert_int_equal(testing_open(&sp_t, per_list, &ds, "test-normals", "60", "split-seed",
                                          seed, "sample-train", "140", NULL),
                             ODD_OK);
            assert_int_equal(ds->groups, (270 + per - 1) / per);
            splits_no_group_crosses(ds);
            int normals = (int)oddi_dataset_count(ds, ODDI_PART_TEST, ODDI_LABEL_NORMAL);
            assert_in_range(normals, 60 - per, 60 + per);
            assert_true(testing_count(ds, ODDI_PART_CALIBRATE) >=
                        testing_count(ds, ODDI_PART_TUNE));
            assert_true(testing_count(ds, ODDI_PART_TUNE) > 0);
            odd_dataset_free(ds);
        }
    }
}

static void splits_test_group_option(void **state)
{
    struct odd_dataset *ds = NULL;
    (void)state;
    splits_list("option.csv", 90, 9, 9);
    assert_int_equal(testing_open(&sp_t, "option.csv", &ds, "group", "(pat[0-9])[0-9]*/", NULL),
                     ODD_OK);
    assert_int_equal(ds->groups, 1);
    assert_string_equal(ds->sample[0].group, "pat0");
    /* one group with anomalous pictures: all of it is test */
    assert_int_equal(testing_count(ds, ODDI_PART_TEST), 99);
    odd_dataset_free(ds);
    assert_int_equal(testing_open(&sp_t, "option.csv", &ds, "group", "pat[0-9]+", NULL), ODD_OK);
    assert_int_equal(ds->groups, 11);
    assert_string_equal(ds->sample[98].group, "pat010");
    splits_no_group_crosses(ds);
    odd_dataset_free(ds);
}

static int splits_setup(void **state)
{
    (void)state;
    testing_init(&sp_t, "splits");
    return 0;
}

static int splits_teardown(void **state)
{
    (void)state;
    testing_release(&sp_t);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(splits_test_hold_out_count),
        cmocka_unit_test(splits_test_counts),
        cmocka_unit_test(splits_test_refused),
        cmocka_unit_test(splits_test_seeded),
        cmocka_unit_test(splits_test_test_part_is_stable),
        cmocka_unit_test(splits_test_groups),
        cmocka_unit_test(splits_test_group_option),
    };
    return cmocka_run_group_tests(tests, splits_setup, splits_teardown);
}
