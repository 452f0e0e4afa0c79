/* SPDX-License-Identifier: Apache-2.0
 * The memory bank over a SqueezeNet 1.1 of random weights: rows against their plain definition,
 * what the pool draws, what is kept and refused, scores and map of a picture with a defect. */
#include "base/compat.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "method/bank/bank.h"

#define SIDE 64
#define PLANE (SIDE * SIDE)
#define PICTURES 5

struct bank_test {
    struct odd_context *ctx;
    struct oddi_values values;
    struct oddi_state state;
    struct oddi_build build;
    struct oddi_plan *plan;
    struct oddi_binding *binding;
    struct oddi_model_file file;
    float *pictures; /* PICTURES normals, then one with a defect */
    void *fitted;
};
static const struct oddi_geometry geometry = {1, SIDE, SIDE};

static void set(struct bank_test *t, const char *name, const char *value)
{
    if (oddi_values_set(&t->values, name, value, "set") != ODD_OK)
        fail_msg("%s", odd_last_message(t->ctx));
}

/* Random weights that keep the size of what passes (He). */
static void fill_expert(struct oddi_state *s)
{
    for (size_t i = 0; i < s->params; i++) {
        const struct oddi_state_param *p = &s->param[i];
        struct oddi_rng rng;
        const int64_t n = oddi_shape_count(&p->shape);
        const float fan = p->shape.rank == 4 ? (float)(n / p->shape.dim[0]) : 0;
        float *w = oddi_state_weights(s, p);
        oddi_rng_init(&rng, 11, ODDI_RNG_TEST, i, 0);
        for (int64_t k = 0; k < n; k++)
            w[k] = fan > 0 ? sqrtf(2 / fan) * oddi_rng_normal(&rng) : 0.01f;
    }
}

static void start(struct bank_test *t, const char *taps)
{
    const struct oddi_method *m = &oddi_method_bank;
    const struct oddi_param *tables[] = {m->params, oddi_expert_params, NULL};
    int count = 0;
    memset(t, 0, sizeof(*t));
    assert_int_equal(odd_context_new(&t->ctx), ODD_OK);
    assert_int_equal(oddi_values_init(&t->values, t->ctx, tables), ODD_OK);
    set(t, "network", "squeezenet1_1");
    set(t, "taps", taps);
    assert_int_equal(m->check(t->ctx, &t->values, &geometry), ODD_OK);
    oddi_build_init(&t->build, t->ctx, &t->values, &geometry, 1);
    t->build.stage = ODDI_STAGE_SCORE;
    m->build(&t->build);
    if (oddi_graph_status(&t->build.graph) != ODD_OK)
        fail_msg("%s", odd_last_message(t->ctx));
    oddi_state_init(&t->state, t->ctx);
    assert_int_equal(oddi_state_declare(&t->state, &t->build.graph), ODD_OK);
    assert_int_equal(oddi_state_start(&t->state, 3, false), ODD_OK);
    fill_expert(&t->state);
    assert_int_equal(oddi_state_bind(&t->state, &t->build, &t->binding, &count), ODD_OK);
    const struct oddi_plan_options options = {.type = ODDI_F32,
                                              .mode = "best",
                                              .threads = 2,
                                              .binding = t->binding,
                                              .binding_count = count};
    assert_int_equal(oddi_plan_new(t->ctx, &t->build.graph, &options, &t->plan), ODD_OK);
    oddi_model_file_init(&t->file, t->ctx);
    t->pictures = malloc(sizeof(float) * (PICTURES + 1) * PLANE);
    assert_non_null(t->pictures);
    for (int i = 0; i <= PICTURES; i++)
        for (int k = 0; k < PLANE; k++) {
            const float x = (float)(k % SIDE), y = (float)(k / SIDE);
            t->pictures[i * PLANE + k] =
                0.5f * sinf(0.5f * x + 0.3f * (float)(i % PICTURES)) * sinf(0.4f * y);
        }
    for (int y = 20; y < 32; y++)
        for (int x = 36; x < 48; x++)
            t->pictures[PICTURES * PLANE + y * SIDE + x] = 1.0f;
}

static void end(struct bank_test *t)
{
    oddi_method_bank.close(t->ctx, t->fitted);
    free(t->pictures);
    oddi_model_file_release(&t->file);
    oddi_plan_free(t->plan);
    oddi_free(t->ctx, t->binding);
    oddi_state_release(&t->state);
    oddi_build_release(&t->build);
    oddi_values_release(&t->values);
    odd_context_free(t->ctx);
}

