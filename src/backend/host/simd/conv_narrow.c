/* SPDX-License-Identifier: Apache-2.0
 *
 * Convolution to few channels, too few to fill the lanes of a tile. So the products come first and
 * the taps are added afterwards: with the weights as a matrix of (tap, out channel) columns,
 *
 *   s[cell][tap, o] = sum_c x[cell][c] w[c][tap, o]       one tile product over the window's cells
 *   y[place][o]     = sum_j s[cell of place + j][tap(j), o] + bias, then the activation
 *
 * Only for steps of 1, where each cell's products are all used (all but the edge's).
 */
#include "backend/host/simd/conv.h"

#include <string.h>

typedef float four __attribute__((vector_size(16)));
typedef int32_t four_mask __attribute__((vector_size(16)));

static void narrow_add(float *restrict to, const float *restrict from, int64_t count, bool first)
{
    if (first)
        for (int64_t k = 0; k < count; k++)
            to[k] = from[k];
    else
        for (int64_t k = 0; k < count; k++)
            to[k] += from[k];
}
/* One chunk of channels: cells (rows of `window`) times columns, added to `sums`. */
static void narrow_products(const struct conv_call *call, const struct conv_part *p,
                            const float *window, float *sums)
{
    const struct conv *c = call->c;
    const int64_t columns = conv_columns(c), padded = tile_padded(columns);
    const int64_t cells = (p->n1 - p->n0) * c->in_rows * c->pitch;
    _Alignas(64) float sum[TILE_ROWS * TILE_LANES];
    struct tile t = {.outer = 1, .runs = 1, .length = p->count, .x_step = 1, .x_row = p->count};
    t.out = sum;
    for (int64_t i = 0, n; i < cells; i += n) {
        n = tile_next(cells - i);
        t.x = window + i * p->count;
        for (int64_t g = 0; g < columns; g += TILE_LANES) {
            t.w_step = tile_lanes(g, columns);
            t.w = call->w + p->c0 * padded + p->count * g;
            tile_run(&t, n, t.w_step);
            for (int64_t k = 0; k < n; k++)
                narrow_add(sums + (i + k) * padded + g, sum + k * t.w_step, t.w_step, p->c0 == 0);
        }
    }
}

/* The places of one phase of one part, and where the sums of a place's taps lie. */
struct narrow_phase {
    const struct conv_call *call;
    const struct conv_part *p;
    const float *sums;
    int64_t f[2], taps;
    int64_t lo[2], hi[2]; /* places, rows and columns */
    int64_t offset[CONV_NARROW_TAPS];
};
static void narrow_offsets(struct narrow_phase *a)
{
    const struct conv *c = a->call->c;
    const int64_t nh = conv_taps(&c->h, a->f[0]), nw = conv_taps(&c->w, a->f[1]);
    const int64_t padded = tile_padded(conv_columns(c));
    a->taps = nh * nw;
    for (int64_t j = 0; j < a->taps; j++) {
        const int64_t tap = conv_tap(&c->h, a->f[0], j / nw) * c->w.kernel +
                            conv_tap(&c->w, a->f[1], j % nw);
        a->offset[j] = (j / nw * c->pitch + j % nw) * padded + tap * c->out_channels;
    }
}
/* Sums of a place's taps, 4 out channels at once (those past the last are other sums: ignored). */
static inline four narrow_four(const struct narrow_phase *a, const float *s)
{
    four sum = {0};
    for (int64_t j = 0; j < a->taps; j++) {
        four v;
        memcpy(&v, s + a->offset[j], sizeof(v));
        sum += v;
    }
    return sum;
}
/* v > 0 ? v : slope v, without a branch that would guess signs. */
static inline four narrow_leaky(four v, float slope)
{
    const four_mask positive = v > (four){0};
    return (four)(((four_mask)v & positive) | ((four_mask)(v * slope) & ~positive));
}
/* Row r of places of image n, `count` out channels from o on. */
static inline void narrow_row(const struct narrow_phase *a, const int64_t at[2], int64_t o,
                              const int count)
{
    const struct conv *c = a->call->c;
    const int64_t padded = tile_padded(conv_columns(c)), plane = c->h.out * c->w.out, r = at[1];
    const int64_t cell = ((at[0] - a->p->n0) * c->in_rows + r - a->p->r0 + conv_lead(&c->h, a->f[0])) *
                             c->pitch + conv_lead(&c->w, a->f[1]) - a->p->q0;
    const int64_t line = r * c->h.phases + a->f[0] - c->h.shift, next = c->w.phases;
    float *y = a->call->y + (at[0] * c->out_channels + o) * plane + line * c->w.out + a->f[1] - c->w.shift;
    const float *s = a->sums + cell * padded + o;
    const float slope = a->call->slope;
    four bias = {0};
    for (int k = 0; a->call->bias && k < count; k++)
        bias[k] = a->call->bias[o + k];
    for (int64_t q = a->lo[1]; q < a->hi[1]; q++) {
        const four v = narrow_leaky(narrow_four(a, s + q * padded) + bias, slope);
        for (int k = 0; k < count; k++)
            y[k * plane + q * next] = v[k];
    }
}
static void narrow_channels(const struct narrow_phase *a, const int64_t at[2])
{
    for (int64_t o = 0; o < a->call->c->out_channels; o += 4)
        switch (a->call->c->out_channels - o) {
        case 1:
            narrow_row(a, at, o, 1);
            break;
        case 2:
            narrow_row(a, at, o, 2);
            break;
        case 3:
            narrow_row(a, at, o, 3);
            break;
        default:
            narrow_row(a, at, o, 4);
        }
}
static void narrow_phase(struct narrow_phase *a)
{
    const struct conv *c = a->call->c;
    narrow_offsets(a);
    a->lo[0] = a->p->r0;
    a->hi[0] = a->p->r1;
    a->lo[1] = a->p->q0;
    a->hi[1] = a->p->q1;
    conv_places(&c->h, a->f[0], &a->lo[0], &a->hi[0]);
    conv_places(&c->w, a->f[1], &a->lo[1], &a->hi[1]);
    for (int64_t n = a->p->n0; n < a->p->n1; n++)
        for (int64_t r = a->lo[0]; r < a->hi[0]; r++)
            narrow_channels(a, (int64_t[2]){n, r});
}

void SIMD_NAME(conv_narrow)(const struct conv_call *call, struct conv_part *p, float *memory)
{
    const struct conv *c = call->c;
    struct narrow_phase a = {.call = call, .p = p, .sums = memory + c->window};
    for (p->c0 = 0; p->c0 < c->in_channels; p->c0 += p->count) {
        p->count = simd_min(c->chunk, c->in_channels - p->c0);
        conv_window(c, p, call->x, memory);
        narrow_products(call, p, memory, memory + c->window);
    }
    for (a.f[0] = 0; a.f[0] < c->h.phases; a.f[0]++)
        for (a.f[1] = 0; a.f[1] < c->w.phases; a.f[1]++)
            narrow_phase(&a);
}
