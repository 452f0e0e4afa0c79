/* SPDX-License-Identifier: Apache-2.0
 *
 * The loader's stream of batches; see loader.h.
 *
 * LOADER_SLOTS batches are in the making at once (the bound of the queue). Under the mutex a
 * worker schedules the next step into its slot (step mod LOADER_SLOTS) when that slot is free,
 * and claims one picture of the oldest batch that has unclaimed ones; it makes the picture
 * without the mutex, at its own place in the batch. The caller takes batches in the order of
 * their steps and gives each back with the next call. What is in a batch is thus decided by its
 * step alone, and who made it never shows.
 */
#include <string.h>

#include "data/loader_int.h"

int64_t oddi_loader_steps_per_epoch(const struct oddi_loader *loader, int64_t batch)
{
    int64_t n = (int64_t)loader->count;
    if (loader->options.drop_last)
        return n < batch ? 1 : n / batch;
    return (n + batch - 1) / batch;
}

/* The order of the epoch's pictures into l->order, unless it is there. */
static void stream_order(struct oddi_loader *l, int64_t epoch)
{
    struct oddi_rng rng;
    if (l->order_epoch == epoch)
        return;
    l->order_epoch = epoch;
    if (l->options.shuffle) {
        oddi_rng_init(&rng, l->options.seed, ODDI_RNG_SHUFFLE, (uint64_t)epoch, 0);
        oddi_rng_permutation(&rng, l->count, l->order);
        return;
    }
    for (size_t i = 0; i < l->count; i++)
        l->order[i] = (uint32_t)i;
}

/* Without threads one slot serves every step. */
static struct oddi_stream_slot *stream_slot(struct oddi_loader *l, int64_t step)
{
    return &l->slot[l->options.threads ? step % LOADER_SLOTS : 0];
}

/* Puts the next step into its slot when that is free. */
static bool stream_schedule(struct oddi_loader *l)
{
    int64_t per_epoch = oddi_loader_steps_per_epoch(l, l->batch);
    struct oddi_stream_slot *s = stream_slot(l, l->next_step);
    if (s->busy)
        return false;
    s->busy = true;
    s->step = l->next_step++;
    s->epoch = s->step / per_epoch;
    s->claimed = s->done = 0;
    s->status = ODD_OK;
    stream_order(l, s->epoch);
    int64_t first = s->step % per_epoch * l->batch, left = (int64_t)l->count - first;
    s->count = left < l->batch ? left : l->batch;
    for (int64_t i = 0; i < s->count; i++) {
        s->position[i] = l->order[first + i];
        s->sample[i] = oddi_loader_sample(l, s->position[i]);
    }
    return true;
}

/* The oldest batch with an unclaimed picture, or NULL. */
static struct oddi_stream_slot *stream_oldest(struct oddi_loader *l)
{
    struct oddi_stream_slot *oldest = NULL;
    for (int i = 0; i < LOADER_SLOTS; i++) {
        struct oddi_stream_slot *s = &l->slot[i];
        if (s->busy && s->claimed < s->count && (!oldest || s->step < oldest->step))
            oldest = s;
    }
    return oldest;
}

static odd_status stream_item(struct oddi_loader_worker *w, const struct oddi_stream_slot *s,
                              int64_t i)
{
    struct oddi_loader *l = w->loader;
    float *dst = s->data + (size_t)i * l->item;
    const int64_t size[2] = {l->prepare.height, l->prepare.width};
    struct oddi_rng rng;
    odd_status status = oddi_loader_fetch(w, s->position[i], dst);
    if (status != ODD_OK || !l->augment.count)
        return status;
    oddi_rng_init(&rng, l->options.seed, ODDI_RNG_AUGMENT, (uint64_t)s->epoch, s->sample[i]);
    oddi_augment_run(&l->augment, &rng, l->prepare.channels, size, dst, w->scratch);
    return ODD_OK;
}

/* Makes picture i of the batch; entered and left with the mutex held. */
static void stream_make(struct oddi_loader_worker *w, struct oddi_stream_slot *s)
{
    struct oddi_loader *l = w->loader;
    int64_t i = s->claimed++;
    oddi_mutex_unlock(l->mutex);
    odd_status status = stream_item(w, s, i);
    oddi_mutex_lock(l->mutex);
    if (status != ODD_OK && (s->status == ODD_OK || i < s->failed)) {
        s->status = status;
        s->failed = i;
        memcpy(s->message, w->ctx.message, sizeof(s->message));
    }
    if (++s->done == s->count)
        oddi_mutex_wake_all(l->mutex);
}

