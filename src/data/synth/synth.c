/* SPDX-License-Identifier: Apache-2.0
 *
 * odd_synth: checks the options and writes a data set in MVTec's layout:
 *     train/good/000.png  test/good/000.png  test/DEFECT/000.png
 *     ground_truth/DEFECT/000_mask.png
 * Pictures are drawn in parallel by batches (a picture depends on its own numbers only) and
 * written one after another.
 */
#include "data/synth/synth.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/os.h"
#include "base/parallel.h"
#include "base/params.h"
#include "image/image.h"

#define SYNTH_BATCH 16
#define SYNTH_NAME 64

void oddi_synth_options_defaults(struct oddi_synth_options *o)
{
    *o = (struct oddi_synth_options){.kind = ODDI_SYNTH_WEAVE,
                                     .defects = (1u << ODDI_SYNTH_DEFECTS) - 1,
                                     .size = 128,
                                     .train = 200,
                                     .test_normal = 50,
                                     .per_defect = 20,
                                     .strength = 1};
}

/* ---- drawing ------------------------------------------------------------------------------- */

struct synth_batch {
    struct oddi_synth_which which; /* of its first picture */
    unsigned char *rgb, *masks;    /* SYNTH_BATCH of each */
};

static void synth_draw_one(void *arg, int64_t i)
{
    const struct synth_batch *b = arg;
    struct oddi_synth_which which = b->which;
    int64_t area = (int64_t)which.size * which.size;
    which.index += (int)i;
    oddi_synth_draw(&which, b->rgb + 3 * area * i, b->masks + area * i);
}

static odd_status synth_save(struct odd_context *ctx, const char *folder, const char *name,
                             unsigned char *data, const struct oddi_picture *shape)
{
    odd_status status = ODD_OK;
    struct oddi_picture picture = *shape;
    char *path = oddi_path_join(ctx, folder, name);
    if (path == NULL)
        return ODD_ENOMEM;
    picture.data = data;
    TRY(oddi_image_save_png(ctx, path, &picture));
out:
    oddi_free(ctx, path);
    return status;
}

/* Saves the drawn pictures of a batch, and their masks when `truth` is a folder. */
static odd_status synth_save_batch(struct odd_context *ctx, const struct synth_batch *b, int count,
                                   const char *folder, const char *truth)
{
    odd_status status = ODD_OK;
    int size = b->which.size;
    int64_t area = (int64_t)size * size;
    const struct oddi_picture rgb = {.width = size, .height = size, .bands = 3, .type = ODD_U8};
    struct oddi_picture mask = rgb;
    char name[SYNTH_NAME];
    mask.bands = 1;
    for (int i = 0; i < count; i++) {
        snprintf(name, sizeof(name), "%03d.png", b->which.index + i);
        TRY(synth_save(ctx, folder, name, b->rgb + 3 * area * i, &rgb));
        snprintf(name, sizeof(name), "%03d_mask.png", b->which.index + i);
        if (truth != NULL)
            TRY(synth_save(ctx, truth, name, b->masks + area * i, &mask));
    }
out:
    return status;
}

/* ---- parts of the set ---------------------------------------------------------------------- */

struct synth_job {
    const char *root;
    struct synth_batch batch;
    int done, total; /* pictures */
};

static odd_status synth_folder(struct odd_context *ctx, const char *root, const char *part,
                               const char *name, char **folder)
{
    odd_status status = ODD_OK;
    char *upper = oddi_path_join(ctx, root, part), *path = NULL;
    if (upper == NULL)
        return ODD_ENOMEM;
    path = oddi_path_join(ctx, upper, name);
    if (path == NULL) {
        status = ODD_ENOMEM;
        goto out;
    }
    TRY(oddi_make_folders(ctx, path));
    *folder = path;
    path = NULL;
out:
    oddi_free(ctx, path);
    oddi_free(ctx, upper);
    return status;
}

