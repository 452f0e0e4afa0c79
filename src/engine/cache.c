/* SPDX-License-Identifier: Apache-2.0
 *
 * The expert cache in a training (cache.h): what a step asks for. Filling is in cache_fill.c.
 *
 * A record is a picture's values of all frozen nodes, one after another, as f32 or f16. Its key in
 * a file is the hash of the prepared picture, so decoding and preparing are part of it; what else
 * it depends on is the kind: the graph, its constants and weights, kernels and build.
 */
#include <string.h>

#include "base/parallel.h"
#include "engine/cache_half.h"
#include "engine/cache_int.h"

void oddi_cache_pack(const struct oddi_cache *c, int row, void *record)
{
    unsigned char *at = record;
    for (int i = 0; i < c->nodes; i++) {
        const size_t n = c->length[i];
        const float *value = oddi_frozen_value(&c->frozen, i) + (size_t)row * n;
        if (c->half)
            oddi_half_pack(value, n, (uint16_t *)(void *)at);
        else
            memcpy(at, value, n * sizeof(float));
        at += n * (c->half ? sizeof(uint16_t) : sizeof(float));
    }
}

/* A step's rows, where their values go. */
struct cache_step {
    const struct oddi_cache *c;
    float *const *value;
};

static void cache_unpack(const struct cache_step *s, int64_t row, const void *record)
{
    const struct oddi_cache *c = s->c;
    const unsigned char *at = record;
    for (int i = 0; i < c->nodes; i++) {
        const size_t n = c->length[i];
        float *value = s->value[i] + (size_t)row * n;
        if (c->half)
            oddi_half_unpack((const uint16_t *)(const void *)at, n, value);
        else
            memcpy(value, at, n * sizeof(float));
        at += n * (c->half ? sizeof(uint16_t) : sizeof(float));
    }
}

static const void *cache_slot(const struct oddi_cache *c, int64_t row)
{
    return c->filled ? c->slot[c->position[row]] : NULL;
}

static void cache_row(void *arg, int64_t row)
{
    const struct cache_step *s = arg;
    const void *record = cache_slot(s->c, row);
    if (record)
        cache_unpack(s, row, record);
}

static odd_status cache_run(struct oddi_cache *c, const struct cache_step *s, const int64_t *row,
                            int rows)
{
    const odd_status status = oddi_frozen_run(&c->frozen);
    for (int k = 0; status == ODD_OK && k < rows; k++) {
        oddi_cache_pack(c, k, c->record);
        cache_unpack(s, row[k], c->record);
    }
    return status;
}

static odd_status cache_get(void *user, const float *pictures, int64_t count, float *const *value)
{
    struct oddi_cache *c = user;
    const struct cache_step step = {c, value};
    odd_status status = ODD_OK;
    int64_t row[ODDI_FROZEN_MOST];
    int rows = 0;
    if (c->filled)
        oddi_parallel(c->ctx->threads, count, cache_row, (void *)&step);
    for (int64_t i = 0; i < count && status == ODD_OK; i++) {
        if (cache_slot(c, i))
            continue;
        oddi_frozen_set(&c->frozen, rows, pictures + (size_t)i * c->picture);
        row[rows++] = i;
        if (rows < c->frozen.batch)
            continue;
        status = cache_run(c, &step, row, rows);
        rows = 0;
    }
    return status == ODD_OK && rows > 0 ? cache_run(c, &step, row, rows) : status;
}

/* ---- life ---------------------------------------------------------------------------------- */

static void cache_forget(struct oddi_cache *c)
{
    for (int i = 0; i < c->files; i++)
        oddi_cache_file_close(&c->file[i]);
    oddi_free_aligned(c->ctx, c->memory);
    oddi_free(c->ctx, (void *)c->slot);
    c->memory = NULL;
    c->slot = NULL;
    c->filled = false;
    c->files = 0;
    c->count = c->kept = c->reused = c->room = c->used = c->peak = 0;
}

void oddi_cache_release(struct oddi_cache *c)
{
    if (!c->ctx)
        return;
    cache_forget(c);
    oddi_frozen_close(&c->frozen);
    oddi_free_aligned(c->ctx, c->record);
    memset(c, 0, sizeof(*c));
}

