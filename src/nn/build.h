/* SPDX-License-Identifier: Apache-2.0
 *
 * What a method fills when it describes its network: a graph, the phases of a training step, and
 * the numbers that come out of each step.
 *
 * A training step is an ordered list of phases. A phase has a loss and one parameter group; the
 * trainer runs its nodes, updates the group, and goes on to the next phase, whose nodes see the
 * updated parameters but may reuse activations of earlier phases (two-player training).
 * Groups whose name ends in ".stats" hold running statistics and are never trained.
 *
 * What a network computes of each picture by frozen parameters alone (an expert's maps) can be run
 * apart, and once per picture: a method hands such nodes through oddi_build_frozen, and the same
 * build function then makes the whole network, its frozen part, or the rest of it.
 */
#ifndef ODDI_NN_BUILD_H
#define ODDI_NN_BUILD_H
#include "base/params.h"
#include "graph/graph.h"

#define ODDI_PHASES_MAX 4
#define ODDI_RESULTS_MAX 16
#define ODDI_FROZEN_MAX 8
#define ODDI_STAGE_SCORE (-1) /* the stage of a graph that scores */

enum oddi_build_part { ODDI_BUILD_WHOLE, ODDI_BUILD_FROZEN, ODDI_BUILD_REST };

struct oddi_geometry {
    int64_t channels, height, width;
};
struct oddi_phase {
    const char *name; /* static */
    const char *group;
    struct oddi_node *loss;
};
/* A node whose values the trainer, the method or the scorer reads after a run. */
struct oddi_result {
    const char *name; /* static */
    struct oddi_node *node;
};
/* A trained parameter and the node that computes its gradient. */
struct oddi_gradient {
    const struct oddi_node *param;
    struct oddi_node *grad;
};
struct oddi_build {
    struct oddi_graph graph;
    const struct oddi_values *values;
    struct oddi_geometry in;
    int64_t batch;
    int stage; /* of training, or ODDI_STAGE_SCORE */
    enum oddi_build_part part;
    struct oddi_node *image; /* (batch, C, H, W), the input */
    struct oddi_phase phase[ODDI_PHASES_MAX];
    int phases;
    struct oddi_result result[ODDI_RESULTS_MAX];
    int results;
    struct oddi_result frozen[ODDI_FROZEN_MAX]; /* in the order of making; none of WHOLE */
    int frozens;
    struct oddi_gradient *gradient; /* of the phases made so far */
    size_t gradients, gradients_capacity;
};

/* Also makes the input node "image". */
void oddi_build_init(struct oddi_build *b, struct odd_context *ctx,
                     const struct oddi_values *values, const struct oddi_geometry *in,
                     int64_t batch);
void oddi_build_release(struct oddi_build *b);

/* Ends the current phase: gradients of `loss` for every parameter of `group` made so far; nodes
 * made from now on belong to the next phase. */
void oddi_build_phase(struct oddi_build *b, const char *name, struct oddi_node *loss,
                      const char *group);
/* Marks (batch, ...) values of each picture alone, by frozen parameters alone; no gradient may go
 * through them in training, and all stages must mark the same ones. Returns what the rest of the
 * network is to read: the node, or with ODDI_BUILD_REST an input `name` of its shape in its place.
 */
struct oddi_node *oddi_build_frozen(struct oddi_build *b, const char *name, struct oddi_node *node);
/* After a method has built ODDI_BUILD_FROZEN: nothing else stays. */
odd_status oddi_build_keep_frozen(struct oddi_build *b);
/* Keeps the node's values readable under `name`. */
void oddi_build_result(struct oddi_build *b, const char *name, struct oddi_node *node);
/* NULL when there is no such result. */
struct oddi_node *oddi_build_find(const struct oddi_build *b, const char *name);
/* A parameter that a training state or a model holds; those of group "const" are the graph's own.
 */
bool oddi_build_holds(const struct oddi_node *node);
/* A value of the graph's own, never trained and in no model. */
struct oddi_node *oddi_build_constant(struct oddi_build *b, const char *name,
                                      struct oddi_shape shape, double value);
/* A scalar input of the plan that the trainer fills from the controller ("real-target"). */
struct oddi_node *oddi_build_scalar(struct oddi_build *b, const char *name);
#endif
