/* SPDX-License-Identifier: Apache-2.0
 * What rank.c and bootstrap.c share: the sorted list, its scan, and the units of resampling. */
#ifndef ODDI_SCORE_RANK_INT_H
#define ODDI_SCORE_RANK_INT_H
#include "score/rank.h"

struct oddi_ranked_item {
    double score;
    uint32_t unit;  /* index of the weight; the picture's own number until changed */
    uint8_t label;
    bool last;      /* of its run of equal scores */
};
struct oddi_ranked {
    struct oddi_ranked_item *item; /* scores falling; equal scores by picture number */
    size_t count;
};
/* Checks the scores, then sorts. Released with oddi_free of `item`. */
odd_status oddi_ranked_init(struct odd_context *ctx, const struct oddi_scores *scores,
                            struct oddi_ranked *ranked);
odd_status oddi_scores_check(struct odd_context *ctx, const struct oddi_scores *scores);

struct oddi_ranked_sums {
    double positive, negative;  /* weights of the classes */
    double auroc, ap, trapezoid;
};
/* One pass; weight[unit] pictures stand for each item (NULL: one). */
void oddi_ranked_scan(const struct oddi_ranked *ranked, const uint32_t *weight,
                      struct oddi_ranked_sums *sums);

enum { ODDI_UNITS_NORMAL, ODDI_UNITS_ANOMALOUS, ODDI_UNITS_MIXED, ODDI_UNITS_KINDS };
struct oddi_units {
    uint32_t *of;                           /* picture -> unit */
    size_t start[ODDI_UNITS_KINDS + 1];     /* units of kind k: start[k] .. start[k + 1] - 1 */
};
/* Units by kind, then by group id. Released with oddi_free of `of`. */
odd_status oddi_units_init(struct odd_context *ctx, const struct oddi_scores *scores,
                           struct oddi_units *units);
#endif
