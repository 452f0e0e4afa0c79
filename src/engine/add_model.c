/* SPDX-License-Identifier: Apache-2.0
 *
 * The model that follows from an old one and more normal pictures.
 */
#include <string.h>

#include "base/str.h"
#include "engine/add_int.h"
#include "engine/passes.h"
#include "engine/selftest.h"

/* ---- what is learnt ------------------------------------------------------------------------ */

static uint32_t model_sample(const void *user, size_t i)
{
    const struct add_run *r = user;
    return r->fresh.index[r->bank[i]];
}

static odd_status model_extend(struct add_run *r)
{
    odd_status status = ODD_OK;
    const struct odd_model *old = r->old;
    struct oddi_passes passes = {.ctx = r->ctx,
                                 .model = old,
                                 .ds = r->ds,
                                 .count = r->banks,
                                 .sample = model_sample,
                                 .user = r};
    struct oddi_build b;
    size_t earlier = 0;
    oddi_seen_part(&old->file, "seen.train", &earlier);
    TRY(oddi_model_graph(r->ctx, old, &b));
    struct oddi_fitting f = {.values = &old->config.values,
                             .in = old->in,
                             .seed = (uint64_t)oddi_values_int(&old->config.values, "seed"),
                             .tiles = r->tiles,
                             .build = &b,
                             .keep = &r->made.file,
                             .before = &old->file,
                             .earlier = (int64_t)earlier};
    oddi_passes_bind(&passes, &f);
    TRY(old->config.method->extend(&f));
out:
    oddi_build_release(&b);
    return status;
}

/* ---- what the file holds ------------------------------------------------------------------- */

/* What stays as it was: all that is not made anew below. */
static odd_status model_tensors(struct add_run *r)
{
    static const char *const anew[] = {"seen.", "keep.", "selftest.", "calibration."};
    const struct oddi_model_file *old = &r->old->file;
    odd_status status = ODD_OK;
    for (size_t i = 0; i < oddi_model_file_count(old); i++) {
        const struct oddi_stored *t = oddi_model_file_at(old, i);
        bool stays = r->banks == 0 || !oddi_starts_with(t->name, ODDI_FITTED);
        for (size_t k = 0; k < ODDI_COUNT(anew); k++)
            stays = stays && !oddi_starts_with(t->name, anew[k]);
        if (stays)
            TRY(oddi_model_file_add(&r->made.file, t->name, t->type, &t->shape, t->data));
    }
    for (int i = 0; i < old->calibrations; i++) {
        struct oddi_stored_calibration c;
        TRY(oddi_model_file_calibration(old, i, &c));
        TRY(oddi_model_file_add_calibration(&r->made.file, &c));
    }
out:
    return status;
}

/* A part's hashes: those of the old model, then those of the fresh pictures `of`. */
static odd_status model_seen(struct add_run *r, const char *name, const uint32_t *of, size_t n)
{
    size_t before = 0;
    const struct oddi_hash128 *part = oddi_seen_part(&r->old->file, name, &before);
    struct oddi_hash128 *hash = oddi_calloc(r->ctx, before + n + 1, sizeof(*hash));
    if (!hash)
        return ODD_ENOMEM;
    if (before > 0)
        memcpy(hash, part, before * sizeof(*hash));
    for (size_t i = 0; i < n; i++)
        hash[before + i] = r->fresh.hash[of[i]];
    const odd_status status = oddi_seen_store(&r->made.file, name, hash, before + n);
    oddi_free(r->ctx, hash);
    return status;
}

static odd_status model_thumbs(struct add_run *r)
{
    odd_status status = ODD_OK;
    struct oddi_picture *picture = NULL;
    size_t before = 0;
    oddi_seen_part(&r->old->file, "seen.train", &before);
    oddi_thumbs_init(&r->thumbs, r->ctx);
    TRY(oddi_thumbs_load(&r->thumbs, &r->old->file, before));
    for (size_t i = 0; i < r->banks && r->thumbs.count > 0; i++) {
        TRY(oddi_dataset_load_picture(r->ctx, r->ds, r->fresh.index[r->bank[i]], &picture));
        TRY(oddi_thumbs_add(&r->thumbs, picture));
        oddi_picture_free(r->ctx, picture);
        picture = NULL;
    }
    TRY(oddi_thumbs_store(&r->thumbs, &r->made.file));
out:
    oddi_picture_free(r->ctx, picture);
    return status;
}

