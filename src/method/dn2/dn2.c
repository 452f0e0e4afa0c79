/* SPDX-License-Identifier: Apache-2.0
 *
 * DN2: Bergman, Cohen, Hoshen, "Deep Nearest Neighbor Anomaly Detection" (arXiv 2002.10445).
 *
 * A frozen ImageNet network turns a picture into one row of numbers: its deepest map, averaged over
 * all cells, of which x_i is the row of cell i (n cells). The rows of the normal pictures are the
 * model; g_1 .. g_k are the k of them that are nearest to a new picture's f.
 *
 *   (1) f     = 1/n sum x_i
 *   (2) score = 1/k sum over j of |f - g_j|             (score=distance)
 *               1/k sum over j of |f - g_j|^2           (score=squared)
 *   (3) map_i = 1/k sum over j of (x_i - g_j) . (f - g_j) / |f - g_j|
 *
 * The paper has no map. (3) is ours: a cell's part in the distance. It is exact, as the mean of
 * (3) over all cells is the score (2); a cell that is as the neighbours are has 0, one that draws
 * the picture away from them has more, one that draws it back less than 0. It is brought to the
 * picture's size and smoothed a little.
 *
 * For pictures that are odd as a whole (another kind of thing); a small defect drowns in the mean.
 *
 * Files: learn.c (rows), measure.c (score, map).
 */
#include "method/dn2/dn2.h"

static const struct oddi_param dn2_params[] = {
    P_TEXT("taps", "32", "ours",
           "stride of the expert's map that is averaged; several, finest first, are joined (the "
           "paper: the last layer before the classifier)"),
    P_INT("neighbours", "2", 1, ODDI_KNN_MAX - 1, "paper", "k"),
    P_ENUM("score", "distance", "distance|squared", "ours", "(2)"),
    P_FLOAT("sigma", "4", 0, 64, "ours", "smoothing of the map in pixels at 224; scales"), P_END};

static const char *const dn2_paper[] = {"size=224", NULL};
static const struct oddi_preset dn2_presets[] = {
    {"dn2", "224 pixels, the two nearest pictures", dn2_paper}, {NULL, NULL, NULL}};

static const char *const dn2_components[] = {"distance", "squared", NULL};

static int64_t dn2_cell(const struct oddi_values *v)
{
    (void)v;
    return 32;
}

static double dn2_combine(const struct oddi_values *v, const double *component,
                          const struct oddi_spread *spread)
{
    (void)spread;
    return component[oddi_values_is(v, "score", "squared") ? DN2_SQUARED : DN2_DISTANCE];
}

const struct oddi_method oddi_method_dn2 = {
    .name = "dn2",
    .summary = "how far a whole picture is from its nearest normal ones, by an ImageNet expert's "
               "mean features; for pictures of another kind of thing",
    .citation = "Bergman, Cohen, Hoshen, Deep Nearest Neighbor Anomaly Detection (arXiv "
                "2002.10445)",
    .params = dn2_params,
    .presets = dn2_presets,
    .components = dn2_components,
    .wants_expert = true,
    .multiple = oddi_cells_multiple,
    .cell = dn2_cell,
    .check = oddi_cells_check,
    .build = oddi_cells_build,
    .fit = oddi_dn2_fit,
    .open = oddi_dn2_open,
    .close = oddi_dn2_close,
    .measure = oddi_dn2_measure,
    .combine = dn2_combine,
};
