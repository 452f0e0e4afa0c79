/* SPDX-License-Identifier: Apache-2.0
 *
 * The Gaussians from the normal pictures. The reduced rows of all pictures are pooled cell by cell;
 * then each cell is the work of one thread: mean first, then the centred products, in the order of
 * the pictures. Where the pool's budget does not hold all cells, the pictures are looked at several
 * times, a band of the grid each; so bits depend neither on the budget nor on threads, and no more
 * than one covariance per thread is ever held.
 */
#include <string.h>

#include "base/parallel.h"
#include "method/padim/padim.h"
#include "score/gaussian.h"

#define LEARN_CHUNK 32 /* cells of each thread between two looks at the clock */

struct learn_task {
    struct oddi_scatter scatter;
    double *scratch;
    int64_t bad; /* a cell that has no Gaussian, or -1 */
};
struct learn {
    struct oddi_fitting *f;
    struct oddi_feature_grid grid;
    struct padim_reduce reduce;
    int64_t cells, first, count; /* all; the band */
    float *pool;                 /* (count, pictures, d) */
    float *mean, *factor;
    bool smooth, ledoit_wolf;
    double epsilon;
    struct learn_task *task;
    int tasks;
    int64_t from, to; /* of the chunk */
};

static odd_status learn_take(void *user, int64_t i, const struct oddi_measure *m)
{
    const struct learn *l = user;
    const int64_t dim = l->reduce.dim, d = l->reduce.d;
    float *rows = oddi_alloc_array(m->ctx, (size_t)(l->cells * dim), sizeof(float));
    if (!rows)
        return ODD_ENOMEM;
    const odd_status status = oddi_cells_rows(m, l->smooth, rows);
    for (int64_t c = 0; status == ODD_OK && c < l->count; c++)
        oddi_padim_reduce(&l->reduce, rows + (l->first + c) * dim,
                          l->pool + (c * l->f->pictures + i) * d);
    oddi_free(m->ctx, rows);
    return status;
}

/* Task t: every tasks-th cell of the chunk. */
static void learn_cells(void *arg, int64_t t)
{
    const struct learn *l = arg;
    struct learn_task *task = &l->task[t];
    const int64_t d = l->reduce.d, size = (int64_t)oddi_gaussian_size(d), n = l->f->pictures;
    for (int64_t c = l->from + t; c < l->to; c += l->tasks) {
        float *mean = l->mean + c * d;
        oddi_scatter_rows(&task->scatter, l->pool + (c - l->first) * n * d, n, task->scratch);
        for (int64_t i = 0; i < d; i++)
            mean[i] = (float)task->scatter.mean[i];
        if (l->ledoit_wolf)
            (void)oddi_covariance_ledoit_wolf(&task->scatter);
        else
            oddi_covariance_fixed(&task->scatter, l->epsilon);
        if (!oddi_gaussian_factor(task->scatter.scatter, d, l->factor + c * size) && task->bad < 0)
            task->bad = c;
    }
}

static odd_status learn_band(struct learn *l)
{
    struct oddi_fitting *f = l->f;
    const int64_t step = (int64_t)l->tasks * LEARN_CHUNK, end = l->first + l->count;
    for (l->from = l->first; l->from < end; l->from = l->to) {
        l->to = l->from + step < end ? l->from + step : end;
        oddi_parallel(f->threads, l->tasks, learn_cells, l);
        for (int t = 0; t < l->tasks; t++)
            if (l->task[t].bad >= 0)
                return oddi_fail(f->ctx, ODD_ENUMERIC,
                                 "the features of cell (%lld, %lld) have no Gaussian; try a larger "
                                 "epsilon or shrinkage=ledoit-wolf",
                                 (long long)(l->task[t].bad % l->grid.width),
                                 (long long)(l->task[t].bad / l->grid.width));
        const odd_status status = f->progress(f->engine, "gaussians", l->to, l->cells);
        if (status != ODD_OK)
            return status;
    }
    return ODD_OK;
}

/* How many cells of all pictures the pool holds: all, or a share such that bands are of one size.
 */
static odd_status learn_bands(const struct learn *l, int64_t *count)
{
    struct oddi_fitting *f = l->f;
    const int64_t mib = oddi_values_int(f->values, "pool-mib"),
                  cell = f->pictures * l->reduce.d * (int64_t)sizeof(float);
    const int64_t fit = (mib << 20) / cell;
    if (fit < 1)
        return oddi_fail(f->ctx, ODD_ECONFIG,
                         "pool-mib=%lld is less than one cell of %lld pictures", (long long)mib,
                         (long long)f->pictures);
    const int64_t bands = (l->cells + fit - 1) / fit;
    *count = (l->cells + bands - 1) / bands;
    if (bands > 1)
        oddi_log(f->ctx, ODD_LOG_WARNING,
                 "the cells of %lld pictures need %lld MiB; the pictures are looked at %lld times "
                 "(pool-mib=%lld)",
                 (long long)f->pictures, (long long)((cell * l->cells) >> 20), (long long)bands,
                 (long long)mib);
    return ODD_OK;
}

