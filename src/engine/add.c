/* SPDX-License-Identifier: Apache-2.0
 *
 * odd_add: more normal pictures for a model that is in use, without training it anew.
 *
 *   1. Pictures that the model has seen (by content) and those that cannot be read are left out.
 *   2. The others are scored by the model as it is. If it calls any of them anomalous, nothing is
 *      done unless `force` says so: an anomalous picture taken for normal would hide all like it.
 *   3. Of all pictures that were ever added, 80 % go to what the method has learnt and 20 % to the
 *      calibration, drawn by split-seed in whole groups.
 *   4. The method learns (method.h: extend); calibrate pictures are scored anew, the earlier ones
 * by the rows that the model keeps of them (kept.h). A calibration is appended; the spread of the
 *      tune part stays.
 *   5. The model that follows names its predecessor, is written beside its final name, checked and
 *      renamed.
 */
#include <string.h>

#include "base/file.h"
#include "data/gather.h"
#include "engine/add_int.h"
#include "engine/publish.h"

#define ADD_FILE_MAX ((size_t)1 << 40)

const struct oddi_param oddi_add_params[] = {
    P_BOOL("force", "false", NULL, "also pictures that the model calls anomalous"), P_END};

static odd_status add_options(struct add_run *r, const struct odd_options *options)
{
    const struct oddi_param *tables[] = {oddi_add_params, oddi_dataset_params, NULL};
    odd_status status = oddi_values_init(&r->values, r->ctx, tables);
    for (size_t i = 0; status == ODD_OK && options && i < options->count; i++)
        status = oddi_values_set(&r->values, options->item[i].name, options->item[i].value, "set");
    return status;
}

/* Nothing new: the model stays what it is, under another name too. */
static odd_status add_copy(struct add_run *r, const char *path)
{
    char *data = NULL;
    size_t size = 0;
    if (strcmp(path, r->out) == 0)
        return ODD_OK;
    odd_status status = oddi_file_read(r->ctx, path, ADD_FILE_MAX, &data, &size);
    if (status == ODD_OK)
        status = oddi_file_write(r->ctx, r->out, data, size);
    oddi_free(r->ctx, data);
    r->written = status == ODD_OK;
    return status;
}

static odd_status add_new(struct add_run *r)
{
    odd_status status = ODD_OK;
    TRY(oddi_add_split(r));
    TRY(oddi_add_model(r));
    TRY(oddi_add_json(r));
    TRY(oddi_model_publish(r->ctx, &r->made.file, r->out));
    r->written = true;
out:
    return status;
}

static odd_status add_refuse(const struct add_run *r)
{
    const json_t *first = json_array_get(r->anomalous, 0);
    return oddi_fail(
        r->ctx, ODD_EANOMALOUS,
        "%zu of %zu new pictures are anomalous to this model, the first is %s; look at "
        "them, and add with force if they are normal",
        json_array_size(r->anomalous), r->fresh.good,
        json_string_value(json_object_get(first, "path")));
}

static odd_status add_do(struct add_run *r, const char *path, const char *const *normals,
                         const struct odd_options *options)
{
    odd_status status = ODD_OK;
    size_t count = 0;
    while (normals[count])
        count++;
    TRY(add_options(r, options));
    TRY(odd_model_load(r->ctx, path, &r->old));
    if (!r->old->config.method->extend)
        return oddi_add_cannot(r->ctx, r->old, r->out);
    TRY(oddi_dataset_gather(r->ctx, normals, count, options, &r->ds));
    TRY(oddi_add_look(r));
    if (json_array_size(r->anomalous) > 0 && !oddi_values_bool(&r->values, "force"))
        return add_refuse(r);
    TRY(r->fresh.good > 0 ? add_new(r) : add_copy(r, path));
out:
    return status;
}

static void add_release(struct add_run *r)
{
    struct odd_context *ctx = r->ctx;
    oddi_model_close_fitted(&r->made);
    oddi_model_file_release(&r->made.file);
    oddi_kept_release(&r->kept);
    oddi_thumbs_release(&r->thumbs);
    oddi_held_release(&r->fresh);
    oddi_free(ctx, r->bank);
    oddi_free(ctx, r->calibrate);
    oddi_free(ctx, r->before);
    oddi_free(ctx, r->score);
    odd_dataset_free(r->ds);
    odd_model_free(r->old);
    oddi_values_release(&r->values);
    json_decref(r->seen);
    json_decref(r->left_out);
    json_decref(r->anomalous);
    json_decref(r->flips);
}

/* What was refused is reported too. */
static odd_status add_tell(struct add_run *r, odd_status status, char **report)
{
    char *text = NULL;
    if (!report || (status != ODD_OK && status != ODD_EANOMALOUS))
        return status;
    const odd_status reported = oddi_add_report(r, &text);
    if (text)
        *report = text;
    return reported == ODD_OK ? status : reported;
}

odd_status odd_add(struct odd_context *ctx, const char *model, const char *const *normals,
                   const struct odd_options *options, const char *out, char **report)
{
    if (!ctx || !model || !normals || !normals[0] || !out || !out[0])
        return oddi_fail(ctx, ODD_EINVAL,
                         "adding needs a context, a model, normal pictures and a path to write");
    struct add_run r = {.ctx = ctx, .out = out, .fresh = {.ctx = ctx}, .values = {.ctx = ctx}};
    r.seen = json_array();
    r.left_out = json_array();
    r.anomalous = json_array();
    r.flips = json_array();
    r.made.ctx = ctx;
    oddi_model_file_init(&r.made.file, ctx);
    odd_status status = r.seen && r.left_out && r.anomalous && r.flips ? ODD_OK : ODD_ENOMEM;
    if (status == ODD_OK)
        status = add_do(&r, model, normals, options);
    status = add_tell(&r, status, report);
    add_release(&r);
    return status;
}
