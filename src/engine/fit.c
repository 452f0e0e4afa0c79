/* SPDX-License-Identifier: Apache-2.0
 *
 * The training of a method that fits instead of taking steps (method.h): the expert's weights go
 * into the state, the method sees every training picture through the scoring graph, and keeps what
 * it has learnt. There is nothing to resume: a stopped fit starts anew.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/os.h"
#include "base/str.h"
#include "engine/passes.h"
#include "engine/report.h"
#include "engine/train_int.h"

#define FIT_SUSPECT 4.0 /* deviations from the usual strangeness (median, scaled MAD) */
#define FIT_LISTED 200  /* suspects in a report and a model */
#define FIT_SAID 10     /* of those, named as training goes on */

static uint32_t fit_sample(const void *user, size_t i)
{
    const struct train_run *r = user;
    return oddi_loader_sample(r->loader, i);
}

/* Tiles of the largest picture looked at: others have as many or fewer. */
static odd_status fit_tiles(struct train_run *r, int64_t *count)
{
    struct oddi_tiles tiles;
    *count = 1;
    if (!(r->prepare.tiling.scale > 0))
        return ODD_OK;
    const odd_status status = oddi_tiles_plan(r->ctx, &r->prepare.tiling, r->largest[0],
                                              r->largest[1], r->prepare.channels, &tiles);
    if (status == ODD_OK)
        *count = oddi_tiles_count(&tiles);
    return status;
}

static void fit_announce(struct train_run *r)
{
    json_t *e = oddi_report_event("start");
    oddi_json_set_text(e, "method", r->config->method->name);
    if (r->expert.net)
        oddi_json_set(e, "expert", oddi_expert_json(&r->expert));
    oddi_json_set_text(e, "preset", r->config->preset->name);
    oddi_json_set_int(e, "pictures", (int64_t)oddi_loader_count(r->loader));
    oddi_json_set_int(e, "width", r->in.width);
    oddi_json_set_int(e, "height", r->in.height);
    oddi_json_set_int(e, "channels", r->in.channels);
    oddi_json_set_int(e, "threads", r->ctx->threads);
    oddi_report_send(r->ctx, e);
    if (oddi_values_bool(&r->config->values, "resume"))
        oddi_report_text(r->ctx, "note", "%s has no steps to resume: it starts anew",
                         r->config->method->name);
}

struct fit_strange {
    double strange;
    size_t picture;
};

static int fit_stranger(const void *a, const void *b)
{
    const struct fit_strange *p = a, *q = b;
    if (p->strange != q->strange)
        return p->strange < q->strange ? 1 : -1;
    return p->picture < q->picture ? -1 : 1;
}

/* Median and scaled median distance from it, which the strangest pictures do not move. */
static odd_status fit_usual(struct odd_context *ctx, const double *strange, size_t n,
                            double *location, double *scale)
{
    double *off = oddi_alloc_array(ctx, n, sizeof(*off));
    if (!off)
        return ODD_ENOMEM;
    odd_status status = oddi_median(ctx, strange, n, location);
    for (size_t i = 0; i < n; i++)
        off[i] = fabs(strange[i] - *location);
    if (status == ODD_OK)
        status = oddi_median(ctx, off, n, scale);
    *scale = *scale > 0 ? 1.4826 * *scale : 1.0;
    oddi_free(ctx, off);
    return status;
}

