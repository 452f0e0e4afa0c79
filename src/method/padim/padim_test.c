/* SPDX-License-Identifier: Apache-2.0
 * PaDiM over an expert of random weights: a cell's Gaussian and distance against their definition,
 * the three reductions, bands of the grid, what is refused. */
#include "method/support_test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "method/padim/padim.h"

#define D 6
#define SMALL "taps=8 features=6 "

/* C^-1 y by elimination with pivots, in place of both. */
static void solve(double c[D][D], double y[D])
{
    for (int k = 0; k < D; k++) {
        int best = k;
        for (int i = k; i < D; i++)
            best = fabs(c[i][k]) > fabs(c[best][k]) ? i : best;
        for (int j = 0; j < D; j++) {
            const double t = c[k][j];
            c[k][j] = c[best][j];
            c[best][j] = t;
        }
        const double t = y[k];
        y[k] = y[best];
        y[best] = t;
        for (int i = 0; i < D; i++) {
            const double s = i == k ? 0 : c[i][k] / c[k][k];
            for (int j = 0; j < D; j++)
                c[i][j] -= s * c[k][j];
            y[i] -= s * y[k];
        }
    }
    for (int k = 0; k < D; k++)
        y[k] /= c[k][k];
}

/* The reduced rows of a picture, (cells, D). */
static float *rows_of(struct fit_test *f, int64_t picture)
{
    const struct oddi_feature_grid grid = oddi_features_grid(&f->build);
    const int64_t cells = grid.height * grid.width;
    const struct oddi_measure m = fit_look(f, picture);
    const int64_t *channel = fit_kept(f, PADIM_CHANNEL)->data;
    float *rows = malloc((size_t)(cells * grid.dim) * sizeof(float));
    float *to = malloc((size_t)(cells * D) * sizeof(float));
    assert_int_equal(oddi_cells_rows(&m, false, rows), ODD_OK);
    for (int64_t i = 0; i < cells * D; i++)
        to[i] = rows[i / D * grid.dim + channel[i % D]];
    free(rows);
    return to;
}

/* (3) as the paper has it, of one cell's rows x and those of the normals. */
static double plain_distance(const float *x, float *const normal[FIT_NORMALS], int64_t cell)
{
    double mean[D] = {0}, c[D][D] = {{0}}, y[D], apart[D], sum = 0;
    for (int k = 0; k < FIT_NORMALS; k++)
        for (int i = 0; i < D; i++)
            mean[i] += (double)normal[k][cell * D + i] / FIT_NORMALS;
    for (int i = 0; i < D; i++)
        for (int j = 0; j < D; j++) {
            for (int k = 0; k < FIT_NORMALS; k++)
                c[i][j] += ((double)normal[k][cell * D + i] - mean[i]) *
                           ((double)normal[k][cell * D + j] - mean[j]) / (FIT_NORMALS - 1);
            c[i][j] += i == j ? 0.01 : 0;
        }
    for (int i = 0; i < D; i++)
        y[i] = apart[i] = (double)x[cell * D + i] - mean[i];
    solve(c, y);
    for (int i = 0; i < D; i++)
        sum += y[i] * apart[i];
    return sqrt(sum);
}

static void test_distance(void **unused)
{
    static struct fit_scored s;
    struct fit_test f;
    double worst = 0;
    (void)unused;
    fit_start(&f, &oddi_method_padim, 1, SMALL "score=max");
    fit_learn_well(&f);
    const struct oddi_feature_grid grid = oddi_features_grid(&f.build);
    float *x = rows_of(&f, FIT_DEFECT), *normal[FIT_NORMALS];
    for (int k = 0; k < FIT_NORMALS; k++)
        normal[k] = rows_of(&f, k);
    for (int64_t i = 0; i < grid.height * grid.width; i++) {
        const double d = plain_distance(x, normal, i);
        worst = d > worst ? d : worst;
    }
    for (int k = 0; k < FIT_NORMALS; k++)
        free(normal[k]);
    free(x);
    fit_score(&f, FIT_DEFECT, &s);
    assert_true(worst > 0 && fabs(s.component[PADIM_MAX] - worst) < 1e-4 * worst);
    assert_true(s.score == s.component[PADIM_MAX]);
    fit_end(&f);
}

