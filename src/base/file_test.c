/* SPDX-License-Identifier: Apache-2.0
 * Reads, maps, paths, and the writer under every failing allocation and every failing call. */
#include "base/compat.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../tests/support/fault_alloc.h"
#include "base/alloc.h"
#include "base/file.h"
#include "base/os.h"

struct file_test {
    struct odd_context *ctx;
    char folder[64];
    char old[256]; /* the working folder before */
};

/* Each test runs inside of a folder of its own. */
static int file_test_setup(void **state)
{
    struct file_test *t = calloc(1, sizeof *t);
    strcpy(t->folder, "/tmp/oddity-file-test-XXXXXX");
    if (!getcwd(t->old, sizeof t->old) || !mkdtemp(t->folder) || chdir(t->folder) != 0)
        return -1;
    *state = t;
    return odd_context_new(&t->ctx) == ODD_OK ? 0 : -1;
}

static int file_test_teardown(void **state)
{
    struct file_test *t = *state;
    char command[128];
    oddi_os_fail_at(0, 0);
    snprintf(command, sizeof command, "rm -rf %s", t->folder);
    int failed = chdir(t->old) != 0 || system(command) != 0;
    odd_context_free(t->ctx);
    free(t);
    return failed;
}

static int file_test_count_one(void *user, const char *name)
{
    (void)name;
    (*(int *)user)++;
    return 0;
}

/* Entries of the working folder. */
static int file_test_entries(void)
{
    int count = 0;
    assert_int_equal(oddi_os_list(".", file_test_count_one, &count), 0);
    return count;
}

static void file_test_put(struct file_test *t, const char *path, const char *text)
{
    assert_int_equal(oddi_file_write(t->ctx, path, text, strlen(text)), ODD_OK);
}

static void file_test_expect(struct file_test *t, const char *path, const char *text)
{
    char *data = NULL;
    size_t size = 0;
    assert_int_equal(oddi_file_read(t->ctx, path, 1 << 20, &data, &size), ODD_OK);
    assert_string_equal(data, text);
    assert_int_equal(size, strlen(text));
    oddi_free(t->ctx, data);
}

static void test_read(void **state)
{
    struct file_test *t = *state;
    char *data = NULL;
    size_t size = 77;
    file_test_put(t, "a", "hello");
    file_test_put(t, "empty", "");
    file_test_expect(t, "a", "hello");
    file_test_expect(t, "empty", "");
    assert_int_equal(oddi_file_read(t->ctx, "a", 5, &data, &size), ODD_OK);
    oddi_free(t->ctx, data);
    data = NULL;
    size = 77;
    assert_int_equal(oddi_file_read(t->ctx, "a", 4, &data, &size), ODD_ELIMIT);
    assert_int_equal(oddi_file_read(t->ctx, "none", 9, &data, &size), ODD_EIO);
    assert_string_equal(odd_last_message(t->ctx), "cannot read 'none': No such file or directory");
    assert_int_equal(oddi_file_read(t->ctx, ".", 9, &data, &size), ODD_EIO);
    assert_string_equal(odd_last_message(t->ctx),
                        "cannot read '.': it is a folder, not a regular file");
    assert_int_equal(mkfifo("pipe", 0600), 0);
    assert_int_equal(oddi_file_read(t->ctx, "pipe", 9, &data, &size), ODD_EIO);
    assert_int_equal(oddi_file_read(t->ctx, "/dev/zero", 9, &data, &size), ODD_EIO);
    assert_null(data);
    assert_int_equal(size, 77);
}

/* Files under /proc say that their size is 0. */
static void test_read_of_unknown_size(void **state)
{
    struct file_test *t = *state;
    char *data = NULL;
    size_t size = 0;
    struct oddi_stat st;
    assert_int_equal(oddi_os_stat("/proc/self/maps", &st), 0);
    assert_int_equal(st.size, 0);
    assert_int_equal(oddi_file_read(t->ctx, "/proc/self/maps", 1 << 20, &data, &size), ODD_OK);
    assert_true(size > 0 && strlen(data) == size);
    oddi_free(t->ctx, data);
    assert_int_equal(oddi_file_read(t->ctx, "/proc/self/maps", 100, &data, &size), ODD_ELIMIT);
}

