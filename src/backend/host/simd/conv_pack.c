/* SPDX-License-Identifier: Apache-2.0
 *
 * Copies that make convolution regular: windows of the source with the padding written out, and
 * the weights in reading order.
 */
#include "backend/host/simd/conv.h"

#include <string.h>

/* One row of the window in one image: source columns from..from+count-1 lie at `to` (already past
 * the padding); channel l of column k goes to to[k * next + l * apart]. */
struct pack_row {
    const float *x; /* image */
    enum oddi_layout layout;
    int64_t plane, place; /* of the source; first cell of the row's part within a plane */
    int64_t c0, channels, count;
    int64_t next, apart;
    float *to;
};

static inline void pack_block(const struct pack_row *r, int64_t c, const int block)
{
    const float *restrict x = r->x + ((r->c0 + c) / block * r->plane + r->place) * block;
    float *restrict to = r->to + c * r->apart;
    const int64_t next = r->next, apart = r->apart;
    if (apart == 1) {
        for (int64_t k = 0; k < r->count; k++)
            for (int l = 0; l < block; l++)
                to[k * next + l] = x[k * block + l];
        return;
    }
    for (int64_t k = 0; k < r->count; k++)
        for (int l = 0; l < block; l++)
            to[k + l * apart] = x[k * block + l];
}
static void pack_plain(const struct pack_row *r, int64_t c)
{
    const float *restrict x = r->x + (r->c0 + c) * r->plane + r->place;
    float *restrict to = r->to + c * r->apart;
    const int64_t next = r->next;
    if (next == 1)
        memcpy(to, x, (size_t)r->count * sizeof(float));
    else
        for (int64_t k = 0; k < r->count; k++)
            to[k * next] = x[k];
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
            pack_plain(r, c);
}

static void pack_zero(float *to, int64_t count)
{
    if (count > 0)
        memset(to, 0, (size_t)count * sizeof(float));
}

/* Row i of the window of image n. Narrow windows are cleared before, as their rows are apart. */
static void pack_window_row(const struct conv *c, const struct conv_part *p, const struct oddi_arg *x,
                            const int64_t at[2], float *image)
{
    const int64_t n = at[0], i = at[1], line = p->r0 * c->h.step - c->h.before + i;
    const int64_t column = p->q0 * c->w.step - c->w.before;
    const int64_t width = (p->q1 - p->q0 - 1) * c->w.step + c->w.widest;
    const int64_t left = simd_min(simd_max(-column, 0), width);
    const int64_t right = simd_max(simd_min(c->w.in - column, width), left);
    float *to = image + i * c->pitch * (c->narrow ? 1 : p->count);
    if (!c->narrow && (line < 0 || line >= c->h.in)) {
        pack_zero(to, width * p->count);
        return;
    }
    if (line < 0 || line >= c->h.in)
        return;
    struct pack_row r = {.layout = x->layout, .plane = c->h.in * c->w.in, .c0 = p->c0};
    r.x = (const float *)oddi_host(x) + n * c->in_channels * r.plane;
    r.place = line * c->w.in + column + left;
    r.channels = p->count;
    r.count = right - left;
    r.next = c->narrow ? 1 : p->count;
    r.apart = c->narrow ? c->in_rows * c->pitch : 1;
    r.to = to + left * r.next;
    if (r.count > 0)
        pack_row(&r);
    if (c->narrow)
        return;
    pack_zero(to, left * p->count);
    pack_zero(to + right * p->count, (width - right) * p->count);
}

void SIMD_NAME(conv_window)(const struct conv *c, const struct conv_part *p, const struct oddi_arg *x,
                            float *to)
{
    const int64_t rows = (p->r1 - p->r0 - 1) * c->h.step + c->h.widest;
    const int64_t image = c->in_rows * c->pitch * p->count;
    if (c->narrow)
        pack_zero(to, (p->n1 - p->n0) * image);
    for (int64_t n = p->n0; n < p->n1; n++)
        for (int64_t i = 0; i < rows; i++)
            pack_window_row(c, p, x, (int64_t[2]){n, i}, to + (n - p->n0) * image);
}

struct pack_weights {
    const struct conv *c;
    const float *from;
    float *to;
};

/* The taps of one phase of one group: lanes, or the out channels themselves for narrow. */
static void pack_phase(const struct pack_weights *w, const struct conv_part *p, int64_t g,
                       const int64_t f[2])
{
    const struct conv *c = w->c;
    const int64_t lanes = c->narrow ? c->out_channels : tile_lanes(g, c->out_channels);
    const int64_t nh = conv_taps(&c->h, f[0]), nw = conv_taps(&c->w, f[1]);
    const int64_t real = simd_min(lanes, c->out_channels - g), depth = nh * nw * p->count;
    const int64_t next = c->narrow ? 1 : lanes, apart = c->narrow ? depth : 1;
    float *to = w->to + conv_weights_place(c, p, g, f[0], f[1]);
    for (int64_t t = 0; t < nh * nw; t++) {
        const int64_t tap = conv_tap(&c->h, f[0], t / nw) * c->w.kernel + conv_tap(&c->w, f[1], t % nw);
        const float *from = w->from + g * c->weight_o + p->c0 * c->weight_c + tap;
        for (int64_t i = 0; i < p->count; i++) {
            float *row = to + (t * p->count + i) * next;
            for (int64_t l = 0; l < real; l++)
                row[l * apart] = from[i * c->weight_c + l * c->weight_o];
            pack_zero(row + real, lanes - real);
        }
    }
}
static void pack_weights_job(void *arg, int64_t index)
{
    const struct pack_weights *w = arg;
    const struct conv *c = w->c;
    const int64_t groups = c->narrow ? 1 : simd_ceil(c->out_channels, TILE_LANES);
    struct conv_part p = {.c0 = index / groups * c->chunk};
    p.count = simd_min(c->chunk, c->in_channels - p.c0);
    for (int64_t fh = 0; fh < c->h.phases; fh++)
        for (int64_t fw = 0; fw < c->w.phases; fw++)
            pack_phase(w, &p, index % groups * TILE_LANES, (int64_t[2]){fh, fw});
}
void SIMD_NAME(conv_weights)(const struct conv *c, int threads, const float *from, float *to)
{
    struct pack_weights w = {.c = c, .from = from, .to = to};
    const int64_t groups = c->narrow ? 1 : simd_ceil(c->out_channels, TILE_LANES);
    oddi_parallel(threads, simd_ceil(c->in_channels, c->chunk) * groups, pack_weights_job, &w);
}
