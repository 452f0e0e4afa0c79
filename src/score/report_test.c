/* SPDX-License-Identifier: Apache-2.0
 * The evaluation as JSON: every key, nulls with their warnings, odd names. */
#include "base/compat.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "../tests/support/fault_alloc.h"
#include "base/alloc.h"
#include "score/report.h"

static int setup(void **state)
{
    return odd_context_new((struct odd_context **)state) == ODD_OK ? 0 : -1;
}

static int teardown(void **state)
{
    odd_context_free(*state);
    return 0;
}

enum { N = 8 };
static const double score[N] = {.1, .4, .35, .8, .35, .9, .2, .3};
static const uint8_t label[N] = {0, 0, 1, 1, 0, 1, 0, 1};
static const char *const type[N] = {"good", "good",  "crack", "scratch",
                                    "good", "crack", NULL,    NULL};
static const int64_t group[N] = {1, 2, 3, 4, 5, 6, 7, 8};
static const struct oddi_pixel_metrics pixel = {.pictures = 8,
                                                .n_normal = 1000,
                                                .n_anomalous = 24,
                                                .regions = 3,
                                                .auroc = 0.75,
                                                .ap = 0.5,
                                                .f1max = 0.625,
                                                .f1max_threshold = 0.375,
                                                .dice = 0.25,
                                                .dice_threshold = 0.5,
                                                .aupro = {0.125, 0.0625},
                                                .limit = {0.3, 0.05},
                                                .limits = 2};

static struct oddi_metrics_input make_input(void)
{
    struct oddi_metrics_input in;

    oddi_metrics_defaults(&in);
    in.model_hash = "0123456789abcdef0123456789abcdef";
    in.scores = (struct oddi_scores){score, label, NULL, N};
    in.type = type;
    in.threshold = 0.35;
    in.n_seen = 2;
    in.pixel = &pixel;
    in.bootstrap.resamples = 200;
    return in;
}

/* The value at "a.b.c"; NULL where there is none. */
static const json_t *at(const json_t *json, const char *path)
{
    char key[64];

    while (json && *path) {
        const size_t length = strcspn(path, ".");
        snprintf(key, sizeof(key), "%.*s", (int)length, path);
        json = json_object_get(json, key);
        path += length + (path[length] == '.');
    }
    return json;
}

static void assert_real(const json_t *json, const char *path, double value)
{
    assert_non_null(at(json, path));
    assert_true(json_is_number(at(json, path)));
    assert_true(fabs(json_number_value(at(json, path)) - value) < 1e-12);
}

static void assert_pair(const json_t *json, const char *path, double inside)
{
    const json_t *pair = at(json, path);

    assert_int_equal(json_array_size(pair), 2);
    assert_true(json_number_value(json_array_get(pair, 0)) <= inside);
    assert_true(json_number_value(json_array_get(pair, 1)) >= inside);
}

/* How many warnings begin with this. */
static int warnings(const json_t *json, const char *begin)
{
    const json_t *list = json_object_get(json, "warnings");
    int found = 0;

    assert_true(json_is_array(list));
    for (size_t i = 0; i < json_array_size(list); i++)
        found += strncmp(json_string_value(json_array_get(list, i)), begin, strlen(begin)) == 0;
    return found;
}

static int count_nulls(const json_t *json)
{
    const char *key;
    json_t *value;
    int nulls = json_is_null(json);

    json_object_foreach((json_t *)(uintptr_t)json, key, value) nulls += count_nulls(value);
    return nulls;
}

