/* SPDX-License-Identifier: Apache-2.0
 * The loader: the same batches whatever the threads, cache and queue; unreadable pictures. */
#include "data/support_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/loader.h"

static struct testing ld_t;
static struct odd_dataset *ld_ds;
static uint32_t *ld_index;
static size_t ld_n;

#define LD_SIZE 8

static const struct oddi_prepare ld_prepare = {.width = LD_SIZE, .height = LD_SIZE, .channels = 1};

static odd_status loader_make(const struct oddi_loader_options *options,
                              struct oddi_loader **loader)
{
    struct oddi_loader_options with = *options;
    with.prepare = ld_prepare;
    return oddi_loader_new(ld_t.ctx, ld_ds, ld_index, ld_n, &with, loader);
}

/* Everything that `steps` batches of 6 from step `first` say, as one hash. */
static struct oddi_hash128 loader_run(const struct oddi_loader_options *options, int64_t first,
                                      int steps)
{
    struct oddi_loader *loader = NULL;
    struct oddi_hash128 hash;
    struct oddi_hasher *hasher = oddi_hasher_new(ld_t.ctx);
    assert_int_equal(loader_make(options, &loader), ODD_OK);
    assert_int_equal(oddi_loader_start(loader, 6, first), ODD_OK);
    for (int i = 0; i < steps; i++) {
        struct oddi_batch b;
        assert_int_equal(oddi_loader_next(loader, &b), ODD_OK);
        assert_int_equal(b.step, first + i);
        assert_int_equal(b.count, b.step % 4 == 3 ? 4 : 6); /* 22 pictures */
        assert_int_equal(b.epoch, b.step / 4);
        oddi_hasher_add(hasher, b.sample, (size_t)b.count * sizeof(*b.sample));
        oddi_hasher_add(hasher, b.data, (size_t)b.count * LD_SIZE * LD_SIZE * sizeof(float));
    }
    oddi_loader_stop(loader);
    oddi_hasher_digest(hasher, &hash);
    oddi_hasher_free(ld_t.ctx, hasher);
    oddi_loader_free(loader);
    return hash;
}

static void loader_test_same_bits(void **state)
{
    struct oddi_loader_options o;
    struct oddi_hash128 want, got;
    (void)state;
    oddi_loader_options_init(&o);
    o.seed = 5;
    o.augment = "flip,rot90,rotate,crop,shift";
    want = loader_run(&o, 0, 11);
    for (int threads = 1; threads <= 4; threads++)
        for (int cached = 0; cached < 3; cached++) {
            o.threads = threads;
            o.cache_bytes = (size_t)cached * 7 * LD_SIZE * LD_SIZE * sizeof(float);
            got = loader_run(&o, 0, 11);
            assert_true(oddi_hash_equal(&want, &got));
        }
    o.seed = 6;
    got = loader_run(&o, 0, 11);
    assert_false(oddi_hash_equal(&want, &got));
    o.seed = 5;
    o.augment = "flip,rot90,rotate";
    got = loader_run(&o, 0, 11);
    assert_false(oddi_hash_equal(&want, &got));
}

/* A stream begun at step 5 gives what a longer one gives from there. */
static void loader_test_resume(void **state)
{
    struct oddi_loader_options o;
    struct oddi_loader *a = NULL, *b = NULL;
    struct oddi_batch x, y;
    (void)state;
    oddi_loader_options_init(&o);
    o.threads = 2;
    o.augment = "rotate";
    assert_int_equal(loader_make(&o, &a), ODD_OK);
    assert_int_equal(loader_make(&o, &b), ODD_OK);
    assert_int_equal(oddi_loader_start(a, 6, 0), ODD_OK);
    for (int i = 0; i < 5; i++)
        assert_int_equal(oddi_loader_next(a, &x), ODD_OK);
    assert_int_equal(oddi_loader_start(b, 6, 5), ODD_OK);
    for (int i = 5; i < 9; i++) {
        assert_int_equal(oddi_loader_next(a, &x), ODD_OK);
        assert_int_equal(oddi_loader_next(b, &y), ODD_OK);
        assert_int_equal(x.count, y.count);
        assert_memory_equal(x.sample, y.sample, (size_t)x.count * sizeof(*x.sample));
        assert_memory_equal(x.data, y.data, (size_t)x.count * LD_SIZE * LD_SIZE * sizeof(float));
    }
    oddi_loader_free(a); /* while streaming */
    oddi_loader_free(b);
}

