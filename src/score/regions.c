/* SPDX-License-Identifier: Apache-2.0
 *
 * Union-find over the runs of set pixels (Rosenfeld and Pfaltz 1966). A run joins the runs of the
 * row above that it overlaps, which under 8-connectivity reach one pixel further on both sides.
 * The root of a set is its first run, so parents come before their children and one forward pass
 * turns parents into region numbers.
 */
#include "score/regions.h"

#include <string.h>

#include "base/alloc.h"

static uint32_t regions_root(struct oddi_region_run *run, uint32_t i)
{
    while (run[i].region != i) {
        run[i].region = run[run[i].region].region; /* halves the path */
        i = run[i].region;
    }
    return i;
}

static void regions_join(struct oddi_region_run *run, uint32_t a, uint32_t b)
{
    a = regions_root(run, a);
    b = regions_root(run, b);
    if (a < b)
        run[b].region = a;
    else
        run[a].region = b;
}

/* Appends the runs of row y. */
static odd_status regions_row(struct odd_context *ctx, const uint8_t *row, uint32_t y, uint32_t w,
                              struct oddi_regions *r, size_t *room)
{
    for (uint32_t x = 0; x < w;) {
        uint32_t end;
        void *run = r->run;

        if (!row[x]) { /* most of a mask: eight at a time */
            uint64_t eight = 0;
            while (w - x >= 8 && (memcpy(&eight, row + x, 8), eight == 0))
                x += 8;
            while (x < w && !row[x])
                x++;
            continue;
        }
        for (end = x + 1; end < w && row[end];)
            end++;
        odd_status status = oddi_reserve(ctx, &run, room, r->runs + 1, sizeof(*r->run));
        if (status != ODD_OK)
            return status;
        r->run = run;
        r->run[r->runs] = (struct oddi_region_run){y, x, end, (uint32_t)r->runs};
        r->runs++;
        x = end;
    }
    return ODD_OK;
}

/* Joins runs `row` .. r->runs - 1 with those of the row above, `above` .. row - 1. */
static void regions_touch(struct oddi_regions *r, size_t above, size_t row, uint32_t reach)
{
    size_t up = above, at = row;

    while (up < row && at < r->runs) {
        const struct oddi_region_run *a = &r->run[up], *b = &r->run[at];

        if (a->x < b->end + reach && b->x < a->end + reach)
            regions_join(r->run, (uint32_t)up, (uint32_t)at);
        if (a->end < b->end) /* the other may reach further yet */
            up++;
        else
            at++;
    }
}

static odd_status regions_number(struct odd_context *ctx, struct oddi_regions *r)
{
    for (size_t i = 0; i < r->runs; i++) {
        const uint32_t parent = r->run[i].region;
        r->run[i].region = parent == i ? (uint32_t)r->count++ : r->run[parent].region;
    }
    r->area = oddi_calloc(ctx, r->count, sizeof(*r->area));
    if (!r->area)
        return ODD_ENOMEM;
    for (size_t i = 0; i < r->runs; i++)
        r->area[r->run[i].region] += r->run[i].end - r->run[i].x;
    return ODD_OK;
}

odd_status oddi_regions_init(struct odd_context *ctx, const uint8_t *mask, int64_t w, int64_t h,
                             int connectivity, struct oddi_regions *regions)
{
    odd_status status = ODD_OK;
    struct oddi_regions r = {0};
    size_t room = 0, above = 0, row = 0;

    if (connectivity != 4 && connectivity != 8)
        return oddi_fail(ctx, ODD_EINVAL, "connectivity %d, expected 4 or 8", connectivity);
    if (w < 1 || h < 1 || w > INT32_MAX / h)
        return oddi_fail(ctx, ODD_ELIMIT, "a mask of %lld x %lld pixels", (long long)w,
                         (long long)h);
    for (int64_t y = 0; y < h; y++) {
        TRY(regions_row(ctx, mask + y * w, (uint32_t)y, (uint32_t)w, &r, &room));
        regions_touch(&r, above, row, connectivity == 8 ? 1 : 0);
        above = row;
        row = r.runs;
    }
    TRY(regions_number(ctx, &r));
    *regions = r;
out:
    if (status != ODD_OK)
        oddi_regions_release(ctx, &r);
    return status;
}

void oddi_regions_release(struct odd_context *ctx, struct oddi_regions *regions)
{
    oddi_free(ctx, regions->run);
    oddi_free(ctx, regions->area);
    *regions = (struct oddi_regions){0};
}
