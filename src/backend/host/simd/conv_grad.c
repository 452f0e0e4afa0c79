/* SPDX-License-Identifier: Apache-2.0
 *
 * conv2d_bwd_weights: dw[o][c][tap] = sum over pictures and places of dy[o] x[c, place + tap].
 *
 * dw is cut into blocks (some in channels x some out channels, all taps). A job computes one block
 * over one shard, a fixed share of the places of the batch: per part it packs x and dy channels
 * last, then each tile is (tap, in channel) rows x out channel lanes with the places as the sum.
 * Shards exist only where there are few blocks; their number and limits depend on the shapes alone
 * and they are added in order, so bits do not depend on the number of threads.
 */
#include "backend/host/simd/conv.h"

#include <string.h>

#define GRAD_DEPTH 640  /* (tap, in channel) rows per block, about */
#define GRAD_OUT 128    /* out channels per block */
#define GRAD_PLACES 256 /* per part, about */
#define GRAD_JOBS 16
#define GRAD_STRIDE 16

struct grad {
    struct conv x, dy; /* windows of both; dy's is the identity */
    int64_t blocks_c, blocks_o, shards, parts;
    int64_t block; /* floats of a block */
};
struct grad_call {
    const struct grad *g;
    const struct oddi_task *task;
    float *partial, *memory;
    _Atomic int64_t next;
};
/* One block: its place in dw. */
struct grad_block {
    int64_t c0, count, o0, out;
    float *sum; /* [lane group][tap row][tap, in channel][lane] */
};

static struct grad_block grad_block(const struct grad *g, int64_t index, float *partial)
{
    struct grad_block b = {.c0 = index % g->blocks_c * g->x.chunk,
                           .o0 = index / g->blocks_c % g->blocks_o * g->dy.chunk,
                           .sum = partial + index * g->block};
    b.count = simd_min(g->x.chunk, g->x.in_channels - b.c0);
    b.out = simd_min(g->dy.chunk, g->dy.in_channels - b.o0);
    return b;
}

/* Adds one part's products: lanes o .. of tap row kh. */
static void grad_tiles(const struct grad *g, const struct grad_block *b, const struct conv_part *p,
                       const float *window[2], const int64_t place[2])
{
    const int64_t o = place[0], kh = place[1], lanes = tile_lanes(o, b->out);
    const int64_t rows = g->x.w.kernel * b->count;
    float *sum = b->sum + g->x.h.kernel * rows * o + kh * rows * lanes;
    _Alignas(64) float out[TILE_ROWS * TILE_LANES];
    struct tile t = {.w = window[1] + o,
                     .outer = p->n1 - p->n0,
                     .runs = p->r1 - p->r0,
                     .length = p->q1 - p->q0,
                     .x_outer = g->x.in_rows * g->x.pitch * b->count,
                     .x_run = g->x.h.step * g->x.pitch * b->count,
                     .x_step = g->x.w.step * b->count,
                     .x_row = 1,
                     .w_outer = g->dy.in_rows * g->dy.pitch * b->out,
                     .w_run = g->dy.pitch * b->out,
                     .w_step = b->out,
                     .out = out};
    for (int64_t i = 0, n; i < rows; i += n) {
        n = tile_next(rows - i);
        t.x = window[0] + kh * g->x.pitch * b->count + i;
        tile_run(&t, n, lanes);
        float *restrict to = sum + i * lanes;
        for (int64_t k = 0; k < n * lanes; k++)
            to[k] += out[k];
    }
}

