/* SPDX-License-Identifier: Apache-2.0
 *
 * IDX, the format of MNIST: two zero bytes, an element type (only 8 = unsigned byte is accepted),
 * the number of dimensions, each dimension as a big-endian 32-bit number, the data row-major.
 * Plain or as one gzip member. What the header promises is checked against the file's size
 * before memory is taken, so a small file cannot ask for much.
 */
#ifndef ODDI_DATA_IDX_H
#define ODDI_DATA_IDX_H
#include "base/ctx.h"

#define ODDI_IDX_DIMS 4
#define ODDI_IDX_FILE_MAX ((size_t)1 << 30)
#define ODDI_IDX_DATA_MAX ((size_t)1 << 31)

struct oddi_idx {
    int rank;
    int64_t dim[ODDI_IDX_DIMS]; /* unused ones are 1 */
    unsigned char *data;        /* freed with oddi_free */
    size_t size;
};
/* `what` names the source in messages; rank is the only one accepted, 0 for any. */
odd_status oddi_idx_parse(struct odd_context *ctx, const char *what, const void *bytes, size_t size,
                          int rank, struct oddi_idx *idx);
odd_status oddi_idx_load(struct odd_context *ctx, const char *path, int rank, struct oddi_idx *idx);
#endif
