/* SPDX-License-Identifier: Apache-2.0
 *
 * The initialisers of an ONNX file. ONNX is protobuf; of its whole schema we need two messages and
 * eleven fields, so a small reader of the wire format is here instead of generated code: nothing is
 * allocated by what a file claims, and neither a compiler for it nor a library is needed.
 *
 *     ModelProto:  graph = 7
 *     GraphProto:  initializer = 5
 *     TensorProto: dims = 1, data_type = 2, float_data = 4, int32_data = 5, name = 8, raw_data = 9,
 *                  double_data = 10, external_data = 13, data_location = 14
 *
 * A field begins with a varint, number * 8 + wire type: 0 varint, 1 eight bytes, 2 length and so
 * many bytes, 5 four bytes. Repeated numbers come one by one or packed into one field of type 2.
 */
#include "store/weights.h"

#include <inttypes.h>
#include <string.h>

enum onnx_wire { ONNX_VARINT = 0, ONNX_WIDE = 1, ONNX_BYTES = 2, ONNX_NARROW = 5 };

/* A stretch of the file that is read from its front. */
struct onnx_span {
    const unsigned char *data;
    size_t size;
};
struct onnx_field {
    uint64_t number;
    enum onnx_wire wire;
    uint64_t value;         /* of a varint */
    struct onnx_span bytes; /* of the other wire types */
};
struct onnx_tensor {
    struct oddi_weights_source source;
    uint64_t type; /* ONNX's number */
    struct onnx_span all, raw;
    bool has_raw, external;
};

static const struct {
    uint64_t type;
    enum oddi_st_dtype dtype;
    uint64_t field; /* of the typed values; 0: only listed as skipped */
} onnx_types[] = {
    {1, ODDI_ST_F32, 4},  {10, ODDI_ST_F16, 5}, {16, ODDI_ST_BF16, 5}, {11, ODDI_ST_F64, 10},
    {2, ODDI_ST_U8, 0},   {3, ODDI_ST_I8, 0},   {4, ODDI_ST_U16, 0},   {5, ODDI_ST_I16, 0},
    {6, ODDI_ST_I32, 0},  {7, ODDI_ST_I64, 0},  {9, ODDI_ST_BOOL, 0},  {12, ODDI_ST_U32, 0},
    {13, ODDI_ST_U64, 0},
};

/* ---- the wire format ----------------------------------------------------------------------- */

static bool onnx_varint(struct onnx_span *in, uint64_t *value)
{
    *value = 0;
    for (unsigned shift = 0; shift < 64 && in->size > 0; shift += 7) {
        const unsigned char byte = *in->data++;
        in->size--;
        *value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return true;
    }
    return false;
}

static bool onnx_bytes(struct onnx_span *in, uint64_t size, struct onnx_span *bytes)
{
    if (size > in->size)
        return false;
    *bytes = (struct onnx_span){in->data, (size_t)size};
    in->data += size;
    in->size -= (size_t)size;
    return true;
}

/* Takes the next field; false where the bytes are none. */
static bool onnx_field(struct onnx_span *in, struct onnx_field *f)
{
    uint64_t key, size;
    *f = (struct onnx_field){0};
    if (!onnx_varint(in, &key) || key >> 3 == 0 || key >> 3 > 0x1fffffff)
        return false;
    f->number = key >> 3;
    f->wire = (enum onnx_wire)(key & 7);
    switch (f->wire) {
    case ONNX_VARINT:
        return onnx_varint(in, &f->value);
    case ONNX_WIDE:
        return onnx_bytes(in, 8, &f->bytes);
    case ONNX_NARROW:
        return onnx_bytes(in, 4, &f->bytes);
    case ONNX_BYTES:
        return onnx_varint(in, &size) && onnx_bytes(in, size, &f->bytes);
    }
    return false; /* groups: not in this schema */
}

static odd_status onnx_damaged(struct oddi_weights *w, const char *where)
{
    return oddi_fail(w->ctx, ODD_EFORMAT, "%s: damaged or truncated ONNX file: %s", w->what, where);
}