/* An epoch has every picture once; the next one has another order. */
static void loader_test_epochs(void **state)
{
    struct oddi_loader_options o;
    struct oddi_loader *loader = NULL;
    struct oddi_batch b;
    uint32_t first[2] = {0, 0};
    (void)state;
    oddi_loader_options_init(&o);
    assert_int_equal(loader_make(&o, &loader), ODD_OK);
    assert_int_equal(oddi_loader_count(loader), 22);
    assert_int_equal(oddi_loader_steps_per_epoch(loader, 6), 4);
    assert_int_equal(oddi_loader_start(loader, 6, 0), ODD_OK);
    for (int epoch = 0; epoch < 2; epoch++) {
        int seen[64] = {0};
        for (int i = 0; i < 4; i++) {
            assert_int_equal(oddi_loader_next(loader, &b), ODD_OK);
            for (int64_t k = 0; k < b.count; k++) {
                float one[LD_SIZE * LD_SIZE];
                seen[b.sample[k]]++;
                size_t position = 0;
                while (oddi_loader_sample(loader, position) != b.sample[k])
                    position++;
                assert_int_equal(oddi_loader_get(loader, position, one), ODD_OK);
                assert_memory_equal(one, b.data + k * LD_SIZE * LD_SIZE, sizeof(one));
            }
            first[epoch] = first[epoch] * 31 + b.sample[0];
        }
        for (size_t i = 0; i < ld_n; i++)
            assert_int_equal(seen[ld_index[i]], i == 3 || i == 9 ? 0 : 1);
    }
    assert_true(first[0] != first[1]);
    oddi_loader_free(loader);
    o.drop_last = true;
    assert_int_equal(loader_make(&o, &loader), ODD_OK);
    assert_int_equal(oddi_loader_steps_per_epoch(loader, 6), 3);
    assert_int_equal(oddi_loader_steps_per_epoch(loader, 23), 1);
    assert_int_equal(oddi_loader_start(loader, 6, 0), ODD_OK);
    for (int i = 0; i < 7; i++) {
        assert_int_equal(oddi_loader_next(loader, &b), ODD_OK);
        assert_int_equal(b.count, 6);
        assert_int_equal(b.epoch, i / 3);
    }
    float none[LD_SIZE * LD_SIZE];
    assert_int_equal(oddi_loader_get(loader, 22, none), ODD_EINVAL);
    oddi_loader_free(loader);
}

static void loader_test_unreadable(void **state)
{
    struct oddi_loader_options o;
    struct oddi_loader *loader = NULL;
    const struct oddi_loader_bad *bad;
    struct oddi_hash128 hash;
    (void)state;
    oddi_loader_options_init(&o);
    o.threads = 3;
    ld_t.warnings = 0;
    assert_int_equal(loader_make(&o, &loader), ODD_OK);
    assert_int_equal(ld_t.warnings, 3); /* two pictures and the count */
    assert_non_null(strstr(ld_t.last_warning, "2 of 24"));
    assert_int_equal(oddi_loader_left_out(loader, &bad), 2);
    assert_int_equal(bad[0].sample, ld_index[3]);
    assert_int_equal(bad[1].sample, ld_index[9]);
    assert_non_null(strstr(bad[0].message, "p003.bmp"));
    assert_int_equal(oddi_dataset_hash(ld_t.ctx, ld_ds, ld_index[4], &hash), ODD_OK);
    assert_true(oddi_hash_equal(&hash, oddi_loader_hash(loader, 3)));
    oddi_loader_free(loader);
    loader = NULL;
    o.strict = true;
    assert_int_not_equal(loader_make(&o, &loader), ODD_OK);
    assert_non_null(strstr(odd_last_message(ld_t.ctx), "p003.bmp"));
    o.strict = false;
    size_t n = ld_n;
    ld_n = 0;
    assert_int_equal(loader_make(&o, &loader), ODD_ENODATA);
    ld_n = n;
    o.augment = "flip,spin";
    assert_int_equal(loader_make(&o, &loader), ODD_ECONFIG);
    assert_non_null(strstr(odd_last_message(ld_t.ctx), "'spin'"));
    assert_null(loader);
}

/* A picture that vanishes after the first look fails its batch, with its name. */
static void loader_test_vanished(void **state)
{
    for (int threads = 0; threads <= 2; threads += 2) {
        struct oddi_loader_options o;
        struct oddi_loader *loader = NULL;
        struct oddi_batch b;
        odd_status status = ODD_OK;
        (void)state;
        oddi_loader_options_init(&o);
        o.cache_bytes = 0;
        o.threads = threads;
        testing_picture(&ld_t, "in/p005.bmp", 16, 12, 5);
        assert_int_equal(loader_make(&o, &loader), ODD_OK);
        remove(testing_path(&ld_t, "in/p005.bmp"));
        assert_int_equal(oddi_loader_start(loader, 6, 0), ODD_OK);
        for (int i = 0; i < 4 && status == ODD_OK; i++)
            status = oddi_loader_next(loader, &b);
        assert_int_not_equal(status, ODD_OK);
        assert_non_null(strstr(odd_last_message(ld_t.ctx), "p005.bmp"));
        oddi_loader_free(loader);
    }
    testing_picture(&ld_t, "in/p005.bmp", 16, 12, 5);
}

