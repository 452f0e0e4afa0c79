/* SPDX-License-Identifier: Apache-2.0
 * DAAD's shape: levels, memories, divisions and what is refused, division and its inverse; the
 * tables of settings, presets and automatic choices. */
#include "method/daad/support_test.h"

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"

static const struct oddi_geometry test_32 = {1, 32, 32};

/* ---- shape ---- */

static odd_status shape_test_make(struct odd_context *ctx, const char *settings,
                                  const struct oddi_geometry *in, struct daad_shape *s)
{
    struct oddi_values v;
    daad_test_values(ctx, settings, &v);
    odd_status status = oddi_daad_shape_make(ctx, &v, in, s);
    oddi_values_release(&v);
    return status;
}

static void test_levels(void **state)
{
    static const struct {
        int64_t height, width;
        int levels, memories, first;
        int64_t disc;
    } rows[] = {{16, 16, 2, 1, 2, 2},   {32, 32, 3, 2, 2, 3},    {32, 48, 3, 2, 2, 3},
                {64, 64, 4, 3, 2, 4},   {128, 128, 5, 3, 3, 5},  {256, 256, 5, 3, 3, 6},
                {256, 512, 5, 3, 3, 6}, {1024, 1024, 5, 3, 3, 8}};
    for (size_t i = 0; i < ODDI_COUNT(rows); i++) {
        const struct oddi_geometry in = {3, rows[i].height, rows[i].width};
        struct daad_shape s;
        daad_test_ok(*state, shape_test_make(*state, "width=16", &in, &s));
        assert_int_equal(s.levels, rows[i].levels);
        assert_int_equal(s.memories, rows[i].memories);
        assert_int_equal(s.memory_level[0], rows[i].first);
        assert_int_equal(s.memory_level[s.memories - 1], s.levels);
        assert_int_equal(s.disc_levels, rows[i].disc);
        for (int l = 1; l <= s.levels; l++) {
            assert_int_equal(s.level[l].channels, 16 << (l < 4 ? l - 1 : 3));
            assert_int_equal(s.level[l].height, in.height >> l);
            assert_int_equal(s.level[l].width, in.width >> l);
            assert_int_equal(s.level[l].skip, l >= rows[i].first && l < s.levels);
        }
    }
}

/* Maps of 20 x 28, 10 x 14 and 5 x 7 cells: the nearest edges that divide. */
static void test_spec_divides_any_multiple_of_32(void **state)
{
    static const int64_t edges[3][2] = {{4, 4}, {5, 2}, {1, 1}};
    const struct oddi_geometry in = {1, 160, 224};
    struct daad_shape s;
    daad_test_ok(*state, shape_test_make(*state, "width=16", &in, &s));
    for (int i = 0; i < 3; i++) {
        assert_int_equal(s.block[i][0], edges[i][0]);
        assert_int_equal(s.block[i][1], edges[i][1]);
        assert_int_equal(s.block[i][2], s.level[s.memory_level[i]].channels);
    }
}

static void test_ladder(void **state)
{
    static const struct {
        const char *settings;
        int memories, skips;
    } rows[] = {{"variant=ae", 0, 0},          {"variant=uae", 0, 2},
                {"variant=daad", 3, 2},        {"variant=daad+", 3, 2},
                {"memories=bottleneck", 1, 0}, {"variant=uae memories=bottleneck", 0, 0}};
    const struct oddi_geometry in = {3, 128, 128};
    for (size_t i = 0; i < ODDI_COUNT(rows); i++) {
        struct daad_shape s;
        int skips = 0;
        daad_test_ok(*state, shape_test_make(*state, rows[i].settings, &in, &s));
        for (int l = 1; l <= s.levels; l++)
            skips += s.level[l].skip;
        assert_int_equal(s.memories, rows[i].memories);
        assert_int_equal(skips, rows[i].skips);
    }
}

