/* SPDX-License-Identifier: Apache-2.0
 *
 * The reference kernels, in float and double. Each formula is written once, in a .inc file, with
 * the type `real`; f32.c and f64.c compile them all with REF_REAL and REF_TAG defined. ref.c
 * includes this file without them and sees only the declarations.
 *
 * They are the oracle: the plainest loops, in a fixed order, sums in double. What is written in
 * parallel is divided by output element, so bits do not depend on the number of threads.
 */
#ifndef ODDI_BACKEND_HOST_REF_REF_H
#define ODDI_BACKEND_HOST_REF_REF_H
#include "backend/backend.h"
#include "base/parallel.h"

#define REF_KERNEL(op)                                                                             \
    odd_status oddi_ref_##op##_f32(struct oddi_task *task);                                        \
    odd_status oddi_ref_##op##_f64(struct oddi_task *task);
#include "backend/host/ref/kernels.def"
#undef REF_KERNEL

#ifdef REF_REAL
typedef REF_REAL real;
#define REF_CAT_(a, b) oddi_ref_##a##_##b
#define REF_CAT(a, b) REF_CAT_(a, b)
#define REF_NAME(op) REF_CAT(op, REF_TAG) /* oddi_ref_<op>_f32 or _f64 */

#define REF_CHUNK 4096 /* elements of one parallel piece of an elementwise operation */

static inline const real *ref_src(const struct oddi_task *task, int i)
{
    return oddi_host(&task->src[i]);
}
static inline real *ref_dst(const struct oddi_task *task)
{
    return oddi_host(&task->dst);
}
static inline int64_t ref_min(int64_t a, int64_t b)
{
    return a < b ? a : b;
}
static inline int64_t ref_max(int64_t a, int64_t b)
{
    return a > b ? a : b;
}
static inline int64_t ref_ceil(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}
static inline double ref_leaky(double x, double slope)
{
    return x > 0.0 ? x : slope * x;
}
/* The activation that the fusion pass puts into an operation (i2, f3). */
static inline double ref_act(const struct oddi_attr *attr, double x)
{
    return attr->i[2] == 1 ? ref_leaky(x, attr->f[3]) : x;
}
#endif
#endif
