/* SPDX-License-Identifier: Apache-2.0
 *
 * Loading a model: the file is checked by the store (structure, digest), the configuration is
 * restored, the scoring graph rebuilt, and its parameters must be exactly the file's tensors.
 */
#include "engine/model.h"

#include <string.h>

#include "base/str.h"

odd_status oddi_model_graph(struct odd_context *ctx, const struct odd_model *m,
                            struct oddi_build *b)
{
    oddi_build_init(b, ctx, &m->config.values, &m->in, 1);
    b->stage = ODDI_STAGE_SCORE;
    m->config.method->build(b);
    return oddi_graph_status(&b->graph);
}

odd_status oddi_model_bind(struct odd_context *ctx, const struct odd_model *m,
                           const struct oddi_graph *g, struct oddi_binding **binding, int *count)
{
    struct oddi_binding *made = oddi_alloc_array(ctx, (size_t)g->count + 1, sizeof(*made));
    int n = 0;
    if (!made)
        return ODD_ENOMEM;
    for (int i = 0; i < g->count; i++) {
        const struct oddi_node *node = g->node[i];
        if (!oddi_build_holds(node))
            continue;
        const struct oddi_stored *t = oddi_model_file_find(&m->file, node->name);
        if (!t || t->type != ODDI_F32 || !oddi_shape_equal(&t->shape, &node->shape)) {
            oddi_free(ctx, made);
            return oddi_fail(ctx, ODD_EFORMAT, "the model has no proper tensor '%s'", node->name);
        }
        made[n++] = (struct oddi_binding){g->node[i], (void *)t->data, &m->version};
    }
    *binding = made;
    *count = n;
    return ODD_OK;
}

/* Adds what is wrong with parameter `n` of the graph, if anything. */
static void model_difference(const struct odd_model *m, const struct oddi_node *n,
                             struct oddi_str *list)
{
    char want[ODDI_SHAPE_TEXT], have[ODDI_SHAPE_TEXT];
    const struct oddi_stored *t = oddi_model_file_find(&m->file, n->name);
    if (!t)
        oddi_str_addf(list, "\n  missing: %s %s", n->name, oddi_shape_text(&n->shape, want));
    else if (t->type != ODDI_F32 || !oddi_shape_equal(&t->shape, &n->shape))
        oddi_str_addf(list, "\n  %s is %s %s, expected f32 %s", n->name, oddi_type_name(t->type),
                      oddi_shape_text(&t->shape, have), oddi_shape_text(&n->shape, want));
}

odd_status oddi_model_check(struct odd_context *ctx, const struct odd_model *m)
{
    struct oddi_build b;
    struct oddi_str list;
    oddi_str_init(&list, ctx);
    odd_status status = oddi_model_graph(ctx, m, &b);
    for (int i = 0; status == ODD_OK && i < b.graph.count; i++)
        if (oddi_build_holds(b.graph.node[i]))
            model_difference(m, b.graph.node[i], &list);
    for (size_t i = 0; status == ODD_OK && i < oddi_model_file_count(&m->file); i++) {
        const char *name = oddi_model_file_at(&m->file, i)->name;
        if (m->config.method->open && oddi_starts_with(name, ODDI_FITTED))
            continue; /* the method looks at them itself */
        if (oddi_model_file_is_weight(name) && !oddi_find_node(&b.graph, name))
            oddi_str_addf(&list, "\n  not expected: %s", name);
    }
    if (status == ODD_OK)
        status = oddi_str_status(&list);
    if (status == ODD_OK && list.length > 0)
        status = oddi_fail(ctx, ODD_EFORMAT, "the tensors are not those of this configuration:%s",
                           list.text);
    oddi_str_release(&list);
    oddi_build_release(&b);
    return status;
}

odd_status oddi_model_open_fitted(struct odd_context *ctx, struct odd_model *m)
{
    struct oddi_build b;
    if (!m->config.method->open)
        return ODD_OK;
    odd_status status = oddi_model_graph(ctx, m, &b);
    if (status == ODD_OK)
        status = m->config.method->open(ctx, &b, &m->file, &m->fitted);
    oddi_build_release(&b);
    return status;
}

void oddi_model_close_fitted(struct odd_model *m)
{
    if (m->fitted)
        m->config.method->close(m->ctx, m->fitted);
    m->fitted = NULL;
}

int64_t oddi_model_parameters(const struct odd_model *m)
{
    int64_t n = 0;
    for (size_t i = 0; i < oddi_model_file_count(&m->file); i++) {
        const struct oddi_stored *t = oddi_model_file_at(&m->file, i);
        n += oddi_model_file_is_weight(t->name) ? oddi_shape_count(&t->shape) : 0;
    }
    return n;
}

static odd_status model_spread(struct odd_context *ctx, struct odd_model *m)
{
    const json_t *spread = json_object_get(m->json, "spread");
    const json_t *location = json_object_get(spread, "location"),
                 *scale = json_object_get(spread, "scale");
    for (int i = 0; m->config.method->components[i]; i++) {
        const json_t *l = json_array_get(location, (size_t)i),
                     *s = json_array_get(scale, (size_t)i);
        if (!json_is_number(l) || !json_is_number(s) || !(json_number_value(s) > 0))
            return oddi_fail(ctx, ODD_EFORMAT,
                             "the model's normalisation of '%s' is missing or damaged",
                             m->config.method->components[i]);
        m->spread.location[i] = json_number_value(l);
        m->spread.scale[i] = json_number_value(s);
    }
    return ODD_OK;
}

