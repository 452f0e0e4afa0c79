/* SPDX-License-Identifier: Apache-2.0
 *
 * Explanations over a bank with an expert of random weights: the patches that are shown, where the
 * normal ones beside them come from, what is said of them; the same for any threads.
 */
#include "engine/support_test.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "engine/explain_int.h"
#include "image/image.h"
#include "../tests/support/fault_alloc.h"

#define EXPLAIN_MODEL "method=bank size=64 hold-out=12 coreset-count=300 taps=4,8 score=max "

static void explain_begin(struct testing *t, const char *name, const char *settings)
{
    char all[1024];
    struct odd_dataset *ds = NULL;
    testing_init(t, name);
    engine_synth(t, "set", 24);
    engine_expert(t, "squeezenet1_1", "expert", &(struct engine_fake){.prefix = ""});
    snprintf(all, sizeof(all), "%s%s expert=%s", EXPLAIN_MODEL, settings,
             testing_path(t, "expert"));
    struct odd_options *o = engine_options(t, all);
    assert_int_equal(odd_dataset_open(t->ctx, testing_path(t, "set"), o, &ds), ODD_OK);
    if (odd_train(t->ctx, ds, o, testing_path(t, "model"), NULL) != ODD_OK)
        fail_msg("training: %s", odd_last_message(t->ctx));
    odd_dataset_free(ds);
    odd_options_free(o);
}

static odd_status explain(struct testing *t, const char *model, const char *picture,
                          const char *normals, json_t **report)
{
    char from[512], all[600] = "", page[512], *text = NULL;
    struct odd_model *m = engine_load(t, model);
    snprintf(from, sizeof(from), "%s", testing_path(t, picture));
    snprintf(page, sizeof(page), "%s", testing_path(t, "page.png"));
    if (normals)
        snprintf(all, sizeof(all), "normals=%s", testing_path(t, normals));
    struct odd_options *o = engine_options(t, all);
    const odd_status status = odd_explain(t->ctx, m, from, o, page, report ? &text : NULL);
    odd_options_free(o);
    odd_model_free(m);
    if (report && status == ODD_OK)
        *report = engine_json(t, text);
    return status;
}

static json_t *explain_well(struct testing *t, const char *model, const char *picture,
                            const char *normals)
{
    json_t *report = NULL;
    if (explain(t, model, picture, normals, &report) != ODD_OK)
        fail_msg("explaining %s: %s", picture, odd_last_message(t->ctx));
    return report;
}

static const json_t *patch_at(const json_t *report, size_t i)
{
    const json_t *patch = json_array_get(engine_at(report, "patches"), i);
    assert_non_null(patch);
    return patch;
}

static const json_t *near_at(const json_t *report, size_t i, size_t k)
{
    const json_t *near = json_array_get(engine_at(patch_at(report, i), "nearest"), k);
    assert_non_null(near);
    return near;
}

static struct oddi_rect rect_of(const json_t *patch)
{
    return (struct oddi_rect){
        (int64_t)engine_number(patch, "x"), (int64_t)engine_number(patch, "y"),
        (int64_t)engine_number(patch, "width"), (int64_t)engine_number(patch, "height")};
}

static bool covers_defect(struct testing *t, const char *mask, const struct oddi_rect *r)
{
    struct oddi_picture *p = NULL;
    bool any = false;
    assert_int_equal(oddi_image_load(t->ctx, testing_path(t, mask), ODDI_IMAGE_BUDGET, &p), ODD_OK);
    for (int64_t y = r->y; y < r->y + r->height; y++)
        for (int64_t x = r->x; x < r->x + r->width; x++)
            any = any || ((const uint8_t *)p->data)[(y * p->width + x) * p->bands];
    oddi_picture_free(t->ctx, p);
    return any;
}