static odd_status learn_memory(struct learn *l, int64_t band)
{
    struct oddi_fitting *f = l->f;
    const int64_t d = l->reduce.d, mib = oddi_values_int(f->values, "model-mib");
    const size_t size = oddi_gaussian_size(d), cells = (size_t)l->cells;
    if ((int64_t)((size + (size_t)d) * sizeof(float)) > (mib << 20) / l->cells)
        return oddi_fail(f->ctx, ODD_ECONFIG,
                         "%lld Gaussians over %lld numbers need %lld MiB; model-mib=%lld: use less "
                         "features or coarser taps",
                         (long long)l->cells, (long long)d,
                         (long long)((size * cells * sizeof(float)) >> 20), (long long)mib);
    l->mean = oddi_alloc_array(f->ctx, cells, (size_t)d * sizeof(float));
    l->factor = oddi_alloc_array(f->ctx, cells, size * sizeof(float));
    l->pool = oddi_alloc_array(f->ctx, (size_t)(band * f->pictures), (size_t)d * sizeof(float));
    l->tasks = f->threads > 1 ? f->threads : 1;
    l->task = oddi_calloc(f->ctx, (size_t)l->tasks, sizeof(*l->task));
    if (!l->mean || !l->factor || !l->pool || !l->task)
        return ODD_ENOMEM;
    for (int t = 0; t < l->tasks; t++) {
        l->task[t].bad = -1;
        l->task[t].scratch = oddi_alloc_array(f->ctx, (size_t)d, 4 * sizeof(double));
        if (!l->task[t].scratch || oddi_scatter_init(f->ctx, d, &l->task[t].scatter) != ODD_OK)
            return ODD_ENOMEM;
    }
    return ODD_OK;
}

static void learn_release(struct learn *l)
{
    struct odd_context *ctx = l->f->ctx;
    for (int t = 0; l->task && t < l->tasks; t++) {
        oddi_scatter_release(ctx, &l->task[t].scatter);
        oddi_free(ctx, l->task[t].scratch);
    }
    oddi_free(ctx, l->task);
    oddi_free(ctx, l->pool);
    oddi_free(ctx, l->factor);
    oddi_free(ctx, l->mean);
}

static odd_status learn_keep(const struct learn *l)
{
    struct oddi_fitting *f = l->f;
    const int64_t d = l->reduce.d;
    const struct oddi_shape mean = oddi_shape_make(2, l->cells, d, 1, 1),
                            factor =
                                oddi_shape_make(2, l->cells, (int64_t)oddi_gaussian_size(d), 1, 1);
    odd_status status = ODD_OK;
    TRY(oddi_padim_reduce_keep(f, &l->reduce));
    TRY(oddi_model_file_add_copy(f->keep, PADIM_MEAN, ODDI_F32, &mean, l->mean));
    TRY(oddi_model_file_add_copy(f->keep, PADIM_FACTOR, ODDI_F32, &factor, l->factor));
out:
    return status;
}

odd_status oddi_padim_fit(struct oddi_fitting *f)
{
    odd_status status = ODD_OK;
    void *drawn = NULL;
    int64_t band = 0;
    struct learn l = {.f = f, .grid = oddi_features_grid(f->build)};
    l.cells = l.grid.height * l.grid.width;
    l.smooth = oddi_values_bool(f->values, "patch-mean");
    l.ledoit_wolf = oddi_values_is(f->values, "shrinkage", "ledoit-wolf");
    l.epsilon = oddi_values_float(f->values, "epsilon");
    if (f->tiles > 1)
        return oddi_fail(f->ctx, ODD_ECONFIG,
                         "padim compares places of whole pictures and takes no tiles: choose a "
                         "larger size, or another method");
    TRY(oddi_padim_reduce_learn(f, &l.reduce, &drawn));
    TRY(learn_bands(&l, &band));
    TRY(learn_memory(&l, band));
    const struct oddi_fit_pass pass = {"features", learn_take, &l};
    for (l.first = 0; l.first < l.cells; l.first += band) {
        l.count = l.cells - l.first < band ? l.cells - l.first : band;
        TRY(f->each(f->engine, &pass));
        TRY(learn_band(&l));
    }
    TRY(learn_keep(&l));
out:
    learn_release(&l);
    oddi_free(f->ctx, drawn);
    return status;
}
