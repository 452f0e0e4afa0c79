/* SPDX-License-Identifier: Apache-2.0
 *
 * Equations (1) to (4) of gaussian.h.
 */
#include "score/gaussian.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/parallel.h"

#define GAUSSIAN_STRIPE 16   /* rows of the scatter that one task makes */
#define GAUSSIAN_LEAST 1e-12 /* variance, where (3) has none */

odd_status oddi_scatter_init(struct odd_context *ctx, int64_t dim, struct oddi_scatter *m)
{
    *m = (struct oddi_scatter){.dim = dim};
    m->mean = oddi_alloc_array(ctx, (size_t)dim, sizeof(double));
    m->scatter = oddi_alloc_array(ctx, (size_t)dim * (size_t)dim, sizeof(double));
    if (m->mean && m->scatter)
        return ODD_OK;
    oddi_scatter_release(ctx, m);
    return ODD_ENOMEM;
}

void oddi_scatter_release(struct odd_context *ctx, struct oddi_scatter *m)
{
    oddi_free(ctx, m->mean);
    oddi_free(ctx, m->scatter);
    m->mean = m->scatter = NULL;
}

static void scatter_mean(struct oddi_scatter *m, const float *rows, int64_t count)
{
    const int64_t dim = m->dim;
    m->count = count;
    memset(m->mean, 0, (size_t)dim * sizeof(double));
    for (int64_t k = 0; k < count; k++)
        for (int64_t j = 0; j < dim; j++)
            m->mean[j] += (double)rows[k * dim + j];
    for (int64_t j = 0; j < dim; j++)
        m->mean[j] /= (double)count;
}

/* Rows first .. last - 1 of the scatter, four samples at a time: what is missing of the last four
 * counts as the mean, which adds 0. */
static void scatter_products(const struct oddi_scatter *m, const float *rows, const int64_t span[2],
                             double *centred)
{
    const int64_t dim = m->dim, first = span[0], last = span[1];
    double *a = centred, *b = a + dim, *c = b + dim, *d = c + dim;
    memset(m->scatter + first * dim, 0, (size_t)((last - first) * dim) * sizeof(double));
    for (int64_t k = 0; k < m->count; k += 4) {
        for (int64_t r = 0; r < 4; r++)
            for (int64_t j = first; j < dim; j++)
                centred[r * dim + j] =
                    k + r < m->count ? (double)rows[(k + r) * dim + j] - m->mean[j] : 0.0;
        for (int64_t i = first; i < last; i++) {
            const double ai = a[i], bi = b[i], ci = c[i], di = d[i];
            double *restrict to = m->scatter + i * dim;
            for (int64_t j = i; j < dim; j++)
                to[j] += (ai * a[j] + bi * b[j]) + (ci * c[j] + di * d[j]);
        }
    }
}

void oddi_scatter_rows(struct oddi_scatter *m, const float *rows, int64_t count, double *scratch)
{
    scatter_mean(m, rows, count);
    scatter_products(m, rows, (const int64_t[2]){0, m->dim}, scratch);
    m->fourth = 0;
    for (int64_t k = 0; k < count; k++) {
        double square = 0;
        for (int64_t j = 0; j < m->dim; j++) {
            const double x = (double)rows[k * m->dim + j] - m->mean[j];
            square += x * x;
        }
        m->fourth += square * square;
    }
}

struct scatter_work {
    const struct oddi_scatter *m;
    const float *rows;
    double *scratch; /* 4 * dim of each task */
    int tasks;
};

/* Task t makes every tasks-th stripe. */
static void scatter_task(void *arg, int64_t t)
{
    const struct scatter_work *w = arg;
    const int64_t dim = w->m->dim, step = (int64_t)w->tasks * GAUSSIAN_STRIPE;
    for (int64_t i = t * GAUSSIAN_STRIPE; i < dim; i += step) {
        const int64_t end = i + GAUSSIAN_STRIPE;
        scatter_products(w->m, w->rows, (const int64_t[2]){i, end < dim ? end : dim},
                         w->scratch + t * 4 * dim);
    }
}

odd_status oddi_scatter_many(struct odd_context *ctx, struct oddi_scatter *m, const float *rows,
                             int64_t count, int threads)
{
    struct scatter_work w = {m, rows, NULL, threads > 1 ? threads : 1};
    w.scratch = oddi_alloc_array(ctx, (size_t)w.tasks * (size_t)m->dim, 4 * sizeof(double));
    if (!w.scratch)
        return ODD_ENOMEM;
    scatter_mean(m, rows, count);
    oddi_parallel(threads, w.tasks, scatter_task, &w);
    oddi_free(ctx, w.scratch);
    return ODD_OK;
}

