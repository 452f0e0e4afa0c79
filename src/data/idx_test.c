/* SPDX-License-Identifier: Apache-2.0
 * IDX files, plain and compressed; every kind of damage is refused with a message. */
#include "data/support_test.h"

#include <string.h>

#include "data/idx.h"

static struct testing idx_t;

/* Three records of 2 x 2. */
static const unsigned char idx_small[] = {0, 0, 8, 3, 0, 0, 0, 3, 0, 0, 0, 2,  0,  0,
                                          0, 2, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};

static odd_status idx_parse(const unsigned char *bytes, size_t size, struct oddi_idx *idx)
{
    return oddi_idx_parse(idx_t.ctx, "some-idx3-ubyte", bytes, size, 3, idx);
}

static void idx_expect(const struct oddi_idx *idx)
{
    assert_int_equal(idx->rank, 3);
    assert_int_equal(idx->dim[0], 3);
    assert_int_equal(idx->dim[2], 2);
    assert_int_equal(idx->dim[3], 1);
    assert_memory_equal(idx->data, idx_small + 16, 12);
    oddi_free(idx_t.ctx, idx->data);
}

static void idx_test_reads(void **state)
{
    struct oddi_idx idx = {0};
    unsigned char packed[256];
    (void)state;
    size_t size = testing_gzip(idx_small, sizeof(idx_small), packed, sizeof(packed));
    assert_int_equal(idx_parse(idx_small, sizeof(idx_small), &idx), ODD_OK);
    idx_expect(&idx);
    assert_int_equal(idx_parse(packed, size, &idx), ODD_OK);
    idx_expect(&idx);
}

static void idx_refused(const unsigned char *bytes, size_t size, odd_status want, const char *why)
{
    struct oddi_idx idx = {.rank = 77};
    assert_int_equal(idx_parse(bytes, size, &idx), want);
    assert_int_equal(idx.rank, 77);
    assert_non_null(strstr(odd_last_message(idx_t.ctx), "some-idx3-ubyte"));
    assert_non_null(strstr(odd_last_message(idx_t.ctx), why));
}

static void idx_test_refused(void **state)
{
    unsigned char bytes[64] = {0};
    (void)state;
    for (size_t n = 0; n < sizeof(idx_small); n++) { /* every truncation */
        struct oddi_idx idx;
        assert_int_equal(idx_parse(idx_small, n, &idx), ODD_EFORMAT);
    }
    memcpy(bytes, idx_small, sizeof(idx_small));
    idx_refused(bytes, sizeof(idx_small) + 1, ODD_EFORMAT, "1 bytes follow the data");
    bytes[0] = 1;
    idx_refused(bytes, sizeof(idx_small), ODD_EFORMAT, "not an IDX file");
    bytes[0] = 0;
    bytes[2] = 0x0d;
    idx_refused(bytes, sizeof(idx_small), ODD_ENOTSUP, "0x0d");
    bytes[2] = 8;
    bytes[3] = 2;
    idx_refused(bytes, sizeof(idx_small), ODD_EFORMAT, "2 dimensions, expected 3");
    bytes[3] = 200;
    idx_refused(bytes, sizeof(idx_small), ODD_EFORMAT, "200 dimensions");
    bytes[3] = 3;
    bytes[7] = 0;
    idx_refused(bytes, sizeof(idx_small), ODD_EFORMAT, "dimension 0 is 0");
    memset(bytes + 4, 0xff, 12);
    idx_refused(bytes, sizeof(idx_small), ODD_ELIMIT, "at most 2 GiB");
}

static void idx_test_gzip_refused(void **state)
{
    unsigned char packed[256], longer[64] = {0}, lie[32];
    (void)state;
    size_t size = testing_gzip(idx_small, sizeof(idx_small), packed, sizeof(packed));
    for (size_t n = 2; n < size; n++) {
        struct oddi_idx idx;
        assert_int_equal(idx_parse(packed, n, &idx), ODD_EFORMAT);
    }
    packed[size - 6] ^= 1; /* the checksum */
    idx_refused(packed, size, ODD_EFORMAT, "corrupt gzip data");
    memcpy(longer, idx_small, sizeof(idx_small));
    size = testing_gzip(longer, sizeof(idx_small) + 1, packed, sizeof(packed));
    idx_refused(packed, size, ODD_EFORMAT, "more data than its header says");
    memcpy(lie, idx_small, 16); /* 32 bytes that promise a gigabyte */
    memcpy(lie + 4, "\x00\x10\x00\x00\x00\x00\x00\x20\x00\x00\x00\x20", 12);
    size = testing_gzip(lie, 16, packed, sizeof(packed));
    idx_refused(packed, size, ODD_EFORMAT, "promises 1073741824 bytes");
}

static void idx_test_memory(void **state)
{
    unsigned char packed[256];
    size_t size = testing_gzip(idx_small, sizeof(idx_small), packed, sizeof(packed));
    struct oddi_idx idx;
    long n = 1;
    (void)state;
    for (bool failed = true; failed; n++) {
        long live = idx_t.fault.live;
        fault_alloc_arm(&idx_t.fault, n);
        odd_status status = idx_parse(packed, size, &idx);
        failed = fault_alloc_disarm(&idx_t.fault);
        assert_int_equal(status, failed ? ODD_ENOMEM : ODD_OK);
        assert_int_equal(idx_t.fault.live, live + !failed);
    }
    assert_true(n > 3);
    idx_expect(&idx);
}

static int idx_setup(void **state)
{
    (void)state;
    testing_init(&idx_t, "idx");
    return 0;
}

static int idx_teardown(void **state)
{
    (void)state;
    testing_release(&idx_t);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(idx_test_reads),
        cmocka_unit_test(idx_test_refused),
        cmocka_unit_test(idx_test_gzip_refused),
        cmocka_unit_test(idx_test_memory),
    };
    return cmocka_run_group_tests(tests, idx_setup, idx_teardown);
}
