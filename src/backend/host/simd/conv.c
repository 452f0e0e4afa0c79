/* SPDX-License-Identifier: Apache-2.0
 *
 * conv2d and conv2d_bwd_data: how the work is cut, and the kernels. See conv.h.
 */
#include "backend/host/simd/conv.h"

#define CONV_DEPTH 1024   /* terms of a sum per pass: a group's weights then fit the second cache */
#define CONV_PLACES 256  /* of a phase per job, about */
#define CONV_COLUMNS 256 /* most columns of places per job */
#define CONV_JOBS 16     /* fewer parts than this are split by out channels */
#define CONV_NARROW (VEC_WIDTH / 3 + 1) /* most out channels for conv_narrow.c */
#define CONV_STRIDE 16

/* One chunk of one phase of one job. */
struct conv_phase {
    const struct conv_call *call;
    const struct conv_part *p;
    int64_t f[2], lo[2], hi[2]; /* phase and its places, rows and columns */
    float *window, *flat;
    bool first, last; /* chunk */
};
struct conv_store { /* sums of a tile and where they go */
    const float *sum;
    int64_t rows, lanes, channel;
    int64_t offset[TILE_ROWS]; /* of each row's cell in y, channel block 0 */
};

static inline float conv_value(float v, float slope)
{
    const float t = slope * v;
    return slope == 1.0f || v > 0.0f ? v : t; /* the first spares a guess of signs */
}
/* One piece of one row: a whole vector, or 8 channels under longer vectors. */
static inline void conv_store_piece(float *restrict y, const float *restrict sum,
                                    const float *restrict bias, float slope, bool first,
                                    const int piece)
{
    if (piece == VEC_WIDTH) {
        const vec v = vec_add(vec_load(sum), vec_load(bias));
        vec_store(y, vec_leaky(first ? v : vec_add(vec_load(y), v), vec_all(slope)));
        return;
    }
    for (int l = 0; l < piece; l++) {
        const float v = sum[l] + bias[l];
        y[l] = conv_value(first ? v : y[l] + v, slope);
    }
}
/* To a result in blocks of `block` channels: pieces of a row's lanes are runs of memory. */
static inline void conv_store_block(const struct conv_phase *a, const struct conv_store *s,
                                    const int block)
{
    const struct conv *c = a->call->c;
    const int piece = block < VEC_WIDTH ? block : VEC_WIDTH;
    const int64_t plane = c->h.out * c->w.out, end = simd_min(s->lanes, c->out_channels - s->channel);
    const float slope = a->last ? a->call->slope : 1.0f;
    for (int64_t j = 0; j < end; j += piece) {
        const int64_t channel = s->channel + j;
        float *y = a->call->y + channel / block * block * plane + channel % block;
        float bias[VEC_WIDTH] = {0};
        for (int l = 0; a->last && a->call->bias && l < piece; l++)
            bias[l] = a->call->bias[channel + l];
        for (int64_t p = 0; p < s->rows; p++)
            conv_store_piece(y + s->offset[p], s->sum + p * s->lanes + j, bias, slope, a->first, piece);
    }
}
static void conv_store_plain(const struct conv_phase *a, const struct conv_store *s)
{
    const struct conv *c = a->call->c;
    const int64_t plane = c->h.out * c->w.out, end = simd_min(s->lanes, c->out_channels - s->channel);
    const float slope = a->last ? a->call->slope : 1.0f;
    for (int64_t l = 0; l < end; l++) {
        const int64_t channel = s->channel + l;
        const float bias = a->last && a->call->bias ? a->call->bias[channel] : 0.0f;
        for (int64_t p = 0; p < s->rows; p++) {
            float *y = a->call->y + s->offset[p] + channel * plane;
            const float before = a->first ? 0.0f : *y;
            *y = conv_value(before + (s->sum[p * s->lanes + l] + bias), slope);
        }
    }
}
static void conv_store(const struct conv_phase *a, const struct conv_store *s)
{
    switch (a->call->layout) {
    case ODDI_C16:
        conv_store_block(a, s, 16);
        break;
    case ODDI_C8:
        conv_store_block(a, s, 8);
        break;
    case ODDI_PLAIN:
        conv_store_plain(a, s);
        break;
    }
}