/* Part number i of the batch: some rows of places of one picture, or whole small pictures. */
static struct conv_part grad_part(const struct grad *g, int64_t i)
{
    const struct conv *c = &g->x;
    const int64_t across = simd_ceil(c->w.places, c->cols), down = simd_ceil(c->h.places, c->rows);
    struct conv_part p = {.q0 = i % across * c->cols,
                          .r0 = i / across % down * c->rows,
                          .n0 = i / across / down * c->group};
    p.q1 = simd_min(p.q0 + c->cols, c->w.places);
    p.r1 = simd_min(p.r0 + c->rows, c->h.places);
    p.n1 = simd_min(p.n0 + c->group, c->images);
    return p;
}
static void grad_job(const struct grad_call *call, int64_t index, float *memory)
{
    const struct grad *g = call->g;
    const int64_t shard = index / (g->blocks_c * g->blocks_o);
    const struct grad_block b = grad_block(g, index, call->partial);
    float *x = memory, *dy = memory + g->x.window;
    memset(b.sum, 0, (size_t)g->block * sizeof(float));
    for (int64_t i = g->parts * shard / g->shards; i < g->parts * (shard + 1) / g->shards; i++) {
        struct conv_part p = grad_part(g, i);
        p.c0 = b.c0;
        p.count = b.count;
        conv_window(&g->x, &p, &call->task->src[0], x);
        p.c0 = b.o0;
        p.count = b.out;
        conv_window(&g->dy, &p, &call->task->src[1], dy);
        for (int64_t o = 0; o < b.out; o += TILE_LANES)
            for (int64_t kh = 0; kh < g->x.h.kernel; kh++)
                grad_tiles(g, &b, &p, (const float *[2]){x, dy}, (int64_t[2]){o, kh});
    }
}
static void grad_worker(void *arg, int64_t worker)
{
    struct grad_call *call = arg;
    const struct grad *g = call->g;
    float *memory = call->memory + worker * (g->x.window + g->dy.window);
    for (;;) {
        const int64_t index = atomic_fetch_add_explicit(&call->next, 1, memory_order_relaxed);
        if (index >= g->blocks_c * g->blocks_o * g->shards)
            return;
        grad_job(call, index, memory);
    }
}

/* Adds the shards of 16 taps of one (in channel, lane group) and turns them around. */
static void grad_turn(const struct grad_call *call, const struct grad_block *b, int64_t c,
                      const int64_t from[2])
{
    const struct grad *g = call->g;
    const int64_t taps = g->x.h.kernel * g->x.w.kernel, o = from[0], lanes = tile_lanes(o, b->out);
    const int64_t count = simd_min(16, taps - from[1]), real = simd_min(lanes, b->out - o);
    const int64_t apart = g->blocks_c * g->blocks_o * g->block;
    float sum[16][TILE_LANES];
    for (int64_t t = 0; t < count; t++) {
        const float *x = b->sum + taps * b->count * o + ((from[1] + t) * b->count + c) * lanes;
        memcpy(sum[t], x, (size_t)lanes * sizeof(float));
        for (int64_t s = 1; s < g->shards; s++)
            for (int64_t l = 0; l < lanes; l++)
                sum[t][l] += x[s * apart + l];
    }
    for (int64_t l = 0; l < real; l++) {
        float *dw = simd_dst(call->task) +
                    ((b->o0 + o + l) * g->x.in_channels + b->c0 + c) * taps + from[1];
        for (int64_t t = 0; t < count; t++)
            dw[t] = sum[t][l];
    }
}
static void grad_finish(void *arg, int64_t index)
{
    const struct grad_call *call = arg;
    const struct grad *g = call->g;
    const struct grad_block b = grad_block(g, index, call->partial);
    const int64_t taps = g->x.h.kernel * g->x.w.kernel;
    for (int64_t o = 0; o < b.out; o += TILE_LANES)
        for (int64_t c = 0; c < b.count; c++)
            for (int64_t t = 0; t < taps; t += 16)
                grad_turn(call, &b, c, (int64_t[2]){o, t});
}

