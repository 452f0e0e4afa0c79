/* SPDX-License-Identifier: Apache-2.0
 *
 * matmul: y (M, N) = A B, each of A and B as it is or transposed. B is packed once per run into
 * groups of lanes, a job packs a panel of rows of A and computes its tiles (tile.h). The depth is
 * cut into chunks of fixed length whose partial sums are added in order, so the bits of a row
 * depend on neither the number of rows nor the number of threads.
 */
#include "backend/host/simd/tile.h"

#include <stdatomic.h>
#include <string.h>

#define GEMM_DEPTH 512
#define GEMM_PITCH (GEMM_DEPTH + 16) /* of packed rows: not a power of two, for the cache's sake */
#define GEMM_ROWS 96                 /* per panel, about */
#define GEMM_PIECE 64
#define GEMM_JOBS 16                 /* fewer panels than this are split by columns */

struct gemm {
    int64_t rows, columns, depth;
    int64_t a_row, a_next; /* distances in A: of rows, along the depth */
    int64_t b_next, b_column;
    int64_t panel, groups, splits, jobs;
    const float *a, *b;
    float *packed, *memory, *y;
    _Atomic int64_t next;
};

/* Copies rows x count values: to[i * pitch + k] = from[i * row + k * next]. */
static void gemm_copy(float *restrict to, int64_t pitch, const float *restrict from,
                      const int64_t apart[2], const int64_t count[2])
{
    const int64_t row = apart[0], next = apart[1];
    if (next == 1) {
        for (int64_t i = 0; i < count[0]; i++)
            memcpy(to + i * pitch, from + i * row, (size_t)count[1] * sizeof(float));
        return;
    }
    for (int64_t k = 0; k < count[1]; k++)
        for (int64_t i = 0; i < count[0]; i++)
            to[i * pitch + k] = from[i * row + k * next];
}
/* The same in pieces of rows that stay in the first cache while their columns are filled. */
static void gemm_copy_pieces(float *to, int64_t pitch, const float *from, const int64_t apart[2],
                             const int64_t count[2])
{
    for (int64_t i = 0; i < count[0]; i += GEMM_PIECE)
        gemm_copy(to + i * pitch, pitch, from + i * apart[0], apart,
                  (int64_t[2]){simd_min(GEMM_PIECE, count[0] - i), count[1]});
}

/* Group `index` of chunk `index / groups` of B: [depth][lane], the last group filled with zeros. */
static float *gemm_packed(const struct gemm *g, int64_t k0, int64_t count, int64_t column)
{
    return g->packed + k0 * tile_padded(g->columns) + count * column;
}
static void gemm_pack_job(void *arg, int64_t index)
{
    const struct gemm *g = arg;
    const int64_t column = index % g->groups * TILE_LANES, k0 = index / g->groups * GEMM_DEPTH;
    const int64_t count = simd_min(GEMM_DEPTH, g->depth - k0), lanes = tile_lanes(column, g->columns);
    const int64_t real = simd_min(lanes, g->columns - column);
    float *to = gemm_packed(g, k0, count, column);
    if (real < lanes)
        memset(to, 0, (size_t)(count * lanes) * sizeof(float));
    gemm_copy_pieces(to, lanes, g->b + k0 * g->b_next + column * g->b_column,
                     (int64_t[2]){g->b_next, g->b_column}, (int64_t[2]){count, real});
}

