/* SPDX-License-Identifier: Apache-2.0
 *
 * A memory bank of patch features: PatchCore (Roth, Pemula, Zepeda, Schoelkopf, Brox, Gehler,
 * "Towards Total Recall in Industrial Anomaly Detection", CVPR 2022, arXiv 2106.08265).
 *
 * A frozen ImageNet network gives each cell of a picture a row of numbers (nn/features.h). The rows
 * of all normal pictures, thinned to a subset M that covers them, are the model; nothing is
 * trained. In a new picture with rows q_1 ... q_n:
 *
 *   (1) d_i  = min over m in M of |q_i - m|                              (exact, knn/knn.h)
 *   (2) map  = d, bilinear to the picture, smoothed by a Gaussian
 *   (3) s*   = max_i d_i, at the cell q* with the nearest row m*         (score=max)
 *   (4) s    = (1 - exp |q* - m*| / sum over m in N_b(m*) of exp |q* - m|) s*
 *              where N_b(m*) are the b rows nearest to m*, itself included (score=reweighted)
 *   (5) max of the map (2)                                                (score=smooth, ours)
 *
 * The subset is the greedy k-centre of all rows (paper, algorithm 1; knn/coreset.h): the row that
 * is farthest from those chosen is chosen next, so the largest distance of any normal cell to the
 * bank falls as fast as it can.
 *
 * How strange a normal picture is beside the others is (3) against the rows of all other pictures;
 * the strangest are named as suspects, and `trim` leaves a share of them out.
 *
 * A bank takes in more pictures (extend) by the same choice among its rows and their cells.
 *
 * Files: learn.c (rows, subset), suspects.c (strangeness), measure.c (score, map).
 */
#include "method/bank/bank.h"

#include "method/cells.h"

static const struct oddi_param bank_params[] = {
    P_TEXT("taps", "8,16", "paper", "strides of the expert's maps that are used, finest first"),
    P_BOOL("patch-mean", "true", "paper", "average each map over 3 x 3 cells first"),
    P_FLOAT("coreset", "0", 0, 1, "ours",
            "share of the normal cells that is kept (the paper: 0.1 or 0.01); 0: coreset-count"),
    P_INT("coreset-count", "10000", 1, 100000000, "ours", "rows kept, where coreset is 0"),
    P_INT("bank-mib", "256", 1, 1 << 20, "ours", "the bank is never larger than this many MiB"),
    P_INT(
        "pool-mib", "1024", 1, 1 << 20, "ours",
        "memory for the cells of all normal pictures while the bank is chosen; beyond it an equal "
        "number of each picture's cells is drawn"),
    P_ENUM("score", "auto", "auto|max|reweighted|smooth", "ours",
           "image score: (3), (4) or (5); auto: chosen on pasted defects"),
    P_FLOAT("trim", "0", 0, 0.5, "ours",
            "share of the training pictures, the strangest beside the others, that is left out"),
    P_INT("neighbours", "9", 1, BANK_NEIGHBOURS_MAX, "paper", "b of the re-weighting (4)"),
    P_FLOAT("sigma", "4", 0, 64, "paper",
            "smoothing of the map in pixels at 224; scales with the size"),
    P_INT("keep-mib", "32", 0, 1 << 20, "ours",
          "room in the model for the features of held-out pictures, so that `oddity add` can score "
          "them anew; 0: none are kept"),
    P_BOOL("keep-pictures", "false", "ours",
           "keep a thumbnail of each training picture in the model, for `oddity explain`"),
    P_END};

static const char *const bank_lite[] = {"size=256", NULL};
static const char *const bank_patchcore[] = {"size=224", "coreset=0.1", "score=reweighted", NULL};
static const char *const bank_fast[] = {"size=256", "coreset-count=2000", NULL};
static const struct oddi_preset bank_presets[] = {
    {"lite", "256 pixels, a bank of 10,000 rows: seconds to minutes on a CPU", bank_lite},
    {"patchcore", "as published: 224 pixels, a tenth of all cells, re-weighted score",
     bank_patchcore},
    {"fast", "a bank of 2,000 rows: small files, quick scoring", bank_fast},
    {NULL, NULL, NULL}};

static const char *const bank_components[] = {"max", "reweighted", "smooth", NULL};

/* A cell of the finest map. */
static int64_t bank_cell(const struct oddi_values *v)
{
    struct oddi_features features;
    const struct oddi_net *net = oddi_net_find(oddi_values_text(v, "network"));
    if (!net || oddi_features_read(v->ctx, net, oddi_values_text(v, "taps"), &features) != ODD_OK)
        return 8; /* the check will say what is wrong */
    return 2 << features.tap[0];
}

static double bank_combine(const struct oddi_values *v, const double *component,
                           const struct oddi_spread *spread)
{
    (void)spread;
    if (oddi_values_is(v, "score", "reweighted"))
        return component[BANK_REWEIGHTED];
    return component[oddi_values_is(v, "score", "smooth") ? BANK_SMOOTH : BANK_MAX];
}

static const char *bank_score_candidate(const struct oddi_values *v, int index)
{
    static const char *const list[] = {"score=max", "score=smooth", "score=reweighted", NULL};
    return oddi_values_is(v, "score", "auto") && index < 3 ? list[index] : NULL;
}

const struct oddi_method oddi_method_bank = {
    .name = "bank",
    .summary = "a memory of an ImageNet expert's features of normal cells; what is far from all of "
               "them is anomalous (PatchCore)",
    .citation = "Roth et al., Towards Total Recall in Industrial Anomaly Detection, CVPR 2022 "
                "(arXiv 2106.08265)",
    .params = bank_params,
    .presets = bank_presets,
    .components = bank_components,
    .wants_expert = true,
    .multiple = oddi_cells_multiple,
    .cell = bank_cell,
    .check = oddi_cells_check,
    .build = oddi_cells_build,
    .fit = oddi_bank_fit,
    .open = oddi_bank_open,
    .close = oddi_bank_close,
    .measure = oddi_bank_measure,
    .grid = oddi_features_grid,
    .rows = oddi_bank_rows,
    .rescore = oddi_bank_rescore,
    .nearest = oddi_bank_nearest,
    .extend = oddi_bank_extend,
    .combine = bank_combine,
    .score_candidate = bank_score_candidate,
};
