/* SPDX-License-Identifier: Apache-2.0
 *
 * See job.h.
 */
#include "job.h"

#include <stdio.h>
#include <string.h>

#include "base/rng.h"
#include "store/safetensors.h"

static odd_status job_setting(struct odd_options *options, struct odd_context *ctx, const char *text)
{
    char name[64];
    const char *equal = strchr(text, '=');
    if (!equal || (size_t)(equal - text) >= sizeof(name))
        return oddi_fail(ctx, ODD_ECONFIG, "%s: expected name=value", text);
    memcpy(name, text, (size_t)(equal - text));
    name[equal - text] = 0;
    return odd_options_set(options, name, equal + 1);
}

static odd_status job_config(struct bench_job *j, const struct bench_job_options *o)
{
    struct odd_options *options = NULL;
    odd_status status = odd_options_new(j->ctx, &options);
    if (status != ODD_OK)
        return status;
    for (int i = 0; o->settings[i]; i++)
        TRY(job_setting(options, j->ctx, o->settings[i]));
    TRY(oddi_config_init(&j->config, j->ctx, options, 0));
out:
    odd_options_free(options);
    return status;
}

static odd_status job_trainer(struct bench_job *j, const struct bench_job_options *o)
{
    const struct oddi_method *m = j->config.method;
    const struct oddi_values *v = &j->config.values;
    struct oddi_geometry in = {.channels = o->channels};
    odd_status status = ODD_OK;
    TRY(oddi_config_size(j->ctx, &j->config, &in.width, &in.height));
    TRY(m->check(j->ctx, v, &in));
    const struct oddi_trainer_net net = {.build = m->build, .control = m->control, .values = v,
                                         .in = in, .stages = oddi_method_stages(m, v), .mode = o->mode};
    TRY(oddi_trainer_init(&j->trainer, j->ctx, &net, o->seed, oddi_values_float(v, "average") > 0));
    TRY(oddi_recipe_read(&j->trainer.recipe, v, INT32_MAX));
    if (m->control_start)
        m->control_start(v, &j->trainer.control);
    j->stage = o->stage < 0 ? net.stages - 1 : o->stage;
    if (j->stage >= net.stages)
        return oddi_fail(j->ctx, ODD_ECONFIG, "there are %d stages here", net.stages);
    j->batch = j->trainer.recipe.batch;
    j->each = (size_t)(j->batch * in.channels * in.height * in.width);
out:
    return status;
}

/* Noise: each batch a function of the seed and its number. */
static void job_fill(struct bench_job *j, uint64_t seed, int batch)
{
    struct oddi_rng rng;
    oddi_rng_init(&rng, seed, ODDI_RNG_TEST, 0, (uint64_t)batch);
    for (size_t k = 0; k < j->each; k++)
        j->input[batch][k] = oddi_rng_range(&rng, -1.0f, 1.0f);
}

odd_status bench_job_open(struct bench_job *j, const struct bench_job_options *o)
{
    memset(j, 0, sizeof(*j));
    odd_status status = odd_context_new(&j->ctx);
    if (status != ODD_OK)
        return status;
    if (o->threads > 0)
        TRY(odd_context_set_threads(j->ctx, o->threads));
    TRY(job_config(j, o));
    TRY(job_trainer(j, o));
    for (int i = 0; i < BENCH_BATCHES; i++) {
        j->input[i] = oddi_alloc_aligned(j->ctx, j->each * sizeof(float));
        if (!j->input[i])
            return ODD_ENOMEM;
        job_fill(j, o->seed, i);
    }
    TRY(oddi_trainer_prepare(&j->trainer, j->stage, j->batch));
out:
    return status;
}

static odd_status job_save_tensors(const struct bench_job *j, struct oddi_st_writer *w)
{
    const struct oddi_state *s = &j->trainer.state;
    const struct oddi_geometry *in = &j->trainer.net.in;
    odd_status status = ODD_OK;
    char name[96];
    for (size_t i = 0; i < s->params; i++) {
        const struct oddi_state_param *p = &s->param[i];
        struct oddi_st_tensor t = {.name = name, .dtype = ODDI_ST_F32, .rank = p->shape.rank};
        snprintf(name, sizeof(name), "init/%s", p->name);
        memcpy(t.dim, p->shape.dim, (size_t)p->shape.rank * sizeof(t.dim[0]));
        t.data = (const unsigned char *)oddi_state_weights(s, p);
        t.size = (size_t)oddi_shape_count(&p->shape) * sizeof(float);
        TRY(oddi_st_writer_add(w, &t));
    }
    for (int i = 0; i < BENCH_BATCHES; i++) {
        snprintf(name, sizeof(name), "input/%d", i);
        const struct oddi_st_tensor t = {.name = name, .dtype = ODDI_ST_F32, .rank = 4,
                                         .dim = {j->batch, in->channels, in->height, in->width},
                                         .data = (const unsigned char *)j->input[i],
                                         .size = j->each * sizeof(float)};
        TRY(oddi_st_writer_add(w, &t));
    }
out:
    return status;
}

odd_status bench_job_save(const struct bench_job *j, const char *path)
{
    odd_status status = ODD_OK;
    struct oddi_st_writer w;
    json_t *values = NULL;
    char *text = NULL;
    oddi_st_writer_init(&w, j->ctx);
    TRY(oddi_values_to_json(&j->config.values, &values));
    TRY(oddi_json_dump(j->ctx, values, 0, &text));
    TRY(oddi_st_writer_meta(&w, "settings", text));
    TRY(job_save_tensors(j, &w));
    TRY(oddi_st_writer_save(&w, path, NULL));
out:
    oddi_free(j->ctx, text);
    json_decref(values);
    oddi_st_writer_release(&w);
    return status;
}

odd_status bench_job_step(struct bench_job *j, int64_t step)
{
    return oddi_trainer_step(&j->trainer, j->stage, step, j->input[step % BENCH_BATCHES], j->batch);
}

struct oddi_plan *bench_job_plan(const struct bench_job *j)
{
    for (int i = 0; i < ODDI_TRAINER_PLANS; i++)
        if (j->trainer.plan[i].plan)
            return j->trainer.plan[i].plan;
    return NULL;
}

void bench_job_release(struct bench_job *j)
{
    for (int i = 0; i < BENCH_BATCHES; i++)
        oddi_free_aligned(j->ctx, j->input[i]);
    oddi_trainer_release(&j->trainer);
    oddi_config_release(&j->config);
    odd_context_free(j->ctx);
}
