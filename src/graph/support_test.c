/* SPDX-License-Identifier: Apache-2.0
 * Helpers of the graph's tests (support_test.h). */
#include "graph/support_test.h"

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "base/rng.h"

struct oddi_shape test_s0(void)
{
    return oddi_shape_make(0, 1, 1, 1, 1);
}
struct oddi_shape test_s1(int64_t a)
{
    return oddi_shape_make(1, a, 1, 1, 1);
}
struct oddi_shape test_s2(int64_t a, int64_t b)
{
    return oddi_shape_make(2, a, b, 1, 1);
}
struct oddi_shape test_s4(int64_t n, int64_t c, int64_t h, int64_t w)
{
    return oddi_shape_make(4, n, c, h, w);
}

void test_random(uint64_t seed, int64_t count, float *data)
{
    struct oddi_rng rng;
    oddi_rng_init(&rng, seed, ODDI_RNG_TEST, 0, 0);
    for (int64_t i = 0; i < count; i++)
        data[i] = oddi_rng_normal(&rng);
}

struct oddi_node *test_param(struct oddi_graph *g, const char *name, struct oddi_shape shape,
                             float sd)
{
    return oddi_param(g, "net", name, shape, (struct oddi_init){ODDI_INIT_NORMAL, 0.0f, sd});
}

struct oddi_plan *test_plan(struct oddi_graph *g, enum oddi_type type, const char *mode)
{
    struct oddi_plan *plan = NULL;
    const struct oddi_plan_options options = {.type = type, .mode = mode, .threads = 2};
    odd_status status = oddi_plan_new(g->ctx, g, &options, &plan);
    if (status != ODD_OK)
        fail_msg("%s", odd_last_message(g->ctx));
    return plan;
}

void test_set_random(struct oddi_plan *plan, enum oddi_type type, const struct oddi_node *n,
                     uint64_t seed)
{
    static float narrow[1 << 14];
    static double wide[1 << 14];
    const int64_t count = oddi_shape_count(&n->shape);
    assert_true(count <= 1 << 14);
    test_random(seed, count, narrow);
    for (int64_t i = 0; i < count; i++)
        wide[i] = (double)narrow[i];
    const void *data = type == ODDI_F64 ? (const void *)wide : (const void *)narrow;
    assert_int_equal(oddi_plan_set(plan, n, data), ODD_OK);
}

void test_same(const struct oddi_plan *p, const struct oddi_node *a, const struct oddi_plan *q,
               const struct oddi_node *b, double tol)
{
    const float *x = oddi_plan_output(p, a), *y = oddi_plan_output(q, b);
    assert_non_null(x);
    assert_non_null(y);
    assert_true(oddi_shape_equal(&a->shape, &b->shape));
    const int64_t count = oddi_shape_count(&a->shape);
    double largest = 0.0;
    for (int64_t i = 0; i < count; i++)
        largest = fmax(largest, fabs((double)y[i]));
    for (int64_t i = 0; i < count; i++)
        if (!(fabs((double)x[i] - (double)y[i]) <= tol * largest))
            fail_msg("%s[%d]: %g is not %g", a->name, (int)i, (double)x[i], (double)y[i]);
}

int test_count(const struct oddi_graph *g, const char *op)
{
    int count = 0;
    for (int i = 0; i < g->count; i++)
        count += g->node[i]->op && strcmp(g->node[i]->op->name, op) == 0;
    return count;
}
