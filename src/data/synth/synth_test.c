/* SPDX-License-Identifier: Apache-2.0
 *
 * The generator: equal numbers give equal pictures, masks say exactly what was changed and are
 * never empty, options are checked by name, and the folder has MVTec's layout.
 */
#include "data/synth/synth.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/file.h"
#include "base/os.h"

enum { SIDE = 64, AREA = SIDE * SIDE };

static struct oddi_synth_which synth_test_which(int kind, int defect, int index)
{
    return (struct oddi_synth_which){.kind = (enum oddi_synth_kind)kind,
                                     .defect = (enum oddi_synth_defect)defect,
                                     .seed = 5,
                                     .part = defect == ODDI_SYNTH_NONE ? 0 : 2 + defect,
                                     .index = index,
                                     .size = SIDE,
                                     .strength = 1};
}

static void same_numbers_same_picture(void **state)
{
    static unsigned char a[3 * AREA], b[3 * AREA];
    (void)state;
    for (int kind = 0; kind < ODDI_SYNTH_KINDS; kind++) {
        struct oddi_synth_which w = synth_test_which(kind, ODDI_SYNTH_NONE, 3);
        assert_int_equal(oddi_synth_draw(&w, a, NULL), 0);
        oddi_synth_draw(&w, b, NULL);
        assert_memory_equal(a, b, sizeof(a));
        w.index = 4;
        oddi_synth_draw(&w, b, NULL);
        assert_memory_not_equal(a, b, sizeof(a));
        w.index = 3;
        w.part = 1;
        oddi_synth_draw(&w, b, NULL);
        assert_memory_not_equal(a, b, sizeof(a));
        w.part = 0;
        w.seed = 6;
        oddi_synth_draw(&w, b, NULL);
        assert_memory_not_equal(a, b, sizeof(a));
    }
}

static void masks_say_what_changed(void **state)
{
    static unsigned char damaged[3 * AREA], normal[3 * AREA], mask[AREA];
    (void)state;
    for (int kind = 0; kind < ODDI_SYNTH_KINDS; kind++)
        for (int i = 0; i < 4 * ODDI_SYNTH_DEFECTS; i++) {
            struct oddi_synth_which w = synth_test_which(kind, i % ODDI_SYNTH_DEFECTS, i);
            int64_t set = 0, count = oddi_synth_draw(&w, damaged, mask);
            w.defect = ODDI_SYNTH_NONE;
            oddi_synth_draw(&w, normal, NULL);
            for (int p = 0; p < AREA; p++) {
                int most = 0;
                for (int c = 0; c < 3; c++) {
                    int change = abs(damaged[3 * p + c] - normal[3 * p + c]);
                    most = change > most ? change : most;
                }
                assert_int_equal(mask[p], most > ODDI_SYNTH_MASK_LEVEL ? 255 : 0);
                set += mask[p] != 0;
            }
            assert_int_equal(set, count);
            assert_in_range(set, 8, AREA / 4);
        }
}

static void pictures_use_the_grey_range(void **state)
{
    static unsigned char rgb[3 * AREA];
    (void)state;
    for (int kind = 0; kind < ODDI_SYNTH_KINDS; kind++)
        for (int i = 0; i < 5; i++) {
            struct oddi_synth_which w = synth_test_which(kind, ODDI_SYNTH_NONE, i);
            int64_t sum = 0, clipped = 0;
            oddi_synth_draw(&w, rgb, NULL);
            for (int p = 0; p < 3 * AREA; p++) {
                sum += rgb[p];
                clipped += rgb[p] == 0 || rgb[p] == 255;
            }
            assert_in_range(sum / (3 * AREA), 50, 200);
            assert_true(clipped * 50 < 3 * AREA);
        }
}

