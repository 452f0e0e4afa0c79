/* SPDX-License-Identifier: Apache-2.0
 * The memory bank over a SqueezeNet 1.1 of random weights: rows against their plain definition,
 * what the pool draws, what is kept and refused, scores and map of a picture with a defect. */
#include "method/support_test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "method/bank/bank.h"
#include "nn/features.h"

/* With one more setting, or NULL. */
static void start(struct fit_test *t, const char *name, const char *value)
{
    fit_start(t, &oddi_method_bank, 1, "taps=4,8");
    if (name)
        fit_set(t, name, value);
}

static float map_mean(const float *map, int64_t h, int64_t w, int64_t y, int64_t x)
{
    float sum = 0;
    for (int64_t v = y - 1; v <= y + 1; v++)
        for (int64_t u = x - 1; u <= x + 1; u++)
            sum += v >= 0 && v < h && u >= 0 && u < w ? map[v * w + u] : 0.0f;
    return sum / 9.0f;
}

/* The finest map's channels are copied (or averaged), a coarser map's lie between its cells. */
static void test_rows(void **unused)
{
    (void)unused;
    for (int smooth = 0; smooth < 2; smooth++) {
        struct fit_test t;
        start(&t, NULL, NULL);
        const struct oddi_measure m = fit_look(&t, 0);
        const struct oddi_feature_grid g = oddi_features_grid(&t.build);
        const struct oddi_node *fine = oddi_build_find(&t.build, "tap.1"),
                               *coarse = oddi_build_find(&t.build, "tap.2");
        const int64_t c1 = fine->shape.dim[1], h = coarse->shape.dim[2], w = coarse->shape.dim[3];
        assert_int_equal(g.dim, c1 + coarse->shape.dim[1]);
        assert_true(g.height > h && g.height == fine->shape.dim[2]);
        float *rows = malloc(sizeof(float) * (size_t)(g.height * g.width * g.dim));
        float *scratch = malloc(sizeof(float) * oddi_features_scratch(&t.build));
        oddi_features_rows(m.build, m.plan, smooth, scratch, rows);
        const float *a = oddi_plan_output(t.plan, fine), *b = oddi_plan_output(t.plan, coarse);
        for (int64_t i = 0; i < g.height * g.width; i++) {
            const int64_t y = i / g.width, x = i % g.width;
            const float *own = a + 3 * g.height * g.width;
            const float want =
                smooth ? map_mean(own, g.height, g.width, y, x) : own[y * g.width + x];
            assert_true(rows[i * g.dim + 3] == want);
            double v = ((double)y + 0.5) * (double)h / (double)g.height - 0.5,
                   u = ((double)x + 0.5) * (double)w / (double)g.width - 0.5;
            v = fmin(fmax(v, 0), (double)(h - 1));
            u = fmin(fmax(u, 0), (double)(w - 1));
            double sum = 0;
            for (int64_t p = 0; p < h; p++)
                for (int64_t q = 0; q < w; q++) {
                    const double weight =
                        fmax(0, 1 - fabs(v - (double)p)) * fmax(0, 1 - fabs(u - (double)q));
                    const float *map = b + 5 * h * w;
                    sum += weight * (double)(smooth ? map_mean(map, h, w, p, q) : map[p * w + q]);
                }
            assert_true(fabs((double)rows[i * g.dim + c1 + 5] - sum) < 1e-4);
        }
        free(rows);
        free(scratch);
        fit_end(&t);
    }
}

static void test_defect_is_found(void **unused)
{
    struct fit_test t;
    struct fit_scored normal, defect;
    (void)unused;
    start(&t, "coreset", "0.3");
    fit_learn_well(&t);
    fit_score(&t, 1, &normal);
    fit_score(&t, FIT_DEFECT, &defect);
    for (int i = 0; i < 3; i++)
        assert_true(defect.component[i] > 1.5 * normal.component[i]);
    int64_t peak = 0;
    for (int64_t i = 0; i < FIT_PLANE; i++)
        peak = defect.map[i] > defect.map[peak] ? i : peak;
    assert_in_range(peak % FIT_SIDE, 32, 52);
    assert_in_range(peak / FIT_SIDE, 16, 36);
    fit_end(&t);
}

/* What lies outside the picture's own part of the input does not count for the score. */
static void test_padding_does_not_count(void **unused)
{
    struct fit_test t;
    struct fit_scored all, part;
    (void)unused;
    start(&t, NULL, NULL);
    fit_learn_well(&t);
    struct oddi_measure m = fit_look(&t, FIT_DEFECT);
    assert_int_equal(fit_measure(&t, &m, &all), ODD_OK);
    m.width = 16;
    assert_int_equal(fit_measure(&t, &m, &part), ODD_OK);
    assert_true(part.component[BANK_MAX] < all.component[BANK_MAX] &&
                part.component[BANK_SMOOTH] < all.component[BANK_SMOOTH]);
    fit_end(&t);
}

