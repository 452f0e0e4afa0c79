/* SPDX-License-Identifier: Apache-2.0
 *
 * Scoring many pictures (many.h), in chunks of a few per thread.
 */
#include "engine/many.h"

#include <string.h>

#include "base/os.h"
#include "base/parallel.h"
#include "engine/report.h"

#define MANY_THREADS_MAX 64
#define MANY_PER_THREAD 4

struct many_slot {
    struct oddi_many_result result;
    struct oddi_picture *picture;
    float *map;
    uint16_t *half;
    char message[ODDI_MESSAGE_SIZE];
};
struct many_worker {
    struct odd_context ctx;
    struct odd_scorer *scorer;
};
struct many_work {
    const struct oddi_many *many;
    int threads;
    struct many_worker *worker;
    struct many_slot *slot;
    size_t first, count; /* of the chunk */
};

struct many_see {
    const struct oddi_many *many;
    size_t index;
};

static odd_status many_see(void *user, const struct oddi_measure *look)
{
    const struct many_see *see = user;
    return see->many->look(see->many->user, see->index, look);
}

static odd_status many_score(struct many_work *w, struct many_worker *worker,
                             struct many_slot *slot)
{
    struct odd_context *ctx = &worker->ctx;
    struct oddi_scored scored;
    odd_status status = ODD_OK;
    struct oddi_many_result *r = &slot->result;
    TRY(w->many->load(w->many->user, ctx, r->index, &slot->picture));
    if (w->many->look) {
        const struct many_see see = {w->many, r->index};
        status = oddi_scorer_look(worker->scorer, slot->picture, many_see, (void *)&see);
        goto out;
    }
    TRY(oddi_scorer_run(worker->scorer, slot->picture, &scored));
    memcpy(r->component, scored.component, sizeof(r->component));
    r->score = scored.score;
    r->maximum = scored.maximum;
    r->mean = scored.mean;
    r->width = slot->picture->width;
    r->height = slot->picture->height;
    if (w->many->want_rows) { /* the scorer makes new room for the next */
        TRY(oddi_scorer_rows(worker->scorer, r->width, r->height, &r->halves));
        r->half = slot->half = worker->scorer->half;
        worker->scorer->half = NULL;
        worker->scorer->half_room = 0;
    }
    if (!w->many->want_map)
        goto out;
    slot->map = oddi_alloc_array(ctx, (size_t)(r->width * r->height), sizeof(float));
    if (!slot->map) {
        status = ODD_ENOMEM;
        goto out;
    }
    TRY(oddi_scorer_map(worker->scorer, &scored, slot->map));
    r->map = slot->map;
    r->picture = slot->picture;
out:
    if (status != ODD_OK)
        memcpy(slot->message, ctx->message, sizeof(slot->message));
    return status;
}

/* Worker t takes every threads-th picture of the chunk. */
static void many_part(void *arg, int64_t t)
{
    struct many_work *w = arg;
    for (size_t i = (size_t)t; i < w->count; i += (size_t)w->threads) {
        struct many_slot *slot = &w->slot[i];
        slot->result = (struct oddi_many_result){.index = w->first + i};
        slot->result.status = many_score(w, &w->worker[t], slot);
        slot->result.message = slot->message;
    }
}

static void many_clear(struct many_work *w, size_t i)
{
    struct many_slot *slot = &w->slot[i];
    struct odd_context *ctx = &w->worker[0].ctx;
    oddi_free(ctx, slot->map);
    oddi_free(ctx, slot->half);
    oddi_picture_free(ctx, slot->picture);
    slot->map = NULL;
    slot->half = NULL;
    slot->picture = NULL;
}

static odd_status many_chunk(struct odd_context *ctx, struct many_work *w)
{
    odd_status status = ODD_OK;
    oddi_parallel(w->threads, w->threads, many_part, w);
    for (size_t i = 0; i < w->count && status == ODD_OK; i++) {
        if (w->slot[i].result.status == ODD_ENOMEM)
            status = oddi_fail(ctx, ODD_ENOMEM, "%s", w->slot[i].message);
        else
            status = w->many->take(w->many->user, &w->slot[i].result);
    }
    for (size_t i = 0; i < w->count; i++)
        many_clear(w, i);
    return status == ODD_OK ? oddi_check_cancel(ctx) : status;
}

static odd_status many_start(struct odd_context *ctx, struct many_work *w)
{
    odd_status status = ODD_OK;
    w->worker = oddi_calloc(ctx, (size_t)w->threads, sizeof(*w->worker));
    w->slot = oddi_calloc(ctx, (size_t)w->threads * MANY_PER_THREAD, sizeof(*w->slot));
    if (!w->worker || !w->slot)
        return ODD_ENOMEM;
    for (int t = 0; t < w->threads; t++) {
        oddi_ctx_fork(ctx, &w->worker[t].ctx);
        status = oddi_scorer_make(&w->worker[t].ctx, w->many->model, 1, &w->worker[t].scorer);
        if (status != ODD_OK)
            return oddi_ctx_join(ctx, &w->worker[t].ctx);
        w->worker[t].scorer->keep = w->many->want_rows;
    }
    return ODD_OK;
}

odd_status oddi_many_run(struct odd_context *ctx, const struct oddi_many *many)
{
    struct many_work w = {.many = many};
    const uint64_t began = oddi_os_now_ns();
    odd_status status = ODD_OK;
    w.threads = ctx->threads < MANY_THREADS_MAX ? ctx->threads : MANY_THREADS_MAX;
    if ((size_t)w.threads > many->count)
        w.threads = many->count > 0 ? (int)many->count : 1;
    TRY(many_start(ctx, &w));
    while (w.first < many->count) {
        const size_t room = (size_t)w.threads * MANY_PER_THREAD;
        w.count = many->count - w.first < room ? many->count - w.first : room;
        TRY(many_chunk(ctx, &w));
        w.first += w.count;
        if (many->phase)
            oddi_report_pictures(ctx, many->phase, w.first, many->count, began);
    }
out:
    for (int t = 0; w.worker && t < w.threads; t++)
        odd_scorer_free(w.worker[t].scorer);
    oddi_free(ctx, w.worker);
    oddi_free(ctx, w.slot);
    return status;
}
