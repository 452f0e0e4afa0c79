/* SPDX-License-Identifier: Apache-2.0
 * Augmentations: the exact ones are exact, none leaves the range, draws belong to their stream. */
#include "data/support_test.h"

#include <string.h>

#include "data/augment.h"

static struct testing au_t;
static const int64_t au_square[2] = {16, 16}, au_wide[2] = {16, 32};

static void augment_do(const char *text, const int64_t size[2], uint64_t index, float *picture)
{
    struct oddi_augment a;
    struct oddi_rng rng;
    float scratch[2 * 16 * 32];
    for (int i = 0; i < 2 * size[0] * size[1]; i++)
        picture[i] = (float)(i * 7 % 1024);
    assert_int_equal(oddi_augment_parse(au_t.ctx, text, &a), ODD_OK);
    oddi_rng_init(&rng, 1, ODDI_RNG_AUGMENT, 2, index);
    oddi_augment_run(&a, &rng, 2, size, picture, scratch);
}

/* Where the pixel (y, x) of the plain picture's channel 1 went, by its value; -1 for nowhere. */
static int augment_find(const float *made, const int64_t size[2], int64_t y, int64_t x)
{
    int64_t n = size[0] * size[1];
    float value = (float)((n + y * size[1] + x) * 7 % 1024);
    for (int64_t i = 0; i < n; i++)
        if (made[n + i] == value)
            return (int)i;
    return -1;
}

static void augment_test_exact(void **state)
{
    float made[2 * 16 * 32];
    int flips = 0, turns[4] = {0}, moved = 0;
    (void)state;
    for (uint64_t i = 0; i < 200; i++) {
        augment_do("flip", au_wide, i, made);
        int at = augment_find(made, au_wide, 3, 5);
        assert_true(at == 3 * 32 + 5 || at == 3 * 32 + 26);
        flips += at == 3 * 32 + 26;
        augment_do("rot90", au_square, i, made);
        at = augment_find(made, au_square, 3, 5);
        int where[4] = {3 * 16 + 5, 10 * 16 + 3, 12 * 16 + 10, 5 * 16 + 12}, k = 0;
        while (k < 4 && where[k] != at)
            k++;
        assert_in_range(k, 0, 3);
        turns[k]++;
        augment_do("rot90", au_wide, i, made);
        at = augment_find(made, au_wide, 3, 5);
        assert_true(at == 3 * 32 + 5 || at == 12 * 32 + 26);
        augment_do("shift", au_wide, i, made);
        at = augment_find(made, au_wide, 8, 20);
        assert_in_range(at / 32, 7, 9);
        assert_in_range(at % 32, 18, 22);
        moved += at != 8 * 32 + 20;
    }
    assert_in_range(flips, 70, 130);
    for (int k = 0; k < 4; k++)
        assert_in_range(turns[k], 25, 75);
    assert_in_range(moved, 150, 199);
}

static void augment_test_range(void **state)
{
    float made[2 * 16 * 32], again[2 * 16 * 32], other[2 * 16 * 32];
    (void)state;
    for (uint64_t i = 0; i < 100; i++) {
        augment_do("rotate,crop,shift,flip,rot90", au_wide, i, made);
        augment_do("rotate,crop,shift,flip,rot90", au_wide, i, again);
        augment_do("rotate,crop,shift,flip,rot90", au_wide, i + 1, other);
        assert_memory_equal(made, again, sizeof(made));
        assert_memory_not_equal(made, other, sizeof(made));
        for (size_t k = 0; k < ODDI_COUNT(made); k++)
            assert_true(made[k] >= 0 && made[k] <= 1023);
    }
}

static void augment_test_parse(void **state)
{
    struct oddi_augment a = {.count = 7};
    (void)state;
    assert_int_equal(oddi_augment_parse(au_t.ctx, "flip,nope", &a), ODD_ECONFIG);
    assert_non_null(strstr(odd_last_message(au_t.ctx), "'nope'"));
    assert_int_equal(
        oddi_augment_parse(au_t.ctx, "flip,flip,flip,flip,flip,flip,flip,flip,flip", &a),
        ODD_ECONFIG);
    assert_int_equal(a.count, 7);
    assert_int_equal(oddi_augment_parse(au_t.ctx, "none", &a), ODD_OK);
    assert_int_equal(a.count, 0);
    assert_int_equal(oddi_augment_parse(au_t.ctx, NULL, &a), ODD_OK);
    assert_int_equal(oddi_augment_parse(au_t.ctx, "shift,flip", &a), ODD_OK);
    assert_int_equal(a.count, 2);
}

static int augment_setup(void **state)
{
    (void)state;
    testing_init(&au_t, "augment");
    return 0;
}

static int augment_teardown(void **state)
{
    (void)state;
    testing_release(&au_t);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(augment_test_exact),
        cmocka_unit_test(augment_test_range),
        cmocka_unit_test(augment_test_parse),
    };
    return cmocka_run_group_tests(tests, augment_setup, augment_teardown);
}
