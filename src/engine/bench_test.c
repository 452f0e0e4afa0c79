/* SPDX-License-Identifier: Apache-2.0
 *
 * odd_bench_nodes: what a report must be like on any machine; no time is asserted.
 */
#include "engine/support_test.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "../tests/support/fault_alloc.h"

static odd_status bench(struct testing *t, const struct odd_model *m, const char *settings,
                        json_t **report)
{
    char *text = NULL;
    struct odd_options *o = settings ? engine_options(t, settings) : NULL;
    const odd_status status = odd_bench_nodes(t->ctx, m, o, &text);
    assert_true((text != NULL) == (status == ODD_OK));
    odd_options_free(o);
    *report = text ? engine_json(t, text) : NULL;
    return status;
}

/* Shares add up to 1, the slowest comes first, products have arithmetic, everything a bound. */
static void bench_check_part(const json_t *report, const char *name, int64_t pictures)
{
    const json_t *part = json_object_get(engine_at(report, "parts"), name);
    assert_non_null(part);
    const json_t *nodes = engine_at(part, "nodes");
    double share = 0, last = HUGE_VAL;
    int products = 0;
    assert_int_equal((int64_t)engine_number(part, "pictures"), pictures);
    assert_true(engine_number(part, "ms") > 0);
    assert_true(json_array_size(nodes) > 3);
    for (size_t i = 0; i < json_array_size(nodes); i++) {
        const json_t *n = json_array_get(nodes, i);
        const bool product = strcmp(engine_text(n, "op"), "conv2d") == 0;
        const double ms = engine_number(n, "ms");
        assert_true(ms > 0 && ms <= last);
        assert_true(engine_number(n, "gb") > 0 && engine_number(n, "bound_ms") > 0);
        assert_true(fabs(engine_number(n, "attained") * ms - engine_number(n, "bound_ms")) < 1e-9);
        assert_true(!product || engine_number(n, "gflop") > 0);
        assert_true(strlen(engine_text(n, "set")) > 0);
        products += product;
        share += engine_number(n, "share");
        last = ms;
    }
    assert_true(products > 0);
    assert_true(fabs(share - 1.0) < 1e-9);
}

static void test_model(void **unused)
{
    struct testing t;
    json_t *report = NULL;
    (void)unused;
    testing_init(&t, "bench_model");
    engine_synth(&t, "set", 12);
    engine_train_well(&t, "set", "model", "hold-out=4");
    struct odd_model *m = engine_load(&t, "model");
    assert_int_equal(bench(&t, m, NULL, &report), ODD_OK);
    assert_string_equal(engine_text(report, "method"), "daad");
    assert_true(engine_number(report, "peak.gflops") > 0);
    assert_true(engine_number(report, "peak.copy_gbs") > 0);
    bench_check_part(report, "training", 4);
    bench_check_part(report, "scoring", 1);
    assert_null(json_object_get(engine_at(report, "parts"), "frozen"));
    json_decref(report);
    assert_int_equal(bench(&t, m, "part=scoring runs=3", &report), ODD_OK);
    assert_int_equal(json_object_size(engine_at(report, "parts")), 1);
    json_decref(report);
    assert_int_equal(bench(&t, m, "size=64", &report), ODD_ECONFIG);
    engine_assert_message(&t, "part of the model");
    assert_int_equal(bench(&t, m, "runs=0", &report), ODD_ECONFIG);
    odd_context_cancel(t.ctx);
    assert_int_equal(bench(&t, m, NULL, &report), ODD_ECANCELLED);
    odd_model_free(m);
    testing_release(&t);
}

/* A method with an expert has the part of it that is run apart; the model is left as it was. */
static void test_method(void **unused)
{
    struct testing t;
    char settings[700];
    json_t *report = NULL;
    (void)unused;
    testing_init(&t, "bench_method");
    engine_expert(&t, "squeezenet1_1", "expert", &(struct engine_fake){.prefix = ""});
    snprintf(settings, sizeof(settings),
             "method=mkd preset=mnist size=32 batch=4 runs=2 channels=1 expert=%s",
             testing_path(&t, "expert"));
    assert_int_equal(bench(&t, NULL, settings, &report), ODD_OK);
    bench_check_part(report, "training", 4);
    bench_check_part(report, "scoring", 1);
    assert_true(engine_number(engine_at(report, "parts.frozen"), "pictures") >= 8);
    assert_int_equal((int)engine_number(report, "input.channels"), 1);
    json_decref(report);
    assert_int_equal(bench(&t, NULL, "method=mkd", &report), ODD_ECONFIG);
    engine_assert_message(&t, "oddity import");
    assert_int_equal(bench(&t, NULL, "method=none", &report), ODD_ECONFIG);
    assert_int_equal(bench(&t, NULL, "method=daad size=31", &report), ODD_ECONFIG);
    assert_int_equal(odd_bench_nodes(t.ctx, NULL, NULL, NULL), ODD_EINVAL);
    testing_release(&t);
}

static void test_out_of_memory(void **unused)
{
    (void)unused;
    for (long n = 1;; n += 1 + n / 4) {
        struct fault_alloc fault;
        struct odd_options *o = NULL;
        char *text = NULL;
        fault_alloc_init(&fault);
        struct odd_context *ctx = fault_context(&fault);
        assert_int_equal(odd_options_new(ctx, &o), ODD_OK);
        assert_int_equal(odd_options_set(o, "preset", "small"), ODD_OK);
        assert_int_equal(odd_options_set(o, "size", "32"), ODD_OK);
        assert_int_equal(odd_options_set(o, "runs", "1"), ODD_OK);
        fault_alloc_arm(&fault, n);
        const odd_status status = odd_bench_nodes(ctx, NULL, o, &text);
        const bool failed = fault_alloc_disarm(&fault);
        assert_int_equal(status, failed ? ODD_ENOMEM : ODD_OK);
        odd_text_free(ctx, text);
        odd_options_free(o);
        odd_context_free(ctx);
        assert_int_equal(fault.live, 0);
        if (!failed)
            break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_model),
        cmocka_unit_test(test_method),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