static void test_channels(void **unused)
{
    struct fit_test f;
    (void)unused;
    fit_start(&f, &oddi_method_padim, 3, SMALL);
    fit_learn_well(&f);
    const struct oddi_stored *t = fit_kept(&f, PADIM_CHANNEL);
    int64_t channel[D];
    assert_int_equal(t->shape.dim[0], D);
    memcpy(channel, t->data, sizeof(channel));
    for (int i = 1; i < D; i++)
        assert_true(channel[i] > channel[i - 1]);
    channel[D - 1] = oddi_features_grid(&f.build).dim;
    assert_int_equal(fit_open_with(&f, PADIM_CHANNEL, ODDI_I64, t->shape, channel), ODD_EFORMAT);
    channel[D - 1] = -1;
    assert_int_equal(fit_open_with(&f, PADIM_CHANNEL, ODDI_I64, t->shape, channel), ODD_EFORMAT);
    fit_end(&f);
    fit_start(&f, &oddi_method_padim, 1, "taps=8 features=4000"); /* no more than there are */
    fit_learn_well(&f);
    assert_int_equal(fit_kept(&f, PADIM_MEAN)->shape.dim[1], oddi_features_grid(&f.build).dim);
    fit_end(&f);
}

/* The map is largest where the defect lies, give or take two cells of a network that has learnt
 * nothing; a new normal picture scores less. */
static void test_finds_defect(void **unused)
{
    static const char *const settings[] = {SMALL, "taps=4,8 features=10 score=max",
                                           SMALL "reduce=svd", "taps=8 reduce=none sigma=2",
                                           SMALL "shrinkage=ledoit-wolf patch-mean=true"};
    static struct fit_scored defect, fresh;
    (void)unused;
    for (size_t k = 0; k < ODDI_COUNT(settings); k++) {
        struct fit_test f;
        int64_t top = 0;
        fit_start(&f, &oddi_method_padim, 3, settings[k]);
        fit_learn_well(&f);
        fit_score(&f, FIT_DEFECT, &defect);
        fit_score(&f, FIT_NEW, &fresh);
        assert_true(defect.score > 1.5 * fresh.score);
        for (int64_t i = 0; i < FIT_PLANE; i++)
            top = defect.map[i] > defect.map[top] ? i : top;
        assert_true(llabs(top % FIT_SIDE - FIT_DEFECT_X - FIT_DEFECT_SIDE / 2) <= 16);
        assert_true(llabs(top / FIT_SIDE - FIT_DEFECT_Y - FIT_DEFECT_SIDE / 2) <= 16);
        assert_true(defect.component[PADIM_SMOOTH] == (double)defect.map[top]);
        fit_end(&f);
    }
}

static void test_bits(void **unused)
{
    static const char *const settings[] = {SMALL, SMALL "reduce=svd patch-mean=true",
                                           "taps=4,8 features=20 shrinkage=ledoit-wolf", NULL};
    (void)unused;
    fit_assert_same_bits(&oddi_method_padim, 1, settings);
}

/* Several looks at the pictures give what one gives. */
static void test_bands(void **unused)
{
    static struct fit_scored one, many;
    struct fit_test f;
    (void)unused;
    fit_start(&f, &oddi_method_padim, 1, "taps=4,8 reduce=none");
    fit_learn_well(&f);
    assert_int_equal(f.t.warnings, 0);
    fit_score(&f, FIT_DEFECT, &one);
    fit_set(&f, "pool-mib", "1");
    fit_learn_well(&f);
    assert_int_equal(f.t.warnings, 1);
    fit_score(&f, FIT_DEFECT, &many);
    assert_memory_equal(&one, &many, sizeof(one));
    fit_end(&f);
}

