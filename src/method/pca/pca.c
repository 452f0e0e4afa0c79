/* SPDX-License-Identifier: Apache-2.0
 *
 * Principal components of local patches: the linear auto-encoder of old (Pearson, "On lines and
 * planes of closest fit to systems of points in space", Philosophical Magazine 2(11), 1901; as a
 * detector: Jackson and Mudholkar, "Control procedures for residuals associated with principal
 * component analysis", Technometrics 21(3), 1979).
 *
 * A patch is the row x of the bands n n numbers around a pixel. From patches of the normal
 * pictures, drawn at random, come their mean m and the K leading axes v_1 .. v_K of their
 * covariance, K the least number of axes that hold a given share of all variance. What a new patch
 * has beyond them is odd:
 *
 *   (1) r^2 = |x - m|^2 - sum over k of (v_k . (x - m))^2
 *   (2) map = sqrt(r^2 / (bands n n)) at the patch's middle, smoothed by a Gaussian
 *
 * Pixels nearer to the picture's edge than half a patch take the value of the nearest patch.
 *
 * Needs no expert and takes 1 to 16 bands of any kind. It sees sharp and unusual structure in
 * smooth surroundings, and levels; a texture that is itself rich in structure hides defects from
 * it.
 *
 * Files: learn.c (patches, axes), measure.c (map, scores).
 */
#include "method/pca/pca.h"

static const struct oddi_param pca_params[] = {
    P_INT("patch", "7", 1, 15, "ours", "side n of a patch, odd"),
    P_FLOAT("variance", "0.95", 0, 1, "ours", "share of the patches' variance that the axes hold"),
    P_INT("axes", "0", 0, PCA_DIM_MAX, "ours", "number K of axes; 0: as variance says"),
    P_INT("patches", "50000", 1, 100000000, "ours", "patches that the axes are found from"),
    P_INT("pool-mib", "1024", 1, 1 << 20, "ours", "memory for them: fewer are drawn beyond it"),
    P_ENUM("score", "auto", "auto|max|smooth|top|mean", "ours",
           "image score: maximum of (2) before or after smoothing, mean of the largest hundredth, "
           "or of all; auto: chosen on pasted defects"),
    P_FLOAT("sigma", "2", 0, 64, "ours", "smoothing of the map in pixels at 224; scales"),
    P_END};

static const char *const pca_lite[] = {"size=256", NULL};
static const struct oddi_preset pca_presets[] = {{"lite", "256 pixels, patches of 7 x 7", pca_lite},
                                                 {NULL, NULL, NULL}};

static const char *const pca_components[] = {"max", "smooth", "top", "mean", NULL};

static int64_t pca_multiple(const struct oddi_values *v)
{
    (void)v;
    return 1;
}

static int64_t pca_cell(const struct oddi_values *v)
{
    (void)v;
    return 2;
}

int64_t oddi_pca_dim(const struct oddi_values *v, const struct oddi_geometry *in)
{
    const int64_t side = oddi_values_int(v, "patch");
    return in->channels * side * side;
}

static odd_status pca_check(struct odd_context *ctx, const struct oddi_values *v,
                            const struct oddi_geometry *in)
{
    const int64_t side = oddi_values_int(v, "patch"), dim = oddi_pca_dim(v, in);
    if (in->channels < 1 || in->channels > 16)
        return oddi_fail(ctx, ODD_ECONFIG, "pca takes 1 to 16 bands, not %lld",
                         (long long)in->channels);
    if (side % 2 == 0)
        return oddi_fail(ctx, ODD_ECONFIG, "patch=%lld: a patch has a middle, so its side is odd",
                         (long long)side);
    if (dim > PCA_DIM_MAX)
        return oddi_fail(
            ctx, ODD_ECONFIG,
            "patch=%lld of %lld bands has %lld numbers, more than %d: choose a smaller "
            "patch",
            (long long)side, (long long)in->channels, (long long)dim, PCA_DIM_MAX);
    if (side > in->width || side > in->height)
        return oddi_fail(ctx, ODD_ECONFIG, "patch=%lld does not fit into %lld x %lld",
                         (long long)side, (long long)in->width, (long long)in->height);
    return ODD_OK;
}

/* No network: pixels are the features. */
static void pca_build(struct oddi_build *b)
{
    (void)b;
}

static double pca_combine(const struct oddi_values *v, const double *component,
                          const struct oddi_spread *spread)
{
    (void)spread;
    for (int i = 0; pca_components[i]; i++)
        if (oddi_values_is(v, "score", pca_components[i]))
            return component[i];
    return component[PCA_SMOOTH];
}

static const char *pca_score_candidate(const struct oddi_values *v, int index)
{
    static const char *const list[] = {"score=smooth", "score=max", "score=top", "score=mean"};
    return oddi_values_is(v, "score", "auto") && index < 4 ? list[index] : NULL;
}

const struct oddi_method oddi_method_pca = {
    .name = "pca",
    .summary = "what the principal components of normal patches cannot show; for any number of "
               "bands, without an expert",
    .citation = "Pearson, On lines and planes of closest fit to systems of points in space, "
                "Philosophical Magazine 2(11), 1901; Jackson, Mudholkar, Control procedures for "
                "residuals associated with principal component analysis, Technometrics 21(3), 1979",
    .params = pca_params,
    .presets = pca_presets,
    .components = pca_components,
    .multiple = pca_multiple,
    .cell = pca_cell,
    .check = pca_check,
    .build = pca_build,
    .fit = oddi_pca_fit,
    .open = oddi_pca_open,
    .close = oddi_pca_close,
    .measure = oddi_pca_measure,
    .combine = pca_combine,
    .score_candidate = pca_score_candidate,
};
