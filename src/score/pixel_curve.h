/* SPDX-License-Identifier: Apache-2.0
 * The sweep over all pixels, highest score first, that yields the pixel metrics. */
#ifndef ODDI_SCORE_PIXEL_CURVE_H
#define ODDI_SCORE_PIXEL_CURVE_H
#include "score/pixel.h"

/* A pixel is one integer: the key of its score above the area of its region (ODDI_KEY_LOW bits),
 * 0 outside of any. */
struct oddi_sum {
    double high, low; /* what `high` has rounded away */
};
struct oddi_pixel_curve {
    uint64_t positive, negative, regions; /* totals, known before */
    int limits;
    double limit[ODDI_PIXELS_LIMITS];     /* in pixels */
    uint64_t key, dtp, dfp;               /* the score being gathered */
    uint64_t area, same;                  /* of it, the region size being gathered */
    uint64_t tp, fp;                      /* above it */
    uint64_t flat;                        /* fp where PRO, of K, changed last, to `level` */
    double level;
    uint64_t pairs;                       /* twice the won pairs of AUROC */
    uint64_t f1_tp, f1_fp;
    uint32_t f1_key;
    struct oddi_sum steps, pro, under[ODDI_PIXELS_LIMITS];
};
void oddi_pixel_curve_init(struct oddi_pixel_curve *curve, uint64_t positive, uint64_t negative,
                           uint64_t regions);
void oddi_pixel_curve_limits(struct oddi_pixel_curve *curve, int limits, const double *limit);
/* Items rising, so taken from the end; every call's items are not above those of calls before. */
void oddi_pixel_curve_add(struct oddi_pixel_curve *curve, const uint64_t *item, size_t count);
/* After the last item: fills auroc, ap, f1max, f1max_threshold and aupro. */
void oddi_pixel_curve_finish(struct oddi_pixel_curve *curve, struct oddi_pixel_metrics *metrics);
#endif
