/* SPDX-License-Identifier: Apache-2.0
 *
 * Confidence intervals of AUROC and AP by the stratified bootstrap (Efron and Tibshirani 1993,
 * percentile method). The unit is the group: pictures of one part, lot or patient resemble each
 * other, and drawing them singly would promise too much.
 *
 * Three strata keep the classes in every resample: groups with normal pictures only, with
 * anomalous only, and with both. A stratum of m groups is resampled by m draws with replacement;
 * a group enters with all its pictures.
 *
 * A resample is never sorted: it is the list of how often each group was drawn, and one scan of
 * the list that was sorted once, with those weights, gives its metrics. Resample b draws from the
 * random stream (seed, b, stratum), so threads may take the resamples in any order.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/parallel.h"
#include "base/rng.h"
#include "score/rank_int.h"

#define BOOTSTRAP_MAX 1000000

void oddi_bootstrap_defaults(struct oddi_bootstrap_options *options)
{
    *options = (struct oddi_bootstrap_options){.resamples = 2000, .seed = 0, .level = 0.95};
}

struct units_entry {
    int64_t group;
    uint32_t picture, kind; /* kind is valid for the first picture of a group only */
};

static int units_compare(const void *left, const void *right)
{
    const struct units_entry *a = left, *b = right;

    if (a->group != b->group)
        return a->group < b->group ? -1 : 1;
    return a->picture < b->picture ? -1 : a->picture > b->picture;
}

static size_t units_end(const struct units_entry *entry, size_t first, size_t count)
{
    size_t end = first + 1;

    while (end < count && entry[end].group == entry[first].group)
        end++;
    return end;
}

/* Writes the kind of each group into its first entry and counts the kinds. */
static void units_kinds(struct units_entry *entry, const struct oddi_scores *scores,
                        size_t kinds[ODDI_UNITS_KINDS])
{
    for (size_t first = 0, end; first < scores->count; first = end) {
        bool has[2] = {false, false};

        end = units_end(entry, first, scores->count);
        for (size_t i = first; i < end; i++)
            has[scores->label[entry[i].picture]] = true;
        entry[first].kind = has[0] && has[1] ? ODDI_UNITS_MIXED
                            : has[1]         ? ODDI_UNITS_ANOMALOUS
                                             : ODDI_UNITS_NORMAL;
        kinds[entry[first].kind]++;
    }
}

odd_status oddi_units_init(struct odd_context *ctx, const struct oddi_scores *scores,
                           struct oddi_units *units)
{
    const size_t count = scores->count;
    size_t kinds[ODDI_UNITS_KINDS] = {0}, next[ODDI_UNITS_KINDS];
    struct units_entry *entry = oddi_alloc_array(ctx, count, sizeof(*entry));
    uint32_t *of = entry ? oddi_alloc_array(ctx, count, sizeof(*of)) : NULL;

    if (!of) {
        oddi_free(ctx, entry);
        return ODD_ENOMEM;
    }
    for (size_t i = 0; i < count; i++)
        entry[i] = (struct units_entry){.group = scores->group ? scores->group[i] : (int64_t)i,
                                        .picture = (uint32_t)i};
    if (scores->group && count > 1)
        qsort(entry, count, sizeof(*entry), units_compare);
    units_kinds(entry, scores, kinds);
    units->start[0] = 0;
    for (int k = 0; k < ODDI_UNITS_KINDS; k++) {
        next[k] = units->start[k];
        units->start[k + 1] = units->start[k] + kinds[k];
    }
    for (size_t first = 0, end; first < count; first = end) {
        const uint32_t unit = (uint32_t)next[entry[first].kind]++;
        end = units_end(entry, first, count);
        for (size_t i = first; i < end; i++)
            of[entry[i].picture] = unit;
    }
    units->of = of;
    oddi_free(ctx, entry);
    return ODD_OK;
}

struct bootstrap_job {
    const struct oddi_ranked *ranked;
    const struct oddi_units *units;
    uint64_t seed;
    int resamples, workers;
    uint32_t *weight;   /* (workers, units) */
    double *auroc, *ap; /* (resamples) */
};

static void bootstrap_draw(const struct bootstrap_job *job, int b, uint32_t *weight)
{
    const size_t *start = job->units->start;

    memset(weight, 0, start[ODDI_UNITS_KINDS] * sizeof(*weight));
    for (int kind = 0; kind < ODDI_UNITS_KINDS; kind++) {
        const size_t m = start[kind + 1] - start[kind];
        struct oddi_rng rng;

        oddi_rng_init(&rng, job->seed, ODDI_RNG_BOOTSTRAP, (uint64_t)b, (uint64_t)kind);
        for (size_t i = 0; i < m; i++)
            weight[start[kind] + (size_t)oddi_rng_below(&rng, m)]++;
    }
}

