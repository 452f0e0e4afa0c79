/* SPDX-License-Identifier: Apache-2.0
 * DAAD's pieces: exact recall, the gradient of the whole loss, seeding of the memories, the balance
 * of the two players. (Divisions and tables: shape_test.c; scores: measure_test.c; training as a
 * whole: texture_test.c; against PyTorch: golden_test.c.) */
#include "method/daad/support_test.h"

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../tests/support/gradcheck.h"
#include "base/rng.h"

static const struct oddi_geometry test_32 = {1, 32, 32};

static void daad_test_random(uint64_t seed, int64_t count, float *data)
{
    struct oddi_rng rng;
    oddi_rng_init(&rng, seed, ODDI_RNG_TEST, 0, 0);
    for (int64_t i = 0; i < count; i++)
        data[i] = oddi_rng_range(&rng, -1.0f, 1.0f);
}

/* ---- exact recall ---- */

/* Blocks of one picture as the encoder of `t` sees it; to be freed. */
static float *daad_test_queries(struct daad_test *t, const float *picture, int memory,
                                int64_t *count)
{
    struct oddi_build b;
    struct oddi_plan *p = NULL;
    struct oddi_binding *binding = NULL;
    int bindings = 0;
    const char name[] = {'q', 'u', 'e', 'r', 'y', '.', (char)('0' + memory), 0};
    oddi_build_init(&b, t->ctx, &t->values, &t->trainer.net.in, 1);
    b.stage = ODDI_STAGE_SCORE;
    oddi_daad_build_queries(&b);
    daad_test_ok(t->ctx, oddi_graph_fuse(&b.graph));
    daad_test_ok(t->ctx, oddi_state_bind(&t->trainer.state, &b, &binding, &bindings));
    const struct oddi_plan_options options = {
        .mode = t->trainer.net.mode, .threads = 2, .binding = binding, .binding_count = bindings};
    daad_test_ok(t->ctx, oddi_plan_new(t->ctx, &b.graph, &options, &p));
    daad_test_ok(t->ctx, oddi_plan_set(p, b.image, picture));
    daad_test_ok(t->ctx, oddi_plan_run(p));
    const struct oddi_node *node = oddi_build_find(&b, name);
    *count = oddi_shape_count(&node->shape);
    float *blocks = calloc((size_t)*count, sizeof(float));
    assert_non_null(blocks);
    daad_test_ok(t->ctx, oddi_plan_get(p, node, blocks));
    oddi_free(t->ctx, binding);
    oddi_plan_free(p);
    oddi_build_release(&b);
    return blocks;
}

static float *daad_test_weights(const struct daad_test *t, const char *name, int64_t *count)
{
    const struct oddi_state_param *p = oddi_state_find(&t->trainer.state, name);
    assert_non_null(p);
    *count = oddi_shape_count(&p->shape);
    return oddi_state_weights(&t->trainer.state, p);
}

static void daad_test_fill_memory(struct daad_test *t, const float *picture)
{
    for (int m = 0; m < 2; m++) {
        int64_t count = 0, room = 0;
        float *blocks = daad_test_queries(t, picture, m, &count);
        float *items = daad_test_weights(t, m == 0 ? "memory1.items" : "memory2.items", &room);
        assert_int_equal(count, room);
        memcpy(items, blocks, (size_t)count * sizeof(float));
        free(blocks);
    }
    oddi_state_group(&t->trainer.state, "gen")->version++;
}

/* As many items as the picture has blocks, the items being those blocks, T small: the blocks come
 * back as they were, so the reconstruction is that of the same network without memories. */
static void daad_test_recall(const char *mode, const char *division)
{
    struct daad_test with, without;
    struct daad_test_scorer a, b;
    char settings[160];
    float picture[32 * 32];
    double score[2][ODDI_COMPONENTS_MAX];
    snprintf(settings, sizeof(settings), "width=8 items=4 temperature=0.01 %s", division);
    daad_test_start(&with, settings, &test_32, mode, 16);
    daad_test_start(&without, "width=8 variant=uae", &test_32, mode, 16);
    daad_test_random(3, 32 * 32, picture);
    daad_test_scorer_start(&with, &a);
    daad_test_scorer_start(&without, &b);
    daad_test_score(&with, &a, picture, NULL, NULL, score[0]);
    daad_test_score(&without, &b, picture, NULL, NULL, score[1]);
    assert_true(fabs(score[0][0] / score[1][0] - 1.0) > 1e-5); /* other items: not the same */
    daad_test_fill_memory(&with, picture);
    daad_test_score(&with, &a, picture, NULL, NULL, score[0]);
    const float *x = oddi_plan_output(a.plan, oddi_build_find(&a.build, "made"));
    const float *y = oddi_plan_output(b.plan, oddi_build_find(&b.build, "made"));
    double largest = 0.0;
    for (int i = 0; i < 32 * 32; i++)
        largest = fmax(largest, fabs((double)y[i]));
    for (int i = 0; i < 32 * 32; i++)
        assert_true(fabs((double)x[i] - (double)y[i]) <= 1e-5 * largest);
    daad_test_scorer_end(&a);
    daad_test_scorer_end(&b);
    daad_test_end(&with);
    daad_test_end(&without);
}
static void test_exact_recall(void **state)
{
    (void)state;
    daad_test_recall("ref", "division=spec");
    daad_test_recall("best", "division=spec");
    daad_test_recall("simd", "division=2x2x1/1x4x1");
}

