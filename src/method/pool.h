/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows of numbers gathered from all training pictures while they are looked at in any order, on any
 * thread: each picture has room for its own, so that in the end they lie in the order of the
 * pictures, without gaps.
 */
#ifndef ODDI_METHOD_POOL_H
#define ODDI_METHOD_POOL_H
#include "method/method.h"

struct oddi_pool_size {
    int64_t dim, room; /* numbers in a row; rows of each picture, at most */
    int64_t before;    /* rows ahead of all pictures', which the caller fills */
    bool from;         /* each row has two numbers of its origin */
};
struct oddi_pool {
    struct oddi_fitting *f;
    int64_t dim, room, before;
    int64_t *have; /* rows of each picture */
    float *rows;
    int64_t (*from)[2]; /* NULL where not wanted */
    int64_t count;      /* of all, after _close */
};
odd_status oddi_pool_init(struct oddi_pool *p, struct oddi_fitting *f,
                          const struct oddi_pool_size *size);
void oddi_pool_release(struct oddi_pool *p);
/* How many of the rows that picture can give are this tile's: the room, shared out evenly. */
int64_t oddi_pool_share(const struct oddi_pool *p, const struct oddi_measure *m);
/* The place of `rows` more rows of picture i; NULL where there is no room. */
float *oddi_pool_place(const struct oddi_pool *p, int64_t i, int64_t rows);
/* Moves n rows and their origins towards the front. */
void oddi_pool_move(struct oddi_pool *p, int64_t to, int64_t from, int64_t n);
/* All pictures have been seen: closes the gaps. */
void oddi_pool_close(struct oddi_pool *p);
#endif
