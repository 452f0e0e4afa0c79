/* SPDX-License-Identifier: Apache-2.0
 * Held-out pictures (held.h). */
#include "engine/held.h"

#include "engine/many.h"

void oddi_held_release(struct oddi_held *h)
{
    struct odd_context *ctx = h->ctx;
    oddi_free(ctx, h->index);
    oddi_free(ctx, h->score);
    oddi_free(ctx, h->maximum);
    oddi_free(ctx, h->mean);
    oddi_free(ctx, h->hash);
    oddi_free(ctx, h->width);
    oddi_free(ctx, h->height);
    oddi_free(ctx, h->is_known);
    for (int i = 0; i < ODDI_COMPONENTS_MAX; i++)
        oddi_free(ctx, h->component[i]);
}

static odd_status held_load(void *user, struct odd_context *ctx, size_t i,
                            struct oddi_picture **picture)
{
    const struct oddi_held *h = user;
    struct oddi_picture *loaded = NULL;
    const odd_status status =
        oddi_dataset_load_hashed(ctx, h->ds, h->index[i], &loaded, &h->hash[i]);
    h->is_known[i] = status == ODD_OK && h->seen && oddi_seen_has(h->seen, &h->hash[i]);
    if (!h->is_known[i]) {
        *picture = loaded;
        return status;
    }
    oddi_picture_free(ctx, loaded);
    return oddi_fail(ctx, ODD_ENODATA, "the model has seen it");
}

static odd_status held_keep(struct oddi_held *h, const struct oddi_many_result *r)
{
    const double number[ODDI_KEPT_NUMBERS] = {r->score, r->maximum, r->mean};
    const struct oddi_kept_place size = {0, r->width, r->height};
    return h->kept ? oddi_kept_add(h->kept, number, &size, r->half, r->halves) : ODD_OK;
}

static odd_status held_take(void *user, const struct oddi_many_result *r)
{
    struct oddi_held *h = user;
    const char *path = h->ds->sample[h->index[r->index]].path;
    if (h->is_known[r->index]) {
        h->known(h->user, path);
        return ODD_OK;
    }
    if (r->status != ODD_OK && h->strict)
        return oddi_fail(h->ctx, r->status, "%s", r->message);
    if (r->status != ODD_OK) {
        h->leave_out(h->user, path, r->message);
        return ODD_OK;
    }
    h->index[h->good] = h->index[r->index];
    h->hash[h->good] = h->hash[r->index];
    h->score[h->good] = r->score;
    h->maximum[h->good] = r->maximum;
    h->mean[h->good] = r->mean;
    h->width[h->good] = r->width;
    h->height[h->good] = r->height;
    for (int i = 0; i < ODDI_COMPONENTS_MAX; i++)
        h->component[i][h->good] = r->component[i];
    h->good++;
    return held_keep(h, r);
}

static odd_status held_arrays(struct oddi_held *h)
{
    struct odd_context *ctx = h->ctx;
    const size_t n = h->count + 1;
    h->score = oddi_alloc_array(ctx, n, sizeof(*h->score));
    h->maximum = oddi_alloc_array(ctx, n, sizeof(*h->maximum));
    h->mean = oddi_alloc_array(ctx, n, sizeof(*h->mean));
    h->hash = oddi_calloc(ctx, n, sizeof(*h->hash));
    h->width = oddi_alloc_array(ctx, n, sizeof(*h->width));
    h->height = oddi_alloc_array(ctx, n, sizeof(*h->height));
    h->is_known = oddi_calloc(ctx, n, sizeof(*h->is_known));
    bool good =
        h->score && h->maximum && h->mean && h->hash && h->width && h->height && h->is_known;
    for (int i = 0; i < ODDI_COMPONENTS_MAX && good; i++) {
        h->component[i] = oddi_alloc_array(ctx, n, sizeof(double));
        good = h->component[i] != NULL;
    }
    return good ? ODD_OK : ODD_ENOMEM;
}

odd_status oddi_held_score(struct oddi_held *h, const struct odd_model *m, const char *phase)
{
    const odd_status status = held_arrays(h);
    const struct oddi_many many = {.model = m,
                                   .count = h->count,
                                   .want_rows = h->kept && h->kept->budget > 0,
                                   .phase = phase,
                                   .load = held_load,
                                   .take = held_take,
                                   .user = h};
    return status == ODD_OK ? oddi_many_run(h->ctx, &many) : status;
}

odd_status oddi_held_calibrate(struct odd_context *ctx, struct odd_model *m, double *score,
                               const double *maximum, const double *mean, size_t n)
{
    odd_status status = ODD_OK;
    if (n == 0)
        return oddi_fail(ctx, ODD_ENODATA,
                         "no held-out picture could be read, so no threshold can be set");
    TRY(oddi_median(ctx, mean, n, &m->typical));
    oddi_sort_doubles(score, n);
    const struct oddi_stored_calibration stored = {score, maximum, (int64_t)n, (int64_t)n};
    TRY(oddi_model_file_add_calibration(&m->file, &stored));
    TRY(oddi_calibrate(ctx, &stored, m->typical, &m->calibration));
out:
    return status;
}
