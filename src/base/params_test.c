/* SPDX-License-Identifier: Apache-2.0
 * JSON, declared parameters, options, and what a configuration file may not say. */
#include "base/compat.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../tests/support/fault_alloc.h"
#include "base/alloc.h"
#include "base/file.h"
#include "base/params.h"
#include "base/str.h"

static const struct oddi_param params_test_a[] = {
    P_FLOAT("lambda", "0.5", 0, 1000, "paper", "weight of the cosine term"),
    P_INT("steps", "2000", 1, 1e7, "ours", "optimiser steps"),
    P_INT("seed", "0", 0, 9223372036854775807.0, NULL, "of every draw"),
    P_END,
};
static const struct oddi_param params_test_b[] = {
    P_BOOL("hold_out", "no", NULL, "keep some"),
    P_ENUM("variant", "ae", "ae|uae|daad|daad+", "paper", "which of the four"),
    P_TEXT("note", "", NULL, "free text"),
    P_END,
};
static const struct oddi_param *const params_test_tables[] = {params_test_a, params_test_b, NULL};

/* ---- JSON ---------------------------------------------------------------------------------- */

static odd_status params_test_parse(struct odd_context *ctx, const char *text, json_t **json)
{
    return oddi_json_parse(ctx, text, strlen(text), "test", json);
}

static void test_json_parse(void **state)
{
    struct odd_context *ctx = *state;
    json_t *json = NULL;
    static const char *const wrong[] = {
        "",           "{",       "{\"a\":1,\"a\":2}",     "[1] x", "{\"a\":\"\\ud800\"}",
        "[\"\xff\"]", "[1e999]", "[99999999999999999999]"};
    for (size_t i = 0; i < ODDI_COUNT(wrong); i++) {
        assert_int_equal(params_test_parse(ctx, wrong[i], &json), ODD_EFORMAT);
        assert_null(json);
    }
    params_test_parse(ctx, "{\n \"a\": tru }", &json);
    assert_non_null(strstr(odd_last_message(ctx), "test: line 2, column"));
    assert_int_equal(oddi_json_parse(ctx, "{\"a\":1}\0", 8, "zero", &json), ODD_EFORMAT);
}

static void test_json_depth(void **state)
{
    struct odd_context *ctx = *state;
    json_t *json = NULL;
    char text[300];
    for (int depth = 63; depth <= 66; depth++) {
        memset(text, '[', (size_t)depth);
        memset(text + depth, ']', (size_t)depth);
        text[2 * depth] = '\0';
        odd_status status = params_test_parse(ctx, text, &json);
        assert_int_equal(status, depth <= ODDI_JSON_MAX_DEPTH ? ODD_OK : ODD_ELIMIT);
        if (status == ODD_OK)
            json_decref(json);
    }
    /* Brackets in a string are no nesting; a quoted quote ends none. */
    memset(text, '[', 200);
    memcpy(text, "[\"\\\"", 4);
    strcpy(text + 200, "\"]");
    assert_int_equal(params_test_parse(ctx, text, &json), ODD_OK);
    json_decref(json);
}

static void test_json_set_and_dump(void **state)
{
    struct odd_context *ctx = *state;
    json_t *json = json_object();
    char *text = NULL;
    assert_true(oddi_json_set_text(json, "b", "x"));
    assert_true(oddi_json_set_text(json, "name", "caf\xe9 \xc3\xa9 \xed\xa0\x80"));
    assert_true(oddi_json_set_text(json, "none", NULL));
    assert_true(oddi_json_set_int(json, "a", INT64_MIN));
    assert_true(oddi_json_set_real(json, "r", 0.1));
    assert_true(oddi_json_set_real(json, "nan", NAN));
    assert_true(oddi_json_set_real(json, "inf", -INFINITY));
    assert_true(oddi_json_set_bool(json, "yes", true));
    assert_false(oddi_json_set(json, "null", NULL));
    assert_int_equal(oddi_json_dump(ctx, json, 0, &text), ODD_OK);
    assert_string_equal(text, "{\"b\":\"x\",\"name\":\"caf? \xc3\xa9 ???\",\"none\":null,"
                              "\"a\":-9223372036854775808,\"r\":0.10000000000000001,"
                              "\"nan\":null,\"inf\":null,\"yes\":true}");
    odd_text_free(ctx, text);
    assert_int_equal(oddi_json_dump(ctx, json, 2, &text), ODD_OK);
    assert_true(oddi_starts_with(text, "{\n  \"b\": \"x\",\n"));
    odd_text_free(ctx, text);
    json_decref(json);
}

