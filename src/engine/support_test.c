/* SPDX-License-Identifier: Apache-2.0
 * Shared parts of this folder's tests; see support_test.h. */
#include "engine/support_test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/os.h"
#include "base/rng.h"
#include "base/str.h"
#include "nn/nets/nets.h"
#include "store/safetensors.h"

/* ---- options and data ---------------------------------------------------------------------- */

struct odd_options *engine_options(struct testing *t, const char *settings)
{
    struct odd_options *o = NULL;
    assert_int_equal(odd_options_new(t->ctx, &o), ODD_OK);
    while (*settings) {
        char name[64], value[448];
        const size_t length = strcspn(settings, " "), key = strcspn(settings, "=");
        if (length > 0) {
            assert_true(key < length && key < sizeof(name) && length - key < sizeof(value));
            snprintf(name, sizeof(name), "%.*s", (int)key, settings);
            snprintf(value, sizeof(value), "%.*s", (int)(length - key - 1), settings + key + 1);
            assert_int_equal(odd_options_set(o, name, value), ODD_OK);
        }
        settings += length + (settings[length] == ' ');
    }
    return o;
}

void engine_synth(struct testing *t, const char *name, int train)
{
    char settings[160];
    snprintf(settings, sizeof(settings),
             "kind=weave size=32 train=%d test-normal=4 per-defect=2 defects=spot,scratch "
             "strength=4 seed=3",
             train);
    struct odd_options *o = engine_options(t, settings);
    assert_int_equal(odd_synth(t->ctx, testing_path(t, name), o), ODD_OK);
    odd_options_free(o);
}

odd_status engine_open(struct testing *t, const char *data, const char *settings,
                       struct odd_dataset **ds)
{
    struct odd_options *o = engine_options(t, settings);
    const odd_status status = odd_dataset_open(t->ctx, testing_path(t, data), o, ds);
    odd_options_free(o);
    return status;
}

/* ---- training and scoring ------------------------------------------------------------------ */

odd_status engine_train(struct testing *t, const char *data, const char *model,
                        const char *settings, char **report)
{
    char all[512];
    struct odd_dataset *ds = NULL;
    snprintf(all, sizeof(all), "%s%s", ENGINE_TINY, settings);
    struct odd_options *o = engine_options(t, all);
    odd_status status = odd_dataset_open(t->ctx, testing_path(t, data), o, &ds);
    if (status == ODD_OK)
        status = odd_train(t->ctx, ds, o, testing_path(t, model), report);
    odd_dataset_free(ds);
    odd_options_free(o);
    return status;
}

void engine_train_well(struct testing *t, const char *data, const char *model, const char *settings)
{
    const odd_status status = engine_train(t, data, model, settings, NULL);
    if (status != ODD_OK)
        fail_msg("training with '%s': %s: %s", settings, odd_status_name(status),
                 odd_last_message(t->ctx));
}

struct odd_model *engine_load(struct testing *t, const char *model)
{
    struct odd_model *m = NULL;
    const odd_status status = odd_model_load(t->ctx, testing_path(t, model), &m);
    if (status != ODD_OK)
        fail_msg("loading %s: %s: %s", model, odd_status_name(status), odd_last_message(t->ctx));
    return m;
}

odd_status engine_eval(struct testing *t, const struct odd_model *m, const char *data,
                       const char *settings, json_t **report)
{
    struct odd_dataset *ds = NULL;
    struct odd_options *o = engine_options(t, settings);
    char *text = NULL;
    odd_status status = odd_dataset_open(t->ctx, testing_path(t, data), o, &ds);
    if (status == ODD_OK)
        status = odd_eval(t->ctx, m, ds, o, &text);
    if (status == ODD_OK)
        *report = engine_json(t, text);
    else
        assert_null(text);
    odd_dataset_free(ds);
    odd_options_free(o);
    return status;
}

double engine_score(struct testing *t, struct odd_scorer *s, const char *name, bool want_map)
{
    struct odd_result *r = NULL;
    const odd_status status = odd_scorer_score_file(s, testing_path(t, name), want_map, &r);
    if (status != ODD_OK)
        fail_msg("scoring %s: %s", name, odd_last_message(t->ctx));
    const double score = odd_result_score(r);
    odd_result_free(r);
    return score;
}

/* ---- files --------------------------------------------------------------------------------- */

bool engine_exists(struct testing *t, const char *name)
{
    struct oddi_stat st;
    return oddi_os_stat(testing_path(t, name), &st) == 0 && st.kind != ODDI_FILE_NONE;
}

unsigned char *engine_read(struct testing *t, const char *name, size_t *size)
{
    char *data = NULL;
    assert_int_equal(oddi_file_read(t->ctx, testing_path(t, name), (size_t)1 << 26, &data, size),
                     ODD_OK);
    return (unsigned char *)data;
}

