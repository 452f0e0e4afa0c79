/* SPDX-License-Identifier: Apache-2.0
 *
 * MKD: Multiresolution Knowledge Distillation for Anomaly Detection.
 * Salehi, Sadjadi, Baselizadeh, Rohban, Rabiee, CVPR 2021 (arXiv 2011.11108).
 *
 * An expert S (ImageNet weights, frozen) and a much thinner cloner C look at the same normal
 * pictures; C learns to repeat S's maps after several pools. On what C has never seen it fails, and
 * the disagreement is the score.
 *
 * a_S^i, a_C^i are the maps (C_i, H_i, W_i) at critical point i, N_i their number of elements.
 *
 *   (1) L_val = sum_i 1/N_i |a_S^i - a_C^i|^2
 *   (2) L_dir = sum_i (1 - cos_i), cos_i = <a_S^i, a_C^i> / (|a_S^i| |a_C^i|), of one picture's
 *       whole flattened map
 *   (3) L     = L_dir + lambda L_val        (the published code's form; the paper's equation has
 *                                            its weight on the other term)
 *   (4) score = the same sum over the deeper points, batch normalisation with running statistics
 *   (5) map   = sum_i up( 1 - cos over channels at (y, x) + lambda mean_c (a_S - a_C)^2 ),
 *               smoothed by a Gaussian of 4 pixels at 128         (localise=features; ours)
 *   (6) map   = sum_c |d score / d picture|, cut at its 99th percentile, scaled to [0, 1], the same
 *               Gaussian, then opened by a plus of 3 x 3          (localise=gradient; the paper's)
 *
 * The cloner of VGG-16 is the published one: 3 x 3 convolutions without bias, block by block
 * 16,16 | 16,C | 16,16,C | ..., batch normalisation after every convolution that no pool follows,
 * ReLU, Xavier-uniform weights. For other experts the same rule makes one block per halving.
 *
 * Files: net.c (input, expert, cloner, losses), measure.c (score, maps).
 */
#include "method/mkd/mkd.h"

static const struct oddi_param mkd_params[] = {
    P_FLOAT("lambda", "0.5", 0, 1e6, "second-hand",
            "weight of the value term; 0.5 for MVTec AD, 0.01 else in the published code"),
    P_INT("first-scored", "2", 1, MKD_POINTS_MAX, "second-hand",
          "first critical point that the score uses; all are trained on"),
    P_INT("points", "4", 1, MKD_POINTS_MAX, "paper",
          "critical points: the deepest this many of the expert's maps"),
    P_INT("thin", "16", 1, 1024, "second-hand", "channels of the cloner's inner convolutions"),
    P_ENUM("input", "plain", "plain|imagenet", "second-hand",
           "plain: grey levels in [0,1]; imagenet: the expert's own mean and deviation"),
    P_ENUM("score", "total", "total|direction|value", "paper",
           "image score: both terms of (4), or one of them"),
    P_ENUM("localise", "features", "features|gradient", "ours",
           "map from the features (5), one forward pass; or from the input gradient (6)"),
    P_FLOAT("sigma", "4", 0, 64, "second-hand",
            "smoothing of the map in pixels at 128; scales with the size"),
    P_END};

/* The published schedules; `lite` is what fits an afternoon on two cores. */
static const char *const mkd_lite[] = {"size=128",  "batch=16",   "epochs=60",         "lr=0.001",
                                       "beta1=0.9", "lambda=0.5", "schedule=constant", NULL};
static const char *const mkd_mvtec[] = {"size=128",          "batch=64",          "epochs=601",
                                        "lr=0.001",          "beta1=0.9",         "lambda=0.5",
                                        "schedule=constant", "localise=gradient", NULL};
static const char *const mkd_mnist[] = {"size=32",   "batch=64",    "epochs=51",         "lr=0.001",
                                        "beta1=0.9", "lambda=0.01", "schedule=constant", NULL};
static const char *const mkd_medical[] = {"size=128",          "batch=64",  "epochs=201",
                                          "lr=0.001",          "beta1=0.9", "lambda=0.01",
                                          "schedule=constant", NULL};
static const struct oddi_preset mkd_presets[] = {
    {"lite", "128 pixels, batches of 16, 60 epochs: minutes to an hour on a CPU", mkd_lite},
    {"mvtec", "the published schedule for MVTec AD: 128 pixels, 601 epochs", mkd_mvtec},
    {"mnist", "the published schedule for MNIST and Fashion-MNIST: 32 pixels, 51 epochs",
     mkd_mnist},
    {"medical", "HeadCT, BrainMRI: 128 pixels, 201 epochs (not published: ours)", mkd_medical},
    {NULL, NULL, NULL}};

static const char *const mkd_components[] = {"total", "direction", "value", NULL};

static int64_t mkd_multiple(const struct oddi_values *v)
{
    (void)v;
    return 32;
}

static odd_status mkd_check(struct odd_context *ctx, const struct oddi_values *v,
                            const struct oddi_geometry *in)
{
    const char *network = oddi_values_text(v, "network");
    if (!oddi_net_find(network))
        return oddi_fail(ctx, ODD_ECONFIG, "network=%s: mkd knows no expert of that name", network);
    if (in->width % 32 != 0 || in->height % 32 != 0)
        return oddi_fail(ctx, ODD_ECONFIG,
                         "mkd needs sides that are multiples of 32, not %lld x %lld",
                         (long long)in->width, (long long)in->height);
    if (in->channels != 1 && in->channels != 3)
        return oddi_fail(ctx, ODD_ECONFIG,
                         "an ImageNet expert sees grey or RGB pictures, not %lld bands",
                         (long long)in->channels);
    if (oddi_values_int(v, "first-scored") > oddi_values_int(v, "points"))
        return oddi_fail(ctx, ODD_ECONFIG, "first-scored is beyond the %lld critical points",
                         (long long)oddi_values_int(v, "points"));
    return ODD_OK;
}

static int mkd_stages(const struct oddi_values *v)
{
    (void)v;
    return 1;
}

static int64_t mkd_stage_start(const struct oddi_values *v, int stage, int64_t steps)
{
    (void)v, (void)stage, (void)steps;
    return 0;
}

static const char *mkd_stage_name(const struct oddi_values *v, int stage)
{
    (void)v, (void)stage;
    return "main";
}

const struct oddi_method oddi_method_mkd = {
    .name = "mkd",
    .summary = "knowledge distillation: a thin network imitates an ImageNet expert on normal "
               "pictures; where it fails is anomalous",
    .citation = "Salehi et al., Multiresolution Knowledge Distillation for Anomaly Detection, "
                "CVPR 2021 (arXiv 2011.11108)",
    .params = mkd_params,
    .presets = mkd_presets,
    .components = mkd_components,
    .wants_expert = true,
    .multiple = mkd_multiple,
    .check = mkd_check,
    .stages = mkd_stages,
    .stage_start = mkd_stage_start,
    .stage_name = mkd_stage_name,
    .build = oddi_mkd_build,
    .measure = oddi_mkd_measure,
    .combine = oddi_mkd_combine,
};
