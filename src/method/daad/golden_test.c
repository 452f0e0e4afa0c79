/* SPDX-License-Identifier: Apache-2.0
 *
 * DAAD's networks and training steps against PyTorch (tests/golden/daad_plus.safetensors; what is
 * in it: tools/make-golden-daad.py). Parameters are compared by how far they moved, so that a step
 * that was never made, or twice, cannot hide behind large weights.
 */
#include "method/daad/support_test.h"

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../tests/support/golden.h"

#define GOLDEN_FILE ODDI_SOURCE_DIR "/tests/golden/daad_plus.safetensors"
#define GOLDEN_STEPS 3
#define GOLDEN_LOSS 1e-4
#define GOLDEN_WEIGHTS 3e-4 /* of the way moved */
#define GOLDEN_STATS 1e-4
#define GOLDEN_GRADIENT 1e-4

static double golden_number(const char *name, int64_t at)
{
    int64_t count = 0;
    float *values = golden_values(golden_find(name, ""), &count);
    assert_true(at < count);
    const double value = values[at];
    free(values);
    return value;
}

/* ---- the state ---- */

/* Initial values of `p`: items of another division have their own; where the network has fewer
 * input channels (no skip) the first ones are meant. */
static float *golden_initial(const struct oddi_state_param *p, bool divided)
{
    int64_t count = 0;
    const bool items = strstr(p->name, ".items") != NULL;
    float *values =
        golden_values(golden_find(items && divided ? "init.division/" : "init/", p->name), &count);
    assert_true(count >= oddi_shape_count(&p->shape));
    assert_true(count == oddi_shape_count(&p->shape) || strcmp(p->name, "dec2.conv.weight") == 0);
    return values;
}

static void golden_start(struct daad_test *t, const char *label, const char *mode)
{
    const struct oddi_st_tensor *input = golden_find("input/", "0");
    const char *settings = oddi_safetensors_meta(golden, label);
    assert_non_null(input);
    assert_non_null(settings);
    const struct oddi_geometry in = {input->dim[1], input->dim[2], input->dim[3]};
    daad_test_start(t, settings, &in, mode, input->dim[0]);
    for (size_t i = 0; i < t->trainer.state.params; i++) {
        const struct oddi_state_param *p = &t->trainer.state.param[i];
        float *values = golden_initial(p, strstr(settings, "division=") != NULL);
        memcpy(oddi_state_weights(&t->trainer.state, p), values,
               (size_t)oddi_shape_count(&p->shape) * sizeof(float));
        free(values);
    }
    for (int g = 0; g < t->trainer.state.groups; g++)
        t->trainer.state.group[g].version++;
}

static void golden_step(struct daad_test *t, int64_t step)
{
    char name[8];
    int64_t count = 0;
    snprintf(name, sizeof(name), "%d", (int)step);
    const struct oddi_st_tensor *input = golden_find("input/", name);
    float *pictures = golden_values(input, &count);
    daad_test_ok(t->ctx, oddi_trainer_step(&t->trainer, 0, step, pictures, input->dim[0]));
    free(pictures);
}

/* ---- three steps of DAAD+ ---- */

static void golden_losses(const struct daad_test *t, int64_t step)
{
    static const char *const names[] = {"disc", "rec", "adv", "ali", "loss"};
    for (size_t i = 0; i < ODDI_COUNT(names); i++) {
        char key[32];
        snprintf(key, sizeof(key), "loss/%s", names[i]);
        const double expect = golden_number(key, step);
        const double got = oddi_trainer_result(&t->trainer, names[i]);
        if (!(fabs(got - expect) <= GOLDEN_LOSS * fabs(expect)))
            fail_msg("step %d: %s is %.7g, PyTorch %.7g", (int)step, names[i], got, expect);
    }
}

static void golden_weights(const struct daad_test *t)
{
    const struct oddi_state *s = &t->trainer.state;
    for (size_t i = 0; i < s->params; i++) {
        const struct oddi_state_param *p = &s->param[i];
        int64_t count = 0, initial_count = 0;
        float *expect = golden_values(golden_find("final/", p->name), &count);
        float *initial = golden_values(golden_find("init/", p->name), &initial_count);
        assert_int_equal(count, oddi_shape_count(&p->shape));
        const double off = golden_distance(oddi_state_weights(s, p), expect, initial, count);
        if (!(off <= (s->group[p->group].trained ? GOLDEN_WEIGHTS : GOLDEN_STATS)))
            fail_msg("%s: off by %.3g of the way that it moved", p->name, off);
        free(expect);
        free(initial);
    }
}

