/* SPDX-License-Identifier: Apache-2.0
 *
 * The pixels of a data set: pictures and masks decoded on demand, and the hashes by which `eval`
 * knows a picture again that training has seen. Safe from several threads, each with its context.
 */
#include <string.h>

#include "base/file.h"
#include "data/dataset.h"
#include "image/image.h"

#define PICTURE_FILE_MAX ((size_t)1 << 31)

static const unsigned char *picture_in_container(const struct odd_dataset *ds,
                                                 const struct oddi_sample *s, size_t *size)
{
    const struct oddi_container *c = &ds->container[s->container];
    *size = (size_t)(c->width * c->height * c->bands);
    return c->data + (size_t)s->index * *size;
}

/* Hashes the picture as it lies; *bytes is its whole file, to be freed, or NULL for one in a
 * container. */
static odd_status picture_hash(struct odd_context *ctx, const struct odd_dataset *ds,
                               const struct oddi_sample *s, struct oddi_hash128 *hash, char **bytes,
                               size_t *size)
{
    *bytes = NULL;
    if (s->container >= 0) {
        const unsigned char *data = picture_in_container(ds, s, size);
        oddi_hash_bytes(data, *size, hash);
        return ODD_OK;
    }
    const odd_status status = oddi_file_read(ctx, s->path, PICTURE_FILE_MAX, bytes, size);
    if (status == ODD_OK)
        oddi_hash_bytes(*bytes, *size, hash);
    return status;
}

odd_status oddi_dataset_hash(struct odd_context *ctx, const struct odd_dataset *ds, size_t index,
                             struct oddi_hash128 *hash)
{
    char *bytes = NULL;
    size_t size = 0;
    const odd_status status = picture_hash(ctx, ds, &ds->sample[index], hash, &bytes, &size);
    oddi_free(ctx, bytes);
    return status;
}

static odd_status picture_of_container(struct odd_context *ctx, const struct odd_dataset *ds,
                                       const struct oddi_sample *s, struct oddi_picture **picture)
{
    struct oddi_picture *made = NULL;
    const struct oddi_container *c = &ds->container[s->container];
    size_t size = 0;
    const unsigned char *data = picture_in_container(ds, s, &size);
    odd_status status = oddi_picture_new(ctx, c->width, c->height, (int)c->bands, ODD_U8, &made);
    if (status != ODD_OK)
        return status;
    memcpy(made->data, data, size);
    *picture = made;
    return ODD_OK;
}

odd_status oddi_dataset_load_picture(struct odd_context *ctx, const struct odd_dataset *ds,
                                     size_t index, struct oddi_picture **picture)
{
    const struct oddi_sample *s = &ds->sample[index];
    return s->container < 0 ? oddi_image_load(ctx, s->path, ODDI_IMAGE_BUDGET, picture)
                            : picture_of_container(ctx, ds, s, picture);
}

odd_status oddi_dataset_load_hashed(struct odd_context *ctx, const struct odd_dataset *ds,
                                    size_t index, struct oddi_picture **picture,
                                    struct oddi_hash128 *hash)
{
    const struct oddi_sample *s = &ds->sample[index];
    char *bytes = NULL;
    size_t size = 0;
    odd_status status = picture_hash(ctx, ds, s, hash, &bytes, &size);
    if (status == ODD_OK)
        status = s->container >= 0 ? picture_of_container(ctx, ds, s, picture)
                                   : oddi_image_load_memory(ctx, s->path, bytes, size,
                                                            ODDI_IMAGE_BUDGET, picture);
    oddi_free(ctx, bytes);
    return status;
}

/* Whether any band of pixel i is above 0. */
static bool picture_is_set(const struct oddi_picture *p, size_t i)
{
    for (int b = 0; b < p->bands; b++) {
        size_t at = i * (size_t)p->bands + (size_t)b;
        bool set = p->type == ODD_U8    ? ((const unsigned char *)p->data)[at] > 0
                   : p->type == ODD_U16 ? ((const uint16_t *)p->data)[at] > 0
                                        : ((const float *)p->data)[at] > 0.0f;
        if (set)
            return true;
    }
    return false;
}

odd_status oddi_dataset_load_mask(struct odd_context *ctx, const struct odd_dataset *ds,
                                  size_t index, int64_t width, int64_t height, unsigned char **mask)
{
    odd_status status = ODD_OK;
    const struct oddi_sample *s = &ds->sample[index];
    struct oddi_picture *picture = NULL;
    unsigned char *made = NULL;
    if (!s->mask) {
        *mask = NULL;
        return ODD_OK;
    }
    TRY(oddi_image_load(ctx, s->mask, ODDI_IMAGE_BUDGET, &picture));
    if (picture->width != width || picture->height != height)
        TRY(oddi_fail(ctx, ODD_ESHAPE,
                      "mask %s is %lld x %lld pixels, but its picture %s is %lld x %lld", s->mask,
                      (long long)picture->width, (long long)picture->height, s->path,
                      (long long)width, (long long)height));
    size_t count = (size_t)width * (size_t)height;
    made = oddi_alloc(ctx, count);
    if (!made)
        TRY(ODD_ENOMEM);
    for (size_t i = 0; i < count; i++)
        made[i] = picture_is_set(picture, i);
    *mask = made;
out:
    oddi_picture_free(ctx, picture);
    return status;
}
