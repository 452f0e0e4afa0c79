/* SPDX-License-Identifier: Apache-2.0
 *
 * What was understood of a data set, in words for people and as JSON for programs:
 * {path, layout, why, pictures, groups, split, split_seed, hold_out,
 *  parts: {train: {normal, anomalous}, ...}, types: [{type, label, train, ..., test}],
 *  masks, notes: [...], warnings: [...]}.
 */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "data/dataset.h"

struct describe_type {
    const char *name;
    enum oddi_label label;
    size_t count[ODDI_PART_COUNT];
};

static int describe_compare(const void *a, const void *b)
{
    const struct oddi_sample *x = *(const struct oddi_sample *const *)a;
    const struct oddi_sample *y = *(const struct oddi_sample *const *)b;
    return x->label != y->label ? (int)x->label - (int)y->label : strcmp(x->type, y->type);
}

/* One entry per (label, type), sorted; freed with oddi_free. */
static odd_status describe_types(const struct odd_dataset *ds, struct describe_type **types,
                                 size_t *n)
{
    size_t count = 0;
    const struct oddi_sample **order = oddi_alloc_array(ds->ctx, ds->count + 1, sizeof(*order));
    struct describe_type *list = oddi_calloc(ds->ctx, ds->count + 1, sizeof(*list));
    if (!order || !list) {
        oddi_free(ds->ctx, order);
        oddi_free(ds->ctx, list);
        return ODD_ENOMEM;
    }
    for (size_t i = 0; i < ds->count; i++)
        order[i] = &ds->sample[i];
    qsort(order, ds->count, sizeof(*order), describe_compare);
    for (size_t i = 0; i < ds->count; i++) {
        if (!i || describe_compare(&order[i - 1], &order[i]) != 0)
            list[count++] = (struct describe_type){order[i]->type, order[i]->label, {0}};
        list[count - 1].count[order[i]->part]++;
    }
    oddi_free(ds->ctx, order);
    *types = list;
    *n = count;
    return ODD_OK;
}

static size_t describe_masks(const struct odd_dataset *ds)
{
    size_t masks = 0;
    for (size_t i = 0; i < ds->count; i++)
        masks += ds->sample[i].mask != NULL;
    return masks;
}

static size_t describe_part(const struct odd_dataset *ds, enum oddi_part part)
{
    return oddi_dataset_count(ds, part, ODDI_LABEL_NORMAL) +
           oddi_dataset_count(ds, part, ODDI_LABEL_ANOMALOUS) +
           oddi_dataset_count(ds, part, ODDI_LABEL_UNKNOWN);
}

static const char *describe_label(enum oddi_label label)
{
    return label == ODDI_LABEL_NORMAL      ? "normal"
           : label == ODDI_LABEL_ANOMALOUS ? "anomalous"
                                           : "unknown";
}

/* "; types: crack 57, blowhole 115", at most 30 of them. */
static void describe_test_types(struct oddi_str *s, const struct describe_type *types, size_t n)
{
    size_t said = 0;
    for (size_t i = 0; i < n; i++) {
        if (types[i].label != ODDI_LABEL_ANOMALOUS || !types[i].count[ODDI_PART_TEST])
            continue;
        if (said == 30)
            oddi_str_add(s, ", ...");
        if (said++ < 30)
            oddi_str_addf(s, "%s%s %zu", said > 1 ? ", " : ": ", types[i].name,
                          types[i].count[ODDI_PART_TEST]);
    }
}

static odd_status describe_text(const struct odd_dataset *ds, const struct describe_type *types,
                                size_t n, char **text)
{
    struct oddi_str s;
    oddi_str_init(&s, ds->ctx);
    oddi_str_addf(&s, "data: %s\nlayout: %s, %s\n", ds->root, ds->layout, ds->why);
    oddi_str_addf(&s, "pictures: %zu, %zu with a mask", ds->count, describe_masks(ds));
    if (ds->groups != (int64_t)ds->count)
        oddi_str_addf(&s, ", in %lld groups", (long long)ds->groups);
    oddi_str_addf(&s,
                  "\ntraining: %zu normal; held out: %zu to tune, %zu to calibrate "
                  "(split-seed %lld)\n",
                  describe_part(ds, ODDI_PART_TRAIN), describe_part(ds, ODDI_PART_TUNE),
                  describe_part(ds, ODDI_PART_CALIBRATE),
                  (long long)oddi_values_int(&ds->values, "split-seed"));
    oddi_str_addf(&s, "test: %zu normal, %zu anomalous",
                  oddi_dataset_count(ds, ODDI_PART_TEST, ODDI_LABEL_NORMAL),
                  oddi_dataset_count(ds, ODDI_PART_TEST, ODDI_LABEL_ANOMALOUS));
    describe_test_types(&s, types, n);
    oddi_str_add(&s, "\n");
    if (describe_part(ds, ODDI_PART_UNUSED))
        oddi_str_addf(&s, "not used: %zu\n", describe_part(ds, ODDI_PART_UNUSED));
    for (size_t i = 0; i < ds->notes; i++)
        oddi_str_addf(&s, "%s: %s\n", ds->note[i].warning ? "warning" : "note", ds->note[i].text);
    odd_status status = oddi_str_take(&s, text);
    oddi_str_release(&s);
    return status;
}

