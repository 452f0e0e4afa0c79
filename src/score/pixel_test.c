/* SPDX-License-Identifier: Apache-2.0
 * Pixel metrics: the golden vector, brute force, spilling, and what must not change a bit. */
#include "base/compat.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../tests/support/fault_alloc.h"
#include "base/os.h"
#include "base/rng.h"
#include "score/pixel.h"
#include "score/rank.h"

#define NEAR(a, b, bound) assert_true(fabs((a) - (b)) < (bound))

static int setup(void **state)
{
    return odd_context_new((struct odd_context **)state) == ODD_OK ? 0 : -1;
}

static int teardown(void **state)
{
    odd_context_free(*state);
    return 0;
}

/* A set of equally sized pictures; a mask row may be NULL. */
struct set {
    const float *map;
    const uint8_t *mask;
    int n, w, h;
};

static odd_status measure_in(struct odd_context *ctx, const struct set *s,
                             const struct oddi_pixels_options *o, bool backwards,
                             struct oddi_pixel_metrics *m)
{
    odd_status status;
    struct oddi_pixels *pixels = NULL;
    const ptrdiff_t size = (ptrdiff_t)s->w * s->h;

    TRY(oddi_pixels_new(ctx, o, &pixels));
    for (int i = 0; i < s->n; i++) {
        const int k = backwards ? s->n - 1 - i : i;
        TRY(oddi_pixels_add(pixels, NULL, s->map + k * size, s->mask ? s->mask + k * size : NULL,
                            s->w, s->h));
    }
    TRY(oddi_pixels_finish(pixels, m));
out:
    oddi_pixels_free(pixels);
    return status;
}

static void measure(struct odd_context *ctx, const struct set *s,
                    const struct oddi_pixels_options *o, struct oddi_pixel_metrics *m)
{
    memset(m, 0, sizeof(*m));
    assert_int_equal(measure_in(ctx, s, o, false, m), ODD_OK);
}

/* The published vector: 4 pictures of 12 x 16. */
enum { GN = 4, GH = 12, GW = 16 };
struct golden {
    float map[GN][GH][GW];
    uint8_t mask[GN][GH][GW];
};

static struct set golden_set(struct golden *g)
{
    memset(g, 0, sizeof(*g));
    for (int n = 0; n < GN; n++)
        for (int y = 0; y < GH; y++)
            for (int x = 0; x < GW; x++)
                g->map[n][y][x] = (float)((7919 * n + 131 * y + 17 * x) % 257) / 257.0F;
    for (int y = 2; y <= 4; y++)
        for (int x = 3; x <= 7; x++)
            g->mask[1][y][x] = 1;
    g->mask[1][8][9] = 255;
    g->mask[2][5][5] = g->mask[2][6][6] = g->mask[2][7][7] = 1;
    for (int y = 0; y <= 1; y++)
        for (int x = 12; x <= 15; x++)
            g->mask[2][y][x] = 1;
    return (struct set){&g->map[0][0][0], &g->mask[0][0][0], GN, GW, GH};
}

static void golden_options(struct oddi_pixels_options *o)
{
    oddi_pixels_defaults(o);
    o->folder = ".";
    o->limits = 4;
    o->limit[1] = 0.1;
    o->limit[2] = 0.05;
    o->limit[3] = 0.01;
}

static void test_golden(void **state)
{
    const double right[] = {0.0631822612, 0.0405701754, 0.0304065452, 0.0270327260};
    const double wrong[] = {0.0421215075, 0.0270467836, 0.0202710301, 0.0180218174};
    struct golden g;
    const struct set s = golden_set(&g);
    struct oddi_pixels_options o;
    struct oddi_pixel_metrics m;

    golden_options(&o);
    measure(*state, &s, &o, &m);
    assert_int_equal(m.regions, 4);
    assert_int_equal(m.pictures, 4);
    assert_int_equal(m.n_anomalous, 27);
    assert_int_equal(m.n_normal, GN * GH * GW - 27);
    NEAR(m.auroc, 0.4094316989, 5e-11);
    NEAR(m.ap, 0.0408941450, 5e-11);
    NEAR(m.f1max, 0.0702210663, 5e-11);
    assert_true(m.f1max_threshold == (double)(8.0F / 257.0F));
    for (int i = 0; i < 4; i++)
        NEAR(m.aupro[i], right[i], 5e-11);
    assert_true(isnan(m.dice));
    /* what other tools compute with 4 neighbours is another number */
    o.connectivity = 4;
    measure(*state, &s, &o, &m);
    assert_int_equal(m.regions, 6);
    for (int i = 0; i < 4; i++) {
        NEAR(m.aupro[i], wrong[i], 5e-11);
        assert_true(fabs(m.aupro[i] - right[i]) > 0.008);
    }
    NEAR(m.auroc, 0.4094316989, 5e-11);
}

