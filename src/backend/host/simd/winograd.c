/* SPDX-License-Identifier: Apache-2.0
 *
 * conv2d and conv2d_bwd_data by Winograd tiles (winograd.h): how the work is cut, and the kernels,
 * a set of their own so that it can be left out.
 *
 * A job has some tiles of the batch and some out channels. It transforms its source cells for all
 * in channels to v, multiplies into m one of the 36 matrices after the other (so that one matrix's
 * share of v, m and the weights is in the second cache at a time), and transforms m to results.
 * Where that would make too few jobs, or one whose weights are large, the out channels are split
 * and the source is transformed again for each split, which is little work.
 */
#include "backend/host/simd/winograd.h"

#if ODDI_ISA_LEVEL > 0
#include <stdatomic.h>

struct winograd_team {
    const struct winograd_crew *crew;
    _Atomic int64_t next;
};
int SIMD_NAME(winograd_workers)(int threads, int64_t jobs)
{
    return (int)simd_max(1, simd_min(simd_min(threads, 256), jobs));
}
static void winograd_worker(void *arg, int64_t worker)
{
    struct winograd_team *t = arg;
    for (;;) {
        const int64_t index = atomic_fetch_add_explicit(&t->next, 1, memory_order_relaxed);
        if (index >= t->crew->jobs)
            return;
        t->crew->job(t->crew->arg, index, t->crew->memory + worker * t->crew->each);
    }
}
void SIMD_NAME(winograd_go)(int threads, const struct winograd_crew *crew)
{
    struct winograd_team t = {.crew = crew};
    oddi_parallel(threads, winograd_workers(threads, crew->jobs), winograd_worker, &t);
}

#define WINOGRAD_FLOATS 262144 /* of v and m, about, where that gives the fewest tiles or more */
#define WINOGRAD_LEAST 48      /* tiles of a job: how often weights that were read are used */
#define WINOGRAD_MOST 96
#define WINOGRAD_SPLIT 128 /* out channels per job, if there are twice as many */
#define WINOGRAD_FEWEST 64 /* the same where there are few jobs */
#define WINOGRAD_JOBS 16

struct winograd_call {
    const struct winograd *g;
    const float *x, *u, *bias;
    float *y;
    float slope;
};

/* The products of one of the 36 matrices: `count` tiles, out channels o0 .. o1-1. */
static void winograd_products(const struct winograd_call *call, const float *v, float *m,
                              const int64_t part[3], int cell)
{
    const struct winograd *g = call->g;
    const int64_t count = part[0], o0 = part[1], o1 = part[2];
    struct tile t = {
        .outer = 1, .runs = 1, .length = g->in_channels, .x_step = 1, .x_row = g->in_channels};
    for (int64_t o = o0; o < o1; o += TILE_LANES) {
        const int64_t lanes = tile_lanes(o, g->out_channels);
        t.w = call->u + cell * g->u_apart + o * g->in_channels;
        t.w_step = lanes;
        for (int64_t i = 0, rows; i < count; i += rows) {
            rows = tile_next(count - i);
            t.x = v + cell * g->v_apart + i * g->in_channels;
            t.out = m + cell * g->m_apart + (o - o0) * g->block + i * lanes;
            tile_run(&t, rows, lanes);
        }
    }
}
static void winograd_job(const void *arg, int64_t index, float *memory)
{
    const struct winograd_call *call = arg;
    const struct winograd *g = call->g;
    const int64_t first = index % g->blocks * g->block, o0 = index / g->blocks * g->split;
    const int64_t part[3] = {simd_min(g->block, g->tiles - first), o0,
                             simd_min(o0 + g->split, g->out_channels)};
    float *v = memory, *m = memory + WINOGRAD_CELLS * g->v_apart;
    const struct winograd_source s = {.x = call->x, .count = g->in_channels, .apart = g->v_apart};
    for (int64_t i = 0; i < part[0]; i++)
        winograd_source_tile(g, &s, first + i, v + i * g->in_channels);
    for (int cell = 0; cell < WINOGRAD_CELLS; cell++)
        winograd_products(call, v, m, part, cell);
    struct winograd_result r = {.y = call->y, .bias = call->bias, .slope = call->slope};
    r.apart = g->m_apart;
    for (int64_t i = 0; i < part[0]; i++)
        for (r.o0 = o0; r.o0 < part[2]; r.o0 += TILE_LANES) {
            r.count = tile_lanes(r.o0, g->out_channels);
            winograd_result_tile(g, &r, first + i, m + (r.o0 - o0) * g->block + i * r.count);
        }
}

