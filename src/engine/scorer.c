/* SPDX-License-Identifier: Apache-2.0
 *
 * The scorer (scorer.h).
 */
#include "engine/scorer.h"

#include <math.h>

odd_status oddi_scorer_make(struct odd_context *ctx, const struct odd_model *model, int threads,
                            struct odd_scorer **scorer)
{
    odd_status status = ODD_OK;
    struct oddi_binding *binding = NULL;
    int count = 0;
    const size_t pixels = (size_t)(model->in.width * model->in.height);
    struct odd_scorer *s = oddi_calloc(ctx, 1, sizeof(*s));
    if (!s)
        return ODD_ENOMEM;
    s->ctx = ctx;
    s->model = model;
    TRY(oddi_model_graph(ctx, model, &s->build));
    TRY(oddi_graph_fuse(&s->build.graph));
    TRY(oddi_model_bind(ctx, model, &s->build.graph, &binding, &count));
    const struct oddi_plan_options options = {.type = ODDI_F32,
                                              .mode = "best",
                                              .threads = threads,
                                              .binding = binding,
                                              .binding_count = count};
    TRY(oddi_plan_new(ctx, &s->build.graph, &options, &s->plan));
    s->input = oddi_alloc_array(ctx, pixels * (size_t)model->in.channels, sizeof(float));
    s->map = oddi_alloc_array(ctx, pixels, sizeof(float));
    s->scratch = oddi_alloc_array(ctx, pixels, sizeof(float));
    if (!s->input || !s->map || !s->scratch) {
        status = ODD_ENOMEM;
        goto out;
    }
    *scorer = s;
    s = NULL;
out:
    oddi_free(ctx, binding);
    odd_scorer_free(s);
    return status;
}

odd_status odd_scorer_new(struct odd_context *ctx, const struct odd_model *model,
                          struct odd_scorer **scorer)
{
    if (!ctx || !model || !scorer)
        return oddi_fail(ctx, ODD_EINVAL,
                         "a scorer needs a context, a model and a place to put it");
    return oddi_scorer_make(ctx, model, ctx->threads, scorer);
}

void odd_scorer_free(struct odd_scorer *s)
{
    if (!s)
        return;
    oddi_plan_free(s->plan);
    oddi_build_release(&s->build);
    oddi_free(s->ctx, s->input);
    oddi_free(s->ctx, s->map);
    oddi_free(s->ctx, s->scratch);
    oddi_free(s->ctx, s);
}

static void scorer_summary(const struct odd_scorer *s, struct oddi_scored *out)
{
    const struct oddi_rect *r = &out->mapping.into;
    double sum = 0.0;
    out->maximum = -HUGE_VAL;
    for (int64_t y = r->y; y < r->y + r->height; y++)
        for (int64_t x = r->x; x < r->x + r->width; x++) {
            const double v = (double)s->map[y * s->model->in.width + x];
            out->maximum = v > out->maximum ? v : out->maximum;
            sum += v;
        }
    out->mean = sum / (double)(r->width * r->height);
}

odd_status oddi_scorer_run_input(struct odd_scorer *s, struct oddi_scored *out)
{
    odd_status status = ODD_OK;
    const struct odd_model *m = s->model;
    struct oddi_scored made = {.mapping = out->mapping, .map = s->map};
    const struct oddi_rect *r = &made.mapping.into;
    TRY(oddi_plan_set(s->plan, s->build.image, s->input));
    TRY(oddi_plan_run(s->plan));
    const struct oddi_measure measure = {.ctx = s->ctx,
                                         .values = &m->config.values,
                                         .in = m->in,
                                         .build = &s->build,
                                         .plan = s->plan,
                                         .picture = s->input,
                                         .x = r->x,
                                         .y = r->y,
                                         .width = r->width,
                                         .height = r->height,
                                         .map = s->map,
                                         .scratch = s->scratch,
                                         .component = made.component};
    TRY(m->config.method->measure(&measure));
    made.score = m->config.method->combine(&m->config.values, made.component, &m->spread);
    scorer_summary(s, &made);
    if (!isfinite(made.score) || !isfinite(made.maximum)) {
        status = oddi_fail(s->ctx, ODD_ENUMERIC, "the score is not a finite number");
        goto out;
    }
    *out = made;
out:
    return status;
}

odd_status oddi_scorer_run(struct odd_scorer *s, const struct oddi_picture *picture,
                           struct oddi_scored *out)
{
    struct oddi_scored made = {0};
    odd_status status =
        oddi_prepare_run(s->ctx, &s->model->prepare, picture, s->input, &made.mapping);
    if (status == ODD_OK)
        status = oddi_scorer_run_input(s, &made);
    if (status == ODD_OK)
        *out = made;
    return status;
}

odd_status oddi_scorer_map(struct odd_scorer *s, const struct oddi_scored *scored, float *out)
{
    return oddi_fit_inverse(s->ctx, &scored->mapping, scored->map, out);
}