/* The tensors of a picture's evaluation, whose first axis counts the pictures. */
static void golden_output(const struct daad_test_scorer *s, const char *name, int64_t picture)
{
    int64_t count = 0;
    float *expect = golden_values(golden_find("eval/", name), &count);
    const struct oddi_node *node = oddi_build_find(&s->build, name);
    assert_non_null(node);
    const int64_t each = oddi_shape_count(&node->shape);
    assert_true(count % each == 0 && picture < count / each);
    const float *got = oddi_plan_output(s->plan, node);
    const double off = golden_distance(got, expect + picture * each, NULL, each);
    if (!(off <= 1e-3))
        fail_msg("%s of picture %d: off by %.3g", name, (int)picture, off);
    free(expect);
}

static void golden_scores(struct daad_test *t)
{
    struct daad_test_scorer s;
    int64_t count = 0, scored = golden_find("eval/", "r")->dim[0];
    float *pictures = golden_values(golden_find("input/", "0"), &count);
    daad_test_scorer_start(t, &s);
    const int64_t each = oddi_shape_count(&s.build.image->shape);
    for (int64_t i = 0; i < scored; i++) {
        double component[ODDI_COMPONENTS_MAX] = {0};
        daad_test_score(t, &s, pictures + i * each, NULL, NULL, component);
        golden_output(&s, "made", i);
        golden_output(&s, "feature.real", i);
        golden_output(&s, "feature.made", i);
        assert_true(fabs(component[0] / golden_number("eval/r", i) - 1.0) < 1e-4);
        assert_true(fabs(component[3] / golden_number("eval/a", i) - 1.0) < 1e-3);
    }
    daad_test_scorer_end(&s);
    free(pictures);
}

static void golden_plus(const char *mode)
{
    struct daad_test t;
    golden_start(&t, "plus", mode);
    assert_int_equal(t.trainer.net.stages, 1);
    assert_int_equal(t.trainer.recipe.steps, GOLDEN_STEPS);
    for (int64_t step = 0; step < GOLDEN_STEPS; step++) {
        golden_step(&t, step);
        golden_losses(&t, step);
    }
    golden_weights(&t);
    golden_scores(&t);
    daad_test_end(&t);
}

static void test_plus_ref(void **state)
{
    (void)state;
    golden_plus("ref");
}
static void test_plus_simd(void **state)
{
    (void)state;
    golden_plus("simd");
}
static void test_plus_best(void **state)
{
    (void)state;
    golden_plus("best");
}

/* Nothing of the file is left unread: names that the network lacks would hide a missing layer. */
static void test_names(void **state)
{
    (void)state;
    struct daad_test t;
    golden_start(&t, "plus", "ref");
    size_t final = 0;
    for (size_t i = 0; i < oddi_safetensors_count(golden); i++)
        final += strncmp(oddi_safetensors_at(golden, i)->name, "final/", 6) == 0;
    assert_int_equal(final, t.trainer.state.params);
    daad_test_end(&t);
}

/* ---- gradients of the other variants ---- */

static void golden_gradients(const char *label, const char *mode)
{
    struct daad_test t;
    char key[32];
    size_t seen = 0, expected = 0;
    golden_start(&t, label, mode);
    golden_step(&t, 0);
    snprintf(key, sizeof(key), "%s.loss", label);
    const double loss = golden_number(key, 0), got = oddi_trainer_result(&t.trainer, "loss");
    assert_true(fabs(got / loss - 1.0) < GOLDEN_LOSS);
    snprintf(key, sizeof(key), "%s.grad/", label);
    for (size_t i = 0; i < oddi_safetensors_count(golden); i++)
        expected += strncmp(oddi_safetensors_at(golden, i)->name, key, strlen(key)) == 0;
    for (size_t i = 0; i < t.trainer.state.params; i++) {
        const struct oddi_state_param *p = &t.trainer.state.param[i];
        const struct oddi_group *g = &t.trainer.state.group[p->group];
        int64_t count = 0;
        if (!g->trained)
            continue;
        float *expect = golden_values(golden_find(key, p->name), &count);
        assert_int_equal(count, oddi_shape_count(&p->shape));
        const double off = golden_distance(g->grad + p->offset, expect, NULL, count);
        if (!(off <= GOLDEN_GRADIENT))
            fail_msg("%s in mode %s: the gradient of %s is off by %.3g", label, mode, p->name, off);
        free(expect);
        seen++;
    }
    assert_int_equal(seen, expected);
    daad_test_end(&t);
}

static void test_variants(void **state)
{
    static const char *const labels[] = {"ae", "uae", "paper", "memae"};
    (void)state;
    for (size_t i = 0; i < ODDI_COUNT(labels); i++) {
        golden_gradients(labels[i], "ref");
        golden_gradients(labels[i], "simd");
        golden_gradients(labels[i], "best");
    }
}

static int golden_setup(void **state)
{
    (void)state;
    return golden_open(GOLDEN_FILE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),     cmocka_unit_test(test_plus_ref),
        cmocka_unit_test(test_plus_simd), cmocka_unit_test(test_plus_best),
        cmocka_unit_test(test_variants),
    };
    return cmocka_run_group_tests(tests, golden_setup, golden_close);
}
