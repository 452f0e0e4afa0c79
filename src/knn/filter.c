/* SPDX-License-Identifier: Apache-2.0
 * Packing of rows (filter.h), the check of numbers, and the choice of the instruction set. */
#include "knn/filter.h"

const struct knn_kernels *oddi_knn_kernels(void)
{
#if defined(__x86_64__)
    if (oddi_knn_kernels_avx512.usable())
        return &oddi_knn_kernels_avx512;
    if (oddi_knn_kernels_avx2.usable())
        return &oddi_knn_kernels_avx2;
#endif
    return &oddi_knn_kernels_base;
}

float oddi_knn_distance2(const float *a, const float *b, int64_t dim)
{
    return oddi_knn_kernels()->distance2(a, b, dim);
}

odd_status oddi_knn_finite(struct odd_context *ctx, const char *what, int64_t first,
                           const float *rows, int64_t count, int64_t dim)
{
    for (int64_t i = 0; i < count; i++) {
        const float *row = rows + i * dim;
        int strange = 0;
        for (int64_t k = 0; k < dim; k++)
            strange |= !(fabsf(row[k]) < HUGE_VALF);
        if (strange)
            return oddi_fail(ctx, ODD_ENUMERIC, "%s %lld has a number that is not finite", what,
                             (long long)(first + i));
    }
    return ODD_OK;
}

void oddi_knn_pack_row(const struct knn_kernels *kernels, const float *row, int64_t dim,
                       float *panel, int lane)
{
    const int lanes = kernels->lanes;
    const double norm2 = row ? knn_norm2(row, dim) : 0.0;
    const bool wild = norm2 > KNN_WILD;
    const struct knn_bound b = knn_bound(dim);
    panel[lane] = !row ? -HUGE_VALF : wild ? HUGE_VALF : -knn_below((0.5 - b.product) * norm2);
    for (int64_t k = 0; k < dim; k++)
        panel[(k + 1) * lanes + lane] = row && !wild ? row[k] : 0.0f;
}