/* Cell of y (channel block 0) that place (r, q) of image n is. */
static int64_t conv_offset(const struct conv_phase *a, int64_t n, int64_t r, int64_t q)
{
    const struct conv *c = a->call->c;
    const int64_t row = r * c->h.phases + a->f[0] - c->h.shift;
    const int64_t col = q * c->w.phases + a->f[1] - c->w.shift;
    return n * c->out_channels * c->h.out * c->w.out +
           (row * c->w.out + col) * oddi_layout_block(a->call->layout);
}
/* Where the window of that place begins. */
static const float *conv_source(const struct conv_phase *a, int64_t n, int64_t r, int64_t q)
{
    const struct conv *c = a->call->c;
    const struct conv_part *p = a->p;
    const int64_t row = (r - p->r0) * c->h.step + conv_lead(&c->h, a->f[0]);
    const int64_t col = (q - p->q0) * c->w.step + conv_lead(&c->w, a->f[1]);
    return a->window + (((n - p->n0) * c->in_rows + row) * c->pitch + col) * p->count;
}

/* One group of out channels, windows read directly: a tile is a piece of a row of places. */
static void conv_group(const struct conv_phase *a, int64_t g)
{
    const struct conv *c = a->call->c;
    const struct conv_part *p = a->p;
    const int64_t nh = conv_taps(&c->h, a->f[0]), nw = conv_taps(&c->w, a->f[1]);
    const int64_t lines = (a->hi[0] - a->lo[0]) * (p->n1 - p->n0);
    _Alignas(64) float sum[TILE_ROWS * TILE_LANES];
    struct conv_store s = {.sum = sum, .channel = g, .lanes = tile_lanes(g, c->out_channels)};
    struct tile t = {.w = a->call->w + conv_weights_place(c, p, g, a->f[0], a->f[1]),
                     .outer = 1,
                     .runs = nh,
                     .length = nw * p->count,
                     .x_run = c->pitch * p->count,
                     .x_step = 1,
                     .x_row = c->w.step * p->count,
                     .w_run = nw * p->count * s.lanes,
                     .w_step = s.lanes,
                     .out = sum};
    for (int64_t i = 0; i < lines; i++) {
        const int64_t n = p->n0 + i / (a->hi[0] - a->lo[0]), r = a->lo[0] + i % (a->hi[0] - a->lo[0]);
        for (int64_t q = a->lo[1]; q < a->hi[1]; q += s.rows) {
            s.rows = tile_next(a->hi[1] - q);
            t.x = conv_source(a, n, r, q);
            tile_run(&t, s.rows, s.lanes);
            for (int64_t k = 0; k < s.rows; k++)
                s.offset[k] = conv_offset(a, n, r, q + k);
            conv_store(a, &s);
        }
    }
}

