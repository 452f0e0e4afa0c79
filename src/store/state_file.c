/* SPDX-License-Identifier: Apache-2.0
 *
 * The resume file (state.h): a container of format "oddity-state".
 */
#include "store/state.h"

#include <string.h>

void oddi_state_file_init(struct oddi_state_file *f, struct odd_context *ctx)
{
    oddi_store_init(&f->tensors, ctx, "oddity-state");
    f->json = "{}";
}

void oddi_state_file_release(struct oddi_state_file *f)
{
    oddi_store_release(&f->tensors);
    f->json = NULL;
}

odd_status oddi_state_file_set(struct oddi_state_file *f, const char *json)
{
    odd_status status = oddi_store_set_json(&f->tensors, json);
    if (status == ODD_OK)
        f->json = f->tensors.json;
    return status;
}

odd_status oddi_state_file_add(struct oddi_state_file *f, const char *name, enum oddi_type type,
                               const struct oddi_shape *shape, const void *data)
{
    return oddi_store_add(&f->tensors, name, type, shape, data);
}

const struct oddi_stored *oddi_state_file_find(const struct oddi_state_file *f, const char *name)
{
    return oddi_store_find(&f->tensors, name);
}

odd_status oddi_state_file_get(const struct oddi_state_file *f, const char *name,
                               enum oddi_type type, const struct oddi_shape *shape, void *data)
{
    const struct oddi_stored *s = oddi_state_file_find(f, name);
    char found[ODDI_SHAPE_TEXT], wanted[ODDI_SHAPE_TEXT];
    if (s == NULL)
        return oddi_fail(f->tensors.ctx, ODD_EFORMAT, "the training state has no tensor '%s'",
                         name);
    if (s->type != type || !oddi_shape_equal(&s->shape, shape))
        return oddi_fail(f->tensors.ctx, ODD_EFORMAT,
                         "the training state's tensor '%s' is %s %s, expected %s %s", name,
                         oddi_type_name(s->type), oddi_shape_text(&s->shape, found),
                         oddi_type_name(type), oddi_shape_text(shape, wanted));
    memcpy(data, s->data, s->size);
    return ODD_OK;
}

odd_status oddi_state_file_save(struct oddi_state_file *f, const char *path)
{
    return oddi_store_save(&f->tensors, path, NULL, 0);
}

odd_status oddi_state_file_load(struct oddi_state_file *f, const char *path)
{
    odd_status status = oddi_store_load(&f->tensors, path);
    f->json = status == ODD_OK ? f->tensors.json : "{}";
    return status;
}
