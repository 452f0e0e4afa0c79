/* SPDX-License-Identifier: Apache-2.0
 *
 * RX: Reed and Yu, "Adaptive multiple-band CFAR detection of an optical pattern with unknown
 * spectral distribution", IEEE Transactions on Acoustics, Speech and Signal Processing 38(10),
 * 1990; the form with one mean and covariance for all pixels.
 *
 * A pixel is a row x of as many numbers as the picture has bands. Over all pixels of all normal
 * pictures, m is their mean and C their covariance, C_p that of the pixels of picture p about m:
 *
 *   (1) D_i  = (x_i - m)^T C^-1 (x_i - m)
 *   (2) map  = sqrt(D), smoothed by a Gaussian                     (the smoothing is ours)
 *   (3) C'   = (1 - a) C + a v I + e I,  v = trace(C) / bands      (ours)
 *       a    = min(1, sum_p w_p^2 |C_p - C|^2 P / (P - 1) / |C - v I|^2)
 *
 * (3) is the intensity of Ledoit and Wolf with pictures in the place of samples: neighbouring
 * pixels say the same, so what a covariance is worth shows in how much it differs from picture to
 * picture (w_p is a picture's share of the pixels, P their number). With many alike pictures a is
 * 0.
 *
 * Needs no expert and takes 1 to 16 bands of any kind: multispectral, thermal, depth. It sees
 * colours and levels that no normal pixel has, and is blind to shape and texture.
 *
 * Files: learn.c (mean, covariance), measure.c (map, scores).
 */
#include "method/rx/rx.h"

static const struct oddi_param rx_params[] = {
    P_ENUM("shrinkage", "pictures", "pictures|none", "ours",
           "(3): towards equal variances, as the differences between pictures ask; or a = 0"),
    P_FLOAT("epsilon", "1e-6", 1e-12, 1, "ours", "least variance of a band, of levels in [-1, 1]"),
    P_ENUM("score", "auto", "auto|max|smooth|top|mean", "ours",
           "image score: maximum of (1), root taken, or of (2); mean of the largest hundredth of "
           "(2), or of all; auto: chosen on pasted defects"),
    P_FLOAT("sigma", "2", 0, 64, "ours", "smoothing of the map in pixels at 224; scales"), P_END};

static const char *const rx_all[] = {"size=256", NULL};
static const char *const rx_plain[] = {"size=256", "shrinkage=none", "sigma=0", "score=max", NULL};
static const struct oddi_preset rx_presets[] = {
    {"lite", "256 pixels, smoothed map", rx_all},
    {"rx", "256 pixels, as published: plain covariance, each pixel by itself", rx_plain},
    {NULL, NULL, NULL}};

static const char *const rx_components[] = {"max", "smooth", "top", "mean", NULL};

static int64_t rx_multiple(const struct oddi_values *v)
{
    (void)v;
    return 1;
}

static int64_t rx_cell(const struct oddi_values *v)
{
    (void)v;
    return 2;
}

static odd_status rx_check(struct odd_context *ctx, const struct oddi_values *v,
                           const struct oddi_geometry *in)
{
    (void)v;
    if (in->channels < 1 || in->channels > 16)
        return oddi_fail(ctx, ODD_ECONFIG, "rx takes 1 to 16 bands, not %lld",
                         (long long)in->channels);
    return ODD_OK;
}

/* No network: pixels are the features. */
static void rx_build(struct oddi_build *b)
{
    (void)b;
}

static double rx_combine(const struct oddi_values *v, const double *component,
                         const struct oddi_spread *spread)
{
    (void)spread;
    for (int i = 0; rx_components[i]; i++)
        if (oddi_values_is(v, "score", rx_components[i]))
            return component[i];
    return component[RX_SMOOTH];
}

static const char *rx_score_candidate(const struct oddi_values *v, int index)
{
    static const char *const list[] = {"score=smooth", "score=max", "score=top", "score=mean"};
    return oddi_values_is(v, "score", "auto") && index < 4 ? list[index] : NULL;
}

const struct oddi_method oddi_method_rx = {
    .name = "rx",
    .summary = "how far a pixel's bands lie from those of all normal pixels; for multispectral and "
               "other pictures that no ImageNet expert suits",
    .citation =
        "Reed, Yu, Adaptive multiple-band CFAR detection of an optical pattern with unknown "
        "spectral distribution, IEEE Transactions on Acoustics, Speech and Signal "
        "Processing 38(10), 1990",
    .params = rx_params,
    .presets = rx_presets,
    .components = rx_components,
    .multiple = rx_multiple,
    .cell = rx_cell,
    .check = rx_check,
    .build = rx_build,
    .fit = oddi_rx_fit,
    .open = oddi_rx_open,
    .close = oddi_rx_close,
    .measure = oddi_rx_measure,
    .combine = rx_combine,
    .score_candidate = rx_score_candidate,
};
