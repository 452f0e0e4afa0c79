/* SPDX-License-Identifier: Apache-2.0
 *
 * Files of an expert's maps: what is written is found again; damage anywhere is seen; writers and
 * readers do not disturb each other; the folder keeps its limit; failing allocations and file
 * calls. And numbers in binary16.
 */
#include "engine/support_test.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/os.h"
#include "base/rng.h"
#include "engine/cache_file.h"
#include "engine/cache_half.h"

#define RECORD 128
#define RECORDS 5
#define FILE_SIZE (64 + RECORDS * (RECORD + 16) + 32)

static const struct oddi_cache_kind kind = {{0x0123456789abcdef, 0xfedcba9876543210}, RECORD};

static struct oddi_hash128 hash_of(uint64_t i)
{
    return (struct oddi_hash128){i * 0x9E3779B97F4A7C15u, i};
}

static void record_of(uint64_t i, unsigned char record[RECORD])
{
    for (int k = 0; k < RECORD; k++)
        record[k] = (unsigned char)(i * 31 + (uint64_t)k);
}

static odd_status write_some(struct odd_context *ctx, const char *path, uint64_t from, uint64_t to)
{
    odd_status status = ODD_OK;
    struct oddi_cache_writer w;
    TRY(oddi_cache_writer_open(&w, ctx, path, &kind));
    for (uint64_t i = from; i < to; i++) {
        unsigned char record[RECORD];
        const struct oddi_hash128 hash = hash_of(i);
        record_of(i, record);
        TRY(oddi_cache_writer_add(&w, &hash, record));
    }
    TRY(oddi_cache_writer_commit(&w));
out:
    return status;
}

static void write_well(struct testing *t, const char *name, uint64_t from, uint64_t to)
{
    if (write_some(t->ctx, testing_path(t, name), from, to) != ODD_OK)
        fail_msg("%s", odd_last_message(t->ctx));
}

static void assert_holds(const struct oddi_cache_file *f, uint64_t from, uint64_t to)
{
    unsigned char want[RECORD];
    assert_int_equal(f->count, to - from);
    for (uint64_t i = 0; i < to + 3; i++) {
        const struct oddi_hash128 hash = hash_of(i);
        const void *found = oddi_cache_file_find(f, &hash);
        assert_true((found != NULL) == (i >= from && i < to));
        record_of(i, want);
        if (found)
            assert_memory_equal(found, want, RECORD);
        assert_int_equal((uintptr_t)found % 64, 0);
    }
}

/* ---- binary16 ------------------------------------------------------------------------------ */

static double half_value(unsigned h)
{
    const double sign = h & 0x8000 ? -1 : 1;
    const int exponent = h >> 10 & 31, fraction = h & 1023;
    if (exponent == 31)
        return sign * (double)INFINITY;
    return sign * (exponent ? ldexp(1024 + fraction, exponent - 25) : ldexp(fraction, -24));
}

static void test_half_exact(void **unused)
{
    (void)unused;
    for (unsigned h = 0; h < 0x10000; h++) {
        const uint16_t in = (uint16_t)h;
        uint16_t out = 0;
        float value = 0;
        oddi_half_unpack(&in, 1, &value);
        assert_true((double)value == half_value(h));
        assert_true(!signbit(value) == !(h & 0x8000));
        oddi_half_pack(&value, 1, &out);
        if ((h & 0x7c00) != 0x7c00)
            assert_int_equal(out, h);
    }
}

/* To the nearest of the two neighbours, between equals to the even one. */
static void test_half_nearest(void **unused)
{
    (void)unused;
    for (unsigned h = 0; h < 0x7bff; h++) {
        const double low = half_value(h), high = half_value(h + 1);
        const float value[] = {(float)((low + high) / 2),
                               nextafterf((float)((low + high) / 2), 0.0f),
                               nextafterf((float)((low + high) / 2), 1e9f)};
        const unsigned want[] = {h + (h & 1), h, h + 1};
        uint16_t out[3];
        oddi_half_pack(value, 3, out);
        for (int i = 0; i < 3; i++)
            assert_int_equal(out[i], want[i]);
    }
    const float far[] = {65519.0f, 65520.0f, 1e30f, -1e30f, INFINITY, -INFINITY, NAN, 0.0f, -0.0f};
    static const unsigned want[] = {0x7bff, 0x7bff, 0x7bff, 0xfbff, 0x7c00,
                                    0xfc00, 0x7c00, 0,      0x8000};
    uint16_t out[ODDI_COUNT(far)];
    oddi_half_pack(far, ODDI_COUNT(far), out);
    for (size_t i = 0; i < ODDI_COUNT(far); i++)
        assert_int_equal(i == 6 ? out[i] & 0x7fff : out[i], want[i]);
}

