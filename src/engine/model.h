/* SPDX-License-Identifier: Apache-2.0
 *
 * A model in memory: the file's tensors and JSON, and what they say. Read-only after loading, so
 * scorers of several threads share it. While a model is being trained the same struct serves with
 * tensors borrowed from the training state, so that what calibrates is what will be deployed.
 */
#ifndef ODDI_ENGINE_MODEL_H
#define ODDI_ENGINE_MODEL_H
#include "engine/calibration.h"
#include "engine/config.h"

struct odd_model {
    struct odd_context *ctx; /* that loaded it */
    struct oddi_config config;
    struct oddi_geometry in;
    struct oddi_prepare prepare;
    struct oddi_spread spread;           /* of the components on the tune part */
    struct oddi_calibration calibration; /* threshold, normalisation, colour scale */
    double typical;                      /* usual value of a normal picture's map */
    struct oddi_model_file file;
    json_t *json;     /* all the file says; NULL while training */
    void *fitted;     /* what the method makes of its tensors; NULL for one trained by steps */
    uint64_t version; /* constant: parameters of a model never change */
};

/* Makes the scoring graph, for one picture; the caller releases it, also after failure. */
odd_status oddi_model_graph(struct odd_context *ctx, const struct odd_model *m,
                            struct oddi_build *b);
/* Bindings of a graph's parameters to the model's tensors; a missing one is ODD_EFORMAT by name. */
odd_status oddi_model_bind(struct odd_context *ctx, const struct odd_model *m,
                           const struct oddi_graph *g, struct oddi_binding **binding, int *count);
/* Demands exactly the tensors of the scoring graph, listing every difference. */
odd_status oddi_model_check(struct odd_context *ctx, const struct odd_model *m);
/* Lets the method make what it measures with of the tensors it keeps; nothing for most. */
odd_status oddi_model_open_fitted(struct odd_context *ctx, struct odd_model *m);
void oddi_model_close_fitted(struct odd_model *m);
/* Number of weights. */
int64_t oddi_model_parameters(const struct odd_model *m);
#endif