static struct grad grad_of(const struct oddi_task *task)
{
    const int64_t *x = task->src[0].shape.dim, *y = task->src[1].shape.dim, *w = task->dst.shape.dim;
    const int64_t stride = task->attr.i[0], pad = task->attr.i[1], taps = w[2] * w[3];
    struct grad g = {.x = {.images = x[0], .in_channels = x[1]},
                     .dy = {.images = y[0], .in_channels = y[1]}};
    struct conv *c = &g.x, *d = &g.dy;
    c->h = conv_axis(false, (int64_t[3]){x[2], y[2], w[2]}, stride, pad);
    c->w = conv_axis(false, (int64_t[3]){x[3], y[3], w[3]}, stride, pad);
    d->h = conv_axis(false, (int64_t[3]){y[2], y[2], 1}, 1, 0);
    d->w = conv_axis(false, (int64_t[3]){y[3], y[3], 1}, 1, 0);
    c->chunk = conv_chunk(c->in_channels, taps, GRAD_DEPTH);
    d->chunk = simd_min(d->in_channels, GRAD_OUT);
    c->cols = d->cols = conv_even(y[3], GRAD_PLACES);
    c->rows = d->rows = conv_even(y[2], GRAD_PLACES / c->cols);
    c->group = d->group = simd_max(1, simd_min(c->images, GRAD_PLACES / (y[2] * y[3])));
    c->in_rows = (c->rows - 1) * stride + w[2];
    c->pitch = (c->cols - 1) * stride + w[3];
    d->in_rows = d->rows;
    d->pitch = d->cols;
    c->window = simd_ceil(c->group * c->in_rows * c->pitch * c->chunk, 16) * 16;
    d->window = simd_ceil(d->group * d->in_rows * d->pitch * d->chunk + TILE_LANES, 16) * 16;
    g.blocks_c = simd_ceil(c->in_channels, c->chunk);
    g.blocks_o = simd_ceil(d->in_channels, d->chunk);
    g.block = taps * c->chunk * tile_padded(d->chunk);
    g.parts = simd_ceil(c->images, c->group) * simd_ceil(y[2], c->rows) * simd_ceil(y[3], c->cols);
    g.shards = simd_min(g.parts, simd_ceil(GRAD_JOBS, g.blocks_c * g.blocks_o));
    return g;
}
static int grad_workers(const struct oddi_task *task, const struct grad *g)
{
    const int64_t jobs = g->blocks_c * g->blocks_o * g->shards;
    return (int)simd_max(1, simd_min(simd_min(task->threads, 256), jobs));
}
/* Floats of all partial sums. */
static int64_t grad_partial(const struct grad *g)
{
    return g->blocks_c * g->blocks_o * g->shards * g->block;
}

static odd_status grad_prepare(struct odd_context *ctx, struct oddi_task *task, size_t *scratch,
                               size_t *keep)
{
    const struct grad g = grad_of(task);
    size_t memory, partial;
    *keep = 0;
    if (!oddi_mul_size((size_t)(g.x.window + g.dy.window) * sizeof(float),
                       (size_t)grad_workers(task, &g), &memory) ||
        !oddi_mul_size((size_t)grad_partial(&g), sizeof(float), &partial) ||
        !oddi_add_size(memory, partial, scratch))
        return oddi_fail(ctx, ODD_ENOMEM, "node '%s': working memory overflows the address space",
                         task->node);
    return ODD_OK;
}
static odd_status grad_run(struct oddi_task *task)
{
    const struct grad g = grad_of(task);
    struct grad_call call = {.g = &g, .task = task, .partial = oddi_host(&task->scratch)};
    call.memory = call.partial + grad_partial(&g);
    oddi_parallel(task->threads, grad_workers(task, &g), grad_worker, &call);
    oddi_parallel(task->threads, g.blocks_c * g.blocks_o, grad_finish, &call);
    return ODD_OK;
}
static bool grad_accepts(const struct oddi_task *task)
{
    const int64_t stride = task->attr.i[0], pad = task->attr.i[1];
    return simd_f32(task) && task->src[0].shape.rank == 4 && task->src[1].shape.rank == 4 &&
           stride >= 1 && stride <= GRAD_STRIDE && pad >= 0 && pad <= INT32_MAX;
}
static void grad_layouts(struct oddi_task *task)
{
    task->dst.layout = ODDI_PLAIN;
}
const struct oddi_kernel SIMD_NAME(kernel_conv2d_bwd_weights) = {.op = "conv2d_bwd_weights",
                                                                 .name = "simd:conv2d_bwd_weights",
                                                                 .accepts = grad_accepts,
                                                                 .layouts = grad_layouts,
                                                                 .prepare = grad_prepare,
                                                                 .run = grad_run};