/* Sizes of the jobs, a function of the shapes. */
static void winograd_cut(struct winograd *g)
{
    const int64_t lanes = TILE_LANES, out = g->out_channels;
    g->split = out >= 2 * WINOGRAD_SPLIT ? WINOGRAD_SPLIT : out;
    const int64_t fit = WINOGRAD_FLOATS / WINOGRAD_CELLS / (g->in_channels + g->split);
    g->block = simd_max(WINOGRAD_LEAST, simd_min(WINOGRAD_MOST, fit / TILE_ROWS * TILE_ROWS));
    g->block = simd_min(g->block, g->tiles);
    g->blocks = simd_ceil(g->tiles, g->block);
    if (g->blocks * simd_ceil(out, g->split) < WINOGRAD_JOBS)
        g->split = simd_min(g->split, WINOGRAD_FEWEST);
    g->split = simd_ceil(g->split, lanes) * lanes;
    g->splits = simd_ceil(out, g->split);
    g->v_apart = g->block * g->in_channels + WINOGRAD_SLACK;
    g->m_apart = g->block * simd_min(g->split, out) + WINOGRAD_SLACK;
    g->u_apart = g->in_channels * out + WINOGRAD_SLACK;
}
struct winograd SIMD_NAME(winograd_shape)(const int64_t *x, const int64_t *y, int64_t pad)
{
    struct winograd g = {.images = x[0],
                         .in_channels = x[1],
                         .out_channels = y[1],
                         .h = x[2],
                         .w = x[3],
                         .oh = y[2],
                         .ow = y[3],
                         .pad = pad};
    g.down = simd_ceil(g.oh, WINOGRAD_OUT);
    g.across = simd_ceil(g.ow, WINOGRAD_OUT);
    g.tiles = g.images * g.down * g.across;
    return g;
}
static struct winograd winograd_of(const struct oddi_task *task, bool adjoint)
{
    const int64_t *x = task->src[0].shape.dim, *y = task->dst.shape.dim, pad = task->attr.i[1];
    struct winograd g = winograd_shape(x, y, adjoint ? 2 - pad : pad);
    g.turned = adjoint;
    winograd_cut(&g);
    return g;
}

static odd_status winograd_prepare(struct odd_context *ctx, struct oddi_task *task, bool adjoint,
                                   size_t sizes[2])
{
    const struct winograd g = winograd_of(task, adjoint);
    const size_t each = sizeof(float) * WINOGRAD_CELLS, apart = (size_t)(g.v_apart + g.m_apart);
    const size_t workers = (size_t)winograd_workers(task->threads, g.blocks * g.splits);
    size_t memory, weights;
    if (!oddi_mul_size(apart, each, &memory) || !oddi_mul_size(memory, workers, &memory) ||
        !oddi_mul_size((size_t)g.u_apart, each, &weights) || !oddi_add_size(weights, 64, &weights))
        return oddi_fail(ctx, ODD_ENOMEM, "node '%s': working memory overflows the address space",
                         task->node);
    sizes[0] = memory;
    sizes[1] = weights;
    return ODD_OK;
}
static odd_status winograd_run(struct oddi_task *task, bool adjoint)
{
    const struct winograd g = winograd_of(task, adjoint);
    uint64_t *version = oddi_host(&task->keep);
    float *u = (float *)(void *)((char *)oddi_host(&task->keep) + 64);
    if (task->src[1].version == 0 || *version != task->src[1].version)
        winograd_weights(&g, task->threads, simd_src(task, 1), u);
    *version = task->src[1].version;
    const struct winograd_call call = {
        .g = &g,
        .x = simd_src(task, 0),
        .u = u,
        .bias = task->src_count > 2 ? simd_src(task, 2) : NULL,
        .y = simd_dst(task),
        .slope = task->attr.i[2] == 1 ? (float)task->attr.f[3] : 1.0f,
    };
    const struct winograd_crew crew = {.job = winograd_job,
                                       .arg = &call,
                                       .memory = oddi_host(&task->scratch),
                                       .each = WINOGRAD_CELLS * (g.v_apart + g.m_apart),
                                       .jobs = g.blocks * g.splits};
    winograd_go(task->threads, &crew);
    return ODD_OK;
}

