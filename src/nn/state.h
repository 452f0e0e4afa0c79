/* SPDX-License-Identifier: Apache-2.0
 *
 * The training state: it owns what training changes (parameters, running statistics, gradients,
 * moments, averages); plans borrow it. Each group is one contiguous block, so an update or a sum
 * over processes is one call. Tensors lie plain, each at a multiple of 64 bytes; the gaps are zero
 * and stay zero.
 */
#ifndef ODDI_NN_STATE_H
#define ODDI_NN_STATE_H
#include "base/alloc.h"
#include "graph/plan.h"
#include "nn/build.h"

#define ODDI_GROUPS_MAX 8

struct oddi_state_param {
    const char *name;
    struct oddi_shape shape;
    struct oddi_init init;
    int group;
    size_t offset; /* floats from the start of its group */
};
struct oddi_group {
    const char *name;
    bool trained;                            /* has gradients and moments */
    size_t count;                            /* floats */
    float *weights, *grad, *m, *v, *average; /* average only when kept */
    int64_t updates;                         /* since the moments were zero */
    uint64_t version;                        /* raised with every change of the weights */
};
struct oddi_state {
    struct odd_context *ctx;
    struct oddi_arena arena;
    struct oddi_state_param *param;
    size_t params, capacity;
    struct oddi_group group[ODDI_GROUPS_MAX];
    int groups;
    bool averages;
};

void oddi_state_init(struct oddi_state *s, struct odd_context *ctx);
void oddi_state_release(struct oddi_state *s);
/* Adds the parameters of a graph that are not there yet; a known name must have the same shape.
 * Only before oddi_state_start. */
odd_status oddi_state_declare(struct oddi_state *s, const struct oddi_graph *g);
/* Takes memory and fills every parameter as its init says; `averages` also keeps a running average
 * of the trained weights. */
odd_status oddi_state_start(struct oddi_state *s, uint64_t seed, bool averages);
struct oddi_group *oddi_state_group(struct oddi_state *s, const char *name); /* NULL: none */
const struct oddi_state_param *oddi_state_find(const struct oddi_state *s, const char *name);
float *oddi_state_weights(const struct oddi_state *s, const struct oddi_state_param *p);
/* Forgets the moments of a group (a new optimiser for it). */
void oddi_state_restart(struct oddi_group *group);

/* Bindings of a graph's parameters to this state's weights, and of its gradients to this state's
 * gradients. *binding is freed by the caller. */
odd_status oddi_state_bind(struct oddi_state *s, const struct oddi_build *b,
                           struct oddi_binding **binding, int *count);
/* Fuses the graph, binds it to this state and plans it; `how` says all but the bindings. */
odd_status oddi_state_plan(struct oddi_state *s, struct oddi_build *b,
                           const struct oddi_plan_options *how, struct oddi_plan **plan);
#endif
