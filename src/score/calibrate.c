/* SPDX-License-Identifier: Apache-2.0
 *
 * The promise of n held-out normals. Let F be the chance that a new picture's score exceeds the
 * largest of n like it. For continuous scores the largest of n + 1 is equally likely to be any of
 * them, so E[F] = 1 / (n + 1); and F > x exactly when all n fell into the lower 1 - x of the
 * distribution, so P(F > x) = (1 - x)^n, which is 5 % at x = 1 - 0.05^(1/n). Ties only lower F.
 * n = 59 is the least that bounds F by 5 %.
 *
 * normalize() is composed of steps that each round monotonically, so the whole is monotone in
 * double arithmetic, which u / (1 + |u|) is not. Halves keep differences of huge scores finite.
 */
#include "score/calibrate.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/str.h"

enum { CALIBRATE_FEW = 20 };

static odd_status calibrate_check(struct odd_context *ctx, const double *value, size_t count)
{
    if (count == 0)
        return oddi_fail(ctx, ODD_ENODATA, "calibration needs at least one held-out picture");
    for (size_t i = 0; i < count; i++)
        if (!isfinite(value[i]))
            return oddi_fail(ctx, ODD_ENUMERIC, "calibration value %zu is not a finite number", i);
    return ODD_OK;
}

static double calibrate_largest(const double *value, size_t count)
{
    double most = value[0];

    for (size_t i = 1; i < count; i++)
        most = value[i] > most ? value[i] : most;
    return most;
}

odd_status oddi_calibrate_threshold(struct odd_context *ctx, const double *score, size_t count,
                                    double *threshold)
{
    const odd_status status = calibrate_check(ctx, score, count);

    if (status == ODD_OK)
        *threshold = calibrate_largest(score, count);
    return status;
}

void oddi_certify(uint64_t n, struct oddi_certificate *certificate)
{
    certificate->n = n;
    certificate->expected = 1 / ((double)n + 1);
    certificate->bound = n ? -expm1(log(0.05) / (double)n) : 1;
}

/* Per cent with two digits, rounded up: a promise must not be rounded into a better one. */
static void calibrate_percent(struct oddi_str *s, double rate)
{
    const double percent = 100 * rate;
    double unit = 1;
    int digits = 0;

    for (; digits < 6 && percent < 10 * unit; digits++)
        unit /= 10;
    /* 33.3... per cent as a double may lie just above what it stands for */
    oddi_str_addf(s, "%.*f %%", digits, ceil(percent / unit - 1e-9) * unit);
}

odd_status oddi_certify_text(struct odd_context *ctx, uint64_t n, bool groups, char **text)
{
    const char *many = groups ? "groups of normal pictures" : "normal pictures";
    const char *one = groups ? "group" : "normal picture";
    struct oddi_certificate c;
    struct oddi_str s;

    oddi_certify(n, &c);
    oddi_str_init(&s, ctx);
    if (n == 0) {
        oddi_str_addf(&s, "Without held-out %s nothing is certain about false alarms.", many);
        return oddi_str_take(&s, text);
    }
    if (n == 1)
        oddi_str_addf(&s, "With 1 held-out %s at the threshold", one);
    else
        oddi_str_addf(&s, "With %" PRIu64 " held-out %s at or below the threshold", n, many);
    oddi_str_addf(&s, ", a new %s like them exceeds it with a chance of at most ", one);
    calibrate_percent(&s, c.expected);
    oddi_str_add(&s, " on average, and with 95 % confidence of at most ");
    calibrate_percent(&s, c.bound);
    oddi_str_add(&s, ".");
    return oddi_str_take(&s, text);
}

static int calibrate_compare(const void *left, const void *right)
{
    const double a = *(const double *)left, b = *(const double *)right;

    return a < b ? -1 : a > b;
}

/* Sorts the values. */
static double calibrate_middle(double *value, size_t count)
{
    qsort(value, count, sizeof(*value), calibrate_compare);
    const double upper = value[count / 2], lower = value[(count - 1) / 2];
    return 0.5 * lower + 0.5 * upper;
}