/* Farthest patch first, on the defect; none overlaps another; beside it what the folder holds. */
static void test_by_content(void **unused)
{
    struct testing t;
    (void)unused;
    explain_begin(&t, "explain_content", "size=128");
    json_t *r = explain_well(&t, "model", "set/test/spot/000.png", "set");
    assert_string_equal(engine_text(r, "normals"), "content");
    const size_t n = json_array_size(engine_at(r, "patches"));
    assert_true(n >= 2 && n <= EXPLAIN_PATCHES);
    for (size_t i = 0; i < n; i++) {
        const struct oddi_rect a = rect_of(patch_at(r, i));
        assert_true(a.x >= 0 && a.y >= 0 && a.x + a.width <= 32 && a.y + a.height <= 32);
        assert_non_null(strstr(engine_text(near_at(r, i, 0), "path"), "set/train/good/"));
        assert_true(json_is_true(engine_at(near_at(r, i, 0), "shown")));
        assert_true(engine_text(patch_at(r, i), "differs")[0]);
        for (size_t k = 0; k < i; k++) {
            const struct oddi_rect b = rect_of(patch_at(r, k));
            assert_true(a.x >= b.x + b.width || b.x >= a.x + a.width || a.y >= b.y + b.height ||
                        b.y >= a.y + a.height);
            assert_true(engine_number(patch_at(r, k), "distance") >=
                        engine_number(patch_at(r, i), "distance"));
        }
    }
    const struct oddi_rect first = rect_of(patch_at(r, 0));
    assert_true(covers_defect(&t, "set/ground_truth/spot/000_mask.png", &first));
    /* score=max is the first patch's distance, which is that of its nearest learnt cell */
    assert_true(engine_number(r, "score") == engine_number(patch_at(r, 0), "distance"));
    assert_true(engine_number(near_at(r, 0, 0), "distance") >=
                engine_number(patch_at(r, 0), "distance"));
    json_decref(r);
    testing_release(&t);
}

/* Pictures that the model does not know: what is nearest of their own cells. */
static void test_by_features(void **unused)
{
    struct testing t;
    (void)unused;
    explain_begin(&t, "explain_features", "");
    json_t *r = explain_well(&t, "model", "set/test/spot/000.png", "set/test/good");
    assert_string_equal(engine_text(r, "normals"), "features");
    assert_non_null(strstr(engine_text(near_at(r, 0, 0), "path"), "set/test/good/"));
    assert_null(json_object_get(near_at(r, 0, 0), "picture"));
    assert_true(engine_number(near_at(r, 0, 0), "distance") <=
                engine_number(near_at(r, 0, 1), "distance"));
    json_decref(r);
    /* A picture beside itself differs in nothing. */
    r = explain_well(&t, "model", "set/test/good/001.png", "set/test/good");
    assert_non_null(strstr(engine_text(near_at(r, 0, 0), "path"), "001.png"));
    assert_true(engine_number(near_at(r, 0, 0), "distance") == 0.0);
    assert_true(engine_number(patch_at(r, 0), "brighter") == 0.0);
    json_decref(r);
    testing_release(&t);
}

static void test_from_the_model(void **unused)
{
    struct testing t;
    (void)unused;
    explain_begin(&t, "explain_model", "keep-pictures=true");
    json_t *r = explain_well(&t, "model", "set/test/spot/000.png", NULL);
    assert_string_equal(engine_text(r, "normals"), "model");
    assert_true(json_is_true(engine_at(near_at(r, 0, 0), "shown")));
    assert_null(json_object_get(near_at(r, 0, 0), "path"));
    /* Thumbnails of pictures this small are the pictures. */
    json_t *same = explain_well(&t, "model", "set/test/spot/000.png", "set");
    assert_string_equal(engine_text(same, "normals"), "content");
    assert_string_equal(engine_text(patch_at(same, 0), "differs"),
                        engine_text(patch_at(r, 0), "differs"));
    assert_true(engine_number(patch_at(same, 0), "edges") ==
                engine_number(patch_at(r, 0), "edges"));
    json_decref(same);
    json_decref(r);
    json_t *info = engine_info(&t, "model");
    assert_true(engine_number(info, "pictures.count") == 12);
    json_decref(info);
    testing_release(&t);
}

static void test_without_pictures(void **unused)
{
    struct testing t;
    (void)unused;
    for (int tiled = 0; tiled < 2; tiled++) {
        explain_begin(&t, "explain_none", tiled ? "tile-scale=4" : "fit=pad");
        json_t *r = explain_well(&t, "model", "set/test/spot/000.png", NULL);
        assert_string_equal(engine_text(r, "normals"), "none");
        assert_true(json_is_false(engine_at(near_at(r, 0, 0), "shown")));
        assert_null(json_object_get(patch_at(r, 0), "differs"));
        const struct oddi_rect first = rect_of(patch_at(r, 0));
        assert_true(covers_defect(&t, "set/ground_truth/spot/000_mask.png", &first));
        json_decref(r);
        r = explain_well(&t, "model", "set/test/spot/000.png", "set");
        assert_true(json_is_true(engine_at(near_at(r, 0, 0), "shown")));
        json_decref(r);
        testing_release(&t);
    }
}

