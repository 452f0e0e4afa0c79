/* SPDX-License-Identifier: Apache-2.0
 * See support_test.h. */
#include "knn/support_test.h"

#include <math.h>
#include <stdlib.h>

#include "base/rng.h"

static float knn_number(enum kind kind, int64_t row, float x, float centre)
{
    switch (kind) {
    case CLUSTERS:
        return 5.0f * centre + 0.3f * x;
    case GRID:
        return floorf(x);
    case ZERO:
        return row % 2 ? 0.0f : x;
    case LARGE:
        return 1e17f * x;
    case WILD:
        return row % 5 == 3 ? 1e19f * x : row % 11 == 5 ? 1e30f * x : x;
    case TINY:
        return 1e-21f * x;
    case SUBNORMAL:
        return 1e-40f * x;
    case OFFSET:
        return 1000.0f + 0.01f * x;
    default:
        return x;
    }
}

float *knn_rows(enum kind kind, int64_t count, int64_t dim, uint64_t seed)
{
    float *rows = malloc((size_t)(count * dim) * sizeof(float));
    assert_non_null(rows);
    for (int64_t i = 0; i < count; i++) {
        struct oddi_rng rng, centre;
        const int64_t like = kind == DUPLICATES ? i / 3 : kind == FEW ? i % 4 : i;
        oddi_rng_init(&rng, seed, ODDI_RNG_TEST, (uint64_t)kind, (uint64_t)like);
        oddi_rng_init(&centre, 77, ODDI_RNG_TEST, (uint64_t)kind, (uint64_t)(i % 7));
        for (int64_t k = 0; k < dim; k++) {
            const float x = oddi_rng_normal(&rng);
            rows[i * dim + k] = knn_number(kind, i, x, oddi_rng_normal(&centre));
        }
    }
    return rows;
}

const struct knn_kernels *knn_some_kernels(int i)
{
    static const struct knn_kernels *const all[] = {
#if defined(__x86_64__)
        &oddi_knn_kernels_avx512,
        &oddi_knn_kernels_avx2,
#endif
        &oddi_knn_kernels_base
    };
    for (size_t k = 0; k < ODDI_COUNT(all); k++)
        if (all[k]->usable() && i-- == 0)
            return all[k];
    return NULL;
}
