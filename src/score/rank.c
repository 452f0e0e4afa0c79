/* SPDX-License-Identifier: Apache-2.0
 *
 * Exact ranking metrics from one sort and one scan over the distinct scores, highest first. After
 * the scores >= s, tp and fp count the anomalous and the normal pictures so far; P and N are their
 * totals; dtp and dfp what the score s itself adds. Then
 *
 *   AUROC      = sum dfp (tp_before + dtp / 2) / (P N)                                     (1)
 *   AP         = sum dtp tp / (tp + fp) / P                                                (2)
 *   trapezoid  = sum dtp (p + p_before) / 2 / P,  p = tp / (tp + fp), at first 1           (3)
 *   F1         = 2 tp / (tp + fp + P)                                                      (4)
 *
 * With one class only, (2) to (4) are 1 or 0 whatever the scores, so they count as undefined, as
 * (1) is. Equal scores enter together, so their order cannot matter. The counts are doubles, exact
 * up to 2^53; so are the pair counts of (1) for anything below 10^8 pictures.
 */
#include "score/rank.h"

#include <math.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "score/rank_int.h"

odd_status oddi_scores_check(struct odd_context *ctx, const struct oddi_scores *scores)
{
    if (scores->count > INT32_MAX)
        return oddi_fail(ctx, ODD_ELIMIT, "%zu scores are more than can be ranked", scores->count);
    for (size_t i = 0; i < scores->count; i++) {
        if (!isfinite(scores->score[i]))
            return oddi_fail(ctx, ODD_ENUMERIC, "score %zu is not a finite number (%g)", i,
                             scores->score[i]);
        if (scores->label[i] > 1)
            return oddi_fail(ctx, ODD_EINVAL, "label %zu is %d, expected 0 or 1", i,
                             scores->label[i]);
    }
    return ODD_OK;
}

static int rank_compare(const void *left, const void *right)
{
    const struct oddi_ranked_item *a = left, *b = right;

    if (a->score != b->score)
        return a->score > b->score ? -1 : 1;
    return a->unit < b->unit ? -1 : a->unit > b->unit;
}

odd_status oddi_ranked_init(struct odd_context *ctx, const struct oddi_scores *scores,
                            struct oddi_ranked *ranked)
{
    const size_t count = scores->count;
    const odd_status status = oddi_scores_check(ctx, scores);

    if (status != ODD_OK)
        return status;
    struct oddi_ranked_item *item = oddi_alloc_array(ctx, count, sizeof(*item));
    if (!item)
        return ODD_ENOMEM;
    for (size_t i = 0; i < count; i++)
        item[i] = (struct oddi_ranked_item){
            .score = scores->score[i], .unit = (uint32_t)i, .label = scores->label[i]};
    if (count > 1)
        qsort(item, count, sizeof(*item), rank_compare);
    for (size_t i = 0; i < count; i++)
        item[i].last = i + 1 == count || item[i + 1].score != item[i].score;
    ranked->item = item;
    ranked->count = count;
    return ODD_OK;
}

void oddi_ranked_scan(const struct oddi_ranked *ranked, const uint32_t *weight,
                      struct oddi_ranked_sums *sums)
{
    double tp = 0, fp = 0, dtp = 0, dfp = 0, before = 1;
    double area = 0, steps = 0, trapezoids = 0;

    for (size_t i = 0; i < ranked->count; i++) {
        const struct oddi_ranked_item *item = &ranked->item[i];
        const double w = weight ? weight[item->unit] : 1;

        dtp += item->label ? w : 0;
        dfp += item->label ? 0 : w;
        if (!item->last || dtp + dfp == 0)
            continue; /* a score of weight 0 is no point of any curve */
        area += dfp * (tp + 0.5 * dtp);
        tp += dtp;
        fp += dfp;
        const double precision = tp / (tp + fp);
        steps += dtp * precision;
        trapezoids += dtp * 0.5 * (precision + before);
        before = precision;
        dtp = dfp = 0;
    }
    sums->positive = tp;
    sums->negative = fp;
    const bool both = tp > 0 && fp > 0;
    sums->auroc = both ? area / (tp * fp) : NAN;
    sums->ap = both ? steps / tp : NAN;
    sums->trapezoid = both ? trapezoids / tp : NAN;
}

static void rank_f1max(const struct oddi_ranked *ranked, struct oddi_rank *rank)
{
    const double positive = (double)rank->n_anomalous;
    double tp = 0, fp = 0;

    rank->f1max = rank->f1max_threshold = NAN;
    if (!rank->n_anomalous || !rank->n_normal)
        return;
    for (size_t i = 0; i < ranked->count; i++) {
        const struct oddi_ranked_item *item = &ranked->item[i];

        if (item->label)
            tp++;
        else
            fp++;
        if (!item->last)
            continue;
        const double f1 = 2 * tp / (tp + fp + positive);
        if (!(f1 <= rank->f1max)) { /* the first compares with NaN */
            rank->f1max = f1;
            rank->f1max_threshold = item->score;
        }
    }
}

