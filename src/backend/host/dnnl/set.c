/* SPDX-License-Identifier: Apache-2.0
 *
 * The vendor's kernels as sets: f32, and the same convolutions with bf16 inside.
 */
#include "backend/host/dnnl/conv.h"

static const struct oddi_kernel *const set_f32[] = {
    &oddi_dnnl_conv2d,      &oddi_dnnl_bwd_data, &oddi_dnnl_bwd_data_few,
    &oddi_dnnl_bwd_weights, &oddi_dnnl_matmul,   NULL,
};
static const struct oddi_kernel *const set_bf16[] = {
    &oddi_dnnl_conv2d_bf16,
    &oddi_dnnl_bwd_data_bf16,
    &oddi_dnnl_bwd_weights_bf16,
    NULL,
};

extern const struct oddi_kernel_set oddi_dnnl_set, oddi_dnnl_bf16_set;

const struct oddi_kernel_set oddi_dnnl_set = {
    .name = "dnnl",
    .usable = oddi_dnnl_has_avx2,
    .kernels = set_f32,
};
const struct oddi_kernel_set oddi_dnnl_bf16_set = {
    .name = "dnnl-bf16",
    .usable = oddi_dnnl_has_bf16,
    .kernels = set_bf16,
};