static void test_padding_is_left_out(void **unused)
{
    static struct fit_scored s, all;
    struct fit_test f;
    (void)unused;
    fit_start(&f, &oddi_method_padim, 1, SMALL "score=max sigma=0");
    fit_learn_well(&f);
    fit_score(&f, FIT_DEFECT, &all);
    struct oddi_measure m = fit_look(&f, FIT_DEFECT);
    m.width = 24; /* the defect lies beyond */
    assert_int_equal(fit_measure(&f, &m, &s), ODD_OK);
    assert_true(s.component[PADIM_MAX] < all.component[PADIM_MAX]);
    assert_true(s.component[PADIM_SMOOTH] < all.component[PADIM_SMOOTH]);
    m.width = m.height = 1;
    assert_int_equal(fit_measure(&f, &m, &s), ODD_EINVAL);
    fit_end(&f);
}

static void test_refused(void **unused)
{
    struct fit_test f;
    (void)unused;
    fit_start(&f, &oddi_method_padim, 1, SMALL);
    assert_int_equal(fit_check(&f, (struct oddi_geometry){4, 64, 64}), ODD_ECONFIG);
    assert_int_equal(fit_check(&f, (struct oddi_geometry){3, 64, 16}), ODD_ECONFIG);
    fit_set(&f, "network", "vgg17");
    assert_int_equal(fit_check(&f, f.in), ODD_ECONFIG);
    fit_set(&f, "network", "squeezenet1_1");
    fit_set(&f, "taps", "8,7");
    assert_int_equal(fit_check(&f, f.in), ODD_ECONFIG);
    fit_set(&f, "taps", "8");
    f.tiles = 2;
    assert_int_equal(fit_learn(&f), ODD_ECONFIG);
    assert_non_null(strstr(odd_last_message(f.t.ctx), "tiles"));
    fit_end(&f);
    fit_start(&f, &oddi_method_padim, 1, "taps=2,4,8 reduce=none model-mib=1");
    assert_int_equal(fit_learn(&f), ODD_ECONFIG);
    assert_non_null(strstr(odd_last_message(f.t.ctx), "model-mib"));
    fit_end(&f);
}

/* Equal pictures: (2) still has an inverse, and each of them is at distance 0. */
static void test_equal_pictures(void **unused)
{
    static const char *const shrinkage[] = {"fixed", "ledoit-wolf"};
    static struct fit_scored s;
    (void)unused;
    for (int k = 0; k < 2; k++) {
        struct fit_test f;
        fit_start(&f, &oddi_method_padim, 1, SMALL);
        fit_set(&f, "shrinkage", shrinkage[k]);
        for (int i = 1; i < FIT_NORMALS; i++)
            memcpy(f.pictures + i * FIT_PLANE, f.pictures, sizeof(float) * FIT_PLANE);
        fit_learn_well(&f);
        fit_score(&f, 0, &s);
        assert_true(s.score < 1);
        fit_score(&f, FIT_DEFECT, &s);
        assert_true(s.score > 1 && isfinite(s.score));
        fit_end(&f);
    }
}

static void test_damage(void **unused)
{
    (void)unused;
    fit_assert_refuses_damage(&oddi_method_padim, 1, SMALL);
    fit_assert_refuses_damage(&oddi_method_padim, 1, SMALL "reduce=svd");
    fit_assert_refuses_damage(&oddi_method_padim, 1, "taps=8 reduce=none");
}

static void test_out_of_memory(void **unused)
{
    (void)unused;
    fit_assert_out_of_memory(&oddi_method_padim, 1, SMALL);
    fit_assert_out_of_memory(&oddi_method_padim, 1, SMALL "reduce=svd");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_distance),     cmocka_unit_test(test_channels),
        cmocka_unit_test(test_finds_defect), cmocka_unit_test(test_bits),
        cmocka_unit_test(test_bands),        cmocka_unit_test(test_padding_is_left_out),
        cmocka_unit_test(test_refused),      cmocka_unit_test(test_equal_pictures),
        cmocka_unit_test(test_damage),       cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
