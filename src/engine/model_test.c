/* SPDX-License-Identifier: Apache-2.0
 *
 * Model files as they come from outside: damaged, cut off, of other tensors, with hostile JSON.
 * Each is refused with a status and a message that says what is wrong; a file that answers
 * otherwise than when it was made is a mismatch.
 */
#include "engine/support_test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- rewriting a model --------------------------------------------------------------------- */

struct model_edit {
    const char *drop;        /* a tensor left out */
    const char *reshape;     /* a tensor whose first two dimensions are swapped (or cut by 1) */
    const char *extra;       /* a tensor too many */
    const char *method;      /* instead of the file's */
    const char *json;        /* instead of the file's text, whatever it is */
    const char *key, *value; /* member (path with '.') set to this JSON; value NULL: removed */
    const char *answers;     /* "more": changed by one bit; "nan": not a number */
};

static void edit_member(json_t *root, const char *path, const char *value)
{
    char key[64];
    size_t length;
    for (; path[length = strcspn(path, ".")]; path += length + 1) {
        snprintf(key, sizeof(key), "%.*s", (int)length, path);
        root = json_object_get(root, key);
        assert_non_null(root);
    }
    if (value)
        assert_int_equal(json_object_set_new(root, path, json_loads(value, JSON_DECODE_ANY, NULL)),
                         0);
    else
        assert_int_equal(json_object_del(root, path), 0);
}

static void edit_tensor(struct oddi_model_file *to, const struct oddi_stored *s,
                        const struct model_edit *e)
{
    struct oddi_shape shape = s->shape;
    double answers[2][3];
    const void *data = s->data;
    if (e->drop && strcmp(s->name, e->drop) == 0)
        return;
    if (e->reshape && strcmp(s->name, e->reshape) == 0 && shape.dim[0] != shape.dim[1] &&
        shape.rank > 1) {
        shape.dim[0] = s->shape.dim[1];
        shape.dim[1] = s->shape.dim[0];
    } else if (e->reshape && strcmp(s->name, e->reshape) == 0) {
        shape.dim[0]--;
    }
    if (e->answers && strcmp(s->name, "selftest.answers") == 0) {
        assert_int_equal(s->size, sizeof(answers));
        memcpy(answers, s->data, sizeof(answers));
        answers[0][1] =
            strcmp(e->answers, "nan") == 0 ? (double)NAN : nextafter(answers[0][1], 1e9);
        data = answers;
    }
    assert_int_equal(oddi_model_file_add_copy(to, s->name, s->type, &shape, data), ODD_OK);
}

/* The model "m" with changes as "x"; its digest is right again. */
static void rewrite(struct testing *t, const struct model_edit *e)
{
    struct oddi_model_file from, to;
    const struct oddi_shape one = oddi_shape_make(1, 1, 1, 1, 1);
    const float zero = 0;
    json_t *json = NULL;
    char *text = NULL;
    oddi_model_file_init(&from, t->ctx);
    oddi_model_file_init(&to, t->ctx);
    assert_int_equal(oddi_model_file_load(&from, testing_path(t, "m")), ODD_OK);
    for (size_t i = 0; i < oddi_model_file_count(&from); i++)
        edit_tensor(&to, oddi_model_file_at(&from, i), e);
    if (e->extra)
        assert_int_equal(oddi_model_file_add(&to, e->extra, ODDI_F32, &one, &zero), ODD_OK);
    assert_int_equal(oddi_json_parse(t->ctx, from.json, strlen(from.json), "m", &json), ODD_OK);
    if (e->key)
        edit_member(json, e->key, e->value);
    assert_int_equal(oddi_json_dump(t->ctx, json, 0, &text), ODD_OK);
    assert_int_equal(oddi_model_file_set(&to, e->method ? e->method : from.method, text), ODD_OK);
    if (e->json) /* past the check of what is stored */
        to.tensors.json = oddi_arena_strdup(&to.tensors.arena, e->json);
    assert_int_equal(oddi_model_file_save(&to, testing_path(t, "x")), ODD_OK);
    json_decref(json);
    odd_text_free(t->ctx, text);
    oddi_model_file_release(&from);
    oddi_model_file_release(&to);
}