static odd_status cache_kind(const struct oddi_cache *c, const struct oddi_state *state,
                             struct oddi_cache_kind *kind)
{
    char vendor[ODDI_VENDOR_TEXT];
    struct oddi_hash128 frozen;
    odd_status status = oddi_frozen_hash(&c->frozen, state, &frozen);
    struct oddi_hasher *h = status == ODD_OK ? oddi_hasher_new(c->ctx) : NULL;
    if (!h)
        return status == ODD_OK ? ODD_ENOMEM : status;
    const char *const text[] = {ODDITY_VERSION, __VERSION__, oddi_host_isa(), vendor,
                                c->half ? "f16" : "f32"};
    oddi_host_vendor(vendor);
    for (size_t i = 0; i < ODDI_COUNT(text); i++)
        oddi_hasher_add(h, text[i], strlen(text[i]) + 1);
    oddi_hasher_add(h, &frozen, sizeof(frozen));
    oddi_hasher_digest(h, &kind->hash);
    oddi_hasher_free(c->ctx, h);
    const size_t bytes = c->floats * (c->half ? sizeof(uint16_t) : sizeof(float));
    kind->record = (bytes + 63) / 64 * 64;
    return ODD_OK;
}

/* The frozen part of the trainer's network, and what a record of it is like. */
static odd_status cache_open(struct oddi_cache *c, struct train_run *r)
{
    odd_status status = ODD_OK;
    struct oddi_cache_kind kind;
    oddi_frozen_close(&c->frozen);
    TRY(oddi_frozen_open(&c->frozen, &r->trainer));
    c->nodes = c->frozen.build.frozens;
    if (c->nodes == 0)
        return ODD_OK;
    c->floats = 0;
    for (int i = 0; i < c->nodes; i++) {
        c->length[i] = oddi_frozen_floats(&c->frozen, i);
        c->floats += c->length[i];
    }
    c->picture = (size_t)(r->in.channels * r->in.height * r->in.width);
    c->half = oddi_values_is(&r->config->values, "expert-cache-type", "f16");
    TRY(cache_kind(c, &r->trainer.state, &kind));
    if (!oddi_hash_equal(&kind.hash, &c->kind.hash))
        cache_forget(c);
    c->kind = kind;
    oddi_free_aligned(c->ctx, c->record);
    c->record = oddi_alloc_aligned(c->ctx, kind.record);
    if (!c->record)
        TRY(ODD_ENOMEM);
out:
    return status;
}

odd_status oddi_cache_start(struct oddi_cache *c, struct train_run *r)
{
    odd_status status = ODD_OK;
    if (!oddi_values_has(&r->config->values, "expert-cache-type"))
        return ODD_OK;
    c->ctx = r->ctx;
    TRY(cache_open(c, r));
    if (c->nodes == 0)
        oddi_cache_release(c);
    else
        r->trainer.frozen = (struct oddi_frozen_source){cache_get, c};
out:
    if (status != ODD_OK)
        oddi_cache_release(c);
    return status;
}

/* Whether pictures come again as they were, and something may be kept of them. */
static bool cache_wanted(const struct train_run *r)
{
    const struct oddi_recipe *recipe = &r->trainer.recipe;
    const struct oddi_values *v = &r->config->values;
    const bool may = oddi_values_int(v, "expert-cache-mib") > 0 ||
                     oddi_values_text(v, "expert-cache-dir")[0] != '\0';
    return may && !oddi_loader_augments(r->loader) &&
           recipe->steps - r->step > oddi_loader_steps_per_epoch(r->loader, recipe->batch);
}

odd_status oddi_cache_ready(struct oddi_cache *c, struct train_run *r)
{
    odd_status status = ODD_OK;
    if (!c->ctx)
        return ODD_OK;
    if (!c->filled && cache_wanted(r))
        status = oddi_cache_fill(c, r);
    if (c->filled && c->kept == c->count)
        oddi_frozen_close(&c->frozen);
    return status;
}

/* ---- what is said -------------------------------------------------------------------------- */

size_t oddi_cache_memory(const struct oddi_cache *c)
{
    return c->room * c->kind.record + c->count * sizeof(void *) +
           (c->frozen.plan ? oddi_plan_memory(c->frozen.plan) : 0);
}

json_t *oddi_cache_json(const struct oddi_cache *c)
{
    uint64_t bytes = 0;
    if (!c->ctx)
        return NULL;
    json_t *o = json_object();
    for (int i = 0; i < c->files; i++)
        bytes += c->file[i].map.size;
    oddi_json_set_text(o, "type", c->half ? "f16" : "f32");
    oddi_json_set_int(o, "pictures", (int64_t)c->kept);
    oddi_json_set_int(o, "reused", (int64_t)c->reused);
    oddi_json_set_int(o, "memory_bytes", (int64_t)(c->room * c->kind.record));
    oddi_json_set_int(o, "file_bytes", (int64_t)bytes);
    return o;
}
