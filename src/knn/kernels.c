/* SPDX-License-Identifier: Apache-2.0
 *
 * The inner loops (knn_int.h), compiled once per instruction set. The filter's sums are fused where
 * the processor can and only decide what is looked at; distances and products are not, so that
 * every instruction set gives their bits.
 */
#include "base/isa.h"
#include "knn/knn_int.h"
#include "knn/lanes.h"

#define KERNELS_CAT_(a, b) a##_##b
#define KERNELS_CAT(a, b) KERNELS_CAT_(a, b)
#define KERNELS_TEXT_(a) #a
#define KERNELS_TEXT(a) KERNELS_TEXT_(a)
#define KERNELS_INLINE static inline __attribute__((always_inline))
#define KERNELS_SUMS 16                      /* of a distance */
#define KERNELS_PARTS (KERNELS_SUMS / LANES) /* vectors that hold them */

/* ---- distances ------------------------------------------------------------------------------ */

/* sum += (a - b)^2, KERNELS_SUMS numbers. */
KERNELS_INLINE void kernels_square(const float *a, const float *b, lanes sum[KERNELS_PARTS])
{
    LANES_UNROLL
    for (int j = 0; j < KERNELS_PARTS; j++) {
        const lanes d = lanes_sub(lanes_load(a + j * LANES), lanes_load(b + j * LANES));
        sum[j] = lanes_add(sum[j], lanes_mul(d, d));
    }
}
/* The last numbers; zeros behind them leave their sums as they are. */
KERNELS_INLINE void kernels_tail(const float *a, const float *b, int64_t left,
                                 lanes sum[KERNELS_PARTS])
{
#if ODDI_ISA_LEVEL == 2
    const __mmask16 some = (__mmask16)((1u << left) - 1u);
    const lanes d = lanes_sub(_mm512_maskz_loadu_ps(some, a), _mm512_maskz_loadu_ps(some, b));
    sum[0] = lanes_add(sum[0], lanes_mul(d, d));
#else
    float x[KERNELS_SUMS] = {0}, y[KERNELS_SUMS] = {0};
    for (int64_t j = 0; j < left; j++) {
        x[j] = a[j];
        y[j] = b[j];
    }
    kernels_square(x, y, sum);
#endif
}
KERNELS_INLINE float kernels_halves(const lanes sum[KERNELS_PARTS])
{
#if ODDI_ISA_LEVEL == 2
    const __m256 eight =
        _mm256_add_ps(_mm512_castps512_ps256(sum[0]), _mm512_extractf32x8_ps(sum[0], 1));
#elif ODDI_ISA_LEVEL == 1
    const __m256 eight = _mm256_add_ps(sum[0], sum[1]);
#endif
#if ODDI_ISA_LEVEL > 0
    const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps(two, two, 1)));
#else
    const lanes four = (sum[0] + sum[2]) + (sum[1] + sum[3]);
    return (four[0] + four[2]) + (four[1] + four[3]);
#endif
}
KERNELS_INLINE float kernels_distance2(const float *a, const float *b, int64_t dim)
{
    lanes sum[KERNELS_PARTS];
    int64_t i = 0;
    LANES_UNROLL
    for (int j = 0; j < KERNELS_PARTS; j++)
        sum[j] = lanes_all(0.0f);
    for (; i + KERNELS_SUMS <= dim; i += KERNELS_SUMS)
        kernels_square(a + i, b + i, sum);
    if (i < dim)
        kernels_tail(a + i, b + i, dim - i, sum);
    return kernels_halves(sum);
}
static float kernels_distance(const float *a, const float *b, int64_t dim)
{
    return kernels_distance2(a, b, dim);
}
static void kernels_distances(const float *a, const float *rows, int64_t count, int64_t dim,
                              float *out)
{
    for (int64_t i = 0; i < count; i++)
        out[i] = kernels_distance2(a, rows + i * dim, dim);
}

/* ---- the filter ----------------------------------------------------------------------------- */

/* Made once for each number of queries, so that the sums live in registers. Per step: two loads of
 * the panel, and for each query one broadcast that feeds two multiply-adds. Queries are addressed
 * from a pointer per three of them. */
#define KERNELS_BASES ((LANES_TILE + 2) / 3)

