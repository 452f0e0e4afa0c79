/* SPDX-License-Identifier: Apache-2.0
 * MKD over narrow experts of random weights: what is refused, the plan of the cloner, every family
 * of experts, the score against its formula, the ablations, a loss that falls to the same weights
 * on any number of threads. */
#include "method/mkd/support_test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void test_refused(void **unused)
{
    static const char *const bad[] = {"lambda=-1",  "lambda=sometimes",        "lambda=1e7",
                                      "lambda=nan", "expert-weights=imported", "network=vgg17"};
    static const struct oddi_geometry in = {1, 64, 64};
    const struct oddi_method *m = &oddi_method_mkd;
    struct mkd_test t;
    (void)unused;
    for (size_t i = 0; i < ODDI_COUNT(bad); i++) {
        mkd_test_values(&t, MKD_TEST_TINY);
        mkd_test_ok(t.ctx, m->check(t.ctx, &t.values, &in));
        assert_int_equal(m->check(t.ctx, &t.values, &(struct oddi_geometry){1, 48, 64}),
                         ODD_ECONFIG);
        assert_int_equal(m->check(t.ctx, &t.values, &(struct oddi_geometry){4, 64, 64}),
                         ODD_ECONFIG);
        mkd_test_set(&t, bad[i]);
        assert_int_equal(m->check(t.ctx, &t.values, &in), ODD_ECONFIG);
        oddi_values_release(&t.values);
        odd_context_free(t.ctx);
    }
}

/* Every preset is one that the method takes. */
static void test_presets(void **unused)
{
    const struct oddi_method *m = &oddi_method_mkd;
    static const char *const names[] = {"lite",  "mnist", "fmnist", "cifar10",
                                        "mvtec", "oct",   "headct", "brainmri"};
    (void)unused;
    for (size_t i = 0; i < ODDI_COUNT(names); i++) {
        struct mkd_test t;
        assert_string_equal(m->presets[i].name, names[i]);
        mkd_test_values(&t, "network=vgg16");
        for (int k = 0; m->presets[i].settings[k]; k++)
            if (strncmp(m->presets[i].settings[k], "size=", 5) != 0) /* the engine's */
                mkd_test_set(&t, m->presets[i].settings[k]);
        mkd_test_ok(t.ctx, m->check(t.ctx, &t.values, &(struct oddi_geometry){3, 64, 64}));
        assert_true(oddi_values_is(&t.values, "lambda", "preset"));
        assert_true(oddi_mkd_lambda(&t.values) == (i == 0 || i == 4 ? 0.5 : 0.01));
        assert_true(oddi_values_is(&t.values, "input", "imagenet") == (i == 3));
        assert_true(oddi_values_is(&t.values, "last-batch", "keep"));
        oddi_values_release(&t.values);
        odd_context_free(t.ctx);
    }
    assert_null(m->presets[ODDI_COUNT(names)].name);
}

/* ---- the cloner's plan ---- */

static void count_parameters(const char *settings, int64_t *convolutions, int64_t *norms)
{
    struct mkd_test t;
    struct oddi_build b;
    mkd_test_values(&t, settings);
    oddi_build_init(&b, t.ctx, &t.values, &(struct oddi_geometry){3, 32, 32}, 2);
    oddi_method_mkd.build(&b);
    mkd_test_ok(t.ctx, oddi_graph_status(&b.graph));
    *convolutions = *norms = 0;
    for (int i = 0; i < b.graph.count; i++) {
        const struct oddi_node *n = b.graph.node[i];
        if (!(n->flags & ODDI_NODE_PARAM) || (n->flags & ODDI_NODE_FROZEN) ||
            strcmp(n->group, "cloner") != 0)
            continue;
        *(n->shape.rank == 4 ? convolutions : norms) += oddi_shape_count(&n->shape);
    }
    oddi_build_release(&b);
    oddi_values_release(&t.values);
    odd_context_free(t.ctx);
}

/* The published numbers for VGG-16; each cloner goes as deep as the expert whatever is compared. */
static void test_published_size(void **unused)
{
    int64_t convolutions = 0, norms = 0;
    (void)unused;
    count_parameters("network=vgg16", &convolutions, &norms);
    assert_int_equal(convolutions, 343728);
    assert_int_equal(norms, 256);
    count_parameters("network=vgg16 cloner=equal", &convolutions, &norms);
    assert_int_equal(convolutions, 14710464);
    assert_int_equal(norms, 5504);
    count_parameters("network=vgg16 norm-shift=false", &convolutions, &norms);
    assert_int_equal(convolutions, 343728);
    assert_int_equal(norms, 128);
    count_parameters("network=vgg16 points=1", &convolutions, &norms);
    assert_int_equal(norms, 256);
}

