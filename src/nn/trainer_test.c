/* SPDX-License-Identifier: Apache-2.0
 * The trainer: the same bits for any number of threads, with plans kept, dropped and made again,
 * with scoring in between; no allocation per step; faults; what is not finite. */
#include "nn/support_test.h"

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "../tests/support/fault_alloc.h"

#define TEST_STEPS 20

static float trainer_pictures[TEST_BATCH_MAX * TEST_PICTURE];

static struct odd_context *trainer_context(int threads)
{
    struct odd_context *ctx = NULL;
    assert_int_equal(odd_context_new(&ctx), ODD_OK);
    assert_int_equal(odd_context_set_threads(ctx, threads), ODD_OK);
    return ctx;
}

/* Stage 1 comes after the fourth step. */
static void trainer_step(struct oddi_trainer *t, int64_t step, int64_t count)
{
    nn_test_pictures(step, count, trainer_pictures);
    nn_test_ok(t->ctx, oddi_trainer_step(t, step < 4 ? 0 : 1, step, trainer_pictures, count));
}

/* Batches of 16 with a last one of 5 every fourth step, and some of other sizes. */
static int64_t trainer_count(int64_t step)
{
    static const int64_t counts[] = {16, 16, 16, 5, 16, 3, 16, 5, 16, 2};
    return counts[step % 10];
}

static void trainer_same(const struct oddi_hash128 *a, const struct oddi_hash128 *b,
                         const char *what, int64_t number)
{
    if (!oddi_hash_equal(a, b))
        fail_msg("%s %d: other bits", what, (int)number);
}

/* ---- bits ---- */

static void trainer_threads(const char *mode, int64_t steps)
{
    static const int counts[] = {1, 2, 3, 8};
    struct oddi_hash128 first = {0}, hash;
    for (size_t i = 0; i < ODDI_COUNT(counts); i++) {
        struct odd_context *ctx = trainer_context(counts[i]);
        struct oddi_trainer t;
        nn_test_ok(ctx, nn_test_trainer(ctx, mode, &t));
        for (int64_t step = 0; step < steps; step++)
            trainer_step(&t, step, trainer_count(step));
        assert_true(isfinite(oddi_trainer_result(&t, "loss")));
        nn_test_hash(&t, i == 0 ? &first : &hash);
        if (i > 0)
            trainer_same(&first, &hash, mode, counts[i]);
        oddi_trainer_release(&t);
        odd_context_free(ctx);
    }
}
static void test_threads(void **state)
{
    (void)state;
    trainer_threads("best", TEST_STEPS);
    trainer_threads("simd", TEST_STEPS);
    trainer_threads("ref", 6);
}

static bool trainer_has(const struct oddi_trainer *t, int stage, int64_t batch)
{
    for (int i = 0; i < ODDI_TRAINER_PLANS; i++)
        if (t->plan[i].plan && t->plan[i].build.stage == stage && t->plan[i].build.batch == batch)
            return true;
    return false;
}

/* A table of plans, from which some have to go, and a new trainer for every step. */
static void test_plans(void **state)
{
    (void)state;
    struct odd_context *ctx = trainer_context(1);
    struct oddi_trainer kept;
    nn_test_ok(ctx, nn_test_trainer(ctx, "best", &kept));
    for (int64_t step = 0; step < TEST_STEPS; step++) {
        struct oddi_trainer fresh;
        struct oddi_hash128 a, b;
        nn_test_ok(ctx, nn_test_trainer(ctx, "best", &fresh));
        nn_test_copy(&kept, &fresh);
        trainer_step(&kept, step, trainer_count(step));
        trainer_step(&fresh, step, trainer_count(step));
        nn_test_hash(&kept, &a);
        nn_test_hash(&fresh, &b);
        trainer_same(&a, &b, "step", step);
        assert_true(oddi_trainer_result(&kept, "loss") == oddi_trainer_result(&fresh, "loss"));
        oddi_trainer_release(&fresh);
    }
    /* Six plans were needed: those of stage 0 had to go, the latest are there. */
    assert_false(trainer_has(&kept, 0, 16));
    assert_true(trainer_has(&kept, 1, 16) && trainer_has(&kept, 1, 2) && trainer_has(&kept, 1, 5));
    oddi_trainer_release(&kept);
    odd_context_free(ctx);
}

