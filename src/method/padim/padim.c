/* SPDX-License-Identifier: Apache-2.0
 *
 * PaDiM: Defard, Setkov, Loesch, Audigier, "PaDiM: a Patch Distribution Modeling Framework for
 * Anomaly Detection and Localization", ICPR workshops 2020 (arXiv 2011.08785).
 *
 * A frozen ImageNet network gives each cell of a picture a row of numbers (nn/features.h), of which
 * d are used: a random subset of the channels, one for all cells. In the normal pictures 1 .. n the
 * cell at (i, j) has the rows x_1 .. x_n; a Gaussian is fitted to them, cell by cell:
 *
 *   (1) m_ij = mean of x_k
 *   (2) C_ij = 1/(n - 1) sum (x_k - m)(x_k - m)^T + e I,  e = 0.01     (shrinkage=fixed; paper)
 *       or with the intensity of Ledoit and Wolf                       (shrinkage=ledoit-wolf;
 * ours)
 *
 * and the cell of a new picture is as odd as its row is far away in that Gaussian:
 *
 *   (3) M_ij = sqrt((x - m_ij)^T C_ij^-1 (x - m_ij))
 *   (4) map  = M, bilinear to the picture, smoothed by a Gaussian
 *   (5) score: the maximum of (4) (score=smooth; paper) or of (3) (score=max)
 *
 * A cell is compared with the same place of the normal pictures, so parts must lie alike in all of
 * them. The model keeps m and the inverse Cholesky factor of C (score/gaussian.h), so it grows with
 * cells * d^2 / 2, whatever the number of pictures.
 *
 * Files: reduce.c (which numbers of a row), learn.c (1, 2), measure.c (3 to 5).
 */
#include "method/padim/padim.h"

static const struct oddi_param padim_params[] = {
    P_TEXT("taps", "8,16", "ours",
           "strides of the expert's maps that are used, finest first (the paper: 4,8,16)"),
    P_BOOL("patch-mean", "false", "paper", "average each map over 3 x 3 cells first"),
    P_ENUM("reduce", "subset", "subset|svd|none", "paper",
           "which numbers of a cell: a random subset of the channels, the leading principal axes, "
           "or all"),
    P_INT("features", "100", 1, 4096, "paper", "how many of them, d"),
    P_ENUM("shrinkage", "fixed", "fixed|ledoit-wolf", "paper",
           "(2): epsilon on the diagonal, or as much of the identity as the few samples ask for"),
    P_FLOAT("epsilon", "0.01", 1e-9, 1e6, "paper", "of shrinkage=fixed"),
    P_ENUM("score", "auto", "auto|max|smooth", "ours",
           "image score: maximum of (3) or (4); auto: chosen on pasted defects"),
    P_FLOAT("sigma", "4", 0, 64, "paper",
            "smoothing of the map in pixels at 224; scales with the size"),
    P_INT("pool-mib", "1024", 1, 1 << 20, "ours",
          "memory for the cells of all normal pictures; beyond it the pictures are looked at "
          "several times, a band of the grid each"),
    P_INT("model-mib", "1024", 1, 1 << 20, "ours", "a model whose Gaussians are larger is refused"),
    P_END};

static const char *const padim_lite[] = {"size=256", NULL};
static const char *const padim_paper[] = {"size=224", "taps=4,8,16", "score=smooth", NULL};
static const struct oddi_preset padim_presets[] = {
    {"lite", "256 pixels, maps of strides 8 and 16", padim_lite},
    {"padim", "as published with 100 channels: 224 pixels, maps of strides 4, 8 and 16",
     padim_paper},
    {NULL, NULL, NULL}};

static const char *const padim_components[] = {"max", "smooth", NULL};

static double padim_combine(const struct oddi_values *v, const double *component,
                            const struct oddi_spread *spread)
{
    (void)spread;
    return component[oddi_values_is(v, "score", "max") ? PADIM_MAX : PADIM_SMOOTH];
}

static const char *padim_score_candidate(const struct oddi_values *v, int index)
{
    static const char *const list[] = {"score=smooth", "score=max"};
    return oddi_values_is(v, "score", "auto") && index < 2 ? list[index] : NULL;
}

const struct oddi_method oddi_method_padim = {
    .name = "padim",
    .summary = "a Gaussian over an ImageNet expert's features at each place of the picture; for "
               "parts that always lie alike",
    .citation = "Defard et al., PaDiM: a Patch Distribution Modeling Framework for Anomaly "
                "Detection and Localization, ICPR workshops 2020 (arXiv 2011.08785)",
    .params = padim_params,
    .presets = padim_presets,
    .components = padim_components,
    .wants_expert = true,
    .multiple = oddi_cells_multiple,
    .check = oddi_cells_check,
    .build = oddi_cells_build,
    .fit = oddi_padim_fit,
    .open = oddi_padim_open,
    .close = oddi_padim_close,
    .measure = oddi_padim_measure,
    .combine = padim_combine,
    .score_candidate = padim_score_candidate,
};
