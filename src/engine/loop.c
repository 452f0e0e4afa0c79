/* SPDX-License-Identifier: Apache-2.0
 *
 * The steps of a training: stages, progress with time left, checkpoints by time, snapshots, time
 * budget. None of these changes a bit of the result: what step s does is a function of the
 * configuration, the pictures and s.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/os.h"
#include "base/str.h"
#include "engine/report.h"
#include "engine/train_int.h"

#define LOOP_SHOW_NS 250000000u
#define LOOP_MEASURED 20
#define LOOP_UNMEASURED 1

static int loop_stage(const struct train_run *r, int64_t step)
{
    const struct oddi_method *m = r->config->method;
    const struct oddi_values *v = &r->config->values;
    int stage = oddi_method_stages(m, v) - 1;
    while (stage > 0 && step < oddi_method_stage_start(m, v, stage, r->trainer.recipe.steps))
        stage--;
    return stage;
}

static odd_status loop_get(void *user, int64_t i, float *picture)
{
    return oddi_loader_get(user, (size_t)i, picture);
}

/* Announces the stage and lets the method change the state at its first step. */
static odd_status loop_enter(struct train_run *r, int stage)
{
    const struct oddi_method *m = r->config->method;
    const struct oddi_values *v = &r->config->values;
    const bool first = r->step == oddi_method_stage_start(m, v, stage, r->trainer.recipe.steps);
    oddi_report_text(r->ctx, "stage", "%s", oddi_method_stage_name(m, v, stage));
    if (stage == 0 || !first || !m->enter)
        return ODD_OK;
    struct oddi_enter e = {.ctx = r->ctx,
                           .trainer = &r->trainer,
                           .stage = stage,
                           .seed = r->seed,
                           .pictures = (int64_t)oddi_loader_count(r->loader),
                           .get = loop_get,
                           .user = r->loader};
    return m->enter(&e);
}

static void loop_losses(const struct train_run *r, json_t *e)
{
    json_t *losses = json_object();
    const struct oddi_build *b = &r->trainer.last->build;
    for (int i = 0; i < b->results; i++)
        if (b->result[i].node->shape.rank == 0)
            oddi_json_set_real(losses, b->result[i].name,
                               oddi_trainer_result(&r->trainer, b->result[i].name));
    oddi_json_set(e, "losses", losses);
}

static void loop_show(struct train_run *r, uint64_t now)
{
    const struct oddi_recipe *recipe = &r->trainer.recipe;
    const double span = (double)(now - r->shown) * 1e-9, steps = (double)(r->step - r->shown_step);
    const double per = steps > 0 ? span / steps : 0.0;
    const double total = (double)oddi_loader_steps_per_epoch(r->loader, recipe->batch);
    json_t *e = oddi_report_event("step");
    oddi_json_set_int(e, "step", r->step);
    oddi_json_set_int(e, "steps", recipe->steps);
    oddi_json_set_real(e, "epoch", (double)r->step / total);
    oddi_json_set_real(e, "epochs", (double)recipe->steps / total);
    oddi_json_set_real(e, "loss", r->loss);
    loop_losses(r, e);
    oddi_json_set_real(e, "rate", oddi_recipe_rate(recipe, r->step - 1));
    oddi_json_set_real(e, "pictures_per_second", per > 0 ? (double)recipe->batch / per : NAN);
    oddi_json_set_real(e, "seconds", r->seconds + (double)(now - r->began) * 1e-9);
    oddi_json_set_real(e, "seconds_left", per * (double)(recipe->steps - r->step));
    oddi_report_send(r->ctx, e);
    r->shown = now;
    r->shown_step = r->step;
}

static odd_status loop_step(struct train_run *r, int stage)
{
    struct oddi_batch batch;
    odd_status status = oddi_loader_next(r->loader, &batch);
    r->cache.position = status == ODD_OK ? batch.position : NULL;
    if (status == ODD_OK)
        status = oddi_trainer_step(&r->trainer, stage, r->step, batch.data, batch.count);
    if (status != ODD_OK)
        return status;
    r->step++;
    r->loss = oddi_trainer_result(&r->trainer, "loss");
    if (!isfinite(r->loss))
        return oddi_fail(
            r->ctx, ODD_ENUMERIC,
            "training diverged at step %lld: the loss is not finite (a smaller lr may help)",
            (long long)r->step);
    return ODD_OK;
}

static odd_status loop_checkpoint_seconds(const struct train_run *r, double *seconds)
{
    const char *text = oddi_values_text(&r->config->values, "checkpoint");
    if (oddi_parse_duration(text, seconds))
        return ODD_OK;
    return oddi_fail(r->ctx, ODD_ECONFIG, "checkpoint=%s: expected a duration such as 5m, or 0",
                     text);
}

static odd_status loop_save(struct train_run *r)
{
    const uint64_t now = oddi_os_now_ns();
    r->seconds += (double)(now - r->began) * 1e-9;
    r->began = now;
    const odd_status status = oddi_train_save(r);
    r->saved = oddi_os_now_ns();
    return status;
}

/* Saves where the training stands, then says how to go on. A stage that was being entered is
 * entered again by the training that goes on. */
static odd_status loop_stop(struct train_run *r)
{
    if (r->trial)
        return oddi_check_cancel(r->ctx);
    const odd_status status = loop_save(r);
    if (status != ODD_OK)
        return status;
    return oddi_fail(r->ctx, ODD_ECANCELLED,
                     "stopped after step %lld of %lld; the state is in %s (go on with --resume)",
                     (long long)r->step, (long long)r->trainer.recipe.steps, r->state_path);
}

