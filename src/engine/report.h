/* SPDX-License-Identifier: Apache-2.0
 *
 * Progress events: one JSON object each, through the context's callback. docs/progress.md lists
 * the keys. Reporting never fails a call: without memory an event is left out.
 */
#ifndef ODDI_ENGINE_REPORT_H
#define ODDI_ENGINE_REPORT_H
#include "base/json.h"

/* True when somebody listens; building an event can then be skipped. */
bool oddi_report_wanted(const struct odd_context *ctx);
/* Sends and frees the object. */
void oddi_report_send(struct odd_context *ctx, json_t *event);
/* An object with "event": kind. */
json_t *oddi_report_event(const char *kind);
/* {"event":"pictures", ...}; `began` is oddi_os_now_ns() of the phase's start. */
void oddi_report_pictures(struct odd_context *ctx, const char *phase, size_t done, size_t total,
                          uint64_t began);
/* Notes a picture that cannot be used as {path, reason} in `list`, and reports it. */
void oddi_report_left_out(struct odd_context *ctx, json_t *list, const char *path,
                          const char *reason);
/* {"event": kind, "text": ...} */
void oddi_report_text(struct odd_context *ctx, const char *kind, const char *format, ...)
    ODDI_PRINTF(3, 4);
#endif
