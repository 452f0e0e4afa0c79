/* SPDX-License-Identifier: Apache-2.0
 *
 * What equal bits for any number of threads cost in a training step. The one kernel that pays is the
 * gradient of a convolution's weights (dnnl:conv2d_bwd_weights): fixed shards of one thread each
 * instead of the vendor's own parallel sum, whose bits depend on the threads. For each such step of
 * a plan both run in turns on the plan's own data, and the fastest of each counts:
 *
 *   price [--threads N] name=value ...
 *
 * in wall time, or with --by-cpu in processor time divided by the threads.
 */
#include "job.h"
#include "measure.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/host/dnnl/conv.h"
#include "graph/plan_int.h"

#define ROUNDS 12

struct vendor { /* the primitive on all threads, with its result brought to plain order */
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    struct oddi_dnnl_call main, out;
    char *scratch, *result;
};

static odd_status vendor_calls(struct vendor *v, const struct oddi_task *t)
{
    struct oddi_dnnl_form form;
    struct oddi_dnnl_outside o = {0};
    dnnl_primitive_desc_t pd = NULL;
    odd_status status = ODD_EBUG;
    if (!oddi_dnnl_form_of(t, COMPAT_BACKWARD_WEIGHTS, &form))
        return status;
    oddi_parallel_set_vendor_threads(t->threads);
    TRY(oddi_dnnl_open(&v->engine, &v->stream));
    TRY(oddi_dnnl_form_pd(&form, v->engine, &pd));
    TRY(oddi_dnnl_outside_init(&o, &form));
    TRY(oddi_dnnl_call_init(&v->main, v->engine, pd));
    compat_view x = dnnl_primitive_desc_query_md(pd, dnnl_query_src_md, 0);
    compat_view y = dnnl_primitive_desc_query_md(pd, dnnl_query_diff_dst_md, 0);
    compat_view w = dnnl_primitive_desc_query_md(pd, dnnl_query_diff_weights_md, 0);
    TRY(oddi_dnnl_call_arg(&v->main, v->engine, DNNL_ARG_SRC, x));
    TRY(oddi_dnnl_call_arg(&v->main, v->engine, DNNL_ARG_DIFF_DST, y));
    TRY(oddi_dnnl_call_arg(&v->main, v->engine, DNNL_ARG_DIFF_WEIGHTS, w));
    TRY(oddi_dnnl_call_relay(&v->out, v->engine, w, compat_view_of(&o.w)));
out:
    oddi_dnnl_outside_release(&o);
    if (pd)
        dnnl_primitive_desc_destroy(pd);
    return status;
}

static odd_status vendor_run(struct vendor *v, const struct oddi_task *t)
{
    void *dst = oddi_host(&t->dst);
    oddi_parallel_set_vendor_threads(t->threads);
    oddi_dnnl_call_point(&v->main, DNNL_ARG_SRC, oddi_host(&t->src[0]));
    oddi_dnnl_call_point(&v->main, DNNL_ARG_DIFF_DST, oddi_host(&t->src[1]));
    oddi_dnnl_call_point(&v->main, DNNL_ARG_DIFF_WEIGHTS, v->out.primitive ? v->result : dst);
    oddi_dnnl_call_point(&v->main, DNNL_ARG_SCRATCHPAD, v->scratch);
    odd_status status = oddi_dnnl_call_run(&v->main, v->stream);
    if (status == ODD_OK && v->out.primitive)
        status = oddi_dnnl_call_convert(&v->out, v->stream, v->scratch, v->result, dst);
    return status;
}

static void vendor_release(struct vendor *v, struct odd_context *ctx)
{
    oddi_dnnl_call_release(&v->main);
    oddi_dnnl_call_release(&v->out);
    oddi_dnnl_close(&v->engine, &v->stream);
    oddi_free_aligned(ctx, v->scratch);
    oddi_free_aligned(ctx, v->result);
}

