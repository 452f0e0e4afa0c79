/* SPDX-License-Identifier: Apache-2.0
 *
 * A picture's score has the same bits alone and in company, from a file and from pixels, with and
 * without its map, in any order, in several scorers over one model in several threads; and so for
 * every kind of picture: 8 and 16 bits, one band to six, shapes of any aspect.
 */
#include "engine/support_test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/os.h"
#include "image/image.h"

/* ---- order, maps, company ------------------------------------------------------------------ */

#define SCORE_PICTURES 8

static const char *score_name(int i)
{
    static const char *const names[SCORE_PICTURES] = {
        "set/test/good/000.png",    "set/test/good/001.png", "set/test/good/002.png",
        "set/test/good/003.png",    "set/test/spot/000.png", "set/test/scratch/000.png",
        "set/test/scratch/001.png", "set/test/spot/001.png"};
    return names[i % SCORE_PICTURES];
}

static void begin(struct testing *t, const char *name, const char *settings)
{
    testing_init(t, name);
    engine_synth(t, "set", 20);
    engine_train_well(t, "set", "m", settings);
}

static void test_order_and_maps(void **unused)
{
    struct testing t;
    double first[SCORE_PICTURES];
    struct odd_scorer *s = NULL;
    (void)unused;
    begin(&t, "order", "variant=daad+");
    struct odd_model *m = engine_load(&t, "m");
    for (int i = 0; i < SCORE_PICTURES; i++) { /* each with a scorer of its own */
        assert_int_equal(odd_context_set_threads(t.ctx, 1 + 2 * (i % 2)), ODD_OK);
        assert_int_equal(odd_scorer_new(t.ctx, m, &s), ODD_OK);
        first[i] = engine_score(&t, s, score_name(i), false);
        odd_scorer_free(s);
    }
    assert_int_equal(odd_scorer_new(t.ctx, m, &s), ODD_OK);
    for (int i = 0; i < 5 * SCORE_PICTURES; i++) {
        const int k = (3 * i + i / SCORE_PICTURES) % SCORE_PICTURES;
        assert_true(engine_score(&t, s, score_name(k), i % 2) == first[k]);
    }
    odd_scorer_free(s);
    odd_model_free(m);
    testing_release(&t);
}

/* After a picture that could not be scored the next one is as ever. */
static void test_failures_leave_no_trace(void **unused)
{
    struct testing t;
    struct odd_scorer *s = NULL;
    struct odd_result *r = NULL;
    const unsigned char grey = 7;
    float bad[4] = {0, 0, NAN, 0};
    (void)unused;
    begin(&t, "failures", "variant=daad");
    struct odd_model *m = engine_load(&t, "m");
    assert_int_equal(odd_scorer_new(t.ctx, m, &s), ODD_OK);
    const double first = engine_score(&t, s, score_name(0), false);
    testing_text(&t, "empty.png", "");
    testing_text(&t, "text.png", "no picture");
    assert_int_equal(odd_scorer_score_file(s, testing_path(&t, "empty.png"), true, &r),
                     ODD_EFORMAT);
    engine_assert_message(&t, "empty.png");
    assert_int_equal(odd_scorer_score_file(s, testing_path(&t, "text.png"), true, &r), ODD_EFORMAT);
    assert_int_equal(odd_scorer_score_file(s, testing_path(&t, "none.png"), true, &r), ODD_EIO);
    assert_int_equal(odd_scorer_score_file(s, testing_path(&t, "set"), true, &r), ODD_EIO);
    const struct odd_pixels nan = {sizeof(nan), bad, 2, 2, 1, ODD_F32, 0, false};
    assert_int_equal(odd_scorer_score(s, &nan, false, &r), ODD_ENUMERIC);
    struct odd_pixels wrong = {sizeof(wrong), &grey, 1, 1, 1, ODD_U8, 0, false};
    wrong.bands = 17;
    assert_int_equal(odd_scorer_score(s, &wrong, false, &r), ODD_EINVAL);
    wrong.bands = 1;
    wrong.struct_size = 3;
    assert_int_equal(odd_scorer_score(s, &wrong, false, &r), ODD_EINVAL);
    const struct odd_pixels point = {sizeof(point), &grey, 1, 1, 1, ODD_U8, 0, false};
    assert_int_equal(odd_scorer_score(s, &point, true, &r), ODD_OK); /* small, but a picture */
    assert_true(isfinite(odd_result_score(r)));
    odd_result_free(r);
    assert_true(engine_score(&t, s, score_name(0), true) == first);
    odd_scorer_free(s);
    odd_model_free(m);
    testing_release(&t);
}