/* ---- a tensor's description ---------------------------------------------------------------- */

static odd_status onnx_dim(struct oddi_weights *w, struct oddi_weights_source *s, uint64_t dim)
{
    if (s->rank >= ODDI_ST_MAX_DIMS)
        return oddi_fail(w->ctx, ODD_ELIMIT, "%s: a tensor has more than %d dimensions", w->what,
                         ODDI_ST_MAX_DIMS);
    if (dim > INT64_MAX)
        return onnx_damaged(w, "a dimension below 0");
    s->dim[s->rank++] = (int64_t)dim;
    return ODD_OK;
}

static odd_status onnx_dims(struct oddi_weights *w, struct oddi_weights_source *s,
                            const struct onnx_field *f)
{
    odd_status status = ODD_OK;
    struct onnx_span packed = f->bytes;
    uint64_t dim;
    if (f->wire == ONNX_VARINT)
        return onnx_dim(w, s, f->value);
    if (f->wire != ONNX_BYTES)
        return onnx_damaged(w, "dimensions");
    while (packed.size > 0) {
        if (!onnx_varint(&packed, &dim))
            return onnx_damaged(w, "dimensions");
        TRY(onnx_dim(w, s, dim));
    }
out:
    return status;
}

static odd_status onnx_describe(struct oddi_weights *w, struct onnx_tensor *t)
{
    odd_status status = ODD_OK;
    struct onnx_span in = t->all;
    struct onnx_field f;
    while (in.size > 0) {
        if (!onnx_field(&in, &f))
            return onnx_damaged(w, "a tensor");
        const bool bytes = f.wire == ONNX_BYTES;
        if (f.number == 1) {
            TRY(onnx_dims(w, &t->source, &f));
        } else if (f.number == 2 && f.wire == ONNX_VARINT) {
            t->type = f.value;
        } else if (f.number == 8 && bytes) {
            t->source.name = (const char *)f.bytes.data;
            t->source.name_size = f.bytes.size;
        } else if (f.number == 9 && bytes) {
            t->raw = f.bytes;
            t->has_raw = true;
        } else if (f.number == 13 || (f.number == 14 && f.value == 1)) {
            t->external = true;
        }
    }
    if (t->source.name == NULL)
        t->source.name = "";
out:
    return status;
}

/* ---- its values ---------------------------------------------------------------------------- */

/* Values of float16 and bfloat16 come as varints, a whole one for two bytes. */
static bool onnx_take_varints(struct onnx_span packed, unsigned char *to, size_t room, size_t *at)
{
    uint64_t value;
    while (packed.size > 0) {
        if (!onnx_varint(&packed, &value) || value > UINT16_MAX || room - *at < 2)
            return false;
        to[(*at)++] = (unsigned char)(value & 0xff);
        to[(*at)++] = (unsigned char)(value >> 8);
    }
    return true;
}

/* Copies what one field has, packed or single; false when it is more than there is room for. */
static bool onnx_take(const struct onnx_field *f, size_t width, unsigned char *to, size_t room,
                      size_t *at)
{
    if (width == 2 && f->wire == ONNX_VARINT) {
        if (f->value > UINT16_MAX || room - *at < 2)
            return false;
        to[(*at)++] = (unsigned char)(f->value & 0xff);
        to[(*at)++] = (unsigned char)(f->value >> 8);
        return true;
    }
    if (width == 2)
        return f->wire == ONNX_BYTES && onnx_take_varints(f->bytes, to, room, at);
    if (f->wire == ONNX_VARINT || f->bytes.size % width != 0 || f->bytes.size > room - *at)
        return false;
    if (f->bytes.size > 0)
        memcpy(to + *at, f->bytes.data, f->bytes.size);
    *at += f->bytes.size;
    return true;
}