static void test_open_refuses_what_is_no_file(void **state)
{
    (void)state;
    int fd = -1;
    assert_int_equal(mkfifo("pipe", 0600), 0);
    assert_int_equal(oddi_os_open_read("pipe", &fd), EINVAL); /* and does not wait */
    assert_int_equal(oddi_os_open_read(".", &fd), EISDIR);
    assert_int_equal(oddi_os_open_read("none", &fd), ENOENT);
    assert_int_equal(fd, -1);
}

static void test_map(void **state)
{
    struct file_test *t = *state;
    struct oddi_map map = {NULL, 77};
    file_test_put(t, "a", "hello");
    file_test_put(t, "empty", "");
    assert_int_equal(oddi_file_map(t->ctx, "none", &map), ODD_EIO);
    assert_int_equal(oddi_file_map(t->ctx, ".", &map), ODD_EIO);
    assert_int_equal(map.size, 77);
    assert_int_equal(oddi_file_map(t->ctx, "a", &map), ODD_OK);
    assert_int_equal(map.size, 5);
    assert_memory_equal(map.data, "hello", 5);
    oddi_file_unmap(&map);
    oddi_file_unmap(&map);
    assert_int_equal(oddi_file_map(t->ctx, "empty", &map), ODD_OK);
    assert_int_equal(map.size, 0);
    assert_non_null(map.data);
    oddi_file_unmap(&map);
}

static void test_pread(void **state)
{
    struct file_test *t = *state;
    char data[8];
    size_t got = 0;
    int fd;
    file_test_put(t, "a", "0123456789");
    assert_int_equal(oddi_os_open_read("a", &fd), 0);
    assert_int_equal(oddi_os_pread(fd, data, 4, 3, &got), 0);
    assert_int_equal(got, 4);
    assert_memory_equal(data, "3456", 4);
    assert_int_equal(oddi_os_pread(fd, data, 8, 6, &got), 0);
    assert_int_equal(got, 4);
    assert_int_equal(oddi_os_pread(fd, data, 8, 60, &got), 0);
    assert_int_equal(got, 0);
    assert_int_equal(oddi_os_close(fd), 0);
    assert_int_equal(oddi_os_read(fd, data, 8, &got), EBADF);
}

static void test_paths(void **state)
{
    struct odd_context *ctx = ((struct file_test *)*state)->ctx;
    static const char *const joins[][3] = {
        {"a", "b", "a/b"}, {"a/", "b", "a/b"}, {"", "b", "b"}, {"a", "/b", "/b"}, {"/", "b", "/b"}};
    static const char *const stems[][2] = {{"a/b.tar.gz", "b.tar"}, {"b", "b"}, {"a.d/b", "b"},
                                           {".hidden", ".hidden"},  {"a/", ""}, {"x.", "x"}};
    for (size_t i = 0; i < ODDI_COUNT(joins); i++) {
        char *path = oddi_path_join(ctx, joins[i][0], joins[i][1]);
        assert_string_equal(path, joins[i][2]);
        oddi_free(ctx, path);
    }
    for (size_t i = 0; i < ODDI_COUNT(stems); i++) {
        char *stem = oddi_path_stem(ctx, stems[i][0]);
        assert_string_equal(stem, stems[i][1]);
        oddi_free(ctx, stem);
    }
    assert_string_equal(oddi_path_base("a/b.c"), "b.c");
    assert_string_equal(oddi_path_base("b.c"), "b.c");
}

static void test_make_folders(void **state)
{
    struct file_test *t = *state;
    struct oddi_stat st;
    assert_int_equal(oddi_make_folders(t->ctx, "x/y//z/"), ODD_OK);
    assert_int_equal(oddi_make_folders(t->ctx, "x/y/z"), ODD_OK);
    assert_int_equal(oddi_make_folders(t->ctx, ""), ODD_OK);
    assert_int_equal(oddi_make_folders(t->ctx, "/"), ODD_OK);
    assert_int_equal(oddi_os_stat("x/y/z", &st), 0);
    assert_int_equal(st.kind, ODDI_FILE_FOLDER);
    file_test_put(t, "x/file", "");
    assert_int_equal(oddi_make_folders(t->ctx, "x/file/deeper"), ODD_EIO);
    assert_non_null(strstr(odd_last_message(t->ctx), "x/file"));
}

