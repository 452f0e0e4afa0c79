/* SPDX-License-Identifier: Apache-2.0
 *
 * A picture as an expert network wants it: three channels, and where asked for each with the mean
 * and deviation that the network was trained with.
 */
#include "base/str.h"
#include "nn/nets/nets.h"

static struct oddi_node *input_constant(struct oddi_build *b, double value)
{
    const char *name = oddi_arena_printf(&b->graph.arena, "const.%.9g", value);
    return oddi_build_constant(b, name ? name : "", oddi_shape_make(1, 1, 1, 1, 1), value);
}

/* b->image is 2 v - 1 of a picture v in [0, 1]; so (v - mean) / sd is image * 0.5 / sd +
 * (0.5 - mean) / sd. */
struct oddi_node *oddi_net_input(struct oddi_build *b, const struct oddi_net *net, bool normalize)
{
    struct oddi_graph *g = &b->graph;
    struct oddi_node *all = NULL;
    for (int c = 0; c < 3; c++) {
        const double mean = normalize ? net->mean[c] : 0.0, sd = normalize ? net->std[c] : 1.0;
        struct oddi_node *x = b->in.channels == 3 ? oddi_slice_c(g, b->image, c, 1) : b->image;
        x = oddi_bias(g, oddi_scale(g, x, 0.5 / sd), input_constant(b, (0.5 - mean) / sd));
        all = all ? oddi_concat(g, all, x) : x;
    }
    return all;
}
