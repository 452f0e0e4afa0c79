/* SPDX-License-Identifier: Apache-2.0
 *
 * The accumulator: turns maps and masks into one integer per pixel (pixel_curve.h), holds as many
 * as the budget allows, and hands full loads, sorted, to spill.c. At the end one sorted sequence
 * goes through pixel_curve.c, from memory if everything fitted.
 *
 * The budget is three arrays of `most` integers: the pixels, the radix sort's other half, and
 * while reading back the blocks of the runs.
 */
#include "score/pixel.h"

#include <math.h>

#include "base/alloc.h"
#include "base/str.h"
#include "score/pixel_curve.h"
#include "score/regions.h"
#include "score/sort.h"
#include "score/spill.h"

enum { PIXELS_ARRAYS = 3, PIXELS_LEAST = 128 * 1024, PIXELS_FIRST = 64 * 1024 };

struct oddi_pixels {
    struct odd_context *ctx;
    struct oddi_pixels_options options;
    char *folder;
    uint64_t *item, *scratch;
    size_t used, room, scratch_room, most;
    struct oddi_spill spill;
    bool spilled, closed;
    struct oddi_pixel_metrics so_far; /* counts only */
    uint64_t above, above_positive;   /* pixels above the Dice threshold */
};

void oddi_pixels_defaults(struct oddi_pixels_options *options)
{
    *options = (struct oddi_pixels_options){.budget = (size_t)256 << 20,
                                            .folder = "/var/tmp",
                                            .threshold = NAN,
                                            .connectivity = 8,
                                            .limits = 2,
                                            .limit = {0.3, 0.05}};
}

static odd_status pixels_check(struct odd_context *ctx, const struct oddi_pixels_options *options)
{
    if (options->connectivity != 4 && options->connectivity != 8)
        return oddi_fail(ctx, ODD_EINVAL, "connectivity %d, expected 4 or 8",
                         options->connectivity);
    if (options->limits < 0 || options->limits > ODDI_PIXELS_LIMITS)
        return oddi_fail(ctx, ODD_EINVAL, "%d limits of AUPRO, at most %d", options->limits,
                         ODDI_PIXELS_LIMITS);
    for (int i = 0; i < options->limits; i++)
        if (!(options->limit[i] > 0 && options->limit[i] <= 1))
            return oddi_fail(ctx, ODD_EINVAL, "AUPRO limit %g is not in (0, 1]", options->limit[i]);
    return ODD_OK;
}

odd_status oddi_pixels_new(struct odd_context *ctx, const struct oddi_pixels_options *options,
                           struct oddi_pixels **pixels)
{
    odd_status status;
    struct oddi_pixels *p = NULL;
    size_t budget = options->budget < PIXELS_LEAST ? PIXELS_LEAST : options->budget;

    TRY(pixels_check(ctx, options));
    p = oddi_calloc(ctx, 1, sizeof(*p));
    if (!p)
        return ODD_ENOMEM;
    p->ctx = ctx;
    p->options = *options;
    p->spill = (struct oddi_spill){.ctx = ctx, .write_fd = -1, .read_fd = -1};
    p->most = budget / (PIXELS_ARRAYS * sizeof(uint64_t));
    if (p->most > INT32_MAX)
        p->most = INT32_MAX;
    p->folder = oddi_strdup(ctx, options->folder);
    if (!p->folder) {
        status = ODD_ENOMEM;
        goto out;
    }
    *pixels = p;
out:
    if (status != ODD_OK)
        oddi_pixels_free(p);
    return status;
}

void oddi_pixels_free(struct oddi_pixels *pixels)
{
    if (!pixels)
        return;
    oddi_spill_release(&pixels->spill);
    oddi_free(pixels->ctx, pixels->item);
    oddi_free(pixels->ctx, pixels->scratch);
    oddi_free(pixels->ctx, pixels->folder);
    oddi_free(pixels->ctx, pixels);
}

