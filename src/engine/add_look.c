/* SPDX-License-Identifier: Apache-2.0
 *
 * The first look at pictures that are to be added, and where each goes.
 */
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "engine/add_int.h"
#include "engine/report.h"
#include "engine/result.h"

#define LOOK_CALIBRATE 0.2 /* share of all pictures ever added */
#define LOOK_STREAM 7      /* of the draws of splits; data/splits.c has those before */

/* ---- which are new ------------------------------------------------------------------------- */

static void look_known(void *user, const char *path)
{
    struct add_run *r = user;
    json_array_append_new(r->seen, json_string(path));
}

static void look_leave_out(void *user, const char *path, const char *reason)
{
    struct add_run *r = user;
    oddi_report_left_out(r->ctx, r->left_out, path, reason);
}

struct look_key {
    struct oddi_hash128 hash;
    size_t at;
};

static int look_order(const void *a, const void *b)
{
    const struct look_key *x = a, *y = b;
    const int order = memcmp(&x->hash, &y->hash, sizeof(x->hash));
    return order ? order : (x->at > y->at) - (x->at < y->at);
}

/* Of equal pictures the first stays. */
static odd_status look_distinct(struct add_run *r)
{
    struct oddi_held *h = &r->fresh;
    size_t kept = 0;
    struct look_key *key = oddi_alloc_array(r->ctx, h->good + 1, sizeof(*key));
    bool *twice = oddi_calloc(r->ctx, h->good + 1, sizeof(*twice));
    if (!key || !twice) {
        oddi_free(r->ctx, key);
        oddi_free(r->ctx, twice);
        return ODD_ENOMEM;
    }
    for (size_t i = 0; i < h->good; i++)
        key[i] = (struct look_key){h->hash[i], i};
    qsort(key, h->good, sizeof(*key), look_order);
    for (size_t i = 1; i < h->good; i++)
        twice[key[i].at] = oddi_hash_equal(&key[i].hash, &key[i - 1].hash);
    for (size_t i = 0; i < h->good; i++) {
        if (twice[i]) {
            look_known(r, r->ds->sample[h->index[i]].path);
            continue;
        }
        h->index[kept] = h->index[i];
        h->hash[kept] = h->hash[i];
        h->score[kept] = h->score[i];
        h->width[kept] = h->width[i];
        h->height[kept++] = h->height[i];
    }
    h->good = kept;
    oddi_free(r->ctx, key);
    oddi_free(r->ctx, twice);
    return ODD_OK;
}

odd_status oddi_add_look(struct add_run *r)
{
    struct oddi_held *h = &r->fresh;
    struct oddi_seen seen = {.ctx = NULL};
    const struct oddi_calibration *c = &r->old->calibration;
    odd_status status = ODD_OK;
    TRY(oddi_seen_init(&seen, r->ctx, &r->old->file));
    *h = (struct oddi_held){.ctx = r->ctx,
                            .ds = r->ds,
                            .strict = r->ds->strict,
                            .leave_out = look_leave_out,
                            .user = r,
                            .seen = &seen,
                            .known = look_known};
    TRY(oddi_dataset_select(r->ctx, r->ds, ODDI_PART_TRAIN, &h->index, &h->count));
    TRY(oddi_held_score(h, r->old, "look"));
    TRY(look_distinct(r));
    for (size_t i = 0; i < h->good; i++) {
        if (oddi_decide(h->score[i], c->threshold) != ODD_DECISION_NG)
            continue;
        json_t *one = json_object();
        oddi_json_set_text(one, "path", r->ds->sample[h->index[i]].path);
        oddi_json_set_real(one, "score", h->score[i]);
        oddi_json_set_real(one, "normalized", oddi_calibration_normalize(c, h->score[i]));
        json_array_append_new(r->anomalous, one);
    }
out:
    oddi_seen_release(&seen);
    h->seen = NULL;
    return status;
}

/* ---- where they go ------------------------------------------------------------------------- */