/* ---- one file ------------------------------------------------------------------------------ */

static void test_written_is_found(void **unused)
{
    struct testing t;
    struct oddi_cache_file f;
    (void)unused;
    testing_init(&t, "cache_found");
    for (uint64_t n = 0; n <= RECORDS; n++) {
        write_well(&t, "file", 0, n);
        assert_int_equal(oddi_cache_file_open(&f, t.ctx, testing_path(&t, "file"), &kind), ODD_OK);
        assert_holds(&f, 0, n);
        oddi_cache_file_close(&f);
    }
    assert_int_equal(oddi_cache_file_open(&f, t.ctx, testing_path(&t, "none"), &kind), ODD_EIO);
    testing_release(&t);
}

static odd_status parse(struct testing *t, const unsigned char *data, size_t size)
{
    struct oddi_cache_file f;
    unsigned char *exact = malloc(size + 1); /* so that a sanitizer sees what is read beyond */
    assert_non_null(exact);
    memcpy(exact, data, size);
    unsigned char *own = realloc(exact, size ? size : 1);
    const struct oddi_map map = {own, size};
    const odd_status status = oddi_cache_file_parse(&f, t->ctx, "the file", &map, &kind);
    oddi_cache_file_close(&f);
    free(own);
    return status;
}

static void assert_damaged(struct testing *t, const unsigned char *data, size_t size)
{
    assert_int_equal(parse(t, data, size), ODD_EFORMAT);
    engine_assert_message(t, "the file is damaged: ");
}

static void test_damage(void **unused)
{
    struct testing t;
    size_t size = 0;
    (void)unused;
    testing_init(&t, "cache_damage");
    write_well(&t, "file", 0, RECORDS);
    unsigned char *data = engine_read(&t, "file", &size), more[FILE_SIZE + 64];
    assert_int_equal(size, FILE_SIZE);
    assert_int_equal(parse(&t, data, size), ODD_OK);
    for (size_t i = 0; i < size; i++) { /* every byte of every region */
        data[i] ^= (unsigned char)(1u << i % 8);
        assert_damaged(&t, data, size);
        data[i] ^= (unsigned char)(1u << i % 8);
    }
    for (size_t i = 0; i < size; i++)
        assert_damaged(&t, data, i);
    memcpy(more, data, size);
    for (size_t i = 1; i <= 64; i++) {
        memset(more + size, 0, i);
        assert_damaged(&t, more, size + i);
    }
    assert_int_equal(parse(&t, data, size), ODD_OK);
    odd_text_free(t.ctx, (char *)data);
    testing_release(&t);
}

/* A digest that fits does not help a count that does not. */
static void test_hostile_counts(void **unused)
{
    static const uint64_t counts[] = {0,
                                      4,
                                      6,
                                      1u << 20,
                                      (uint64_t)1 << 62,
                                      UINT64_MAX,
                                      UINT64_MAX / (RECORD + 16),
                                      UINT64_MAX / (RECORD + 16) + 1};
    struct testing t;
    size_t size = 0;
    (void)unused;
    testing_init(&t, "cache_counts");
    write_well(&t, "file", 0, RECORDS);
    unsigned char *data = engine_read(&t, "file", &size);
    for (size_t i = 0; i < ODDI_COUNT(counts); i++) {
        struct oddi_hash128 digest;
        for (int k = 0; k < 8; k++)
            data[size - 32 + (size_t)k] = (unsigned char)(counts[i] >> (8 * k));
        oddi_hash_bytes(data, size - 16, &digest);
        for (int k = 0; k < 16; k++)
            data[size - 16 + (size_t)k] =
                (unsigned char)((k < 8 ? digest.high : digest.low) >> (8 * (k % 8)));
        assert_damaged(&t, data, size);
    }
    odd_text_free(t.ctx, (char *)data);
    testing_release(&t);
}

/* ---- faults -------------------------------------------------------------------------------- */

static odd_status write_and_read(struct odd_context *ctx, const char *path)
{
    odd_status status = ODD_OK;
    struct oddi_cache_file f;
    TRY(write_some(ctx, path, 0, RECORDS));
    TRY(oddi_cache_file_open(&f, ctx, path, &kind));
    oddi_cache_file_close(&f);
out:
    return status;
}