/* Its time is no training time. One that cannot be written does not end hours of work. */
static odd_status loop_snapshot(struct train_run *r)
{
    const uint64_t from = oddi_os_now_ns();
    odd_status status = oddi_snapshot_make(r);
    if (status == ODD_EIO) {
        oddi_log(r->ctx, ODD_LOG_WARNING, "a snapshot is missing, training goes on: %s",
                 odd_last_message(r->ctx));
        status = ODD_OK;
    }
    const uint64_t spent = oddi_os_now_ns() - from;
    r->began += spent;
    r->shown += spent;
    return status == ODD_ECANCELLED ? loop_stop(r) : status;
}

/* What is done between steps, none of which changes a bit. */
struct loop_between {
    double checkpoint; /* seconds */
    int64_t snapshot;  /* steps */
};

static odd_status loop_read(const struct train_run *r, struct loop_between *p)
{
    const odd_status status = loop_checkpoint_seconds(r, &p->checkpoint);
    if (status != ODD_OK || r->trial) /* a trial leaves nothing */
        return status;
    return oddi_snapshot_every(r, &p->snapshot);
}

static bool loop_snapshot_due(const struct train_run *r, const struct loop_between *p)
{
    return p->snapshot > 0 && r->step > 0 && r->step % p->snapshot == 0 &&
           r->step < r->trainer.recipe.steps;
}

static odd_status loop_after(struct train_run *r, const struct loop_between *p)
{
    const uint64_t now = oddi_os_now_ns();
    const bool last = r->step == r->trainer.recipe.steps;
    if (oddi_report_wanted(r->ctx) && (last || now - r->shown > LOOP_SHOW_NS))
        loop_show(r, now);
    if (oddi_cancelled(r->ctx))
        return loop_stop(r);
    if (loop_snapshot_due(r, p))
        return loop_snapshot(r);
    const bool due =
        p->checkpoint > 0 && !r->trial && (double)(now - r->saved) * 1e-9 > p->checkpoint;
    return due ? loop_save(r) : ODD_OK;
}

odd_status oddi_train_loop(struct train_run *r)
{
    odd_status status = ODD_OK;
    struct loop_between between = {0};
    int stage = -1;
    r->began = r->saved = r->shown = oddi_os_now_ns();
    r->shown_step = r->step;
    if (r->step >= r->trainer.recipe.steps)
        return ODD_OK;
    TRY(loop_read(r, &between));
    if (loop_snapshot_due(r, &between))
        TRY(loop_snapshot(r));
    TRY(oddi_cache_ready(&r->cache, r));
    TRY(oddi_loader_start(r->loader, r->trainer.recipe.batch, r->step));
    while (r->step < r->trainer.recipe.steps) {
        const int now = loop_stage(r, r->step);
        if (now != stage)
            status = loop_enter(r, now);
        if (status == ODD_ECANCELLED)
            status = loop_stop(r);
        if (status != ODD_OK)
            goto out;
        stage = now;
        TRY(loop_step(r, stage));
        TRY(loop_after(r, &between));
    }
    r->seconds += (double)(oddi_os_now_ns() - r->began) * 1e-9;
out:
    oddi_loader_stop(r->loader);
    if (!r->trial && status == ODD_OK) { /* room for what comes */
        oddi_cache_release(&r->cache);
        oddi_trainer_drop_plans(&r->trainer);
    }
    return status;
}

/* The last stage is the dearest. */
odd_status oddi_train_measure(struct train_run *r, int measured)
{
    odd_status status = ODD_OK;
    const int stage = oddi_method_stages(r->config->method, &r->config->values) - 1;
    uint64_t from = 0;
    TRY(oddi_cache_ready(&r->cache, r));
    TRY(oddi_loader_start(r->loader, r->trainer.recipe.batch, 0));
    for (int i = 0; i < LOOP_UNMEASURED + measured; i++) {
        if (i == LOOP_UNMEASURED)
            from = oddi_os_now_ns();
        TRY(loop_step(r, stage));
        TRY(oddi_check_cancel(r->ctx));
    }
    r->per_step = (double)(oddi_os_now_ns() - from) * 1e-9 / measured;
out:
    oddi_loader_stop(r->loader);
    return status;
}

/* The training that follows starts anew: it is that of steps=N, to the bit. */
odd_status oddi_train_budget(struct train_run *r)
{
    odd_status status = ODD_OK;
    double seconds = 0;
    char text[32];
    const struct oddi_method *m = r->config->method;
    const char *budget = oddi_values_text(&r->config->values, "time-budget");
    if (!budget[0])
        return ODD_OK;
    if (!oddi_parse_duration(budget, &seconds) || seconds <= 0)
        return oddi_fail(r->ctx, ODD_ECONFIG,
                         "time-budget=%s: expected a duration such as 90s, 10m or 1h30m", budget);
    const uint64_t began = oddi_os_now_ns();
    TRY(oddi_train_start(r));
    TRY(oddi_train_measure(r, LOOP_MEASURED));
    double left = seconds - (double)(oddi_os_now_ns() - began) * 1e-9;
    if (m->candidate && m->candidate(&r->config->values, &r->in, 0))
        left *= 0.5; /* the automatic choice takes as long as the training */
    const int64_t steps = left > r->per_step ? (int64_t)(left / r->per_step) : 1;
    snprintf(text, sizeof(text), "%lld", (long long)steps);
    TRY(oddi_values_set(&r->config->values, "steps", text, "set"));
    oddi_report_text(r->ctx, "budget", "time budget %s = %lld steps (repeat with --set steps=%lld)",
                     budget, (long long)steps, (long long)steps);
out:
    return status;
}