/* At 128 pixels and w = 8 the memories see 32 x 16 x 16, 64 x 8 x 8 and 64 x 4 x 4. */
static void test_divisions(void **state)
{
    static const struct {
        const char *setting;
        int64_t block[3][3];
    } rows[] = {
        {"division=spec", {{4, 4, 32}, {4, 4, 64}, {2, 2, 64}}},
        {"division=auto", {{4, 4, 32}, {4, 4, 64}, {2, 2, 64}}},
        {"division=pixel", {{1, 1, 32}, {1, 1, 64}, {1, 1, 64}}},
        {"division=whole", {{16, 16, 32}, {8, 8, 64}, {4, 4, 64}}},
        {"division=1x1x1", {{16, 16, 32}, {8, 8, 64}, {4, 4, 64}}},
        {"division=4x2x1", {{4, 8, 32}, {2, 4, 64}, {1, 2, 64}}},
        {"division=8x4x2/2x4x1/1x2x4", {{2, 4, 16}, {4, 2, 64}, {4, 2, 16}}},
        {"block=2x4x0", {{2, 4, 32}, {2, 4, 64}, {2, 4, 64}}},
        {"block=8x8x16", {{8, 8, 16}, {8, 8, 16}, {4, 4, 16}}}, /* no larger than the map */
        {"block=2x2x0/8x4x32/0x1x1", {{2, 2, 32}, {8, 4, 32}, {4, 1, 1}}},
        {"block=pixel", {{1, 1, 32}, {1, 1, 64}, {1, 1, 64}}},
        {"block=whole", {{16, 16, 32}, {8, 8, 64}, {4, 4, 64}}},
        {"division=pixel block=2x2x0", {{2, 2, 32}, {2, 2, 64}, {2, 2, 64}}}, /* block beats it */
    };
    const struct oddi_geometry in = {3, 128, 128};
    for (size_t i = 0; i < ODDI_COUNT(rows); i++) {
        struct daad_shape s;
        char settings[96];
        snprintf(settings, sizeof(settings), "width=8 %s", rows[i].setting);
        daad_test_ok(*state, shape_test_make(*state, settings, &in, &s));
        for (int m = 0; m < 3; m++) {
            const struct daad_level *l = &s.level[s.memory_level[m]];
            const int64_t *b = rows[i].block[m], length = b[0] * b[1] * b[2];
            if (memcmp(s.block[m], b, sizeof(s.block[m])) != 0)
                fail_msg("%s: memory %d has blocks of %dx%dx%d", rows[i].setting, m + 1,
                         (int)s.block[m][0], (int)s.block[m][1], (int)s.block[m][2]);
            assert_int_equal(oddi_daad_block_length(&s, m), length);
            assert_int_equal(oddi_daad_blocks_per_picture(&s, m) * length,
                             l->channels * l->height * l->width);
        }
    }
}

static void test_refused(void **state)
{
    static const struct {
        const char *settings, *message;
        int64_t height, width;
    } rows[] = {
        {"division=3x1x1", "division=3x1x1 does not divide the 8 rows of memory 1", 32, 32},
        {"division=1x5x1", "does not divide the 8 columns of memory 1", 32, 32},
        {"division=1x1x7", "does not divide the 16 channels of memory 1", 32, 32},
        {"division=8x8x1", "does not divide the 4 rows of memory 2", 32, 32},
        {"block=3x1x0", "block=3x1x0 does not divide the 8 rows of memory 1", 32, 32},
        {"block=4x4x0/2x3x0", "does not divide the 4 columns of memory 2", 32, 32},
        {"division=4x4", "division=4x4: expected", 32, 32},
        {"division=4x4x1x1", "division=4x4x1x1: expected", 32, 32},
        {"division=4x4x", "expected", 32, 32},
        {"division=x4x4", "expected", 32, 32},
        {"division=", "expected", 32, 32},
        {"division=/", "expected", 32, 32},
        {"division=4x4x1/", "expected", 32, 32},
        {"division=4x4x1/2x2x1/1x1x1", "expected", 32, 32}, /* three for two memories */
        {"division=0x4x1", "expected", 32, 32},
        {"division=-1x4x1", "expected", 32, 32},
        {"division=4x4x1.5", "expected", 32, 32},
        {"division=4X4X1", "expected", 32, 32},
        {"division=99999999999999999999x1x1", "expected", 32, 32},
        {"division=9999999x1x1", "expected", 32, 32},
        {"division=fine", "division=fine: expected", 32, 32},
        {"block=spec", "block=spec: expected", 32, 32},
        {"block=-1x1x1", "block=-1x1x1: expected", 32, 32},
        {"", "at least 16 x 16", 12, 32},
        {"", "at least 16 x 16", 32, 8},
        {"", "multiples of 8", 36, 32},
        {"", "multiples of 32", 256, 272},
    };
    for (size_t i = 0; i < ODDI_COUNT(rows); i++) {
        const struct oddi_geometry in = {1, rows[i].height, rows[i].width};
        struct daad_shape s;
        char settings[96];
        snprintf(settings, sizeof(settings), "width=8%s%s", rows[i].settings[0] ? " " : "",
                 rows[i].settings);
        assert_int_equal(shape_test_make(*state, settings, &in, &s), ODD_ECONFIG);
        if (!strstr(odd_last_message(*state), rows[i].message))
            fail_msg("%s: \"%s\"", rows[i].settings, odd_last_message(*state));
    }
}