static void test_json_get(void **state)
{
    struct odd_context *ctx = *state;
    json_t *json = NULL;
    const char *text = NULL;
    int64_t whole = 77;
    double real = 77;
    assert_int_equal(params_test_parse(ctx, "{\"t\":\"x\",\"i\":5,\"r\":2.5,\"n\":null}", &json),
                     ODD_OK);
    assert_int_equal(oddi_json_get_text(ctx, json, "i", "file", &text), ODD_EFORMAT);
    assert_string_equal(odd_last_message(ctx), "file: 'i' is an integer, expected a text");
    assert_int_equal(oddi_json_get_int(ctx, json, "r", "file", &whole), ODD_EFORMAT);
    assert_int_equal(oddi_json_get_int(ctx, json, "none", "file", &whole), ODD_EFORMAT);
    assert_string_equal(odd_last_message(ctx), "file: 'none' is missing (expected an integer)");
    assert_int_equal(oddi_json_get_real(ctx, json, "n", "file", &real), ODD_EFORMAT);
    assert_int_equal(oddi_json_get_real(ctx, NULL, "n", "file", &real), ODD_EFORMAT);
    assert_true(!text && whole == 77 && real == 77);
    assert_int_equal(oddi_json_get_text(ctx, json, "t", "file", &text), ODD_OK);
    assert_int_equal(oddi_json_get_int(ctx, json, "i", "file", &whole), ODD_OK);
    assert_int_equal(oddi_json_get_real(ctx, json, "i", "file", &real), ODD_OK);
    assert_true(whole == 5 && real == 5);
    assert_string_equal(text, "x");
    assert_int_equal(oddi_json_get_real(ctx, json, "r", "file", &real), ODD_OK);
    assert_true(real == 2.5);
    json_decref(json);
}

/* ---- values -------------------------------------------------------------------------------- */

static void test_values_defaults(void **state)
{
    struct oddi_values v;
    assert_int_equal(oddi_values_init(&v, *state, params_test_tables), ODD_OK);
    assert_int_equal(v.count, 6);
    assert_true(oddi_values_float(&v, "lambda") == 0.5);
    assert_int_equal(oddi_values_int(&v, "steps"), 2000);
    assert_false(oddi_values_bool(&v, "hold_out"));
    assert_string_equal(oddi_values_text(&v, "hold_out"), "false");
    assert_true(oddi_values_is(&v, "variant", "ae"));
    assert_string_equal(oddi_values_text(&v, "note"), "");
    assert_true(oddi_values_has(&v, "note"));
    assert_false(oddi_values_has(&v, "not"));
    assert_true(oddi_values_is_default(&v, "note"));
    oddi_values_release(&v);
    oddi_values_release(&v);
}

static void test_values_set(void **state)
{
    struct odd_context *ctx = *state;
    struct oddi_values v;
    static const char *const wrong[][2] = {
        {"lambda", "-1"}, {"lambda", "1000.1"},  {"lambda", "nan"}, {"lambda", ""},
        {"steps", "0"},   {"steps", "2.5"},      {"steps", "1e3"},  {"hold_out", "maybe"},
        {"variant", "a"}, {"variant", "ae|uae"}, {"variant", ""},   {"variant", "AE"}};
    assert_int_equal(oddi_values_init(&v, ctx, params_test_tables), ODD_OK);
    for (size_t i = 0; i < ODDI_COUNT(wrong); i++) {
        assert_int_equal(oddi_values_set(&v, wrong[i][0], wrong[i][1], "set"), ODD_ECONFIG);
        assert_non_null(strstr(odd_last_message(ctx), wrong[i][0]));
        assert_true(oddi_values_is_default(&v, wrong[i][0]));
    }
    oddi_values_set(&v, "lambda", "7e3", "set");
    assert_string_equal(odd_last_message(ctx),
                        "option 'lambda' is '7e3', expected a number from 0 to 1e+03");
    oddi_values_set(&v, "variant", "dad", "set");
    assert_string_equal(odd_last_message(ctx),
                        "option 'variant' is 'dad', expected one of ae|uae|daad|daad+");
    assert_int_equal(oddi_values_set(&v, "lambda", "+1.250E+01", "file"), ODD_OK);
    assert_string_equal(oddi_values_text(&v, "lambda"), "12.5");
    assert_false(oddi_values_is_default(&v, "lambda"));
    assert_int_equal(oddi_values_set(&v, "seed", "9007199254740993", "set"), ODD_OK);
    assert_true(oddi_values_int(&v, "seed") == INT64_C(9007199254740993)); /* 2^53 + 1 */
    assert_int_equal(oddi_values_set(&v, "variant", "daad+", "set"), ODD_OK);
    assert_true(oddi_values_is(&v, "variant", "daad+"));
    assert_int_equal(oddi_values_set(&v, "hold_out", "ON", "set"), ODD_OK);
    assert_true(oddi_values_bool(&v, "hold_out"));
    oddi_values_release(&v);
}

