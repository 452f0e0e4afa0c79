/* SPDX-License-Identifier: Apache-2.0
 *
 * Every family against PyTorch (tests/golden/nets.safetensors; what is in it and how it is made:
 * tools/make-golden-nets.py), fused and not, and the recognition of networks by their tensors.
 */
#include "nn/support_test.h"

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nn/nets/nets.h"
#include "../tests/support/golden.h"

#define GOLDEN_FILE ODDI_SOURCE_DIR "/tests/golden/nets.safetensors"
#define GOLDEN_BOUND 1e-4 /* relative L2 */

/* ---- one network built, filled and run ---- */

struct golden_net {
    const struct oddi_net *net;
    struct oddi_build b;
    struct oddi_node *tap[ODDI_NET_TAPS_MAX], *scores;
    struct oddi_plan *plan;
};

static void golden_build(struct golden_net *n, double width, const int64_t dim[4], bool scores)
{
    const struct oddi_geometry in = {dim[1], dim[2], dim[3]};
    const struct oddi_net_use use = {"expert", "expert.", n->net->taps - 1, scores, width};
    oddi_build_init(&n->b, golden_ctx, NULL, &in, dim[0]);
    struct oddi_node *last = oddi_net_build(&n->b, n->net, &use, n->b.image, n->tap);
    nn_test_ok(golden_ctx, oddi_graph_status(&n->b.graph));
    n->scores = scores ? last : NULL;
    for (int i = 0; i < n->net->taps; i++)
        oddi_output(&n->b.graph, n->tap[i], NULL);
    oddi_output(&n->b.graph, last, NULL);
}

static void golden_fill(struct golden_net *n)
{
    const size_t prefix = strlen("expert.");
    for (int i = 0; i < n->b.graph.count; i++) {
        const struct oddi_node *node = n->b.graph.node[i];
        int64_t count = 0;
        char name[2 * ODDI_NET_NAME];
        if (!(node->flags & ODDI_NODE_PARAM))
            continue;
        assert_true(node->flags & ODDI_NODE_FROZEN);
        snprintf(name, sizeof(name), "%s/w/%s", n->net->name, node->name + prefix);
        const struct oddi_st_tensor *t = golden_find("", name);
        if (!t)
            fail_msg("PyTorch has no %s", name);
        float *values = golden_values(t, &count);
        assert_int_equal(t->rank, node->shape.rank);
        for (int k = 0; k < t->rank; k++)
            assert_int_equal(t->dim[k], node->shape.dim[k]);
        nn_test_ok(golden_ctx, oddi_plan_set(n->plan, node, values));
        free(values);
    }
}

static void golden_compare(const struct golden_net *n, const struct oddi_node *node,
                           const char *what)
{
    int64_t count = 0;
    double off = 0, size = 0;
    char name[96];
    snprintf(name, sizeof(name), "%s/%s", n->net->name, what);
    float *want = golden_tensor(golden, "", name, &count);
    const float *got = oddi_plan_output(n->plan, node);
    assert_non_null(got);
    assert_int_equal(count, oddi_shape_count(&node->shape));
    for (int64_t i = 0; i < count; i++) {
        off += ((double)got[i] - (double)want[i]) * ((double)got[i] - (double)want[i]);
        size += (double)want[i] * (double)want[i];
    }
    free(want);
    if (!(sqrt(off) <= GOLDEN_BOUND * sqrt(size)))
        fail_msg("%s is off by %.3g", name, sqrt(off / size));
}

static void golden_run(const char *name, double width, const char *mode, bool fuse)
{
    struct golden_net n = {.net = oddi_net_find(name)};
    const struct oddi_plan_options options = {.mode = mode, .threads = 2};
    const struct oddi_st_tensor *t = golden_find("", "input");
    int64_t count = 0;
    char key[96];
    assert_non_null(n.net);
    float *input = golden_values(t, &count);
    snprintf(key, sizeof(key), "%s/scores", name);
    golden_build(&n, width, t->dim, oddi_safetensors_find(golden, key) != NULL);
    if (fuse)
        nn_test_ok(golden_ctx, oddi_graph_fuse(&n.b.graph));
    for (int i = 0; fuse && i < n.b.graph.count; i++) /* no normalisation is left */
        assert_true(!n.b.graph.node[i]->op ||
                    strcmp(n.b.graph.node[i]->op->name, "batchnorm") != 0);
    nn_test_ok(golden_ctx, oddi_plan_new(golden_ctx, &n.b.graph, &options, &n.plan));
    golden_fill(&n);
    nn_test_ok(golden_ctx, oddi_plan_set(n.plan, n.b.image, input));
    nn_test_ok(golden_ctx, oddi_plan_run(n.plan));
    for (int i = 0; i < n.net->taps; i++) {
        snprintf(key, sizeof(key), "tap/%d", i);
        golden_compare(&n, n.tap[i], key);
    }
    if (n.scores)
        golden_compare(&n, n.scores, "scores");
    oddi_plan_free(n.plan);
    oddi_build_release(&n.b);
    free(input);
}