/* The least recently used plan goes, and no other. */
static void test_eviction(void **state)
{
    (void)state;
    struct odd_context *ctx = trainer_context(1);
    struct oddi_trainer t;
    nn_test_ok(ctx, nn_test_trainer(ctx, "ref", &t));
    for (int64_t count = 2; count <= 1 + ODDI_TRAINER_PLANS; count++)
        nn_test_ok(ctx, oddi_trainer_prepare(&t, 0, count));
    for (int64_t count = 2; count <= 1 + ODDI_TRAINER_PLANS; count++)
        assert_true(trainer_has(&t, 0, count));
    const size_t before = oddi_trainer_memory(&t);
    trainer_step(&t, 0, 2); /* now 3 is the oldest */
    assert_int_equal(oddi_trainer_memory(&t), before);
    assert_true(isfinite(oddi_trainer_result(&t, "loss")));
    nn_test_ok(ctx, oddi_trainer_prepare(&t, 0, 7));
    assert_true(trainer_has(&t, 0, 7) && trainer_has(&t, 0, 2) && !trainer_has(&t, 0, 3));
    assert_true(isfinite(oddi_trainer_result(&t, "loss")));
    for (int64_t count = 8; count < 12; count++)
        nn_test_ok(ctx, oddi_trainer_prepare(&t, 0, count));
    assert_false(trainer_has(&t, 0, 2));
    assert_true(isnan(oddi_trainer_result(&t, "loss"))); /* its plan is gone */
    oddi_trainer_release(&t);
    odd_context_free(ctx);
}

/* ---- scoring in between ---- */

struct trainer_scorer {
    struct oddi_build build;
    struct oddi_plan *plan;
};
static void trainer_scorer_start(struct oddi_trainer *t, struct trainer_scorer *s)
{
    struct oddi_binding *binding = NULL;
    int count = 0;
    oddi_build_init(&s->build, t->ctx, NULL, &t->net.in, 1);
    s->build.stage = ODDI_STAGE_SCORE;
    nn_test_build(&s->build);
    nn_test_ok(t->ctx, oddi_graph_fuse(&s->build.graph));
    nn_test_ok(t->ctx, oddi_state_bind(&t->state, &s->build, &binding, &count));
    const struct oddi_plan_options options = {
        .mode = t->net.mode, .threads = 1, .binding = binding, .binding_count = count};
    nn_test_ok(t->ctx, oddi_plan_new(t->ctx, &s->build.graph, &options, &s->plan));
    oddi_free(t->ctx, binding);
}

/* What the scorer makes of a picture that is always the same. */
static void trainer_score(const struct oddi_trainer *t, struct trainer_scorer *s, float *made)
{
    float picture[TEST_PICTURE];
    nn_test_pictures(1000, 1, picture);
    nn_test_ok(t->ctx, oddi_plan_set(s->plan, s->build.image, picture));
    nn_test_ok(t->ctx, oddi_plan_run(s->plan));
    nn_test_ok(t->ctx, oddi_plan_get(s->plan, oddi_build_find(&s->build, "made"), made));
}

static void trainer_scorer_end(struct trainer_scorer *s)
{
    oddi_plan_free(s->plan);
    oddi_build_release(&s->build);
}

static void trainer_scoring(const char *mode, int64_t steps)
{
    struct odd_context *ctx = trainer_context(1);
    struct oddi_trainer with, without;
    struct trainer_scorer lasting, fresh;
    float a[TEST_PICTURE], b[TEST_PICTURE], before[TEST_PICTURE];
    struct oddi_hash128 x, y;
    nn_test_ok(ctx, nn_test_trainer(ctx, mode, &with));
    nn_test_ok(ctx, nn_test_trainer(ctx, mode, &without));
    trainer_scorer_start(&with, &lasting);
    trainer_score(&with, &lasting, before);
    for (int64_t step = 0; step < steps; step++) {
        trainer_step(&with, step, trainer_count(step));
        trainer_step(&without, step, trainer_count(step));
        if (step % 3 != 0)
            continue;
        trainer_scorer_start(&with, &fresh);
        trainer_score(&with, &fresh, b);
        trainer_score(&with, &lasting, a);
        trainer_scorer_end(&fresh);
        assert_memory_equal(a, b, sizeof(a));
        assert_memory_not_equal(a, before, sizeof(a));
        memcpy(before, a, sizeof(a));
        nn_test_hash(&with, &x);
        nn_test_hash(&without, &y);
        trainer_same(&x, &y, "step", step);
    }
    trainer_scorer_end(&lasting);
    oddi_trainer_release(&with);
    oddi_trainer_release(&without);
    odd_context_free(ctx);
}
static void test_scoring_between(void **state)
{
    (void)state;
    trainer_scoring("best", TEST_STEPS);
    trainer_scoring("simd", TEST_STEPS);
    trainer_scoring("ref", 7);
}

/* ---- phases and stages ---- */

