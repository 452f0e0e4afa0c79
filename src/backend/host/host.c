/* SPDX-License-Identifier: Apache-2.0
 *
 * The host backend: finds out what the processor can do, and offers the kernel sets in order of
 * preference. `ref` is the oracle, `simd` are our own kernels, `dnnl` the vendor's convolutions.
 */
#include "backend/backend.h"
#include "backend/host/simd/simd.h"

#include <string.h>

extern const struct oddi_kernel_set oddi_ref_set;
#if ODDI_HAVE_DNNL
extern const struct oddi_kernel_set oddi_dnnl_set, oddi_dnnl_bf16_set;
#endif

struct host_isa {
    const char *name;
    int64_t block; /* preferred channels per block, 1: none */
    const struct oddi_kernel_set *set;
    const struct oddi_kernel_set *winograd; /* NULL: none */
    const struct oddi_simd_vectors *vectors;
};
/* From the best to the one that always works. */
static const struct host_isa host_isas[] = {
#if defined(__x86_64__)
    {"avx512", 16, &oddi_simd_set_avx512, &oddi_simd_winograd_set_avx512,
     &oddi_simd_vectors_avx512},
    {"avx2", 8, &oddi_simd_set_avx2, &oddi_simd_winograd_set_avx2, &oddi_simd_vectors_avx2},
#endif
    {"base", 1, &oddi_simd_set_base, NULL, &oddi_simd_vectors_base},
};

static const struct host_isa *host_isa(void)
{
    size_t i = 0;
    while (i + 1 < ODDI_COUNT(host_isas) && !host_isas[i].set->usable())
        i++;
    return &host_isas[i];
}

const struct oddi_simd_vectors *oddi_host_vectors(void)
{
    return host_isa()->vectors;
}

bool oddi_host_has_bf16(void)
{
#if ODDI_HAVE_DNNL
    return oddi_dnnl_bf16_set.usable();
#else
    return false;
#endif
}

const char *oddi_host_isa(void)
{
    return host_isa()->name;
}

void oddi_host_vendor(char text[ODDI_VENDOR_TEXT])
{
#if ODDI_HAVE_DNNL
    oddi_dnnl_version(text);
#else
    memcpy(text, "none", 5);
#endif
}

enum oddi_layout oddi_host_blocked(int64_t channels)
{
    const int64_t block = host_isa()->block;
    if (channels < 1)
        return ODDI_PLAIN;
    if (block >= 16 && channels % 16 == 0)
        return ODDI_C16;
    if (block >= 8 && channels % 8 == 0)
        return ODDI_C8;
    return ODDI_PLAIN;
}

void oddi_host_sets(const char *mode, const struct oddi_kernel_set *sets[8])
{
    const struct host_isa *isa = host_isa();
    const bool low = strcmp(mode, "bf16") == 0, exact = strcmp(mode, "exact") == 0;
    const bool best = strcmp(mode, "best") == 0, simd = strcmp(mode, "simd") == 0;
    int n = 0;
#if ODDI_HAVE_DNNL
    if (low && isa->block > 1)
        sets[n++] = &oddi_dnnl_bf16_set;
#endif
    if ((best || low || simd) && isa->winograd)
        sets[n++] = isa->winograd;
#if ODDI_HAVE_DNNL
    if ((best || low || exact) && isa->block > 1)
        sets[n++] = &oddi_dnnl_set;
#else
    (void)exact;
#endif
    if (strcmp(mode, "ref") != 0)
        sets[n++] = isa->set;
    sets[n++] = &oddi_ref_set;
    sets[n] = NULL;
}

void oddi_layouts_follow(struct oddi_task *task)
{
    const enum oddi_layout layout = task->src[0].layout;
    for (int i = 1; i < task->src_count; i++)
        task->src[i].layout =
            oddi_shape_equal(&task->src[i].shape, &task->dst.shape) ? layout : ODDI_PLAIN;
    task->dst.layout = layout;
}

void oddi_host_adam(int threads, const struct oddi_moments *x, const struct oddi_adam_step *s)
{
    host_isa()->vectors->adam(threads, x, s);
}
void oddi_host_sgd(int threads, const struct oddi_moments *x, const struct oddi_sgd_step *s)
{
    host_isa()->vectors->sgd(threads, x, s);
}
void oddi_host_average(int threads, int64_t n, float *avg, const float *w, float keep)
{
    host_isa()->vectors->average(threads, n, avg, w, keep);
}
double oddi_host_norm2(int threads, int64_t n, const float *g)
{
    return host_isa()->vectors->norm2(threads, n, g);
}
