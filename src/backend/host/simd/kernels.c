/* SPDX-License-Identifier: Apache-2.0
 *
 * The set of our own kernels of one instruction set; the list is kernels.def.
 */
#include "backend/host/simd/simd.h"
#include "base/isa.h"

#define SIMD_KERNEL(op) &SIMD_NAME(kernel_##op),
static const struct oddi_kernel *const kernels_all[] = {
#include "backend/host/simd/kernels.def"
    NULL};
#undef SIMD_KERNEL

static bool kernels_usable(void)
{
    return oddi_isa_usable(ODDI_ISA_LEVEL);
}

const struct oddi_kernel_set SIMD_NAME(set) = {
    .name = "simd",
    .usable = kernels_usable,
    .kernels = kernels_all,
};