static void stream_thread(void *worker)
{
    struct oddi_loader_worker *w = worker;
    struct oddi_loader *l = w->loader;
    oddi_mutex_lock(l->mutex);
    while (!l->stopping) {
        struct oddi_stream_slot *s = stream_oldest(l);
        if (s)
            stream_make(w, s);
        else if (stream_schedule(l))
            oddi_mutex_wake_all(l->mutex);
        else
            oddi_mutex_wait(l->mutex);
    }
    oddi_mutex_unlock(l->mutex);
}

static void stream_release(struct oddi_loader *l)
{
    for (int i = 0; i < LOADER_SLOTS; i++) {
        oddi_free_aligned(l->ctx, l->slot[i].data);
        oddi_free(l->ctx, l->slot[i].position);
        oddi_free(l->ctx, l->slot[i].sample);
        l->slot[i].data = NULL;
        l->slot[i].position = l->slot[i].sample = NULL;
        l->slot[i].busy = false;
    }
    l->lent = NULL;
}

static odd_status stream_reserve(struct oddi_loader *l)
{
    size_t bytes = 0;
    if (!oddi_mul_size((size_t)l->batch, l->item * sizeof(float), &bytes))
        return oddi_fail(l->ctx, ODD_ELIMIT, "a batch of %lld pictures is too large",
                         (long long)l->batch);
    for (int i = 0; i < LOADER_SLOTS; i++) {
        struct oddi_stream_slot *s = &l->slot[i];
        s->data = oddi_alloc_aligned(l->ctx, bytes);
        s->position = oddi_alloc_array(l->ctx, (size_t)l->batch, sizeof(*s->position));
        s->sample = oddi_alloc_array(l->ctx, (size_t)l->batch, sizeof(*s->sample));
        if (!s->data || !s->position || !s->sample)
            return ODD_ENOMEM;
        if (!l->options.threads)
            break; /* the caller's thread makes one batch at a time */
    }
    return ODD_OK;
}

odd_status oddi_loader_start(struct oddi_loader *loader, int64_t batch, int64_t first_step)
{
    odd_status status = ODD_OK;
    if (batch < 1 || first_step < 0)
        return oddi_fail(loader->ctx, ODD_EINVAL, "a stream of batches of %lld from step %lld",
                         (long long)batch, (long long)first_step);
    oddi_loader_stop(loader);
    loader->batch = batch < (int64_t)loader->count ? batch : (int64_t)loader->count;
    loader->next_step = loader->want_step = first_step;
    loader->order_epoch = -1;
    TRY(stream_reserve(loader));
    loader->streaming = true;
    if (loader->options.threads)
        TRY(oddi_loader_threads_start(loader, stream_thread));
out:
    if (status != ODD_OK) {
        loader->streaming = false;
        stream_release(loader);
    }
    return status;
}

odd_status oddi_loader_next(struct oddi_loader *loader, struct oddi_batch *batch)
{
    struct oddi_loader *l = loader;
    odd_status status = ODD_OK;
    if (!l->streaming)
        return oddi_fail(l->ctx, ODD_EINVAL, "the loader's stream is not running");
    oddi_mutex_lock(l->mutex);
    if (l->lent) {
        l->lent->busy = false;
        l->lent = NULL;
        oddi_mutex_wake_all(l->mutex);
    }
    struct oddi_stream_slot *s = stream_slot(l, l->want_step);
    if (!l->options.threads && stream_schedule(l))
        while (s->claimed < s->count)
            stream_make(&l->worker[0], s);
    while (!(s->busy && s->step == l->want_step && s->done == s->count))
        oddi_mutex_wait(l->mutex);
    l->lent = s;
    l->want_step++;
    oddi_mutex_unlock(l->mutex);
    if (s->status != ODD_OK)
        status = oddi_fail(l->ctx, s->status, "%s", s->message);
    else
        *batch = (struct oddi_batch){s->data, s->sample, s->position, s->count, s->step, s->epoch};
    return status;
}

void oddi_loader_stop(struct oddi_loader *loader)
{
    if (!loader->streaming)
        return;
    oddi_mutex_lock(loader->mutex);
    loader->stopping = true;
    oddi_mutex_wake_all(loader->mutex);
    oddi_mutex_unlock(loader->mutex);
    oddi_loader_threads_join(loader);
    loader->streaming = false;
    stream_release(loader);
}