static void bootstrap_worker(void *arg, int64_t worker)
{
    const struct bootstrap_job *job = arg;
    uint32_t *weight = job->weight + (size_t)worker * job->units->start[ODDI_UNITS_KINDS];
    struct oddi_ranked_sums sums;

    for (int b = (int)worker; b < job->resamples; b += job->workers) {
        bootstrap_draw(job, b, weight);
        oddi_ranked_scan(job->ranked, weight, &sums);
        job->auroc[b] = sums.auroc;
        job->ap[b] = sums.ap;
    }
}

static int bootstrap_compare(const void *left, const void *right)
{
    const double a = *(const double *)left, b = *(const double *)right;

    return a < b ? -1 : a > b;
}

/* The p quantile of sorted values, linear between neighbours. */
static double bootstrap_quantile(const double *value, int count, double p)
{
    const double at = p * (count - 1);
    const int low = (int)at, high = low + 1 < count ? low + 1 : low;

    return value[low] + (at - low) * (value[high] - value[low]);
}

static struct oddi_interval bootstrap_interval(double *value,
                                               const struct oddi_bootstrap_options *options)
{
    const double tail = 0.5 * (1 - options->level);

    qsort(value, (size_t)options->resamples, sizeof(*value), bootstrap_compare);
    return (struct oddi_interval){bootstrap_quantile(value, options->resamples, tail),
                                  bootstrap_quantile(value, options->resamples, 1 - tail)};
}

static odd_status bootstrap_run(struct odd_context *ctx, struct bootstrap_job *job,
                                const struct oddi_bootstrap_options *options,
                                struct oddi_bootstrap *result)
{
    const size_t resamples = (size_t)options->resamples;
    odd_status status = ODD_ENOMEM;
    size_t cells;

    job->workers = ctx->threads < options->resamples ? ctx->threads : options->resamples;
    if (!oddi_mul_size((size_t)job->workers, job->units->start[ODDI_UNITS_KINDS], &cells))
        return oddi_fail(ctx, ODD_ENOMEM, "out of memory: bootstrap weights");
    job->weight = oddi_alloc_array(ctx, cells, sizeof(*job->weight));
    job->auroc = job->weight ? oddi_alloc_array(ctx, resamples, sizeof(double)) : NULL;
    job->ap = job->auroc ? oddi_alloc_array(ctx, resamples, sizeof(double)) : NULL;
    if (!job->ap)
        goto out;
    oddi_parallel(ctx->threads, job->workers, bootstrap_worker, job);
    result->auroc = bootstrap_interval(job->auroc, options);
    result->ap = bootstrap_interval(job->ap, options);
    status = ODD_OK;
out:
    oddi_free(ctx, job->ap);
    oddi_free(ctx, job->auroc);
    oddi_free(ctx, job->weight);
    return status;
}

odd_status oddi_rank_bootstrap(struct odd_context *ctx, const struct oddi_scores *scores,
                               const struct oddi_bootstrap_options *options,
                               struct oddi_bootstrap *result)
{
    odd_status status;
    struct oddi_ranked ranked = {0};
    struct oddi_units units = {0};
    struct oddi_bootstrap r = {.auroc = {NAN, NAN}, .ap = {NAN, NAN}};

    if (options->resamples < 1 || options->resamples > BOOTSTRAP_MAX ||
        !(options->level > 0 && options->level < 1))
        return oddi_fail(ctx, ODD_EINVAL, "bootstrap of %d resamples at level %g",
                         options->resamples, options->level);
    TRY(oddi_ranked_init(ctx, scores, &ranked));
    TRY(oddi_units_init(ctx, scores, &units));
    for (size_t i = 0; i < ranked.count; i++)
        ranked.item[i].unit = units.of[ranked.item[i].unit];
    for (int k = 0; k < ODDI_UNITS_KINDS; k++)
        r.units[k] = units.start[k + 1] - units.start[k];
    if (r.units[0] + r.units[2] >= 2 && r.units[1] + r.units[2] >= 2) {
        struct bootstrap_job job = {.ranked = &ranked,
                                    .units = &units,
                                    .seed = options->seed,
                                    .resamples = options->resamples};
        TRY(bootstrap_run(ctx, &job, options, &r));
    }
    *result = r;
out:
    oddi_free(ctx, units.of);
    oddi_free(ctx, ranked.item);
    return status;
}
