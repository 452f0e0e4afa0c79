/* SPDX-License-Identifier: Apache-2.0
 *
 * Progress events (report.h).
 */
#include "engine/report.h"

#include <stdarg.h>

#include "base/alloc.h"
#include "base/os.h"
#include "base/str.h"

bool oddi_report_wanted(const struct odd_context *ctx)
{
    return ctx->progress != NULL;
}

json_t *oddi_report_event(const char *kind)
{
    json_t *event = json_object();
    if (event && !oddi_json_set_text(event, "event", kind)) {
        json_decref(event);
        event = NULL;
    }
    return event;
}

void oddi_report_send(struct odd_context *ctx, json_t *event)
{
    char *text = NULL;
    if (event && ctx->progress && oddi_json_dump(ctx, event, 0, &text) == ODD_OK)
        oddi_progress(ctx, text);
    oddi_free(ctx, text);
    json_decref(event);
}

void oddi_report_pictures(struct odd_context *ctx, const char *phase, size_t done, size_t total,
                          uint64_t began)
{
    if (!oddi_report_wanted(ctx))
        return;
    const double seconds = (double)(oddi_os_now_ns() - began) * 1e-9;
    json_t *e = oddi_report_event("pictures");
    oddi_json_set_text(e, "phase", phase);
    oddi_json_set_int(e, "done", (int64_t)done);
    oddi_json_set_int(e, "total", (int64_t)total);
    oddi_json_set_real(e, "seconds", seconds);
    oddi_json_set_real(e, "seconds_left",
                       done ? seconds / (double)done * (double)(total - done) : 0.0);
    oddi_report_send(ctx, e);
}

void oddi_report_text(struct odd_context *ctx, const char *kind, const char *format, ...)
{
    char text[1024];
    va_list args;
    if (!oddi_report_wanted(ctx))
        return;
    va_start(args, format);
    oddi_vformat(text, sizeof(text), format, args);
    va_end(args);
    json_t *e = oddi_report_event(kind);
    oddi_json_set_text(e, "text", text);
    oddi_report_send(ctx, e);
}

void oddi_report_left_out(struct odd_context *ctx, json_t *list, const char *path,
                          const char *reason)
{
    json_t *one = json_object(), *event = oddi_report_event("left-out");
    oddi_json_set_text(one, "path", path);
    oddi_json_set_text(one, "reason", reason);
    json_array_append_new(list, one);
    oddi_json_set_text(event, "path", path);
    oddi_json_set_text(event, "reason", reason);
    oddi_report_send(ctx, event);
}
