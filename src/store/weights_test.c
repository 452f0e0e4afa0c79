/* SPDX-License-Identifier: Apache-2.0
 *
 * Weights of every kind of file are what PyTorch says they are (tools/make-golden-weights.py), and
 * a file that wants more than to be read is refused with a message that names what it wanted.
 */
#include "store/store_test.h"
#include "store/weights.h"

#include <math.h>

static unsigned char *test_golden(struct odd_context *ctx, const char *name, size_t *size)
{
    char path[512];
    snprintf(path, sizeof(path), ODDI_SOURCE_DIR "/tests/golden/%s", name);
    return store_test_read(ctx, path, size);
}

static odd_status test_read(struct odd_context *ctx, const void *data, size_t size,
                            struct oddi_weights *w)
{
    unsigned char *exact = malloc(size ? size : 1); /* a sanitizer sees a read beyond */
    assert_non_null(exact);
    if (size)
        memcpy(exact, data, size);
    const odd_status status = oddi_weights_read_memory(ctx, exact, size, "file", w);
    free(exact);
    return status;
}

/* The elements `index` of a base tensor whose element i is (i - 3) / 8. */
static void test_values(const struct oddi_weights *w, const char *name, const int *index, size_t n)
{
    const struct oddi_weight *t = oddi_weights_find(w, name);
    if (t == NULL)
        fail_msg("no tensor %s", name);
    assert_int_equal(t->count, n);
    for (size_t i = 0; i < n; i++)
        if (t->value[i] != (float)((index ? index[i] : (int)i) - 3) / 8)
            fail_msg("%s[%zu] is %g", name, i, (double)t->value[i]);
}

static void test_state_dict(const struct oddi_weights *w)
{
    static const int turned[12] = {0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11}, slice[4] = {4, 5, 7, 8};
    assert_int_equal(w->count, 11);
    test_values(w, "conv.weight", NULL, 24);
    const struct oddi_weight *t = oddi_weights_find(w, "conv.weight");
    assert_int_equal(t->rank, 4);
    assert_int_equal(t->dim[1], 3);
    assert_int_equal(t->dim[3], 2);
    test_values(w, "turned", turned, 12);
    assert_int_equal(oddi_weights_find(w, "turned")->dim[0], 4);
    test_values(w, "slice", slice, 4);
    test_values(w, "tied.a", NULL, 4);
    test_values(w, "tied.b", NULL, 4);
    test_values(w, "half", NULL, 5);
    test_values(w, "brain", NULL, 5);
    test_values(w, "wide", NULL, 5);
    test_values(w, "parameter", NULL, 3);
    t = oddi_weights_find(w, "scalar");
    assert_int_equal(t->rank, 0);
    assert_true(t->count == 1 && t->value[0] == 0.75f);
    t = oddi_weights_find(w, "nan");
    assert_int_equal(t->not_finite, 2);
    assert_true(isnan(t->value[0]) && t->value[1] == 1 && isinf(t->value[2]));
    assert_int_equal(w->not_finite, 2);
    assert_int_equal(w->skip_count, 1);
    assert_string_equal(w->skip[0].name, "bn.num_batches_tracked");
    assert_string_equal(w->skip[0].kind, "I64");
    assert_null(oddi_weights_find(w, "nothing"));
}

static void pytorch_files_are_read(void **state)
{
    static const struct {
        const char *file, *format;
    } cases[] = {{"weights_zip.pth", "PyTorch zip archive"},
                 {"weights_nested.pth", "PyTorch zip archive"},
                 {"weights_deflated.pth", "PyTorch zip archive"},
                 {"weights_legacy.pth", "PyTorch legacy stream"}};
    struct store_test_heap heap;
    struct odd_context *ctx = store_test_context(&heap);
    struct oddi_weights w;
    size_t size;
    char path[512];
    (void)state;
    for (size_t i = 0; i < ODDI_COUNT(cases); i++) {
        unsigned char *file = test_golden(ctx, cases[i].file, &size);
        if (test_read(ctx, file, size, &w) != ODD_OK)
            fail_msg("%s: %s", cases[i].file, odd_last_message(ctx));
        assert_string_equal(w.format, cases[i].format);
        test_state_dict(&w);
        oddi_weights_release(&w);
        oddi_free(ctx, file);
    }
    snprintf(path, sizeof(path), ODDI_SOURCE_DIR "/tests/golden/%s", "weights_legacy.pth");
    assert_int_equal(oddi_weights_read(ctx, path, &w), ODD_OK);
    test_state_dict(&w);
    oddi_weights_release(&w);
    oddi_weights_release(&w);
    assert_int_equal(oddi_weights_read(ctx, "/nonexistent/x.pth", &w), ODD_EIO);
    unsigned char *file = test_golden(ctx, "weights_big.pth", &size);
    assert_int_equal(test_read(ctx, file, size, &w), ODD_OK);
    test_values(&w, "a", NULL, 3);
    oddi_weights_release(&w);
    oddi_free(ctx, file);
    odd_context_free(ctx);
    assert_int_equal(heap.live, 0);
}

