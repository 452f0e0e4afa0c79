/* SPDX-License-Identifier: Apache-2.0
 *
 * Times the products of a network, kernel by kernel: GFLOP/s of each convolution of DAAD, or of
 * the 3x3 ones of an expert ("vgg"; forward, backward by data, backward by weights) and of its
 * matrix products, and the share of the processor's FMA peak (of its longest vectors, whatever set
 * is timed). Operations are those of the plain convolution, also where a kernel does fewer.
 *
 *     bench_kernels [SET [NET [THREADS [SECONDS [LAYER]]]]]
 *         SET best|exact|simd|base|avx2|avx512|winograd-avx2    NET full|lite|small|vgg
 *
 * The best of the runs that fit the time counts: others use the machine. Layouts are those that a
 * plan would choose where every map is produced in the processor's preferred layout.
 */
#include "measure.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/backend.h"
#include "backend/host/simd/simd.h"
#include "base/rng.h"

/* Stride 2 with 4x4 taps down or (transposed) up; stride 1 with 3x3. */
enum layer_kind { DOWN, UP, SAME };
struct layer {
    const char *name;
    int64_t n, ic, h, oc; /* UP: from (ic, h) to (oc, 2 h) */
    enum layer_kind kind;
};
struct net {
    const char *name;
    struct layer layer[12];
    int64_t matmul[3][3]; /* rows, items, length of a memory */
};
static const struct net nets[] = {
    {"full",
     {{"enc1", 8, 3, 256, 64, DOWN},
      {"enc2", 8, 64, 128, 128, DOWN},
      {"enc3", 8, 128, 64, 256, DOWN},
      {"enc4", 8, 256, 32, 512, DOWN},
      {"enc5", 8, 512, 16, 512, DOWN},
      {"dec5", 8, 512, 8, 512, UP},
      {"dec4", 8, 1024, 16, 256, UP},
      {"dec3", 8, 512, 32, 128, UP},
      {"dec2", 8, 128, 64, 64, UP},
      {"dec1", 8, 64, 128, 3, UP}},
     {{128, 500, 2048}, {512, 500, 2048}, {2048, 500, 1024}}},
    {"lite",
     {{"enc1", 16, 3, 128, 32, DOWN},
      {"enc2", 16, 32, 64, 64, DOWN},
      {"enc3", 16, 64, 32, 128, DOWN},
      {"enc4", 16, 128, 16, 256, DOWN},
      {"dec4", 16, 256, 8, 256, UP},
      {"dec3", 16, 512, 16, 64, UP},
      {"dec2", 16, 128, 32, 32, UP},
      {"dec1", 16, 32, 64, 3, UP}},
     {{256, 250, 1024}, {1024, 250, 1024}, {0, 0, 0}}},
    {"small",
     {{"enc1", 1, 3, 128, 32, DOWN},
      {"enc2", 1, 32, 64, 64, DOWN},
      {"enc3", 1, 64, 32, 128, DOWN},
      {"enc4", 1, 128, 16, 256, DOWN},
      {"dec4", 1, 256, 8, 256, UP},
      {"dec3", 1, 512, 16, 64, UP},
      {"dec2", 1, 128, 32, 32, UP},
      {"dec1", 1, 32, 64, 3, UP}},
     {{16, 250, 1024}, {64, 250, 1024}, {0, 0, 0}}},
    {"vgg",
     {{"16-128@64", 8, 16, 64, 128, SAME},
      {"64-64@128", 8, 64, 128, 64, SAME},
      {"128-128@64", 8, 128, 64, 128, SAME},
      {"256-256@32", 8, 256, 32, 256, SAME},
      {"512-512@16", 8, 512, 16, 512, SAME},
      {"512-512@16 alone", 1, 512, 16, 512, SAME},
      {"512-512@8", 8, 512, 8, 512, SAME}},
     {{0, 0, 0}}},
};

static struct odd_context *ctx;
static int threads = 2;
static double seconds = 0.3;
static double peak; /* GFLOP/s */
static const struct oddi_kernel_set *sets[8];
static bool scoring; /* weights stay as they are */
static double total_flop, total_time;

/* Seconds; with one thread of processor time, which others lengthen less. */
static double now(void)
{
    return 1e-3 * (threads == 1 ? bench_cpu_ms() : bench_wall_ms());
}

