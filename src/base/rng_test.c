/* SPDX-License-Identifier: Apache-2.0
 * Philox against the known answers that Random123 publishes (its file kat_vectors, three lines
 * "philox4x32 10"), then streams, distributions and order. */
#include "base/compat.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"

struct rng_test_case {
    uint32_t counter[4], key[2], out[4];
};

static const struct rng_test_case rng_test_cases[] = {
    {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
    {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
     {0xffffffff, 0xffffffff},
     {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
    {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
     {0xa4093822, 0x299f31d0},
     {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
};

static void test_known_answers(void **state)
{
    (void)state;
    for (size_t i = 0; i < ODDI_COUNT(rng_test_cases); i++) {
        uint32_t out[4];
        oddi_philox(rng_test_cases[i].counter, rng_test_cases[i].key, out);
        assert_memory_equal(out, rng_test_cases[i].out, sizeof out);
    }
}

static uint64_t rng_test_first(uint64_t seed, enum oddi_rng_purpose purpose, uint64_t step,
                               uint64_t index)
{
    struct oddi_rng rng;
    oddi_rng_init(&rng, seed, purpose, step, index);
    uint64_t high = oddi_rng_u32(&rng);
    return high << 32 | oddi_rng_u32(&rng);
}

static int rng_test_compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* Every coordinate, in its low and its high half, gives another stream. */
static void test_streams_differ(void **state)
{
    (void)state;
    static const uint64_t words[] = {0, 1, 2, UINT64_C(1) << 32, UINT64_C(3) << 32, UINT64_MAX};
    uint64_t *seen = malloc(6 * 6 * 6 * 4 * sizeof *seen);
    size_t count = 0;
    for (int s = 0; s < 6; s++)
        for (int t = 0; t < 6; t++)
            for (int i = 0; i < 6; i++)
                for (int p = 1; p <= 4; p++)
                    seen[count++] =
                        rng_test_first(words[s], (enum oddi_rng_purpose)p, words[t], words[i]);
    qsort(seen, count, sizeof *seen, rng_test_compare);
    for (size_t i = 1; i < count; i++)
        assert_true(seen[i] != seen[i - 1]);
    free(seen);
    assert_true(rng_test_first(5, ODDI_RNG_TEST, 6, 7) == rng_test_first(5, ODDI_RNG_TEST, 6, 7));
}

/* Written down once: a change of any draw breaks the repeatability of stored runs. */
static void test_draws_are_frozen(void **state)
{
    (void)state;
    struct oddi_rng rng;
    const uint32_t counter[4] = {1, 4, 3, ODDI_RNG_TEST}, key[2] = {2, 0};
    uint32_t out[4];
    oddi_rng_init(&rng, 2, ODDI_RNG_TEST, 3, 4);
    for (int i = 0; i < 4; i++)
        oddi_rng_u32(&rng);
    oddi_philox(counter, key, out);
    for (int i = 0; i < 4; i++)
        assert_int_equal(oddi_rng_u32(&rng), out[i]);
    assert_true(rng_test_first(1, ODDI_RNG_INIT, UINT64_C(0x123456789ABCDEF0), 3) ==
                UINT64_C(0x40A27A93621146C7));
}

static void test_uniform(void **state)
{
    (void)state;
    struct oddi_rng rng;
    double sum = 0, square = 0;
    const int n = 100000;
    oddi_rng_init(&rng, 1, ODDI_RNG_TEST, 0, 0);
    for (int i = 0; i < n; i++) {
        float u = oddi_rng_uniform(&rng);
        assert_true(u >= 0 && u < 1);
        sum += u;
        square += (double)u * u;
    }
    /* Standard errors: 0.0009 and 0.0009. */
    assert_true(fabs(sum / n - 0.5) < 0.004);
    assert_true(fabs(square / n - 1.0 / 3) < 0.004);
    for (int i = 0; i < 10000; i++) {
        float r = oddi_rng_range(&rng, 1.0f, 1.0000001f);
        assert_true(r >= 1.0f && r < 1.0000001f);
    }
    assert_true(oddi_rng_range(&rng, 3, 3) == 3);
}

static void test_normal(void **state)
{
    (void)state;
    struct oddi_rng rng;
    double sum = 0, square = 0, fourth = 0, pairs = 0, before = 0;
    const int n = 100000;
    oddi_rng_init(&rng, 1, ODDI_RNG_TEST, 1, 0);
    for (int i = 0; i < n; i++) {
        double z = oddi_rng_normal(&rng);
        assert_true(isfinite(z) && fabs(z) < 7);
        sum += z;
        square += z * z;
        fourth += z * z * z * z;
        pairs += z * before;
        before = z;
    }
    assert_true(fabs(sum / n) < 0.013);
    assert_true(fabs(square / n - 1) < 0.018);
    assert_true(fabs(fourth / n - 3) < 0.13);
    assert_true(fabs(pairs / n) < 0.013);
}

static void test_below(void **state)
{
    (void)state;
    struct oddi_rng rng;
    int count[6] = {0};
    oddi_rng_init(&rng, 1, ODDI_RNG_TEST, 2, 0);
    for (int i = 0; i < 60000; i++)
        count[oddi_rng_below(&rng, 6)]++;
    for (int i = 0; i < 6; i++)
        assert_in_range(count[i], 9600, 10400);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(oddi_rng_below(&rng, 1), 0);
        assert_true(oddi_rng_below(&rng, UINT64_C(0xC000000000000000)) <
                    UINT64_C(0xC000000000000000));
        assert_true(oddi_rng_below(&rng, UINT64_C(0x100000000)) < UINT64_C(0x100000000));
    }
    /* 3/4 of 2^32: a plain remainder would hit the lower third twice as often. */
    int low = 0;
    for (int i = 0; i < 30000; i++)
        low += oddi_rng_below(&rng, 0xC0000000u) < 0x40000000u;
    assert_in_range(low, 9600, 10400);
}

static void test_permutation(void **state)
{
    (void)state;
    struct oddi_rng rng;
    uint32_t order[1000];
    char seen[1000] = {0};
    int fixed = 0, first[3] = {0};
    oddi_rng_init(&rng, 1, ODDI_RNG_SHUFFLE, 0, 0);
    oddi_rng_permutation(&rng, 1000, order);
    for (uint32_t i = 0; i < 1000; i++) {
        assert_true(order[i] < 1000 && !seen[order[i]]);
        seen[order[i]] = 1;
        fixed += order[i] == i;
    }
    assert_in_range(fixed, 0, 8);
    for (int i = 0; i < 6000; i++) {
        oddi_rng_permutation(&rng, 3, order);
        first[order[0]]++;
    }
    for (int i = 0; i < 3; i++)
        assert_in_range(first[i], 1850, 2150);
    oddi_rng_permutation(&rng, 0, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_answers),    cmocka_unit_test(test_streams_differ),
        cmocka_unit_test(test_draws_are_frozen), cmocka_unit_test(test_uniform),
        cmocka_unit_test(test_normal),           cmocka_unit_test(test_below),
        cmocka_unit_test(test_permutation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
