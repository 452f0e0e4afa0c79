/* SPDX-License-Identifier: Apache-2.0
 *
 * The library's progress events (JSON objects) for people and for files: --jsonl gets each as it
 * is, people get the first lines, a live line on a terminal or a plain line every few seconds.
 */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H
#include "cli/cli.h"
#include "cli/output.h"

/* Opens the file of --jsonl and sets the context's callbacks. */
odd_status cli_progress_start(struct cli *cli);
/* From now on no texts, only the live line: for verbs that train many times. */
void cli_progress_brief(struct cli *cli);
/* Ends the live line, if one is open. */
void cli_progress_clear(struct cli *cli);
/* Clears, closes the file, takes the callbacks away; safe without a start. */
odd_status cli_progress_end(struct cli *cli);
#endif
