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
    P_TEXT("method", "daad", NULL, "how to detect; `oddity methods` lists them"),
    P_TEXT("preset", "", NULL, "named settings of the method; empty: its first preset"),
    P_INT("seed", "0", 0, 9007199254740992.0, NULL,
          "seed of initial weights, order and augmentation"),
    P_TEXT("size", "128", "ours", "network input in pixels: N for N x N, or WxH"),
    P_ENUM("fit", "stretch", "stretch|pad|crop", "ours",
           "how other aspects are brought to that size"),
    P_BOOL("gain-normalize", "false", "ours", "bring each picture's median grey to one half first"),
    P_ENUM("precision", "f32", "f32|bf16", "ours", "number format of convolutions in training"),
    P_TEXT("time-budget", "", NULL,
           "train for about this long (10m, 1h30m): becomes steps=N after 20 steps"),
    P_BOOL("resume", "false", NULL, "go on from the state saved beside the model"),
    P_TEXT("checkpoint", "5m", NULL,
           "save the state this often (does not change a bit); 0: only when stopped"),
    P_BOOL("check-numerics", "false", NULL, "stop at the first node whose values are not finite"),
    P_INT("cache-mib", "1024", 0, 1 << 20, NULL, "memory for prepared pictures in MiB"),
    P_END};

static odd_status config_start(struct oddi_config *c, struct odd_context *ctx, const char *name)
{
    c->method = oddi_method_find(name);
    if (!c->method)
        return oddi_fail(ctx, ODD_ECONFIG, "unknown method '%s'; `oddity methods` lists them",
                         name);
    const struct oddi_param *tables[] = {oddi_engine_params, oddi_recipe_params, c->method->params,
                                         c->method->wants_expert ? oddi_expert_params : NULL, NULL};
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

/* A list of parameters by name, so that the nearest known name can be suggested. */
static odd_status config_unused(struct oddi_config *c, const struct odd_options *o)
{
    for (size_t i = 0; i < o->count; i++) {
        bool known = o->item[i].used;
        for (const struct oddi_param *p = oddi_dataset_params; !known && p->type != ODDI_PARAM_END;
             p++)
            known = strcmp(p->name, o->item[i].name) == 0;
        if (!known)
            return oddi_values_set(&c->values, o->item[i].name, o->item[i].value, "set");
    }
    return ODD_OK;
}

odd_status oddi_config_init(struct oddi_config *c, struct odd_context *ctx,
                            const struct odd_options *options)
{
    odd_status status = ODD_OK;
    memset(c, 0, sizeof(*c));
    c->values.ctx = ctx;
    const char *method = options ? oddi_options_get(options, "method") : NULL;
    const char *preset = options ? oddi_options_get(options, "preset") : NULL;
    TRY(config_start(c, ctx, method ? method : oddi_engine_params[0].initial));
    TRY(config_preset(c, ctx, preset));
    if (options) {
        TRY(oddi_values_take(&c->values,
                             (struct odd_options *)options)); /* only marks them as used */
        TRY(config_unused(c, options));
    }
    TRY(oddi_values_set(&c->values, "preset", c->preset->name, "set"));
out:
    return status;
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
    static const char *const how[] = {"resume",    "checkpoint",     "time-budget",
                                      "cache-mib", "check-numerics", "expert"};
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
                         "size=%s: expected pixels from 8 to 8192, such as 128 or 192x128", text);
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
                                     .signed_range = true};
}
