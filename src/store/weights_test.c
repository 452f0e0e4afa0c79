/* SPDX-License-Identifier: Apache-2.0
 *
 * Weights of every kind of file that PyTorch and ONNX write (tests/golden/weights*, made by
 * tools/make-golden-weights.py), and files that want something else than to hold tensors.
 */
#include "base/compat.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../tests/support/fault_alloc.h"
#include "store/weights.h"

#define GOLDEN ODDI_SOURCE_DIR "/tests/golden/weights"

static struct odd_context *ctx;

static int setup(void **unused)
{
    (void)unused;
    return odd_context_new(&ctx) == ODD_OK ? 0 : -1;
}

static int teardown(void **unused)
{
    (void)unused;
    odd_context_free(ctx);
    return 0;
}

static unsigned char *read_file(const char *name, size_t *size)
{
    char path[512];
    snprintf(path, sizeof(path), "%s%s", GOLDEN, name);
    FILE *f = fopen(path, "rb");
    unsigned char *data = malloc(65536);
    if (!f || !data)
        fail_msg("no %s", path);
    *size = fread(data, 1, 65536, f);
    fclose(f);
    return data;
}

static void read_golden(const char *name, struct oddi_weights *w)
{
    char path[512];
    snprintf(path, sizeof(path), "%s%s", GOLDEN, name);
    if (oddi_weights_read(ctx, path, w) != ODD_OK)
        fail_msg("%s: %s", name, odd_last_message(ctx));
}

/* Shape as given, and element i is (from + i * step - 3) / 8. */
static void has(const struct oddi_weights *w, const char *name, int rank, const int64_t *dim,
                int from)
{
    const struct oddi_weight *t = oddi_weights_find(w, name);
    size_t count = 1;
    if (!t)
        fail_msg("%s: no %s", w->what, name);
    assert_int_equal(t->rank, rank);
    for (int i = 0; i < rank; i++) {
        assert_int_equal(t->dim[i], dim[i]);
        count *= (size_t)dim[i];
    }
    assert_int_equal(t->count, count);
    for (size_t i = 0; i < count; i++)
        assert_true(t->value[i] == (float)(from + (int)i - 3) / 8);
}

static void has_state(const struct oddi_weights *w)
{
    const struct oddi_weight *t;
    has(w, "conv.weight", 4, (const int64_t[]){2, 3, 2, 2}, 0);
    has(w, "tied.a", 2, (const int64_t[]){2, 2}, 0);
    has(w, "tied.b", 2, (const int64_t[]){2, 2}, 0);
    has(w, "half", 1, (const int64_t[]){5}, 0);
    has(w, "brain", 1, (const int64_t[]){5}, 0);
    has(w, "wide", 1, (const int64_t[]){5}, 0);
    has(w, "parameter", 1, (const int64_t[]){3}, 0);
    t = oddi_weights_find(w, "turned");
    assert_true(t && t->dim[0] == 4 && t->dim[1] == 3);
    for (int i = 0; i < 12; i++)
        assert_true(t->value[i] == (float)(i / 3 + i % 3 * 4 - 3) / 8);
    t = oddi_weights_find(w, "slice");
    assert_true(t && t->dim[0] == 2 && t->dim[1] == 2);
    for (int i = 0; i < 4; i++)
        assert_true(t->value[i] == (float)((i / 2 + 1) * 3 + i % 2 + 1 - 3) / 8);
    t = oddi_weights_find(w, "scalar");
    assert_true(t && t->rank == 0 && t->count == 1 && t->value[0] == 0.75f);
    t = oddi_weights_find(w, "nan");
    assert_true(t && t->not_finite == 2 && isnan(t->value[0]) && t->value[1] == 1);
    assert_int_equal(w->not_finite, 2);
    assert_null(oddi_weights_find(w, "bn.num_batches_tracked"));
    assert_true(w->skip_count >= 1);
}

static void test_kinds(void **unused)
{
    static const char *const names[] = {"_zip.pth", "_legacy.pth", "_nested.pth", "_deflated.pth"};
    struct oddi_weights w;
    (void)unused;
    for (size_t i = 0; i < ODDI_COUNT(names); i++) {
        read_golden(names[i], &w);
        has_state(&w);
        oddi_weights_release(&w);
    }
    read_golden("_big.pth", &w);
    has(&w, "a", 1, (const int64_t[]){3}, 0);
    oddi_weights_release(&w);
    read_golden(".onnx", &w);
    has(&w, "conv.weight", 4, (const int64_t[]){2, 3, 2, 2}, 0);
    has(&w, "half", 1, (const int64_t[]){5}, 0);
    has(&w, "brain", 1, (const int64_t[]){5}, 0);
    has(&w, "wide", 1, (const int64_t[]){5}, 0);
    has(&w, "single", 1, (const int64_t[]){2}, 0);
    oddi_weights_release(&w);
}