/* With the discriminator at rest the second phase must give what it gave; with a large rate of
 * the discriminator alone, its loss in the same step changes, as it sees the update. */
static void test_new_discriminator(void **state)
{
    (void)state;
    double loss[3], disc[3];
    for (int i = 0; i < 3; i++) {
        struct odd_context *ctx = trainer_context(1);
        struct oddi_trainer t;
        nn_test_ok(ctx, nn_test_trainer(ctx, "best", &t));
        t.control.rate_scale[0] = i == 2 ? 20.0 : 0.0;
        t.control.rate_scale[1] = i == 1 ? 20.0 : 0.0;
        trainer_step(&t, 0, 16);
        loss[i] = oddi_trainer_result(&t, "loss");
        disc[i] = oddi_trainer_result(&t, "disc");
        oddi_trainer_release(&t);
        odd_context_free(ctx);
    }
    assert_true(loss[0] == loss[1] && disc[0] == disc[1] && disc[0] == disc[2]);
    assert_true(fabs(loss[2] - loss[0]) > 1e-3);
}

static const float *trainer_items(const struct oddi_trainer *t, size_t *count)
{
    const struct oddi_state_param *p = oddi_state_find(&t->state, "memory.items");
    assert_non_null(p);
    *count = (size_t)oddi_shape_count(&p->shape);
    return oddi_state_weights(&t->state, p);
}

/* A stage without the memory leaves it alone, also after a stage that had gradients for it. */
static void test_stage_without_memory(void **state)
{
    (void)state;
    struct odd_context *ctx = trainer_context(1);
    struct oddi_trainer t;
    float before[6 * 64];
    size_t count = 0;
    nn_test_ok(ctx, nn_test_trainer(ctx, "best", &t));
    t.recipe.optim = ODDI_SGD;
    t.recipe.momentum = 0.0;
    t.recipe.rate = 0.1;
    for (int64_t step = 0; step < 6; step++) {
        const bool memory = step % 2 == 1;
        memcpy(before, trainer_items(&t, &count), sizeof(before));
        assert_int_equal(count * sizeof(float), sizeof(before));
        nn_test_pictures(step, 16, trainer_pictures);
        nn_test_ok(ctx, oddi_trainer_step(&t, memory ? 1 : 0, step, trainer_pictures, 16));
        assert_int_equal(memcmp(before, trainer_items(&t, &count), sizeof(before)) != 0, memory);
    }
    oddi_trainer_release(&t);
    odd_context_free(ctx);
}

static void test_results(void **state)
{
    (void)state;
    struct odd_context *ctx = trainer_context(1);
    struct oddi_trainer t;
    nn_test_ok(ctx, nn_test_trainer(ctx, "best", &t));
    assert_true(isnan(oddi_trainer_result(&t, "loss")));
    trainer_step(&t, 0, 16);
    assert_true(oddi_trainer_result(&t, "loss") > 0 && oddi_trainer_result(&t, "disc") > 0);
    assert_true(isnan(oddi_trainer_result(&t, "made"))); /* not a scalar */
    assert_true(isnan(oddi_trainer_result(&t, "no such")));
    assert_true(t.control.state[0] != 0.0 && t.control.rate_scale[0] == 0.99);
    /* Running statistics change within the plan: others learn of it by the version. */
    const uint64_t version = oddi_state_group(&t.state, "gen.stats")->version;
    trainer_step(&t, 0, 16);
    assert_true(oddi_state_group(&t.state, "gen.stats")->version > version);
    const double first = oddi_trainer_result(&t, "loss");
    for (int64_t step = 2; step < 32; step++) {
        nn_test_pictures(0, 16, trainer_pictures);
        nn_test_ok(ctx, oddi_trainer_step(&t, 0, step, trainer_pictures, 16));
    }
    assert_true(oddi_trainer_result(&t, "loss") < 0.75 * first);
    oddi_trainer_release(&t);
    oddi_trainer_release(&t); /* harmless */
    odd_context_free(ctx);
}

/* ---- memory and faults ---- */

static void test_no_allocation_per_step(void **state)
{
    (void)state;
    struct fault_alloc fault;
    struct oddi_trainer t;
    fault_alloc_init(&fault);
    struct odd_context *ctx = fault_context(&fault);
    nn_test_ok(ctx, nn_test_trainer(ctx, "best", &t));
    nn_test_ok(ctx, oddi_trainer_prepare(&t, 0, 16));
    fault_alloc_arm(&fault, 0);
    for (int64_t step = 0; step < 4; step++)
        trainer_step(&t, step, 16);
    assert_int_equal(fault.requests, 0);
    trainer_step(&t, 4, 16); /* stage 1: a new plan */
    assert_true(fault.requests > 0);
    fault_alloc_arm(&fault, 0);
    for (int64_t step = 5; step < 8; step++)
        trainer_step(&t, step, 16);
    assert_int_equal(fault.requests, 0);
    assert_true(oddi_trainer_memory(&t) > 0);
    oddi_trainer_release(&t);
    odd_context_free(ctx);
    assert_int_equal(fault.live, 0);
}

