/* SPDX-License-Identifier: Apache-2.0
 * DAAD trained as a whole on a small woven texture made here: the loss falls, one batch can be
 * learned by heart, defects score above normals, and two trainings give the same weights. */
#include "method/daad/support_test.h"

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/rng.h"

#define TEST_SIDE 32
#define TEST_EACH (TEST_SIDE * TEST_SIDE)
#define TEST_NORMALS 64
#define TEST_SCORED 24 /* of each kind */
#define TEST_RADIUS 4

static const struct oddi_geometry test_32 = {1, TEST_SIDE, TEST_SIDE};
static float texture_pictures[TEST_NORMALS * TEST_EACH];

/* A weave with a place of its own and a little noise; with `defect` a disc of it is turned by a
 * quarter and twice as fine, with the same greys. Its centre goes to at[] (x, y). */
static void texture_make(uint64_t number, bool defect, float *picture, int64_t at[2])
{
    struct oddi_rng rng;
    oddi_rng_init(&rng, 21, ODDI_RNG_TEST, defect, number);
    const float px = oddi_rng_range(&rng, 0, 8), py = oddi_rng_range(&rng, 0, 8);
    for (int i = 0; i < 2; i++)
        at[i] = TEST_RADIUS + (int64_t)oddi_rng_below(&rng, TEST_SIDE - 2 * TEST_RADIUS);
    for (int64_t y = 0; y < TEST_SIDE; y++)
        for (int64_t x = 0; x < TEST_SIDE; x++) {
            const int64_t dx = x - at[0], dy = y - at[1];
            const bool inside = defect && dx * dx + dy * dy <= TEST_RADIUS * TEST_RADIUS;
            const float u = ((float)x + px) * 0.785f, v = ((float)y + py) * 0.785f;
            const float wave = inside ? sinf(2 * v - 2 * u) : sinf(u) * sinf(v);
            picture[y * TEST_SIDE + x] = 0.6f * wave + 0.05f * oddi_rng_normal(&rng);
        }
}

static odd_status texture_get(void *user, int64_t i, float *picture)
{
    (void)user;
    memcpy(picture, texture_pictures + i * TEST_EACH, TEST_EACH * sizeof(float));
    return ODD_OK;
}

static void texture_step(struct daad_test *t, int64_t step, int64_t pictures)
{
    const struct oddi_method *d = &oddi_method_daad;
    const int64_t batch = t->trainer.recipe.batch, from = step * batch % pictures;
    int stage = d->stages(&t->values) - 1;
    while (stage > 0 && step < d->stage_start(&t->values, stage, t->trainer.recipe.steps))
        stage--;
    if (stage > 0 && step == d->stage_start(&t->values, stage, t->trainer.recipe.steps)) {
        struct oddi_enter e = {.ctx = t->ctx,
                               .trainer = &t->trainer,
                               .stage = stage,
                               .seed = 3,
                               .pictures = pictures,
                               .get = texture_get};
        daad_test_ok(t->ctx, d->enter(&e));
    }
    daad_test_ok(t->ctx, oddi_trainer_step(&t->trainer, stage, step,
                                           texture_pictures + from * TEST_EACH, batch));
}

/* Trains from settings on the first so many normals; returns the first loss. */
static double texture_train(struct daad_test *t, const char *settings, int64_t pictures,
                            int threads)
{
    double first = 0;
    int64_t unused[2];
    for (int64_t i = 0; i < pictures; i++)
        texture_make((uint64_t)i, false, texture_pictures + i * TEST_EACH, unused);
    daad_test_start(t, settings, &test_32, "best", pictures);
    assert_int_equal(odd_context_set_threads(t->ctx, threads), ODD_OK);
    for (int64_t step = 0; step < t->trainer.recipe.steps; step++) {
        texture_step(t, step, pictures);
        if (step == 0)
            first = oddi_trainer_result(&t->trainer, "loss");
    }
    return first;
}

/* Share of pairs in which the second is larger. */
static double texture_auroc(const double *normal, const double *defect)
{
    double right = 0;
    for (int i = 0; i < TEST_SCORED; i++)
        for (int k = 0; k < TEST_SCORED; k++)
            right += normal[i] < defect[k] ? 1.0 : normal[i] == defect[k] ? 0.5 : 0.0;
    return right / (TEST_SCORED * TEST_SCORED);
}

struct texture_scores { /* [normal, defect] */
    double r[2][TEST_SCORED], top1[2][TEST_SCORED], a[2][TEST_SCORED], ra[2][TEST_SCORED];
    int found; /* defects that hold the map's maximum */
};
static bool texture_is_at(const float *map, const int64_t at[2])
{
    int64_t best = 0;
    for (int64_t i = 1; i < TEST_EACH; i++)
        if (map[i] > map[best])
            best = i;
    const int64_t dx = best % TEST_SIDE - at[0], dy = best / TEST_SIDE - at[1];
    return dx * dx + dy * dy <= (TEST_RADIUS + 2) * (TEST_RADIUS + 2);
}