/* More than the buffer, in pieces of every kind. */
static odd_status file_test_write(struct odd_context *ctx, const char *path)
{
    odd_status status;
    struct oddi_writer w = {.fd = -1};
    static const char block[100000];
    TRY(oddi_writer_open(ctx, path, &w));
    TRY(oddi_writer_printf(&w, "number %d\n", 7));
    TRY(oddi_writer_printf(&w, "%1000d\n", 8));
    TRY(oddi_writer_write(&w, block, sizeof block));
    for (int i = 0; i < 10; i++)
        TRY(oddi_writer_write(&w, block, 10000));
    TRY(oddi_writer_commit(&w));
out:
    oddi_writer_abort(&w);
    return status;
}

#define FILE_TEST_SIZE (9 + 1001 + 100000 + 100000)

static void test_writer(void **state)
{
    struct file_test *t = *state;
    struct oddi_stat st;
    struct oddi_writer w;
    assert_int_equal(file_test_write(t->ctx, "out"), ODD_OK);
    assert_int_equal(oddi_os_stat("out", &st), 0);
    assert_int_equal(st.size, FILE_TEST_SIZE);
    assert_int_equal(file_test_entries(), 1);
    /* Given up: what was there stays. */
    assert_int_equal(oddi_writer_open(t->ctx, "out", &w), ODD_OK);
    assert_int_equal(oddi_writer_write(&w, "x", 1), ODD_OK);
    assert_int_equal(w.written, 1);
    assert_int_equal(file_test_entries(), 2);
    oddi_writer_abort(&w);
    oddi_writer_abort(&w);
    assert_int_equal(file_test_entries(), 1);
    assert_int_equal(oddi_writer_write(&w, "x", 1), ODD_EBUG);
    assert_int_equal(oddi_writer_commit(&w), ODD_EBUG);
    assert_int_equal(oddi_os_stat("out", &st), 0);
    assert_int_equal(st.size, FILE_TEST_SIZE);
}

static void test_writer_refuses(void **state)
{
    struct file_test *t = *state;
    struct oddi_stat st;
    char name[256];
    memset(name, 'n', 255);
    name[255] = '\0';
    assert_int_equal(oddi_file_write(t->ctx, "/dev/null", "x", 1), ODD_EIO);
    assert_int_equal(oddi_os_stat("/dev/null", &st), 0);
    assert_int_equal(st.kind, ODDI_FILE_OTHER);
    assert_int_equal(oddi_file_write(t->ctx, ".", "x", 1), ODD_EIO);
    assert_int_equal(oddi_file_write(t->ctx, "none/x", "x", 1), ODD_EIO);
    assert_string_equal(odd_last_message(t->ctx),
                        "cannot write 'none/x': No such file or directory");
    assert_int_equal(file_test_entries(), 0);
    assert_int_equal(oddi_file_write(t->ctx, name, "x", 1), ODD_OK); /* the longest name */
    file_test_expect(t, name, "x");
}

/* The nth call fails: "old" is there, or the whole new file and success; nothing besides. */
static void test_writer_nth_call(void **state)
{
    struct file_test *t = *state;
    int failures = 0;
    for (int existing = 0; existing < 2; existing++) {
        for (int n = 1;; n++) {
            struct oddi_stat st;
            if (existing)
                file_test_put(t, "out", "old");
            oddi_os_fail_at(n, EIO);
            odd_status status = file_test_write(t->ctx, "out");
            bool made = oddi_os_calls() >= n;
            oddi_os_fail_at(0, 0);
            if (status == ODD_OK) {
                assert_int_equal(oddi_os_stat("out", &st), 0);
                assert_int_equal(st.size, FILE_TEST_SIZE);
                assert_int_equal(unlink("out"), 0);
            } else {
                failures++;
                assert_true(made);
                assert_int_equal(status, ODD_EIO);
                assert_non_null(strstr(odd_last_message(t->ctx), "Input/output error"));
                if (existing)
                    file_test_expect(t, "out", "old");
                assert_int_equal(file_test_entries(), existing);
            }
            if (!made)
                break;
        }
        unlink("out");
        assert_int_equal(file_test_entries(), 0);
    }
    /* stat, create, three writes at least, sync, close, rename; not the sync of the folder. */
    assert_in_range(failures, 2 * 8, 2 * 12);
}

