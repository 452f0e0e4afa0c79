/* SPDX-License-Identifier: Apache-2.0
 *
 * The model file (model.h): a container of format "oddity" with the method's name beside the
 * JSON text, calibrations as pairs of f64 tensors, and the hash of the weights alone. That hash
 * answers "are these the same weights?" for files whose calibration or thresholds differ.
 */
#include "store/model.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

#define MODEL_FILE_MAX_CALIBRATIONS 1000
#define MODEL_FILE_NAME 48

void oddi_model_file_init(struct oddi_model_file *f, struct odd_context *ctx)
{
    memset(f, 0, sizeof(*f));
    oddi_store_init(&f->tensors, ctx, "oddity");
}

void oddi_model_file_release(struct oddi_model_file *f)
{
    oddi_store_release(&f->tensors);
    memset(f, 0, sizeof(*f));
}

odd_status oddi_model_file_set(struct oddi_model_file *f, const char *method, const char *json)
{
    odd_status status = ODD_OK;
    char *copy = oddi_arena_strdup(&f->tensors.arena, method);
    if (copy == NULL)
        return ODD_ENOMEM;
    TRY(oddi_store_set_json(&f->tensors, json));
    f->method = copy;
    f->json = f->tensors.json;
out:
    return status;
}

odd_status oddi_model_file_add(struct oddi_model_file *f, const char *name, enum oddi_type type,
                               const struct oddi_shape *shape, const void *data)
{
    return oddi_store_add(&f->tensors, name, type, shape, data);
}

odd_status oddi_model_file_add_copy(struct oddi_model_file *f, const char *name,
                                    enum oddi_type type, const struct oddi_shape *shape,
                                    const void *data)
{
    return oddi_store_add_copy(&f->tensors, name, type, shape, data);
}

size_t oddi_model_file_count(const struct oddi_model_file *f)
{
    return f->tensors.count;
}

const struct oddi_stored *oddi_model_file_at(const struct oddi_model_file *f, size_t i)
{
    return &f->tensors.items[i];
}

const struct oddi_stored *oddi_model_file_find(const struct oddi_model_file *f, const char *name)
{
    return oddi_store_find(&f->tensors, name);
}

bool oddi_model_file_is_weight(const char *name)
{
    return !oddi_starts_with(name, "calibration.") && !oddi_starts_with(name, "selftest.") &&
           !oddi_starts_with(name, "seen.") && !oddi_starts_with(name, "keep.");
}

/* ---- calibrations -------------------------------------------------------------------------- */

static const char *model_file_name(char text[MODEL_FILE_NAME], int i, const char *what)
{
    snprintf(text, MODEL_FILE_NAME, "calibration.%d.%s", i, what);
    return text;
}

/* True for finite numbers, rising (equal neighbours are fine) where `sorted`. */
static bool model_file_proper(const double *values, int64_t count, bool sorted)
{
    for (int64_t i = 0; i < count; i++)
        if (!isfinite(values[i]) || (sorted && i > 0 && values[i] < values[i - 1]))
            return false;
    return count > 0;
}

odd_status oddi_model_file_add_calibration(struct oddi_model_file *f,
                                           const struct oddi_stored_calibration *c)
{
    odd_status status = ODD_OK;
    char name[MODEL_FILE_NAME];
    struct odd_context *ctx = f->tensors.ctx;
    size_t before = f->tensors.count;
    struct oddi_shape scores = oddi_shape_make(1, c->score_count, 1, 1, 1);
    struct oddi_shape maxima = oddi_shape_make(1, c->maximum_count, 1, 1, 1);
    if (!model_file_proper(c->scores, c->score_count, true) ||
        !model_file_proper(c->maxima, c->maximum_count, false))
        return oddi_fail(ctx, ODD_EINVAL,
                         "storing a calibration: its numbers are not finite and rising, or none");
    if (f->calibrations >= MODEL_FILE_MAX_CALIBRATIONS)
        return oddi_fail(ctx, ODD_ELIMIT, "a model keeps at most %d calibrations",
                         MODEL_FILE_MAX_CALIBRATIONS);
    TRY(oddi_store_add_copy(&f->tensors, model_file_name(name, f->calibrations, "scores"),
                                ODDI_F64, &scores, c->scores));
    TRY(oddi_store_add_copy(&f->tensors, model_file_name(name, f->calibrations, "maxima"),
                                ODDI_F64, &maxima, c->maxima));
    f->calibrations++;
out:
    if (status != ODD_OK)
        f->tensors.count = before;
    return status;
}

static const struct oddi_stored *model_file_list(const struct oddi_model_file *f, int i,
                                                 const char *what)
{
    char name[MODEL_FILE_NAME];
    const struct oddi_stored *s = oddi_model_file_find(f, model_file_name(name, i, what));
    bool fine = s != NULL && s->type == ODDI_F64 && s->shape.rank == 1;
    return fine ? s : NULL;
}