/* ---- the gradient of the whole loss ---- */

static void daad_test_fill(void *user, const struct oddi_node *node, int64_t count, double *values)
{
    (void)user;
    if (strcmp(node->name, "target.real") == 0)
        values[0] = 0.9;
    if (strncmp(node->name, "enc", 3) != 0 && strncmp(node->name, "d", 1) != 0)
        return;
    for (int64_t i = 0; i < count && strstr(node->name, "conv.weight"); i++)
        values[i] *= 5.0; /* wider than at the start, so that nothing is tiny */
}

static void daad_test_gradient(struct odd_context *ctx, const char *settings, int phase,
                               const char *group)
{
    struct oddi_values v;
    struct oddi_build b;
    struct oddi_node *target[64];
    int targets = 0;
    daad_test_values(ctx, settings, &v);
    oddi_build_init(&b, ctx, &v, &test_32, 2);
    oddi_method_daad.build(&b);
    daad_test_ok(ctx, oddi_graph_status(&b.graph));
    struct oddi_node *loss = b.phase[phase].loss;
    /* The gradients of the build are of no use here: nothing keeps them. */
    for (size_t i = 0; i < b.gradients; i++)
        b.gradient[i].grad->flags &= ~(unsigned)ODDI_NODE_OUTPUT;
    for (int i = 0; i < loss->id; i++)
        if ((b.graph.node[i]->flags & ODDI_NODE_PARAM) &&
            strcmp(b.graph.node[i]->group, group) == 0)
            target[targets++] = b.graph.node[i];
    struct gradcheck check = {
        .step = 1e-6, .directions = 2, .elements = 3, .seed = 5, .fill = daad_test_fill};
    daad_test_ok(ctx, oddi_gradient_check(&b.graph, loss, targets, target, &check));
    if (!(check.worst < 1e-4))
        fail_msg("%s: %s[%d]: %.9g, by differences %.9g", settings, check.target,
                 (int)check.element, check.analytic, check.numeric);
    assert_true(targets >= 6);
    oddi_build_release(&b);
    oddi_values_release(&v);
}

static void test_gradient(void **state)
{
    daad_test_gradient(*state, "variant=daad+ width=4 items=5 warm-up=0", 1, "gen");
    daad_test_gradient(*state, "variant=daad+ width=4 items=5 warm-up=0", 0, "disc");
    daad_test_gradient(*state, "width=4 items=5 warm-up=0 addressing=paper division=2x2x2", 0,
                       "gen");
    daad_test_gradient(*state, "width=4 items=5 warm-up=0 addressing=memae", 0, "gen");
    daad_test_gradient(*state, "width=4 variant=ae", 0, "gen");
}

/* ---- seeding ---- */

struct daad_test_set { /* pictures in memory */
    int64_t count, each;
    const float *data;
    int64_t asked;
};
static odd_status daad_test_get(void *user, int64_t i, float *picture)
{
    struct daad_test_set *set = user;
    assert_true(i >= 0 && i < set->count);
    memcpy(picture, set->data + i * set->each, (size_t)set->each * sizeof(float));
    set->asked++;
    return ODD_OK;
}

static odd_status daad_test_enter(struct daad_test *t, struct daad_test_set *set, uint64_t seed)
{
    struct oddi_enter e = {.ctx = t->ctx,
                           .trainer = &t->trainer,
                           .stage = 1,
                           .seed = seed,
                           .pictures = set->count,
                           .get = daad_test_get,
                           .user = set};
    return oddi_method_daad.enter(&e);
}

