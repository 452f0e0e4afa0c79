/* SPDX-License-Identifier: Apache-2.0
 * Contexts, memory, arenas, text, numbers from text, hashes. */
#include "base/compat.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "../tests/support/fault_alloc.h"
#include "base/alloc.h"
#include "base/hash.h"
#include "base/rng.h"
#include "base/str.h"

static void test_status_names(void **state)
{
    (void)state;
    assert_string_equal(odd_status_name(ODD_OK), "OK");
    assert_string_equal(odd_status_name(ODD_EBUG), "EBUG");
    assert_string_equal(odd_status_text(ODD_ENOMEM), "out of memory");
    assert_string_equal(odd_status_name((odd_status)99), "?");
    assert_string_equal(odd_status_text((odd_status)-1), "?");
    assert_string_equal(odd_version(), ODDITY_VERSION);
}

static void test_context(void **state)
{
    (void)state;
    struct odd_context *ctx = NULL;
    assert_int_equal(odd_context_new(NULL), ODD_EINVAL);
    assert_int_equal(odd_context_new(&ctx), ODD_OK);
    assert_string_equal(odd_last_message(ctx), "");
    assert_in_range(ctx->threads, 1, 256);
    assert_int_equal(odd_context_set_threads(ctx, 0), ODD_EINVAL);
    assert_non_null(strstr(odd_last_message(ctx), "1 to 256"));
    assert_int_equal(odd_context_set_threads(ctx, 257), ODD_EINVAL);
    assert_int_equal(odd_context_set_threads(ctx, 256), ODD_OK);
    assert_int_equal(ctx->threads, 256);
    odd_context_free(ctx);
    odd_context_free(NULL);
}

static void test_context_without_memory(void **state)
{
    (void)state;
    struct fault_alloc fault;
    struct odd_context *ctx = NULL;
    fault_alloc_init(&fault);
    fault_alloc_arm(&fault, 1);
    assert_int_equal(odd_context_new_with(fault_malloc, fault_realloc, fault_free, &fault, &ctx),
                     ODD_ENOMEM);
    assert_null(ctx);
    assert_int_equal(odd_context_new_with(NULL, fault_realloc, fault_free, &fault, &ctx),
                     ODD_EINVAL);
}

static void test_messages(void **state)
{
    struct odd_context *ctx = *state;
    char long_text[3 * ODDI_MESSAGE_SIZE];
    assert_int_equal(oddi_fail(ctx, ODD_EIO, "reading %d", 7), ODD_EIO);
    assert_string_equal(odd_last_message(ctx), "reading 7");
    /* The old message may be part of the new one. */
    oddi_fail(ctx, ODD_EIO, "again: %s", ctx->message);
    assert_string_equal(odd_last_message(ctx), "again: reading 7");
    oddi_fail_errno(ctx, ODD_EIO, 2, "opening 'x'");
    assert_string_equal(odd_last_message(ctx), "opening 'x': No such file or directory");
    memset(long_text, 'a', sizeof long_text);
    long_text[sizeof long_text - 1] = '\0';
    oddi_fail(ctx, ODD_EIO, "%s", long_text);
    assert_int_equal(strlen(odd_last_message(ctx)), ODDI_MESSAGE_SIZE - 1);
    oddi_fail_errno(ctx, ODD_EIO, 2, "%s", long_text);
    assert_int_equal(strlen(odd_last_message(ctx)), ODDI_MESSAGE_SIZE - 1);
    assert_true(oddi_ends_with(odd_last_message(ctx), "a: No such file or directory"));
    oddi_fail(ctx, ODD_EFORMAT, "%s", "\033[31mred\033[0m");
    assert_string_equal(odd_last_message(ctx), "?[31mred?[0m");
}

