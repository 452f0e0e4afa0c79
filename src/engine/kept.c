/* SPDX-License-Identifier: Apache-2.0
 * What is kept of calibrate pictures (kept.h). */
#include "engine/kept.h"

#include <math.h>
#include <string.h>

#include "base/os.h"
#include "engine/report.h"
#include "engine/seen.h"

#define KEPT_HALF_INFINITE 0x7c00u

void oddi_kept_init(struct oddi_kept *k, struct odd_context *ctx, const struct oddi_values *values)
{
    *k = (struct oddi_kept){.ctx = ctx};
    k->budget = ((size_t)oddi_values_int(values, "keep-mib") << 20) / sizeof(*k->half);
}

void oddi_kept_release(struct oddi_kept *k)
{
    if (!k->ctx)
        return;
    for (int i = 0; i < ODDI_KEPT_NUMBERS; i++)
        oddi_free(k->ctx, k->number[i]);
    oddi_free(k->ctx, k->place);
    oddi_free(k->ctx, k->half);
    *k = (struct oddi_kept){.ctx = NULL};
}

static odd_status kept_rows(struct oddi_kept *k, const struct oddi_kept_place *size,
                            const uint16_t *half, size_t halves)
{
    odd_status status = ODD_OK;
    void *place = k->place, *all = k->half;
    TRY(oddi_reserve(k->ctx, &place, &k->place_room, k->places + 1, sizeof(*k->place)));
    k->place = place;
    TRY(oddi_reserve(k->ctx, &all, &k->half_room, k->halves + halves, sizeof(*k->half)));
    k->half = all;
    k->place[k->places] = *size;
    k->place[k->places++].picture = (int64_t)k->count;
    memcpy(k->half + k->halves, half, halves * sizeof(*half));
    k->halves += halves;
out:
    return status;
}

odd_status oddi_kept_add(struct oddi_kept *k, const double number[ODDI_KEPT_NUMBERS],
                         const struct oddi_kept_place *size, const uint16_t *half, size_t halves)
{
    odd_status status = ODD_OK;
    for (int i = 0; i < ODDI_KEPT_NUMBERS; i++) {
        void *array = k->number[i];
        TRY(oddi_reserve(k->ctx, &array, &k->room[i], k->count + 1, sizeof(*k->number[i])));
        k->number[i] = array;
        k->number[i][k->count] = number[i];
    }
    if (halves > 0 && halves <= k->budget - k->halves)
        TRY(kept_rows(k, size, half, halves));
    k->count++;
out:
    return status;
}

/* ---- scoring anew -------------------------------------------------------------------------- */

odd_status oddi_kept_rescore(struct oddi_kept *k, const struct odd_model *m)
{
    odd_status status = ODD_OK;
    struct odd_scorer *s = NULL;
    const uint64_t began = oddi_os_now_ns();
    size_t at = 0;
    if (k->places == 0)
        return ODD_OK;
    TRY(oddi_scorer_make(k->ctx, m, k->ctx->threads, &s));
    for (size_t i = 0; i < k->places; i++) {
        const struct oddi_kept_place *p = &k->place[i];
        struct oddi_scored scored;
        size_t count = 0;
        TRY(oddi_scorer_rows(s, p->width, p->height, &count));
        TRY(oddi_scorer_rescore(s, k->half + at, p->width, p->height, &scored));
        k->number[ODDI_KEPT_SCORE][p->picture] = scored.score;
        k->number[ODDI_KEPT_MAXIMUM][p->picture] = scored.maximum;
        k->number[ODDI_KEPT_MEAN][p->picture] = scored.mean;
        at += count;
        if (oddi_report_wanted(k->ctx))
            oddi_report_pictures(k->ctx, "rescore", i + 1, k->places, began);
        TRY(oddi_check_cancel(k->ctx));
    }
out:
    odd_scorer_free(s);
    return status;
}

/* ---- in the model -------------------------------------------------------------------------- */

