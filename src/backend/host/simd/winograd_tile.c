/* SPDX-License-Identifier: Apache-2.0
 *
 * The transforms of winograd.h, vectors of channels at a time. Along one axis they cost
 * about a dozen operations, since the points come in pairs of opposite sign. Empty in the base set,
 * whose short vectors gain too little.
 */
#include "backend/host/simd/winograd.h"

#if ODDI_ISA_LEVEL > 0
#include <string.h>

#define WINOGRAD_INLINE static inline __attribute__((always_inline))

static const float winograd_a = WINOGRAD_A, winograd_b = WINOGRAD_B;
static const float winograd_a2 = WINOGRAD_A * WINOGRAD_A, winograd_b2 = WINOGRAD_B * WINOGRAD_B;

/* to = B^T d */
WINOGRAD_INLINE void winograd_bt(vec to[WINOGRAD_IN], const vec d[WINOGRAD_IN])
{
    const vec a = vec_all(winograd_a), b = vec_all(winograd_b);
    const vec minus_a2 = vec_all(-winograd_a2), minus_b2 = vec_all(-winograd_b2);
    const vec p = vec_all(winograd_a2 * winograd_b2),
              minus_s = vec_all(-(winograd_a2 + winograd_b2));
    const vec even_a = vec_fma(minus_b2, d[2], d[4]), odd_a = vec_fma(minus_b2, d[1], d[3]);
    const vec even_b = vec_fma(minus_a2, d[2], d[4]), odd_b = vec_fma(minus_a2, d[1], d[3]);
    to[0] = vec_fma(p, d[0], vec_fma(minus_s, d[2], d[4]));
    to[1] = vec_fma(a, odd_a, even_a);
    to[2] = vec_fma(-a, odd_a, even_a);
    to[3] = vec_fma(b, odd_b, even_b);
    to[4] = vec_fma(-b, odd_b, even_b);
    to[5] = vec_fma(p, d[1], vec_fma(minus_s, d[3], d[5]));
}
/* to = A^T m */
WINOGRAD_INLINE void winograd_at(vec to[WINOGRAD_OUT], const vec m[WINOGRAD_IN])
{
    const vec a = vec_all(winograd_a), b = vec_all(winograd_b);
    const vec a2 = vec_all(winograd_a2), b2 = vec_all(winograd_b2);
    const vec a3 = vec_all(winograd_a * winograd_a2), b3 = vec_all(winograd_b * winograd_b2);
    const vec even_a = m[1] + m[2], odd_a = m[1] - m[2];
    const vec even_b = m[3] + m[4], odd_b = m[3] - m[4];
    to[0] = m[0] + even_a + even_b;
    to[1] = vec_fma(b, odd_b, a * odd_a);
    to[2] = vec_fma(b2, even_b, a2 * even_a);
    to[3] = vec_fma(b3, odd_b, vec_fma(a3, odd_a, m[5]));
}
/* to = G g */
WINOGRAD_INLINE void winograd_g(vec to[WINOGRAD_IN], const vec g[3])
{
    const float na = 2.0f * winograd_a2 * (winograd_a2 - winograd_b2);
    const float nb = 2.0f * winograd_b2 * (winograd_b2 - winograd_a2);
    const vec even_a = vec_fma(vec_all(winograd_a2), g[2], g[0]) * vec_all(1.0f / na);
    const vec even_b = vec_fma(vec_all(winograd_b2), g[2], g[0]) * vec_all(1.0f / nb);
    const vec a = vec_all(winograd_a / na), b = vec_all(winograd_b / nb);
    to[0] = g[0] * vec_all(1.0f / (winograd_a2 * winograd_b2));
    to[1] = vec_fma(a, g[1], even_a);
    to[2] = vec_fma(-a, g[1], even_a);
    to[3] = vec_fma(b, g[1], even_b);
    to[4] = vec_fma(-b, g[1], even_b);
    to[5] = g[2];
}

