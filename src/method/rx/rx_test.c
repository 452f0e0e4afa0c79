/* SPDX-License-Identifier: Apache-2.0
 * RX on 1 to 16 bands: distances against their definition, colours that single bands hide, the
 * shrinkage of few pictures, what is refused. */
#include "method/support_test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "method/rx/rx.h"

/* (1) of one pixel of two bands: the inverse of a 2 x 2 matrix by hand. */
static double plain_two(const struct fit_test *f, int64_t picture, int64_t pixel)
{
    const int64_t n = FIT_NORMALS * FIT_PLANE;
    double m[2] = {0}, c[3] = {0};
    for (int k = 0; k < FIT_NORMALS; k++)
        for (int i = 0; i < FIT_PLANE; i++)
            for (int b = 0; b < 2; b++)
                m[b] += (double)f->pictures[(2 * k + b) * FIT_PLANE + i] / (double)n;
    for (int k = 0; k < FIT_NORMALS; k++)
        for (int i = 0; i < FIT_PLANE; i++) {
            const double x = (double)f->pictures[2 * k * FIT_PLANE + i] - m[0],
                         y = (double)f->pictures[(2 * k + 1) * FIT_PLANE + i] - m[1];
            c[0] += x * x / (double)n;
            c[1] += x * y / (double)n;
            c[2] += y * y / (double)n;
        }
    c[0] += 1e-6;
    c[2] += 1e-6;
    const double x = (double)f->pictures[2 * picture * FIT_PLANE + pixel] - m[0],
                 y = (double)f->pictures[(2 * picture + 1) * FIT_PLANE + pixel] - m[1];
    return (c[2] * x * x - 2 * c[1] * x * y + c[0] * y * y) / (c[0] * c[2] - c[1] * c[1]);
}

static void test_distance(void **unused)
{
    static struct fit_scored s;
    struct fit_test f;
    (void)unused;
    fit_start(&f, &oddi_method_rx, 2, "shrinkage=none sigma=0 score=max");
    fit_learn_well(&f);
    fit_score(&f, FIT_DEFECT, &s);
    for (int64_t i = 0; i < FIT_PLANE; i += 397) {
        const double want = sqrt(plain_two(&f, FIT_DEFECT, i));
        assert_true(fabs((double)s.map[i] - want) < 1e-3 * (1 + want));
    }
    assert_true(s.score == s.component[RX_MAX] && s.component[RX_MAX] == s.component[RX_SMOOTH]);
    fit_end(&f);
}

static void test_finds_defect(void **unused)
{
    static const char *const score[] = {"max", "smooth", "top", "mean"};
    static const int bands[] = {1, 3, 16};
    static struct fit_scored defect, fresh;
    (void)unused;
    for (size_t k = 0; k < ODDI_COUNT(bands); k++) {
        struct fit_test f;
        fit_start(&f, &oddi_method_rx, bands[k], "");
        fit_learn_well(&f);
        for (size_t j = 0; j < ODDI_COUNT(score); j++) {
            fit_set(&f, "score", score[j]);
            fit_score(&f, FIT_DEFECT, &defect);
            fit_score(&f, FIT_NEW, &fresh);
            assert_true(defect.score == defect.component[j]);
            assert_true(defect.score > fresh.score);
        }
        fit_set(&f, "score", "auto");
        for (int i = 0; i < 4; i++)
            assert_non_null(f.method->score_candidate(&f.values, i));
        assert_null(f.method->score_candidate(&f.values, 4));
        fit_end(&f);
    }
}

/* Two bands that always agree; where they do not, each is still within its range. */
static void test_relation_of_bands(void **unused)
{
    static struct fit_scored s;
    struct fit_test f;
    (void)unused;
    fit_start(&f, &oddi_method_rx, 2, "sigma=0 score=max");
    for (int k = 0; k <= FIT_NEW; k++)
        for (int i = 0; i < FIT_PLANE; i++)
            f.pictures[(2 * k + 1) * FIT_PLANE + i] = 0.5f * f.pictures[2 * k * FIT_PLANE + i];
    f.pictures[(2 * FIT_NEW + 1) * FIT_PLANE + 777] *= -1;
    f.pictures[2 * FIT_NEW * FIT_PLANE + 777] = 0.2f;
    f.pictures[(2 * FIT_NEW + 1) * FIT_PLANE + 777] = -0.1f;
    fit_learn_well(&f);
    fit_score(&f, FIT_NEW, &s);
    assert_true((double)s.map[777] == s.score && s.score > 10);
    fit_end(&f);
}