/* Image level of the same vector: maxima and means of the maps. */
static void test_golden_images(void **state)
{
    const int maximum[GN] = {255, 256, 256, 254};
    const double mean[GN] = {.48711089, .50346547, .49898671, .49450794};
    const uint8_t label[GN] = {0, 1, 1, 0};
    double score[GN];
    struct golden g;
    struct oddi_rank r;

    golden_set(&g);
    for (int n = 0; n < GN; n++) {
        double most = 0, sum = 0;
        for (int i = 0; i < GH * GW; i++) {
            const double v = (double)(&g.map[n][0][0])[i];
            most = fmax(most, v);
            sum += v;
        }
        assert_true(most == (double)((float)maximum[n] / 257.0F));
        NEAR(sum / (GH * GW), mean[n], 1e-7);
        score[n] = most;
    }
    assert_int_equal(oddi_rank_metrics(*state, &(struct oddi_scores){score, label, NULL, GN}, &r),
                     ODD_OK);
    assert_true(r.auroc == 1);
}

/* ---- brute force ---------------------------------------------------------------------------- */

enum { SMALL = 10, COUNT = 3, PIXELS = COUNT * SMALL * SMALL };

static void flood(const uint8_t *mask, int *label, int at, int id, int reach)
{
    const int y = at / SMALL, x = at % SMALL;

    label[at] = id;
    for (int v = y - 1; v <= y + 1; v++)
        for (int u = x - 1; u <= x + 1; u++) {
            const bool inside = v >= 0 && u >= 0 && v < SMALL && u < SMALL;
            if (inside && abs(v - y) + abs(u - x) <= reach && mask[v * SMALL + u] &&
                !label[v * SMALL + u])
                flood(mask, label, v * SMALL + u, id, reach);
        }
}

/* Regions of all pictures, from 1; returns how many. */
static int flood_all(const uint8_t *mask, int *label, int reach)
{
    int regions = 0;

    memset(label, 0, PIXELS * sizeof(*label));
    for (int i = 0; i < PIXELS; i++)
        if (mask[i] && !label[i]) {
            const int base = i - i % (SMALL * SMALL);
            flood(mask + base, label + base, i - base, ++regions, reach);
        }
    return regions;
}

static double next_below(const float *map, double threshold)
{
    double next = -INFINITY;

    for (int i = 0; i < PIXELS; i++)
        if ((double)map[i] < threshold && (double)map[i] > next)
            next = (double)map[i];
    return next;
}

/* The PRO at a threshold, region by region. */
static double brute_pro(const float *map, const int *label, int regions, double threshold)
{
    double sum = 0;

    for (int r = 1; r <= regions; r++) {
        double area = 0, hits = 0;
        for (int i = 0; i < PIXELS; i++) {
            area += label[i] == r;
            hits += label[i] == r && (double)map[i] >= threshold;
        }
        sum += hits / area;
    }
    return sum / regions;
}

static void brute(const float *map, const uint8_t *mask, const struct oddi_pixels_options *o,
                  struct oddi_pixel_metrics *m)
{
    static int label[PIXELS];
    const int regions = flood_all(mask, label, o->connectivity == 8 ? 2 : 1);
    double p = 0, tp0 = 0, fp0 = 0, pro0 = 0, area[ODDI_PIXELS_LIMITS] = {0}, above = 0, hit = 0;

