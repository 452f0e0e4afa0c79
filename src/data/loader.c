/* SPDX-License-Identifier: Apache-2.0
 *
 * The loader's pictures: the first look at all of them, the cache, access by position; see
 * loader.h. The stream of batches is in stream.c.
 *
 * The cache holds the pictures of the first positions, as many as the budget allows; it is
 * filled during the first look and read-only afterwards, so reading it takes no lock.
 */
#include "data/loader.h"

#include <errno.h>
#include <string.h>

#include "data/loader_int.h"

void oddi_loader_options_init(struct oddi_loader_options *options)
{
    *options = (struct oddi_loader_options){.cache_bytes = (size_t)1 << 30, .shuffle = true};
}

/* Decodes and prepares sample number `sample`. */
/* The picture prepared; `hash`, of what it was read from, may be NULL. */
static odd_status loader_make(struct oddi_loader_worker *w, uint32_t sample, float *dst,
                              struct oddi_hash128 *hash)
{
    struct oddi_loader *l = w->loader;
    struct oddi_picture *picture = NULL;
    odd_status status = hash ? oddi_dataset_load_hashed(&w->ctx, l->ds, sample, &picture, hash)
                             : oddi_dataset_load_picture(&w->ctx, l->ds, sample, &picture);
    if (status != ODD_OK)
        return status;
    status = oddi_prepare_run(&w->ctx, &l->prepare, picture, dst, NULL);
    oddi_picture_free(&w->ctx, picture);
    return status;
}

odd_status oddi_loader_fetch(struct oddi_loader_worker *w, size_t position, float *dst)
{
    struct oddi_loader *l = w->loader;
    size_t asked = l->good[position];
    if (asked < l->cached) {
        memcpy(dst, l->cache + asked * l->item, l->item * sizeof(float));
        return ODD_OK;
    }
    return loader_make(w, l->index[asked], dst, NULL);
}

/* --- threads --- */

odd_status oddi_loader_threads_start(struct oddi_loader *l, void (*fn)(void *worker))
{
    l->stopping = false;
    for (int i = 1; i <= l->options.threads; i++) {
        int error = oddi_thread_start(l->ctx, fn, &l->worker[i], &l->worker[i].thread);
        if (error) { /* those already running are told to end */
            oddi_mutex_lock(l->mutex);
            l->stopping = true;
            oddi_mutex_wake_all(l->mutex);
            oddi_mutex_unlock(l->mutex);
            oddi_loader_threads_join(l);
            return oddi_fail_errno(l->ctx, error == ENOMEM ? ODD_ENOMEM : ODD_EIO, error,
                                   "starting loader thread %d of %d", i, l->options.threads);
        }
        l->threads = i;
    }
    return ODD_OK;
}

void oddi_loader_threads_join(struct oddi_loader *l)
{
    for (int i = 1; i <= l->threads; i++) {
        oddi_thread_join(l->ctx, l->worker[i].thread);
        l->worker[i].thread = NULL;
    }
    l->threads = 0;
}

/* --- the first look --- */

/* Fatal: not the picture's fault, so the whole look ends with it. */
static bool loader_fatal(odd_status status)
{
    return status == ODD_ENOMEM || status == ODD_ECANCELLED || status == ODD_EBUG;
}

static void loader_look_at(struct oddi_loader_worker *w, size_t asked)
{
    struct oddi_loader *l = w->loader;
    float *dst = asked < l->cached ? l->cache + asked * l->item : w->scratch;
    odd_status status = oddi_check_cancel(&w->ctx);
    if (status == ODD_OK)
        status = loader_make(w, l->index[asked], dst, &l->hash[asked]);
    l->look_status[asked] = status;
    if (status == ODD_OK)
        return;
    l->look_message[asked] = oddi_strdup(&w->ctx, w->ctx.message);
    if (!l->look_message[asked])
        l->look_status[asked] = ODD_ENOMEM;
}