/* Pictures that differ as wholes: their covariance is worth less than as many independent pixels'.
 */
static void test_shrinkage(void **unused)
{
    struct fit_test f;
    float plain[3], shrunk[3];
    (void)unused;
    fit_start(&f, &oddi_method_rx, 2, "shrinkage=none");
    for (int k = 0; k < FIT_NORMALS; k++) {
        struct oddi_rng rng;
        oddi_rng_init(&rng, 9, ODDI_RNG_TEST, 0, (uint64_t)k);
        for (int b = 0; b < 2; b++) {
            const float level = 0.1f * (float)(b + 1) * oddi_rng_normal(&rng);
            for (int i = 0; i < FIT_PLANE; i++)
                f.pictures[(2 * k + b) * FIT_PLANE + i] = level + 0.01f * oddi_rng_normal(&rng);
        }
    }
    fit_learn_well(&f);
    memcpy(plain, fit_kept(&f, RX_FACTOR)->data, sizeof(plain));
    fit_set(&f, "shrinkage", "pictures");
    fit_learn_well(&f);
    memcpy(shrunk, fit_kept(&f, RX_FACTOR)->data, sizeof(shrunk));
    /* towards equal variances: the bands' scales come nearer to each other */
    assert_true(plain[0] / plain[2] > shrunk[0] / shrunk[2] * 1.05f);
    fit_end(&f);
}

static void test_padding_and_tiles(void **unused)
{
    static struct fit_scored s, all;
    struct fit_test f;
    (void)unused;
    fit_start(&f, &oddi_method_rx, 1, "score=max");
    fit_learn_well(&f);
    fit_score(&f, FIT_DEFECT, &all);
    struct oddi_measure m = fit_look(&f, FIT_DEFECT);
    m.width = 24; /* the defect lies beyond */
    assert_int_equal(fit_measure(&f, &m, &s), ODD_OK);
    assert_true(s.score < all.score);
    f.tiles = 3; /* the same pixels three times over */
    fit_learn_well(&f);
    fit_score(&f, FIT_DEFECT, &s);
    assert_true(fabs(s.score - all.score) < 1e-3 * all.score);
    fit_end(&f);
}

static void test_flat_pictures(void **unused)
{
    static struct fit_scored s;
    struct fit_test f;
    (void)unused;
    fit_start(&f, &oddi_method_rx, 3, "score=max");
    for (int i = 0; i < FIT_NORMALS * 3 * FIT_PLANE; i++)
        f.pictures[i] = 0.25f;
    fit_learn_well(&f);
    fit_score(&f, 0, &s);
    assert_true(s.score < 1e-3);
    fit_score(&f, FIT_DEFECT, &s);
    assert_true(s.score > 100 && isfinite(s.score));
    assert_int_equal(fit_check(&f, (struct oddi_geometry){17, 64, 64}), ODD_ECONFIG);
    fit_end(&f);
}

static void test_bits(void **unused)
{
    static const char *const settings[] = {"", "shrinkage=none score=top sigma=0", NULL};
    (void)unused;
    fit_assert_same_bits(&oddi_method_rx, 5, settings);
}

static void test_damage(void **unused)
{
    (void)unused;
    fit_assert_refuses_damage(&oddi_method_rx, 4, "");
}

static void test_out_of_memory(void **unused)
{
    (void)unused;
    fit_assert_out_of_memory(&oddi_method_rx, 2, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_distance),
        cmocka_unit_test(test_finds_defect),
        cmocka_unit_test(test_relation_of_bands),
        cmocka_unit_test(test_shrinkage),
        cmocka_unit_test(test_padding_and_tiles),
        cmocka_unit_test(test_flat_pictures),
        cmocka_unit_test(test_bits),
        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
