/* SPDX-License-Identifier: Apache-2.0
 *
 * Tells the kind of a weights file by its first bytes, lets its reader find the tensors, and
 * converts them. Conversion is in one place for all kinds: bounds are checked once, from shape and
 * strides; what lies row-major and little-endian is converted where it lies, all else gathered into
 * that form first:
 *
 *     element (i_0 .. i_n) = storage[offset + sum i_k * stride_k]
 */
#include "store/weights.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

#define WEIGHTS_BUDGET_FACTOR 4
#define WEIGHTS_BUDGET_FREE ((size_t)65536)

/* ---- names --------------------------------------------------------------------------------- */

/* No code point in its shortest form, or one that must not be printed (a control, a surrogate). */
static bool weights_bad_code(uint32_t code, size_t size)
{
    static const uint32_t least[5] = {0, 0, 0xa0, 0x800, 0x10000};
    const bool surrogate = code >= 0xd800 && code < 0xe000;
    return code < least[size] || code > 0x10ffff || surrogate;
}

/* Bytes of the UTF-8 sequence at `s`, 0 when there is none that may be printed. */
static size_t weights_utf8(const unsigned char *s, size_t left)
{
    size_t size = s[0] < 0x80       ? 1
                  : s[0] >> 5 == 6  ? 2
                  : s[0] >> 4 == 14 ? 3
                  : s[0] >> 3 == 30 ? 4
                                    : 0;
    if (size == 0 || size > left)
        return 0;
    if (size == 1)
        return s[0] >= 0x20 && s[0] != 0x7f;
    uint32_t code = s[0] & (0xffu >> (size + 1));
    for (size_t i = 1; i < size; i++) {
        if (s[i] >> 6 != 2)
            return 0;
        code = code << 6 | (s[i] & 63u);
    }
    return weights_bad_code(code, size) ? 0 : size;
}

static odd_status weights_name(struct oddi_weights *w, const char *name, size_t size,
                               const char **out)
{
    if (size == 0 || size > ODDI_WEIGHTS_MAX_NAME)
        return oddi_fail(w->ctx, ODD_EFORMAT, "%s: a tensor's name has %zu bytes, not 1 to %d",
                         w->what, size, ODDI_WEIGHTS_MAX_NAME);
    for (size_t at = 0, step; at < size; at += step) {
        step = weights_utf8((const unsigned char *)name + at, size - at);
        if (step == 0)
            return oddi_fail(w->ctx, ODD_EFORMAT, "%s: a tensor's name is not printable text",
                             w->what);
    }
    char *copy = oddi_arena_alloc(&w->arena, size + 1);
    if (copy == NULL)
        return ODD_ENOMEM;
    memcpy(copy, name, size);
    *out = copy;
    return ODD_OK;
}

/* ---- one tensor ---------------------------------------------------------------------------- */

bool oddi_weights_strides(struct oddi_weights_source *s, size_t *count)
{
    size_t step = 1;
    *count = 1;
    for (int i = s->rank - 1; i >= 0; i--) {
        s->stride[i] = (int64_t)step;
        if (!oddi_mul_size(*count, (size_t)s->dim[i], count) || *count > INT64_MAX / 8)
            return false;
        step = *count ? *count : 1;
    }
    return true;
}

/* Number of elements; fails unless each lies in the storage. */
static odd_status weights_bounds(struct oddi_weights *w, const struct oddi_weights_source *s,
                                 const char *name, size_t *count)
{
    const size_t have = s->size / oddi_st_dtype_size(s->dtype);
    size_t last = (size_t)s->offset, step;
    *count = 1;
    for (int i = 0; i < s->rank; i++)
        if (!oddi_mul_size(*count, (size_t)s->dim[i], count))
            return oddi_fail(w->ctx, ODD_EFORMAT, "%s: tensor '%s': its shape overflows", w->what,
                             name);
    for (int i = 0; *count > 0 && i < s->rank; i++)
        if (!oddi_mul_size((size_t)s->dim[i] - 1, (size_t)s->stride[i], &step) ||
            !oddi_add_size(last, step, &last))
            return oddi_fail(w->ctx, ODD_EFORMAT, "%s: tensor '%s': its strides overflow", w->what,
                             name);
    if (*count > 0 && last >= have)
        return oddi_fail(w->ctx, ODD_EFORMAT,
                         "%s: tensor '%s' needs element %zu of a storage of %zu", w->what, name,
                         last, have);
    if (*count > w->budget)
        return oddi_fail(w->ctx, ODD_ELIMIT,
                         "%s: tensor '%s' has %zu values; the tensors are larger than the file can "
                         "hold",
                         w->what, name, *count);
    w->budget -= *count;
    return ODD_OK;
}

static bool weights_in_place(const struct oddi_weights_source *s)
{
    int64_t step = 1;
    for (int i = s->rank - 1; i >= 0; i--) {
        if (s->dim[i] != 1 && s->stride[i] != step)
            return false;
        step *= s->dim[i];
    }
    return !s->big_endian;
}