/* ---- threads ------------------------------------------------------------------------------- */

#define SCORE_THREADS 3

struct score_thread {
    const struct odd_model *model;
    const char *path[SCORE_PICTURES];
    int number;
    bool good;
    double score[SCORE_PICTURES];
    struct oddi_thread *thread;
};

/* A context and a scorer of its own; the model is shared. */
static void score_thread(void *arg)
{
    struct score_thread *w = arg;
    struct odd_context *ctx = NULL;
    struct odd_scorer *s = NULL;
    w->good = odd_context_new(&ctx) == ODD_OK && odd_context_set_threads(ctx, 1) == ODD_OK &&
              odd_scorer_new(ctx, w->model, &s) == ODD_OK;
    for (int i = 0; w->good && i < 3 * SCORE_PICTURES; i++) {
        const int k = (i + w->number) % SCORE_PICTURES;
        struct odd_result *r = NULL;
        w->good = odd_scorer_score_file(s, w->path[k], i % 3 == 0, &r) == ODD_OK;
        w->score[k] = r ? odd_result_score(r) : 0;
        odd_result_free(r);
    }
    odd_scorer_free(s);
    odd_context_free(ctx);
}

static void test_scorers_in_threads(void **unused)
{
    struct testing t;
    struct odd_scorer *s = NULL;
    static char path[SCORE_PICTURES][512];
    struct score_thread work[SCORE_THREADS];
    (void)unused;
    begin(&t, "threads", "variant=daad");
    struct odd_model *m = engine_load(&t, "m");
    for (int k = 0; k < SCORE_PICTURES; k++)
        snprintf(path[k], sizeof(path[k]), "%s", testing_path(&t, score_name(k)));
    for (int i = 0; i < SCORE_THREADS; i++) {
        work[i] = (struct score_thread){.model = m, .number = i};
        for (int k = 0; k < SCORE_PICTURES; k++)
            work[i].path[k] = path[k];
        assert_int_equal(oddi_thread_start(t.ctx, score_thread, &work[i], &work[i].thread), 0);
    }
    for (int i = 0; i < SCORE_THREADS; i++)
        oddi_thread_join(t.ctx, work[i].thread);
    assert_int_equal(odd_scorer_new(t.ctx, m, &s), ODD_OK);
    for (int i = 0; i < SCORE_THREADS; i++) {
        assert_true(work[i].good);
        for (int k = 0; k < SCORE_PICTURES; k++)
            assert_true(work[i].score[k] == engine_score(&t, s, score_name(k), false));
    }
    odd_scorer_free(s);
    odd_model_free(m);
    testing_release(&t);
}

/* ---- kinds of pictures --------------------------------------------------------------------- */

/* The picture as a caller's buffer: with gaps between rows, or in planes. */
static unsigned char *score_buffer(const struct oddi_picture *p, bool planar,
                                   struct odd_pixels *pixels)
{
    const size_t sample = oddi_sample_size(p->type), bands = (size_t)p->bands;
    const size_t width = (size_t)p->width, height = (size_t)p->height;
    const size_t stride = width * sample * (planar ? 1 : bands) + 2 * sample;
    unsigned char *data = malloc(stride * height * (planar ? bands : 1));
    assert_non_null(data);
    memset(data, 0xEE, stride * height * (planar ? bands : 1));
    for (size_t y = 0; y < height; y++)
        for (size_t x = 0; x < width; x++)
            for (size_t b = 0; b < bands; b++) {
                const unsigned char *from =
                    (const unsigned char *)p->data + ((y * width + x) * bands + b) * sample;
                const size_t at = planar ? (b * height + y) * stride + x * sample
                                         : y * stride + (x * bands + b) * sample;
                memcpy(data + at, from, sample);
            }
    *pixels = (struct odd_pixels){sizeof(*pixels), data,    p->width,        p->height,
                                  p->bands,        p->type, (int64_t)stride, planar};
    return data;
}