static struct oddi_measure look(struct bank_test *t, int64_t i)
{
    assert_int_equal(oddi_plan_set(t->plan, t->build.image, t->pictures + i * PLANE), ODD_OK);
    assert_int_equal(oddi_plan_run(t->plan), ODD_OK);
    return (struct oddi_measure){.ctx = t->ctx,
                                 .threads = 2,
                                 .fitted = t->fitted,
                                 .values = &t->values,
                                 .in = geometry,
                                 .build = &t->build,
                                 .plan = t->plan,
                                 .picture = t->pictures + i * PLANE,
                                 .tiles = 1,
                                 .width = SIDE,
                                 .height = SIDE};
}

static odd_status each(void *engine, const struct oddi_fit_pass *pass)
{
    struct bank_test *t = engine;
    odd_status status = ODD_OK;
    for (int64_t i = PICTURES - 1; i >= 0 && status == ODD_OK; i--) { /* in no particular order */
        const struct oddi_measure m = look(t, i);
        status = pass->take(pass->user, i, &m);
    }
    return status;
}

static odd_status progress(void *engine, const char *phase, int64_t done, int64_t total)
{
    (void)engine, (void)phase;
    return done <= total ? ODD_OK : ODD_EBUG;
}

static double strange[PICTURES];
static bool dropped[PICTURES];

static void fit(struct bank_test *t)
{
    for (int i = 0; i < PICTURES; i++) {
        strange[i] = NAN;
        dropped[i] = false;
    }
    struct oddi_fitting f = {.ctx = t->ctx,
                             .values = &t->values,
                             .in = geometry,
                             .threads = 2,
                             .pictures = PICTURES,
                             .tiles = 1,
                             .build = &t->build,
                             .each = each,
                             .progress = progress,
                             .engine = t,
                             .strange = strange,
                             .dropped = dropped,
                             .keep = &t->file};
    if (oddi_method_bank.fit(&f) != ODD_OK ||
        oddi_method_bank.open(t->ctx, &t->build, &t->file, &t->fitted) != ODD_OK)
        fail_msg("%s", odd_last_message(t->ctx));
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
        struct bank_test t;
        start(&t, "4,8");
        const struct oddi_measure m = look(&t, 0);
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
        end(&t);
    }
}

static void test_defect_is_found(void **unused)
{
    struct bank_test t;
    double normal[3], defect[3];
    float *map = malloc(sizeof(float) * PLANE), *scratch = malloc(sizeof(float) * PLANE);
    (void)unused;
    start(&t, "4,8");
    set(&t, "coreset", "0.3");
    fit(&t);
    struct oddi_measure m = look(&t, 1);
    m.map = map;
    m.scratch = scratch;
    m.component = normal;
    assert_int_equal(oddi_method_bank.measure(&m), ODD_OK);
    m = look(&t, PICTURES);
    m.map = map;
    m.scratch = scratch;
    m.component = defect;
    assert_int_equal(oddi_method_bank.measure(&m), ODD_OK);
    for (int i = 0; i < 3; i++)
        assert_true(defect[i] > 1.5 * normal[i]);
    int64_t peak = 0;
    for (int64_t i = 0; i < PLANE; i++)
        peak = map[i] > map[peak] ? i : peak;
    assert_in_range(peak % SIDE, 32, 52);
    assert_in_range(peak / SIDE, 16, 36);
    free(map);
    free(scratch);
    end(&t);
}

/* What lies outside the picture's own part of the input does not count for the score. */
static void test_padding_does_not_count(void **unused)
{
    struct bank_test t;
    double all[3], part[3];
    float *map = malloc(sizeof(float) * PLANE), *scratch = malloc(sizeof(float) * PLANE);
    (void)unused;
    start(&t, "4,8");
    fit(&t);
    struct oddi_measure m = look(&t, PICTURES);
    m.map = map;
    m.scratch = scratch;
    m.component = all;
    assert_int_equal(oddi_method_bank.measure(&m), ODD_OK);
    m.component = part;
    m.width = 16;
    assert_int_equal(oddi_method_bank.measure(&m), ODD_OK);
    assert_true(part[BANK_MAX] < all[BANK_MAX] && part[BANK_SMOOTH] < all[BANK_SMOOTH]);
    free(map);
    free(scratch);
    end(&t);
}

