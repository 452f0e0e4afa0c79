/* SPDX-License-Identifier: Apache-2.0
 *
 * Layout `classes`: one folder per class, with or without train/ and test/ above. The option
 * `normal` names the normal class or classes; a class called good, normal or ok needs no naming.
 *
 * In a class folder a second picture of the same stem and another file type is that picture's
 * mask (x.jpg with x.png); it is never loaded as a picture. The lossy one of the two is the
 * picture, since masks are not kept lossy. Where few pictures of a class have such a second one,
 * the two are looked at: of another size it is no mask, and left out. Pictures may lie one folder
 * deeper (class/Imgs/x.jpg) when the class folder holds nothing but that folder.
 */
#include <stdio.h>
#include <string.h>

#include "data/layout.h"
#include "image/image.h"

struct classes_state {
    struct odd_dataset *ds;
    char normal[1024];    /* the list of normal classes */
    size_t masks, nested; /* pictures that have one; classes read one folder deeper */
    size_t odd_masks;     /* those of classes where fewer than half of the pictures have one */
    const char *odd_mask; /* the first of them */
    size_t no_masks;      /* of these, not of their picture's size */
    const char *no_mask;  /* the first of them */
    size_t ignored;       /* files that are not pictures */
};

/* --- which folders are classes --- */

static bool classes_is_part(const struct oddi_entry *e)
{
    return e->kind == ODDI_FILE_FOLDER && (!strcmp(e->name, "train") || !strcmp(e->name, "test"));
}

/* Whether any folder in `folder` holds pictures, directly or one folder deeper. */
static odd_status classes_count(struct odd_context *ctx, const char *folder, int depth,
                                size_t *with_pictures)
{
    odd_status status = ODD_OK;
    struct oddi_listing list = {0};
    char *path = NULL;
    TRY(oddi_listing_read(ctx, folder, &list));
    for (size_t i = 0; i < list.count; i++) {
        struct oddi_listing inner = {0};
        size_t deeper = 0;
        if (list.entry[i].kind != ODDI_FILE_FOLDER)
            continue;
        path = oddi_path_join(ctx, folder, list.entry[i].name);
        if (!path)
            TRY(ODD_ENOMEM);
        status = oddi_listing_read(ctx, path, &inner);
        bool direct = inner.pictures > 0, single = inner.folders == 1;
        oddi_listing_release(&inner);
        if (status == ODD_OK && !direct && single && depth > 0)
            status = classes_count(ctx, path, depth - 1, &deeper);
        oddi_free(ctx, path);
        TRY(status);
        *with_pictures += direct || deeper;
    }
out:
    oddi_listing_release(&list);
    return status;
}

static odd_status classes_probe(const struct oddi_place *place, struct oddi_probe *probe)
{
    odd_status status = ODD_OK;
    size_t classes = 0, in_parts = 0;
    for (size_t i = 0; i < place->top.count; i++) {
        if (!classes_is_part(&place->top.entry[i]))
            continue;
        char *path = oddi_path_join(place->ctx, place->path, place->top.entry[i].name);
        if (!path)
            return ODD_ENOMEM;
        status = classes_count(place->ctx, path, 1, &in_parts);
        oddi_free(place->ctx, path);
        TRY(status);
    }
    if (!in_parts && place->is_folder)
        TRY(classes_count(place->ctx, place->path, 1, &classes));
    if (in_parts || classes) {
        probe->score = in_parts ? 70 : 60;
        snprintf(probe->why, sizeof(probe->why), "it has %zu folders of pictures%s",
                 in_parts + classes, in_parts ? " under train and test" : "");
    }
out:
    return status;
}

/* --- one class --- */

static bool classes_same_stem(const char *a, const char *b)
{
    size_t n = oddi_stem_length(a);
    return n == oddi_stem_length(b) && !memcmp(a, b, n);
}

/* Of two pictures of one stem, true when `b` is the mask of `a`; both orders may be false. */
static bool classes_is_mask_of(const char *a, const char *b)
{
    const char *x = oddi_picture_kind(a), *y = oddi_picture_kind(b);
    if (!x || !y || !strcmp(x, y))
        return false;
    if (!strcmp(x, "jpg"))
        return true;
    return strcmp(y, "jpg") != 0 && !strcmp(y, "png");
}

/* Looks among the entries of one stem (sorted names keep them together, up to names such as
 * "x-1.png" that sort between "x" and "x."). *role: 'p' a picture, 'm' a mask, '?' cannot tell. */
static char classes_role(const struct oddi_listing *list, size_t at, const char **mask)
{
    const char *name = list->entry[at].name;
    size_t stem = oddi_stem_length(name);
    char role = 'p';
    size_t first = at, last = at + 1;
    *mask = NULL;
    while (first > 0 && !strncmp(list->entry[first - 1].name, name, stem))
        first--;
    while (last < list->count && !strncmp(list->entry[last].name, name, stem))
        last++;
    for (size_t i = first; i < last; i++) {
        const char *other = list->entry[i].name;
        if (i == at || !list->entry[i].picture || !classes_same_stem(name, other))
            continue;
        if (!strcmp(oddi_picture_kind(name), oddi_picture_kind(other)))
            continue;
        if (classes_is_mask_of(other, name))
            return 'm';
        if (!classes_is_mask_of(name, other) || *mask)
            role = '?';
        *mask = other;
    }
    return role;
}

