/* SPDX-License-Identifier: Apache-2.0
 *
 * Splits, in this order:
 *  1. A split of the data itself is kept; anomalous pictures listed for training are left out.
 *     Otherwise normals start in the training part and anomalous pictures are the test part.
 *  2. Groups never cross a split: training pictures whose group also has pictures in the test
 *     part go to the test part (no split of its own) or are left out (own split).
 *  3. test-normals N|FRACTION of the normals go to the test part (only without own split).
 *  4. sample-train N keeps N of the training pictures.
 *  5. hold-out N|FRACTION (of what is left for training) is split into tune and calibrate:
 *     tune gets half, rounded down, calibrate the rest. A fraction above 0 means at least 59
 *     pictures where 100 remain for training (with 59, the largest of them is above 95 % of
 *     normals with confidence 0.95: 0.95^59 < 0.05). A count is taken as it is.
 *  6. sample-test N keeps N of the test pictures, normal and anomalous in their proportion.
 *
 * Whole groups are drawn in a seeded random order until the wanted number is reached; the last
 * one is put back when the number without it is nearer. Tune and calibrate each get a group at
 * least where there are three. Leaving pictures out (4, 6) needs no regard for groups.
 */
#include "data/splits.h"

#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "base/str.h"

#define SPLITS_HOLD_LEAST 59
#define SPLITS_TRAIN_LEAST 100

enum splits_stream {
    SPLITS_TEST = 1,
    SPLITS_HOLD,
    SPLITS_TUNE,
    SPLITS_TRAIN,
    SPLITS_NORMAL,
    SPLITS_ANOMALOUS
};

/* Text as a count (whole number) or as a fraction of n (with a point, below 1). */
static bool splits_amount(const char *text, int64_t n, int64_t *amount, bool *fraction)
{
    double part;
    *fraction = false;
    if (oddi_parse_int(text, amount))
        return *amount >= 0;
    if (!oddi_parse_double(text, &part) || part < 0 || part >= 1)
        return false;
    *fraction = part > 0;
    *amount = (int64_t)(part * (double)n + 0.5);
    return true;
}

int64_t oddi_hold_out_count(const char *text, int64_t n, bool *valid)
{
    bool fraction = false;
    int64_t held = 0;
    *valid = splits_amount(text, n, &held, &fraction);
    if (*valid && fraction && held < SPLITS_HOLD_LEAST &&
        n - SPLITS_HOLD_LEAST >= SPLITS_TRAIN_LEAST)
        held = SPLITS_HOLD_LEAST;
    return held;
}

/* --- drawing --- */

struct splits_group {
    uint32_t *size;  /* per group: its pictures in the part drawn from */
    uint32_t *drawn; /* groups with any, in the order of drawing */
    size_t count;
};

static void splits_release(struct odd_dataset *ds, struct splits_group *g)
{
    oddi_free(ds->ctx, g->size);
    oddi_free(ds->ctx, g->drawn);
    *g = (struct splits_group){0};
}

/* The groups that have pictures in `from`, in a random order. */
static odd_status splits_shuffle(struct odd_dataset *ds, enum oddi_part from,
                                 enum splits_stream stream, struct splits_group *g)
{
    odd_status status = ODD_OK;
    struct oddi_rng rng;
    uint32_t *order = NULL, *present = NULL;
    size_t groups = (size_t)ds->groups;
    *g = (struct splits_group){0};
    g->size = oddi_calloc(ds->ctx, groups + 1, sizeof(*g->size));
    g->drawn = oddi_alloc_array(ds->ctx, groups + 1, sizeof(*g->drawn));
    order = oddi_alloc_array(ds->ctx, groups + 1, sizeof(*order));
    present = oddi_alloc_array(ds->ctx, groups + 1, sizeof(*present));
    if (!g->size || !g->drawn || !order || !present)
        TRY(ODD_ENOMEM);
    for (size_t i = 0; i < ds->count; i++)
        g->size[ds->sample[i].group_id] += ds->sample[i].part == from;
    for (size_t i = 0; i < groups; i++)
        if (g->size[i])
            present[g->count++] = (uint32_t)i;
    oddi_rng_init(&rng, (uint64_t)oddi_values_int(&ds->values, "split-seed"), ODDI_RNG_SPLIT,
                  (uint64_t)stream, 0);
    if (g->count)
        oddi_rng_permutation(&rng, g->count, order);
    for (size_t i = 0; i < g->count; i++)
        g->drawn[i] = present[order[i]];
out:
    oddi_free(ds->ctx, order);
    oddi_free(ds->ctx, present);
    if (status != ODD_OK)
        splits_release(ds, g);
    return status;
}