/* Each picture gives the pool its share; each kept row knows its picture; bank-mib holds. */
static void test_budgets(void **unused)
{
    struct bank_test t;
    (void)unused;
    start(&t, "4,8");
    set(&t, "coreset-count", "1000000");
    fit(&t);
    const struct oddi_stored *rows = oddi_model_file_find(&t.file, BANK_ROWS),
                             *picture = oddi_model_file_find(&t.file, BANK_PICTURE);
    const struct oddi_feature_grid g = oddi_features_grid(&t.build);
    assert_int_equal(rows->shape.dim[0], PICTURES * g.height * g.width);
    assert_int_equal(rows->shape.dim[1], g.dim);
    int64_t of[PICTURES] = {0};
    for (int64_t i = 0; i < picture->shape.dim[0]; i++)
        of[((const int64_t *)picture->data)[i]]++;
    for (int i = 0; i < PICTURES; i++)
        assert_int_equal(of[i], g.height * g.width);
    end(&t);
}

/* The rows of picture i. */
static float *rows_of(struct bank_test *t, int64_t i)
{
    const struct oddi_feature_grid g = oddi_features_grid(&t->build);
    const struct oddi_measure m = look(t, i);
    float *rows = malloc(sizeof(float) * (size_t)(g.height * g.width * g.dim));
    assert_non_null(rows);
    assert_int_equal(oddi_method_bank.rows(&m, rows), ODD_OK);
    return rows;
}

/* Every row of the bank is that of its picture and cell; pictures beyond the first ones are those
 * of the training again. */
static void check_places(struct bank_test *t, const struct oddi_model_file *file)
{
    const struct oddi_stored *rows = oddi_model_file_find(file, BANK_ROWS),
                             *picture = oddi_model_file_find(file, BANK_PICTURE),
                             *cell = oddi_model_file_find(file, BANK_CELL);
    const int64_t dim = rows->shape.dim[1];
    for (int64_t i = 0; i < PICTURES; i++) {
        float *own = rows_of(t, i);
        for (int64_t k = 0; k < rows->shape.dim[0]; k++)
            if (((const int64_t *)picture->data)[k] % PICTURES == i)
                assert_memory_equal((const float *)rows->data + k * dim,
                                    own + ((const int64_t *)cell->data)[k] * dim,
                                    sizeof(float) * (size_t)dim);
        free(own);
    }
}

static void test_places_and_extend(void **unused)
{
    struct bank_test t;
    struct oddi_model_file more;
    (void)unused;
    for (int drawn = 0; drawn < 2; drawn++) {
        start(&t, "4,8");
        if (drawn)
            set(&t, "pool-mib", "1"); /* less than all cells */
        set(&t, "coreset-count", "60");
        fit(&t);
        check_places(&t, &t.file);
        oddi_model_file_init(&more, t.ctx);
        struct oddi_fitting f = {.ctx = t.ctx,
                                 .values = &t.values,
                                 .in = geometry,
                                 .threads = 2,
                                 .pictures = PICTURES,
                                 .tiles = 1,
                                 .build = &t.build,
                                 .each = each,
                                 .progress = progress,
                                 .engine = &t,
                                 .keep = &more,
                                 .before = &t.file,
                                 .earlier = PICTURES};
        set(&t, "coreset-count", "90");
        assert_int_equal(oddi_method_bank.extend(&f), ODD_OK);
        const struct oddi_stored *rows = oddi_model_file_find(&more, BANK_ROWS);
        assert_int_equal(rows->shape.dim[0], 90);
        /* The choice begins with what was there first, and rows are rows of pictures. */
        assert_memory_equal(rows->data, oddi_model_file_find(&t.file, BANK_ROWS)->data,
                            sizeof(float) * (size_t)rows->shape.dim[1]);
        check_places(&t, &more);
        oddi_model_file_release(&more);
        end(&t);
    }
}

/* The nearest learnt cells: rising, each where it says; fewer than asked for are filled up. */
static void test_nearest(void **unused)
{
    struct bank_test t;
    float distance[2 * ODDI_NEAREST_MAX];
    int64_t picture[2 * ODDI_NEAREST_MAX], cell[2 * ODDI_NEAREST_MAX];
    (void)unused;
    start(&t, "4,8");
    set(&t, "coreset-count", "20");
    fit(&t);
    const int64_t dim = oddi_features_grid(&t.build).dim;
    float *defect = rows_of(&t, PICTURES);
    const struct oddi_nearest n = {t.ctx,    2,       t.fitted, defect, 2, ODDI_NEAREST_MAX,
                                   distance, picture, cell};
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
    end(&t);
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