static void refused(struct testing *t, const char *what, odd_status status, const char *message)
{
    struct odd_model *m = NULL;
    const odd_status got = odd_model_load(t->ctx, testing_path(t, "x"), &m);
    assert_null(m);
    if (got != status)
        fail_msg("%s: %s: %s", what, odd_status_name(got), odd_last_message(t->ctx));
    engine_assert_message(t, "/x");
    engine_assert_message(t, message);
}

static void begin(struct testing *t, const char *name, const char *settings)
{
    testing_init(t, name);
    assert_int_equal(odd_context_set_threads(t->ctx, 1), ODD_OK);
    engine_synth(t, "set", 20);
    engine_train_well(t, "set", "m", settings);
}

/* ---- bytes --------------------------------------------------------------------------------- */

static void test_any_flipped_byte_is_refused(void **unused)
{
    struct testing t;
    size_t size = 0, tried = 0;
    (void)unused;
    begin(&t, "bytes", "variant=ae");
    unsigned char *file = engine_read(&t, "m", &size);
    for (size_t at = 0; at < size; at += at < 64 || at + 64 > size ? 1 : 97) {
        struct odd_model *m = NULL;
        file[at] ^= (unsigned char)(1u << at % 8);
        testing_write(&t, "x", file, size);
        file[at] ^= (unsigned char)(1u << at % 8);
        const odd_status status = odd_model_load(t.ctx, testing_path(&t, "x"), &m);
        if (status != ODD_EFORMAT && status != ODD_EVERSION && status != ODD_ELIMIT)
            fail_msg("byte %zu: %s", at, odd_status_name(status));
        engine_assert_message(&t, "/x");
        tried++;
    }
    assert_true(tried > 300);
    odd_text_free(t.ctx, (char *)file);
    testing_release(&t);
}

static void test_cut_and_lengthened_files(void **unused)
{
    struct testing t;
    size_t size = 0;
    (void)unused;
    begin(&t, "cut", "variant=ae");
    unsigned char *file = engine_read(&t, "m", &size);
    for (size_t i = 0; i <= 40; i++) {
        testing_write(&t, "x", file, i < 20 ? i : (i - 20) * (size - 1) / 20);
        refused(&t, "a cut file", ODD_EFORMAT, "");
    }
    unsigned char *more = calloc(size + 1, 1);
    assert_non_null(more);
    memcpy(more, file, size);
    testing_write(&t, "x", more, size + 1);
    refused(&t, "one byte more", ODD_EFORMAT, "");
    testing_text(&t, "x", "{\"this\":\"is no model\"}");
    refused(&t, "text", ODD_EFORMAT, "");
    remove(testing_path(&t, "x"));
    refused(&t, "nothing", ODD_EIO, "");
    free(more);
    odd_text_free(t.ctx, (char *)file);
    testing_release(&t);
}

/* Metadata "format_version" of the copy "x". */
static void set_version(struct testing *t, const char *version)
{
    struct oddi_safetensors *st = NULL;
    struct oddi_st_writer w;
    struct oddi_hash128 digest;
    oddi_st_writer_init(&w, t->ctx);
    assert_int_equal(oddi_safetensors_open(t->ctx, testing_path(t, "m"), &st), ODD_OK);
    for (size_t i = 0; i < oddi_safetensors_meta_count(st); i++) {
        const struct oddi_st_meta *m = oddi_safetensors_meta_at(st, i);
        const bool is = strcmp(m->key, "format_version") == 0;
        assert_int_equal(oddi_st_writer_meta(&w, m->key, is ? version : m->value), ODD_OK);
    }
    for (size_t i = 0; i < oddi_safetensors_count(st); i++)
        if (strcmp(oddi_safetensors_at(st, i)->name, ODDI_ST_DIGEST) != 0)
            assert_int_equal(oddi_st_writer_add(&w, oddi_safetensors_at(st, i)), ODD_OK);
    assert_int_equal(oddi_st_writer_save(&w, testing_path(t, "x"), &digest), ODD_OK);
    oddi_st_writer_release(&w);
    oddi_safetensors_free(st);
}

