/* SPDX-License-Identifier: Apache-2.0
 * What the files of the memory bank share; bank.c has the method in a page. */
#ifndef ODDI_METHOD_BANK_BANK_H
#define ODDI_METHOD_BANK_BANK_H
#include "knn/knn.h"
#include "method/pool.h"
#include "nn/features.h"

#define BANK_ROWS ODDI_FITTED "rows"       /* (M, D) f32, in the order in which they were chosen */
#define BANK_PICTURE ODDI_FITTED "picture" /* (M) i64: the training picture each row is of */
#define BANK_CELL ODDI_FITTED "cell"       /* (M) i64: its cell: tile * cells of a tile + cell */
#define BANK_NEIGHBOURS_MAX 32

enum { BANK_MAX, BANK_REWEIGHTED, BANK_SMOOTH };

/* A model's memory, ready to be asked. */
struct bank_fitted {
    struct oddi_knn *knn;
    const float *rows; /* the model file's, as the next two */
    const int64_t *picture, *cell;
    int64_t count, dim;
};

/* The rows that are chosen from: those of the bank so far, then those of the training pictures,
 * closed up in their order. A row's origin is its picture and cell, as BANK_PICTURE and BANK_CELL.
 */
struct bank_pool {
    struct oddi_fitting *f;
    struct oddi_feature_grid grid;
    int64_t cells; /* of a tile */
    struct oddi_pool pool;
    /* After the choice, per row: the nearest chosen row (its place in the choice), and how far. */
    int32_t *near;
    float *near2;
};
/* Writes f->strange, against the subset `chosen` of the pool. */
odd_status oddi_bank_suspects(struct bank_pool *p, const int64_t *chosen, int64_t count);
/* Takes the strangest share out of the pool; false: none are to go. */
bool oddi_bank_trim(struct bank_pool *p);
odd_status oddi_bank_fit(struct oddi_fitting *f);
odd_status oddi_bank_extend(struct oddi_fitting *f);
odd_status oddi_bank_open(struct odd_context *ctx, const struct oddi_build *b,
                          const struct oddi_model_file *file, void **fitted);
void oddi_bank_close(struct odd_context *ctx, void *fitted);
odd_status oddi_bank_measure(const struct oddi_measure *m);
odd_status oddi_bank_rows(const struct oddi_measure *m, float *rows);
odd_status oddi_bank_rescore(const struct oddi_measure *m, const float *rows);
odd_status oddi_bank_nearest(const struct oddi_nearest *n);
#endif
