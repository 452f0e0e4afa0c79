/* SPDX-License-Identifier: Apache-2.0
 *
 * Published weights, whole: taps against PyTorch's values (tools/make-golden-nets.py), and what
 * EfficientNet-lite0 sees on six photographs. ODDITY_WEIGHTS and ODDITY_PHOTOS name the
 * folders of both; skipped without them.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "graph/plan.h"
#include "image/image.h"
#include "nn/nets/nets.h"
#include "pixels/resize.h"
#include "store/safetensors.h"

#define WHOLE_GOLDEN ODDI_SOURCE_DIR "/tests/golden/nets.safetensors"
#define WHOLE_SIDE 224

static struct odd_context *whole_ctx;

static void whole_ok(struct odd_context *ctx, odd_status status)
{
    if (status != ODD_OK)
        fail_msg("%s: %s", odd_status_name(status), odd_last_message(ctx));
}
static const char *whole_folder(const char *variable)
{
    const char *folder = getenv(variable);
    return folder ? folder : "";
}

struct whole {
    struct oddi_safetensors *weights;
    struct oddi_build b;
    struct oddi_node *tap[ODDI_NET_TAPS_MAX], *last;
    struct oddi_plan *plan;
};

static float *whole_values(struct oddi_safetensors *st, const char *name, int64_t *count)
{
    const struct oddi_st_tensor *t = oddi_safetensors_find(st, name);
    if (!t)
        fail_msg("no tensor %s", name);
    *count = (int64_t)(t->size / oddi_st_dtype_size(t->dtype));
    float *values = calloc((size_t)*count + 1, sizeof(float));
    assert_non_null(values);
    whole_ok(whole_ctx, oddi_st_to_f32(whole_ctx, t, values));
    return values;
}

/* False when the file is not there. */
static bool whole_start(struct whole *w, const char *name, const char *file, const int64_t hw[2],
                        bool classifier)
{
    const struct oddi_net *net = oddi_net_find(name);
    const struct oddi_plan_options options = {.mode = "best", .threads = 2};
    const struct oddi_geometry in = {3, hw[0], hw[1]};
    char path[512];
    memset(w, 0, sizeof(*w));
    snprintf(path, sizeof(path), "%s/%s", whole_folder("ODDITY_WEIGHTS"), file);
    if (oddi_safetensors_open(whole_ctx, path, &w->weights) != ODD_OK)
        return false;
    assert_non_null(net);
    const struct oddi_net_use use = {"expert", "", net->taps - 1, classifier, 1.0};
    oddi_build_init(&w->b, whole_ctx, NULL, &in, 1);
    w->last = oddi_net_build(&w->b, net, &use, w->b.image, w->tap);
    for (int i = 0; i < net->taps; i++)
        oddi_output(&w->b.graph, w->tap[i], NULL);
    oddi_output(&w->b.graph, w->last, NULL);
    whole_ok(whole_ctx, oddi_graph_fuse(&w->b.graph));
    whole_ok(whole_ctx, oddi_plan_new(whole_ctx, &w->b.graph, &options, &w->plan));
    for (int i = 0; i < w->b.graph.count; i++) {
        const struct oddi_node *n = w->b.graph.node[i];
        int64_t count = 0;
        if (!(n->flags & ODDI_NODE_PARAM))
            continue;
        float *values = whole_values(w->weights, n->name, &count);
        assert_int_equal(count, oddi_shape_count(&n->shape));
        whole_ok(whole_ctx, oddi_plan_set(w->plan, n, values));
        free(values);
    }
    return true;
}
static void whole_end(struct whole *w)
{
    oddi_plan_free(w->plan);
    oddi_build_release(&w->b);
    oddi_safetensors_free(w->weights);
}

/* ---- taps ---- */

static void whole_taps(struct oddi_safetensors *golden, const char *name, const struct whole *w)
{
    for (int i = 0; i < oddi_net_find(name)->taps; i++) {
        char key[96];
        int64_t count = 0;
        double off = 0, size = 0;
        snprintf(key, sizeof(key), "whole/%s/tap/%d", name, i);
        float *want = whole_values(golden, key, &count);
        const float *got = oddi_plan_output(w->plan, w->tap[i]);
        const int64_t last = oddi_shape_count(&w->tap[i]->shape) - 1;
        for (int64_t k = 0; k < count; k++) {
            const double g = (double)got[k * last / (count - 1)], d = g - (double)want[k];
            off += d * d;
            size += (double)want[k] * (double)want[k];
        }
        free(want);
        if (!(size > 0 && sqrt(off / size) <= 1e-4))
            fail_msg("%s is off by %.3g", key, sqrt(off / size));
    }
}