/* Whole groups of `from`, about `want` pictures and `least` groups or more, go to `to`. */
struct splits_move {
    enum oddi_part from, to;
    int64_t want;
    size_t least;
    enum splits_stream stream;
};

static odd_status splits_draw(struct odd_dataset *ds, const struct splits_move *m, int64_t *moved)
{
    odd_status status = ODD_OK;
    struct splits_group g;
    int64_t have = 0;
    size_t taken = 0;
    TRY(splits_shuffle(ds, m->from, m->stream, &g));
    while (taken < g.count && (have < m->want || taken < m->least))
        have += g.size[g.drawn[taken++]];
    if (taken > m->least && have - m->want > m->want - (have - (int64_t)g.size[g.drawn[taken - 1]]))
        have -= g.size[g.drawn[--taken]];
    for (size_t i = taken; i < g.count; i++)
        g.size[g.drawn[i]] = 0;
    for (size_t i = 0; i < ds->count; i++)
        if (ds->sample[i].part == m->from && g.size[ds->sample[i].group_id])
            ds->sample[i].part = m->to;
    splits_release(ds, &g);
    *moved = have;
out:
    return status;
}

/* How many groups have pictures in the part. */
static odd_status splits_count_groups(struct odd_dataset *ds, enum oddi_part part, size_t *n)
{
    struct splits_group g;
    odd_status status = splits_shuffle(ds, part, SPLITS_TEST, &g);
    if (status != ODD_OK)
        return status;
    *n = g.count;
    splits_release(ds, &g);
    return ODD_OK;
}

/* Keeps `keep` pictures of a part and label (UNKNOWN: any), whichever their groups. */
static odd_status splits_thin(struct odd_dataset *ds, enum oddi_part part, enum oddi_label label,
                              size_t keep, enum splits_stream stream)
{
    struct oddi_rng rng;
    size_t n = 0;
    uint32_t *index = oddi_alloc_array(ds->ctx, ds->count + 1, sizeof(*index));
    uint32_t *order = oddi_alloc_array(ds->ctx, ds->count + 1, sizeof(*order));
    odd_status status = index && order ? ODD_OK : ODD_ENOMEM;
    for (size_t i = 0; status == ODD_OK && i < ds->count; i++)
        if (ds->sample[i].part == part &&
            (label == ODDI_LABEL_UNKNOWN || ds->sample[i].label == label))
            index[n++] = (uint32_t)i;
    if (status == ODD_OK && n > keep) {
        oddi_rng_init(&rng, (uint64_t)oddi_values_int(&ds->values, "split-seed"), ODDI_RNG_SAMPLE,
                      (uint64_t)stream, 0);
        oddi_rng_permutation(&rng, n, order);
        for (size_t i = keep; i < n; i++)
            ds->sample[index[order[i]]].part = ODDI_PART_UNUSED;
    }
    oddi_free(ds->ctx, index);
    oddi_free(ds->ctx, order);
    return status;
}

/* --- the steps --- */

/* Step 1. */
static odd_status splits_given(struct odd_dataset *ds)
{
    odd_status status = ODD_OK;
    size_t anomalous = 0, unknown = 0;
    for (size_t i = 0; i < ds->count; i++) {
        struct oddi_sample *s = &ds->sample[i];
        bool normal = s->label == ODDI_LABEL_NORMAL;
        if (!ds->has_split)
            s->part = normal ? ODDI_PART_TRAIN : ODDI_PART_TEST;
        if (s->part == ODDI_PART_UNUSED)
            continue;
        unknown += s->label == ODDI_LABEL_UNKNOWN;
        anomalous += s->label == ODDI_LABEL_ANOMALOUS && s->part != ODDI_PART_TEST;
        if (s->label == ODDI_LABEL_UNKNOWN || (!normal && s->part != ODDI_PART_TEST))
            s->part = ODDI_PART_UNUSED;
    }
    if (anomalous)
        TRY(oddi_dataset_note(
            ds, false, "%zu pictures listed for training are not normal and left out", anomalous));
    if (unknown)
        TRY(oddi_dataset_note(ds, true, "%zu pictures have no label and are left out", unknown));
out:
    return status;
}