/* Fastest of both in ms. */
static odd_status price_step(struct odd_context *ctx, struct plan_step *s, bool by_cpu, double best[2])
{
    struct vendor v = {0};
    odd_status status = ODD_OK;
    const double share = by_cpu ? 1.0 / s->task.threads : 1.0;
    best[0] = best[1] = 1e30;
    TRY(vendor_calls(&v, &s->task));
    v.scratch = oddi_alloc_aligned(ctx, oddi_dnnl_max(v.main.scratch, v.out.scratch) + 64);
    v.result = oddi_alloc_aligned(ctx, 8 * (size_t)oddi_shape_count(&s->task.dst.shape) + 64);
    if (!v.scratch || !v.result) {
        status = ODD_ENOMEM;
        goto out;
    }
    for (int i = 0; i < 2 * ROUNDS; i++) {
        const double start = by_cpu ? bench_cpu_ms() : bench_wall_ms();
        TRY(i % 2 ? vendor_run(&v, &s->task) : s->kernel->run(&s->task));
        const double ms = share * ((by_cpu ? bench_cpu_ms() : bench_wall_ms()) - start);
        best[i % 2] = i > 1 && ms < best[i % 2] ? ms : best[i % 2];
    }
out:
    vendor_release(&v, ctx);
    return status;
}

static odd_status price_all(struct bench_job *j, bool by_cpu)
{
    struct oddi_plan *plan = bench_job_plan(j);
    double sum[2] = {0, 0}, step[ROUNDS];
    odd_status status = ODD_OK;
    for (int i = 0; i < ROUNDS / 2; i++) {
        const double start = by_cpu ? bench_cpu_ms() / j->ctx->threads : bench_wall_ms();
        TRY(bench_job_step(j, i));
        step[i] = (by_cpu ? bench_cpu_ms() / j->ctx->threads : bench_wall_ms()) - start;
    }
    const double whole = bench_stats(step + 1, ROUNDS / 2 - 1).min;
    printf("| gradient of weights | equal bits, ms | vendor's own sum, ms | price |\n|---|---|---|---|\n");
    for (size_t i = 0; i < plan->step_count; i++) {
        char shape[ODDI_SHAPE_TEXT];
        double best[2];
        if (strcmp(plan->step[i].kernel->name, "dnnl:conv2d_bwd_weights") != 0)
            continue;
        TRY(price_step(j->ctx, &plan->step[i], by_cpu, best));
        printf("| %s | %.2f | %.2f | %+.1f %% |\n", oddi_shape_text(&plan->step[i].task.dst.shape, shape),
               best[0], best[1], 100.0 * (best[0] / best[1] - 1.0));
        sum[0] += best[0];
        sum[1] += best[1];
    }
    printf("| all | %.1f | %.1f | %+.1f %% |\n", sum[0], sum[1], 100.0 * (sum[0] / sum[1] - 1.0));
    printf("\nOf a step of %.0f ms: %+.1f %%.\n", whole, 100.0 * (sum[0] - sum[1]) / whole);
out:
    return status;
}

int main(int argc, char **argv)
{
    static struct bench_job job;
    struct bench_job_options o = {.mode = "best", .stage = -1, .channels = 3, .seed = 1};
    bool by_cpu = false;
    int n = 0;
    const char **settings = calloc((size_t)argc + 1, sizeof(*settings));
    if (!settings)
        return 1;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--by-cpu") == 0)
            by_cpu = true;
        else if (strcmp(argv[i], "--threads") == 0 && i + 1 < argc)
            o.threads = atoi(argv[++i]);
        else
            settings[n++] = argv[i];
    }
    o.settings = settings;
    odd_status status = bench_job_open(&job, &o);
    if (status == ODD_OK)
        status = price_all(&job, by_cpu);
    if (status != ODD_OK)
        fprintf(stderr, "price: %s: %s\n", odd_status_name(status), job.ctx ? odd_last_message(job.ctx) : "");
    if (job.ctx)
        bench_job_release(&job);
    free(settings);
    return status == ODD_OK ? 0 : 1;
}
