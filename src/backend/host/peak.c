/* SPDX-License-Identifier: Apache-2.0
 *
 * What this machine can do at most, so that a kernel's time can be held against a bound. Both
 * figures are measured as kernels work: on the same threads, in the same pool, in pieces.
 *
 * Copies go piece by piece through two blocks that no cache holds. A piece is small enough for the
 * C library to store it through the caches, as kernels store.
 */
#include <string.h>

#include "backend/host/simd/simd.h"
#include "base/os.h"

#define PEAK_TRIES 5
#define PEAK_NS 150000000u /* of trying, since other work on the machine comes and goes */
#define PEAK_ROUNDS 100000
#define PEAK_BLOCK ((size_t)64 << 20)
#define PEAK_PIECE ((size_t)256 << 10)
#define PEAK_THREADS 256

struct peak_probe {
    float (*run)(int64_t rounds);
    float sum[PEAK_THREADS]; /* so that the work is not dropped */
};

static void peak_probe_job(void *arg, int64_t i)
{
    struct peak_probe *p = arg;
    p->sum[i] = p->run(PEAK_ROUNDS);
}

struct peak_copy {
    char *to;
    const char *from;
};

static void peak_copy_job(void *arg, int64_t i)
{
    const struct peak_copy *c = arg;
    memcpy(c->to + (size_t)i * PEAK_PIECE, c->from + (size_t)i * PEAK_PIECE, PEAK_PIECE);
}

/* Billions per second of `count` things done by fn. */
static double peak_rate(int threads, int64_t jobs, void (*fn)(void *arg, int64_t i), void *arg,
                        double count)
{
    double best = 0.0;
    const uint64_t first = oddi_os_now_ns();
    for (int t = 0; t < PEAK_TRIES || oddi_os_now_ns() - first < PEAK_NS; t++) {
        const uint64_t began = oddi_os_now_ns();
        oddi_parallel(threads, jobs, fn, arg);
        const uint64_t ns = oddi_os_now_ns() - began;
        const double rate = count / (double)(ns > 0 ? ns : 1);
        best = rate > best ? rate : best;
    }
    return best;
}

odd_status oddi_host_peak(struct odd_context *ctx, int threads, struct oddi_host_peak *peak)
{
    const struct oddi_simd_vectors *v = oddi_host_vectors();
    const int n = threads < PEAK_THREADS ? threads : PEAK_THREADS;
    struct peak_probe probe = {.run = v->probe};
    char *from = oddi_alloc_aligned(ctx, PEAK_BLOCK), *to = oddi_alloc_aligned(ctx, PEAK_BLOCK);
    odd_status status = from && to ? ODD_OK : ODD_ENOMEM;
    if (status == ODD_OK) {
        const struct peak_copy copy = {to, from};
        memset(from, 1, PEAK_BLOCK);
        memset(to, 2, PEAK_BLOCK);
        peak->gflops = peak_rate(n, n, peak_probe_job, &probe,
                                 (double)n * (double)PEAK_ROUNDS * *v->probe_flop);
        peak->copy_gbs = peak_rate(n, (int64_t)(PEAK_BLOCK / PEAK_PIECE), peak_copy_job,
                                   (void *)&copy, 2.0 * (double)PEAK_BLOCK);
    }
    oddi_free_aligned(ctx, from);
    oddi_free_aligned(ctx, to);
    return status;
}