static void test_nth_allocation(void **state)
{
    (void)state;
    for (long n = 1;; n++) {
        struct fault_alloc fault;
        struct oddi_trainer t;
        fault_alloc_init(&fault);
        struct odd_context *ctx = fault_context(&fault);
        nn_test_pictures(0, 2, trainer_pictures);
        fault_alloc_arm(&fault, n);
        odd_status status = nn_test_trainer(ctx, "best", &t);
        if (status == ODD_OK)
            status = oddi_trainer_step(&t, 1, 0, trainer_pictures, 2);
        const bool failed = fault_alloc_disarm(&fault);
        assert_int_equal(status, failed ? ODD_ENOMEM : ODD_OK);
        oddi_trainer_release(&t);
        odd_context_free(ctx);
        assert_int_equal(fault.live, 0);
        if (!failed)
            break;
    }
}

/* A step that failed for want of memory can be made again. */
static void test_goes_on_after_a_fault(void **state)
{
    (void)state;
    struct fault_alloc fault;
    struct oddi_trainer t, u;
    struct oddi_hash128 a, b;
    fault_alloc_init(&fault);
    struct odd_context *ctx = fault_context(&fault);
    nn_test_ok(ctx, nn_test_trainer(ctx, "best", &t));
    nn_test_ok(ctx, nn_test_trainer(ctx, "best", &u));
    nn_test_pictures(0, 5, trainer_pictures);
    for (long n = 1; n < 30; n += 7) {
        fault_alloc_arm(&fault, n);
        assert_int_equal(oddi_trainer_step(&t, 0, 0, trainer_pictures, 5), ODD_ENOMEM);
        assert_true(fault_alloc_disarm(&fault));
        assert_true(isnan(oddi_trainer_result(&t, "loss")));
    }
    trainer_step(&t, 0, 5);
    trainer_step(&u, 0, 5);
    nn_test_hash(&t, &a);
    nn_test_hash(&u, &b);
    trainer_same(&a, &b, "after a fault, step", 0);
    oddi_trainer_release(&t);
    oddi_trainer_release(&u);
    odd_context_free(ctx);
    assert_int_equal(fault.live, 0);
}

static void test_not_finite(void **state)
{
    (void)state;
    static const float bad[] = {NAN, INFINITY};
    for (size_t i = 0; i < ODDI_COUNT(bad); i++) {
        struct odd_context *ctx = trainer_context(1);
        struct oddi_trainer t;
        nn_test_ok(ctx, nn_test_trainer(ctx, "best", &t));
        nn_test_pictures(0, 16, trainer_pictures);
        trainer_pictures[3 * TEST_PICTURE + 17] = bad[i];
        assert_int_equal(oddi_trainer_step(&t, 0, 0, trainer_pictures, 16), ODD_ENUMERIC);
        if (!strstr(odd_last_message(ctx), "the gradient of disc is not finite"))
            fail_msg("%s", odd_last_message(ctx));
        const struct oddi_group *disc = oddi_state_group(&t.state, "disc");
        for (size_t k = 0; k < disc->count; k++)
            assert_true(isfinite(disc->weights[k]) && disc->m[k] == 0.0f);
        assert_int_equal(disc->updates, 0);
        oddi_trainer_release(&t);
        /* With --check-numerics the first node is named instead. */
        nn_test_ok(ctx, nn_test_trainer(ctx, "best", &t));
        t.check_numerics = true;
        assert_int_equal(oddi_trainer_step(&t, 0, 0, trainer_pictures, 16), ODD_ENUMERIC);
        assert_non_null(strstr(odd_last_message(ctx), "a value is not finite"));
        oddi_trainer_release(&t);
        odd_context_free(ctx);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_threads),           cmocka_unit_test(test_plans),
        cmocka_unit_test(test_eviction),          cmocka_unit_test(test_scoring_between),
        cmocka_unit_test(test_new_discriminator), cmocka_unit_test(test_stage_without_memory),
        cmocka_unit_test(test_results),           cmocka_unit_test(test_no_allocation_per_step),
        cmocka_unit_test(test_nth_allocation),    cmocka_unit_test(test_goes_on_after_a_fault),
        cmocka_unit_test(test_not_finite),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