/* Place number i of the phase's rectangle. */
static void conv_place(const struct conv_phase *a, int64_t i, int64_t at[3])
{
    const int64_t width = a->hi[1] - a->lo[1], height = a->hi[0] - a->lo[0];
    at[2] = a->lo[1] + i % width;
    at[1] = a->lo[0] + i / width % height;
    at[0] = a->p->n0 + i / width / height;
}
/* Copies each place's taps behind one another, so that a tile may take places of several rows. */
static void conv_flatten(const struct conv_phase *a, int64_t count, int64_t next)
{
    const struct conv *c = a->call->c;
    const int64_t nh = conv_taps(&c->h, a->f[0]), nw = conv_taps(&c->w, a->f[1]);
    const int64_t run = nw * a->p->count;
    for (int64_t i = 0; i < count; i++) {
        int64_t at[3];
        conv_place(a, i, at);
        const float *x = conv_source(a, at[0], at[1], at[2]);
        for (int64_t j = 0; j < nh; j++)
            for (int64_t k = 0; k < run; k++)
                a->flat[i * next + j * run + k] = x[j * c->pitch * a->p->count + k];
    }
}
static void conv_group_flat(const struct conv_phase *a, int64_t g, int64_t count, int64_t next)
{
    const struct conv *c = a->call->c;
    const int64_t taps = conv_taps(&c->h, a->f[0]) * conv_taps(&c->w, a->f[1]);
    _Alignas(64) float sum[TILE_ROWS * TILE_LANES];
    struct conv_store s = {.sum = sum, .channel = g, .lanes = tile_lanes(g, c->out_channels)};
    struct tile t = {.w = a->call->w + conv_weights_place(c, a->p, g, a->f[0], a->f[1]),
                     .outer = 1,
                     .runs = 1,
                     .length = taps * a->p->count,
                     .x_step = 1,
                     .x_row = next,
                     .w_step = s.lanes,
                     .out = sum};
    for (int64_t i = 0; i < count; i += s.rows) {
        s.rows = tile_next(count - i);
        t.x = a->flat + i * next;
        tile_run(&t, s.rows, s.lanes);
        for (int64_t k = 0; k < s.rows; k++) {
            int64_t at[3];
            conv_place(a, i + k, at);
            s.offset[k] = conv_offset(a, at[0], at[1], at[2]);
        }
        conv_store(a, &s);
    }
}

static void conv_phase(struct conv_phase *a)
{
    const struct conv *c = a->call->c;
    const struct conv_part *p = a->p;
    a->lo[0] = p->r0;
    a->hi[0] = p->r1;
    a->lo[1] = p->q0;
    a->hi[1] = p->q1;
    conv_places(&c->h, a->f[0], &a->lo[0], &a->hi[0]);
    conv_places(&c->w, a->f[1], &a->lo[1], &a->hi[1]);
    if (a->hi[0] <= a->lo[0] || a->hi[1] <= a->lo[1])
        return;
    if (!c->flat) {
        for (int64_t g = p->g0; g < p->g1; g += TILE_LANES)
            conv_group(a, g);
        return;
    }
    const int64_t count = (p->n1 - p->n0) * (a->hi[0] - a->lo[0]) * (a->hi[1] - a->lo[1]);
    const int64_t taps = conv_taps(&c->h, a->f[0]) * conv_taps(&c->w, a->f[1]);
    conv_flatten(a, count, taps * p->count);
    for (int64_t g = p->g0; g < p->g1; g += TILE_LANES)
        conv_group_flat(a, g, count, taps * p->count);
}

/* Job number `index`: which part it is. */
static struct conv_part conv_part(const struct conv *c, int64_t index)
{
    const int64_t across = simd_ceil(c->w.places, c->cols), down = simd_ceil(c->h.places, c->rows);
    const int64_t groups = simd_ceil(c->out_channels, TILE_LANES), s = index % c->splits;
    const int64_t band = index / c->splits;
    struct conv_part p;
    p.g0 = groups * s / c->splits * TILE_LANES;
    p.g1 = simd_min(groups * (s + 1) / c->splits * TILE_LANES, c->out_channels);
    p.q0 = band % across * c->cols;
    p.q1 = simd_min(p.q0 + c->cols, c->w.places);
    p.r0 = band / across % down * c->rows;
    p.r1 = simd_min(p.r0 + c->rows, c->h.places);
    p.n0 = band / across / down * c->group;
    p.n1 = simd_min(p.n0 + c->group, c->images);
    p.c0 = p.count = 0;
    return p;
}
static int64_t conv_jobs(const struct conv *c)
{
    return simd_ceil(c->images, c->group) * simd_ceil(c->h.places, c->rows) *
           simd_ceil(c->w.places, c->cols) * c->splits;
}
static void conv_job(const struct conv_call *call, int64_t index, float *memory)
{
    const struct conv *c = call->c;
    struct conv_part p = conv_part(c, index);
    struct conv_phase a = {.call = call, .p = &p, .window = memory, .flat = memory + c->window};
    if (c->narrow) {
        conv_narrow(call, &p, memory);
        return;
    }
    for (p.c0 = 0; p.c0 < c->in_channels; p.c0 += p.count) {
        p.count = simd_min(c->chunk, c->in_channels - p.c0);
        a.first = p.c0 == 0;
        a.last = p.c0 + p.count == c->in_channels;
        conv_window(c, &p, call->x, memory);
        for (a.f[0] = 0; a.f[0] < c->h.phases; a.f[0]++)
            for (a.f[1] = 0; a.f[1] < c->w.phases; a.f[1]++)
                conv_phase(&a);
    }
}
/* A worker has its own window and takes jobs until none is left. */
static void conv_worker(void *arg, int64_t worker)
{
    struct conv_call *call = arg;
    float *memory = call->memory + worker * (call->c->window + call->c->flat);
    for (;;) {
        const int64_t index = atomic_fetch_add_explicit(&call->next, 1, memory_order_relaxed);
        if (index >= call->jobs)
            return;
        conv_job(call, index, memory);
    }
}