/* Sorts what is in memory. */
static odd_status pixels_sort(struct oddi_pixels *p)
{
    if (p->scratch_room < p->used) {
        oddi_free(p->ctx, p->scratch);
        p->scratch_room = 0;
        p->scratch = oddi_alloc_array(p->ctx, p->used, sizeof(*p->scratch));
        if (!p->scratch)
            return ODD_ENOMEM;
        p->scratch_room = p->used;
    }
    oddi_sort_u64(p->item, p->scratch, p->used);
    return ODD_OK;
}

static odd_status pixels_spill(struct oddi_pixels *p)
{
    odd_status status;

    /* a quarter of the blocks' room for the runs: blocks of some items at least */
    if (p->spill.streams > p->most / 4)
        return oddi_fail(p->ctx, ODD_ELIMIT,
                         "pixel metrics: %zu bytes of memory are too few for this many pixels",
                         p->most * PIXELS_ARRAYS * sizeof(uint64_t));
    if (!p->spilled)
        TRY(oddi_spill_init(p->ctx, p->folder, &p->spill));
    p->spilled = true;
    TRY(pixels_sort(p));
    TRY(oddi_spill_add(&p->spill, p->item, p->used, p->scratch));
    p->used = 0;
out:
    return status;
}

/* Room for at least one more. */
static odd_status pixels_room(struct oddi_pixels *p)
{
    size_t room = p->room ? p->room * 2 : PIXELS_FIRST;

    if (p->room == p->most)
        return pixels_spill(p);
    if (room > p->most)
        room = p->most;
    uint64_t *item = oddi_realloc_array(p->ctx, p->item, room, sizeof(*item));
    if (!item)
        return ODD_ENOMEM;
    p->item = item;
    p->room = room;
    return ODD_OK;
}

/* Appends `count` pixels of regions of `area` pixels. */
static odd_status pixels_put(struct oddi_pixels *p, const float *value, size_t count, uint32_t area)
{
    while (count > 0) {
        const odd_status status = p->used == p->room ? pixels_room(p) : ODD_OK;
        const double threshold = p->options.threshold;
        uint64_t above = 0;

        if (status != ODD_OK)
            return status;
        const size_t part = count < p->room - p->used ? count : p->room - p->used;
        uint64_t *item = p->item + p->used;
        for (size_t i = 0; i < part; i++) {
            item[i] = (uint64_t)oddi_float_key(value[i]) << ODDI_KEY_LOW | area;
            above += (double)value[i] > threshold;
        }
        p->above += above;
        p->above_positive += area ? above : 0;
        p->used += part;
        value += part;
        count -= part;
    }
    return ODD_OK;
}

static odd_status pixels_put_all(struct oddi_pixels *p, const float *map, size_t count, size_t w,
                                 const struct oddi_regions *regions)
{
    odd_status status = ODD_OK;
    size_t at = 0;

    for (size_t i = 0; i < regions->runs; i++) {
        const struct oddi_region_run *run = &regions->run[i];
        const size_t first = run->y * w + run->x, end = run->y * w + run->end;

        TRY(pixels_put(p, map + at, first - at, 0));
        TRY(pixels_put(p, map + first, end - first, regions->area[run->region]));
        p->so_far.n_anomalous += end - first;
        p->so_far.n_normal += first - at;
        at = end;
    }
    TRY(pixels_put(p, map + at, count - at, 0));
    p->so_far.n_normal += count - at;
out:
    return status;
}