static odd_status synth_part(struct odd_context *ctx, struct synth_job *job, const char *part,
                             enum oddi_synth_defect defect, int count)
{
    odd_status status = ODD_OK;
    struct synth_batch *b = &job->batch;
    char *folder = NULL, *truth = NULL, text[96];
    const char *name = oddi_synth_defect_name(defect);
    b->which.defect = defect;
    b->which.part = defect != ODDI_SYNTH_NONE ? 2 + (int)defect : strcmp(part, "test") == 0;
    TRY(synth_folder(ctx, job->root, part, name, &folder));
    if (defect != ODDI_SYNTH_NONE)
        TRY(synth_folder(ctx, job->root, "ground_truth", name, &truth));
    for (int i = 0; i < count; i += SYNTH_BATCH) {
        int here = count - i < SYNTH_BATCH ? count - i : SYNTH_BATCH;
        TRY(oddi_check_cancel(ctx));
        b->which.index = i;
        oddi_parallel(ctx->threads, here, synth_draw_one, b);
        TRY(synth_save_batch(ctx, b, here, folder, truth));
        job->done += here;
        snprintf(text, sizeof(text), "{\"event\":\"pictures\",\"phase\":\"synth\",\"done\":%d,\"total\":%d}",
                 job->done, job->total);
        oddi_progress(ctx, text);
    }
out:
    oddi_free(ctx, folder);
    oddi_free(ctx, truth);
    return status;
}

static odd_status synth_check(struct odd_context *ctx, const struct oddi_synth_options *o)
{
    if ((unsigned)o->kind >= ODDI_SYNTH_KINDS || o->defects >> ODDI_SYNTH_DEFECTS != 0)
        return oddi_fail(ctx, ODD_EINVAL, "synth: unknown kind or defect");
    if (o->size < ODDI_SYNTH_MIN_SIZE || o->size > ODDI_SYNTH_MAX_SIZE)
        return oddi_fail(ctx, ODD_EINVAL, "synth: size %d, expected %d to %d", o->size,
                         ODDI_SYNTH_MIN_SIZE, ODDI_SYNTH_MAX_SIZE);
    if (o->train < 1 || o->test_normal < 0 || o->per_defect < 0)
        return oddi_fail(ctx, ODD_EINVAL, "synth: train %d, test-normal %d, per-defect %d",
                         o->train, o->test_normal, o->per_defect);
    if (!(o->strength >= 0.05 && o->strength <= 10))
        return oddi_fail(ctx, ODD_EINVAL, "synth: strength %g, expected 0.05 to 10", o->strength);
    return ODD_OK;
}

/* A second set over a first one would leave a mixture of both. */
static odd_status synth_check_empty(struct odd_context *ctx, const char *folder)
{
    static const char *const parts[] = {"train", "test", "ground_truth"};
    for (size_t i = 0; i < ODDI_COUNT(parts); i++) {
        struct oddi_stat st = {.kind = ODDI_FILE_NONE};
        char *path = oddi_path_join(ctx, folder, parts[i]);
        if (path == NULL)
            return ODD_ENOMEM;
        int error = oddi_os_stat(path, &st);
        oddi_free(ctx, path);
        if (error == 0 && st.kind != ODDI_FILE_NONE)
            return oddi_fail(ctx, ODD_EINVAL, "writing a synthetic set to %s: it already has '%s'",
                             folder, parts[i]);
    }
    return ODD_OK;
}

odd_status oddi_synth_write(struct odd_context *ctx, const char *folder,
                            const struct oddi_synth_options *o)
{
    odd_status status = ODD_OK;
    struct synth_job job = {.root = folder, .total = o->train + o->test_normal};
    TRY(synth_check(ctx, o));
    TRY(synth_check_empty(ctx, folder));
    size_t area = (size_t)o->size * (size_t)o->size;
    job.batch.which = (struct oddi_synth_which){
        .kind = o->kind, .seed = o->seed, .size = o->size, .strength = o->strength};
    for (int d = 0; d < ODDI_SYNTH_DEFECTS; d++)
        job.total += o->defects >> d & 1u ? o->per_defect : 0;
    job.batch.rgb = oddi_alloc_array(ctx, 3 * SYNTH_BATCH, area);
    job.batch.masks = oddi_alloc_array(ctx, SYNTH_BATCH, area);
    if (job.batch.rgb == NULL || job.batch.masks == NULL) {
        status = ODD_ENOMEM;
        goto out;
    }
    TRY(synth_part(ctx, &job, "train", ODDI_SYNTH_NONE, o->train));
    if (o->test_normal > 0)
        TRY(synth_part(ctx, &job, "test", ODDI_SYNTH_NONE, o->test_normal));
    for (int d = 0; d < ODDI_SYNTH_DEFECTS; d++)
        if ((o->defects >> d & 1u) != 0 && o->per_defect > 0)
            TRY(synth_part(ctx, &job, "test", (enum oddi_synth_defect)d, o->per_defect));
out:
    oddi_free(ctx, job.batch.rgb);
    oddi_free(ctx, job.batch.masks);
    return status;
}

