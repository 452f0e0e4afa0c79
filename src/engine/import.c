/* SPDX-License-Identifier: Apache-2.0
 *
 * odd_import: published weights become an expert's file, which has exactly the network's tensors
 * under their publisher's names.
 */
#include <string.h>

#include "base/str.h"
#include "engine/expert.h"

struct import_work {
    struct odd_context *ctx;
    struct oddi_expert expert;
    struct oddi_st_writer writer;
    json_t *report;
    int64_t parameters;
    size_t tensors;
};

static bool import_wanted(const struct oddi_expert *e, const struct oddi_net_tensor *t)
{
    return !t->head || e->match.classifier;
}

/* Adds every tensor of the network to the file. */
static odd_status import_tensors(struct import_work *w)
{
    const struct oddi_expert *e = &w->expert;
    odd_status status = ODD_OK;
    for (size_t i = 0; i < e->tensors; i++) {
        const struct oddi_weight *from = oddi_expert_find(e, e->tensor[i].name);
        if (!import_wanted(e, &e->tensor[i]))
            continue;
        if (!from)
            return oddi_fail(w->ctx, ODD_EFORMAT, "no tensor '%s'", e->tensor[i].name);
        struct oddi_st_tensor to = {.name = e->tensor[i].name,
                                    .dtype = ODDI_ST_F32,
                                    .rank = from->rank,
                                    .data = (const unsigned char *)from->value,
                                    .size = from->count * sizeof(float)};
        memcpy(to.dim, from->dim, sizeof(to.dim));
        TRY(oddi_st_writer_add(&w->writer, &to));
        w->parameters += (int64_t)from->count;
        w->tensors++;
    }
out:
    return status;
}

/* Tensors of the file that the expert does not keep, and what was no tensor of numbers. */
static void import_unused(const struct import_work *w, json_t *list)
{
    const struct oddi_expert *e = &w->expert;
    for (size_t i = 0; i < e->weights.count; i++) {
        bool used = false;
        for (size_t k = 0; k < e->tensors && !used; k++)
            used = import_wanted(e, &e->tensor[k]) &&
                   oddi_expert_find(e, e->tensor[k].name) == &e->weights.tensor[i];
        if (!used)
            json_array_append_new(list, json_string(e->weights.tensor[i].name));
    }
    for (size_t i = 0; i < e->weights.skip_count; i++)
        json_array_append_new(list, json_string(e->weights.skip[i].name));
}

static void import_report(struct import_work *w, const char *out)
{
    json_t *list = json_array(), *all = oddi_expert_json(&w->expert);
    import_unused(w, list);
    oddi_json_set_text(all, "expert", out);
    oddi_json_set_text(all, "format", w->expert.weights.format);
    oddi_json_set_int(all, "tensors", (int64_t)w->tensors);
    oddi_json_set_int(all, "parameters", w->parameters);
    oddi_json_set_bool(all, "classifier", w->expert.match.classifier);
    oddi_json_set(all, "unused", list);
    w->report = all;
}

static odd_status import_run(struct import_work *w, const char *path, const char *network,
                             const char *out)
{
    odd_status status = ODD_OK;
    struct oddi_str to;
    oddi_str_init(&to, w->ctx);
    TRY(oddi_expert_open(&w->expert, w->ctx, path, network));
    oddi_str_add(&to, out);
    if (oddi_ends_with(out, "/"))
        oddi_str_addf(&to, "%s.safetensors", w->expert.net->name);
    TRY(oddi_str_status(&to));
    TRY(oddi_st_writer_meta(&w->writer, "network", w->expert.net->name));
    TRY(oddi_st_writer_meta(&w->writer, "format", w->expert.weights.format));
    TRY(oddi_st_writer_meta(&w->writer, "licence", w->expert.net->licence));
    TRY(oddi_st_writer_meta(&w->writer, "origin", w->expert.net->origin));
    TRY(import_tensors(w));
    import_report(w, to.text);
    TRY(oddi_st_writer_save(&w->writer, to.text, NULL));
out:
    oddi_str_release(&to);
    return status;
}

odd_status odd_import(struct odd_context *ctx, const char *path, const char *network,
                      const char *out, char **json)
{
    if (!ctx || !path || !out || !out[0])
        return oddi_fail(ctx, ODD_EINVAL,
                         "an import needs a context, a file and a place for the expert");
    struct import_work w = {.ctx = ctx};
    oddi_st_writer_init(&w.writer, ctx);
    odd_status status = import_run(&w, path, network, out);
    if (status == ODD_OK && json)
        status = oddi_json_dump(ctx, w.report, 0, json);
    json_decref(w.report);
    oddi_st_writer_release(&w.writer);
    oddi_expert_release(&w.expert);
    return status;
}