static void onnx_is_read(void **state)
{
    struct store_test_heap heap;
    struct odd_context *ctx = store_test_context(&heap);
    struct oddi_weights w;
    size_t size;
    (void)state;
    unsigned char *file = test_golden(ctx, "weights.onnx", &size);
    assert_int_equal(test_read(ctx, file, size, &w), ODD_OK);
    assert_string_equal(w.format, "ONNX");
    assert_int_equal(w.count, 6);
    test_values(&w, "conv.weight", NULL, 24);
    test_values(&w, "half", NULL, 5);
    test_values(&w, "brain", NULL, 5);
    test_values(&w, "wide", NULL, 5);
    test_values(&w, "single", NULL, 2);
    assert_true(oddi_weights_find(&w, "scalar")->value[0] == 0.75f);
    assert_string_equal(w.skip[0].name, "steps");
    oddi_weights_release(&w);
    oddi_free(ctx, file);
    file = test_golden(ctx, "weights_external.onnx", &size);
    assert_int_equal(test_read(ctx, file, size, &w), ODD_ENOTSUP);
    assert_non_null(strstr(odd_last_message(ctx), "external data"));
    oddi_free(ctx, file);
    odd_context_free(ctx);
    assert_int_equal(heap.live, 0);
}

static void safetensors_are_read(void **state)
{
    static const float values[3] = {-0.375f, -0.25f, -0.125f};
    static const int64_t steps = 7;
    const struct oddi_st_tensor t[] = {
        {.name = "a",
         .dtype = ODDI_ST_F32,
         .rank = 1,
         .dim = {3},
         .data = (const unsigned char *)values,
         .size = 12},
        {.name = "n", .dtype = ODDI_ST_I64, .data = (const unsigned char *)&steps, .size = 8}};
    struct store_test_heap heap;
    struct odd_context *ctx = store_test_context(&heap);
    struct oddi_st_writer writer;
    struct oddi_weights w;
    char path[64];
    (void)state;
    oddi_st_writer_init(&writer, ctx);
    assert_int_equal(oddi_st_writer_add(&writer, &t[0]), ODD_OK);
    assert_int_equal(oddi_st_writer_add(&writer, &t[1]), ODD_OK);
    assert_int_equal(oddi_st_writer_save(&writer, store_test_path(path, "w"), NULL), ODD_OK);
    oddi_st_writer_release(&writer);
    assert_int_equal(oddi_weights_read(ctx, path, &w), ODD_OK);
    assert_string_equal(w.format, "safetensors");
    test_values(&w, "a", NULL, 3);
    assert_int_equal(w.skip_count, 1);
    oddi_weights_release(&w);
    oddi_os_unlink(path);
    odd_context_free(ctx);
    assert_int_equal(heap.live, 0);
}

/* ---- hostile pickles ----------------------------------------------------------------------- */

#define MAGIC "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."
#define HEAD MAGIC "\x80\x02M\xe9\x03.\x80\x02}."
#define STORE(count) "(U\7storagectorch\nFloatStorage\nU\0010U\3cpu" count "tQ"
#define TENSOR(size, stride)                                                                       \
    "ctorch._utils\n_rebuild_tensor_v2\n(" STORE("K\2") "K\0" size stride "\x89}tR"
#define TAIL "]U\0010a.\2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
#define ROW(text, named)                                                                           \
    {                                                                                              \
        text, sizeof(text) - 1, named                                                              \
    }