/* to = A y */
WINOGRAD_INLINE void winograd_ay(vec to[WINOGRAD_IN], const vec y[WINOGRAD_OUT])
{
    const vec a = vec_all(winograd_a), b = vec_all(winograd_b);
    const vec a2 = vec_all(winograd_a2), b2 = vec_all(winograd_b2);
    const vec even_a = vec_fma(a2, y[2], y[0]), odd_a = vec_fma(a2, y[3], y[1]);
    const vec even_b = vec_fma(b2, y[2], y[0]), odd_b = vec_fma(b2, y[3], y[1]);
    to[0] = y[0];
    to[1] = vec_fma(a, odd_a, even_a);
    to[2] = vec_fma(-a, odd_a, even_a);
    to[3] = vec_fma(b, odd_b, even_b);
    to[4] = vec_fma(-b, odd_b, even_b);
    to[5] = y[3];
}
/* to = G^T m */
WINOGRAD_INLINE void winograd_gt(vec to[3], const vec m[WINOGRAD_IN])
{
    const float na = 2.0f * winograd_a2 * (winograd_a2 - winograd_b2);
    const float nb = 2.0f * winograd_b2 * (winograd_b2 - winograd_a2);
    const vec even_a = (m[1] + m[2]) * vec_all(1.0f / na), odd_a = m[1] - m[2];
    const vec even_b = (m[3] + m[4]) * vec_all(1.0f / nb), odd_b = m[3] - m[4];
    to[0] = vec_fma(vec_all(1.0f / (winograd_a2 * winograd_b2)), m[0], even_a + even_b);
    to[1] = vec_fma(vec_all(winograd_a / na), odd_a, vec_all(winograd_b / nb) * odd_b);
    to[2] = vec_fma(vec_all(winograd_a2), even_a, vec_fma(vec_all(winograd_b2), even_b, m[5]));
}

/* ---- source --------------------------------------------------------------------------------- */

/* Six rows of six cells from `from`, `line` floats from row to row. */
WINOGRAD_INLINE void winograd_source_block(const float *from, int64_t line, float *v, int64_t apart)
{
    vec t[WINOGRAD_IN][WINOGRAD_IN];
    for (int j = 0; j < WINOGRAD_IN; j++) {
        vec d[WINOGRAD_IN], to[WINOGRAD_IN];
        VEC_UNROLL
        for (int i = 0; i < WINOGRAD_IN; i++)
            d[i] = vec_load(from + i * line + j * VEC_WIDTH);
        winograd_bt(to, d);
        VEC_UNROLL
        for (int i = 0; i < WINOGRAD_IN; i++)
            t[i][j] = to[i];
    }
    for (int i = 0; i < WINOGRAD_IN; i++) {
        vec to[WINOGRAD_IN];
        winograd_bt(to, t[i]);
        VEC_UNROLL
        for (int j = 0; j < WINOGRAD_IN; j++)
            vec_store(v + (i * WINOGRAD_IN + j) * apart, to[j]);
    }
}
/* A window that reaches over the picture's edge: its cells, zero outside. */
static void winograd_edge(const struct winograd *g, const float *plane, int64_t row, int64_t col,
                          float *to)
{
    memset(to, 0, sizeof(float) * WINOGRAD_CELLS * VEC_WIDTH);
    const int64_t first = simd_max(0, -col), end = simd_min(WINOGRAD_IN, g->w - col);
    for (int64_t i = simd_max(0, -row); i < simd_min(WINOGRAD_IN, g->h - row); i++)
        for (int64_t j = first; j < end; j++)
            vec_store(to + (i * WINOGRAD_IN + j) * VEC_WIDTH,
                      vec_load(plane + ((row + i) * g->w + col + j) * VEC_WIDTH));
}
void SIMD_NAME(winograd_source)(const struct winograd *g, const struct winograd_source *s,
                                int64_t tile, float *v)
{
    _Alignas(64) float edge[WINOGRAD_CELLS * VEC_WIDTH];
    int64_t at[3];
    winograd_place(g, tile, at);
    const int64_t plane = g->h * g->w, row = at[1] - g->pad, col = at[2] - g->pad;
    const bool inside =
        row >= 0 && col >= 0 && row + WINOGRAD_IN <= g->h && col + WINOGRAD_IN <= g->w;
    const float *x = s->x + (at[0] * g->in_channels + s->c0) * plane;
    for (int64_t c = 0; c < s->count; c += VEC_WIDTH) {
        if (inside) {
            winograd_source_block(x + c * plane + (row * g->w + col) * VEC_WIDTH, g->w * VEC_WIDTH,
                                  v + c, s->apart);
            continue;
        }
        winograd_edge(g, x + c * plane, row, col, edge);
        winograd_source_block(edge, WINOGRAD_IN * VEC_WIDTH, v + c, s->apart);
    }
}