static void arg_make(struct oddi_arg *arg, struct oddi_buffer *buffer, uint64_t seed)
{
    const int64_t count = oddi_shape_count(&arg->shape);
    buffer->size = (size_t)count * sizeof(float);
    buffer->data = oddi_alloc_aligned(ctx, buffer->size);
    if (!buffer->data)
        exit(1);
    struct oddi_rng rng;
    oddi_rng_init(&rng, seed, ODDI_RNG_INIT, 0, 0);
    for (int64_t i = 0; i < count; i++)
        ((float *)buffer->data)[i] = oddi_rng_range(&rng, -1.0f, 1.0f);
    arg->buffer = buffer;
    arg->type = ODDI_F32;
}
/* Whether the kernel takes the task, with the layouts that it chooses. */
static bool kernel_takes(const struct oddi_kernel *kernel, struct oddi_task *task)
{
    struct oddi_task attempt = *task;
    if (strcmp(kernel->op, task->op) != 0)
        return false;
    if (kernel->layouts)
        kernel->layouts(&attempt);
    for (int i = 0; i < ODDI_MAX_SRC && !kernel->layouts; i++)
        attempt.src[i].layout = attempt.dst.layout = ODDI_PLAIN;
    if (kernel->accepts && !kernel->accepts(&attempt))
        return false;
    *task = attempt;
    return true;
}
static const struct oddi_kernel *kernel_find(struct oddi_task *task)
{
    for (int s = 0; sets[s]; s++)
        for (int k = 0; sets[s]->kernels[k]; k++)
            if (kernel_takes(sets[s]->kernels[k], task))
                return sets[s]->kernels[k];
    return NULL;
}

/* Best time of a run; new weights each time, as in training, but for the row that scores. */
static double task_best(const struct oddi_kernel *kernel, struct oddi_task *task)
{
    const double end = now() + seconds;
    double best = 1e9;
    int runs = 0;
    do {
        const double start = now();
        task->src[1].version += !scoring || task->src[1].version == 0;
        if (kernel->run(task) != ODD_OK)
            exit(1);
        const double used = now() - start;
        best = used < best && runs > 0 ? used : best;
    } while (runs++ < 2 || now() < end);
    return best;
}
static void task_print(const char *name, const char *kernel, double flop, double best)
{
    printf("%-22s %8.2f ms %8.1f GFLOP/s %5.0f %%  %s\n", name, 1e3 * best, flop / best * 1e-9,
           peak > 0.0 ? flop / best * 1e-7 / peak : 0.0, kernel);
    fflush(stdout);
    total_flop += flop;
    total_time += best;
}
/* Prepares, runs until the time is used, prints. */
static void task_time(struct oddi_task *task, const char *name, double flop)
{
    struct oddi_buffer buffer[ODDI_MAX_SRC + 3] = {{NULL, 0}};
    size_t scratch = 0, keep = 0;
    task->threads = threads;
    task->node = name;
    for (int i = 0; i < task->src_count; i++) {
        if (task->src[i].shape.rank == 4)
            task->src[i].layout = oddi_host_blocked(task->src[i].shape.dim[1]);
        arg_make(&task->src[i], &buffer[i], (uint64_t)i + 1);
    }
    arg_make(&task->dst, &buffer[ODDI_MAX_SRC], 9);
    const struct oddi_kernel *kernel = kernel_find(task);
    if (!kernel || (kernel->prepare && kernel->prepare(ctx, task, &scratch, &keep) != ODD_OK)) {
        printf("%-22s no kernel: %s\n", name, odd_last_message(ctx));
        exit(1);
    }
    task->scratch.buffer = &buffer[ODDI_MAX_SRC + 1];
    task->keep.buffer = &buffer[ODDI_MAX_SRC + 2];
    buffer[ODDI_MAX_SRC + 1] = (struct oddi_buffer){oddi_alloc_aligned(ctx, scratch + 64), scratch};
    buffer[ODDI_MAX_SRC + 2] = (struct oddi_buffer){oddi_alloc_aligned(ctx, keep + 64), keep};
    task_print(name, kernel->name, flop, task_best(kernel, task));
    if (kernel->done)
        kernel->done(ctx, task);
    for (int i = 0; i < ODDI_MAX_SRC + 3; i++)
        oddi_free_aligned(ctx, buffer[i].data);
}