static void test_fork(void **state)
{
    struct odd_context *ctx = *state;
    struct odd_context fork;
    ctx->status = ODD_OK;
    oddi_ctx_fork(ctx, &fork);
    assert_int_equal(fork.threads, 1);
    assert_false(oddi_cancelled(&fork));
    assert_int_equal(oddi_ctx_join(ctx, &fork), ODD_OK);
    odd_context_cancel(ctx);
    assert_true(oddi_cancelled(&fork));
    assert_int_equal(oddi_check_cancel(&fork), ODD_ECANCELLED);
    assert_int_equal(ctx->status, ODD_OK);
    assert_int_equal(oddi_ctx_join(ctx, &fork), ODD_ECANCELLED);
    assert_string_equal(odd_last_message(ctx), fork.message);
    odd_context_reset_cancel(ctx);
    assert_int_equal(oddi_check_cancel(ctx), ODD_OK);
}

static void base_test_log(void *user, enum odd_log_level level, const char *text)
{
    snprintf(user, 64, "%d %s", (int)level, text);
}

static void base_test_progress(void *user, const char *json)
{
    snprintf(user, 64, "%s", json);
}

static void test_callbacks(void **state)
{
    struct odd_context *ctx = *state;
    char seen[64] = "";
    oddi_log(ctx, ODD_LOG_INFO, "nobody listens");
    oddi_progress(ctx, "{}");
    odd_context_on_log(ctx, base_test_log, seen);
    oddi_log(ctx, ODD_LOG_WARNING, "x = %.1f", 2.5);
    assert_string_equal(seen, "1 x = 2.5");
    odd_context_on_progress(ctx, base_test_progress, seen);
    oddi_progress(ctx, "{\"step\":1}");
    assert_string_equal(seen, "{\"step\":1}");
    odd_context_on_log(ctx, NULL, NULL);
    odd_context_on_progress(ctx, NULL, NULL);
}

static void test_alloc_sizes(void **state)
{
    struct odd_context *ctx = *state;
    size_t n = 5;
    assert_false(oddi_mul_size(SIZE_MAX / 2, 3, &n));
    assert_false(oddi_add_size(SIZE_MAX, 1, &n));
    assert_int_equal(n, 5);
    assert_true(oddi_mul_size(SIZE_MAX, 0, &n) && n == 0);
    assert_true(oddi_mul_size(SIZE_MAX / 2, 2, &n) && n == SIZE_MAX - 1);
    assert_null(oddi_alloc_array(ctx, SIZE_MAX / 4, 8));
    assert_int_equal(ctx->status, ODD_ENOMEM);
    assert_null(oddi_alloc(ctx, SIZE_MAX));
    assert_null(oddi_calloc(ctx, SIZE_MAX, 2));
    assert_null(oddi_alloc_aligned(ctx, SIZE_MAX - 8));
    assert_null(oddi_alloc_aligned(ctx, (size_t)PTRDIFF_MAX));
    char *block = oddi_alloc(ctx, 0);
    assert_non_null(block);
    assert_null(oddi_realloc_array(ctx, block, SIZE_MAX / 2, 3));
    block = oddi_realloc_array(ctx, block, 0, 8);
    assert_non_null(block);
    oddi_free(ctx, block);
    oddi_free(ctx, NULL);
    oddi_free_aligned(ctx, NULL);
}

static void test_alloc_contents(void **state)
{
    struct odd_context *ctx = *state;
    for (size_t size = 0; size < 300; size += 37) {
        unsigned char *block = oddi_alloc_aligned(ctx, size);
        assert_non_null(block);
        assert_int_equal((uintptr_t)block % 64, 0);
        for (size_t i = 0; i < size; i++)
            assert_int_equal(block[i], 0);
        memset(block, 1, size);
        oddi_free_aligned(ctx, block);
    }
    int *zeros = oddi_calloc(ctx, 10, sizeof *zeros);
    for (int i = 0; i < 10; i++)
        assert_int_equal(zeros[i], 0);
    oddi_free(ctx, zeros);
    char *part = oddi_strndup(ctx, "abcdef", 3);
    assert_string_equal(part, "abc");
    oddi_free(ctx, part);
}