    for (int i = 0; i < PIXELS; i++) {
        p += mask[i] != 0;
        above += (double)map[i] > o->threshold;
        hit += (double)map[i] > o->threshold && mask[i];
    }
    m->regions = (uint64_t)regions;
    m->dice = 2 * hit / (above + p);
    m->auroc = m->ap = m->f1max = 0;
    for (double t = next_below(map, INFINITY); t > -INFINITY; t = next_below(map, t)) {
        double tp = 0, fp = 0, pro = brute_pro(map, label, regions, t);
        for (int i = 0; i < PIXELS; i++) {
            tp += mask[i] && (double)map[i] >= t;
            fp += !mask[i] && (double)map[i] >= t;
        }
        const double x0 = fp0 / (PIXELS - p), x1 = fp / (PIXELS - p);
        m->auroc += (x1 - x0) * (tp + tp0) / 2 / p;
        m->ap += (tp - tp0) / p * tp / (tp + fp);
        m->f1max = fmax(m->f1max, 2 * tp / (tp + fp + p));
        for (int i = 0; i < o->limits; i++) {
            const double end = fmin(x1, o->limit[i]);
            const double high = x1 > x0 ? pro0 + (pro - pro0) * (end - x0) / (x1 - x0) : pro;
            if (end > x0)
                area[i] += (end - x0) * (pro0 + high) / 2;
        }
        tp0 = tp;
        fp0 = fp;
        pro0 = pro;
    }
    for (int i = 0; i < o->limits; i++)
        m->aupro[i] = area[i] / o->limit[i];
}

static void compare(const struct oddi_pixel_metrics *a, const struct oddi_pixel_metrics *b)
{
    assert_int_equal(a->regions, b->regions);
    NEAR(a->auroc, b->auroc, 1e-12);
    NEAR(a->ap, b->ap, 1e-12);
    NEAR(a->f1max, b->f1max, 1e-12);
    NEAR(a->dice, b->dice, 1e-12);
    for (int i = 0; i < a->limits; i++) {
        NEAR(a->aupro[i], b->aupro[i], 1e-12);
        assert_true(a->aupro[i] >= 0 && a->aupro[i] <= 1);
    }
}

/* Values are counts; a rising map is applied by the caller. */
static void random_set(struct oddi_rng *rng, float *map, uint8_t *mask)
{
    const uint64_t values = 1 + oddi_rng_below(rng, 40), dense = 2 + oddi_rng_below(rng, 8);

    for (int i = 0; i < PIXELS; i++) {
        mask[i] = oddi_rng_below(rng, dense) == 0;
        map[i] = (float)oddi_rng_below(rng, values) - 5.0F + (mask[i] ? 3.0F : 0.0F);
        if (map[i] == 0.0F && i % 2)
            map[i] = -0.0F; /* equal to 0, so one tie */
    }
    mask[0] = 1;
    mask[1] = 0;
}

static void test_brute_force(void **state)
{
    static float map[PIXELS], moved[PIXELS];
    static uint8_t mask[PIXELS];
    const struct set s = {map, mask, COUNT, SMALL, SMALL}, t = {moved, mask, COUNT, SMALL, SMALL};
    struct oddi_rng rng;
    struct oddi_pixels_options o;
    struct oddi_pixel_metrics m, b = {0}, again;

    oddi_rng_init(&rng, 2, ODDI_RNG_TEST, 0, 0);
    golden_options(&o);
    for (int round = 0; round < 200; round++) {
        random_set(&rng, map, mask);
        o.threshold = round % 5;
        o.connectivity = round % 3 ? 8 : 4;
        measure(*state, &s, &o, &m);
        brute(map, mask, &o, &b);
        compare(&m, &b);
        for (int i = 0; i < PIXELS; i++)
            moved[i] = expf(map[i] * 0.25F) * 1e-20F; /* rising, keeps ties */
        measure(*state, &t, &o, &again);
        again.f1max_threshold = m.f1max_threshold;
        again.dice = m.dice;
        assert_memory_equal(&again, &m, sizeof(m));
        memset(&again, 0, sizeof(again));
        assert_int_equal(measure_in(*state, &s, &o, true, &again), ODD_OK);
        assert_memory_equal(&again, &m, sizeof(m)); /* whatever the order of pictures */
    }
}