odd_status oddi_median(struct odd_context *ctx, const double *score, size_t count, double *median)
{
    const odd_status status = calibrate_check(ctx, score, count);

    if (status != ODD_OK)
        return status;
    double *copy = oddi_alloc_array(ctx, count, sizeof(*copy));
    if (!copy)
        return ODD_ENOMEM;
    memcpy(copy, score, count * sizeof(*copy));
    *median = calibrate_middle(copy, count);
    oddi_free(ctx, copy);
    return ODD_OK;
}

/* Of n - 1; in units of the largest magnitude, so that no square overflows. */
static void calibrate_moments(const double *value, size_t count, double *mean, double *sd)
{
    double unit = 0, sum = 0, squares = 0;

    for (size_t i = 0; i < count; i++)
        unit = fmax(unit, fabs(value[i]));
    *mean = *sd = 0;
    if (unit == 0)
        return;
    for (size_t i = 0; i < count; i++)
        sum += value[i] / unit;
    const double middle = sum / (double)count;
    for (size_t i = 0; i < count; i++)
        squares += (value[i] / unit - middle) * (value[i] / unit - middle);
    *mean = middle * unit;
    *sd = count > 1 ? fmin(sqrt(squares / (double)(count - 1)) * unit, DBL_MAX) : 0;
}

odd_status oddi_location_scale(struct odd_context *ctx, const double *score, size_t count,
                               double *location, double *scale)
{
    double at, sd, spread;
    const odd_status status = calibrate_check(ctx, score, count);

    if (status != ODD_OK)
        return status;
    calibrate_moments(score, count, &at, &sd);
    spread = sd;
    if (count < CALIBRATE_FEW) {
        double *copy = oddi_alloc_array(ctx, count, sizeof(*copy));
        if (!copy)
            return ODD_ENOMEM;
        memcpy(copy, score, count * sizeof(*copy));
        at = calibrate_middle(copy, count);
        for (size_t i = 0; i < count; i++)
            copy[i] = fmin(fabs(score[i] - at), DBL_MAX);
        spread = fmin(1.4826 * calibrate_middle(copy, count), DBL_MAX);
        oddi_free(ctx, copy);
    }
    if (!(spread > 0))
        spread = sd > 0 ? sd : fabs(at) > 0 ? fabs(at) : 1;
    *location = at;
    *scale = spread;
    return ODD_OK;
}

odd_status oddi_normalizer_init(struct odd_context *ctx, const double *score, size_t count,
                                double threshold, struct oddi_normalizer *normalizer)
{
    odd_status status;
    double median, location, scale;

    TRY(oddi_median(ctx, score, count, &median));
    TRY(oddi_location_scale(ctx, score, count, &location, &scale));
    if (!isfinite(threshold)) {
        status = oddi_fail(ctx, ODD_ENUMERIC, "the threshold is not a finite number");
        goto out;
    }
    normalizer->threshold = threshold;
    normalizer->scale = threshold > median ? fmin(threshold - median, DBL_MAX) : scale;
out:
    return status;
}

double oddi_normalize(const struct oddi_normalizer *normalizer, double score)
{
    const double u = (0.5 * score - 0.5 * normalizer->threshold) / (0.5 * normalizer->scale);

    return u < 0 ? 0.5 / (1 - u) : 1 - 0.5 / (1 + u);
}

odd_status oddi_overlay_scale(struct odd_context *ctx, const double *maximum, size_t count,
                              double typical, double *lo, double *hi)
{
    odd_status status;
    double location, scale, half;

    TRY(oddi_location_scale(ctx, maximum, count, &location, &scale));
    const double middle = calibrate_largest(maximum, count);
    if (typical < middle) /* false for NaN */
        half = middle - typical;
    else
        half = middle > 0 ? middle : 4 * scale;
    half = fmax(half, fmax(1e-6 * fabs(middle), 1e-30)); /* colours must differ as floats */
    *lo = fmax(middle - half, -DBL_MAX);
    *hi = fmin(middle + half, DBL_MAX);
out:
    return status;
}