/* Copies the elements, bounds checked before, to row-major little-endian order. */
static void weights_gather(const struct oddi_weights_source *s, size_t count, unsigned char *to)
{
    const size_t width = oddi_st_dtype_size(s->dtype);
    int64_t at[ODDI_ST_MAX_DIMS] = {0};
    size_t place = (size_t)s->offset;
    for (size_t n = 0; n < count; n++, to += width) {
        const unsigned char *from = s->data + place * width;
        for (size_t b = 0; b < width; b++)
            to[b] = from[s->big_endian ? width - 1 - b : b];
        for (int k = s->rank - 1; k >= 0; k--) { /* the next index, rightmost fastest */
            place += (size_t)s->stride[k];
            if (++at[k] < s->dim[k])
                break;
            place -= (size_t)s->stride[k] * (size_t)s->dim[k];
            at[k] = 0;
        }
    }
}

static odd_status weights_convert(struct oddi_weights *w, const struct oddi_weights_source *s,
                                  struct oddi_weight *t)
{
    odd_status status = ODD_OK;
    const size_t width = oddi_st_dtype_size(s->dtype);
    struct oddi_st_tensor row = {.name = t->name, .dtype = s->dtype, .size = t->count * width};
    unsigned char *gathered = NULL;
    t->value = oddi_alloc_aligned(w->ctx, t->count * sizeof(float));
    if (t->value == NULL)
        return ODD_ENOMEM;
    if (weights_in_place(s)) {
        row.data = s->data + (size_t)s->offset * width;
    } else {
        gathered = oddi_alloc_array(w->ctx, t->count, width);
        if (gathered == NULL) {
            status = ODD_ENOMEM;
            goto out;
        }
        weights_gather(s, t->count, gathered);
        row.data = gathered;
    }
    TRY(oddi_st_to_f32(w->ctx, &row, t->value));
    for (size_t i = 0; i < t->count; i++)
        t->not_finite += !isfinite(t->value[i]);
out:
    oddi_free(w->ctx, gathered);
    if (status != ODD_OK) {
        oddi_free_aligned(w->ctx, t->value);
        t->value = NULL;
    }
    return status;
}

static bool weights_floating(enum oddi_st_dtype dtype)
{
    return dtype == ODDI_ST_F32 || dtype == ODDI_ST_F64 || dtype == ODDI_ST_F16 ||
           dtype == ODDI_ST_BF16;
}

odd_status oddi_weights_add_skip(struct oddi_weights *w, const char *name, size_t name_size,
                                 const char *kind)
{
    odd_status status = ODD_OK;
    struct oddi_weights_skip skip = {.kind = kind};
    TRY(oddi_reserve(w->ctx, (void **)&w->skip, &w->skip_capacity, w->skip_count + 1,
                     sizeof(*w->skip)));
    TRY(weights_name(w, name, name_size, &skip.name));
    w->skip[w->skip_count++] = skip;
out:
    return status;
}

odd_status oddi_weights_add(struct oddi_weights *w, const struct oddi_weights_source *s)
{
    odd_status status = ODD_OK;
    struct oddi_weight t = {.rank = s->rank};
    if (!weights_floating(s->dtype))
        return oddi_weights_add_skip(w, s->name, s->name_size, oddi_st_dtype_name(s->dtype));
    TRY(oddi_check_cancel(w->ctx));
    TRY(oddi_reserve(w->ctx, (void **)&w->tensor, &w->capacity, w->count + 1, sizeof(*w->tensor)));
    TRY(weights_name(w, s->name, s->name_size, &t.name));
    TRY(weights_bounds(w, s, t.name, &t.count));
    memcpy(t.dim, s->dim, sizeof(t.dim));
    if (t.count > 0)
        TRY(weights_convert(w, s, &t));
    w->tensor[w->count++] = t;
    w->not_finite += t.not_finite;
out:
    return status;
}

/* ---- safetensors --------------------------------------------------------------------------- */

static odd_status weights_safetensors(struct oddi_weights *w, const unsigned char *data,
                                      size_t size)
{
    odd_status status = ODD_OK;
    struct oddi_safetensors *st = NULL;
    size_t count;
    w->format = "safetensors";
    TRY(oddi_safetensors_open_memory(w->ctx, data, size, w->what, &st));
    for (size_t i = 0; i < oddi_safetensors_count(st); i++) {
        const struct oddi_st_tensor *t = oddi_safetensors_at(st, i);
        struct oddi_weights_source s = {.name = t->name,
                                        .name_size = strlen(t->name),
                                        .dtype = t->dtype,
                                        .rank = t->rank,
                                        .data = t->data,
                                        .size = t->size};
        memcpy(s.dim, t->dim, sizeof(s.dim));
        if (!oddi_weights_strides(&s, &count)) {
            status = oddi_fail(w->ctx, ODD_EFORMAT, "%s: tensor '%s': its shape overflows", w->what,
                               t->name);
            goto out;
        }
        TRY(oddi_weights_add(w, &s));
    }
out:
    oddi_safetensors_free(st);
    return status;
}

