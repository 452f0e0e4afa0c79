/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs one kernel on one setup as a plan would (layouts, accepts, prepare, run, done), with memory
 * of its own: every argument stands between guard zones, and dst and scratch are full of garbage
 * (NaN) before each run.
 */
#ifndef TESTS_OP_KERNEL_H
#define TESTS_OP_KERNEL_H
#include "op_case.h"

/* Sets to test: those of this processor, each instruction set apart. NULL-terminated. */
#define OP_SETS_MOST 16
struct op_set {
    const struct oddi_kernel_set *set;
    char name[32];
};
int op_sets(struct op_set sets[OP_SETS_MOST]);

struct op_layouts {
    enum oddi_layout src[ODDI_MAX_SRC], dst;
};
/* All legal ways to produce the sources (and, of a reorder, to ask for the result): calls of
 * op_layouts_next with *code from 0 until it returns false. */
bool op_layouts_next(const struct op_setup *s, int *code, struct op_layouts *produced);

struct op_block { /* one argument's memory */
    struct oddi_buffer buffer;
    size_t size; /* of the argument, which begins at OP_GUARD */
};
struct op_run {
    struct odd_context *ctx;
    const struct oddi_kernel *kernel;
    const struct op_setup *setup;
    struct oddi_task task;
    struct op_block src[ODDI_MAX_SRC], dst, scratch, keep;
    bool prepared;
};
enum op_choice { OP_DECLINED, OP_ACCEPTED, OP_WRONG };
/* What the kernel makes of produced layouts: those that it wants in `wanted`. OP_WRONG: it chose
 * layouts that the shapes do not have. */
enum op_choice op_kernel_choose(const struct oddi_kernel *kernel, const struct op_setup *s,
                                enum oddi_type type, const struct op_layouts *produced,
                                struct op_layouts *wanted);
odd_status op_run_init(struct op_run *r, const struct oddi_kernel *kernel, const struct op_setup *s,
                       enum oddi_type type, const struct op_layouts *wanted, int threads);
/* One more run from clean memory. ODD_EBUG if a guard zone or a source was changed. */
odd_status op_run_go(struct op_run *r);
/* Replaces the values of one source and gives it a version (see backend.h). */
void op_run_source(struct op_run *r, int i, const double *values, uint64_t version);
/* The result as it lies there (bytes of r->dst.size), and plain in double. */
const void *op_run_bytes(const struct op_run *r);
void op_run_values(const struct op_run *r, double *plain);
void op_run_release(struct op_run *r);
#endif