static void test_reserve(void **state)
{
    struct odd_context *ctx = *state;
    int *array = NULL;
    size_t cap = 0;
    void *block = array;
    for (size_t i = 0; i < 1000; i++) {
        assert_int_equal(oddi_reserve(ctx, &block, &cap, i + 1, sizeof *array), ODD_OK);
        array = block;
        array[i] = (int)i;
    }
    assert_in_range(cap, 1000, 2047);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(array[i], i);
    assert_int_equal(oddi_reserve(ctx, &block, &cap, SIZE_MAX / 2, 8), ODD_ENOMEM);
    assert_ptr_equal(block, array);
    oddi_free(ctx, block);
}

static void test_arena(void **state)
{
    struct odd_context *ctx = *state;
    struct oddi_arena arena;
    char *kept[500];
    oddi_arena_init(&arena, ctx);
    for (int i = 0; i < 500; i++) {
        size_t size = (size_t)(i * 37 % 9000);
        unsigned char *block = oddi_arena_alloc(&arena, size);
        assert_non_null(block);
        assert_int_equal((uintptr_t)block % 16, 0);
        for (size_t j = 0; j < size; j++)
            assert_int_equal(block[j], 0);
        memset(block, 0xFF, size);
        kept[i] = oddi_arena_printf(&arena, "number %d and %.1f", i, 0.5);
    }
    assert_string_equal(kept[0], "number 0 and 0.5");
    assert_string_equal(kept[499], "number 499 and 0.5");
    assert_string_equal(oddi_arena_strdup(&arena, "text"), "text");
    assert_null(oddi_arena_alloc(&arena, SIZE_MAX));
    assert_null(oddi_arena_alloc(&arena, SIZE_MAX - 40));
    oddi_arena_release(&arena);
    oddi_arena_release(&arena);
}

static bool base_test_arena_use(struct odd_context *ctx)
{
    struct oddi_arena arena;
    bool ok = true;
    oddi_arena_init(&arena, ctx);
    for (int i = 0; i < 40 && ok; i++)
        ok = oddi_arena_printf(&arena, "%1000d", i) && oddi_arena_alloc(&arena, 6000);
    oddi_arena_release(&arena);
    return ok;
}

/* An allocator that aligns to 8 only. */
static void *base_test_alloc8(void *user, size_t size)
{
    return (char *)fault_malloc(user, size + 8) + 8;
}

static void base_test_free8(void *user, void *block)
{
    fault_free(user, (char *)block - 8);
}

static void test_arena_alignment(void **state)
{
    (void)state;
    struct fault_alloc fault;
    struct odd_context *ctx;
    struct oddi_arena arena;
    fault_alloc_init(&fault);
    assert_int_equal(
        odd_context_new_with(base_test_alloc8, fault_realloc, base_test_free8, &fault, &ctx),
        ODD_OK);
    oddi_arena_init(&arena, ctx);
    for (int i = 0; i < 2000; i++)
        assert_int_equal((uintptr_t)oddi_arena_alloc(&arena, 24) % 16, 0);
    oddi_arena_release(&arena);
    odd_context_free(ctx);
    assert_int_equal(fault.live, 0);
}

static void test_str(void **state)
{
    struct odd_context *ctx = *state;
    struct oddi_str s;
    char *taken = NULL;
    oddi_str_init(&s, ctx);
    assert_string_equal(s.text, "");
    oddi_str_release(&s);
    for (int i = 0; i < 200; i++)
        oddi_str_addf(&s, "%d,", i);
    oddi_str_add(&s, "end");
    oddi_str_add_size(&s, "xyz", 1);
    assert_int_equal(s.length, strlen(s.text));
    assert_true(oddi_starts_with(s.text, "0,1,2,3,"));
    assert_true(oddi_ends_with(s.text, "198,199,endx"));
    oddi_str_clear(&s);
    assert_string_equal(s.text, "");
    oddi_str_add(&s, "again");
    assert_int_equal(oddi_str_take(&s, &taken), ODD_OK);
    assert_string_equal(taken, "again");
    odd_text_free(ctx, taken);
    assert_int_equal(oddi_str_take(&s, &taken), ODD_OK);
    assert_string_equal(taken, "");
    odd_text_free(ctx, taken);
    odd_text_free(ctx, NULL);
}

