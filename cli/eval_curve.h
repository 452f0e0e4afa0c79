/* SPDX-License-Identifier: Apache-2.0
 *
 * Several evaluations as a curve over the steps of one training: the last, the mean over the last
 * fifth (of at least 5), which is what is to be reported, and the best, which is chosen by the test
 * pictures and therefore marked as an oracle's.
 */
#ifndef CLI_EVAL_CURVE_H
#define CLI_EVAL_CURVE_H
#include "cli/output.h"

/* Sorts the points, objects {"model": path, "step", "epoch", "report"}, by step; `curve` becomes
 * {"schema", "models": the points, "curve": {metric: {"last", "mean_last_fifth", "n_last_fifth",
 * "sd_last_fifth", "best_oracle": {"value", "model", "step"}}}}. Steals `points`. */
odd_status cli_curve_make(struct cli *cli, json_t *points, json_t **curve);
/* The point of a model: what odd_model_info and odd_eval say of it. */
odd_status cli_curve_point(struct cli *cli, const char *path, const char *info, const char *report,
                           json_t **point);
/* As a table. */
void cli_curve_text(struct oddi_str *s, const json_t *curve);
#endif