/* Step 2. The part that decides for a group is its highest: test, calibrate, tune, train. */
static odd_status splits_keep_groups(struct odd_dataset *ds)
{
    size_t out = 0, moved = 0;
    unsigned char *best = oddi_calloc(ds->ctx, (size_t)ds->groups + 1, 1);
    if (!best)
        return ODD_ENOMEM;
    for (size_t i = 0; i < ds->count; i++) {
        const struct oddi_sample *s = &ds->sample[i];
        if (s->part > best[s->group_id])
            best[s->group_id] = (unsigned char)s->part;
    }
    for (size_t i = 0; i < ds->count; i++) {
        struct oddi_sample *s = &ds->sample[i];
        if (s->part == ODDI_PART_UNUSED || s->part == best[s->group_id])
            continue;
        s->part = ds->has_split ? ODDI_PART_UNUSED : ODDI_PART_TEST;
        out += ds->has_split;
        moved += !ds->has_split;
    }
    oddi_free(ds->ctx, best);
    if (out)
        return oddi_dataset_note(ds, true,
                                 "%zu pictures are left out because their group also has pictures "
                                 "in the test part or another part",
                                 out);
    if (moved)
        return oddi_dataset_note(ds, false,
                                 "%zu normal pictures are in the test part because their group "
                                 "has anomalous ones",
                                 moved);
    return ODD_OK;
}

/* Step 3. */
static odd_status splits_test_normals(struct odd_dataset *ds)
{
    const char *text = oddi_values_text(&ds->values, "test-normals");
    int64_t have = (int64_t)oddi_dataset_count(ds, ODDI_PART_TEST, ODDI_LABEL_NORMAL);
    int64_t train = (int64_t)oddi_dataset_count(ds, ODDI_PART_TRAIN, ODDI_LABEL_NORMAL);
    int64_t want = 0, moved = 0;
    bool fraction;
    if (!text[0])
        return ODD_OK;
    if (ds->has_split)
        return oddi_dataset_note(ds, true,
                                 "test-normals is not used: the data says itself what is test");
    if (!splits_amount(text, have + train, &want, &fraction))
        return oddi_fail(ds->ctx, ODD_ECONFIG,
                         "test-normals: '%s' is neither a count nor a fraction below 1", text);
    if (want > have + train)
        return oddi_fail(ds->ctx, ODD_ENODATA,
                         "test-normals asks for %lld normal pictures; %s has %lld", (long long)want,
                         ds->root, (long long)(have + train));
    if (want <= have)
        return ODD_OK;
    const struct splits_move move = {ODDI_PART_TRAIN, ODDI_PART_TEST, want - have, 1, SPLITS_TEST};
    return splits_draw(ds, &move, &moved);
}

/* Calibrate gets the larger part, also when the groups come out the other way round. */
static void splits_order_held(struct odd_dataset *ds)
{
    if (oddi_dataset_count(ds, ODDI_PART_TUNE, ODDI_LABEL_NORMAL) <=
        oddi_dataset_count(ds, ODDI_PART_CALIBRATE, ODDI_LABEL_NORMAL))
        return;
    for (size_t i = 0; i < ds->count; i++) {
        struct oddi_sample *s = &ds->sample[i];
        if (s->part == ODDI_PART_TUNE)
            s->part = ODDI_PART_CALIBRATE;
        else if (s->part == ODDI_PART_CALIBRATE)
            s->part = ODDI_PART_TUNE;
    }
}