static void test_bits(void **unused)
{
    struct testing t;
    (void)unused;
    explain_begin(&t, "explain_bits", "keep-pictures=true");
    for (int k = 0; k < 3; k++) {
        static const char *const normals[] = {NULL, "set", "set/test/good"};
        assert_int_equal(odd_context_set_threads(t.ctx, 1), ODD_OK);
        json_t *one = explain_well(&t, "model", "set/test/scratch/001.png", normals[k]);
        engine_copy(&t, "page.png", "one.png");
        assert_int_equal(odd_context_set_threads(t.ctx, 3), ODD_OK);
        json_t *three = explain_well(&t, "model", "set/test/scratch/001.png", normals[k]);
        engine_assert_same_file(&t, "page.png", "one.png");
        assert_true(json_equal(one, three));
        json_decref(one);
        json_decref(three);
    }
    struct oddi_picture *page = NULL;
    assert_int_equal(oddi_image_load(t.ctx, testing_path(&t, "page.png"), ODDI_IMAGE_BUDGET, &page),
                     ODD_OK);
    assert_int_equal(page->bands, 3);
    oddi_picture_free(t.ctx, page);
    testing_release(&t);
}

/* ---- what is said -------------------------------------------------------------------------- */

static void fill(struct testing *t, struct oddi_planes *p, const float colour[3], float stripes)
{
    assert_int_equal(oddi_planes_init(t->ctx, 24, 20, 3, p), ODD_OK);
    for (int b = 0; b < 3; b++)
        for (int i = 0; i < 24 * 20; i++)
            p->data[b * 24 * 20 + i] = colour[b] * (1 + (i % 4 < 2 ? stripes : -stripes));
}

static void test_words(void **unused)
{
    static const struct {
        float colour[3], stripes;
        const char *says;
    } cases[] = {{{0.5f, 0.5f, 0.5f}, 0.1f, "as bright"},
                 {{0.4f, 0.4f, 0.4f}, 0.125f, "20 % darker"},
                 {{0.6f, 0.6f, 0.6f}, 0.0833f, "20 % brighter"},
                 {{0.7f, 0.4f, 0.4f}, 0.1f, "redder"},
                 {{0.5f, 0.5f, 0.3f}, 0.1f, "yellower"},
                 {{0.5f, 0.5f, 0.5f}, 0.2f, "more edges (+100 %)"},
                 {{0.5f, 0.5f, 0.5f}, 0.0f, "fewer edges (-100 %)"}};
    static const float grey[3] = {0.5f, 0.5f, 0.5f};
    struct testing t;
    (void)unused;
    testing_init(&t, "explain_words");
    for (size_t i = 0; i < ODDI_COUNT(cases); i++) {
        struct explain_run r = {.ctx = t.ctx, .patches = 1};
        struct explain_patch *p = &r.patch[0];
        fill(&t, &p->crop, cases[i].colour, cases[i].stripes);
        fill(&t, &p->near[0].crop, grey, 0.1f);
        p->nears = 1;
        assert_int_equal(oddi_explain_words(&r), ODD_OK);
        if (!strstr(p->words.text, cases[i].says))
            fail_msg("%s: %s", cases[i].says, p->words.text);
        oddi_planes_release(t.ctx, &p->crop);
        oddi_planes_release(t.ctx, &p->near[0].crop);
    }
    testing_release(&t);
}

/* ---- what cannot be ------------------------------------------------------------------------ */

static void test_refuses(void **unused)
{
    struct testing t;
    (void)unused;
    explain_begin(&t, "explain_refuses", "");
    assert_int_equal(explain(&t, "model", "none.png", NULL, NULL), ODD_EIO);
    assert_int_equal(explain(&t, "model", "set/test/spot/000.png", "nowhere", NULL), ODD_EIO);
    engine_train_well(&t, "set", "daad", "hold-out=12 method=daad ");
    assert_int_equal(explain(&t, "daad", "set/test/spot/000.png", NULL, NULL), ODD_ENOTSUP);
    assert_false(engine_exists(&t, "page.png"));
    testing_release(&t);
}

