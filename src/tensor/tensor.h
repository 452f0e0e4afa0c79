/* SPDX-License-Identifier: Apache-2.0
 * Shapes, element types and plain row-major host tensors. */
#ifndef ODDI_TENSOR_TENSOR_H
#define ODDI_TENSOR_TENSOR_H
#include "base/ctx.h"

#define ODDI_MAX_DIMS 4
enum oddi_type { ODDI_F32, ODDI_F64, ODDI_U8, ODDI_U16, ODDI_I64, ODDI_BF16, ODDI_TYPE_COUNT };
size_t oddi_type_size(enum oddi_type type);
const char *oddi_type_name(enum oddi_type type); /* "f32", ... */

/* Row-major, unused trailing dimensions are 1; rank 0 is a scalar. Pictures are (N, C, H, W). */
struct oddi_shape {
    int rank;
    int64_t dim[ODDI_MAX_DIMS];
};
struct oddi_shape oddi_shape_make(int rank, int64_t a, int64_t b, int64_t c, int64_t d);
int64_t oddi_shape_count(const struct oddi_shape *s);          /* product; 1 for a scalar */
bool oddi_shape_equal(const struct oddi_shape *a, const struct oddi_shape *b);
/* Checks 1 <= dim and that count * 8 fits ptrdiff_t. */
bool oddi_shape_valid(const struct oddi_shape *s);
#define ODDI_SHAPE_TEXT 96
/* "(1, 3, 8, 8)"; returns text. */
const char *oddi_shape_text(const struct oddi_shape *s, char text[ODDI_SHAPE_TEXT]);
#endif
