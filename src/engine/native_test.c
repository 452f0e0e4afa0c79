/* SPDX-License-Identifier: Apache-2.0
 *
 * size=native: the size that comes out, that it is nothing but that size with padding, and maps in
 * the coordinates of pictures of any aspect.
 */
#include "engine/support_test.h"

#include <stdio.h>
#include <string.h>

#define NATIVE_SMALL "variant=ae hold-out=3 "

/* 9 wide pictures and 4 tall ones; and one that is no picture. */
static void native_begin(struct testing *t, const char *name)
{
    char file[64];
    testing_init(t, name);
    for (int i = 0; i < 13; i++) {
        const struct engine_look wide = {64, 20 + i % 3, 3, 8}, tall = {20, 64, 3, 8};
        snprintf(file, sizeof(file), "good/%02d.tiff", i);
        engine_tiff(t, file, i < 9 ? wide : tall, i);
    }
    testing_text(t, "good/no.png", "no picture");
}

static void native_train(struct testing *t, const char *model, const char *settings)
{
    char all[512];
    snprintf(all, sizeof(all), NATIVE_SMALL "%s", settings);
    engine_train_well(t, "good", model, all);
}

/* Median aspect 64 / 21; side 48: 83.8 x 27.5 in multiples of 32 is 96 x 32. */
static void test_size(void **unused)
{
    struct testing t;
    (void)unused;
    native_begin(&t, "native");
    native_train(&t, "native", "size=native:48");
    native_train(&t, "named", "size=96x32 fit=pad");
    engine_assert_same_file(&t, "native", "named");
    json_t *info = engine_info(&t, "native");
    assert_string_equal(engine_text(info, "config.size"), "96x32");
    assert_string_equal(engine_text(info, "config.fit"), "pad");
    json_decref(info);
    native_train(&t, "crop", "size=native:48 fit=crop"); /* as one wishes */
    info = engine_info(&t, "crop");
    assert_string_equal(engine_text(info, "config.fit"), "crop");
    json_decref(info);
    /* of the preset's area: small has 32 x 32 */
    native_train(&t, "preset", "size=native");
    info = engine_info(&t, "preset");
    assert_string_equal(engine_text(info, "config.size"), "64x32");
    json_decref(info);
    testing_release(&t);
}

static void test_resume(void **unused)
{
    struct testing t;
    struct engine_watch w;
    (void)unused;
    native_begin(&t, "native_resume");
    native_train(&t, "whole", "size=native:48");
    engine_watch(&t, &w, "\"event\":\"step\"", 1);
    assert_int_equal(engine_train(&t, "good", "model", NATIVE_SMALL "size=native:48", NULL),
                     ODD_ECANCELLED);
    engine_unwatch(&t);
    odd_context_reset_cancel(t.ctx);
    native_train(&t, "model", "size=native:48 resume=true");
    engine_assert_same_file(&t, "model", "whole");
    testing_release(&t);
}

/* A tall picture lies in the middle of the wide input; its map has its own size. */
static void test_maps(void **unused)
{
    static const char *const names[] = {"good/01.tiff", "good/12.tiff"};
    struct testing t;
    struct odd_scorer *s = NULL;
    (void)unused;
    native_begin(&t, "native_maps");
    native_train(&t, "model", "size=native:48");
    struct odd_model *m = engine_load(&t, "model");
    assert_int_equal(odd_scorer_new(t.ctx, m, &s), ODD_OK);
    for (size_t i = 0; i < ODDI_COUNT(names); i++) {
        struct odd_result *r = NULL;
        const float *map = NULL;
        int64_t width = 0, height = 0;
        assert_int_equal(odd_scorer_score_file(s, testing_path(&t, names[i]), true, &r), ODD_OK);
        assert_int_equal(odd_result_map(r, &map, &width, &height), ODD_OK);
        assert_int_equal(width, i ? 20 : 64);
        assert_int_equal(height, i ? 64 : 21);
        odd_result_free(r);
    }
    odd_scorer_free(s);
    odd_model_free(m);
    testing_release(&t);
}

static void test_refuses(void **unused)
{
    static const char *const bad[] = {"size=native:", "size=native:native", "size=native:4",
                                      "size=natives", "size=native48"};
    struct testing t;
    (void)unused;
    native_begin(&t, "native_refuses");
    for (size_t i = 0; i < ODDI_COUNT(bad); i++) {
        char all[256];
        snprintf(all, sizeof(all), NATIVE_SMALL "%s", bad[i]);
        assert_int_equal(engine_train(&t, "good", "model", all, NULL), ODD_ECONFIG);
        engine_assert_message(&t, "native");
    }
    testing_release(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_size),
        cmocka_unit_test(test_resume),
        cmocka_unit_test(test_maps),
        cmocka_unit_test(test_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