/* ---- scores -------------------------------------------------------------------------------- */

/* Scores of the fresh pictures `of` by the new model, kept where `kept` is given. */
static odd_status model_score(struct add_run *r, const uint32_t *of, size_t n,
                              struct oddi_kept *kept)
{
    odd_status status = ODD_OK;
    struct oddi_held h = {.ctx = r->ctx, .ds = r->ds, .count = n, .strict = true, .kept = kept};
    h.index = oddi_alloc_array(r->ctx, n + 1, sizeof(*h.index));
    if (!h.index)
        return ODD_ENOMEM;
    for (size_t i = 0; i < n; i++)
        h.index[i] = r->fresh.index[of[i]];
    TRY(oddi_held_score(&h, &r->made, kept ? "calibrate" : "check"));
    for (size_t i = 0; i < n; i++)
        r->score[of[i]] = h.score[i];
out:
    oddi_held_release(&h);
    return status;
}

static odd_status model_scores(struct add_run *r)
{
    odd_status status = ODD_OK;
    oddi_kept_init(&r->kept, r->ctx, &r->old->config.values);
    TRY(oddi_kept_load(&r->kept, r->old));
    r->earlier = r->kept.count;
    r->before = oddi_alloc_array(r->ctx, r->earlier + 1, sizeof(double));
    r->score = oddi_alloc_array(r->ctx, r->fresh.good + 1, sizeof(double));
    if (!r->before || !r->score) {
        status = ODD_ENOMEM;
        goto out;
    }
    if (r->earlier > 0)
        memcpy(r->before, r->kept.number[ODDI_KEPT_SCORE], r->earlier * sizeof(double));
    r->rescored = r->banks > 0 ? r->kept.places : 0;
    if (r->banks > 0)
        TRY(oddi_kept_rescore(&r->kept, &r->made));
    TRY(model_score(r, r->calibrate, r->calibrates, &r->kept));
    TRY(model_score(r, r->bank, r->banks, NULL));
out:
    return status;
}

static odd_status model_calibrate(struct add_run *r)
{
    const struct oddi_kept *k = &r->kept;
    double *sorted = oddi_alloc_array(r->ctx, k->count + 1, sizeof(double));
    if (!sorted)
        return ODD_ENOMEM;
    if (k->count > 0)
        memcpy(sorted, k->number[ODDI_KEPT_SCORE], k->count * sizeof(double));
    const odd_status status =
        oddi_held_calibrate(r->ctx, &r->made, sorted, k->number[ODDI_KEPT_MAXIMUM],
                            k->number[ODDI_KEPT_MEAN], k->count);
    oddi_free(r->ctx, sorted);
    return status;
}

odd_status oddi_add_model(struct add_run *r)
{
    odd_status status = ODD_OK;
    struct odd_model *m = &r->made;
    m->config = r->old->config;
    m->in = r->old->in;
    m->prepare = r->old->prepare;
    m->spread = r->old->spread;
    m->version = 1;
    TRY(model_tensors(r));
    if (r->banks > 0)
        TRY(model_extend(r));
    TRY(oddi_model_open_fitted(r->ctx, m));
    TRY(model_scores(r));
    TRY(model_calibrate(r));
    TRY(model_seen(r, "seen.train", r->bank, r->banks));
    TRY(model_seen(r, "seen.tune", NULL, 0));
    TRY(model_seen(r, "seen.calibrate", r->calibrate, r->calibrates));
    TRY(oddi_kept_store(&r->kept, &m->file));
    TRY(model_thumbs(r));
    TRY(oddi_selftest_add(r->ctx, m));
out:
    return status;
}
