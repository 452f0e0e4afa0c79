/* SPDX-License-Identifier: Apache-2.0
 *
 * Resolving a configuration (config.h).
 */
#include "engine/config.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "data/dataset.h"
#include "nn/optim.h"

const struct oddi_param oddi_engine_params[] = {
    P_TEXT("method", "auto", NULL,
           "how to detect; `oddity methods` lists them; auto: bank with an expert, else daad"),
    P_TEXT("preset", "", NULL, "named settings of the method; empty: its first preset"),
    P_INT("seed", "0", 0, 9007199254740992.0, NULL,
          "seed of initial weights, order and augmentation"),
    P_TEXT("size", "128", "ours",
           "network input in pixels: N for N x N, WxH, or native: the training pictures' median "
           "aspect at the preset's area (native:N: at that of N)"),
    P_ENUM("fit", "stretch", "stretch|pad|crop", "ours",
           "how other aspects are brought to that size"),
    P_TEXT("min-defect", "", "ours",
           "smallest defect that must show, 12px or 0.4mm: chooses the size or tiles"),
    P_FLOAT("px-per-mm", "0", 0, 1e6, NULL, "picture pixels per millimetre; 0: not known"),
    P_FLOAT("tile-scale", "0", 0, 4, "ours",
            "pictures are seen as tiles of `size`, at this many network pixels per picture pixel; "
            "0: whole"),
    P_FLOAT("tile-overlap", "0.25", 0, 0.5, "ours", "share of a side that tiles overlap"),
    P_BOOL("gain-normalize", "false", "ours", "bring each picture's median grey to one half first"),
    P_ENUM("precision", "f32", "f32|bf16", "ours", "number format of convolutions in training"),
    P_ENUM("kernels", "fast", "fast|exact", "ours",
           "convolutions in training and scoring: fast (Winograd where it pays) or exact (every "
           "product is computed)"),
    P_TEXT("time-budget", "", NULL,
           "train for about this long (10m, 1h30m): becomes steps=N after 20 steps"),
    P_BOOL("resume", "false", NULL, "go on from the state saved beside the model"),
    P_TEXT("checkpoint", "5m", NULL,
           "save the state this often (does not change a bit); 0: only when stopped"),
    P_BOOL("check-numerics", "false", NULL, "stop at the first node whose values are not finite"),
    P_INT("cache-mib", "1024", 0, 1 << 20, NULL, "memory for prepared pictures in MiB"),
    P_END};

void oddi_method_tables(const struct oddi_method *m,
                        const struct oddi_param *tables[ODDI_METHOD_TABLES])
{
    int n = 0;
    tables[n++] = m->params;
    if (!m->fit)
        tables[n++] = oddi_recipe_params;
    tables[n++] = oddi_engine_params;
    if (m->wants_expert)
        tables[n++] = oddi_expert_params;
    if (m->wants_expert && !m->fit)
        tables[n++] = oddi_expert_cache_params;
    tables[n] = NULL;
}

static odd_status config_start(struct oddi_config *c, struct odd_context *ctx, const char *name)
{
    c->method = oddi_method_find(name);
    if (!c->method)
        return oddi_fail(ctx, ODD_ECONFIG, "unknown method '%s'; `oddity methods` lists them",
                         name);
    const struct oddi_param *tables[ODDI_METHOD_TABLES];
    oddi_method_tables(c->method, tables);
    return oddi_values_init(&c->values, ctx, tables);
}

const char *oddi_setting_split(const char *setting, char name[ODDI_SETTING_NAME])
{
    const size_t length = strcspn(setting, "=");
    snprintf(name, ODDI_SETTING_NAME, "%.*s", (int)length, setting);
    return setting + length + (setting[length] == '=');
}

static odd_status config_preset(struct oddi_config *c, struct odd_context *ctx, const char *name)
{
    const struct oddi_preset *p = c->method->presets;
    while (name && name[0] && p->name && strcmp(p->name, name) != 0)
        p++;
    if (!p->name)
        return oddi_fail(ctx, ODD_ECONFIG,
                         "%s has no preset '%s'; `oddity methods --describe %s` lists them",
                         c->method->name, name, c->method->name);
    c->preset = p;
    for (int i = 0; p->settings[i]; i++) {
        char name_of[ODDI_SETTING_NAME];
        const char *value = oddi_setting_split(p->settings[i], name_of);
        odd_status status = oddi_values_set(&c->values, name_of, value, "preset");
        if (status != ODD_OK)
            return status;
    }
    return ODD_OK;
}

/* A list of parameters by name, so that the nearest known name can be suggested. An expert that was
 * offered to an automatic choice may stay unused. */
static odd_status config_unused(struct oddi_config *c, const struct odd_options *o, bool automatic)
{
    for (size_t i = 0; i < o->count; i++) {
        bool known = o->item[i].used || (automatic && strcmp(o->item[i].name, "expert") == 0);
        for (const struct oddi_param *p = oddi_dataset_params; !known && p->type != ODDI_PARAM_END;
             p++)
            known = strcmp(p->name, o->item[i].name) == 0;
        if (!known)
            return oddi_values_set(&c->values, o->item[i].name, o->item[i].value, "set");
    }
    return ODD_OK;
}

