/* SPDX-License-Identifier: Apache-2.0
 *
 * The shape of DAAD for one input: levels, channels, where memories stand, how they divide.
 *
 * Levels = log2(shorter side / 4), at most 5, so the bottleneck is about 4 cells wide (8 from 256
 * pixels on). Level l has w * min(2^(l-1), 8) channels. Memories stand on the last three levels,
 * but never on the first, whose cells are so small that any working block copies defects.
 *
 * A division is given in parts per axis (the paper's r_h x r_w x r_c) or as a block in cells; one
 * entry for all memories, or one each from the finest to the coarsest, separated by "/". "spec" is
 * blocks of 4 x 4 cells on the skips and 2 x 2 on the bottleneck (or the nearest edges that divide
 * the map) over all channels (32 to 64 pixels), "pixel" one cell, "whole" the undivided map.
 */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "method/daad/daad.h"

static int64_t shape_min(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int shape_log2(int64_t n)
{
    int l = 0;
    while (n > 1) {
        n /= 2;
        l++;
    }
    return l;
}

/* "4x4x1" into three positive numbers (0 allowed where `zero`). */
static bool shape_triple(const char *text, size_t length, bool zero, int64_t out[3])
{
    char part[64];
    const char *at = text, *end = text + length;
    for (int i = 0; i < 3; i++) {
        const char *stop = i < 2 ? memchr(at, 'x', (size_t)(end - at)) : end;
        if (!stop || stop == at || (size_t)(stop - at) >= sizeof(part))
            return false;
        memcpy(part, at, (size_t)(stop - at));
        part[stop - at] = 0;
        if (!oddi_parse_int(part, &out[i]) || out[i] < (zero ? 0 : 1) || out[i] > 1 << 20)
            return false;
        at = stop + 1;
    }
    return true;
}

/* Entry i of a "/"-separated list; a list of one serves for every i. */
static bool shape_entry(const char *list, int i, int n, const char **text, size_t *length)
{
    int count = 1;
    for (const char *c = list; *c; c++)
        count += *c == '/';
    if (count != 1 && count != n)
        return false;
    const char *at = list;
    for (int k = 0; count > 1 && k < i; k++)
        at = strchr(at, '/') + 1;
    const char *stop = strchr(at, '/');
    *text = at;
    *length = stop ? (size_t)(stop - at) : strlen(at);
    return true;
}

static odd_status shape_bad(struct odd_context *ctx, const char *name, const char *text)
{
    return oddi_fail(
        ctx, ODD_ECONFIG,
        "%s=%s: expected numbers such as 4x4x1, for all memories or one each from the finest "
        "to the coarsest separated by \"/\"",
        name, text);
}

static bool shape_is_spec(const char *list)
{
    return strcmp(list, "spec") == 0 || strcmp(list, "auto") == 0;
}

/* What a list says about memory i: cells per block (0: all there are), or parts where not *cells.
 */
static bool shape_given(const struct daad_shape *s, const char *list, bool by_block, int i,
                        int64_t given[3], bool *cells)
{
    const char *text;
    size_t length = 0;
    *cells = true;
    given[0] = given[1] = given[2] = 0;
    if (strcmp(list, "whole") == 0)
        return true;
    const bool pixel = strcmp(list, "pixel") == 0;
    given[0] = given[1] = pixel ? 1 : s->memory_level[i] == s->levels ? 2 : 4;
    if (pixel || (!by_block && shape_is_spec(list)))
        return true;
    *cells = by_block;
    return shape_entry(list, i, s->memories, &text, &length) &&
           shape_triple(text, length, by_block, given);
}

/* The divisor of n nearest to `want`, the larger of two. */
static int64_t shape_divisor(int64_t n, int64_t want)
{
    int64_t best = 1;
    for (int64_t d = 1; d <= n; d++)
        if (n % d == 0 && llabs(d - want) <= llabs(best - want))
            best = d;
    return best;
}

/* Block of memory i in cells, from `block` where given, else from `division`. */
static odd_status shape_block(struct odd_context *ctx, const struct oddi_values *v,
                              struct daad_shape *s, int i)
{
    static const char *const axis[] = {"rows", "columns", "channels"};
    const struct daad_level *l = &s->level[s->memory_level[i]];
    const int64_t map[3] = {l->height, l->width, l->channels};
    const bool by_block = oddi_values_text(v, "block")[0] != 0;
    const char *name = by_block ? "block" : "division", *list = oddi_values_text(v, name);
    int64_t given[3];
    bool cells = true;
    if (!shape_given(s, list, by_block, i, given, &cells))
        return shape_bad(ctx, name, list);
    for (int a = 0; a < 2 && !by_block && shape_is_spec(list); a++)
        given[a] = shape_divisor(map[a], given[a]); /* maps of 5 or 7 cells have no half */
    for (int a = 0; a < 3; a++) {
        const int64_t want = given[a] == 0 ? map[a]
                             : cells       ? shape_min(given[a], map[a])
                                           : given[a];
        if (map[a] % want != 0)
            return oddi_fail(ctx, ODD_ECONFIG, "%s=%s does not divide the %lld %s of memory %d",
                             name, list, (long long)map[a], axis[a], i + 1);
        s->block[i][a] = cells ? want : map[a] / want;
    }
    return ODD_OK;
}

static odd_status shape_levels(struct odd_context *ctx, const struct oddi_values *v,
                               const struct oddi_geometry *in, struct daad_shape *s)
{
    const int64_t side = shape_min(in->width, in->height), w = oddi_values_int(v, "width");
    if (side < 16)
        return oddi_fail(ctx, ODD_ECONFIG,
                         "daad needs pictures of at least 16 x 16 pixels, not %lld x %lld",
                         (long long)in->width, (long long)in->height);
    s->levels = (int)shape_min(shape_log2(side / 4), DAAD_LEVELS_MAX);
    const int64_t multiple = (int64_t)1 << s->levels;
    if (in->width % multiple != 0 || in->height % multiple != 0)
        return oddi_fail(ctx, ODD_ECONFIG,
                         "daad needs sides that are multiples of %lld here, not %lld x %lld",
                         (long long)multiple, (long long)in->width, (long long)in->height);
    for (int l = 1; l <= s->levels; l++) {
        s->level[l].channels = w * shape_min((int64_t)1 << (l - 1), 8);
        s->level[l].height = in->height >> l;
        s->level[l].width = in->width >> l;
        s->level[l].memory = -1;
    }
    s->disc_levels = shape_log2(side / 4);
    return ODD_OK;
}

/* Which levels have a memory or a skip. */
static void shape_places(const struct oddi_values *v, struct daad_shape *s)
{
    const bool bottleneck_only = oddi_values_is(v, "memories", "bottleneck");
    int first = s->levels - 2 > 2 ? s->levels - 2 : 2;
    if (bottleneck_only)
        first = s->levels;
    for (int l = first; l <= s->levels && s->variant != DAAD_AE; l++) {
        s->level[l].skip = l < s->levels;
        if (s->variant == DAAD_UAE)
            continue;
        s->level[l].memory = s->memories;
        s->memory_level[s->memories++] = l;
    }
}

static void shape_addressing(const struct oddi_values *v, struct daad_shape *s)
{
    const double given = oddi_values_float(v, "temperature"),
                 times = oddi_values_float(v, "shrink");
    const bool sharp = oddi_values_is(v, "addressing", "sharp");
    s->items = oddi_values_int(v, "items");
    s->temperature = given > 0 ? given : sharp ? 0.1 : 1.0;
    s->lambda = oddi_values_is(v, "addressing", "paper") ? 0.0 : times / (double)s->items;
}

odd_status oddi_daad_shape_make(struct odd_context *ctx, const struct oddi_values *v,
                                const struct oddi_geometry *in, struct daad_shape *s)
{
    memset(s, 0, sizeof(*s));
    s->variant = oddi_values_is(v, "variant", "ae")     ? DAAD_AE
                 : oddi_values_is(v, "variant", "uae")  ? DAAD_UAE
                 : oddi_values_is(v, "variant", "daad") ? DAAD_DAAD
                                                        : DAAD_PLUS;
    odd_status status = shape_levels(ctx, v, in, s);
    if (status != ODD_OK)
        return status;
    shape_places(v, s);
    shape_addressing(v, s);
    for (int i = 0; i < s->memories && status == ODD_OK; i++)
        status = shape_block(ctx, v, s, i);
    return status;
}

int64_t oddi_daad_blocks_per_picture(const struct daad_shape *s, int memory)
{
    const struct daad_level *l = &s->level[s->memory_level[memory]];
    const int64_t *b = s->block[memory];
    return (l->height / b[0]) * (l->width / b[1]) * (l->channels / b[2]);
}

int64_t oddi_daad_block_length(const struct daad_shape *s, int memory)
{
    return s->block[memory][0] * s->block[memory][1] * s->block[memory][2];
}

/* Divisions tried by division=auto, from coarse to fine. */
const char *oddi_daad_candidate(const struct oddi_values *v, const struct oddi_geometry *in,
                                int index)
{
    static const char *const tried[] = {"division=whole", "division=2x2x1", "division=spec",
                                        "division=pixel"};
    (void)in;
    if (!oddi_values_is(v, "division", "auto") || index >= (int)ODDI_COUNT(tried))
        return NULL;
    if (oddi_values_is(v, "variant", "ae") || oddi_values_is(v, "variant", "uae"))
        return NULL;
    return tried[index];
}
