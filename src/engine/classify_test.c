/* SPDX-License-Identifier: Apache-2.0
 *
 * Classes of pictures by an imported network. The weights are random, of SqueezeNet 1.1's shapes;
 * tests/experts_test.c and tests/t/0800-import.t have real ones, where they are at hand.
 */
#include "engine/support_test.h"

#include <stdio.h>
#include <string.h>

#include "../tests/support/fault_alloc.h"

static odd_status classify(struct testing *t, const char *weights, const char *const *pictures,
                           size_t count, json_t **report)
{
    char paths[4][512], *text = NULL;
    const char *list[4];
    for (size_t i = 0; i < count; i++) {
        snprintf(paths[i], sizeof(paths[i]), "%s", testing_path(t, pictures[i]));
        list[i] = paths[i];
    }
    const odd_status status =
        odd_expert_classify(t->ctx, testing_path(t, weights), NULL, list, count, &text);
    assert_true((text != NULL) == (status == ODD_OK));
    *report = text ? engine_json(t, text) : NULL;
    return status;
}

static void classify_begin(struct testing *t, const char *name)
{
    testing_init(t, name);
    engine_expert(t, "squeezenet1_1", "net", &(struct engine_fake){.prefix = "", .head = true});
    engine_tiff(t, "rgb.tiff", (struct engine_look){40, 30, 3, 8}, 1);
    engine_tiff(t, "grey.tiff", (struct engine_look){300, 20, 1, 16}, 2);
    testing_text(t, "text.png", "no picture");
}

/* Five probabilities of each, falling; a damaged picture is said to be one; threads change nothing.
 */
static void test_classify(void **unused)
{
    static const char *const pictures[] = {"rgb.tiff", "text.png", "grey.tiff"};
    struct testing t;
    json_t *one = NULL, *many = NULL;
    (void)unused;
    classify_begin(&t, "classify");
    assert_int_equal(odd_context_set_threads(t.ctx, 1), ODD_OK);
    assert_int_equal(classify(&t, "net", pictures, 3, &one), ODD_OK);
    assert_int_equal(odd_context_set_threads(t.ctx, 3), ODD_OK);
    assert_int_equal(classify(&t, "net", pictures, 3, &many), ODD_OK);
    assert_true(json_equal(one, many));
    assert_int_equal((int)engine_number(one, "classes"), 1000);
    for (size_t i = 0; i < 3; i++) {
        const json_t *p = json_array_get(engine_at(one, "pictures"), i), *top = engine_at(p, "top");
        double sum = 0, last = 1;
        assert_int_equal(json_array_size(top), i == 1 ? 0 : 5);
        assert_int_equal(json_object_get(p, "error") != NULL, i == 1);
        for (size_t k = 0; k < json_array_size(top); k++) {
            const double v = engine_number(json_array_get(top, k), "probability");
            assert_true(v > 0 && v <= last);
            sum += last = v;
        }
        assert_true(sum <= 1.0 + 1e-9);
    }
    json_decref(one);
    json_decref(many);
    testing_release(&t);
}

static void test_classify_refuses(void **unused)
{
    static const char *const pictures[] = {"rgb.tiff"};
    struct testing t;
    json_t *report = NULL;
    (void)unused;
    classify_begin(&t, "classify_refuses");
    engine_expert(&t, "squeezenet1_1", "body", &(struct engine_fake){.prefix = ""});
    assert_int_equal(classify(&t, "body", pictures, 1, &report), ODD_ENOTSUP);
    engine_assert_message(&t, "no classifier of squeezenet1_1");
    assert_int_equal(classify(&t, "gone", pictures, 1, &report), ODD_EIO);
    assert_int_equal(classify(&t, "text.png", pictures, 1, &report), ODD_EFORMAT);
    assert_int_equal(odd_expert_classify(t.ctx, NULL, NULL, NULL, 0, NULL), ODD_EINVAL);
    odd_context_cancel(t.ctx);
    assert_int_equal(classify(&t, "net", pictures, 1, &report), ODD_ECANCELLED);
    testing_release(&t);
}

static void test_classify_out_of_memory(void **unused)
{
    struct testing t;
    char weights[512], picture[512];
    (void)unused;
    classify_begin(&t, "classify_memory");
    snprintf(weights, sizeof(weights), "%s", testing_path(&t, "net"));
    snprintf(picture, sizeof(picture), "%s", testing_path(&t, "rgb.tiff"));
    const char *const list[] = {picture};
    for (long n = 1;; n += 1 + n / 8) {
        struct fault_alloc fault;
        char *text = NULL;
        fault_alloc_init(&fault);
        struct odd_context *ctx = fault_context(&fault);
        fault_alloc_arm(&fault, n);
        const odd_status status = odd_expert_classify(ctx, weights, NULL, list, 1, &text);
        const bool failed = fault_alloc_disarm(&fault);
        assert_int_equal(status, failed ? ODD_ENOMEM : ODD_OK);
        odd_text_free(ctx, text);
        odd_context_free(ctx);
        assert_int_equal(fault.live, 0);
        if (!failed)
            break;
    }
    testing_release(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_classify),
        cmocka_unit_test(test_classify_refuses),
        cmocka_unit_test(test_classify_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