static odd_status pixels_refuse(const struct oddi_pixels *p, const char *name, const float *map,
                                int64_t w, int64_t h)
{
    const char *what = name ? name : "a picture";
    const unsigned long long number = p->so_far.pictures;

    if (w < 1 || h < 1 || w > INT32_MAX / h)
        return oddi_fail(p->ctx, ODD_ELIMIT, "%s (number %llu): a map of %lld x %lld pixels", what,
                         number, (long long)w, (long long)h);
    if (p->so_far.n_normal + p->so_far.n_anomalous > UINT32_MAX - (uint64_t)(w * h))
        return oddi_fail(p->ctx, ODD_ELIMIT, "%s (number %llu): more than 2^32 - 1 pixels in all",
                         what, number);
    for (int64_t i = 0; i < w * h; i++)
        if (!isfinite(map[i]))
            return oddi_fail(p->ctx, ODD_ENUMERIC,
                             "%s (number %llu): the map's value at (%lld, %lld) is not a finite "
                             "number",
                             what, number, (long long)(i % w), (long long)(i / w));
    return ODD_OK;
}

odd_status oddi_pixels_add(struct oddi_pixels *pixels, const char *name, const float *map,
                           const uint8_t *mask, int64_t w, int64_t h)
{
    odd_status status;
    struct oddi_regions regions = {0};

    if (pixels->closed)
        return oddi_fail(pixels->ctx, ODD_EINVAL, "pixel metrics: a map after the end");
    TRY(pixels_refuse(pixels, name, map, w, h));
    pixels->closed = true; /* until it is whole */
    if (mask)
        TRY(oddi_regions_init(pixels->ctx, mask, w, h, pixels->options.connectivity, &regions));
    TRY(pixels_put_all(pixels, map, (size_t)(w * h), (size_t)w, &regions));
    pixels->so_far.regions += regions.count;
    pixels->so_far.pictures++;
    pixels->closed = false;
out:
    oddi_regions_release(pixels->ctx, &regions);
    return status;
}

/* The sweep over spilled runs, which what is in memory has joined. */
static odd_status pixels_sweep_runs(struct oddi_pixels *p, struct oddi_pixel_curve *curve)
{
    odd_status status;
    uint64_t *block = NULL;
    size_t count;

    TRY(pixels_spill(p));
    block = oddi_alloc_array(p->ctx, p->most, sizeof(*block));
    if (!block) {
        status = ODD_ENOMEM;
        goto out;
    }
    TRY(oddi_spill_rewind(&p->spill, block, p->most));
    do {
        TRY(oddi_check_cancel(p->ctx));
        TRY(oddi_spill_next(&p->spill, p->item, p->scratch, &count));
        oddi_pixel_curve_add(curve, p->item, count);
    } while (count);
out:
    oddi_free(p->ctx, block);
    return status;
}

/* 2 |A and B| / (|A| + |B|) of the thresholded and the true pixels. */
static void pixels_dice(const struct oddi_pixels *p, struct oddi_pixel_metrics *m)
{
    const bool defined = p->so_far.n_anomalous > 0 && !isnan(p->options.threshold);

    m->dice_threshold = p->options.threshold;
    m->dice =
        defined ? 2 * (double)p->above_positive / ((double)p->above + (double)p->so_far.n_anomalous)
                : NAN;
}

odd_status oddi_pixels_finish(struct oddi_pixels *pixels, struct oddi_pixel_metrics *metrics)
{
    odd_status status = ODD_OK;
    struct oddi_pixel_metrics m = pixels->so_far;
    struct oddi_pixel_curve curve;

    if (pixels->closed)
        return oddi_fail(pixels->ctx, ODD_EINVAL, "pixel metrics: finished or failed before");
    pixels->closed = true;
    oddi_pixel_curve_init(&curve, m.n_anomalous, m.n_normal, m.regions);
    oddi_pixel_curve_limits(&curve, pixels->options.limits, pixels->options.limit);
    if (pixels->spilled) {
        TRY(pixels_sweep_runs(pixels, &curve));
    } else {
        TRY(pixels_sort(pixels));
        oddi_pixel_curve_add(&curve, pixels->item, pixels->used);
    }
    oddi_pixel_curve_finish(&curve, &m);
    m.limits = pixels->options.limits;
    for (int i = 0; i < m.limits; i++)
        m.limit[i] = pixels->options.limit[i];
    pixels_dice(pixels, &m);
    *metrics = m;
out:
    return status;
}
