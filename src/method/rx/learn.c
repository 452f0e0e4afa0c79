/* SPDX-License-Identifier: Apache-2.0
 *
 * Mean and covariance of all normal pixels. Each picture (tile by tile) leaves its own mean and
 * scatter in its own place; they are merged in the order of the pictures, so bits do not depend on
 * threads.
 */
#include <string.h>

#include "method/rx/rx.h"
#include "score/gaussian.h"

struct learn {
    struct oddi_fitting *f;
    int64_t bands;
    struct oddi_scatter *of; /* of each picture; in `room` */
    double *room;
};

/* Sum over the picture's pixels of bands a and b, each less its mean. */
static double learn_product(const struct oddi_measure *m, const struct oddi_scatter *s, int64_t a,
                            int64_t b)
{
    const int64_t plane = m->in.width * m->in.height;
    double sum = 0;
    for (int64_t y = m->y; y < m->y + m->height; y++) {
        const float *p = m->picture + a * plane + y * m->in.width,
                    *q = m->picture + b * plane + y * m->in.width;
        for (int64_t x = m->x; x < m->x + m->width; x++)
            sum += ((double)p[x] - s->mean[a]) * ((double)q[x] - s->mean[b]);
    }
    return sum;
}

/* What (1) of gaussian.h says of the pixels of one picture, band by band as they lie. */
static void learn_pixels(const struct oddi_measure *m, struct oddi_scatter *s)
{
    const int64_t bands = s->dim, plane = m->in.width * m->in.height;
    s->count = m->width * m->height;
    for (int64_t b = 0; b < bands; b++) {
        double sum = 0;
        for (int64_t y = m->y; y < m->y + m->height; y++)
            for (int64_t x = m->x; x < m->x + m->width; x++)
                sum += (double)m->picture[b * plane + y * m->in.width + x];
        s->mean[b] = sum / (double)s->count;
    }
    for (int64_t a = 0; a < bands; a++)
        for (int64_t b = a; b < bands; b++)
            s->scatter[a * bands + b] = learn_product(m, s, a, b);
}

static odd_status learn_take(void *user, int64_t i, const struct oddi_measure *m)
{
    const struct learn *l = user;
    struct oddi_scatter one;
    const odd_status status = oddi_scatter_init(m->ctx, l->bands, &one);
    if (status != ODD_OK)
        return status;
    learn_pixels(m, &one);
    oddi_scatter_merge(&l->of[i], &one);
    oddi_scatter_release(m->ctx, &one);
    return ODD_OK;
}

/* |C_p - C|^2 of the picture `s`; `all` has the total mean and the covariance C. */
static double learn_apart(const struct oddi_scatter *s, const struct oddi_scatter *all)
{
    const int64_t bands = all->dim;
    double sum = 0;
    for (int64_t a = 0; a < bands; a++)
        for (int64_t b = a; b < bands; b++) {
            const double shift = (s->mean[a] - all->mean[a]) * (s->mean[b] - all->mean[b]);
            const double d =
                s->scatter[a * bands + b] / (double)s->count + shift - all->scatter[a * bands + b];
            sum += a == b ? d * d : 2 * d * d;
        }
    return sum;
}

/* (3): a. `all` has C in the place of the scatter. */
static double learn_intensity(const struct learn *l, const struct oddi_scatter *all)
{
    const int64_t bands = l->bands, n = l->f->pictures;
    double v = 0, d = 0, b = 0;
    for (int64_t i = 0; i < bands; i++)
        v += all->scatter[i * bands + i] / (double)bands;
    for (int64_t i = 0; i < bands; i++)
        for (int64_t j = i; j < bands; j++) {
            const double c = all->scatter[i * bands + j] - (i == j ? v : 0);
            d += i == j ? c * c : 2 * c * c;
        }
    for (int64_t i = 0; i < n; i++) {
        const double share = (double)l->of[i].count / (double)all->count;
        b += l->of[i].count > 0 ? share * share * learn_apart(&l->of[i], all) : 0;
    }
    b *= n > 1 ? (double)n / (double)(n - 1) : 0;
    return b < d ? b / d : d > 0 ? 1 : 0;
}

