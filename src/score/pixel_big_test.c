/* SPDX-License-Identifier: Apache-2.0
 *
 * 10^9 pixels in 256 MiB: slow, so not one of the ordinary tests. Scores fall on 2^22 levels; the
 * counts per level, kept while the pictures are made, give the same metrics by a second way.
 *
 *     pixel_big_test [MILLIONS OF PIXELS] [MIB OF BUDGET]
 */
#include "base/compat.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/os.h"
#include "score/pixel.h"

enum { SIDE = 1000, LEVELS = 1 << 22, LARGE = 200, LITTLE = 30 };

static float map[SIDE * SIDE];
static uint8_t mask[SIDE * SIDE];
static uint32_t normal[LEVELS], large[LEVELS], little[LEVELS];

/* SplitMix64. */
static uint64_t mix(uint64_t x)
{
    x += UINT64_C(0x9E3779B97F4A7C15);
    x = (x ^ x >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    x = (x ^ x >> 27) * UINT64_C(0x94D049BB133111EB);
    return x ^ x >> 31;
}

/* Every third picture has a large and a little square. Scores differ from picture to picture. */
static void make(uint64_t number)
{
    memset(mask, 0, sizeof(mask));
    for (int i = 0; i < SIDE * SIDE; i++) {
        const int y = i / SIDE, x = i % SIDE;
        const bool bad = number % 3 == 0, in_large = bad && y < LARGE && x < LARGE;
        const bool in_little = bad && SIDE - y <= LITTLE && SIDE - x <= LITTLE;
        const uint64_t draw = mix(number * SIDE * SIDE + (uint64_t)i);
        uint32_t level = (uint32_t)(draw >> 43) + (uint32_t)(number % 1000) * 512;

        level += in_large ? (uint32_t)(draw & 0xfffff) : in_little ? 1u << 19 : 0;
        mask[i] = in_large || in_little;
        map[i] = (float)level / LEVELS - 0.25F;
        (in_large ? large : in_little ? little : normal)[level]++;
    }
}

static double total(const uint32_t *count)
{
    double sum = 0;

    for (int i = 0; i < LEVELS; i++)
        sum += count[i];
    return sum;
}

static void expect(struct oddi_pixel_metrics *m)
{
    const double n = total(normal), big = total(large), small = total(little), p = big + small;
    long double tp = 0, fp = 0, pairs = 0, ap = 0, pro = 0, area[2] = {0};

    m->f1max = 0;
    for (int i = LEVELS; i-- > 0;) {
        const long double dtp = (long double)large[i] + little[i], dfp = normal[i];
        /* half of the regions are large, half little */
        const long double dpro =
            0.5L * (large[i] / (long double)big + little[i] / (long double)small);

        for (int k = 0; k < 2; k++) {
            const long double limit = m->limit[k] * n, part = fminl(dfp, limit - fp);
            if (part > 0)
                area[k] += part * (pro + 0.5L * dpro * part / dfp);
        }
        pairs += dfp * (tp + dtp / 2);
        tp += dtp;
        fp += dfp;
        pro += dpro;
        ap += dtp > 0 ? dtp * tp / (tp + fp) : 0;
        m->f1max = fmax(m->f1max, (double)(2 * tp / (tp + fp + p)));
    }
    m->auroc = (double)(pairs / ((long double)p * n));
    m->ap = (double)(ap / p);
    for (int k = 0; k < 2; k++)
        m->aupro[k] = (double)(area[k] / (m->limit[k] * n));
}

static int differs(const char *name, double found, double expected)
{
    const bool bad = !(fabs(found - expected) < 1e-12);

    printf("%-8s %.15f  expected %.15f%s\n", name, found, expected, bad ? "  WRONG" : "");
    return bad;
}

static int run(struct odd_context *ctx, uint64_t pictures, size_t budget)
{
    struct oddi_pixels_options options;
    struct oddi_pixels *pixels;
    struct oddi_pixel_metrics m = {0}, right;

    oddi_pixels_defaults(&options);
    options.budget = budget;
    options.folder = ".";
    if (oddi_pixels_new(ctx, &options, &pixels) != ODD_OK)
        return 1;
    const uint64_t before = oddi_os_now_ns();
    for (uint64_t i = 0; i < pictures; i++) {
        make(i);
        if (oddi_pixels_add(pixels, NULL, map, mask, SIDE, SIDE) != ODD_OK)
            return 1;
    }
    const uint64_t added = oddi_os_now_ns();
    if (oddi_pixels_finish(pixels, &m) != ODD_OK)
        return 1;
    const uint64_t done = oddi_os_now_ns();
    oddi_pixels_free(pixels);
    right = m;
    expect(&right);
    printf("%" PRIu64 " pictures; made and added in %.1f s, finished in %.1f s; peak %.0f MiB\n",
           m.pictures, (double)(added - before) / 1e9, (double)(done - added) / 1e9,
           (double)oddi_os_peak_rss_bytes() / 0x1p20);
    int wrong = differs("auroc", m.auroc, right.auroc) + differs("ap", m.ap, right.ap);
    wrong += differs("f1max", m.f1max, right.f1max);
    wrong += differs("aupro", m.aupro[0], right.aupro[0]);
    wrong += differs("aupro05", m.aupro[1], right.aupro[1]);
    /* the counts of this test take 48 MiB, the picture and its mask 5; 16 are for the rest */
    const double most = (double)budget / 0x1p20 + 48 + 5 + 16;
    if ((double)oddi_os_peak_rss_bytes() / 0x1p20 > most) {
        printf("memory exceeds %.0f MiB\n", most);
        wrong++;
    }
    return wrong;
}

int main(int argc, char **argv)
{
    const long millions = argc > 1 ? strtol(argv[1], NULL, 10) : 1000;
    const long mib = argc > 2 ? strtol(argv[2], NULL, 10) : 256;
    struct odd_context *ctx;

    if (millions < 1 || mib < 1 || odd_context_new(&ctx) != ODD_OK)
        return 2;
    const int wrong = run(ctx, (uint64_t)millions, (size_t)mib << 20);
    if (wrong)
        printf("failed: %s\n", odd_last_message(ctx));
    odd_context_free(ctx);
    return wrong ? 1 : 0;
}
