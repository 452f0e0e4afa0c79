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
    int threads;
    /* Of a tiled picture: its planes, the sum of its tiles' maps and of their weights. */
    float *planes, *blend, *weight;
    size_t planes_room, blend_room; /* floats */
    /* Of a method with rows (method.h), as f16, those of all tiles: `keep` has them left in `half`
     * for each picture; `given` stands for what the graph would say. */
    bool keep;
    const uint16_t *given;
    float *rows; /* of a tile */
    uint16_t *half;
    size_t half_room;
};
/* What one picture gives, valid until the scorer's next picture. */
struct oddi_scored {
    double component[ODDI_COMPONENTS_MAX];
    double score;         /* combined */
    double maximum, mean; /* of the map inside the picture */
    const float *map;     /* (to_height, to_width) of the mapping */
    struct oddi_mapping mapping;
};
/* `threads` of the plan. */
odd_status oddi_scorer_make(struct odd_context *ctx, const struct odd_model *model, int threads,
                            struct odd_scorer **scorer);
odd_status oddi_scorer_run(struct odd_scorer *s, const struct oddi_picture *picture,
                           struct oddi_scored *out);
/* The same for what stands in s->input already; out->mapping says where the picture lies in it. */
odd_status oddi_scorer_run_input(struct odd_scorer *s, struct oddi_scored *out);
/* Runs the graph on a picture, each of its tiles in turn, and shows what came out, without a
 * measurement: no map. */
odd_status oddi_scorer_look(struct odd_scorer *s, const struct oddi_picture *picture,
                            odd_status (*see)(void *user, const struct oddi_measure *look),
                            void *user);
/* Numbers in the rows of a picture of that size; 0 for a method without rows. */
odd_status oddi_scorer_rows(struct odd_scorer *s, int64_t width, int64_t height, size_t *count);
/* What oddi_scorer_run gives for a picture of that size with these rows. */
odd_status oddi_scorer_rescore(struct odd_scorer *s, const uint16_t *half, int64_t width,
                               int64_t height, struct oddi_scored *out);
/* The map in the picture's own coordinates, width * height floats. */
odd_status oddi_scorer_map(struct odd_scorer *s, const struct oddi_scored *scored, float *out);
#endif
