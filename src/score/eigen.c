/* SPDX-License-Identifier: Apache-2.0
 *
 * A symmetric matrix A is brought to tridiagonal form T by reflections H_k = I - 2 v v^T (|v| = 1),
 * then T to diagonal form by plane rotations: QL steps with Wilkinson's shift, one eigenvalue after
 * the other (Parlett, The symmetric eigenvalue problem, chapters 7 and 8).
 *
 *   H_(n-3) ... H_0 A H_0 ... H_(n-3) = T        Z = H_(n-3) ... H_0, so A = Z^T T Z
 *   G_r ... G_1 T G_1^T ... G_r^T = diagonal     rows of G_r ... G_1 Z are the eigenvectors
 *
 * All that takes n^3 runs along rows: reflections and rotations mix whole rows of Z.
 */
#include "score/eigen.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"

#define EIGEN_STEPS 60      /* QL steps for one eigenvalue; two or three are usual */
#define EIGEN_SMALL 2.2e-16 /* coupling, as a share of the diagonal, that counts as none */

struct eigen_work {
    double *a, *z; /* n * n */
    double *d, *e; /* diagonal; e[i] beside d[i] and d[i + 1] */
    double *p;     /* n */
    int64_t n;
};

/* x += f y */
static void eigen_add(double *restrict x, double f, const double *restrict y, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        x[i] += f * y[i];
}

/* The reflection that leaves only the first of v's n elements: v becomes its unit vector. Returns
 * what the first becomes; all 0: v stays so, which is no reflection at all. */
static double eigen_reflector(double *v, int64_t n)
{
    double largest = 0, square = 0;
    for (int64_t i = 0; i < n; i++)
        largest = fabs(v[i]) > largest ? fabs(v[i]) : largest;
    if (!(largest > 0))
        return 0;
    for (int64_t i = 0; i < n; i++) {
        v[i] /= largest;
        square += v[i] * v[i];
    }
    const double length = v[0] > 0 ? -sqrt(square) : sqrt(square);
    square = 2 * (square - v[0] * length); /* of what v becomes; no cancellation */
    v[0] -= length;
    const double scale = 1.0 / sqrt(square);
    for (int64_t i = 0; i < n; i++)
        v[i] *= scale;
    return length * largest;
}

/* Step k: rows and columns from k + 1 on become H A H, and Z becomes H Z. */
static void eigen_reflect(const struct eigen_work *w, int64_t k)
{
    const int64_t n = w->n, m = n - k - 1;
    double *v = w->a + k * n + k + 1, *p = w->p, half = 0;
    w->d[k] = w->a[k * n + k];
    w->e[k] = eigen_reflector(v, m);
    memset(p, 0, (size_t)m * sizeof(double));
    for (int64_t i = 0; i < m; i++) /* p = 2 A v - 2 (v^T A v) v */
        eigen_add(p, 2 * v[i], w->a + (k + 1 + i) * n + k + 1, m);
    for (int64_t i = 0; i < m; i++)
        half += v[i] * p[i];
    eigen_add(p, -half, v, m);
    for (int64_t i = 0; i < m; i++) {
        double *row = w->a + (k + 1 + i) * n + k + 1;
        eigen_add(row, -v[i], p, m);
        eigen_add(row, -p[i], v, m);
    }
    memset(p, 0, (size_t)n * sizeof(double));
    for (int64_t i = 0; i < m; i++) /* p = v^T Z */
        eigen_add(p, v[i], w->z + (k + 1 + i) * n, n);
    for (int64_t i = 0; i < m; i++)
        eigen_add(w->z + (k + 1 + i) * n, -2 * v[i], p, n);
}

static void eigen_rotate(double *restrict x, double *restrict y, const double cs[2], int64_t n)
{
    const double c = cs[0], s = cs[1];
    for (int64_t i = 0; i < n; i++) {
        const double t = y[i];
        y[i] = s * x[i] + c * t;
        x[i] = c * x[i] - s * t;
    }
}

