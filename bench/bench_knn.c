/* SPDX-License-Identifier: Apache-2.0
 *
 * Nearest rows and coresets: times, and the share of the processor's FMA peak.
 *
 *     bench_knn [--quick] [THREADS]
 *
 * Search: 10,000 rows of 152 numbers, 1,024 queries; operations are the 2 x 152 of every product,
 * time is that of the whole call with its exact re-checks. Coreset: a tenth of 320 x 1,024 rows
 * (--quick: 32 x 256), of rows like the features of 320 pictures (neighbours in a picture are
 * alike, and so are pictures) and of plain noise, where nothing tells rows apart. Wall and
 * processor time; on a busy machine the second, divided by the threads, says more.
 */
#include "measure.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/rng.h"
#include "knn/coreset.h"
#include "knn/knn.h"

#define DIM 152
#define LATENT 12 /* independent fields behind a picture's features */
#define COARSE 5  /* their points along a side */

static struct odd_context *ctx;
static int threads = 2;

static void need(bool well)
{
    if (well)
        return;
    fprintf(stderr, "%s\n", odd_last_message(ctx));
    exit(1);
}
static float *bench_rows(int64_t count)
{
    float *rows = oddi_alloc_array(ctx, (size_t)count, DIM * sizeof(float));
    need(rows != NULL);
    return rows;
}
static float *bench_noise(int64_t count, uint64_t seed)
{
    float *rows = bench_rows(count);
    struct oddi_rng rng;
    oddi_rng_init(&rng, seed, ODDI_RNG_TEST, 0, 0);
    for (int64_t i = 0; i < count * DIM; i++)
        rows[i] = oddi_rng_normal(&rng);
    return rows;
}

/* Field `channel` at (x, y) in [0, 1]: what all pictures share and half as much of this one's own,
 * bilinear between COARSE x COARSE points. */
static float bench_field(const float *shared, const float *own, int channel, float x, float y)
{
    const float fx = x * (COARSE - 1.001f), fy = y * (COARSE - 1.001f);
    const int ix = (int)fx, iy = (int)fy;
    const float ax = fx - (float)ix, ay = fy - (float)iy;
    float sum = 0;
    for (int j = 0; j < 4; j++) {
        const int at = (channel * COARSE + iy + j / 2) * COARSE + ix + j % 2;
        const float weight = (j % 2 ? ax : 1 - ax) * (j / 2 ? ay : 1 - ay);
        sum += weight * (shared[at] + 0.5f * own[at]);
    }
    return sum;
}
/* A cell's row: a rectified mixture of the fields and a little noise. */
static void bench_cell(const float latent[LATENT], float mix[LATENT][DIM], struct oddi_rng *rng,
                       float *to)
{
    for (int k = 0; k < DIM; k++) {
        float sum = 0.3f * oddi_rng_normal(rng);
        for (int l = 0; l < LATENT; l++)
            sum += latent[l] * mix[l][k];
        to[k] = sum > 0 ? sum : 0;
    }
}
/* `pictures` of side x side cells. */
static float *bench_pictures(int64_t pictures, int64_t side)
{
    static float mix[LATENT][DIM], shared[LATENT * COARSE * COARSE], own[LATENT * COARSE * COARSE];
    float *rows = bench_rows(pictures * side * side), latent[LATENT];
    struct oddi_rng rng;
    oddi_rng_init(&rng, 7, ODDI_RNG_TEST, 1, 0);
    for (int i = 0; i < LATENT * DIM; i++)
        mix[i / DIM][i % DIM] = oddi_rng_normal(&rng);
    for (int i = 0; i < LATENT * COARSE * COARSE; i++)
        shared[i] = oddi_rng_normal(&rng);
    for (int64_t c = 0; c < pictures * side * side; c++) {
        const float x = (float)(c % side) / (float)side, y = (float)(c / side % side) / (float)side;
        for (int i = 0; c % (side * side) == 0 && i < LATENT * COARSE * COARSE; i++)
            own[i] = oddi_rng_normal(&rng);
        for (int l = 0; l < LATENT; l++)
            latent[l] = bench_field(shared, own, l, x, y);
        bench_cell(latent, mix, &rng, rows + c * DIM);
    }
    return rows;
}