static void test_taps_are_pytorchs(void **state)
{
    (void)state;
    for (size_t i = 0; i < oddi_safetensors_meta_count(golden); i++) {
        const struct oddi_st_meta *m = oddi_safetensors_meta_at(golden, i);
        const double width = strtod(m->value, NULL);
        golden_run(m->key, width, "best", true);
        golden_run(m->key, width, "best", false);
        golden_run(m->key, width, "simd", true);
        golden_run(m->key, width, "ref", true);
    }
    assert_true(oddi_safetensors_meta_count(golden) >= 9);
}

/* Without a classifier what is deeper than the deepest tap wanted is not built. */
static void test_depth(void **state)
{
    (void)state;
    for (int k = 0; oddi_net_at(k); k++) {
        const struct oddi_net *net = oddi_net_at(k);
        int params = 0;
        for (int deepest = 0; deepest < net->taps; deepest++) {
            const struct oddi_geometry in = {3, 64, 64};
            const struct oddi_net_use use = {"expert", "", deepest, false, 1.0};
            struct oddi_node *tap[ODDI_NET_TAPS_MAX];
            struct oddi_build b;
            int now = 0;
            oddi_build_init(&b, golden_ctx, NULL, &in, 1);
            const struct oddi_node *last = oddi_net_build(&b, net, &use, b.image, tap);
            nn_test_ok(golden_ctx, oddi_graph_status(&b.graph));
            assert_ptr_equal(last, tap[deepest]);
            assert_int_equal(last->id, b.graph.count - 1);
            assert_null(tap[deepest + 1]);
            assert_true(deepest == 0 || tap[deepest - 1]->shape.dim[2] > last->shape.dim[2]);
            for (int i = 0; i < b.graph.count; i++)
                now += (b.graph.node[i]->flags & ODDI_NODE_PARAM) != 0;
            assert_true(now > params);
            params = now;
            oddi_build_release(&b);
        }
    }
}

static void test_impossible_pictures(void **state)
{
    static const struct oddi_geometry in[] = {{1, 64, 64}, {3, 4, 64}, {3, 64, 64}};
    (void)state;
    for (size_t i = 0; i < ODDI_COUNT(in); i++) {
        const struct oddi_net_use use = {"expert", "", 4, true, 1.0};
        struct oddi_node *tap[ODDI_NET_TAPS_MAX];
        struct oddi_build b;
        oddi_build_init(&b, golden_ctx, NULL, &in[i], 1);
        assert_null(oddi_net_build(&b, oddi_net_find("vgg16"), &use, b.image, tap));
        assert_int_equal(oddi_graph_status(&b.graph), ODD_ESHAPE);
        oddi_build_release(&b);
    }
    assert_null(oddi_net_find("vgg17"));
    assert_null(oddi_net_find(NULL));
    assert_null(oddi_net_at(-1));
}

/* ---- recognition ---- */

/* Known sizes of the published files, which torchvision and timm state. */
static void test_parameter_counts(void **state)
{
    static const struct {
        const char *name;
        int64_t count;
    } known[] = {{"vgg11", 132863336},
                 {"vgg13", 133047848},
                 {"vgg16", 138357544},
                 {"vgg19", 143667240},
                 {"vgg16_bn", 138365992},
                 {"squeezenet1_0", 1248424},
                 {"squeezenet1_1", 1235496},
                 {"resnet18", 11689512},
                 {"resnet34", 21797672},
                 {"resnet50", 25557032},
                 {"wide_resnet50_2", 68883240},
                 {"mobilenet_v2", 3504872},
                 {"tf_efficientnet_lite0", 4652008},
                 {"tf_efficientnet_lite1", 5416680},
                 {"tf_efficientnet_lite2", 6092072},
                 {"tf_efficientnet_lite3", 8197096},
                 {"tf_efficientnet_lite4", 13006568}};
    (void)state;
    for (size_t i = 0; i < ODDI_COUNT(known); i++) {
        struct oddi_net_tensor *list = NULL;
        size_t count = 0;
        int64_t sum = 0;
        nn_test_ok(golden_ctx,
                   oddi_net_tensors(golden_ctx, oddi_net_find(known[i].name), &list, &count));
        for (size_t k = 0; k < count; k++)
            if (!strstr(list[k].name, ".running_"))
                sum += oddi_shape_count(&list[k].shape);
        if (sum != known[i].count)
            fail_msg("%s has %lld parameters, not %lld", known[i].name, (long long)sum,
                     (long long)known[i].count);
        oddi_free(golden_ctx, list);
    }
}