static void test_values_unknown(void **state)
{
    struct odd_context *ctx = *state;
    struct oddi_values v;
    char name[5000];
    memset(name, 'x', sizeof name);
    name[sizeof name - 1] = '\0';
    assert_int_equal(oddi_values_init(&v, ctx, params_test_tables), ODD_OK);
    assert_int_equal(oddi_values_set(&v, "lamda", "1", "set"), ODD_ECONFIG);
    assert_string_equal(odd_last_message(ctx), "unknown option 'lamda'; is 'lambda' meant?");
    oddi_values_set(&v, "hold-out", "1", "set");
    assert_string_equal(odd_last_message(ctx), "unknown option 'hold-out'; is 'hold_out' meant?");
    oddi_values_set(&v, "temperature", "1", "set");
    assert_string_equal(odd_last_message(ctx), "unknown option 'temperature'");
    assert_int_equal(oddi_values_set(&v, name, "1", "set"), ODD_ECONFIG);
    oddi_values_release(&v);
}

static void test_values_bad_tables(void **state)
{
    struct oddi_values v;
    static const struct oddi_param twice[] = {P_TEXT("note", "", NULL, ""), P_END};
    static const struct oddi_param wrong[] = {P_INT("n", "11", 0, 10, NULL, ""), P_END};
    const struct oddi_param *const a[] = {params_test_b, twice, NULL}, *const b[] = {wrong, NULL};
    assert_int_equal(oddi_values_init(&v, *state, a), ODD_EBUG);
    assert_int_equal(v.count, 0);
    assert_int_equal(oddi_values_init(&v, *state, b), ODD_EBUG);
}

static void test_values_json(void **state)
{
    struct odd_context *ctx = *state;
    struct oddi_values v, w;
    json_t *json = NULL, *other = NULL;
    assert_int_equal(oddi_values_init(&v, ctx, params_test_tables), ODD_OK);
    assert_int_equal(oddi_values_init(&w, ctx, params_test_tables), ODD_OK);
    assert_int_equal(oddi_values_set(&v, "lambda", "0.1", "set"), ODD_OK);
    assert_int_equal(oddi_values_set(&v, "hold_out", "yes", "set"), ODD_OK);
    assert_int_equal(oddi_values_set(&v, "seed", "9007199254740993", "set"), ODD_OK);
    assert_int_equal(oddi_values_to_json(&v, &json), ODD_OK);
    assert_true(json_is_true(json_object_get(json, "hold_out")));
    assert_true(json_is_real(json_object_get(json, "lambda")));
    assert_int_equal(oddi_values_from_json(&w, json, "file"), ODD_OK);
    for (int i = 0; i < v.count; i++)
        assert_string_equal(v.item[i].text, w.item[i].text);
    assert_int_equal(params_test_parse(ctx, "{\"lambda\":null}", &other), ODD_OK);
    assert_int_equal(oddi_values_from_json(&w, other, "file"), ODD_ECONFIG);
    json_decref(other);
    assert_int_equal(params_test_parse(ctx, "[1]", &other), ODD_OK);
    assert_int_equal(oddi_values_from_json(&w, other, "file"), ODD_EFORMAT);
    json_decref(other);
    json_decref(json);
    oddi_values_release(&v);
    oddi_values_release(&w);
}