/* Gathers the typed values of a tensor that has no raw ones. */
static odd_status onnx_typed(struct oddi_weights *w, const struct onnx_tensor *t, uint64_t number,
                             unsigned char *to, size_t room)
{
    struct onnx_span in = t->all;
    struct onnx_field f;
    size_t at = 0;
    while (in.size > 0) {
        if (!onnx_field(&in, &f))
            return onnx_damaged(w, "a tensor");
        if (f.number == number &&
            !onnx_take(&f, oddi_st_dtype_size(t->source.dtype), to, room, &at))
            return onnx_damaged(w, "a tensor has more values than its shape says");
    }
    return at == room ? ODD_OK : onnx_damaged(w, "a tensor has fewer values than its shape says");
}

static odd_status onnx_values(struct oddi_weights *w, struct onnx_tensor *t, uint64_t number)
{
    odd_status status = ODD_OK;
    unsigned char *typed = NULL;
    size_t count, size;
    if (!oddi_weights_strides(&t->source, &count) ||
        !oddi_mul_size(count, oddi_st_dtype_size(t->source.dtype), &size))
        return onnx_damaged(w, "the shape of a tensor overflows");
    if (t->has_raw) {
        if (t->raw.size != size)
            return oddi_fail(w->ctx, ODD_EFORMAT,
                             "%s: a tensor has %zu bytes where its shape needs %zu", w->what,
                             t->raw.size, size);
        t->source.data = t->raw.data;
    } else if (size > 0) {
        /* No value takes less than a byte of the message. */
        if (count > t->all.size)
            return onnx_damaged(w, "a tensor has fewer values than its shape says");
        typed = oddi_alloc(w->ctx, size);
        if (typed == NULL)
            return ODD_ENOMEM;
        TRY(onnx_typed(w, t, number, typed, size));
        t->source.data = typed;
    }
    t->source.size = size;
    TRY(oddi_weights_add(w, &t->source));
out:
    oddi_free(w->ctx, typed);
    return status;
}

static odd_status onnx_tensor(struct oddi_weights *w, struct onnx_span bytes)
{
    odd_status status = ODD_OK;
    struct onnx_tensor t = {.all = bytes};
    TRY(onnx_describe(w, &t));
    for (size_t i = 0; i < ODDI_COUNT(onnx_types); i++) {
        if (onnx_types[i].type != t.type)
            continue;
        t.source.dtype = onnx_types[i].dtype;
        if (onnx_types[i].field == 0)
            break;
        if (t.external)
            return oddi_fail(w->ctx, ODD_ENOTSUP,
                             "%s: its weights lie in another file (external data); save the model "
                             "as one file",
                             w->what);
        return onnx_values(w, &t, onnx_types[i].field);
    }
    TRY(oddi_weights_add_skip(w, t.source.name, t.source.name_size,
                              t.source.dtype ? oddi_st_dtype_name(t.source.dtype)
                                             : "not floating point"));
out:
    return status;
}

/* ---- the file ------------------------------------------------------------------------------ */

static odd_status onnx_graph(struct oddi_weights *w, struct onnx_span in)
{
    odd_status status = ODD_OK;
    struct onnx_field f;
    while (in.size > 0) {
        if (!onnx_field(&in, &f))
            return onnx_damaged(w, "its graph");
        if (f.number == 5 && f.wire == ONNX_BYTES)
            TRY(onnx_tensor(w, f.bytes));
    }
out:
    return status;
}

odd_status oddi_weights_onnx(struct oddi_weights *w, const unsigned char *data, size_t size)
{
    odd_status status = ODD_OK;
    struct onnx_span in = {data, size};
    struct onnx_field f;
    size_t graphs = 0;
    w->format = "ONNX";
    while (in.size > 0) {
        if (!onnx_field(&in, &f))
            break;
        if (f.number != 7 || f.wire != ONNX_BYTES)
            continue;
        graphs++;
        TRY(onnx_graph(w, f.bytes));
    }
    if (graphs == 0)
        return oddi_fail(w->ctx, ODD_EFORMAT,
                         "%s: not a file of weights that is known here (safetensors, .pth, ONNX)",
                         w->what);
    if (in.size > 0)
        status = onnx_damaged(w, "what is around its graph");
out:
    return status;
}
