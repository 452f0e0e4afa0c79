/* SPDX-License-Identifier: Apache-2.0
 *
 * See profile.h. Arithmetic is that of the plain formula (graph/cost.c), so a share above 100 % is
 * possible.
 */
#include "profile.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "graph/plan_int.h"
#include "measure.h"

odd_status bench_profile_start(struct bench_profile *p, struct odd_context *ctx,
                               struct oddi_plan *plan, bool by_cpu)
{
    p->ctx = ctx;
    p->plan = plan;
    p->before = oddi_calloc(ctx, plan->step_count + 1, sizeof(double));
    p->best = oddi_calloc(ctx, plan->step_count + 1, sizeof(double));
    if (!p->before || !p->best)
        return ODD_ENOMEM;
    p->scale = by_cpu ? 1e-6 / plan->options.threads : 1e-6;
    plan->clock = by_cpu ? bench_cpu_ns : NULL;
    oddi_plan_profile(plan, true);
    return ODD_OK;
}

void bench_profile_note(struct bench_profile *p)
{
    for (size_t i = 0; i < p->plan->step_count; i++) {
        const double total = p->plan->step[i].nanoseconds * p->scale, ms = total - p->before[i];
        if (p->before[i] == 0.0 || ms < p->best[i])
            p->best[i] = ms;
        p->before[i] = total;
    }
}

void bench_profile_end(struct bench_profile *p)
{
    oddi_free(p->ctx, p->before);
    oddi_free(p->ctx, p->best);
}

static char profile_layout(enum oddi_layout layout)
{
    return layout == ODDI_C16 ? 'C' : layout == ODDI_C8 ? 'c' : 'p';
}

static void profile_step(const struct bench_profile *p, size_t i, double peak, FILE *file)
{
    const struct plan_step *s = &p->plan->step[i];
    const struct oddi_task *t = &s->task;
    const double ms = p->best[i], flop = oddi_task_flop(t);
    char shape[ODDI_SHAPE_TEXT], layouts[ODDI_MAX_SRC + 3];
    int n = 0;
    for (int k = 0; k < t->src_count; k++)
        layouts[n++] = profile_layout(t->src[k].layout);
    layouts[n++] = '>';
    layouts[n++] = profile_layout(t->dst.layout);
    layouts[n] = 0;
    fprintf(file, "%3zu %d %8.3f ms  %-30s %-26s %-18s %-9s", i, s->phase, ms, s->kernel->name,
            t->node, oddi_shape_text(&t->dst.shape, shape), layouts);
    if (flop > 0)
        fprintf(file, " %7.1f GFLOP/s %4.0f %%\n", flop / (ms * 1e6),
                100.0 * flop / (ms * 1e6) / peak);
    else
        fprintf(file, " %7.1f GB/s\n", oddi_task_bytes(t) / (ms * 1e6));
}

struct profile_sum {
    const char *kernel;
    int count;
    double ms, flop;
};
static int profile_compare(const void *a, const void *b)
{
    const struct profile_sum *x = a, *y = b;
    return (x->ms < y->ms) - (x->ms > y->ms);
}

static size_t profile_sums(const struct bench_profile *p, struct profile_sum *sum)
{
    size_t kinds = 0;
    for (size_t i = 0; i < p->plan->step_count; i++) {
        const struct plan_step *s = &p->plan->step[i];
        size_t k = 0;
        while (k < kinds && strcmp(sum[k].kernel, s->kernel->name) != 0)
            k++;
        if (k == kinds)
            sum[kinds++] = (struct profile_sum){.kernel = s->kernel->name};
        sum[k].count++;
        sum[k].ms += p->best[i];
        sum[k].flop += oddi_task_flop(&s->task);
    }
    qsort(sum, kinds, sizeof(*sum), profile_compare);
    return kinds;
}

void bench_profile_print(const struct bench_profile *p, double peak, FILE *file)
{
    struct profile_sum *sum = oddi_calloc(p->ctx, p->plan->step_count + 1, sizeof(*sum));
    double all = 0.0;
    if (!sum)
        return;
    fprintf(file, "# step, phase, fastest run, kernel, node, result, layouts (p plain, c 8, C 16 "
                  "channels)\n");
    for (size_t i = 0; i < p->plan->step_count; i++)
        profile_step(p, i, peak, file);
    const size_t kinds = profile_sums(p, sum);
    for (size_t k = 0; k < kinds; k++)
        all += sum[k].ms;
    fprintf(file, "# by kernel; %.1f ms in all, peak %.1f GFLOP/s\n", all, peak);
    for (size_t k = 0; k < kinds; k++) {
        fprintf(file, "%8.2f ms %5.1f %% %4d x %-32s", sum[k].ms, 100.0 * sum[k].ms / all,
                sum[k].count, sum[k].kernel);
        if (sum[k].flop > 0)
            fprintf(file, " %.1f GFLOP/s", sum[k].flop / (sum[k].ms * 1e6));
        fprintf(file, "\n");
    }
    oddi_free(p->ctx, sum);
}
