/* SPDX-License-Identifier: Apache-2.0
 *
 * odd_trace: what every node computes while one picture is scored.
 */
#include <stdio.h>

#include "engine/selftest.h"
#include "image/image.h"

struct trace_times {
    json_t *list;
    size_t at;
};

static void trace_visit(void *user, const struct oddi_plan_step_info *info)
{
    json_t *list = user, *one = json_object();
    char shape[ODDI_SHAPE_TEXT];
    oddi_json_set_text(one, "node", info->node);
    oddi_json_set_text(one, "op", info->op);
    oddi_json_set_text(one, "kernel", info->kernel);
    oddi_json_set_text(one, "shape", oddi_shape_text(info->shape, shape));
    oddi_json_set_real(one, "min", info->min);
    oddi_json_set_real(one, "max", info->max);
    oddi_json_set_real(one, "mean", info->mean);
    oddi_json_set_int(one, "nan", info->nan_count);
    json_array_append_new(list, one);
}

static void trace_time(void *user, const struct oddi_plan_step_info *info)
{
    struct trace_times *t = user;
    oddi_json_set_real(json_array_get(t->list, t->at++), "ms", info->nanoseconds * 1e-6);
}

static odd_status trace_run(struct odd_scorer *s, const struct oddi_picture *picture, json_t *list)
{
    odd_status status = ODD_OK;
    struct oddi_scored scored;
    struct trace_times times = {list, 0};
    TRY(oddi_scorer_run(s, picture, &scored)); /* prepares the input, warms up */
    oddi_plan_profile(s->plan, true);
    TRY(oddi_plan_trace(s->plan, trace_visit, list));
    oddi_plan_profile_visit(s->plan, trace_time, &times);
out:
    return status;
}

static odd_status trace_picture(struct odd_context *ctx, const struct odd_model *model,
                                const struct oddi_picture *picture, char **json)
{
    odd_status status = ODD_OK;
    struct odd_scorer *s = NULL;
    json_t *all = json_object(), *list = json_array();
    TRY(oddi_scorer_make(ctx, model, ctx->threads, &s));
    TRY(trace_run(s, picture, list));
    oddi_json_set(all, "steps", json_incref(list));
    TRY(oddi_json_dump(ctx, all, 0, json));
out:
    json_decref(list);
    json_decref(all);
    odd_scorer_free(s);
    return status;
}

static odd_status trace_refuse(struct odd_context *ctx)
{
    return oddi_fail(ctx, ODD_EINVAL,
                     "a trace needs a context, a model and a place for the answer");
}

odd_status odd_trace(struct odd_context *ctx, const struct odd_model *model,
                     const struct odd_pixels *pixels, char **json)
{
    if (!ctx || !model || !json)
        return trace_refuse(ctx);
    struct oddi_picture *picture = NULL;
    odd_status status = pixels ? oddi_picture_from_pixels(ctx, pixels, &picture)
                               : oddi_selftest_picture(ctx, &model->in, 0, &picture);
    if (status == ODD_OK)
        status = trace_picture(ctx, model, picture, json);
    oddi_picture_free(ctx, picture);
    return status;
}

odd_status odd_trace_file(struct odd_context *ctx, const struct odd_model *model, const char *path,
                          char **json)
{
    if (!ctx || !model || !path || !json)
        return trace_refuse(ctx);
    struct oddi_picture *picture = NULL;
    odd_status status = oddi_image_load(ctx, path, ODDI_IMAGE_BUDGET, &picture);
    if (status == ODD_OK)
        status = trace_picture(ctx, model, picture, json);
    oddi_picture_free(ctx, picture);
    return status;
}