/* Working memory: the window, and the flattened taps or the narrow sums. */
static void conv_size(struct conv *c)
{
    c->in_rows = (c->rows - 1) * c->h.step + c->h.widest;
    c->pitch = (c->cols - 1) * c->w.step + c->w.widest;
    const int64_t cells = c->group * c->in_rows * c->pitch, places = c->group * c->rows * c->cols;
    c->window = simd_ceil(cells * c->chunk, 16) * 16;
    if (c->narrow)
        c->flat = cells * tile_padded(conv_columns(c)) + 4;
    else if (2 * c->w.places <= TILE_ROWS)
        c->flat = places * c->h.widest * c->w.widest * c->chunk;
    c->flat = simd_ceil(c->flat, 16) * 16;
}
static void conv_cut(struct conv *c)
{
    const int64_t taps = c->h.widest * c->w.widest, places = c->h.places * c->w.places;
    const int64_t most = c->narrow ? 4 * CONV_PLACES : CONV_PLACES;
    c->chunk = conv_chunk(c->in_channels, c->narrow ? 8 : taps, CONV_DEPTH);
    c->cols = conv_even(c->w.places, CONV_COLUMNS);
    c->rows = conv_even(c->h.places, most / c->cols);
    c->group = simd_max(1, simd_min(c->images, most / places));
    c->splits = 1;
    const int64_t jobs = conv_jobs(c), groups = simd_ceil(c->out_channels, TILE_LANES);
    if (!c->narrow)
        c->splits = simd_min(groups, simd_ceil(CONV_JOBS, jobs));
    conv_size(c);
}
static struct conv conv_of(const struct oddi_task *task, bool adjoint)
{
    const int64_t *x = task->src[0].shape.dim, *w = task->src[1].shape.dim, *y = task->dst.shape.dim;
    struct conv c = {.images = x[0], .in_channels = x[1], .out_channels = y[1]};
    const int64_t stride = task->attr.i[0], pad = task->attr.i[1];
    c.h = conv_axis(adjoint, (int64_t[3]){x[2], y[2], w[2]}, stride, pad);
    c.w = conv_axis(adjoint, (int64_t[3]){x[3], y[3], w[3]}, stride, pad);
    c.weight_o = w[2] * w[3] * (adjoint ? 1 : w[1]);
    c.weight_c = w[2] * w[3] * (adjoint ? w[1] : 1);
    c.narrow = c.out_channels <= CONV_NARROW && c.w.step == 1 && w[2] <= CONV_NARROW_TAPS / w[3];
    conv_cut(&c);
    return c;
}

