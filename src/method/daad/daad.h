/* SPDX-License-Identifier: Apache-2.0
 * The inside of DAAD: its shape for one input, and the pieces that build it. See daad.c. */
#ifndef ODDI_METHOD_DAAD_DAAD_H
#define ODDI_METHOD_DAAD_DAAD_H
#include "method/method.h"

#define DAAD_LEVELS_MAX 5
#define DAAD_MEMORIES_MAX 3

enum daad_variant { DAAD_AE, DAAD_UAE, DAAD_DAAD, DAAD_PLUS };

struct daad_level { /* what encoder level l (1..levels) gives out */
    int64_t channels, height, width;
    bool skip;  /* reaches the decoder directly */
    int memory; /* index of its memory, -1: none */
};
struct daad_shape {
    enum daad_variant variant;
    int levels, memories;
    struct daad_level level[DAAD_LEVELS_MAX + 1];
    int memory_level[DAAD_MEMORIES_MAX]; /* from finest to coarsest */
    int64_t block[DAAD_MEMORIES_MAX][3]; /* height, width, channels in cells */
    int64_t items;                       /* N */
    double temperature, lambda;          /* lambda 0: no shrinkage */
    int64_t disc_levels;
};
/* Levels, memories and blocks for this input; says which setting does not fit. */
odd_status oddi_daad_shape_make(struct odd_context *ctx, const struct oddi_values *v,
                                const struct oddi_geometry *in, struct daad_shape *s);
/* Blocks of a memory: Q per picture and L numbers each. */
int64_t oddi_daad_blocks_per_picture(const struct daad_shape *s, int memory);
int64_t oddi_daad_block_length(const struct daad_shape *s, int memory);

void oddi_daad_build(struct oddi_build *b);
/* Encoder in evaluation mode with each memory's queries as results "query.0" ... */
void oddi_daad_build_queries(struct oddi_build *b);
odd_status oddi_daad_enter(struct oddi_enter *e); /* seeds the memories */

void oddi_daad_control_start(const struct oddi_values *v, struct oddi_control *c);
void oddi_daad_control(struct oddi_control *c, const struct oddi_build *b,
                       const struct oddi_plan *plan);

odd_status oddi_daad_measure(const struct oddi_measure *m);
double oddi_daad_combine(const struct oddi_values *v, const double *component,
                         const struct oddi_spread *spread);
const char *oddi_daad_candidate(const struct oddi_values *v, const struct oddi_geometry *in,
                                int index);
#endif
