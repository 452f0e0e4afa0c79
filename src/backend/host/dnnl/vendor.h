/* SPDX-License-Identifier: Apache-2.0
 *
 * What all kernels of this folder share: the vendor's status as ours, and a "call", which is one
 * primitive together with the memory objects of its arguments, made in prepare so that a run only
 * points and executes. Everything belongs to the task that made it; an engine and a stream cost
 * less than a microsecond, so each task has its own and nothing is shared between threads.
 */
#ifndef ODDI_BACKEND_HOST_DNNL_VENDOR_H
#define ODDI_BACKEND_HOST_DNNL_VENDOR_H
#include "backend/backend.h"
#include "backend/host/dnnl/compat.h"
#include "base/alloc.h"
#include "base/parallel.h"

#define DNNL_CALL_ARGS 5

struct oddi_dnnl_call { /* all zero: there is none */
    dnnl_primitive_t primitive;
    int count;
    dnnl_exec_arg_t arg[DNNL_CALL_ARGS];
    void *at[DNNL_CALL_ARGS]; /* where each argument points now */
    size_t scratch;           /* bytes that DNNL_ARG_SCRATCHPAD must point to */
};

/* The vendor's status as ours; the only translation. */
odd_status oddi_dnnl_status(dnnl_status_t status);
/* Writes the message of a prepare that failed; returns `status`. */
odd_status oddi_dnnl_fail(struct odd_context *ctx, const struct oddi_task *task, odd_status status);

/* Instruction sets, as the vendor may use them (its environment can narrow them). */
bool oddi_dnnl_has_avx2(void);
bool oddi_dnnl_has_avx512(void);
bool oddi_dnnl_has_bf16(void);
/* Layouts for two tensors that one convolution joins: the same block where both can have one. */
void oddi_dnnl_blocks(int64_t a_channels, int64_t b_channels, enum oddi_layout *a, enum oddi_layout *b);
dnnl_format_tag_t oddi_dnnl_tag(enum oddi_layout layout);
/* Both ends of every argument are float32. */
bool oddi_dnnl_f32(const struct oddi_task *task);

odd_status oddi_dnnl_open(dnnl_engine_t *engine, dnnl_stream_t *stream);
void oddi_dnnl_close(dnnl_engine_t *engine, dnnl_stream_t *stream);
/* Attributes of every primitive: our scratch, strict f32; with `act` a leaky ReLU at the end. */
odd_status oddi_dnnl_attr(bool act, float slope, dnnl_primitive_attr_t *attr);
/* Whether an implementation's name starts so. */
bool oddi_dnnl_is(const_dnnl_primitive_desc_t pd, const char *prefix);

/* Makes the primitive; after a failure the call must be released as well. */
odd_status oddi_dnnl_call_init(struct oddi_dnnl_call *call, dnnl_engine_t engine,
                               const_dnnl_primitive_desc_t pd);
odd_status oddi_dnnl_call_arg(struct oddi_dnnl_call *call, dnnl_engine_t engine, int id,
                              compat_view md);
/* A conversion of layout or type (DNNL_ARG_FROM to DNNL_ARG_TO); none where the two are equal. */
odd_status oddi_dnnl_call_relay(struct oddi_dnnl_call *call, dnnl_engine_t engine, compat_view from,
                                compat_view to);
void oddi_dnnl_call_point(struct oddi_dnnl_call *call, int id, void *data);
odd_status oddi_dnnl_call_run(const struct oddi_dnnl_call *call, dnnl_stream_t stream);
/* Points and runs a conversion. */
odd_status oddi_dnnl_call_convert(struct oddi_dnnl_call *call, dnnl_stream_t stream, char *scratch,
                                  const void *from, void *to);
void oddi_dnnl_call_release(struct oddi_dnnl_call *call);

static inline size_t oddi_dnnl_round(size_t size)
{
    return (size + 63) / 64 * 64;
}
static inline size_t oddi_dnnl_max(size_t a, size_t b)
{
    return a > b ? a : b;
}
#endif
