/* SPDX-License-Identifier: Apache-2.0
 *
 * Patch features (features.h). Every number is a sum in a fixed order.
 */
#include "nn/features.h"

#include <stdio.h>
#include <string.h>

#include "base/ctx.h"
#include "base/str.h"

static const char *const features_name[ODDI_NET_TAPS_MAX] = {"tap.1", "tap.2", "tap.3", "tap.4",
                                                             "tap.5", "tap.6", "tap.7", "tap.8"};

odd_status oddi_features_read(struct odd_context *ctx, const struct oddi_net *net,
                              const char *strides, struct oddi_features *f)
{
    f->net = net;
    f->taps = 0;
    for (const char *at = strides; *at;) {
        char one[16];
        int64_t stride = 0;
        size_t length = strcspn(at, ",");
        snprintf(one, sizeof(one), "%.*s", (int)(length < 15 ? length : 15), at);
        if (!oddi_parse_int(one, &stride))
            stride = 0;
        int tap = 0;
        while (tap < net->taps && (2 << tap) != stride)
            tap++;
        if (tap == net->taps || (f->taps > 0 && tap <= f->tap[f->taps - 1]))
            return oddi_fail(ctx, ODD_ECONFIG,
                             "taps=%s: expected rising strides of the expert's maps such as 8,16; "
                             "%s has 2 to %d",
                             strides, net->name, 2 << (net->taps - 1));
        f->tap[f->taps++] = tap;
        at += length + (at[length] == ',');
    }
    return f->taps > 0 ? ODD_OK : oddi_fail(ctx, ODD_ECONFIG, "taps: no stride is named");
}

void oddi_features_build(struct oddi_build *b, const struct oddi_features *f)
{
    struct oddi_node *tap[ODDI_NET_TAPS_MAX] = {NULL};
    const struct oddi_net_use use = {"expert", "expert.", f->tap[f->taps - 1], false, 1.0};
    oddi_net_build(b, f->net, &use, oddi_net_input(b, f->net, true), tap);
    for (int i = 0; i < f->taps && b->graph.status == ODD_OK; i++)
        oddi_build_result(b, features_name[i], tap[f->tap[i]]);
}

struct oddi_feature_grid oddi_features_grid(const struct oddi_build *b)
{
    struct oddi_feature_grid grid = {0, 0, 0};
    for (int i = 0; i < ODDI_NET_TAPS_MAX; i++) {
        const struct oddi_node *n = oddi_build_find(b, features_name[i]);
        if (!n)
            break;
        if (i == 0) {
            grid.height = n->shape.dim[2];
            grid.width = n->shape.dim[3];
        }
        grid.dim += n->shape.dim[1];
    }
    return grid;
}

size_t oddi_features_scratch(const struct oddi_build *b)
{
    size_t most = 0;
    for (int i = 0; i < ODDI_NET_TAPS_MAX; i++) {
        const struct oddi_node *n = oddi_build_find(b, features_name[i]);
        const size_t plane = n ? (size_t)(n->shape.dim[2] * n->shape.dim[3]) : 0;
        most = plane > most ? plane : most;
    }
    return most;
}

/* The mean of the 3 x 3 cells around (y, x), zeros beyond the edge. */
static float features_mean(const float *src, const int64_t size[2], int64_t y, int64_t x)
{
    const int64_t h = size[0], w = size[1];
    float sum = 0.0f;
    for (int64_t v = y > 0 ? y - 1 : 0; v <= y + 1 && v < h; v++)
        for (int64_t u = x > 0 ? x - 1 : 0; u <= x + 1 && u < w; u++)
            sum += src[v * w + u];
    return sum / 9.0f;
}

static void features_smooth(const float *src, int64_t h, int64_t w, float *dst)
{
    const int64_t size[2] = {h, w};
    for (int64_t y = 0; y < h; y++)
        for (int64_t x = 0; x < w; x++)
            dst[y * w + x] = features_mean(src, size, y, x);
}

/* Where cell i of `want` lies among `have` cells: between `low` and `low` + 1 or `low` itself. */
static void features_place(int64_t i, int64_t have, int64_t want, int64_t *low, float *share)
{
    double at = ((double)i + 0.5) * (double)have / (double)want - 0.5;
    at = at < 0 ? 0 : at > (double)(have - 1) ? (double)(have - 1) : at;
    *low = (int64_t)at;
    *share = (float)(at - (double)*low);
}

/* One channel brought to the grid, into column `to` of the rows. */
static void features_spread(const float *src, int64_t h, int64_t w,
                            const struct oddi_feature_grid *grid, float *to)
{
    for (int64_t y = 0; y < grid->height; y++) {
        int64_t v, u;
        float fy, fx;
        features_place(y, h, grid->height, &v, &fy);
        const float *top = src + v * w, *low = v + 1 < h ? top + w : top;
        for (int64_t x = 0; x < grid->width; x++) {
            features_place(x, w, grid->width, &u, &fx);
            const int64_t next = u + 1 < w ? u + 1 : u;
            const float a = top[u] + fx * (top[next] - top[u]),
                        b = low[u] + fx * (low[next] - low[u]);
            to[(y * grid->width + x) * grid->dim] = a + fy * (b - a);
        }
    }
}

void oddi_features_rows(const struct oddi_build *b, const struct oddi_plan *plan, bool smooth,
                        float *scratch, float *rows)
{
    const struct oddi_feature_grid grid = oddi_features_grid(b);
    int64_t column = 0;
    for (int i = 0; i < ODDI_NET_TAPS_MAX; i++) {
        const struct oddi_node *n = oddi_build_find(b, features_name[i]);
        if (!n)
            break;
        const int64_t h = n->shape.dim[2], w = n->shape.dim[3];
        const float *map = oddi_plan_output(plan, n);
        for (int64_t c = 0; c < n->shape.dim[1]; c++, map += h * w) {
            if (smooth)
                features_smooth(map, h, w, scratch);
            features_spread(smooth ? scratch : map, h, w, &grid, rows + column++);
        }
    }
}