static void test_whole(void **state)
{
    struct oddi_metrics_input in = make_input();
    json_t *j = NULL;

    assert_int_equal(oddi_metrics_report(*state, &in, &j), ODD_OK);
    assert_string_equal(json_string_value(at(j, "schema")), "oddity.eval/1");
    assert_string_equal(json_string_value(at(j, "oddity_version")), ODDITY_VERSION);
    assert_string_equal(json_string_value(at(j, "model_hash")), in.model_hash);
    assert_real(j, "n_normal", 4);
    assert_real(j, "n_anomalous", 4);
    assert_real(j, "n_seen", 2);
    assert_real(j, "at_threshold.threshold", 0.35);
    assert_real(j, "at_threshold.false_alarm_rate", 0.25);
    assert_real(j, "at_threshold.miss_rate", 0.5);
    assert_real(j, "at_threshold.n_false_alarms", 1);
    assert_real(j, "at_threshold.n_missed", 2);
    assert_pair(j, "at_threshold.false_alarm_rate_ci", 0.25);
    assert_pair(j, "at_threshold.miss_rate_ci", 0.5);
    assert_real(j, "image.auroc", 12.5 / 16);
    assert_pair(j, "image.auroc_ci", 12.5 / 16);
    assert_true(json_is_real(at(j, "image.ap")) && json_is_real(at(j, "image.aupr_trapezoid")));
    assert_pair(j, "image.ap_ci", json_real_value(at(j, "image.ap")));
    assert_true(json_is_true(at(j, "image.f1max.oracle")));
    assert_true(json_is_real(at(j, "image.f1max.value")));
    assert_true(json_is_real(at(j, "image.f1max.threshold")));
    assert_real(j, "bootstrap.resamples", 200);
    assert_real(j, "bootstrap.units_anomalous", 4);
    assert_string_equal(json_string_value(at(j, "bootstrap.unit")), "picture");
    assert_string_equal(json_string_value(at(j, "pixel.size")), "native");
    assert_real(j, "pixel.auroc", 0.75);
    assert_real(j, "pixel.ap", 0.5);
    assert_real(j, "pixel.f1max.value", 0.625);
    assert_true(json_is_true(at(j, "pixel.f1max.oracle")));
    assert_real(j, "pixel.dice", 0.25);
    assert_real(j, "pixel.aupro", 0.125);
    assert_real(j, "pixel.aupro05", 0.0625);
    assert_int_equal(json_array_size(at(j, "warnings")), 0);
    assert_int_equal(count_nulls(j), 0);
    json_decref(j);
}

static void test_by_type(void **state)
{
    const uint8_t decision[N] = {0, 1, 0, 1, 0, 0, 0, 0};
    struct oddi_metrics_input in = make_input();
    json_t *j = NULL;

    in.scores.group = group;
    in.pixel_size = 256;
    assert_int_equal(oddi_metrics_report(*state, &in, &j), ODD_OK);
    assert_int_equal(json_object_size(at(j, "by_type")), 3);
    assert_null(at(j, "by_type.good"));
    assert_real(j, "by_type.crack.n", 2);
    assert_real(j, "by_type.crack.auroc", (2.5 + 4) / 8);
    assert_real(j, "by_type.crack.n_missed", 1);
    assert_pair(j, "by_type.crack.miss_rate_ci", 0.5);
    assert_real(j, "by_type.scratch.auroc", 1);
    assert_real(j, "by_type.scratch.miss_rate", 0);
    assert_real(j, "by_type.unnamed.auroc", 0.5);
    assert_real(j, "by_type.unnamed.n_missed", 1);
    assert_string_equal(json_string_value(at(j, "bootstrap.unit")), "group");
    assert_real(j, "pixel.size", 256);
    json_decref(j);
    in.decision = decision; /* others than by the threshold */
    assert_int_equal(oddi_metrics_report(*state, &in, &j), ODD_OK);
    assert_real(j, "by_type.crack.n_missed", 2);
    assert_real(j, "at_threshold.n_missed", 3);
    json_decref(j);
}

/* Whatever is undefined is null, and every null of the metrics has its warning. */
static void test_undefined(void **state)
{
    static const uint8_t zeros[N], ones[N] = {1, 1, 1, 1, 1, 1, 1, 1};
    struct oddi_pixel_metrics none = pixel;
    struct oddi_metrics_input in = make_input();
    json_t *j = NULL;

    none.n_anomalous = 0;
    none.auroc = none.ap = none.f1max = none.f1max_threshold = none.dice = NAN;
    none.aupro[0] = none.aupro[1] = NAN;
    in.pixel = &none;
    for (int i = 0; i < 3; i++) {
        in.scores.label = i ? ones : zeros;
        in.scores.count = i == 2 ? 0 : N;
        assert_int_equal(oddi_metrics_report(*state, &in, &j), ODD_OK);
        assert_true(json_is_null(at(j, "image.auroc")) && json_is_null(at(j, "image.auroc_ci")));
        assert_true(json_is_null(at(j, "image.ap")) && json_is_null(at(j, "image.f1max.value")));
        assert_true(
            json_is_null(at(j, i ? "at_threshold.false_alarm_rate" : "at_threshold.miss_rate")));
        assert_real(j, i ? "at_threshold.n_false_alarms" : "at_threshold.n_missed", 0);
        assert_true(json_is_null(at(j, "pixel.aupro05")) && json_is_null(at(j, "pixel.dice")));
        assert_int_equal(warnings(j, "image.auroc is undefined: there is no "), 1);
        assert_int_equal(warnings(j, ""), count_nulls(j));
        assert_int_equal(json_object_size(at(j, "by_type")), i == 1 ? 4 : 0);
        json_decref(j);
    }
}