/* C', and its factor. */
static odd_status learn_factor(const struct learn *l, struct oddi_scatter *all, float *factor)
{
    const struct oddi_values *v = l->f->values;
    const int64_t bands = l->bands;
    double trace = 0;
    for (int64_t i = 0; i < bands * bands; i++)
        all->scatter[i] /= (double)all->count;
    for (int64_t i = 0; i < bands; i++)
        trace += all->scatter[i * bands + i];
    const double a = oddi_values_is(v, "shrinkage", "pictures") ? learn_intensity(l, all) : 0;
    for (int64_t i = 0; i < bands; i++) {
        for (int64_t j = i; j < bands; j++)
            all->scatter[i * bands + j] *= 1 - a;
        all->scatter[i * bands + i] += a * trace / (double)bands + oddi_values_float(v, "epsilon");
    }
    if (oddi_gaussian_factor(all->scatter, bands, factor))
        return ODD_OK;
    return oddi_fail(l->f->ctx, ODD_ENUMERIC,
                     "the bands of the normal pictures have no covariance; try a larger epsilon");
}

static odd_status learn_keep(const struct learn *l, struct oddi_scatter *all)
{
    struct oddi_fitting *f = l->f;
    odd_status status = ODD_OK;
    const int64_t size = (int64_t)oddi_gaussian_size(l->bands);
    const struct oddi_shape of_mean = oddi_shape_make(1, l->bands, 1, 1, 1),
                            of_factor = oddi_shape_make(1, size, 1, 1, 1);
    float *mean = oddi_alloc_array(f->ctx, (size_t)l->bands, sizeof(float));
    float *factor = oddi_alloc_array(f->ctx, (size_t)size, sizeof(float));
    if (!mean || !factor) {
        status = ODD_ENOMEM;
        goto out;
    }
    for (int64_t i = 0; i < l->bands; i++)
        mean[i] = (float)all->mean[i];
    TRY(learn_factor(l, all, factor));
    TRY(oddi_model_file_add_copy(f->keep, RX_MEAN, ODDI_F32, &of_mean, mean));
    TRY(oddi_model_file_add_copy(f->keep, RX_FACTOR, ODDI_F32, &of_factor, factor));
out:
    oddi_free(f->ctx, factor);
    oddi_free(f->ctx, mean);
    return status;
}

odd_status oddi_rx_fit(struct oddi_fitting *f)
{
    odd_status status = ODD_OK;
    struct learn l = {.f = f, .bands = f->in.channels};
    const size_t numbers = (size_t)(l.bands * (l.bands + 1)), pictures = (size_t)f->pictures;
    struct oddi_scatter all = {.mean = NULL};
    l.of = oddi_calloc(f->ctx, pictures, sizeof(*l.of));
    l.room = oddi_calloc(f->ctx, pictures + 1, numbers * sizeof(double));
    if (!l.of || !l.room) {
        status = ODD_ENOMEM;
        goto out;
    }
    for (size_t i = 0; i <= pictures; i++) {
        double *at = l.room + i * numbers;
        *(i < pictures ? &l.of[i] : &all) =
            (struct oddi_scatter){.mean = at, .scatter = at + l.bands, .dim = l.bands};
    }
    const struct oddi_fit_pass pass = {"pixels", learn_take, &l};
    TRY(f->each(f->engine, &pass));
    for (size_t i = 0; i < pictures; i++)
        oddi_scatter_merge(&all, &l.of[i]);
    if (all.count == 0) {
        status = oddi_fail(f->ctx, ODD_ENODATA, "the normal pictures have no pixels");
        goto out;
    }
    TRY(learn_keep(&l, &all));
out:
    oddi_free(f->ctx, l.room);
    oddi_free(f->ctx, l.of);
    return status;
}