static void refused(const void *data, size_t size, const char *says)
{
    struct oddi_weights w;
    memset(&w, 0, sizeof(w));
    if (oddi_weights_read_memory(ctx, data, size, "it", &w) == ODD_OK)
        fail_msg("what should say '%s' was read", says);
    if (!strstr(odd_last_message(ctx), says))
        fail_msg("'%s' does not say '%s'", odd_last_message(ctx), says);
}

/* A pickle of protocol 2 around a body. */
static void refused_pickle(const char *body, size_t size, const char *says)
{
    unsigned char *data = malloc(size + 3);
    assert_non_null(data);
    memcpy(data, "\x80\x02", 2);
    memcpy(data + 2, body, size);
    data[size + 2] = '.';
    refused(data, size + 3, says);
    free(data);
}

/* The legacy stream begins with its magic number and protocol, each a pickle; then comes `body`. */
#define MAGIC                                                                                      \
    "\x80\x02\x8a\nl\xfc\x9c"                                                                      \
    "F\xf9 j\xa8P\x19.\x80\x02M\xe9\x03."
static void refused_legacy(const char *body, size_t size, const char *says)
{
    const size_t head = sizeof(MAGIC) - 1;
    unsigned char *data = malloc(head + size);
    assert_non_null(data);
    memcpy(data, MAGIC, head);
    memcpy(data + head, body, size);
    refused(data, head + size, says);
    free(data);
}

static void test_malice(void **unused)
{
    static const char system_[] = "\x80\x02"
                                  "cos\nsystem\nX\x02\0\0\0id\x85R.",
                      eval_[] = "\x80\x02"
                                "cbuiltins\neval\nX\x01\0\0\0"
                                "1\x85R.";
    (void)unused;
    refused_pickle(system_ + 2, sizeof(system_) - 4, "it");
    refused_legacy(system_, sizeof(system_) - 1, "os.system");
    refused_legacy(eval_, sizeof(eval_) - 1, "builtins.eval");
    size_t size = 0;
    unsigned char *external = read_file("_external.onnx", &size);
    refused(external, size, "another file");
    free(external);
    /* a million lists within each other */
    enum { DEEP = 1000000 };
    unsigned char *deep = malloc(sizeof(MAGIC) + 2 + DEEP);
    assert_non_null(deep);
    memcpy(deep, MAGIC, sizeof(MAGIC) - 1);
    memcpy(deep + sizeof(MAGIC) - 1, "\x80\x02", 2);
    memset(deep + sizeof(MAGIC) + 1, ']', DEEP);
    refused(deep, sizeof(MAGIC) + 1 + DEEP, "it");
    free(deep);
    refused("PK\x03\x04 no archive at all", 24, "it");
    refused("", 0, "it");
}

/* Cut anywhere, and with any byte changed: a status and a message, or something within the bound.
 */
static void test_damage(void **unused)
{
    static const char *const names[] = {"_zip.pth", "_legacy.pth", "_deflated.pth", "_big.pth",
                                        ".onnx"};
    struct oddi_weights w;
    (void)unused;
    for (size_t i = 0; i < ODDI_COUNT(names); i++) {
        size_t size = 0, read = 0;
        unsigned char *data = read_file(names[i], &size);
        for (size_t n = 0; n < size; n++) {
            unsigned char *cut = malloc(n + 1); /* so that reading beyond the cut is seen */
            assert_non_null(cut);
            memcpy(cut, data, n);
            if (oddi_weights_read_memory(ctx, cut, n, "cut", &w) == ODD_OK)
                oddi_weights_release(&w);
            else
                assert_true(odd_last_message(ctx)[0]);
            free(cut);
            data[n] ^= (unsigned char)(1u << n % 8);
            if (oddi_weights_read_memory(ctx, data, size, "flipped", &w) == ODD_OK) {
                read++;
                oddi_weights_release(&w);
            }
            data[n] ^= (unsigned char)(1u << n % 8);
        }
        assert_true(read < size); /* some flips only change a value, not all */
        free(data);
    }
}

static void test_out_of_memory(void **unused)
{
    static const char *const names[] = {"_zip.pth", "_legacy.pth", "_deflated.pth", ".onnx"};
    (void)unused;
    for (size_t i = 0; i < ODDI_COUNT(names); i++) {
        size_t size = 0;
        unsigned char *data = read_file(names[i], &size);
        for (long n = 1;; n++) {
            struct fault_alloc fault;
            struct oddi_weights w;
            fault_alloc_init(&fault);
            struct odd_context *own = fault_context(&fault);
            fault_alloc_arm(&fault, n);
            const odd_status status = oddi_weights_read_memory(own, data, size, "it", &w);
            const bool failed = fault_alloc_disarm(&fault);
            assert_int_equal(status, failed ? ODD_ENOMEM : ODD_OK);
            if (status == ODD_OK)
                oddi_weights_release(&w);
            odd_context_free(own);
            assert_int_equal(fault.live, 0);
            if (!failed)
                break;
        }
        free(data);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_kinds), cmocka_unit_test(test_malice),
                                       cmocka_unit_test(test_damage),
                                       cmocka_unit_test(test_out_of_memory)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