odd_status oddi_model_file_calibration(const struct oddi_model_file *f, int i,
                                       struct oddi_stored_calibration *c)
{
    const struct oddi_stored *scores = model_file_list(f, i, "scores");
    const struct oddi_stored *maxima = model_file_list(f, i, "maxima");
    if (scores == NULL || maxima == NULL)
        return oddi_fail(f->tensors.ctx, ODD_ENODATA, "the model has no calibration %d", i);
    c->scores = scores->data;
    c->score_count = scores->shape.dim[0];
    c->maxima = maxima->data;
    c->maximum_count = maxima->shape.dim[0];
    return ODD_OK;
}

/* ---- files --------------------------------------------------------------------------------- */

odd_status oddi_model_file_save(struct oddi_model_file *f, const char *path)
{
    if (f->method == NULL)
        return oddi_fail(f->tensors.ctx, ODD_EINVAL, "writing %s: the model has no method", path);
    struct oddi_st_meta extra = {"method", f->method};
    return oddi_store_save(&f->tensors, path, &extra, 1);
}

/* After the container's own checks: method and calibrations. */
static odd_status model_file_take(struct oddi_model_file *f)
{
    struct oddi_store *c = &f->tensors;
    const char *what = oddi_safetensors_what(c->file);
    size_t used = 0;
    f->method = oddi_store_meta(c, "method");
    f->json = c->json;
    if (f->method == NULL)
        return oddi_fail(c->ctx, ODD_EFORMAT, "%s: no 'method' in its metadata", what);
    while (model_file_list(f, f->calibrations, "scores") != NULL) {
        struct oddi_stored_calibration one;
        if (oddi_model_file_calibration(f, f->calibrations, &one) != ODD_OK ||
            !model_file_proper(one.scores, one.score_count, true) ||
            !model_file_proper(one.maxima, one.maximum_count, false))
            return oddi_fail(c->ctx, ODD_EFORMAT, "%s: calibration %d is malformed", what,
                             f->calibrations);
        f->calibrations++;
    }
    for (size_t i = 0; i < c->count; i++)
        used += oddi_starts_with(c->items[i].name, "calibration.") ? 1 : 0;
    if (used != 2 * (size_t)f->calibrations)
        return oddi_fail(c->ctx, ODD_EFORMAT, "%s: %zu tensors 'calibration.*' for %d calibrations",
                         what, used, f->calibrations);
    return ODD_OK;
}

static odd_status model_file_finish(struct oddi_model_file *f, odd_status status)
{
    struct odd_context *ctx = f->tensors.ctx;
    if (status == ODD_OK)
        status = model_file_take(f);
    if (status != ODD_OK) {
        oddi_model_file_release(f);
        oddi_model_file_init(f, ctx);
    }
    return status;
}

odd_status oddi_model_file_load(struct oddi_model_file *f, const char *path)
{
    return model_file_finish(f, oddi_store_load(&f->tensors, path));
}

odd_status oddi_model_file_load_memory(struct oddi_model_file *f, const void *data, size_t size,
                                       const char *what)
{
    return model_file_finish(f, oddi_store_load_memory(&f->tensors, data, size, what));
}

/* ---- weights hash -------------------------------------------------------------------------- */

static int model_file_by_name(const void *a, const void *b)
{
    const struct oddi_stored *const *x = a, *const *y = b;
    return strcmp((*x)->name, (*y)->name);
}

static void model_file_hash_one(struct oddi_hasher *h, const struct oddi_stored *s)
{
    unsigned char bytes[8 * (1 + ODDI_MAX_DIMS)];
    const char *type = oddi_type_name(s->type);
    for (int i = 0; i <= s->shape.rank; i++) {
        uint64_t value = (uint64_t)(i == 0 ? s->shape.rank : s->shape.dim[i - 1]);
        for (int b = 0; b < 8; b++)
            bytes[8 * i + b] = (unsigned char)(value >> 8 * b);
    }
    oddi_hasher_add(h, s->name, strlen(s->name) + 1);
    oddi_hasher_add(h, type, strlen(type) + 1);
    oddi_hasher_add(h, bytes, 8 * (size_t)(1 + s->shape.rank));
    oddi_hasher_add(h, s->data, s->size);
}

odd_status oddi_model_file_weights_hash(const struct oddi_model_file *f,
                                        struct oddi_hash128 *hash)
{
    const struct oddi_store *c = &f->tensors;
    odd_status status = ODD_ENOMEM;
    struct oddi_hasher *hasher = oddi_hasher_new(c->ctx);
    const struct oddi_stored **order =
        oddi_alloc_array(c->ctx, c->count + 1, sizeof(*order));
    size_t count = 0;
    if (hasher == NULL || order == NULL)
        goto out;
    for (size_t i = 0; i < c->count; i++)
        if (oddi_model_file_is_weight(c->items[i].name))
            order[count++] = &c->items[i];
    qsort(order, count, sizeof(*order), model_file_by_name);
    for (size_t i = 0; i < count; i++)
        model_file_hash_one(hasher, order[i]);
    oddi_hasher_digest(hasher, hash);
    status = ODD_OK;
out:
    oddi_free(c->ctx, order);
    oddi_hasher_free(c->ctx, hasher);
    return status;
}
