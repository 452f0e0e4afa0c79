/* SPDX-License-Identifier: Apache-2.0
 * Helpers of DAAD's tests (support_test.h). */
#include "method/daad/support_test.h"

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

void daad_test_ok(struct odd_context *ctx, odd_status status)
{
    if (status != ODD_OK)
        fail_msg("%s: %s", odd_status_name(status), odd_last_message(ctx));
}

void daad_test_values(struct odd_context *ctx, const char *settings, struct oddi_values *v)
{
    const struct oddi_param *tables[] = {oddi_method_daad.params, oddi_recipe_params, NULL};
    char text[512];
    assert_true(strlen(settings) < sizeof(text));
    strcpy(text, settings);
    daad_test_ok(ctx, oddi_values_init(v, ctx, tables));
    for (char *at = text; *at;) {
        char *end = at + strcspn(at, " "), *value = strchr(at, '=');
        const bool last = *end == 0;
        assert_non_null(value);
        *end = *value = 0;
        daad_test_ok(ctx, oddi_values_set(v, at, value + 1, "set"));
        at = last ? end : end + 1;
    }
}

void daad_test_start(struct daad_test *t, const char *settings, const struct oddi_geometry *in,
                     const char *mode, int64_t pictures)
{
    memset(t, 0, sizeof(*t));
    assert_int_equal(odd_context_new(&t->ctx), ODD_OK);
    assert_int_equal(odd_context_set_threads(t->ctx, 1), ODD_OK);
    daad_test_values(t->ctx, settings, &t->values);
    const struct oddi_method *m = &oddi_method_daad;
    daad_test_ok(t->ctx, m->check(t->ctx, &t->values, in));
    const struct oddi_trainer_net net = {.build = m->build,
                                         .control = m->control,
                                         .values = &t->values,
                                         .in = *in,
                                         .stages = m->stages(&t->values),
                                         .mode = mode};
    struct oddi_recipe recipe;
    daad_test_ok(t->ctx, oddi_recipe_read(&recipe, &t->values, pictures));
    daad_test_ok(t->ctx, oddi_trainer_init(&t->trainer, t->ctx, &net, 7, recipe.average > 0));
    t->trainer.recipe = recipe;
    m->control_start(&t->values, &t->trainer.control);
}

void daad_test_end(struct daad_test *t)
{
    oddi_trainer_release(&t->trainer);
    oddi_values_release(&t->values);
    odd_context_free(t->ctx);
}

void daad_test_scorer_start(struct daad_test *t, struct daad_test_scorer *s)
{
    struct oddi_binding *binding = NULL;
    int count = 0;
    memset(s, 0, sizeof(*s));
    oddi_build_init(&s->build, t->ctx, &t->values, &t->trainer.net.in, 1);
    s->build.stage = ODDI_STAGE_SCORE;
    oddi_method_daad.build(&s->build);
    daad_test_ok(t->ctx, oddi_graph_fuse(&s->build.graph));
    daad_test_ok(t->ctx, oddi_state_bind(&t->trainer.state, &s->build, &binding, &count));
    const struct oddi_plan_options options = {.mode = t->trainer.net.mode,
                                              .threads = t->ctx->threads,
                                              .binding = binding,
                                              .binding_count = count};
    daad_test_ok(t->ctx, oddi_plan_new(t->ctx, &s->build.graph, &options, &s->plan));
    oddi_free(t->ctx, binding);
}

void daad_test_scorer_end(struct daad_test_scorer *s)
{
    oddi_plan_free(s->plan);
    oddi_build_release(&s->build);
}

void daad_test_score(struct daad_test *t, struct daad_test_scorer *s, const float *picture,
                     const int64_t rect[4], float *map, double component[ODDI_COMPONENTS_MAX])
{
    const struct oddi_geometry *in = &t->trainer.net.in;
    const size_t plane = (size_t)(in->height * in->width);
    float *own = calloc(2 * plane, sizeof(float));
    assert_non_null(own);
    struct oddi_measure m = {.ctx = t->ctx,
                             .values = &t->values,
                             .in = *in,
                             .build = &s->build,
                             .plan = s->plan,
                             .picture = picture,
                             .width = in->width,
                             .height = in->height,
                             .map = map ? map : own,
                             .scratch = own + plane,
                             .component = component};
    if (rect) {
        m.x = rect[0];
        m.y = rect[1];
        m.width = rect[2];
        m.height = rect[3];
    }
    daad_test_ok(t->ctx, oddi_plan_set(s->plan, s->build.image, picture));
    daad_test_ok(t->ctx, oddi_plan_run(s->plan));
    daad_test_ok(t->ctx, oddi_method_daad.measure(&m));
    free(own);
}
