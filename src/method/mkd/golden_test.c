/* SPDX-License-Identifier: Apache-2.0
 *
 * MKD against PyTorch (tests/golden/mkd.safetensors; what is in it: tools/make-golden-mkd.py), from
 * the same initial weights on the same batches: losses, weights, scores, input gradients, a map.
 * The cloner's weights are compared by how far they moved. whole_test.c has the published networks.
 */
#include "method/mkd/support_test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../tests/support/golden.h"

#define GOLDEN_FILE ODDI_SOURCE_DIR "/tests/golden/mkd.safetensors"
#define GOLDEN_LAMBDA 0.5
#define GOLDEN_LOSS 1e-4     /* relative, of each term in each step */
#define GOLDEN_MOVED 2e-3    /* of the way that a tensor moved */
#define GOLDEN_SCORE 1e-4    /* relative */
#define GOLDEN_GRADIENT 2e-3 /* relative L2 */
#define GOLDEN_NARROW                                                                              \
    "network=vgg16 expert-weights=random expert-width=0.0625 thin=4 batch=4 steps=5 beta1=0.9 "    \
    "schedule=constant lambda=0.5 "

/* ---- narrow ---- */

/* The initial values of a parameter; running statistics start as they are. */
static float *golden_initial(const struct mkd_test *t, const struct oddi_state_param *p)
{
    int64_t count = 0;
    const char *dot = strrchr(p->name, '.');
    if (dot && strcmp(dot, ".stats") == 0) {
        count = oddi_shape_count(&p->shape);
        float *copy = calloc((size_t)count, sizeof(float));
        assert_non_null(copy);
        memcpy(copy, oddi_state_weights(&t->trainer.state, p), (size_t)count * sizeof(float));
        return copy;
    }
    float *values = mkd_test_is_expert(t, p)
                        ? golden_tensor(golden, "expert/", p->name + strlen("expert."), &count)
                        : golden_tensor(golden, "init/", p->name, &count);
    assert_int_equal(count, oddi_shape_count(&p->shape));
    return values;
}

static void golden_start(struct mkd_test *t, int threads)
{
    const struct oddi_geometry in = {3, 64, 32};
    mkd_test_start(t, GOLDEN_NARROW, threads, &in);
    for (size_t i = 0; i < t->trainer.state.params; i++) {
        float *values = golden_initial(t, &t->trainer.state.param[i]);
        mkd_test_fill(t, &t->trainer.state.param[i], values);
        free(values);
    }
}

static void golden_train(struct mkd_test *t, const float *pictures, const float *direction,
                         const float *value)
{
    static const int counts[] = {4, 4, 4, 4, 3};
    const int64_t floats = 3 * t->in.height * t->in.width;
    float *batch = calloc((size_t)(4 * floats), sizeof(float));
    assert_non_null(batch);
    for (int64_t s = 0; s < (int64_t)ODDI_COUNT(counts); s++) {
        for (int64_t k = 0; k < counts[s]; k++)
            memcpy(batch + k * floats, pictures + (3 * s + k) % 8 * floats,
                   (size_t)floats * sizeof(float));
        mkd_test_ok(t->ctx, oddi_trainer_step(&t->trainer, 0, s, batch, counts[s]));
        mkd_test_same_terms(t, (const float *const[2]){direction, value}, s, GOLDEN_LOSS);
    }
    free(batch);
}

static void golden_weights(struct mkd_test *t, struct mkd_test *fresh)
{
    for (size_t i = 0; i < t->trainer.state.params; i++) {
        const struct oddi_state_param *p = &t->trainer.state.param[i];
        int64_t count = 0;
        if (mkd_test_is_expert(t, p))
            continue;
        float *want = golden_tensor(golden, "final/", p->name, &count);
        float *initial = golden_initial(fresh, p);
        const double off =
            golden_distance(oddi_state_weights(&t->trainer.state, p), want, initial, count);
        if (!(off <= GOLDEN_MOVED))
            fail_msg("%s: off by %.3g of the way that it moved", p->name, off);
        free(want);
        free(initial);
    }
}

static void golden_scores(struct mkd_test *t, const float *pictures)
{
    struct mkd_test_scorer s;
    int64_t n = 0;
    const int64_t floats = 3 * t->in.height * t->in.width;
    float *direction = golden_tensor(golden, "score/", "direction", &n),
          *value = golden_tensor(golden, "score/", "value", &n);
    mkd_test_scorer_open(&s, t, 1);
    for (int64_t i = 0; i < n; i++) {
        mkd_test_score(&s, pictures + i * floats);
        mkd_test_near("direction of picture", i, s.component[1], (double)direction[i],
                      GOLDEN_SCORE);
        mkd_test_near("value of picture", i, s.component[2], (double)value[i], GOLDEN_SCORE);
        mkd_test_near("score of picture", i, s.component[0],
                      (double)direction[i] + GOLDEN_LAMBDA * (double)value[i], GOLDEN_SCORE);
    }
    mkd_test_scorer_close(&s);
    free(direction);
    free(value);
}

static void golden_gradient(struct mkd_test *t, const float *picture, const char *settings,
                            const char *how)
{
    struct mkd_test_scorer s;
    int64_t count = 0;
    mkd_test_set(t, settings);
    mkd_test_scorer_open(&s, t, 2);
    mkd_test_score(&s, picture);
    float *want = golden_tensor(golden, "gradient/", how, &count);
    const double off = golden_distance(oddi_plan_output(s.plan, oddi_build_find(&s.b, "gradient")),
                                       want, NULL, count);
    if (!(off <= GOLDEN_GRADIENT))
        fail_msg("gradient %s is off by %.3g", how, off);
    free(want);
    if (strcmp(how, "both") == 0) {
        want = golden_tensor(golden, "map", "", &count);
        assert_int_equal(count, t->in.height * t->in.width);
        for (int64_t i = 0; i < count; i++)
            assert_true(fabsf(s.map[i] - want[i]) < 5e-3f);
        free(want);
    }
    mkd_test_scorer_close(&s);
}

static void test_narrow(void **unused)
{
    struct mkd_test t, fresh;
    int64_t n = 0;
    (void)unused;
    float *pictures = golden_tensor(golden, "picture", "", &n);
    float *direction = golden_tensor(golden, "direction", "", &n),
          *value = golden_tensor(golden, "value", "", &n);
    golden_start(&t, 2);
    golden_start(&fresh, 1);
    golden_train(&t, pictures, direction, value);
    golden_weights(&t, &fresh);
    golden_scores(&t, pictures);
    const float *last = pictures + 7 * 3 * t.in.height * t.in.width;
    golden_gradient(&t, last, "localise=gradient branches=both", "both");
    golden_gradient(&t, last, "branches=cloner", "cloner");
    golden_gradient(&t, last, "localise=guided branches=both", "guided");
    mkd_test_end(&t);
    mkd_test_end(&fresh);
    free(pictures);
    free(direction);
    free(value);
}

static int golden_setup(void **state)
{
    (void)state;
    return golden_open(GOLDEN_FILE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_narrow)};
    return cmocka_run_group_tests(tests, golden_setup, golden_close);
}