static void test_whole_taps(void **state)
{
    static const char *const files[][2] = {
        {"vgg16", "vgg16_features.safetensors"},
        {"squeezenet1_0", "squeezenet1_0.safetensors"},
        {"squeezenet1_1", "squeezenet1_1_features.safetensors"},
        {"tf_efficientnet_lite0", "tf_efficientnet_lite0.safetensors"}};
    (void)state;
    struct oddi_safetensors *golden = NULL;
    int64_t count = 0;
    int ran = 0;
    whole_ok(whole_ctx, oddi_safetensors_open(whole_ctx, WHOLE_GOLDEN, &golden));
    float *input = whole_values(golden, "input", &count);
    const int64_t *dim = oddi_safetensors_find(golden, "input")->dim;
    for (size_t i = 0; i < ODDI_COUNT(files); i++) {
        struct whole w;
        if (!whole_start(&w, files[i][0], files[i][1], &dim[2], false))
            continue;
        whole_ok(whole_ctx, oddi_plan_set(w.plan, w.b.image, input));
        whole_ok(whole_ctx, oddi_plan_run(w.plan));
        whole_taps(golden, files[i][0], &w);
        whole_end(&w);
        ran++;
    }
    free(input);
    oddi_safetensors_free(golden);
    if (ran == 0) {
        print_message("SKIPPED: ODDITY_WEIGHTS names no folder with published weights\n");
        skip();
    }
}

/* ---- names of photographs ---- */

/* (3, 224, 224) in [-1, 1]. */
static void whole_photo(const char *path, float *out)
{
    const struct oddi_rect all = {0, 0, WHOLE_SIDE, WHOLE_SIDE};
    struct oddi_picture *p = NULL;
    struct oddi_planes small = {0};
    whole_ok(whole_ctx, oddi_image_load(whole_ctx, path, ODDI_IMAGE_BUDGET, &p));
    assert_int_equal(p->bands, 3);
    whole_ok(whole_ctx, oddi_planes_init(whole_ctx, WHOLE_SIDE, WHOLE_SIDE, 3, &small));
    whole_ok(whole_ctx, oddi_picture_resize_cubic(whole_ctx, p, NULL, &all, &small));
    for (int i = 0; i < 3 * WHOLE_SIDE * WHOLE_SIDE; i++)
        out[i] = 2.0f * small.data[i] - 1.0f;
    oddi_planes_release(whole_ctx, &small);
    oddi_picture_free(whole_ctx, p);
}

static void test_photographs_have_names(void **state)
{
    /* ImageNet's classes, counted from 0 */
    static const struct {
        const char *file;
        int64_t label;
    } photos[] = {{"bird.bmp", 19}, /* chickadee */
                  {"cat.bmp", 285}, /* Egyptian cat */
                  {"dog_segmentation_256.bmp", 258} /* Samoyed */,
                  {"grace_hopper.bmp", 652}, /* military uniform */
                  {"parrot.jpg", 88},        /* macaw */
                  {"sunflower.bmp", 985}};   /* daisy */
    const int64_t hw[2] = {WHOLE_SIDE, WHOLE_SIDE};
    (void)state;
    struct whole w;
    if (!getenv("ODDITY_PHOTOS")) {
        print_message("SKIPPED: ODDITY_PHOTOS names no folder with photographs\n");
        skip();
    }
    if (!whole_start(&w, "tf_efficientnet_lite0", "tf_efficientnet_lite0.safetensors", hw, true)) {
        print_message("SKIPPED: ODDITY_WEIGHTS names no folder with published weights\n");
        skip();
    }
    float *input = calloc((size_t)3 * WHOLE_SIDE * WHOLE_SIDE, sizeof(float));
    assert_non_null(input);
    for (size_t i = 0; i < ODDI_COUNT(photos); i++) {
        char path[512];
        snprintf(path, sizeof(path), "%s/%s", whole_folder("ODDITY_PHOTOS"), photos[i].file);
        whole_photo(path, input);
        whole_ok(whole_ctx, oddi_plan_set(w.plan, w.b.image, input));
        whole_ok(whole_ctx, oddi_plan_run(w.plan));
        const float *score = oddi_plan_output(w.plan, w.last);
        int64_t top = 0;
        for (int64_t k = 1; k < w.last->shape.dim[1]; k++)
            top = score[k] > score[top] ? k : top;
        print_message("%s: class %d\n", photos[i].file, (int)top);
        assert_int_equal(top, photos[i].label);
    }
    free(input);
    whole_end(&w);
}

static int setup(void **state)
{
    (void)state;
    return odd_context_new(&whole_ctx) == ODD_OK ? 0 : -1;
}
static int teardown(void **state)
{
    (void)state;
    odd_context_free(whole_ctx);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole_taps),
        cmocka_unit_test(test_photographs_have_names),
    };
    return cmocka_run_group_tests_name("whole networks", tests, setup, teardown);
}