void engine_assert_same_file(struct testing *t, const char *a, const char *b)
{
    size_t size_a = 0, size_b = 0;
    unsigned char *x = engine_read(t, a, &size_a), *y = engine_read(t, b, &size_b);
    const bool same = size_a == size_b && memcmp(x, y, size_a) == 0;
    odd_text_free(t->ctx, (char *)x);
    odd_text_free(t->ctx, (char *)y);
    if (!same)
        fail_msg("%s and %s differ", a, b);
}

struct engine_names {
    const char *part;
    int count;
};

static int engine_name(void *user, const char *name)
{
    struct engine_names *n = user;
    n->count += strstr(name, n->part) != NULL;
    return 0;
}

int engine_count_files(struct testing *t, const char *name, const char *part)
{
    struct engine_names n = {part, 0};
    assert_int_equal(oddi_os_list(name[0] ? testing_path(t, name) : t->folder, engine_name, &n), 0);
    return n.count;
}

void engine_copy(struct testing *t, const char *from, const char *to)
{
    size_t size = 0;
    unsigned char *data = engine_read(t, from, &size);
    testing_write(t, to, data, size);
    odd_text_free(t->ctx, (char *)data);
}

/* ---- answers ------------------------------------------------------------------------------- */

json_t *engine_json(struct testing *t, char *text)
{
    json_t *json = NULL;
    assert_non_null(text);
    assert_int_equal(oddi_json_parse(t->ctx, text, strlen(text), "answer", &json), ODD_OK);
    odd_text_free(t->ctx, text);
    return json;
}

const json_t *engine_at(const json_t *json, const char *path)
{
    const char *whole = path;
    while (*path) {
        char key[64];
        const size_t length = strcspn(path, ".");
        snprintf(key, sizeof(key), "%.*s", (int)length, path);
        json = json_object_get(json, key);
        if (!json)
            fail_msg("no '%s' of '%s'", key, whole);
        path += length + (path[length] == '.');
    }
    return json;
}

double engine_number(const json_t *json, const char *path)
{
    const json_t *found = engine_at(json, path);
    if (!json_is_number(found))
        fail_msg("'%s' is not a number", path);
    return json_number_value(found);
}

const char *engine_text(const json_t *json, const char *path)
{
    const json_t *found = engine_at(json, path);
    if (!json_is_string(found))
        fail_msg("'%s' is not text", path);
    return json_string_value(found);
}

json_t *engine_info(struct testing *t, const char *model)
{
    char *text = NULL;
    struct odd_model *m = engine_load(t, model);
    assert_int_equal(odd_model_info(m, &text), ODD_OK);
    odd_model_free(m);
    return engine_json(t, text);
}

void engine_assert_message(struct testing *t, const char *part)
{
    if (!strstr(odd_last_message(t->ctx), part))
        fail_msg("the message has no '%s': %s", part, odd_last_message(t->ctx));
}

/* ---- progress ------------------------------------------------------------------------------ */

static void engine_listen(void *user, const char *json)
{
    struct engine_watch *w = user;
    if (!strstr(json, w->text))
        return;
    snprintf(w->last, sizeof(w->last), "%s", json);
    if (++w->seen == w->stop_at)
        odd_context_cancel(w->ctx);
}

void engine_watch(struct testing *t, struct engine_watch *w, const char *text, int stop_at)
{
    *w = (struct engine_watch){.ctx = t->ctx, .text = text, .stop_at = stop_at};
    odd_context_on_progress(t->ctx, engine_listen, w);
}

void engine_unwatch(struct testing *t)
{
    odd_context_on_progress(t->ctx, NULL, NULL);
    odd_context_reset_cancel(t->ctx);
}

/* ---- pictures ------------------------------------------------------------------------------ */

#define ENGINE_TIFF_TAGS 10
#define ENGINE_TIFF_DATA 256 /* where the samples begin */

struct engine_tag {
    uint16_t tag, type; /* type 3: 16 bits, 4: 32 bits */
    uint32_t count, value;
};

static void engine_le(unsigned char *at, int bytes, uint32_t v)
{
    for (int i = 0; i < bytes; i++)
        at[i] = (unsigned char)(v >> (8 * i));
}

static void engine_tiff_samples(unsigned char *at, const int side[2], int bands, int bits, int seed)
{
    for (int y = 0; y < side[1]; y++)
        for (int x = 0; x < side[0]; x++)
            for (int b = 0; b < bands; b++) {
                const double v =
                    0.5 + 0.2 * sin(0.31 * x + seed) + 0.2 * cos(0.23 * y + 0.7 * b - seed);
                engine_le(at, bits / 8, (uint32_t)(v * (bits == 8 ? 255.0 : 65535.0)));
                at += bits / 8;
            }
}

