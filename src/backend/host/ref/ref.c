/* SPDX-License-Identifier: Apache-2.0
 *
 * The set of reference kernels: per row of kernels.def one for float and one for double. All but
 * `reorder` want everything plain.
 */
#include "backend/host/ref/ref.h"

#include <string.h>

/* Layouts that the kernel can read or write: plain, or for `reorder` any that divides C. */
static bool ref_layout_ok(const struct oddi_task *task, const struct oddi_arg *arg)
{
    if (arg->layout == ODDI_PLAIN)
        return true;
    return strcmp(task->op, "reorder") == 0 && arg->shape.rank == 4 &&
           arg->shape.dim[1] % oddi_layout_block(arg->layout) == 0;
}

static bool ref_accepts(const struct oddi_task *task, enum oddi_type type)
{
    for (int i = 0; i < task->src_count; i++)
        if (task->src[i].type != type || !ref_layout_ok(task, &task->src[i]))
            return false;
    return task->dst.type == type && ref_layout_ok(task, &task->dst);
}
static bool ref_accepts_f32(const struct oddi_task *task)
{
    return ref_accepts(task, ODDI_F32);
}
static bool ref_accepts_f64(const struct oddi_task *task)
{
    return ref_accepts(task, ODDI_F64);
}

/* A reorder keeps the layouts it was made for; the planner does not ask it. */
#define REF_KERNEL(stem)                                                                           \
    static const struct oddi_kernel ref_##stem##_f32 = {.op = #stem,                               \
                                                        .name = "ref:" #stem,                      \
                                                        .accepts = ref_accepts_f32,                \
                                                        .run = oddi_ref_##stem##_f32};             \
    static const struct oddi_kernel ref_##stem##_f64 = {.op = #stem,                               \
                                                        .name = "ref:" #stem,                      \
                                                        .accepts = ref_accepts_f64,                \
                                                        .run = oddi_ref_##stem##_f64};
#include "backend/host/ref/kernels.def"
#undef REF_KERNEL

#define REF_KERNEL(op) &ref_##op##_f32, &ref_##op##_f64,
static const struct oddi_kernel *const ref_kernels[] = {
#include "backend/host/ref/kernels.def"
    NULL};
#undef REF_KERNEL

extern const struct oddi_kernel_set oddi_ref_set;
const struct oddi_kernel_set oddi_ref_set = {.name = "ref", .kernels = ref_kernels};
