/* SPDX-License-Identifier: Apache-2.0
 * The two-player net of the trainer's tests (support_test.h). */
#include "nn/support_test.h"

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "base/rng.h"
#include "nn/layers.h"

#define TEST_ITEMS 6

void nn_test_ok(struct odd_context *ctx, odd_status status)
{
    if (status != ODD_OK)
        fail_msg("%s: %s", odd_status_name(status), odd_last_message(ctx));
}

static struct oddi_node *test_memory(struct oddi_graph *g, struct oddi_node *f)
{
    const int64_t block[3] = {2, 2, 16};
    struct oddi_node *items =
        oddi_param(g, "gen", "memory.items", oddi_shape_make(2, TEST_ITEMS, 64, 1, 1),
                   (struct oddi_init){ODDI_INIT_UNIFORM, -0.125f, 0.125f});
    struct oddi_node *q = oddi_blocks(g, f, block);
    struct oddi_node *cosine = oddi_matmul(g, oddi_row_normalize(g, q, 1e-8),
                                           oddi_row_normalize(g, items, 1e-8), false, true);
    struct oddi_node *w = oddi_shrink(g, oddi_softmax(g, cosine, 0.1), 1.0 / TEST_ITEMS);
    return f ? oddi_unblocks(g, oddi_matmul(g, w, items, false, false), f->shape, block) : NULL;
}

static struct oddi_node *test_generator(struct oddi_build *b, enum oddi_norm_mode norm, bool memory)
{
    const struct oddi_layer l = {b, "gen", norm, false};
    const struct oddi_conv down = {.out = 8, .kernel = 4, .stride = 2, .pad = 1, .slope = 0.2};
    struct oddi_conv deep = down, up = down, last = down;
    deep.out = 16;
    deep.normalize = up.normalize = up.transposed = last.transposed = true;
    last.out = TEST_CHANNELS;
    last.slope = 1.0;
    struct oddi_node *y =
        oddi_layer_conv(&l, oddi_layer_conv(&l, b->image, "enc1", &down), "enc2", &deep);
    if (memory)
        y = test_memory(&b->graph, y);
    y = oddi_layer_conv(&l, oddi_layer_conv(&l, y, "dec2", &up), "dec1", &last);
    return oddi_tanh(&b->graph, y);
}

static struct oddi_node *test_judge(struct oddi_build *b, struct oddi_node *x,
                                    enum oddi_norm_mode norm)
{
    const struct oddi_layer l = {b, "disc", norm, false};
    const struct oddi_conv down = {.out = 8, .kernel = 4, .stride = 2, .pad = 1, .slope = 0.2};
    struct oddi_conv deep = down, logit = down;
    deep.out = 16;
    deep.normalize = true;
    logit.out = 1;
    logit.slope = 1.0;
    struct oddi_node *y = oddi_layer_conv(&l, x, "disc1", &down);
    return oddi_layer_conv(&l, oddi_layer_conv(&l, y, "disc2", &deep), "disc3", &logit);
}

static struct oddi_node *test_number(struct oddi_build *b, const char *name, float value)
{
    return oddi_param(&b->graph, "const", name, oddi_shape_make(0, 1, 1, 1, 1),
                      (struct oddi_init){ODDI_INIT_CONST, value, 0.0f});
}

void nn_test_build(struct oddi_build *b)
{
    struct oddi_graph *g = &b->graph;
    if (b->stage == ODDI_STAGE_SCORE) {
        struct oddi_node *made = test_generator(b, ODDI_NORM_EVAL, true);
        oddi_build_result(b, "made", made);
        oddi_build_result(b, "judged", test_judge(b, made, ODDI_NORM_EVAL));
        return;
    }
    struct oddi_node *made = test_generator(b, ODDI_NORM_TRAIN, b->stage == 1);
    struct oddi_node *real = test_judge(b, b->image, ODDI_NORM_TRAIN);
    struct oddi_node *fake = test_judge(b, oddi_stop(g, made), ODDI_NORM_TRAIN);
    struct oddi_node *disc = oddi_add(g, oddi_bce(g, real, oddi_build_scalar(b, "target")),
                                      oddi_bce(g, fake, test_number(b, "zero", 0.0f)));
    oddi_build_result(b, "disc", disc);
    oddi_build_phase(b, "discriminator", disc, "disc");
    struct oddi_node *again = test_judge(b, made, ODDI_NORM_TRAIN_KEEP);
    struct oddi_node *loss = oddi_add(g, oddi_scale(g, oddi_mse(g, made, b->image), 10.0),
                                      oddi_bce(g, again, test_number(b, "one", 1.0f)));
    oddi_build_result(b, "made", made);
    oddi_build_result(b, "loss", loss);
    oddi_build_phase(b, "generator", loss, "gen");
}

