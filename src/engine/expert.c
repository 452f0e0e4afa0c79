/* SPDX-License-Identifier: Apache-2.0
 *
 * Experts (expert.h), and odd_import, which makes their files.
 *
 * An expert's file is a safetensors file with exactly the tensors of its network, by the names of
 * the network's publisher, and in its metadata "network" and "format" (what it was made from). Any
 * other file of weights whose network is recognised serves as well.
 */
#include "engine/expert.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"

/* Shapes of more than four dimensions belong to no network here. */
static bool expert_shape(const struct oddi_weight *w, struct oddi_shape *shape)
{
    int64_t d[4] = {1, 1, 1, 1};
    for (int i = 0; i < w->rank && i < 4; i++)
        d[i] = w->dim[i];
    *shape = oddi_shape_make(w->rank, d[0], d[1], d[2], d[3]);
    return w->rank <= 4;
}

static odd_status expert_recognise(struct oddi_expert *e, const char *network)
{
    struct odd_context *ctx = e->weights.ctx;
    odd_status status = ODD_OK;
    size_t n = 0;
    struct oddi_net_tensor *list = oddi_alloc_array(ctx, e->weights.count + 1, sizeof(*list));
    if (!list)
        return ODD_ENOMEM;
    for (size_t i = 0; i < e->weights.count; i++) {
        list[n].name = e->weights.tensor[i].name;
        list[n].head = false;
        n += expert_shape(&e->weights.tensor[i], &list[n].shape);
    }
    TRY(oddi_net_recognise(ctx, list, n, network, &e->match));
    TRY(oddi_net_tensors(ctx, e->match.net, &e->tensor, &e->tensors));
    e->net = e->match.net;
out:
    oddi_free(ctx, list);
    return status;
}

const struct oddi_weight *oddi_expert_find(const struct oddi_expert *e, const char *name)
{
    char full[ODDI_NET_NAME];
    return oddi_net_file_name(e->match.prefix, name, full) ? oddi_weights_find(&e->weights, full)
                                                           : NULL;
}

static odd_status expert_hash(struct oddi_expert *e)
{
    struct odd_context *ctx = e->weights.ctx;
    struct oddi_hash128 hash;
    struct oddi_hasher *h = oddi_hasher_new(ctx);
    odd_status status = ODD_OK;
    if (!h)
        return ODD_ENOMEM;
    for (size_t i = 0; i < e->tensors && status == ODD_OK; i++) {
        const struct oddi_weight *w = oddi_expert_find(e, e->tensor[i].name);
        if (e->tensor[i].head)
            continue;
        if (w && w->not_finite == 0) {
            oddi_hasher_add(h, e->tensor[i].name, strlen(e->tensor[i].name) + 1);
            oddi_hasher_add(h, w->value, w->count * sizeof(float));
        } else if (w) {
            status = oddi_fail(ctx, ODD_ENUMERIC, "%s: %zu values of '%s' are not finite",
                               e->weights.what, w->not_finite, w->name);
        } else {
            status = oddi_fail(ctx, ODD_EFORMAT, "%s: no tensor '%s'", e->weights.what,
                               e->tensor[i].name);
        }
    }
    oddi_hasher_digest(h, &hash);
    oddi_hasher_free(ctx, h);
    oddi_hash_format(&hash, e->hash);
    return status;
}

odd_status oddi_expert_open(struct oddi_expert *e, struct odd_context *ctx, const char *path,
                            const char *network)
{
    memset(e, 0, sizeof(*e));
    odd_status status = ODD_OK;
    TRY(oddi_weights_read(ctx, path, &e->weights));
    TRY(oddi_expert_rename(&e->weights));
    TRY(expert_recognise(e, network));
    TRY(expert_hash(e));
out:
    return oddi_fail_about(ctx, status, path);
}

void oddi_expert_release(struct oddi_expert *e)
{
    if (e->weights.ctx)
        oddi_free(e->weights.ctx, e->tensor);
    oddi_weights_release(&e->weights);
    memset(e, 0, sizeof(*e));
}

/* An expert that nobody trained has no file but the one that may name its architecture. */
static odd_status expert_random(struct oddi_expert *e, struct oddi_values *v)
{
    const char *path = oddi_values_text(v, "expert");
    odd_status status = ODD_OK;
    if (path[0]) {
        TRY(oddi_expert_open(e, v->ctx, path, oddi_values_text(v, "network")));
        TRY(oddi_values_set(v, "network", e->net->name, "file"));
    } else if (!oddi_values_text(v, "network")[0]) {
        status = oddi_fail(v->ctx, ODD_ECONFIG,
                           "expert-weights=random: say which architecture with --set network=vgg16 "
                           "or with --expert");
    }
out:
    oddi_expert_release(e);
    return status;
}

odd_status oddi_expert_choose(struct oddi_expert *e, struct oddi_config *config)
{
    struct oddi_values *v = &config->values;
    const char *path = oddi_values_text(v, "expert");
    odd_status status = ODD_OK;
    if (oddi_values_has(v, "expert-weights") && oddi_values_is(v, "expert-weights", "random"))
        return expert_random(e, v);
    if (!path[0])
        return oddi_fail(v->ctx, ODD_ECONFIG,
                         "%s learns from an imported network: get the weights of one, type "
                         "`oddity import FILE`, then train with --expert NAME (vgg16, ...)",
                         config->method->name);
    TRY(oddi_expert_open(e, v->ctx, path, oddi_values_text(v, "network")));
    TRY(oddi_values_set(v, "network", e->net->name, "file"));
    TRY(oddi_values_set(v, "expert-hash", e->hash, "file"));
out:
    return status;
}

odd_status oddi_expert_fill(const struct oddi_expert *e, struct oddi_state *state)
{
    for (size_t i = 0; i < state->params; i++) {
        const struct oddi_state_param *p = &state->param[i];
        struct oddi_group *group = &state->group[p->group];
        if (strcmp(group->name, ODDI_EXPERT_GROUP) != 0)
            continue;
        const struct oddi_weight *w = oddi_expert_find(e, p->name + strlen(ODDI_EXPERT_GROUP) + 1);
        if (!w || w->count != (size_t)oddi_shape_count(&p->shape))
            return oddi_fail(state->ctx, ODD_EFORMAT, "%s: no proper tensor for '%s'",
                             e->weights.what, p->name);
        memcpy(oddi_state_weights(state, p), w->value, w->count * sizeof(float));
        group->version++;
    }
    return ODD_OK;
}

json_t *oddi_expert_json(const struct oddi_expert *e)
{
    json_t *o = json_object();
    oddi_json_set_text(o, "network", e->net->name);
    oddi_json_set_text(o, "weights_hash", e->hash);
    oddi_json_set_text(o, "licence", e->net->licence);
    oddi_json_set_text(o, "origin", e->net->origin);
    return o;
}