static const struct {
    const char *text;
    size_t size;
    const char *named;
} hostile[] = {
    ROW("cos\nsystem\n(U\4truetR.", "'os.system'"),
    ROW(HEAD "cos\nsystem\n(U\4truetR.", "'os.system'"),
    ROW(HEAD "cposix\nsystem\n.", "'posix.system'"),
    ROW(HEAD "c__builtin__\neval\n.", "'__builtin__.eval'"),
    ROW(HEAD "\x8c\10builtins\x8c\4eval\x93.", "'builtins.eval'"),
    ROW(HEAD "cbuiltins\ngetattr\n.", "'builtins.getattr'"),
    ROW(HEAD "ctorch\nload\n.", "'torch.load'"),
    ROW(HEAD "ctorch.FloatStorage\n__init__\n.", "'torch.FloatStorage.__init__'"),
    ROW(HEAD "c\x1b[31m\n\xff\n.", "'?[31m.?'"),
    ROW(HEAD "(ios\nsystem\n.", "opcode INST"),
    ROW(HEAD ")o.", "opcode OBJ"),
    ROW(HEAD "ccollections\nOrderedDict\n)\x81.", "opcode NEWOBJ"),
    ROW(HEAD "\x82\1.", "opcode EXT1"),
    ROW(HEAD "P1\n.", "opcode PERSID"),
    ROW(HEAD "]2.", "opcode DUP"),
    ROW(HEAD "\x8b\xff\xff\xff\x7f.", "opcode LONG4"),
    ROW(HEAD "ctorch\nFloatStorage\n)R.", "'torch.FloatStorage'"),
    ROW(HEAD "ctorch\nSize\n}b.", "BUILD"),
    ROW(HEAD "\x88)R.", "calls a bool"),
    ROW(HEAD "\xff", "no opcode"),
    ROW(HEAD "\x80\7.", "protocol 7"),
    ROW(HEAD "(U\6module)tQ.", "'module'"),
    ROW(HEAD STORE("\x8a\10\0\0\0\0\0\0\0\x40") ".", "4611686018427387904"),
    ROW(HEAD STORE("J\xff\xff\xff\xff") ".", "storage whose size"),
    ROW(HEAD "]r\xff\xff\xff\xff.", "memo 4294967295"),
    ROW(HEAD "h\7.", "memo 7"),
    ROW(HEAD "]q\0h\0a.", "a cycle"),
    ROW(HEAD "]q\0]q\1h\0ah\0h\1a.", "a cycle"),
    ROW(HEAD "}q\0U\1ah\0s.", "a cycle"),
    ROW(HEAD "]q\0h\0\x85q\1h\0h\1a.", "a cycle"),
    ROW(HEAD "a.", "stack is empty"),
    ROW(HEAD "t.", "no mark"),
    ROW(HEAD "].].", "no tensors"),
    ROW(HEAD "}U\1a" TENSOR("K\3\x85", "K\1\x85") "s." TAIL, "element 2 of a storage of 2"),
    ROW(HEAD "}U\1a" TENSOR("J\xff\xff\xff\xff\x85", "K\1\x85") "s." TAIL, "offset, size"),
    ROW(HEAD "}U\1a" TENSOR("K\2\x85", "J\xff\xff\xff\xff\x85") "s." TAIL, "offset, size"),
    ROW(HEAD "}U\1a" TENSOR("J\xff\xff\xff\x7f\x85", "K\0\x85") "s." TAIL, "2147483647 values"),
    ROW(HEAD "}U\1a" TENSOR("\x8a\10\0\0\0\0\0\0\0\x40M\0\1\x86", "K\0K\0\x86") "s." TAIL,
        "shape overflows"),
    ROW(HEAD "}U\1a" TENSOR("K\2\x85", "\x8a\10\xff\xff\xff\xff\xff\xff\xff\x7f\x85") "s." TAIL,
        "element"),
    ROW(HEAD "}K\1" TENSOR("K\2\x85", "K\1\x85") "s." TAIL, "name is not text"),
    ROW(HEAD "}U\1\n" TENSOR("K\2\x85", "K\1\x85") "s." TAIL, "not printable"),
    ROW(HEAD "}(U\1a" TENSOR("K\2\x85", "K\1\x85") "U\1a" TENSOR("K\2\x85", "K\1\x85") "u." TAIL,
        "two tensors are named 'a'"),
    ROW(HEAD "}U\1a" TENSOR("K\2\x85", "K\1\x85") "s." TAIL "x", "1 bytes follow"),
    ROW("\x80\2]q\0.", "not one that torch.save wrote"),
    ROW("version https://git-lfs.github.com/spec/v1", "Git LFS"),
    ROW("<!DOCTYPE html>", "not a file of weights"),
    ROW("", "not a file of weights"),
    ROW("PK\3\4", "its end is missing"),
    ROW("PK\5\6\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", "no data.pkl"),
};

