/* SPDX-License-Identifier: Apache-2.0
 *
 * Snapshots: finished models of a training on its way, for curves over epochs. A snapshot is what
 * the training would have given had it ended there: calibrated, checked, loadable. It reads the
 * training state and changes nothing of it, so the final model has the same bits with and without.
 *
 * MODEL.safetensors has MODEL.epoch-0010.safetensors beside it, or MODEL.step-0000500.safetensors.
 * The final model is not kept twice. A training that goes on makes the snapshot of its first step
 * again, since it may have been stopped while that was being made.
 */
#include <string.h>

#include "base/os.h"
#include "base/str.h"
#include "engine/report.h"
#include "engine/train_int.h"

#define SNAPSHOTS_MAX 1000
#define SNAPSHOT_SUFFIX ".safetensors"

/* "10epochs" or "500steps", also without the s; false: neither. */
static bool snapshot_parse(const char *text, int64_t *count, bool *epochs)
{
    char number[24];
    const size_t digits = strspn(text, "0123456789");
    const char *unit = text + digits;
    if (digits == 0 || digits >= sizeof(number))
        return false;
    memcpy(number, text, digits);
    number[digits] = '\0';
    *epochs = strcmp(unit, "epochs") == 0 || strcmp(unit, "epoch") == 0;
    return (*epochs || strcmp(unit, "steps") == 0 || strcmp(unit, "step") == 0) &&
           oddi_parse_int(number, count) && *count > 0;
}

odd_status oddi_snapshot_every(const struct train_run *r, int64_t *every)
{
    const char *text = oddi_values_text(&r->config->values, "snapshot-every");
    const int64_t steps = r->trainer.recipe.steps,
                  epoch = oddi_loader_steps_per_epoch(r->loader, r->trainer.recipe.batch);
    int64_t count = 0;
    bool epochs = false;
    *every = 0;
    if (!text[0])
        return ODD_OK;
    if (!snapshot_parse(text, &count, &epochs))
        return oddi_fail(r->ctx, ODD_ECONFIG, "snapshot-every=%s: expected 10epochs or 500steps",
                         text);
    if (count > steps)
        count = steps; /* never: the final model is not kept twice */
    *every = epochs && count <= steps / epoch ? count * epoch : epochs ? steps : count;
    if (steps / *every > SNAPSHOTS_MAX)
        return oddi_fail(r->ctx, ODD_ECONFIG,
                         "snapshot-every=%s: that is %lld models in %lld steps; at most %d", text,
                         (long long)(steps / *every), (long long)steps, SNAPSHOTS_MAX);
    return ODD_OK;
}

static odd_status snapshot_path(const struct train_run *r, struct oddi_str *s)
{
    const int64_t epoch = oddi_loader_steps_per_epoch(r->loader, r->trainer.recipe.batch);
    const char *text = oddi_values_text(&r->config->values, "snapshot-every");
    const bool suffix = oddi_ends_with(r->path, SNAPSHOT_SUFFIX);
    int64_t count = 0;
    bool epochs = false;
    (void)snapshot_parse(text, &count, &epochs);
    oddi_str_add_size(s, r->path, strlen(r->path) - (suffix ? sizeof(SNAPSHOT_SUFFIX) - 1 : 0));
    if (epochs)
        oddi_str_addf(s, ".epoch-%04lld", (long long)(r->step / epoch));
    else
        oddi_str_addf(s, ".step-%07lld", (long long)r->step);
    oddi_str_add(s, suffix ? SNAPSHOT_SUFFIX : "");
    return oddi_str_status(s);
}

static void snapshot_report(const struct train_run *r, const char *path)
{
    const double epoch = (double)oddi_loader_steps_per_epoch(r->loader, r->trainer.recipe.batch);
    json_t *e = oddi_report_event("snapshot");
    oddi_json_set_text(e, "path", path);
    oddi_json_set_int(e, "step", r->step);
    oddi_json_set_real(e, "epoch", (double)r->step / epoch);
    oddi_report_send(r->ctx, e);
}

odd_status oddi_snapshot_make(struct train_run *r)
{
    odd_status status = ODD_OK;
    struct oddi_str path;
    char *report = NULL;
    struct train_run copy = *r;
    oddi_str_init(&path, r->ctx);
    copy.snapshot = true;
    copy.left_out = json_copy(r->left_out); /* what it leaves out, the end leaves out again */
    copy.choice = json_copy(r->choice);
    if (!copy.left_out || !copy.choice)
        TRY(oddi_fail(r->ctx, ODD_ENOMEM, "out of memory: a snapshot"));
    TRY(snapshot_path(r, &path));
    copy.path = path.text;
    TRY(oddi_train_finish(&copy, &report));
    snapshot_report(r, path.text);
out:
    oddi_free(r->ctx, report);
    json_decref(copy.left_out);
    json_decref(copy.choice);
    oddi_str_release(&path);
    return status;
}