static void test_describe(void **state)
{
    struct odd_context *ctx = *state;
    json_t *list = NULL;
    char *text = NULL;
    assert_int_equal(oddi_params_describe(ctx, params_test_b, &list), ODD_OK);
    assert_int_equal(oddi_json_dump(ctx, list, 0, &text), ODD_OK);
    assert_string_equal(
        text, "[{\"name\":\"hold_out\",\"type\":\"bool\",\"default\":false,\"source\":null,"
              "\"help\":\"keep some\"},{\"name\":\"variant\",\"type\":\"enum\",\"default\":\"ae\","
              "\"choices\":[\"ae\",\"uae\",\"daad\",\"daad+\"],\"source\":\"paper\","
              "\"help\":\"which of the four\"},{\"name\":\"note\",\"type\":\"text\","
              "\"default\":\"\",\"source\":null,\"help\":\"free text\"}]");
    odd_text_free(ctx, text);
    json_decref(list);
    assert_int_equal(oddi_params_describe(ctx, params_test_a, &list), ODD_OK);
    assert_int_equal(json_integer_value(json_object_get(json_array_get(list, 1), "max")), 10000000);
    assert_true(json_integer_value(json_object_get(json_array_get(list, 2), "max")) == INT64_MAX);
    json_decref(list);
}

/* ---- options and configuration files ------------------------------------------------------- */

#define PARAMS_TEST_FILE "oddity_params_test.yaml"

static odd_status params_test_load(struct odd_options *o, const char *text, size_t size)
{
    assert_int_equal(oddi_file_write(o->ctx, PARAMS_TEST_FILE, text, size), ODD_OK);
    odd_status status = odd_options_load(o, PARAMS_TEST_FILE);
    assert_int_equal(unlink(PARAMS_TEST_FILE), 0);
    return status;
}

static void test_options(void **state)
{
    struct odd_context *ctx = *state;
    struct odd_options *o = NULL;
    struct oddi_values v;
    assert_int_equal(odd_options_new(ctx, &o), ODD_OK);
    assert_null(oddi_options_get(o, "steps"));
    assert_int_equal(odd_options_set(o, "steps", "5"), ODD_OK);
    assert_int_equal(odd_options_set(o, "size", "128"), ODD_OK);
    assert_int_equal(odd_options_set(o, "steps", "6"), ODD_OK);
    assert_int_equal(odd_options_set(o, "", "6"), ODD_EINVAL);
    assert_int_equal(odd_options_set(o, NULL, "6"), ODD_EINVAL);
    assert_int_equal(odd_options_set(o, "steps", NULL), ODD_EINVAL);
    assert_string_equal(oddi_options_get(o, "steps"), "6");
    assert_int_equal(oddi_values_init(&v, ctx, params_test_tables), ODD_OK);
    assert_int_equal(oddi_values_take(&v, o), ODD_OK);
    assert_int_equal(oddi_values_int(&v, "steps"), 6);
    assert_true(o->item[0].used && !o->item[1].used && o->item[2].used);
    assert_int_equal(odd_options_set(o, "lambda", "x"), ODD_OK);
    assert_int_equal(oddi_values_take(&v, o), ODD_ECONFIG);
    oddi_values_release(&v);
    odd_options_free(o);
    odd_options_free(NULL);
}

static void test_yaml(void **state)
{
    struct odd_options *o = NULL;
    static const char text[] = "# comment\nsteps: 5\n'lambda': \"0.5\"\nnote: |\n  two\n  lines\n"
                               "empty:\n{}: no\n";
    static const char good[] = "# comment\nsteps: 5\n'lambda': \"0.5\"\nnote: |\n  two\n  lines\n"
                               "empty:\n";
    assert_int_equal(odd_options_new(*state, &o), ODD_OK);
    assert_int_equal(params_test_load(o, text, strlen(text)), ODD_ECONFIG);
    assert_int_equal(o->count, 0);
    assert_int_equal(params_test_load(o, good, strlen(good)), ODD_OK);
    assert_int_equal(o->count, 4);
    assert_string_equal(oddi_options_get(o, "steps"), "5");
    assert_string_equal(oddi_options_get(o, "lambda"), "0.5");
    assert_string_equal(oddi_options_get(o, "note"), "two\nlines\n");
    assert_string_equal(oddi_options_get(o, "empty"), "");
    assert_string_equal(o->item[0].origin, "file");
    assert_int_equal(params_test_load(o, "", 0), ODD_OK);
    assert_int_equal(params_test_load(o, "# nothing\n", 10), ODD_OK);
    assert_int_equal(params_test_load(o, "---\n", 4), ODD_OK);
    assert_int_equal(params_test_load(o, "{a: 1, b: 2}\n", 13), ODD_OK);
    assert_int_equal(o->count, 6);
    assert_int_equal(odd_options_load(o, "/none/there"), ODD_EIO);
    odd_options_free(o);
}

