/* SPDX-License-Identifier: Apache-2.0
 *
 * oddity.h - the whole public interface of liboddity: unsupervised visual anomaly detection.
 *
 * Invariants, for every function below:
 *  - A call that can fail returns `odd_status`; its message is `odd_last_message(ctx)`.
 *  - Outputs are the last parameters and are written only on success.
 *  - `_free(NULL)` does nothing. Objects are freed by the caller, before their context.
 *  - Text that a call hands out through `char **` is freed with `odd_text_free`.
 *  - A context, dataset or scorer belongs to one thread at a time; a model is read-only after
 *    loading and may be shared by scorers of several threads. Nothing here is global.
 *  - The library never exits, aborts, prints, reads the environment or opens a connection.
 *  - Options cross this interface as text and are checked against the parameter tables
 *    (`odd_methods_describe` prints them).
 */
#ifndef ODDITY_ODDITY_H
#define ODDITY_ODDITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define ODD_API __attribute__((visibility("default")))
#else
#define ODD_API
#endif

#define ODDITY_VERSION "0.1.0"

/* ---- status -------------------------------------------------------------------------------- */

/* X(name, text): every status once; the enum, the names and the manual's table come from here. */
#define ODD_STATUS_MAP(X)                                                                          \
    X(OK, "done")                                                                                  \
    X(ENOMEM, "out of memory")                                                                     \
    X(EINVAL, "invalid argument")                                                                  \
    X(EIO, "input or output failed")                                                               \
    X(EFORMAT, "malformed file")                                                                   \
    X(EVERSION, "unsupported version")                                                             \
    X(ESHAPE, "shapes do not fit")                                                                 \
    X(ECONFIG, "invalid option or configuration")                                                  \
    X(ENOTSUP, "not supported")                                                                    \
    X(ENODATA, "not enough data")                                                                  \
    X(ENUMERIC, "not a finite number")                                                             \
    X(ELIMIT, "a limit was exceeded")                                                              \
    X(ECANCELLED, "cancelled")                                                                     \
    X(EMISMATCH, "self-test does not match")                                                       \
    X(EANOMALOUS, "anomalous where normal was expected")                                           \
    X(EBUG, "internal error")

typedef enum odd_status {
#define ODD_STATUS_ENUM(name, text) ODD_##name,
    ODD_STATUS_MAP(ODD_STATUS_ENUM)
#undef ODD_STATUS_ENUM
} odd_status;

/* Name ("ENOMEM") and text ("out of memory") of a status; "?" for an unknown value. */
ODD_API const char *odd_status_name(odd_status status);
ODD_API const char *odd_status_text(odd_status status);
ODD_API const char *odd_version(void);

/* ---- context ------------------------------------------------------------------------------- */

struct odd_context;
struct odd_options;
struct odd_dataset;
struct odd_model;
struct odd_scorer;
struct odd_result;

typedef void *(*odd_alloc_fn)(void *user, size_t size);
typedef void *(*odd_realloc_fn)(void *user, void *old, size_t size);
typedef void (*odd_free_fn)(void *user, void *block);

enum odd_log_level { ODD_LOG_ERROR, ODD_LOG_WARNING, ODD_LOG_INFO, ODD_LOG_DEBUG };
typedef void (*odd_log_fn)(void *user, enum odd_log_level level, const char *text);

/* One JSON object per call, e.g. {"event":"step","step":10,"steps":1568,"loss":0.01,...}; the
 * keys are listed in docs/progress.md. Called from the thread that made the API call. */
typedef void (*odd_progress_fn)(void *user, const char *json);

/* A context with the C allocator, no callbacks, and as many threads as cores are available. */
ODD_API odd_status odd_context_new(struct odd_context **ctx);

/* The same over the caller's allocator; the three functions must be thread-safe. */
ODD_API odd_status odd_context_new_with(odd_alloc_fn alloc, odd_realloc_fn realloc,
                                        odd_free_fn free, void *user, struct odd_context **ctx);
ODD_API void odd_context_free(struct odd_context *ctx);