/* The same bits from the file and from pixels in three arrangements; maps equal, too. */
static void check_forms(struct testing *t, struct odd_scorer *s, const char *path)
{
    struct oddi_picture *p = NULL;
    struct odd_result *file = NULL;
    const float *map = NULL, *other = NULL;
    int64_t w = 0, h = 0;
    assert_int_equal(oddi_image_load(t->ctx, path, ODDI_IMAGE_BUDGET, &p), ODD_OK);
    assert_int_equal(odd_scorer_score_file(s, path, true, &file), ODD_OK);
    assert_int_equal(odd_result_map(file, &map, &w, &h), ODD_OK);
    assert_true(w == p->width && h == p->height);
    for (int form = 0; form < 3; form++) {
        struct odd_pixels pixels = {sizeof(pixels), p->data, p->width, p->height,
                                    p->bands,       p->type, 0,        false};
        struct odd_result *r = NULL;
        unsigned char *data = form ? score_buffer(p, form == 2, &pixels) : NULL;
        assert_int_equal(odd_scorer_score(s, &pixels, true, &r), ODD_OK);
        assert_true(odd_result_score(r) == odd_result_score(file));
        assert_int_equal(odd_result_map(r, &other, &w, &h), ODD_OK);
        assert_memory_equal(map, other, (size_t)(w * h) * sizeof(float));
        odd_result_free(r);
        free(data);
    }
    for (int64_t i = 0; i < w * h; i++)
        assert_true(isfinite(map[i]));
    odd_result_free(file);
    oddi_picture_free(t->ctx, p);
}

static const struct score_kind {
    const char *name;
    struct engine_look look;
    int channels; /* of the network */
} score_kinds[] = {{"grey", {40, 40, 1, 8}, 1},   {"grey16", {40, 40, 1, 16}, 1},
                   {"rgb", {40, 28, 3, 8}, 3},    {"rgb16", {31, 47, 3, 16}, 3},
                   {"rgba", {40, 40, 4, 8}, 3},   {"six", {40, 30, 6, 8}, 6},
                   {"six16", {40, 30, 6, 16}, 6}, {"thin", {60, 9, 1, 8}, 1}};

static void test_kinds_of_pictures(void **unused)
{
    static const char *const fits[] = {"fit=stretch", "fit=pad", "fit=crop",
                                       "fit=pad gain-normalize=true"};
    struct testing t;
    (void)unused;
    testing_init(&t, "kinds");
    assert_int_equal(odd_context_set_threads(t.ctx, 1), ODD_OK);
    for (size_t k = 0; k < ODDI_COUNT(score_kinds); k++) {
        const struct score_kind *kind = &score_kinds[k];
        char name[64], settings[96];
        for (int i = 0; i < 12; i++) {
            snprintf(name, sizeof(name), "%s/%02d.tif", kind->name, i);
            engine_tiff(&t, name, kind->look, i);
        }
        snprintf(settings, sizeof(settings), "steps=4 hold-out=4 variant=ae %s",
                 fits[k % ODDI_COUNT(fits)]);
        engine_train_well(&t, kind->name, "m", settings);
        struct odd_model *m = engine_load(&t, "m");
        json_t *info = engine_info(&t, "m");
        struct odd_scorer *s = NULL;
        assert_int_equal((int)engine_number(info, "input.channels"), kind->channels);
        assert_int_equal(odd_scorer_new(t.ctx, m, &s), ODD_OK);
        check_forms(&t, s, testing_path(&t, name));
        json_decref(info);
        odd_scorer_free(s);
        odd_model_free(m);
    }
    testing_release(&t);
}

