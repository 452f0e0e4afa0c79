/* SPDX-License-Identifier: Apache-2.0
 *
 * `pixel.auroc_mkd` of an evaluation (score/pixel_mkd.h): each defective picture's map and mask
 * brought to 128 x 128, both by the antialiased bilinear, so that the mask becomes soft.
 */
#include <math.h>

#include "engine/eval_int.h"
#include "pixels/resize.h"

static odd_status mkd_soft_mask(struct eval_run *e, const unsigned char *mask, int64_t w, int64_t h,
                                struct oddi_planes *small)
{
    struct oddi_planes planes = {0};
    odd_status status = oddi_planes_init(e->ctx, w, h, 1, &planes);
    if (status != ODD_OK)
        return status;
    for (int64_t i = 0; i < w * h; i++)
        planes.data[i] = mask[i] ? 1.0f : 0.0f;
    status = oddi_planes_resize(e->ctx, &planes, ODDI_PIXEL_MKD_SIDE, ODDI_PIXEL_MKD_SIDE, small);
    oddi_planes_release(e->ctx, &planes);
    return status;
}

odd_status oddi_eval_mkd_add(struct eval_run *e, const struct oddi_planes *map,
                             const unsigned char *mask)
{
    odd_status status = ODD_OK;
    struct oddi_planes small = {0}, soft = {0};
    if (!e->pixel_mkd)
        TRY(oddi_pixel_mkd_new(e->ctx, &e->pixel_mkd));
    TRY(oddi_planes_resize(e->ctx, map, ODDI_PIXEL_MKD_SIDE, ODDI_PIXEL_MKD_SIDE, &small));
    TRY(mkd_soft_mask(e, mask, map->width, map->height, &soft));
    oddi_pixel_mkd_add(e->pixel_mkd, small.data, soft.data);
out:
    oddi_planes_release(e->ctx, &small);
    oddi_planes_release(e->ctx, &soft);
    return status;
}

void oddi_eval_mkd_report(const struct eval_run *e, json_t *report)
{
    json_t *pixel = json_object_get(report, "pixel");
    if (!e->pixel_mkd || !json_is_object(pixel))
        return;
    const double auroc = oddi_pixel_mkd_auroc(e->pixel_mkd);
    oddi_json_set_real(pixel, "auroc_mkd", auroc);
    if (!isfinite(auroc))
        json_array_append_new(json_object_get(report, "warnings"),
                              json_string("pixel.auroc_mkd is undefined: the defective pictures "
                                          "lack anomalous or normal pixels"));
}
