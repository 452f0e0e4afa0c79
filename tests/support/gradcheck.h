/* SPDX-License-Identifier: Apache-2.0
 *
 * Compares the gradients that oddi_graph_grad emits with central differences
 *     (E(x + h d) - E(x - h d)) / 2h  against  <dE/dx, d>,
 * on the reference kernels in double: for each target along random unit directions d, and along
 * single elements (all of a small target, some of a large one). Keep values away from kinks.
 */
#ifndef SUPPORT_GRADCHECK_H
#define SUPPORT_GRADCHECK_H
#include "graph/graph.h"

struct gradcheck {
    double step;      /* h; 0: 1e-5 */
    int directions;   /* per target; 0: 6 */
    int64_t elements; /* checked singly, per target; 0: 256 */
    uint64_t seed;
    /* Sets the values of an input or parameter; they come as uniform in [-1, 1] or as the
     * parameter's init says. NULL leaves them so. */
    void (*fill)(void *user, const struct oddi_node *node, int64_t count, double *values);
    void *user;
    /* Out: the largest difference, relative to the gradient's size, and where it was. */
    double worst, analytic, numeric;
    const char *target;
    int64_t element; /* -1: along a direction */
};
/* `loss` is a scalar of `g`, which gets gradient nodes appended. A target may be any input or
 * parameter before the loss; one whose gradient is NULL is taken to have none. */
odd_status oddi_gradient_check(struct oddi_graph *g, struct oddi_node *loss, int count,
                               struct oddi_node *const *target, struct gradcheck *check);
#endif