static void test_other_versions_are_named(void **unused)
{
    struct testing t;
    (void)unused;
    begin(&t, "version", "variant=ae");
    set_version(&t, ODDI_STORE_VERSION);
    engine_assert_same_file(&t, "m", "x");
    set_version(&t, "999");
    refused(&t, "version 999", ODD_EVERSION, "999");
    set_version(&t, "");
    refused(&t, "no version", ODD_EVERSION, "version");
    testing_release(&t);
}

/* ---- tensors ------------------------------------------------------------------------------- */

/* Every weight in turn is missing and of another shape; each is named. */
static void test_tensors_are_checked_by_name(void **unused)
{
    struct testing t;
    struct oddi_model_file f;
    size_t weights = 0;
    (void)unused;
    begin(&t, "tensors", "variant=daad+");
    rewrite(&t, &(struct model_edit){0});
    engine_assert_same_file(&t, "m", "x");
    oddi_model_file_init(&f, t.ctx);
    assert_int_equal(oddi_model_file_load(&f, testing_path(&t, "m")), ODD_OK);
    for (size_t i = 0; i < oddi_model_file_count(&f); i++) {
        const struct oddi_stored *s = oddi_model_file_at(&f, i);
        char message[160];
        if (!oddi_model_file_is_weight(s->name))
            continue;
        weights++;
        rewrite(&t, &(struct model_edit){.drop = s->name});
        snprintf(message, sizeof(message), "missing: %s ", s->name);
        refused(&t, s->name, ODD_EFORMAT, message);
        if (s->shape.rank == 0 || oddi_shape_count(&s->shape) < 2)
            continue;
        rewrite(&t, &(struct model_edit){.reshape = s->name});
        snprintf(message, sizeof(message), "\n  %s is f32 ", s->name);
        refused(&t, s->name, ODD_EFORMAT, message);
    }
    assert_true(weights > 20);
    rewrite(&t, &(struct model_edit){.extra = "enc.99.weight"});
    refused(&t, "extra", ODD_EFORMAT, "not expected: enc.99.weight");
    rewrite(&t, &(struct model_edit){.drop = "calibration.0.scores"});
    refused(&t, "no scores", ODD_EFORMAT, "calibration");
    rewrite(&t, &(struct model_edit){.drop = "calibration.0.maxima"});
    refused(&t, "no maxima", ODD_EFORMAT, "calibration");
    oddi_model_file_release(&f);
    testing_release(&t);
}

/* ---- self-test ----------------------------------------------------------------------------- */

static void verifies(struct testing *t, odd_status status, const char *message)
{
    struct odd_model *m = engine_load(t, "x");
    char *text = NULL;
    const odd_status got = odd_model_verify(t->ctx, m, &text);
    if (got != status)
        fail_msg("%s: %s", odd_status_name(got), odd_last_message(t->ctx));
    if (status != ODD_OK)
        engine_assert_message(t, message);
    if (text) {
        json_t *json = engine_json(t, text);
        assert_true(json_is_true(engine_at(json, "ok")) == (status == ODD_OK));
        assert_true(json_is_true(engine_at(json, "exact")) == (status == ODD_OK));
        json_decref(json);
    }
    assert_true(text != NULL || status == ODD_EFORMAT);
    odd_model_free(m);
}