static odd_status model_calibration(struct odd_context *ctx, struct odd_model *m)
{
    struct oddi_stored_calibration stored;
    if (m->file.calibrations < 1)
        return oddi_fail(ctx, ODD_EFORMAT, "the model has no calibration");
    odd_status status = oddi_model_file_calibration(&m->file, m->file.calibrations - 1, &stored);
    if (status == ODD_OK)
        status = oddi_json_get_real(ctx, m->json, "map_typical", "the model", &m->typical);
    if (status == ODD_OK)
        status = oddi_calibrate(ctx, &stored, m->typical, &m->calibration);
    return status;
}

static odd_status model_geometry(struct odd_context *ctx, struct odd_model *m)
{
    const json_t *input = json_object_get(m->json, "input");
    odd_status status = ODD_OK;
    TRY(oddi_json_get_int(ctx, input, "channels", "input", &m->in.channels));
    TRY(oddi_json_get_int(ctx, input, "height", "input", &m->in.height));
    TRY(oddi_json_get_int(ctx, input, "width", "input", &m->in.width));
    if (m->in.channels < 1 || m->in.channels > ODDI_PICTURE_MAX_BANDS || m->in.width < 8 ||
        m->in.width > 8192 || m->in.height < 8 || m->in.height > 8192)
        return oddi_fail(ctx, ODD_EFORMAT, "impossible input geometry");
    TRY(m->config.method->check(ctx, &m->config.values, &m->in));
    oddi_config_prepare(&m->config, &m->in, &m->prepare);
out:
    return status;
}

static odd_status model_open(struct odd_context *ctx, struct odd_model *m, const char *path)
{
    odd_status status = ODD_OK;
    const char *preset = NULL;
    TRY(oddi_model_file_load(&m->file, path));
    TRY(oddi_json_parse(ctx, m->file.json, strlen(m->file.json), path, &m->json));
    TRY(oddi_json_get_text(ctx, m->json, "preset", path, &preset));
    TRY(oddi_config_restore(&m->config, ctx, m->file.method, preset,
                            json_object_get(m->json, "config")));
    TRY(model_geometry(ctx, m));
    TRY(oddi_model_check(ctx, m));
    TRY(oddi_model_open_fitted(ctx, m));
    TRY(model_spread(ctx, m));
    TRY(model_calibration(ctx, m));
out:
    return status;
}

odd_status odd_model_load(struct odd_context *ctx, const char *path, struct odd_model **model)
{
    if (!ctx || !path || !model)
        return oddi_fail(ctx, ODD_EINVAL,
                         "loading a model needs a context, a path and a place for it");
    struct odd_model *m = oddi_calloc(ctx, 1, sizeof(*m));
    if (!m)
        return ODD_ENOMEM;
    m->ctx = ctx;
    m->version = 1;
    m->config.values.ctx = ctx;
    oddi_model_file_init(&m->file, ctx);
    odd_status status = model_open(ctx, m, path);
    if (status == ODD_OK) {
        *model = m;
        return ODD_OK;
    }
    oddi_fail_about(ctx, status, path);
    odd_model_free(m);
    return status;
}

void odd_model_free(struct odd_model *m)
{
    if (!m)
        return;
    oddi_model_close_fitted(m);
    json_decref(m->json);
    oddi_config_release(&m->config);
    oddi_model_file_release(&m->file);
    oddi_free(m->ctx, m);
}

/* ---- information --------------------------------------------------------------------------- */

static void model_info_calibration(const struct odd_model *m, json_t *all)
{
    const struct oddi_calibration *c = &m->calibration;
    json_t *list = json_array(), *one = json_object(), *scale = json_object();
    oddi_json_set_real(one, "threshold", c->threshold);
    oddi_json_set_int(one, "n", (int64_t)c->n);
    struct oddi_stored_calibration stored;
    if (oddi_model_file_calibration(&m->file, m->file.calibrations - 1, &stored) == ODD_OK) {
        oddi_json_set_real(one, "score_min", stored.scores[0]);
        oddi_json_set_real(one, "score_max", stored.scores[stored.score_count - 1]);
    }
    json_array_append_new(list, one);
    oddi_json_set(all, "calibrations", list);
    oddi_json_set_real(scale, "lo", c->heat_lo);
    oddi_json_set_real(scale, "hi", c->heat_hi);
    oddi_json_set(all, "scale", scale);
}

odd_status odd_model_info(const struct odd_model *m, char **json)
{
    if (!m || !json)
        return ODD_EINVAL;
    odd_status status = ODD_OK;
    struct oddi_hash128 hash;
    char text[ODDI_HASH_TEXT];
    const char *key;
    json_t *value, *all = json_object();
    TRY(oddi_model_file_weights_hash(&m->file, &hash));
    oddi_hash_format(&hash, text);
    oddi_json_set_text(all, "method", m->config.method->name);
    oddi_json_set_text(all, "weights_hash", text);
    oddi_hash_format(&m->file.tensors.digest, text);
    oddi_json_set_text(all, "file_digest", text);
    oddi_json_set_int(all, "parameters", oddi_model_parameters(m));
    oddi_json_set_text(all, "format_version", ODDI_STORE_VERSION);
    json_object_foreach(m->json, key, value)
    {
        if (!json_object_get(all, key)) /* the file's word never stands for what is computed here */
            oddi_json_set(all, key, json_incref(value));
    }
    model_info_calibration(m, all);
    TRY(oddi_json_dump(m->ctx, all, 0, json));
out:
    json_decref(all);
    return status;
}
