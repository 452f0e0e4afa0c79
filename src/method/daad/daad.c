/* SPDX-License-Identifier: Apache-2.0
 *
 * DAAD: Divide-and-Assemble, block-wise memory for unsupervised anomaly detection.
 * Hou, Zhang, Zhong, Xie, Pu, Zhou, ICCV 2021 (arXiv 2107.13118).
 *
 * A decoder that sees encoder features freely reconstructs defects too. So every feature map on its
 * way to the decoder is cut into blocks, each block is replaced by a combination of learned normal
 * blocks, and only the replacement goes on. What the memory cannot express is not reconstructed.
 *
 * F (C, H, W) is a level's features, cut into Q = r_h r_w r_c blocks of L = b_h b_w b_c numbers; M
 * has N items m_i of length L and serves all Q places.
 *
 *   (1) divide     q^k_j = F[c b_c + s][a b_h + p][b b_w + q],  k = (a r_w + b) r_c + c,
 *                  j = (p b_w + q) b_c + s
 *   (2) address    w_i = softmax_i( <q, m_i> / (|q| |m_i|) / T )
 *   (3) shrink     v = w where w > lambda (and at the largest w), 0 elsewhere, divided by its sum
 *   (4) assemble   q' = sum_i v_i m_i, put back into a map by the inverse of (1)
 *   (5) loss       l_rec L_rec + l_adv L_adv + l_ali L_ali
 *   (6) L_adv      D ascends E log D(x) + E log(1 - D(G(x))); G descends -E log D(G(x))
 *   (7) L_rec      mean (x - G(x))^2
 *   (8) L_ali      mean (f_D(x) - f_D(G(x)))^2, f_D(x) and D held fixed
 *   (9) scores     R = mean (x - G(x))^2, A = mean (f_D(x) - f_D(G(x)))^2,
 *                  RA = (R - mu_R) / sd_R / 2 + (A - mu_A) / sd_A / 2 with held-out normals' mu, sd
 *  (10) map        channel mean of (x - G(x))^2, Gaussian of sigma = 4 * size / 256 pixels
 *
 * Sources of defaults: "paper" is the abstract, "second-hand" readers' notes of the paper, "ours"
 * chosen here (docs/methods/daad.md says why). Ladder: ae -> uae -> daad -> daad+.
 *
 * Files: shape.c (levels, divisions), net.c (networks and losses), seed.c (first items), control.c
 * (balance of the two players), measure.c (map and scores).
 */
#include "method/daad/daad.h"

static const struct oddi_param daad_params[] = {
    P_ENUM("variant", "daad", "ae|uae|daad|daad+", "paper",
           "ae: no memory, no skips; uae: skips without memory; daad: memories; daad+: and a "
           "discriminator"),
    P_INT("width", "32", 4, 256, "ours", "channels of the first level (w)"),
    P_TEXT("division", "spec", "ours",
           "parts per axis RHxRWxRC, one or one per memory (finest first, \"/\" between); or spec, "
           "pixel, whole, auto"),
    P_TEXT("block", "", "ours",
           "the same in cells per block HxWxC (C 0: all channels); beats division"),
    P_ENUM("memories", "all", "all|bottleneck", "paper",
           "memories on skips and bottleneck, or on the bottleneck alone"),
    P_INT("items", "250", 2, 100000, "ours", "items per memory (N)"),
    P_ENUM("addressing", "sharp", "sharp|memae|paper", "ours",
           "sharp: T 0.1 and shrinkage; memae: T 1 and shrinkage; paper: T 1, none"),
    P_FLOAT("temperature", "0", 0, 100, "ours", "T of the softmax; 0: as addressing says"),
    P_FLOAT("shrink", "1", 0, 100, "ours", "shrinkage lambda in units of 1/N"),
    P_FLOAT("warm-up", "0.1", 0, 0.9, "ours",
            "share of the steps without memory before the items are seeded; 0: never"),
    P_FLOAT("l-rec", "50", 0, 1e6, "second-hand", "weight of the reconstruction loss"),
    P_FLOAT("l-adv", "1", 0, 1e6, "second-hand", "daad+: weight of the adversarial loss"),
    P_FLOAT("l-ali", "1", 0, 1e6, "second-hand", "daad+: weight of the alignment loss"),
    P_ENUM("score", "auto", "auto|r|top1|max|a|ra", "ours",
           "image score: R, mean of the map's top 1 %, maximum, A, R and A; auto: what tells "
           "pasted defects best on held-out normals, of top1, r and (daad+) ra"),
    P_FLOAT("sigma", "4", 0, 64, "ours",
            "smoothing of the map in pixels at 256; scales with the size"),
    P_END};