static void gemm_store(const struct gemm *g, const float *sum, const int64_t at[2], int64_t rows,
                       bool first)
{
    const int64_t lanes = tile_lanes(at[1], g->columns), real = simd_min(lanes, g->columns - at[1]);
    for (int64_t p = 0; p < rows; p++) {
        float *restrict y = g->y + (at[0] + p) * g->columns + at[1];
        const float *restrict s = sum + p * lanes;
        if (first)
            for (int64_t l = 0; l < real; l++)
                y[l] = s[l];
        else
            for (int64_t l = 0; l < real; l++)
                y[l] += s[l];
    }
}
/* Rows r0 .. r1-1, one group of columns, one chunk of the depth. */
static void gemm_group(const struct gemm *g, const float *a, const int64_t r[2], int64_t column,
                       const int64_t k[2])
{
    _Alignas(64) float sum[TILE_ROWS * TILE_LANES];
    const int64_t lanes = tile_lanes(column, g->columns);
    struct tile t = {.w = gemm_packed(g, k[0], k[1], column),
                     .outer = 1,
                     .runs = 1,
                     .length = k[1],
                     .x_step = 1,
                     .x_row = GEMM_PITCH,
                     .w_step = lanes,
                     .out = sum};
    for (int64_t i = r[0], n; i < r[1]; i += n) {
        n = tile_next(r[1] - i);
        t.x = a + (i - r[0]) * GEMM_PITCH;
        tile_run(&t, n, lanes);
        gemm_store(g, sum, (int64_t[2]){i, column}, n, k[0] == 0);
    }
}
static void gemm_job(const struct gemm *g, int64_t index, float *a)
{
    const int64_t s = index % g->splits, r0 = index / g->splits * g->panel;
    const int64_t r[2] = {r0, simd_min(r0 + g->panel, g->rows)};
    for (int64_t k0 = 0; k0 < g->depth; k0 += GEMM_DEPTH) {
        const int64_t k[2] = {k0, simd_min(GEMM_DEPTH, g->depth - k0)};
        gemm_copy(a, GEMM_PITCH, g->a + r0 * g->a_row + k0 * g->a_next,
                  (int64_t[2]){g->a_row, g->a_next}, (int64_t[2]){r[1] - r0, k[1]});
        for (int64_t j = g->groups * s / g->splits; j < g->groups * (s + 1) / g->splits; j++)
            gemm_group(g, a, r, j * TILE_LANES, k);
    }
}
static void gemm_worker(void *arg, int64_t worker)
{
    struct gemm *g = arg;
    for (;;) {
        const int64_t index = atomic_fetch_add_explicit(&g->next, 1, memory_order_relaxed);
        if (index >= g->jobs)
            return;
        gemm_job(g, index, g->memory + worker * g->panel * GEMM_PITCH);
    }
}

static void gemm_setup(const struct oddi_task *task, struct gemm *g)
{
    const int64_t *a = task->src[0].shape.dim, *b = task->src[1].shape.dim;
    const bool trans_a = task->attr.i[0] != 0, trans_b = task->attr.i[1] != 0;
    g->rows = task->dst.shape.dim[0];
    g->columns = task->dst.shape.dim[1];
    g->depth = a[trans_a ? 0 : 1];
    g->a_row = trans_a ? 1 : a[1];
    g->a_next = trans_a ? a[1] : 1;
    g->b_next = trans_b ? 1 : b[1];
    g->b_column = trans_b ? b[1] : 1;
    g->panel = simd_ceil(g->rows, simd_ceil(g->rows, GEMM_ROWS));
    g->groups = simd_ceil(g->columns, TILE_LANES);
    const int64_t panels = simd_ceil(g->rows, g->panel);
    g->splits = simd_min(g->groups, simd_ceil(GEMM_JOBS, panels));
    g->jobs = panels * g->splits;
}
static int gemm_workers(const struct oddi_task *task, const struct gemm *g)
{
    return (int)simd_max(1, simd_min(simd_min(task->threads, 256), g->jobs));
}
static odd_status gemm_prepare(struct odd_context *ctx, struct oddi_task *task, size_t *scratch,
                               size_t *keep)
{
    struct gemm g;
    size_t packed, panels;
    gemm_setup(task, &g);
    *keep = 0;
    if (!oddi_mul_size((size_t)g.depth * sizeof(float), (size_t)tile_padded(g.columns), &packed) ||
        !oddi_mul_size((size_t)(g.panel * GEMM_PITCH) * sizeof(float), (size_t)gemm_workers(task, &g),
                       &panels) ||
        !oddi_add_size(packed, panels, scratch))
        return oddi_fail(ctx, ODD_ENOMEM, "node '%s': working memory overflows the address space",
                         task->node);
    return ODD_OK;
}
static odd_status gemm_run(struct oddi_task *task)
{
    struct gemm g;
    gemm_setup(task, &g);
    atomic_init(&g.next, 0);
    g.a = simd_src(task, 0);
    g.b = simd_src(task, 1);
    g.y = simd_dst(task);
    g.packed = oddi_host(&task->scratch);
    g.memory = g.packed + g.depth * tile_padded(g.columns);
    oddi_parallel(task->threads, simd_ceil(g.depth, GEMM_DEPTH) * g.groups, gemm_pack_job, &g);
    oddi_parallel(task->threads, gemm_workers(task, &g), gemm_worker, &g);
    return ODD_OK;
}
static bool gemm_accepts(const struct oddi_task *task)
{
    return simd_f32(task) && task->dst.shape.rank == 2;
}
const struct oddi_kernel SIMD_NAME(kernel_matmul) = {.op = "matmul",
                                                     .name = "simd:matmul",
                                                     .accepts = gemm_accepts,
                                                     .prepare = gemm_prepare,
                                                     .run = gemm_run};
