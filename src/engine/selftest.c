/* SPDX-License-Identifier: Apache-2.0
 *
 * Making, storing and checking self-test vectors (selftest.h). The check is exact where the build,
 * the vendor's version, the instruction set and the plan's list of kernels all equal the stored
 * ones; elsewhere a score may differ by the stored tolerance, relative to the largest stored score.
 */
#include "engine/selftest.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/rng.h"

#define SELFTEST_WAVES 6
#define SELFTEST_TOLERANCE 2e-3
#define SELFTEST_NAME 48

struct selftest_wave {
    double fx, fy, phase, height;
};

static double selftest_value(const struct selftest_wave *wave, double x, double y)
{
    double v = 0.5;
    for (int k = 0; k < SELFTEST_WAVES; k++)
        v += wave[k].height * sin(wave[k].fx * x + wave[k].fy * y + wave[k].phase);
    return v < 0 ? 0 : v > 1 ? 1 : v;
}

odd_status oddi_selftest_picture(struct odd_context *ctx, const struct oddi_geometry *in, int i,
                                 struct oddi_picture **picture)
{
    struct oddi_picture *p = NULL;
    const int64_t w = in->width * 11 / 8 + 3, h = in->height * 9 / 8 + 5;
    odd_status status = oddi_picture_new(ctx, w, h, (int)in->channels, ODD_U8, &p);
    if (status != ODD_OK)
        return status;
    unsigned char *at = p->data;
    for (int b = 0; b < p->bands; b++) {
        struct selftest_wave wave[SELFTEST_WAVES];
        struct oddi_rng rng;
        oddi_rng_init(&rng, 1, ODDI_RNG_SELFTEST, (uint64_t)i, (uint64_t)b);
        for (int k = 0; k < SELFTEST_WAVES; k++)
            wave[k] = (struct selftest_wave){(double)oddi_rng_range(&rng, -0.4f, 0.4f),
                                             (double)oddi_rng_range(&rng, -0.4f, 0.4f),
                                             (double)oddi_rng_range(&rng, 0.0f, 6.28f), 0.15};
        for (int64_t y = 0; y < h; y++)
            for (int64_t x = 0; x < w; x++)
                at[(y * w + x) * p->bands + b] =
                    (unsigned char)(255.0 * selftest_value(wave, (double)x, (double)y) + 0.5);
    }
    *picture = p;
    return ODD_OK;
}

/* {"version","compiler","isa","vendor","kernels"} */
static odd_status selftest_describe(struct odd_context *ctx, const struct odd_scorer *s,
                                    json_t **build)
{
    char kernels[32], vendor[ODDI_VENDOR_TEXT];
    json_t *b = json_object();
    oddi_host_vendor(vendor);
    snprintf(kernels, sizeof(kernels), "%016llx",
             (unsigned long long)oddi_plan_kernels_hash(s->plan));
    bool good = oddi_json_set_text(b, "version", ODDITY_VERSION) &&
                oddi_json_set_text(b, "compiler", __VERSION__) &&
                oddi_json_set_text(b, "isa", oddi_host_isa()) &&
                oddi_json_set_text(b, "vendor", vendor) &&
                oddi_json_set_text(b, "kernels", kernels);
    if (!good) {
        json_decref(b);
        return oddi_fail(ctx, ODD_ENOMEM, "out of memory");
    }
    *build = b;
    return ODD_OK;
}

odd_status oddi_selftest_build(struct odd_context *ctx, const struct odd_model *m, json_t **build)
{
    struct odd_scorer *s = NULL;
    odd_status status = oddi_scorer_make(ctx, m, ctx->threads, &s);
    if (status == ODD_OK)
        status = selftest_describe(ctx, s, build);
    odd_scorer_free(s);
    return status;
}

odd_status oddi_selftest_add(struct odd_context *ctx, struct odd_model *m)
{
    odd_status status = ODD_OK;
    struct odd_scorer *s = NULL;
    struct oddi_picture *p = NULL;
    double answer[2][ODDI_SELFTEST_PICTURES]; /* scores, maxima of the maps */
    TRY(oddi_scorer_make(ctx, m, ctx->threads, &s));
    for (int i = 0; i < ODDI_SELFTEST_PICTURES; i++) {
        struct oddi_scored scored;
        char name[SELFTEST_NAME];
        TRY(oddi_selftest_picture(ctx, &m->in, i, &p));
        TRY(oddi_scorer_run(s, p, &scored));
        answer[0][i] = scored.score;
        answer[1][i] = scored.maximum;
        const struct oddi_shape shape = oddi_shape_make(3, p->height, p->width, p->bands, 1);
        snprintf(name, sizeof(name), "selftest.%d.image", i);
        TRY(oddi_model_file_add_copy(&m->file, name, ODDI_U8, &shape, p->data));
        oddi_picture_free(ctx, p);
        p = NULL;
    }
    const struct oddi_shape shape = oddi_shape_make(2, 2, ODDI_SELFTEST_PICTURES, 1, 1);
    TRY(oddi_model_file_add_copy(&m->file, "selftest.answers", ODDI_F64, &shape, answer));
out:
    oddi_picture_free(ctx, p);
    odd_scorer_free(s);
    return status;
}