static void test_out_of_memory(void **unused)
{
    struct testing t;
    char path[512];
    (void)unused;
    testing_init(&t, "cache_memory");
    snprintf(path, sizeof(path), "%s", testing_path(&t, "file"));
    for (long n = 1;; n++) {
        struct fault_alloc fault;
        fault_alloc_init(&fault);
        struct odd_context *ctx = fault_context(&fault);
        fault_alloc_arm(&fault, n);
        const odd_status status = write_and_read(ctx, path);
        const bool failed = fault_alloc_disarm(&fault);
        assert_int_equal(status, failed ? ODD_ENOMEM : ODD_OK);
        odd_context_free(ctx);
        assert_int_equal(fault.live, 0);
        assert_int_equal(engine_count_files(&t, "", ".tmp"), 0);
        if (!failed)
            break;
    }
    testing_release(&t);
}

/* What stands under the name is the old file or the whole new one. */
static void test_file_calls_fail(void **unused)
{
    struct testing t;
    struct oddi_cache_file f;
    char path[512];
    (void)unused;
    testing_init(&t, "cache_calls");
    snprintf(path, sizeof(path), "%s", testing_path(&t, "file"));
    write_well(&t, "file", 7, 9);
    for (int n = 1;; n++) {
        oddi_os_fail_at(n, ENOSPC);
        const odd_status status = write_some(t.ctx, path, 0, RECORDS);
        const bool reached = oddi_os_calls() >= n;
        oddi_os_fail_at(0, 0);
        assert_true(status == ODD_EIO || status == ODD_OK);
        assert_true(reached || status == ODD_OK);
        assert_int_equal(engine_count_files(&t, "", ".tmp"), 0);
        assert_int_equal(oddi_cache_file_open(&f, t.ctx, path, &kind), ODD_OK);
        assert_true(f.count == 2 || f.count == RECORDS);
        oddi_cache_file_close(&f);
        if (!reached)
            break;
        write_well(&t, "file", 7, 9);
    }
    testing_release(&t);
}

/* ---- the folder ---------------------------------------------------------------------------- */

static void *path_of(struct testing *t, uint64_t set)
{
    const struct oddi_hash128 hash = hash_of(set);
    char *path = oddi_cache_path(t->ctx, testing_path(t, "folder"), &kind, &hash);
    assert_non_null(path);
    return path;
}

static void write_set(struct testing *t, uint64_t set, uint64_t from, uint64_t to)
{
    char *path = path_of(t, set);
    assert_int_equal(oddi_make_folders(t->ctx, testing_path(t, "folder")), ODD_OK);
    if (write_some(t->ctx, path, from, to) != ODD_OK)
        fail_msg("%s", odd_last_message(t->ctx));
    oddi_free(t->ctx, path);
}

/* Opens those that mention picture 0. */
static void folder_open(struct testing *t, struct oddi_cache_file file[ODDI_CACHE_FILES_MAX],
                        int want)
{
    int count = 0;
    char *path = path_of(t, 99); /* of no file */
    const struct oddi_hash128 hash = hash_of(0);
    assert_int_equal(oddi_cache_folder_open(t->ctx, path, &kind, file, &count), ODD_OK);
    assert_int_equal(count, 0);
    for (int i = 0; i < 2; i++) /* again: what is open is not opened twice */
        assert_int_equal(oddi_cache_folder_search(t->ctx, path, &kind, &hash, file, &count),
                         ODD_OK);
    assert_int_equal(count, want);
    oddi_free(t->ctx, path);
}

static void folder_close(struct oddi_cache_file file[ODDI_CACHE_FILES_MAX])
{
    for (int i = 0; i < ODDI_CACHE_FILES_MAX; i++)
        oddi_cache_file_close(&file[i]);
}