static void loader_test_cancel(void **state)
{
    struct oddi_loader_options o;
    struct oddi_loader *loader = NULL;
    (void)state;
    oddi_loader_options_init(&o);
    o.threads = 2;
    odd_context_cancel(ld_t.ctx);
    assert_int_equal(loader_make(&o, &loader), ODD_ECANCELLED);
    odd_context_reset_cancel(ld_t.ctx);
    assert_null(loader);
}

static void loader_test_memory(void **state)
{
    long n = 1;
    (void)state;
    for (bool failed = true; failed; n++) {
        struct oddi_loader_options o;
        struct oddi_loader *loader = NULL;
        struct oddi_batch b;
        float one[LD_SIZE * LD_SIZE];
        long live = ld_t.fault.live;
        oddi_loader_options_init(&o);
        o.cache_bytes = 10 * LD_SIZE * LD_SIZE * sizeof(float);
        o.threads = n % 2 ? 0 : 2;
        fault_alloc_arm(&ld_t.fault, n);
        odd_status status = loader_make(&o, &loader);
        if (status == ODD_OK)
            status = oddi_loader_start(loader, 6, 0);
        for (int i = 0; i < 4 && status == ODD_OK; i++)
            status = oddi_loader_next(loader, &b);
        if (status == ODD_OK)
            status = oddi_loader_get(loader, 20, one);
        oddi_loader_free(loader);
        failed = fault_alloc_disarm(&ld_t.fault);
        if (!failed)
            assert_int_equal(status, ODD_OK);
        else /* a stream's threads may fail where nobody asks any more */
            assert_true(status == ODD_ENOMEM || (status == ODD_OK && o.threads));
        assert_int_equal(ld_t.fault.live, live);
    }
    assert_true(n > 50);
}

static void loader_test_mask(void **state)
{
    struct odd_dataset *ds = NULL;
    unsigned char *mask = NULL;
    (void)state;
    testing_picture(&ld_t, "m/a.bmp", 5, 3, 9);
    testing_picture(&ld_t, "m/mask.bmp", 5, 3, 0); /* one pixel set: the top left */
    testing_text(&ld_t, "m.csv", "path,label,mask\nm/a.bmp,1,m/mask.bmp\nm/a.bmp,0,\n");
    assert_int_equal(testing_open(&ld_t, "m.csv", &ds, "hold-out", "0", NULL), ODD_OK);
    assert_int_equal(oddi_dataset_load_mask(ld_t.ctx, ds, 0, 5, 3, &mask), ODD_OK);
    for (int i = 0; i < 15; i++)
        assert_int_equal(mask[i], i == 0);
    oddi_free(ld_t.ctx, mask);
    assert_int_equal(oddi_dataset_load_mask(ld_t.ctx, ds, 0, 5, 4, &mask), ODD_ESHAPE);
    assert_non_null(strstr(odd_last_message(ld_t.ctx), "m/mask.bmp is 5 x 3"));
    assert_non_null(strstr(odd_last_message(ld_t.ctx), "m/a.bmp is 5 x 4"));
    assert_int_equal(oddi_dataset_load_mask(ld_t.ctx, ds, 1, 5, 3, &mask), ODD_OK);
    assert_null(mask);
    odd_dataset_free(ds);
}

static int loader_setup(void **state)
{
    (void)state;
    testing_init(&ld_t, "loader");
    for (int i = 0; i < 24; i++) {
        char name[32];
        snprintf(name, sizeof(name), "in/p%03d.bmp", i);
        testing_picture(&ld_t, name, 16, 12, i * 5);
    }
    testing_text(&ld_t, "in/p003.bmp", "BM this is no picture");
    testing_text(&ld_t, "in/p009.bmp", "");
    if (testing_open(&ld_t, "in", &ld_ds, "hold-out", "0", NULL) != ODD_OK)
        return -1;
    return oddi_dataset_select(ld_t.ctx, ld_ds, ODDI_PART_TRAIN, &ld_index, &ld_n) != ODD_OK;
}

static int loader_teardown(void **state)
{
    (void)state;
    oddi_free(ld_t.ctx, ld_index);
    odd_dataset_free(ld_ds);
    testing_release(&ld_t);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loader_test_same_bits), cmocka_unit_test(loader_test_resume),
        cmocka_unit_test(loader_test_epochs),    cmocka_unit_test(loader_test_unreadable),
        cmocka_unit_test(loader_test_vanished),  cmocka_unit_test(loader_test_cancel),
        cmocka_unit_test(loader_test_memory),    cmocka_unit_test(loader_test_mask),
    };
    return cmocka_run_group_tests(tests, loader_setup, loader_teardown);
}
