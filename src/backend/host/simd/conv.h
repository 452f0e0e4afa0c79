/* SPDX-License-Identifier: Apache-2.0
 *
 * Both directions of convolution as one: conv2d, and conv2d_bwd_data, which is also the transposed
 * convolution. Along each axis the result is cut into phases (one for conv2d, `stride` for the
 * adjoint, since only every stride-th tap reaches a given result). Place q of phase f
 *
 *   is result coordinate   q phases + f - shift                      (if within the result)
 *   reads the source at    q step - before + lead(f) + j,  j < taps(f),  zero outside
 *   with kernel tap        j   or, in the adjoint,   f + (taps(f) - 1 - j) phases
 *
 * A job copies its part of the source into a padded window (channels last), so that a row of taps
 * is one run of memory, whatever the source's layout; then all its sums are tiles (tile.h).
 * Channels are taken in chunks; partial sums wait in dst. The order of a sum (chunks; in one: rows
 * of taps, taps, channels) is fixed by the shapes of one picture, hence bits do not depend on the
 * batch, the job or the number of threads.
 */
#ifndef ODDI_BACKEND_HOST_SIMD_CONV_H
#define ODDI_BACKEND_HOST_SIMD_CONV_H
#include "backend/host/simd/tile.h"

#include <stdatomic.h>

struct conv_axis {
    int64_t in, out, kernel;
    int64_t step, phases, shift, before;
    int64_t widest; /* taps of the phase that has most */
    int64_t places; /* values of q */
    bool flip;
};
/* What is computed and how it is cut; a function of the shapes alone. */
struct conv {
    struct conv_axis h, w;
    int64_t images, in_channels, out_channels;
    int64_t weight_o, weight_c; /* distance of out and in channels in the plain weights */
    int64_t chunk;              /* in channels per pass */
    int64_t rows, cols, group;  /* places and images per job */
    int64_t splits;             /* jobs that share the same places, each some of the out channels */
    int64_t in_rows, pitch;     /* of a job's window; pitch: columns with slack */
    int64_t window, flat;       /* floats of a job's memory; flat 0: windows are read directly */
    bool narrow;                /* few out channels: see conv_narrow.c */
};
/* A rectangle of places and the images of one job. */
struct conv_part {
    int64_t n0, n1, r0, r1, q0, q1;
    int64_t g0, g1; /* out channels */
    int64_t c0, count; /* chunk of in channels */
};

/* size: source, result, kernel. */
static inline struct conv_axis conv_axis(bool adjoint, const int64_t size[3], int64_t stride, int64_t pad)
{
    struct conv_axis a = {.in = size[0], .out = size[1], .kernel = size[2], .flip = adjoint};
    a.step = adjoint ? 1 : stride;
    a.phases = adjoint ? stride : 1;
    a.shift = adjoint ? pad : 0;
    a.widest = simd_ceil(a.kernel, a.phases);
    a.before = adjoint ? a.widest - 1 : pad;
    a.places = (a.out - 1 + a.shift) / a.phases + 1;
    return a;
}
/* Size of nearly equal pieces of `count`, each at most `most`. */
static inline int64_t conv_even(int64_t count, int64_t most)
{
    return simd_ceil(count, simd_ceil(count, simd_max(1, most)));
}

static inline int64_t conv_taps(const struct conv_axis *a, int64_t f)
{
    return a->kernel / a->phases + (f < a->kernel % a->phases);
}
static inline int64_t conv_lead(const struct conv_axis *a, int64_t f)
{
    return a->widest - conv_taps(a, f);
}
/* Taps of the phases before f. */
static inline int64_t conv_taps_before(const struct conv_axis *a, int64_t f)
{
    return f * (a->kernel / a->phases) + simd_min(f, a->kernel % a->phases);
}
static inline int64_t conv_tap(const struct conv_axis *a, int64_t f, int64_t j)
{
    return a->flip ? f + (conv_taps(a, f) - 1 - j) * a->phases : j;
}
/* Places of phase f that lie within the result: *lo .. *hi - 1, also within what they were. */
static inline void conv_places(const struct conv_axis *a, int64_t f, int64_t *lo, int64_t *hi)
{
    const int64_t under = a->shift - f, over = a->out - 1 + a->shift - f;
    *lo = simd_max(*lo, under > 0 ? simd_ceil(under, a->phases) : 0);
    *hi = simd_min(*hi, over >= 0 ? over / a->phases + 1 : 0);
}

/* Columns of the weights seen as a matrix that tiles read. */
static inline int64_t conv_columns(const struct conv *c)
{
    return c->narrow ? c->h.kernel * c->w.kernel * c->out_channels : c->out_channels;
}
/* Where the re-laid weights of a chunk, group (its first out channel) and phase begin. */
static inline int64_t conv_weights_place(const struct conv *c, const struct conv_part *p, int64_t g,
                                         int64_t fh, int64_t fw)
{
    const int64_t taps = conv_taps_before(&c->h, fh) * c->w.kernel +
                         conv_taps(&c->h, fh) * conv_taps_before(&c->w, fw);
    return c->h.kernel * c->w.kernel * (p->c0 * tile_padded(c->out_channels) + p->count * g) +
           taps * p->count * tile_lanes(g, c->out_channels);
}

/* Copies the window of part p (channels c0..c0+count-1) of x: [image][row][column][channel]. */
void SIMD_NAME(conv_window)(const struct conv *c, const struct conv_part *p, const struct oddi_arg *x,
                            float *to);
/* All weights in the order in which tiles read them: per chunk, group of lanes and phase
 * [tap row][tap][channel][lane]; narrow: per chunk and group [channel][lane]. */
void SIMD_NAME(conv_weights)(const struct conv *c, int threads, const float *from, float *to);
#define conv_window SIMD_NAME(conv_window)
#define conv_weights SIMD_NAME(conv_weights)

/* In channels per pass so that a sum has about `depth` terms; a multiple of 16 or all. */
static inline int64_t conv_chunk(int64_t channels, int64_t taps, int64_t depth)
{
    const int64_t most = simd_max(16, simd_min(512, depth / taps / 16 * 16));
    return channels <= most ? channels : simd_ceil(conv_even(channels, most), 16) * 16;
}

/* One run of a kernel, shared by its jobs. */
struct conv_call {
    const struct conv *c;
    const struct oddi_arg *x;
    enum oddi_layout layout; /* of y */
    const float *w, *bias;
    float *y, *memory;
    float slope; /* 1: no activation */
    int64_t jobs;
    _Atomic int64_t next;
};
#define CONV_NARROW_TAPS 64 /* most that conv_narrow takes */
/* Few out channels: all chunks of part p. memory: window, then sums. */
void SIMD_NAME(conv_narrow)(const struct conv_call *call, struct conv_part *p, float *memory);
#define conv_narrow SIMD_NAME(conv_narrow)
#endif