/* ---- simple sets ---------------------------------------------------------------------------- */

static void test_constant_and_perfect(void **state)
{
    struct golden g;
    const struct set s = golden_set(&g);
    struct oddi_pixels_options o;
    struct oddi_pixel_metrics m;
    const double prevalence = 27.0 / (GN * GH * GW);

    oddi_pixels_defaults(&o);
    for (int i = 0; i < GN * GH * GW; i++)
        (&g.map[0][0][0])[i] = -2.5F;
    measure(*state, &s, &o, &m);
    NEAR(m.aupro[0], 0.15, 1e-15);
    NEAR(m.aupro[1], 0.025, 1e-15);
    NEAR(m.auroc, 0.5, 1e-15);
    NEAR(m.ap, prevalence, 1e-15);
    NEAR(m.f1max, 2 * prevalence / (1 + prevalence), 1e-15);
    o.threshold = 0.5;
    for (int i = 0; i < GN * GH * GW; i++)
        (&g.map[0][0][0])[i] = (&g.mask[0][0][0])[i] ? 1.0F + (float)(i % 7) : 0.5F;
    measure(*state, &s, &o, &m);
    assert_true(m.aupro[0] == 1 && m.aupro[1] == 1 && m.auroc == 1 && m.ap == 1);
    assert_true(m.f1max == 1 && m.f1max_threshold == 1 && m.dice == 1);
}

static void test_undefined(void **state)
{
    struct golden g;
    struct set s = golden_set(&g);
    struct oddi_pixels_options o;
    struct oddi_pixel_metrics m;

    oddi_pixels_defaults(&o);
    o.threshold = 0.5;
    for (int i = 0; i < 3; i++) { /* no mask, nothing masked, no picture */
        s.mask = i ? &g.mask[0][0][0] : NULL;
        memset(g.mask, 0, sizeof(g.mask));
        s.n = i == 2 ? 0 : GN;
        measure(*state, &s, &o, &m);
        assert_true(isnan(m.auroc) && isnan(m.ap) && isnan(m.f1max) && isnan(m.aupro[0]));
        assert_true(isnan(m.dice) && isnan(m.f1max_threshold));
    }
    s.n = GN;
    memset(g.mask, 1, sizeof(g.mask)); /* nothing normal */
    measure(*state, &s, &o, &m);
    assert_int_equal(m.regions, GN);
    assert_true(isnan(m.auroc) && isnan(m.aupro[1]) && isnan(m.ap) && isnan(m.f1max));
}

static void test_refused(void **state)
{
    struct golden g;
    const struct set s = golden_set(&g);
    struct oddi_pixels_options o;
    struct oddi_pixels *p = NULL;
    struct oddi_pixel_metrics m, right;
    float bad[6] = {0, 1, 2, 3, NAN, 5};

    golden_options(&o);
    o.threshold = 0.5;
    measure(*state, &s, &o, &right);
    assert_int_equal(oddi_pixels_new(*state, &o, &p), ODD_OK);
    for (int n = 0; n < GN; n++) {
        bad[4] = n % 2 ? NAN : -INFINITY;
        assert_int_equal(oddi_pixels_add(p, "crack/7.png", bad, NULL, 3, 2), ODD_ENUMERIC);
        assert_non_null(strstr(odd_last_message(*state), "crack/7.png"));
        assert_non_null(strstr(odd_last_message(*state), "(1, 1)"));
        assert_int_equal(oddi_pixels_add(p, NULL, bad, NULL, 1 << 20, 1 << 20), ODD_ELIMIT);
        assert_int_equal(oddi_pixels_add(p, NULL, bad, NULL, 0, 2), ODD_ELIMIT);
        assert_int_equal(oddi_pixels_add(p, NULL, &g.map[n][0][0], &g.mask[n][0][0], GW, GH),
                         ODD_OK);
    }
    memset(&m, 0, sizeof(m));
    assert_int_equal(oddi_pixels_finish(p, &m), ODD_OK);
    assert_memory_equal(&m, &right, sizeof(m)); /* as if the bad ones had not been there */
    assert_int_equal(oddi_pixels_finish(p, &m), ODD_EINVAL);
    assert_int_equal(oddi_pixels_add(p, NULL, bad, NULL, 1, 1), ODD_EINVAL);
    oddi_pixels_free(p);
    o.limit[2] = 0;
    assert_int_equal(oddi_pixels_new(*state, &o, &p), ODD_EINVAL);
    o.limits = 5;
    assert_int_equal(oddi_pixels_new(*state, &o, &p), ODD_EINVAL);
    golden_options(&o);
    o.connectivity = 6;
    assert_int_equal(oddi_pixels_new(*state, &o, &p), ODD_EINVAL);
    oddi_pixels_free(NULL);
}