/* A file of the network's tensors under a prefix, in reverse order, with what else lies about. */
struct recognise_file {
    struct oddi_net_tensor *own, *list;
    char (*name)[ODDI_NET_NAME];
    size_t count;
};
static void recognise_make(struct recognise_file *f, const char *net, const char *prefix,
                           bool heads)
{
    size_t count = 0;
    nn_test_ok(golden_ctx, oddi_net_tensors(golden_ctx, oddi_net_find(net), &f->own, &count));
    f->list = calloc(count + 4, sizeof(*f->list));
    f->name = calloc(count + 4, sizeof(*f->name));
    assert_true(f->list && f->name);
    f->count = 0;
    for (size_t i = count; i-- > 0;) {
        const size_t k = f->count;
        if ((f->own[i].head && !heads) || !oddi_net_file_name(prefix, f->own[i].name, f->name[k]))
            continue;
        f->list[k] = (struct oddi_net_tensor){f->name[k], f->own[i].shape, false};
        f->count++;
    }
    f->list[f->count++] = (struct oddi_net_tensor){"some.num_batches_tracked", {.rank = 0}, false};
}
static void recognise_end(struct recognise_file *f)
{
    oddi_free(golden_ctx, f->own);
    free(f->list);
    free(f->name);
}
static void recognise_expect(const char *net, const char *prefix, bool heads)
{
    struct recognise_file f;
    struct oddi_net_match match = {0};
    recognise_make(&f, net, prefix, heads);
    nn_test_ok(golden_ctx, oddi_net_recognise(golden_ctx, f.list, f.count, NULL, &match));
    assert_string_equal(match.net->name, net);
    assert_string_equal(match.prefix, prefix);
    assert_int_equal(match.classifier, heads);
    assert_int_equal(match.unknown, 0);
    recognise_end(&f);
}

static void test_networks_are_recognised(void **state)
{
    (void)state;
    for (int i = 0; oddi_net_at(i); i++) {
        recognise_expect(oddi_net_at(i)->name, "", true);
        recognise_expect(oddi_net_at(i)->name, i % 2 ? "module." : "backbone.", false);
    }
    recognise_expect("resnet18", "features.", true);
    recognise_expect("vgg16", "-features.", false);
    recognise_expect("squeezenet1_1", "module.-features.", false);
}

/* The file is refused, with `says` in the message. */
static void recognise_refuse(const struct recognise_file *f, const char *net, const char *says)
{
    struct oddi_net_match match = {0};
    const odd_status status = oddi_net_recognise(golden_ctx, f->list, f->count, net, &match);
    if (status != ODD_EFORMAT || !strstr(odd_last_message(golden_ctx), says))
        fail_msg("%s, \"%s\" without \"%s\"", odd_status_name(status), odd_last_message(golden_ctx),
                 says);
}

static void test_others_are_refused(void **state)
{
    (void)state;
    struct recognise_file f;
    struct oddi_net_match match = {0};
    recognise_make(&f, "resnet18", "", true);
    struct oddi_net_tensor *last = &f.list[f.count - 2], kept = *last;
    last->name = "conv9.weight";
    recognise_refuse(&f, NULL, "conv1.weight (64, 3, 7, 7) is missing");
    last->name = kept.name;
    last->shape.dim[1] = 1;
    recognise_refuse(&f, NULL, "conv1.weight is (64, 1, 7, 7), not (64, 3, 7, 7)");
    *last = kept;
    recognise_refuse(&f, "resnet34", "nearest is resnet34, but ");
    recognise_refuse(&f, "resnet34", "; and ");
    assert_int_equal(oddi_net_recognise(golden_ctx, f.list, f.count, "resnet9", &match),
                     ODD_ECONFIG);
    f.list[f.count++] = (struct oddi_net_tensor){"layer4.2.conv1.weight", kept.shape, false};
    recognise_refuse(&f, NULL, "layer4.2.conv1.weight is none of it");
    nn_test_ok(golden_ctx, oddi_net_recognise(golden_ctx, f.list, f.count, "resnet18", &match));
    assert_int_equal(match.unknown, 1);
    f.count = 0;
    recognise_refuse(&f, NULL, "no known network");
    recognise_end(&f);
}

static int setup(void **state)
{
    (void)state;
    return golden_open(GOLDEN_FILE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_taps_are_pytorchs),       cmocka_unit_test(test_depth),
        cmocka_unit_test(test_impossible_pictures),     cmocka_unit_test(test_parameter_counts),
        cmocka_unit_test(test_networks_are_recognised), cmocka_unit_test(test_others_are_refused),
    };
    return cmocka_run_group_tests_name("nets", tests, setup, golden_close);
}