struct add_before oddi_add_before(const struct add_run *r)
{
    struct add_before sum = {0, 0};
    size_t i;
    json_t *one;
    json_array_foreach(json_object_get(r->old->json, "history"), i, one)
    {
        sum.bank += json_integer_value(json_object_get(one, "n_bank"));
        sum.calibrate += json_integer_value(json_object_get(one, "n_calibrate"));
    }
    return sum;
}

/* Pictures for the calibration, so that of all that were ever added it has its share. */
static int64_t look_want(const struct add_before *before, size_t n)
{
    const double all = (double)before->bank + (double)before->calibrate + (double)n;
    const double want = LOOK_CALIBRATE * all + 0.5 - (double)before->calibrate;
    return want <= 0 ? 0 : want >= (double)n ? (int64_t)n : (int64_t)want;
}

/* Marks groups for the calibration: drawn in a random order, while that brings their pictures
 * nearer to the number wanted. */
static odd_status look_draw(const struct add_run *r, unsigned char *chosen)
{
    const struct add_before before = oddi_add_before(r);
    const size_t groups = (size_t)r->ds->groups, n = r->fresh.good;
    const int64_t want = look_want(&before, n);
    int64_t have = 0;
    struct oddi_rng rng;
    uint32_t *order = oddi_alloc_array(r->ctx, groups + 1, sizeof(*order));
    int64_t *size = oddi_calloc(r->ctx, groups + 1, sizeof(*size));
    if (!order || !size) {
        oddi_free(r->ctx, order);
        oddi_free(r->ctx, size);
        return ODD_ENOMEM;
    }
    for (size_t i = 0; i < n; i++)
        size[r->ds->sample[r->fresh.index[i]].group_id]++;
    oddi_rng_init(&rng, (uint64_t)oddi_values_int(&r->values, "split-seed"), ODDI_RNG_SPLIT,
                  LOOK_STREAM, (uint64_t)(before.bank + before.calibrate));
    oddi_rng_permutation(&rng, groups, order);
    for (size_t i = 0; i < groups && have < want; i++) {
        const int64_t more = size[order[i]];
        if (more == 0 || have + more - want > want - have)
            continue;
        chosen[order[i]] = 1;
        have += more;
    }
    oddi_free(r->ctx, order);
    oddi_free(r->ctx, size);
    return ODD_OK;
}

/* Tiles of the pictures for the bank, of the one that has most. */
static odd_status look_tiles(struct add_run *r)
{
    const struct oddi_prepare *p = &r->old->prepare;
    r->tiles = 1;
    for (size_t i = 0; i < r->banks && p->tiling.scale > 0; i++) {
        const size_t at = r->bank[i];
        struct oddi_tiles tiles;
        const odd_status status = oddi_tiles_plan(r->ctx, &p->tiling, r->fresh.width[at],
                                                  r->fresh.height[at], p->channels, &tiles);
        if (status != ODD_OK)
            return status;
        const int64_t n = oddi_tiles_count(&tiles);
        r->tiles = n > r->tiles ? n : r->tiles;
    }
    return ODD_OK;
}

odd_status oddi_add_split(struct add_run *r)
{
    const size_t n = r->fresh.good;
    odd_status status = ODD_OK;
    unsigned char *chosen = oddi_calloc(r->ctx, (size_t)r->ds->groups + 1, 1);
    r->bank = oddi_alloc_array(r->ctx, n + 1, sizeof(*r->bank));
    r->calibrate = oddi_alloc_array(r->ctx, n + 1, sizeof(*r->calibrate));
    if (!chosen || !r->bank || !r->calibrate) {
        status = ODD_ENOMEM;
        goto out;
    }
    TRY(look_draw(r, chosen));
    for (size_t i = 0; i < n; i++) {
        if (chosen[r->ds->sample[r->fresh.index[i]].group_id])
            r->calibrate[r->calibrates++] = (uint32_t)i;
        else
            r->bank[r->banks++] = (uint32_t)i;
    }
    TRY(look_tiles(r));
out:
    oddi_free(r->ctx, chosen);
    return status;
}
