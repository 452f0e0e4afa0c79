/* SPDX-License-Identifier: Apache-2.0
 * Writing a model (publish.h). */
#include "engine/publish.h"

#include "base/file.h"
#include "base/os.h"
#include "base/str.h"

/* What was written must load and answer with the same bits. */
static odd_status publish_check(struct odd_context *ctx, const char *path)
{
    struct odd_model *again = NULL;
    odd_status status = odd_model_load(ctx, path, &again);
    if (status == ODD_OK)
        status = odd_model_verify(ctx, again, NULL);
    odd_model_free(again);
    return status;
}

odd_status oddi_model_publish(struct odd_context *ctx, struct oddi_model_file *file,
                              const char *path)
{
    odd_status status = ODD_OK;
    struct oddi_str s;
    oddi_str_init(&s, ctx);
    oddi_str_addf(&s, "%s.unchecked", path);
    TRY(oddi_str_status(&s));
    TRY(oddi_model_file_save(file, s.text));
    status = publish_check(ctx, s.text);
    if (status == ODD_OK)
        status = oddi_file_rename(ctx, s.text, path);
    if (status != ODD_OK)
        oddi_os_unlink(s.text);
out:
    oddi_str_release(&s);
    return status;
}
