/* SPDX-License-Identifier: Apache-2.0
 *
 * The tile of tile.h, made once for each number of rows and of vectors, so that all loops over
 * the tile unroll and its sums live in registers. Per step: one or two loads of w, and for each
 * row one broadcast that feeds one or two fused multiply-adds.
 */
#include "backend/host/simd/tile.h"

/* Rows are addressed from a pointer per three rows: base, base + row, base + 2 row. */
#define TILE_BASES ((TILE_ROWS + 2) / 3)

#define TILE_INLINE static inline __attribute__((always_inline))

/* One run: k = 0 .. length-1. */
TILE_INLINE void tile_line(const struct tile *t, const float *first, const float *w,
                           vec sum[TILE_ROWS][2], const int rows, const int vectors)
{
    const int64_t row = t->x_row, x_step = t->x_step, w_step = t->w_step;
    const float *x[TILE_BASES];
    VEC_UNROLL
    for (int b = 0; b < TILE_BASES; b++)
        x[b] = first + 3 * b * row;
    for (int64_t k = t->length; k > 0; k--) {
        const vec w0 = vec_load(w), w1 = vectors > 1 ? vec_load(w + VEC_WIDTH) : w0;
        VEC_UNROLL
        for (int p = 0; p < rows; p++) {
            const vec a = vec_all(x[p / 3][p % 3 * row]);
            sum[p][0] = vec_fma(a, w0, sum[p][0]);
            if (vectors > 1)
                sum[p][1] = vec_fma(a, w1, sum[p][1]);
        }
        VEC_UNROLL
        for (int b = 0; b < TILE_BASES; b++)
            x[b] += x_step;
        w += w_step;
    }
}
TILE_INLINE void tile_body(const struct tile *t, const int rows, const int vectors)
{
    vec sum[TILE_ROWS][2];
    VEC_UNROLL
    for (int p = 0; p < rows; p++)
        sum[p][0] = sum[p][1] = vec_all(0.0f);
    for (int64_t o = 0; o < t->outer; o++)
        for (int64_t r = 0; r < t->runs; r++)
            tile_line(t, t->x + o * t->x_outer + r * t->x_run, t->w + o * t->w_outer + r * t->w_run,
                      sum, rows, vectors);
    VEC_UNROLL
    for (int p = 0; p < rows; p++) {
        vec_store(t->out + p * vectors * VEC_WIDTH, sum[p][0]);
        if (vectors > 1)
            vec_store(t->out + p * vectors * VEC_WIDTH + VEC_WIDTH, sum[p][1]);
    }
}

#define TILE_CASE(p)                                                                               \
    static void tile_##p##_1(const struct tile *t)                                                 \
    {                                                                                              \
        tile_body(t, p, 1);                                                                        \
    }                                                                                              \
    static void tile_##p##_2(const struct tile *t)                                                 \
    {                                                                                              \
        tile_body(t, p, 2);                                                                        \
    }
TILE_CASE(1)
TILE_CASE(2)
TILE_CASE(3)
TILE_CASE(4)
TILE_CASE(5)
TILE_CASE(6)
#if VEC_ROWS > 6
TILE_CASE(7)
TILE_CASE(8)
TILE_CASE(9)
TILE_CASE(10)
TILE_CASE(11)
TILE_CASE(12)
#endif

void SIMD_NAME(tile)(const struct tile *t, int64_t rows, int64_t lanes)
{
    static void (*const body[2][TILE_ROWS])(const struct tile *) = {
        {tile_1_1, tile_2_1, tile_3_1, tile_4_1, tile_5_1, tile_6_1,
#if VEC_ROWS > 6
         tile_7_1, tile_8_1, tile_9_1, tile_10_1, tile_11_1, tile_12_1
#endif
        },
        {tile_1_2, tile_2_2, tile_3_2, tile_4_2, tile_5_2, tile_6_2,
#if VEC_ROWS > 6
         tile_7_2, tile_8_2, tile_9_2, tile_10_2, tile_11_2, tile_12_2
#endif
        }};
    body[lanes > VEC_WIDTH][rows - 1](t);
}