static bool describe_json_parts(const struct odd_dataset *ds, json_t *root)
{
    json_t *parts = json_object();
    bool ok = parts != NULL;
    for (int i = 0; i < ODDI_PART_COUNT && ok; i++) {
        json_t *one = json_object();
        ok = oddi_json_set_int(
                 one, "normal",
                 (int64_t)oddi_dataset_count(ds, (enum oddi_part)i, ODDI_LABEL_NORMAL)) &&
             oddi_json_set_int(
                 one, "anomalous",
                 (int64_t)oddi_dataset_count(ds, (enum oddi_part)i, ODDI_LABEL_ANOMALOUS)) &&
             oddi_json_set_int(
                 one, "unknown",
                 (int64_t)oddi_dataset_count(ds, (enum oddi_part)i, ODDI_LABEL_UNKNOWN));
        ok = oddi_json_set(parts, oddi_part_name((enum oddi_part)i), one) && ok;
    }
    return oddi_json_set(root, "parts", parts) && ok;
}

static bool describe_json_types(const struct describe_type *types, size_t n, json_t *root)
{
    json_t *array = json_array();
    bool ok = array != NULL;
    for (size_t i = 0; i < n && ok; i++) {
        json_t *one = json_object();
        ok = oddi_json_set_text(one, "type", types[i].name) &&
             oddi_json_set_text(one, "label", describe_label(types[i].label));
        for (int p = 0; p < ODDI_PART_COUNT && ok; p++)
            ok = oddi_json_set_int(one, oddi_part_name((enum oddi_part)p),
                                   (int64_t)types[i].count[p]);
        ok = json_array_append_new(array, one) == 0 && ok;
    }
    return oddi_json_set(root, "types", array) && ok;
}

/* Appends text, whatever bytes it has: oddi_json_set_text repairs what is not UTF-8. */
static bool describe_append(json_t *array, const char *text)
{
    json_t *holder = json_object();
    bool ok = oddi_json_set_text(holder, "text", text) &&
              json_array_append(array, json_object_get(holder, "text")) == 0;
    json_decref(holder);
    return ok;
}

static bool describe_json_notes(const struct odd_dataset *ds, bool warnings, json_t *root)
{
    json_t *array = json_array();
    bool ok = array != NULL;
    for (size_t i = 0; i < ds->notes && ok; i++)
        if (ds->note[i].warning == warnings)
            ok = describe_append(array, ds->note[i].text);
    return oddi_json_set(root, warnings ? "warnings" : "notes", array) && ok;
}

static odd_status describe_json(const struct odd_dataset *ds, const struct describe_type *types,
                                size_t n, char **text)
{
    json_t *root = json_object();
    bool ok = oddi_json_set_text(root, "path", ds->root) &&
              oddi_json_set_text(root, "layout", ds->layout) &&
              oddi_json_set_text(root, "why", ds->why) &&
              oddi_json_set_int(root, "pictures", (int64_t)ds->count) &&
              oddi_json_set_int(root, "groups", ds->groups) &&
              oddi_json_set_int(root, "masks", (int64_t)describe_masks(ds)) &&
              oddi_json_set_bool(root, "split", ds->has_split) &&
              oddi_json_set_int(root, "split_seed", oddi_values_int(&ds->values, "split-seed")) &&
              oddi_json_set_text(root, "hold_out", oddi_values_text(&ds->values, "hold-out")) &&
              describe_json_parts(ds, root) && describe_json_types(types, n, root) &&
              describe_json_notes(ds, false, root) && describe_json_notes(ds, true, root);
    odd_status status = ok ? oddi_json_dump(ds->ctx, root, 0, text)
                           : oddi_fail(ds->ctx, ODD_ENOMEM, "describing %s as JSON", ds->root);
    json_decref(root);
    return status;
}

odd_status odd_dataset_describe(const struct odd_dataset *dataset, char **text, char **json)
{
    odd_status status = ODD_OK;
    struct describe_type *types = NULL;
    char *words = NULL, *object = NULL;
    size_t n = 0;
    TRY(describe_types(dataset, &types, &n));
    if (text)
        TRY(describe_text(dataset, types, n, &words));
    if (json)
        TRY(describe_json(dataset, types, n, &object));
    if (text)
        *text = words;
    if (json)
        *json = object;
    words = NULL;
out:
    oddi_free(dataset->ctx, words);
    oddi_free(dataset->ctx, types);
    return status;
}
