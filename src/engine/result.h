/* SPDX-License-Identifier: Apache-2.0
 *
 * The result of scoring one picture, and the decision, which is one function.
 */
#ifndef ODDI_ENGINE_RESULT_H
#define ODDI_ENGINE_RESULT_H
#include "engine/scorer.h"
#include "pixels/colour.h"

struct odd_result {
    struct odd_context *ctx;
    double score, normalized, threshold;
    double heat_lo, heat_hi; /* the model's fixed colour scale */
    int64_t width, height;
    float *map;                   /* in the picture's coordinates; NULL unless wanted */
    struct oddi_picture *picture; /* the same */
};
/* NG if and only if score > threshold. */
static inline enum odd_decision oddi_decide(double score, double threshold)
{
    return score > threshold ? ODD_DECISION_NG : ODD_DECISION_OK;
}
/* The picture under the colours of the map, as PNG. */
odd_status oddi_write_overlay(struct odd_context *ctx, const struct oddi_picture *picture,
                              const struct oddi_heat *heat, const char *path);
#endif