struct params_test_refusal {
    const char *text, *place, *reason;
};

static void test_yaml_refusals(void **state)
{
    struct odd_context *ctx = *state;
    struct odd_options *o = NULL;
    static const struct params_test_refusal cases[] = {
        {"a: &x 1\nb: *x\n", "line 1, column 4", "anchors"},
        {"a: 1\nb: *x\n", "line 2, column 4", "alias"},
        {"*x : 1\n", "line 1, column 1", "alias"},
        {"&x a: 1\n", "line 1, column 1", "anchors"},
        {"&m\na: 1\n", "line 1, column 1", "anchors"},
        {"a: !!int 1\n", "line 1, column 4", "tags"},
        {"a: !x 1\n", "line 1, column 4", "tags"},
        {"!!map\na: 1\n", "line 1, column 1", "tags"},
        {"%TAG ! tag:x,2000:\n---\na: 1\n", "line 1, column 1", "tags"},
        {"a: 1\nb:\n  c: 2\n", "line 3, column 3", "mappings inside"},
        {"a: [1, 2]\n", "line 1, column 4", "lists"},
        {"a:\n- 1\n", "line 2, column 1", "lists"},
        {"? [a]\n: 1\n", "line 1, column 3", "lists"},
        {"- a\n", "line 1, column 1", "expected lines"},
        {"just text\n", "line 1, column 1", "expected lines"},
        {"a: 1\na: 2\n", "line 2, column 1", "given before"},
        {"a: 1\n---\nb: 2\n", "line 2, column 1", "second document"},
        {": 1\n", "line 1, column 1", "expected key"},
        {"'': 1\n", "line 1, column 1", "without a name"},
        {"a: \"x\\0y\"\n", "line 1, column 4", "0 byte"},
        {"a: 'x\n", "line 2, column 1", "end of stream"},
        {"a: b: c\n", "line 1, column 5", "not allowed"},
        {"a: \xff\n", "byte 3", "UTF-8"},
        {"a: \x01\n", "byte 3", "control"},
    };
    assert_int_equal(odd_options_new(ctx, &o), ODD_OK);
    assert_int_equal(odd_options_set(o, "kept", "1"), ODD_OK);
    for (size_t i = 0; i < ODDI_COUNT(cases); i++) {
        assert_int_equal(params_test_load(o, cases[i].text, strlen(cases[i].text)), ODD_ECONFIG);
        if (!strstr(odd_last_message(ctx), cases[i].place) ||
            !strstr(odd_last_message(ctx), cases[i].reason))
            fail_msg("%s: %s", cases[i].text, odd_last_message(ctx));
        assert_non_null(strstr(odd_last_message(ctx), PARAMS_TEST_FILE));
        assert_int_equal(o->count, 1);
    }
    assert_int_equal(params_test_load(o, "a: 1\0b: 2\n", 10), ODD_ECONFIG);
    odd_options_free(o);
}

static void test_yaml_limits(void **state)
{
    struct odd_context *ctx = *state;
    struct odd_options *o = NULL;
    const size_t size = 256 * 1024;
    char *text = oddi_alloc(ctx, size + 1);
    assert_int_equal(odd_options_new(ctx, &o), ODD_OK);
    memset(text, '[', size + 1);
    assert_int_equal(params_test_load(o, text, size), ODD_ECONFIG);
    assert_int_equal(params_test_load(o, text, size + 1), ODD_ELIMIT);
    memset(text, '\n', size);
    assert_int_equal(params_test_load(o, text, size), ODD_OK);
    for (size_t i = 0; i < size; i += 8) /* 32768 names */
        memcpy(text + i,
               (char[9]){'a', (char)('a' + i / 8 % 26), (char)('a' + i / 208 % 26),
                         (char)('a' + i / 5408 % 26), (char)('a' + i / 140608 % 26), ':', ' ', '\n',
                         0},
               8);
    assert_int_equal(params_test_load(o, text, size), ODD_ELIMIT);
    assert_int_equal(o->count, 0);
    odd_options_free(o);
    oddi_free(ctx, text);
}

/* ---- faults -------------------------------------------------------------------------------- */