ODD_API void odd_context_on_log(struct odd_context *ctx, odd_log_fn fn, void *user);
ODD_API void odd_context_on_progress(struct odd_context *ctx, odd_progress_fn fn, void *user);

/* 1 to 256 threads; results have the same bits for every value. ODD_EINVAL otherwise. */
ODD_API odd_status odd_context_set_threads(struct odd_context *ctx, int threads);

/* Asks the running call to end after its current step with ODD_ECANCELLED (training saves its
 * state first). Async-signal-safe; may be called from any thread. `_reset` clears the wish. */
ODD_API void odd_context_cancel(struct odd_context *ctx);
ODD_API void odd_context_reset_cancel(struct odd_context *ctx);

/* Message of the last failed call on this context ("" if none); valid until the next call. */
ODD_API const char *odd_last_message(const struct odd_context *ctx);

ODD_API void odd_text_free(struct odd_context *ctx, char *text);

/* ---- options ------------------------------------------------------------------------------- */

/* An ordered list of name/value pairs; a later value of one name wins. Names and ranges are
 * checked by the call that takes the options, which names the offender. */
ODD_API odd_status odd_options_new(struct odd_context *ctx, struct odd_options **options);
ODD_API odd_status odd_options_set(struct odd_options *options, const char *name,
                                   const char *value);
/* Reads a YAML mapping of scalars; errors name line and column. */
ODD_API odd_status odd_options_load(struct odd_options *options, const char *path);
ODD_API void odd_options_free(struct odd_options *options);

/* ---- pixels -------------------------------------------------------------------------------- */

enum odd_pixel_type { ODD_U8, ODD_U16, ODD_F32 };

/* A caller's picture. u8 and u16 span black to white over their whole range, f32 over [0,1]. */
struct odd_pixels {
    size_t struct_size;       /* sizeof(struct odd_pixels) */
    const void *data;         /* first row, first pixel */
    int64_t width, height;    /* 1 to 1,000,000 each */
    int bands;                /* 1 to 16 */
    enum odd_pixel_type type; /* of every sample */
    int64_t stride;           /* bytes from row to row; 0 means tightly packed */
    bool planar;              /* true: whole bands one after another, `stride` within a band */
};

/* ---- datasets ------------------------------------------------------------------------------ */

/* Opens a folder, list or archive of pictures. Options: layout, normal, test-normals, split-seed,
 * sample-train, sample-test, hold-out, group, strict, seed. Reads names, not pixels. */
ODD_API odd_status odd_dataset_open(struct odd_context *ctx, const char *path,
                                    const struct odd_options *options,
                                    struct odd_dataset **dataset);
/* What was understood, in words, and as JSON (counts per part, layout, warnings). */
ODD_API odd_status odd_dataset_describe(const struct odd_dataset *dataset, char **text,
                                        char **json);
ODD_API void odd_dataset_free(struct odd_dataset *dataset);

/* ---- training ------------------------------------------------------------------------------ */

/* Trains on the normal pictures of `dataset` and writes the model to `path` (through a temporary
 * name, synced, renamed). Options: method, preset, config keys, seed, time-budget, resume, size,
 * fit, gain-normalize and the method's parameters (odd_methods_describe). Cancelled: the state is
 * saved beside `path` and ODD_ECANCELLED returned; the same call with resume=true goes on with
 * equal bits.
 * `report` is a JSON object (model, threshold, counts, left-out pictures, seconds). */
ODD_API odd_status odd_train(struct odd_context *ctx, struct odd_dataset *dataset,
                             const struct odd_options *options, const char *path, char **report);

/* ---- models -------------------------------------------------------------------------------- */

/* Loads and checks a model file: structure, digest, exact tensor names and shapes. */
ODD_API odd_status odd_model_load(struct odd_context *ctx, const char *path,
                                  struct odd_model **model);
/* Method, configuration, geometry, calibration, hashes, as one JSON object. */
ODD_API odd_status odd_model_info(const struct odd_model *model, char **json);
/* Scores the self-test pictures of the file: ODD_EMISMATCH where the answers differ; `json`
 * says from which causes (written also on mismatch). */
