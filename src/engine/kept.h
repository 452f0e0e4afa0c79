/* SPDX-License-Identifier: Apache-2.0
 *
 * What a model keeps of its calibrate pictures so that it can take in more normals (add.c): each
 * one's numbers, and as f16, as many as there is room for, the rows that its measurement rests on
 * (method.h), so that it can be scored anew without the picture.
 *
 *   keep.numbers  (3, n) f64  scores, maxima and means of maps, in the order of seen.calibrate
 *   keep.places   (k, 3) i64  of each with rows: which of the n, width and height of the picture
 *   keep.rows     (m) u16     f16 numbers, one after another
 */
#ifndef ODDI_ENGINE_KEPT_H
#define ODDI_ENGINE_KEPT_H
#include "engine/scorer.h"

enum { ODDI_KEPT_SCORE, ODDI_KEPT_MAXIMUM, ODDI_KEPT_MEAN, ODDI_KEPT_NUMBERS };
struct oddi_kept_place {
    int64_t picture, width, height;
};
struct oddi_kept {
    struct odd_context *ctx; /* NULL: nothing is kept */
    size_t budget;           /* of numbers in `half` */
    double *number[ODDI_KEPT_NUMBERS];
    size_t count, room[ODDI_KEPT_NUMBERS];
    struct oddi_kept_place *place;
    size_t places, place_room;
    uint16_t *half;
    size_t halves, half_room;
};

/* Empty; only for a method that can take in more. */
void oddi_kept_init(struct oddi_kept *k, struct odd_context *ctx, const struct oddi_values *values);
void oddi_kept_release(struct oddi_kept *k);
/* One more picture; its rows are kept where they fit. */
odd_status oddi_kept_add(struct oddi_kept *k, const double number[ODDI_KEPT_NUMBERS],
                         const struct oddi_kept_place *size, const uint16_t *half, size_t halves);
/* What the model has, checked, into a fresh _init. */
odd_status oddi_kept_load(struct oddi_kept *k, const struct odd_model *m);
/* Scores those with rows anew; numbers are replaced. */
odd_status oddi_kept_rescore(struct oddi_kept *k, const struct odd_model *m);
odd_status oddi_kept_store(const struct oddi_kept *k, struct oddi_model_file *file);
#endif
