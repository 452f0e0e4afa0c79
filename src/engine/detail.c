/* SPDX-License-Identifier: Apache-2.0
 *
 * The smallest defect that must show. A method sees a defect that covers `cell` pixels of its
 * network's input (method.h), so a defect of d picture pixels wants the scale cell / d. Where a
 * whole picture at that scale is not larger than DETAIL_WHOLE, its size is chosen; beyond that a
 * method that fits sees tiles of the size that was asked for.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "engine/report.h"
#include "engine/train_int.h"

#define DETAIL_CELL 8
#define DETAIL_WHOLE 512
#define DETAIL_TILES 1000 /* of one picture */

static double detail_cell(const struct oddi_config *c)
{
    return (double)(c->method->cell ? c->method->cell(&c->values) : DETAIL_CELL);
}

/* "12px", "12" or "0.4mm" in picture pixels. */
static odd_status detail_read(struct odd_context *ctx, const struct oddi_values *v, double *pixels)
{
    const char *text = oddi_values_text(v, "min-defect");
    const double per_mm = oddi_values_float(v, "px-per-mm");
    char number[32];
    double value = 0;
    const size_t digits = strspn(text, "0123456789.");
    const char *unit = text + digits;
    const bool mm = strcmp(unit, "mm") == 0;
    snprintf(number, sizeof(number), "%.*s", (int)(digits < 31 ? digits : 31), text);
    if (!oddi_parse_double(number, &value) || !(value > 0) ||
        (*unit && !mm && strcmp(unit, "px") != 0))
        return oddi_fail(ctx, ODD_ECONFIG, "min-defect=%s: expected a size such as 12px or 0.4mm",
                         text);
    if (mm && !(per_mm > 0))
        return oddi_fail(ctx, ODD_ECONFIG,
                         "min-defect=%s: say how many pixels a millimetre has with px-per-mm=N",
                         text);
    *pixels = mm ? value * per_mm : value;
    return ODD_OK;
}

static int64_t detail_round(double pixels, int64_t multiple)
{
    const int64_t whole = (int64_t)ceil(pixels);
    return (whole + multiple - 1) / multiple * multiple;
}

/* A network input that shows the whole picture at `scale`. */
static odd_status detail_whole(struct train_run *r, double scale)
{
    const struct oddi_method *m = r->config->method;
    const int64_t multiple = m->multiple ? m->multiple(&r->config->values) : 8;
    char size[48];
    snprintf(size, sizeof(size), "%lldx%lld",
             (long long)detail_round((double)r->largest[0] * scale, multiple),
             (long long)detail_round((double)r->largest[1] * scale, multiple));
    return oddi_values_set(&r->config->values, "size", size, "auto");
}

static odd_status detail_tiles(struct train_run *r, double scale, double pixels)
{
    char text[32];
    const double side = sqrt((double)r->in.width * (double)r->in.height);
    const double tiles =
        (double)r->largest[0] * (double)r->largest[1] * scale * scale / side / side;
    if (!r->config->method->fit)
        return oddi_fail(
            r->ctx, ODD_ECONFIG,
            "a defect of %g pixels needs tiles of pictures of %lld x %lld, and %s sees "
            "whole pictures only; a method that fits (bank, padim) sees tiles",
            pixels, (long long)r->largest[0], (long long)r->largest[1], r->config->method->name);
    if (tiles > DETAIL_TILES)
        return oddi_fail(r->ctx, ODD_ECONFIG,
                         "a defect of %g pixels in pictures of %lld x %lld would need about %.0f "
                         "tiles of each; the most is %d",
                         pixels, (long long)r->largest[0], (long long)r->largest[1], tiles,
                         DETAIL_TILES);
    snprintf(text, sizeof(text), "%.6g", scale);
    return oddi_values_set(&r->config->values, "tile-scale", text, "auto");
}

odd_status oddi_train_detail(struct train_run *r)
{
    const struct oddi_values *v = &r->config->values;
    odd_status status = ODD_OK;
    double pixels = 0;
    TRY(oddi_config_size(r->ctx, r->config, &r->in.width, &r->in.height));
    if (oddi_values_float(v, "tile-scale") > 0 && !r->config->method->fit)
        return oddi_fail(r->ctx, ODD_ECONFIG, "tile-scale: %s sees whole pictures only",
                         r->config->method->name);
    if (!oddi_values_text(v, "min-defect")[0])
        return ODD_OK;
    TRY(detail_read(r->ctx, v, &pixels));
    const double scale = fmin(detail_cell(r->config) / pixels, 4.0);
    const double w = (double)r->largest[0] * scale, h = (double)r->largest[1] * scale;
    TRY(w <= DETAIL_WHOLE && h <= DETAIL_WHOLE ? detail_whole(r, scale)
                                               : detail_tiles(r, scale, pixels));
    TRY(oddi_config_size(r->ctx, r->config, &r->in.width, &r->in.height));
out:
    return status;
}

void oddi_train_say_detail(struct train_run *r)
{
    const double scale = oddi_values_float(&r->config->values, "tile-scale");
    const double cell = detail_cell(r->config);
    const double across = (double)r->largest[0] / (double)r->in.width,
                 down = (double)r->largest[1] / (double)r->in.height;
    const double least = scale > 0 ? cell / scale : cell * fmax(across, down);
    if (!oddi_report_wanted(r->ctx))
        return;
    if (scale > 0)
        oddi_report_text(r->ctx, "detail",
                         "tiles of %lld x %lld at scale %.3g, overlapping by %.0f %%: "
                         "defects from about %.0f picture pixels show",
                         (long long)r->in.width, (long long)r->in.height, scale,
                         100 * oddi_values_float(&r->config->values, "tile-overlap"), least);
    else
        oddi_report_text(r->ctx, "detail",
                         "%lld x %lld pictures are seen at %lld x %lld: defects from about %.0f "
                         "picture pixels show%s",
                         (long long)r->largest[0], (long long)r->largest[1], (long long)r->in.width,
                         (long long)r->in.height, least,
                         least > cell ? " (--min-defect Npx for smaller ones)" : "");
}
