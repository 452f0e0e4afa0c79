/* SPDX-License-Identifier: Apache-2.0
 * Patch PCA on 1 to 16 bands: the map against its definition, the number of axes, edges, what is
 * refused. */
#include "method/support_test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "method/pca/pca.h"

#define SMALL "patch=5 patches=3000 "

/* (1) and (2) at one middle, from the axes kept: the patch rebuilt and compared. */
static double plain_error(struct fit_test *f, int64_t picture, int64_t x, int64_t y, int64_t side)
{
    const int64_t dim = f->in.channels * side * side;
    const float *mean = fit_kept(f, PCA_MEAN)->data, *axes = fit_kept(f, PCA_BASIS)->data;
    const int64_t count = fit_kept(f, PCA_BASIS)->shape.dim[0];
    double t[PCA_DIM_MAX], rest[PCA_DIM_MAX], sum = 0;
    for (int64_t d = 0; d < dim; d++) {
        const int64_t b = d / (side * side), v = d / side % side, u = d % side;
        const int64_t at = (y + v - side / 2) * FIT_SIDE + x + u - side / 2;
        t[d] = rest[d] =
            (double)f->pictures[(picture * f->in.channels + b) * FIT_PLANE + at] - (double)mean[d];
    }
    for (int64_t k = 0; k < count; k++) {
        double c = 0;
        for (int64_t d = 0; d < dim; d++)
            c += (double)axes[k * dim + d] * t[d];
        for (int64_t d = 0; d < dim; d++)
            rest[d] -= c * (double)axes[k * dim + d];
    }
    for (int64_t d = 0; d < dim; d++)
        sum += rest[d] * rest[d];
    return sqrt(sum / (double)dim);
}

static void test_map(void **unused)
{
    static struct fit_scored s;
    struct fit_test f;
    (void)unused;
    fit_start(&f, &oddi_method_pca, 3, SMALL "sigma=0 score=max variance=0.9");
    fit_learn_well(&f);
    fit_score(&f, FIT_DEFECT, &s);
    for (int64_t y = 2; y < FIT_SIDE - 2; y += 5)
        for (int64_t x = 2; x < FIT_SIDE - 2; x += 7) {
            const double want = plain_error(&f, FIT_DEFECT, x, y, 5);
            assert_true(fabs((double)s.map[y * FIT_SIDE + x] - want) < 1e-4 + 1e-3 * want);
        }
    for (int64_t y = 2; y < FIT_SIDE - 2; y++) /* edges are as the nearest middle */
        for (int64_t k = 0; k < 2; k++) {
            assert_true(s.map[y * FIT_SIDE + k] == s.map[y * FIT_SIDE + 2]);
            assert_true(s.map[(y + 1) * FIT_SIDE - 1 - k] == s.map[(y + 1) * FIT_SIDE - 3]);
            assert_true(s.map[k * FIT_SIDE + y] == s.map[2 * FIT_SIDE + y]);
        }
    assert_true(s.map[0] == s.map[2 * FIT_SIDE + 2]);
    fit_end(&f);
}

static int64_t axes_with(const char *settings)
{
    struct fit_test f;
    fit_start(&f, &oddi_method_pca, 1, settings);
    fit_learn_well(&f);
    const int64_t count = fit_kept(&f, PCA_BASIS)->shape.dim[0];
    fit_end(&f);
    return count;
}

/* The pictures are waves and a little noise: few axes hold most, all are needed for all. */
static void test_number_of_axes(void **unused)
{
    (void)unused;
    const int64_t few = axes_with(SMALL "variance=0.8"), more = axes_with(SMALL "variance=0.99");
    assert_true(few >= 1 && few < more && more <= 10);
    assert_int_equal(axes_with(SMALL "variance=0"), 1);
    assert_int_equal(axes_with(SMALL "axes=4"), 4);
    assert_int_equal(axes_with(SMALL "axes=400"), 25);
    assert_int_equal(axes_with(SMALL "patches=1 axes=3"), 3); /* one patch of each picture */
}

