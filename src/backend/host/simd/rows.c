/* SPDX-License-Identifier: Apache-2.0
 *
 * Operations on the rows of a matrix, a few rows per job:
 *
 *   softmax        y = exp((x - max) / T) / sum;     dx = y (dy - <y, dy>) / T
 *   row_normalize  y = x / (|x| + eps);              dx = dy / (|x| + eps) - <dy, y> y / |x|
 *   shrink         v = w / s where w > lambda or w is the first largest, s their sum, else 0;
 *                  dw = (dv - <v, dv>) / s there, else 0
 *
 * Sums run in 16 fixed lanes, pieces of 1024 in float and the pieces in double.
 */
#include "backend/host/simd/simd.h"
#include "backend/host/simd/vexp.h"

#include <math.h>

#define PIECE 1024
#define ROWS_FLOATS 16384 /* per job, about */

struct rows {
    int64_t count, length, group; /* rows, their length, rows per job */
    const float *a, *b, *c;
    float *y;
    double f; /* the attribute */
    void (*row)(const struct rows *w, int64_t row);
};

static double rows_dot(const float *restrict a, const float *restrict b, int64_t n)
{
    double total = 0.0;
    for (int64_t from = 0; from < n; from += PIECE) {
        const int64_t to = simd_min(from + PIECE, n);
        float s[SIMD_LANES] = {0};
        int64_t k = from;
        for (; k + SIMD_LANES <= to; k += SIMD_LANES)
            for (int l = 0; l < SIMD_LANES; l++)
                s[l] += a[k + l] * b[k + l];
        for (int l = 0; k + l < to; l++)
            s[l] += a[k + l] * b[k + l];
        for (int l = 0; l < SIMD_LANES; l++)
            total += (double)s[l];
    }
    return total;
}
static double rows_sum(const float *restrict a, int64_t n)
{
    double total = 0.0;
    for (int64_t from = 0; from < n; from += PIECE) {
        const int64_t to = simd_min(from + PIECE, n);
        float s[SIMD_LANES] = {0};
        int64_t k = from;
        for (; k + SIMD_LANES <= to; k += SIMD_LANES)
            for (int l = 0; l < SIMD_LANES; l++)
                s[l] += a[k + l];
        for (int l = 0; k + l < to; l++)
            s[l] += a[k + l];
        for (int l = 0; l < SIMD_LANES; l++)
            total += (double)s[l];
    }
    return total;
}
static float rows_larger(float a, float b)
{
    return a > b ? a : b;
}
static float rows_top(const float *restrict a, int64_t n)
{
    float s[SIMD_LANES], top = a[0];
    int64_t k = 0;
    for (int l = 0; l < SIMD_LANES; l++)
        s[l] = a[0];
    for (; k + SIMD_LANES <= n; k += SIMD_LANES)
        for (int l = 0; l < SIMD_LANES; l++)
            s[l] = rows_larger(a[k + l], s[l]);
    for (int l = 0; k + l < n; l++)
        s[l] = rows_larger(a[k + l], s[l]);
    for (int l = 0; l < SIMD_LANES; l++)
        top = rows_larger(s[l], top);
    return top;
}

static void rows_softmax_row(const struct rows *w, int64_t row)
{
    const float *restrict x = w->a + row * w->length;
    float *restrict y = w->y + row * w->length;
    const float top = rows_top(x, w->length), factor = (float)(1.0 / w->f);
    for (int64_t i = 0; i < w->length; i++)
        y[i] = vexp_exp((x[i] - top) * factor);
    const float scale = (float)(1.0 / rows_sum(y, w->length));
    for (int64_t i = 0; i < w->length; i++)
        y[i] *= scale;
}
static void rows_softmax_bwd_row(const struct rows *w, int64_t row)
{
    const float *restrict y = w->a + row * w->length;
    const float *restrict dy = w->b + row * w->length;
    float *restrict dx = w->y + row * w->length;
    const float mean = (float)rows_dot(y, dy, w->length), factor = (float)(1.0 / w->f);
    for (int64_t i = 0; i < w->length; i++)
        dx[i] = y[i] * (dy[i] - mean) * factor;
}

static void rows_row_normalize_row(const struct rows *w, int64_t row)
{
    const float *restrict x = w->a + row * w->length;
    float *restrict y = w->y + row * w->length;
    const float scale = (float)(1.0 / (sqrt(rows_dot(x, x, w->length)) + w->f));
    for (int64_t i = 0; i < w->length; i++)
        y[i] = x[i] * scale;
}
/* The last term is 0 for x = 0. */
static void rows_row_normalize_bwd_row(const struct rows *w, int64_t row)
{
    const float *restrict x = w->a + row * w->length;
    const float *restrict y = w->b + row * w->length;
    const float *restrict dy = w->c + row * w->length;
    float *restrict dx = w->y + row * w->length;
    const double size = sqrt(rows_dot(x, x, w->length));
    const float scale = (float)(1.0 / (size + w->f));
    const float along = size > 0.0 ? (float)(rows_dot(dy, y, w->length) / size) : 0.0f;
    for (int64_t i = 0; i < w->length; i++)
        dx[i] = dy[i] * scale - along * y[i];
}

