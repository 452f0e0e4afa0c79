/* SPDX-License-Identifier: Apache-2.0
 *
 * Names and small helpers of our own kernels. Every .c file of this folder is compiled once per
 * instruction set with ODDI_ISA (base, avx2, avx512) and ODDI_ISA_LEVEL (0, 1, 2) defined; what it
 * exports is SIMD_NAME(stem) = oddi_simd_<stem>_<isa>. host.c includes this file without ODDI_ISA
 * and sees only the tables.
 */
#ifndef ODDI_BACKEND_HOST_SIMD_SIMD_H
#define ODDI_BACKEND_HOST_SIMD_SIMD_H
#include "backend/backend.h"
#include "base/alloc.h"
#include "base/parallel.h"

/* The vector updates behind oddi_host_adam() and its sisters. */
struct oddi_simd_vectors {
    void (*adam)(int threads, const struct oddi_moments *x, const struct oddi_adam_step *s);
    void (*sgd)(int threads, const struct oddi_moments *x, const struct oddi_sgd_step *s);
    void (*average)(int threads, int64_t n, float *avg, const float *w, float keep);
    double (*norm2)(int threads, int64_t n, const float *g);
    /* Multiply-adds in registers, probe_flop of them a round (probe.c). */
    float (*probe)(int64_t rounds);
    const double *probe_flop;
};
const struct oddi_simd_vectors *oddi_host_vectors(void); /* of this processor (host.c) */
extern const struct oddi_kernel_set oddi_simd_set_base;
extern const struct oddi_simd_vectors oddi_simd_vectors_base;
#if defined(__x86_64__)
extern const struct oddi_kernel_set oddi_simd_set_avx2, oddi_simd_set_avx512;
extern const struct oddi_kernel_set oddi_simd_winograd_set_avx2, oddi_simd_winograd_set_avx512;
extern const struct oddi_simd_vectors oddi_simd_vectors_avx2, oddi_simd_vectors_avx512;
#endif

#ifdef ODDI_ISA
#define SIMD_CAT_(a, b) a##_##b
#define SIMD_CAT(a, b) SIMD_CAT_(a, b)
#define SIMD_NAME(stem) SIMD_CAT(oddi_simd_##stem, ODDI_ISA)

/* Every kernel is one row of kernels.def. */
#define SIMD_KERNEL(op) extern const struct oddi_kernel SIMD_NAME(kernel_##op);
#include "backend/host/simd/kernels.def"
#undef SIMD_KERNEL
extern const double SIMD_NAME(probe_flop);
float SIMD_NAME(probe)(int64_t rounds);

/* a * b + c, fused where the instruction set can (else fmaf would be a slow call). */
#if ODDI_ISA_LEVEL > 0
#define SIMD_FMA(a, b, c) __builtin_fmaf((a), (b), (c))
#else
#define SIMD_FMA(a, b, c) ((a) * (b) + (c))
#endif

#define SIMD_LANES 16 /* accumulators of a fixed-order sum, whatever the vector length */

static inline const float *simd_src(const struct oddi_task *task, int i)
{
    return oddi_host(&task->src[i]);
}
static inline float *simd_dst(const struct oddi_task *task)
{
    return oddi_host(&task->dst);
}
static inline int64_t simd_min(int64_t a, int64_t b)
{
    return a < b ? a : b;
}
static inline int64_t simd_max(int64_t a, int64_t b)
{
    return a > b ? a : b;
}
static inline int64_t simd_ceil(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}

/* All arguments are float32. */
static inline bool simd_f32(const struct oddi_task *task)
{
    for (int i = 0; i < task->src_count; i++)
        if (task->src[i].type != ODDI_F32)
            return false;
    return task->dst.type == ODDI_F32;
}
/* Every argument of src[0]'s shape takes src[0]'s layout, the others are plain. */
static inline void simd_layouts_same(struct oddi_task *task)
{
    for (int i = 1; i < task->src_count; i++)
        task->src[i].layout = oddi_shape_equal(&task->src[i].shape, &task->src[0].shape)
                                  ? task->src[0].layout
                                  : ODDI_PLAIN;
    task->dst.layout = oddi_shape_equal(&task->dst.shape, &task->src[0].shape)
                           ? task->src[0].layout
                           : ODDI_PLAIN;
}
/* dst takes this processor's preferred layout, the sources are plain (they have no channels). */
static inline void simd_layouts_made(struct oddi_task *task)
{
    for (int i = 0; i < task->src_count; i++)
        task->src[i].layout = ODDI_PLAIN;
    task->dst.layout =
        task->dst.shape.rank == 4 ? oddi_host_blocked(task->dst.shape.dim[1]) : ODDI_PLAIN;
}
#endif
#endif