/* ---- checking ------------------------------------------------------------------------------ */

struct selftest_check {
    double largest_difference, largest_answer;
    int pictures;
};

static odd_status selftest_stored(struct odd_context *ctx, const struct odd_model *m, int i,
                                  struct oddi_picture **picture)
{
    char name[SELFTEST_NAME];
    snprintf(name, sizeof(name), "selftest.%d.image", i);
    const struct oddi_stored *t = oddi_model_file_find(&m->file, name);
    if (!t || t->type != ODDI_U8 || t->shape.rank != 3 || t->shape.dim[2] != m->in.channels)
        return oddi_fail(ctx, ODD_EFORMAT, "the model's self-test picture %d is missing or damaged",
                         i);
    odd_status status = oddi_picture_new(ctx, t->shape.dim[1], t->shape.dim[0],
                                         (int)t->shape.dim[2], ODD_U8, picture);
    if (status == ODD_OK)
        memcpy((*picture)->data, t->data, t->size);
    return status;
}

static odd_status selftest_compare(struct odd_context *ctx, const struct odd_model *m,
                                   struct odd_scorer *s, struct selftest_check *check)
{
    const struct oddi_stored *answers = oddi_model_file_find(&m->file, "selftest.answers");
    if (!answers || answers->type != ODDI_F64 || answers->shape.rank != 2 ||
        answers->shape.dim[0] != 2 || answers->shape.dim[1] > 64)
        return oddi_fail(ctx, ODD_EFORMAT, "the model has no self-test answers");
    const double *answer = answers->data;
    const int n = (int)answers->shape.dim[1];
    for (int i = 0; i < 2 * n; i++)
        if (!isfinite(answer[i])) /* a comparison with it would say nothing */
            return oddi_fail(ctx, ODD_EFORMAT, "the model's self-test answers are damaged");
    for (int i = 0; i < n; i++) {
        struct oddi_picture *p = NULL;
        struct oddi_scored scored;
        odd_status status = selftest_stored(ctx, m, i, &p);
        if (status == ODD_OK)
            status = oddi_scorer_run(s, p, &scored);
        oddi_picture_free(ctx, p);
        if (status != ODD_OK)
            return status;
        const double d = fmax(fabs(scored.score - answer[i]), fabs(scored.maximum - answer[n + i]));
        check->largest_difference = fmax(check->largest_difference, d);
        check->largest_answer =
            fmax(check->largest_answer, fmax(fabs(answer[i]), fabs(answer[n + i])));
        check->pictures++;
    }
    return ODD_OK;
}

/* Keys of the build description that differ, as a JSON array. */
static json_t *selftest_differs(const json_t *stored, const json_t *here)
{
    const char *key;
    json_t *value, *list = json_array();
    json_object_foreach((json_t *)here, key,
                        value) if (!json_equal(value, json_object_get(stored, key)))
        json_array_append_new(list, json_string(key));
    return list;
}

static odd_status selftest_report(struct odd_context *ctx, const struct selftest_check *c,
                                  json_t *differs, char **json)
{
    const bool expected = json_array_size(differs) == 0, exact = c->largest_difference == 0.0;
    const double tolerance = SELFTEST_TOLERANCE * c->largest_answer;
    const bool ok = exact || (!expected && c->largest_difference <= tolerance);
    char *text = NULL;
    json_t *r = json_object();
    oddi_json_set_bool(r, "ok", ok);
    oddi_json_set_bool(r, "exact", exact);
    oddi_json_set_bool(r, "expected_exact", expected);
    oddi_json_set_int(r, "pictures", c->pictures);
    oddi_json_set_real(r, "max_difference", c->largest_difference);
    oddi_json_set_real(r, "tolerance", expected ? 0.0 : tolerance);
    oddi_json_set(r, "differs", json_incref(differs));
    odd_status status = oddi_json_dump(ctx, r, 0, &text);
    json_decref(r);
    if (status != ODD_OK)
        return status;
    if (json)
        *json = text;
    else
        oddi_free(ctx, text);
    if (ok)
        return ODD_OK;
    return oddi_fail(ctx, ODD_EMISMATCH, "the self-test differs by %g where %s was expected",
                     c->largest_difference, expected ? "the same bits" : "less than the tolerance");
}

odd_status odd_model_verify(struct odd_context *ctx, struct odd_model *model, char **json)
{
    if (!ctx || !model)
        return oddi_fail(ctx, ODD_EINVAL, "verifying needs a context and a model");
    odd_status status = ODD_OK;
    struct odd_scorer *s = NULL;
    struct selftest_check check = {0};
    json_t *here = NULL, *differs = NULL;
    TRY(oddi_scorer_make(ctx, model, ctx->threads, &s));
    TRY(selftest_describe(ctx, s, &here));
    TRY(selftest_compare(ctx, model, s, &check));
    differs = selftest_differs(json_object_get(model->json, "build"), here);
    if (!differs) {
        status = oddi_fail(ctx, ODD_ENOMEM, "out of memory");
        goto out;
    }
    status = selftest_report(ctx, &check, differs, json);
out:
    json_decref(here);
    json_decref(differs);
    odd_scorer_free(s);
    return status;
}