/* Takes the masks of samples first.. that are not of their picture's size away. What cannot be
 * looked at stays: loading it will say why. */
static odd_status classes_look(struct classes_state *s, size_t first)
{
    struct odd_dataset *ds = s->ds;
    for (size_t i = first; i < ds->count; i++) {
        struct oddi_sample *sample = &ds->sample[i];
        struct oddi_image_info picture, mask;
        if (!sample->mask)
            continue;
        odd_status status = oddi_image_probe(ds->ctx, sample->path, &picture);
        if (status == ODD_OK)
            status = oddi_image_probe(ds->ctx, sample->mask, &mask);
        if (status == ODD_ENOMEM)
            return status;
        if (status != ODD_OK || (picture.width == mask.width && picture.height == mask.height))
            continue;
        s->no_mask = s->no_mask ? s->no_mask : sample->mask;
        s->no_masks++;
        s->masks--;
        sample->mask = NULL;
    }
    return ODD_OK;
}

static odd_status classes_add(struct classes_state *s, const char *folder,
                              const struct oddi_listing *list, struct oddi_sample *sample)
{
    odd_status status = ODD_OK;
    struct odd_dataset *ds = s->ds;
    size_t before = s->masks, first = ds->count;
    for (size_t i = 0; i < list->count; i++) {
        const char *mask = NULL, *name = list->entry[i].name;
        if (!list->entry[i].picture) {
            s->ignored += list->entry[i].kind != ODDI_FILE_FOLDER;
            continue;
        }
        char role = classes_role(list, i, &mask);
        if (role == '?')
            return oddi_fail(ds->ctx, ODD_EFORMAT,
                             "%s/%s and %s: cannot tell which is the picture and which the mask "
                             "(expected a .jpg with a .png, or another type with a .png)",
                             folder, name, mask);
        if (role == 'm')
            continue;
        sample->path = oddi_arena_printf(&ds->arena, "%s/%s", folder, name);
        sample->mask = mask ? oddi_arena_printf(&ds->arena, "%s/%s", folder, mask) : NULL;
        if (!sample->path || (mask && !sample->mask))
            return ODD_ENOMEM;
        s->masks += mask != NULL;
        TRY(oddi_dataset_add(ds, sample));
    }
    if (2 * (s->masks - before) < ds->count - first) {
        TRY(classes_look(s, first));
        s->odd_masks += s->masks - before;
        for (size_t i = first; i < ds->count && !s->odd_mask; i++)
            s->odd_mask = ds->sample[i].mask;
    }
out:
    return status;
}

/* Reads parent/name; a folder with no pictures and one folder inside stands for the inner one. */
static odd_status classes_read_one(struct classes_state *s, const char *parent, const char *name,
                                   enum oddi_part part)
{
    odd_status status = ODD_OK;
    struct odd_dataset *ds = s->ds;
    struct oddi_listing list = {0};
    struct oddi_sample sample = {.type = name, .container = -1, .part = part};
    const char *folder = oddi_arena_printf(&ds->arena, "%s/%s", parent, name);
    if (!folder)
        return ODD_ENOMEM;
    sample.label = oddi_list_has(s->normal, name) ? ODDI_LABEL_NORMAL : ODDI_LABEL_ANOMALOUS;
    TRY(oddi_listing_read(ds->ctx, folder, &list));
    if (!list.pictures && list.folders == 1) {
        const char *inner = NULL;
        for (size_t i = 0; i < list.count; i++)
            if (list.entry[i].kind == ODDI_FILE_FOLDER)
                inner = list.entry[i].name;
        folder = oddi_arena_printf(&ds->arena, "%s/%s", folder, inner);
        if (!folder)
            TRY(ODD_ENOMEM);
        oddi_listing_release(&list);
        TRY(oddi_listing_read(ds->ctx, folder, &list));
        s->nested += list.pictures > 0;
    }
    TRY(classes_add(s, folder, &list, &sample));
out:
    oddi_listing_release(&list);
    return status;
}

static odd_status classes_read_folder(struct classes_state *s, const char *folder,
                                      enum oddi_part part)
{
    odd_status status = ODD_OK;
    struct oddi_listing list = {0};
    TRY(oddi_listing_read(s->ds->ctx, folder, &list));
    for (size_t i = 0; i < list.count; i++)
        if (list.entry[i].kind == ODDI_FILE_FOLDER)
            TRY(classes_read_one(s, folder, list.entry[i].name, part));
out:
    oddi_listing_release(&list);
    return status;
}

/* --- which classes are normal --- */

