/* SPDX-License-Identifier: Apache-2.0
 *
 * Equations (1) and (2) of rx.c for one picture.
 */
#include <math.h>
#include <string.h>

#include "method/maps.h"
#include "method/rx/rx.h"
#include "score/gaussian.h"

struct rx_fitted { /* both the model file's */
    const float *mean, *factor;
};

static const float *rx_numbers(const struct oddi_model_file *file, const char *name, int64_t count)
{
    const struct oddi_stored *t = oddi_model_file_find(file, name);
    const bool good = t && t->type == ODDI_F32 && t->shape.rank == 1 && t->shape.dim[0] == count &&
                      oddi_all_finite(t->data, (size_t)count);
    return good ? t->data : NULL;
}

odd_status oddi_rx_open(struct odd_context *ctx, const struct oddi_build *b,
                        const struct oddi_model_file *file, void **fitted)
{
    const int64_t bands = b->in.channels;
    const struct rx_fitted k = {rx_numbers(file, RX_MEAN, bands),
                                rx_numbers(file, RX_FACTOR, (int64_t)oddi_gaussian_size(bands))};
    if (!k.mean || !k.factor)
        return oddi_fail(ctx, ODD_EFORMAT, "the model has no proper Gaussian of %lld bands",
                         (long long)bands);
    struct rx_fitted *made = oddi_alloc_array(ctx, 1, sizeof(*made));
    if (!made)
        return ODD_ENOMEM;
    *made = k;
    *fitted = made;
    return ODD_OK;
}

void oddi_rx_close(struct odd_context *ctx, void *fitted)
{
    oddi_free(ctx, fitted);
}

/* Row y of sqrt(D); element i of W (x - m) of all its pixels is gathered in sum[i]. */
static void measure_row(const struct oddi_measure *m, int64_t y, float *sum)
{
    const struct rx_fitted *k = m->fitted;
    const int64_t bands = m->in.channels, width = m->in.width, plane = width * m->in.height;
    const float *factor = k->factor;
    memset(sum, 0, (size_t)(bands * width) * sizeof(float));
    for (int64_t j = 0; j < bands; j++) {
        const float *restrict from = m->picture + j * plane + y * width, mean = k->mean[j];
        for (int64_t i = j; i < bands; i++) {
            const float w = *factor++;
            float *restrict to = sum + i * width;
            for (int64_t x = 0; x < width; x++)
                to[x] += w * (from[x] - mean);
        }
    }
    for (int64_t x = 0; x < width; x++) {
        double square = 0;
        for (int64_t i = 0; i < bands; i++)
            square += (double)sum[i * width + x] * (double)sum[i * width + x];
        m->scratch[y * width + x] = (float)sqrt(square);
    }
}

odd_status oddi_rx_measure(const struct oddi_measure *m)
{
    odd_status status = ODD_OK;
    struct oddi_maps_numbers raw, smooth;
    float *sum = oddi_alloc_array(m->ctx, (size_t)(m->in.channels * m->in.width), sizeof(float));
    if (!sum)
        return ODD_ENOMEM;
    for (int64_t y = 0; y < m->in.height; y++)
        measure_row(m, y, sum);
    TRY(oddi_maps_numbers(m, m->scratch, 1, &raw));
    TRY(oddi_maps_smooth(m, oddi_values_float(m->values, "sigma"), 224));
    TRY(oddi_maps_numbers(m, m->map, RX_TOP_SHARE, &smooth));
    m->component[RX_MAX] = raw.max;
    m->component[RX_SMOOTH] = smooth.max;
    m->component[RX_TOP] = smooth.top;
    m->component[RX_MEAN_OF_MAP] = smooth.mean;
out:
    oddi_free(m->ctx, sum);
    return status;
}