static void test_writer_nth_allocation(void **state)
{
    (void)state;
    for (long n = 1;; n++) {
        struct fault_alloc fault;
        fault_alloc_init(&fault);
        struct odd_context *ctx = fault_context(&fault);
        fault_alloc_arm(&fault, n);
        odd_status status = file_test_write(ctx, "out");
        bool failed = fault_alloc_disarm(&fault);
        assert_int_equal(status, failed ? ODD_ENOMEM : ODD_OK);
        assert_int_equal(file_test_entries(), failed ? 0 : 1);
        odd_context_free(ctx);
        assert_int_equal(fault.live, 0);
        if (!failed) {
            assert_in_range(n, 6, 20);
            break;
        }
    }
}

static void test_read_nth_call_and_allocation(void **state)
{
    struct file_test *t = *state;
    file_test_put(t, "a", "hello");
    int n = 1;
    for (bool made = true; made; n++) {
        char *data = NULL;
        size_t size = 77;
        oddi_os_fail_at(n, EACCES);
        odd_status status = oddi_file_read(t->ctx, "a", 99, &data, &size);
        made = oddi_os_calls() >= n;
        oddi_os_fail_at(0, 0);
        assert_true(status == ODD_OK || (status == ODD_EIO && !data && size == 77));
        if (n <= 3) /* stat, open, read; the failing close of a file only read is harmless */
            assert_int_equal(status, ODD_EIO);
        else
            assert_int_equal(status, ODD_OK);
        oddi_free(t->ctx, data);
    }
    struct fault_alloc fault;
    fault_alloc_init(&fault);
    struct odd_context *ctx = fault_context(&fault);
    char *data = NULL;
    size_t size;
    for (int i = 1; i <= 2; i++) { /* the second: growing */
        const char *path = i == 1 ? "a" : "/proc/self/smaps";
        fault_alloc_arm(&fault, i);
        assert_int_equal(oddi_file_read(ctx, path, 1 << 20, &data, &size), ODD_ENOMEM);
        assert_true(fault_alloc_disarm(&fault));
        assert_null(data);
    }
    odd_context_free(ctx);
    assert_int_equal(fault.live, 0);
}

static int file_test_stop(void *user, const char *name)
{
    (void)name;
    return ++*(int *)user == 2;
}

static void test_list(void **state)
{
    struct file_test *t = *state;
    int count = 0;
    file_test_put(t, "a", "");
    file_test_put(t, "b", "");
    file_test_put(t, "c", "");
    assert_int_equal(file_test_entries(), 3);
    assert_int_equal(oddi_os_list(".", file_test_stop, &count), 0);
    assert_int_equal(count, 2);
    assert_int_equal(oddi_os_list("none", file_test_stop, &count), ENOENT);
}

static void test_machine(void **state)
{
    (void)state;
    uint64_t before = oddi_os_now_ns();
    oddi_os_sleep_ns(2000000);
    assert_true(oddi_os_now_ns() - before >= 2000000);
    assert_true(oddi_os_utc_seconds() > 1600000000);
    assert_in_range(oddi_os_cores(), 1, 100000);
    assert_true(oddi_os_memory_bytes() > 1 << 20);
    assert_true(oddi_os_peak_rss_bytes() > 1 << 18);
    assert_true(oddi_os_pid() > 0);
    char *block = malloc(5 << 20);
    memset(block, 7, 5 << 20);
    oddi_os_advise_huge(block, 5 << 20);
    oddi_os_advise_huge(block, 10);
    assert_int_equal(block[(5 << 20) - 1], 7);
    free(block);
}

#define FILE_TEST(fn) cmocka_unit_test_setup_teardown(fn, file_test_setup, file_test_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FILE_TEST(test_read),
        FILE_TEST(test_read_of_unknown_size),
        FILE_TEST(test_open_refuses_what_is_no_file),
        FILE_TEST(test_map),
        FILE_TEST(test_pread),
        FILE_TEST(test_paths),
        FILE_TEST(test_make_folders),
        FILE_TEST(test_writer),
        FILE_TEST(test_writer_refuses),
        FILE_TEST(test_writer_nth_call),
        FILE_TEST(test_writer_nth_allocation),
        FILE_TEST(test_read_nth_call_and_allocation),
        FILE_TEST(test_list),
        cmocka_unit_test(test_machine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
