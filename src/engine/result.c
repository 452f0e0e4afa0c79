/* SPDX-License-Identifier: Apache-2.0
 *
 * Scoring one picture through oddity.h: score, normalized score, decision, map, overlay.
 */
#include <string.h>

#include "engine/result.h"
#include "image/image.h"
#include "pixels/colour.h"

void odd_result_free(struct odd_result *r)
{
    if (!r)
        return;
    oddi_free(r->ctx, r->map);
    oddi_picture_free(r->ctx, r->picture);
    oddi_free(r->ctx, r);
}

/* Takes the picture over when the map is wanted. */
static odd_status result_make(struct odd_scorer *s, struct oddi_picture **picture, bool want_map,
                              struct odd_result **result)
{
    odd_status status = ODD_OK;
    struct odd_context *ctx = s->ctx;
    const struct oddi_calibration *c = &s->model->calibration;
    struct oddi_scored scored;
    struct odd_result *r = oddi_calloc(ctx, 1, sizeof(*r));
    if (!r)
        return ODD_ENOMEM;
    r->ctx = ctx;
    TRY(oddi_scorer_run(s, *picture, &scored));
    r->score = scored.score;
    r->threshold = c->threshold;
    r->normalized = oddi_calibration_normalize(c, scored.score);
    r->heat_lo = c->heat_lo;
    r->heat_hi = c->heat_hi;
    r->width = (*picture)->width;
    r->height = (*picture)->height;
    if (want_map) {
        r->map = oddi_alloc_array(ctx, (size_t)(r->width * r->height), sizeof(float));
        if (!r->map) {
            status = ODD_ENOMEM;
            goto out;
        }
        TRY(oddi_scorer_map(s, &scored, r->map));
        r->picture = *picture;
        *picture = NULL;
    }
    *result = r;
    r = NULL;
out:
    odd_result_free(r);
    return status;
}

odd_status odd_scorer_score(struct odd_scorer *scorer, const struct odd_pixels *pixels,
                            bool want_map, struct odd_result **result)
{
    if (!scorer || !pixels || !result)
        return scorer ? oddi_fail(scorer->ctx, ODD_EINVAL,
                                  "scoring needs pixels and a place for the result")
                      : ODD_EINVAL;
    struct oddi_picture *picture = NULL;
    odd_status status = oddi_picture_from_pixels(scorer->ctx, pixels, &picture);
    if (status == ODD_OK)
        status = result_make(scorer, &picture, want_map, result);
    oddi_picture_free(scorer->ctx, picture);
    return status;
}

odd_status odd_scorer_score_file(struct odd_scorer *scorer, const char *path, bool want_map,
                                 struct odd_result **result)
{
    if (!scorer || !path || !result)
        return scorer ? oddi_fail(scorer->ctx, ODD_EINVAL,
                                  "scoring needs a path and a place for the result")
                      : ODD_EINVAL;
    struct oddi_picture *picture = NULL;
    odd_status status = oddi_image_load(scorer->ctx, path, ODDI_IMAGE_BUDGET, &picture);
    if (status == ODD_OK)
        status = result_make(scorer, &picture, want_map, result);
    oddi_picture_free(scorer->ctx, picture);
    return status;
}

double odd_result_score(const struct odd_result *r)
{
    return r->score;
}
double odd_result_normalized(const struct odd_result *r)
{
    return r->normalized;
}
double odd_result_threshold(const struct odd_result *r)
{
    return r->threshold;
}
enum odd_decision odd_result_decision(const struct odd_result *r)
{
    return oddi_decide(r->score, r->threshold);
}

static odd_status result_no_map(const struct odd_result *r)
{
    return oddi_fail(r->ctx, ODD_ENODATA, "the map was not asked for when the picture was scored");
}

odd_status odd_result_map(const struct odd_result *r, const float **map, int64_t *width,
                          int64_t *height)
{
    if (!r->map)
        return result_no_map(r);
    *map = r->map;
    *width = r->width;
    *height = r->height;
    return ODD_OK;
}

odd_status oddi_write_overlay(struct odd_context *ctx, const struct oddi_picture *picture,
                              const struct oddi_heat *heat, const char *path)
{
    struct oddi_picture *out = NULL;
    odd_status status = oddi_overlay(ctx, picture, heat, &out);
    if (status == ODD_OK)
        status = oddi_image_save_png(ctx, path, out);
    oddi_picture_free(ctx, out);
    return status;
}

odd_status odd_result_write_overlay(const struct odd_result *r, const char *path)
{
    if (!r->map)
        return result_no_map(r);
    const struct oddi_heat heat = {r->map, r->width, r->height, (float)r->heat_lo,
                                   (float)r->heat_hi};
    return oddi_write_overlay(r->ctx, r->picture, &heat, path);
}

odd_status odd_result_write_map(const struct odd_result *r, const char *path)
{
    return r->map ? oddi_image_save_tiff(r->ctx, path, r->map, r->width, r->height)
                  : result_no_map(r);
}
