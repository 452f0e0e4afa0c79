/* SPDX-License-Identifier: Apache-2.0
 *
 * Numbers about a list of scored, labelled pictures: ranking quality, what happens at a
 * threshold, and how sure either is. Higher is more anomalous; label 1 is anomalous, 0 normal.
 *
 * Invariants: a number without a meaning (one class only) is NaN, never 0. A score that is not
 * finite is ODD_ENUMERIC, naming its index. No result depends on the order of the pictures, save
 * that the bootstrap without groups draws pictures by their number; none on the thread count.
 * Rank raw scores: squashing them first makes ties that were none.
 */
#ifndef ODDI_SCORE_RANK_H
#define ODDI_SCORE_RANK_H
#include "base/ctx.h"

struct oddi_scores {
    const double *score;
    const uint8_t *label;   /* 0 or 1, else ODD_EINVAL */
    const int64_t *group;   /* who belongs together; NULL: every picture for itself */
    size_t count;           /* below 2^31 */
};
struct oddi_interval {
    double lo, hi;
};
struct oddi_rank {
    uint64_t n_normal, n_anomalous;
    double auroc;           /* ties count one half */
    double ap;              /* average precision: steps, no interpolation */
    double aupr_trapezoid;  /* trapezoid under precision over recall, beginning at (0, 1) */
    double f1max;           /* oracle: the threshold is chosen on these labels */
    double f1max_threshold; /* score >= it counts as anomalous; the largest among equals */
};
odd_status oddi_rank_metrics(struct odd_context *ctx, const struct oddi_scores *scores,
                             struct oddi_rank *rank);
/* Area under the ROC up to the false-positive rate `limit` in (0, 1], McClish-corrected: 0.5 for
 * chance, 1 for perfect. */
odd_status oddi_rank_partial_auroc(struct odd_context *ctx, const struct oddi_scores *scores,
                                   double limit, double *value);

struct oddi_rate {
    uint64_t n, hits;
    double rate;                  /* NaN where n is 0 */
    struct oddi_interval ci;      /* 95 %, Clopper-Pearson */
};
struct oddi_at_threshold {
    double threshold;
    struct oddi_rate false_alarms; /* among the normal pictures */
    struct oddi_rate misses;       /* among the anomalous ones */
};
/* `decision` (0 ok, else not ok) may be NULL: then score > threshold. With groups, the intervals
 * treat pictures of a group as one: n is replaced by (sum m)^2 / sum m^2 over group sizes m. */
odd_status oddi_rank_at_threshold(struct odd_context *ctx, const struct oddi_scores *scores,
                                  const uint8_t *decision, double threshold,
                                  struct oddi_at_threshold *result);

struct oddi_bootstrap_options {
    int resamples;   /* 1 to 1,000,000 */
    uint64_t seed;
    double level;    /* in (0, 1) */
};
void oddi_bootstrap_defaults(struct oddi_bootstrap_options *options); /* 2000, 0, 0.95 */
struct oddi_bootstrap {
    struct oddi_interval auroc, ap; /* percentile intervals */
    size_t units[3]; /* groups with normal pictures only, with anomalous only, with both */
};
/* Stratified: the three kinds of groups are resampled each among themselves, so every resample
 * has both classes. NaN where a class has fewer than two groups: one draw says nothing. */
odd_status oddi_rank_bootstrap(struct odd_context *ctx, const struct oddi_scores *scores,
                               const struct oddi_bootstrap_options *options,
                               struct oddi_bootstrap *result);

/* The exact (Clopper-Pearson) interval of a proportion; hits and n need not be whole. NaN where
 * n <= 0 or hits is outside of 0 .. n. */
struct oddi_interval oddi_binomial_interval(double hits, double n, double level);
/* The regularised incomplete beta function I_x(a, b), a and b above 0, x in 0 .. 1. */
double oddi_beta_cdf(double x, double a, double b);
#endif