odd_status oddi_kept_store(const struct oddi_kept *k, struct oddi_model_file *file)
{
    odd_status status = ODD_OK;
    const struct oddi_shape numbers =
                                oddi_shape_make(2, ODDI_KEPT_NUMBERS, (int64_t)k->count, 1, 1),
                            places = oddi_shape_make(2, (int64_t)k->places, 3, 1, 1),
                            rows = oddi_shape_make(1, (int64_t)k->halves, 1, 1, 1);
    double *all = oddi_alloc_array(k->ctx, k->count + 1, ODDI_KEPT_NUMBERS * sizeof(*all));
    if (!all)
        return ODD_ENOMEM;
    for (int i = 0; i < ODDI_KEPT_NUMBERS && k->count > 0; i++)
        memcpy(all + (size_t)i * k->count, k->number[i], k->count * sizeof(*all));
    if (k->count > 0)
        TRY(oddi_model_file_add_copy(file, "keep.numbers", ODDI_F64, &numbers, all));
    if (k->places > 0) {
        TRY(oddi_model_file_add_copy(file, "keep.places", ODDI_I64, &places, k->place));
        TRY(oddi_model_file_add(file, "keep.rows", ODDI_U16, &rows, k->half));
    }
out:
    oddi_free(k->ctx, all);
    return status;
}

static odd_status kept_damaged(const struct oddi_kept *k)
{
    return oddi_fail(k->ctx, ODD_EFORMAT,
                     "what the model keeps of its held-out pictures is missing or damaged: it has "
                     "to be trained anew");
}

/* The next picture's rows, if place `i` and the rows are as they must be. */
static odd_status kept_take(struct oddi_kept *k, struct odd_scorer *s, const uint16_t *half,
                            size_t left, const struct oddi_kept_place *place)
{
    size_t halves = 0;
    const int64_t last = k->places > 0 ? k->place[k->places - 1].picture : -1;
    if (place->picture <= last || (size_t)place->picture >= k->count || place->width < 1 ||
        place->height < 1 || place->width > ODDI_PICTURE_MAX_SIDE ||
        place->height > ODDI_PICTURE_MAX_SIDE)
        return kept_damaged(k);
    odd_status status = oddi_scorer_rows(s, place->width, place->height, &halves);
    if (status != ODD_OK)
        return status;
    if (halves > left)
        return kept_damaged(k);
    for (size_t i = 0; i < halves; i++)
        if ((half[i] & KEPT_HALF_INFINITE) == KEPT_HALF_INFINITE)
            return kept_damaged(k);
    status = kept_rows(k, place, half, halves);
    if (status == ODD_OK)
        k->place[k->places - 1].picture = place->picture;
    return status;
}

static odd_status kept_load_rows(struct oddi_kept *k, const struct odd_model *m)
{
    const struct oddi_stored *places = oddi_model_file_find(&m->file, "keep.places"),
                             *rows = oddi_model_file_find(&m->file, "keep.rows");
    odd_status status = ODD_OK;
    struct odd_scorer *s = NULL;
    if (!places && !rows)
        return ODD_OK;
    if (!places || !rows || places->type != ODDI_I64 || places->shape.rank != 2 ||
        places->shape.dim[1] != 3 || rows->type != ODDI_U16 || rows->shape.rank != 1)
        return kept_damaged(k);
    const size_t all = (size_t)rows->shape.dim[0];
    const struct oddi_kept_place *place = places->data;
    TRY(oddi_scorer_make(k->ctx, m, 1, &s));
    for (int64_t i = 0; i < places->shape.dim[0]; i++)
        TRY(kept_take(k, s, (const uint16_t *)rows->data + k->halves, all - k->halves, &place[i]));
    if (k->halves != all)
        status = kept_damaged(k);
out:
    odd_scorer_free(s);
    return status;
}

odd_status oddi_kept_load(struct oddi_kept *k, const struct odd_model *m)
{
    const struct oddi_stored *numbers = oddi_model_file_find(&m->file, "keep.numbers");
    odd_status status = ODD_OK;
    size_t n = 0;
    oddi_seen_part(&m->file, "seen.calibrate", &n);
    if (!numbers || numbers->type != ODDI_F64 || numbers->shape.rank != 2 ||
        numbers->shape.dim[0] != ODDI_KEPT_NUMBERS || (size_t)numbers->shape.dim[1] != n)
        return kept_damaged(k);
    const double *all = numbers->data;
    for (size_t i = 0; i < n; i++) {
        const double number[] = {all[i], all[n + i], all[2 * n + i]};
        if (!isfinite(number[0]) || !isfinite(number[1]) || !isfinite(number[2]))
            return kept_damaged(k);
        TRY(oddi_kept_add(k, number, NULL, NULL, 0));
    }
    TRY(kept_load_rows(k, m));
out:
    return status;
}
