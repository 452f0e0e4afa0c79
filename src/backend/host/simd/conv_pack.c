/* SPDX-License-Identifier: Apache-2.0
 *
 * Copies that make convolution regular: windows of the source with the padding written out, and
 * the weights in reading order.
 */
#include "backend/host/simd/conv.h"

#include <string.h>

/* A piece of one row of a picture: channel l of cell k goes to to[k * next + l]. */
struct pack_row {
    const float *x; /* picture */
    enum oddi_layout layout;
    int64_t plane, place;      /* cells of a plane; the piece's first cell */
    int64_t c0, channels, count;
    int64_t next;
    float *to;
};

static inline void pack_block(const struct pack_row *r, int64_t c, const int block)
{
    const float *restrict x = r->x + ((r->c0 + c) / block * r->plane + r->place) * block;
    float *restrict to = r->to + c;
    const int64_t next = r->next;
    for (int64_t k = 0; k < r->count; k++)
        for (int l = 0; l < block; l++)
            to[k * next + l] = x[k * block + l];
}
static void pack_row(const struct pack_row *r)
{
    const int64_t block = oddi_layout_block(r->layout);
    for (int64_t c = 0; c < r->channels; c += block)
        if (block == 16)
            pack_block(r, c, 16);
        else if (block == 8)
            pack_block(r, c, 8);
        else
            pack_block(r, c, 1);
}
static void pack_zero(float *to, int64_t count)
{
    if (count > 0)
        memset(to, 0, (size_t)count * sizeof(float));
}

/* Row i of the window of image n. */
static void pack_window_row(const struct conv *c, const struct conv_part *p, const struct oddi_arg *x,
                            const int64_t at[2], float *image)
{
    const int64_t n = at[0], i = at[1], line = p->r0 * c->h.step - c->h.before + i;
    const int64_t column = p->q0 * c->w.step - c->w.before;
    const int64_t width = (p->q1 - p->q0 - 1) * c->w.step + c->w.widest;
    const int64_t left = simd_min(simd_max(-column, 0), width);
    const int64_t right = simd_max(simd_min(c->w.in - column, width), left);
    float *to = image + i * c->pitch * p->count;
    if (line < 0 || line >= c->h.in) {
        pack_zero(to, width * p->count);
        return;
    }
    struct pack_row r = {.layout = x->layout, .plane = c->h.in * c->w.in, .c0 = p->c0};
    r.x = (const float *)oddi_host(x) + n * c->in_channels * r.plane;
    r.place = line * c->w.in + column + left;
    r.channels = r.next = p->count;
    r.count = right - left;
    r.to = to + left * p->count;
    pack_zero(to, left * p->count);
    if (r.count > 0)
        pack_row(&r);
    pack_zero(to + right * p->count, (width - right) * p->count);
}
void SIMD_NAME(conv_window)(const struct conv *c, const struct conv_part *p, const struct oddi_arg *x,
                            float *to)
{
    const int64_t rows = (p->r1 - p->r0 - 1) * c->h.step + c->h.widest;
    for (int64_t n = p->n0; n < p->n1; n++)
        for (int64_t i = 0; i < rows; i++)
            pack_window_row(c, p, x, (int64_t[2]){n, i},
                            to + (n - p->n0) * c->in_rows * c->pitch * p->count);
}

struct pack_weights {
    const struct conv *c;
    const float *from;
    float *to;
};

#define PACK_TAPS 16
#define PACK_AHEAD 4 /* channels */