static void test_answers_are_verified(void **unused)
{
    struct testing t;
    (void)unused;
    begin(&t, "answers", "variant=daad+");
    rewrite(&t, &(struct model_edit){0});
    verifies(&t, ODD_OK, "");
    rewrite(&t, &(struct model_edit){.answers = "more"});
    verifies(&t, ODD_EMISMATCH, "self-test differs");
    rewrite(&t, &(struct model_edit){.answers = "nan"});
    verifies(&t, ODD_EFORMAT, "answers");
    rewrite(&t, &(struct model_edit){.drop = "selftest.answers"});
    verifies(&t, ODD_EFORMAT, "answers");
    rewrite(&t, &(struct model_edit){.drop = "selftest.1.image"});
    verifies(&t, ODD_EFORMAT, "picture 1");
    /* Made by another build, one bit apart: within the tolerance. */
    rewrite(&t, &(struct model_edit){.answers = "more", .key = "build.isa", .value = "\"other\""});
    struct odd_model *m = engine_load(&t, "x");
    char *text = NULL;
    assert_int_equal(odd_model_verify(t.ctx, m, &text), ODD_OK);
    json_t *json = engine_json(&t, text);
    assert_true(json_is_false(engine_at(json, "exact")) &&
                json_is_false(engine_at(json, "expected_exact")));
    assert_string_equal(json_string_value(json_array_get(engine_at(json, "differs"), 0)), "isa");
    json_decref(json);
    odd_model_free(m);
    testing_release(&t);
}

/* ---- JSON ---------------------------------------------------------------------------------- */

static void test_hostile_members(void **unused)
{
    static const struct {
        const char *key, *value; /* NULL: removed */
        odd_status status;
        const char *message;
    } bad[] = {{"preset", NULL, ODD_EFORMAT, "preset"},
               {"preset", "7", ODD_EFORMAT, "preset"},
               {"preset", "\"none\"", ODD_ECONFIG, "none"},
               {"config", NULL, ODD_EFORMAT, "configuration"},
               {"config", "[1,2]", ODD_EFORMAT, "configuration"},
               {"config", "\"text\"", ODD_EFORMAT, "configuration"},
               {"config.width", "\"wide\"", ODD_ECONFIG, "width"},
               {"config.width", "-1", ODD_ECONFIG, "width"},
               {"config.width", "1e300", ODD_ECONFIG, "width"},
               {"config.width", "{}", ODD_ECONFIG, "width"},
               {"config.width", "null", ODD_ECONFIG, "width"},
               {"config.width", "8", ODD_EFORMAT, "expected f32"},
               {"config.items", "100000", ODD_EFORMAT, "expected f32"},
               {"config.variant", "\"ae\"", ODD_EFORMAT, "not expected"},
               {"config.division", "\"7x7x7\"", ODD_ECONFIG, "division"},
               {"config.unheard-of", "1", ODD_ECONFIG, "unheard-of"},
               {"config.sigma", "true", ODD_ECONFIG, "sigma"},
               {"input", NULL, ODD_EFORMAT, "input"},
               {"input", "[]", ODD_EFORMAT, "input"},
               {"input.channels", "0", ODD_EFORMAT, "geometry"},
               {"input.channels", "17", ODD_EFORMAT, "geometry"},
               {"input.channels", "1", ODD_EFORMAT, "expected f32"},
               {"input.channels", "\"3\"", ODD_EFORMAT, "channels"},
               {"input.width", "9223372036854775807", ODD_EFORMAT, "geometry"},
               {"input.width", "-32", ODD_EFORMAT, "geometry"},
               {"input.width", "33", ODD_ECONFIG, "33"},
               {"input.height", "1.5", ODD_EFORMAT, "height"},
               {"spread", NULL, ODD_EFORMAT, "normalisation"},
               {"spread.scale", "[1]", ODD_EFORMAT, "normalisation"},
               {"spread.scale", "[1,1,1,0]", ODD_EFORMAT, "normalisation"},
               {"spread.scale", "[1,1,1,-1]", ODD_EFORMAT, "normalisation"},
               {"spread.location", "[1,1,\"1\",1]", ODD_EFORMAT, "normalisation"},
               {"map_typical", NULL, ODD_EFORMAT, "map_typical"},
               {"map_typical", "\"x\"", ODD_EFORMAT, "map_typical"}};
    struct testing t;
    (void)unused;
    begin(&t, "members", "variant=daad");
    for (size_t i = 0; i < ODDI_COUNT(bad); i++) {
        char what[128];
        snprintf(what, sizeof(what), "%s = %s", bad[i].key,
                 bad[i].value ? bad[i].value : "nothing");
        rewrite(&t, &(struct model_edit){.key = bad[i].key, .value = bad[i].value});
        refused(&t, what, bad[i].status, bad[i].message);
    }
    rewrite(&t, &(struct model_edit){.method = "unheard-of"});
    refused(&t, "another method", ODD_ECONFIG, "unheard-of");
    testing_release(&t);
}

