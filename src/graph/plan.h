/* SPDX-License-Identifier: Apache-2.0
 *
 * A plan: a graph with kernels chosen, layouts settled and memory laid out, ready to run many
 * times without allocating. It borrows parameters (and the places of their gradients) from a
 * training state or a model; what it derives from parameters alone is renewed by version number.
 * A plan belongs to one thread at a time. The graph must outlive it.
 *
 * Phases. A run is the phases 0, 1, .. once each, in order; between two of them the caller may
 * change bound parameters and raise their versions. A phase reads parameters, and what is derived
 * from them alone, as they are now; activations of earlier phases it reads as they were computed.
 * Inputs are filled before phase 0; only scalars may change later.
 *
 * Within a phase nodes run in the order in which they were made, so a node made after bn_running
 * reads the new running statistics. A plan that has written over a bound parameter leaves raising
 * its version to the caller, for the sake of other plans.
 */
#ifndef ODDI_GRAPH_PLAN_H
#define ODDI_GRAPH_PLAN_H
#include "graph/graph.h"

struct oddi_plan;

/* Memory of the caller for one node, plain and 64-byte aligned: a parameter with its version, which
 * the caller raises after each change (NULL: it may change any time); an input; or the place where
 * a result, an output or gradient, is written in every run of its phase. */
struct oddi_binding {
    struct oddi_node *node;
    void *data;
    const uint64_t *version;
};
struct oddi_plan_options {
    enum oddi_type type; /* F32, or F64 (reference kernels only) */
    const char *mode;    /* kernel sets: "best" (also NULL), "exact", "simd", "ref" */
    int threads;
    bool check_numerics; /* stop at the first node with a NaN or infinity */
    const struct oddi_binding *binding;
    int binding_count;
};
/* Parameters that are not bound belong to the plan and start as their init says (seed 0). */
odd_status oddi_plan_new(struct odd_context *ctx, struct oddi_graph *graph,
                         const struct oddi_plan_options *options, struct oddi_plan **plan);
void oddi_plan_free(struct oddi_plan *plan);

/* Copies plain values in: inputs, and parameters that are not bound. What the plan does not need is
 * ignored. */
odd_status oddi_plan_set(struct oddi_plan *plan, const struct oddi_node *node, const void *data);
/* Address of an input (not of a parameter, whose changes must be noticed), to be filled in place.
 */
void *oddi_plan_input(struct oddi_plan *plan, const struct oddi_node *node);
/* Plain values of an output (or bound, input, parameter) node after a run; valid until the next. */
const void *oddi_plan_output(const struct oddi_plan *plan, const struct oddi_node *node);
odd_status oddi_plan_get(struct oddi_plan *plan, const struct oddi_node *node, void *data);

/* Runs the nodes of one phase, or all with phase -1. */
odd_status oddi_plan_run_phase(struct oddi_plan *plan, int phase);
odd_status oddi_plan_run(struct oddi_plan *plan);

/* Bytes of activations, scratch and kept copies; with the parameters it owns. */
size_t oddi_plan_memory(const struct oddi_plan *plan);
/* Hash of the kernel names in order: part of what makes bits equal. */
uint64_t oddi_plan_kernels_hash(const struct oddi_plan *plan);

/* One visit per step, in order: for trace and profiling. Values are plain copies made for it. */
struct oddi_plan_step_info {
    const char *node, *op, *kernel;
    const struct oddi_shape *shape;
    int phase;
    double flop, bytes;    /* of one run, on paper (cost.c) */
    double nanoseconds;    /* total over the profiled runs */
    double min, max, mean; /* of the last traced run */
    int64_t nan_count;
};
odd_status oddi_plan_trace(struct oddi_plan *plan,
                           void (*fn)(void *user, const struct oddi_plan_step_info *info),
                           void *user);
/* From now on each step's time is added up; shown by oddi_plan_profile_visit. */
void oddi_plan_profile(struct oddi_plan *plan, bool on);
void oddi_plan_profile_visit(const struct oddi_plan *plan,
                             void (*fn)(void *user, const struct oddi_plan_step_info *info),
                             void *user);

/* Multiplications and additions of a product's formula, 0 for what is bound by memory; bytes of
 * sources and result. */
double oddi_task_flop(const struct oddi_task *task);
double oddi_task_bytes(const struct oddi_task *task);

/* Fills `count` floats of a parameter as its init says: a function of seed, name and place. */
void oddi_init_fill(const struct oddi_init *init, uint64_t seed, const char *name,
                    const struct oddi_shape *shape, float *data);
#endif