static void hostile_pickles_are_refused(void **state)
{
    struct store_test_heap heap;
    struct odd_context *ctx = store_test_context(&heap);
    struct oddi_weights w;
    (void)state;
    for (size_t i = 0; i < ODDI_COUNT(hostile); i++) {
        if (test_read(ctx, hostile[i].text, hostile[i].size, &w) == ODD_OK)
            fail_msg("case %zu is read", i);
        if (strstr(odd_last_message(ctx), hostile[i].named) == NULL)
            fail_msg("case %zu: no %s in: %s", i, hostile[i].named, odd_last_message(ctx));
    }
    static const char good[] = HEAD "}U\1a" TENSOR("K\2\x85", "K\1\x85") "s." TAIL;
    assert_int_equal(test_read(ctx, good, sizeof(good) - 1, &w), ODD_OK);
    oddi_weights_release(&w);
    odd_context_free(ctx);
    assert_int_equal(heap.live, 0);
}

/* A head, then `count` times `unit`, then an end. */
static void test_repeated(const char *unit, size_t unit_size, size_t count, const char *named)
{
    struct store_test_heap heap;
    struct odd_context *ctx = store_test_context(&heap);
    struct oddi_weights w;
    const size_t head = sizeof(HEAD) - 1, size = head + unit_size * count + 1;
    char *file = malloc(size);
    assert_non_null(file);
    memcpy(file, HEAD, head);
    for (size_t i = 0; i < count; i++)
        memcpy(file + head + i * unit_size, unit, unit_size);
    file[size - 1] = '.';
    assert_int_not_equal(test_read(ctx, file, size, &w), ODD_OK);
    if (strstr(odd_last_message(ctx), named) == NULL)
        fail_msg("no %s in: %s", named, odd_last_message(ctx));
    free(file);
    odd_context_free(ctx);
    assert_int_equal(heap.live, 0);
}

static void bombs_are_refused(void **state)
{
    (void)state;
    test_repeated("(", 1, 1000000, "nested too deep");
    test_repeated("]", 1, 1000000, "too deep");
    test_repeated(")\x85", 2, 1000000, "too deep");
    test_repeated("N\x85\x85\x85\x85\x85\x85\x85\x85\x85\x85\x85\x85\x85\x85\x85\x85", 17, 65000,
                  "more than 1048576 values");
    test_repeated("N0", 2, 1200000, "more than 1048576 values");
    /* Each list has the one before twice: 2^30 elements if any were copied. */
    test_repeated("]q\1h\0ah\0aq\0", 10, 1, "memo 0");
    test_repeated("]\x94", 2, 70000, "stack");
}

static void tuples_nest_only_so_deep(void **state)
{
    static const char one[] = HEAD ")";
    struct store_test_heap heap;
    struct odd_context *ctx = store_test_context(&heap);
    struct oddi_weights w;
    char file[2048];
    (void)state;
    memcpy(file, one, sizeof(one) - 1);
    memset(file + sizeof(one) - 1, 0x85, 1000);
    assert_int_equal(test_read(ctx, file, sizeof(one) - 1 + 1000, &w), ODD_ELIMIT);
    assert_non_null(strstr(odd_last_message(ctx), "nested deeper than 64"));
    odd_context_free(ctx);
    assert_int_equal(heap.live, 0);
}

/* ---- damage -------------------------------------------------------------------------------- */

static const char *const test_files[] = {"weights_zip.pth",      "weights_legacy.pth",
                                         "weights_deflated.pth", "weights_big.pth",
                                         "weights_nested.pth",   "weights.onnx"};