ODD_API odd_status odd_model_verify(struct odd_context *ctx, struct odd_model *model, char **json);
ODD_API void odd_model_free(struct odd_model *model);

/* Takes more normal pictures into the model at path `model` without training it anew, and writes
 * what follows to `out`, which may be the same path (temporary name, checked, renamed). `normals`:
 * picture files or whatever odd_dataset_open understands, NULL-terminated. Pictures that the model
 * has seen are left out and named; of the new ones 80 % go to what is learnt, 20 % to the
 * calibration, which is made anew. Where the model calls some of them anomalous, nothing is written
 * (ODD_EANOMALOUS; `report` names them) unless the option force=true is given. Other options: those
 * of odd_dataset_open (group, split-seed ...). ODD_ENOTSUP, with the command that trains anew, for
 * methods that cannot. `report`: written, predecessor (digest), n_new, n_bank, n_added_calibrate,
 * threshold_before, threshold, n_calibrate, n_rescored, n_not_rescored (their old scores stand),
 * anomalous, flips (decisions that the new model changes), seen, left_out. */
ODD_API odd_status odd_add(struct odd_context *ctx, const char *model, const char *const *normals,
                           const struct odd_options *options, const char *out, char **report);

/* ---- scoring ------------------------------------------------------------------------------- */

/* Working memory for scoring with `model`, which must outlive it. */
ODD_API odd_status odd_scorer_new(struct odd_context *ctx, const struct odd_model *model,
                                  struct odd_scorer **scorer);
ODD_API void odd_scorer_free(struct odd_scorer *scorer);

/* Scores one picture; `want_map` also keeps the anomaly map. The bits of the score do not depend
 * on it, nor on what was scored before. */
ODD_API odd_status odd_scorer_score(struct odd_scorer *scorer, const struct odd_pixels *pixels,
                                    bool want_map, struct odd_result **result);
ODD_API odd_status odd_scorer_score_file(struct odd_scorer *scorer, const char *path, bool want_map,
                                         struct odd_result **result);

enum odd_decision { ODD_DECISION_OK, ODD_DECISION_NG };

/* Raw score (higher = less normal), the score normalized so that 0.5 is the threshold, the
 * threshold, and the decision: NG if and only if score > threshold. */
ODD_API double odd_result_score(const struct odd_result *result);
ODD_API double odd_result_normalized(const struct odd_result *result);
ODD_API double odd_result_threshold(const struct odd_result *result);
ODD_API enum odd_decision odd_result_decision(const struct odd_result *result);
/* The map in the picture's own coordinates, row-major, owned by the result; ODD_ENODATA when it
 * was not asked for. */
ODD_API odd_status odd_result_map(const struct odd_result *result, const float **map,
                                  int64_t *width, int64_t *height);
/* Writes the overlay (picture under a perceptual colour map on the model's fixed scale; PNG) or
 * the raw map (float TIFF). */
ODD_API odd_status odd_result_write_overlay(const struct odd_result *result, const char *path);
ODD_API odd_status odd_result_write_map(const struct odd_result *result, const char *path);
ODD_API void odd_result_free(struct odd_result *result);

/* Why a picture is scored as it is: the (at most 3) patches that are farthest from all that the model
 * has learnt, each beside the nearest normal ones, and in what it differs from these. Normal pictures
 * are found in what the option normals=PATH names (by content; where none of it was trained on, by
 * features), or as thumbnails in a model trained with keep-pictures=true; else there are numbers
 * alone. `page` (may be NULL): a PNG to write: the picture and its heat map, a row per patch: patch,
 * heat, nearest normals. `json` (may be NULL): path, score, normalized, threshold, decision, normals
 * ("content", "features", "model", "none"), patches: [{number, x, y, width, height, distance, differs
 * (words), brighter, edges (shares), colour_shift, nearest: [{distance, picture (row of the training
 * pictures), path, tile, column, row (cell), x, y, width, height, shown}]}]. ODD_ENOTSUP for methods
 * that compare with no normal patch. */