static odd_status base_test_str_use(struct odd_context *ctx, char **text)
{
    struct oddi_str s;
    oddi_str_init(&s, ctx);
    for (int i = 0; i < 50; i++)
        oddi_str_addf(&s, "%d", i);
    return oddi_str_take(&s, text);
}

static void test_nth_allocation(void **state)
{
    (void)state;
    for (long n = 1;; n++) {
        struct fault_alloc fault;
        fault_alloc_init(&fault);
        struct odd_context *ctx = fault_context(&fault);
        char *text = NULL;
        fault_alloc_arm(&fault, n);
        odd_status status = base_test_str_use(ctx, &text);
        bool arena = base_test_arena_use(ctx);
        bool failed = fault_alloc_disarm(&fault);
        assert_true((status == ODD_OK) == (text != NULL));
        if (failed) {
            assert_true(status == ODD_ENOMEM || !arena);
            assert_int_equal(ctx->status, ODD_ENOMEM);
        } else {
            assert_true(status == ODD_OK && arena);
        }
        odd_text_free(ctx, text);
        odd_context_free(ctx);
        assert_int_equal(fault.live, 0);
        if (!failed) {
            assert_in_range(n, 5, 100);
            break;
        }
    }
}

static void test_parse_int(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",
                                        "-",
                                        "+",
                                        " 1",
                                        "1 ",
                                        "1.0",
                                        "0x1",
                                        "1e3",
                                        "--1",
                                        "9223372036854775808",
                                        "-9223372036854775809",
                                        "99999999999999999999999"};
    int64_t v = 77;
    for (size_t i = 0; i < ODDI_COUNT(wrong); i++)
        assert_false(oddi_parse_int(wrong[i], &v));
    assert_int_equal(v, 77);
    assert_true(oddi_parse_int("9223372036854775807", &v) && v == INT64_MAX);
    assert_true(oddi_parse_int("-9223372036854775808", &v) && v == INT64_MIN);
    assert_true(oddi_parse_int("+12", &v) && v == 12);
    assert_true(oddi_parse_int("-0", &v) && v == 0);
}

static void test_parse_double(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",      ".",    "-",  "e5", "1e",  "1e+",   "inf", "nan",
                                        "1e999", "0x10", " 1", "1 ", "1,5", "1.5.2", "-inf"};
    double v = 77;
    for (size_t i = 0; i < ODDI_COUNT(wrong); i++)
        assert_false(oddi_parse_double(wrong[i], &v));
    assert_true(v == 77);
    assert_true(oddi_parse_double("-1.5e-3", &v) && v == -1.5e-3);
    assert_true(oddi_parse_double(".5", &v) && v == 0.5);
    assert_true(oddi_parse_double("5.", &v) && v == 5);
    assert_true(oddi_parse_double("1e-999", &v) && v == 0);
}

static void test_parse_bool_and_ends(void **state)
{
    (void)state;
    bool v = false;
    assert_true(oddi_parse_bool("Yes", &v) && v);
    assert_true(oddi_parse_bool("off", &v) && !v);
    assert_true(oddi_parse_bool("1", &v) && v);
    assert_false(oddi_parse_bool("", &v));
    assert_false(oddi_parse_bool("truely", &v));
    assert_false(oddi_parse_bool("tru", &v));
    assert_true(oddi_ends_with_nocase("a/B.PnG", ".png"));
    assert_false(oddi_ends_with_nocase("png", ".png"));
    assert_false(oddi_ends_with("B.PNG", ".png"));
    assert_true(oddi_starts_with("abc", ""));
    assert_false(oddi_starts_with("ab", "abc"));
}