static int conv_workers(const struct oddi_task *task, const struct conv *c)
{
    return (int)simd_max(1, simd_min(simd_min(task->threads, 256), conv_jobs(c)));
}
static odd_status conv_prepare(struct odd_context *ctx, struct oddi_task *task, const struct conv *c,
                               size_t sizes[2])
{
    const int64_t columns = c->narrow ? tile_padded(conv_columns(c))
                                      : c->h.kernel * c->w.kernel * tile_padded(c->out_channels);
    size_t memory, weights;
    if (!oddi_mul_size((size_t)(c->window + c->flat) * sizeof(float), (size_t)conv_workers(task, c),
                       &memory) ||
        !oddi_mul_size((size_t)columns * sizeof(float), (size_t)c->in_channels, &weights) ||
        !oddi_add_size(weights, 64, &weights))
        return oddi_fail(ctx, ODD_ENOMEM, "node '%s': working memory overflows the address space",
                         task->node);
    sizes[0] = memory;
    sizes[1] = weights;
    return ODD_OK;
}

/* Re-laid weights of this node, renewed when the version says that they changed. */
static const float *conv_kept(const struct oddi_task *task, const struct conv *c)
{
    uint64_t *version = oddi_host(&task->keep);
    float *kept = (float *)(void *)((char *)oddi_host(&task->keep) + 64);
    if (task->src[1].version == 0 || *version != task->src[1].version)
        conv_weights(c, task->threads, simd_src(task, 1), kept);
    *version = task->src[1].version;
    return kept;
}
static odd_status conv_run(struct oddi_task *task, const struct conv *c)
{
    struct conv_call call = {.c = c, .x = &task->src[0], .layout = task->dst.layout};
    call.w = conv_kept(task, c);
    call.bias = task->src_count > 2 ? simd_src(task, 2) : NULL;
    call.y = simd_dst(task);
    call.memory = oddi_host(&task->scratch);
    call.slope = task->attr.i[2] == 1 ? (float)task->attr.f[3] : 1.0f;
    call.jobs = conv_jobs(c);
    oddi_parallel(task->threads, conv_workers(task, c), conv_worker, &call);
    return ODD_OK;
}

static bool conv_accepts(const struct oddi_task *task)
{
    const int64_t stride = task->attr.i[0], pad = task->attr.i[1];
    return simd_f32(task) && task->src[0].shape.rank == 4 && task->src[1].shape.rank == 4 &&
           stride >= 1 && stride <= CONV_STRIDE && pad >= 0 && pad <= INT32_MAX;
}
static void conv_layouts(struct oddi_task *task)
{
    for (int i = 1; i < task->src_count; i++)
        task->src[i].layout = ODDI_PLAIN;
    task->dst.layout = oddi_host_blocked(task->dst.shape.dim[1]);
}

#define CONV_KERNEL(stem, adjoint)                                                                 \
    static odd_status stem##_prepare(struct odd_context *ctx, struct oddi_task *task,              \
                                     size_t *scratch, size_t *keep)                                \
    {                                                                                              \
        const struct conv c = conv_of(task, adjoint);                                              \
        size_t sizes[2] = {0};                                                                     \
        const odd_status status = conv_prepare(ctx, task, &c, sizes);                              \
        *scratch = sizes[0];                                                                       \
        *keep = sizes[1];                                                                          \
        return status;                                                                             \
    }                                                                                              \
    static odd_status stem##_run(struct oddi_task *task)                                           \
    {                                                                                              \
        const struct conv c = conv_of(task, adjoint);                                              \
        return conv_run(task, &c);                                                                 \
    }                                                                                              \
    const struct oddi_kernel SIMD_NAME(kernel_##stem) = {.op = #stem,                              \
                                                         .name = "simd:" #stem,                    \
                                                         .accepts = conv_accepts,                  \
                                                         .layouts = conv_layouts,                  \
                                                         .prepare = stem##_prepare,                \
                                                         .run = stem##_run};
CONV_KERNEL(conv2d, false)
CONV_KERNEL(conv2d_bwd_data, true)
