/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels=exact: no Winograd convolution in training, scoring and verifying, as the model says.
 */
#include "engine/support_test.h"

#include <stdio.h>
#include <string.h>

#include "backend/backend.h"

#define KERNELS_MKD                                                                                \
    "method=mkd preset=mnist size=32 batch=4 steps=3 epochs=1 checkpoint=0 thin=4 points=3 "       \
    "hold-out=12 "

static odd_status kernels_train(struct testing *t, const char *model, const char *settings)
{
    char all[1024];
    struct odd_dataset *ds = NULL;
    snprintf(all, sizeof(all), KERNELS_MKD "%s expert=%s", settings, testing_path(t, "expert"));
    struct odd_options *o = engine_options(t, all);
    odd_status status = odd_dataset_open(t->ctx, testing_path(t, "set"), o, &ds);
    if (status == ODD_OK)
        status = odd_train(t->ctx, ds, o, testing_path(t, model), NULL);
    odd_dataset_free(ds);
    odd_options_free(o);
    return status;
}

static void kernels_begin(struct testing *t, const char *name)
{
    testing_init(t, name);
    engine_synth(t, "set", 20);
    engine_expert(t, "squeezenet1_1", "expert", &(struct engine_fake){.prefix = ""});
}

/* Steps of the scoring plan that are Winograd convolutions. */
static int kernels_winograd(struct testing *t, const char *model)
{
    char *text = NULL;
    int found = 0;
    struct odd_model *m = engine_load(t, model);
    assert_int_equal(odd_trace(t->ctx, m, NULL, &text), ODD_OK);
    assert_int_equal(odd_model_verify(t->ctx, m, NULL), ODD_OK);
    for (const char *at = text; (at = strstr(at, "\"winograd:")) != NULL; at++)
        found++;
    odd_text_free(t->ctx, text);
    odd_model_free(m);
    return found;
}

static void test_exact(void **unused)
{
    struct testing t;
    const bool has_winograd = strcmp(oddi_host_isa(), "base") != 0;
    (void)unused;
    kernels_begin(&t, "kernels");
    assert_int_equal(odd_context_set_threads(t.ctx, 1), ODD_OK);
    assert_int_equal(kernels_train(&t, "fast", ""), ODD_OK);
    assert_int_equal(kernels_train(&t, "exact", "kernels=exact"), ODD_OK);
    assert_int_equal(odd_context_set_threads(t.ctx, 3), ODD_OK);
    assert_int_equal(kernels_train(&t, "again", "kernels=exact"), ODD_OK);
    engine_assert_same_file(&t, "exact", "again");
    assert_int_equal(kernels_winograd(&t, "fast") > 0, has_winograd);
    assert_int_equal(kernels_winograd(&t, "exact"), 0);
    json_t *fast = engine_info(&t, "fast"), *exact = engine_info(&t, "exact");
    assert_string_equal(engine_text(fast, "config.kernels"), "fast");
    assert_string_equal(engine_text(exact, "config.kernels"), "exact");
    /* the training obeyed too */
    assert_int_equal(
        strcmp(engine_text(fast, "weights_hash"), engine_text(exact, "weights_hash")) != 0,
        has_winograd);
    json_decref(fast);
    json_decref(exact);
    testing_release(&t);
}

static void test_refuses(void **unused)
{
    struct testing t;
    struct engine_watch w;
    (void)unused;
    kernels_begin(&t, "kernels_refuses");
    assert_int_equal(kernels_train(&t, "model", "kernels=quick"), ODD_ECONFIG);
    assert_int_equal(kernels_train(&t, "model", "kernels=exact precision=bf16"), ODD_ECONFIG);
    engine_assert_message(&t, "exclude each other");
    engine_watch(&t, &w, "\"phase\":\"tune\"", 1);
    assert_int_equal(kernels_train(&t, "model", "kernels=exact"), ODD_ECANCELLED);
    engine_unwatch(&t);
    odd_context_reset_cancel(t.ctx);
    assert_int_equal(kernels_train(&t, "model", "resume=true"), ODD_ECONFIG);
    engine_assert_message(&t, "kernels");
    assert_false(engine_exists(&t, "model"));
    testing_release(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exact),
        cmocka_unit_test(test_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