static void loader_look_thread(void *worker)
{
    struct oddi_loader_worker *w = worker;
    struct oddi_loader *l = w->loader;
    oddi_mutex_lock(l->mutex);
    while (!l->stopping && l->looked < l->asked) {
        size_t asked = l->looked++;
        oddi_mutex_unlock(l->mutex);
        loader_look_at(w, asked);
        oddi_mutex_lock(l->mutex);
        l->stopping = l->stopping || loader_fatal(l->look_status[asked]);
    }
    oddi_mutex_unlock(l->mutex);
}

/* What the look found, in order: fatal and strict failures end it, others are left out. */
static odd_status loader_sort_out(struct oddi_loader *l)
{
    for (size_t i = 0; i < l->asked; i++)
        if (loader_fatal(l->look_status[i]))
            return oddi_fail(l->ctx, l->look_status[i], "%s",
                             l->look_message[i] ? l->look_message[i] : "out of memory");
    for (size_t i = 0; i < l->asked; i++) {
        if (l->look_status[i] == ODD_OK) {
            l->good[l->count++] = (uint32_t)i;
            continue;
        }
        if (l->options.strict)
            return oddi_fail(l->ctx, l->look_status[i], "%s", l->look_message[i]);
        l->bad[l->bad_count++] = (struct oddi_loader_bad){l->index[i], l->look_message[i]};
        oddi_log(l->ctx, ODD_LOG_WARNING, "left out: %s", l->look_message[i]);
        l->look_message[i] = NULL;
    }
    if (l->bad_count)
        oddi_log(l->ctx, ODD_LOG_WARNING, "%zu of %zu pictures of %s are left out", l->bad_count,
                 l->asked, l->ds->root);
    if (!l->count)
        return oddi_fail(l->ctx, ODD_ENODATA, "none of the %zu pictures of %s can be used%s%s",
                         l->asked, l->ds->root, l->bad_count ? "; the first: " : "",
                         l->bad_count ? l->bad[0].message : "");
    return ODD_OK;
}

static odd_status loader_look(struct oddi_loader *l)
{
    odd_status status = ODD_OK;
    l->look_status = oddi_calloc(l->ctx, l->asked + 1, sizeof(*l->look_status));
    l->look_message = oddi_calloc(l->ctx, l->asked + 1, sizeof(*l->look_message));
    if (!l->look_status || !l->look_message)
        TRY(ODD_ENOMEM);
    TRY(oddi_loader_threads_start(l, loader_look_thread));
    if (!l->threads)
        loader_look_thread(&l->worker[0]);
    oddi_loader_threads_join(l);
    TRY(loader_sort_out(l));
out:
    for (size_t i = 0; l->look_message && i < l->asked; i++)
        oddi_free(l->ctx, l->look_message[i]);
    oddi_free(l->ctx, l->look_message);
    oddi_free(l->ctx, l->look_status);
    l->look_message = NULL;
    l->look_status = NULL;
    return status;
}

/* --- making and ending --- */

static odd_status loader_workers(struct oddi_loader *l)
{
    for (int i = 0; i <= l->options.threads; i++) {
        struct oddi_loader_worker *w = &l->worker[i];
        w->loader = l;
        oddi_ctx_fork(l->ctx, &w->ctx);
        w->scratch = oddi_alloc_aligned(l->ctx, l->item * sizeof(float));
        if (!w->scratch)
            return ODD_ENOMEM;
    }
    return ODD_OK;
}

static odd_status loader_reserve(struct oddi_loader *l, const uint32_t *index, size_t n)
{
    size_t room = l->options.cache_bytes / (l->item * sizeof(float)), bytes = 0;
    l->asked = n;
    l->cached = room < n ? room : n;
    l->index = oddi_alloc_array(l->ctx, n + 1, sizeof(*l->index));
    l->good = oddi_alloc_array(l->ctx, n + 1, sizeof(*l->good));
    l->order = oddi_alloc_array(l->ctx, n + 1, sizeof(*l->order));
    l->hash = oddi_calloc(l->ctx, n + 1, sizeof(*l->hash));
    l->bad = oddi_calloc(l->ctx, n + 1, sizeof(*l->bad));
    if (!l->index || !l->good || !l->order || !l->hash || !l->bad)
        return ODD_ENOMEM;
    if (n)
        memcpy(l->index, index, n * sizeof(*index));
    if (!oddi_mul_size(l->cached, l->item * sizeof(float), &bytes))
        return oddi_fail(l->ctx, ODD_ELIMIT, "a cache of %zu pictures is too large", l->cached);
    if (bytes) {
        l->cache = oddi_alloc_aligned(l->ctx, bytes);
        if (!l->cache)
            return ODD_ENOMEM;
    }
    l->mutex = oddi_mutex_new(l->ctx);
    return l->mutex ? ODD_OK : ODD_ENOMEM;
}

