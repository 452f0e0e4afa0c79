/* SPDX-License-Identifier: Apache-2.0
 * The inside of an evaluation: eval.c (a model's), eval_scores.c (any tool's scores),
 * oddi_eval_maps.c (overlays of the most anomalous pictures). */
#ifndef ODDI_ENGINE_EVAL_INT_H
#define ODDI_ENGINE_EVAL_INT_H
#include "base/json.h"
#include "data/dataset.h"
#include "engine/model.h"
#include "engine/seen.h"
#include "score/pixel_mkd.h"
#include "score/report.h"

extern const struct oddi_param oddi_eval_params[];

struct eval_run {
    struct odd_context *ctx;
    struct odd_dataset *ds;
    const struct odd_model *model; /* NULL: another tool's scores */
    struct oddi_values values;
    uint32_t *index; /* of the test part; compacted to the good ones while scoring */
    size_t count, good;
    double *score;
    double *component[ODDI_COMPONENTS_MAX];
    uint8_t *label, *decision;
    int64_t *group;
    const char **type;
    json_t *skipped, *seen;
    struct oddi_seen known;
    bool *was_seen; /* picture by picture, as it was loaded */
    struct oddi_pixels *pixels; /* NULL: no masks */
    struct oddi_pixel_mkd *pixel_mkd; /* NULL: no defective picture with a mask so far */
    struct oddi_pixel_metrics pixel;
    bool has_pixel;
    size_t without_mask;
    int64_t metric_size;
};
/* Reads options, selects the labelled test pictures, takes memory. */
odd_status oddi_eval_open(struct eval_run *e, const struct odd_options *options);
void oddi_eval_release(struct eval_run *e);
/* Adds picture `at` (a position in index) with its score; map (w x h) may be NULL. A picture whose
 * mask cannot be used is skipped instead. */
odd_status oddi_eval_add(struct eval_run *e, size_t at, double score, const float *map, int64_t w,
                         int64_t h);
/* A defective picture's map and mask for `pixel.auroc_mkd` (eval_mkd.c), and its place in the report. */
odd_status oddi_eval_mkd_add(struct eval_run *e, const struct oddi_planes *map,
                             const unsigned char *mask);
void oddi_eval_mkd_report(const struct eval_run *e, json_t *report);
odd_status oddi_eval_skip(struct eval_run *e, size_t at, const char *reason);
/* Metrics of all that was added, as the report's JSON. */
odd_status oddi_eval_report(struct eval_run *e, json_t **report);
/* Overlays and pictures of the most anomalous of each type into the folder of option "maps"; the
 * list of {path, score, label, type, overlay, original}. */
odd_status oddi_eval_maps(struct eval_run *e, json_t **list);
#endif
