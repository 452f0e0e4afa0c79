/* SPDX-License-Identifier: Apache-2.0
 *
 * Exact nearest rows: the answer equals that of comparing with every row, bit for bit, for any
 * number of threads, any batch of queries and any instruction set. Distances are squared Euclidean
 * ones as oddi_knn_distance2() computes them; equal distances go to the lower row.
 */
#ifndef ODDI_KNN_KNN_H
#define ODDI_KNN_KNN_H
#include "base/ctx.h"

#define ODDI_KNN_MAX 32        /* neighbours of a query */
#define ODDI_KNN_DIM_MAX 65536 /* numbers of a row */

/* THE distance: sixteen sums, number i goes to sum i mod 16 in rising order, each difference,
 * square and sum rounded to float, the sums added by halves (j and j + 8, j + 4, ...). No fused
 * operations, so that every processor gets the same bits. */
float oddi_knn_distance2(const float *a, const float *b, int64_t dim);

/* Rows to be asked, made ready by a copy in another order. Borrows `rows` (count x dim) for its
 * life; read-only afterwards, so that threads may share it. ODD_ENUMERIC names the row that has a
 * number that is not finite. `ctx` must outlive it. */
struct oddi_knn;
odd_status oddi_knn_new(struct odd_context *ctx, const float *rows, int64_t count, int64_t dim,
                        struct oddi_knn **knn);
void oddi_knn_free(struct oddi_knn *knn);

/* n queries (n x dim), of each the k nearest rows: 1 <= k <= ODDI_KNN_MAX, k <= count. */
struct oddi_knn_query {
    const float *rows;
    int64_t n;
    int k, threads; /* as oddi_parallel() wants them */
};
/* Both results are n x k, the nearest first; after a failure they are undefined. Nothing is
 * allocated. */
odd_status oddi_knn_search(struct odd_context *ctx, const struct oddi_knn *knn,
                           const struct oddi_knn_query *q, float *distance2, int64_t *index);
/* The oracle: every row by the definition, on one thread. */
odd_status oddi_knn_brute(struct odd_context *ctx, const struct oddi_knn *knn,
                          const struct oddi_knn_query *q, float *distance2, int64_t *index);

/* The same where the rows do not fit into memory: `read` fills `rows` with `count` of them from
 * `first`. It is asked for each row once, in rising order, on the calling thread, and its failure
 * is the search's. Two copies of `block` rows are held (0: of 4 MiB each). */
struct oddi_knn_stream {
    int64_t count, dim, block;
    odd_status (*read)(void *user, int64_t first, int64_t count, float *rows);
    void *user;
};
odd_status oddi_knn_search_stream(struct odd_context *ctx, const struct oddi_knn_stream *stream,
                                  const struct oddi_knn_query *q, float *distance2, int64_t *index);
#endif