/* How many of the items are blocks of the pictures; each block is taken at most once. */
static int daad_test_taken(struct daad_test *t, const struct daad_test_set *set, int memory)
{
    struct daad_shape s;
    int64_t room = 0, taken = 0;
    daad_test_ok(t->ctx, oddi_daad_shape_make(t->ctx, &t->values, &test_32, &s));
    const int64_t length = oddi_daad_block_length(&s, memory);
    const float *items =
        daad_test_weights(t, memory == 0 ? "memory1.items" : "memory2.items", &room);
    for (int64_t k = 0; k < set->count; k++) {
        int64_t count = 0;
        float *blocks = daad_test_queries(t, set->data + k * set->each, memory, &count);
        for (int64_t j = 0; j < count / length; j++) {
            int times = 0;
            for (int64_t i = 0; i < room / length; i++)
                times += memcmp(items + i * length, blocks + j * length,
                                (size_t)length * sizeof(float)) == 0;
            assert_true(times <= 1);
            taken += times;
        }
        free(blocks);
    }
    return (int)taken;
}

static void test_seeding(void **state)
{
    (void)state;
    static float data[12 * 32 * 32];
    struct daad_test t, u;
    struct daad_test_set set = {12, 32 * 32, data, 0};
    int64_t count = 0;
    daad_test_random(8, 12 * 32 * 32, data);
    daad_test_start(&t, "width=8 items=20 steps=40 average=0.9", &test_32, "best", 12);
    daad_test_start(&u, "width=8 items=20 steps=40 average=0.9", &test_32, "best", 12);
    for (int64_t step = 0; step < 3; step++) {
        daad_test_ok(t.ctx, oddi_trainer_step(&t.trainer, 0, step, data, 12));
        daad_test_ok(u.ctx, oddi_trainer_step(&u.trainer, 0, step, data, 12));
    }
    struct oddi_group *gen = oddi_state_group(&t.trainer.state, "gen");
    const uint64_t version = gen->version;
    float *items = daad_test_weights(&t, "memory1.items", &count);
    const float first = items[0], encoder = *daad_test_weights(&t, "enc1.conv.weight", &count);
    assert_int_equal(daad_test_taken(&t, &set, 0), 0);
    assert_int_equal(gen->updates, 3);
    daad_test_ok(t.ctx, daad_test_enter(&t, &set, 1));
    assert_true(set.asked > 0);
    assert_int_equal(daad_test_taken(&t, &set, 0), 20);
    assert_int_equal(daad_test_taken(&t, &set, 1), 20);
    assert_true(items[0] != first && gen->version > version);
    assert_true(*daad_test_weights(&t, "enc1.conv.weight", &count) == encoder);
    assert_int_equal(gen->updates, 0); /* a new Adam for the whole generator */
    for (size_t i = 0; i < gen->count; i++)
        assert_true(gen->m[i] == 0.0f && gen->v[i] == 0.0f);
    assert_memory_equal(gen->average, gen->weights, gen->count * sizeof(float));
    const struct oddi_group *other = oddi_state_group(&u.trainer.state, "gen");
    daad_test_ok(u.ctx, daad_test_enter(&u, &set, 1));
    assert_memory_equal(gen->weights, other->weights, gen->count * sizeof(float));
    daad_test_ok(u.ctx, daad_test_enter(&u, &set, 2));
    assert_memory_not_equal(gen->weights, other->weights, gen->count * sizeof(float));
    daad_test_end(&t);
    daad_test_end(&u);
}

/* With more items than blocks all blocks are taken, and the other items stay. */
static void test_seeding_few_pictures(void **state)
{
    (void)state;
    static float data[2 * 32 * 32];
    struct daad_test t;
    struct daad_test_set set = {2, 32 * 32, data, 0};
    int64_t count = 0;
    daad_test_random(9, 2 * 32 * 32, data);
    daad_test_start(&t, "width=4 items=11 steps=40", &test_32, "best", 2);
    daad_test_ok(t.ctx, daad_test_enter(&t, &set, 1));
    assert_int_equal(daad_test_taken(&t, &set, 0), 8);
    const float *items = daad_test_weights(&t, "memory1.items", &count);
    for (int64_t i = 8 * count / 11; i < count; i++)
        assert_true(fabsf(items[i]) <= 1.0f / sqrtf((float)count / 11.0f));
    odd_context_cancel(t.ctx);
    assert_int_equal(daad_test_enter(&t, &set, 1), ODD_ECANCELLED);
    daad_test_end(&t);
}

/* ---- the balance of the two players ---- */

