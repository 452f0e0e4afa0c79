/* SPDX-License-Identifier: Apache-2.0
 *
 * size=native: the network's input takes the shape of the training pictures. It is one size per
 * model: the median aspect a of their widths over heights at the area A of another size,
 *
 *   width = sqrt(A a), height = sqrt(A / a), each rounded to the method's multiple.
 *
 * Pictures of other aspects are fitted into it and their edges repeated around them (fit=pad); such
 * padding is in no score and no map. What is stored is the size that came out, so a model knows
 * nothing of this file.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "engine/report.h"
#include "engine/train_int.h"
#include "image/image.h"

#define NATIVE_WORD "native"
#define NATIVE_LEAST 8
#define NATIVE_MOST 8192

/* Width over height; 0 for a picture that cannot be read, which the training will name. */
static odd_status native_aspect(struct odd_context *ctx, const struct odd_dataset *ds, size_t index,
                                double *aspect)
{
    const struct oddi_sample *s = &ds->sample[index];
    struct oddi_image_info info = {0};
    *aspect = 0.0;
    if (s->container >= 0) {
        *aspect =
            (double)ds->container[s->container].width / (double)ds->container[s->container].height;
        return ODD_OK;
    }
    const odd_status status = oddi_image_probe(ctx, s->path, &info);
    if (status == ODD_OK)
        *aspect = (double)info.width / (double)info.height;
    return status == ODD_ENOMEM ? status : ODD_OK;
}

static odd_status native_median(struct train_run *r, const uint32_t *index, size_t n,
                                double *median)
{
    odd_status status = ODD_OK;
    size_t good = 0;
    double *aspect = oddi_alloc_array(r->ctx, n + 1, sizeof(*aspect));
    if (!aspect)
        return ODD_ENOMEM;
    for (size_t i = 0; i < n; i++) {
        TRY(oddi_check_cancel(r->ctx));
        TRY(native_aspect(r->ctx, r->ds, index[i], &aspect[good]));
        good += aspect[good] > 0.0;
    }
    if (good == 0)
        status = oddi_fail(r->ctx, ODD_ENODATA, "size=native: no training picture can be read");
    else
        status = oddi_median(r->ctx, aspect, good, median);
out:
    oddi_free(r->ctx, aspect);
    return status;
}

/* "native:N" says whose area it is; "native" alone takes the preset's size, or the default one. */
static odd_status native_area(struct train_run *r, const char *text, double *area)
{
    odd_status status = ODD_OK;
    char name[ODDI_SETTING_NAME];
    struct oddi_values *v = &r->config->values;
    int64_t width = 0, height = 0;
    const char *size = NULL;
    if (text[strlen(NATIVE_WORD)] == ':')
        size = text + strlen(NATIVE_WORD) + 1;
    for (int i = 0; !size && r->config->preset->settings[i]; i++) {
        const char *value = oddi_setting_split(r->config->preset->settings[i], name);
        size = strcmp(name, "size") == 0 ? value : NULL;
    }
    for (const struct oddi_param *p = oddi_engine_params; !size; p++)
        size = strcmp(p->name, "size") == 0 ? p->initial : NULL;
    if (!size[0] || strncmp(size, NATIVE_WORD, strlen(NATIVE_WORD)) == 0)
        return oddi_fail(r->ctx, ODD_ECONFIG, "size=%s: expected native, or native:N", text);
    char copy[64];
    snprintf(copy, sizeof(copy), "%s", size);
    TRY(oddi_values_set(v, "size", copy, "auto"));
    TRY(oddi_config_size(r->ctx, r->config, &width, &height));
    *area = (double)width * (double)height;
out:
    return status;
}

static int64_t native_side(double pixels, int64_t multiple)
{
    const int64_t least = (NATIVE_LEAST + multiple - 1) / multiple * multiple,
                  most = NATIVE_MOST / multiple * multiple;
    const int64_t side = llround(fmin(pixels, NATIVE_MOST) / (double)multiple) * multiple;
    return side < least ? least : side > most ? most : side;
}

static odd_status native_set(struct train_run *r, double area, double aspect)
{
    odd_status status = ODD_OK;
    char size[48];
    const struct oddi_method *m = r->config->method;
    struct oddi_values *v = &r->config->values;
    const int64_t multiple = m->multiple ? m->multiple(v) : 1;
    snprintf(size, sizeof(size), "%lldx%lld", (long long)native_side(sqrt(area * aspect), multiple),
             (long long)native_side(sqrt(area / aspect), multiple));
    TRY(oddi_values_set(v, "size", size, "auto"));
    if (oddi_values_is_default(v, "fit"))
        TRY(oddi_values_set(v, "fit", "pad", "auto"));
    oddi_report_text(r->ctx, "choice",
                     "size=%s: the pictures' median aspect, %.3g, in multiples of %lld", size,
                     aspect, (long long)multiple);
out:
    return status;
}

odd_status oddi_train_native(struct train_run *r, const uint32_t *index, size_t n)
{
    odd_status status = ODD_OK;
    char text[64];
    double aspect = 1.0, area = 0.0;
    const char *size = oddi_values_text(&r->config->values, "size");
    if (strcmp(size, NATIVE_WORD) != 0 && strncmp(size, NATIVE_WORD ":", 7) != 0)
        return ODD_OK;
    snprintf(text, sizeof(text), "%s", size);
    TRY(native_area(r, text, &area));
    TRY(native_median(r, index, n, &aspect));
    TRY(native_set(r, area, aspect));
out:
    return status;
}