/* ---- spilling ------------------------------------------------------------------------------- */

enum { BIG = 320, BIG_N = 20 };
static float big_map[BIG_N * BIG * BIG];
static uint8_t big_mask[BIG_N * BIG * BIG];

/* kind 0: alike; 1: every picture above the one before; 2: constant; 3: few values. */
static struct set big_set(int kind)
{
    struct oddi_rng rng;

    oddi_rng_init(&rng, 3, ODDI_RNG_TEST, (uint64_t)kind, 0);
    for (int i = 0; i < BIG_N * BIG * BIG; i++) {
        const int n = i / (BIG * BIG), y = i / BIG % BIG, x = i % BIG;
        const bool spot = n % 3 == 1 && (y % 80) * (y % 80) + (x % 90) * (x % 90) < 40 * n;
        const float v = oddi_rng_uniform(&rng) + (spot ? 0.2F : 0.0F);
        big_mask[i] = spot;
        big_map[i] = kind == 0   ? v
                     : kind == 1 ? v + 2.0F * (float)n
                     : kind == 2 ? 0.25F
                                 : (float)(int)(v * 6.0F);
    }
    return (struct set){big_map, big_mask, BIG_N, BIG, BIG};
}

static void test_spilling_changes_nothing(void **state)
{
    struct oddi_pixels_options o;
    struct oddi_pixel_metrics memory, file;

    golden_options(&o);
    o.threshold = 0.9;
    for (int kind = 0; kind < 4; kind++) {
        const struct set s = big_set(kind);
        o.budget = (size_t)256 << 20;
        oddi_os_fail_at(0, 0);
        measure(*state, &s, &o, &memory);
        assert_int_equal(oddi_os_calls(), 0);
        for (int backwards = 0; backwards < 2; backwards++) {
            o.budget = 200 * 1024; /* 240 runs */
            oddi_os_fail_at(0, 0);
            memset(&file, 0, sizeof(file));
            assert_int_equal(measure_in(*state, &s, &o, backwards, &file), ODD_OK);
            assert_true(oddi_os_calls() > 240);
            assert_memory_equal(&memory, &file, sizeof(file));
        }
        if (kind == 2)
            NEAR(file.aupro[0], 0.15, 1e-12);
        else
            assert_true(file.aupro[0] > 0 && file.aupro[0] < 1 && file.regions > 20);
    }
}

static void test_too_small_a_budget(void **state)
{
    const struct set s = big_set(0);
    struct set part = s;
    struct oddi_pixels_options o;
    struct oddi_pixel_metrics m;
    struct oddi_pixels *p;
    odd_status status = ODD_OK;

    golden_options(&o);
    o.budget = 0; /* the least: 5461 integers, so at most 1365 runs */
    assert_int_equal(measure_in(*state, &part, &o, false, &m), ODD_OK);
    assert_int_equal(oddi_pixels_new(*state, &o, &p), ODD_OK);
    for (int i = 0; i < 100 && status == ODD_OK; i++)
        status = oddi_pixels_add(p, NULL, big_map, NULL, BIG, BIG);
    assert_int_equal(status, ODD_ELIMIT);
    assert_int_equal(oddi_pixels_finish(p, &m), ODD_EINVAL);
    oddi_pixels_free(p);
}