/* Everything above once, so that each of its allocations can be made to fail. */
static odd_status params_test_all(struct odd_context *ctx, char **out)
{
    odd_status status;
    struct odd_options *o = NULL;
    struct oddi_values v = {.count = 0};
    json_t *json = NULL;
    char name[16];
    TRY(odd_options_new(ctx, &o));
    for (int i = 0; i < 12; i++) {
        snprintf(name, sizeof name, "n%d", i);
        TRY(odd_options_set(o, name, "value"));
    }
    TRY(odd_options_load(o, PARAMS_TEST_FILE));
    TRY(oddi_values_init(&v, ctx, params_test_tables));
    TRY(oddi_values_take(&v, o));
    TRY(oddi_values_to_json(&v, &json));
    TRY(oddi_values_from_json(&v, json, "file"));
    TRY(oddi_json_dump(ctx, json, 1, out));
out:
    json_decref(json);
    oddi_values_release(&v);
    odd_options_free(o);
    return status;
}

static void test_nth_allocation(void **state)
{
    static const char text[] = "steps: 7\nlambda: 0.25\nnote: some words\n";
    assert_int_equal(oddi_file_write(*state, PARAMS_TEST_FILE, text, strlen(text)), ODD_OK);
    for (long n = 1;; n++) {
        struct fault_alloc fault;
        char *out = NULL;
        fault_alloc_init(&fault);
        struct odd_context *ctx = fault_context(&fault);
        fault_alloc_arm(&fault, n);
        odd_status status = params_test_all(ctx, &out);
        bool failed = fault_alloc_disarm(&fault);
        assert_int_equal(status, failed ? ODD_ENOMEM : ODD_OK);
        assert_true(failed == (out == NULL));
        if (failed)
            assert_non_null(strstr(odd_last_message(ctx), "out of memory"));
        odd_text_free(ctx, out);
        odd_context_free(ctx);
        assert_int_equal(fault.live, 0);
        if (!failed) {
            assert_in_range(n, 50, 200);
            break;
        }
    }
    assert_int_equal(unlink(PARAMS_TEST_FILE), 0);
}

/* A failed load leaves what was there, whichever allocation failed. */
static void test_load_is_all_or_nothing(void **state)
{
    static const char text[] = "a: 1\nb: 2\nc: 3\nd: 4\ne: 5\nf: 6\ng: 7\nh: 8\ni: 9\n";
    assert_int_equal(oddi_file_write(*state, PARAMS_TEST_FILE, text, strlen(text)), ODD_OK);
    struct fault_alloc fault;
    struct odd_options *o = NULL;
    fault_alloc_init(&fault);
    struct odd_context *ctx = fault_context(&fault);
    assert_int_equal(odd_options_new(ctx, &o), ODD_OK);
    assert_int_equal(odd_options_set(o, "kept", "1"), ODD_OK);
    bool failed = true;
    for (long n = 1; failed; n++) {
        fault_alloc_arm(&fault, n);
        odd_status status = odd_options_load(o, PARAMS_TEST_FILE);
        failed = fault_alloc_disarm(&fault);
        assert_int_equal(status, failed ? ODD_ENOMEM : ODD_OK);
        assert_int_equal(o->count, failed ? 1 : 10);
    }
    assert_string_equal(oddi_options_get(o, "kept"), "1");
    odd_options_free(o);
    odd_context_free(ctx);
    assert_int_equal(fault.live, 0);
    assert_int_equal(unlink(PARAMS_TEST_FILE), 0);
}

static int params_test_setup(void **state)
{
    struct odd_context *ctx;
    if (odd_context_new(&ctx) != ODD_OK)
        return -1;
    *state = ctx;
    return 0;
}

static int params_test_teardown(void **state)
{
    odd_context_free(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json_parse),        cmocka_unit_test(test_json_depth),
        cmocka_unit_test(test_json_set_and_dump), cmocka_unit_test(test_json_get),
        cmocka_unit_test(test_values_defaults),   cmocka_unit_test(test_values_set),
        cmocka_unit_test(test_values_unknown),    cmocka_unit_test(test_values_bad_tables),
        cmocka_unit_test(test_values_json),       cmocka_unit_test(test_describe),
        cmocka_unit_test(test_options),           cmocka_unit_test(test_yaml),
        cmocka_unit_test(test_yaml_refusals),     cmocka_unit_test(test_yaml_limits),
        cmocka_unit_test(test_nth_allocation),    cmocka_unit_test(test_load_is_all_or_nothing),
    };
    return cmocka_run_group_tests(tests, params_test_setup, params_test_teardown);
}