static void test_finds_defect(void **unused)
{
    static const char *const score[] = {"max", "smooth", "top", "mean"};
    static const int bands[] = {1, 3, 16};
    static struct fit_scored defect, fresh;
    (void)unused;
    for (size_t k = 0; k < ODDI_COUNT(bands); k++) {
        struct fit_test f;
        fit_start(&f, &oddi_method_pca, bands[k], SMALL);
        fit_learn_well(&f);
        for (size_t j = 0; j < ODDI_COUNT(score); j++) {
            int64_t top = 0;
            fit_set(&f, "score", score[j]);
            fit_score(&f, FIT_DEFECT, &defect);
            fit_score(&f, FIT_NEW, &fresh);
            assert_true(defect.score == defect.component[j]);
            assert_true(defect.score > 1.3 * fresh.score);
            for (int64_t i = 0; i < FIT_PLANE; i++)
                top = defect.map[i] > defect.map[top] ? i : top;
            assert_true(llabs(top % FIT_SIDE - FIT_DEFECT_X - FIT_DEFECT_SIDE / 2) < 10);
            assert_true(llabs(top / FIT_SIDE - FIT_DEFECT_Y - FIT_DEFECT_SIDE / 2) < 10);
        }
        fit_set(&f, "score", "auto");
        for (int i = 0; i < 4; i++)
            assert_non_null(f.method->score_candidate(&f.values, i));
        assert_null(f.method->score_candidate(&f.values, 4));
        fit_end(&f);
    }
}

static void test_padding_and_tiles(void **unused)
{
    static struct fit_scored s, all;
    struct fit_test f;
    (void)unused;
    fit_start(&f, &oddi_method_pca, 1, SMALL "score=max");
    f.tiles = 3;
    fit_learn_well(&f);
    fit_score(&f, FIT_DEFECT, &all);
    struct oddi_measure m = fit_look(&f, FIT_DEFECT);
    m.width = 24; /* the defect lies beyond */
    assert_int_equal(fit_measure(&f, &m, &s), ODD_OK);
    assert_true(s.score < all.score);
    m.x = 36;
    m.y = 20;
    m.width = m.height = 5; /* one patch */
    assert_int_equal(fit_measure(&f, &m, &s), ODD_OK);
    assert_true(s.score > 0);
    m.width = 4;
    assert_int_equal(fit_measure(&f, &m, &s), ODD_EINVAL);
    fit_end(&f);
}

static void test_flat_pictures(void **unused)
{
    static struct fit_scored s;
    struct fit_test f;
    (void)unused;
    fit_start(&f, &oddi_method_pca, 1, SMALL "score=max");
    for (int i = 0; i < FIT_NORMALS * FIT_PLANE; i++)
        f.pictures[i] = 0.25f;
    fit_learn_well(&f);
    fit_score(&f, 0, &s);
    assert_true(s.score < 1e-6);
    fit_score(&f, FIT_DEFECT, &s);
    assert_true(s.score > 0.1);
    fit_end(&f);
}

static void test_refused(void **unused)
{
    struct fit_test f;
    (void)unused;
    fit_start(&f, &oddi_method_pca, 1, SMALL);
    assert_int_equal(fit_check(&f, (struct oddi_geometry){17, 64, 64}), ODD_ECONFIG);
    assert_int_equal(fit_check(&f, (struct oddi_geometry){1, 4, 64}), ODD_ECONFIG);
    fit_set(&f, "patch", "6");
    assert_int_equal(fit_check(&f, f.in), ODD_ECONFIG);
    fit_set(&f, "patch", "7");
    assert_int_equal(fit_check(&f, (struct oddi_geometry){16, 64, 64}), ODD_ECONFIG);
    assert_int_equal(fit_check(&f, (struct oddi_geometry){10, 64, 64}), ODD_OK);
    fit_end(&f);
}

static void test_bits(void **unused)
{
    static const char *const settings[] = {SMALL, "patch=3 axes=2 score=mean sigma=0", NULL};
    (void)unused;
    fit_assert_same_bits(&oddi_method_pca, 4, settings);
}

static void test_damage(void **unused)
{
    (void)unused;
    fit_assert_refuses_damage(&oddi_method_pca, 2, SMALL);
}

static void test_out_of_memory(void **unused)
{
    (void)unused;
    fit_assert_out_of_memory(&oddi_method_pca, 1, SMALL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_map),           cmocka_unit_test(test_number_of_axes),
        cmocka_unit_test(test_finds_defect),  cmocka_unit_test(test_padding_and_tiles),
        cmocka_unit_test(test_flat_pictures), cmocka_unit_test(test_refused),
        cmocka_unit_test(test_bits),          cmocka_unit_test(test_damage),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