/* Some taps of one group and chunk: where they are in the plain weights, where their lanes go. */
struct pack_taps {
    const struct conv_part *p;
    int64_t g, count;
    int64_t tap[PACK_TAPS];
    float *to[PACK_TAPS];
};
/* `count` taps of out channel l: they lie together in the plain weights. */
static inline void pack_lane(const struct pack_taps *a, const float *restrict from, float *restrict to,
                             const int count)
{
    for (int t = 0; t < count; t++)
        to[t * TILE_LANES] = from[a->tap[t]];
}
static void pack_channels(const struct pack_weights *w, const struct pack_taps *a)
{
    const struct conv *c = w->c;
    const int64_t lanes = tile_lanes(a->g, c->out_channels), next = c->weight_o;
    const int64_t real = simd_min(lanes, c->out_channels - a->g), ahead = PACK_AHEAD * c->weight_c;
    _Alignas(64) float row[PACK_TAPS * TILE_LANES];
    memset(row, 0, sizeof(row));
    for (int64_t i = 0; i < a->p->count; i++) {
        const float *from = w->from + a->g * next + (a->p->c0 + i) * c->weight_c;
        for (int64_t l = 0; l < real; l++) {
            __builtin_prefetch(from + l * next + ahead);
            if (a->count == PACK_TAPS)
                pack_lane(a, from + l * next, row + l, PACK_TAPS);
            else
                pack_lane(a, from + l * next, row + l, (int)a->count);
        }
        for (int64_t t = 0; t < a->count; t++)
            for (int64_t l = 0; l < lanes; l += VEC_WIDTH)
                vec_store(a->to[t] + i * lanes + l, vec_load(row + t * TILE_LANES + l));
    }
}
/* All taps of phase f join those that wait; a full set is written. */
static void pack_phase(const struct pack_weights *w, struct pack_taps *a, const int64_t f[2])
{
    const struct conv *c = w->c;
    const int64_t nw = conv_taps(&c->w, f[1]), taps = conv_taps(&c->h, f[0]) * nw;
    const int64_t lanes = tile_lanes(a->g, c->out_channels);
    float *to = w->to + conv_weights_place(c, a->p, a->g, f[0], f[1]);
    for (int64_t t = 0; t < taps; t++) {
        a->tap[a->count] = conv_tap(&c->h, f[0], t / nw) * c->w.kernel + conv_tap(&c->w, f[1], t % nw);
        a->to[a->count++] = to + t * a->p->count * lanes;
        if (a->count == PACK_TAPS) {
            pack_channels(w, a);
            a->count = 0;
        }
    }
}
/* Narrow: lane j of the group is (tap, out channel) number g + j. */
static void pack_narrow(const struct pack_weights *w, const struct conv_part *p, int64_t g)
{
    const struct conv *c = w->c;
    const int64_t columns = conv_columns(c), lanes = tile_lanes(g, columns);
    float *to = w->to + p->c0 * tile_padded(columns) + p->count * g;
    for (int64_t i = 0; i < p->count; i++)
        for (int64_t l = 0; l < lanes; l++) {
            const int64_t tap = (g + l) / c->out_channels, o = (g + l) % c->out_channels;
            to[i * lanes + l] = g + l < columns ? w->from[o * c->weight_o + (p->c0 + i) * c->weight_c + tap]
                                                : 0.0f;
        }
}
static void pack_weights_job(void *arg, int64_t index)
{
    const struct pack_weights *w = arg;
    const struct conv *c = w->c;
    const int64_t groups = simd_ceil(conv_columns(c), TILE_LANES);
    struct conv_part p = {.c0 = index / groups * c->chunk};
    struct pack_taps a = {.p = &p, .g = index % groups * TILE_LANES};
    p.count = simd_min(c->chunk, c->in_channels - p.c0);
    if (c->narrow) {
        pack_narrow(w, &p, a.g);
        return;
    }
    for (int64_t i = 0; i < c->h.phases * c->w.phases; i++)
        pack_phase(w, &a, (int64_t[2]){i / c->w.phases, i % c->w.phases});
    if (a.count > 0)
        pack_channels(w, &a);
}
void SIMD_NAME(conv_weights)(const struct conv *c, int threads, const float *from, float *to)
{
    struct pack_weights w = {.c = c, .from = from, .to = to};
    const int64_t groups = simd_ceil(conv_columns(c), TILE_LANES);
    oddi_parallel(threads, simd_ceil(c->in_channels, c->chunk) * groups, pack_weights_job, &w);
}