/* Keeps a running mean of the loss, which moves the target: what it keeps must be copied too. */
static void test_control(struct oddi_control *c, const struct oddi_build *b,
                         const struct oddi_plan *plan)
{
    const float *loss = oddi_plan_output(plan, oddi_build_find(b, "loss"));
    c->state[0] = 0.9 * c->state[0] + 0.1 * (double)*loss;
    c->value[0] = 1.0 - 0.01 * fmin(c->state[0], 10.0);
    c->rate_scale[0] *= 0.99;
}

odd_status nn_test_trainer(struct odd_context *ctx, const char *mode, struct oddi_trainer *t)
{
    const struct oddi_trainer_net net = {.build = nn_test_build,
                                         .control = test_control,
                                         .in = {TEST_CHANNELS, TEST_SIDE, TEST_SIDE},
                                         .stages = 2,
                                         .mode = mode};
    odd_status status = oddi_trainer_init(t, ctx, &net, 11, true);
    t->recipe = (struct oddi_recipe){.optim = ODDI_ADAM,
                                     .schedule = ODDI_CONSTANT,
                                     .rate = 1e-3,
                                     .beta1 = 0.5,
                                     .beta2 = 0.999,
                                     .eps = 1e-8,
                                     .average = 0.9,
                                     .steps = 100,
                                     .batch = TEST_BATCH_MAX};
    t->control.input[0] = "target";
    t->control.value[0] = 1.0;
    t->control.inputs = 1;
    return status;
}

void nn_test_pictures(int64_t step, int64_t count, float *pictures)
{
    struct oddi_rng rng;
    oddi_rng_init(&rng, 3, ODDI_RNG_TEST, (uint64_t)step, 0);
    for (int64_t i = 0; i < count * TEST_PICTURE; i++)
        pictures[i] =
            0.5f * sinf((float)(i % TEST_SIDE) + (float)step) + 0.2f * oddi_rng_normal(&rng);
}

void nn_test_hash(const struct oddi_trainer *t, struct oddi_hash128 *hash)
{
    struct oddi_hasher *h = oddi_hasher_new(t->ctx);
    assert_non_null(h);
    for (int i = 0; i < t->state.groups; i++) {
        const struct oddi_group *g = &t->state.group[i];
        const float *const block[] = {g->weights, g->m, g->v, g->average};
        for (size_t k = 0; k < ODDI_COUNT(block); k++)
            if (block[k])
                oddi_hasher_add(h, block[k], g->count * sizeof(float));
        oddi_hasher_add(h, &g->updates, sizeof(g->updates));
    }
    oddi_hasher_add(h, t->control.state, sizeof(t->control.state));
    oddi_hasher_digest(h, hash);
    oddi_hasher_free(t->ctx, h);
}

void nn_test_copy(const struct oddi_trainer *from, struct oddi_trainer *to)
{
    assert_int_equal(from->state.groups, to->state.groups);
    for (int i = 0; i < from->state.groups; i++) {
        const struct oddi_group *a = &from->state.group[i];
        struct oddi_group *b = &to->state.group[i];
        const float *const src[] = {a->weights, a->m, a->v, a->average};
        float *const dst[] = {b->weights, b->m, b->v, b->average};
        assert_string_equal(a->name, b->name);
        assert_int_equal(a->count, b->count);
        for (size_t k = 0; k < ODDI_COUNT(src); k++)
            if (src[k])
                memcpy(dst[k], src[k], a->count * sizeof(float));
        b->updates = a->updates;
        b->version++;
    }
    to->control = from->control;
}