/* ---- result --------------------------------------------------------------------------------- */

WINOGRAD_INLINE void winograd_result_block(const float *m, int64_t apart,
                                           vec y[WINOGRAD_OUT][WINOGRAD_OUT])
{
    vec t[WINOGRAD_OUT][WINOGRAD_IN];
    for (int j = 0; j < WINOGRAD_IN; j++) {
        vec d[WINOGRAD_IN], to[WINOGRAD_OUT];
        VEC_UNROLL
        for (int i = 0; i < WINOGRAD_IN; i++)
            d[i] = vec_load(m + (i * WINOGRAD_IN + j) * apart);
        winograd_at(to, d);
        VEC_UNROLL
        for (int i = 0; i < WINOGRAD_OUT; i++)
            t[i][j] = to[i];
    }
    for (int i = 0; i < WINOGRAD_OUT; i++)
        winograd_at(y[i], t[i]);
}
void SIMD_NAME(winograd_result)(const struct winograd *g, const struct winograd_result *r,
                                int64_t tile, const float *m)
{
    int64_t at[3];
    winograd_place(g, tile, at);
    const int64_t plane = g->oh * g->ow, line = g->ow * VEC_WIDTH;
    const int64_t rows = simd_min(WINOGRAD_OUT, g->oh - at[1]);
    const int64_t cols = simd_min(WINOGRAD_OUT, g->ow - at[2]);
    const vec slope = vec_all(r->slope);
    float *to = r->y + (at[0] * g->out_channels + r->o0) * plane + at[1] * line + at[2] * VEC_WIDTH;
    for (int64_t o = 0; o < r->count; o += VEC_WIDTH) {
        const vec bias = r->bias ? vec_load(r->bias + r->o0 + o) : vec_all(0.0f);
        vec y[WINOGRAD_OUT][WINOGRAD_OUT];
        winograd_result_block(m + o, r->apart, y);
        for (int64_t i = 0; i < rows; i++)
            for (int64_t j = 0; j < cols; j++)
                vec_store(to + o * plane + i * line + j * VEC_WIDTH,
                          vec_leaky(vec_add(y[i][j], bias), slope));
    }
}

/* ---- weights -------------------------------------------------------------------------------- */

