/* SPDX-License-Identifier: Apache-2.0
 *
 * A new model's way to its name: written beside it, loaded again, its self-test answered with the
 * same bits, and only then renamed. A model that fails never stands where a good one stood.
 */
#ifndef ODDI_ENGINE_PUBLISH_H
#define ODDI_ENGINE_PUBLISH_H
#include "store/model.h"

odd_status oddi_model_publish(struct odd_context *ctx, struct oddi_model_file *file,
                              const char *path);
#endif