static void test_without(void **state)
{
    struct oddi_metrics_input in = make_input();
    json_t *j = NULL;

    in.threshold = NAN;
    in.model_hash = NULL;
    in.pixel = NULL;
    in.type = NULL;
    assert_int_equal(oddi_metrics_report(*state, &in, &j), ODD_OK);
    assert_true(json_is_null(at(j, "pixel")) && json_is_null(at(j, "model_hash")));
    assert_true(json_is_null(at(j, "at_threshold.n_missed")));
    assert_true(json_is_null(at(j, "at_threshold.threshold")));
    assert_real(j, "by_type.unnamed.n", 4);
    assert_true(json_is_null(at(j, "by_type.unnamed.miss_rate")));
    assert_int_equal(warnings(j, "at_threshold."), 7);
    assert_int_equal(warnings(j, ""), count_nulls(j) - 2);
    json_decref(j);
    in = make_input();
    in.scores.count = 4; /* two of each: enough to draw from */
    assert_int_equal(oddi_metrics_report(*state, &in, &j), ODD_OK);
    assert_true(json_is_array(at(j, "image.auroc_ci")));
    json_decref(j);
    in.scores.count = 3; /* one anomalous picture */
    assert_int_equal(oddi_metrics_report(*state, &in, &j), ODD_OK);
    assert_true(json_is_real(at(j, "image.auroc")) && json_is_null(at(j, "image.auroc_ci")));
    assert_int_equal(warnings(j, "image.auroc_ci is undefined: a class has fewer than two"), 1);
    json_decref(j);
}

static void test_odd_names(void **state)
{
    const char *const names[N] = {"", "", "\xff", "\xfe", "", "a.b \"c\" \xc3\xa4", "", ""};
    struct oddi_metrics_input in = make_input();
    json_t *j = NULL;
    char *text = NULL;
    static double many_score[1200];
    static uint8_t many_label[1200];
    static char many_name[1200][16];
    static const char *many_type[1200];

    in.type = names;
    assert_int_equal(oddi_metrics_report(*state, &in, &j), ODD_OK);
    assert_non_null(json_object_get(at(j, "by_type"), "?"));
    assert_non_null(json_object_get(at(j, "by_type"), "a.b \"c\" \xc3\xa4"));
    assert_int_equal(warnings(j, "by_type: two types"), 1);
    assert_int_equal(oddi_json_dump(*state, j, 2, &text), ODD_OK);
    oddi_free(*state, text);
    json_decref(j);
    for (int i = 0; i < 1200; i++) {
        many_label[i] = i > 0;
        snprintf(many_name[i], sizeof(many_name[i]), "%d", i);
        many_type[i] = many_name[i];
    }
    in.scores = (struct oddi_scores){many_score, many_label, NULL, 1200};
    in.type = many_type;
    assert_int_equal(oddi_metrics_report(*state, &in, &j), ODD_OK);
    assert_int_equal(json_object_size(at(j, "by_type")), 0);
    assert_int_equal(warnings(j, "by_type is empty: 1199 types"), 1);
    json_decref(j);
}

static void test_refused(void **state)
{
    double bad[N];
    struct oddi_metrics_input in = make_input();
    json_t *j = NULL;

    memcpy(bad, score, sizeof(bad));
    bad[6] = NAN;
    in.scores.score = bad;
    assert_int_equal(oddi_metrics_report(*state, &in, &j), ODD_ENUMERIC);
    assert_non_null(strstr(odd_last_message(*state), "score 6"));
    in = make_input();
    in.bootstrap.level = 1;
    assert_int_equal(oddi_metrics_report(*state, &in, &j), ODD_EINVAL);
    assert_null(j);
}

static void test_out_of_memory(void **state)
{
    struct oddi_metrics_input in = make_input();

    (void)state;
    in.bootstrap.resamples = 10;
    in.scores.group = group;
    for (long n = 1;; n++) {
        struct fault_alloc fault;
        json_t *j = NULL;
        fault_alloc_init(&fault);
        struct odd_context *ctx = fault_context(&fault);
        fault_alloc_arm(&fault, n);
        odd_status status = oddi_metrics_report(ctx, &in, &j);
        bool failed = fault_alloc_disarm(&fault);
        assert_int_equal(status, failed ? ODD_ENOMEM : ODD_OK);
        assert_true((j == NULL) == failed);
        json_decref(j);
        odd_context_free(ctx);
        assert_int_equal(fault.live, 0);
        if (!failed)
            break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole),         cmocka_unit_test(test_by_type),
        cmocka_unit_test(test_undefined),     cmocka_unit_test(test_without),
        cmocka_unit_test(test_odd_names),     cmocka_unit_test(test_refused),
        cmocka_unit_test(test_out_of_memory),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
