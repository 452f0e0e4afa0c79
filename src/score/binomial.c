/* SPDX-License-Identifier: Apache-2.0
 *
 * The exact interval of a proportion (Clopper and Pearson 1934): of k hits in n trials,
 *
 *   lo = the a/2 quantile of Beta(k, n - k + 1),       0 for k = 0
 *   hi = the 1 - a/2 quantile of Beta(k + 1, n - k),   1 for k = n
 *
 * with a = 1 - level. Quantiles by bisection over the incomplete beta function,
 *
 *   I_x(a, b) = x^a (1 - x)^b / (a B(a, b)) / (1 + d1/(1 + d2/(1 + ...)))                   (1)
 *   d(2m)   =  m (b - m) x / ((a + 2m - 1)(a + 2m))
 *   d(2m+1) = -(a + m)(a + b + m) x / ((a + 2m)(a + 2m + 1))
 *
 * (Abramowitz and Stegun 26.5.8), which converges fast for x < (a + 1)/(a + b + 2); the other
 * side is 1 - I_(1-x)(b, a).
 */
#include "score/rank.h"

#include <math.h>

#define BINOMIAL_TINY 1e-300
#define BINOMIAL_TERMS 1000000 /* about the root of a + b are needed */

/* The continued fraction of (1), by Lentz's method. */
static double binomial_fraction(double x, double a, double b)
{
    double value = 1, c = 1, d = 0;

    for (int i = 1; i < BINOMIAL_TERMS; i++) {
        const double m = i / 2, k = a + 2 * m;
        const double term =
            i % 2 ? -(a + m) * (a + b + m) * x / (k * (k + 1)) : m * (b - m) * x / ((k - 1) * k);

        d = 1 + term * d;
        d = 1 / (fabs(d) < BINOMIAL_TINY ? BINOMIAL_TINY : d);
        c = 1 + term / c;
        c = fabs(c) < BINOMIAL_TINY ? BINOMIAL_TINY : c;
        value *= c * d;
        if (fabs(c * d - 1) < 4e-16)
            break;
    }
    return value;
}

double oddi_beta_cdf(double x, double a, double b)
{
    int sign;

    if (!(x > 0))
        return 0;
    if (x >= 1)
        return 1;
    const bool swap = x > (a + 1) / (a + b + 2);
    const double front = exp(lgamma_r(a + b, &sign) - lgamma_r(a, &sign) - lgamma_r(b, &sign) +
                             a * log(x) + b * log1p(-x));
    if (swap)
        return 1 - front / (b * binomial_fraction(1 - x, b, a));
    return front / (a * binomial_fraction(x, a, b));
}

static double binomial_quantile(double p, double a, double b)
{
    double lo = 0, hi = 1;

    for (int i = 0; i < 1100; i++) { /* down to neighbouring doubles, were it near 0 */
        const double middle = lo + 0.5 * (hi - lo);

        if (middle <= lo || middle >= hi)
            break;
        if (oddi_beta_cdf(middle, a, b) < p)
            lo = middle;
        else
            hi = middle;
    }
    return lo + 0.5 * (hi - lo);
}

struct oddi_interval oddi_binomial_interval(double hits, double n, double level)
{
    struct oddi_interval ci = {NAN, NAN};
    const double tail = 0.5 * (1 - level);

    if (!(n > 0) || !(hits >= 0 && hits <= n))
        return ci;
    ci.lo = hits > 0 ? binomial_quantile(tail, hits, n - hits + 1) : 0;
    ci.hi = hits < n ? binomial_quantile(1 - tail, hits + 1, n - hits) : 1;
    return ci;
}