/* Pictures of other shapes and bands than those of training, for each way to fit. */
static void test_other_shapes(void **unused)
{
    static const char *const fits[] = {"fit=stretch", "fit=pad", "fit=crop"};
    struct testing t;
    (void)unused;
    testing_init(&t, "shapes");
    engine_synth(&t, "set", 20);
    engine_tiff(&t, "wide.tif", (struct engine_look){130, 20, 3, 8}, 1);
    engine_tiff(&t, "high.tif", (struct engine_look){11, 90, 3, 16}, 2);
    engine_tiff(&t, "grey.tif", (struct engine_look){32, 32, 1, 8}, 3);
    engine_tiff(&t, "six.tif", (struct engine_look){32, 32, 6, 8}, 3);
    for (size_t i = 0; i < ODDI_COUNT(fits); i++) {
        struct odd_scorer *s = NULL;
        struct odd_result *r = NULL;
        engine_train_well(&t, "set", "m", fits[i]);
        struct odd_model *m = engine_load(&t, "m");
        assert_int_equal(odd_scorer_new(t.ctx, m, &s), ODD_OK);
        check_forms(&t, s, testing_path(&t, "wide.tif"));
        check_forms(&t, s, testing_path(&t, "high.tif"));
        check_forms(&t, s, testing_path(&t, "grey.tif")); /* replicated */
        assert_int_equal(odd_scorer_score_file(s, testing_path(&t, "six.tif"), true, &r),
                         ODD_ESHAPE);
        odd_scorer_free(s);
        odd_model_free(m);
    }
    testing_release(&t);
}

/* ---- what a result can write --------------------------------------------------------------- */

static void test_maps_and_overlays(void **unused)
{
    struct testing t;
    struct odd_scorer *s = NULL;
    struct odd_result *with = NULL, *without = NULL;
    struct oddi_picture *p = NULL;
    const float *map = NULL;
    int64_t w = 0, h = 0;
    (void)unused;
    begin(&t, "maps", "variant=daad");
    struct odd_model *m = engine_load(&t, "m");
    const char *path = testing_path(&t, score_name(4));
    assert_int_equal(odd_scorer_new(t.ctx, m, &s), ODD_OK);
    assert_int_equal(odd_scorer_score_file(s, path, true, &with), ODD_OK);
    assert_int_equal(odd_scorer_score_file(s, path, false, &without), ODD_OK);
    assert_int_equal(odd_result_map(without, &map, &w, &h), ODD_ENODATA);
    assert_int_equal(odd_result_write_map(without, testing_path(&t, "no.tiff")), ODD_ENODATA);
    assert_int_equal(odd_result_write_overlay(without, testing_path(&t, "no.png")), ODD_ENODATA);
    assert_int_equal(odd_result_map(with, &map, &w, &h), ODD_OK);
    assert_int_equal(odd_result_write_map(with, testing_path(&t, "map.tiff")), ODD_OK);
    assert_int_equal(odd_result_write_overlay(with, testing_path(&t, "overlay.png")), ODD_OK);
    assert_int_equal(odd_result_write_map(with, "no-such-folder/map.tiff"), ODD_EIO);
    assert_int_equal(odd_result_write_overlay(with, "no-such-folder/overlay.png"), ODD_EIO);
    assert_int_equal(oddi_image_load(t.ctx, testing_path(&t, "map.tiff"), ODDI_IMAGE_BUDGET, &p),
                     ODD_OK);
    assert_true(p->type == ODD_F32 && p->width == w && p->height == h);
    assert_memory_equal(p->data, map, (size_t)(w * h) * sizeof(float));
    oddi_picture_free(t.ctx, p);
    assert_int_equal(oddi_image_load(t.ctx, testing_path(&t, "overlay.png"), ODDI_IMAGE_BUDGET, &p),
                     ODD_OK);
    assert_true(p->type == ODD_U8 && p->bands == 3 && p->width == w && p->height == h);
    oddi_picture_free(t.ctx, p);
    assert_false(engine_exists(&t, "no.tiff") || engine_exists(&t, "no.png"));
    odd_result_free(with);
    odd_result_free(without);
    odd_scorer_free(s);
    odd_model_free(m);
    testing_release(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order_and_maps),     cmocka_unit_test(test_failures_leave_no_trace),
        cmocka_unit_test(test_scorers_in_threads), cmocka_unit_test(test_kinds_of_pictures),
        cmocka_unit_test(test_other_shapes),       cmocka_unit_test(test_maps_and_overlays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