static odd_status config_of(struct oddi_config *c, struct odd_context *ctx,
                            const struct odd_options *options, const char *method, bool automatic)
{
    odd_status status = ODD_OK;
    memset(c, 0, sizeof(*c));
    c->values.ctx = ctx;
    const char *preset = NULL, *name = oddi_method_alias(method, &preset);
    if (options && oddi_options_get(options, "preset"))
        preset = oddi_options_get(options, "preset");
    TRY(config_start(c, ctx, name));
    TRY(config_preset(c, ctx, preset));
    if (options) {
        TRY(oddi_values_take(&c->values,
                             (struct odd_options *)options)); /* only marks them as used */
        TRY(config_unused(c, options, automatic));
    }
    TRY(oddi_values_set(&c->values, "method", name, "set"));
    TRY(oddi_values_set(&c->values, "preset", c->preset->name, "set"));
out:
    return status;
}

odd_status oddi_config_init(struct oddi_config *c, struct odd_context *ctx,
                            const struct odd_options *options, int64_t bands)
{
    const char *method = options ? oddi_options_get(options, "method") : NULL;
    const char *expert = options ? oddi_options_get(options, "expert") : NULL;
    if (method && strcmp(method, "auto") != 0)
        return config_of(c, ctx, options, method, false);
    if (expert && expert[0] && (bands == 1 || bands == 3)) {
        const odd_status status = config_of(c, ctx, options, "bank", true);
        if (status != ODD_ECONFIG)
            return status;
        oddi_config_release(c);
    }
    return config_of(c, ctx, options, "daad", true);
}

odd_status oddi_config_restore(struct oddi_config *c, struct odd_context *ctx, const char *method,
                               const char *preset, const json_t *values)
{
    odd_status status = ODD_OK;
    memset(c, 0, sizeof(*c));
    c->values.ctx = ctx;
    TRY(config_start(c, ctx, method));
    TRY(config_preset(c, ctx, preset));
    TRY(oddi_values_from_json(&c->values, values, "model"));
out:
    return status;
}

void oddi_config_release(struct oddi_config *c)
{
    oddi_values_release(&c->values);
}

odd_status oddi_config_json(const struct oddi_config *c, json_t **json)
{
    static const char *const how[] = {
        "resume", "checkpoint",       "time-budget",      "cache-mib",            "check-numerics",
        "expert", "expert-cache-mib", "expert-cache-dir", "expert-cache-disk-mib", "snapshot-every"};
    odd_status status = oddi_values_to_json(&c->values, json);
    for (size_t i = 0; status == ODD_OK && i < ODDI_COUNT(how); i++)
        json_object_del(*json, how[i]);
    return status;
}

odd_status oddi_config_size(struct odd_context *ctx, const struct oddi_config *c, int64_t *width,
                            int64_t *height)
{
    const char *text = oddi_values_text(&c->values, "size"), *x = strchr(text, 'x');
    char first[32];
    int64_t w = 0, h = 0;
    const size_t length = x ? (size_t)(x - text) : strlen(text);
    snprintf(first, sizeof(first), "%.*s", (int)(length < 31 ? length : 31), text);
    const bool good = oddi_parse_int(first, &w) && oddi_parse_int(x ? x + 1 : first, &h);
    if (!good || w < 8 || h < 8 || w > 8192 || h > 8192)
        return oddi_fail(ctx, ODD_ECONFIG,
                         "size=%s: expected pixels from 8 to 8192, such as 128 or 192x128, or native "
                         "for a training",
                         text);
    *width = w;
    *height = h;
    return ODD_OK;
}

void oddi_config_prepare(const struct oddi_config *c, const struct oddi_geometry *in,
                         struct oddi_prepare *prepare)
{
    const struct oddi_values *v = &c->values;
    *prepare = (struct oddi_prepare){.width = in->width,
                                     .height = in->height,
                                     .channels = (int)in->channels,
                                     .fit = oddi_values_is(v, "fit", "stretch") ? ODDI_FIT_STRETCH
                                            : oddi_values_is(v, "fit", "pad")   ? ODDI_FIT_PAD
                                                                                : ODDI_FIT_CROP,
                                     .gain_normalize = oddi_values_bool(v, "gain-normalize"),
                                     .signed_range = true,
                                     .tiling = {oddi_values_float(v, "tile-scale"),
                                                oddi_values_float(v, "tile-overlap"), in->width,
                                                in->height}};
}

const char *oddi_config_mode(const struct oddi_config *c, bool training)
{
    if (training && oddi_values_is(&c->values, "precision", "bf16"))
        return "bf16";
    return oddi_values_is(&c->values, "kernels", "exact") ? "exact" : "best";
}

odd_status oddi_config_check_mode(struct odd_context *ctx, const struct oddi_config *c)
{
    if (strcmp(oddi_config_mode(c, true), "bf16") != 0)
        return ODD_OK;
    if (oddi_values_is(&c->values, "kernels", "exact"))
        return oddi_fail(ctx, ODD_ECONFIG, "precision=bf16 and kernels=exact exclude each other");
    if (!oddi_host_has_bf16())
        return oddi_fail(ctx, ODD_ENOTSUP,
                         "precision=bf16: this processor or this build has no bf16 convolutions");
    return ODD_OK;
}