/* ---- the whole file ------------------------------------------------------------------------ */

static bool weights_begin(const unsigned char *data, size_t size, const char *with, size_t length)
{
    return size >= length && memcmp(data, with, length) == 0;
}

static odd_status weights_dispatch(struct oddi_weights *w, const unsigned char *data, size_t size)
{
    uint64_t header = 0;
    for (int i = 7; i >= 0 && size > 8; i--)
        header = header << 8 | data[i];
    if (size > 8 && data[8] == '{' && header <= ODDI_ST_MAX_HEADER)
        return weights_safetensors(w, data, size);
    if (weights_begin(data, size, "PK", 2))
        return oddi_weights_pth_zip(w, data, size);
    if (size > 0 && (data[0] == 0x80 || data[0] == 'c' || data[0] == '('))
        return oddi_weights_pth_legacy(w, data, size);
    if (weights_begin(data, size, "version https://git-lfs", 23))
        return oddi_fail(w->ctx, ODD_EFORMAT,
                         "%s: a Git LFS pointer, not the file it stands for (git lfs pull)",
                         w->what);
    if (size > 262 && memcmp(data + 257, "ustar", 5) == 0)
        return oddi_fail(w->ctx, ODD_ENOTSUP,
                         "%s: a tar archive; unpack it, or save it again with a PyTorch of today",
                         w->what);
    /* ONNX has no mark of its own: its reader says so when this is none. */
    return oddi_weights_onnx(w, data, size);
}

static int weights_by_name(const void *a, const void *b)
{
    const struct oddi_weight *x = a, *y = b;
    return strcmp(x->name, y->name);
}

static odd_status weights_finish(struct oddi_weights *w)
{
    if (w->count == 0)
        return oddi_fail(w->ctx, ODD_EFORMAT, "%s: %s without a floating-point tensor", w->what,
                         w->format);
    qsort(w->tensor, w->count, sizeof(*w->tensor), weights_by_name);
    for (size_t i = 1; i < w->count; i++)
        if (strcmp(w->tensor[i - 1].name, w->tensor[i].name) == 0)
            return oddi_fail(w->ctx, ODD_EFORMAT, "%s: two tensors are named '%s'", w->what,
                             w->tensor[i].name);
    return ODD_OK;
}

static odd_status weights_run(struct oddi_weights *w, const unsigned char *data, size_t size)
{
    odd_status status = ODD_OK;
    w->budget = size / WEIGHTS_BUDGET_FACTOR < SIZE_MAX / 64
                    ? size * WEIGHTS_BUDGET_FACTOR + WEIGHTS_BUDGET_FREE
                    : SIZE_MAX / 16;
    TRY(weights_dispatch(w, data, size));
    TRY(weights_finish(w));
out:
    return status;
}

static odd_status weights_start(struct odd_context *ctx, const char *what, struct oddi_weights *w)
{
    *w = (struct oddi_weights){.ctx = ctx, .format = "unknown"};
    oddi_arena_init(&w->arena, ctx);
    w->what = oddi_arena_strdup(&w->arena, what);
    return w->what ? ODD_OK : ODD_ENOMEM;
}

odd_status oddi_weights_read_memory(struct odd_context *ctx, const void *data, size_t size,
                                    const char *what, struct oddi_weights *w)
{
    odd_status status = ODD_OK;
    TRY(weights_start(ctx, what, w));
    TRY(weights_run(w, data, size));
out:
    if (status != ODD_OK)
        oddi_weights_release(w);
    return status;
}

odd_status oddi_weights_read(struct odd_context *ctx, const char *path, struct oddi_weights *w)
{
    odd_status status = ODD_OK;
    struct oddi_map map = {NULL, 0};
    bool mapped = false;
    TRY(weights_start(ctx, path, w));
    TRY(oddi_file_map(ctx, path, &map));
    mapped = true;
    TRY(weights_run(w, map.data, map.size));
out:
    if (mapped)
        oddi_file_unmap(&map);
    if (status != ODD_OK)
        oddi_weights_release(w);
    return status;
}

void oddi_weights_release(struct oddi_weights *w)
{
    if (w->ctx == NULL)
        return;
    for (size_t i = 0; i < w->count; i++)
        oddi_free_aligned(w->ctx, w->tensor[i].value);
    oddi_free(w->ctx, w->tensor);
    oddi_free(w->ctx, w->skip);
    oddi_arena_release(&w->arena);
    *w = (struct oddi_weights){0};
}

const struct oddi_weight *oddi_weights_find(const struct oddi_weights *w, const char *name)
{
    const struct oddi_weight key = {.name = name};
    if (w->count == 0)
        return NULL;
    return bsearch(&key, w->tensor, w->count, sizeof(*w->tensor), weights_by_name);
}