ODD_API odd_status odd_explain(struct odd_context *ctx, const struct odd_model *model,
                               const char *picture, const struct odd_options *options,
                               const char *page, char **json);

/* ---- evaluation, experiments --------------------------------------------------------------- */

/* Scores the test part of `dataset` and computes every metric (docs/metrics.md). Pictures that the
 * model has seen in training are left out, named and counted. Options: metric-size, pixels,
 * resamples; pictures=true lists every picture; maps=FOLDER and maps-count=N write overlays of the
 * N most anomalous pictures of each type. What belongs to training (size, fit ...) is refused. */
ODD_API odd_status odd_eval(struct odd_context *ctx, const struct odd_model *model,
                            struct odd_dataset *dataset, const struct odd_options *options,
                            char **json);
/* The same metrics for any tool's scores: a CSV with columns path and score, and a folder of
 * float TIFF maps named by the pictures' stems (NULL: no maps). */
ODD_API odd_status odd_eval_scores(struct odd_context *ctx, const char *scores, const char *maps,
                                   struct odd_dataset *dataset, const struct odd_options *options,
                                   char **json);
/* Writes a synthetic data set in MVTec's layout. Options: kind, defects, seed, size, train,
 * test-normal, per-defect. */
ODD_API odd_status odd_synth(struct odd_context *ctx, const char *folder,
                             const struct odd_options *options);
/* Shape, min, max, mean, NaN count and time of every node while one picture is scored; `pixels`
 * NULL takes a self-test picture. */
ODD_API odd_status odd_trace(struct odd_context *ctx, const struct odd_model *model,
                             const struct odd_pixels *pixels, char **json);
ODD_API odd_status odd_trace_file(struct odd_context *ctx, const struct odd_model *model,
                                  const char *path, char **json);

/* Times every node of a network's plans: a training step, the frozen part that is run apart from it, and
 * the scoring of one picture. Of `model`; or (NULL) of the method that `options` describe as for
 * odd_train, with first weights. Options: runs, channels (without a model), part. `json`: peak
 * {gflops, copy_gbs} as measured, parts {training, frozen, scoring} each with pictures, ms, nodes_ms
 * and nodes, slowest first: [{node, op, kernel, set, phase, shape, ms, share, gflop, gb, bound_by,
 * bound_ms, attained}]. Medians; `attained` = bound_ms / ms, above 1 for what caches or Winograd's
 * convolution spare. */
ODD_API odd_status odd_bench_nodes(struct odd_context *ctx, const struct odd_model *model,
                                   const struct odd_options *options, char **json);

/* Makes an expert of published weights: safetensors, PyTorch's .pth (zip archive or legacy stream),
 * ONNX. `network` names the architecture, NULL: recognised from the names and shapes of the tensors.
 * `out` is the file to write, or a folder (a "/" at its end) that gets <network>.safetensors. Nothing
 * in the file is executed. `json` (may be NULL): expert, network, format, tensors, parameters,
 * weights_hash, licence, origin, unused. Errors: ODD_EIO, ODD_EFORMAT (damaged, or a pickle that does
 * more than hold tensors), ODD_ENOTSUP (no network known here), ODD_ENOMEM. Nothing is written then. */
ODD_API odd_status odd_import(struct odd_context *ctx, const char *path, const char *network,
                              const char *out, char **json);
/* What published weights, or an expert, that still have their classifier see in pictures. Each is
 * brought as a whole to the network's size, antialiased, by the filter it was trained with. `json`:
 * network, classes, size, pictures: [{path, top: [{class, probability}]}], the five most probable
 * classes (numbers from 0; their names are not in the file). A picture that cannot be read has `error`
 * and nothing in `top`. ODD_ENOTSUP where the file has no classifier. */
ODD_API odd_status odd_expert_classify(struct odd_context *ctx, const char *path,
                                       const char *network, const char *const *pictures,
                                       size_t count, char **json);

/* All methods, or one with its parameters, defaults, ranges, sources and presets (JSON). */
ODD_API odd_status odd_methods_describe(struct odd_context *ctx, const char *name, char **json);

#ifdef __cplusplus
}
#endif
#endif