#define TEST_LOGITS 20
struct daad_test_game {
    struct oddi_build b;
    struct oddi_plan *plan;
    struct oddi_control c;
};
static void daad_test_game_start(struct odd_context *ctx, struct daad_test_game *t)
{
    const struct oddi_geometry in = {1, 4, 4};
    const struct oddi_plan_options options = {.threads = 1};
    memset(&t->c, 0, sizeof(t->c));
    t->c.rate_scale[0] = t->c.rate_scale[1] = 1.0;
    oddi_build_init(&t->b, ctx, NULL, &in, 1);
    const struct oddi_shape shape = oddi_shape_make(2, TEST_LOGITS, 1, 1, 1);
    oddi_build_result(&t->b, "logit.real", oddi_input(&t->b.graph, "real", shape));
    oddi_build_result(&t->b, "logit.fake", oddi_input(&t->b.graph, "fake", shape));
    daad_test_ok(ctx, oddi_plan_new(ctx, &t->b.graph, &options, &t->plan));
    oddi_method_daad.control_start(NULL, &t->c);
}
static void daad_test_game_end(struct daad_test_game *t)
{
    oddi_plan_free(t->plan);
    oddi_build_release(&t->b);
}

/* `steps` steps in which so many of the 20 real and made pictures are told rightly. Returns at
 * which of them the rate changed, -1: never. */
static int daad_test_play(struct daad_test_game *t, int steps, int real, int made)
{
    float *r = oddi_plan_input(t->plan, oddi_build_find(&t->b, "logit.real"));
    float *m = oddi_plan_input(t->plan, oddi_build_find(&t->b, "logit.fake"));
    const double before = t->c.rate_scale[0];
    for (int i = 0; i < TEST_LOGITS; i++) {
        r[i] = i < real ? 2.0f : -2.0f;
        m[i] = i < made ? -2.0f : 2.0f;
    }
    for (int step = 1; step <= steps; step++) {
        oddi_method_daad.control(&t->c, &t->b, t->plan);
        if (t->c.rate_scale[0] != before)
            return step;
    }
    return -1;
}

static void test_controller(void **state)
{
    struct daad_test_game t;
    daad_test_game_start(*state, &t);
    assert_string_equal(t.c.input[0], "target.real");
    assert_true(t.c.value[0] == 1.0);
    /* Halves are halved after 500 steps above .95 of the average, which needs some 230 to get
     * there. */
    const int step = daad_test_play(&t, 2000, 20, 20);
    assert_true(step > 700 && step < 760);
    assert_true(t.c.rate_scale[0] == 0.5 && t.c.rate_scale[1] == 1.0 && t.c.value[0] == 0.9);
    assert_int_equal(daad_test_play(&t, 2000, 20, 20), 500);
    assert_true(t.c.rate_scale[0] == 0.25);
    assert_int_equal(daad_test_play(&t, 480, 20, 20), -1);
    assert_int_equal(daad_test_play(&t, 20, 10, 10), -1); /* a bad spell: from the beginning */
    assert_true(daad_test_play(&t, 2000, 20, 20) > 500);
    assert_true(daad_test_play(&t, 2000, 20, 20) == 500);
    assert_true(t.c.rate_scale[0] == 0.0625);
    assert_int_equal(daad_test_play(&t, 3000, 20, 20), -1); /* four times at most */
    daad_test_game_end(&t);
}

static void test_controller_leaves_alone(void **state)
{
    struct daad_test_game t;
    daad_test_game_start(*state, &t);
    assert_int_equal(daad_test_play(&t, 3000, 18, 18), -1);
    assert_int_equal(daad_test_play(&t, 3000, 20, 10), -1); /* says "real" too often */
    assert_int_equal(daad_test_play(&t, 3000, 10, 20), -1);
    assert_true(t.c.value[0] == 1.0);
    daad_test_game_end(&t);
    /* A network without a discriminator. */
    struct daad_test d;
    float data[2 * 32 * 32];
    daad_test_random(1, 2 * 32 * 32, data);
    daad_test_start(&d, "width=4 items=5 warm-up=0", &test_32, "best", 2);
    const struct oddi_control before = d.trainer.control;
    daad_test_ok(d.ctx, oddi_trainer_step(&d.trainer, 0, 0, data, 2));
    assert_memory_equal(d.trainer.control.state, before.state, sizeof(before.state));
    daad_test_end(&d);
}

static int daad_test_setup(void **state)
{
    return odd_context_new((struct odd_context **)state) == ODD_OK ? 0 : -1;
}
static int daad_test_teardown(void **state)
{
    odd_context_free(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exact_recall), cmocka_unit_test(test_gradient),
        cmocka_unit_test(test_seeding),      cmocka_unit_test(test_seeding_few_pictures),
        cmocka_unit_test(test_controller),   cmocka_unit_test(test_controller_leaves_alone),
    };
    return cmocka_run_group_tests(tests, daad_test_setup, daad_test_teardown);
}