/* Of pictures that were not trained on; normals that are neither give the spread. */
static void texture_score(struct daad_test *t, struct texture_scores *s)
{
    float picture[TEST_EACH], map[TEST_EACH];
    double c[ODDI_COMPONENTS_MAX] = {0};
    struct oddi_spread spread = {{0}, {1, 1, 1, 1}};
    struct daad_test_scorer scorer;
    int64_t at[2];
    memset(s, 0, sizeof(*s));
    daad_test_scorer_start(t, &scorer);
    for (uint64_t i = 0; i < 2; i++) { /* the distance of two is scale enough here */
        double d[ODDI_COMPONENTS_MAX] = {0};
        texture_make(500 + i, false, picture, at);
        daad_test_score(t, &scorer, picture, NULL, NULL, d);
        for (int k = 0; k < 4; k++) {
            spread.scale[k] = i == 0 ? 1.0 : fabs(d[k] - spread.location[k]) + 1e-9;
            spread.location[k] = d[k];
        }
    }
    for (int kind = 0; kind < 2; kind++)
        for (int i = 0; i < TEST_SCORED; i++) {
            texture_make((uint64_t)(1000 + i), kind == 1, picture, at);
            daad_test_score(t, &scorer, picture, NULL, map, c);
            s->r[kind][i] = c[0];
            s->top1[kind][i] = c[1];
            s->a[kind][i] = c[3];
            s->ra[kind][i] = oddi_method_daad.combine(&t->values, c, &spread);
            s->found += kind == 1 && texture_is_at(map, at);
        }
    daad_test_scorer_end(&scorer);
}

static void texture_above(const double scores[2][TEST_SCORED], double bound, const char *what)
{
    const double auroc = texture_auroc(scores[0], scores[1]);
    if (!(auroc > bound))
        fail_msg("AUROC by %s: %.3f", what, auroc);
}

static void test_finds_defects(void **state)
{
    (void)state;
    struct daad_test t;
    static struct texture_scores s;
    const double first = texture_train(&t, "width=8 items=64 steps=240 lr=0.002", TEST_NORMALS, 1);
    assert_int_equal(t.trainer.net.stages, 2);
    assert_true(oddi_trainer_result(&t.trainer, "loss") < 0.1 * first);
    texture_score(&t, &s);
    texture_above(s.r, 0.8, "R");
    texture_above(s.top1, 0.8, "top 1 %");
    assert_true(s.found > TEST_SCORED * 3 / 4);
    daad_test_end(&t);
}

static void test_plus_finds_defects(void **state)
{
    (void)state;
    struct daad_test t;
    static struct texture_scores s;
    const double first =
        texture_train(&t, "variant=daad+ width=8 items=64 steps=240 lr=0.002", TEST_NORMALS, 1);
    assert_true(oddi_trainer_result(&t.trainer, "loss") < 0.5 * first);
    assert_true(isfinite(oddi_trainer_result(&t.trainer, "disc")));
    texture_score(&t, &s);
    texture_above(s.r, 0.8, "R");
    texture_above(s.ra, 0.8, "R and A");
    assert_true(s.a[0][0] > 0.0);
    daad_test_end(&t);
}

/* Eight pictures by heart: freely, and put together from their own blocks. */
static void test_overfits(void **state)
{
    static const struct {
        const char *settings;
        double error;
    } rows[] = {{"variant=ae width=16 batch=8 steps=300 lr=0.003 decay-from=0.2", 0.005},
                {"variant=uae width=16 batch=8 steps=200 lr=0.003 decay-from=0.2", 0.005},
                {"width=16 items=40 batch=8 steps=300 lr=0.003 decay-from=0.2", 0.005}};
    (void)state;
    for (size_t i = 0; i < ODDI_COUNT(rows); i++) {
        struct daad_test t;
        texture_train(&t, rows[i].settings, 8, 1);
        const double error = oddi_trainer_result(&t.trainer, "rec");
        if (!(error < rows[i].error))
            fail_msg("%s: error %.4f", rows[i].settings, error);
        daad_test_end(&t);
    }
}

static void texture_hash(const struct daad_test *t, struct oddi_hash128 *hash)
{
    struct oddi_hasher *h = oddi_hasher_new(t->ctx);
    assert_non_null(h);
    for (int i = 0; i < t->trainer.state.groups; i++)
        oddi_hasher_add(h, t->trainer.state.group[i].weights,
                        t->trainer.state.group[i].count * sizeof(float));
    oddi_hasher_digest(h, hash);
    oddi_hasher_free(t->ctx, h);
}

/* The same bits on a second run and with other threads; scores too. */
static void test_same_weights(void **state)
{
    static const int threads[] = {1, 1, 2, 3};
    static struct texture_scores first_scores, scores;
    struct oddi_hash128 first = {0}, hash;
    (void)state;
    for (size_t i = 0; i < ODDI_COUNT(threads); i++) {
        struct daad_test t;
        texture_train(&t, "variant=daad+ width=8 items=20 steps=12 batch=12", 48, threads[i]);
        texture_hash(&t, i == 0 ? &first : &hash);
        texture_score(&t, i == 0 ? &first_scores : &scores);
        assert_true(i == 0 || oddi_hash_equal(&first, &hash));
        assert_true(i == 0 || memcmp(&first_scores, &scores, sizeof(scores)) == 0);
        daad_test_end(&t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_finds_defects),
        cmocka_unit_test(test_plus_finds_defects),
        cmocka_unit_test(test_overfits),
        cmocka_unit_test(test_same_weights),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
