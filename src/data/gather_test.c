/* SPDX-License-Identifier: Apache-2.0
 * One data set of several places: what is taken, groups over all, containers, failures. */
#include "data/gather.h"

#include <string.h>

#include "data/support_test.h"

/* `nth` allocation fails; 0: none. */
static odd_status gather(struct testing *t, const char *const *names, const char *group, long nth,
                         struct odd_dataset **ds)
{
    const char *paths[8];
    struct odd_options *o = NULL;
    size_t n = 0;
    for (; names[n]; n++)
        paths[n] = testing_path(t, names[n]);
    assert_int_equal(odd_options_new(t->ctx, &o), ODD_OK);
    if (group)
        assert_int_equal(odd_options_set(o, "group", group), ODD_OK);
    fault_alloc_arm(&t->fault, nth);
    const odd_status status = oddi_dataset_gather(t->ctx, paths, n, o, ds);
    if (fault_alloc_disarm(&t->fault))
        assert_int_equal(status, ODD_ENOMEM);
    odd_options_free(o);
    return status;
}

static void test_places(void **unused)
{
    static const char *const names[] = {"one.bmp", "folder", "set", "7.bmp", NULL};
    struct testing t;
    struct odd_dataset *ds = NULL;
    (void)unused;
    testing_init(&t, "gather_places");
    testing_picture(&t, "one.bmp", 8, 8, 10);
    testing_picture(&t, "7.bmp", 8, 8, 11);
    testing_pictures(&t, "folder/%03d.bmp", 0, 5);
    testing_pictures(&t, "set/train/good/%03d.bmp", 0, 9);
    testing_pictures(&t, "set/test/good/%03d.bmp", 0, 2);
    testing_pictures(&t, "set/test/bad/%03d.bmp", 0, 3);
    assert_int_equal(gather(&t, names, NULL, 0, &ds), ODD_OK);
    assert_int_equal(ds->count, 2 + 5 + 9);
    assert_int_equal(oddi_dataset_count(ds, ODDI_PART_TRAIN, ODDI_LABEL_NORMAL), 16);
    assert_int_equal(ds->groups, 16);
    for (size_t i = 0; i < ds->count; i++)
        assert_null(strstr(ds->sample[i].path, "/test/"));
    odd_dataset_free(ds);
    /* 007.bmp of the folders and 7.bmp are of one group. */
    assert_int_equal(gather(&t, names, "([^0/]*)[.]bmp", 0, &ds), ODD_OK);
    int64_t seven = -1;
    int sevens = 0;
    for (size_t i = 0; i < ds->count; i++) {
        if (!strstr(ds->sample[i].path, "7.bmp"))
            continue;
        seven = seven < 0 ? ds->sample[i].group_id : seven;
        assert_int_equal(ds->sample[i].group_id, seven);
        sevens++;
    }
    assert_int_equal(sevens, 2);
    odd_dataset_free(ds);
    assert_int_equal(gather(&t, names, "one", 0, &ds), ODD_ECONFIG);
    testing_release(&t);
}

static void test_containers(void **unused)
{
    static const char *const names[] = {"a", "one.bmp", "b"};
    const int pictures[] = {6, 4, 4}, labels[] = {6};
    struct testing t;
    struct odd_dataset *ds = NULL;
    struct oddi_picture *p = NULL;
    (void)unused;
    testing_init(&t, "gather_containers");
    testing_picture(&t, "one.bmp", 8, 8, 10);
    for (int k = 0; k < 2; k++) {
        testing_idx(&t, k ? "b/train-images-idx3-ubyte" : "a/train-images-idx3-ubyte", false,
                    pictures, 3, NULL);
        testing_idx(&t, k ? "b/train-labels-idx1-ubyte" : "a/train-labels-idx1-ubyte", false,
                    labels, 1, (const unsigned char *)"\1\1\1\1\1\1");
    }
    const char *paths[3];
    for (int i = 0; i < 3; i++)
        paths[i] = testing_path(&t, names[i]);
    struct odd_options *o = NULL;
    assert_int_equal(odd_options_new(t.ctx, &o), ODD_OK);
    assert_int_equal(odd_options_set(o, "normal", "1"), ODD_OK);
    if (oddi_dataset_gather(t.ctx, paths, 3, o, &ds) != ODD_OK)
        fail_msg("%s", odd_last_message(t.ctx));
    odd_options_free(o);
    assert_int_equal(ds->count, 13);
    assert_int_equal(ds->containers, 2);
    for (size_t i = 0; i < ds->count; i++) {
        assert_int_equal(oddi_dataset_load_picture(t.ctx, ds, i, &p), ODD_OK);
        assert_int_equal(p->width, ds->sample[i].container < 0 ? 8 : 4);
        oddi_picture_free(t.ctx, p);
    }
    odd_dataset_free(ds);
    testing_release(&t);
}

static void test_failures(void **unused)
{
    static const char *const names[] = {"one.bmp", "folder", NULL}, *const gone[] = {"gone.bmp",
                                                                                     NULL};
    struct testing t;
    struct odd_dataset *ds = NULL;
    (void)unused;
    testing_init(&t, "gather_failures");
    testing_picture(&t, "one.bmp", 8, 8, 10);
    testing_pictures(&t, "folder/%03d.bmp", 0, 3);
    assert_int_equal(gather(&t, gone, NULL, 0, &ds), ODD_EIO);
    for (long n = 1; !ds; n++) {
        const long live = t.fault.live;
        const odd_status status = gather(&t, names, "([0-9e])[.]bmp", n, &ds);
        assert_true(status == ODD_OK || status == ODD_ENOMEM);
        if (!ds && t.fault.live != live)
            fail_msg("allocation %ld: %ld blocks leak", n, t.fault.live - live);
    }
    assert_int_equal(ds->count, 4);
    odd_dataset_free(ds);
    testing_release(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_containers),
        cmocka_unit_test(test_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