static void test_parse_duration(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",     "m",      "1h30", "10x", "-5", "1m1m",
                                        "1s1h", "1.2.3s", "1 m",  "1hm", "1e3"};
    double v = 77;
    for (size_t i = 0; i < ODDI_COUNT(wrong); i++)
        assert_false(oddi_parse_duration(wrong[i], &v));
    assert_true(v == 77);
    assert_true(oddi_parse_duration("10m", &v) && v == 600);
    assert_true(oddi_parse_duration("1h30m", &v) && v == 5400);
    assert_true(oddi_parse_duration("90s", &v) && v == 90);
    assert_true(oddi_parse_duration("45", &v) && v == 45);
    assert_true(oddi_parse_duration("1.5h", &v) && v == 5400);
    assert_true(oddi_parse_duration("1h2m3s", &v) && v == 3723);
}

/* A program that embeds the library may have set a locale with a decimal comma. */
static void test_locale(void **state)
{
    struct odd_context *ctx = *state;
    const char *const names[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "C"};
    size_t i = 0;
    while (!setlocale(LC_ALL, names[i]))
        i++;
    double v;
    assert_true(oddi_parse_double("1.5", &v) && v == 1.5);
    assert_false(oddi_parse_double("1,5", &v));
    oddi_fail(ctx, ODD_EIO, "%.2f", 0.25);
    assert_string_equal(odd_last_message(ctx), "0.25");
    setlocale(LC_ALL, "C");
}

static void test_hash(void **state)
{
    struct odd_context *ctx = *state;
    struct oddi_hash128 whole, parts, back;
    char text[ODDI_HASH_TEXT];
    unsigned char data[5000];
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (unsigned char)(i * 7 >> 3);
    /* The published hash of no bytes (xxHash's own test program). */
    oddi_hash_bytes("", 0, &whole);
    oddi_hash_format(&whole, text);
    assert_string_equal(text, "99aa06d3014798d86001c324468d497f");
    oddi_hash_bytes(data, sizeof data, &whole);
    struct oddi_hasher *h = oddi_hasher_new(ctx);
    for (size_t i = 0; i < sizeof data; i += 100)
        oddi_hasher_add(h, data + i, 100);
    oddi_hasher_digest(h, &parts);
    oddi_hasher_free(ctx, h);
    oddi_hasher_free(ctx, NULL);
    assert_true(oddi_hash_equal(&whole, &parts));
    oddi_hash_format(&whole, text);
    assert_true(oddi_hash_parse(text, &back) && oddi_hash_equal(&whole, &back));
    data[4321] ^= 1;
    oddi_hash_bytes(data, sizeof data, &parts);
    assert_false(oddi_hash_equal(&whole, &parts));
    assert_false(oddi_hash_parse("", &back));
    assert_false(oddi_hash_parse("99aa06d3014798d86001c324468d497", &back));
    assert_false(oddi_hash_parse("99aa06d3014798d86001c324468d497f0", &back));
    assert_false(oddi_hash_parse("99AA06d3014798d86001c324468d497f", &back));
    assert_true(oddi_hash_text("a") != oddi_hash_text("b"));
}

static int base_test_setup(void **state)
{
    struct odd_context *ctx;
    if (odd_context_new(&ctx) != ODD_OK)
        return -1;
    *state = ctx;
    return 0;
}

static int base_test_teardown(void **state)
{
    odd_context_free(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_status_names),
        cmocka_unit_test(test_context),
        cmocka_unit_test(test_context_without_memory),
        cmocka_unit_test(test_messages),
        cmocka_unit_test(test_fork),
        cmocka_unit_test(test_callbacks),
        cmocka_unit_test(test_alloc_sizes),
        cmocka_unit_test(test_alloc_contents),
        cmocka_unit_test(test_reserve),
        cmocka_unit_test(test_arena),
        cmocka_unit_test(test_arena_alignment),
        cmocka_unit_test(test_str),
        cmocka_unit_test(test_nth_allocation),
        cmocka_unit_test(test_parse_int),
        cmocka_unit_test(test_parse_double),
        cmocka_unit_test(test_parse_bool_and_ends),
        cmocka_unit_test(test_parse_duration),
        cmocka_unit_test(test_locale),
        cmocka_unit_test(test_hash),
    };
    return cmocka_run_group_tests(tests, base_test_setup, base_test_teardown);
}