odd_status oddi_loader_new(struct odd_context *ctx, const struct odd_dataset *ds,
                           const uint32_t *index, size_t n,
                           const struct oddi_loader_options *options, struct oddi_loader **loader)
{
    odd_status status = ODD_OK;
    struct oddi_loader *l = oddi_calloc(ctx, 1, sizeof(*l));
    if (!l)
        return ODD_ENOMEM;
    l->ctx = ctx;
    l->ds = ds;
    l->prepare = options->prepare;
    l->options = *options;
    l->options.strict = options->strict || ds->strict;
    if (options->threads < 0 || options->threads > LOADER_THREADS_MAX)
        TRY(oddi_fail(ctx, ODD_EINVAL, "%d loader threads; expected 0 to %d", options->threads,
                      LOADER_THREADS_MAX));
    TRY(oddi_prepare_check(ctx, &l->prepare, &l->item));
    TRY(oddi_augment_parse(ctx, options->augment, &l->augment));
    l->options.augment = NULL; /* the caller's text need not outlive this call */
    TRY(loader_reserve(l, index, n));
    TRY(loader_workers(l));
    TRY(loader_look(l));
    *loader = l;
    l = NULL;
out:
    oddi_loader_free(l);
    return status;
}

void oddi_loader_free(struct oddi_loader *loader)
{
    if (!loader)
        return;
    struct odd_context *ctx = loader->ctx;
    oddi_loader_stop(loader);
    for (int i = 0; i <= LOADER_THREADS_MAX; i++)
        oddi_free_aligned(ctx, loader->worker[i].scratch);
    for (size_t i = 0; i < loader->bad_count; i++)
        oddi_free(ctx, loader->bad[i].message);
    oddi_free_aligned(ctx, loader->cache);
    oddi_free(ctx, loader->index);
    oddi_free(ctx, loader->good);
    oddi_free(ctx, loader->order);
    oddi_free(ctx, loader->hash);
    oddi_free(ctx, loader->bad);
    if (loader->mutex)
        oddi_mutex_free(ctx, loader->mutex);
    oddi_free(ctx, loader);
}

/* --- access --- */

size_t oddi_loader_count(const struct oddi_loader *loader)
{
    return loader->count;
}

uint32_t oddi_loader_sample(const struct oddi_loader *loader, size_t position)
{
    return loader->index[loader->good[position]];
}

const struct oddi_hash128 *oddi_loader_hash(const struct oddi_loader *loader, size_t position)
{
    return &loader->hash[loader->good[position]];
}

size_t oddi_loader_left_out(const struct oddi_loader *loader, const struct oddi_loader_bad **bad)
{
    *bad = loader->bad;
    return loader->bad_count;
}

size_t oddi_loader_cached(const struct oddi_loader *loader)
{
    return loader->cached;
}

size_t oddi_loader_memory(const struct oddi_loader *loader, int64_t batch)
{
    const size_t slots = loader->options.threads ? LOADER_SLOTS : 1,
                 most = batch < (int64_t)loader->count ? (size_t)batch : loader->count;
    return (loader->cached + slots * most) * loader->item * sizeof(float);
}

bool oddi_loader_augments(const struct oddi_loader *loader)
{
    return loader->augment.count > 0;
}

odd_status oddi_loader_get(struct oddi_loader *loader, size_t position, float *dst)
{
    struct oddi_loader_worker *w = &loader->worker[0];
    if (position >= loader->count)
        return oddi_fail(loader->ctx, ODD_EINVAL, "picture %zu of a loader of %zu", position,
                         loader->count);
    odd_status status = oddi_loader_fetch(w, position, dst);
    return status == ODD_OK ? ODD_OK : oddi_ctx_join(loader->ctx, &w->ctx);
}