static void any_truncation_is_refused(void **state)
{
    struct store_test_heap heap;
    struct odd_context *ctx = store_test_context(&heap);
    struct oddi_weights w;
    size_t size;
    (void)state;
    for (size_t f = 0; f < ODDI_COUNT(test_files); f++) {
        unsigned char *file = test_golden(ctx, test_files[f], &size);
        const bool onnx = f == ODDI_COUNT(test_files) - 1; /* fields may be missing at the end */
        for (size_t n = 0; n < size; n++) {
            const odd_status status = test_read(ctx, file, n, &w);
            if (status == ODD_OK && !(onnx && n + 10 > size))
                fail_msg("%s: %zu of %zu bytes are read", test_files[f], n, size);
            oddi_weights_release(&w);
        }
        oddi_free(ctx, file);
    }
    odd_context_free(ctx);
    assert_int_equal(heap.live, 0);
}

static void any_flipped_bit_is_harmless(void **state)
{
    struct store_test_heap heap;
    struct odd_context *ctx = store_test_context(&heap);
    struct oddi_weights w;
    size_t size;
    (void)state;
    for (size_t f = 0; f < ODDI_COUNT(test_files); f++) {
        unsigned char *file = test_golden(ctx, test_files[f], &size);
        for (size_t bit = 0; bit < 8 * size; bit++) {
            file[bit / 8] ^= (unsigned char)(1u << bit % 8);
            if (test_read(ctx, file, size, &w) == ODD_OK)
                assert_true(w.count > 0);
            else
                assert_true(odd_last_message(ctx)[0] != '\0');
            oddi_weights_release(&w);
            file[bit / 8] ^= (unsigned char)(1u << bit % 8);
        }
        oddi_free(ctx, file);
    }
    odd_context_free(ctx);
    assert_int_equal(heap.live, 0);
}

static void any_failing_allocation_is_reported(void **state)
{
    struct store_test_heap heap;
    struct odd_context *ctx = store_test_context(&heap);
    struct oddi_weights w;
    size_t size;
    (void)state;
    for (size_t f = 0; f < ODDI_COUNT(test_files); f++) {
        unsigned char *file = test_golden(ctx, test_files[f], &size);
        const int live = heap.live;
        odd_status status = ODD_ENOMEM;
        for (int n = 1; status != ODD_OK; n++) {
            heap.fail_at = n;
            status = test_read(ctx, file, size, &w);
            heap.fail_at = 0;
            if (status != ODD_OK)
                assert_int_equal(status, ODD_ENOMEM);
            oddi_weights_release(&w);
            assert_int_equal(heap.live, live);
        }
        oddi_free(ctx, file);
    }
    odd_context_free(ctx);
    assert_int_equal(heap.live, 0);
}

/* The archive's checksums find what has changed in a storage. */
static void a_changed_weight_is_found(void **state)
{
    struct store_test_heap heap;
    struct odd_context *ctx = store_test_context(&heap);
    struct oddi_weights w;
    size_t size, at = 0;
    const float third[2] = {-0.375f, -0.25f};
    (void)state;
    unsigned char *file = test_golden(ctx, "weights_zip.pth", &size);
    while (at + sizeof(third) < size && memcmp(file + at, third, sizeof(third)) != 0)
        at++;
    assert_true(at + sizeof(third) < size);
    file[at] ^= 1;
    assert_int_equal(test_read(ctx, file, size, &w), ODD_EFORMAT);
    assert_non_null(strstr(odd_last_message(ctx), "checksum"));
    oddi_free(ctx, file);
    odd_context_free(ctx);
    assert_int_equal(heap.live, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pytorch_files_are_read),
        cmocka_unit_test(onnx_is_read),
        cmocka_unit_test(safetensors_are_read),
        cmocka_unit_test(hostile_pickles_are_refused),
        cmocka_unit_test(bombs_are_refused),
        cmocka_unit_test(tuples_nest_only_so_deep),
        cmocka_unit_test(any_truncation_is_refused),
        cmocka_unit_test(any_flipped_bit_is_harmless),
        cmocka_unit_test(any_failing_allocation_is_reported),
        cmocka_unit_test(a_changed_weight_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
