/* SPDX-License-Identifier: Apache-2.0
 * The inside of a plan, shared by plan.c (choice of kernels and layouts), memory.c (placement)
 * and run.c (running, tracing). */
#ifndef ODDI_GRAPH_PLAN_INT_H
#define ODDI_GRAPH_PLAN_INT_H
#include "graph/plan.h"

/* A stored tensor: a node's result in one layout. */
struct plan_value {
    struct oddi_shape shape;
    enum oddi_layout layout;
    size_t size;               /* bytes, multiple of 64 */
    int first, last;           /* steps between which it must stay */
    bool lasting;              /* inputs, parameters, outputs, values of parameters alone */
    bool fixed;                /* function of parameters with known versions only */
    uint64_t version;          /* of a fixed value, as last computed; 0: never */
    const uint64_t *source;    /* version of a bound parameter */
    struct oddi_buffer buffer; /* where it is: the plan's block or the caller's memory */
    size_t offset;
    bool external;
};
struct plan_step {
    struct oddi_task task;
    const struct oddi_kernel *kernel;
    const struct oddi_node *node;
    int src[ODDI_MAX_SRC], dst; /* values */
    int phase;                  /* rises with the steps */
    size_t keep_size;
    double nanoseconds;
};
struct oddi_plan {
    struct odd_context *ctx;
    struct oddi_graph *graph;
    struct oddi_plan_options options;
    const struct oddi_kernel_set *sets[8];
    struct plan_value *value;
    size_t value_count, value_capacity;
    struct plan_step *step;
    size_t step_count, step_capacity;
    int (*of_node)[3]; /* value of each node per layout, -1: none */
    int *made_as;      /* value that the node's own step writes */
    struct oddi_buffer activations, scratch, keep;
    size_t scratch_need;
    int building; /* phase of the steps being made */
    bool profile;
    uint64_t (*clock)(void); /* of the profile, ns; NULL: the monotonic one */
};
/* Lays out activations by lifetime, the kept copies and the scratch block; fills the tasks. */
odd_status oddi_plan_place(struct oddi_plan *plan);
#endif
