/* SPDX-License-Identifier: Apache-2.0
 *
 * What a method that fits is given (struct oddi_fitting of method.h): passes of the scoring graph
 * over pictures of a data set, and progress.
 */
#ifndef ODDI_ENGINE_PASSES_H
#define ODDI_ENGINE_PASSES_H
#include "data/dataset.h"
#include "engine/model.h"

struct oddi_passes {
    struct odd_context *ctx;
    const struct odd_model *model; /* its graph and weights */
    const struct odd_dataset *ds;
    size_t count;
    uint32_t (*sample)(const void *user, size_t i); /* of picture i, index into ds */
    const void *user;
    const struct oddi_fit_pass *pass; /* that runs now */
    const char *phase;                /* of the progress last shown */
    uint64_t began, shown;
};
/* Sets context, threads, pictures and the functions of `f`; `p` must last as long. */
void oddi_passes_bind(struct oddi_passes *p, struct oddi_fitting *f);
#endif
