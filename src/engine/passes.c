/* SPDX-License-Identifier: Apache-2.0
 * Passes over pictures (passes.h). */
#include "engine/passes.h"

#include <string.h>

#include "base/os.h"
#include "engine/many.h"
#include "engine/report.h"

#define PASSES_SHOW_NS 250000000u

static odd_status passes_load(void *user, struct odd_context *ctx, size_t i,
                              struct oddi_picture **picture)
{
    const struct oddi_passes *p = user;
    return oddi_dataset_load_picture(ctx, p->ds, p->sample(p->user, i), picture);
}

static odd_status passes_look(void *user, size_t i, const struct oddi_measure *look)
{
    const struct oddi_passes *p = user;
    return p->pass->take(p->pass->user, (int64_t)i, look);
}

/* Every picture has been read before: one that fails now has changed meanwhile. */
static odd_status passes_take(void *user, const struct oddi_many_result *result)
{
    const struct oddi_passes *p = user;
    return result->status == ODD_OK ? ODD_OK
                                    : oddi_fail(p->ctx, result->status, "%s", result->message);
}

static odd_status passes_each(void *engine, const struct oddi_fit_pass *pass)
{
    struct oddi_passes *p = engine;
    const struct oddi_many many = {.model = p->model,
                                   .count = p->count,
                                   .phase = pass->phase,
                                   .load = passes_load,
                                   .look = passes_look,
                                   .take = passes_take,
                                   .user = p};
    p->pass = pass;
    return oddi_many_run(p->ctx, &many);
}

static odd_status passes_progress(void *engine, const char *phase, int64_t done, int64_t total)
{
    struct oddi_passes *p = engine;
    const uint64_t now = oddi_os_now_ns();
    if (!p->phase || strcmp(p->phase, phase) != 0) {
        p->phase = phase;
        p->began = p->shown = now;
    }
    if (oddi_report_wanted(p->ctx) && (done == total || now - p->shown > PASSES_SHOW_NS)) {
        oddi_report_pictures(p->ctx, phase, (size_t)done, (size_t)total, p->began);
        p->shown = now;
    }
    return oddi_check_cancel(p->ctx);
}

void oddi_passes_bind(struct oddi_passes *p, struct oddi_fitting *f)
{
    f->ctx = p->ctx;
    f->threads = p->ctx->threads;
    f->pictures = (int64_t)p->count;
    f->each = passes_each;
    f->progress = passes_progress;
    f->engine = p;
}