/* Each picture gives the pool its share; each kept row knows its picture; bank-mib holds. */
static void test_budgets(void **unused)
{
    struct fit_test t;
    (void)unused;
    start(&t, "coreset-count", "1000000");
    fit_learn_well(&t);
    const struct oddi_stored *rows = fit_kept(&t, BANK_ROWS), *picture = fit_kept(&t, BANK_PICTURE);
    const struct oddi_feature_grid g = oddi_features_grid(&t.build);
    assert_int_equal(rows->shape.dim[0], FIT_NORMALS * g.height * g.width);
    assert_int_equal(rows->shape.dim[1], g.dim);
    int64_t of[FIT_NORMALS] = {0};
    for (int64_t i = 0; i < picture->shape.dim[0]; i++)
        of[((const int64_t *)picture->data)[i]]++;
    for (int i = 0; i < FIT_NORMALS; i++)
        assert_int_equal(of[i], g.height * g.width);
    fit_end(&t);
}

/* The rows of picture i. */
static float *rows_of(struct fit_test *t, int64_t i)
{
    const struct oddi_feature_grid g = oddi_features_grid(&t->build);
    const struct oddi_measure m = fit_look(t, i);
    float *rows = malloc(sizeof(float) * (size_t)(g.height * g.width * g.dim));
    assert_non_null(rows);
    assert_int_equal(oddi_method_bank.rows(&m, rows), ODD_OK);
    return rows;
}

/* Every row of the bank is that of its picture and cell; pictures beyond the first ones are those
 * of the training again. */
static void check_places(struct fit_test *t, const struct oddi_model_file *file)
{
    const struct oddi_stored *rows = oddi_model_file_find(file, BANK_ROWS),
                             *picture = oddi_model_file_find(file, BANK_PICTURE),
                             *cell = oddi_model_file_find(file, BANK_CELL);
    const int64_t dim = rows->shape.dim[1];
    for (int64_t i = 0; i < FIT_NORMALS; i++) {
        float *own = rows_of(t, i);
        for (int64_t k = 0; k < rows->shape.dim[0]; k++)
            if (((const int64_t *)picture->data)[k] % FIT_NORMALS == i)
                assert_memory_equal((const float *)rows->data + k * dim,
                                    own + ((const int64_t *)cell->data)[k] * dim,
                                    sizeof(float) * (size_t)dim);
        free(own);
    }
}

static void test_places_and_extend(void **unused)
{
    struct fit_test t;
    struct oddi_model_file more;
    (void)unused;
    for (int drawn = 0; drawn < 2; drawn++) {
        start(&t, NULL, NULL);
        if (drawn)
            fit_set(&t, "pool-mib", "1"); /* less than all cells */
        fit_set(&t, "coreset-count", "60");
        fit_learn_well(&t);
        check_places(&t, &t.kept);
        oddi_model_file_init(&more, t.t.ctx);
        struct oddi_fitting f = fit_fitting(&t);
        f.keep = &more;
        f.before = &t.kept;
        f.earlier = FIT_NORMALS;
        fit_set(&t, "coreset-count", "90");
        assert_int_equal(oddi_method_bank.extend(&f), ODD_OK);
        const struct oddi_stored *rows = oddi_model_file_find(&more, BANK_ROWS);
        assert_int_equal(rows->shape.dim[0], 90);
        /* The choice begins with what was there first, and rows are rows of pictures. */
        assert_memory_equal(rows->data, oddi_model_file_find(&t.kept, BANK_ROWS)->data,
                            sizeof(float) * (size_t)rows->shape.dim[1]);
        check_places(&t, &more);
        oddi_model_file_release(&more);
        fit_end(&t);
    }
}

/* The nearest learnt cells: rising, each where it says; fewer than asked for are filled up. */
static void test_nearest(void **unused)
{
    struct fit_test t;
    float distance[2 * ODDI_NEAREST_MAX];
    int64_t picture[2 * ODDI_NEAREST_MAX], cell[2 * ODDI_NEAREST_MAX];
    (void)unused;
    start(&t, "coreset-count", "20");
    fit_learn_well(&t);
    const int64_t dim = oddi_features_grid(&t.build).dim;
    float *defect = rows_of(&t, FIT_DEFECT);
    const struct oddi_nearest n = {t.t.ctx,          2,        t.fitted, defect, 2,
                                   ODDI_NEAREST_MAX, distance, picture,  cell};
    assert_int_equal(oddi_method_bank.nearest(&n), ODD_OK);
    for (int q = 0; q < 2; q++)
        for (int k = 0; k < ODDI_NEAREST_MAX; k++) {
            const int at = q * ODDI_NEAREST_MAX + k;
            if (k >= 20) {
                assert_true(picture[at] == -1 && isinf(distance[at]));
                continue;
            }
            float *own = rows_of(&t, picture[at]);
            assert_true(distance[at] ==
                        sqrtf(oddi_knn_distance2(defect + q * dim, own + cell[at] * dim, dim)));
            assert_true(k == 0 || distance[at] >= distance[at - 1]);
            free(own);
        }
    free(defect);
    fit_end(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_defect_is_found),
        cmocka_unit_test(test_padding_does_not_count),
        cmocka_unit_test(test_budgets),
        cmocka_unit_test(test_places_and_extend),
        cmocka_unit_test(test_nearest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
