/* SPDX-License-Identifier: Apache-2.0
 *
 * See vendor.h.
 */
#include "backend/host/dnnl/vendor.h"

#include <string.h>

odd_status oddi_dnnl_status(dnnl_status_t status)
{
    switch (status) {
    case dnnl_success:
        return ODD_OK;
    case dnnl_out_of_memory:
        return ODD_ENOMEM;
    case dnnl_unimplemented:
        return ODD_ENOTSUP;
    default:
        return ODD_EBUG; /* wrong arguments are our mistake */
    }
}

odd_status oddi_dnnl_fail(struct odd_context *ctx, const struct oddi_task *task, odd_status status)
{
    return oddi_fail(ctx, status, "%s: oneDNN could not prepare %s: %s", task->node, task->op,
                     odd_status_text(status));
}

static bool vendor_has(unsigned isa)
{
    return ((unsigned)dnnl_get_effective_cpu_isa() & isa) == isa;
}
bool oddi_dnnl_has_avx2(void)
{
    return vendor_has(dnnl_cpu_isa_avx2);
}
bool oddi_dnnl_has_avx512(void)
{
    return vendor_has(dnnl_cpu_isa_avx512_core);
}
bool oddi_dnnl_has_bf16(void)
{
    return vendor_has(dnnl_cpu_isa_avx512_core_bf16);
}

static bool vendor_can(int64_t channels, enum oddi_layout layout)
{
    const int64_t block = oddi_layout_block(layout);
    return oddi_layout_block(oddi_host_blocked(channels)) >= block && channels % block == 0 &&
           (layout != ODDI_C16 || oddi_dnnl_has_avx512());
}

void oddi_dnnl_blocks(int64_t a_channels, int64_t b_channels, enum oddi_layout *a, enum oddi_layout *b)
{
    static const enum oddi_layout order[] = {ODDI_C16, ODDI_C8};
    *a = *b = ODDI_PLAIN;
    for (size_t i = 0; i < ODDI_COUNT(order) && *a == *b; i++) {
        const bool a_can = vendor_can(a_channels, order[i]), b_can = vendor_can(b_channels, order[i]);
        if (a_can && b_can) {
            *a = *b = order[i];
            return;
        }
    }
    /* One of them has too few channels for any block: only the other one gets its best. */
    for (size_t i = 0; i < ODDI_COUNT(order) && *a == *b; i++) {
        if (vendor_can(a_channels, order[i]))
            *a = order[i];
        else if (vendor_can(b_channels, order[i]))
            *b = order[i];
    }
}

dnnl_format_tag_t oddi_dnnl_tag(enum oddi_layout layout)
{
    return layout == ODDI_C16 ? dnnl_nChw16c : layout == ODDI_C8 ? dnnl_nChw8c : dnnl_nchw;
}

bool oddi_dnnl_f32(const struct oddi_task *task)
{
    for (int i = 0; i < task->src_count; i++)
        if (task->src[i].type != ODDI_F32)
            return false;
    return task->dst.type == ODDI_F32;
}

odd_status oddi_dnnl_open(dnnl_engine_t *engine, dnnl_stream_t *stream)
{
    odd_status status = oddi_dnnl_status(dnnl_engine_create(engine, dnnl_cpu, 0));
    if (status == ODD_OK)
        status = oddi_dnnl_status(dnnl_stream_create(stream, *engine, dnnl_stream_default_flags));
    return status;
}

void oddi_dnnl_close(dnnl_engine_t *engine, dnnl_stream_t *stream)
{
    if (*stream)
        dnnl_stream_destroy(*stream);
    if (*engine)
        dnnl_engine_destroy(*engine);
    *stream = NULL;
    *engine = NULL;
}

static odd_status vendor_post_ops(dnnl_primitive_attr_t attr, float slope)
{
    dnnl_post_ops_t ops = NULL;
    odd_status status = oddi_dnnl_status(dnnl_post_ops_create(&ops));
    if (status != ODD_OK)
        return status;
    TRY(oddi_dnnl_status(compat_append_leaky(ops, slope)));
    TRY(oddi_dnnl_status(dnnl_primitive_attr_set_post_ops(attr, ops)));
out:
    dnnl_post_ops_destroy(ops);
    return status;
}

