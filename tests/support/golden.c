/* SPDX-License-Identifier: Apache-2.0
 * Numbers of PyTorch; see golden.h. */
#include "base/compat.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "golden.h"

struct odd_context *golden_ctx;
struct oddi_safetensors *golden;

int golden_open(const char *path)
{
    return odd_context_new(&golden_ctx) == ODD_OK &&
                   oddi_safetensors_open(golden_ctx, path, &golden) == ODD_OK
               ? 0
               : -1;
}

int golden_close(void **state)
{
    (void)state;
    oddi_safetensors_free(golden);
    odd_context_free(golden_ctx);
    return 0;
}

static const struct oddi_st_tensor *golden_look(const struct oddi_safetensors *st,
                                                const char *prefix, const char *name)
{
    char key[400];
    snprintf(key, sizeof(key), "%s%s", prefix, name);
    return oddi_safetensors_find(st, key);
}

const struct oddi_st_tensor *golden_find(const char *prefix, const char *name)
{
    return golden_look(golden, prefix, name);
}

float *golden_values(const struct oddi_st_tensor *t, int64_t *count)
{
    assert_non_null(t);
    *count = (int64_t)(t->size / oddi_st_dtype_size(t->dtype));
    float *values = calloc((size_t)*count + 1, sizeof(float));
    assert_non_null(values);
    if (oddi_st_to_f32(golden_ctx, t, values) != ODD_OK)
        fail_msg("%s", odd_last_message(golden_ctx));
    return values;
}

float *golden_tensor(const struct oddi_safetensors *st, const char *prefix, const char *name,
                     int64_t *count)
{
    const struct oddi_st_tensor *t = golden_look(st, prefix, name);
    if (!t)
        fail_msg("no tensor %s%s", prefix, name);
    return golden_values(t, count);
}

double golden_distance(const float *a, const float *b, const float *c, int64_t count)
{
    double off = 0, way = 0;
    for (int64_t i = 0; i < count; i++) {
        const double d = (double)a[i] - (double)b[i], w = (double)b[i] - (c ? (double)c[i] : 0.0);
        off += d * d;
        way += w * w;
    }
    return sqrt(off / (way > 0 ? way : 1.0));
}