void engine_tiff(struct testing *t, const char *name, struct engine_look look, int seed)
{
    const int width = look.width, height = look.height, bands = look.bands, bits = look.bits;
    const uint32_t size = (uint32_t)(width * height * bands * bits / 8);
    const int side[2] = {width, height};
    const int colours = bands >= 3 && bands <= 4 ? 3 : 1;
    const struct engine_tag tags[ENGINE_TIFF_TAGS] = {
        {256, 3, 1, (uint32_t)width},
        {257, 3, 1, (uint32_t)height},
        {258, 3, (uint32_t)bands, bands > 2 ? 160 : (uint32_t)(bits | bits << 16)},
        {259, 3, 1, 1},
        {262, 3, 1, colours == 3 ? 2 : 1},
        {273, 4, 1, ENGINE_TIFF_DATA},
        {277, 3, 1, (uint32_t)bands},
        {278, 3, 1, (uint32_t)height},
        {279, 4, 1, size},
        {338, 3, (uint32_t)(bands - colours),
         bands - colours > 2 ? 200
         : bands == 4        ? 2
                             : 0}}; /* 2: alpha */
    const int count = bands > colours ? ENGINE_TIFF_TAGS : ENGINE_TIFF_TAGS - 1;
    unsigned char *file = calloc(ENGINE_TIFF_DATA + size, 1);
    assert_non_null(file);
    memcpy(file, "II*\0\10\0\0\0", 8);
    engine_le(file + 8, 2, (uint32_t)count);
    for (int i = 0; i < count; i++) {
        unsigned char *at = file + 10 + 12 * i;
        engine_le(at, 2, tags[i].tag);
        engine_le(at + 2, 2, tags[i].type);
        engine_le(at + 4, 4, tags[i].count);
        engine_le(at + 8, 4, tags[i].value);
    }
    for (int b = 0; b < bands && bands > 2; b++)
        engine_le(file + 160 + 2 * b, 2, (uint32_t)bits);
    engine_tiff_samples(file + ENGINE_TIFF_DATA, side, bands, bits, seed);
    testing_write(t, name, file, ENGINE_TIFF_DATA + size);
    free(file);
}

static void fake_fill(struct odd_context *ctx, const struct oddi_net_tensor *t, uint64_t number,
                      bool nan, float **values)
{
    struct oddi_rng rng;
    const int64_t n = oddi_shape_count(&t->shape),
                  fan = t->shape.rank == 4 ? n / t->shape.dim[0] : 1;
    oddi_rng_init(&rng, 5, ODDI_RNG_TEST, number, 0);
    *values = oddi_alloc_array(ctx, (size_t)n, sizeof(float));
    assert_non_null(*values);
    for (int64_t i = 0; i < n; i++)
        (*values)[i] =
            t->shape.rank == 4 ? sqrtf(2.0f / (float)fan) * oddi_rng_normal(&rng) : 0.01f;
    if (nan)
        (*values)[n / 2] = NAN;
}

void engine_expert(struct testing *t, const char *network, const char *name,
                   const struct engine_fake *f)
{
    struct oddi_st_writer w;
    struct oddi_net_tensor *list = NULL;
    size_t n = 0;
    float *values[512] = {NULL};
    static const float extra[3] = {1, 2, 3};
    oddi_st_writer_init(&w, t->ctx);
    assert_int_equal(oddi_net_tensors(t->ctx, oddi_net_find(network), &list, &n), ODD_OK);
    assert_true(n > 0 && n < ODDI_COUNT(values));
    for (size_t i = 0; i < n; i++) {
        char full[ODDI_NET_NAME + 32];
        if ((list[i].head && !f->head) || (f->without && strcmp(f->without, list[i].name) == 0))
            continue;
        snprintf(full, sizeof(full), "%s%s", f->prefix, list[i].name);
        fake_fill(t->ctx, &list[i], i, f->nan && i == 2, &values[i]);
        struct oddi_st_tensor to = {.name = full,
                                    .dtype = ODDI_ST_F32,
                                    .rank = list[i].shape.rank,
                                    .data = (const unsigned char *)values[i],
                                    .size = (size_t)oddi_shape_count(&list[i].shape) * 4};
        memcpy(to.dim, list[i].shape.dim, sizeof(list[i].shape.dim));
        assert_int_equal(oddi_st_writer_add(&w, &to), ODD_OK);
    }
    const struct oddi_st_tensor more = {.name = "optimizer.step",
                                        .dtype = ODDI_ST_F32,
                                        .rank = 1,
                                        .dim = {3},
                                        .data = (const unsigned char *)extra,
                                        .size = sizeof(extra)};
    if (f->extra)
        assert_int_equal(oddi_st_writer_add(&w, &more), ODD_OK);
    assert_int_equal(oddi_st_writer_save(&w, testing_path(t, name), NULL), ODD_OK);
    oddi_st_writer_release(&w);
    for (size_t i = 0; i < n; i++)
        oddi_free(t->ctx, values[i]);
    oddi_free(t->ctx, list);
}