static void test_hostile_texts(void **unused)
{
    static char deep[3001], huge[4 << 20];
    struct testing t;
    (void)unused;
    memset(deep, '[', sizeof(deep) - 1);
    huge[0] = '{';
    for (size_t i = 0, at = 1; at + 32 < sizeof(huge); i++)
        at += (size_t)sprintf(huge + at, "%s\"k%zu\":[]", i ? "," : "", i);
    strcat(huge, "}");
    const struct {
        const char *text;
        odd_status status;
        const char *message;
    } bad[] = {{"", ODD_EFORMAT, "JSON"},
               {"nonsense", ODD_EFORMAT, "JSON"},
               {"[]", ODD_EFORMAT, "object"},
               {"\"text\"", ODD_EFORMAT, ""},
               {"{}", ODD_EFORMAT, "preset"},
               {"{\"preset\":\"a\",\"preset\":\"b\"}", ODD_EFORMAT, "JSON"},
               {deep, ODD_ELIMIT, "deeper"},
               {huge, ODD_EFORMAT, "preset"},
               {"{\"preset\":\"small\"}", ODD_EFORMAT, "configuration"}};
    begin(&t, "texts", "variant=ae");
    for (size_t i = 0; i < ODDI_COUNT(bad); i++) {
        rewrite(&t, &(struct model_edit){.json = bad[i].text});
        refused(&t, bad[i].text, bad[i].status, bad[i].message);
    }
    testing_release(&t);
}

/* What the file says of itself does not stand for what was computed. */
static void test_info_cannot_be_forged(void **unused)
{
    struct testing t;
    (void)unused;
    begin(&t, "forged", "variant=ae");
    json_t *honest = engine_info(&t, "m");
    rewrite(&t, &(struct model_edit){.key = "weights_hash", .value = "\"0123\""});
    json_t *info = engine_info(&t, "x");
    assert_string_equal(engine_text(info, "weights_hash"), engine_text(honest, "weights_hash"));
    assert_string_not_equal(engine_text(info, "file_digest"), engine_text(honest, "file_digest"));
    json_decref(info);
    rewrite(&t, &(struct model_edit){.key = "calibrations", .value = "[{\"threshold\":9}]"});
    info = engine_info(&t, "x");
    assert_true(json_equal(engine_at(info, "calibrations"), engine_at(honest, "calibrations")));
    json_decref(info);
    json_decref(honest);
    testing_release(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_any_flipped_byte_is_refused),
        cmocka_unit_test(test_cut_and_lengthened_files),
        cmocka_unit_test(test_other_versions_are_named),
        cmocka_unit_test(test_tensors_are_checked_by_name),
        cmocka_unit_test(test_answers_are_verified),
        cmocka_unit_test(test_hostile_members),
        cmocka_unit_test(test_hostile_texts),
        cmocka_unit_test(test_info_cannot_be_forged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
