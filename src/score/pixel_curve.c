/* SPDX-License-Identifier: Apache-2.0
 *
 * Pixels come by falling score; pixels of one score enter together. tp and fp count the anomalous
 * and normal pixels so far, P and N in all, dtp and dfp those of one score. AUROC, AP and F1 are
 * (1), (2) and (4) of rank.c; twice the pairs of (1), sum dfp (2 tp_before + dtp), is an integer
 * below 2^64 as P + N < 2^32.
 *
 * AUPRO. K regions, region k of a_k pixels. Each region weighs the same, so a pixel of it adds
 * 1 / (K a_k) to
 *
 *   PRO = (1/K) sum_k (pixels of region k so far) / a_k         FPR = fp / N               (1)
 *
 * and AUPRO(L) is the area under PRO over FPR from (0, 0) to L, divided by L, trapezoids between
 * the points of neighbouring scores, the last one cut at L on its straight line.            (2)
 *
 * Only a region's area enters (1), not its number: pixels of equal score and equal area are
 * counted, and their count / area is added once, largest area first. The order of additions is
 * so a function of the set of pixels, not of how it was cut into pictures. Sums are compensated
 * (Neumaier 1974), as there can be 10^9 terms.
 *
 * Scores of normal pixels only, the great majority, move FPR alone: the area below is taken when
 * PRO changes next (from `flat` on).
 */
#include "score/pixel_curve.h"

#include <math.h>

#include "score/sort.h"

static void curve_sum(struct oddi_sum *sum, double term)
{
    const double total = sum->high + term;

    sum->low +=
        fabs(sum->high) >= fabs(term) ? (sum->high - total) + term : (term - total) + sum->high;
    sum->high = total;
}

void oddi_pixel_curve_init(struct oddi_pixel_curve *curve, uint64_t positive, uint64_t negative,
                           uint64_t regions)
{
    *curve = (struct oddi_pixel_curve){
        .positive = positive, .negative = negative, .regions = regions, .key = UINT64_MAX};
}

void oddi_pixel_curve_limits(struct oddi_pixel_curve *curve, int limits, const double *limit)
{
    curve->limits = limits;
    for (int i = 0; i < limits; i++)
        curve->limit[i] = limit[i] * (double)curve->negative;
}

/* PRO, of K: (1) without the division. */
static double curve_pro(const struct oddi_pixel_curve *c)
{
    return fmin(c->pro.high + c->pro.low, (double)c->regions);
}

/* (2): adds what lies below the line from (from, low) to (to, high), up to each limit. */
static void curve_under(struct oddi_pixel_curve *c, uint64_t from, uint64_t to, double low,
                        double high)
{
    const double begin = (double)from, width = (double)(to - from);

    for (int i = 0; i < c->limits && to > from; i++) {
        const double part = fmin(width, c->limit[i] - begin);

        if (part > 0)
            curve_sum(&c->under[i], part * (low + 0.5 * (part / width) * (high - low)));
    }
}

/* Enters the pixels of one score and one area. */
static void curve_close_area(struct oddi_pixel_curve *c)
{
    if (c->area && c->same)
        curve_sum(&c->pro, (double)c->same / (double)c->area);
    c->same = 0;
}

static bool curve_better_f1(const struct oddi_pixel_curve *c)
{
    const double p = (double)c->positive;
    const double now = 2 * (double)c->tp / ((double)(c->tp + c->fp) + p);
    const double best = 2 * (double)c->f1_tp / ((double)(c->f1_tp + c->f1_fp) + p);

    return now > best;
}

/* A point of the curves: all pixels of one score have been gathered. */
static void curve_close(struct oddi_pixel_curve *c)
{
    curve_close_area(c);
    c->pairs += c->dfp * (2 * c->tp + c->dtp);
    if (c->dtp) {
        const double level = curve_pro(c);

        curve_under(c, c->flat, c->fp, c->level, c->level);
        curve_under(c, c->fp, c->fp + c->dfp, c->level, level);
        c->level = level;
        c->flat = c->fp + c->dfp;
    }
    c->tp += c->dtp;
    c->fp += c->dfp;
    if (c->dtp) { /* normal pixels alone lower precision and F1 */
        curve_sum(&c->steps, (double)c->dtp * ((double)c->tp / (double)(c->tp + c->fp)));
        if (curve_better_f1(c)) {
            c->f1_tp = c->tp;
            c->f1_fp = c->fp;
            c->f1_key = (uint32_t)c->key;
        }
    }
    c->dtp = c->dfp = 0;
}

void oddi_pixel_curve_add(struct oddi_pixel_curve *curve, const uint64_t *item, size_t count)
{
    for (size_t i = count; i-- > 0;) {
        const uint64_t key = item[i] >> ODDI_KEY_LOW;
        const uint64_t area = item[i] & ((UINT64_C(1) << ODDI_KEY_LOW) - 1);

        if (key != curve->key) {
            curve_close(curve);
            curve->key = key;
        }
        if (area == 0) {
            curve->dfp++;
            continue;
        }
        if (area != curve->area) {
            curve_close_area(curve);
            curve->area = area;
        }
        curve->same++;
        curve->dtp++;
    }
}

void oddi_pixel_curve_finish(struct oddi_pixel_curve *curve, struct oddi_pixel_metrics *metrics)
{
    const double p = (double)curve->positive, n = (double)curve->negative;

    curve_close(curve);
    curve_under(curve, curve->flat, curve->fp, curve->level, curve->level);
    const double tp = (double)curve->f1_tp, fp = (double)curve->f1_fp;
    const bool both = curve->positive > 0 && curve->negative > 0;
    metrics->auroc = both ? (double)curve->pairs / (2 * p * n) : NAN;
    metrics->ap = both ? (curve->steps.high + curve->steps.low) / p : NAN;
    metrics->f1max = both ? 2 * tp / (tp + fp + p) : NAN;
    metrics->f1max_threshold = both ? (double)oddi_key_float(curve->f1_key) : NAN;
    for (int i = 0; i < curve->limits; i++) {
        const double area = curve->under[i].high + curve->under[i].low;
        const double all = curve->limit[i] * (double)curve->regions;
        metrics->aupro[i] = both ? fmin(area / all, 1) : NAN;
    }
}