/* Step 5, once the number is known: two groups at least where that leaves one for training. */
static odd_status splits_hold(struct odd_dataset *ds, int64_t held)
{
    odd_status status = ODD_OK;
    struct splits_move hold = {ODDI_PART_TRAIN, ODDI_PART_CALIBRATE, held, 1, SPLITS_HOLD};
    struct splits_move tune = {ODDI_PART_CALIBRATE, ODDI_PART_TUNE, 0, 1, SPLITS_TUNE};
    size_t groups = 0;
    int64_t moved = 0;
    TRY(splits_count_groups(ds, ODDI_PART_TRAIN, &groups));
    if (groups < 2)
        return oddi_dataset_note(ds, true,
                                 "the training pictures are one group: none can be held out");
    hold.least = held > 1 && groups > 2 ? 2 : 1;
    TRY(splits_draw(ds, &hold, &held));
    if (!oddi_dataset_count(ds, ODDI_PART_TRAIN, ODDI_LABEL_NORMAL))
        return oddi_fail(ds->ctx, ODD_ENODATA,
                         "hold-out: the groups of %s are too large to hold some of them out",
                         ds->root);
    TRY(splits_count_groups(ds, ODDI_PART_CALIBRATE, &groups));
    if (groups < 2)
        return ODD_OK;
    tune.want = held / 2;
    TRY(splits_draw(ds, &tune, &moved));
    splits_order_held(ds);
out:
    return status;
}

/* Step 5. */
static odd_status splits_hold_out(struct odd_dataset *ds)
{
    const char *text = oddi_values_text(&ds->values, "hold-out");
    int64_t n = (int64_t)oddi_dataset_count(ds, ODDI_PART_TRAIN, ODDI_LABEL_NORMAL);
    bool valid;
    int64_t held = oddi_hold_out_count(text, n, &valid);
    if (!valid)
        return oddi_fail(ds->ctx, ODD_ECONFIG,
                         "hold-out: '%s' is neither a count nor a fraction below 1", text);
    if (oddi_dataset_count(ds, ODDI_PART_TUNE, ODDI_LABEL_NORMAL) ||
        oddi_dataset_count(ds, ODDI_PART_CALIBRATE, ODDI_LABEL_NORMAL))
        return ODD_OK; /* the data says itself what is held out */
    if (held && held >= n && n)
        return oddi_fail(ds->ctx, ODD_ENODATA,
                         "hold-out asks for %lld of the %lld normal training pictures of %s",
                         (long long)held, (long long)n, ds->root);
    return held && n ? splits_hold(ds, held) : ODD_OK;
}

/* Step 6. */
static odd_status splits_sample_test(struct odd_dataset *ds, size_t keep)
{
    odd_status status = ODD_OK;
    size_t normal = oddi_dataset_count(ds, ODDI_PART_TEST, ODDI_LABEL_NORMAL);
    size_t all = normal + oddi_dataset_count(ds, ODDI_PART_TEST, ODDI_LABEL_ANOMALOUS);
    if (!keep || keep >= all)
        return ODD_OK;
    size_t keep_normal = (size_t)((double)keep * (double)normal / (double)all + 0.5);
    if (keep > 1 && normal && !keep_normal)
        keep_normal = 1;
    if (keep > 1 && normal < all && keep_normal == keep)
        keep_normal = keep - 1;
    TRY(splits_thin(ds, ODDI_PART_TEST, ODDI_LABEL_NORMAL, keep_normal, SPLITS_NORMAL));
    TRY(splits_thin(ds, ODDI_PART_TEST, ODDI_LABEL_ANOMALOUS, keep - keep_normal,
                    SPLITS_ANOMALOUS));
out:
    return status;
}

odd_status oddi_dataset_split(struct odd_dataset *ds)
{
    odd_status status = ODD_OK;
    size_t train = (size_t)oddi_values_int(&ds->values, "sample-train");
    TRY(splits_given(ds));
    TRY(splits_keep_groups(ds));
    TRY(splits_test_normals(ds));
    if (train)
        TRY(splits_thin(ds, ODDI_PART_TRAIN, ODDI_LABEL_UNKNOWN, train, SPLITS_TRAIN));
    TRY(splits_hold_out(ds));
    TRY(splits_sample_test(ds, (size_t)oddi_values_int(&ds->values, "sample-test")));
out:
    return status;
}
