/* SPDX-License-Identifier: Apache-2.0
 *
 * Scoring one picture at a time: one plan of batch 1, whatever the caller's batches are, so a
 * picture's score has the same bits alone, in any company, with or without its map.
 */
#ifndef ODDI_ENGINE_SCORER_H
#define ODDI_ENGINE_SCORER_H
#include "engine/model.h"

struct odd_scorer {
    struct odd_context *ctx;
    const struct odd_model *model;
    struct oddi_build build;
    struct oddi_plan *plan;
    float *input, *map, *scratch;
};
/* What one picture gives, valid until the scorer's next picture. */
struct oddi_scored {
    double component[ODDI_COMPONENTS_MAX];
    double score;         /* combined */
    double maximum, mean; /* of the map inside the picture */
    const float *map;     /* (H, W) of the network's input */
    struct oddi_mapping mapping;
};
/* `threads` of the plan. */
odd_status oddi_scorer_make(struct odd_context *ctx, const struct odd_model *model, int threads,
                            struct odd_scorer **scorer);
odd_status oddi_scorer_run(struct odd_scorer *s, const struct oddi_picture *picture,
                           struct oddi_scored *out);
/* The same for what stands in s->input already; out->mapping says where the picture lies in it. */
odd_status oddi_scorer_run_input(struct odd_scorer *s, struct oddi_scored *out);
/* The map in the picture's own coordinates, width * height floats. */
odd_status oddi_scorer_map(struct odd_scorer *s, const struct oddi_scored *scored, float *out);
#endif
