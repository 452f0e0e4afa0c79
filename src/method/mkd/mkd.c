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
 *                                            its weight on the other term; lambda: lambda.c)
 *   (4) score = the same sum over the deeper points, batch normalisation with running statistics
 *   (5) map   = sum_i up( 1 - cos over channels at (y, x) + lambda mean_c (a_S - a_C)^2 ),
 *               smoothed by a Gaussian of 4 pixels at 128         (localise=features; ours)
 *   (6) map   = sum_c |d score / d input|, cut at its 99th percentile, scaled to [0, 1], the same
 *               Gaussian, then opened by a plus of 3 x 3          (localise=gradient; the paper's)
 *               and its variants, smooth and guided (gradient.c). The gradient goes through both
 *               networks, as in the published code, or through the cloner alone, as in the prose.
 *
 * The cloner of VGG-16 is the published one: 3 x 3 convolutions without bias, block by block
 * 16,16 | 16,C | 16,16,C | ..., batch normalisation after every convolution that no pool follows,
 * ReLU, Xavier-uniform weights. For other experts the same rule makes one block per halving.
 *
 * Files: net.c (input, expert, cloner, losses), lambda.c, measure.c (score, maps), gradient.c.
 */
#include "method/mkd/mkd.h"

static const struct oddi_param mkd_params[] = {
    P_TEXT(
        "lambda", "preset", "second-hand",
        "weight of the value term: a number; auto: both terms of equal size at the start; preset: "
        "lambda-preset while the expert's maps have about size 1, else auto"),
    P_FLOAT("lambda-preset", "0.5", 0, 1e6, "second-hand",
            "the constant of the published code: 0.5 for MVTec AD, 0.01 else"),
    P_ENUM("terms", "total", "total|direction|value", "paper",
           "what is learnt: both terms of (3), or one of them"),
    P_INT("points", "4", 1, MKD_POINTS_MAX, "paper",
          "critical points: the deepest this many of the expert's maps"),
    P_INT("scored", "3", 1, MKD_POINTS_MAX, "second-hand",
          "of these, the deepest this many are scored; all are learnt"),
    P_ENUM("cloner", "small", "small|equal", "paper",
           "small: `thin` channels within; equal: as many as the expert's maps have"),
    P_INT("thin", "16", 1, 1024, "second-hand",
          "channels of the small cloner's inner convolutions"),
    P_BOOL("norm-shift", "true", "second-hand",
           "the cloner's normalisations add a learnt offset, as in the published code"),
    P_ENUM("expert-weights", "imported", "imported|random", "paper",
           "random: an expert that nobody trained, of the architecture `network`"),
    P_FLOAT("expert-width", "1", 1.0 / 64, 1, "ours",
            "share of a random expert's channels; 1: the network itself"),
    P_ENUM("input", "plain", "plain|imagenet", "second-hand",
           "plain: grey levels in [0,1]; imagenet: the expert's own mean and deviation"),
    P_ENUM("score", "learnt", "learnt|total|direction|value", "paper",
           "terms of image score and maps (4): those learnt, both, or one"),
    P_ENUM(
        "localise", "features", "features|gradient|smooth|guided", "ours",
        "map from the features (5), one forward pass; from the input gradient (6); by SmoothGrad; "
        "by guided back-propagation"),
    P_ENUM("branches", "both", "both|cloner", "second-hand",
           "networks that the input gradient goes through"),
    P_ENUM("smooth-noise", "code", "code|range", "second-hand",
           "SmoothGrad's deviation: (0.05 / range)^2 as published code has it, or 0.05 range"),
    P_INT("smooth-copies", "50", 1, 10000, "second-hand", "noisy copies of SmoothGrad"),
    P_FLOAT("sigma", "4", 0, 64, "second-hand",
            "smoothing of the map in pixels at 128; scales with the size"),
    P_END};

/* The published recipe: Adam, a constant rate, short batches kept. */
#define MKD_RECIPE "batch=64", "lr=0.001", "beta1=0.9", "schedule=constant", "last-batch=keep"
static const char *const mkd_lite[] = {"size=128",          "batch=16",        "epochs=60",
                                       "lr=0.001",          "beta1=0.9",       "lambda-preset=0.5",
                                       "schedule=constant", "last-batch=keep", NULL};
static const char *const mkd_mnist[] = {MKD_RECIPE, "size=32", "epochs=51", "lambda-preset=0.01",
                                        NULL};
static const char *const mkd_cifar10[] = {MKD_RECIPE,           "size=224",       "epochs=201",
                                          "lambda-preset=0.01", "input=imagenet", NULL};
static const char *const mkd_mvtec[] = {MKD_RECIPE,          "size=128",          "epochs=601",
                                        "lambda-preset=0.5", "localise=gradient", NULL};
static const char *const mkd_oct[] = {MKD_RECIPE, "size=128", "epochs=10", "lambda-preset=0.01",
                                      NULL};
static const char *const mkd_headct[] = {MKD_RECIPE, "size=128", "epochs=201", "lambda-preset=0.01",
                                         NULL};
static const char *const mkd_brainmri[] = {MKD_RECIPE, "size=256", "epochs=201",
                                           "lambda-preset=0.01", NULL};
static const struct oddi_preset mkd_presets[] = {
    {"lite", "128 pixels, batches of 16, 60 epochs: minutes to an hour on a CPU", mkd_lite},
    {"mnist", "the published schedule for MNIST: 32 pixels, 51 epochs", mkd_mnist},
    {"fmnist", "the published schedule for Fashion-MNIST: that of MNIST", mkd_mnist},
    {"cifar10", "the published schedule for CIFAR-10: 224 pixels, ImageNet's mean, 201 epochs",
     mkd_cifar10},
    {"mvtec", "the published schedule for MVTec AD: 128 pixels, 601 epochs", mkd_mvtec},
    {"oct", "retinal OCT: 128 pixels; 10 epochs (not published: ours)", mkd_oct},
    {"headct", "HeadCT: 128 pixels; 201 epochs (not published: ours)", mkd_headct},
    {"brainmri", "BrainMRI: 256 pixels; 201 epochs (not published: ours)", mkd_brainmri},
    {NULL, NULL, NULL}};

static const char *const mkd_components[] = {"total", "direction", "value", NULL};

static struct mkd_weights mkd_weights_of(const struct oddi_values *v, const char *terms)
{
    if (oddi_values_is(v, terms, "direction"))
        return (struct mkd_weights){1, 0};
    if (oddi_values_is(v, terms, "value"))
        return (struct mkd_weights){0, 1};
    return (struct mkd_weights){1, oddi_mkd_lambda(v)};
}

struct mkd_weights oddi_mkd_loss_weights(const struct oddi_values *v)
{
    return mkd_weights_of(v, "terms");
}

struct mkd_weights oddi_mkd_score_weights(const struct oddi_values *v)
{
    return mkd_weights_of(v, oddi_values_is(v, "score", "learnt") ? "terms" : "score");
}

bool oddi_mkd_has_gradient(const struct oddi_values *v)
{
    return !oddi_values_is(v, "localise", "features");
}

static int64_t mkd_multiple(const struct oddi_values *v)
{
    (void)v;
    return 32;
}

static odd_status mkd_check_settings(struct odd_context *ctx, const struct oddi_values *v)
{
    const char *network = oddi_values_text(v, "network"), *lambda = oddi_values_text(v, "lambda");
    if (!oddi_net_find(network))
        return oddi_fail(ctx, ODD_ECONFIG, "network=%s: mkd knows no expert of that name", network);
    if (!oddi_mkd_lambda_valid(lambda))
        return oddi_fail(ctx, ODD_ECONFIG,
                         "lambda=%s: expected a number from 0 to 1e6, auto or preset", lambda);
    if (oddi_values_float(v, "expert-width") < 1 && oddi_values_is(v, "expert-weights", "imported"))
        return oddi_fail(ctx, ODD_ECONFIG,
                         "expert-width is of random experts alone; an imported "
                         "one has the channels it was trained with");
    return ODD_OK;
}

static odd_status mkd_check(struct odd_context *ctx, const struct oddi_values *v,
                            const struct oddi_geometry *in)
{
    if (in->width % 32 != 0 || in->height % 32 != 0)
        return oddi_fail(ctx, ODD_ECONFIG,
                         "mkd needs sides that are multiples of 32, not %lld x %lld",
                         (long long)in->width, (long long)in->height);
    if (in->channels != 1 && in->channels != 3)
        return oddi_fail(ctx, ODD_ECONFIG,
                         "an ImageNet expert sees grey or RGB pictures, not %lld bands",
                         (long long)in->channels);
    return mkd_check_settings(ctx, v);
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
    .build = oddi_mkd_build,
    .settle = oddi_mkd_settle,
    .measure = oddi_mkd_measure,
    .combine = oddi_mkd_combine,
};