/* Whether tiles cover the result with so little waste that they win: by picture, never by batch. */
static bool winograd_pays(int64_t oh, int64_t ow)
{
    const int64_t tiles = simd_ceil(oh, WINOGRAD_OUT) * simd_ceil(ow, WINOGRAD_OUT);
    return tiles >= 4 && tiles * WINOGRAD_CELLS * 2 <= oh * ow * 9;
}
bool SIMD_NAME(winograd_takes)(const struct oddi_task *task, const struct oddi_arg *y,
                               const struct oddi_arg *w)
{
    const int64_t most = (int64_t)1 << 40, pad = task->attr.i[1];
    if (!simd_f32(task) || task->src[0].shape.rank != 4 || y->shape.rank != 4 || w->shape.rank != 4)
        return false;
    const int64_t *from = task->src[0].shape.dim, *to = y->shape.dim;
    return task->attr.i[0] == 1 && pad >= 0 && pad <= 2 && w->shape.dim[2] == 3 &&
           w->shape.dim[3] == 3 && from[1] % VEC_WIDTH == 0 && to[1] % VEC_WIDTH == 0 &&
           from[1] <= most / to[1] && winograd_pays(to[2], to[3]);
}
static bool winograd_accepts(const struct oddi_task *task)
{
    return winograd_takes(task, &task->dst, &task->src[1]);
}
static void winograd_layouts(struct oddi_task *task)
{
    for (int i = 1; i < task->src_count; i++)
        task->src[i].layout = ODDI_PLAIN;
    task->src[0].layout = task->dst.layout = WINOGRAD_LAYOUT;
}

#define WINOGRAD_KERNEL(stem, adjoint)                                                             \
    static odd_status winograd_##stem##_prepare(struct odd_context *ctx, struct oddi_task *task,   \
                                                size_t *scratch, size_t *keep)                     \
    {                                                                                              \
        size_t sizes[2] = {0};                                                                     \
        const odd_status status = winograd_prepare(ctx, task, adjoint, sizes);                     \
        *scratch = sizes[0];                                                                       \
        *keep = sizes[1];                                                                          \
        return status;                                                                             \
    }                                                                                              \
    static odd_status winograd_##stem##_run(struct oddi_task *task)                                \
    {                                                                                              \
        return winograd_run(task, adjoint);                                                        \
    }                                                                                              \
    static const struct oddi_kernel winograd_##stem = {.op = #stem,                                \
                                                       .name = "winograd:" #stem,                  \
                                                       .accepts = winograd_accepts,                \
                                                       .layouts = winograd_layouts,                \
                                                       .prepare = winograd_##stem##_prepare,       \
                                                       .run = winograd_##stem##_run};
WINOGRAD_KERNEL(conv2d, false)
WINOGRAD_KERNEL(conv2d_bwd_data, true)

static bool winograd_usable(void)
{
    return SIMD_NAME(set).usable();
}
static const struct oddi_kernel *const winograd_all[] = {
    &winograd_conv2d, &winograd_conv2d_bwd_data, &SIMD_NAME(winograd_grad), NULL};
const struct oddi_kernel_set SIMD_NAME(winograd_set) = {
    .name = "winograd",
    .usable = winograd_usable,
    .kernels = winograd_all,
};
#endif