/* Lists the pictures that were left out and those that are far stranger than the usual one. */
static odd_status fit_list(struct train_run *r, const struct oddi_fitting *f)
{
    odd_status status = ODD_OK;
    const size_t n = (size_t)f->pictures;
    double location = 0, scale = 0;
    struct fit_strange *order = oddi_alloc_array(r->ctx, n, sizeof(*order));
    if (!order)
        return ODD_ENOMEM;
    TRY(fit_usual(r->ctx, f->strange, n, &location, &scale));
    for (size_t i = 0; i < n; i++)
        order[i] = (struct fit_strange){f->strange[i], i};
    qsort(order, n, sizeof(*order), fit_stranger);
    for (size_t k = 0; k < n; k++) {
        const size_t i = order[k].picture;
        const double z = (order[k].strange - location) / scale;
        if (!f->dropped[i] && (z < FIT_SUSPECT || json_array_size(r->suspects) >= FIT_LISTED))
            continue;
        json_t *one = json_object();
        oddi_json_set_text(one, "path", r->ds->sample[oddi_loader_sample(r->loader, i)].path);
        oddi_json_set_int(one, "picture", (int64_t)i); /* row of the model's seen.train */
        oddi_json_set_real(one, "strange", order[k].strange);
        oddi_json_set_real(one, "deviations", z);
        oddi_json_set_bool(one, "left_out", f->dropped[i]);
        json_array_append_new(r->suspects, one);
    }
out:
    oddi_free(r->ctx, order);
    return status;
}

static void fit_say(struct train_run *r)
{
    const size_t n = json_array_size(r->suspects);
    struct oddi_str s;
    if (n == 0 || !oddi_report_wanted(r->ctx))
        return;
    oddi_str_init(&s, r->ctx);
    oddi_str_addf(&s, "%zu training pictures are unlike the others; look at them:", n);
    for (size_t k = 0; k < n && k < FIT_SAID; k++) {
        const json_t *one = json_array_get(r->suspects, k);
        oddi_str_addf(&s, "\n  %s (%.1f deviations)%s",
                      json_string_value(json_object_get(one, "path")),
                      json_real_value(json_object_get(one, "deviations")),
                      json_is_true(json_object_get(one, "left_out")) ? ", left out" : "");
    }
    if (n > FIT_SAID)
        oddi_str_addf(&s, "\n  and %zu more (the report names all)", n - FIT_SAID);
    if (oddi_str_status(&s) == ODD_OK)
        oddi_report_text(r->ctx, "suspects", "%s", s.text);
    oddi_str_release(&s);
}

static odd_status fit_method(struct train_run *r, struct oddi_fitting *f)
{
    odd_status status = ODD_OK;
    const size_t n = (size_t)f->pictures;
    f->strange = oddi_alloc_array(r->ctx, n, sizeof(double));
    f->dropped = oddi_calloc(r->ctx, n, sizeof(bool));
    if (!f->strange || !f->dropped) {
        status = ODD_ENOMEM;
        goto out;
    }
    for (size_t i = 0; i < n; i++)
        f->strange[i] = NAN;
    TRY(r->config->method->fit(f));
    if (isfinite(f->strange[0])) {
        TRY(fit_list(r, f));
        fit_say(r);
    }
out:
    oddi_free(r->ctx, f->strange);
    oddi_free(r->ctx, f->dropped);
    return status;
}

odd_status oddi_train_fit(struct train_run *r)
{
    odd_status status = ODD_OK;
    const uint64_t began = oddi_os_now_ns();
    struct odd_model m;
    struct oddi_build b;
    memset(&m, 0, sizeof(m));
    memset(&b, 0, sizeof(b));
    oddi_model_file_init(&m.file, r->ctx);
    int64_t tiles = 1;
    TRY(fit_tiles(r, &tiles));
    TRY(oddi_train_start(r));
    TRY(oddi_train_model(r, &m));
    fit_announce(r);
    TRY(oddi_model_graph(r->ctx, &m, &b));
    struct oddi_passes passes = {.ctx = r->ctx,
                                 .model = &m,
                                 .ds = r->ds,
                                 .count = oddi_loader_count(r->loader),
                                 .sample = fit_sample,
                                 .user = r};
    struct oddi_fitting fit = {.values = &r->config->values,
                               .in = r->in,
                               .seed = r->seed,
                               .tiles = tiles,
                               .build = &b,
                               .keep = &r->kept};
    oddi_passes_bind(&passes, &fit);
    TRY(fit_method(r, &fit));
    r->seconds = (double)(oddi_os_now_ns() - began) * 1e-9;
out:
    oddi_build_release(&b);
    oddi_train_model_release(&m);
    return status;
}