KERNELS_INLINE bool kernels_tile(const struct knn_tile *t, const int queries)
{
    const int64_t row = t->dim;
    const float *panel = t->panel, *x[KERNELS_BASES];
    lanes sum[LANES_TILE][2];
    uint32_t any = 0;
    LANES_UNROLL
    for (int p = 0; p < queries; p++) {
        sum[p][0] = lanes_load(panel);
        sum[p][1] = lanes_load(panel + LANES);
    }
    LANES_UNROLL
    for (int b = 0; b < KERNELS_BASES; b++)
        x[b] = t->x + 3 * b * row;
    for (int64_t k = row; k > 0; k--) {
        panel += 2 * LANES;
        const lanes w0 = lanes_load(panel), w1 = lanes_load(panel + LANES);
        LANES_UNROLL
        for (int p = 0; p < queries; p++) {
            const lanes a = lanes_all(x[p / 3][p % 3 * row]);
            sum[p][0] = lanes_fma(a, w0, sum[p][0]);
            sum[p][1] = lanes_fma(a, w1, sum[p][1]);
        }
        LANES_UNROLL
        for (int b = 0; b < KERNELS_BASES; b++)
            x[b]++;
    }
    LANES_UNROLL
    for (int p = 0; p < queries; p++) {
        const lanes least = lanes_all(t->threshold[p]);
        const uint32_t hit = lanes_reach(sum[p][0], least) | lanes_reach(sum[p][1], least) << LANES;
        t->hit[p] = hit;
        any |= hit;
        if (hit) {
            lanes_store(t->sum + p * 2 * LANES, sum[p][0]);
            lanes_store(t->sum + p * 2 * LANES + LANES, sum[p][1]);
        }
    }
    return any != 0;
}

#define KERNELS_CASE(p)                                                                            \
    static bool kernels_tile_##p(const struct knn_tile *t)                                         \
    {                                                                                              \
        return kernels_tile(t, p);                                                                 \
    }
KERNELS_CASE(1)
KERNELS_CASE(2)
KERNELS_CASE(3)
KERNELS_CASE(4)
KERNELS_CASE(5)
KERNELS_CASE(6)
#if LANES_TILE > 6
KERNELS_CASE(7)
KERNELS_CASE(8)
KERNELS_CASE(9)
KERNELS_CASE(10)
KERNELS_CASE(11)
KERNELS_CASE(12)
#endif

static bool kernels_filter(const struct knn_tile *t, int queries)
{
    static bool (*const tile[LANES_TILE])(const struct knn_tile *) = {
        kernels_tile_1,
        kernels_tile_2,
        kernels_tile_3,
        kernels_tile_4,
        kernels_tile_5,
        kernels_tile_6,
#if LANES_TILE > 6
        kernels_tile_7,
        kernels_tile_8,
        kernels_tile_9,
        kernels_tile_10,
        kernels_tile_11,
        kernels_tile_12,
#endif
    };
    return tile[queries - 1](t);
}

/* ---- products ------------------------------------------------------------------------------- */

#define KERNELS_WIDE (KNN_COLUMNS / LANES)

static void kernels_product(const struct knn_product *p)
{
    for (int64_t i = 0; i < p->count; i++) {
        const float *row = p->rows + i * p->dim, *w = p->w;
        lanes sum[KERNELS_WIDE];
        LANES_UNROLL
        for (int j = 0; j < KERNELS_WIDE; j++)
            sum[j] = lanes_all(0.0f);
        for (int64_t k = 0; k < p->dim; k++, w += KNN_COLUMNS) {
            const lanes a = lanes_all(row[k]);
            LANES_UNROLL
            for (int j = 0; j < KERNELS_WIDE; j++)
                sum[j] = lanes_add(sum[j], lanes_mul(a, lanes_load(w + j * LANES)));
        }
        LANES_UNROLL
        for (int j = 0; j < KERNELS_WIDE; j++)
            lanes_store(p->out + i * KNN_COLUMNS + j * LANES, sum[j]);
    }
}

/* ---- the table ------------------------------------------------------------------------------ */

static bool kernels_usable(void)
{
    return oddi_isa_usable(ODDI_ISA_LEVEL);
}

const struct knn_kernels KERNELS_CAT(oddi_knn_kernels, ODDI_ISA) = {
    .name = KERNELS_TEXT(ODDI_ISA),
    .usable = kernels_usable,
    .lanes = 2 * LANES,
    .tile = LANES_TILE,
    .distance2 = kernels_distance,
    .distances = kernels_distances,
    .filter = kernels_filter,
    .product = kernels_product,
};