odd_status oddi_rank_metrics(struct odd_context *ctx, const struct oddi_scores *scores,
                             struct oddi_rank *rank)
{
    struct oddi_ranked ranked;
    struct oddi_ranked_sums sums;
    const odd_status status = oddi_ranked_init(ctx, scores, &ranked);

    if (status != ODD_OK)
        return status;
    oddi_ranked_scan(&ranked, NULL, &sums);
    rank->n_anomalous = (uint64_t)sums.positive;
    rank->n_normal = (uint64_t)sums.negative;
    rank->auroc = sums.auroc;
    rank->ap = sums.ap;
    rank->aupr_trapezoid = sums.trapezoid;
    rank_f1max(&ranked, rank);
    oddi_free(ctx, ranked.item);
    return ODD_OK;
}

/* Trapezoid under the ROC from 0 to the false-positive count `limit`, in pairs. */
static double rank_area_to(const struct oddi_ranked *ranked, double limit)
{
    double tp = 0, fp = 0, dtp = 0, dfp = 0, area = 0;

    for (size_t i = 0; i < ranked->count && fp < limit; i++) {
        dtp += ranked->item[i].label;
        dfp += !ranked->item[i].label;
        if (!ranked->item[i].last)
            continue;
        const double share = fp + dfp > limit ? (limit - fp) / dfp : 1;
        area += share * dfp * (tp + 0.5 * share * dtp);
        tp += dtp;
        fp += dfp;
        dtp = dfp = 0;
    }
    return area;
}

/* McClish (1989): with A the area up to L, (1 + (A - L^2/2) / (L - L^2/2)) / 2. */
odd_status oddi_rank_partial_auroc(struct odd_context *ctx, const struct oddi_scores *scores,
                                   double limit, double *value)
{
    struct oddi_ranked ranked;
    double positive = 0, negative = 0;

    if (!(limit > 0 && limit <= 1))
        return oddi_fail(ctx, ODD_EINVAL, "false-positive limit %g is not in (0, 1]", limit);
    const odd_status status = oddi_ranked_init(ctx, scores, &ranked);
    if (status != ODD_OK)
        return status;
    for (size_t i = 0; i < ranked.count; i++) {
        positive += ranked.item[i].label;
        negative += !ranked.item[i].label;
    }
    const double area = rank_area_to(&ranked, limit * negative) / (positive * negative);
    const double least = 0.5 * limit * limit;
    oddi_free(ctx, ranked.item);
    *value = positive > 0 && negative > 0 ? 0.5 * (1 + (area - least) / (limit - least)) : NAN;
    return ODD_OK;
}

/* The number of independent pictures of class `label`, if pictures of one unit are copies of each
 * other: (sum m)^2 / sum m^2 over the units' sizes m (Kish 1965). `size` has room for all units. */
static double rank_effective(const struct oddi_scores *scores, const struct oddi_units *units,
                             uint8_t label, double *size)
{
    double sum = 0, squares = 0;

    for (size_t u = 0; u < units->start[ODDI_UNITS_KINDS]; u++)
        size[u] = 0;
    for (size_t i = 0; i < scores->count; i++)
        size[units->of[i]] += scores->label[i] == label;
    for (size_t u = 0; u < units->start[ODDI_UNITS_KINDS]; u++) {
        sum += size[u];
        squares += size[u] * size[u];
    }
    return squares > 0 ? sum * sum / squares : 0;
}

static void rank_rate(struct oddi_rate *rate, double effective)
{
    const double n = (double)rate->n, hits = (double)rate->hits;

    rate->rate = rate->n ? hits / n : NAN;
    rate->ci = oddi_binomial_interval(rate->hits == rate->n ? effective : hits * effective / n,
                                      effective, 0.95);
}

odd_status oddi_rank_at_threshold(struct odd_context *ctx, const struct oddi_scores *scores,
                                  const uint8_t *decision, double threshold,
                                  struct oddi_at_threshold *result)
{
    odd_status status;
    struct oddi_units units = {0};
    struct oddi_at_threshold r = {.threshold = threshold};
    double *size = NULL;

    TRY(oddi_scores_check(ctx, scores));
    TRY(oddi_units_init(ctx, scores, &units));
    size = oddi_alloc_array(ctx, units.start[ODDI_UNITS_KINDS], sizeof(*size));
    if (!size) {
        status = ODD_ENOMEM;
        goto out;
    }
    for (size_t i = 0; i < scores->count; i++) {
        const bool ng = decision ? decision[i] != 0 : scores->score[i] > threshold;
        struct oddi_rate *rate = scores->label[i] ? &r.misses : &r.false_alarms;
        rate->n++;
        rate->hits += scores->label[i] ? !ng : ng;
    }
    rank_rate(&r.false_alarms, rank_effective(scores, &units, 0, size));
    rank_rate(&r.misses, rank_effective(scores, &units, 1, size));
    *result = r;
out:
    oddi_free(ctx, size);
    oddi_free(ctx, units.of);
    return status;
}