static const char *const daad_lite[] = {"size=128",   "width=32", "items=250", "batch=16",
                                        "steps=2500", "lr=0.001", NULL};
static const char *const daad_small[] = {"size=32",   "width=16", "items=125", "batch=16",
                                         "epochs=14", "lr=0.001", NULL};
static const char *const daad_full[] = {"size=256",   "width=64", "items=500", "batch=8",
                                        "steps=4000", "lr=0.001", NULL};
static const char *const daad_paper[] = {"size=256",     "width=64",      "items=500",
                                         "batch=16",     "steps=20000",   "lr=0.0002",
                                         "warm-up=0.01", "variant=daad+", NULL};
static const struct oddi_preset daad_presets[] = {
    {"lite", "128 pixels, w = 32, 2,500 steps: minutes on an ordinary CPU", daad_lite},
    {"small", "32 pixels, w = 16, 14 epochs: digits, garments, icons", daad_small},
    {"full", "256 pixels, w = 64, 4,000 steps: hours on a CPU", daad_full},
    {"paper",
     "256 pixels, w = 64, daad+, 20,000 steps of 16 at 2e-4: the specification's whole recipe",
     daad_paper},
    {NULL, NULL, NULL}};

static const char *const daad_components[] = {"r", "top1", "max", "a", NULL};

static int64_t daad_multiple(const struct oddi_values *v)
{
    (void)v;
    return (int64_t)1 << DAAD_LEVELS_MAX;
}

static odd_status daad_check(struct odd_context *ctx, const struct oddi_values *v,
                             const struct oddi_geometry *in)
{
    struct daad_shape s;
    odd_status status = oddi_daad_shape_make(ctx, v, in, &s);
    if (status != ODD_OK)
        return status;
    const bool needs_a = oddi_values_is(v, "score", "a") || oddi_values_is(v, "score", "ra");
    if (needs_a && s.variant != DAAD_PLUS)
        return oddi_fail(ctx, ODD_ECONFIG, "score=%s needs the discriminator of variant=daad+",
                         oddi_values_text(v, "score"));
    return ODD_OK;
}

static int daad_stages(const struct oddi_values *v)
{
    const bool memory =
        oddi_values_is(v, "variant", "daad") || oddi_values_is(v, "variant", "daad+");
    return memory && oddi_values_float(v, "warm-up") > 0 ? 2 : 1;
}

static int64_t daad_stage_start(const struct oddi_values *v, int stage, int64_t steps)
{
    const int64_t start = (int64_t)(oddi_values_float(v, "warm-up") * (double)steps + 0.5);
    return stage == 0 ? 0 : start < 1 ? 1 : start;
}

static const char *daad_stage_name(const struct oddi_values *v, int stage)
{
    return stage == 0 && daad_stages(v) > 1 ? "warm-up" : "main";
}

static const char *daad_score_candidate(const struct oddi_values *v, int index)
{
    static const char *const all[] = {"score=top1", "score=r", "score=ra", NULL};
    const int n = oddi_values_is(v, "variant", "daad+") ? 3 : 2;
    if (!oddi_values_is(v, "score", "auto") || index >= n)
        return NULL;
    return all[index];
}

const struct oddi_method oddi_method_daad = {
    .name = "daad",
    .summary = "block-wise memory auto-encoder: what cannot be put together from normal blocks is "
               "anomalous",
    .citation =
        "Hou et al., Divide-and-Assemble: Learning Block-wise Memory for Unsupervised Anomaly "
        "Detection, ICCV 2021 (arXiv 2107.13118)",
    .params = daad_params,
    .presets = daad_presets,
    .components = daad_components,
    .multiple = daad_multiple,
    .check = daad_check,
    .stages = daad_stages,
    .stage_start = daad_stage_start,
    .stage_name = daad_stage_name,
    .build = oddi_daad_build,
    .control_start = oddi_daad_control_start,
    .control = oddi_daad_control,
    .enter = oddi_daad_enter,
    .measure = oddi_daad_measure,
    .combine = oddi_daad_combine,
    .candidate = oddi_daad_candidate,
    .score_candidate = daad_score_candidate,
};
