/* SPDX-License-Identifier: Apache-2.0
 *
 * Shapes and element types.
 */
#include "tensor/tensor.h"

#include <inttypes.h>
#include <stdarg.h>

#include "base/alloc.h"
#include "base/str.h"

struct tensor_type {
    const char *name;
    size_t size;
};

static const struct tensor_type tensor_types[ODDI_TYPE_COUNT] = {
    [ODDI_F32] = {"f32", 4}, [ODDI_F64] = {"f64", 8}, [ODDI_U8] = {"u8", 1},
    [ODDI_U16] = {"u16", 2}, [ODDI_I64] = {"i64", 8}, [ODDI_BF16] = {"bf16", 2},
};

size_t oddi_type_size(enum oddi_type type)
{
    return (unsigned)type < ODDI_TYPE_COUNT ? tensor_types[type].size : 0;
}

const char *oddi_type_name(enum oddi_type type)
{
    return (unsigned)type < ODDI_TYPE_COUNT ? tensor_types[type].name : "?";
}

struct oddi_shape oddi_shape_make(int rank, int64_t a, int64_t b, int64_t c, int64_t d)
{
    struct oddi_shape s = {rank, {a, b, c, d}};
    for (int i = rank < 0 ? 0 : rank; i < ODDI_MAX_DIMS; i++)
        s.dim[i] = 1;
    return s;
}

int64_t oddi_shape_count(const struct oddi_shape *s)
{
    int64_t count = 1;
    for (int i = 0; i < s->rank; i++)
        count *= s->dim[i];
    return count;
}

bool oddi_shape_equal(const struct oddi_shape *a, const struct oddi_shape *b)
{
    bool equal = a->rank == b->rank;
    for (int i = 0; equal && i < a->rank; i++)
        equal = a->dim[i] == b->dim[i];
    return equal;
}

bool oddi_shape_valid(const struct oddi_shape *s)
{
    size_t size = 8; /* of the largest element */
    if (s->rank < 0 || s->rank > ODDI_MAX_DIMS)
        return false;
    for (int i = 0; i < s->rank; i++) {
        if (s->dim[i] < 1 || (uint64_t)s->dim[i] > SIZE_MAX)
            return false;
        if (!oddi_mul_size(size, (size_t)s->dim[i], &size) || size > (size_t)PTRDIFF_MAX)
            return false;
    }
    for (int i = s->rank; i < ODDI_MAX_DIMS; i++)
        if (s->dim[i] != 1)
            return false;
    return true;
}

static size_t tensor_add(char text[ODDI_SHAPE_TEXT], size_t used, const char *format, ...)
    ODDI_PRINTF(3, 4);
static size_t tensor_add(char text[ODDI_SHAPE_TEXT], size_t used, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int length = oddi_vformat(text + used, ODDI_SHAPE_TEXT - used, format, args);
    va_end(args);
    return length < 0 ? used : used + (size_t)length;
}

/* Four dimensions of 20 characters and their separators fit. */
const char *oddi_shape_text(const struct oddi_shape *s, char text[ODDI_SHAPE_TEXT])
{
    int rank = s->rank > ODDI_MAX_DIMS ? ODDI_MAX_DIMS : s->rank;
    size_t used = tensor_add(text, 0, "(");
    for (int i = 0; i < rank; i++)
        used = tensor_add(text, used, i ? ", %" PRId64 : "%" PRId64, s->dim[i]);
    tensor_add(text, used, ")");
    return text;
}
