/* SPDX-License-Identifier: Apache-2.0
 * The loader's inside, shared by loader.c (pictures, cache) and stream.c (threads, batches). */
#ifndef ODDI_DATA_LOADER_INT_H
#define ODDI_DATA_LOADER_INT_H
#include "base/os.h"
#include "data/loader.h"

#define LOADER_THREADS_MAX 64
#define LOADER_SLOTS 4

struct oddi_stream_slot {
    float *data;
    uint32_t *position, *sample;
    int64_t step, epoch, count;
    int64_t claimed, done;
    bool busy;         /* holds a scheduled batch that the caller has not given back */
    odd_status status; /* of the failed item that comes first */
    int64_t failed;
    char message[ODDI_MESSAGE_SIZE];
};

/* What one thread needs: its context and a picture's worth of scratch. */
struct oddi_loader_worker {
    struct oddi_loader *loader;
    struct odd_context ctx;
    struct oddi_thread *thread;
    float *scratch;
};

struct oddi_loader {
    struct odd_context *ctx;
    const struct odd_dataset *ds;
    struct oddi_prepare prepare;
    struct oddi_loader_options options;
    struct oddi_augment augment;
    size_t item;               /* floats of one picture */
    size_t asked, count;       /* pictures asked for and readable */
    uint32_t *index;           /* asked-for position -> sample */
    uint32_t *good;            /* position -> asked-for position */
    struct oddi_hash128 *hash; /* by asked-for position */
    struct oddi_loader_bad *bad;
    size_t bad_count;
    float *cache; /* the first `cached` asked-for positions */
    size_t cached;
    struct oddi_loader_worker worker[LOADER_THREADS_MAX + 1]; /* [0] is the caller's */
    int threads;                                              /* workers 1..threads exist */
    struct oddi_mutex *mutex;

    /* the first look (under the mutex) */
    size_t looked;
    odd_status *look_status;
    char **look_message;

    /* the stream (under the mutex) */
    struct oddi_stream_slot slot[LOADER_SLOTS];
    int64_t batch, next_step, want_step, order_epoch;
    uint32_t *order;
    bool streaming, stopping;
    struct oddi_stream_slot *lent;
};

/* Position to a prepared picture in dst, from the cache where it is there. */
odd_status oddi_loader_fetch(struct oddi_loader_worker *w, size_t position, float *dst);
/* Starts `fn` on the loader threads and joins them; stopping is the caller's matter. */
odd_status oddi_loader_threads_start(struct oddi_loader *l, void (*fn)(void *worker));
void oddi_loader_threads_join(struct oddi_loader *l);
#endif