static void make_old(const char *path, int64_t seconds)
{
    const struct timespec at = {time(NULL) - seconds, 0}, times[2] = {at, at};
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

/* Two write the same file, a third reads while they do. */
static void test_two_writers(void **unused)
{
    struct testing t;
    struct oddi_cache_writer w[2];
    struct oddi_cache_file file[ODDI_CACHE_FILES_MAX] = {{0}}, after[ODDI_CACHE_FILES_MAX] = {{0}};
    (void)unused;
    testing_init(&t, "cache_two");
    folder_open(&t, file, 0); /* no folder yet */
    write_set(&t, 1, 0, 2);
    char *path = path_of(&t, 1);
    for (int k = 0; k < 2; k++)
        assert_int_equal(oddi_cache_writer_open(&w[k], t.ctx, path, &kind), ODD_OK);
    folder_open(&t, file, 1);
    for (uint64_t i = 0; i < RECORDS; i++)
        for (int k = 0; k < 2; k++) {
            unsigned char record[RECORD];
            const struct oddi_hash128 hash = hash_of(i);
            record_of(i, record);
            assert_int_equal(oddi_cache_writer_add(&w[k], &hash, record), ODD_OK);
        }
    for (int k = 0; k < 2; k++) {
        assert_int_equal(oddi_cache_writer_commit(&w[k]), ODD_OK);
        assert_holds(&file[0], 0, 2); /* what the reader has stays as it was */
        folder_open(&t, after, 1);
        assert_holds(&after[0], 0, RECORDS);
        folder_close(after);
    }
    assert_int_equal(engine_count_files(&t, "folder", ""), 1);
    assert_int_equal(oddi_os_unlink(path), 0);
    assert_holds(&file[0], 0, 2);
    folder_close(file);
    oddi_free(t.ctx, path);
    testing_release(&t);
}

static void test_damaged_is_discarded(void **unused)
{
    struct testing t;
    struct oddi_cache_file file[ODDI_CACHE_FILES_MAX] = {{0}};
    (void)unused;
    testing_init(&t, "cache_discard");
    write_set(&t, 1, 0, 2);
    write_set(&t, 2, 0, 3);
    write_set(&t, 3, 1, 4); /* has no picture 0 */
    char *path = path_of(&t, 1);
    assert_int_equal(oddi_file_write(t.ctx, path, "oddtaps1 and no more", 20), ODD_OK);
    testing_text(&t, "folder/other.taps", "of another kind");
    testing_text(&t, "folder/notes.txt", "no cache");
    const int before = t.warnings;
    folder_open(&t, file, 1);
    assert_holds(&file[0], 0, 3);
    folder_close(file);
    assert_int_equal(t.warnings, before + 1);
    assert_non_null(strstr(t.last_warning, path));
    assert_non_null(strstr(t.last_warning, "cut short"));
    assert_int_equal(engine_count_files(&t, "folder", ""), 4);
    oddi_free(t.ctx, path);
    testing_release(&t);
}

static uint64_t room_for(struct testing *t, uint64_t set, uint64_t limit,
                         const struct oddi_cache_file *used)
{
    uint64_t room = 0;
    char *path = path_of(t, set);
    assert_int_equal(oddi_cache_folder_room(t->ctx, path, limit, used, FILE_SIZE, &room), ODD_OK);
    oddi_free(t->ctx, path);
    return room;
}

/* The oldest go, not one in use; abandoned temporary files go, not young ones. */
static void test_limit(void **unused)
{
    struct testing t;
    struct oddi_cache_file file[ODDI_CACHE_FILES_MAX] = {{0}}, none[ODDI_CACHE_FILES_MAX] = {{0}};
    (void)unused;
    testing_init(&t, "cache_limit");
    for (uint64_t set = 1; set <= 3; set++) {
        write_set(&t, set, 0, RECORDS);
        char *path = path_of(&t, set);
        make_old(path, 1000 - 100 * (int64_t)set);
        oddi_free(t.ctx, path);
    }
    testing_text(&t, "folder/.oddity-1-2-0.tmp", "left by a crash");
    testing_text(&t, "folder/.oddity-1-3-0.tmp", "being written");
    make_old(testing_path(&t, "folder/.oddity-1-2-0.tmp"), 2 * 24 * 3600);
    assert_int_equal(room_for(&t, 4, 4 * FILE_SIZE, none), FILE_SIZE);
    assert_int_equal(engine_count_files(&t, "folder", ".taps"), 3);
    assert_int_equal(engine_count_files(&t, "folder", ".tmp"), 1);
    assert_int_equal(room_for(&t, 3, 3 * FILE_SIZE, none), FILE_SIZE); /* replaces one */
    assert_int_equal(engine_count_files(&t, "folder", ".taps"), 3);
    file[0].path = path_of(&t, 1);
    assert_int_equal(room_for(&t, 4, 2 * FILE_SIZE, file), FILE_SIZE); /* 1 is in use */
    assert_int_equal(engine_count_files(&t, "folder", ".taps"), 1);
    assert_int_equal(room_for(&t, 4, FILE_SIZE + 100, file), 100);
    assert_int_equal(room_for(&t, 4, FILE_SIZE, file), 0);
    assert_int_equal(engine_count_files(&t, "folder", ".taps"), 1);
    oddi_free(t.ctx, file[0].path);
    testing_release(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_half_exact),           cmocka_unit_test(test_half_nearest),
        cmocka_unit_test(test_written_is_found),     cmocka_unit_test(test_damage),
        cmocka_unit_test(test_hostile_counts),       cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_file_calls_fail),      cmocka_unit_test(test_two_writers),
        cmocka_unit_test(test_damaged_is_discarded), cmocka_unit_test(test_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