/* With n and k rows, means apart by d: S = S_n + S_k + n k / (n + k) d d^T. */
void oddi_scatter_merge(struct oddi_scatter *m, const struct oddi_scatter *more)
{
    const int64_t dim = m->dim;
    const double n = (double)m->count, k = (double)more->count, all = n + k;
    if (more->count == 0)
        return;
    for (int64_t i = 0; i < dim; i++)
        for (int64_t j = i; j < dim; j++)
            m->scatter[i * dim + j] +=
                more->scatter[i * dim + j] +
                n * k / all * (more->mean[i] - m->mean[i]) * (more->mean[j] - m->mean[j]);
    for (int64_t i = 0; i < dim; i++)
        m->mean[i] += k / all * (more->mean[i] - m->mean[i]);
    m->count += more->count;
}

void oddi_scatter_mirror(struct oddi_scatter *m)
{
    for (int64_t i = 0; i < m->dim; i++)
        for (int64_t j = 0; j < i; j++)
            m->scatter[i * m->dim + j] = m->scatter[j * m->dim + i];
}

void oddi_covariance_fixed(struct oddi_scatter *m, double e)
{
    const int64_t dim = m->dim;
    const double share = m->count > 1 ? 1.0 / (double)(m->count - 1) : 0.0;
    for (int64_t i = 0; i < dim; i++) {
        for (int64_t j = i; j < dim; j++)
            m->scatter[i * dim + j] *= share;
        m->scatter[i * dim + i] += e;
    }
}

double oddi_covariance_ledoit_wolf(struct oddi_scatter *m)
{
    const int64_t dim = m->dim;
    const double n = (double)m->count;
    double trace = 0, square = 0; /* of S/n; |S/n|^2 */
    for (int64_t i = 0; i < dim; i++)
        for (int64_t j = i; j < dim; j++) {
            const double v = m->scatter[i * dim + j] /= n;
            trace += i == j ? v : 0.0;
            square += i == j ? v * v : 2.0 * v * v;
        }
    const double v = trace / (double)dim, d = square - v * trace;
    const double b = (m->fourth / n - square) / n; /* sum |xx^T - S|^2 = sum |x|^4 - n |S|^2 */
    const double a = d > 0 && b < d ? (b > 0 ? b / d : 0.0) : 1.0;
    for (int64_t i = 0; i < dim; i++) {
        for (int64_t j = i; j < dim; j++)
            m->scatter[i * dim + j] *= 1.0 - a;
        m->scatter[i * dim + i] += a * v + 1e-6 * v + GAUSSIAN_LEAST;
    }
    return a;
}

size_t oddi_gaussian_size(int64_t dim)
{
    return (size_t)dim * (size_t)(dim + 1) / 2;
}

/* C = U^T U, U over C; row by row, each taking its part from all rows below. */
static bool gaussian_cholesky(double *c, int64_t dim)
{
    for (int64_t k = 0; k < dim; k++) {
        double *restrict row = c + k * dim;
        if (!(row[k] > 0) || !isfinite(row[k]))
            return false;
        const double scale = 1.0 / sqrt(row[k]);
        for (int64_t j = k; j < dim; j++)
            row[j] *= scale;
        for (int64_t i = k + 1; i < dim; i++) {
            const double f = row[i];
            double *restrict to = c + i * dim;
            for (int64_t j = i; j < dim; j++)
                to[j] -= f * row[j];
        }
    }
    return true;
}

/* W^T = U^-1: its row j solves r U = e_j from the left, and row j of U is needed no more after, so
 * r takes its place. */
bool oddi_gaussian_factor(double *covariance, int64_t dim, float *factor)
{
    if (!gaussian_cholesky(covariance, dim))
        return false;
    float *to = factor;
    for (int64_t j = 0; j < dim; j++) {
        double *restrict r = covariance + j * dim;
        const double first = 1.0 / r[j];
        for (int64_t i = j + 1; i < dim; i++)
            r[i] *= -first;
        r[j] = first;
        for (int64_t k = j + 1; k < dim; k++) {
            const double *restrict u = covariance + k * dim;
            const double f = r[k] /= u[k];
            for (int64_t i = k + 1; i < dim; i++)
                r[i] -= f * u[i];
        }
        for (int64_t i = j; i < dim; i++)
            *to++ = (float)r[i];
    }
    return oddi_all_finite(factor, oddi_gaussian_size(dim));
}

double oddi_gaussian_distance2(const float *mean, const float *factor, int64_t dim, const float *x,
                               float *scratch)
{
    float *restrict y = scratch;
    double sum = 0;
    memset(y, 0, (size_t)dim * sizeof(float));
    for (int64_t j = 0; j < dim; j++) {
        const float d = x[j] - mean[j];
        const float *restrict w = factor;
        for (int64_t i = j; i < dim; i++)
            y[i] += d * w[i - j];
        factor += dim - j;
    }
    for (int64_t i = 0; i < dim; i++)
        sum += (double)y[i] * (double)y[i];
    return sum;
}

bool oddi_all_finite(const float *x, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!isfinite(x[i]))
            return false;
    return true;
}
