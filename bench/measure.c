/* SPDX-License-Identifier: Apache-2.0
 *
 * See measure.h. A probe keeps 16 independent sums in registers, so that it is bound by the
 * multiply-add units alone. Each version is compiled for its own instruction set and chosen here.
 */
#define _POSIX_C_SOURCE 200809L
#include "measure.h"

#include <stdlib.h>
#include <time.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "base/parallel.h"

#define PROBE_SUMS 16
#define PROBE_ROUNDS 400000
#define PROBE_THREADS 256

static double measure_ms(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

double bench_wall_ms(void)
{
    return measure_ms(CLOCK_MONOTONIC);
}

double bench_cpu_ms(void)
{
    return measure_ms(CLOCK_PROCESS_CPUTIME_ID);
}

uint64_t bench_cpu_ns(void)
{
    return (uint64_t)(bench_cpu_ms() * 1e6);
}

static int measure_compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

struct bench_stats bench_stats(double *sample, int count)
{
    struct bench_stats s = {0, 0, 0};
    if (count < 1)
        return s;
    qsort(sample, (size_t)count, sizeof(*sample), measure_compare);
    s.min = sample[0];
    s.max = sample[count - 1];
    s.median = 0.5 * (sample[(count - 1) / 2] + sample[count / 2]);
    return s;
}

json_t *bench_stats_json(double *sample, int count)
{
    const struct bench_stats s = bench_stats(sample, count);
    json_t *object = json_object();
    oddi_json_set_real(object, "min", s.min);
    oddi_json_set_real(object, "median", s.median);
    oddi_json_set_real(object, "max", s.max);
    return object;
}

/* ---- the peak ---- */

struct probe {
    float (*run)(int64_t rounds); /* the sums, so that the loop is not dropped */
    double flop;                  /* of one round */
    double cpu[PROBE_THREADS];    /* ms of each thread */
    float sum[PROBE_THREADS];
};

#if defined(__x86_64__)
__attribute__((target("avx512f"))) static float probe_avx512(int64_t rounds)
{
    const __m512 a = _mm512_set1_ps(0.999f), b = _mm512_set1_ps(0.001f);
    __m512 sum[PROBE_SUMS];
    for (int k = 0; k < PROBE_SUMS; k++)
        sum[k] = _mm512_set1_ps((float)k);
    for (int64_t i = 0; i < rounds; i++)
        for (int k = 0; k < PROBE_SUMS; k++)
            sum[k] = _mm512_fmadd_ps(sum[k], a, b);
    for (int k = 1; k < PROBE_SUMS; k++)
        sum[0] = _mm512_add_ps(sum[0], sum[k]);
    return _mm512_cvtss_f32(sum[0]);
}

/* 8 sums: there are 16 registers, and a and b take two. */
__attribute__((target("avx2,fma"))) static float probe_avx2(int64_t rounds)
{
    const __m256 a = _mm256_set1_ps(0.999f), b = _mm256_set1_ps(0.001f);
    __m256 sum[PROBE_SUMS / 2];
    for (int k = 0; k < PROBE_SUMS / 2; k++)
        sum[k] = _mm256_set1_ps((float)k);
    for (int64_t i = 0; i < 2 * rounds; i++)
        for (int k = 0; k < PROBE_SUMS / 2; k++)
            sum[k] = _mm256_fmadd_ps(sum[k], a, b);
    for (int k = 1; k < PROBE_SUMS / 2; k++)
        sum[0] = _mm256_add_ps(sum[0], sum[k]);
    return _mm256_cvtss_f32(sum[0]);
}

__attribute__((target("avx512f,avx512bf16"))) static float probe_bf16(int64_t rounds)
{
    __m512 sum[PROBE_SUMS];
    const __m512bh a = _mm512_cvtne2ps_pbh(_mm512_set1_ps(0.01f), _mm512_set1_ps(0.01f));
    for (int k = 0; k < PROBE_SUMS; k++)
        sum[k] = _mm512_set1_ps((float)k);
    for (int64_t i = 0; i < rounds; i++)
        for (int k = 0; k < PROBE_SUMS; k++)
            sum[k] = _mm512_dpbf16_ps(sum[k], a, a);
    for (int k = 1; k < PROBE_SUMS; k++)
        sum[0] = _mm512_add_ps(sum[0], sum[k]);
    return _mm512_cvtss_f32(sum[0]);
}
#endif

static float probe_plain(int64_t rounds)
{
    float sum[PROBE_SUMS];
    for (int k = 0; k < PROBE_SUMS; k++)
        sum[k] = (float)k;
    for (int64_t i = 0; i < rounds; i++)
        for (int k = 0; k < PROBE_SUMS; k++)
            sum[k] = sum[k] * 0.999f + 0.001f;
    for (int k = 1; k < PROBE_SUMS; k++)
        sum[0] += sum[k];
    return sum[0];
}

static void probe_job(void *arg, int64_t i)
{
    struct probe *p = arg;
    const double start = measure_ms(CLOCK_THREAD_CPUTIME_ID);
    p->sum[i] = p->run(PROBE_ROUNDS);
    p->cpu[i] = measure_ms(CLOCK_THREAD_CPUTIME_ID) - start;
}

static struct bench_peak probe_best(struct probe *p, int threads, int tries)
{
    struct bench_peak best = {0, 0};
    volatile float kept = 0.0f;
    if (threads > PROBE_THREADS)
        threads = PROBE_THREADS;
    const double work = (double)threads * p->flop * PROBE_ROUNDS * 1e-6;
    for (int t = 0; t < tries; t++) {
        double cpu = 0.0;
        const double start = bench_wall_ms();
        oddi_parallel(threads, threads, probe_job, p);
        const double wall = bench_wall_ms() - start;
        for (int i = 0; i < threads; i++)
            cpu += p->cpu[i] / (double)threads;
        kept = kept + p->sum[0];
        best.wall = work / wall > best.wall ? work / wall : best.wall;
        best.cpu = work / cpu > best.cpu ? work / cpu : best.cpu;
    }
    return best;
}

struct bench_peak bench_peak_f32(int threads, int tries)
{
    struct probe p = {.run = probe_plain, .flop = 2.0 * PROBE_SUMS};
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f")) {
        p.run = probe_avx512;
        p.flop = 2.0 * PROBE_SUMS * 16;
    } else if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        p.run = probe_avx2;
        p.flop = 2.0 * PROBE_SUMS * 8;
    }
#endif
    return probe_best(&p, threads, tries);
}

struct bench_peak bench_peak_bf16(int threads, int tries)
{
    struct probe p = {.run = NULL, .flop = 4.0 * PROBE_SUMS * 16};
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512bf16"))
        p.run = probe_bf16;
#endif
    return p.run ? probe_best(&p, threads, tries) : (struct bench_peak){0, 0};
}
