/* SPDX-License-Identifier: Apache-2.0
 *
 * The training state beside the model: every group's weights, moments and averages, the control,
 * the step, and what it belongs to (configuration, pictures). A state of another training is
 * refused by what differs.
 */
#include <stdio.h>
#include <string.h>

#include "engine/report.h"
#include "engine/train_int.h"
#include "store/state.h"

#define CHECKPOINT_NAME 96

/* One hash over the contents of all training pictures, in order. */
static odd_status checkpoint_pictures(struct train_run *r, char text[ODDI_HASH_TEXT])
{
    struct oddi_hasher *h = oddi_hasher_new(r->ctx);
    struct oddi_hash128 hash;
    if (!h)
        return ODD_ENOMEM;
    for (size_t i = 0; i < oddi_loader_count(r->loader); i++)
        oddi_hasher_add(h, oddi_loader_hash(r->loader, i), sizeof(struct oddi_hash128));
    oddi_hasher_digest(h, &hash);
    oddi_hasher_free(r->ctx, h);
    oddi_hash_format(&hash, text);
    return ODD_OK;
}

/* Values that a training's bits depend on: all but how it is run. */
static odd_status checkpoint_config(struct train_run *r, json_t **config)
{
    odd_status status = oddi_config_json(r->config, config);
    if (status == ODD_OK && r->chosen[0]) { /* compared as it was asked for */
        char name[ODDI_SETTING_NAME];
        oddi_setting_split(r->chosen, name);
        oddi_json_set_text(*config, name, r->asked[0] ? r->asked : "auto");
    }
    return status;
}

static odd_status checkpoint_json(struct train_run *r, char **text)
{
    char pictures[ODDI_HASH_TEXT];
    const struct oddi_control *c = &r->trainer.control;
    json_t *config = NULL, *updates = json_array(), *all = json_object();
    odd_status status = ODD_OK;
    TRY(checkpoint_config(r, &config));
    TRY(checkpoint_pictures(r, pictures));
    oddi_json_set_int(all, "step", r->step);
    oddi_json_set_real(all, "seconds", r->seconds);
    oddi_json_set_real(all, "loss", r->loss);
    oddi_json_set_text(all, "method", r->config->method->name);
    oddi_json_set(all, "config", json_incref(config));
    oddi_json_set_text(all, "pictures", pictures);
    oddi_json_set_text(all, "chosen", r->chosen);
    oddi_json_set(all, "choice", json_incref(r->choice));
    oddi_json_set(all, "control_state", oddi_json_reals(c->state, ODDI_CONTROL_STATE));
    oddi_json_set(all, "rate_scale", oddi_json_reals(c->rate_scale, ODDI_PHASES_MAX));
    oddi_json_set(all, "inputs", oddi_json_reals(c->value, ODDI_CONTROL_INPUTS));
    for (int i = 0; i < r->trainer.state.groups; i++)
        json_array_append_new(updates, json_integer(r->trainer.state.group[i].updates));
    oddi_json_set(all, "updates", json_incref(updates));
    TRY(oddi_json_dump(r->ctx, all, 0, text));
out:
    json_decref(config);
    json_decref(updates);
    json_decref(all);
    return status;
}

struct checkpoint_part {
    const char *suffix;
    float *data;
};
/* The blocks of a group that are kept; returns their number. */
static int checkpoint_parts(const struct oddi_group *g, struct checkpoint_part part[4])
{
    if (strcmp(g->name, ODDI_EXPERT_GROUP) == 0)
        return 0; /* comes from its own file again, which must have the same hash */
    const struct checkpoint_part all[] = {
        {"weights", g->weights}, {"m", g->m}, {"v", g->v}, {"average", g->average}};
    int n = 0;
    for (size_t i = 0; i < ODDI_COUNT(all); i++)
        if (all[i].data)
            part[n++] = all[i];
    return n;
}

static void checkpoint_report(const struct train_run *r)
{
    json_t *e = oddi_report_event("saved");
    oddi_json_set_text(e, "path", r->state_path);
    oddi_json_set_int(e, "step", r->step);
    oddi_report_send(r->ctx, e);
}

odd_status oddi_train_save(struct train_run *r)
{
    odd_status status = ODD_OK;
    char *text = NULL;
    struct oddi_state_file f;
    oddi_state_file_init(&f, r->ctx);
    TRY(checkpoint_json(r, &text));
    TRY(oddi_state_file_set(&f, text));
    for (int i = 0; i < r->trainer.state.groups; i++) {
        const struct oddi_group *g = &r->trainer.state.group[i];
        const struct oddi_shape shape = oddi_shape_make(1, (int64_t)g->count, 1, 1, 1);
        struct checkpoint_part part[4];
        const int parts = checkpoint_parts(g, part);
        for (int k = 0; k < parts; k++) {
            char name[CHECKPOINT_NAME];
            snprintf(name, sizeof(name), "%s.%s", g->name, part[k].suffix);
            TRY(oddi_state_file_add(&f, name, ODDI_F32, &shape, part[k].data));
        }
    }
    TRY(oddi_state_file_save(&f, r->state_path));
    checkpoint_report(r);
out:
    oddi_state_file_release(&f);
    oddi_free(r->ctx, text);
    return status;
}

/* ---- reading ------------------------------------------------------------------------------- */

static odd_status checkpoint_numbers(struct train_run *r, const json_t *all, const char *key,
                                     double *values, int n)
{
    const json_t *list = json_object_get(all, key);
    if (!json_is_array(list) || json_array_size(list) != (size_t)n)
        return oddi_fail(r->ctx, ODD_EFORMAT, "%s: '%s' is not a list of %d numbers", r->state_path,
                         key, n);
    for (int i = 0; i < n; i++)
        values[i] = json_number_value(json_array_get(list, (size_t)i));
    return ODD_OK;
}

