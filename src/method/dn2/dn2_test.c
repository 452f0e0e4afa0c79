/* SPDX-License-Identifier: Apache-2.0
 * DN2 over an expert of random weights: score and map against their definition, how strange normals
 * are, tiles, what is refused. */
#include "method/support_test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "method/dn2/dn2.h"

#define SMALL "taps=8 "

/* (1) of a picture, by its definition. */
static void plain_mean(struct fit_test *f, int64_t picture, double *mean)
{
    const struct oddi_feature_grid grid = oddi_features_grid(&f->build);
    const int64_t cells = grid.height * grid.width;
    const struct oddi_measure m = fit_look(f, picture);
    float *rows = malloc((size_t)(cells * grid.dim) * sizeof(float));
    assert_int_equal(oddi_cells_rows(&m, false, rows), ODD_OK);
    for (int64_t j = 0; j < grid.dim; j++) {
        mean[j] = 0;
        for (int64_t i = 0; i < cells; i++)
            mean[j] += (double)rows[i * grid.dim + j] / (double)cells;
    }
    free(rows);
}

static int rising(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Distances of a picture to all normals, rising. */
static void plain_distances(struct fit_test *f, int64_t picture, double distance[FIT_NORMALS])
{
    const int64_t dim = oddi_features_grid(&f->build).dim;
    double *mean = malloc(sizeof(double) * (size_t)dim), *g = malloc(sizeof(double) * (size_t)dim);
    plain_mean(f, picture, mean);
    for (int k = 0; k < FIT_NORMALS; k++) {
        double sum = 0;
        plain_mean(f, k, g);
        for (int64_t j = 0; j < dim; j++)
            sum += (mean[j] - g[j]) * (mean[j] - g[j]);
        distance[k] = sqrt(sum);
    }
    qsort(distance, FIT_NORMALS, sizeof(double), rising);
    free(mean);
    free(g);
}

static void test_score(void **unused)
{
    static struct fit_scored s;
    double d[FIT_NORMALS];
    struct fit_test f;
    (void)unused;
    fit_start(&f, &oddi_method_dn2, 3, SMALL);
    fit_learn_well(&f);
    plain_distances(&f, FIT_DEFECT, d);
    fit_score(&f, FIT_DEFECT, &s);
    assert_true(fabs(s.score - (d[0] + d[1]) / 2) < 1e-4 * d[0]);
    assert_true(s.score == s.component[DN2_DISTANCE]);
    assert_true(fabs(s.component[DN2_SQUARED] - (d[0] * d[0] + d[1] * d[1]) / 2) < 1e-3 * d[0]);
    fit_set(&f, "neighbours", "31"); /* all that there are */
    fit_score(&f, FIT_DEFECT, &s);
    double sum = 0;
    for (int k = 0; k < FIT_NORMALS; k++)
        sum += d[k] / FIT_NORMALS;
    assert_true(fabs(s.score - sum) < 1e-4 * sum);
    fit_end(&f);
}

/* A normal picture without itself has the score that it is said to be strange by. */
static void test_strange(void **unused)
{
    double d[FIT_NORMALS];
    struct fit_test f;
    (void)unused;
    fit_start(&f, &oddi_method_dn2, 1, SMALL);
    memcpy(f.pictures + 4 * FIT_PLANE, f.pictures + FIT_DEFECT * FIT_PLANE,
           sizeof(float) * FIT_PLANE);
    fit_learn_well(&f);
    for (int i = 0; i < FIT_NORMALS; i++) {
        plain_distances(&f, i, d); /* d[0] is its own, 0 */
        assert_true(fabs(f.strange[i] - (d[1] + d[2]) / 2) < 1e-4 * d[2]);
        assert_true(i == 4 || f.strange[i] < f.strange[4]);
    }
    fit_end(&f);
}

/* The mean of the cells' parts is the score; smoothing with mirrored edges keeps the mean. */
static void test_map(void **unused)
{
    static struct fit_scored s, fresh;
    struct fit_test f;
    double mean = 0;
    int64_t top = 0;
    (void)unused;
    fit_start(&f, &oddi_method_dn2, 1, SMALL);
    fit_learn_well(&f);
    fit_score(&f, FIT_DEFECT, &s);
    fit_score(&f, FIT_NEW, &fresh);
    assert_true(s.score > fresh.score);
    for (int64_t i = 0; i < FIT_PLANE; i++) {
        mean += (double)s.map[i] / FIT_PLANE;
        top = s.map[i] > s.map[top] ? i : top;
    }
    assert_true(fabs(mean - s.score) < 0.02 * s.score); /* bilinear weighs the edges differently */
    assert_true(llabs(top % FIT_SIDE - FIT_DEFECT_X - FIT_DEFECT_SIDE / 2) < 12);
    assert_true(llabs(top / FIT_SIDE - FIT_DEFECT_Y - FIT_DEFECT_SIDE / 2) < 12);
    fit_end(&f);
}

/* A tile is a row of its own; of tiles nothing is said to be strange. */
static void test_tiles(void **unused)
{
    struct fit_test f;
    (void)unused;
    fit_start(&f, &oddi_method_dn2, 1, SMALL);
    f.tiles = 2;
    fit_learn_well(&f);
    assert_int_equal(fit_kept(&f, DN2_ROWS)->shape.dim[0], 2 * FIT_NORMALS);
    assert_true(isnan(f.strange[0]));
    fit_end(&f);
}

static void test_same_picture(void **unused)
{
    static struct fit_scored s;
    struct fit_test f;
    (void)unused;
    fit_start(&f, &oddi_method_dn2, 1, SMALL "neighbours=1");
    fit_learn_well(&f);
    fit_score(&f, 3, &s);
    assert_true(s.score == 0.0);
    for (int i = 0; i < FIT_PLANE; i++)
        assert_true(s.map[i] == 0.0f);
    struct oddi_measure m = fit_look(&f, 3);
    m.width = m.height = 1;
    assert_int_equal(fit_measure(&f, &m, &s), ODD_EINVAL);
    fit_end(&f);
}

static void test_bits(void **unused)
{
    static const char *const settings[] = {SMALL, "taps=4,16 neighbours=5 score=squared", NULL};
    (void)unused;
    fit_assert_same_bits(&oddi_method_dn2, 3, settings);
}

static void test_damage(void **unused)
{
    (void)unused;
    fit_assert_refuses_damage(&oddi_method_dn2, 1, SMALL);
}

static void test_out_of_memory(void **unused)
{
    (void)unused;
    fit_assert_out_of_memory(&oddi_method_dn2, 1, SMALL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_score),        cmocka_unit_test(test_strange),
        cmocka_unit_test(test_map),          cmocka_unit_test(test_tiles),
        cmocka_unit_test(test_same_picture), cmocka_unit_test(test_bits),
        cmocka_unit_test(test_damage),       cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