/* One QL step on rows l .. m of T: rotations from the bottom up chase the shift's bulge. */
static void eigen_step(const struct eigen_work *w, int64_t l, int64_t m)
{
    double *d = w->d, *e = w->e;
    const double half = (d[l + 1] - d[l]) / (2 * e[l]), root = hypot(half, 1.0);
    double g = d[m] - d[l] + e[l] / (half + (half < 0 ? -root : root));
    double c = 1, s = 1, p = 0;
    for (int64_t i = m - 1; i >= l; i--) {
        const double f = s * e[i], b = c * e[i], r = hypot(f, g);
        e[i + 1] = r;
        if (r == 0) { /* T falls apart here: what is left is for the next step */
            d[i + 1] -= p;
            e[m] = 0;
            return;
        }
        s = f / r;
        c = g / r;
        g = d[i + 1] - p;
        const double q = (d[i] - g) * s + 2 * c * b;
        p = s * q;
        d[i + 1] = g + p;
        g = c * q - b;
        eigen_rotate(w->z + i * w->n, w->z + (i + 1) * w->n, (const double[2]){c, s}, w->n);
    }
    d[l] -= p;
    e[l] = g;
    e[m] = 0;
}

/* The first row from l on that is not coupled to the next. */
static int64_t eigen_end(const struct eigen_work *w, int64_t l)
{
    int64_t m = l;
    while (m + 1 < w->n && fabs(w->e[m]) > EIGEN_SMALL * (fabs(w->d[m]) + fabs(w->d[m + 1])))
        m++;
    return m;
}

static bool eigen_diagonal(const struct eigen_work *w)
{
    for (int64_t l = 0; l < w->n; l++)
        for (int step = 0;; step++) {
            const int64_t m = eigen_end(w, l);
            if (m == l)
                break;
            if (step == EIGEN_STEPS)
                return false;
            eigen_step(w, l, m);
        }
    return true;
}

/* Into the caller's order: falling, each vector's largest element positive. */
static void eigen_sort(const struct eigen_work *w, double *value, double *vector)
{
    const int64_t n = w->n;
    for (int64_t i = 0; i < n; i++) {
        int64_t best = 0, peak = 0;
        for (int64_t k = 1; k < n; k++) /* -HUGE_VAL: taken */
            best = w->d[k] > w->d[best] ? k : best;
        const double *z = w->z + best * n;
        for (int64_t k = 1; k < n; k++)
            peak = fabs(z[k]) > fabs(z[peak]) ? k : peak;
        for (int64_t k = 0; k < n; k++)
            vector[i * n + k] = z[peak] < 0 ? -z[k] : z[k];
        value[i] = w->d[best];
        w->d[best] = -HUGE_VAL;
    }
}

static bool eigen_finite(const double *a, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        if (!isfinite(a[i]))
            return false;
    return true;
}

odd_status oddi_eigen_symmetric(struct odd_context *ctx, double *a, int64_t n, double *value,
                                double *vector)
{
    odd_status status = ODD_OK;
    double *room = NULL, *z = NULL;
    if (!eigen_finite(a, n * n))
        return oddi_fail(ctx, ODD_ENUMERIC, "a covariance has numbers that are not finite");
    room = oddi_calloc(ctx, (size_t)n, 3 * sizeof(double));
    z = oddi_calloc(ctx, (size_t)n * (size_t)n, sizeof(double));
    if (!room || !z) {
        status = ODD_ENOMEM;
        goto out;
    }
    const struct eigen_work w = {a, z, room, room + n, room + 2 * n, n};
    for (int64_t i = 0; i < n; i++)
        z[i * n + i] = 1;
    for (int64_t k = 0; k + 2 < n; k++)
        eigen_reflect(&w, k);
    for (int64_t i = n > 2 ? n - 2 : 0; i < n; i++)
        w.d[i] = a[i * n + i];
    if (n > 1)
        w.e[n - 2] = a[(n - 2) * n + n - 1];
    if (eigen_diagonal(&w))
        eigen_sort(&w, value, vector);
    else
        status = oddi_fail(ctx, ODD_ENUMERIC, "the axes of a covariance were not found");
out:
    oddi_free(ctx, z);
    oddi_free(ctx, room);
    return status;
}