odd_status oddi_dnnl_attr(bool act, float slope, dnnl_primitive_attr_t *attr)
{
    dnnl_primitive_attr_t made = NULL;
    odd_status status = oddi_dnnl_status(dnnl_primitive_attr_create(&made));
    if (status != ODD_OK)
        return status;
    TRY(oddi_dnnl_status(dnnl_primitive_attr_set_scratchpad_mode(made, dnnl_scratchpad_mode_user)));
    /* Else the environment could silently lower the precision. */
    TRY(oddi_dnnl_status(dnnl_primitive_attr_set_fpmath_mode(made, dnnl_fpmath_mode_strict)));
    if (act)
        TRY(vendor_post_ops(made, slope));
    *attr = made;
    made = NULL;
out:
    if (made)
        dnnl_primitive_attr_destroy(made);
    return status;
}

bool oddi_dnnl_is(const_dnnl_primitive_desc_t pd, const char *prefix)
{
    const char *name = NULL;
    if (dnnl_primitive_desc_query(pd, dnnl_query_impl_info_str, 0, (void *)&name) != dnnl_success || !name)
        return false;
    return strncmp(name, prefix, strlen(prefix)) == 0;
}

odd_status oddi_dnnl_call_arg(struct oddi_dnnl_call *call, dnnl_engine_t engine, int id, compat_view md)
{
    dnnl_memory_t memory = NULL;
    if (call->count == DNNL_CALL_ARGS)
        return ODD_EBUG;
    odd_status status = oddi_dnnl_status(dnnl_memory_create(&memory, md, engine, DNNL_MEMORY_NONE));
    if (status != ODD_OK)
        return status;
    call->arg[call->count] = (dnnl_exec_arg_t){id, memory};
    call->at[call->count++] = NULL;
    return ODD_OK;
}

odd_status oddi_dnnl_call_init(struct oddi_dnnl_call *call, dnnl_engine_t engine,
                               const_dnnl_primitive_desc_t pd)
{
    odd_status status = oddi_dnnl_status(dnnl_primitive_create(&call->primitive, pd));
    if (status != ODD_OK)
        return status;
    compat_view scratch = dnnl_primitive_desc_query_md(pd, dnnl_query_scratchpad_md, 0);
    call->scratch = scratch ? dnnl_memory_desc_get_size(scratch) : 0;
    return call->scratch == 0 ? ODD_OK : oddi_dnnl_call_arg(call, engine, DNNL_ARG_SCRATCHPAD, scratch);
}

odd_status oddi_dnnl_call_relay(struct oddi_dnnl_call *call, dnnl_engine_t engine, compat_view from,
                                compat_view to)
{
    dnnl_primitive_attr_t attr = NULL;
    dnnl_primitive_desc_t pd = NULL;
    odd_status status = ODD_OK;
    if (dnnl_memory_desc_equal(from, to))
        return ODD_OK;
    TRY(oddi_dnnl_attr(false, 0, &attr));
    TRY(oddi_dnnl_status(dnnl_reorder_primitive_desc_create(&pd, from, engine, to, engine, attr)));
    TRY(oddi_dnnl_call_init(call, engine, pd));
    TRY(oddi_dnnl_call_arg(call, engine, DNNL_ARG_FROM, from));
    TRY(oddi_dnnl_call_arg(call, engine, DNNL_ARG_TO, to));
out:
    if (pd)
        dnnl_primitive_desc_destroy(pd);
    if (attr)
        dnnl_primitive_attr_destroy(attr);
    return status;
}

void oddi_dnnl_call_point(struct oddi_dnnl_call *call, int id, void *data)
{
    for (int i = 0; i < call->count; i++) {
        if (call->arg[i].arg != id || call->at[i] == data)
            continue;
        call->at[i] = data;
        dnnl_memory_set_data_handle(call->arg[i].memory, data);
    }
}

odd_status oddi_dnnl_call_run(const struct oddi_dnnl_call *call, dnnl_stream_t stream)
{
    return oddi_dnnl_status(dnnl_primitive_execute(call->primitive, stream, call->count, call->arg));
}

odd_status oddi_dnnl_call_convert(struct oddi_dnnl_call *call, dnnl_stream_t stream, char *scratch,
                                  const void *from, void *to)
{
    oddi_dnnl_call_point(call, DNNL_ARG_FROM, (void *)(uintptr_t)from);
    oddi_dnnl_call_point(call, DNNL_ARG_TO, to);
    oddi_dnnl_call_point(call, DNNL_ARG_SCRATCHPAD, scratch);
    return oddi_dnnl_call_run(call, stream);
}

void oddi_dnnl_call_release(struct oddi_dnnl_call *call)
{
    while (call->count > 0)
        dnnl_memory_destroy(call->arg[--call->count].memory);
    if (call->primitive)
        dnnl_primitive_destroy(call->primitive);
    *call = (struct oddi_dnnl_call){0};
}
