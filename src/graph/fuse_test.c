/* SPDX-License-Identifier: Apache-2.0
 * Fusion: each rule, what it must leave alone, and equal results with and without it. */
#include "graph/support_test.h"

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

struct fuse_test {
    struct oddi_graph g;
    struct oddi_node *x, *out[8];
    int outs;
};

static struct oddi_node *fuse_test_norm(struct oddi_graph *g, struct oddi_node *x, const char *name,
                                        int mode)
{
    char full[3][32];
    static const char *const part[] = {"gamma", "beta", "stats"};
    for (int i = 0; i < 3; i++)
        snprintf(full[i], sizeof(full[i]), "%s.%s", name, part[i]);
    const int64_t c = x ? x->shape.dim[1] : 1;
    struct oddi_node *gamma =
        oddi_param(g, "net", full[0], test_s1(c), (struct oddi_init){ODDI_INIT_NORMAL, 1.0f, 0.3f});
    struct oddi_node *beta = test_param(g, full[1], test_s1(c), 0.3f);
    struct oddi_node *stats = oddi_param(g, "net.stats", full[2], test_s2(2, c),
                                         (struct oddi_init){ODDI_INIT_UNIFORM, 0.2f, 1.5f});
    return oddi_batchnorm(g, x, mode == 0 ? stats : oddi_bn_stats(g, x), gamma, beta, 1e-5);
}

static void fuse_test_out(struct fuse_test *t, struct oddi_node *n)
{
    oddi_output(&t->g, n, NULL);
    t->out[t->outs++] = n;
}

/* Encoder and decoder; mode 0: given statistics, 1: those of the batch, with gradients. */
static void fuse_test_build(struct fuse_test *t, struct odd_context *ctx, int mode)
{
    struct oddi_graph *g = &t->g;
    const int64_t hw[2] = {8, 8};
    memset(t, 0, sizeof(*t));
    oddi_graph_init(g, ctx);
    t->x = oddi_input(g, "x", test_s4(3, 3, 8, 8));
    struct oddi_node *w1 = test_param(g, "w1", test_s4(16, 3, 3, 3), 0.3f);
    struct oddi_node *w2 = test_param(g, "w2", test_s4(24, 16, 4, 4), 0.1f);
    struct oddi_node *w3 = test_param(g, "w3", test_s4(24, 16, 4, 4), 0.1f);
    struct oddi_node *w4 = test_param(g, "w4", test_s4(1, 16, 8, 8), 0.1f);
    struct oddi_node *b1 = test_param(g, "b1", test_s1(16), 0.3f);
    struct oddi_node *b2 = test_param(g, "b2", test_s1(24), 0.3f);
    struct oddi_node *y = oddi_act(g, oddi_bias(g, oddi_conv2d(g, t->x, w1, NULL, 1, 1), b1), 0.2);
    y = oddi_bias(g, oddi_conv2d(g, y, w2, NULL, 2, 1), b2);
    y = oddi_act(g, fuse_test_norm(g, y, "n2", mode), 0.0);
    y = oddi_conv2d_bwd_data(g, oddi_stop(g, y), w3, 2, 1, hw);
    y = oddi_act(g, fuse_test_norm(g, y, "n3", mode), 0.1);
    struct oddi_node *logit = oddi_conv2d(g, y, w4, NULL, 1, 0);
    struct oddi_node *rows = oddi_reshape(g, logit, test_s2(3, 1));
    rows = oddi_act(g, oddi_bias(g, rows, test_param(g, "b4", test_s1(1), 1.0f)), 0.2);
    fuse_test_out(t, y);
    fuse_test_out(t, rows);
    if (mode == 1) {
        struct oddi_node *gamma = oddi_find_node(g, "n3.gamma"), *b4 = oddi_find_node(g, "b4");
        struct oddi_node *target[] = {w4, w3, gamma, b4}, *grad[4];
        oddi_graph_grad(g, oddi_sum(g, oddi_mul(g, rows, rows)), 4, target, grad);
        for (int i = 0; i < 4; i++)
            fuse_test_out(t, grad[i]);
    }
    assert_int_equal(oddi_graph_status(g), ODD_OK);
}

static void fuse_test_agree(struct odd_context *ctx, int mode, const char *kernels)
{
    struct fuse_test t, u;
    fuse_test_build(&t, ctx, mode);
    fuse_test_build(&u, ctx, mode);
    assert_int_equal(oddi_graph_fuse(&t.g), ODD_OK);
    for (int i = 0; i < t.g.count; i++) {
        assert_int_equal(t.g.node[i]->id, i);
        for (int s = 0; s < t.g.node[i]->src_count; s++)
            assert_true(t.g.node[i]->src[s]->id >= 0 && t.g.node[i]->src[s]->id < i);
    }
    struct oddi_plan *p = test_plan(&t.g, ODDI_F32, kernels),
                     *q = test_plan(&u.g, ODDI_F32, kernels);
    for (uint64_t run = 0; run < 3; run++) {
        for (int i = 0; i < u.g.count; i++) { /* new parameters each time: foldings must follow */
            const struct oddi_node *n = u.g.node[i], *m = oddi_find_node(&t.g, n->name);
            if (!(n->flags & ODDI_NODE_PARAM) || n->name[0] != 'w')
                continue;
            test_set_random(p, ODDI_F32, m, run);
            test_set_random(q, ODDI_F32, n, run);
        }
        test_set_random(p, ODDI_F32, t.x, 10 + run);
        test_set_random(q, ODDI_F32, u.x, 10 + run);
        assert_int_equal(oddi_plan_run(p), ODD_OK);
        assert_int_equal(oddi_plan_run(q), ODD_OK);
        for (int i = 0; i < t.outs; i++)
            test_same(p, t.out[i], q, u.out[i], 1e-5);
    }
    oddi_plan_free(p);
    oddi_plan_free(q);
    oddi_graph_release(&t.g);
    oddi_graph_release(&u.g);
}

