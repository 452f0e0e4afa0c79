/* SPDX-License-Identifier: Apache-2.0
 *
 * Ways out: report files, CSV, numbers and paths as text.
 */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H
#include "cli/cli.h"

/* Writes `text` and a line end to `path`: whole or not at all; "-" is standard output, and pipes
 * and devices are written to as they are. */
odd_status cli_write_text(struct cli *cli, const char *path, const char *text);
/* Writes a report to the file of --json, indented; nothing when the option was not given. */
odd_status cli_write_report(struct cli *cli, const char *json);

/* An output stream that grows line by line; "-" is standard output. Close reports what was lost. */
struct cli_stream {
    FILE *file; /* NULL: closed */
    const char *path;
};
odd_status cli_stream_open(struct cli *cli, const char *path, struct cli_stream *stream);
odd_status cli_stream_close(struct cli *cli, struct cli_stream *stream);

/* Appends one field, quoted as RFC 4180 asks when it has to be; formulas are not defused. */
void cli_csv_field(struct oddi_str *s, const char *text);
/* A number in the fewest digits that read back as the same; empty or "null" for NaN. */
void cli_csv_number(struct oddi_str *s, double value);
void cli_json_number(struct oddi_str *s, double value);
/* A JSON string with its quotes; bytes that are no UTF-8 become '?'. */
void cli_json_text(struct oddi_str *s, const char *text);
/* Text on one line of a terminal: control characters are shown as \n, \t or \x07. */
void cli_plain_text(struct oddi_str *s, const char *text);

/* "1.2 GB", "3 min 20 s", "12,345". */
void cli_add_bytes(struct oddi_str *s, double bytes);
void cli_add_seconds(struct oddi_str *s, double seconds);

/* Reading the reports: by path "image.auroc"; NULL, NaN and "" when absent or null. */
const json_t *cli_json_at(const json_t *json, const char *path);
double cli_json_real(const json_t *json, const char *path);
const char *cli_json_string(const json_t *json, const char *path);
/* An object as lines "name   value", nested names joined by dots. */
void cli_json_lines(struct oddi_str *s, const json_t *json, int indent);
#endif
