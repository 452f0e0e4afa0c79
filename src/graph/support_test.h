/* SPDX-License-Identifier: Apache-2.0
 * What the tests of this folder share: shapes in short, random numbers, plans of one line. */
#ifndef ODDI_GRAPH_SUPPORT_TEST_H
#define ODDI_GRAPH_SUPPORT_TEST_H
#include "graph/plan.h"

struct oddi_shape test_s0(void);
struct oddi_shape test_s1(int64_t a);
struct oddi_shape test_s2(int64_t a, int64_t b);
struct oddi_shape test_s4(int64_t n, int64_t c, int64_t h, int64_t w);

/* `count` draws of N(0, 1), a function of `seed`. */
void test_random(uint64_t seed, int64_t count, float *data);
/* A normal parameter of group "net". */
struct oddi_node *test_param(struct oddi_graph *g, const char *name, struct oddi_shape shape,
                             float sd);
/* A plan on `mode` without bindings; fails the test on any error. */
struct oddi_plan *test_plan(struct oddi_graph *g, enum oddi_type type, const char *mode);
/* Sets an input or parameter of a plan of either type to draws of `seed`. */
void test_set_random(struct oddi_plan *plan, enum oddi_type type, const struct oddi_node *n,
                     uint64_t seed);
/* Fails where the two nodes' values differ by more than tol times the largest of them. */
void test_same(const struct oddi_plan *p, const struct oddi_node *a, const struct oddi_plan *q,
               const struct oddi_node *b, double tol);
/* How many nodes of op `op` the graph has. */
int test_count(const struct oddi_graph *g, const char *op);
#endif
