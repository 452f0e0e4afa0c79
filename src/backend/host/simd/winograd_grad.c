/* SPDX-License-Identifier: Apache-2.0
 *
 * conv2d_bwd_weights by Winograd tiles (winograd.h): 36 products (in channels x tiles) (tiles x out
 * channels), summed over all tiles of the batch before the last transform.
 *
 * dw is cut into blocks (some in x some out channels). A job computes one block over one shard, a
 * fixed share of the tiles: part by part it transforms x and dy and adds the products to 36 sums
 * that stay in the cache; at the end it makes nine taps of them. Shards exist only where there are
 * few blocks; their number and limits depend on the shapes alone and they are added in order, so
 * bits do not depend on the number of threads.
 */
#include "backend/host/simd/winograd.h"

#if ODDI_ISA_LEVEL > 0
#include <string.h>

#define GRAD_IN 64    /* most in channels per block */
#define GRAD_OUT 64   /* most out channels */
#define GRAD_TILES 48 /* of a part */
#define GRAD_JOBS 16

struct winograd_blocks {
    struct winograd g;
    int64_t in, out; /* channels per block */
    int64_t blocks_in, blocks_out;
    int64_t tiles, parts, shards; /* tiles per part */
    int64_t v_apart, d_apart, m_apart;
};
struct winograd_shards {
    const struct winograd_blocks *b;
    const float *x, *dy;
    float *to;     /* shards, each as dw */
    int64_t count; /* floats of dw */
    float *dw;
};
/* The block and memory of a job. */
struct winograd_part {
    int64_t c0, in, o0, out;
    float *v, *d, *m;
};

/* Adds the products of `count` tiles for one of the 36. */
static void grad_products(const struct winograd_blocks *b, const struct winograd_part *p,
                          int64_t count, int cell)
{
    _Alignas(64) float out[TILE_ROWS * TILE_LANES];
    struct tile t = {.outer = 1,
                     .runs = 1,
                     .length = count,
                     .x_step = p->in,
                     .x_row = 1,
                     .w_step = p->out,
                     .out = out};
    float *m = p->m + cell * b->m_apart;
    for (int64_t o = 0; o < p->out; o += TILE_LANES) {
        const int64_t lanes = tile_lanes(o, p->out);
        t.w = p->d + cell * b->d_apart + o;
        for (int64_t i = 0, rows; i < p->in; i += rows) {
            rows = tile_next(p->in - i);
            t.x = p->v + cell * b->v_apart + i;
            tile_run(&t, rows, lanes);
            float *sum = m + o * p->in + i * lanes;
            for (int64_t k = 0; k < rows * lanes; k += VEC_WIDTH)
                vec_store(sum + k, vec_add(vec_load(sum + k), vec_load(out + k)));
        }
    }
}
/* Nine taps of in channel c and VEC_WIDTH out channels from o on, from their 36 sums, to where they
 * are in the shard's dw. */
static void grad_taps(const struct winograd_blocks *b, const struct winograd_part *p,
                      const int64_t at[2], float *dw)
{
    const int64_t c = at[0], o = at[1], next = b->g.in_channels * 9;
    const int64_t group = o / TILE_LANES * TILE_LANES, lanes = tile_lanes(group, p->out);
    _Alignas(64) float taps[9][VEC_WIDTH];
    winograd_gradient(p->m + group * p->in + c * lanes + o - group, b->m_apart, taps);
    float *to = dw + (p->o0 + o) * next + (p->c0 + c) * 9;
    for (int l = 0; l < VEC_WIDTH; l++)
        for (int k = 0; k < 9; k++)
            to[l * next + k] = taps[k][l];
}
static void grad_job(const void *arg, int64_t index, float *memory)
{
    const struct winograd_shards *call = arg;
    const struct winograd_blocks *b = call->b;
    const struct winograd *g = &b->g;
    const int64_t shard = index / (b->blocks_in * b->blocks_out);
    struct winograd_part p = {.c0 = index % b->blocks_in * b->in,
                              .o0 = index / b->blocks_in % b->blocks_out * b->out};
    p.in = simd_min(b->in, g->in_channels - p.c0);
    p.out = simd_min(b->out, g->out_channels - p.o0);
    p.m = memory;
    p.v = p.m + WINOGRAD_CELLS * b->m_apart;
    p.d = p.v + WINOGRAD_CELLS * b->v_apart;
    const struct winograd_source x = {.x = call->x, .c0 = p.c0, .count = p.in, .apart = b->v_apart};
    const struct winograd_source y = {
        .x = call->dy, .c0 = p.o0, .count = p.out, .apart = b->d_apart};
    memset(p.m, 0, sizeof(float) * WINOGRAD_CELLS * (size_t)b->m_apart);
    const int64_t end = b->parts * (shard + 1) / b->shards;
    for (int64_t part = b->parts * shard / b->shards; part < end; part++) {
        const int64_t first = part * b->tiles, count = simd_min(b->tiles, g->tiles - first);
        for (int64_t i = 0; i < count; i++) {
            winograd_source_tile(g, &x, first + i, p.v + i * p.in);
            winograd_change_tile(g, &y, first + i, p.d + i * p.out);
        }
        for (int cell = 0; cell < WINOGRAD_CELLS; cell++)
            grad_products(b, &p, count, cell);
    }
    for (int64_t o = 0; o < p.out; o += VEC_WIDTH)
        for (int64_t c = 0; c < p.in; c++)
            grad_taps(b, &p, (const int64_t[2]){c, o}, call->to + shard * call->count);
}
/* One piece of dw: the shards in order. */
#define GRAD_PIECE 4096
static void grad_add(void *arg, int64_t index)
{
    const struct winograd_shards *call = arg;
    const int64_t end = simd_min(call->count, (index + 1) * GRAD_PIECE);
    for (int64_t i = index * GRAD_PIECE; i < end; i++) {
        float sum = call->to[i];
        for (int64_t s = 1; s < call->b->shards; s++)
            sum += call->to[s * call->count + i];
        call->dw[i] = sum;
    }
}