static void test_addressing(void **state)
{
    static const struct {
        const char *settings;
        double temperature, lambda;
    } rows[] = {{"items=50", 0.1, 0.02},
                {"items=50 addressing=memae", 1.0, 0.02},
                {"items=50 addressing=paper", 1.0, 0.0},
                {"items=50 shrink=3", 0.1, 0.06},
                {"items=50 shrink=0", 0.1, 0.0},
                {"items=50 addressing=paper temperature=0.25", 0.25, 0.0}};
    for (size_t i = 0; i < ODDI_COUNT(rows); i++) {
        struct daad_shape s;
        daad_test_ok(*state, shape_test_make(*state, rows[i].settings, &test_32, &s));
        assert_true(s.temperature == rows[i].temperature && s.lambda == rows[i].lambda);
        assert_int_equal(s.items, 50);
    }
}

/* ---- division of maps ---- */

static void shape_test_random(uint64_t seed, int64_t count, float *data)
{
    struct oddi_rng rng;
    oddi_rng_init(&rng, seed, ODDI_RNG_TEST, 0, 0);
    for (int64_t i = 0; i < count; i++)
        data[i] = oddi_rng_range(&rng, -1.0f, 1.0f);
}

/* Element j of block k of picture 0, from equation (1). */
static float shape_test_block(const float *map, const int64_t shape[3], const int64_t block[3],
                              const int64_t kj[2])
{
    const int64_t rw = shape[2] / block[1], rc = shape[0] / block[2];
    const int64_t a = kj[0] / (rw * rc), b = kj[0] / rc % rw, c = kj[0] % rc;
    const int64_t p = kj[1] / (block[1] * block[2]), q = kj[1] / block[2] % block[1];
    const int64_t channel = c * block[2] + kj[1] % block[2];
    return map[(channel * shape[1] + a * block[0] + p) * shape[2] + b * block[1] + q];
}

static void shape_test_divide(struct odd_context *ctx, const int64_t block[3], const char *mode)
{
    enum { N = 2, C = 16, H = 4, W = 12 };
    static float x[N * C * H * W];
    const int64_t shape[3] = {C, H, W}, length = block[0] * block[1] * block[2];
    struct oddi_graph g;
    struct oddi_plan *p = NULL;
    oddi_graph_init(&g, ctx);
    struct oddi_node *in = oddi_input(&g, "x", oddi_shape_make(4, N, C, H, W));
    struct oddi_node *blocks = oddi_blocks(&g, in, block);
    struct oddi_node *back = oddi_unblocks(&g, blocks, in->shape, block);
    oddi_output(&g, blocks, NULL);
    oddi_output(&g, back, NULL);
    const struct oddi_plan_options options = {.mode = mode, .threads = 2};
    daad_test_ok(ctx, oddi_plan_new(ctx, &g, &options, &p));
    shape_test_random(4, N * C * H * W, x);
    daad_test_ok(ctx, oddi_plan_set(p, in, x));
    daad_test_ok(ctx, oddi_plan_run(p));
    assert_memory_equal(oddi_plan_output(p, back), x, sizeof(x));
    const float *q = oddi_plan_output(p, blocks);
    for (int64_t k = 0; k < C * H * W / length; k++)
        for (int64_t j = 0; j < length; j++) {
            const int64_t kj[2] = {k, j};
            assert_true(q[k * length + j] == shape_test_block(x, shape, block, kj));
        }
    oddi_plan_free(p);
    oddi_graph_release(&g);
}

/* Every way to divide a map of 16 x 4 x 12 puts back what it took. */
static void test_divide_undivide(void **state)
{
    static const char *const modes[] = {"ref", "simd", "best"};
    int64_t block[3];
    int divisions = 0;
    for (block[0] = 1; block[0] <= 4; block[0]++)
        for (block[1] = 1; block[1] <= 12; block[1]++)
            for (block[2] = 1; block[2] <= 16; block[2]++) {
                if (4 % block[0] || 12 % block[1] || 16 % block[2])
                    continue;
                shape_test_divide(*state, block, modes[divisions++ % 3]);
            }
    assert_int_equal(divisions, 3 * 6 * 5);
}

/* ---- tables ---- */