/* One component, random scores: known values, and the same AUROC as by picture ranking. */
static void test_random_million(void **state)
{
    struct oddi_pixels_options o;
    struct oddi_pixel_metrics m;
    struct oddi_rng rng;
    const struct set s = {big_map, big_mask, 10, BIG, BIG};

    oddi_rng_init(&rng, 4, ODDI_RNG_TEST, 0, 0);
    memset(big_mask, 0, sizeof(big_mask));
    for (int i = 0; i < 10 * BIG * BIG; i++) {
        big_map[i] = oddi_rng_uniform(&rng);
        big_mask[i] = i < 40000;
    }
    golden_options(&o);
    o.budget = 4 << 20;
    measure(*state, &s, &o, &m);
    assert_int_equal(m.regions, 1);
    NEAR(m.auroc, 0.5, 0.01);
    NEAR(m.aupro[0], 0.15, 0.01);
    NEAR(m.ap, 40000.0 / (10 * BIG * BIG), 0.002);
}

/* ---- failures ------------------------------------------------------------------------------- */

static void test_out_of_memory(void **state)
{
    const struct set all = big_set(0), s = {all.map, all.mask, 2, BIG, BIG};
    struct oddi_pixels_options o;

    (void)state;
    golden_options(&o);
    for (int spilling = 0; spilling < 2; spilling++) {
        o.budget = spilling ? 0 : (size_t)64 << 20;
        for (long n = 1;; n++) {
            struct fault_alloc fault;
            struct oddi_pixel_metrics m = {.pictures = 99};
            fault_alloc_init(&fault);
            struct odd_context *ctx = fault_context(&fault);
            fault_alloc_arm(&fault, n);
            odd_status status = measure_in(ctx, &s, &o, false, &m);
            bool failed = fault_alloc_disarm(&fault);
            assert_int_equal(status, failed ? ODD_ENOMEM : ODD_OK);
            assert_int_equal(m.pictures, failed ? 99 : 2);
            odd_context_free(ctx);
            assert_int_equal(fault.live, 0);
            if (!failed)
                break;
        }
    }
}

#define FOLDER "score-pixel-test"

/* Removes what is left in the folder, and counts it. */
static int clear_folder(void *user, const char *name)
{
    char path[512];

    snprintf(path, sizeof(path), FOLDER "/%s", name);
    assert_int_equal(oddi_os_unlink(path), 0);
    ++*(int *)user;
    return 0;
}

static void test_failing_files(void **state)
{
    const struct set all = big_set(0), s = {all.map, all.mask, 1, BIG, BIG};
    struct oddi_pixels_options o;
    struct oddi_pixel_metrics m;
    int left = 0;

    golden_options(&o);
    assert_int_equal(oddi_os_mkdir(FOLDER), 0);
    assert_int_equal(oddi_os_list(FOLDER, clear_folder, &left), 0);
    o.folder = FOLDER;
    o.budget = 256 * 1024;
    for (int nth = 1;; nth++) {
        m.pictures = 99;
        oddi_os_fail_at(nth, ENOSPC);
        odd_status status = measure_in(*state, &s, &o, false, &m);
        const bool failed = oddi_os_calls() >= nth;
        oddi_os_fail_at(0, 0);
        assert_true(status == ODD_OK || (failed && status == ODD_EIO && m.pictures == 99));
        if (!failed)
            break;
    }
    /* a file is left only where removing its name was what failed */
    left = 0;
    assert_int_equal(oddi_os_list(FOLDER, clear_folder, &left), 0);
    assert_int_equal(left, 1);
    o.folder = "no/such/folder";
    assert_int_equal(measure_in(*state, &s, &o, false, &m), ODD_EIO);
    assert_non_null(strstr(odd_last_message(*state), "no/such/folder"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden),
        cmocka_unit_test(test_golden_images),
        cmocka_unit_test(test_brute_force),
        cmocka_unit_test(test_constant_and_perfect),
        cmocka_unit_test(test_undefined),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_spilling_changes_nothing),
        cmocka_unit_test(test_too_small_a_budget),
        cmocka_unit_test(test_random_million),
        cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_failing_files),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