/* Appends `name` to the list of classes seen, for messages; a long list is cut. */
static void classes_remember(char *text, size_t size, const char *name)
{
    size_t used = strlen(text);
    if (!oddi_list_has(text, name) && used + strlen(name) + 3 < size)
        snprintf(text + used, size - used, "%s%s", used ? ", " : "", name);
}

/* The class names in one folder into `seen`, and those normal without being named into s->normal.
 */
static odd_status classes_see(struct classes_state *s, const char *folder, bool guess, char *seen,
                              size_t size)
{
    static const char *const usual = "good,normal,ok";
    odd_status status = ODD_OK;
    struct oddi_listing list = {0};
    TRY(oddi_listing_read(s->ds->ctx, folder, &list));
    for (size_t i = 0; i < list.count; i++) {
        if (list.entry[i].kind != ODDI_FILE_FOLDER)
            continue;
        classes_remember(seen, size, list.entry[i].name);
        if (guess && oddi_list_has(usual, list.entry[i].name))
            classes_remember(s->normal, sizeof(s->normal), list.entry[i].name);
    }
out:
    oddi_listing_release(&list);
    return status;
}

static odd_status classes_check_normal(struct classes_state *s, bool given, const char *seen)
{
    char item[256];
    const char *cursor = s->normal;
    if (!s->normal[0])
        return oddi_fail(s->ds->ctx, ODD_ECONFIG,
                         "%s has a folder per class; say which is normal, as in normal=CLASS "
                         "(classes: %s)",
                         s->ds->root, seen);
    while (given && oddi_list_next(&cursor, item, sizeof(item)))
        if (!oddi_list_has(seen, item))
            return oddi_fail(s->ds->ctx, ODD_ECONFIG, "normal: %s has no class '%s' (classes: %s)",
                             s->ds->root, item, seen);
    if (!given)
        return oddi_dataset_note(s->ds, false, "normal class: %s, by its name", s->normal);
    return ODD_OK;
}

static odd_status classes_report(struct classes_state *s)
{
    odd_status status = ODD_OK;
    if (s->masks)
        TRY(oddi_dataset_note(s->ds, false,
                              "%zu pictures have a second picture of the same stem and another "
                              "file type: those are taken as masks, not as pictures",
                              s->masks));
    if (s->odd_masks)
        TRY(oddi_dataset_note(s->ds, true,
                              "%zu of these masks are in classes whose other pictures mostly have "
                              "none, such as %s: rename them if they are pictures",
                              s->odd_masks, s->odd_mask));
    if (s->no_masks)
        TRY(oddi_dataset_note(s->ds, true,
                              "%zu pictures have the stem of another one but not its size, such as "
                              "%s: no masks, and left out; rename them if they are pictures",
                              s->no_masks, s->no_mask));
    if (s->nested)
        TRY(oddi_dataset_note(s->ds, false, "%zu classes keep their pictures one folder deeper",
                              s->nested));
    if (s->ignored)
        TRY(oddi_dataset_note(s->ds, false, "%zu other files are not pictures by their names",
                              s->ignored));
out:
    return status;
}

static odd_status classes_read(struct odd_dataset *ds, const struct oddi_place *place)
{
    odd_status status = ODD_OK;
    struct classes_state s = {.ds = ds};
    const char *folder[2] = {ds->root, NULL}, *normal = oddi_values_text(&ds->values, "normal");
    enum oddi_part part[2] = {ODDI_PART_UNUSED, ODDI_PART_UNUSED};
    char seen[1024] = "";
    int folders = 0;
    for (size_t i = 0; i < place->top.count && folders < 2; i++) {
        if (!classes_is_part(&place->top.entry[i]))
            continue;
        const char *name = place->top.entry[i].name;
        part[folders] = !strcmp(name, "train") ? ODDI_PART_TRAIN : ODDI_PART_TEST;
        folder[folders] = oddi_arena_printf(&ds->arena, "%s/%s", ds->root, name);
        if (!folder[folders++])
            return ODD_ENOMEM;
    }
    ds->has_split = folders > 0;
    folders += !folders;
    if (strlen(normal) >= sizeof(s.normal))
        return oddi_fail(ds->ctx, ODD_ECONFIG, "normal: more than %zu bytes", sizeof(s.normal));
    snprintf(s.normal, sizeof(s.normal), "%s", normal);
    for (int i = 0; i < folders; i++)
        TRY(classes_see(&s, folder[i], !normal[0], seen, sizeof(seen)));
    TRY(classes_check_normal(&s, normal[0] != '\0', seen));
    for (int i = 0; i < folders; i++)
        TRY(classes_read_folder(&s, folder[i], part[i]));
    TRY(classes_report(&s));
out:
    return status;
}

const struct oddi_layout oddi_layout_classes = {
    .name = "classes",
    .help = "one folder per class, also under train and test; normal=CLASS[,CLASS]",
    .probe = classes_probe,
    .read = classes_read,
};
