/* SPDX-License-Identifier: Apache-2.0
 *
 * A row of op_cases.def made concrete for one batch: shapes, attributes and values.
 */
#ifndef TESTS_OP_CASE_H
#define TESTS_OP_CASE_H
#include "graph/graph.h"

/* The result joins the pictures of the batch, so a picture alone has other values. */
#define OP_JOINS (1u << 0)

struct op_case {
    const char *op, *sources, *attributes; /* text, as op_cases.def explains */
    unsigned grad;                         /* sources with a gradient, 1u << index */
    double bound;                          /* of |kernel - ref| / max |ref|, float */
    unsigned flags;
    int line;
};
extern const struct op_case op_cases[];   /* ends with op NULL */
extern const struct op_case op_refused[]; /* rows that shape() must refuse; ends the same */

struct op_setup {
    const struct op_case *row;
    struct odd_context *ctx;
    int64_t batch;
    int src_count;
    struct oddi_shape src[ODDI_MAX_SRC], dst;
    char kind[ODDI_MAX_SRC];
    struct oddi_attr attr;
    bool in_place;
    double *value[ODDI_MAX_SRC]; /* plain; each is a float's value */
    double *wanted;              /* what ref computes in double */
};
/* Whether a source grows with the batch (has an N). */
bool op_case_has_batch(const struct op_case *row);
/* Shapes and attributes only. Returns false for text that is no row. */
bool op_setup_parse(struct op_setup *s, const struct op_case *row, int64_t batch);
/* The node, in a graph of its caller, with inputs as sources; NULL when refused. */
struct oddi_node *op_setup_node(const struct op_setup *s, struct oddi_graph *g,
                                struct oddi_node *src[ODDI_MAX_SRC]);
/* Everything. The values of picture n are the same in every batch that has it. */
odd_status op_setup_init(struct op_setup *s, struct odd_context *ctx, const struct op_case *row,
                         int64_t batch);
void op_setup_release(struct op_setup *s);
/* The values of source i alone: uniform, or as its kind says; NULL without memory. */
void op_setup_values(const struct op_setup *s, int i, double *values);
#endif