struct winograd_weights {
    const struct winograd *g;
    const float *from;
    float *to;
};
/* The nine taps of in channel c and VEC_WIDTH out channels from o on. */
static void winograd_taps(const struct winograd_weights *w, int64_t o, int64_t c,
                          float taps[9][VEC_WIDTH])
{
    const struct winograd *g = w->g;
    const int64_t next = g->turned ? 9 : g->in_channels * 9;
    const float *from =
        w->from + (g->turned ? c * g->out_channels + o : o * g->in_channels + c) * 9;
    for (int l = 0; l < VEC_WIDTH; l++)
        for (int k = 0; k < 9; k++)
            taps[g->turned ? 8 - k : k][l] = from[l * next + k];
}
static void winograd_weights_block(float taps[9][VEC_WIDTH], float *u, int64_t apart)
{
    vec t[WINOGRAD_IN][3];
    for (int j = 0; j < 3; j++) {
        const vec g[3] = {vec_load(taps[j]), vec_load(taps[3 + j]), vec_load(taps[6 + j])};
        vec to[WINOGRAD_IN];
        winograd_g(to, g);
        for (int i = 0; i < WINOGRAD_IN; i++)
            t[i][j] = to[i];
    }
    for (int i = 0; i < WINOGRAD_IN; i++) {
        vec to[WINOGRAD_IN];
        winograd_g(to, t[i]);
        for (int j = 0; j < WINOGRAD_IN; j++)
            vec_store(u + (i * WINOGRAD_IN + j) * apart, to[j]);
    }
}
/* A job: VEC_WIDTH in channels of one group of lanes. */
static void winograd_weights_job(void *arg, int64_t index)
{
    const struct winograd_weights *w = arg;
    const struct winograd *g = w->g;
    const int64_t pieces = g->in_channels / VEC_WIDTH, first = index / pieces * TILE_LANES;
    const int64_t lanes = tile_lanes(first, g->out_channels);
    for (int64_t k = 0; k < VEC_WIDTH; k++)
        for (int64_t l = 0; l < lanes; l += VEC_WIDTH) {
            const int64_t c = index % pieces * VEC_WIDTH + k;
            _Alignas(64) float taps[9][VEC_WIDTH];
            winograd_taps(w, first + l, c, taps);
            winograd_weights_block(taps, w->to + first * g->in_channels + c * lanes + l,
                                   g->u_apart);
        }
}
void SIMD_NAME(winograd_weights)(const struct winograd *g, int threads, const float *weights,
                                 float *u)
{
    struct winograd_weights w = {.g = g, .from = weights, .to = u};
    oddi_parallel(threads, simd_ceil(g->out_channels, TILE_LANES) * (g->in_channels / VEC_WIDTH),
                  winograd_weights_job, &w);
}

/* ---- gradient of the weights ---------------------------------------------------------------- */

/* One block of channels: `rows` x `cols` cells from `from` on, `line` floats from row to row. */
static void winograd_change_block(const float *from, int64_t line, const int64_t size[2], float *v,
                                  int64_t apart)
{
    vec t[WINOGRAD_IN][WINOGRAD_OUT];
    for (int j = 0; j < WINOGRAD_OUT; j++) {
        vec y[WINOGRAD_OUT], to[WINOGRAD_IN];
        for (int i = 0; i < WINOGRAD_OUT; i++)
            y[i] = i < size[0] && j < size[1] ? vec_load(from + i * line + j * VEC_WIDTH)
                                              : vec_all(0.0f);
        winograd_ay(to, y);
        VEC_UNROLL
        for (int i = 0; i < WINOGRAD_IN; i++)
            t[i][j] = to[i];
    }
    for (int i = 0; i < WINOGRAD_IN; i++) {
        vec to[WINOGRAD_IN];
        winograd_ay(to, t[i]);
        VEC_UNROLL
        for (int j = 0; j < WINOGRAD_IN; j++)
            vec_store(v + (i * WINOGRAD_IN + j) * apart, to[j]);
    }
}
void SIMD_NAME(winograd_change)(const struct winograd *g, const struct winograd_source *s,
                                int64_t tile, float *v)
{
    int64_t at[3];
    winograd_place(g, tile, at);
    const int64_t plane = g->oh * g->ow, line = g->ow * VEC_WIDTH;
    const int64_t size[2] = {g->oh - at[1], g->ow - at[2]};
    const float *y =
        s->x + (at[0] * g->out_channels + s->c0) * plane + at[1] * line + at[2] * VEC_WIDTH;
    for (int64_t o = 0; o < s->count; o += VEC_WIDTH)
        winograd_change_block(y + o * plane, line, size, v + o, s->apart);
}
void SIMD_NAME(winograd_gradient)(const float *m, int64_t apart, float taps[9][VEC_WIDTH])
{
    vec t[3][WINOGRAD_IN];
    for (int j = 0; j < WINOGRAD_IN; j++) {
        vec d[WINOGRAD_IN], to[3];
        for (int i = 0; i < WINOGRAD_IN; i++)
            d[i] = vec_load(m + (i * WINOGRAD_IN + j) * apart);
        winograd_gt(to, d);
        for (int i = 0; i < 3; i++)
            t[i][j] = to[i];
    }
    for (int i = 0; i < 3; i++) {
        vec to[3];
        winograd_gt(to, t[i]);
        for (int j = 0; j < 3; j++)
            vec_store(taps[3 * i + j], to[j]);
    }
}
#endif