/* Cells that have no place, pictures that there are not, thumbnails that do not fit. */
static void test_hostile(void **unused)
{
    static const struct {
        const char *name;
        odd_status status;
    } cases[] = {{"fit.cell", ODD_OK},
                 {"fit.picture", ODD_OK},
                 {"keep.thumb_sizes", ODD_EFORMAT},
                 {"keep.thumbs", ODD_EFORMAT}};
    struct testing t;
    (void)unused;
    explain_begin(&t, "explain_hostile", "keep-pictures=true");
    for (size_t k = 0; k < ODDI_COUNT(cases); k++) {
        struct oddi_model_file from, to;
        int64_t *changed = NULL;
        oddi_model_file_init(&from, t.ctx);
        oddi_model_file_init(&to, t.ctx);
        assert_int_equal(oddi_model_file_load(&from, testing_path(&t, "model")), ODD_OK);
        for (size_t i = 0; i < oddi_model_file_count(&from); i++) {
            struct oddi_stored x = *oddi_model_file_at(&from, i);
            if (strcmp(x.name, cases[k].name) == 0 && x.type == ODDI_I64) {
                changed = malloc(x.size);
                for (size_t j = 0; j < x.size / sizeof(*changed); j++)
                    changed[j] = INT64_MAX / 4;
                x.data = changed;
            } else if (strcmp(x.name, cases[k].name) == 0) {
                x.shape.dim[0]--;
            }
            if (!oddi_starts_with(x.name, "calibration."))
                assert_int_equal(oddi_model_file_add(&to, x.name, x.type, &x.shape, x.data),
                                 ODD_OK);
        }
        struct oddi_stored_calibration c;
        assert_int_equal(oddi_model_file_calibration(&from, 0, &c), ODD_OK);
        assert_int_equal(oddi_model_file_add_calibration(&to, &c), ODD_OK);
        assert_int_equal(oddi_model_file_set(&to, from.method, from.json), ODD_OK);
        assert_int_equal(oddi_model_file_save(&to, testing_path(&t, "bad")), ODD_OK);
        if (explain(&t, "bad", "set/test/spot/000.png", NULL, NULL) != cases[k].status)
            fail_msg("%s: %s", cases[k].name, odd_last_message(t.ctx));
        if (cases[k].status == ODD_OK)
            assert_int_equal(explain(&t, "bad", "set/test/spot/000.png", "set", NULL), ODD_OK);
        oddi_model_file_release(&to);
        oddi_model_file_release(&from);
        free(changed);
    }
    testing_release(&t);
}

static void test_out_of_memory(void **unused)
{
    struct testing t;
    char model[512], picture[512], page[512], normals[512];
    (void)unused;
    explain_begin(&t, "explain_memory", "keep-pictures=true size=32 taps=4");
    snprintf(model, sizeof(model), "%s", testing_path(&t, "model"));
    snprintf(picture, sizeof(picture), "%s", testing_path(&t, "set/test/spot/000.png"));
    snprintf(page, sizeof(page), "%s", testing_path(&t, "page.png"));
    snprintf(normals, sizeof(normals), "%s", testing_path(&t, "set/train/good"));
    for (int with = 0; with < 2; with++)
        for (long n = 1;; n += 1 + n / 10) {
            struct fault_alloc fault;
            struct odd_options *o = NULL;
            struct odd_model *m = NULL;
            char *text = NULL;
            fault_alloc_init(&fault);
            struct odd_context *ctx = fault_context(&fault);
            assert_int_equal(odd_options_new(ctx, &o), ODD_OK);
            if (with)
                assert_int_equal(odd_options_set(o, "normals", normals), ODD_OK);
            assert_int_equal(odd_model_load(ctx, model, &m), ODD_OK);
            fault_alloc_arm(&fault, n);
            const odd_status status = odd_explain(ctx, m, picture, o, page, &text);
            const bool failed = fault_alloc_disarm(&fault);
            if (status != (failed ? ODD_ENOMEM : ODD_OK))
                fail_msg("allocation %ld: %s: %s", n, odd_status_text(status),
                         odd_last_message(ctx));
            assert_true((text != NULL) == (status == ODD_OK));
            odd_text_free(ctx, text);
            odd_model_free(m);
            odd_options_free(o);
            odd_context_free(ctx);
            assert_int_equal(fault.live, 0);
            if (!failed)
                break;
        }
    testing_release(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_content),     cmocka_unit_test(test_by_features),
        cmocka_unit_test(test_from_the_model), cmocka_unit_test(test_without_pictures),
        cmocka_unit_test(test_bits),           cmocka_unit_test(test_words),
        cmocka_unit_test(test_refuses),        cmocka_unit_test(test_hostile),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