static void test_stages(void **state)
{
    static const struct {
        const char *settings;
        int stages;
        int64_t start;
    } rows[] = {{"variant=daad", 2, 100}, {"variant=daad+", 2, 100}, {"warm-up=0", 1, 0},
                {"variant=ae", 1, 0},     {"variant=uae", 1, 0},     {"warm-up=0.0001", 2, 1}};
    for (size_t i = 0; i < ODDI_COUNT(rows); i++) {
        struct oddi_values v;
        daad_test_values(*state, rows[i].settings, &v);
        const int stages = oddi_method_daad.stages(&v);
        assert_int_equal(stages, rows[i].stages);
        assert_int_equal(oddi_method_daad.stage_start(&v, 0, 1000), 0);
        if (stages == 2)
            assert_int_equal(oddi_method_daad.stage_start(&v, 1, 1000), rows[i].start);
        assert_string_equal(oddi_method_daad.stage_name(&v, 0), stages == 2 ? "warm-up" : "main");
        assert_string_equal(oddi_method_daad.stage_name(&v, stages - 1), "main");
        oddi_values_release(&v);
    }
}

static void test_check(void **state)
{
    static const char *const bad[] = {"score=a", "score=ra variant=daad", "score=ra variant=ae"};
    struct oddi_values v;
    for (size_t i = 0; i < ODDI_COUNT(bad); i++) {
        daad_test_values(*state, bad[i], &v);
        assert_int_equal(oddi_method_daad.check(*state, &v, &test_32), ODD_ECONFIG);
        assert_non_null(strstr(odd_last_message(*state), "discriminator"));
        oddi_values_release(&v);
    }
    daad_test_values(*state, "score=ra variant=daad+", &v);
    daad_test_ok(*state, oddi_method_daad.check(*state, &v, &test_32));
    oddi_values_release(&v);
}

/* Every preset is accepted at its size, and so is every division tried by division=auto. */
static void test_presets_and_candidates(void **state)
{
    int presets = 0;
    for (const struct oddi_preset *p = oddi_method_daad.presets; p->name; p++, presets++) {
        struct oddi_values v;
        struct oddi_geometry in = {3, 0, 0};
        daad_test_values(*state, "division=auto", &v);
        for (int i = 0; p->settings[i]; i++) {
            char name[32];
            const size_t length = strcspn(p->settings[i], "=");
            const char *value = p->settings[i] + length + 1;
            snprintf(name, sizeof(name), "%.*s", (int)length, p->settings[i]);
            if (strcmp(name, "size") == 0)
                in.height = in.width = atoi(value);
            else
                daad_test_ok(*state, oddi_values_set(&v, name, value, "preset"));
        }
        assert_int_equal(in.width % oddi_method_daad.multiple(&v), 0);
        daad_test_ok(*state, oddi_method_daad.check(*state, &v, &in));
        int tried = 0;
        for (const char *c; (c = oddi_method_daad.candidate(&v, &in, tried)) != NULL; tried++) {
            struct oddi_values w;
            daad_test_values(*state, c, &w);
            daad_test_ok(*state, oddi_method_daad.check(*state, &w, &in));
            oddi_values_release(&w);
        }
        assert_true(tried >= 3);
        daad_test_ok(*state, oddi_values_set(&v, "variant", "ae", "set"));
        assert_null(oddi_method_daad.candidate(&v, &in, 0));
        daad_test_ok(*state, oddi_values_set(&v, "division", "spec", "set"));
        assert_null(oddi_method_daad.candidate(&v, &in, 0));
        oddi_values_release(&v);
    }
    assert_true(presets >= 4);
    assert_ptr_equal(oddi_method_find("daad"), &oddi_method_daad);
    assert_ptr_equal(oddi_method_at(0), &oddi_method_daad);
    assert_null(oddi_method_find("dad"));
    assert_null(oddi_method_at(-1));
    assert_null(oddi_method_at(1000));
}

static int shape_test_setup(void **state)
{
    return odd_context_new((struct odd_context **)state) == ODD_OK ? 0 : -1;
}
static int shape_test_teardown(void **state)
{
    odd_context_free(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_levels),
        cmocka_unit_test(test_spec_divides_any_multiple_of_32),
        cmocka_unit_test(test_ladder),
        cmocka_unit_test(test_divisions),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_addressing),
        cmocka_unit_test(test_divide_undivide),
        cmocka_unit_test(test_stages),
        cmocka_unit_test(test_check),
        cmocka_unit_test(test_presets_and_candidates),
    };
    return cmocka_run_group_tests(tests, shape_test_setup, shape_test_teardown);
}