/* A block's channels: nearly equal shares of `count`, whole vectors, at most `most`. */
static int64_t grad_share(int64_t count, int64_t most)
{
    const int64_t vectors = count / VEC_WIDTH;
    return simd_ceil(vectors, simd_ceil(count, most)) * VEC_WIDTH;
}
static struct winograd_blocks grad_of(const struct oddi_task *task)
{
    struct winograd_blocks b = {
        .g = winograd_shape(task->src[0].shape.dim, task->src[1].shape.dim, task->attr.i[1])};
    b.in = grad_share(b.g.in_channels, GRAD_IN);
    b.out = grad_share(b.g.out_channels, GRAD_OUT);
    b.blocks_in = simd_ceil(b.g.in_channels, b.in);
    b.blocks_out = simd_ceil(b.g.out_channels, b.out);
    b.tiles = simd_min(GRAD_TILES, b.g.tiles);
    b.parts = simd_ceil(b.g.tiles, b.tiles);
    b.shards = simd_min(b.parts, simd_ceil(GRAD_JOBS, b.blocks_in * b.blocks_out));
    b.v_apart = b.tiles * b.in + WINOGRAD_SLACK;
    b.d_apart = b.tiles * b.out + WINOGRAD_SLACK;
    b.m_apart = b.in * b.out + WINOGRAD_SLACK;
    return b;
}
static int64_t grad_each(const struct winograd_blocks *b)
{
    return WINOGRAD_CELLS * (b->v_apart + b->d_apart + b->m_apart);
}
static int64_t grad_jobs(const struct winograd_blocks *b)
{
    return b->blocks_in * b->blocks_out * b->shards;
}
static odd_status grad_prepare(struct odd_context *ctx, struct oddi_task *task, size_t *scratch,
                               size_t *keep)
{
    const struct winograd_blocks b = grad_of(task);
    const size_t each = sizeof(float) * (size_t)grad_each(&b);
    const size_t count = b.shards > 1 ? (size_t)oddi_shape_count(&task->dst.shape) : 0;
    size_t memory, partial;
    *keep = 0;
    if (!oddi_mul_size(each, (size_t)winograd_workers(task->threads, grad_jobs(&b)), &memory) ||
        !oddi_mul_size(count, sizeof(float) * (size_t)b.shards, &partial) ||
        !oddi_add_size(memory, partial, scratch))
        return oddi_fail(ctx, ODD_ENOMEM, "node '%s': working memory overflows the address space",
                         task->node);
    return ODD_OK;
}
static odd_status grad_run(struct oddi_task *task)
{
    const struct winograd_blocks b = grad_of(task);
    const int workers = winograd_workers(task->threads, grad_jobs(&b));
    float *memory = oddi_host(&task->scratch);
    struct winograd_shards call = {.b = &b,
                                   .x = simd_src(task, 0),
                                   .dy = simd_src(task, 1),
                                   .to = b.shards > 1 ? memory + workers * grad_each(&b)
                                                      : simd_dst(task),
                                   .count = oddi_shape_count(&task->dst.shape),
                                   .dw = simd_dst(task)};
    const struct winograd_crew crew = {.job = grad_job,
                                       .arg = &call,
                                       .memory = memory,
                                       .each = grad_each(&b),
                                       .jobs = grad_jobs(&b)};
    winograd_go(task->threads, &crew);
    if (b.shards > 1)
        oddi_parallel(task->threads, simd_ceil(call.count, GRAD_PIECE), grad_add, &call);
    return ODD_OK;
}
static bool grad_accepts(const struct oddi_task *task)
{
    return winograd_takes(task, &task->src[1], &task->dst);
}
static void grad_layouts(struct oddi_task *task)
{
    task->src[0].layout = task->src[1].layout = WINOGRAD_LAYOUT;
    task->dst.layout = ODDI_PLAIN;
}
const struct oddi_kernel SIMD_NAME(winograd_grad) = {.op = "conv2d_bwd_weights",
                                                     .name = "winograd:conv2d_bwd_weights",
                                                     .accepts = grad_accepts,
                                                     .layouts = grad_layouts,
                                                     .prepare = grad_prepare,
                                                     .run = grad_run};
#endif