/* The three passes of a layer; of a transposed one the forward is conv2d_bwd_data. */
static void layer_time(const struct layer *l)
{
    const bool up = l->kind == UP, same = l->kind == SAME;
    const int64_t half = l->kind == DOWN ? l->h / 2 : l->h, wide = same ? half : 2 * half;
    const int64_t big = up ? l->oc : l->ic, few = up ? l->ic : l->oc;
    const struct oddi_shape x = oddi_shape_make(4, l->n, big, wide, wide);
    const struct oddi_shape y = oddi_shape_make(4, l->n, few, half, half);
    const int64_t stride = same ? 1 : 2, taps = same ? 3 : 4;
    const struct oddi_shape w = oddi_shape_make(4, few, big, taps, taps);
    const struct oddi_attr attr = {.i = {stride, 1, 0, wide, wide}};
    struct oddi_attr kernel = {.i = {stride, 1, 0, taps, taps}};
    const double flop = 2.0 * (double)(taps * taps * l->n * l->ic * l->oc * half * half);
    char name[64];
    scoring = same && l->n == 1;
    struct oddi_task a = {.op = "conv2d", .attr = attr, .src_count = 2};
    a.src[0].shape = x;
    a.src[1].shape = w;
    a.dst.shape = y;
    struct oddi_task b = {.op = "conv2d_bwd_data", .attr = attr, .src_count = 2};
    b.src[0].shape = y;
    b.src[1].shape = w;
    b.dst.shape = x;
    struct oddi_task c = {.op = "conv2d_bwd_weights", .attr = kernel, .src_count = 2};
    c.src[0].shape = x;
    c.src[1].shape = y;
    c.dst.shape = w;
    snprintf(name, sizeof(name), "%s forward", l->name);
    task_time(up ? &b : &a, name, flop);
    snprintf(name, sizeof(name), "%s by data", l->name);
    task_time(up ? &a : &b, name, flop);
    snprintf(name, sizeof(name), "%s by weights", l->name);
    task_time(&c, name, flop);
}
/* q (rows, length) times items^T, and weights (rows, items) times items. */
static void matmul_time(const int64_t m[3])
{
    const double flop = 2.0 * (double)(m[0] * m[1] * m[2]);
    struct oddi_task a = {.op = "matmul", .attr = {.i = {0, 1}}, .src_count = 2};
    a.src[0].shape = oddi_shape_make(2, m[0], m[2], 1, 1);
    a.src[1].shape = oddi_shape_make(2, m[1], m[2], 1, 1);
    a.dst.shape = oddi_shape_make(2, m[0], m[1], 1, 1);
    task_time(&a, "memory: cosine", flop);
    struct oddi_task b = {.op = "matmul", .src_count = 2};
    b.src[0].shape = oddi_shape_make(2, m[0], m[1], 1, 1);
    b.src[1].shape = oddi_shape_make(2, m[1], m[2], 1, 1);
    b.dst.shape = oddi_shape_make(2, m[0], m[2], 1, 1);
    task_time(&b, "memory: assemble", flop);
    struct oddi_task c = {.op = "matmul", .attr = {.i = {1, 0}}, .src_count = 2};
    c.src[0].shape = oddi_shape_make(2, m[0], m[1], 1, 1);
    c.src[1].shape = oddi_shape_make(2, m[0], m[2], 1, 1);
    c.dst.shape = oddi_shape_make(2, m[1], m[2], 1, 1);
    task_time(&c, "memory: d items", flop);
}

static const char *argument(int argc, char **argv, int i, const char *otherwise)
{
    return argc > i ? argv[i] : otherwise;
}
/* Fills `sets`; returns the instruction set. */
static const char *sets_choose(const char *set)
{
#if defined(__x86_64__)
    if (strcmp(set, "winograd-avx2") == 0) {
        sets[0] = &oddi_simd_winograd_set_avx2;
        sets[1] = &oddi_simd_set_avx2;
        return "avx2";
    }
    if (strcmp(set, "avx2") == 0 || strcmp(set, "avx512") == 0) {
        sets[0] = strcmp(set, "avx2") == 0 ? &oddi_simd_set_avx2 : &oddi_simd_set_avx512;
        return set;
    }
#endif
    if (strcmp(set, "base") == 0) {
        sets[0] = &oddi_simd_set_base;
        return set;
    }
    oddi_host_sets(set, sets);
    return oddi_host_isa();
}
static void net_time(const struct net *net, const char *only)
{
    for (size_t l = 0; l < ODDI_COUNT(net->layer) && net->layer[l].name; l++)
        if (!only || strcmp(only, net->layer[l].name) == 0)
            layer_time(&net->layer[l]);
    for (int m = 0; m < 3 && net->matmul[m][0] > 0; m++)
        if (!only || strcmp(only, "memory") == 0)
            matmul_time(net->matmul[m]);
}

int main(int argc, char **argv)
{
    const char *set = argument(argc, argv, 1, "best"), *net = argument(argc, argv, 2, "full");
    threads = atoi(argument(argc, argv, 3, "2"));
    seconds = atof(argument(argc, argv, 4, "0.3"));
    if (odd_context_new(&ctx) != ODD_OK)
        return 1;
    const char *isa = sets_choose(set);
    peak = bench_peak_f32(threads, 8).cpu;
    printf("set %s (%s), net %s, %d threads, peak %.0f GFLOP/s\n", set, isa, net, threads, peak);
    for (size_t i = 0; i < ODDI_COUNT(nets); i++)
        if (strcmp(nets[i].name, net) == 0)
            net_time(&nets[i], argument(argc, argv, 5, NULL));
    if (total_time > 0.0)
        printf("total %.1f ms, %.1f GFLOP/s, %.0f %% of the peak\n", 1e3 * total_time,
               total_flop / total_time * 1e-9,
               peak > 0.0 ? total_flop / total_time * 1e-7 / peak : 0.0);
    odd_context_free(ctx);
    return 0;
}