/* ---- options ------------------------------------------------------------------------------- */

static const struct oddi_param synth_params[] = {
    P_ENUM("kind", "weave", "weave|wood|speckle|parts", NULL, "what is pictured"),
    P_TEXT("defects", "scratch,spot,bent,missing,contamination", NULL,
           "kinds of damage in the test part, separated by commas"),
    P_INT("seed", "0", 0, 4294967295.0, NULL, "another seed, another set"),
    P_INT("size", "128", ODDI_SYNTH_MIN_SIZE, ODDI_SYNTH_MAX_SIZE, NULL, "side in pixels"),
    P_INT("train", "200", 1, 100000, NULL, "normal pictures to train on"),
    P_INT("test-normal", "50", 0, 100000, NULL, "normal pictures in the test part"),
    P_INT("per-defect", "20", 0, 100000, NULL, "damaged pictures of each kind"),
    P_FLOAT("strength", "1", 0.05, 10, NULL, "how strong the damage is"),
    P_END};

static odd_status synth_parse_defects(struct odd_context *ctx, const char *text, unsigned *defects)
{
    unsigned found = 0;
    const char *at = text;
    while (at != NULL) {
        size_t length = strcspn(at, ",");
        int d = 0;
        while (d < ODDI_SYNTH_DEFECTS &&
               (strlen(oddi_synth_defect_name((enum oddi_synth_defect)d)) != length ||
                strncmp(oddi_synth_defect_name((enum oddi_synth_defect)d), at, length) != 0))
            d++;
        if (d == ODDI_SYNTH_DEFECTS)
            return oddi_fail(ctx, ODD_ECONFIG,
                             "defects: unknown '%.*s'; there are scratch, spot, bent, missing and "
                             "contamination",
                             (int)(length > 100 ? 100 : length), at);
        found |= 1u << d;
        at = at[length] == ',' ? at + length + 1 : NULL;
    }
    *defects = found;
    return ODD_OK;
}

static odd_status synth_read_options(struct odd_context *ctx, const struct odd_options *options,
                                     struct oddi_values *v, struct oddi_synth_options *o)
{
    odd_status status = ODD_OK;
    for (size_t i = 0; options != NULL && i < options->count; i++)
        TRY(oddi_values_set(v, options->item[i].name, options->item[i].value, "set"));
    for (int k = 0; k < ODDI_SYNTH_KINDS; k++)
        if (oddi_values_is(v, "kind", oddi_synth_kind_name((enum oddi_synth_kind)k)))
            o->kind = (enum oddi_synth_kind)k;
    TRY(synth_parse_defects(ctx, oddi_values_text(v, "defects"), &o->defects));
    o->seed = (uint64_t)oddi_values_int(v, "seed");
    o->size = (int)oddi_values_int(v, "size");
    o->train = (int)oddi_values_int(v, "train");
    o->test_normal = (int)oddi_values_int(v, "test-normal");
    o->per_defect = (int)oddi_values_int(v, "per-defect");
    o->strength = oddi_values_float(v, "strength");
out:
    return status;
}

odd_status odd_synth(struct odd_context *ctx, const char *folder,
                     const struct odd_options *options)
{
    static const struct oddi_param *const tables[] = {synth_params, NULL};
    odd_status status = ODD_OK;
    struct oddi_synth_options o;
    if (ctx == NULL)
        return ODD_EINVAL;
    if (folder == NULL || folder[0] == '\0')
        return oddi_fail(ctx, ODD_EINVAL, "synth: no folder given");
    struct oddi_values *values = oddi_calloc(ctx, 1, sizeof(*values));
    if (values == NULL)
        return ODD_ENOMEM;
    oddi_synth_options_defaults(&o);
    TRY(oddi_values_init(values, ctx, tables));
    TRY(synth_read_options(ctx, options, values, &o));
    TRY(oddi_synth_write(ctx, folder, &o));
out:
    oddi_values_release(values);
    oddi_free(ctx, values);
    return status;
}
