/* SPDX-License-Identifier: Apache-2.0
 *
 * A resolved configuration: the method and the value of every parameter, from
 *   built-in default < preset < configuration file < options in order.
 * The same values, stored in a model, rebuild its network.
 */
#ifndef ODDI_ENGINE_CONFIG_H
#define ODDI_ENGINE_CONFIG_H
#include "base/json.h"
#include "data/prepare.h"
#include "method/method.h"

extern const struct oddi_param oddi_engine_params[];

struct oddi_config {
    const struct oddi_method *method;
    const struct oddi_preset *preset;
    struct oddi_values values;
};
/* Takes what it knows from `options`, marking it used; an option that nobody has used is
 * ODD_ECONFIG naming it. method=auto (the default) is bank, where an expert is given, the pictures
 * have the 1 or 3 `bands` that it sees and bank knows all the options; else daad. The caller
 * releases the configuration, also after failure. */
odd_status oddi_config_init(struct oddi_config *c, struct odd_context *ctx,
                            const struct odd_options *options, int64_t bands);
/* From a model's method name, preset name and stored values. */
odd_status oddi_config_restore(struct oddi_config *c, struct odd_context *ctx, const char *method,
                               const char *preset, const json_t *values);
void oddi_config_release(struct oddi_config *c);

/* The tables of a method's settings, NULL-terminated. */
#define ODDI_METHOD_TABLES 6
void oddi_method_tables(const struct oddi_method *m,
                        const struct oddi_param *tables[ODDI_METHOD_TABLES]);

/* Splits a setting "name=value" as presets and candidates have them; returns the value. */
#define ODDI_SETTING_NAME 64
const char *oddi_setting_split(const char *setting, char name[ODDI_SETTING_NAME]);

/* The values that a training's bits depend on: all but how it is run (resuming, checkpoints, ...).
 */
odd_status oddi_config_json(const struct oddi_config *c, json_t **json);

/* Width and height of the network's input from `size` ("128" or "192x128"). */
odd_status oddi_config_size(struct odd_context *ctx, const struct oddi_config *c, int64_t *width,
                            int64_t *height);
/* The kernel sets that plans of training, or of scoring, are made with (a mode of graph/plan.h): what
 * the settings `kernels` and `precision` say. */
const char *oddi_config_mode(const struct oddi_config *c, bool training);
/* Refuses what this machine or these settings cannot have. */
odd_status oddi_config_check_mode(struct odd_context *ctx, const struct oddi_config *c);
/* How pictures are prepared for a network of this geometry. */
void oddi_config_prepare(const struct oddi_config *c, const struct oddi_geometry *in,
                         struct oddi_prepare *prepare);
#endif