/* Of one row of weights: what stays. */
struct rows_kept {
    const float *w;
    float lambda;
    int64_t top; /* index of the first largest */
    float factor; /* 1 / sum of what stays */
};
static float rows_keep(float w, float lambda, float value)
{
    return w > lambda ? value : 0.0f;
}
/* The largest float that is not above x: comparing floats with it is as comparing with x. */
static float rows_below(double x)
{
    const float f = (float)x;
    return (double)f > x ? nextafterf(f, -INFINITY) : f;
}
static struct rows_kept rows_kept(const struct rows *w, int64_t row)
{
    struct rows_kept k = {.w = w->a + row * w->length, .lambda = rows_below(w->f)};
    const float top = rows_top(k.w, w->length);
    while (k.top < w->length - 1 && !(k.w[k.top] == top))
        k.top++;
    double sum = k.w[k.top] > k.lambda ? 0.0 : (double)k.w[k.top];
    float s[SIMD_LANES] = {0};
    for (int64_t i = 0; i < w->length; i += SIMD_LANES) {
        const int64_t n = simd_min(SIMD_LANES, w->length - i);
        for (int64_t l = 0; l < n; l++)
            s[l] += rows_keep(k.w[i + l], k.lambda, k.w[i + l]);
    }
    for (int l = 0; l < SIMD_LANES; l++)
        sum += (double)s[l];
    k.factor = (float)(1.0 / sum);
    return k;
}
static void rows_shrink_row(const struct rows *w, int64_t row)
{
    const struct rows_kept k = rows_kept(w, row);
    float *restrict v = w->y + row * w->length;
    for (int64_t i = 0; i < w->length; i++)
        v[i] = rows_keep(k.w[i], k.lambda, k.w[i] * k.factor);
    v[k.top] = k.w[k.top] * k.factor;
}
static void rows_shrink_bwd_row(const struct rows *w, int64_t row)
{
    const struct rows_kept k = rows_kept(w, row);
    const float *restrict v = w->b + row * w->length;
    const float *restrict dv = w->c + row * w->length;
    float *restrict dw = w->y + row * w->length;
    const float mean = (float)rows_dot(v, dv, w->length);
    for (int64_t i = 0; i < w->length; i++)
        dw[i] = rows_keep(k.w[i], k.lambda, (dv[i] - mean) * k.factor);
    dw[k.top] = (dv[k.top] - mean) * k.factor;
}

static void rows_job(void *arg, int64_t index)
{
    const struct rows *w = arg;
    const int64_t end = simd_min((index + 1) * w->group, w->count);
    for (int64_t row = index * w->group; row < end; row++)
        w->row(w, row);
}
static odd_status rows_run(const struct oddi_task *task, void (*row)(const struct rows *, int64_t))
{
    struct rows w = {.count = task->dst.shape.dim[0], .length = task->dst.shape.dim[1]};
    w.a = simd_src(task, 0);
    w.b = task->src_count > 1 ? simd_src(task, 1) : NULL;
    w.c = task->src_count > 2 ? simd_src(task, 2) : NULL;
    w.y = simd_dst(task);
    w.f = task->attr.f[0];
    w.row = row;
    w.group = simd_max(1, ROWS_FLOATS / w.length);
    oddi_parallel(task->threads, simd_ceil(w.count, w.group), rows_job, &w);
    return ODD_OK;
}
static bool rows_accepts(const struct oddi_task *task)
{
    return simd_f32(task) && task->dst.shape.rank == 2;
}

#define ROWS_KERNEL(stem)                                                                          \
    static odd_status rows_##stem(struct oddi_task *task)                                          \
    {                                                                                              \
        return rows_run(task, rows_##stem##_row);                                                  \
    }                                                                                              \
    const struct oddi_kernel SIMD_NAME(kernel_##stem) = {.op = #stem,                              \
                                                         .name = "simd:" #stem,                    \
                                                         .accepts = rows_accepts,                  \
                                                         .run = rows_##stem};
ROWS_KERNEL(softmax)
ROWS_KERNEL(softmax_bwd)
ROWS_KERNEL(row_normalize)
ROWS_KERNEL(row_normalize_bwd)
ROWS_KERNEL(shrink)
ROWS_KERNEL(shrink_bwd)
