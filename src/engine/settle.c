/* SPDX-License-Identifier: Apache-2.0
 *
 * A value that the method settles by a look at training pictures before the first step (method.h).
 * It is kept like an automatic choice: the model has the value and what led to it, a saved state
 * also what was asked for, so that a training that goes on need not look again.
 */
#include <stdio.h>

#include "engine/report.h"
#include "engine/train_int.h"

static odd_status settle_get(void *user, int64_t i, float *picture)
{
    return oddi_loader_get(user, (size_t)i, picture);
}

odd_status oddi_train_settle(struct train_run *r)
{
    odd_status status = ODD_OK;
    char name[ODDI_SETTING_NAME];
    struct oddi_values *v = &r->config->values;
    struct oddi_settle s = {.ctx = r->ctx,
                            .trainer = &r->trainer,
                            .values = v,
                            .pictures = (int64_t)oddi_loader_count(r->loader),
                            .get = settle_get,
                            .user = r->loader};
    if (!r->config->method->settle)
        return ODD_OK;
    TRY(r->config->method->settle(&s));
    if (!s.setting[0])
        goto out;
    const char *value = oddi_setting_split(s.setting, name);
    snprintf(r->asked, sizeof(r->asked), "%s", oddi_values_text(v, name));
    TRY(oddi_values_set(v, name, value, "auto"));
    snprintf(r->chosen, sizeof(r->chosen), "%s", s.setting);
    if (json_array_append(r->choice, s.note) != 0)
        status = ODD_ENOMEM;
    oddi_report_text(r->ctx, "choice", "%s: %s", s.setting, s.message);
out:
    json_decref(s.note);
    return status;
}
