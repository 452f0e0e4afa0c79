/* SPDX-License-Identifier: Apache-2.0
 * The evaluation's report in words. */
#ifndef CLI_EVAL_TEXT_H
#define CLI_EVAL_TEXT_H
#include "cli/output.h"

/* First what happens at the shipped threshold, then how well scores and maps rank, then by type. */
void cli_eval_text(struct oddi_str *s, const json_t *report);
#endif