static void wrong_options_are_refused(void **state)
{
    static const char *const wrong[][3] = {
        {"kind", "marble", "kind"},     {"defects", "scratch,hole", "hole"},
        {"defects", "", "defects"},     {"size", "8", "size"},
        {"size", "100000", "size"},     {"train", "0", "train"},
        {"per-defect", "-1", "per-defect"}, {"strength", "0", "strength"},
        {"seed", "-1", "seed"},         {"colour", "red", "colour"},
    };
    struct odd_context *ctx = NULL;
    (void)state;
    assert_int_equal(odd_context_new(&ctx), ODD_OK);
    for (size_t i = 0; i < ODDI_COUNT(wrong); i++) {
        struct odd_options *o = NULL;
        assert_int_equal(odd_options_new(ctx, &o), ODD_OK);
        assert_int_equal(odd_options_set(o, wrong[i][0], wrong[i][1]), ODD_OK);
        assert_int_equal(odd_synth(ctx, "synth_test_never", o), ODD_ECONFIG);
        assert_non_null(strstr(odd_last_message(ctx), wrong[i][2]));
        odd_options_free(o);
    }
    struct oddi_stat st = {.kind = ODDI_FILE_NONE};
    assert_false(oddi_os_stat("synth_test_never", &st) == 0 && st.kind != ODDI_FILE_NONE);
    odd_context_free(ctx);
}

static int synth_test_count(void *user, const char *name)
{
    (void)name;
    ++*(int *)user;
    return 0;
}

/* What the test wrote, whose names are all known. */
static void synth_test_remove(const char *root)
{
    static const char *const folders[] = {"train/good", "test/good", "test/spot", "test/bent",
                                          "ground_truth/spot", "ground_truth/bent", "train",
                                          "test", "ground_truth", ""};
    char path[160];
    for (size_t i = 0; i < ODDI_COUNT(folders); i++) {
        for (int k = 0; k < 6; k++) {
            snprintf(path, sizeof(path), "%s/%s/%03d%s.png", root, folders[i], k / 2,
                     k % 2 ? "_mask" : "");
            remove(path);
        }
        snprintf(path, sizeof(path), "%s/%s", root, folders[i]);
        remove(path);
    }
}

static void the_folder_has_the_layout(void **state)
{
    static const struct {
        const char *folder;
        int files;
    } expected[] = {{"train/good", 3}, {"test", 3}, {"test/good", 2}, {"test/spot", 2},
                    {"test/bent", 2}, {"ground_truth", 2}, {"ground_truth/spot", 2},
                    {"ground_truth/bent", 2}};
    struct odd_context *ctx = NULL;
    struct oddi_synth_options o;
    char root[64], path[128];
    (void)state;
    assert_int_equal(odd_context_new(&ctx), ODD_OK);
    snprintf(root, sizeof(root), "synth_test_%d_%llu", oddi_os_pid(),
             (unsigned long long)oddi_os_now_ns());
    oddi_synth_options_defaults(&o);
    o.size = 32;
    o.train = 3;
    o.test_normal = o.per_defect = 2;
    o.defects = 1u << ODDI_SYNTH_SPOT | 1u << ODDI_SYNTH_BENT;
    o.kind = ODDI_SYNTH_PARTS;
    odd_status status = oddi_synth_write(ctx, root, &o);
    if (status == ODD_ENOTSUP) { /* a build that writes no pictures */
        synth_test_remove(root);
        odd_context_free(ctx);
        skip();
    }
    assert_int_equal(status, ODD_OK);
    for (size_t i = 0; i < ODDI_COUNT(expected); i++) {
        int count = 0;
        snprintf(path, sizeof(path), "%s/%s", root, expected[i].folder);
        assert_int_equal(oddi_os_list(path, synth_test_count, &count), 0);
        assert_int_equal(count, expected[i].files);
    }
    struct oddi_stat st = {.kind = ODDI_FILE_NONE};
    snprintf(path, sizeof(path), "%s/ground_truth/bent/001_mask.png", root);
    assert_int_equal(oddi_os_stat(path, &st), 0);
    assert_int_equal(st.kind, ODDI_FILE_REGULAR);
    assert_int_equal(oddi_synth_write(ctx, root, &o), ODD_EINVAL);
    assert_non_null(strstr(odd_last_message(ctx), "train"));
    synth_test_remove(root);
    assert_false(oddi_os_stat(root, &st) == 0 && st.kind != ODDI_FILE_NONE);
    odd_context_free(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_numbers_same_picture),
        cmocka_unit_test(masks_say_what_changed),
        cmocka_unit_test(pictures_use_the_grey_range),
        cmocka_unit_test(wrong_options_are_refused),
        cmocka_unit_test(the_folder_has_the_layout),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