static void test_agree(void **state)
{
    static const char *const kernels[] = {"ref", "simd", "best"};
    for (size_t k = 0; k < ODDI_COUNT(kernels); k++) {
        fuse_test_agree(*state, 0, kernels[k]);
        fuse_test_agree(*state, 1, kernels[k]);
    }
}

static void test_what_is_left(void **state)
{
    struct fuse_test t;
    fuse_test_build(&t, *state, 0);
    assert_int_equal(oddi_graph_fuse(&t.g), ODD_OK);
    assert_int_equal(
        test_count(&t.g, "act") + test_count(&t.g, "batchnorm") + test_count(&t.g, "stop"), 0);
    assert_int_equal(test_count(&t.g, "bias"), 1); /* of rows, after no convolution */
    assert_int_equal(test_count(&t.g, "conv2d"), 3);
    assert_int_equal(test_count(&t.g, "conv2d_bwd_data"), 1);
    assert_int_equal(test_count(&t.g, "fold_bn_w"), 2);
    assert_int_equal(test_count(&t.g, "fold_bn_b"), 2);
    oddi_graph_release(&t.g);
    fuse_test_build(&t, *state, 1);
    assert_int_equal(oddi_graph_fuse(&t.g), ODD_OK);
    assert_int_equal(test_count(&t.g, "act"), 0);
    assert_int_equal(test_count(&t.g, "batchnorm"), 2);
    assert_int_equal(test_count(&t.g, "fold_bn_w"), 0);
    assert_int_equal(test_count(&t.g, "bias"), 1);
    oddi_graph_release(&t.g);
}

/* Each reason alone keeps conv and act apart. */
static void test_left_alone(void **state)
{
    for (int reason = 0; reason < 5; reason++) {
        struct oddi_graph g;
        oddi_graph_init(&g, *state);
        struct oddi_node *x = oddi_input(&g, "x", test_s4(1, 3, 4, 4));
        struct oddi_node *w = test_param(&g, "w", test_s4(8, 3, 3, 3), 1.0f);
        struct oddi_node *y = oddi_conv2d(&g, x, w, NULL, 1, 1);
        if (reason == 1)
            oddi_output(&g, y, NULL);
        if (reason == 2)
            g.phase = 1;
        struct oddi_node *z = oddi_act(&g, y, 0.2);
        if (reason == 3)
            z = oddi_add(&g, z, y);
        if (reason == 4)
            y->flags |= ODDI_NODE_KEPT; /* as if it were a gradient */
        oddi_output(&g, z, NULL);
        assert_int_equal(oddi_graph_fuse(&g), ODD_OK);
        assert_int_equal(test_count(&g, "act"), reason == 0 ? 0 : 1);
        assert_int_equal(test_count(&g, "conv2d"), 1);
        oddi_graph_release(&g);
    }
}

/* Statistics that the same graph updates are no constants. */
static void test_written_stats(void **state)
{
    struct oddi_graph g;
    oddi_graph_init(&g, *state);
    struct oddi_node *x = oddi_input(&g, "x", test_s4(2, 3, 4, 4));
    struct oddi_node *y =
        oddi_conv2d(&g, x, test_param(&g, "w", test_s4(8, 3, 3, 3), 1.0f), NULL, 1, 1);
    struct oddi_node *z = fuse_test_norm(&g, y, "n", 0);
    oddi_bn_running(&g, oddi_find_node(&g, "n.stats"), oddi_bn_stats(&g, oddi_scale(&g, x, 1.0)),
                    0.1, 32);
    assert_int_equal(oddi_graph_status(&g), ODD_ESHAPE); /* 3 channels are not 8 */
    oddi_graph_release(&g);
    oddi_graph_init(&g, *state);
    x = oddi_input(&g, "x", test_s4(2, 3, 4, 4));
    y = oddi_conv2d(&g, x, test_param(&g, "w", test_s4(3, 3, 3, 3), 1.0f), NULL, 1, 1);
    z = fuse_test_norm(&g, y, "n", 0);
    oddi_bn_running(&g, oddi_find_node(&g, "n.stats"), oddi_bn_stats(&g, x), 0.1, 32);
    oddi_output(&g, oddi_act(&g, z, 0.2), NULL);
    assert_int_equal(oddi_graph_fuse(&g), ODD_OK);
    assert_int_equal(test_count(&g, "batchnorm"), 1);
    assert_int_equal(test_count(&g, "act"), 1); /* batchnorm must run before bn_running */
    assert_int_equal(test_count(&g, "bn_running"), 1);
    oddi_graph_release(&g);
}

static int fuse_test_setup(void **state)
{
    return odd_context_new((struct odd_context **)state) == ODD_OK ? 0 : -1;
}
static int fuse_test_teardown(void **state)
{
    odd_context_free(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_left),
        cmocka_unit_test(test_left_alone),
        cmocka_unit_test(test_written_stats),
        cmocka_unit_test(test_agree),
    };
    return cmocka_run_group_tests(tests, fuse_test_setup, fuse_test_teardown);
}
