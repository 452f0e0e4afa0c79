/* SPDX-License-Identifier: Apache-2.0
 *
 * Groups: which pictures belong together (one patient, part or lot). They come from the list's
 * column `group` or from the option `group`, an extended regular expression whose first capture
 * (or whole match, without one) on the picture's path below the data's root is the group.
 * Groups get dense numbers in the order of their first picture.
 */
#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "data/splits.h"

static const char *groups_relative(const struct odd_dataset *ds, const char *path)
{
    size_t n = strlen(ds->root);
    return !strncmp(path, ds->root, n) && path[n] == '/' ? path + n + 1 : path;
}

static odd_status groups_match(struct odd_dataset *ds, const regex_t *regex)
{
    for (size_t i = 0; i < ds->count; i++) {
        struct oddi_sample *s = &ds->sample[i];
        const char *path = groups_relative(ds, s->path);
        regmatch_t match[2];
        if (regexec(regex, path, 2, match, 0) != 0)
            return oddi_fail(ds->ctx, ODD_ECONFIG,
                             "group: '%s' does not match the path %s; every picture needs a group",
                             oddi_values_text(&ds->values, "group"), path);
        int which = regex->re_nsub > 0 && match[1].rm_so >= 0;
        s->group =
            oddi_arena_printf(&ds->arena, "%.*s", (int)(match[which].rm_eo - match[which].rm_so),
                              path + match[which].rm_so);
        if (!s->group)
            return ODD_ENOMEM;
    }
    return ODD_OK;
}

static odd_status groups_from_paths(struct odd_dataset *ds, const char *pattern)
{
    regex_t regex;
    char why[256];
    int error = regcomp(&regex, pattern, REG_EXTENDED);
    if (error == REG_ESPACE)
        return oddi_fail(ds->ctx, ODD_ENOMEM, "group: out of memory for '%s'", pattern);
    if (error) {
        regerror(error, &regex, why, sizeof(why));
        return oddi_fail(ds->ctx, ODD_ECONFIG, "group: '%s': %s", pattern, why);
    }
    odd_status status = groups_match(ds, &regex);
    regfree(&regex);
    return status;
}

struct groups_key {
    const char *text;
    size_t index;
};

static int groups_compare(const void *a, const void *b)
{
    const struct groups_key *x = a, *y = b;
    int order = strcmp(x->text, y->text);
    return order ? order : (x->index > y->index) - (x->index < y->index);
}

odd_status oddi_dataset_group(struct odd_dataset *ds)
{
    odd_status status = ODD_OK;
    const char *pattern = oddi_values_text(&ds->values, "group");
    struct groups_key *key = NULL;
    size_t keys = 0;
    if (pattern[0])
        TRY(groups_from_paths(ds, pattern));
    key = oddi_alloc_array(ds->ctx, ds->count + 1, sizeof(*key));
    if (!key)
        return ODD_ENOMEM;
    for (size_t i = 0; i < ds->count; i++) {
        ds->sample[i].group_id = (int64_t)i; /* for now, the first picture of its group */
        if (ds->sample[i].group)
            key[keys++] = (struct groups_key){ds->sample[i].group, i};
    }
    if (keys)
        qsort(key, keys, sizeof(*key), groups_compare);
    for (size_t i = 1; i < keys; i++)
        if (!strcmp(key[i].text, key[i - 1].text))
            ds->sample[key[i].index].group_id = ds->sample[key[i - 1].index].group_id;
    ds->groups = 0;
    for (size_t i = 0; i < ds->count; i++) {
        size_t first = (size_t)ds->sample[i].group_id;
        ds->sample[i].group_id = first == i ? ds->groups++ : ds->sample[first].group_id;
    }
out:
    oddi_free(ds->ctx, key);
    return status;
}