/* One question, best of several. */
static void bench_search(const char *name, const float *rows, int64_t count, const float *query,
                         int k)
{
    const int64_t n = 1024;
    const struct oddi_knn_query q = {query, n, k, threads};
    struct oddi_knn *knn = NULL;
    float *d = bench_rows(n), *e = bench_rows(n); /* more than k of each query */
    int64_t *i = oddi_alloc_array(ctx, (size_t)(n * k), sizeof(*i)),
            *j = oddi_alloc_array(ctx, (size_t)(n * k), sizeof(*j));
    double best = 1e30, start;
    need(i && j && oddi_knn_new(ctx, rows, count, DIM, &knn) == ODD_OK);
    for (int run = 0; run < 20; run++) {
        start = bench_cpu_ms();
        need(oddi_knn_search(ctx, knn, &q, d, i) == ODD_OK);
        best = fmin(best, (bench_cpu_ms() - start) / threads);
    }
    start = bench_cpu_ms();
    need(oddi_knn_brute(ctx, knn, &q, e, j) == ODD_OK);
    const double brute = bench_cpu_ms() - start;
    const bool same = memcmp(d, e, (size_t)(n * k) * sizeof(*d)) == 0 &&
                      memcmp(i, j, (size_t)(n * k) * sizeof(*i)) == 0;
    const double rate = 2e-6 * (double)(n * count * DIM) / best;
    const double peak = bench_peak_f32(threads, 5).cpu;
    printf(
        "search %-8s k %2d  %8.2f ms  %7.1f GFLOP/s  %3.0f %% of the peak %.0f; brute, 1 thread, "
        "%.0f ms, %s\n",
        name, k, best, rate, 100 * rate / peak, peak, brute, same ? "same bits" : "OTHER BITS");
    fflush(stdout);
    oddi_knn_free(knn);
    oddi_free(ctx, d);
    oddi_free(ctx, e);
    oddi_free(ctx, i);
    oddi_free(ctx, j);
}

static void bench_coreset(const char *name, const float *rows, int64_t count, bool check)
{
    const int64_t want = count / 10;
    int64_t *chosen = oddi_alloc_array(ctx, (size_t)want, sizeof(*chosen)),
            *plain = oddi_alloc_array(ctx, (size_t)want, sizeof(*plain));
    double radius2 = 0, wall = bench_wall_ms(), cpu = bench_cpu_ms();
    const struct oddi_coreset_args a = {
        .rows = rows, .count = count, .dim = DIM, .want = want, .threads = threads};
    need(chosen && plain && oddi_coreset(ctx, &a, chosen, &radius2) == ODD_OK);
    wall = bench_wall_ms() - wall;
    cpu = bench_cpu_ms() - cpu;
    printf("coreset %-8s %lld of %lld: %.2f s wall, %.2f s processor, radius %.4f", name,
           (long long)want, (long long)count, 1e-3 * wall, 1e-3 * cpu, sqrt(radius2));
    if (check) {
        need(oddi_coreset_plain(ctx, &a, plain, NULL) == ODD_OK);
        printf(", %s", memcmp(chosen, plain, (size_t)want * sizeof(*plain)) == 0
                           ? "as the plain one"
                           : "OTHER CHOICE");
    }
    printf("\n");
    fflush(stdout);
    oddi_free(ctx, chosen);
    oddi_free(ctx, plain);
}

int main(int argc, char **argv)
{
    bool quick = false;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--quick") == 0)
            quick = true;
        else
            threads = atoi(argv[i]);
    }
    if (threads < 1 || odd_context_new(&ctx) != ODD_OK) {
        fprintf(stderr, "usage: bench_knn [--quick] [THREADS]\n");
        return 2;
    }
    const int64_t pictures = quick ? 32 : 320, side = quick ? 16 : 32,
                  count = pictures * side * side;
    float *noise = bench_noise(count, 1), *query = bench_noise(1024, 2);
    float *rows = bench_pictures(pictures, side);
    const int64_t bank = count < 10000 ? count - 1024 : 10000;
    for (int k = 1; k <= 9; k += 4) {
        bench_search("noise", noise, bank, query, k);
        bench_search("pictures", rows, bank, rows + (count - 1024) * DIM, k);
    }
    bench_coreset("pictures", rows, count, quick);
    bench_coreset("noise", noise, count, quick);
    oddi_free(ctx, noise);
    oddi_free(ctx, query);
    oddi_free(ctx, rows);
    odd_context_free(ctx);
    return 0;
}
