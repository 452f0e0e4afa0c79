/* SPDX-License-Identifier: Apache-2.0
 *
 * The model file: everything a decision depends on, in one safetensors file that other tools can
 * read. Weights (plain, row-major, f32), the method's name, one JSON text (configuration,
 * geometry, thresholds, hashes: the engine's), a list of calibrations, self-test tensors.
 *
 * Name spaces of tensors: "calibration.<i>.scores" and ".maxima" (f64) belong to the calibrations
 * below, "selftest.*" to self-test pictures and answers, "seen.*" to the content hashes of the pictures
 * that training has seen, "keep.*" to what is kept of these pictures; every other tensor is a weight
 * ("expert.*" included), and weights alone make the weights hash.
 *
 *     struct oddi_model_file f;
 *     oddi_model_file_init(&f, ctx);
 *     TRY(oddi_model_file_set(&f, "daad", json_text));
 *     TRY(oddi_model_file_add(&f, "enc.1.weight", ODDI_F32, &shape, weights)); ...
 *     TRY(oddi_model_file_save(&f, path));
 *   out:
 *     oddi_model_file_release(&f);
 */
#ifndef ODDI_STORE_MODEL_H
#define ODDI_STORE_MODEL_H
#include "store/store.h"

struct oddi_model_file {
    struct oddi_store tensors; /* look with _count, _at, _find */
    const char *method;            /* owned; NULL until set or loaded */
    const char *json;              /* owned; the 'oddity' text */
    int calibrations;
};
/* Scores of held-out normals, rising, and the maxima of their maps, each in its own order. */
struct oddi_stored_calibration {
    const double *scores, *maxima;
    int64_t score_count, maximum_count;
};

void oddi_model_file_init(struct oddi_model_file *f, struct odd_context *ctx);
void oddi_model_file_release(struct oddi_model_file *f);
/* Copies both; `json` must be a JSON object's text. */
odd_status oddi_model_file_set(struct oddi_model_file *f, const char *method, const char *json);
/* Borrows `data` until saved; _copy copies it. */
odd_status oddi_model_file_add(struct oddi_model_file *f, const char *name, enum oddi_type type,
                               const struct oddi_shape *shape, const void *data);
odd_status oddi_model_file_add_copy(struct oddi_model_file *f, const char *name,
                                    enum oddi_type type, const struct oddi_shape *shape,
                                    const void *data);
size_t oddi_model_file_count(const struct oddi_model_file *f);
const struct oddi_stored *oddi_model_file_at(const struct oddi_model_file *f, size_t i);
const struct oddi_stored *oddi_model_file_find(const struct oddi_model_file *f, const char *name);
bool oddi_model_file_is_weight(const char *name);

/* Copied. Scores must be finite and rising, both lists not empty (ODD_EINVAL). */
odd_status oddi_model_file_add_calibration(struct oddi_model_file *f,
                                           const struct oddi_stored_calibration *c);
odd_status oddi_model_file_calibration(const struct oddi_model_file *f, int i,
                                       struct oddi_stored_calibration *c);

odd_status oddi_model_file_save(struct oddi_model_file *f, const char *path);
/* Into a fresh _init. Tensors point into the mapped file until _release. */
odd_status oddi_model_file_load(struct oddi_model_file *f, const char *path);
odd_status oddi_model_file_load_memory(struct oddi_model_file *f, const void *data, size_t size,
                                       const char *what);
/* XXH3-128 over the weights in name order: name, type's name (each with its final 0), rank and
 * dimensions (64-bit little-endian), bytes. Equal before saving and after loading. */
odd_status oddi_model_file_weights_hash(const struct oddi_model_file *f,
                                        struct oddi_hash128 *hash);
#endif
