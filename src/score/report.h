/* SPDX-License-Identifier: Apache-2.0
 *
 * The evaluation as one JSON object; docs/metrics.md defines each number. A number without a
 * meaning is null, never 0, and has a line in "warnings" that says why.
 */
#ifndef ODDI_SCORE_REPORT_H
#define ODDI_SCORE_REPORT_H
#include "base/json.h"
#include "score/pixel.h"
#include "score/rank.h"

struct oddi_metrics_input {
    const char *model_hash;                 /* NULL: scores of another tool */
    struct oddi_scores scores;
    const char *const *type;                /* kind of anomaly per picture; entries may be NULL */
    const uint8_t *decision;                /* NULL: score > threshold */
    double threshold;                       /* NaN: none is known */
    uint64_t n_seen;                        /* left out, as the model has seen them */
    const struct oddi_pixel_metrics *pixel; /* NULL: no masks */
    int64_t pixel_size;                     /* of --metric-size; 0: native */
    struct oddi_bootstrap_options bootstrap;
};
/* No model, scores, types or pixels, no threshold, bootstrap defaults. */
void oddi_metrics_defaults(struct oddi_metrics_input *input);
/* *json is the caller's (json_decref). A score that is not finite is ODD_ENUMERIC. */
odd_status oddi_metrics_report(struct odd_context *ctx, const struct oddi_metrics_input *input,
                           json_t **json);
#endif