static void same_shapes(const struct mkd_pair *p)
{
    assert_true(p->points > 0);
    for (int i = 0; i < p->points; i++)
        assert_true(p->expert[i] && p->cloner[i] &&
                    oddi_shape_equal(&p->expert[i]->shape, &p->cloner[i]->shape));
}

/* Any expert, any number of points, any size: the maps fit. */
static void test_any_expert_fits(void **unused)
{
    static const struct oddi_geometry sizes[] = {{3, 32, 32}, {1, 64, 96}, {3, 160, 128}};
    static const char *const sets[] = {"points=1", "points=4 cloner=equal thin=3", "points=5"};
    struct mkd_test t;
    (void)unused;
    mkd_test_values(&t, "expert-weights=random expert-width=0.0625");
    for (int n = 0; oddi_net_at(n); n++)
        for (size_t k = 0; k < ODDI_COUNT(sizes); k++) {
            struct oddi_build b;
            struct mkd_pair p;
            mkd_test_set(&t, sets[k]);
            mkd_test_ok(t.ctx, oddi_values_set(&t.values, "network", oddi_net_at(n)->name, "set"));
            oddi_build_init(&b, t.ctx, &t.values, &sizes[k], 2);
            oddi_mkd_networks(&b, &p);
            mkd_test_ok(t.ctx, oddi_graph_status(&b.graph));
            same_shapes(&p);
            assert_true(p.first_scored >= 0 && p.first_scored < p.points);
            oddi_build_release(&b);
        }
    oddi_values_release(&t.values);
    odd_context_free(t.ctx);
}

/* ---- training ---- */

static void test_loss_falls(void **unused)
{
    struct mkd_test one, three;
    double first = 0;
    (void)unused;
    mkd_test_start(&one, MKD_TEST_TINY, 1, NULL);
    mkd_test_start(&three, MKD_TEST_TINY, 3, NULL);
    const double last = mkd_test_train(&one, 30, &first);
    mkd_test_train(&three, 30, &first);
    assert_true(isfinite(last) && last < first - 0.1);
    for (int i = 0; i < one.trainer.state.groups; i++) {
        const struct oddi_group *a = &one.trainer.state.group[i],
                                *b = &three.trainer.state.group[i];
        assert_string_equal(a->name, b->name);
        assert_memory_equal(a->weights, b->weights, a->count * sizeof(float));
    }
    mkd_test_end(&one);
    mkd_test_end(&three);
}

/* Trains every family a little, with and without the input gradient through it. */
static void test_every_expert_learns(void **unused)
{
    static const char *const networks[] = {
        "vgg11", "vgg16_bn", "resnet18", "squeezenet1_0", "mobilenet_v2", "tf_efficientnet_lite0"};
    static const char *const how[] = {"localise=features", "localise=gradient cloner=equal",
                                      "localise=guided branches=cloner"};
    (void)unused;
    for (size_t n = 0; n < ODDI_COUNT(networks); n++)
        for (size_t k = 0; k < ODDI_COUNT(how); k++) {
            struct mkd_test t;
            struct mkd_test_scorer s;
            char settings[320];
            double first = 0;
            snprintf(settings, sizeof(settings),
                     "%spoints=4 scored=3 terms=direction network=%s %s", MKD_TEST_TINY,
                     networks[n], how[k]);
            mkd_test_start(&t, settings, 1, NULL);
            const double last = mkd_test_train(&t, 8, &first);
            if (!(isfinite(last) && last < first))
                fail_msg("%s: the loss went from %g to %g", settings, first, last);
            mkd_test_scorer_open(&s, &t, 1);
            mkd_test_score(&s, t.pictures + MKD_TEST_DEFECT * MKD_TEST_PLANE);
            float top = 0;
            for (int i = 0; i < MKD_TEST_PLANE; i++) {
                assert_true(isfinite(s.map[i]));
                top = fmaxf(top, s.map[i]);
            }
            assert_true(top > 0 && s.component[0] > 0);
            mkd_test_scorer_close(&s);
            mkd_test_end(&t);
        }
}

static const float *weights_of(struct mkd_test *t, const char *name, int64_t *count)
{
    const struct oddi_state_param *p = oddi_state_find(&t->trainer.state, name);
    if (!p)
        fail_msg("no parameter %s", name);
    *count = oddi_shape_count(&p->shape);
    return oddi_state_weights(&t->trainer.state, p);
}