/* Names the first value that differs. */
static odd_status checkpoint_same(struct train_run *r, const json_t *all)
{
    json_t *config = NULL, *value;
    const char *key, *method = NULL, *pictures = NULL;
    char here[ODDI_HASH_TEXT];
    odd_status status = ODD_OK;
    const json_t *stored = json_object_get(all, "config");
    TRY(oddi_json_get_text(r->ctx, all, "method", r->state_path, &method));
    TRY(oddi_json_get_text(r->ctx, all, "pictures", r->state_path, &pictures));
    TRY(checkpoint_config(r, &config));
    TRY(checkpoint_pictures(r, here));
    json_object_foreach(config, key, value)
    {
        if (json_equal(value, json_object_get(stored, key)))
            continue;
        status = oddi_fail(r->ctx, ODD_ECONFIG,
                           "%s belongs to a training with another '%s'; without --resume "
                           "training begins anew",
                           r->state_path, key);
        goto out;
    }
    if (strcmp(method, r->config->method->name) != 0 || strcmp(pictures, here) != 0)
        status = oddi_fail(r->ctx, ODD_ECONFIG,
                           "%s belongs to a training on other pictures or with another "
                           "method; without --resume training begins anew",
                           r->state_path);
out:
    json_decref(config);
    return status;
}

static odd_status checkpoint_take(struct train_run *r, const json_t *all)
{
    odd_status status = ODD_OK;
    struct oddi_control *c = &r->trainer.control;
    double updates[ODDI_GROUPS_MAX] = {0};
    TRY(oddi_json_get_int(r->ctx, all, "step", r->state_path, &r->step));
    TRY(oddi_json_get_real(r->ctx, all, "seconds", r->state_path, &r->seconds));
    TRY(oddi_json_get_real(r->ctx, all, "loss", r->state_path, &r->loss));
    TRY(checkpoint_numbers(r, all, "control_state", c->state, ODDI_CONTROL_STATE));
    TRY(checkpoint_numbers(r, all, "rate_scale", c->rate_scale, ODDI_PHASES_MAX));
    TRY(checkpoint_numbers(r, all, "inputs", c->value, ODDI_CONTROL_INPUTS));
    TRY(checkpoint_numbers(r, all, "updates", updates, r->trainer.state.groups));
    for (int i = 0; i < r->trainer.state.groups; i++)
        r->trainer.state.group[i].updates = (int64_t)updates[i];
    if (r->step < 0 || r->step > r->trainer.recipe.steps)
        status = oddi_fail(r->ctx, ODD_EFORMAT, "%s: impossible step", r->state_path);
out:
    return status;
}

/* What was chosen automatically before the state was saved is chosen again, without trials. */
static odd_status checkpoint_choice(struct train_run *r, const json_t *all)
{
    const char *chosen = NULL;
    char name[ODDI_SETTING_NAME];
    odd_status status = oddi_json_get_text(r->ctx, all, "chosen", r->state_path, &chosen);
    if (status != ODD_OK || !chosen[0])
        return status;
    const char *value = oddi_setting_split(chosen, name);
    if (!strchr(chosen, '=') || strlen(chosen) >= sizeof(r->chosen) ||
        !oddi_values_has(&r->config->values, name))
        return oddi_fail(r->ctx, ODD_EFORMAT, "%s: the automatic choice is damaged", r->state_path);
    snprintf(r->asked, sizeof(r->asked), "%s", oddi_values_text(&r->config->values, name));
    snprintf(r->chosen, sizeof(r->chosen), "%s", chosen);
    json_decref(r->choice);
    r->choice = json_incref(json_object_get(all, "choice"));
    return oddi_values_set(&r->config->values, name, value, "auto");
}

/* A time budget was measured before the state was saved; its steps stay. */
static odd_status checkpoint_budget(struct train_run *r, const json_t *all)
{
    int64_t steps = 0;
    char text[32];
    if (!oddi_values_text(&r->config->values, "time-budget")[0])
        return ODD_OK;
    odd_status status =
        oddi_json_get_int(r->ctx, json_object_get(all, "config"), "steps", r->state_path, &steps);
    snprintf(text, sizeof(text), "%lld", (long long)steps);
    if (status == ODD_OK)
        status = oddi_values_set(&r->config->values, "steps", text, "set");
    return status;
}

odd_status oddi_train_restore(struct train_run *r)
{
    odd_status status = ODD_OK;
    json_t *all = NULL;
    struct oddi_state_file f;
    oddi_state_file_init(&f, r->ctx);
    TRY(oddi_state_file_load(&f, r->state_path));
    TRY(oddi_json_parse(r->ctx, f.json, strlen(f.json), r->state_path, &all));
    TRY(checkpoint_budget(r, all));
    TRY(checkpoint_same(r, all));
    TRY(checkpoint_choice(r, all));
    TRY(oddi_train_start(r));
    for (int i = 0; i < r->trainer.state.groups; i++) {
        struct oddi_group *g = &r->trainer.state.group[i];
        const struct oddi_shape shape = oddi_shape_make(1, (int64_t)g->count, 1, 1, 1);
        struct checkpoint_part part[4];
        const int parts = checkpoint_parts(g, part);
        for (int k = 0; k < parts; k++) {
            char name[CHECKPOINT_NAME];
            snprintf(name, sizeof(name), "%s.%s", g->name, part[k].suffix);
            TRY(oddi_state_file_get(&f, name, ODDI_F32, &shape, part[k].data));
        }
        g->version++;
    }
    TRY(checkpoint_take(r, all));
    r->resumed = true;
out:
    json_decref(all);
    oddi_state_file_release(&f);
    return status;
}
