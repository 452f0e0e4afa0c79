/* SPDX-License-Identifier: Apache-2.0
 * Shared parts of MKD's tests; see support_test.h. */
#include "method/mkd/support_test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void mkd_test_ok(struct odd_context *ctx, odd_status status)
{
    if (status != ODD_OK)
        fail_msg("%s: %s", odd_status_name(status), odd_last_message(ctx));
}

void mkd_test_set(struct mkd_test *t, const char *settings)
{
    while (*settings) {
        char name[64], value[64];
        const size_t length = strcspn(settings, " "), key = strcspn(settings, "=");
        if (length > 0) {
            assert_true(key < length && length < sizeof(name));
            snprintf(name, sizeof(name), "%.*s", (int)key, settings);
            snprintf(value, sizeof(value), "%.*s", (int)(length - key - 1), settings + key + 1);
            mkd_test_ok(t->ctx, oddi_values_set(&t->values, name, value, "set"));
        }
        settings += length + (settings[length] == ' ');
    }
}

void mkd_test_values(struct mkd_test *t, const char *settings)
{
    const struct oddi_param *tables[] = {oddi_method_mkd.params, oddi_recipe_params,
                                         oddi_expert_params, NULL};
    memset(t, 0, sizeof(*t));
    assert_int_equal(odd_context_new(&t->ctx), ODD_OK);
    assert_int_equal(oddi_values_init(&t->values, t->ctx, tables), ODD_OK);
    mkd_test_set(t, settings);
}

static void support_pictures(struct mkd_test *t)
{
    t->pictures = malloc(sizeof(float) * MKD_TEST_PICTURES * MKD_TEST_PLANE);
    assert_non_null(t->pictures);
    for (int i = 0; i < MKD_TEST_PICTURES; i++)
        for (int k = 0; k < MKD_TEST_PLANE; k++) {
            const float x = (float)(k % MKD_TEST_SIDE), y = (float)(k / MKD_TEST_SIDE);
            t->pictures[i * MKD_TEST_PLANE + k] = 0.5f * sinf(0.5f * x + (float)i) * sinf(0.4f * y);
        }
    for (int y = 20; y < 32; y++)
        for (int x = 36; x < 48; x++)
            t->pictures[MKD_TEST_DEFECT * MKD_TEST_PLANE + y * MKD_TEST_SIDE + x] = 1.0f;
}

void mkd_test_start(struct mkd_test *t, const char *settings, int threads,
                    const struct oddi_geometry *in)
{
    static const struct oddi_geometry usual = {1, MKD_TEST_SIDE, MKD_TEST_SIDE};
    const struct oddi_method *m = &oddi_method_mkd;
    struct oddi_recipe recipe;
    mkd_test_values(t, settings);
    t->in = in ? *in : usual;
    assert_int_equal(odd_context_set_threads(t->ctx, threads), ODD_OK);
    mkd_test_ok(t->ctx, m->check(t->ctx, &t->values, &t->in));
    const struct oddi_trainer_net net = {.build = m->build,
                                         .values = &t->values,
                                         .in = t->in,
                                         .stages = oddi_method_stages(m, &t->values),
                                         .mode = "best"};
    mkd_test_ok(t->ctx, oddi_recipe_read(&recipe, &t->values, 4));
    recipe.batch = oddi_values_int(&t->values, "batch");
    mkd_test_ok(t->ctx, oddi_trainer_init(&t->trainer, t->ctx, &net, 3, false));
    t->trainer.recipe = recipe;
    support_pictures(t);
}

void mkd_test_end(struct mkd_test *t)
{
    free(t->pictures);
    oddi_trainer_release(&t->trainer);
    oddi_values_release(&t->values);
    odd_context_free(t->ctx);
}

double mkd_test_train(struct mkd_test *t, int64_t steps, double *first)
{
    for (int64_t i = 0; i < steps; i++) {
        mkd_test_ok(t->ctx, oddi_trainer_step(&t->trainer, 0, i, t->pictures, 4));
        if (i == 0 && first)
            *first = oddi_trainer_result(&t->trainer, "loss");
    }
    return oddi_trainer_result(&t->trainer, "loss");
}

/* ---- golden values ---- */

void mkd_test_near(const char *what, int64_t at, double got, double want, double bound)
{
    if (!(fabs(got - want) <= bound * fabs(want)))
        fail_msg("%s %d is %.7g, PyTorch %.7g", what, (int)at, got, want);
}

void mkd_test_same_terms(const struct mkd_test *t, const float *const want[2], int64_t step,
                         double bound)
{
    mkd_test_near("direction of step", step, 4.0 - oddi_trainer_result(&t->trainer, "cosine"),
                  (double)want[0][step], bound);
    mkd_test_near("value of step", step, oddi_trainer_result(&t->trainer, "value"),
                  (double)want[1][step], bound);
}

void mkd_test_fill(struct mkd_test *t, const struct oddi_state_param *p, const float *values)
{
    memcpy(oddi_state_weights(&t->trainer.state, p), values,
           (size_t)oddi_shape_count(&p->shape) * sizeof(float));
    t->trainer.state.group[p->group].version++;
}

bool mkd_test_is_expert(const struct mkd_test *t, const struct oddi_state_param *p)
{
    return strcmp(t->trainer.state.group[p->group].name, ODDI_EXPERT_GROUP) == 0;
}

/* ---- scoring ---- */

void mkd_test_scorer_open(struct mkd_test_scorer *s, struct mkd_test *t, int threads)
{
    struct oddi_binding *binding = NULL;
    int count = 0;
    const size_t pixels = (size_t)(t->in.width * t->in.height);
    memset(s, 0, sizeof(*s));
    s->t = t;
    oddi_build_init(&s->b, t->ctx, &t->values, &t->in, 1);
    s->b.stage = ODDI_STAGE_SCORE;
    oddi_method_mkd.build(&s->b);
    mkd_test_ok(t->ctx, oddi_graph_status(&s->b.graph));
    mkd_test_ok(t->ctx, oddi_graph_fuse(&s->b.graph));
    mkd_test_ok(t->ctx, oddi_state_bind(&t->trainer.state, &s->b, &binding, &count));
    const struct oddi_plan_options options = {
        .mode = "best", .threads = threads, .binding = binding, .binding_count = count};
    mkd_test_ok(t->ctx, oddi_plan_new(t->ctx, &s->b.graph, &options, &s->plan));
    oddi_free(t->ctx, binding);
    s->map = calloc(pixels, sizeof(float));
    s->scratch = calloc(pixels, sizeof(float));
    assert_true(s->map && s->scratch);
}

void mkd_test_scorer_close(struct mkd_test_scorer *s)
{
    oddi_plan_free(s->plan);
    oddi_build_release(&s->b);
    free(s->map);
    free(s->scratch);
}

void mkd_test_score(struct mkd_test_scorer *s, const float *picture)
{
    struct mkd_test *t = s->t;
    mkd_test_ok(t->ctx, oddi_plan_set(s->plan, s->b.image, picture));
    mkd_test_ok(t->ctx, oddi_plan_run(s->plan));
    const struct oddi_measure m = {.ctx = t->ctx,
                                   .values = &t->values,
                                   .in = t->in,
                                   .build = &s->b,
                                   .plan = s->plan,
                                   .picture = picture,
                                   .width = t->in.width,
                                   .height = t->in.height,
                                   .map = s->map,
                                   .scratch = s->scratch,
                                   .component = s->component};
    mkd_test_ok(t->ctx, oddi_method_mkd.measure(&m));
}