/* Direction alone does not see lambda; without an offset the normalisations' stay 0. */
static void test_ablations(void **unused)
{
    static const char *const name = "block3.norm1.bias";
    struct mkd_test a, b;
    int64_t count = 0;
    double shift = 0;
    (void)unused;
    mkd_test_start(&a, MKD_TEST_TINY "terms=direction", 1, NULL);
    mkd_test_start(&b, MKD_TEST_TINY "terms=direction lambda=7", 1, NULL);
    assert_true(mkd_test_train(&a, 4, NULL) == mkd_test_train(&b, 4, NULL));
    const float *bias = weights_of(&a, name, &count);
    for (int64_t i = 0; i < count; i++)
        shift += fabs((double)bias[i]);
    assert_true(shift > 0);
    mkd_test_end(&b);
    mkd_test_start(&b, MKD_TEST_TINY "terms=value", 1, NULL);
    mkd_test_train(&b, 1, NULL);
    assert_true(oddi_trainer_result(&b.trainer, "loss") ==
                oddi_trainer_result(&b.trainer, "value"));
    mkd_test_end(&b);
    mkd_test_start(&b, MKD_TEST_TINY "norm-shift=false", 1, NULL);
    mkd_test_train(&b, 4, NULL);
    bias = weights_of(&b, name, &count);
    for (int64_t i = 0; i < count; i++)
        assert_true(bias[i] == 0.0f);
    mkd_test_end(&b);
    mkd_test_end(&a);
}

/* ---- the score ---- */

/* (1) and (2) written anew. */
static void plain_terms(const float *a, const float *c, int64_t n, double *direction, double *value)
{
    double ac = 0, aa = 0, cc = 0, dd = 0;
    for (int64_t i = 0; i < n; i++) {
        ac += (double)a[i] * (double)c[i];
        aa += (double)a[i] * (double)a[i];
        cc += (double)c[i] * (double)c[i];
        dd += ((double)a[i] - (double)c[i]) * ((double)a[i] - (double)c[i]);
    }
    *direction += 1 - ac / sqrt(aa * cc);
    *value += dd / (double)n;
}

static void test_score(void **unused)
{
    struct mkd_test t;
    struct mkd_test_scorer s;
    const struct oddi_spread spread = {{0}, {1, 1, 1}};
    double want[3] = {0}, normal;
    (void)unused;
    mkd_test_start(&t, MKD_TEST_TINY "expert-width=0.25", 1, NULL);
    mkd_test_train(&t, 60, NULL);
    mkd_test_scorer_open(&s, &t, 1);
    mkd_test_score(&s, t.pictures);
    normal = s.component[0];
    mkd_test_score(&s, t.pictures + MKD_TEST_DEFECT * MKD_TEST_PLANE);
    for (int i = 2; i <= 3; i++) { /* the deepest two of three */
        char name[2][16];
        snprintf(name[0], 16, "expert.%d", i);
        snprintf(name[1], 16, "cloner.%d", i);
        const struct oddi_node *x = oddi_build_find(&s.b, name[0]),
                               *c = oddi_build_find(&s.b, name[1]);
        assert_true(x && c);
        plain_terms(oddi_plan_output(s.plan, x), oddi_plan_output(s.plan, c),
                    oddi_shape_count(&x->shape), &want[1], &want[2]);
    }
    assert_null(oddi_build_find(&s.b, "expert.1"));
    want[0] = want[1] + 0.1 * want[2];
    for (int i = 0; i < 3; i++)
        assert_true(fabs(s.component[i] - want[i]) < 1e-6);
    assert_true(s.component[0] > normal);
    static const char *const scores[] = {"score=total", "score=direction", "score=value"};
    for (int i = 0; i < 3; i++) {
        mkd_test_set(&t, scores[i]);
        assert_true(oddi_mkd_combine(&t.values, s.component, &spread) == s.component[i]);
        mkd_test_set(&t, i == 0   ? "score=learnt terms=total"
                         : i == 1 ? "score=learnt terms=direction"
                                  : "score=learnt terms=value");
        assert_true(oddi_mkd_combine(&t.values, s.component, &spread) == s.component[i]);
    }
    mkd_test_scorer_close(&s);
    mkd_test_end(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused),        cmocka_unit_test(test_presets),
        cmocka_unit_test(test_published_size), cmocka_unit_test(test_any_expert_fits),
        cmocka_unit_test(test_loss_falls),     cmocka_unit_test(test_every_expert_learns),
        cmocka_unit_test(test_ablations),      cmocka_unit_test(test_score)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
